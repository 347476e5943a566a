//! The only room that speaks tmux.

mod client;

pub use client::{Answer, CallFault, Client};
