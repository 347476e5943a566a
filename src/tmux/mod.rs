//! The only room that speaks tmux.

mod client;
pub mod fence;
pub mod labels;
pub mod list;
mod nonce;
pub mod ops;
pub mod paths;
pub mod pipe;
pub mod script;
pub mod tail;

pub use client::{Answer, CallFault, Client, SCRUBBED};
