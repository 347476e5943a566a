//! Where everything stands on the screen.

use super::state::TopState;
use ratatui_core::layout::Rect;

/// With fewer lines there is room for one pane only.
const TWO_PANES: u16 = 20;
/// So many lines of the table are left at least.
const LEAST_TABLE: u16 = 3;

/// The parts of the screen. A part without room has no height.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Layout {
    /// The town and the counts.
    pub(super) head: Rect,
    /// The names of the columns.
    pub(super) heading: Rect,
    /// The sessions.
    pub(super) table: Rect,
    /// The names of the tabs.
    pub(super) tabs: Rect,
    /// The text below.
    pub(super) lower: Rect,
    /// Hints, what is typed, or what was said.
    pub(super) foot: Rect,
}

impl Layout {
    /// Lays out a screen.
    pub(super) fn of(state: &TopState) -> Self {
        let TopState { width, height, .. } = *state;
        let strip =
            |y: u16, lines: u16| Rect::new(0, y, width, lines.min(height.saturating_sub(y)));
        let foot = strip(height.saturating_sub(1), 1);
        // What is left between the first line and the last one.
        let between = height.saturating_sub(2);
        let head = strip(0, 1);
        if height < TWO_PANES {
            let (table, lower) = if state.lower_alone {
                (0, between.saturating_sub(1))
            } else {
                (between.saturating_sub(1), 0)
            };
            return Self {
                head,
                heading: strip(1, u16::from(table > 0)),
                table: strip(2, table),
                tabs: strip(1, u16::from(lower > 0)),
                lower: strip(2, lower),
                foot,
            };
        }
        let rows = u16::try_from(state.shown.len()).unwrap_or(u16::MAX);
        let most = between.saturating_sub(2).div_ceil(2);
        let table = rows.clamp(LEAST_TABLE, most.max(LEAST_TABLE));
        let tabs = 2 + table;
        Self {
            head,
            heading: strip(1, 1),
            table: strip(2, table),
            tabs: strip(tabs, 1),
            lower: strip(tabs + 1, height.saturating_sub(tabs + 2)),
            foot,
        }
    }
}
