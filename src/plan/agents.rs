//! What one agent's sign-in means for all its sessions. A fresh process of a signed-out agent would
//! only show the sign-in menu.

use super::Situation;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::model::{Block, Hold, Memory, Moment, Period};
use crate::model::{SortedMap, SortedSet};

/// After too many runs ended signed out, no session of the agent starts for so long. Then one is
/// tried.
const HOLD: Period = Period::from_mins(30);

/// Holds starts of a signed-out agent: one of its sessions shows a sign-in screen now, or too many
/// runs ended with one.
pub(super) fn hold_for_agents(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: &mut [Verdict],
) {
    let signed_out = signed_out(subjects);
    let spent = &situation.memory.auth_deaths;
    let coming_up = subjects.iter().filter(|subject| subject.is_coming_up());
    let mut tried: SortedSet<&str> = coming_up.filter_map(agent).collect();
    for (subject, verdict) in subjects.iter().zip(verdicts.iter_mut()) {
        let asked = subject.history.is_some_and(|history| history.restart_asked);
        let Verdict::Want(want) = verdict else {
            continue;
        };
        let Some(name) = agent(subject).filter(|_| want.starts() && !asked) else {
            continue;
        };
        let until = match (
            signed_out.get(name),
            spent.get(name).and_then(|row| last_of_many(row)),
        ) {
            (None, None) => continue,
            (None, Some(last)) if !situation.now.reached(&last.plus(HOLD)) => Some(last.plus(HOLD)),
            (None, Some(_)) if tried.insert(name) => continue,
            (Some(_), _) | (None, Some(_)) => None,
        };
        let evidence = signed_out.get(name).copied().unwrap_or_default().to_owned();
        let fix = subject
            .desired
            .and_then(|desired| desired.agent.fix.clone());
        let hold = Hold::Blocked {
            kind: Block::Auth,
            agent: name.to_owned(),
            evidence,
            fix,
        };
        *verdict = Verdict::Hold(want.clone(), hold, until);
    }
}

/// The agents with a living session that shows a sign-in screen, and the line that says so.
fn signed_out<'a>(subjects: &[Subject<'a>]) -> SortedMap<&'a str, &'a str> {
    let shows = |subject: &Subject<'a>| {
        let content = subject.content().filter(|_| subject.is_alive())?;
        let out = subject.block() == Some(Block::Auth);
        Some((agent(subject)?, content.evidence.as_str())).filter(|_| out)
    };
    subjects.iter().filter_map(shows).collect()
}

fn agent<'a>(subject: &Subject<'a>) -> Option<&'a str> {
    subject.desired.map(|desired| desired.agent.name.as_str())
}

/// The last of these ends, if they are enough to hold the agent.
pub(super) fn last_of_many(deaths: &[Moment]) -> Option<Moment> {
    deaths
        .last()
        .copied()
        .filter(|_| deaths.len() >= Memory::MAX_AUTH_DEATHS)
}
