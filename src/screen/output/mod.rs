//! Finds completion markers in an agent's output.
//!
//! ```text
//!  bytes ──► strip: text without escape sequences ──► rows ──► lines: rows joined to lines
//!                                                                │
//!        watch: does the marker stand? ◄── Sighting ◄── matcher: markers in a line
//! ```
//!
//! A marker ends nothing by itself. It stands until the agent goes on. The session's grace is counted
//! from its last output.
//!
//! All of this is a state machine over bytes. How the bytes are cut into reads changes nothing. The
//! tests prove it by cutting at every byte.
//!
//! **Architecture invariant:** nothing here reads a file or a clock, and every buffer has a bound.

mod cells;
mod given;
mod lines;
mod matcher;
mod runs;
mod stated;
mod strip;
mod watch;

pub use matcher::Matcher;
pub use strip::Stripper;
pub use watch::Watch;
