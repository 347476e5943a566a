//! The first step: what has ended beside the cycles since the last one.

use crate::memory::{
    answer, answers, end_chore, hold_launcher_jobs, learn_readiness, lose_chores,
    lose_launcher_jobs, settle, stands_alone,
};
use crate::model::{
    Answer, ChoreEnd, Done, LauncherJob, Memory, Moment, Outcome, ProcId, Proposal, ReadyAnswer,
    SessionName, Step,
};
use crate::model::{SortedMap, SortedSet};

/// What has arrived since the last cycle. A verb that runs nothing beside its cycle has the
/// default: nothing arrived.
#[derive(Debug, Default)]
pub struct Arrivals {
    /// Of chores. None in a process that runs no chores.
    pub chores: Option<ChoreArrivals>,
    /// Answers of agents that were asked whether they are signed in.
    pub answers: Vec<ProbeAnswer>,
    /// What sessions that come up have shown of their readiness.
    pub ready: Vec<ReadyAnswer>,
    /// Of launcher commands. None in a process that runs none.
    pub launcher: Option<LauncherArrivals>,
}

/// What has arrived from chores.
#[derive(Debug)]
pub struct ChoreArrivals {
    /// When they were asked for.
    pub now: Moment,
    /// The runs that have ended.
    pub ended: Vec<EndedChore>,
    /// The names of the chores that still run in this process.
    pub running: SortedSet<String>,
}

/// One run of a chore that has ended.
#[derive(Debug, Clone)]
pub struct EndedChore {
    /// The chore's name.
    pub chore: String,
    /// How and when it ended.
    pub end: ChoreEnd,
    /// The next run starts no sooner than this.
    pub not_before: Option<Moment>,
    /// What the run proposes.
    pub proposals: Vec<Proposal>,
}

/// The answer of one agent.
#[derive(Debug, Clone)]
pub struct ProbeAnswer {
    /// The agent's name.
    pub agent: String,
    /// When it was asked.
    pub asked: Moment,
    /// What it answered.
    pub answer: Answer,
}

/// What has arrived from launcher commands.
#[derive(Debug)]
pub struct LauncherArrivals {
    /// This process.
    pub me: ProcId,
    /// The starts and stops that have ended.
    pub ended: Vec<EndedJob>,
    /// Those that still go on in this process, by session.
    pub running: SortedMap<SessionName, LauncherJob>,
}

/// One start or stop by launcher commands that has ended.
#[derive(Debug, Clone)]
pub struct EndedJob {
    /// What was to be done. What a failed restart has left to do is a start.
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Moment,
}

/// The memory with what has arrived.
#[derive(Debug)]
pub struct TakenIn {
    /// The memory.
    pub memory: Memory,
    /// The answers of agents that are new, by agent.
    pub answers: Vec<(String, Answer)>,
}

/// Takes in what has arrived.
///
/// `lives` tells whether a process may still live. Launcher commands that wait for a process that
/// is gone are given up: nobody will report their end.
#[must_use]
pub fn take_in(memory: Memory, arrivals: Arrivals, lives: impl Fn(ProcId) -> bool) -> TakenIn {
    let Arrivals {
        chores,
        answers: received,
        ready,
        launcher,
    } = arrivals;
    let memory = match chores {
        Some(chores) => take_in_chores(memory, chores),
        None => memory,
    };
    let (memory, answers) = take_in_answers(memory, received);
    let memory = learn_readiness(memory, ready);
    let memory = match launcher {
        Some(launcher) => take_in_jobs(memory, launcher),
        None => memory,
    };
    TakenIn {
        memory: lose_launcher_jobs(memory, lives),
        answers,
    }
}

fn take_in_chores(memory: Memory, arrivals: ChoreArrivals) -> Memory {
    let ChoreArrivals {
        now,
        ended,
        running,
    } = arrivals;
    let memory = ended.into_iter().fold(memory, |memory, run| {
        let EndedChore {
            chore,
            end,
            not_before,
            proposals,
        } = run;
        end_chore(memory, &chore, end, not_before, proposals)
    });
    lose_chores(memory, &running, now)
}

fn take_in_answers(before: Memory, received: Vec<ProbeAnswer>) -> (Memory, Vec<(String, Answer)>) {
    if received.is_empty() {
        return (before, Vec::new());
    }
    let after = received
        .into_iter()
        .fold(before.clone(), |memory, received| {
            let ProbeAnswer {
                agent,
                asked,
                answer: words,
            } = received;
            answer(memory, &agent, asked, words)
        });
    let fresh = answers(&before, &after);
    (after, fresh)
}

fn take_in_jobs(memory: Memory, arrivals: LauncherArrivals) -> Memory {
    let LauncherArrivals { me, ended, running } = arrivals;
    let memory = ended.into_iter().fold(memory, |memory, job| {
        let EndedJob { step, outcome, at } = job;
        let done = Done {
            session: step.session.clone(),
            verb: step.action.verb(),
            outcome,
        };
        settle(memory, &stands_alone(step), &[done], at)
    });
    hold_launcher_jobs(memory, &running, me)
}
