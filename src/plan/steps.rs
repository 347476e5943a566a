//! Puts each session into the plan, once its wish was paced: as a step with all that it needs, as
//! held, or as unchanged.

use super::answers;
use super::conversation::{EndOfRun, conversation};
use super::renamed::former_label;
use super::subject::Subject;
use super::texts;
use super::verdict::{Keep, Kind, Verdict, Want};
use super::wakes::Wakes;
use crate::model::{
    Action, Completion, Held, NudgeText, Origin, Period, Phase, Plan, Reason, ReasonCode, Rung,
    Step, Target, Unchanged, Verb, WhenAttached,
};

/// A clock tick, in which the kernel counts the starts of processes.
const TICK_MS: u64 = 10;

/// Puts one session where it belongs in the plan.
pub(super) fn put(plan: &mut Plan, subject: &Subject<'_>, verdict: Verdict, wakes: &mut Wakes) {
    let session = subject.name.clone();
    match verdict {
        Verdict::Keep(Keep {
            phase,
            note,
            next,
            wake,
        }) => {
            next.iter()
                .map(|next| next.at)
                .chain(wake)
                .for_each(|at| wakes.add(at));
            plan.unchanged.push(Unchanged {
                session,
                phase,
                note,
                next,
            });
        }
        Verdict::Hold(
            Want {
                verb,
                reason,
                kind: _,
                phase,
            },
            hold,
            until,
        ) => {
            if let Some(at) = until {
                wakes.add(at);
            }
            plan.held.push(Held {
                session,
                verb,
                reason,
                hold,
                until,
                phase,
            });
        }
        Verdict::Want(want) => match action(subject, &want) {
            Some(action) => plan.steps.push(Step {
                session,
                action,
                reason: want.reason,
                phase: want.phase,
            }),
            None => plan.unchanged.push(Unchanged {
                session,
                phase: Phase::Unknown,
                note: None,
                next: None,
            }),
        },
    }
}

/// The action of a wish. None only where what it needs was not seen.
fn action(subject: &Subject<'_>, want: &Want) -> Option<Action> {
    Some(match want.verb {
        Verb::Start | Verb::Restart => fresh_process(subject, want)?,
        Verb::Expire => Action::Expire {
            target: subject.target()?,
            rung: rung_of(want),
            agent: subject.desired.map(|d| d.agent.clone()).unwrap_or_default(),
            launch: subject
                .desired
                .map(|d| d.launch.clone())
                .unwrap_or_default(),
        },
        Verb::Adopt => adoption(subject)?,
        Verb::Rename => Action::Rename {
            target: subject.target()?,
            started_as: former_label(subject)?.tag().clone(),
            log: subject.desired?.logs,
        },
        Verb::Nudge => Action::Nudge(Box::new(texts::step(subject, text_of(subject, want)?)?)),
        Verb::SendEscape => Action::SendEscape {
            target: Target {
                attached: WhenAttached::Hold,
                ..subject.target()?
            },
            agent: subject.desired?.agent.clone(),
        },
        Verb::Answer => Action::Answer(Box::new(answers::declared_step(subject)?)),
    })
}

/// The rung of a stop that a wish takes.
fn rung_of(want: &Want) -> Rung {
    match want.kind {
        Kind::Continue(rung) => rung,
        Kind::Replace(_) | Kind::Retire(_) => Rung::Ask,
        Kind::Create
        | Kind::Revive
        | Kind::Remove
        | Kind::Adopt
        | Kind::Rename
        | Kind::Nudge
        | Kind::Notice
        | Kind::SendEscape
        | Kind::Answer => Rung::Finish,
    }
}

/// The start of a session, or its restart.
fn fresh_process(subject: &Subject<'_>, want: &Want) -> Option<Action> {
    let desired = Box::new(subject.desired?.clone());
    let generation = subject.next_generation();
    let planned = matches!(want.kind, Kind::Replace(_));
    let handoff = if planned {
        Some(subject.now())
    } else {
        subject.handoff_to_carry()
    };
    // A replaced program is no reason to begin another conversation.
    let is_upgrade = want.reason.cause().is(ReasonCode::Upgraded);
    let kind_of_end = if planned && !is_upgrade {
        EndOfRun::Planned
    } else {
        EndOfRun::AsItCame
    };
    let crashes = u32::try_from(subject.crashes().len()).unwrap_or(u32::MAX);
    let conversation = conversation(subject, generation, kind_of_end);
    if want.verb == Verb::Start {
        return Some(Action::Start {
            desired,
            generation,
            handoff,
            crashes,
            conversation,
        });
    }
    Some(Action::Restart {
        desired,
        target: subject.target()?,
        rung: rung_of(want),
        generation,
        handoff,
        crashes,
        conversation,
    })
}

/// The text that a rule wants typed.
fn text_of<'a>(subject: &Subject<'a>, want: &Want) -> Option<&'a NudgeText> {
    let desired = subject.desired?;
    match want.kind {
        Kind::Notice => desired.handoff.as_ref(),
        Kind::Nudge if matches!(want.reason, Reason::LimitOver { .. }) => {
            Some(&desired.idling.limit_nudge)
        }
        Kind::Create
        | Kind::Revive
        | Kind::Replace(_)
        | Kind::Retire(_)
        | Kind::Remove
        | Kind::Adopt
        | Kind::Rename
        | Kind::Nudge
        | Kind::SendEscape
        | Kind::Answer
        | Kind::Continue(_) => Some(&desired.idling.nudge),
    }
}

/// The adoption of a session that lives already.
fn adoption(subject: &Subject<'_>) -> Option<Action> {
    let (desired, target) = (subject.desired?, subject.target()?);
    let (fingerprint, started) = (
        desired.fingerprint(),
        subject.now().minus(adopted_age(subject)),
    );
    let by = if desired.commands().is_some() {
        Origin::Launcher
    } else {
        Origin::Adopted
    };
    let (origin, handoff) = match subject.policy() {
        Some(_) => (Origin::Policy, None),
        None => (
            by,
            Some(subject.handoff_to_carry().unwrap_or(subject.now())),
        ),
    };
    // A declared session has a log. One that others start has a log only for its completion
    // markers.
    let Completion {
        markers,
        grace: _,
        log,
        turn_ended: _,
    } = &desired.completion;
    let listens = origin != Origin::Policy || (!markers.is_empty() && log.is_none());
    let log = listens.then_some(desired.logs);
    let over = subject.unproved_label().map(str::to_owned);
    Some(Action::Adopt {
        target,
        fingerprint,
        generation: subject.next_generation(),
        started,
        handoff,
        origin,
        log,
        over,
    })
}

/// How old an adopted session is at most.
///
/// tmux knows its age by the wall clock, which may have been set since. Its process knows it by the
/// time since boot, of which the awake part is certain.
fn adopted_age(subject: &Subject<'_>) -> Period {
    let created = subject.seen.map_or(subject.now().wall, |seen| seen.created);
    let by_wall = Period::from_millis(
        subject
            .now()
            .wall
            .saturating_sub(created)
            .max(0)
            .unsigned_abs(),
    );
    let process = subject.target().and_then(|target| target.process);
    let begun = process.map_or(0, |process| process.start.saturating_mul(TICK_MS));
    by_wall.min(Period::from_millis(
        subject.now().awake.saturating_sub(begun),
    ))
}
