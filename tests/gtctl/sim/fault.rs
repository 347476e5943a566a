//! Says what goes wrong in a run, and how often.
//!
//! This is drawn once for each seed. So one run may have full disks and no crashes, and the next
//! the opposite.

use gtctl::sim::Random;

/// Chances per mille, of which each run has its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Weather {
    /// Cycles of storm.
    pub(super) cycles: u32,
    /// Somebody interferes, per cycle.
    pub(super) people: u64,
    /// The manifest is edited, per cycle.
    pub(super) edits: u64,
    /// A whole look fails.
    pub(super) blind: u64,
    /// One session's life cannot be determined.
    pub(super) dim: u64,
    /// A look is one from up to five cycles ago.
    pub(super) stale: u64,
    /// An operation goes wrong.
    pub(super) mishap: u64,
    /// The controller dies between two operations.
    pub(super) crash: u64,
    /// The state is lost, or an old copy comes back.
    pub(super) amnesia: u64,
    /// The disk fills, per cycle; it is cleared four times as often.
    pub(super) disk: u64,
    /// The machine is suspended, its clock set, or it reboots.
    pub(super) clocks: u64,
    /// The server stops answering for two cycles.
    pub(super) stops: u64,
    /// A program of a session's vanishes, or comes back, per cycle.
    pub(super) missing: u64,
    /// The operator orders a prune, or pauses.
    pub(super) orders: u64,
}

impl Weather {
    /// The weather of one run: each kind of fault is off in half of the runs.
    pub(super) fn draw(random: &mut Random) -> Self {
        let mut some = |most: u64| {
            if random.chance(500) {
                random.between(1, most)
            } else {
                0
            }
        };
        Self {
            people: some(300),
            edits: some(80),
            blind: some(150),
            dim: some(150),
            stale: some(100),
            mishap: some(300),
            crash: some(60),
            amnesia: some(30),
            disk: some(60),
            clocks: some(40),
            stops: some(60),
            orders: some(80),
            missing: some(60),
            cycles: u32::try_from(random.between(40, 120)).unwrap_or(60),
        }
    }
}

/// What goes wrong with one operation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mishap {
    /// It fails and does nothing.
    Before,
    /// It is done, but the answer is lost.
    After,
    /// It is not done, and no answer comes.
    Lost,
    /// No answer comes, and it is done some cycles later.
    Late,
    /// It is done, and once more some cycles later.
    Twice,
    /// The controller dies before it.
    CrashBefore,
    /// The controller dies after it.
    CrashAfter,
}

impl Weather {
    pub(super) fn mishap(&self, random: &mut Random) -> Option<Mishap> {
        if random.chance(self.crash) {
            return random.pick(&[Mishap::CrashBefore, Mishap::CrashAfter]);
        }
        if !random.chance(self.mishap) {
            return None;
        }
        random.pick(&[
            Mishap::Before,
            Mishap::After,
            Mishap::Lost,
            Mishap::Late,
            Mishap::Twice,
        ])
    }
}
