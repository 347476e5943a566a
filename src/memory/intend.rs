//! What a plan intends, to be written down before anything is touched.

use super::nudge::note_typed;
use super::probe::intend_probes;
use crate::model::{
    Action, EscapeSent, Fingerprint, Generation, History, Hold, Memory, Moment, Phase, Plan,
    Purpose, Reason, Refuted, Replacing, Rung, Step, Stopping,
};

/// Takes in what is about to be done, and what is waited for.
#[must_use]
pub fn intend(mut memory: Memory, plan: &Plan, now: Moment) -> Memory {
    let Plan {
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
        if matches!(held.hold, Hold::Draining { .. }) {
            history.draining.get_or_insert(now);
        }
        if matches!(held.hold, Hold::After { .. }) {
            history.waiting.take_if(|since| since.boot != now.boot);
            history.waiting.get_or_insert(now);
        }
    }
    // What could not be determined this time may still be draining, or wait for others.
    for calm in unchanged.iter().filter(|calm| calm.phase != Phase::Unknown) {
        if let Some(history) = memory.sessions.get_mut(&calm.session) {
            history.draining = None;
            history.waiting = None;
        }
    }
    memory
}

fn intend_step(memory: &mut Memory, step: &Step, now: Moment) {
    let history = memory.sessions.entry(step.session.clone()).or_default();
    // A start that was reserved by a planned restart is counted apart.
    let begun = match &step.action {
        Action::Restart {
            target,
            rung: Rung::Ask,
            ..
        } => begins_replacement(history, target.generation) || history.replacing.is_some(),
        Action::Start { .. }
        | Action::Restart { .. }
        | Action::Expire { .. }
        | Action::Adopt { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. } => history.is_owed_a_start(),
    };
    let starts = if begun {
        &mut memory.replaced
    } else {
        &mut memory.starts
    };
    if let Some(generation) = step.action.begins() {
        history.generation = history.generation.max(generation);
    }
    if let (Reason::SignedIn { .. }, Some(content)) = (&step.reason, &history.content) {
        // Where the same line comes back, the probe has proved nothing.
        history.refuted = Some(Refuted {
            line: content.evidence.clone(),
            at: now.wall,
        });
    }
    match &step.action {
        Action::Start { .. } => starts.push(now),
        Action::Restart {
            rung: Rung::Finish,
            handoff,
            ..
        } => {
            history.handoff = *handoff;
            starts.push(now);
        }
        Action::Restart {
            target,
            rung,
            handoff,
            desired,
            ..
        } => {
            history.handoff = *handoff;
            if *rung == Rung::Ask && begins_replacement(history, target.generation) {
                // Somebody may have lowered the label's generation. The fresh run is the one that
                // is later than both.
                let remembered = history.run.as_ref().map(|run| run.generation);
                history.replacing = Some(Replacing {
                    generation: target.generation.max(remembered).unwrap_or_default(),
                    since: now,
                    reason: step.reason.code().to_owned(),
                    fingerprint: desired.fingerprint(),
                    failed: false,
                });
            }
            if desired.commands().is_some() {
                starts.push(now);
            }
            let begun_for = Some(desired.fingerprint());
            let aim = Aim {
                purpose: Purpose::Restart,
                begun_for,
            };
            intend_stop(
                &mut history.stopping,
                target.generation,
                *rung,
                aim,
                step,
                now,
            );
        }
        Action::Expire {
            rung: Rung::Finish, ..
        } => {}
        Action::Expire { target, rung, .. } => {
            let aim = Aim {
                purpose: Purpose::Expire,
                begun_for: None,
            };
            intend_stop(
                &mut history.stopping,
                target.generation,
                *rung,
                aim,
                step,
                now,
            );
        }
        Action::Adopt { handoff, .. } => history.handoff = handoff.or(history.handoff),
        Action::Nudge { target, text, .. } => {
            note_typed(history, target.generation, text, now);
            // A notice that it is about to be ended opens the time that it has.
            if !matches!(
                step.reason,
                Reason::TooQuiet { .. } | Reason::LimitOver { .. }
            ) {
                history.draining.get_or_insert(now);
            }
        }
        Action::SendEscape { target, .. } => {
            history.escape_sent = Some(EscapeSent {
                generation: target.generation.unwrap_or_default(),
                at: now,
            });
        }
    }
}

/// Whether asking this run to end begins a planned restart, rather than carrying one on.
fn begins_replacement(history: &History, generation: Option<Generation>) -> bool {
    let under_way = history
        .stopping
        .as_ref()
        .map(|stopping| stopping.generation);
    under_way.is_none_or(|under_way| Some(under_way) != generation)
}

/// What a stop is begun for.
#[derive(Clone, Copy)]
struct Aim {
    purpose: Purpose,
    /// What is to be started afterwards.
    begun_for: Option<Fingerprint>,
}

fn intend_stop(
    stopping: &mut Option<Stopping>,
    generation: Option<Generation>,
    rung: Rung,
    aim: Aim,
    step: &Step,
    now: Moment,
) {
    let generation = generation.unwrap_or_default();
    match stopping {
        Some(under_way) if under_way.generation == generation => {
            under_way.rung = rung;
            under_way.rung_at = now;
        }
        Some(_) | None => {
            let reason = step.reason.code().to_owned();
            let Aim { purpose, begun_for } = aim;
            let tree = Vec::new();
            *stopping = Some(Stopping {
                generation,
                since: now,
                rung,
                rung_at: now,
                purpose,
                reason,
                begun_for,
                tree,
            });
        }
    }
}

#[cfg(test)]
#[path = "intend_tests.rs"]
mod tests;
