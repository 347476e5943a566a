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
    fence(target).explain(fields)
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
    unless(
        tag,
        target,
        &format!("#{{||:#{{pane_in_mode}},{typed_before}}}"),
        &commands,
    )
}

/// Presses keys, each a tmux key name, unless a mode of tmux would take them.
#[must_use]
pub fn press(tag: &Tag, target: &Target, keys: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let commands: Vec<String> = keys
        .iter()
        .map(|key| format!("send-keys -t {pane} -- {}", quote(key)))
        .collect();
    unless(tag, target, "#{pane_in_mode}", &commands)
}

/// Runs `commands` behind the fence, unless `obstacle` holds.
fn unless(tag: &Tag, target: &Target, obstacle: &str, commands: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let (stale, done) = (
        tag.stale(&pane, IN_THE_WAY),
        fence(target).line(tag, commands, ""),
    );
    format!(
        "if-shell -F -t {pane} {} {{ {stale} }} {{ {done} }}",
        quote(obstacle)
    )
}
