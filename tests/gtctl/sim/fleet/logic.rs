//! The decisions that ship, and the bugs that a test can put in place of one of them.

use gtctl::fence::{Beat, Beaten, FenceState, KeyAnswer, Permits};
use gtctl::model::SortedMap;
use gtctl::model::{
    BootTime, Compare, FleetKey, FleetSession, Generation, Hist, LossPolicy, Period, SessionName,
    Transaction,
};
use gtctl::place::{PlaceVerdict, Placing, place};

/// What can be left out or done wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Bug {
    /// A keepalive counts as a beat, whatever the read brought.
    KeepaliveAlone,
    /// The leader does not wait, although the store ends leases too early.
    NoLockDelay,
    /// The leader needs much longer to notice that a host is gone.
    SlowLeader,
    /// Each host takes itself for the leader, and what it writes does not depend on its lead.
    AllLead,
    /// What the leader writes does not depend on the lost host's absence, and it takes each host for
    /// lost that it has not seen for a while.
    PresenceUnchecked,
    /// Sessions that stay move, too.
    PinnedMoves,
    /// A session starts as soon as it is placed.
    NoPermit,
    /// A permit whose answer was lost counts as given.
    DoubtMeansYes,
    /// A pane begins although its permit has ended.
    LateLauncher,
    /// What was remembered of a session is not taken along.
    HistoryAnew,
    /// Nothing is ended at the deadline.
    NobodyKills,
    /// A session is let go although a run of it may still begin.
    LetGoEarly,
}

/// As [`FenceState::beaten`].
pub(super) fn beaten(
    bug: Option<Bug>,
    state: FenceState,
    beat: &Beat,
    fence: Period,
) -> (FenceState, Beaten) {
    let mut beat = *beat;
    if let (Some(Bug::KeepaliveAlone), Some(made)) = (bug, state.sign_in()) {
        beat.key = KeyAnswer::Made(made);
    }
    state.beaten(&beat, fence)
}

/// As [`place`].
pub(super) fn placed(
    bug: Option<Bug>,
    placing: &Placing<'_>,
) -> SortedMap<SessionName, PlaceVerdict> {
    let moving: SortedMap<SessionName, FleetSession>;
    let mut placing = *placing;
    if bug == Some(Bug::PinnedMoves) {
        let moves = |(name, session): (&SessionName, &FleetSession)| {
            let mut session = session.clone();
            session.on_host_loss = LossPolicy::Move;
            (name.clone(), session)
        };
        moving = placing.sessions.iter().map(moves).collect();
        placing.sessions = &moving;
    }
    match bug {
        Some(Bug::NoLockDelay) => placing.lock_delay = Period::ZERO,
        Some(Bug::SlowLeader) => placing.lock_delay = Period::from_secs(4),
        _ => {}
    }
    let mut verdicts = place(&placing);
    for change in verdicts.values_mut().filter_map(|v| v.change.as_mut()) {
        forget_compares(bug, change);
    }
    verdicts
}

fn forget_compares(bug: Option<Bug>, change: &mut Transaction) {
    change.compares.retain(|compare| {
        let is_forgotten = matches!(
            (bug, compare),
            (Some(Bug::AllLead), Compare::Created(FleetKey::Leader, _))
                | (
                    Some(Bug::PresenceUnchecked),
                    Compare::Absent(FleetKey::Host(_)) | Compare::Modified(FleetKey::Known(_), _)
                )
        );
        !is_forgotten
    });
}

/// The history to write with the permit for the next run.
pub(super) fn next_hist(bug: Option<Bug>, known: Option<&Hist>, wall: i64) -> Hist {
    let known = known.filter(|_| bug != Some(Bug::HistoryAnew));
    let mut hist = known.cloned().unwrap_or_default();
    let wall = u64::try_from(wall).unwrap_or(0);
    hist.generation = Generation(wall.max(hist.generation.0 + 1));
    hist.restarts += 1;
    hist
}

/// Whether no run of the session can begin any more.
pub(super) fn may_let_go(
    bug: Option<Bug>,
    permits: &Permits,
    session: &SessionName,
    now: BootTime,
) -> bool {
    bug == Some(Bug::LetGoEarly) || permits.open_until(session, now).is_none()
}

/// Whether a pane begins at this time.
pub(super) fn launches(bug: Option<Bug>, until: BootTime, now: BootTime) -> bool {
    bug == Some(Bug::LateLauncher) || now < until
}
