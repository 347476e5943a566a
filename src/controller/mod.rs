//! One cycle (look, learn, plan, write down the intent, act, record), and the loop of cycles.
//!
//! `apply`, `reconcile` and `reconcile --watch` all run [`Controller::cycle`]. `diff`, `status` and
//! `verify` run only its first half, [`survey`], which writes nothing and waits for no lock.
//!
//! **Architecture invariant:** a process that acts holds the town's turn lock. It writes down what
//! it intends before it touches anything that runs.

mod adopt;
mod answers;
#[cfg(feature = "etcd")]
mod asked;
mod beside;
mod by_hand;
mod caught;
mod chores;
mod cycle;
mod durable;
mod files;
mod finish;
#[cfg(feature = "etcd")]
mod fleet;
#[cfg(not(feature = "etcd"))]
#[path = "no_fleet.rs"]
mod fleet;
mod history;
mod labels;
mod launcher;
mod lookout;
mod pipes;
#[cfg(feature = "etcd")]
mod preparing;
mod prober;
mod ready;
mod recording;
mod reporting;
mod setup;
mod status_ports;
mod survey;
mod texts;
mod typist;
mod wakeups;
mod watch;

pub use answers::HandAnswer;
pub use chores::Farewell;
pub use cycle::{Cycle, CycleFault};
pub use finish::begun;
pub use lookout::{Lookout, Pace};
pub use setup::Controller;
pub use survey::{Eyes, Survey, survey};
pub use typist::ByTurns;
pub use watch::{Reload, WatchEnd, WatchEvent, watch};
