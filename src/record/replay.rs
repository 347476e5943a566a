//! Another manifest over a record: what it would have decided at each check.

use super::{Circumstances, Decision, Recorded, decisions_of, digest_of};
use crate::model::SortedMap;
use crate::model::{Moment, SessionName, Town, covered};
use crate::reconcile::{Observation, Shipped, learn};
use std::borrow::Cow;

/// What a replay came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Replay {
    /// The first check.
    pub from: Moment,
    /// The last check.
    pub to: Moment,
    /// How many checks there are.
    pub checks: u64,
    /// How many of them decide the same, to the digest.
    pub same: u64,
    /// A digest of all the decisions that are recorded.
    pub recorded_digest: u64,
    /// A digest of all the decisions of the replay.
    pub replayed_digest: u64,
    /// Where they differ, in order, at most [`Replay::MAX_DIFFERENCES`].
    pub differences: Vec<Difference>,
    /// How many more there are.
    pub more: u64,
}

impl Replay {
    /// More differences are only counted.
    pub const MAX_DIFFERENCES: usize = 10_000;
}

/// A time in which a session would have got another decision, always the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Difference {
    /// The session.
    pub session: SessionName,
    /// The first check that differs so.
    pub from: Moment,
    /// The last one.
    pub to: Moment,
    /// How many checks differ so.
    pub checks: u64,
    /// What was decided; none if nothing was to be done.
    pub recorded: Option<Decision>,
    /// What this manifest decides.
    pub replayed: Option<Decision>,
}

/// Asks the planner at each check of a record.
///
/// Each decision is made from what really was. A step that only this manifest would take changes
/// nothing of what comes later, since nobody knows what would have become of it.
#[derive(Debug)]
pub struct Replayer {
    /// What is wanted, with what Gas Town's files asked at the last check.
    town: Town,
    replay: Option<Replay>,
    open: SortedMap<SessionName, Difference>,
}

impl Replayer {
    /// A replay with this manifest.
    #[must_use]
    pub fn new(town: Town) -> Self {
        Self {
            town,
            replay: None,
            open: SortedMap::new(),
        }
    }

    /// Decides at one check.
    pub fn check(&mut self, recorded: Recorded) {
        let Recorded {
            town: _,
            circumstances,
            digest,
            decisions,
        } = recorded;
        let now = circumstances.now;
        let (replayed_digest, replayed) = self.decide(circumstances);
        let replay = self.replay.get_or_insert(Replay {
            from: now,
            to: now,
            checks: 0,
            same: 0,
            recorded_digest: 0,
            replayed_digest: 0,
            differences: Vec::new(),
            more: 0,
        });
        replay.to = now;
        replay.checks = replay.checks.saturating_add(1);
        replay.same = replay
            .same
            .saturating_add(u64::from(digest == replayed_digest));
        replay.recorded_digest = chained(replay.recorded_digest, digest);
        replay.replayed_digest = chained(replay.replayed_digest, replayed_digest);
        self.compare(now, &decisions, &replayed);
    }

    /// What it came to; none of a record without a check.
    #[must_use]
    pub fn end(mut self) -> Option<Replay> {
        let open = std::mem::take(&mut self.open);
        let mut replay = self.replay?;
        for difference in open.into_values() {
            close(&mut replay, difference);
        }
        replay.differences.sort_by(|one, other| {
            (one.from.wall, &one.session).cmp(&(other.from.wall, &other.session))
        });
        Some(replay)
    }

    fn decide(&mut self, circumstances: Circumstances) -> (u64, SortedMap<SessionName, Decision>) {
        let Circumstances {
            now,
            memory,
            observed,
            last_reports,
            scope,
            orders,
            gastown,
            mut unstartable,
        } = circumstances;
        unstartable.retain(|name, _| self.town.sessions.contains_key(name));
        self.town.gastown = gastown;
        self.town.unstartable = unstartable;
        let town: Cow<'_, Town> = covered(&self.town, &observed);
        let observation = Observation {
            now,
            town,
            observed,
            last_reports,
            scope,
        };
        let decided = learn(&Shipped, memory, observation).decide(orders);
        (digest_of(decided.plan()), decisions_of(decided.plan()))
    }

    /// Notes where the two decide otherwise, and since when.
    fn compare(
        &mut self,
        now: Moment,
        recorded: &SortedMap<SessionName, Decision>,
        replayed: &SortedMap<SessionName, Decision>,
    ) {
        let mut before = std::mem::take(&mut self.open);
        let names = recorded
            .keys()
            .chain(replayed.keys().filter(|name| !recorded.contains_key(*name)));
        for name in names {
            let (was, is) = (recorded.get(name), replayed.get(name));
            if was == is {
                continue;
            }
            let goes_on = |known: &Difference| {
                known.recorded.as_ref() == was && known.replayed.as_ref() == is
            };
            let known = if before.get(name).is_some_and(goes_on) {
                before.remove(name)
            } else {
                None
            };
            let mut difference = known.unwrap_or_else(|| Difference {
                session: name.clone(),
                from: now,
                to: now,
                checks: 0,
                recorded: was.cloned(),
                replayed: is.cloned(),
            });
            difference.to = now;
            difference.checks = difference.checks.saturating_add(1);
            self.open.insert(name.clone(), difference);
        }
        if let Some(replay) = &mut self.replay {
            for difference in before.into_values() {
                close(replay, difference);
            }
        }
    }
}

fn close(replay: &mut Replay, difference: Difference) {
    if replay.differences.len() < Replay::MAX_DIFFERENCES {
        replay.differences.push(difference);
    } else {
        replay.more = replay.more.saturating_add(1);
    }
}

fn chained(digest: u64, next: u64) -> u64 {
    (digest ^ next)
        .wrapping_mul(0x0100_0000_01b3)
        .rotate_left(17)
}
