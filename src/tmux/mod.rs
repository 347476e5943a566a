//! The only room that speaks tmux.

mod client;
pub mod labels;

pub use client::{Answer, CallFault, Client};
