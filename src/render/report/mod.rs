//! The report of a period: a row for each session, and what it comes to. One file of HTML or SVG
//! without a script, JSON, or some lines of text.
//!
//! Colour is not all that tells what a session was: each kind has its own hatching and its own
//! height, so that the picture reads in print and in grey, too.

mod html;
mod picture;
mod text;

pub use html::html;
pub use picture::picture;
pub use text::{head, text};

use super::Clock;
use crate::model::SessionName;
use crate::timeline::{Numbers, Tracks, Window};

/// What is reported.
#[derive(Debug, Clone, Copy)]
pub struct PeriodReport<'a> {
    /// The town.
    pub town: &'a SessionName,
    /// The period.
    pub window: Window,
    /// What each session was.
    pub tracks: &'a Tracks,
    /// What it comes to.
    pub numbers: &'a Numbers,
    /// What the living sessions have cost, in millionths of the unit that the manifest uses. None
    /// where no agent has a `cost_per_hour`.
    pub cost: Option<u64>,
    /// The local clock.
    pub clock: &'a Clock,
}
