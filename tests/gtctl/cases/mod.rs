//! Cases in TOML: a town, what was seen of it, and the exact pages that follow.

mod goldens;
mod manifest_fields;
pub(crate) mod situation_file;
mod top;

pub(crate) use goldens::HOLDS;
