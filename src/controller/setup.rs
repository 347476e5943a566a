//! What a controller keeps between its cycles, and how it is set up.

use super::cycle::Ahead;
use super::durable::Kept;
use super::fleet::FleetPart;
use super::history::Sampler;
use super::labels::Named;
use super::pipes::Piped;
use super::prober::Prober;
use super::ready::ReadyChecks;
use super::recording::Recording;
use super::status_ports::StatusPorts;
use crate::act::LauncherJobs;
use crate::chores::Chores;
use crate::events::{Actor, PhaseBook, TownEvent};
use crate::model::SortedSet;
use crate::model::{Definition, Memory, Plan, ProcId, SessionName};
use crate::observe::LookCache;
use crate::store::{Keeps, Lock, LockFault, StateDir};
use crate::tmux::{Access, Client};
use crate::web::Demand;
use std::path::PathBuf;

/// One town's state directory and the way to its tmux server, over many cycles.
#[derive(Debug)]
pub struct Controller {
    /// The town that the state must belong to; none: any town.
    pub(super) town: Option<SessionName>,
    /// What the lock file says about this process.
    pub(super) keeps: Option<Keeps>,
    pub(super) client: Client,
    /// A client that keeps its connection from cycle to cycle, while they are close.
    pub(super) lasting: Option<Client>,
    pub(super) store: StateDir,
    pub(super) me: ProcId,
    /// The program that takes what panes print.
    pub(super) sink: Option<PathBuf>,
    pub(super) kept: Kept,
    pub(super) last_plan: Plan,
    /// The record that the manifest asks for; none where this process keeps none.
    pub(super) recording: Option<Recording>,
    /// The runs of chores; none where this controller runs no chores.
    pub(super) chores: Option<Chores>,
    /// Asks agents whether they are signed in; none in a process that ends after its cycles.
    pub(super) prober: Option<Prober>,
    /// Asks the servers of agents what they do; none in a process that ends after its cycles.
    pub(super) status_ports: Option<StatusPorts>,
    /// Asks sessions that come up whether they are ready.
    pub(super) ready: ReadyChecks,
    /// The starts and stops by commands that are under way.
    pub(super) launcher_jobs: LauncherJobs,
    /// Who reads its page.
    pub(super) readers: Demand,
    /// The sessions whose output was not recorded any more, and what was tried.
    pub(super) piped: Piped,
    /// The conversations that were written on the sessions.
    pub(super) named: Named,
    /// What is known before the next cycle begins.
    pub(super) ahead: Ahead,
    /// What the last look has listed.
    pub(super) looks: LookCache,
    /// Tells whether the files of the manifest still say what the cycles use.
    pub(super) is_current: IsCurrent,
    /// Who causes what it does by the manifest.
    pub(super) actor: Actor,
    /// The phases of the sessions. None before the first cycle, and where another process may have
    /// written some.
    pub(super) phases: Option<PhaseBook>,
    /// What has happened beside the cycles, and stands in the journal, since the last cycle ended.
    pub(super) beside: Vec<TownEvent>,
    /// Measures the sessions; none in a process that ends after its cycles.
    pub(super) sampler: Option<Box<Sampler>>,
    /// Its part in a town whose hosts share a store.
    pub(super) fleet: FleetPart,
}

/// A cheap question that never waits.
pub(super) struct IsCurrent(Box<dyn Fn() -> bool>);

impl std::fmt::Debug for IsCurrent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IsCurrent")
    }
}

impl Controller {
    /// A controller on an open state directory. `me` is this process, for others to see in the
    /// locks.
    #[must_use]
    pub fn new(client: Client, store: StateDir, me: ProcId) -> Self {
        let (kept, last_plan, launcher_jobs) =
            (Kept::default(), Plan::default(), LauncherJobs::default());
        Self {
            town: None,
            keeps: None,
            client,
            lasting: None,
            store,
            me,
            sink: None,
            kept,
            last_plan,
            recording: None,
            chores: None,
            prober: None,
            status_ports: None,
            ready: ReadyChecks::default(),
            launcher_jobs,
            readers: Demand::default(),
            piped: Piped::new(),
            named: Named::new(),
            ahead: Ahead::default(),
            looks: LookCache::default(),
            is_current: IsCurrent(Box::new(|| true)),
            actor: Actor::Verb,
            phases: None,
            beside: Vec::new(),
            sampler: None,
            fleet: FleetPart::default(),
        }
    }

    /// Ignores a state that belongs to another town: a request for that town means nothing here.
    #[must_use]
    pub fn of_town(self, town: &SessionName) -> Self {
        Self {
            town: Some(town.clone()),
            ..self
        }
    }

    /// Says this of itself while it holds its lock.
    #[must_use]
    pub fn keeping(self, keeps: Keeps) -> Self {
        Self {
            keeps: Some(keeps),
            ..self
        }
    }

    /// A loaded memory as the memory of the town, and a notice for people.
    pub(super) fn as_of_town(&self, memory: Memory) -> (Memory, Option<String>) {
        let Some(town) = &self.town else {
            return (memory, None);
        };
        let (memory, other) = memory.of_town(town);
        let notice = other.map(|other| {
            let state = self.store.main_file();
            format!(
                "{} belongs to town `{other}`, not to `{town}`: gtctl does not use it",
                state.display()
            )
        });
        (memory, notice)
    }

    /// Asks before each decision whether the files of the manifest still say what the cycles use.
    /// While they do not, nothing is started.
    pub fn compare_with(&mut self, is_current: impl Fn() -> bool + 'static) {
        self.is_current = IsCurrent(Box::new(is_current));
    }

    pub(super) fn definition(&self) -> Definition {
        let IsCurrent(is_current) = &self.is_current;
        if is_current() {
            Definition::Current
        } else {
            Definition::Changing
        }
    }

    /// Records the output of the sessions that it starts, by `sink` of this program.
    #[must_use]
    pub fn logging(self, program: Option<PathBuf>) -> Self {
        Self {
            sink: program,
            ..self
        }
    }

    pub(super) fn store(&self) -> &StateDir {
        &self.store
    }

    /// The files in which agents' clients say what their agents do.
    pub(super) fn report_files(&self) -> SortedSet<PathBuf> {
        self.looks.report_files(self.store.view())
    }

    /// Keeps the connection to tmux between cycles that are close. The caller must wait where the
    /// runtime can work on the connection.
    pub(super) fn keep_connection(&mut self) {
        self.lasting
            .get_or_insert_with(|| self.client.lasting(Access::Act));
    }

    /// Becomes the one controller of the town, for as long as the lock is kept.
    ///
    /// # Errors
    /// [`LockFault::Held`] when there is one.
    pub fn claim(&self) -> Result<Lock, LockFault> {
        self.store.lock_controller(self.me, self.keeps.as_ref())
    }
}
