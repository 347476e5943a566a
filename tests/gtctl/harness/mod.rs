//! What all tests stand on: a folder, a tmux server and a town of a test's own, the real binary in
//! them, and waiting for conditions. Whatever a test starts is ended by id when it is dropped.

mod bless;
mod owned;
mod sandbox;
mod scratch;
mod server;
mod values;
mod wait;

pub(crate) use bless::pages_are;
pub(crate) use owned::Owned;
pub(crate) use sandbox::{Running, Said, TMUX, Yard, of};
pub(crate) use scratch::Scratch;
pub(crate) use server::TestServer;
pub(crate) use values::{QUICK, desired, name, proc_of, session, sleeper, town};
pub(crate) use wait::{PATIENCE, until, wait_for};
