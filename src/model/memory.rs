//! What tmux forgets: the town's history, as kept in the state file.

use crate::model::{
    ChoreHistory, Content, Death, Fingerprint, Generation, Marks, Moment, ProcId, Rung, ServerId, SessionName,
};
use std::collections::BTreeMap;

/// Everything remembered of a town. `Memory::default()` is a valid memory: nothing is known.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Memory {
    /// The server last seen up.
    pub server: Option<ServerId>,
    /// When servers were found lost, oldest first; only the last ten minutes' are kept.
    pub server_losses: Vec<Moment>,
    /// The last look that told anything.
    pub last_look: Option<Moment>,
    /// Cycles to let pass without a kill, after the clocks jumped apart.
    pub settling: u32,
    /// The kills that the mass guard held in the last cycle, as a digest.
    pub mass_seen: Option<u64>,
    /// The operator paused the town.
    pub paused: bool,
    /// When sessions were started, oldest first; only the last ten minutes' are kept.
    pub starts: Vec<Moment>,
    /// When a start last failed: an agent that ended before it was ready.
    pub failed_start: Option<Moment>,
    /// Ends of runs in a row that left a sign-in screen behind, by agent, oldest first, at most
    /// [`Memory::MAX_AUTH_DEATHS`].
    pub auth_deaths: BTreeMap<String, Vec<Moment>>,
    /// By the name of the chore.
    pub chores: BTreeMap<String, ChoreHistory>,
    /// By session.
    pub sessions: BTreeMap<SessionName, History>,
}

impl Memory {
    /// So many hold the starts of their agent.
    pub const MAX_AUTH_DEATHS: usize = 3;
}

/// What is remembered of one session.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct History {
    /// The highest generation ever given out.
    pub generation: Generation,
    /// The last run that is known of.
    pub run: Option<Run>,
    /// Crashes in a row, oldest first, at most [`History::MAX_CRASHES`].
    pub crashes: Vec<Moment>,
    /// Starts after the first, for people to see.
    pub restarts: u32,
    /// The last planned restart.
    pub handoff: Option<Moment>,
    /// The user stopped it.
    pub stopped: bool,
    /// The user asked for a fresh process, and has not got it yet.
    pub restart_asked: bool,
    /// A task that has ended for good.
    pub finished: Option<Finished>,
    /// A planned stop under way.
    pub stopping: Option<Stopping>,
    /// Since when a planned restart has been waited for.
    pub draining: Option<Moment>,
    /// Looks in a row that found the pane but no agent in it.
    pub agentless: u32,
    /// Its entry allowed that it be expired without `--prune` once it is gone from the manifest.
    pub prune: bool,
    /// Its screen, once that was read.
    pub content: Option<Content>,
    /// What its output says about its end.
    pub marks: Option<Marks>,
}

impl History {
    /// More crashes than this in a row are not told apart.
    pub const MAX_CRASHES: usize = 32;
}

/// One life of a session, from start to end.
#[derive(Debug, Clone, PartialEq)]
pub struct Run {
    /// Which.
    pub generation: Generation,
    /// When it was started.
    pub started: Moment,
    /// When it was first seen ready.
    pub ready: Option<Moment>,
    /// What it was started with.
    pub fingerprint: Option<Fingerprint>,
    /// How it ended, once it has.
    pub ended: Option<Ended>,
}

/// The end of a run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Ended {
    /// How.
    pub death: Death,
    /// When it ended, or was first seen to have.
    pub at: Moment,
}

/// A task that has ended for good, as long as its entry stays as it was.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Finished {
    /// What it was started with.
    pub fingerprint: Fingerprint,
    /// How it ended; none when it was expired alive.
    pub death: Option<Death>,
    /// When.
    pub at: Moment,
}

/// A planned stop under way: written before the first signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Stopping {
    /// Of which run.
    pub generation: Generation,
    /// When it was first asked to end.
    pub since: Moment,
    /// The last rung taken.
    pub rung: Rung,
    /// When that rung was taken.
    pub rung_at: Moment,
    /// What comes after.
    pub purpose: Purpose,
    /// The code of the reason it was begun for.
    pub reason: String,
    /// The processes of its tree when it began, at most [`Stopping::MAX_TREE`].
    pub tree: Vec<ProcId>,
}

impl Stopping {
    /// Processes remembered of one tree.
    pub const MAX_TREE: usize = 256;
}

/// What a stop is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// A fresh process afterwards.
    Restart,
    /// Nothing afterwards.
    Expire,
}
