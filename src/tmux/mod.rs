//! The only room that speaks tmux.

mod client;
pub mod fence;
pub mod labels;
pub mod ops;
pub mod script;

pub use client::{Answer, CallFault, Client};
