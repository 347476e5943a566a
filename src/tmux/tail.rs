//! The last lines on the screens of panes, several in one round trip.

use super::nonce::nonce;
use super::{CallFault, Client};
use crate::model::PaneId;
use std::collections::BTreeMap;

/// The most lines kept of one pane.
pub const MAX_LINES: usize = 20;
/// The most characters kept of one line.
pub const MAX_LINE: usize = 400;
/// The most panes read in one call; later ones are left out.
pub const MAX_PANES: usize = 256;
/// The most lines kept of one whole screen.
pub const MAX_SCREEN: usize = 150;

/// The last lines of each pane, wrapped lines joined, unsanitised, without blank lines at the end; at most
/// [`MAX_LINES`] of [`MAX_LINE`] characters. A pane that is gone is left out.
///
/// # Errors
/// [`CallFault`].
pub async fn tails(client: &Client, panes: &[PaneId]) -> Result<BTreeMap<PaneId, Vec<String>>, CallFault> {
    captures(client, panes, &history(), MAX_LINES).await
}

/// The screen of each pane as it shows now, likewise, but at most [`MAX_SCREEN`] lines of it.
///
/// # Errors
/// [`CallFault`].
pub async fn screens(client: &Client, panes: &[PaneId]) -> Result<BTreeMap<PaneId, Vec<String>>, CallFault> {
    captures(client, panes, "", MAX_SCREEN).await
}

async fn captures(
    client: &Client,
    panes: &[PaneId],
    from: &str,
    most: usize,
) -> Result<BTreeMap<PaneId, Vec<String>>, CallFault> {
    let nonce = nonce();
    let script = captures_of(&nonce, panes, from);
    // A capture that fails must not end those of other panes.
    let answer = if panes.len() > 1 { client.read(&script).await? } else { client.read_at_once(&script).await? };
    Ok(read(&answer.out, &nonce, most))
}

/// The lines that read the last words of these panes, for another script; [`tails_in`] reads what they print.
pub(super) fn script_of_tails(nonce: &str, panes: &[PaneId]) -> String {
    captures_of(nonce, panes, &history())
}

/// As [`tails`], from what the lines of [`script_of_tails`] have printed.
pub(super) fn tails_in(out: &str, nonce: &str) -> BTreeMap<PaneId, Vec<String>> {
    read(out, nonce, MAX_LINES)
}

fn history() -> String {
    format!("-S -{MAX_LINES}")
}

/// A mark before each screen, and one after the last: a capture that fails leaves nothing between two, and one that breaks
/// off is not taken for whole.
fn captures_of(nonce: &str, panes: &[PaneId], from: &str) -> String {
    let capture = |pane: &PaneId| {
        let PaneId(number) = pane;
        format!("display-message -p '{nonce}B{number}'\ncapture-pane -p -J -t '{pane}' {from}\n")
    };
    let captures: String = panes.iter().take(MAX_PANES).map(capture).collect();
    if captures.is_empty() { captures } else { format!("{captures}display-message -p '{nonce}E'\n") }
}

fn read(out: &str, nonce: &str, most: usize) -> BTreeMap<PaneId, Vec<String>> {
    let mut tails = BTreeMap::new();
    let mut parts = out.split(nonce).peekable();
    while let Some(part) = parts.next() {
        let Some((number, screen)) = part.strip_prefix('B').and_then(|part| part.split_once('\n')) else { continue };
        let whole = parts.peek().is_some_and(|next| next.starts_with(['B', 'E'])) && !screen.is_empty();
        if let (Ok(number), true) = (number.parse(), whole) {
            tails.insert(PaneId(number), last_lines(screen, most));
        }
    }
    tails
}

fn last_lines(screen: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    drop_blank_end(&mut lines);
    // What tmux itself writes below a dead pane's screen is not the agent's.
    if lines.last().is_some_and(|line| line.starts_with("Pane is dead")) {
        lines.pop();
        drop_blank_end(&mut lines);
    }
    let first = lines.len().saturating_sub(most);
    lines.into_iter().skip(first).map(|line| line.chars().take(MAX_LINE).collect()).collect()
}

fn drop_blank_end(lines: &mut Vec<&str>) {
    while lines.last().is_some_and(|line| line.is_empty()) {
        lines.pop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ops::Add;

    #[test]
    fn screens_are_told_apart_and_bounded() {
        let many: String = "x".repeat(500).add("\n").repeat(60);
        let out = format!("NB3\na  \nb\n\n\nPane is dead (status 1, now)\nNB4\nNB5\n{many}\n\nNB6\n\n\nNE\nNB7\nhalf");
        let tails = read(&out, "N", MAX_LINES);
        assert_eq!(tails.keys().map(|p| p.0).collect::<Vec<_>>(), [3, 5, 6]);
        assert_eq!(tails[&PaneId(3)], ["a", "b"]);
        assert_eq!(tails[&PaneId(5)].len(), MAX_LINES);
        assert!(tails[&PaneId(5)].iter().all(|line| line.chars().count() == MAX_LINE));
        assert!(tails[&PaneId(6)].is_empty());
    }
}
