//! What wakes the watcher before its time: processes that end, and files that change.
//!
//! An event only says that a look is worth it; the look says what is true. So a lost event makes the
//! town late, and never wrong.

use super::files::Files;
use super::survey::rigs_of;
use crate::files::aside;
use crate::gastown;
use crate::model::SortedSet;
use crate::model::{Hold, Life, Observed, Ownership, Period, Plan, ProcId, Town};
use crate::observe::{self, Living};
use crate::proc::deaths::{Deaths, Watched};
use crate::store::StateDir;
use std::io;
use std::path::PathBuf;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::time::{Instant, sleep_until};

/// The least time between two looks that events have caused, however much happens.
const GAP: Duration = Duration::from_millis(20);
/// A look that a report has woken begins at least so long after the last one: clients report many
/// times a second, and a person who is asked something waits no longer than a second.
const REPORT_GAP: Duration = Duration::from_millis(500);
/// Where looks take long, reports may take one part in so many of the time.
const REPORT_SHARE: u32 = 6;
/// Reports of a large town wait no longer than this.
const MAX_REPORT_GAP: Duration = Duration::from_secs(2);
/// How long writes to logs are gathered: agents write all the time, and are done once.
const GATHER: Duration = Duration::from_secs(5);
/// How long looks trust the kernel's events about which processes live. Then each process is asked
/// about again.
const TRUST: Duration = Duration::from_secs(60);
/// The most watched paths of programs and directories that sessions lack.
const MOST_AWAITED: usize = 512;
/// How often to look at a town with more processes than can be watched.
const CROWDED: Period = Period::from_secs(1);

/// Why the watcher was woken.
#[derive(Debug)]
pub(super) enum Woken {
    /// It is time to look, or something has happened. These agents live.
    Look(Living),
    /// Agents have ended. These agents live.
    Ended(Living),
    /// It was asked to read the manifest again.
    Reload,
    /// It was asked to end.
    End,
}

/// All that can wake the watcher.
pub(super) struct Wakeups {
    signals: Signals,
    deaths: Deaths,
    manifest: Files,
    state: Files,
    /// Gas Town's own files.
    gastown: Files,
    logs: Files,
    /// What agents' clients say of themselves.
    reports: Files,
    /// The places of programs and directories that sessions lack.
    missing: Files,
    /// Whether one of these has appeared since the last look.
    has_appeared: bool,
    /// The watched agents that lived at the last look.
    living: Living,
    /// When each process was last asked about.
    asked: Option<Instant>,
    /// When the last look was over.
    looked: Instant,
    /// When the last wait was over.
    woke: Instant,
    /// How long the last cycle took.
    took: Duration,
    /// Whether an event woke it before its time.
    was_woken: bool,
    /// The longest pause while not all processes can be watched.
    most: Option<Period>,
}

impl Wakeups {
    /// Listens for signals, and watches these files of the manifest and the state file of the town.
    ///
    /// # Errors
    /// When signals or processes cannot be listened to.
    pub(super) fn new(manifest: SortedSet<PathBuf>, state: &StateDir) -> io::Result<Self> {
        // A folder that is not there cannot be watched. Hooks make it only with the first report.
        state.make_reports_dir();
        let mut senses = Self {
            signals: Signals::listen()?,
            deaths: Deaths::new()?,
            manifest: Files::new(),
            state: Files::new(),
            gastown: Files::new(),
            logs: Files::new(),
            reports: Files::new(),
            missing: Files::new(),
            has_appeared: false,
            living: Living::default(),
            asked: None,
            looked: Instant::now(),
            woke: Instant::now(),
            took: Duration::ZERO,
            was_woken: false,
            most: None,
        };
        senses.manifest.watch(manifest);
        senses.state.watch([state.main_file()].into());
        Ok(senses)
    }

    /// Watches these files of the manifest from now on.
    pub(super) fn follow(&mut self, manifest: SortedSet<PathBuf>) {
        self.manifest.watch(manifest);
    }

    /// Watches what a look has seen: the processes of our sessions, their server, and their logs.
    pub(super) fn attend(
        &mut self,
        town: &Town,
        observed: &Observed,
        plan: &Plan,
        state: &StateDir,
        reports: SortedSet<PathBuf>,
    ) {
        self.reports.watch(reports);
        let fresh = self.missing.watch(awaited(plan));
        // What appeared or changed between the look and the watch makes no event.
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
        self.took = self.looked.saturating_duration_since(self.woke);
    }

    fn those_who_live(&mut self) -> Living {
        let mut living = std::mem::take(&mut self.living);
        living.retain(|process| self.deaths.watches(process));
        living
    }

    /// The agents that the next look does not ask about.
    fn known(&mut self) -> Living {
        if self.asked.is_some_and(|asked| asked.elapsed() < TRUST) {
            return self.those_who_live();
        }
        self.asked = Some(Instant::now());
        Living::default()
    }

    /// Waits this long whatever happens, unless it is asked to end or to read the manifest again.
    pub(super) async fn rest(&mut self, pause: Period) -> Woken {
        tokio::select! {
            () = tokio::time::sleep(pause.to_std()) => Woken::Look(Living::default()),
            woken = self.signals.next() => woken,
        }
    }

    /// Waits until a look is worth it, at most `pause`. The end of `beside` is worth a look.
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
        let report_gap = (self.took * REPORT_SHARE).clamp(REPORT_GAP, MAX_REPORT_GAP);
        let (mut gathering, mut ended, mut reported) = (false, false, false);
        loop {
            let due = until.max(earliest);
            // The timer is exact to a millisecond only, as long as all the rest of a restart.
            if Instant::now() >= due {
                self.was_woken = until < planned;
                self.woke = Instant::now();
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
                () = self.reports.changed(), if !reported => {
                    // One is enough. Agents report thousands of times a second.
                    self.reports.rest();
                    reported = true;
                    until = until.min(self.looked + report_gap).max(Instant::now());
                }
                () = self.logs.changed(), if !gathering => {
                    self.logs.rest();
                    gathering = true;
                    until = until.min(self.looked + GATHER);
                }
            }
        }
    }
}

/// Whether there is something at this path. On a disk that does not answer there is not.
fn is_there(path: PathBuf) -> bool {
    let place = path.clone();
    aside::ask(&place, move || path.exists()).unwrap_or(false)
}

/// The paths at which what sessions lack may appear.
fn awaited(plan: &Plan) -> SortedSet<PathBuf> {
    let lacking = plan.held.iter().filter_map(|held| {
        let Hold::CannotStart { awaited, .. } = &held.hold else {
            return None;
        };
        Some(awaited)
    });
    lacking.flatten().take(MOST_AWAITED).cloned().collect()
}

/// The processes of our sessions that live.
pub(super) fn agents(observed: &Observed) -> SortedSet<ProcId> {
    let Observed::Up(server) = observed else {
        return SortedSet::new();
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
fn logs(town: &Town, observed: &Observed, state: &StateDir) -> SortedSet<PathBuf> {
    let Observed::Up(server) = observed else {
        return SortedSet::new();
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
