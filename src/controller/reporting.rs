//! What others read of a cycle: its events, the journal, and the files that dashboards read.
//!
//! None of these is worth failing for.

use super::setup::Controller;
use crate::events::{EndedStep, Happened, PhaseBook, TownEvent, journal, of_cycle};
use crate::memory::{handoffs, idle_saved};
use crate::model::SortedSet;
use crate::model::{Answer, Done, Effect, Entry, Outcome, Plan, SessionName, Town};
use crate::proc;
use crate::reconcile::Settled;
use crate::store::{Counted, Retention};
use crate::words::chain;

/// What has come beside a cycle, for its events.
pub(super) struct Besides {
    pub(super) ended: Vec<EndedStep>,
    pub(super) answers: Vec<(String, Answer)>,
}

impl Controller {
    /// The events of the cycle. Writes the journal and the files that dashboards read. None of
    /// these is worth failing for.
    pub(super) fn report(
        &mut self,
        settled: &Settled<'_>,
        outcomes: &[Done],
        beside: &Besides,
        notices: &mut Vec<String>,
    ) -> Vec<TownEvent> {
        let (decided, memory) = (settled.decided(), settled.memory());
        let (before, plan, now) = (decided.memory(), decided.plan(), decided.now());
        let planned = handoffs(before, memory);
        let (departures, spared) = self.take_leave(memory);
        let book = self.phases.take();
        let mut book = book.unwrap_or_else(|| PhaseBook::of(self.store.view().last_phases()));
        let happened = Happened {
            now,
            actor: self.actor.clone(),
            before: &self.last_plan,
            observed: decided.observed(),
            plan,
            outcomes,
            memory,
            ended: &beside.ended,
            departures: &departures,
            answers: &beside.answers,
            chores: self.own_chores(decided.town()),
        };
        let events = of_cycle(&happened);
        self.note_phases(&mut book, &happened, &events, decided);
        self.phases = Some(book);
        let entries = self.unwritten(journal(&events));
        let counted = Counted {
            cycles: 1,
            handoffs: planned.len() as u64,
            idle_saved: idle_saved(before, plan, outcomes, now).plus(spared),
            analyses: 0,
        };
        let written = self
            .store
            .journal(now, &entries)
            .and_then(|()| self.store.write_handoffs(&planned))
            .and_then(|()| {
                if entries.is_empty() {
                    Ok(())
                } else {
                    self.store.count(now, counted)
                }
            });
        if let Err(fault) = written {
            notices.push(format!("the journal was not written: {}", chain(&fault)));
        }
        self.last_plan = comparable(&self.last_plan, plan, decided.town());
        events
    }

    /// The entries that no other process has written. Only the first look can have such.
    fn unwritten(&self, entries: Vec<Entry>) -> Vec<Entry> {
        if self.last_plan == Plan::default() {
            self.store.news_among(entries)
        } else {
            entries
        }
    }

    /// Writes into the journal what happened beside the cycles. That is not worth failing for.
    pub(super) fn tell_journal(&self, events: &[TownEvent]) {
        if let Err(fault) = self.store.journal(proc::clock::now(), &journal(events)) {
            tracing::warn!(fault = chain(&fault), "the journal was not written");
        }
    }

    /// Removes the oldest logs of the sessions that have begun another incarnation.
    pub(super) fn retire_logs(&self, town: &Town, outcomes: &[Done], notices: &mut Vec<String>) {
        for done in outcomes {
            let Outcome::Done(Effect::Started { generation, .. }) = done.outcome else {
                continue;
            };
            let Some(desired) = town.sessions.get(&done.session) else {
                continue;
            };
            let retention = Retention {
                keep: desired.logs.keep,
                older_than: None,
            };
            if let Err(fault) = self.store.retire_logs(&done.session, generation, retention) {
                notices.push(format!(
                    "old logs of {} stay: {}",
                    done.session,
                    chain(&fault)
                ));
            }
        }
    }
}

/// The plan that the next one is compared with. A declared session that this plan leaves out, since
/// the look or the caller asked for others, waits for what it has waited for.
fn comparable(before: &Plan, plan: &Plan, town: &Town) -> Plan {
    let mut plan = plan.clone();
    if before.held.is_empty() {
        return plan;
    }
    let steps = plan.steps.iter().map(|step| &step.session);
    let held = plan.held.iter().map(|held| &held.session);
    let unchanged = plan.unchanged.iter().map(|same| &same.session);
    let named: SortedSet<&SessionName> = steps.chain(held).chain(unchanged).collect();
    let is_left_out =
        |name: &SessionName| !named.contains(name) && town.sessions.contains_key(name);
    let left_out = before.held.iter().filter(|held| is_left_out(&held.session));
    let left_out: Vec<_> = left_out.cloned().collect();
    plan.held.extend(left_out);
    plan
}
