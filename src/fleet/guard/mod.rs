//! The guard: a process of its own that ends the sessions that can move, once their deadline has
//! passed.
//!
//! The controller may hang, be stopped or be killed. Then nobody on this host could end what another
//! host is about to start. So the guard has the deadline, the names of those sessions and an
//! absolute timer that goes on while the machine sleeps. The controller moves the deadline with each
//! beat that the store has confirmed, over a socket in the state directory.
//!
//! - When the deadline passes, the guard kills the controller first: one that was only stopped could
//!   start something late. Then it kills what has the tag of these sessions, with all below it.
//! - The end of the controller alone is no reason. A controller that starts again before the
//!   deadline takes the guard over.
//! - A session that does not move is never touched.
//!
//! | file | its part |
//! |---|---|
//! | `words.rs` | what controller and guard say to each other, one line of JSON each |
//! | `serve.rs` | the guard's own process |
//! | `sweep.rs` | ends marked processes |
//! | `link.rs` | the controller's side |
//! | `enter.rs` | a session that begins asks whether it still may |

mod enter;
mod link;
mod serve;
mod socket;
mod sweep;
mod words;

pub use enter::{EntryRefused, may_begin};
pub use link::{Guarded, Link};
pub use serve::{ServeFault, serve};
pub use sweep::{Swept, is_of, sweep};
pub use words::{GuardStanding, Order};

/// The variable that names the guard's socket to a session that can move.
pub const SOCKET_VARIABLE: &str = "GTCTL_GUARD";
/// The variable that has the epoch of a session's placement.
pub const EPOCH_VARIABLE: &str = "GTCTL_EPOCH";
/// The variable that names the host of a session. Several hosts can be one machine.
pub const HOST_VARIABLE: &str = "GTCTL_FLEET_HOST";
