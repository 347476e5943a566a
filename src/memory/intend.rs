//! What a plan intends, to be written down before anything is touched.

use super::answers::note_answer;
use super::conversation::end_as_planned;
use super::probe::intend_probes;
use super::texts::note_typed;
use crate::model::{
    Action, Fingerprint, Generation, History, Hold, Incarnation, Memory, Moment, Phase, Plan,
    Purpose, Reason, ReasonCode, RecordedReason, Refuted, Replacing, Rung, Step, Stopping, Target,
};

/// Takes in what is about to be done, and what is waited for.
#[must_use]
pub fn intend(mut memory: Memory, plan: &Plan, now: Moment) -> Memory {
    let Plan {
        checks: _,
        steps,
        held,
        unchanged,
        probes,
        chores: _,
        proposals: _,
        wake: _,
        mass,
    } = plan;
    memory.mass_seen = *mass;
    intend_probes(&mut memory, probes, now);
    for step in steps {
        intend_step(&mut memory, step, now);
        memory
            .sessions
            .entry(step.session.clone())
            .or_default()
            .waiting = None;
    }
    for held in held {
        let history = memory.sessions.entry(held.session.clone()).or_default();
        if let (Hold::Draining { .. }, Some(run)) = (&held.hold, &mut history.run) {
            run.draining.get_or_insert(now);
        }
        if matches!(held.hold, Hold::After { .. }) {
            history.waiting.take_if(|since| since.boot != now.boot);
            history.waiting.get_or_insert(now);
        }
    }
    // What could not be determined this time may still be draining, or wait for others.
    for calm in unchanged.iter().filter(|calm| calm.phase != Phase::Unknown) {
        if let Some(history) = memory.sessions.get_mut(&calm.session) {
            history.waiting = None;
            if let Some(run) = &mut history.run {
                run.draining = None;
            }
        }
    }
    memory
}

fn intend_step(memory: &mut Memory, step: &Step, now: Moment) {
    count_start(memory, step, now);
    let history = memory.sessions.entry(step.session.clone()).or_default();
    if let Some(generation) = step.action.begins() {
        history.generation = history.generation.max(generation);
    }
    if let (Reason::SignedIn { .. }, Some(content)) = (&step.reason, history.content()) {
        // Where the same line comes back, the probe has proved nothing.
        history.refuted = Some(Refuted {
            line: content.evidence.clone(),
            at: now.wall,
        });
    }
    match &step.action {
        // What is over is only removed, and what is renamed goes on.
        Action::Start { .. }
        | Action::Rename { .. }
        | Action::Expire {
            rung: Rung::Finish, ..
        } => {}
        Action::Restart { handoff, .. } => {
            history.handoff = *handoff;
            intend_restart(history, step, now);
        }
        Action::Expire { target, rung, .. } => {
            let next = StopRung {
                generation: target.generation.unwrap_or_default(),
                rung: *rung,
                purpose: Purpose::Expire,
                begun_for: None,
            };
            intend_stop(history, &next, step, now);
        }
        Action::Adopt { handoff, .. } => history.handoff = handoff.or(history.handoff),
        Action::Nudge(typing) => {
            let run = target_run(history, &typing.target);
            if let Some(run) = run {
                note_typed(run, &typing.text, now);
                if announces_an_end(&step.reason) {
                    run.draining.get_or_insert(now);
                }
            }
        }
        Action::SendEscape { target, .. } => {
            if let Some(run) = target_run(history, target) {
                run.escape_sent = Some(now);
            }
        }
        Action::Answer(answer) => note_answer(history, answer, now),
    }
}

/// The run that a step is meant for.
fn target_run<'h>(history: &'h mut History, target: &Target) -> Option<&'h mut Incarnation> {
    history.run_of_mut(target.generation?)
}

/// Counts the process that a step begins, for the start budget. One that a planned restart has
/// reserved is counted apart.
fn count_start(memory: &mut Memory, step: &Step, now: Moment) {
    let history = memory.sessions.entry(step.session.clone()).or_default();
    let (begins, is_reserved) = match &step.action {
        Action::Start { .. } => (true, history.is_owed_a_start()),
        Action::Restart { target, rung, .. } => {
            // A launcher's command stops and starts in one step.
            let begins = step.action.begins().is_some();
            let is_reserved = match rung {
                Rung::Ask => {
                    begins_replacement(history, target.generation) || history.replacing.is_some()
                }
                Rung::Term | Rung::Kill | Rung::Finish => history.is_owed_a_start(),
            };
            (begins, is_reserved)
        }
        Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => (false, false),
    };
    if !begins {
        return;
    }
    let starts = if is_reserved {
        &mut memory.replaced
    } else {
        &mut memory.starts
    };
    starts.push(now);
}

/// Takes in that a restart is about to be carried on. Its first rung reserves the start.
fn intend_restart(history: &mut History, step: &Step, now: Moment) {
    let Action::Restart {
        target,
        rung,
        desired,
        ..
    } = &step.action
    else {
        return;
    };
    if *rung == Rung::Finish {
        return;
    }
    if *rung == Rung::Ask && begins_replacement(history, target.generation) {
        // Somebody may have lowered the label's generation. The fresh run is the one that is later
        // than both.
        let remembered = history.run.as_ref().map(|run| run.generation);
        history.replacing = Some(Replacing {
            generation: target.generation.max(remembered).unwrap_or_default(),
            since: now,
            reason: RecordedReason::from(&step.reason),
            fingerprint: desired.fingerprint(),
            failed: false,
        });
    }
    let next = StopRung {
        generation: target.generation.unwrap_or_default(),
        rung: *rung,
        purpose: Purpose::Restart,
        begun_for: Some(desired.fingerprint()),
    };
    intend_stop(history, &next, step, now);
}

/// Whether a text tells its session that it is about to be ended. It opens the time that it has.
fn announces_an_end(reason: &Reason) -> bool {
    !matches!(reason, Reason::TooQuiet { .. } | Reason::LimitOver { .. })
}

/// Whether asking this run to end begins a planned restart, rather than carrying one on.
fn begins_replacement(history: &History, generation: Option<Generation>) -> bool {
    let under_way = history
        .stopping
        .as_ref()
        .map(|stopping| stopping.generation);
    under_way.is_none_or(|under_way| Some(under_way) != generation)
}

/// A rung of a stop.
struct StopRung {
    /// The run that it ends.
    generation: Generation,
    rung: Rung,
    purpose: Purpose,
    /// What is started afterwards.
    begun_for: Option<Fingerprint>,
}

/// Takes in a rung of a stop: a further one of the stop under way, or the first one of another.
fn intend_stop(history: &mut History, next: &StopRung, step: &Step, now: Moment) {
    let StopRung {
        generation,
        rung,
        purpose,
        begun_for,
    } = *next;
    match &mut history.stopping {
        Some(under_way) if under_way.generation == generation => {
            under_way.rung = rung;
            under_way.rung_at = now;
        }
        Some(_) | None => {
            if !step.reason.cause().is(ReasonCode::Upgraded) {
                end_as_planned(history);
            }
            history.stopping = Some(Stopping {
                generation,
                since: now,
                rung,
                rung_at: now,
                purpose,
                reason: RecordedReason::from(&step.reason),
                begun_for,
                tree: Vec::new(),
            });
        }
    }
}

#[cfg(test)]
#[path = "intend_tests.rs"]
mod tests;
