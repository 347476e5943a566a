//! The lower pane: its tabs and its text.

use super::state::{LowerTab, TopState};
use super::view::{rest, write};
use crate::render::Role;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

/// Draws the names of the tabs, and whose text is shown.
pub(super) fn draw_tabs(state: &TopState, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let line = "─".repeat(usize::from(area.width));
    write(state, area, &line, Role::Quiet, buffer);
    let mut x = area.x + 1;
    for (nth, tab) in (1..).zip(LowerTab::ALL) {
        let is_open = tab == state.tab;
        let (text, role) = if is_open {
            (format!("[{nth} {}]", tab.word()), Role::Strong)
        } else {
            (format!(" {nth} {} ", tab.word()), Role::Quiet)
        };
        x = write(state, rest(area, x), &text, role, buffer);
    }
    let title = title(state);
    if !title.is_empty() {
        write(
            state,
            rest(area, x + 2),
            &format!(" {title} "),
            Role::Plain,
            buffer,
        );
    }
}

fn title(state: &TopState) -> String {
    let mut parts = Vec::new();
    if state.tab != LowerTab::Chores {
        parts.extend(state.selected().map(ToString::to_string));
    }
    if !state.follow {
        parts.push("not following (F)".to_owned());
    }
    parts.join(" · ")
}

/// Draws the text.
pub(super) fn draw(state: &TopState, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let is_wanted = state.lower.tab == state.tab
        && (state.tab == LowerTab::Chores || state.lower.session.as_ref() == state.selected());
    if !is_wanted {
        return;
    }
    let top = state.lower_top(usize::from(area.height));
    for (y, line) in (area.y..area.bottom()).zip(state.lower.lines.iter().skip(top)) {
        let at = Rect::new(area.x, y, area.width, 1);
        write(state, at, &line.text, line.role, buffer);
    }
}
