//! The state directory: locks, state, journal, phases, samples, planned restarts, and the logs of
//! panes.
//!
//! It contains only what tmux forgets. Every file is for the owner only, bounded, and replaced
//! atomically. A file may contain any bytes when it is read. A malformed one costs at most the
//! memory of the town; gtctl still starts.
//!
//! [`View`] only reads: it creates nothing and waits for nothing. `diff` and `status` use no more.
//! [`StateDir`] also writes.
//!
//! **Architecture invariant:** no clock is read here. Functions that need a time get it as a
//! parameter.

mod chores;
mod dir;
mod encoding;
mod exchange;
mod fault;
mod file;
mod follow;
mod former;
mod frames;
#[cfg(test)]
mod full_memory;
mod guide;
mod heartbeat;
mod hooks;
mod intent;
mod journal;
mod last_good;
mod launcher;
mod lock;
mod log_times;
mod logs;
mod notice;
mod phases;
mod placed;
mod record;
mod reports;
mod revisions;
mod samples;
#[cfg(test)]
mod scratch;
mod series;
mod sink;
mod state;

pub use chores::{ChoreFiles, LogPlace, Upstream};
pub use dir::{Places, StateDir, View, all, folder, locate};
pub use exchange::{Received, receive, revision};
pub use fault::StoreFault;
pub use follow::{FollowFault, Follower, From, Gap, NewBytes};
pub use guide::{Automonitor, Counted, merge_handoffs};
pub use heartbeat::kept_in;
pub use hooks::HookFiles;
pub use intent::WrittenIntent;
pub use journal::{JournalReader, event_of};
pub use last_good::{LastGood, LayersWatch};
pub use lock::{CONTROLLER_LOCK, Keeps, Lock, LockFault};
pub use log_times::Since;
pub use logs::Retention;
pub use notice::Watcher;
pub use record::{RecordFiles, RecordPart, export_record, record_lines, record_parts};
pub use reports::{ReadReports, ReportsStamp, add_report, note_hook_fault};
pub use samples::SampleWriter;
pub use sink::{Bounds, Sink};
pub use state::{LoadedState, Saved};
