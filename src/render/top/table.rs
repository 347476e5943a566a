//! The table of sessions: which columns there are, and how wide.

use super::glyphs::Theme;
use super::rows::TopRow;
use super::series::Series;
use super::state::TopState;
use super::view::{end_of, in_seconds};
use crate::render::Role;
use crate::render::sanitise::{clip, width};
use crate::render::words::bytes;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;
use ratatui_core::style::Modifier;

/// With fewer columns, CPU, RSS and the last day are left out.
const WIDE: u16 = 100;
/// With fewer columns, the tokens are left out.
const ROOMY: u16 = 140;
/// With fewer columns, `FOR` is left out as well.
const NARROW: u16 = 60;
/// The widest column of names.
const MAX_NAME: usize = 28;
/// The narrowest column of names.
const MIN_NAME: usize = 8;
/// Cursor, mark and selection, before the name.
const MARKS: usize = 4;
/// The columns of `FOR`, such as `23h 59m`.
const FOR: usize = 7;
/// The columns of `CPU`.
const CPU: usize = 5;
/// The columns of `RSS`.
const RSS: usize = 6;
/// The columns between two columns of the table.
const GAP: usize = 2;

/// Whether all columns have room.
pub(super) fn is_wide(columns: u16) -> bool {
    columns >= WIDE
}

/// How wide the columns are.
struct Widths {
    name: usize,
    phase: usize,
    has_since: bool,
    is_wide: bool,
    /// The columns of `TOKENS`. None where nobody has any, or there is no room.
    tokens: Option<usize>,
}

impl Widths {
    fn of(state: &TopState) -> Self {
        let columns = usize::from(state.width);
        let shown = || {
            state
                .shown
                .iter()
                .filter_map(|index| state.rows.get(*index))
        };
        let longest = shown().map(|row| width(row.session.as_str())).max();
        let most = (columns / 4).clamp(MIN_NAME, MAX_NAME);
        let phase = shown().map(|row| width(row.phase)).max();
        let tokens = shown().filter_map(|row| Some(width(row.tokens.as_ref()?)));
        let tokens = tokens.max().filter(|_| state.width >= ROOMY);
        Self {
            name: longest.unwrap_or(0).clamp(MIN_NAME, most),
            phase: phase.unwrap_or(0).max("PHASE".len()),
            has_since: state.width >= NARROW,
            is_wide: is_wide(state.width),
            tokens: tokens.map(|wide| wide.max("TOKENS".len())),
        }
    }
}

/// Writes texts into one line of the screen, from left to right.
struct Pen<'b> {
    buffer: &'b mut Buffer,
    theme: Theme,
    y: u16,
    x: usize,
    end: usize,
}

impl Pen<'_> {
    /// Writes into a column of `wide` cells, and moves on behind the gap.
    fn left(&mut self, text: &str, wide: usize, role: Role) {
        let room = self.end.saturating_sub(self.x).min(wide);
        let text = clip(text, room);
        self.put(self.x, &text, role);
        self.x += wide + GAP;
    }

    /// The same at the right side of the column.
    fn right(&mut self, text: &str, wide: usize, role: Role) {
        let before = wide.saturating_sub(width(text));
        self.put(self.x + before, text, role);
        self.x += wide + GAP;
    }

    fn put(&mut self, x: usize, text: &str, role: Role) {
        let room = self.end.saturating_sub(x);
        let Ok(x) = u16::try_from(x) else { return };
        if room > 0 {
            let style = self.theme.style(role);
            self.buffer.set_stringn(x, self.y, text, room, style);
        }
    }
}

/// Draws the names of the columns.
pub(super) fn draw_heading(state: &TopState, area: Rect, buffer: &mut Buffer) {
    if area.height == 0 {
        return;
    }
    let widths = Widths::of(state);
    let mut pen = pen_at(state, area, 0, buffer);
    pen.left("SESSION", widths.name, Role::Quiet);
    pen.left("PHASE", widths.phase, Role::Quiet);
    if widths.has_since {
        pen.right("FOR", FOR, Role::Quiet);
    }
    if widths.is_wide {
        pen.right("CPU", CPU, Role::Quiet);
        pen.right("RSS", RSS, Role::Quiet);
        if let Some(wide) = widths.tokens {
            pen.right("TOKENS", wide, Role::Quiet);
        }
        pen.left("24h", Series::PARTS, Role::Quiet);
    }
    pen.left("NEXT", usize::MAX >> 1, Role::Quiet);
}

/// Draws the rows that have room.
pub(super) fn draw_rows(state: &TopState, area: Rect, buffer: &mut Buffer) {
    let widths = Widths::of(state);
    let shown = state.shown.iter().enumerate().skip(state.top);
    for (line, (at, index)) in (0..area.height).zip(shown) {
        let Some(row) = state.rows.get(*index) else {
            continue;
        };
        let is_cursor = at == state.at;
        draw_row(
            state,
            row,
            &widths,
            pen_at(state, area, line, buffer),
            is_cursor,
        );
        if is_cursor {
            let line = Rect::new(area.x, area.y + line, area.width, 1);
            buffer.set_style(
                line,
                ratatui_core::style::Style::new().add_modifier(Modifier::REVERSED),
            );
        }
    }
}

fn pen_at<'b>(state: &TopState, area: Rect, line: u16, buffer: &'b mut Buffer) -> Pen<'b> {
    Pen {
        buffer,
        theme: state.theme,
        y: area.y + line,
        x: usize::from(area.x) + MARKS,
        end: usize::from(area.right()),
    }
}

fn draw_row(state: &TopState, row: &TopRow, widths: &Widths, mut pen: Pen<'_>, is_cursor: bool) {
    let marks = pen.x - MARKS;
    if is_cursor {
        pen.put(marks, "▸", Role::Plain);
    }
    pen.put(marks + 1, &row.mark().to_string(), row.mark_role());
    if state.marked.contains(&row.session) {
        pen.put(marks + 2, "*", Role::Strong);
    }
    let name = within(row.session.as_str(), widths.name);
    pen.left(&name, widths.name, Role::Plain);
    pen.left(row.phase, widths.phase, row.role);
    if widths.has_since {
        let since = row.since.map_or_else(dash, in_seconds);
        pen.right(&since, FOR, Role::Plain);
    }
    if widths.is_wide {
        let measured = state.measured.get(&row.session);
        let cpu = measured.and_then(|measured| measured.cpu_percent);
        let cpu = cpu.map_or_else(dash, |percent| format!("{percent}%"));
        pen.right(&cpu, CPU, Role::Plain);
        let rss = measured.map_or_else(dash, |measured| bytes(measured.rss));
        pen.right(&rss, RSS, Role::Plain);
        if let Some(wide) = widths.tokens {
            let tokens = row.tokens.clone().unwrap_or_else(dash);
            pen.right(&tokens, wide, Role::Plain);
        }
        let past = state.past.get(&row.session).copied().unwrap_or_default();
        pen.left(&past.line(), Series::PARTS, Role::Quiet);
    }
    pen.left(&row.next, usize::MAX >> 1, row.next_role);
}

/// A name in so many columns. What is cut off is in its middle: the names of a town differ at their
/// ends.
fn within(name: &str, room: usize) -> String {
    let long = width(name);
    if long <= room {
        return name.to_owned();
    }
    let first = room / 3;
    let last = room.saturating_sub(first + 1);
    let head: String = name.chars().take(first).collect();
    format!("{head}…{}", end_of(name, last))
}

fn dash() -> String {
    "-".to_owned()
}
