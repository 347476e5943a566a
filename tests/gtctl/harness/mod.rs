//! What all tests share: a folder, a tmux server and a town for one test, the real binary, and
//! waiting for conditions.
//!
//! Each value ends what it has started, by process id, when it is dropped.

mod bless;
#[cfg(feature = "etcd")]
mod etcd;
mod owned;
mod programs;
mod sandbox;
mod scratch;
mod server;
mod values;
mod wait;

pub(crate) use bless::pages_are;
#[cfg(feature = "etcd")]
pub(crate) use etcd::{Etcd, etcd_program};
pub(crate) use owned::Owned;
pub(crate) use programs::{copy_program, write_program};
pub(crate) use sandbox::{MACHINE, Running, Said, TMUX, Yard, of};
pub(crate) use scratch::Scratch;
pub(crate) use server::TestServer;
pub(crate) use values::{QUICK, desired, name, proc_of, session, sleeper, town};
pub(crate) use wait::{AT_ONCE, PATIENCE, until, until_or, wait_for};
