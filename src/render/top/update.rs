//! What a key, a look or an answer changes.

use super::line::{CommandLine, read_line};
use super::state::{LowerTab, MAX_TYPED, Mode, Proposed, TopInput, TopIntent, TopKey, TopState};
use crate::model::SessionName;
use crate::render::Role;

/// Takes in one input. Returns the state after it, and what the caller shall do.
#[must_use]
pub fn update(mut state: TopState, input: TopInput) -> (TopState, Vec<TopIntent>) {
    let mut intents = Vec::new();
    match input {
        TopInput::Key(key) => intents = press(&mut state, key),
        TopInput::Resized { width, height } => {
            state.width = width;
            state.height = height;
        }
        TopInput::Looked { head, rows } => {
            state.head = head;
            state.rows = rows;
            forget_gone(&mut state);
        }
        TopInput::Measured(measured) => state.measured = measured,
        TopInput::Past(past) => state.past = past,
        TopInput::Lower(lower) => state.lower = lower,
        TopInput::Proposed(proposed) => propose(&mut state, proposed),
        TopInput::Say(text, role) => state.said = Some((text, role)),
        TopInput::Printed { title, lines } => {
            let top = 0;
            state.mode = Mode::Printed { title, lines, top };
        }
        TopInput::Running(count) => state.running = count,
    }
    arrange(&mut state);
    (state, intents)
}

/// Forgets marks and measures of sessions that are no more.
fn forget_gone(state: &mut TopState) {
    let TopState {
        rows,
        marked,
        measured,
        ..
    } = state;
    marked.retain(|name| rows.iter().any(|row| row.session == *name));
    measured.retain(|name, _| rows.iter().any(|row| row.session == *name));
}

/// Brings what is shown in line with the rows, the filters and the size. The cursor stays on its
/// session; where that is not shown any more, it stays on its line.
fn arrange(state: &mut TopState) {
    let shown: Vec<usize> = (0..)
        .zip(&state.rows)
        .filter(|(_, row)| state.is_shown(row))
        .map(|(index, _)| index)
        .collect();
    let at = shown
        .iter()
        .position(|index| state.rows.get(*index).map(|row| &row.session) == state.cursor.as_ref());
    state.shown = shown;
    state.at = at
        .unwrap_or(state.at)
        .min(state.shown.len().saturating_sub(1));
    let under_cursor = state.selected_row().map(|row| row.session.clone());
    if under_cursor != state.cursor {
        state.cursor = under_cursor;
        state.scrolled = 0;
    }
    let height = usize::from(state.layout().table.height).max(1);
    let last_top = state.shown.len().saturating_sub(height);
    let least = (state.at + 1).saturating_sub(height);
    state.top = state.top.clamp(least, state.at.max(least)).min(last_top);
}

fn press(state: &mut TopState, key: TopKey) -> Vec<TopIntent> {
    if let TopKey::Ctrl(letter) = key {
        match letter {
            'c' => return vec![TopIntent::Quit],
            'z' => return vec![TopIntent::Suspend],
            'l' => return vec![TopIntent::Redraw],
            _ => {}
        }
    }
    match std::mem::take(&mut state.mode) {
        Mode::Browse => {
            state.said = None;
            browse(state, key)
        }
        Mode::Filter => {
            filter(state, key);
            Vec::new()
        }
        Mode::Nudge { session, typed } => nudge(state, session, typed, key),
        Mode::Command { typed } => command(state, typed, key),
        Mode::Confirm { proposed, typed } => confirm(state, proposed, typed, key),
        Mode::Help => Vec::new(),
        Mode::Printed { title, lines, top } => {
            let page = usize::from(state.height.saturating_sub(2)).max(1);
            if let Some(top) = scrolled(top, lines.len().saturating_sub(page), page, key) {
                state.mode = Mode::Printed { title, lines, top };
            }
            Vec::new()
        }
    }
}

/// Where a key moves the first of some lines; none for a key that moves nothing.
fn scrolled(top: usize, most: usize, page: usize, key: TopKey) -> Option<usize> {
    let top = match key {
        TopKey::Down | TopKey::Char('j') => top.saturating_add(1),
        TopKey::Up | TopKey::Char('k') => top.saturating_sub(1),
        TopKey::PageDown | TopKey::Char(' ') => top.saturating_add(page),
        TopKey::PageUp => top.saturating_sub(page),
        TopKey::Home | TopKey::Char('g') => 0,
        TopKey::End | TopKey::Char('G') => most,
        TopKey::Char(_)
        | TopKey::Ctrl(_)
        | TopKey::Enter
        | TopKey::Esc
        | TopKey::Tab
        | TopKey::BackTab
        | TopKey::Backspace => return None,
    };
    Some(top.min(most))
}

fn browse(state: &mut TopState, key: TopKey) -> Vec<TopIntent> {
    let last = state.shown.len().saturating_sub(1);
    let page = usize::from(state.layout().table.height).max(2) - 1;
    match key {
        TopKey::Up | TopKey::Char('k') => move_to(state, state.at.saturating_sub(1)),
        TopKey::Down | TopKey::Char('j') => move_to(state, (state.at + 1).min(last)),
        TopKey::PageUp => move_to(state, state.at.saturating_sub(page)),
        TopKey::PageDown => move_to(state, (state.at + page).min(last)),
        TopKey::Home | TopKey::Char('g') => move_to(state, 0),
        TopKey::End | TopKey::Char('G') => move_to(state, last),
        TopKey::Tab => open_tab(state, state.tab.next(1)),
        TopKey::BackTab => open_tab(state, state.tab.next(LowerTab::ALL.len() - 1)),
        TopKey::Enter => return with_selected(state, TopIntent::Attach),
        TopKey::Esc => clear_one(state),
        TopKey::Char(' ') => mark(state, last),
        TopKey::Char(c) => return press_char(state, c),
        TopKey::Ctrl(_) | TopKey::Backspace => {}
    }
    Vec::new()
}

fn press_char(state: &mut TopState, c: char) -> Vec<TopIntent> {
    match c {
        'q' => return vec![TopIntent::Quit],
        '?' => state.mode = Mode::Help,
        '/' => state.mode = Mode::Filter,
        ':' => {
            let typed = String::new();
            state.mode = Mode::Command { typed };
        }
        'f' => cycle_phase(state),
        'z' => state.only_needing = !state.only_needing,
        'F' => {
            state.follow = !state.follow;
            state.scrolled = 0;
        }
        'J' => scroll_lower(state, true),
        'K' => scroll_lower(state, false),
        '1'..='5' => {
            let nth = usize::try_from(u32::from(c) - u32::from('1')).unwrap_or_default();
            open_tab(state, LowerTab::ALL.get(nth).copied().unwrap_or_default());
        }
        'n' => return begin_nudge(state),
        'r' => return propose_verb(state, "restart"),
        's' => return propose_verb(state, "stop"),
        'p' => {
            let verb = if state.head.paused { "resume" } else { "pause" };
            return vec![TopIntent::Run(vec![verb.to_owned()])];
        }
        'y' => return with_selected(state, |session| TopIntent::Copy(session.to_string())),
        'e' => return with_selected(state, TopIntent::Edit),
        _ => {}
    }
    Vec::new()
}

fn with_selected(
    state: &TopState,
    intent: impl FnOnce(SessionName) -> TopIntent,
) -> Vec<TopIntent> {
    state.cursor.clone().map(intent).into_iter().collect()
}

fn move_to(state: &mut TopState, at: usize) {
    state.at = at;
    state.cursor = state.selected_row().map(|row| row.session.clone());
    state.scrolled = 0;
}

fn mark(state: &mut TopState, last: usize) {
    if let Some(session) = state.cursor.clone() {
        if !state.marked.remove(&session) {
            state.marked.insert(session);
        }
        move_to(state, (state.at + 1).min(last));
    }
}

fn open_tab(state: &mut TopState, tab: LowerTab) {
    state.tab = tab;
    state.scrolled = 0;
    state.lower_alone = true;
}

/// Takes back the last thing that hides something.
fn clear_one(state: &mut TopState) {
    if state.lower_alone {
        state.lower_alone = false;
        if state.layout().lower.height == 0 {
            return;
        }
    }
    if !state.marked.is_empty() {
        state.marked.clear();
    } else if !state.filter.is_empty() {
        state.filter.clear();
    } else {
        state.phase = None;
        state.only_needing = false;
    }
}

/// The next of the phases that sessions are in, then none again.
fn cycle_phase(state: &mut TopState) {
    let mut phases: Vec<&'static str> = Vec::new();
    for row in &state.rows {
        if !phases.contains(&row.phase) {
            phases.push(row.phase);
        }
    }
    let next = match state.phase {
        None => 0,
        Some(phase) => phases
            .iter()
            .position(|p| *p == phase)
            .map_or(0, |at| at + 1),
    };
    state.phase = phases.get(next).copied();
}

/// One line further down in the lower pane, or up.
fn scroll_lower(state: &mut TopState, down: bool) {
    let height = usize::from(state.layout().lower.height);
    let top = state.lower_top(height);
    let most = state.lower.lines.len().saturating_sub(height);
    let top = if down {
        (top + 1).min(most)
    } else {
        top.saturating_sub(1)
    };
    state.follow = false;
    state.scrolled = top;
}

fn propose_verb(state: &mut TopState, verb: &str) -> Vec<TopIntent> {
    let targets = state.targets();
    if targets.is_empty() {
        return Vec::new();
    }
    let names = targets.iter().map(SessionName::to_string);
    let words = std::iter::once(verb.to_owned()).chain(names).collect();
    vec![TopIntent::Propose(words)]
}

/// Asks whether it shall be done. Where nothing would be, says so.
fn propose(state: &mut TopState, proposed: Proposed) {
    if proposed.sessions == 0 {
        let verb = proposed.words.first().map_or("", String::as_str);
        state.said = Some((format!("{verb}: nothing to do"), Role::Plain));
        return;
    }
    let typed = String::new();
    state.mode = Mode::Confirm { proposed, typed };
}

fn confirm(
    state: &mut TopState,
    proposed: Proposed,
    mut typed: String,
    key: TopKey,
) -> Vec<TopIntent> {
    let is_single = proposed.sessions == 1;
    let is_agreed = match key {
        TopKey::Char('y' | 'Y') => is_single,
        TopKey::Enter => !is_single && typed == proposed.sessions.to_string(),
        TopKey::Char(digit @ '0'..='9') if !is_single && typed.len() < 9 => {
            typed.push(digit);
            state.mode = Mode::Confirm { proposed, typed };
            return Vec::new();
        }
        TopKey::Backspace if !is_single => {
            typed.pop();
            state.mode = Mode::Confirm { proposed, typed };
            return Vec::new();
        }
        TopKey::Char(_)
        | TopKey::Ctrl(_)
        | TopKey::Esc
        | TopKey::Tab
        | TopKey::BackTab
        | TopKey::Backspace
        | TopKey::Up
        | TopKey::Down
        | TopKey::PageUp
        | TopKey::PageDown
        | TopKey::Home
        | TopKey::End => false,
    };
    if !is_agreed {
        let verb = proposed.words.first().map_or("", String::as_str);
        let text = if key == TopKey::Enter && !typed.is_empty() {
            let meant = proposed.sessions;
            format!("{verb}: not done, because {meant} sessions are meant and not {typed}")
        } else {
            format!("{verb}: not done")
        };
        state.said = Some((text, Role::Plain));
        return Vec::new();
    }
    state.marked.clear();
    vec![TopIntent::Run(proposed.words)]
}

fn begin_nudge(state: &mut TopState) -> Vec<TopIntent> {
    if let Some(session) = state.cursor.clone() {
        let typed = String::new();
        state.mode = Mode::Nudge { session, typed };
    }
    Vec::new()
}

fn nudge(
    state: &mut TopState,
    session: SessionName,
    mut typed: String,
    key: TopKey,
) -> Vec<TopIntent> {
    match edit(&mut typed, key) {
        Edited::Going => {
            state.mode = Mode::Nudge { session, typed };
            Vec::new()
        }
        Edited::Given if !typed.trim().is_empty() => {
            let words = ["nudge", session.as_str(), "--", typed.trim()];
            vec![TopIntent::Run(words.map(str::to_owned).into())]
        }
        Edited::Given | Edited::Left => Vec::new(),
    }
}

fn command(state: &mut TopState, mut typed: String, key: TopKey) -> Vec<TopIntent> {
    match edit(&mut typed, key) {
        Edited::Going => {
            state.mode = Mode::Command { typed };
            Vec::new()
        }
        Edited::Left => Vec::new(),
        Edited::Given => match read_line(&typed, &state.targets_of_line()) {
            CommandLine::Nothing => Vec::new(),
            CommandLine::Quit => vec![TopIntent::Quit],
            CommandLine::Attach(session) => attach(state, &session),
            CommandLine::Confirmed(words) => vec![TopIntent::Propose(words)],
            CommandLine::Acting(words) => vec![TopIntent::Run(words)],
            CommandLine::Printing(words) => vec![TopIntent::Print(words)],
            CommandLine::Refused(why) => {
                state.said = Some((why, Role::Change));
                Vec::new()
            }
        },
    }
}

fn attach(state: &mut TopState, session: &str) -> Vec<TopIntent> {
    let known = state
        .rows
        .iter()
        .find(|row| row.session.as_str() == session);
    if let Some(row) = known {
        vec![TopIntent::Attach(row.session.clone())]
    } else {
        state.said = Some((format!("there is no session {session}"), Role::Change));
        Vec::new()
    }
}

fn filter(state: &mut TopState, key: TopKey) {
    match edit(&mut state.filter, key) {
        Edited::Going => state.mode = Mode::Filter,
        Edited::Given => {}
        Edited::Left => state.filter.clear(),
    }
}

/// What a key did to a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Edited {
    /// It is still typed.
    Going,
    /// It is complete.
    Given,
    /// It was left.
    Left,
}

fn edit(typed: &mut String, key: TopKey) -> Edited {
    match key {
        TopKey::Enter => return Edited::Given,
        TopKey::Esc => return Edited::Left,
        TopKey::Backspace if typed.is_empty() => return Edited::Left,
        TopKey::Backspace => {
            typed.pop();
        }
        TopKey::Ctrl('u') => typed.clear(),
        TopKey::Ctrl('w') => {
            let kept = typed.trim_end().rfind(' ').map_or(0, |at| at + 1);
            typed.truncate(kept);
        }
        TopKey::Char(c) if typed.chars().count() < MAX_TYPED => typed.push(c),
        TopKey::Char(_)
        | TopKey::Ctrl(_)
        | TopKey::Tab
        | TopKey::BackTab
        | TopKey::Up
        | TopKey::Down
        | TopKey::PageUp
        | TopKey::PageDown
        | TopKey::Home
        | TopKey::End => {}
    }
    Edited::Going
}
