//! What a watching controller tells others: the service manager, a command of the user's, whoever
//! collects metrics from a file.
//!
//! What is told comes in as text and values. Nobody who is slow, gone or broken delays a cycle:
//! everything here is bounded, and what it complains of is handed back for the controller to say.
//!
//! **Architecture invariant:** nothing here looks at the town, decides, or keeps what would be
//! missed after a crash.

mod hook;
mod metrics;
mod systemd;

pub use hook::Hook;
pub use metrics::MetricsFile;
pub use systemd::Manager;
