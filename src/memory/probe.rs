//! What is asked of agents whose sessions cannot go on, and what they answer.

use crate::model::{
    Answer, Answered, History, Memory, Moment, Period, Probe, Probed, ScreenState, Town,
};
use std::mem::discriminant;

/// Takes in that the due ones of these are about to be asked. Until it is known better, a question
/// counts as failed.
pub(super) fn intend_probes(memory: &mut Memory, probes: &[Probe], now: Moment) {
    for probe in probes.iter().filter(|probe| probe.is_due(now)) {
        let former = memory.probes.remove(&probe.agent);
        let failed = former
            .as_ref()
            .map_or(0, |probed| probed.failed)
            .saturating_add(1);
        let answered = former.and_then(|probed| probed.answered);
        memory.probes.insert(
            probe.agent.clone(),
            Probed {
                asked: now,
                failed,
                answered,
            },
        );
    }
}

/// Takes in the answer to the question asked at that moment. One to another question says nothing
/// any more.
#[must_use]
pub fn answer(mut memory: Memory, agent: &str, asked: Moment, answer: Answer) -> Memory {
    let Some(probed) = memory
        .probes
        .get_mut(agent)
        .filter(|probed| probed.asked == asked)
    else {
        return memory;
    };
    if answer == Answer::Passed {
        probed.failed = 0;
        memory.auth_deaths.remove(agent);
    }
    probed.answered = Some(Answered { asked, answer });
    memory
}

/// The answers that are in `after` and were not in `before`, by agent: none where an agent repeats
/// itself.
#[must_use]
pub fn answers(before: &Memory, after: &Memory) -> Vec<(String, Answer)> {
    let last = |agent: &str| {
        before
            .probes
            .get(agent)
            .and_then(|probed| probed.answered.as_ref())
    };
    let told = after.probes.iter().filter_map(|(agent, probed)| {
        let answered = probed.answered.as_ref()?;
        let news = last(agent)
            .is_none_or(|last| discriminant(&last.answer) != discriminant(&answered.answer));
        let again = answered.answer == Answer::Passed && last(agent) != Some(answered);
        (news || again).then(|| (agent.clone(), answered.answer.clone()))
    });
    told.collect()
}

/// A question is remembered for at least so long: a report that comes late can say once more what has
/// led to it.
const REMEMBERED: Period = Period::from_mins(1);

/// Forgets the questions to agents of which no session shows any more that it cannot go on.
pub(super) fn forget_probes(memory: &mut Memory, town: &Town, now: Moment) {
    let Memory {
        probes,
        sessions,
        auth_deaths,
        ..
    } = memory;
    let is_blocked = |history: &History| {
        let state = history.content().map(|content| content.state);
        state == Some(ScreenState::Auth)
    };
    let runs = |agent: &String| {
        let mut declared = town
            .sessions
            .iter()
            .filter(|(_, desired)| desired.agent.name == *agent);
        declared.any(|(name, _)| sessions.get(name).is_some_and(is_blocked))
    };
    probes.retain(|agent, probed| {
        let is_fresh = now.since(&probed.asked) < REMEMBERED && probed.asked.boot == now.boot;
        is_fresh || auth_deaths.contains_key(agent) || runs(agent)
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Block;

    const NOW: Moment = Moment {
        wall: 1_790_000_000_000,
        awake: 90_000_000,
        boot: 7,
    };

    fn asked(memory: Memory, at: Moment) -> Memory {
        let mut memory = memory;
        let desired = Box::new(crate::sim::session(
            crate::model::SessionName::new("a").unwrap(),
        ));
        let probe = Probe {
            agent: "kimi".to_owned(),
            kind: Block::Auth,
            since: NOW,
            at,
            failed: 0,
            desired,
        };
        intend_probes(&mut memory, &[probe], at);
        memory
    }

    #[test]
    fn only_the_answer_to_the_last_question_counts() {
        let first = asked(Memory::default(), NOW);
        let later = NOW.plus(crate::model::Period::from_mins(5));
        let second = asked(first.clone(), later);
        assert_eq!(second.probes["kimi"].failed, 2);
        let stale = answer(second.clone(), "kimi", NOW, Answer::Passed);
        assert_eq!(stale, second);
        let mut dying = second.clone();
        dying.auth_deaths.insert("kimi".to_owned(), vec![NOW]);
        let passed = answer(dying, "kimi", later, Answer::Passed);
        assert_eq!(
            (passed.probes["kimi"].passed(), passed.probes["kimi"].failed),
            (Some(later), 0)
        );
        assert!(passed.auth_deaths.is_empty());
        let third = asked(passed, later.plus(crate::model::Period::from_mins(5)));
        assert_eq!(
            third.probes["kimi"].passed(),
            Some(later),
            "until the next answer"
        );
    }

    #[test]
    fn an_agent_that_repeats_itself_is_told_of_once() {
        let first = asked(Memory::default(), NOW);
        let missing = || Answer::Unasked("not found".to_owned());
        let once = answer(first.clone(), "kimi", NOW, missing());
        assert_eq!(answers(&first, &once), [("kimi".to_owned(), missing())]);
        let again = asked(once.clone(), NOW.plus(crate::model::Period::from_mins(9)));
        let again = answer(again.clone(), "kimi", again.probes["kimi"].asked, missing());
        assert!(answers(&once, &again).is_empty());
        assert!(answers(&again, &again).is_empty());
    }
}
