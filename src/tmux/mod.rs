//! The only room that speaks tmux.

mod client;
mod direct;
pub mod fence;
mod frame;
mod held;
pub mod labels;
pub mod list;
mod nonce;
pub mod ops;
pub mod paths;
pub mod pipe;
pub mod script;
pub mod tail;
pub mod typing;

pub use client::{Answer, CallFault, Client, Listed, SCRUBBED};
pub use direct::Purpose;
