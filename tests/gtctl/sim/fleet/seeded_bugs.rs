//! Shows that the invariants of a fleet notice bugs.
//!
//! `fence::stale` has no bug here: the deadline and the lock delay already end what would be stale,
//! unless a person says falsely that a host is lost. Its unit tests show what it does.

use super::logic::Bug;
use super::seeds::live;
use gtctl::model::SortedSet;

/// More seeds than any of these bugs takes to be noticed.
const SEEDS: u64 = 3000;

/// Looks for a seed in which the bug breaks this invariant. A bug may break others, too.
fn breaks(bug: Bug, invariant: &str) {
    let mut others = SortedSet::new();
    for seed in 0..SEEDS {
        match live(seed, Some(bug)) {
            Err(broken) if broken.invariant == invariant => {
                println!("{bug:?} breaks {invariant} in seed {seed}: {broken}");
                return;
            }
            Err(broken) => drop(others.insert(broken.invariant)),
            Ok(_) => {}
        }
    }
    panic!("{bug:?} does not break {invariant}, only {others:?}");
}

#[test]
fn i1_a_keepalive_alone_doubles_sessions() {
    breaks(Bug::KeepaliveAlone, "I1");
}

#[test]
fn i1_a_session_that_is_let_go_too_early_is_doubled() {
    breaks(Bug::LetGoEarly, "I1");
}

#[test]
fn i1_an_old_store_without_a_lock_delay_doubles_sessions() {
    breaks(Bug::NoLockDelay, "I1");
}

#[test]
fn i2_a_start_without_a_permit_is_noticed() {
    breaks(Bug::NoPermit, "I2");
}

#[test]
fn i2_a_pane_that_begins_after_its_permit_is_noticed() {
    breaks(Bug::LateLauncher, "I2");
}

#[test]
fn i3_a_host_that_ends_nothing_at_its_deadline_is_noticed() {
    breaks(Bug::NobodyKills, "I3");
}

#[test]
fn i4_a_session_that_stays_and_moves_is_noticed() {
    breaks(Bug::PinnedMoves, "I4");
}

#[test]
fn i5_a_second_leader_is_noticed() {
    breaks(Bug::AllLead, "I5");
}

#[test]
fn i6_a_move_off_a_host_that_is_back_is_noticed() {
    breaks(Bug::PresenceUnchecked, "I6");
}

#[test]
fn i7_a_history_that_is_left_behind_is_noticed() {
    breaks(Bug::HistoryAnew, "I7");
}

#[test]
fn i8_a_start_on_doubt_is_noticed() {
    breaks(Bug::DoubtMeansYes, "I8");
}

#[test]
fn i9_a_leader_that_waits_too_long_is_noticed() {
    breaks(Bug::SlowLeader, "I9");
}

#[test]
fn a_seed_of_a_fleet_replays_exactly() {
    for seed in [3, 14, 15, 92] {
        let once = format!("{:?}", live(seed, None));
        assert_eq!(once, format!("{:?}", live(seed, None)));
    }
}
