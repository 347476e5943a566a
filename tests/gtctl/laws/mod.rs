//! What holds of every plan, and of the code and the documents themselves.

mod documents;
mod floors;
mod names;
mod plan;
pub(crate) mod situations;
mod source;
