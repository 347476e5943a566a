//! What is drawn over the rest: the help, a question, the output of a command.

use super::state::{Mode, Proposed, TopState};
use super::view::write;
use crate::render::Role;
use crate::render::sanitise::width;
use ratatui_core::buffer::Buffer;
use ratatui_core::layout::Rect;

/// All keys, for the help.
const KEYS: [(&str, &str); 20] = [
    (
        "j k, arrows, g G, page up/down",
        "move; the cursor stays on its session",
    ),
    ("/", "show only sessions with this text; esc shows all"),
    ("f", "show the next phase only"),
    ("z", "show only sessions that need somebody"),
    ("space", "mark; actions are then meant for all marked"),
    ("tab, 1-5", "lower pane: pane, log, why, events, chores"),
    ("J K", "scroll the lower pane"),
    ("F", "follow the end of the lower pane, or stop that"),
    ("enter", "attach; detach to come back"),
    ("n", "nudge: type a text for the agent"),
    ("r", "restart"),
    ("s", "stop"),
    ("p", "pause the town, or resume it"),
    (":", "type a command, such as `start` or `reset`"),
    ("y", "copy the session's name"),
    ("e", "open the manifest at the session"),
    ("ctrl-l", "draw everything again"),
    ("ctrl-z", "back to the shell; `fg` comes back"),
    ("?", "this help; any key closes it"),
    ("q", "quit"),
];

/// Draws what the mode asks for.
pub(super) fn draw(state: &TopState, area: Rect, buffer: &mut Buffer) {
    match &state.mode {
        Mode::Help => draw_help(state, area, buffer),
        Mode::Confirm { proposed, typed } => draw_question(state, proposed, typed, area, buffer),
        Mode::Printed { title, lines, top } => {
            let shown: Vec<(String, Role)> = lines
                .iter()
                .skip(*top)
                .take(usize::from(area.height.saturating_sub(2)))
                .map(|line| (line.clone(), Role::Plain))
                .collect();
            draw_box(state, title, &shown, area, buffer);
        }
        Mode::Browse | Mode::Filter | Mode::Nudge { .. } | Mode::Command { .. } => {}
    }
}

fn draw_help(state: &TopState, area: Rect, buffer: &mut Buffer) {
    let wide = KEYS.iter().map(|(key, _)| width(key)).max().unwrap_or(0);
    let is_narrow = usize::from(area.width) < 90;
    let lines = KEYS.map(|(key, what)| {
        let key = if is_narrow {
            key.split(',').next().unwrap_or(key)
        } else {
            key
        };
        let wide = if is_narrow { 8 } else { wide };
        (format!("{key:<wide$}  {what}"), Role::Plain)
    });
    draw_box(state, "keys", &lines, area, buffer);
}

/// A question about a plan: its lines, and how to answer.
fn draw_question(
    state: &TopState,
    proposed: &Proposed,
    typed: &str,
    area: Rect,
    buffer: &mut Buffer,
) {
    let verb = proposed.words.first().map_or("", String::as_str);
    let room = usize::from(area.height).saturating_sub(6).max(1);
    let mut lines: Vec<(String, Role)> = proposed
        .lines
        .iter()
        .take(room)
        .map(|line| (line.clone(), Role::Plain))
        .collect();
    let left = proposed.lines.len().saturating_sub(room);
    if left > 0 {
        lines.push((format!("and {left} more"), Role::Quiet));
    }
    lines.push((String::new(), Role::Plain));
    let question = if proposed.sessions == 1 {
        format!("{verb}? y/N")
    } else {
        let count = proposed.sessions;
        format!("{verb} {count} sessions? Type {count} and press enter: {typed}")
    };
    lines.push((question, Role::Strong));
    draw_box(state, verb, &lines, area, buffer);
}

/// A box in the middle, as large as its lines.
fn draw_box(
    state: &TopState,
    title: &str,
    lines: &[(String, Role)],
    area: Rect,
    buffer: &mut Buffer,
) {
    let longest = lines.iter().map(|(text, _)| width(text)).max().unwrap_or(0);
    let inner = longest.max(width(title) + 2);
    let wide = u16::try_from(inner + 4).unwrap_or(u16::MAX).min(area.width);
    let high = u16::try_from(lines.len() + 2)
        .unwrap_or(u16::MAX)
        .min(area.height);
    if wide < 5 || high < 3 {
        return;
    }
    let left = area.x + (area.width - wide) / 2;
    let top = area.y + (area.height - high) / 2;
    let frame = Rect::new(left, top, wide, high);
    for cell in frame.positions() {
        if let Some(cell) = buffer.cell_mut(cell) {
            cell.reset();
        }
    }
    let across = "─".repeat(usize::from(wide) - 2);
    let line = |nth: u16| Rect::new(left, top + nth, wide, 1);
    write(state, line(0), &format!("┌{across}┐"), Role::Quiet, buffer);
    write(
        state,
        line(high - 1),
        &format!("└{across}┘"),
        Role::Quiet,
        buffer,
    );
    let at = Rect::new(left + 2, top, wide - 4, 1);
    write(state, at, &format!(" {title} "), Role::Strong, buffer);
    for (nth, (text, role)) in (1..high - 1).zip(lines) {
        write(state, line(nth), "│", Role::Quiet, buffer);
        let right = Rect::new(left + wide - 1, top + nth, 1, 1);
        write(state, right, "│", Role::Quiet, buffer);
        let at = Rect::new(left + 2, top + nth, wide - 4, 1);
        write(state, at, text, *role, buffer);
    }
}
