//! Types requested texts into sessions, by turns with everybody else who acts on the town.
//!
//! This is the one way for a text that a person, a chore or an accepted proposal asks for. What the
//! rules of the plan want typed is a step of a cycle. Both share the decision
//! ([`typable`] and the rules make a [`TextStep`]), the typing in `act/`, and what is remembered of
//! it in `memory/`.

use super::cycle::{CycleFault, TURN_PATIENCE};
use super::setup::Controller;
use super::survey::survey;
use crate::act::{self, Approach, may_type};
use crate::events::{Actor, TownEvent, What, journal};
use crate::memory::{begin_text, settle_text};
use crate::model::{
    Asker, Commands, Delivery, Generation, Memory, Moment, NudgeText, Obstacle, Orders, Period,
    SessionName, TextEnd, TextRequest, TextStep, Town,
};
use crate::plan::typable;
use crate::proc::clock;
use crate::store::Lock;
use crate::words::chain;

/// The time between two looks at a session that takes no text yet, while a person waits.
const LOOK_FOR_PERSON: Period = Period::from_millis(400);
/// The same while nobody does.
const LOOK_FOR_CHORE: Period = Period::from_secs(2);

/// The commands of a session's launcher, where one of them takes texts.
fn launcher_of<'t>(town: &'t Town, session: &SessionName) -> Option<&'t Commands> {
    town.sessions
        .get(session)?
        .commands()
        .filter(|commands| !commands.nudge.is_empty())
}

/// A step for a session, and the look that it was decided on.
struct Aimed {
    step: TextStep,
    /// The memory with that look in it.
    memory: Memory,
    /// The moment of the look.
    now: Moment,
    /// Whether the prompt was free just now.
    may: Result<(), Delivery>,
}

impl Controller {
    /// Types a text and submits it once its prompt is free, and settles the request. Never types it
    /// twice.
    ///
    /// Waits as long as the request [waits](TextRequest::waits_after), unless `stop` ends the
    /// waiting; it ends no typing. `waiting` hears of the first obstacle, and how much time is left.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was typed then.
    pub async fn deliver(
        &mut self,
        town: &Town,
        request: &TextRequest,
        stop: impl Future<Output = ()>,
        mut waiting: impl FnMut(&Obstacle, Period),
    ) -> Result<TextEnd, CycleFault> {
        tokio::pin!(stop);
        let every = match request.asker {
            Asker::Person => LOOK_FOR_PERSON,
            Asker::Chore(_) | Asker::Proposal(_) => LOOK_FOR_CHORE,
        };
        let mut is_first = true;
        loop {
            let delivery = self.try_text(town, request).await?;
            let now = clock::now();
            if !request.waits_after(&delivery, now) {
                self.settle(request, &delivery);
                return Ok(TextEnd::Settled(delivery));
            }
            let left = now.until(&request.until);
            if let Delivery::Refused(obstacle) = &delivery
                && std::mem::take(&mut is_first)
            {
                waiting(obstacle, left);
            }
            tokio::select! {
                biased;
                () = &mut stop => return Ok(TextEnd::BrokenOff(delivery)),
                () = tokio::time::sleep(every.min(left).to_std()) => {}
            }
        }
    }

    /// Types a text and submits it, if that may be done now.
    ///
    /// Holds the town's turn from the last look before the text until its key is pressed, and again
    /// for each further press: no cycle ends the session or types into it meanwhile. While it waits
    /// for the text to leave, cycles go on. What they see in the composer keeps them from typing
    /// there. If they end or restart the session, it is no longer the target of the next press.
    ///
    /// What is typed is remembered first. Where that cannot be written, nothing is typed.
    async fn try_text(
        &mut self,
        town: &Town,
        request: &TextRequest,
    ) -> Result<Delivery, CycleFault> {
        if let Some(commands) = launcher_of(town, &request.session) {
            return self.hand_over(town, commands, request).await;
        }
        // The first look needs no turn: what cannot be typed yet makes nobody wait.
        let memory = self
            .store
            .view()
            .load(clock::now())
            .map_err(CycleFault::Store)?
            .memory;
        if let Err(delivery) = self.aim(town, request, memory).await {
            return Ok(delivery);
        }
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = self.recall(&mut Vec::new())?;
        let aimed = match self.aim(town, request, memory).await {
            Ok(aimed) => aimed,
            Err(delivery) => return Ok(delivery),
        };
        if !turn.still_ours() {
            return Ok(Delivery::Failed(
                "the lock file was replaced while this ran".to_owned(),
            ));
        }
        let Aimed {
            step, memory, now, ..
        } = aimed;
        let generation = step.target.generation;
        if let Err(delivery) = self.write_begun(memory, request, generation, now) {
            return Ok(delivery);
        }
        let delivery = self.approach(&step, now, &request.session, turn).await;
        if request.waits_after(&delivery, clock::now()) {
            // Nothing was typed, and the request goes on.
            self.settle(request, &delivery);
        }
        Ok(delivery)
    }

    /// Types a text under this turn, and sees that it leaves.
    async fn approach(
        &self,
        step: &TextStep,
        decided: Moment,
        session: &SessionName,
        turn: Lock,
    ) -> Delivery {
        let mut approach = Approach::new(&self.client, step, decided);
        if let Some(delivery) = approach.press().await {
            return delivery;
        }
        drop(turn);
        let mut presses = 1;
        loop {
            if let Some(delivery) = approach.watch().await {
                return delivery;
            }
            let _turn = match self.turn_to_press(session, step.target.generation) {
                Ok(turn) => turn,
                Err(why) => return Delivery::NotSubmitted { why, presses },
            };
            if let Some(delivery) = approach.press().await {
                return delivery;
            }
            presses += 1;
        }
    }

    /// The town's turn, unless a cycle has begun to end this incarnation; else why not.
    fn turn_to_press(
        &self,
        session: &SessionName,
        generation: Option<Generation>,
    ) -> Result<Lock, String> {
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(|fault| chain(&fault))?;
        let loaded = self
            .store
            .view()
            .load(clock::now())
            .map_err(|fault| chain(&fault))?;
        let stopping = loaded
            .memory
            .sessions
            .get(session)
            .and_then(|history| history.stopping.as_ref());
        match stopping {
            Some(stopping) if Some(stopping.generation) == generation => {
                Err("it was asked to end meanwhile".to_owned())
            }
            Some(_) | None => Ok(turn),
        }
    }

    /// Hands a text to the launcher of its session, unless something but the session's own work
    /// keeps it from being read.
    async fn hand_over(
        &mut self,
        town: &Town,
        commands: &Commands,
        request: &TextRequest,
    ) -> Result<Delivery, CycleFault> {
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = self.recall(&mut Vec::new())?;
        let aimed = match Box::pin(self.look_at(town, request, memory)).await {
            Ok(aimed) => aimed,
            Err(delivery) => return Ok(delivery),
        };
        let Aimed {
            step,
            memory,
            now,
            may,
        } = aimed;
        match may {
            // The launcher waits for the prompt itself.
            Ok(())
            | Err(Delivery::Refused(Obstacle::Works | Obstacle::NoPrompt | Obstacle::Composing)) => {
            }
            Err(delivery) => return Ok(delivery),
        }
        if let Err(delivery) = self.write_begun(memory, request, step.target.generation, now) {
            return Ok(delivery);
        }
        // Its waiting must not keep others from acting.
        drop(turn);
        let to = commands.nudge.first().cloned().unwrap_or_default();
        Ok(
            match act::hand_over(&self.client, town, commands, &request.text).await {
                Ok(()) => Delivery::Handed { to },
                Err(why) => Delivery::Failed(why),
            },
        )
    }

    /// The step for a request, if its prompt is free now. Types nothing, and needs no turn.
    ///
    /// # Errors
    /// What is in the way.
    async fn aim(
        &self,
        town: &Town,
        request: &TextRequest,
        memory: Memory,
    ) -> Result<Aimed, Delivery> {
        let aimed = Box::pin(self.look_at(town, request, memory)).await?;
        aimed.may.clone()?;
        Ok(aimed)
    }

    /// The step for a request, and whether its prompt is free now.
    ///
    /// # Errors
    /// No session takes this text.
    async fn look_at(
        &self,
        town: &Town,
        request: &TextRequest,
        memory: Memory,
    ) -> Result<Aimed, Delivery> {
        let state = self.store.view();
        let looked = survey(&self.client, town, state, memory, Orders::default()).await;
        let step = typable(&looked.situation(), request).map_err(Delivery::Refused)?;
        let may = may_type(&self.client, &step, looked.now).await;
        Ok(Aimed {
            step,
            memory: looked.memory,
            now: looked.now,
            may,
        })
    }

    /// Writes down that a text is about to be typed.
    ///
    /// # Errors
    /// Nothing may be typed: the state cannot be written, or the request is no longer remembered.
    fn write_begun(
        &mut self,
        memory: Memory,
        request: &TextRequest,
        generation: Option<Generation>,
        now: Moment,
    ) -> Result<(), Delivery> {
        let is_remembered = memory
            .texts
            .iter()
            .any(|known| known.is_same(request) && !known.begun);
        if request.asker != Asker::Person && !is_remembered {
            let why = "the request was withdrawn, or another process has settled it";
            return Err(Delivery::Failed(why.to_owned()));
        }
        let memory = begin_text(memory, request, generation, now);
        self.store.save(&memory).map_err(|fault| {
            Delivery::Failed(format!(
                "it could not be written down first: {}",
                chain(&fault)
            ))
        })?;
        self.kept.written(&memory);
        self.kept.turn_ends(&memory);
        Ok(())
    }

    /// Remembers what came of a request. Where that cannot be written, a text of gtctl counts as
    /// left in the composer for longer than it is, and a request that had begun is given up.
    fn settle(&mut self, request: &TextRequest, delivery: &Delivery) {
        let was_delivered = matches!(delivery, Delivery::Delivered { .. });
        if request.asker == Asker::Person && !was_delivered {
            return;
        }
        let now = clock::now();
        let settled = self.amend(|memory| settle_text(memory, request, delivery, now));
        if let Err(fault) = settled {
            tracing::debug!(fault = chain(&fault), "a text was not settled");
        }
    }

    /// Writes what came of a person's text into the journal. Gives what went wrong, which is not
    /// worth failing for.
    #[must_use]
    pub fn tell_of_nudge(
        &self,
        session: &SessionName,
        text: &NudgeText,
        delivery: &Delivery,
    ) -> Option<String> {
        let now = clock::now();
        let what = What::Typed {
            text: text.clone(),
            delivery: delivery.clone(),
        };
        let event = TownEvent::of(session, now, what).by(Actor::Person);
        let written = self.store.journal(now, &journal(&[event]));
        written
            .err()
            .map(|fault| format!("the journal was not written: {}", chain(&fault)))
    }
}
