//! Draws a state.

use super::glyphs::{Glyphs, to_ascii};
use super::lower;
use super::overlay;
use super::rows::{Controllers, Tally};
use super::state::{Mode, TopState};
use super::table;
use crate::model::Period;
use crate::model::SortedMap;
use crate::render::Role;
use crate::render::sanitise::{clip, width};
use crate::render::words::brief;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::{Position, Rect};
use ratatui_core::terminal::Frame;

/// What the keys do, the most important first. What has no room is left out.
const HINTS: [&str; 12] = [
    "enter attach",
    "n nudge",
    "r restart",
    "s stop",
    "p pause",
    "/ find",
    ": command",
    "q quit",
    "z needing",
    "f phase",
    "space mark",
    "tab pane",
];

/// Draws the whole screen.
pub fn view(state: &TopState, frame: &mut Frame<'_>) {
    let area = frame.area();
    // Between a change of the terminal's size and the news of it, both differ.
    if (state.width, state.height) != (area.width, area.height) {
        let fitting = TopState {
            width: area.width,
            height: area.height,
            ..state.clone()
        };
        return draw(&fitting, frame);
    }
    draw(state, frame);
}

fn draw(state: &TopState, frame: &mut Frame<'_>) {
    let area = frame.area();
    let layout = state.layout();
    let buffer = frame.buffer_mut();
    draw_head(state, layout.head, buffer);
    table::draw_heading(state, layout.heading, buffer);
    table::draw_rows(state, layout.table, buffer);
    if layout.table.height > 0 && state.shown.is_empty() {
        draw_empty(state, layout.table, buffer);
    }
    lower::draw_tabs(state, layout.tabs, buffer);
    lower::draw(state, layout.lower, buffer);
    let typing = draw_foot(state, layout.foot, buffer);
    overlay::draw(state, area, buffer);
    if state.theme.glyphs == Glyphs::Ascii {
        to_ascii(buffer);
    }
    if let Some(at) = typing {
        frame.set_cursor_position(at);
    }
}

/// Writes a text at the left of a line. Returns the column behind it.
pub(super) fn write(
    state: &TopState,
    at: Rect,
    text: &str,
    role: Role,
    buffer: &mut Buffer,
) -> u16 {
    if at.height == 0 || at.width == 0 {
        return at.x;
    }
    let style = state.theme.style(role);
    let text = clip(text, usize::from(at.width));
    buffer
        .set_stringn(at.x, at.y, text, usize::from(at.width), style)
        .0
}

/// What is left of a line from this column on.
pub(super) fn rest(area: Rect, x: u16) -> Rect {
    Rect {
        x,
        width: area.right().saturating_sub(x),
        ..area
    }
}

fn draw_head(state: &TopState, area: Rect, buffer: &mut Buffer) {
    let help = "? help ";
    let is_roomy = usize::from(area.width) > help.len() + 30;
    let mut left = area;
    if is_roomy {
        left.width -= u16::try_from(help.len() + 1).unwrap_or(0);
        write(
            state,
            rest(area, left.right() + 1),
            help,
            Role::Quiet,
            buffer,
        );
    }
    let mut x = write(
        state,
        rest(left, 1.min(left.width)),
        &state.head.town,
        Role::Strong,
        buffer,
    );
    let (controller, role) = controller(state);
    let mut parts = vec![(controller, role)];
    if state.head.paused {
        parts.push(("paused".to_owned(), Role::Change));
    }
    if !state.head.server.is_empty() {
        parts.push((state.head.server.clone(), Role::Bad));
    }
    for (text, role) in parts {
        x = write(state, rest(left, x + 1), &text, role, buffer) + 1;
    }
    x += 1;
    if state.is_filtered() {
        x = write(state, rest(left, x), &filters(state), Role::Change, buffer) + 2;
    }
    for (tally, count) in counts(state) {
        let (word, role) = tally.words();
        x = write(
            state,
            rest(left, x),
            &format!("{count} {word}"),
            role,
            buffer,
        ) + 2;
    }
    if state.running > 0 {
        let running = format!("{} running", state.running);
        write(state, rest(left, x), &running, Role::Change, buffer);
    }
}

fn controller(state: &TopState) -> (String, Role) {
    let ago =
        |age: Option<Period>| age.map_or_else(String::new, |age| format!(" {}", in_seconds(age)));
    match state.head.controller {
        Controllers::Unknown => ("…".to_owned(), Role::Quiet),
        Controllers::None => ("○ no controller".to_owned(), Role::Change),
        Controllers::Runs(age) => (format!("● controller{}", ago(age)), Role::Good),
        Controllers::Fails => ("✖ controller fails".to_owned(), Role::Bad),
        Controllers::Hangs(age) => (format!("✖ controller hangs{}", ago(age)), Role::Bad),
    }
}

/// A period in whole seconds at least: below one it is `0s`.
pub(super) fn in_seconds(period: Period) -> String {
    brief(Period::from_secs(period.millis() / 1000))
}

fn counts(state: &TopState) -> SortedMap<Tally, usize> {
    let mut counts = SortedMap::new();
    for row in &state.rows {
        *counts.entry(row.count_as()).or_default() += 1;
    }
    counts
}

/// What the filters let through: `3 of 40 shown: /wit, idle`.
fn filters(state: &TopState) -> String {
    let mut filters = Vec::new();
    if !state.filter.is_empty() {
        filters.push(format!("/{}", state.filter));
    }
    filters.extend(state.phase.map(str::to_owned));
    if state.only_needing {
        filters.push("need you".to_owned());
    }
    let (shown, all) = (state.shown.len(), state.rows.len());
    format!("{shown} of {all} shown: {}", filters.join(", "))
}

fn draw_empty(state: &TopState, area: Rect, buffer: &mut Buffer) {
    let text = if state.head.controller == Controllers::Unknown {
        "looking…"
    } else if state.is_filtered() {
        "no session matches; esc clears the filter"
    } else {
        "no sessions"
    };
    write(state, rest(area, area.x + 4), text, Role::Quiet, buffer);
}

/// Draws the last line. Returns where the terminal's cursor is, if something is typed there.
fn draw_foot(state: &TopState, area: Rect, buffer: &mut Buffer) -> Option<Position> {
    let (before, typed) = match &state.mode {
        Mode::Filter => ("/".to_owned(), state.filter.as_str()),
        Mode::Nudge { session, typed } => (format!("nudge {session}: "), typed.as_str()),
        Mode::Command { typed } => (":".to_owned(), typed.as_str()),
        Mode::Confirm { .. } | Mode::Help | Mode::Printed { .. } => return None,
        Mode::Browse => {
            draw_hints(state, area, buffer);
            return None;
        }
    };
    let x = write(state, area, &before, Role::Strong, buffer);
    let room = usize::from(area.right().saturating_sub(x)).saturating_sub(1);
    let x = write(
        state,
        rest(area, x),
        &end_of(typed, room),
        Role::Plain,
        buffer,
    );
    Some(Position::new(x.min(area.right().saturating_sub(1)), area.y))
}

/// The end of a text that has room in so many columns.
pub(super) fn end_of(text: &str, room: usize) -> String {
    let mut end: Vec<char> = Vec::new();
    let mut used = 0;
    for c in text.chars().rev() {
        used += width(c.encode_utf8(&mut [0; 4]));
        if used > room {
            break;
        }
        end.push(c);
    }
    end.iter().rev().collect()
}

fn draw_hints(state: &TopState, area: Rect, buffer: &mut Buffer) {
    let indented = rest(area, area.x + 1.min(area.width));
    if let Some((text, role)) = &state.said {
        write(state, indented, text, *role, buffer);
        return;
    }
    let mut text = String::new();
    for hint in HINTS {
        let gap = if text.is_empty() { "" } else { "  " };
        if width(&text) + gap.len() + width(hint) > usize::from(indented.width) {
            break;
        }
        text.extend([gap, hint]);
    }
    write(state, indented, &text, Role::Quiet, buffer);
}
