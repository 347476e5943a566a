//! Cases written in TOML: a town, what was seen, and the exact pages that follow.

mod goldens;
mod manifest_fields;
pub(crate) mod situation_file;
