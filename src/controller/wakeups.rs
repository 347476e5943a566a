//! What wakes the watcher before its time: ends of processes and changed files, Gas Town's among
//! them.
//!
//! Each of them only says that it is worth a look; what is true is what the look finds. So none of
//! them needs to be heard for the town to be right, only for it to be right soon.

use super::files::Files;
use super::survey::rigs_of;
use crate::files::aside;
use crate::gastown;
use crate::model::{Hold, Life, Observed, Ownership, Period, Plan, ProcId, Town};
use crate::observe::{self, Living};
use crate::proc::deaths::{Deaths, Watched};
use crate::proc::program::is_executable;
use crate::store::StateDir;
use std::collections::BTreeSet;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// So long after a look that something has woken the next one may begin, however much happens.
const GAP: Duration = Duration::from_millis(20);
/// For so long what is written to logs is gathered: agents write all the time, and are done once.
const GATHER: Duration = Duration::from_secs(5);
/// For so long looks take the kernel's word for who lives; then each process is asked after,
/// whatever was heard.
const TRUST: Duration = Duration::from_secs(60);
/// The most paths that are listened to for what sessions lack.
const MOST_AWAITED: usize = 512;
/// How often a town is looked at of which not all can be watched.
const CROWDED: Period = Period::from_secs(1);

/// Why the watcher was woken.
#[derive(Debug)]
pub(super) enum Woken {
    /// It is time to look, or something has happened; these are known to live.
    Look(Living),
    /// The same, for agents have ended; these live.
    Ended(Living),
    /// Asked to read the manifest anew.
    Reload,
    /// Asked to end.
    End,
}

/// All that is listened to.
pub(super) struct Wakeups {
    signals: Signals,
    deaths: Deaths,
    manifest: Files,
    state: Files,
    /// What Gas Town's files ask.
    gastown: Files,
    logs: Files,
    /// Where programs and directories may appear that sessions lack.
    missing: Files,
    /// Whether some of it has appeared since the last look.
    has_appeared: bool,
    /// Whom the last look saw, of those that are watched.
    living: Living,
    /// When all processes were last asked after.
    asked: Option<Instant>,
    /// When the last look was over.
    looked: Instant,
    /// Whether something had woken it before its time.
    was_woken: bool,
    /// The longest pause that what cannot be heard allows.
    most: Option<Period>,
}

impl Wakeups {
    /// Listens for signals and to these files of the manifest, and to what others write down for
    /// the town.
    ///
    /// # Errors
    /// When signals or processes cannot be listened to.
    pub(super) fn new(manifest: BTreeSet<PathBuf>, state: &StateDir) -> io::Result<Self> {
        let mut senses = Self {
            signals: Signals::listen()?,
            deaths: Deaths::new()?,
            manifest: Files::new(),
            state: Files::new(),
            gastown: Files::new(),
            logs: Files::new(),
            missing: Files::new(),
            has_appeared: false,
            living: Living::default(),
            asked: None,
            looked: Instant::now(),
            was_woken: false,
            most: None,
        };
        senses.manifest.watch(manifest);
        senses.state.watch([state.main_file()].into());
        Ok(senses)
    }

    /// Listens to these files of the manifest from now on.
    pub(super) fn follow(&mut self, manifest: BTreeSet<PathBuf>) {
        self.manifest.watch(manifest);
    }

    /// Attends to what a look has found: the processes of our sessions, their server, and the logs
    /// that matter.
    pub(super) fn attend(
        &mut self,
        town: &Town,
        observed: &Observed,
        plan: &Plan,
        state: &StateDir,
    ) {
        let fresh = self.missing.watch(awaited(plan));
        // What appeared after the look and before the watch would not be told.
        self.has_appeared = fresh.into_iter().any(is_there);
        self.gastown.watch(
            town.root
                .iter()
                .flat_map(|root| gastown::watched(root, rigs_of(town)))
                .collect(),
        );
        if let Observed::Up(server) = observed {
            let mut processes = agents(observed);
            processes.insert(server.id.0);
            self.most = match self.deaths.watch(&processes) {
                Watched::All => None,
                Watched::Ended => Some(Period::ZERO),
                Watched::InPart => Some(CROWDED),
            };
            self.logs.watch(logs(town, observed, state));
        }
        self.living = Living::of(observed, |process| self.deaths.watches(process));
        self.looked = Instant::now();
    }

    fn those_who_live(&mut self) -> Living {
        let mut living = std::mem::take(&mut self.living);
        living.retain(|process| self.deaths.watches(process));
        living
    }

    /// What a look need not ask.
    fn known(&mut self) -> Living {
        if self.asked.is_some_and(|asked| asked.elapsed() < TRUST) {
            return self.those_who_live();
        }
        self.asked = Some(Instant::now());
        Living::default()
    }

    /// Waits for so long whatever happens, unless it is asked to end or to read the manifest anew.
    pub(super) async fn rest(&mut self, pause: Period) -> Woken {
        tokio::select! {
            () = tokio::time::sleep(pause.to_std()) => Woken::Look(Living::default()),
            woken = self.signals.next() => woken,
        }
    }

    /// Waits until it is worth a look, for at most `pause`; what ends `beside` is.
    pub(super) async fn wait(
        &mut self,
        pause: Period,
        state: &StateDir,
        beside: impl Future<Output = ()>,
    ) -> Woken {
        tokio::pin!(beside);
        let pause = self.most.map_or(pause, |most| pause.min(most)).to_std();
        let mut until = Instant::now() + pause;
        let planned = until;
        if std::mem::take(&mut self.has_appeared) {
            until = Instant::now();
        }
        let earliest = if self.was_woken || self.most.is_some() {
            self.looked + GAP
        } else {
            self.looked
        };
        let (mut gathering, mut ended) = (false, false);
        loop {
            let due = until.max(earliest);
            // The timer's grain is a millisecond, as long as all the rest of a restart.
            if Instant::now() >= due {
                self.was_woken = until < planned;
                return if ended {
                    Woken::Ended(self.those_who_live())
                } else {
                    Woken::Look(self.known())
                };
            }
            tokio::select! {
                () = sleep_until(due) => {}
                woken = self.signals.next() => return woken,
                () = self.deaths.ended() => (until, ended) = (Instant::now(), true),
                () = self.manifest.changed() => until = Instant::now(),
                () = self.gastown.changed() => until = Instant::now(),
                () = self.missing.changed() => until = Instant::now(),
                () = &mut beside => return Woken::Look(self.known()),
                () = self.state.changed() => if state.changed_elsewhere() {
                    until = Instant::now();
                },
                () = self.logs.changed(), if !gathering => {
                    gathering = true;
                    until = until.min(self.looked + GATHER);
                }
            }
        }
    }
}

/// Whether what a session lacks is there. A disk that does not answer has it not.
fn is_there(path: PathBuf) -> bool {
    let place = path.clone();
    aside::ask(&place, move || path.is_dir() || is_executable(&path)).unwrap_or(false)
}

/// The paths at which what sessions lack may appear.
fn awaited(plan: &Plan) -> BTreeSet<PathBuf> {
    let lacking = plan.held.iter().filter_map(|held| {
        let Hold::CannotStart { awaited, .. } = &held.hold else {
            return None;
        };
        Some(awaited)
    });
    lacking.flatten().take(MOST_AWAITED).cloned().collect()
}

/// The processes of our sessions that live.
fn agents(observed: &Observed) -> BTreeSet<ProcId> {
    let Observed::Up(server) = observed else {
        return BTreeSet::new();
    };
    let ours = server
        .sessions
        .values()
        .filter(|seen| matches!(seen.ownership, Ownership::Ours(_)));
    ours.filter_map(|seen| match &seen.life {
        Life::Alive { process, .. } => Some(*process),
        Life::Dead { process, .. } => *process,
        Life::Unknown(_) => None,
    })
    .collect()
}

/// The logs in which living sessions of ours may say that they are done.
fn logs(town: &Town, observed: &Observed, state: &StateDir) -> BTreeSet<PathBuf> {
    let Observed::Up(server) = observed else {
        return BTreeSet::new();
    };
    let listened = server
        .sessions
        .values()
        .filter_map(|seen| observe::listened(seen, town));
    listened
        .map(|(desired, label)| observe::log_of(desired, label, state.view()))
        .collect()
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Woken {
        tokio::select! {
            _ = self.hup.recv() => Woken::Reload,
            _ = self.term.recv() => Woken::End,
            _ = self.int.recv() => Woken::End,
        }
    }
}
