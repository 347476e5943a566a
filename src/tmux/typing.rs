//! Typing for somebody: a text at a prompt, and the keys that submit it.
//!
//! A text goes in as one paste, by a buffer of our own that is gone with it: whole or not at all,
//! with line ends that submit nothing where the client knows pastes, and without a byte that a key
//! table could read. Each text is typed once: its moment is left on the session first, and tmux
//! refuses the same moment again, however late a call is carried out.

use super::fence::{Clients, Fence, Pane, pane_target};
use super::script::{Tag, quote};
use crate::model::{Moment, NudgeText, Target};

/// When a text was last typed into the session.
const STAMP: &str = "@gtctl_nudge";
/// What a `stale` reply holds where not the session is another, but something is before its prompt.
const IN_THE_WAY: &str = "in-the-way";

/// The fence of all these: attached clients do not matter, for a composer that somebody writes in
/// is left alone.
fn fence(target: &Target) -> Fence<'_> {
    Fence::new(target, Clients::Ignore, Pane::Present)
}

/// Says in words why one of these was refused.
#[must_use]
pub fn explain(target: &Target, fields: &str) -> String {
    if fields == IN_THE_WAY {
        return "tmux shows something before its prompt, or this text was typed before".to_owned();
    }
    fence(target).explain(fields)
}

/// Reads the pane's screen with its attributes, wrapped lines joined; it is the reply's text.
#[must_use]
pub fn look(tag: &Tag, target: &Target) -> String {
    let capture = format!(
        "capture-pane -p -e -J -t {}",
        pane_target(target.session, target.pane)
    );
    fence(target).line(tag, &[tag.begin(), capture], "")
}

/// Leaves copy mode, and a view on top of it.
#[must_use]
pub fn leave_mode(tag: &Tag, target: &Target) -> String {
    let pane = pane_target(target.session, target.pane);
    let copies = quote("#{||:#{==:#{pane_mode},copy-mode},#{==:#{pane_mode},view-mode}}");
    let cancel = format!("if-shell -F -t {pane} {copies} {{ send-keys -t {pane} -X cancel }}");
    fence(target).line(tag, &[cancel.clone(), cancel], "")
}

/// Types a text where no mode of tmux's is in the way; a line of its own after [`leave_mode`].
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
        // With `-r` a line end stays one: a carriage return would submit.
        format!("paste-buffer -d -p -r -b {buffer} -t {pane}"),
    ];
    unless(
        tag,
        target,
        &format!("#{{||:#{{pane_in_mode}},{typed_before}}}"),
        &commands,
    )
}

/// Presses keys, each by its tmux name, where no mode of tmux's would take them; likewise.
#[must_use]
pub fn press(tag: &Tag, target: &Target, keys: &[String]) -> String {
    let pane = pane_target(target.session, target.pane);
    let commands: Vec<String> = keys
        .iter()
        .map(|key| format!("send-keys -t {pane} -- {}", quote(key)))
        .collect();
    unless(tag, target, "#{pane_in_mode}", &commands)
}

/// Does `commands` behind the fence, unless this condition holds.
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
