//! A text typed into a session by hand, by turns with everybody else who acts.

use super::cycle::{Controller, CycleFault, TURN_PATIENCE, chain};
use super::survey::{Survey, survey};
use crate::act::{self, Approach, Nudge, may_nudge};
use crate::memory::{nudge_entry, nudging, submitted};
use crate::model::{
    Agent, Commands, Delivery, Generation, Memory, Moment, NudgeText, Obstacle, Orders,
    SessionName, Target, Town,
};
use crate::plan::{Situation, nudgeable};
use crate::store::Lock;

/// The commands of a session's launcher, where one of them takes texts.
fn launcher_of<'t>(town: &'t Town, session: &SessionName) -> Option<&'t Commands> {
    town.sessions
        .get(session)?
        .commands()
        .filter(|commands| !commands.nudge.is_empty())
}

/// The texts that gtctl may have left in the composer of this session.
fn left_texts(memory: &Memory, session: &SessionName, target: &Target) -> Vec<String> {
    memory
        .sessions
        .get(session)
        .map(|history| history.left_texts(target.generation))
        .unwrap_or_default()
}

/// Whether the limit that a session's screen shows has ended, as far as it is remembered.
fn is_past_limit(memory: &Memory, session: &SessionName, now: Moment) -> bool {
    let content = memory
        .sessions
        .get(session)
        .and_then(|history| history.content.as_ref());
    content.is_some_and(|content| content.is_past_limit(session, now))
}

/// A prompt that was found free.
pub(super) struct Aimed<'t> {
    agent: &'t Agent,
    target: Target,
    /// What is remembered, the look learned.
    memory: Memory,
    /// The moment of the look.
    now: Moment,
}

impl Controller {
    /// Types a text into a session and submits it, if that may be done now; never twice.
    ///
    /// Holds the town's turn from the last look before the text until its key is pressed, and again
    /// for each further press: no cycle ends the session or types into it meanwhile. While it waits
    /// for the text to leave, cycles go on; what they find in the composer then keeps them from
    /// typing there, and a session that they end or restart is no longer the one that the next
    /// press is meant for.
    ///
    /// What is typed is remembered first: where that cannot be written down, nothing is typed. A
    /// paused town is no obstacle: this is done by hand.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was touched then.
    pub async fn nudge(
        &mut self,
        town: &Town,
        session: &SessionName,
        text: &NudgeText,
    ) -> Result<Delivery, CycleFault> {
        if let Some(commands) = launcher_of(town, session) {
            return self.nudge_by_launcher(town, commands, session, text).await;
        }
        // Without a turn first: what cannot be typed yet lets nobody wait.
        let memory = self
            .store
            .view()
            .load(crate::proc::clock::now())
            .map_err(CycleFault::Store)?
            .memory;
        if let Err(delivery) = self.aim(town, session, text, memory).await {
            return Ok(delivery);
        }
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = self.recall(&mut Vec::new())?;
        let Aimed {
            agent,
            target,
            memory,
            now,
        } = match self.aim(town, session, text, memory).await {
            Ok(aimed) => aimed,
            Err(delivery) => return Ok(delivery),
        };
        if !turn.still_ours() {
            return Ok(Delivery::Failed(
                "the lock file was replaced while this ran".to_owned(),
            ));
        }
        let left = left_texts(&memory, session, &target);
        let limit_over = is_past_limit(&memory, session, now);
        if let Err(why) = self.write_nudge(memory, session, &target, text, now) {
            return Ok(Delivery::Failed(why));
        }
        let nudge = Nudge {
            target: &target,
            agent,
            text,
            left: &left,
            decided: now,
            limit_over,
        };
        let delivery = self.approach(nudge, session, turn).await;
        if matches!(delivery, Delivery::Delivered { .. }) {
            self.write_submitted(session, text);
        }
        Ok(delivery)
    }

    /// Types a text under this turn, and sees to it that it leaves.
    async fn approach(&self, nudge: Nudge<'_>, session: &SessionName, turn: Lock) -> Delivery {
        let mut approach = Approach::new(&self.client, nudge);
        if let Some(delivery) = approach.press().await {
            return delivery;
        }
        drop(turn);
        let mut presses = 1;
        loop {
            if let Some(delivery) = approach.watch().await {
                return delivery;
            }
            let _turn = match self.turn_to_press(session, nudge.target.generation) {
                Ok(turn) => turn,
                Err(why) => return Delivery::NotSubmitted { why, presses },
            };
            if let Some(delivery) = approach.press().await {
                return delivery;
            }
            presses += 1;
        }
    }

    /// The town's turn, unless a cycle has begun to end this life of a session; else why not.
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
            .load(crate::proc::clock::now())
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

    async fn nudge_by_launcher(
        &mut self,
        town: &Town,
        commands: &Commands,
        session: &SessionName,
        text: &NudgeText,
    ) -> Result<Delivery, CycleFault> {
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let memory = self.recall(&mut Vec::new())?;
        if let Err(delivery) = self.write_handed(town, session, text, memory).await {
            return Ok(delivery);
        }
        // Its launcher waits for the prompt itself, which need keep nobody from acting.
        drop(turn);
        let to = commands.nudge.first().cloned().unwrap_or_default();
        Ok(
            match act::hand_over(&self.client, town, commands, text).await {
                Ok(()) => Delivery::Handed { to },
                Err(why) => Delivery::Failed(why),
            },
        )
    }

    /// Writes down that a text is about to be handed to the session's launcher, unless something
    /// but its work keeps it from being read.
    async fn write_handed(
        &mut self,
        town: &Town,
        session: &SessionName,
        text: &NudgeText,
        memory: Memory,
    ) -> Result<(), Delivery> {
        let (aimed, may) = Box::pin(self.look_at(town, session, text, memory)).await?;
        match may {
            Ok(())
            | Err(Delivery::Refused(Obstacle::Works | Obstacle::NoPrompt | Obstacle::Composing)) => {
            }
            Err(delivery) => return Err(delivery),
        }
        let Aimed {
            agent: _,
            target,
            memory,
            now,
        } = aimed;
        self.write_nudge(memory, session, &target, text, now)
            .map_err(Delivery::Failed)
    }

    /// Looks where a text would be typed, and whether it may be now. Types nothing, and needs no
    /// turn.
    ///
    /// # Errors
    /// What keeps it from being typed.
    pub(super) async fn aim<'t>(
        &self,
        town: &'t Town,
        session: &SessionName,
        text: &NudgeText,
        memory: Memory,
    ) -> Result<Aimed<'t>, Delivery> {
        let (aimed, may) = Box::pin(self.look_at(town, session, text, memory)).await?;
        may?;
        Ok(aimed)
    }

    /// Looks where a text would be typed. Gives whether it may be typed now, too.
    ///
    /// # Errors
    /// No session is there that takes a text.
    async fn look_at<'t>(
        &self,
        town: &'t Town,
        session: &SessionName,
        text: &NudgeText,
        memory: Memory,
    ) -> Result<(Aimed<'t>, Result<(), Delivery>), Delivery> {
        let state = self.store.view();
        let looked = survey(&self.client, town, state, memory, Orders::default()).await;
        let Survey {
            now,
            observed,
            memory,
            ..
        } = looked;
        let situation = Situation {
            town,
            observed: &observed,
            memory: &memory,
            orders: Orders::default(),
            now,
        };
        let target = nudgeable(&situation, session).map_err(Delivery::Refused)?;
        let desired = town
            .sessions
            .get(session)
            .ok_or(Delivery::Refused(Obstacle::Absent))?;
        let agent = &desired.agent;
        let left = left_texts(&memory, session, &target);
        let limit_over = is_past_limit(&memory, session, now);
        let nudge = Nudge {
            target: &target,
            agent,
            text,
            left: &left,
            decided: now,
            limit_over,
        };
        let may = may_nudge(&self.client, nudge).await;
        let aimed = Aimed {
            agent,
            target,
            memory,
            now,
        };
        Ok((aimed, may))
    }

    /// Writes down what came of a nudge. Not worth failing for; gives what went wrong.
    #[must_use]
    pub fn tell_of_nudge(
        &self,
        session: &SessionName,
        text: &NudgeText,
        delivery: &Delivery,
    ) -> Option<String> {
        let entry = nudge_entry(session, text, delivery);
        let written = self.store.journal(crate::proc::clock::now(), &[entry]);
        written
            .err()
            .map(|fault| format!("the journal was not written: {}", chain(&fault)))
    }

    /// Writes down that a text has left its composer. Where that fails, a composer with exactly
    /// this text in it counts as gtctl's own for longer than it is.
    fn write_submitted(&mut self, session: &SessionName, text: &NudgeText) {
        let Ok(_turn) = self.store.lock_turn(self.me, TURN_PATIENCE) else {
            return;
        };
        let Ok(memory) = self.recall(&mut Vec::new()) else {
            return;
        };
        let memory = submitted(memory, session, text);
        if self.store.save(&memory).is_ok() {
            self.kept.written(&memory);
            self.kept.turn_ends(&memory);
        }
    }

    fn write_nudge(
        &mut self,
        memory: Memory,
        session: &SessionName,
        target: &Target,
        text: &NudgeText,
        now: Moment,
    ) -> Result<(), String> {
        let memory = nudging(memory, session, target.generation, text, now);
        let saved = self.store.save(&memory);
        saved.map_err(|fault| format!("it could not be written down first: {}", chain(&fault)))?;
        self.kept.written(&memory);
        self.kept.turn_ends(&memory);
        Ok(())
    }
}
