//! The live screen of a town: `gtctl top`.
//!
//! The screen is two pure functions. [`update`] takes a [`TopState`] and one [`TopInput`] (a key, a
//! look, an answer) and returns what the caller shall do ([`TopIntent`]). [`view`] draws a state.
//! The caller (`src/cli/top/`) owns the terminal, the looks and the verbs.
//!
//! ```text
//!  keys, looks, answers ──► update ──► TopState ──► view ──► cells of the terminal
//!                             │
//!                             └──► TopIntent ──► verbs, tmux, editor
//! ```

mod glyphs;
mod layout;
mod line;
mod lower;
mod overlay;
mod rows;
mod series;
mod state;
mod table;
mod update;
mod view;

pub use glyphs::{Glyphs, Theme};
pub use line::{CommandLine, read_line};
pub use rows::{Controllers, Need, TopHead, TopRow, rows};
pub use series::{DayPart, Series};
pub use state::{
    CommandWords, LowerPane, LowerTab, Measured, Mode, Proposed, TextLine, TopInput, TopIntent,
    TopKey, TopState,
};
pub use update::update;
pub use view::view;
