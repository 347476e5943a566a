//! Starts and stops by commands: that they were begun, that they still go on, and how they ended.

use crate::model::SortedMap;
use crate::model::{
    Complaint, Effect, History, LauncherJob, Memory, Moment, Outcome, Plan, ProcId, SessionName,
    Step,
};

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
    here: &SortedMap<SessionName, LauncherJob>,
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
        Outcome::Done(Effect::NotEnded { said, .. }) => {
            history.complaint = Some(Complaint::new(now, said));
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::memory::{intend, settle};
    use crate::model::Conversation;
    use crate::model::{
        Action, Commands, Done, Generation, Launch, PaneId, Phase, Reason, Rung, ServerId,
        SessionId, Target, WhenAttached,
    };
    use crate::sim::session;

    const NOW: Moment = Moment {
        wall: 1_790_000_000_000,
        awake: 900_000_000,
        boot: 7,
    };
    const ME: ProcId = ProcId { pid: 1, start: 1 };

    fn restart(name: &SessionName) -> Step {
        let commands = Commands {
            start: vec!["gt".to_owned()],
            stop: vec!["gt".to_owned()],
            ..Commands::default()
        };
        let mut desired = session(name.clone());
        desired.launch = Launch::Commands(Box::new(commands));
        let target = Target {
            server: ServerId(ME),
            session: SessionId(1),
            pane: PaneId(1),
            generation: Some(Generation(4)),
            whose: None,
            process: None,
            attached: WhenAttached::Hold,
        };
        Step {
            session: name.clone(),
            action: Action::Restart {
                desired: Box::new(desired),
                target,
                rung: Rung::Ask,
                generation: Generation(5),
                handoff: None,
                crashes: 0,
                conversation: Conversation::Unnamed,
            },
            reason: Reason::Asked,
            phase: Phase::Idle,
        }
    }

    #[test]
    fn a_stop_that_its_launcher_did_not_end_is_carried_on_and_has_started_nothing() {
        let name = SessionName::new("a").unwrap();
        let plan = stands_alone(restart(&name));
        let memory = begin_launcher_jobs(Memory::default(), &plan, ME, NOW);
        let memory = intend(memory, &plan, NOW);
        assert_eq!(memory.replaced.len(), 1, "it may begin the next run");
        let tree = vec![ProcId { pid: 7, start: 9 }];
        let effect = Effect::NotEnded {
            tree: tree.clone(),
            said: "`gt` failed".to_owned(),
        };
        let done = Done {
            session: name.clone(),
            verb: crate::model::Verb::Restart,
            outcome: Outcome::Done(effect),
        };
        let memory = settle(memory, &plan, &[done], NOW);
        let history = &memory.sessions[&name];
        let stopping = history.stopping.as_ref().unwrap();
        assert_eq!((stopping.rung, &stopping.tree), (Rung::Ask, &tree));
        assert_eq!(history.launcher_job, None);
        assert_eq!(history.complaint.as_ref().unwrap().said, "`gt` failed");
        assert!(history.is_owed_a_start());
        assert_eq!((memory.replaced.len(), memory.starts.len()), (0, 0));
    }
}
