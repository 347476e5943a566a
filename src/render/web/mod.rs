//! The page that `gtctl serve` and a controller serve: HTML and SVG, as a function of values.
//!
//! The page has places, and each place has parts ([`WebPart`]). A look that follows replaces only
//! the parts that have changed. What the page needs beside its HTML (one style, one script) is in
//! it, and [`STYLE`] and [`SCRIPT`] let the server say so by their hashes.

mod bar;
mod need;
mod page;
mod parts;

pub use need::Need;
pub use page::{ICON, SCRIPT, STYLE, document, sign_in};
pub use parts::{WebPart, WebParts, parts};

use super::{Books, Paper, Scene};
use crate::timeline::{Tracks, Window};
use serde_json::Value;

/// What is shown.
#[derive(Debug, Clone, Copy)]
pub struct WebScene<'a> {
    /// What was seen, and what follows from it.
    pub scene: &'a Scene<'a>,
    /// Who keeps the town, and where logs are.
    pub books: &'a Books,
    /// The last events, oldest first.
    pub events: &'a [Value],
    /// What each session was in the last day.
    pub tracks: &'a Tracks,
    /// That day.
    pub window: Window,
    /// The local clock. Its width and colour are not used.
    pub paper: &'a Paper,
    /// What a reader may do beside reading.
    pub may: May,
}

/// What a reader may do beside reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct May {
    /// See what is on the screens of agents.
    pub see_panes: bool,
    /// Start, stop, restart and nudge sessions.
    pub act: bool,
}
