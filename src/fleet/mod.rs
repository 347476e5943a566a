//! The part that a host has in a fleet: a town whose hosts share a store.
//!
//! It goes on a thread of its own, because a beat must not wait for a look at tmux. The controller
//! asks it what is placed here, asks for leave before each start, and tells it what came of that.
//!
//! | file | its part |
//! |---|---|
//! | `host_file.rs` | `host.toml`: how this host reaches the store, and what it offers |
//! | `agent.rs` | the thread: signs in, beats, follows the store, answers the controller |
//! | `beat.rs` | one beat, and the end of what can move when beats fail |
//! | `clear.rs` | ends the runs that are not this host's any more |
//! | `forgive.rs` | what was ended for the fence has not crashed |
//! | `lead.rs` | leads: places the sessions |
//! | `serve.rs` | permits, histories, states, answers |
//! | `access.rs` | the values of a fleet in the store's own terms |
//! | `shared.rs` | what thread and controller both see |
//! | `handle.rs` | the controller's side |
//! | `town.rs` | the part of a town that is placed here |
//! | `guard/` | a process of its own that ends what can move, once the deadline has passed |
//!
//! **Architecture invariant:** without `[store]` nothing of this runs. What is decided is decided in
//! [`place`](crate::place) and [`fence`](crate::fence); here it is carried out.

mod access;
mod agent;
mod beat;
mod clear;
mod forgive;
pub mod guard;
mod handle;
mod host_file;
mod lead;
mod serve;
mod shared;
mod town;

pub use access::FleetStore;
pub use agent::{Start, begin};
pub use forgive::FenceEnd;
pub use handle::{Handle, SessionReport, StartAsk};
pub use host_file::{HostFile, HostFileFault};
pub use shared::FleetLook;
pub use town::{Placed, placed, placed_here};
