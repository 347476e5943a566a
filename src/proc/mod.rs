//! Processes and clocks, as `/proc` and the kernel tell them. The only room that sends signals, and
//! that runs programs other than tmux ([`child`]).
//!
//! Everything here is Linux. Reads are bounded and never fail loudly: a process may end between any
//! two of them, so each answer says whether it is knowledge ([`process::Presence`]).
//!
//! **Architecture invariant:** nothing is signalled by name or by bare pid, only as a
//! [`crate::model::ProcId`].

pub mod child;
pub mod clock;
pub mod deaths;
pub mod env_tag;
pub mod fd_limit;
mod file;
pub mod host;
pub mod locks;
pub mod own;
pub mod process;
pub mod program;
pub mod ready;
pub mod script;
pub mod signal;
pub mod sockets;
pub mod tree;
pub mod zone;
