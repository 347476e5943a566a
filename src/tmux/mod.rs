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
mod owner;
pub mod paths;
pub mod pipe;
pub mod script;
pub mod tail;
pub mod typing;

pub use client::{CallAnswer, CallFault, Client};
pub use direct::Access;
pub use nonce::nonce;
pub use owner::{OWN_FOLDER, SocketRefusal, check_place};
