//! What an agent's output says about its end: text without its escape sequences, rows joined to
//! lines, markers in them.
//!
//! ```text
//!  bytes ──► strip ──► rows ──► lines ──► matcher ──► Sighting ──► Watch: does it stand?
//! ```
//!
//! Everything here is a state machine over the bytes given to it: how they are cut into reads
//! changes nothing, which the tests prove at every byte. A marker ends nothing by itself. It stands
//! until the agent goes on, and the grace that a session has is counted from its last output.
//!
//! **Architecture invariant:** nothing here reads a file or a clock, and every buffer has a bound.

mod cells;
mod lines;
mod matcher;
mod runs;
mod said;
mod strip;
mod watch;

pub use matcher::Matcher;
pub use strip::Stripper;
pub use watch::Watch;
