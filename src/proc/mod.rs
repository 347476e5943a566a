//! Processes and clocks, by `/proc` and the kernel. Only this room sends signals, and only this room
//! runs programs other than tmux ([`child`]).
//!
//! What differs between systems stands behind one trait, in `machine`, and in `handles` and
//! [`alarm`]. Reads are bounded. A process may end between two reads, so an answer says whether it
//! is certain ([`process::Presence`]).
//!
//! **Architecture invariant:** a signal goes to a [`crate::model::ProcId`], never to a name or a
//! bare pid.

pub mod alarm;
pub mod child;
pub mod clock;
pub mod deaths;
pub mod env_tag;
pub mod fd_limit;
mod file;
mod handles;
pub mod host;
pub mod locks;
mod machine;
pub mod own;
pub mod process;
pub mod program;
pub mod ready;
pub mod script;
pub mod signal;
pub mod sockets;
pub mod tree;
pub mod zone;
