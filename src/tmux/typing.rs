//! Types for a user: puts a text at a prompt and presses the keys that submit it.
//!
//! The text goes in as one paste, from a buffer of our own that is then deleted. So it arrives
//! completely or not at all. Its line ends submit nothing if the client supports pastes, and no
//! byte of it acts as a key. Each text is typed once: its time is first written on the session, and
//! tmux refuses the same time again, however late a call runs.

use super::fence::{Clients, Fence, Pane, pane_target};
use super::script::{Tag, quote};
use crate::model::{Moment, NudgeText, Target};

/// The option with the time of the last typed text.
const STAMP: &str = "@gtctl_nudge";
/// The content of a `stale` reply if the session is right but its prompt is covered.
const IN_THE_WAY: &str = "in-the-way";
/// The content of a `stale` reply if the session is right but its screen shows something else.
const OTHER_SCREEN: &str = "other-screen";
/// So many rows of a dialog are compared by tmux, the last ones.
const MAX_ROWS: usize = 32;
/// So many characters of each row are compared.
const MAX_COLUMNS: usize = 160;

/// The fence of all operations here. Attached clients do not matter, because we never type into a
/// prompt that contains text.
fn fence(target: &Target) -> Fence<'_> {
    Fence::new(target, Clients::Ignore, Pane::Present)
}

/// Explains why an operation was refused.
#[must_use]
pub fn explain(target: &Target, fields: &str) -> String {
    if fields == IN_THE_WAY {
        return "tmux shows something before its prompt, or this text was typed before".to_owned();
    }
    if is_other_screen(fields) {
        return "its screen no longer shows this question".to_owned();
    }
    fence(target).explain(fields)
}

/// Whether an operation was refused because the screen shows something else.
#[must_use]
pub fn is_other_screen(fields: &str) -> bool {
    fields == OTHER_SCREEN
}

/// Reads the screen with its attributes, with wrapped lines joined, as the text of the reply.
#[must_use]
pub fn look(tag: &Tag, target: &Target) -> String {
    let capture = format!(
        "capture-pane -p -e -J -t {}",
        pane_target(target.session, target.pane)
    );
    fence(target).line(tag, &[tag.begin(), capture], "")
}

/// Reads the screen row by row, as [`press_at_rows`] compares it, as the text of the reply.
#[must_use]
pub fn look_at_rows(tag: &Tag, target: &Target) -> String {
    let pane = pane_target(target.session, target.pane);
    let capture = format!("capture-pane -p -t {pane}");
    fence(target).line(tag, &[tag.begin(), capture], "")
}

/// Leaves copy mode and a view below it.
#[must_use]
pub fn leave_mode(tag: &Tag, target: &Target) -> String {
    let pane = pane_target(target.session, target.pane);
    let copies = quote("#{||:#{==:#{pane_mode},copy-mode},#{==:#{pane_mode},view-mode}}");
    let cancel = format!("if-shell -F -t {pane} {copies} {{ send-keys -t {pane} -X cancel }}");
    fence(target).line(tag, &[cancel.clone(), cancel], "")
}

/// Types a text, unless a mode of tmux covers the prompt. Needs a line of its own after
/// [`leave_mode`].
#[must_use]
pub fn paste(tag: &Tag, target: &Target, text: &NudgeText, stamp: Moment) -> String {
    let pane = pane_target(target.session, target.pane);
    let stamp = stamp.to_string();
    let buffer = quote(format!("gtctl-{}-{stamp}", target.pane.0));
    let typed_before = format!("#{{==:#{{{STAMP}}},{stamp}}}");
    let commands = [
        format!(
            "set-option -t {} {STAMP} {}",
            quote(format!("{}:", target.session)),
            quote(&stamp)
        ),
        format!("set-buffer -b {buffer} -- {}", quote(&*text.typed())),
        // `-r` keeps line feeds. tmux would replace them by carriage returns, which submit.
        format!("paste-buffer -d -p -r -b {buffer} -t {pane}"),
    ];
    let obstacle = Obstacle {
        condition: format!("#{{||:#{{pane_in_mode}},{typed_before}}}"),
        fields: IN_THE_WAY,
    };
    unless(tag, target, &obstacle, &commands)
}

/// Presses keys, each a tmux key name, unless a mode of tmux would take them.
#[must_use]
pub fn press(tag: &Tag, target: &Target, keys: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let commands: Vec<String> = keys
        .iter()
        .map(|key| format!("send-keys -t {pane} -- {}", quote(key)))
        .collect();
    let obstacle = Obstacle {
        condition: "#{pane_in_mode}".to_owned(),
        fields: IN_THE_WAY,
    };
    unless(tag, target, &obstacle, &commands)
}

/// Presses one key, a tmux key name, if the screen still shows all these rows. tmux compares them
/// in the same round trip. A client that is attached does not matter where the target says so.
#[must_use]
pub fn press_at_rows(tag: &Tag, target: &Target, key: &str, rows: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let last_rows = rows.iter().skip(rows.len().saturating_sub(MAX_ROWS));
    let tests: Vec<String> = last_rows
        .map(|row| format!("#{{C:{}}}", row_pattern(row)))
        .collect();
    let shows_all = all_of(&tests);
    let obstacle = Obstacle {
        condition: format!("#{{||:#{{pane_in_mode}},#{{?{shows_all},0,1}}}}"),
        fields: OTHER_SCREEN,
    };
    let press = format!("send-keys -t {pane} -- {}", quote(key));
    let fence = Fence::new(target, Clients::for_asking(target), Pane::Present);
    let done = fence.line(tag, &[press], "");
    obstacle.before(tag, &pane, &done)
}

/// A pattern of a row for tmux. Signs that patterns or formats read stand for any one sign.
fn row_pattern(row: &str) -> String {
    let is_plain = |c: char| c.is_ascii_alphanumeric() || c == ' ' || !c.is_ascii();
    row.chars()
        .take(MAX_COLUMNS)
        .map(|c| if is_plain(c) { c } else { '?' })
        .collect()
}

/// A format that is true if all these are. It is a balanced tree, because tmux bounds how deep a
/// format may nest.
fn all_of(tests: &[String]) -> String {
    match tests {
        [] => "1".to_owned(),
        [only] => only.clone(),
        several => {
            let (first, second) = several.split_at(several.len() / 2);
            format!("#{{&&:{},{}}}", all_of(first), all_of(second))
        }
    }
}

/// A format that forbids an operation where it is true, and what the reply then says.
struct Obstacle {
    condition: String,
    fields: &'static str,
}

impl Obstacle {
    /// The line that runs `line` unless the obstacle holds.
    fn before(&self, tag: &Tag, pane: &str, line: &str) -> String {
        let stale = tag.stale(pane, self.fields);
        let condition = quote(&self.condition);
        format!("if-shell -F -t {pane} {condition} {{ {stale} }} {{ {line} }}")
    }
}

/// Runs `commands` behind the fence, unless `obstacle` holds.
fn unless(tag: &Tag, target: &Target, obstacle: &Obstacle, commands: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let done = fence(target).line(tag, commands, "");
    obstacle.before(tag, &pane, &done)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_become_patterns_that_neither_formats_nor_patterns_read() {
        assert_eq!(
            row_pattern("❯ 1. Yes, #{x} [a-z]*"),
            "❯ 1? Yes? ??x? ?a?z??"
        );
        assert_eq!(all_of(&[]), "1");
        let tests = ["a", "b", "c"].map(str::to_owned);
        assert_eq!(all_of(&tests), "#{&&:a,#{&&:b,c}}");
    }
}
