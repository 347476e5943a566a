//! The only room that speaks tmux.

mod client;
pub mod labels;
pub mod list;
mod nonce;
pub mod paths;
pub mod tail;

pub use client::{Answer, CallFault, Client};
