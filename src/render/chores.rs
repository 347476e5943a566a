//! Chores and what they propose, below the sessions: when each ran last, how that ended, and when it runs next.

use super::columns::{Line, cell, lay_out};
use super::sanitise;
use super::style::{Paper, Role};
use super::view::Scene;
use super::words::{self, brief};
use crate::model::{ChoreEnd, ChoreTime, Judged, Proposal, ProposalStanding, Refusal, Timed};

/// The longest text of a chore's or an agent's own, in characters.
const LONG: usize = 200;

/// A table of all chores; empty where there are none.
#[must_use]
pub fn table(scene: &Scene<'_>, paper: &Paper) -> String {
    if scene.plan.chores.is_empty() {
        return String::new();
    }
    let head = |text: &str| cell(text).role(Role::Quiet);
    let mut lines = vec![Line::Row(vec![head("  CHORE"), head("NEXT"), head("LAST")])];
    lines.extend(scene.plan.chores.iter().map(|timed| line(scene, timed, paper)));
    lay_out(&lines, "", paper)
}

/// What is proposed, and what becomes of it; empty where nothing is.
#[must_use]
pub fn proposals(scene: &Scene<'_>, paper: &Paper) -> String {
    let lines: Vec<Line> = scene.plan.proposals.iter().flat_map(proposal).collect();
    lay_out(&lines, "  ", paper)
}

/// When a chore runs next, for people.
#[must_use]
pub fn next(timed: &Timed, paper: &Paper) -> String {
    match &timed.when {
        ChoreTime::Now | ChoreTime::Skip(_) => "due".to_owned(),
        ChoreTime::Running { since } => format!("runs for {}", brief(paper.clock.now.since(since))),
        ChoreTime::At(at) => paper.clock.time(*at),
        ChoreTime::Held(hold) => format!("held: {}", words::obstacle(hold)),
    }
}

/// Why a proposal is not carried out, for people.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownSession => "no such session is declared".to_owned(),
        Refusal::Needless => "there is no need for it".to_owned(),
        Refusal::Phase(phase) => format!("it is {}", words::phase(*phase)),
        Refusal::Held(hold) => words::obstacle(hold),
        Refusal::TooMany { allowed } => format!("at most {allowed} of one analysis may be restarted"),
    }
}

fn line(scene: &Scene<'_>, timed: &Timed, paper: &Paper) -> Line {
    let last = scene.memory.chores.get(&timed.chore).and_then(|history| history.ended.as_ref());
    let (mark, role) = match last {
        Some(end) if end.result.is_trouble() => ("!", Role::Bad),
        Some(_) | None => (" ", Role::Plain),
    };
    let told = last.map_or_else(|| "-".to_owned(), |end| last_run(end, paper));
    let name = cell(format!("{mark} {}", sanitise::line(&timed.chore, LONG))).role(role);
    Line::Row(vec![name, cell(next(timed, paper)), cell(told).role(Role::Quiet)])
}

fn last_run(end: &ChoreEnd, paper: &Paper) -> String {
    let ago = brief(paper.clock.now.since(&end.at));
    format!("{} {ago} ago: {}", end.result.word(), sanitise::line(&end.said, LONG))
}

fn proposal(judged: &Judged) -> Vec<Line> {
    let Judged { chore, nth: _, proposal, standing } = judged;
    let Proposal { advice, session, why, taken: _ } = proposal;
    let (role, becomes) = match standing {
        ProposalStanding::Asks(_) => (Role::Change, "waits for `gtctl apply --accept`".to_owned()),
        ProposalStanding::Accepted(_) => (Role::Change, "accepted by the manifest".to_owned()),
        ProposalStanding::Taken => (Role::Quiet, "carried out".to_owned()),
        ProposalStanding::Refused(why) => (Role::Quiet, format!("refused: {}", refusal(why))),
    };
    let verb = cell(format!("? {}", advice.word())).role(role);
    let why = format!("{chore} proposes it: {}", sanitise::line(why, LONG));
    let session = cell(sanitise::line(session, 64)).role(Role::Strong);
    vec![Line::Row(vec![verb, session, cell(why)]), Line::Below { column: 2, cell: cell(becomes).role(role) }]
}
