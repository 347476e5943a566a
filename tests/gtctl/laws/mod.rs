//! Laws: what is true of every plan, of the source code, and of the documents.

mod documents;
mod floors;
mod forecast;
mod help;
mod names;
mod plan;
mod reference;
pub(crate) mod situations;
mod snippets;
mod source;
