//! What is remembered of chores: that they were begun, how they ended, what they propose and what
//! became of it.

use super::texts::{ask_text, lose_texts};
use crate::model::SortedSet;
use crate::model::{
    Advice, Asker, Chore, ChoreEnd, ChoreHistory, ChoreKind, ChoreResult, ChoreTime, Judged,
    Memory, Moment, NudgeText, Plan, Proposal, ProposalStanding, Request, SessionName, TextRequest,
    Town,
};

/// Takes in that the chores which are due in this plan begin now, and that some are skipped. The
/// proposals of their last runs are forgotten. A chore that types a text makes a request; requests
/// of chores that are no longer declared are forgotten.
#[must_use]
pub fn begin_chores(mut memory: Memory, town: &Town, plan: &Plan, now: Moment) -> Memory {
    memory.texts.retain(|request| is_declared(town, request));
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
        let chore = town.chores.iter().find(|chore| chore.name == timed.chore);
        let request = chore
            .filter(|_| timed.when == ChoreTime::Now)
            .and_then(|chore| text_of(chore, now));
        if let Some(request) = request {
            memory = ask_text(memory, request);
        }
    }
    memory
}

/// The text that a chore types; none where it does something else.
fn text_of(chore: &Chore, now: Moment) -> Option<TextRequest> {
    let ChoreKind::Nudge { session, text } = &chore.kind else {
        return None;
    };
    Some(TextRequest {
        asker: Asker::Chore(chore.name.clone()),
        session: session.clone(),
        incarnation: None,
        text: text.clone(),
        since: now,
        until: now.plus(chore.timeout),
        begun: false,
    })
}

fn is_declared(town: &Town, request: &TextRequest) -> bool {
    let asked_by = |chore: &Chore| match &request.asker {
        Asker::Person => false,
        Asker::Chore(name) => chore.name == *name && matches!(chore.kind, ChoreKind::Nudge { .. }),
        Asker::Proposal(name) => chore.name == *name,
    };
    town.chores.iter().any(asked_by)
}

/// Takes in the end of a run, and of the request that it carried out. A chore that was forgotten
/// meanwhile stays forgotten.
#[must_use]
pub fn end_chore(
    mut memory: Memory,
    chore: &str,
    end: ChoreEnd,
    not_before: Option<Moment>,
    proposals: Vec<Proposal>,
) -> Memory {
    memory.texts.retain(|request| request.job() != chore);
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

/// Ends every run that is remembered as running but does not run: its controller has ended. A run
/// whose text still waits goes on.
#[must_use]
pub fn lose_chores(mut memory: Memory, running: &SortedSet<String>, now: Moment) -> Memory {
    lose_texts(&mut memory, running, now);
    let waiting: SortedSet<String> = memory.texts.iter().map(TextRequest::job).collect();
    let goes_on = |name: &String| running.contains(name) || waiting.contains(name);
    let lost = memory
        .chores
        .iter_mut()
        .filter(|(name, history)| history.ended.is_none() && !goes_on(name));
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

/// Takes in that proposals are carried out, as if a person had asked for the same. Returns those
/// that are.
///
/// A text that the manifest accepts becomes a remembered request. A text that a person accepts is
/// left to the caller, who waits for it.
#[must_use]
pub fn take_proposals(
    mut memory: Memory,
    plan: &Plan,
    taking: Taking,
    now: Moment,
) -> (Memory, Vec<Judged>) {
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
            Advice::Nudge(_) => match (taking, proposed_text(&memory, judged, now)) {
                (Taking::Accepted, Some(request)) => ask_text(memory, request),
                (Taking::Accepted, None) | (Taking::Asked, _) => memory,
            },
        };
        taken.push(judged.clone());
    }
    (memory, taken)
}

/// The text of a proposal as a request, for the incarnation that runs now; none where it proposes
/// something else, or no text that can be typed.
#[must_use]
pub fn proposed_text(memory: &Memory, judged: &Judged, now: Moment) -> Option<TextRequest> {
    let Advice::Nudge(text) = &judged.proposal.advice else {
        return None;
    };
    let session = SessionName::new(&judged.proposal.session).ok()?;
    let history = memory.sessions.get(&session)?;
    let incarnation = history.run.as_ref().map(|run| run.generation);
    Some(TextRequest {
        asker: Asker::Proposal(judged.chore.clone()),
        session,
        incarnation,
        text: NudgeText::new(text).ok()?,
        since: now,
        until: now.plus(TextRequest::PROPOSAL_PATIENCE),
        begun: false,
    })
}

fn clip(text: &str, limit: usize) -> String {
    text.chars().take(limit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Period;

    const NOW: Moment = Moment {
        wall: 5,
        awake: 5,
        boot: 1,
    };

    /// A memory in which a chore has just begun to wait for a prompt.
    fn waiting() -> Memory {
        let chore = Chore {
            name: "c".into(),
            kind: ChoreKind::Nudge {
                session: SessionName::new("a").unwrap(),
                text: NudgeText::default(),
            },
            times: crate::model::ChoreTimes::Every(Period::from_hours(1)),
            timeout: Period::from_mins(1),
            keep: 1,
            dir: "/".into(),
        };
        let request = text_of(&chore, NOW).unwrap();
        let memory = ask_chore(Memory::default(), "c", NOW);
        let mut memory = ask_text(memory, request);
        memory.chores.get_mut("c").unwrap().ended = None;
        memory
    }

    #[test]
    fn a_run_whose_text_waits_goes_on_without_its_controller() {
        let nobody = SortedSet::new();
        let memory = lose_chores(waiting(), &nobody, NOW);
        assert_eq!((&memory.chores["c"].ended, memory.texts.len()), (&None, 1));
        let mut begun = memory;
        begun.texts[0].begun = true;
        let lost = lose_chores(begun, &nobody, NOW);
        let ended = lost.chores["c"].ended.as_ref().map(|end| end.result);
        assert_eq!((ended, lost.texts.len()), (Some(ChoreResult::Lost), 0));
    }

    #[test]
    fn the_end_of_a_run_ends_its_request() {
        let end = ChoreEnd {
            at: NOW,
            result: ChoreResult::Failed,
            said: "the state cannot be used".into(),
        };
        let memory = end_chore(waiting(), "c", end, None, Vec::new());
        assert!(memory.texts.is_empty() && memory.chores["c"].ended.is_some());
    }

    #[test]
    fn a_chore_with_set_times_is_known_since_it_was_first_seen() {
        use crate::model::{ChoreTimes, Observed, Timetable, Zone};
        let mut town = crate::sim::random_town(
            SessionName::new("t").unwrap(),
            &mut crate::sim::Random::new(1),
        );
        let timetable = Timetable {
            times: "0 9 * * *".parse().unwrap(),
            zone: Zone::default(),
        };
        let at = Chore {
            name: "at".into(),
            kind: ChoreKind::Command {
                command: vec!["true".into()],
            },
            times: ChoreTimes::At(Box::new(timetable)),
            timeout: Period::from_mins(1),
            keep: 1,
            dir: "/".into(),
        };
        let often = Chore {
            name: "often".into(),
            times: ChoreTimes::Every(Period::from_mins(1)),
            ..at.clone()
        };
        town.chores = vec![often, at];
        let learn = |memory, at| crate::memory::learn(memory, &town, &Observed::Down, at);
        let memory = learn(Memory::default(), NOW);
        let later = NOW.plus(Period::from_hours(1));
        let memory = learn(memory, later);
        assert_eq!(memory.chores_since, [("at".to_owned(), NOW)].into());
        // Once it has run, its last run counts.
        let mut memory = memory;
        let history = ChoreHistory {
            started: later,
            ended: None,
            not_before: None,
            asked: false,
            proposals: Vec::new(),
        };
        memory.chores.insert("at".to_owned(), history);
        assert!(learn(memory, later).chores_since.is_empty());
    }
}
