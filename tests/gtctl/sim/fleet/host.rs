//! One host: its clocks, its controller, its guard, and what runs there.

use gtctl::fence::{FenceState, FleetRun, Permits};
use gtctl::model::SortedSet;
use gtctl::model::{
    BootTime, Epoch, FleetView, Generation, HostName, HostRecord, Moment, Period, SessionName,
    StoreSettings,
};
use gtctl::place::Absences;

/// The wall clock when the simulation begins, in ms.
const BEGIN: i64 = 1_800_000_000_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Controller {
    Runs,
    /// It does nothing until this true time.
    Stopped(u64),
    Dead,
}

/// A process tree of a session.
#[derive(Debug, Clone)]
pub(super) struct Run {
    pub(super) id: u64,
    pub(super) session: SessionName,
    pub(super) epoch: Epoch,
    pub(super) generation: Generation,
    pub(super) can_move: bool,
    pub(super) began: BootTime,
    /// Whether its end was asked for.
    pub(super) ends: bool,
}

#[derive(Debug)]
pub(super) struct Host {
    pub(super) name: HostName,
    pub(super) is_up: bool,
    pub(super) boot: u64,
    /// The true time of the boot.
    pub(super) booted: u64,
    /// How many ms its clock counts in 1,000,000 true ms.
    pub(super) rate: u64,
    /// What its wall clock is ahead, in ms.
    pub(super) skew: i64,
    pub(super) controller: Controller,
    /// Counts the starts of the controller.
    pub(super) starts: u64,
    pub(super) has_guard: bool,
    pub(super) guard_deadline: Option<BootTime>,
    pub(super) runs: Vec<Run>,
    pub(super) link: Link,
    /// What the controller knows. Lost when it ends, but for the lease.
    pub(super) mind: Mind,
    pub(super) lease: Option<u64>,
}

/// Which messages get through between the host and the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) out: bool,
    pub(super) back: bool,
}

impl Link {
    pub(super) const GOOD: Self = Self {
        out: true,
        back: true,
    };

    pub(super) fn is_good(self) -> bool {
        self == Self::GOOD
    }
}

/// What a controller knows.
#[derive(Debug, Default)]
pub(super) struct Mind {
    pub(super) fence: FenceState,
    pub(super) permits: Permits,
    pub(super) view: FleetView,
    /// How much of the store's log it has seen.
    pub(super) seen: usize,
    pub(super) absences: Absences,
    /// The member of the store that it talks to.
    pub(super) endpoint: usize,
    pub(super) beat_call: Option<u64>,
    pub(super) work_call: Option<u64>,
    /// Whether it shall look again once its call has ended.
    pub(super) again: bool,
    /// The sessions that tmux was told to start.
    pub(super) starting: SortedSet<SessionName>,
}

impl Host {
    /// The host with this index, with its clocks. It has not begun.
    pub(super) fn new(index: usize, rate: u64, skew: i64) -> Self {
        Self {
            name: HostName::new(&format!("h{index}")).unwrap(),
            is_up: true,
            boot: 1 + index as u64,
            booted: 0,
            rate,
            skew,
            controller: Controller::Dead,
            starts: 0,
            has_guard: true,
            guard_deadline: None,
            runs: Vec::new(),
            link: Link::GOOD,
            mind: Mind::default(),
            lease: None,
        }
    }

    /// What its boot clock shows at a true time.
    pub(super) fn local(&self, now: u64) -> BootTime {
        BootTime(now.saturating_sub(self.booted) * self.rate / 1_000_000)
    }

    /// The first true time at which its boot clock shows this.
    pub(super) fn truly(&self, local: BootTime) -> u64 {
        self.booted + (local.0 * 1_000_000).div_ceil(self.rate)
    }

    /// How long a local period is in truth.
    pub(super) fn lasts(&self, period: u64) -> u64 {
        (period * 1_000_000).div_ceil(self.rate)
    }

    pub(super) fn moment(&self, now: u64) -> Moment {
        Moment {
            wall: BEGIN + i64::try_from(now).unwrap() + self.skew,
            awake: self.local(now).0,
            boot: self.boot,
        }
    }

    pub(super) fn record(&self) -> HostRecord {
        HostRecord {
            instance: format!("{}-{}-{}", self.name, self.boot, self.starts),
            boot: self.boot,
            protocol: 1,
            guard: self.has_guard,
            ..HostRecord::default()
        }
    }

    /// Starts the controller, which has nothing but what its guard and its files know.
    pub(super) fn start_controller(&mut self, now: u64, endpoint: usize) {
        let local = self.local(now);
        self.starts += 1;
        self.controller = Controller::Runs;
        self.mind = Mind {
            fence: FenceState::taken_over(self.guard_deadline),
            permits: Permits::at_start(local, StoreSettings::default().fence),
            endpoint,
            ..Mind::default()
        };
    }

    pub(super) fn labels(&self) -> Vec<FleetRun> {
        let label = |run: &Run| FleetRun {
            session: run.session.clone(),
            epoch: run.epoch,
            generation: run.generation,
        };
        self.runs.iter().map(label).collect()
    }

    pub(super) fn run_of(&self, session: &SessionName) -> Option<&Run> {
        self.runs.iter().find(|run| run.session == *session)
    }

    /// How long it takes to end what is left at the deadline, in ms of its clock. Below
    /// [`StoreSettings::KILL`].
    pub(super) const KILL: (u64, u64) = (12, 300);

    pub(super) fn kill_ends(deadline: BootTime) -> BootTime {
        deadline.plus(Period::from_millis(StoreSettings::KILL.millis()))
    }
}
