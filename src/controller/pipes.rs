//! Starts another recorder (`gtctl sink`) where the one of a session has ended. One that ends again
//! and again is left alone for longer each time.

use super::setup::Controller;
use crate::act::{self, LogKeeping};
use crate::events::{TownEvent, What, sentence};
use crate::model::SortedMap;
use crate::model::{Generation, Moment, Period, SessionName};
use crate::plan::{Unpiped, unpiped};
use crate::proc::program::{find, is_executable};
use crate::reconcile::Decided;
use crate::tmux::Client;
use std::path::PathBuf;

/// How long a recorder is left alone after the first time.
const FIRST: Period = Period::from_secs(10);
/// The longest time that a recorder is left alone.
const LONGEST: Period = Period::from_mins(5);
/// The program that records output, where the file of this process is gone.
const PROGRAM: &str = "gtctl";

/// What was tried for one run of a session.
#[derive(Debug, Clone, Copy)]
pub(super) struct Tried {
    generation: Generation,
    times: u32,
    at: Moment,
}

impl Tried {
    fn is_over(&self, now: Moment) -> bool {
        let wait = Period::from_millis(FIRST.millis() << self.times.saturating_sub(1).min(16))
            .min(LONGEST);
        now.since(&self.at) >= wait
    }
}

impl Controller {
    /// The program that records what panes print: that of this process, unless its file is gone.
    pub(super) fn sink_program(&self) -> Option<PathBuf> {
        let own = self.sink.as_ref()?;
        if is_executable(own) {
            return Some(own.clone());
        }
        find(PROGRAM, &std::env::var_os("PATH").unwrap_or_default())
    }

    /// Records the output of living sessions again where their recorder has ended. A session that
    /// is being restarted gets a recorder with its fresh process. Reports once for each run.
    pub(super) async fn repipe(
        &mut self,
        client: &Client,
        decided: &Decided<'_>,
        notices: &mut Vec<String>,
    ) {
        if self.sink.is_none() {
            return;
        }
        let (town, observed, plan, now) = (
            decided.town(),
            decided.observed(),
            decided.plan(),
            decided.now(),
        );
        let mut silent = unpiped(town, observed);
        self.piped.retain(|name, tried| {
            silent.iter().any(|one| one.session == *name) || !tried.is_over(now)
        });
        silent.retain(|one| plan.steps.iter().all(|step| step.session != one.session));
        silent.retain(|one| self.may_try(one, now));
        if silent.is_empty() {
            return;
        }
        let program = self.sink_program();
        let sink = program
            .as_deref()
            .map(|program| (program, self.store.view()));
        let screen = |_: &SessionName, _: Generation, _: &str| Ok(());
        let add = |session: &SessionName, generation, text: &str| {
            self.store
                .add_to_log(session, generation, text)
                .map_err(std::io::Error::other)
        };
        let outcomes = act::repipe(
            client,
            &silent,
            LogKeeping {
                screen: &screen,
                sink,
            },
            &add,
        )
        .await;
        let mut events = Vec::new();
        for (one, outcome) in silent.iter().zip(outcomes) {
            let is_first = self.note(one, now) == 1;
            if is_first {
                let trouble = outcome.err();
                let what = What::RecorderEnded { trouble };
                let event = TownEvent::of(&one.session, now, what);
                notices.push(sentence(&event));
                events.push(event);
            }
        }
        self.tell_journal(&events);
    }

    fn may_try(&self, one: &Unpiped, now: Moment) -> bool {
        let tried = self
            .piped
            .get(&one.session)
            .filter(|tried| tried.generation == one.generation);
        tried.is_none_or(|tried| tried.is_over(now))
    }

    /// Notes a try. Returns how many there were.
    fn note(&mut self, one: &Unpiped, now: Moment) -> u32 {
        let fresh = Tried {
            generation: one.generation,
            times: 0,
            at: now,
        };
        let tried = self.piped.entry(one.session.clone()).or_insert(fresh);
        if tried.generation != one.generation {
            *tried = fresh;
        }
        tried.times = tried.times.saturating_add(1);
        tried.at = now;
        tried.times
    }
}

/// The tries, by session.
pub(super) type Piped = SortedMap<SessionName, Tried>;
