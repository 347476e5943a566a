//! The events of one cycle.

use super::{Actor, Novelty, TownEvent, What};
use crate::model::SortedMap;
use crate::model::{
    Answer, Block, Chore, ChoreResult, ChoreTime, Departure, Done, Effect, Evidence, Held, History,
    Hold, Judged, Memory, Moment, Observed, Outcome, Phase, Plan, Reason, SessionName, Step, Verb,
};

/// What a cycle saw, decided and did.
#[derive(Debug, Clone)]
pub struct Happened<'a> {
    /// The moment of its look.
    pub now: Moment,
    /// Who runs the cycle: a controller or a verb.
    pub actor: Actor,
    /// What the cycle before had decided. Empty before the first one.
    pub before: &'a Plan,
    /// What was seen.
    pub observed: &'a Observed,
    /// What was decided.
    pub plan: &'a Plan,
    /// What came of it.
    pub outcomes: &'a [Done],
    /// What is remembered after it.
    pub memory: &'a Memory,
    /// Steps by commands that have ended since the cycle before.
    pub ended: &'a [EndedStep],
    /// Sessions that were asked to end and have gone.
    pub departures: &'a [Departure],
    /// Answers of agents that are new, by agent.
    pub answers: &'a [(String, Answer)],
    /// The chores that this process runs.
    pub chores: &'a [Chore],
}

/// A step by commands that has ended beside the cycles.
#[derive(Debug, Clone, PartialEq)]
pub struct EndedStep {
    /// What was to be done.
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Moment,
}

impl EndedStep {
    /// The event.
    #[must_use]
    pub fn event(&self, actor: Actor) -> TownEvent {
        let done = Done {
            session: self.step.session.clone(),
            verb: self.step.action.verb(),
            outcome: self.outcome.clone(),
        };
        of_outcome(&done, Some(&self.step), self.at).by_default(actor)
    }
}

impl TownEvent {
    /// The same by this actor, unless a person asked for it.
    fn by_default(self, actor: Actor) -> Self {
        match self.actor {
            Actor::Person | Actor::Chore => self,
            Actor::Controller | Actor::Verb => self.by(actor),
        }
    }
}

/// The events of one cycle, in the order in which the journal has them.
///
/// What goes on is in it as [`Novelty::Lasting`] where people may have to be told of it again: a
/// hold that needs somebody, a blocked agent, a question. Other holds are in it only when they
/// begin or become another.
#[must_use]
pub fn of_cycle(happened: &Happened<'_>) -> Vec<TownEvent> {
    let Happened {
        now,
        actor,
        before,
        observed: _,
        plan,
        outcomes,
        memory: _,
        ended,
        departures,
        answers,
        chores: _,
    } = happened;
    let departed = departures.iter().map(of_departure);
    let ended = ended.iter().map(|ended| ended.event(actor.clone()));
    let answered = answers.iter().map(|(agent, answer)| {
        let (agent, answer) = (agent.clone(), answer.clone());
        TownEvent::of_town(*now, What::Answered { agent, answer })
    });
    departed
        .chain(ended)
        .chain(answered)
        .chain(of_outcomes(before, plan, outcomes, *now))
        .chain(of_unknown(happened))
        .chain(of_holds(before, plan, *now))
        .chain(of_blocks(happened))
        .chain(of_freed(before, plan, *now))
        .chain(of_phases(happened))
        .chain(of_chores(happened))
        .map(|event| event.by_default(actor.clone()))
        .collect()
}

pub(super) fn of_departure(departure: &Departure) -> TownEvent {
    let reason = Reason::StopBegun {
        waited: departure.gone.since(&departure.asked),
        purpose: departure.reason.clone(),
    };
    let what = What::Departed(departure.clone());
    let event = TownEvent::of(&departure.session, departure.gone, what).because(&reason);
    TownEvent {
        generation: Some(departure.generation),
        ..event
    }
}

fn of_outcomes(before: &Plan, plan: &Plan, outcomes: &[Done], now: Moment) -> Vec<TownEvent> {
    if outcomes.is_empty() {
        return Vec::new();
    }
    let steps: SortedMap<&SessionName, &Step> =
        plan.steps.iter().map(|s| (&s.session, s)).collect();
    let held = held_by_session(before);
    let event = |done: &Done| {
        let event = of_outcome(done, steps.get(&done.session).copied(), now);
        if is_repeated(held.get(&done.session).copied(), &done.outcome) {
            event.lasting()
        } else {
            event
        }
    };
    outcomes.iter().map(event).collect()
}

fn held_by_session(plan: &Plan) -> SortedMap<&SessionName, &Held> {
    plan.held.iter().map(|h| (&h.session, h)).collect()
}

/// Whether this very failure is what held the step since it was last tried.
fn is_repeated(before: Option<&Held>, outcome: &Outcome) -> bool {
    match (before.map(|held| &held.hold), outcome) {
        (Some(Hold::Failed { said, .. }), Outcome::Failed(why) | Outcome::Unknown(why)) => {
            why.starts_with(said)
        }
        (Some(_) | None, _) => false,
    }
}

fn of_outcome(done: &Done, step: Option<&Step>, at: Moment) -> TownEvent {
    let step = step.filter(|step| step.action.verb() == done.verb);
    let started = match done.outcome {
        Outcome::Done(Effect::Started { generation, .. } | Effect::Adopted { generation }) => {
            Some(generation)
        }
        Outcome::Done(_) | Outcome::Stale(_) | Outcome::Failed(_) | Outcome::Unknown(_) => None,
    };
    let what = What::Step {
        verb: done.verb,
        outcome: done.outcome.clone(),
        conversation: step.and_then(|step| step.action.conversation().cloned()),
    };
    let event = TownEvent::of(&done.session, at, what);
    match step {
        Some(step) => TownEvent {
            generation: step.action.begins().or(started),
            ..event.because(&step.reason)
        },
        None => TownEvent {
            generation: started,
            ..event
        },
    }
}

fn of_unknown(happened: &Happened<'_>) -> Option<TownEvent> {
    let Observed::Unknown(why) = happened.observed else {
        return None;
    };
    let event = TownEvent::of_town(happened.now, What::Unreachable(why.clone()));
    Some(event.lasting())
}

/// Holds that begin or become another, and those that go on and need somebody.
fn of_holds(before: &Plan, plan: &Plan, now: Moment) -> Vec<TownEvent> {
    let known = held_by_session(before);
    // A wait that somebody has to look at is another hold than one that ends by itself.
    let is_same = |one: &Held, other: &Held| {
        one.verb == other.verb
            && one.hold.is_like(&other.hold)
            && one.hold.needs_somebody() == other.hold.needs_somebody()
    };
    // What blocks an agent is told once, for the agent.
    let by_itself = |held: &&Held| !matches!(held.hold, Hold::Blocked { .. });
    let event = |held: &Held| {
        let former = known.get(&held.session);
        let is_new = former.is_none_or(|former| !is_same(former, held));
        if !is_new && !held.hold.needs_somebody() {
            return None;
        }
        let event = of_hold(held, now);
        Some(if is_new { event } else { event.lasting() })
    };
    plan.held
        .iter()
        .filter(by_itself)
        .filter_map(event)
        .collect()
}

fn of_hold(held: &Held, now: Moment) -> TownEvent {
    let Held {
        session,
        verb,
        reason,
        hold,
        until,
        phase: _,
    } = held;
    let what = What::Held {
        verb: *verb,
        hold: hold.clone(),
        until: *until,
    };
    TownEvent::of(session, now, what).because(reason)
}

/// What blocks an agent: which, and by what.
type BlockedAgent<'p> = (&'p str, Block);

/// One for each agent that is blocked, however many sessions run it, and one when it is free again.
fn of_blocks(happened: &Happened<'_>) -> Vec<TownEvent> {
    let Happened {
        now, before, plan, ..
    } = happened;
    let (known, blocked) = (blocks(before), blocks(plan));
    let begun = blocked.iter().map(|(block, of)| {
        let (agent, kind) = *block;
        let until = of.sessions.iter().filter_map(|name| {
            let content = happened.memory.sessions.get(*name)?.content()?;
            content.state.limit_end()
        });
        let what = What::Blocked {
            agent: agent.to_owned(),
            kind,
            evidence: of.evidence.clone(),
            sessions: of.sessions.iter().copied().cloned().collect(),
            until: until.max(),
        };
        let event = TownEvent::of_town(*now, what);
        if known.contains_key(block) {
            event.lasting()
        } else {
            event
        }
    });
    let ended = known.iter().filter(|(of, _)| !blocked.contains_key(*of));
    let ended = ended.map(|((agent, kind), of)| {
        let what = What::Unblocked {
            agent: (*agent).to_owned(),
            kind: *kind,
            evidence: of.evidence.clone(),
        };
        TownEvent::of_town(*now, what)
    });
    begun.chain(ended).collect()
}

/// The sessions of a blocked agent, with the evidence of its first one.
#[derive(Debug)]
struct BlockedSessions<'p> {
    evidence: Evidence,
    sessions: Vec<&'p SessionName>,
}

/// What a limit, a sign-in or a full context blocks: first what is held for it, then what is noted.
fn blocks(plan: &Plan) -> SortedMap<BlockedAgent<'_>, BlockedSessions<'_>> {
    let mut found: SortedMap<BlockedAgent<'_>, BlockedSessions<'_>> = SortedMap::new();
    for held in &plan.held {
        if let Hold::Blocked { kind, agent, .. } = &held.hold {
            let fresh = || BlockedSessions {
                evidence: held.hold.evidence(),
                sessions: Vec::new(),
            };
            let block = found.entry((agent, *kind)).or_insert_with(fresh);
            block.sessions.push(&held.session);
        }
    }
    for same in &plan.unchanged {
        if let Some(reason @ Reason::Blocked { kind, agent, .. }) = &same.note {
            let fresh = || BlockedSessions {
                evidence: reason.evidence(),
                sessions: Vec::new(),
            };
            let block = found.entry((agent, *kind)).or_insert_with(fresh);
            block.sessions.push(&same.session);
        }
    }
    found
}

/// One for each session that was sent an Escape and has moved since.
fn of_freed(before: &Plan, plan: &Plan, now: Moment) -> Vec<TownEvent> {
    let waiting = before
        .held
        .iter()
        .filter(|held| matches!(held.hold, Hold::EscapeSent { .. }))
        .map(|held| &held.session);
    let escape_sent = before
        .steps
        .iter()
        .filter(|step| step.action.verb() == Verb::SendEscape)
        .map(|step| &step.session);
    let moves = |name: &&SessionName| {
        plan.unchanged
            .iter()
            .any(|same| same.session == **name && lives(same.phase))
    };
    waiting
        .chain(escape_sent)
        .filter(moves)
        .map(|name| TownEvent::of(name, now, What::ActiveAgain))
        .collect()
}

fn lives(phase: Phase) -> bool {
    match phase {
        Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_) => true,
        Phase::Absent
        | Phase::Starting
        | Phase::Completed(_)
        | Phase::Dead(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => false,
    }
}

/// Sessions that ask something, and tasks that have ended, new or not.
fn of_phases(happened: &Happened<'_>) -> Vec<TownEvent> {
    let event = |(name, phase): (&SessionName, Phase)| {
        let what = match phase {
            Phase::Waiting(asks) => {
                let history = happened.memory.sessions.get(name);
                let content = history.and_then(History::content);
                let dialog = content.and_then(|content| content.dialog.as_ref());
                What::Asks {
                    asks,
                    answers: dialog.map(|seen| seen.dialog.answers()).unwrap_or_default(),
                    line: content.map(|content| content.evidence.clone()),
                }
            }
            Phase::Completed(death) => What::Completed(death),
            Phase::Absent
            | Phase::Starting
            | Phase::Working
            | Phase::Background
            | Phase::Idle
            | Phase::Blocked(_)
            | Phase::Dead(_)
            | Phase::Stopping
            | Phase::Stopped
            | Phase::Unknown
            | Phase::Foreign => return None,
        };
        Some(TownEvent::of(name, happened.now, what).lasting())
    };
    phases(happened.plan).filter_map(event).collect()
}

/// What each session of a plan is.
pub(super) fn phases(plan: &Plan) -> impl Iterator<Item = (&SessionName, Phase)> {
    let Plan {
        checks: _,
        steps,
        held,
        unchanged,
        probes: _,
        chores: _,
        proposals: _,
        wake: _,
        mass: _,
    } = plan;
    let steps = steps.iter().map(|step| (&step.session, step.phase));
    let held = held.iter().map(|held| (&held.session, held.phase));
    let unchanged = unchanged.iter().map(|same| (&same.session, same.phase));
    steps.chain(held).chain(unchanged)
}

/// Chores that are skipped in this plan, and proposals that are new in it.
fn of_chores(happened: &Happened<'_>) -> Vec<TownEvent> {
    let Happened {
        now,
        before,
        plan,
        chores,
        ..
    } = happened;
    if chores.is_empty() {
        return Vec::new();
    }
    let skipped = plan.chores.iter().filter_map(|timed| match &timed.when {
        ChoreTime::Skip(why) => {
            let chore = chores.iter().find(|chore| chore.name == timed.chore);
            Some(What::ChoreRun {
                kind: chore.map_or("chore", |chore| chore.kind.word()),
                chore: timed.chore.clone(),
                result: ChoreResult::Skipped,
                said: why.clone(),
                details: Evidence::new(),
            })
        }
        ChoreTime::Now | ChoreTime::Running { .. } | ChoreTime::At(_) | ChoreTime::Held(_) => None,
    });
    let is_new = |judged: &&Judged| {
        let is_same = |other: &Judged| {
            other.proposal == judged.proposal && other.standing.is_like(&judged.standing)
        };
        !before.proposals.iter().any(is_same)
    };
    let proposed = plan.proposals.iter().filter(is_new).cloned();
    skipped
        .chain(proposed.map(What::Proposed))
        .map(|what| TownEvent::of_town(*now, what).by(Actor::Chore))
        .collect()
}

/// Whether an event is new.
pub(super) fn is_new(event: &TownEvent) -> bool {
    event.novelty == Novelty::New
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(in crate::events) const NOW: Moment = Moment {
        wall: 1_763_730_302_000,
        awake: 90_000_000,
        boot: 7,
    };

    /// A first cycle in which nothing was done.
    pub(in crate::events) fn happened<'a>(
        observed: &'a Observed,
        plan: &'a Plan,
        memory: &'a Memory,
    ) -> Happened<'a> {
        static NOTHING: std::sync::LazyLock<Plan> = std::sync::LazyLock::new(Plan::default);
        Happened {
            now: NOW,
            actor: Actor::Controller,
            before: &NOTHING,
            observed,
            plan,
            outcomes: &[],
            memory,
            ended: &[],
            departures: &[],
            answers: &[],
            chores: &[],
        }
    }
}
