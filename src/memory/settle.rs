//! What outcomes leave behind.

use super::conversation;
use super::ends::push_crash;
use super::launcher::end_errand;
use super::rename::follow;
use crate::model::SortedMap;
use crate::model::{
    Action, Complaint, Death, Done, Effect, Ended, Finished, History, Incarnation, Memory, Moment,
    Origin, Outcome, Plan, ProcId, RanWith, ReasonCode, RecordedReason, Refused, Rung, SessionName,
    Step, Stopping,
};

/// Takes in what came of a plan's steps. An outcome that is stale or unknown leaves nothing: the
/// next check tells.
#[must_use]
pub fn settle(mut memory: Memory, plan: &Plan, outcomes: &[Done], now: Moment) -> Memory {
    let steps = by_session(plan);
    for done in outcomes {
        let Some(step) = steps.get(&done.session).copied() else {
            continue;
        };
        if let (Action::Rename { target, .. }, Outcome::Done(Effect::Renamed)) =
            (&step.action, &done.outcome)
            && let Some(whose) = &target.whose
        {
            follow(
                &mut memory,
                &whose.session,
                &done.session,
                target.generation,
            );
            continue;
        }
        let history = memory.sessions.entry(done.session.clone()).or_default();
        if step.action.commands().is_some() && end_errand(history, &done.outcome, now) {
            continue;
        }
        match &done.outcome {
            Outcome::Done(effect) => {
                history.refused = None;
                let begun_nothing = matches!(effect, Effect::NotEnded { .. });
                let is_owed = history.is_owed_a_start();
                record_effect(history, step, effect, now);
                if begun_nothing && step.action.begins().is_some() {
                    uncount_start(&mut memory, is_owed);
                }
            }
            Outcome::Failed(why) => {
                // What nothing came of takes no place among the starts of ten minutes.
                let starts = matches!(
                    step.action,
                    Action::Start { .. }
                        | Action::Restart {
                            rung: Rung::Finish,
                            ..
                        }
                );
                let is_owed = history.is_owed_a_start();
                forget_untouched_stop(history, step);
                refuse(history, step, why, now);
                if record_failed_start(history, step, now) {
                    memory.failed_start = Some(now);
                    history
                        .replacing
                        .iter_mut()
                        .for_each(|replacing| replacing.failed = true);
                }
                if starts && step.action.commands().is_none() {
                    uncount_start(&mut memory, is_owed);
                }
            }
            Outcome::Stale(_) => {
                forget_untouched_stop(history, step);
                if let (Action::SendEscape { .. }, Some(run)) = (&step.action, &mut history.run) {
                    run.escape_sent = None;
                }
                if let Action::Answer(_) = step.action {
                    history.answers.pop();
                }
            }
            // It is paced like one that failed. If the next check finds it alive, it was none.
            Outcome::Unknown(why) => {
                refuse(history, step, why, now);
                if matches!(step.action, Action::Start { .. })
                    && record_failed_start(history, step, now)
                {
                    memory.failed_start = Some(now);
                }
            }
        }
    }
    memory
}

/// Takes back that a process was begun for the session: none was. `is_owed` tells whether a planned
/// restart had reserved that start.
fn uncount_start(memory: &mut Memory, is_owed: bool) {
    let starts = if is_owed {
        &mut memory.replaced
    } else {
        &mut memory.starts
    };
    starts.pop();
}

/// Notes that ending or restarting a session failed, so that the same is not tried again at once.
fn refuse(history: &mut History, step: &Step, why: &str, now: Moment) {
    let fingerprint = match &step.action {
        Action::Restart { desired, .. } => Some(desired.fingerprint()),
        Action::Expire { .. } => None,
        Action::Start { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => return,
    };
    let before = history
        .refused
        .take()
        .filter(|refused| refused.fingerprint == fingerprint);
    let times = before.map_or(0, |refused| refused.times).saturating_add(1);
    let said = Complaint::new(now, why).said;
    history.refused = Some(Refused {
        at: now,
        times,
        said,
        fingerprint,
    });
}

/// Gives sessions whose planned restart touched nothing their last handoff back, as it was in the
/// memory `before` the plan's intent: what did not happen opens no gap.
#[must_use]
pub fn take_back(mut memory: Memory, before: &Memory, plan: &Plan, outcomes: &[Done]) -> Memory {
    let steps = by_session(plan);
    for done in outcomes {
        let untouched = matches!(done.outcome, Outcome::Stale(_) | Outcome::Failed(_));
        let step = steps.get(&done.session);
        let asked = step.is_some_and(|s| {
            matches!(
                s.action,
                Action::Restart {
                    rung: Rung::Ask,
                    ..
                }
            )
        });
        let Some(history) = memory
            .sessions
            .get_mut(&done.session)
            .filter(|_| untouched && asked)
        else {
            continue;
        };
        if history.stopping.is_none() {
            history.handoff = before
                .sessions
                .get(&done.session)
                .and_then(|former| former.handoff);
        }
    }
    memory
}

/// The steps by session, the first of each.
fn by_session(plan: &Plan) -> SortedMap<&SessionName, &Step> {
    plan.steps
        .iter()
        .rev()
        .map(|step| (&step.session, step))
        .collect()
}

/// An asking that touched nothing is no stop under way: the next one, if there is still a reason,
/// asks anew.
fn forget_untouched_stop(history: &mut History, step: &Step) {
    if history
        .stopping
        .as_ref()
        .is_some_and(|stopping| stopping.tree.is_empty())
    {
        history.stopping = None;
        if step.action.commands().is_none() {
            history.replacing = None;
        }
    }
}

fn record_effect(history: &mut History, step: &Step, effect: &Effect, now: Moment) {
    match effect {
        Effect::Started { .. } => record_start(history, step, now),
        Effect::Adopted { .. } => record_adoption(history, step, now),
        Effect::Signalled { tree } | Effect::NotEnded { tree, .. } => {
            if let Some(stopping) = &mut history.stopping {
                remember_tree(stopping, tree);
            }
        }
        Effect::Removed => record_removal(history, step, now),
        Effect::Nudged => {
            if let (Action::Nudge(typing), Some(run)) = (&step.action, &mut history.run) {
                run.note_submitted(&typing.text);
            }
        }
        // What was pressed is known from the intent.
        Effect::EscapeSent | Effect::Begun { .. } | Effect::Renamed => {}
        Effect::Answered => {
            // Where the same is asked again, it is another question.
            let run = history.run.as_mut();
            if let Some(content) = run.and_then(|run| run.content.as_mut()) {
                content.dialog = None;
            }
        }
    }
}

fn record_start(history: &mut History, step: &Step, now: Moment) {
    let (Action::Start {
        desired,
        generation,
        conversation,
        ..
    }
    | Action::Restart {
        desired,
        generation,
        conversation,
        ..
    }) = &step.action
    else {
        return;
    };
    // What commands have started may have been seen before their end was told, as the life that it
    // is.
    let is_known = history
        .run_of(*generation)
        .is_some_and(|run| run.ended.is_none());
    if history.run.is_some() && !is_known {
        history.restarts = history.restarts.saturating_add(1);
    }
    history.keep_last_end();
    let known = history.run.take().filter(|_| is_known);
    let fresh = || Incarnation::new(*generation, now, Some(desired.fingerprint()));
    let mut run = known.unwrap_or_else(fresh);
    run.ran_with = Some(RanWith::of(desired));
    run.draining = None;
    run.agentless = 0;
    history.run = Some(run);
    conversation::begin(history, *generation, conversation);
    history.stopping = None;
    history.finished = None;
    history.restart_asked = false;
}

fn record_adoption(history: &mut History, step: &Step, now: Moment) {
    let Action::Adopt {
        fingerprint,
        generation,
        started,
        origin,
        ..
    } = &step.action
    else {
        return;
    };
    if *origin == Origin::Policy {
        // What was remembered under its name is of a session that was declared, or that others
        // started before.
        *history = History {
            generation: history.generation,
            ..History::default()
        };
    }
    // A run that is labelled anew is still the same run: what was typed into it counts on.
    history.keep_last_end();
    let known = history.run.take();
    let known = known.filter(|run| run.generation == *generation && run.ended.is_none());
    history.run = Some(Incarnation {
        started: *started,
        ready: Some(now),
        fingerprint: Some(*fingerprint),
        ..known.unwrap_or_else(|| Incarnation::new(*generation, *started, None))
    });
    history.finished = None;
}

/// Whether a task that is ended for this is not over: it is disabled, or outside of its hours, and runs
/// again later.
pub(super) fn is_a_rest(reason: &RecordedReason) -> bool {
    reason.is(ReasonCode::Disabled) || reason.is(ReasonCode::OffSchedule)
}

fn record_removal(history: &mut History, step: &Step, now: Moment) {
    let stopped = history.stopping.take();
    let Some(run) = &mut history.run else { return };
    run.draining = None;
    let ended = *run.ended.get_or_insert(Ended {
        death: Death::Vanished,
        at: now,
    });
    let completed = matches!(step.action, Action::Expire { .. })
        && history.finished.is_none()
        && !is_a_rest(&step.reason.cause());
    if let Some(fingerprint) = run.fingerprint.filter(|_| completed) {
        let death = stopped.is_none().then_some(ended.death);
        let well = stopped.map_or(ended.death.is_clean(), |stopped| stopped.was_done());
        history.finished = Some(Finished {
            fingerprint,
            death,
            well,
            at: now,
        });
    }
}

/// A start that failed before anything ran is paced like a crash. Tells whether it was one.
fn record_failed_start(history: &mut History, step: &Step, now: Moment) -> bool {
    let Some(generation) = step.action.begins() else {
        return false;
    };
    match &step.action {
        Action::Start { desired, .. } => {
            let ended = Ended {
                death: Death::NeverStarted,
                at: now,
            };
            history.keep_last_end();
            history.run = Some(Incarnation {
                ended: Some(ended),
                ..Incarnation::new(generation, now, Some(desired.fingerprint()))
            });
        }
        // What lives on is not started at all.
        Action::Restart {
            rung: Rung::Ask | Rung::Term | Rung::Kill,
            ..
        }
        | Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => return false,
        Action::Restart {
            rung: Rung::Finish, ..
        } => {}
    }
    push_crash(history, now, now);
    true
}

fn remember_tree(stopping: &mut Stopping, tree: &[ProcId]) {
    for process in tree {
        if stopping.tree.len() < Stopping::MAX_TREE && !stopping.tree.contains(process) {
            stopping.tree.push(*process);
        }
    }
}
