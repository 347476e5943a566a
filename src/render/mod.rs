//! Plans, states and outcomes as text and JSON, for people and for programs.
//!
//! Everything comes in as an argument: the moment, the offset of the local clock, the width,
//! whether colours are wanted ([`Paper`]). Whatever came from outside (screens, process names,
//! complaints of tmux) goes through [`sanitise`] on its way out.
//!
//! **Architecture invariant:** nothing here reads a file, a clock or the environment, and nothing
//! here decides what is to be done.

pub mod answer;
pub mod apply;
pub mod brief;
pub mod chores;
mod columns;
pub mod config;
pub mod controller;
pub mod diff;
pub mod doctor;
mod drift;
pub mod events;
pub mod explain;
pub mod faults;
pub mod fleet;
pub mod forecast;
pub mod gastown;
pub mod import;
pub mod json;
pub mod metrics;
pub mod news;
pub mod next;
pub mod nudge;
pub mod record;
pub mod report;
pub mod saved;
pub mod service;
pub mod sketch;
pub mod status;
pub mod style;
pub mod top;
pub mod verify;
pub mod view;
pub mod wait;
pub mod web;

pub use crate::words::{self, Clock, brief, sanitise};
pub use next::{WhyNext, why_and_next};
pub use style::{Colour, Detail, Paper, Role};
pub use view::{Books, Scene, Selection};
