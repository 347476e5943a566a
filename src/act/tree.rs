//! The processes of a session: those below its pane, those that memory has of its stop, and those
//! with its env tag.

use super::Scene;
use crate::model::{Generation, Memory, ProcId, ServerId, SessionName, Stopping, Target, Town};
use crate::model::{SortedMap, SortedSet};
use crate::proc::env_tag::{self, Scan, Sighted};
use crate::proc::process::Presence;
use crate::proc::signal::{self, Aim, Sent, Signal, wait_gone};
use crate::proc::tree::Above;
use crate::proc::{clock, process, tree};
use std::time::Duration;
use tokio::time::Instant;

/// How long processes may take to end after KILL.
const VANISH: Duration = Duration::from_secs(2);
/// The longest time between TERM and KILL for what an ended run has left behind, whatever its
/// `stop_grace` is. The whole cycle waits for it.
const MAX_LEFTOVER_GRACE: Duration = Duration::from_secs(2);

/// How long the leftovers of a session have between TERM and KILL: its `stop_grace`, at most two
/// seconds.
pub(super) fn leftover_grace(town: &Town, session: &SessionName) -> Duration {
    let declared = town
        .sessions
        .get(session)
        .map(|desired| desired.stop_grace.to_std());
    declared
        .unwrap_or(MAX_LEFTOVER_GRACE)
        .min(MAX_LEFTOVER_GRACE)
}

/// The processes of a town's sessions at one moment. One scan serves all sessions.
pub(super) struct Trees<'a> {
    town: &'a Town,
    memory: &'a Memory,
    boot: u64,
    marked: SortedMap<SessionName, Vec<(Generation, ProcId)>>,
    /// The session of the town that the env tag of each process names, by pid.
    tags: SortedMap<u32, SessionName>,
}

impl<'a> Trees<'a> {
    /// Looks for the processes of these sessions among all processes.
    pub(super) fn look(scene: &Scene<'a>, sessions: &SortedSet<&SessionName>) -> Self {
        let scan = Scan::new(&scene.town.name).finish();
        Self::of_scan(scene, sessions, scan)
    }

    /// The same from a scan that was made before.
    pub(super) fn of_scan(
        scene: &Scene<'a>,
        sessions: &SortedSet<&SessionName>,
        sighted: Sighted,
    ) -> Self {
        let boot = clock::now().boot;
        let sighted = sighted.renamed(&scene.known.renames);
        Self {
            town: scene.town,
            memory: scene.memory,
            boot,
            marked: sighted.living(|session| sessions.contains(session)),
            tags: sighted.tags(),
        }
    }

    /// The living processes of this run of the session. The pane's own process comes first.
    ///
    /// These are the pane's tree, those remembered from when the stop began, and those with the env
    /// tag of this run or an earlier one. These are not: the tmux server, what runs in a pane of
    /// another server, and what has the env tag of another session of the town.
    ///
    /// `pane` is the pid that tmux shows for the pane. It counts only where the target names no
    /// process, and only while it is a child of the server. The pid of a process that has ended may
    /// belong to anybody.
    pub(super) fn of(
        &self,
        session: &SessionName,
        target: &Target,
        pane: Option<u32>,
    ) -> Vec<ProcId> {
        let by_pane = || pane.and_then(|pid| process::child_of(target.server.0, pid));
        let root = target
            .process
            .or_else(by_pane)
            .filter(|&root| process::may_live(root));
        let mut found: Vec<ProcId> = root.into_iter().collect();
        found.extend(
            root.into_iter()
                .flat_map(tree::tree)
                .map(|member| member.id),
        );
        found.extend(self.remembered(session, target));
        let up_to = target.generation.unwrap_or(Generation(u64::MAX));
        let marked = self
            .marked
            .get(session)
            .into_iter()
            .flatten()
            .filter(|(life, _)| *life <= up_to)
            .copied();
        let elsewhere = |process: ProcId| match tree::tmux_above(process) {
            Above::Nobody => false,
            Above::Server(pid) => {
                pid != target.server.0.pid && !env_tag::bears(pid, &self.town.name)
            }
            Above::Unknown => process::may_live(process),
        };
        found.extend(without_lives(marked.collect(), elsewhere));
        // A session that was renamed keeps the env tag of its old name.
        let own = root.and_then(|root| self.tags.get(&root.pid));
        let is_anothers = |process: ProcId| {
            let tag = self.tags.get(&process.pid);
            tag.is_some_and(|tag| tag != session && Some(tag) != own)
        };
        let mut seen = SortedSet::from([target.server.0]);
        found.retain(|&process| {
            seen.insert(process) && !is_anothers(process) && process::may_live(process)
        });
        found
    }

    fn remembered(&self, session: &SessionName, target: &Target) -> Vec<ProcId> {
        let same_run = |s: &&Stopping| target.generation.is_none_or(|run| run == s.generation);
        remembered(self.memory, session, self.boot)
            .filter(same_run)
            .map(|stopping| stopping.tree.clone())
            .unwrap_or_default()
    }
}

/// The stop of a session that was begun since the host was booted. `boot` is this boot.
///
/// The start time of a process counts from the boot. After a reboot it would name another process.
pub(super) fn remembered<'m>(
    memory: &'m Memory,
    session: &SessionName,
    boot: u64,
) -> Option<&'m Stopping> {
    let history = memory.sessions.get(session)?;
    history
        .stopping
        .as_ref()
        .filter(|stopping| stopping.since.boot == boot)
}

/// What lives of earlier runs of sessions that are about to be started.
#[derive(Default)]
pub(super) struct Former {
    /// Processes that they have left behind. What runs in a pane of any server is not one of them.
    pub(super) left: Vec<(SessionName, ProcId)>,
    /// Agents that run in a pane of this server: their session stands after all, or somebody has
    /// moved the pane.
    pub(super) agents: Vec<(SessionName, ProcId)>,
}

/// The server on which sessions are started, and its panes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Here<'a> {
    /// The server.
    pub(super) server: ServerId,
    /// The processes of its living panes. None while they are not known: then every process below
    /// the server counts as in a pane.
    pub(super) panes: Option<&'a SortedSet<u32>>,
}

impl Here<'_> {
    /// Whether this process is below the server, in a pane or not.
    fn is_above(self, town: &Town, process: ProcId) -> bool {
        let server = self.server.0.pid;
        tree::tmux_above(process) == Above::Server(server) && !env_tag::bears(server, &town.name)
    }

    /// Whether this process, which is below the server, runs in a pane. A process that ignores the
    /// hangup of a closed pane stays the server's child, and runs in none.
    fn has_in_pane(self, process: ProcId) -> bool {
        let child = tree::child_of_server(process, self.server.0.pid);
        self.panes
            .is_none_or(|panes| child.is_none_or(|child| panes.contains(&child)))
    }
}

/// Looks for them by one scan. `beginning` has each session with the run that it begins.
pub(super) fn former(
    scene: &Scene<'_>,
    here: Option<Here<'_>>,
    beginning: &SortedMap<&SessionName, Generation>,
) -> Former {
    let town = scene.town;
    let mut found = Former::default();
    let is_in_pane_here = |process: ProcId| {
        let below = here.filter(|here| here.is_above(town, process));
        below.map(|here| here.has_in_pane(process))
    };
    let elsewhere = |process: ProcId| match (is_in_pane_here(process), tree::tmux_above(process)) {
        (Some(in_pane), _) => in_pane,
        (None, Above::Nobody) => false,
        (None, Above::Server(pid)) => !env_tag::bears(pid, &town.name),
        (None, Above::Unknown) => process::may_live(process),
    };
    let sighted = Scan::new(&town.name).finish();
    let sighted = sighted.renamed(&scene.known.renames);
    for (session, mut marked) in sighted.living(|session| beginning.contains_key(session)) {
        let Some(begins) = beginning.get(&session) else {
            continue;
        };
        marked.retain(|(life, _)| life < begins);
        let is_agent = |process: ProcId| {
            is_in_pane_here(process) == Some(true) && is_agent(town, &session, process)
        };
        let agent = marked.iter().find(|(_, process)| is_agent(*process));
        found
            .agents
            .extend(agent.map(|(_, process)| (session.clone(), *process)));
        let left = without_lives(marked, elsewhere);
        found
            .left
            .extend(left.into_iter().map(|process| (session.clone(), process)));
    }
    found
}

/// Whether this is the session's agent. Whatever else a user has opened in the session has the env
/// tag, too.
fn is_agent(town: &Town, session: &SessionName, process: ProcId) -> bool {
    let Some(desired) = town.sessions.get(session) else {
        return false;
    };
    let Presence::Alive(stat) = process::look_at(process) else {
        return false;
    };
    process::names(process.pid, &stat.comm).matches(&desired.agent.process_names)
}

/// The tagged processes, without the runs that live elsewhere.
///
/// A town of the same name may run on another server, and its sessions are not ours to end. A
/// server that has the env tag itself was started by an agent, and belongs to its run.
fn without_lives(
    marked: Vec<(Generation, ProcId)>,
    elsewhere: impl Fn(ProcId) -> bool,
) -> Vec<ProcId> {
    let spared: SortedSet<Generation> = marked
        .iter()
        .filter(|(_, process)| elsewhere(*process))
        .map(|(life, _)| *life)
        .collect();
    marked
        .into_iter()
        .filter(|(life, _)| !spared.contains(life))
        .map(|(_, process)| process)
        .collect()
}

/// Sends TERM to these, and waits for at most `grace` until they have ended.
pub(super) async fn ask_to_end(processes: &[ProcId], grace: Duration) {
    if processes.is_empty() {
        return;
    }
    send(processes, Signal::TERM);
    wait_gone(processes, Instant::now() + grace).await;
}

/// Sends the signal to each. Returns why, for each process that could not be signalled.
pub(super) fn send(processes: &[ProcId], signal: Signal) -> Vec<String> {
    processes
        .iter()
        .filter_map(|&process| refusal(signal::signal(process, signal)))
        .collect()
}

fn refusal(sent: Sent) -> Option<String> {
    match sent {
        Sent::Delivered | Sent::Gone => None,
        Sent::Refused(why) => Some(why),
    }
}

/// The processes of one session with a handle on each, so that signals are sent without delay.
///
/// The fence is asked after this, and the signals are sent as soon as it holds. Between them are
/// the way of the reply and one system call for each process.
pub(super) struct Aimed {
    /// All processes, those without a handle included.
    pub(super) tree: Vec<ProcId>,
    aims: Vec<Aim>,
    refused: Vec<String>,
}

impl Aimed {
    pub(super) fn at(tree: Vec<ProcId>) -> Self {
        let (mut aims, mut refused) = (vec![], vec![]);
        for &process in &tree {
            match Aim::at(process) {
                Ok(aim) => aims.push(aim),
                Err(sent) => refused.extend(refusal(sent)),
            }
        }
        Self {
            tree,
            aims,
            refused,
        }
    }

    /// Sends the signal to each. Returns why, for each process that could not be signalled.
    pub(super) fn send(&self, signal: Signal) -> Vec<String> {
        let sent: Vec<Sent> = self.aims.iter().map(|aim| aim.send(signal)).collect();
        self.refused
            .iter()
            .cloned()
            .chain(sent.into_iter().filter_map(refusal))
            .collect()
    }
}

/// Kills what `find` gives until it gives nothing more, for at most [`VANISH`]. Returns what
/// survives.
///
/// It asks again after each round, because a process may have forked just before it was killed.
pub(super) async fn kill_all(find: impl Fn() -> Vec<ProcId>) -> Vec<ProcId> {
    let deadline = Instant::now() + VANISH;
    loop {
        let living = find();
        if living.is_empty() {
            return living;
        }
        send(&living, Signal::KILL);
        let left = wait_gone(&living, deadline).await;
        if !left.is_empty() {
            return left;
        }
        if Instant::now() >= deadline {
            return find();
        }
    }
}
