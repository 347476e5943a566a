//! What readiness probes have shown.

use crate::model::{Memory, ReadyAnswer};

/// Takes in the answers. An answer about another run says nothing, and a run that has once passed
/// stays ready.
#[must_use]
pub fn learn_readiness(mut memory: Memory, answers: Vec<ReadyAnswer>) -> Memory {
    for answer in answers {
        let run = memory
            .sessions
            .get_mut(&answer.session)
            .and_then(|history| history.run.as_mut())
            .filter(|run| run.generation == answer.generation && !run.has_passed_probe());
        if let Some(run) = run {
            run.readiness = Some(answer.readiness);
        }
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Generation, History, Incarnation, Moment, Readiness, SessionName};

    const NOW: Moment = Moment {
        wall: 1_790_000_000_000,
        awake: 90_000_000,
        boot: 7,
    };

    fn answer(generation: u64, fault: Option<&str>) -> ReadyAnswer {
        ReadyAnswer {
            session: SessionName::new("db").unwrap(),
            generation: Generation(generation),
            readiness: Readiness {
                asked: NOW,
                fault: fault.map(str::to_owned),
            },
        }
    }

    #[test]
    fn an_answer_counts_for_its_own_run_until_one_has_passed() {
        let history = History {
            run: Some(Incarnation::new(Generation(2), NOW, None)),
            ..History::default()
        };
        let mut memory = Memory::default();
        memory
            .sessions
            .insert(SessionName::new("db").unwrap(), history);
        let shown = |memory: &Memory| memory.sessions["db"].run.clone().unwrap().readiness;
        let memory = learn_readiness(memory, vec![answer(1, None)]);
        assert_eq!(shown(&memory), None);
        let memory = learn_readiness(memory, vec![answer(2, Some("port 1 refuses"))]);
        assert_eq!(
            shown(&memory),
            Some(answer(2, Some("port 1 refuses")).readiness)
        );
        let memory = learn_readiness(memory, vec![answer(2, None), answer(2, Some("late"))]);
        assert_eq!(shown(&memory), Some(answer(2, None).readiness));
    }
}
