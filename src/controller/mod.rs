//! One cycle (look, learn, plan, write down the intent, act, record), and the loop of cycles.
//!
//! `apply`, `reconcile` and `reconcile --watch` all run [`Controller::cycle`]. `diff`, `status` and
//! `verify` run only its first half, [`survey`], which writes nothing and waits for no lock.
//!
//! **Architecture invariant:** a process that acts holds the town's turn lock. It writes down what
//! it intends before it touches anything that runs.

mod adopt;
mod answers;
mod beside;
mod by_hand;
mod caught;
mod chores;
mod cycle;
mod durable;
mod files;
mod finish;
mod history;
mod launcher;
mod lookout;
mod pipes;
mod prober;
mod recording;
mod survey;
mod texts;
mod typist;
mod wakeups;
mod watch;

pub use answers::HandAnswer;
pub use chores::Farewell;
pub use cycle::{Controller, Cycle, CycleFault};
pub use finish::begun;
pub use lookout::{Lookout, Pace};
pub use survey::{Eyes, Survey, survey};
pub use typist::ByTurns;
pub use watch::{Reload, WatchEnd, WatchEvent, watch};
