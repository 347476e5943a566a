//! Reads the last lines on the screens of panes, several in one round trip.

use super::nonce::nonce;
use super::script::quote;
use super::{CallFault, Client};
use crate::model::SortedMap;
use crate::model::{PaneId, SessionName};

/// The most lines kept of one pane.
pub const MAX_LINES: usize = 20;
/// The most characters kept of one line.
pub const MAX_LINE: usize = 400;
/// The most panes read in one call. Further panes are left out.
pub const MAX_PANES: usize = 256;
/// The most lines kept of one whole screen.
pub const MAX_SCREEN: usize = 150;

/// The lines of each pane.
pub type Lines = SortedMap<PaneId, Vec<String>>;

/// Screens to read together with a listing.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted<'a> {
    /// Panes whose last lines are read, as by [`tails`].
    pub tails: &'a [PaneId],
    /// Sessions whose current pane's screen is read, as by [`screens`].
    pub screens: &'a [&'a SessionName],
}

/// The screens that were read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Captured {
    /// The last lines of dead panes.
    pub tails: Lines,
    /// The screens of living sessions.
    pub screens: Lines,
}

/// The last lines of each pane: unsanitised, wrapped lines joined, without blank lines at the end.
///
/// At most [`MAX_LINES`] lines of [`MAX_LINE`] characters each. A missing pane is left out.
///
/// # Errors
/// [`CallFault`].
pub async fn tails(client: &Client, panes: &[PaneId]) -> Result<Lines, CallFault> {
    captures(client, panes, Kind::Tail).await
}

/// As [`tails`] for whole screens, at most [`MAX_SCREEN`] lines of each.
///
/// # Errors
/// [`CallFault`].
pub async fn screens(client: &Client, panes: &[PaneId]) -> Result<Lines, CallFault> {
    captures(client, panes, Kind::Screen).await
}

async fn captures(client: &Client, panes: &[PaneId], kind: Kind) -> Result<Lines, CallFault> {
    let nonce = nonce();
    let targets = panes.iter().map(|pane| quote(pane.to_string()));
    let script = captures_of(&nonce, targets, kind) + &end(&nonce);
    // With several panes, a missing one must not end the captures of the others.
    let answer = if panes.len() > 1 {
        client.read(&script).await?
    } else {
        client.read_at_once(&script).await?
    };
    Ok(read(&answer.out, &nonce, kind))
}

impl Wanted<'_> {
    /// The lines of a script that read these screens. Empty if there are none.
    pub(super) fn script(&self, nonce: &str) -> String {
        let tails = self.tails.iter().map(|pane| quote(pane.to_string()));
        let screens = self
            .screens
            .iter()
            .map(|session| quote(format!("={session}:")));
        let captures =
            captures_of(nonce, tails, Kind::Tail) + &captures_of(nonce, screens, Kind::Screen);
        if captures.is_empty() {
            captures
        } else {
            captures + &end(nonce)
        }
    }
}

impl Captured {
    /// Reads the output of [`Wanted::script`].
    pub(super) fn read(out: &str, nonce: &str) -> Self {
        let [tails, screens] = [Kind::Tail, Kind::Screen].map(|kind| read(out, nonce, kind));
        Self { tails, screens }
    }
}

/// Which part of a pane is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tail,
    Screen,
}

impl Kind {
    /// The letter of its mark, the option for `capture-pane`, and the most lines kept.
    fn form(self) -> (char, String, usize) {
        match self {
            Self::Tail => ('B', format!("-S -{MAX_LINES}"), MAX_LINES),
            Self::Screen => ('S', String::new(), MAX_SCREEN),
        }
    }
}

/// Captures of screens, each after a mark with its pane. A failed capture prints nothing.
fn captures_of(nonce: &str, targets: impl Iterator<Item = String>, kind: Kind) -> String {
    let (mark, from, _) = kind.form();
    let capture = |target: String| {
        format!(
            "display-message -p -t {target} '{nonce}{mark}#{{pane_id}}'\ncapture-pane -p -J -t {target} {from}\n"
        )
    };
    targets.take(MAX_PANES).map(capture).collect()
}

/// The mark after the last screen. Without it, a screen counts as incomplete.
fn end(nonce: &str) -> String {
    format!("display-message -p '{nonce}E'\n")
}

fn read(out: &str, nonce: &str, kind: Kind) -> Lines {
    let (mark, _, most) = kind.form();
    let mut lines = Lines::new();
    let mut parts = out.split(nonce).peekable();
    while let Some(part) = parts.next() {
        let Some((pane, screen)) = part
            .strip_prefix(mark)
            .and_then(|part| part.split_once('\n'))
        else {
            continue;
        };
        let whole = parts
            .peek()
            .is_some_and(|next| next.starts_with(['B', 'S', 'E']))
            && !screen.is_empty();
        if let (Ok(pane), true) = (pane.parse(), whole) {
            lines.insert(pane, last_lines(screen, most));
        }
    }
    lines
}

fn last_lines(screen: &str, most: usize) -> Vec<String> {
    let mut lines: Vec<&str> = screen.lines().map(str::trim_end).collect();
    drop_blank_end(&mut lines);
    // tmux itself writes this line below the screen of a dead pane.
    if lines
        .last()
        .is_some_and(|line| line.starts_with("Pane is dead"))
    {
        lines.pop();
        drop_blank_end(&mut lines);
    }
    let first = lines.len().saturating_sub(most);
    lines
        .into_iter()
        .skip(first)
        .map(|line| line.chars().take(MAX_LINE).collect())
        .collect()
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
        let out = format!(
            "NB%3\na  \nb\n\n\nPane is dead (status 1, now)\nNB%4\nNB%5\n{many}\n\nNB%6\n\n\nNS%8\nnow\nNE\nNB%7\nhalf"
        );
        let Captured { tails, screens } = Captured::read(&out, "N");
        assert_eq!(screens, [(PaneId(8), vec!["now".to_owned()])].into());
        assert_eq!(tails.keys().map(|p| p.0).collect::<Vec<_>>(), [3, 5, 6]);
        assert_eq!(tails[&PaneId(3)], ["a", "b"]);
        assert_eq!(tails[&PaneId(5)].len(), MAX_LINES);
        assert!(
            tails[&PaneId(5)]
                .iter()
                .all(|line| line.chars().count() == MAX_LINE)
        );
        assert!(tails[&PaneId(6)].is_empty());
    }
}
