//! What each session was over a period, and what that comes to.
//!
//! ```text
//!  phases.jsonl ──► tracks ─┬─► drawn    (as many pieces as a picture can show)
//!  the journal ─────────────┴─► numbers  (availability, restarts, recovery, hours)
//! ```
//!
//! Times are milliseconds since 1970 by the wall clock, as the files have them.
//!
//! **Architecture invariant:** pure. What the files do not say stays [`Shade::Unknown`].

mod drawn;
mod numbers;
mod track;

pub use drawn::drawn;
pub use numbers::{LINGERING, Numbers, Recovery, numbers};
pub use track::{Past, Piece, Shade, Tick, Track, Tracks, Window, tracks};
