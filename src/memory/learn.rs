//! What a look teaches.

use super::content::{AuthDeaths, learn_auth_deaths};
use super::depart::depart;
use super::ends::{account_for_end, learn_last_words, learn_replacing};
use super::forget::{forget, watch_clocks};
use super::probe::forget_probes;
use super::rename::follow_renames;
use super::run::{learn_seen, learn_unseen};
use crate::model::SortedMap;
use crate::model::{
    Chore, ChoreTimes, Death, Desired, Ended, History, Label, Memory, Moment, Observed, Ownership,
    Period, Seen, Server, SessionName, Town, Walk,
};
use std::cmp::Reverse;

/// The history of a session that is neither declared nor there is kept for so long, because of its
/// handoff gap.
const FORGET_AFTER: Period = Period::from_hours(24);

/// Takes in one look. Only what was really seen changes anything: [`Observed::Unknown`] teaches
/// nothing.
#[must_use]
pub fn learn(mut memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
    forget(&mut memory, now);
    memory
        .chores
        .retain(|name, _| town.chores.iter().any(|chore| chore.name == *name));
    note_timetables(&mut memory, town, now);
    match observed {
        Observed::Unknown(_) => return memory,
        Observed::Down => {
            depart(&mut memory, town, None, now);
            lose_server(&mut memory, now);
            learn_sessions(&mut memory, town, None, now);
        }
        Observed::Up(server) => {
            depart(&mut memory, town, Some(server), now);
            if memory.server.is_some_and(|former| former != server.id) {
                lose_server(&mut memory, now);
            }
            memory.server = Some(server.id);
            learn_sessions(&mut memory, town, Some(server), now);
        }
    }
    watch_clocks(&mut memory, now);
    memory
}

/// Notes since when a chore with set times is known that has not run yet. Its first run is at the
/// first of its times after that.
fn note_timetables(memory: &mut Memory, town: &Town, now: Moment) {
    let has_set_times = |chore: &&Chore| matches!(chore.times, ChoreTimes::At(_));
    let has_run = |chore: &&Chore| memory.chores.contains_key(&chore.name);
    let chores = town.chores.iter().filter(has_set_times);
    let waiting = chores.filter(|chore| !has_run(chore));
    let since = waiting.map(|chore| {
        let known = memory.chores_since.get(&chore.name);
        let is_past = |at: &&Moment| at.wall <= now.wall;
        let since = known.filter(is_past).copied().unwrap_or(now);
        (chore.name.clone(), since)
    });
    memory.chores_since = since.collect();
}

/// Ends all runs of a server that is gone.
fn lose_server(memory: &mut Memory, now: Moment) {
    memory.server = None;
    let mut lost_any = false;
    for history in memory.sessions.values_mut() {
        history.stopping = None;
        history.replacing = None;
        history.waiting = None;
        if let Some(run) = history.run.as_mut().filter(|run| run.ended.is_none()) {
            run.ended = Some(Ended {
                death: Death::ServerLost,
                at: now,
            });
            lost_any = true;
        }
    }
    if lost_any {
        memory.server_losses.push(now);
    }
}

/// One session in a look.
#[derive(Clone, Copy)]
pub(super) struct Sight<'a> {
    /// Its entry, if it is declared.
    pub(super) desired: Option<&'a Desired>,
    /// It, with its label, if it is there.
    pub(super) ours: Option<(&'a Seen, &'a Label)>,
    /// The moment of the look before.
    pub(super) last_look: Option<Moment>,
    /// The moment of the look.
    pub(super) now: Moment,
}

impl<'a> Sight<'a> {
    /// The session, if it is there.
    pub(super) fn seen(&self) -> Option<&'a Seen> {
        self.ours.map(|(seen, _)| seen)
    }
}

/// What the ends of all sessions together come to.
struct TownWide {
    failed_start: Option<Moment>,
    auth_deaths: AuthDeaths,
}

fn learn_sessions(memory: &mut Memory, town: &Town, server: Option<&Server>, now: Moment) {
    let ours = server.map(ours_by_declared_name).unwrap_or_default();
    follow_renames(memory, town, &ours);
    keep_sessions(memory, town, &ours, now);
    let mut town_wide = TownWide {
        failed_start: memory.failed_start,
        auth_deaths: std::mem::take(&mut memory.auth_deaths),
    };
    let is_run = |agent: &str| town.sessions.values().any(|d| d.agent.name == agent);
    town_wide.auth_deaths.retain(|agent, _| is_run(agent));
    let last_look = memory.last_look;
    let (mut declared, mut there) = (Walk::new(&town.sessions), Walk::new(&ours));
    for (name, history) in &mut memory.sessions {
        let sight = Sight {
            desired: declared.find(name.as_str()),
            ours: there.find(name.as_str()).copied(),
            last_look,
            now,
        };
        let has_its_name = |server: &Server| {
            server.sessions.contains_key(name.as_str()) || server.moved.contains_key(name)
        };
        let is_taken = || server.is_some_and(has_its_name);
        learn_session(history, &sight, is_taken, &mut town_wide);
    }
    memory.failed_start = town_wide.failed_start;
    memory.auth_deaths = town_wide.auth_deaths;
    forget_probes(memory, town, now);
}

/// Makes the memory hold the sessions that are declared or there, and those that ended lately.
fn keep_sessions(memory: &mut Memory, town: &Town, ours: &Ours<'_>, now: Moment) {
    let (mut declared, mut there) = (Walk::new(&town.sessions), Walk::new(ours));
    let mut is_kept = |name: &SessionName, history: &History| {
        let is_known = declared.find(name.as_str()).is_some() | there.find(name.as_str()).is_some();
        let handed_off = history.handoff;
        is_known || handed_off.is_some_and(|at| now.since(&at) < FORGET_AFTER)
    };
    let forgotten = memory.sessions.iter();
    let forgotten = forgotten.filter(|(name, history)| !is_kept(name, history));
    let forgotten: Vec<SessionName> = forgotten.map(|(name, _)| name.clone()).collect();
    for name in forgotten {
        memory.sessions.remove(&name);
    }
    let (mut known, mut known_too) = (Walk::new(&memory.sessions), Walk::new(&memory.sessions));
    let declared = town.sessions.keys();
    let declared = declared.filter(|name| known.find(name.as_str()).is_none());
    let there = ours.keys().copied();
    let there = there.filter(|name| known_too.find(name.as_str()).is_none());
    let fresh: Vec<SessionName> = declared.chain(there).cloned().collect();
    for name in fresh {
        memory.sessions.entry(name).or_default();
    }
}

/// Takes in what a look has shown of one session. `is_taken` says whether something that is not ours
/// has its name.
fn learn_session(
    history: &mut History,
    sight: &Sight<'_>,
    is_taken: impl FnOnce() -> bool,
    town_wide: &mut TownWide,
) {
    if let Some(desired) = sight.desired {
        history.prune = desired.prune;
        reset_after_edit(history, desired);
    }
    let known_end = history.run.as_ref().and_then(|run| run.ended);
    match sight.ours {
        Some((seen, label)) => learn_seen(history, sight, seen, label),
        None => learn_unseen(history, is_taken(), sight.now),
    }
    if let Some(desired) = sight.desired {
        let deaths = &mut town_wide.auth_deaths;
        learn_auth_deaths(deaths, known_end, history, desired, sight.seen());
    }
    learn_last_words(history, sight);
    account_for_end(history, sight, &mut town_wide.failed_start);
    learn_replacing(history, sight);
}

/// Our sessions, by the name that each was declared under.
pub(super) type Ours<'a> = SortedMap<&'a SessionName, (&'a Seen, &'a Label)>;

/// Our sessions by their declared names, which a rename in tmux does not change. If two have one
/// name, the later run counts.
///
/// Nearly all of them come in order, so that to sort them is quicker than to insert each.
pub(super) fn ours_by_declared_name(server: &Server) -> Ours<'_> {
    let ours = server
        .sessions
        .values()
        .filter_map(|seen| match &seen.ownership {
            Ownership::Ours(label) => Some((&label.session, (seen, label))),
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
        });
    let mut ours: Vec<(&SessionName, (&Seen, &Label))> = ours.collect();
    ours.sort_by_key(|(name, (_, label))| (*name, Reverse(label.generation)));
    ours.dedup_by_key(|(name, _)| *name);
    ours.into_iter().collect()
}

/// A changed entry is a new try: its crashes are forgotten.
fn reset_after_edit(history: &mut History, desired: &Desired) {
    if history.crashes.is_empty() {
        return;
    }
    let ran_with = history.run.as_ref().and_then(|run| run.fingerprint);
    if ran_with.is_some_and(|print| print != desired.fingerprint()) {
        history.crashes.clear();
    }
}
