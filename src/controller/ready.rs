//! Asks sessions that come up whether they are ready, beside the cycles. No cycle waits for an
//! answer.

use crate::act;
use crate::jobs::{BrokenOff, Cancel, Job, Pool};
use crate::model::{Moment, Plan, Readiness, ReadyAnswer, ReadyCheck, ReadyQuestion, SessionName};
use crate::store::View;
use std::collections::VecDeque;
use std::path::PathBuf;

/// So many sessions are asked at once. All others wait for their turn.
const AT_ONCE: usize = 8;

/// The questions that wait for their turn or for an answer, and the answers that nobody has taken
/// yet.
#[derive(Debug, Default)]
pub(super) struct ReadyChecks {
    waiting: VecDeque<Question>,
    asked: Pool<Question>,
    answers: Vec<ReadyAnswer>,
}

#[derive(Debug)]
struct Question {
    check: ReadyCheck,
    now: Moment,
    logs: Vec<PathBuf>,
}

impl ReadyChecks {
    /// Asks what the plan says is due. These replace the questions that still wait for their turn.
    pub(super) fn begin(&mut self, plan: &Plan, now: Moment, state: &View) {
        let due = plan.checks.iter().filter(|check| check.is_due(now));
        self.waiting = due
            .map(|check| Question {
                check: check.clone(),
                now,
                logs: logs_of(check, state),
            })
            .collect();
        // Who was asked longest ago comes first, so that everybody has a turn.
        let waiting = self.waiting.make_contiguous();
        waiting.sort_by_key(|question| std::cmp::Reverse(now.since(&question.check.at)));
        self.fill_up();
    }

    /// The answers that have come since the last call.
    pub(super) fn take(&mut self) -> Vec<ReadyAnswer> {
        self.answers.extend(self.asked.ended());
        std::mem::take(&mut self.answers)
    }

    /// Waits until a session has become ready, and without end while nobody is asked. May be dropped
    /// at any time. That a probe fails is no reason to look: the plan says when it is asked again.
    pub(super) async fn passed(&mut self) {
        loop {
            self.asked.wait().await;
            let ended = self.asked.ended();
            let has_passed = ended.iter().any(|answer| answer.readiness.fault.is_none());
            self.answers.extend(ended);
            self.fill_up();
            if has_passed {
                return;
            }
        }
    }

    /// Waits for all answers. Returns whether there are any.
    pub(super) async fn settle(&mut self) -> bool {
        while self.asked.running().next().is_some() {
            self.asked.wait().await;
            self.answers.extend(self.asked.ended());
            self.fill_up();
        }
        !self.answers.is_empty()
    }

    fn fill_up(&mut self) {
        while self.asked.running().count() < AT_ONCE {
            let Some(next) = self.waiting.pop_front() else {
                return;
            };
            self.asked.begin(next);
        }
    }
}

/// The files in which to search for a text; none for other questions.
fn logs_of(check: &ReadyCheck, state: &View) -> Vec<PathBuf> {
    match check.question {
        ReadyQuestion::Log(_) => state.log_files(&check.session, check.generation),
        ReadyQuestion::Command(_) | ReadyQuestion::Port(_) => Vec::new(),
    }
}

impl Question {
    fn answer(&self, fault: Option<String>) -> ReadyAnswer {
        ReadyAnswer {
            session: self.check.session.clone(),
            generation: self.check.generation,
            readiness: Readiness {
                asked: self.now,
                fault,
            },
        }
    }
}

impl Job for Question {
    type Key = SessionName;
    type Report = ReadyAnswer;

    fn key(&self) -> SessionName {
        self.check.session.clone()
    }

    async fn carry_out(&self, cancel: Cancel) -> ReadyAnswer {
        tokio::select! {
            fault = act::check_ready(&self.check, &self.logs) => self.answer(fault),
            _ = cancel => self.broken_off(&BrokenOff::Defect),
        }
    }

    fn broken_off(&self, why: &BrokenOff) -> ReadyAnswer {
        self.answer(Some(format!(
            "{} was not asked: {why}",
            self.check.question
        )))
    }
}
