//! Starts and stops by commands: that they were begun, that they still go on, and how they ended.

use crate::model::{
    Complaint, Effect, History, LauncherJob, Memory, Moment, Outcome, Plan, ProcId, SessionName,
    Step,
};
use std::collections::BTreeMap;

/// Takes in that this plan's steps by commands are about to be begun, and that `me` waits for them.
/// Before the rest of the plan's intent is taken in.
#[must_use]
pub fn begin_launcher_jobs(mut memory: Memory, plan: &Plan, me: ProcId, now: Moment) -> Memory {
    for step in plan
        .steps
        .iter()
        .filter(|step| step.action.commands().is_some())
    {
        let history = memory.sessions.entry(step.session.clone()).or_default();
        let handoff = history.handoff;
        let generation = step.action.begins().unwrap_or(history.generation);
        history.launcher_job = Some(LauncherJob {
            verb: step.action.verb(),
            generation,
            begun: now,
            handoff,
            by: Some(me),
        });
    }
    memory
}

/// Gives up those that nobody waits for any more.
#[must_use]
pub fn lose_launcher_jobs(mut memory: Memory, lives: impl Fn(ProcId) -> bool) -> Memory {
    for history in memory.sessions.values_mut() {
        history
            .launcher_job
            .take_if(|launcher_job| launcher_job.by.is_none_or(|by| !lives(by)));
    }
    memory
}

/// Brings what is remembered of the jobs of this process, `me`, to what goes on `here`.
#[must_use]
pub fn hold_launcher_jobs(
    mut memory: Memory,
    here: &BTreeMap<SessionName, LauncherJob>,
    me: ProcId,
) -> Memory {
    for (name, history) in &mut memory.sessions {
        history
            .launcher_job
            .take_if(|launcher_job| launcher_job.by == Some(me) && !here.contains_key(name));
    }
    for (name, launcher_job) in here {
        memory
            .sessions
            .entry(name.clone())
            .or_default()
            .launcher_job = Some(*launcher_job);
    }
    memory
}

/// The plan in which this step stands alone, for what came of it when its cycle was over.
#[must_use]
pub fn stands_alone(step: Step) -> Plan {
    Plan {
        steps: vec![step],
        ..Plan::default()
    }
}

/// Takes in what came of a step by commands, as far as that is the same for all of them; tells
/// whether that is all there is to take in.
pub(super) fn end_errand(history: &mut History, outcome: &Outcome, now: Moment) -> bool {
    if matches!(outcome, Outcome::Done(Effect::Begun { .. })) {
        return true;
    }
    let launcher_job = history.launcher_job.take();
    match outcome {
        Outcome::Done(_) => history.complaint = None,
        Outcome::Failed(why) => history.complaint = Some(Complaint::new(now, why)),
        // Nothing was touched: what did not happen opens no gap.
        Outcome::Stale(_) => {
            history.handoff =
                launcher_job.map_or(history.handoff, |launcher_job| launcher_job.handoff);
        }
        Outcome::Unknown(_) => {}
    }
    false
}
