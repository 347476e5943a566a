//! What is remembered of chores: that they were begun, how they ended, what they propose and what
//! became of it.

use crate::model::{
    Advice, ChoreEnd, ChoreHistory, ChoreResult, ChoreTime, Entry, Evidence, Judged, Level, Memory,
    Moment, Plan, Proposal, ProposalStanding, Request,
};
use serde_json::json;
use std::collections::BTreeSet;

/// Takes in that the chores which are due in this plan are begun now, and that some are done
/// without. What their last runs proposed goes.
#[must_use]
pub fn begin_chores(mut memory: Memory, plan: &Plan, now: Moment) -> Memory {
    for timed in &plan.chores {
        let ended = match &timed.when {
            ChoreTime::Now => None,
            ChoreTime::Skip(why) => Some(ChoreEnd {
                at: now,
                result: ChoreResult::Skipped,
                said: clip(why, ChoreEnd::MAX_SAID),
            }),
            ChoreTime::Running { .. } | ChoreTime::At(_) | ChoreTime::Held(_) => continue,
        };
        let history = ChoreHistory {
            started: now,
            ended,
            not_before: None,
            asked: false,
            proposals: Vec::new(),
        };
        memory.chores.insert(timed.chore.clone(), history);
    }
    memory
}

/// Takes in the end of a run. A chore that was forgotten meanwhile stays so.
#[must_use]
pub fn end_chore(
    mut memory: Memory,
    chore: &str,
    end: ChoreEnd,
    not_before: Option<Moment>,
    proposals: Vec<Proposal>,
) -> Memory {
    if let Some(history) = memory.chores.get_mut(chore) {
        let ChoreEnd { at, result, said } = end;
        history.ended = Some(ChoreEnd {
            at,
            result,
            said: said.chars().take(ChoreEnd::MAX_SAID).collect(),
        });
        history.not_before = not_before;
        history.proposals = proposals;
        history.proposals.truncate(Proposal::MAX);
    }
    memory
}

/// Ends every run that is said to go on but does not: its controller has ended.
#[must_use]
pub fn lose_chores(mut memory: Memory, running: &BTreeSet<String>, now: Moment) -> Memory {
    let lost = memory
        .chores
        .iter_mut()
        .filter(|(name, history)| history.ended.is_none() && !running.contains(*name));
    for (_, history) in lost {
        let said = "the controller ended before the run did".to_owned();
        history.ended = Some(ChoreEnd {
            at: now,
            result: ChoreResult::Lost,
            said,
        });
    }
    memory
}

/// Takes in that somebody asks for a run of a chore now.
#[must_use]
pub fn ask_chore(mut memory: Memory, chore: &str, now: Moment) -> Memory {
    let at = now;
    let history = memory
        .chores
        .entry(chore.to_owned())
        .or_insert_with(|| ChoreHistory {
            started: now,
            ended: Some(ChoreEnd {
                at,
                result: ChoreResult::Skipped,
                said: "never run before".to_owned(),
            }),
            not_before: None,
            asked: true,
            proposals: Vec::new(),
        });
    history.asked = true;
    memory
}

/// Which proposals are carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taking {
    /// Those that the manifest accepts.
    Accepted,
    /// Those that wait for somebody, too.
    Asked,
}

/// Takes in that proposals are carried out, as if a person had asked for the same. Returns the
/// texts to be typed.
#[must_use]
pub fn take_proposals(mut memory: Memory, plan: &Plan, taking: Taking) -> (Memory, Vec<Judged>) {
    let mut taken = Vec::new();
    for judged in &plan.proposals {
        let session = match (&judged.standing, taking) {
            (ProposalStanding::Accepted(session), Taking::Accepted | Taking::Asked)
            | (ProposalStanding::Asks(session), Taking::Asked) => session,
            (ProposalStanding::Asks(_), Taking::Accepted)
            | (ProposalStanding::Taken | ProposalStanding::Refused(_), _) => continue,
        };
        let history = memory.chores.get_mut(&judged.chore);
        let Some(proposal) = history.and_then(|h| h.proposals.get_mut(judged.nth)) else {
            continue;
        };
        proposal.taken = true;
        memory = match judged.proposal.advice {
            Advice::Restart => super::ask(memory, session, Request::Restart),
            Advice::Reset => super::ask(memory, session, Request::Reset),
            Advice::Nudge(_) => memory,
        };
        taken.push(judged.clone());
    }
    (memory, taken)
}

/// What is written down of chores that were done without in this plan, and of proposals that are
/// new in it.
#[must_use]
pub fn chore_entries(
    before: &Plan,
    after: &Plan,
    kind_of: impl Fn(&str) -> &'static str,
) -> Vec<Entry> {
    let skipped = after.chores.iter().filter_map(|timed| match &timed.when {
        ChoreTime::Skip(why) => Some(chore_entry(
            kind_of(&timed.chore),
            &timed.chore,
            ChoreResult::Skipped,
            why,
        )),
        ChoreTime::Now | ChoreTime::Running { .. } | ChoreTime::At(_) | ChoreTime::Held(_) => None,
    });
    let is_news = |judged: &&Judged| {
        let same = |other: &Judged| {
            other.proposal == judged.proposal && other.standing.is_like(&judged.standing)
        };
        !before.proposals.iter().any(same)
    };
    skipped
        .chain(after.proposals.iter().filter(is_news).map(of_proposal))
        .collect()
}

/// The line about one run of a chore.
#[must_use]
pub fn chore_entry(kind: &'static str, chore: &str, result: ChoreResult, said: &str) -> Entry {
    let fields: Evidence = [("chore", json!(chore)), ("outcome", json!(result.word()))].into();
    let word = match result {
        ChoreResult::Done => String::new(),
        ChoreResult::Skipped | ChoreResult::Failed | ChoreResult::TimedOut | ChoreResult::Lost => {
            format!("{}: ", result.word())
        }
    };
    Entry {
        level: if result.is_trouble() {
            Level::Warn
        } else {
            Level::Info
        },
        component: kind,
        message: format!("{chore}: {word}{}", clip(said, ChoreEnd::MAX_SAID)),
        fields,
    }
}

fn of_proposal(judged: &Judged) -> Entry {
    let Judged {
        chore,
        nth: _,
        proposal,
        standing: _,
    } = judged;
    let verb = proposal.advice.word();
    let fields = [
        ("chore", json!(chore)),
        ("session", json!(proposal.session)),
        ("verb", json!(verb)),
        ("outcome", json!(code(judged))),
        ("why", json!(proposal.why)),
    ];
    Entry {
        level: Level::Info,
        component: "analysis",
        message: format!(
            "{}: {chore} proposes {verb} ({})",
            proposal.session,
            code(judged)
        ),
        fields: fields.into(),
    }
}

fn code(judged: &Judged) -> &'static str {
    match &judged.standing {
        ProposalStanding::Asks(_) => "asks",
        ProposalStanding::Accepted(_) => "accepted",
        ProposalStanding::Taken => "taken",
        ProposalStanding::Refused(refusal) => refusal.code(),
    }
}

fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}
