//! What outcomes leave behind.

use super::conversation;
use super::launcher::end_errand;
use super::learn::{note_ran_with, push_crash};
use crate::model::{
    Action, Complaint, Death, Done, Effect, Ended, Finished, History, Incarnation, Memory, Moment,
    Origin, Outcome, Plan, ProcId, Refused, Rung, SessionName, Step, Stopping,
};
use std::collections::BTreeMap;

/// Takes in what came of a plan's steps. An outcome that is stale or unknown leaves nothing: the
/// next check tells.
#[must_use]
pub fn settle(mut memory: Memory, plan: &Plan, outcomes: &[Done], now: Moment) -> Memory {
    let steps = by_session(plan);
    for done in outcomes {
        let Some(step) = steps.get(&done.session).copied() else {
            continue;
        };
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
                if let Action::SendEscape { .. } = step.action {
                    history.escape_sent = None;
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
fn by_session(plan: &Plan) -> BTreeMap<&SessionName, &Step> {
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
            if let Action::Nudge(typing) = &step.action {
                history.note_submitted(&typing.text);
            }
        }
        // What was pressed is known from the intent.
        Effect::EscapeSent | Effect::Begun { .. } => {}
        Effect::Answered => {
            // Where the same is asked again, it is another question.
            if let Some(content) = &mut history.content {
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
        .run
        .as_ref()
        .is_some_and(|run| run.generation == *generation && run.ended.is_none());
    if history.run.is_some() && !is_known {
        history.restarts = history.restarts.saturating_add(1);
    }
    if !is_known {
        history.run = Some(Incarnation {
            generation: *generation,
            started: now,
            ready: None,
            fingerprint: Some(desired.fingerprint()),
            ended: None,
        });
    }
    conversation::begin(history, *generation, conversation);
    note_ran_with(history, desired, desired.fingerprint());
    history.stopping = None;
    history.draining = None;
    history.finished = None;
    history.restart_asked = false;
    history.agentless = 0;
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
    history.run = Some(Incarnation {
        generation: *generation,
        started: *started,
        ready: Some(now),
        fingerprint: Some(*fingerprint),
        ended: None,
    });
    history.finished = None;
    history.agentless = 0;
}

fn record_removal(history: &mut History, step: &Step, now: Moment) {
    let stopped = history.stopping.take();
    history.draining = None;
    let Some(run) = &mut history.run else { return };
    let ended = *run.ended.get_or_insert(Ended {
        death: Death::Vanished,
        at: now,
    });
    let completed = matches!(step.action, Action::Expire { .. }) && history.finished.is_none();
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
            history.run = Some(Incarnation {
                generation,
                started: now,
                ready: None,
                fingerprint: Some(desired.fingerprint()),
                ended: Some(Ended {
                    death: Death::NeverStarted,
                    at: now,
                }),
            });
        }
        // What lives on is not started at all.
        Action::Restart {
            rung: Rung::Ask | Rung::Term | Rung::Kill,
            ..
        }
        | Action::Expire { .. }
        | Action::Adopt { .. }
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
