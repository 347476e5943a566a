//! What was ended because the store was lost has not crashed.

use crate::model::{Fleet, History, LossPolicy, Memory, Moment, Period};

/// What tmux knows of the end of a process is a whole second.
const GRAIN: Period = Period::from_millis(1000);

/// All that can move was ended here, by gtctl itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FenceEnd {
    /// When that began. None if a guard may have done it before this controller was there.
    pub began: Option<Moment>,
    /// When nothing that can move was left.
    pub done: Moment,
}

impl FenceEnd {
    /// Takes the crashes back that were none: a session that was ended so waits for no back-off, and
    /// is in no crash loop. So it starts at once when the store is back, or elsewhere.
    ///
    /// It is to be asked after each look, because the next look counts the same end again.
    pub fn forgive(&self, fleet: &Fleet, memory: &mut Memory) {
        for (name, session) in &fleet.sessions {
            if session.on_host_loss != LossPolicy::Move {
                continue;
            }
            if let Some(history) = memory.sessions.get_mut(name) {
                self.forgive_one(history);
            }
        }
    }

    fn forgive_one(&self, history: &mut History) {
        let Some(run) = &history.run else {
            return;
        };
        let Some(ended) = run.ended else {
            return;
        };
        let was_there = !self.done.since(&run.started).is_zero();
        let had_ended = self
            .began
            .is_some_and(|began| began.since(&ended.at) > GRAIN);
        if was_there && !had_ended && history.crashes.last() == Some(&ended.at) {
            history.crashes.pop();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Death, Ended, Fingerprint, Generation, Incarnation};

    const NOW: Moment = Moment {
        wall: 1_000_000_000,
        awake: 1_000_000,
        boot: 1,
    };

    /// A session that has crashed ten minutes ago, was started then, and has ended at this moment.
    fn ended_at(at: Moment) -> History {
        let before = NOW.minus(Period::from_mins(10));
        let mut run = Incarnation::new(Generation(2), before, None::<Fingerprint>);
        run.ended = Some(Ended {
            at,
            death: Death::Signal(9),
        });
        History {
            run: Some(run),
            crashes: vec![before, at],
            ..History::default()
        }
    }

    #[test]
    fn only_what_the_fence_has_ended_is_forgiven() {
        let fence = FenceEnd {
            began: Some(NOW),
            done: NOW.plus(Period::from_millis(50)),
        };
        let crashes = |fence: FenceEnd, mut history: History| {
            fence.forgive_one(&mut history);
            history.crashes.len()
        };
        let seconds = Period::from_secs;
        assert_eq!(crashes(fence, ended_at(NOW)), 1);
        assert_eq!(
            crashes(fence, ended_at(NOW.plus(seconds(5)))),
            1,
            "seen late"
        );
        assert_eq!(
            crashes(fence, ended_at(NOW.minus(Period::from_millis(900)))),
            1
        );
        assert_eq!(crashes(fence, ended_at(NOW.minus(seconds(3)))), 2, "before");

        let unknown = FenceEnd {
            began: None,
            ..fence
        };
        assert_eq!(crashes(unknown, ended_at(NOW.minus(seconds(3)))), 1);

        let mut later = ended_at(NOW.plus(seconds(9)));
        later.run.as_mut().unwrap().started = NOW.plus(seconds(8));
        assert_eq!(crashes(fence, later), 2, "a run that began after it");

        let mut twice = ended_at(NOW);
        fence.forgive_one(&mut twice);
        fence.forgive_one(&mut twice);
        assert_eq!(twice.crashes.len(), 1, "once is enough");
    }
}
