//! The text of the lower pane.

use super::look::{Looked, Whereabouts};
use super::past::Events;
use crate::cli::explain;
use crate::model::{PaneId, SessionName};
use crate::render::top::{LowerPane, LowerTab, TextLine};
use crate::render::{Paper, Role, chores, sanitise};
use crate::screen::output::Stripper;
use crate::store::{Follower, View};
use crate::tmux::{Client, tail};

/// Bytes at the end of a log that are shown.
const LOG_END: u64 = 64 << 10;
/// The longest line that is shown, in characters.
const LINE: usize = 1000;

/// The pane of a session that lives, whose text is to be read.
pub(super) fn live_pane(looked: &Looked, session: &SessionName) -> Option<PaneId> {
    match looked.whereabouts(session) {
        Whereabouts::Lives(pane) => Some(pane),
        Whereabouts::Ended(_) | Whereabouts::Nowhere => None,
    }
}

/// Reads the text of a pane as it is shown now.
pub(super) async fn capture(client: Client, pane: PaneId, session: SessionName) -> LowerPane {
    let lines = match tail::screens(&client, &[pane]).await {
        Ok(mut screens) => screens.remove(&pane).unwrap_or_default(),
        Err(fault) => vec![fault.to_string()],
    };
    LowerPane {
        session: Some(session),
        tab: LowerTab::Pane,
        lines: lines.iter().map(|line| plain(line)).collect(),
    }
}

/// The text of a tab but the live one, which is read by [`capture`].
pub(super) fn text(
    looked: &Looked,
    events: &Events,
    (tab, session): (LowerTab, Option<&SessionName>),
    paper: &Paper,
) -> LowerPane {
    let lines = match (tab, session) {
        (LowerTab::Chores, _) => of_chores(looked, paper),
        (LowerTab::Pane, Some(session)) => last_words(looked, session),
        (LowerTab::Log, Some(session)) => log(&View::of(&looked.place().state), session),
        (LowerTab::Why, Some(session)) => why(looked, session, paper),
        (LowerTab::Events, Some(session)) => events.lines(session.as_str(), paper),
        (LowerTab::Pane | LowerTab::Log | LowerTab::Why | LowerTab::Events, None) => Vec::new(),
    };
    LowerPane {
        session: session.cloned(),
        tab,
        lines,
    }
}

/// What a session without a living agent has left on its screen.
fn last_words(looked: &Looked, session: &SessionName) -> Vec<TextLine> {
    match looked.whereabouts(session) {
        Whereabouts::Ended(tail) => tail.iter().map(|line| plain(line)).collect(),
        Whereabouts::Nowhere => vec![quiet("there is no such session in tmux now")],
        Whereabouts::Lives(_) => Vec::new(),
    }
}

fn log(view: &View, session: &SessionName) -> Vec<TextLine> {
    let run = view.logged(session).last().copied();
    let files = run.map(|run| view.log_files(session, run));
    let Some(newest) = files.and_then(|mut files| files.pop()) else {
        return vec![quiet("it has no log yet")];
    };
    let mut follower = Follower::of_log(newest);
    let size = follower.skip_to_last(LOG_END);
    let read = size.and_then(|size| Ok((size, follower.read_new(64 << 10)?)));
    let (size, read) = match read {
        Ok(read) => read,
        Err(fault) => return vec![quiet(&fault.to_string())],
    };
    let mut stripper = Stripper::default();
    stripper.feed(&read.bytes);
    let mut text = stripper.rows().to_vec();
    text.extend(stripper.open());
    let text = String::from_utf8_lossy(&text);
    // The first line may be the rest of one.
    let begins_midline = usize::from(size > LOG_END);
    text.lines().skip(begins_midline).map(plain).collect()
}

fn why(looked: &Looked, session: &SessionName, paper: &Paper) -> Vec<TextLine> {
    let page = explain::page_of(looked.place(), &looked.scene(), session, paper);
    page.lines().map(plain).collect()
}

fn of_chores(looked: &Looked, paper: &Paper) -> Vec<TextLine> {
    let scene = looked.scene();
    let table = chores::table(&scene, paper);
    if table.is_empty() {
        return vec![quiet("the town declares no chores")];
    }
    let page = table + "\n" + &chores::proposals(&scene, paper);
    page.lines().map(plain).collect()
}

fn plain(line: &str) -> TextLine {
    TextLine {
        text: sanitise::line(line, LINE),
        role: Role::Plain,
    }
}

fn quiet(line: &str) -> TextLine {
    TextLine {
        role: Role::Quiet,
        ..plain(line)
    }
}
