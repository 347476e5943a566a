//! Gives a person's answer to the dialog of a session, under the town's turn.

use super::cycle::{CycleFault, TURN_PATIENCE};
use super::setup::Controller;
use super::survey::survey;
use crate::act::{Answering, answer};
use crate::memory::answer_entry;
use crate::model::{AnswerEnd, AnswerStep, Choice, Moment, NoAnswer, Orders, SessionName, Town};
use crate::plan;
use crate::proc::clock;
use crate::words::chain;

/// What came of a person's answer.
#[derive(Debug, Clone, PartialEq)]
pub struct HandAnswer {
    /// What came of it, and what shows now.
    pub answering: Answering,
    /// What was to be pressed. None where nothing was.
    pub step: Option<AnswerStep>,
}

impl Controller {
    /// Answers what the session asks now. No cycle ends it or types into it meanwhile.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was pressed then.
    pub async fn answer(
        &mut self,
        town: &Town,
        session: &SessionName,
        choice: Choice,
    ) -> Result<HandAnswer, CycleFault> {
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let (step, now) = match Box::pin(self.aim_answer(town, session, choice)).await? {
            Ok(aimed) => aimed,
            Err(why) => return Ok(HandAnswer::without_step(AnswerEnd::Refused(why))),
        };
        if !turn.still_ours() {
            let why = "the lock file was replaced while this ran".to_owned();
            return Ok(HandAnswer::without_step(AnswerEnd::Failed(why)));
        }
        let answering = answer(&self.client, &step, now).await;
        Ok(HandAnswer {
            answering,
            step: Some(step),
        })
    }

    async fn aim_answer(
        &mut self,
        town: &Town,
        session: &SessionName,
        choice: Choice,
    ) -> Result<Result<(AnswerStep, Moment), NoAnswer>, CycleFault> {
        let memory = self.recall(&mut Vec::new())?;
        let state = self.store.view();
        let looked = survey(&self.client, town, state, memory, Orders::default()).await;
        let step = plan::answer(&looked.situation(), session, choice);
        Ok(step.map(|step| (step, looked.now)))
    }

    /// Writes what came of a person's answer into the journal. Gives what went wrong, which is not
    /// worth failing for.
    #[must_use]
    pub fn tell_of_answer(&self, session: &SessionName, answer: &HandAnswer) -> Option<String> {
        let step = answer.step.as_ref();
        let entry = answer_entry(session, step, &answer.answering.end);
        let written = self.store.journal(clock::now(), &[entry]);
        written
            .err()
            .map(|fault| format!("the journal was not written: {}", chain(&fault)))
    }
}

impl HandAnswer {
    fn without_step(end: AnswerEnd) -> Self {
        Self {
            answering: Answering { end, shows: None },
            step: None,
        }
    }
}
