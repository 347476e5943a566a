//! The names of the labels: user options on a session of ours, which outlive any loss of files.
//!
//! Values are plain text: a moment as `wall:awake:boot`, a generation in decimal, a pane as `%3`, a fingerprint as
//! `command:dir:env`.

/// The town's name. The one label that tells whose a session is.
pub const TOWN: &str = "@gtctl_town";
/// The name the session was declared under.
pub const SESSION: &str = "@gtctl_session";
/// Which life of the session this is.
pub const GENERATION: &str = "@gtctl_gen";
/// When this life began.
pub const STARTED: &str = "@gtctl_started";
/// The pane the agent runs in.
pub const PANE: &str = "@gtctl_pane";
/// The fingerprint of what it was started with; unset when that is not known.
pub const SPEC: &str = "@gtctl_spec";
/// The last planned restart; unset when there was none.
pub const HANDOFF: &str = "@gtctl_handoff";
/// How the session came to be ours: [`STARTED_BY_US`] or [`ADOPTED`].
pub const ORIGIN: &str = "@gtctl_origin";

/// The [`ORIGIN`] of a session whose agent gtctl started as the pane's own process.
pub const STARTED_BY_US: &str = "started";
/// The [`ORIGIN`] of a session that was there before and only got its labels.
pub const ADOPTED: &str = "adopted";
