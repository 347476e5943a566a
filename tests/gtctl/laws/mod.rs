//! Laws: what is true of every plan, of the source code, and of the documents.

mod documents;
mod floors;
mod names;
mod plan;
pub(crate) mod situations;
mod source;
