//! Resolves `after`: which session waits for which, and for what. Refuses what can never happen.

use super::check::Path;
use super::fault::{Fault, ValueOrigin, shown};
use super::layer::Part;
use super::reading::Reading;
use super::session::{Named, pick};
use super::wire::words::When;
use crate::model::{Awaited, Desired, Milestone, SessionName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// The most cycles that are reported.
const MAX_CYCLES: usize = 50;

impl Reading<'_> {
    /// Fills in `after` of every session, and notes a fault for each wait that could never end.
    pub(crate) fn order(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        sessions: &mut BTreeMap<SessionName, Desired>,
    ) {
        let waves: BTreeMap<SessionName, u32> = sessions
            .iter()
            .map(|(name, d)| (name.clone(), d.wave))
            .collect();
        let tasks: BTreeSet<SessionName> = sessions
            .iter()
            .filter(|(_, desired)| desired.is_task())
            .map(|(name, _)| name.clone())
            .collect();
        for (name, who) in named {
            let mut after: BTreeMap<SessionName, Awaited> = BTreeMap::new();
            for (index, entry) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
                let Some((other, _)) = named.get_key_value(entry.session.as_str()) else {
                    let fault = self.unknown_after(named, who, index, &entry.session);
                    self.faults.push(fault);
                    continue;
                };
                let is_task = tasks.contains(other);
                let default = if is_task {
                    Milestone::Completed
                } else {
                    Milestone::Ready
                };
                let milestone = entry.when.map_or(default, When::meaning);
                if milestone == Milestone::Completed && !is_task && sessions.contains_key(other) {
                    let fault = self.never_completes(who, index, other);
                    self.faults.push(fault);
                }
                let awaited = Awaited {
                    milestone,
                    within: entry.within.map(|within| within.0),
                };
                if waves.contains_key(name) && waves.get(other) > waves.get(name) {
                    let fault = self.later_wave(who, index, other);
                    self.faults.push(fault);
                }
                let earlier = after.insert(other.clone(), awaited);
                if earlier.is_some_and(|earlier| earlier != awaited) {
                    let fault = self.listed_twice(who, index, other);
                    self.faults.push(fault);
                }
            }
            if let Some(session) = sessions.get_mut(name) {
                session.after = after;
            }
        }
        self.cycles(named, sessions);
    }

    /// Notes a fault for each session in its `after` that is not declared.
    pub(crate) fn check_after(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        who: &Named<'_>,
    ) {
        for (index, entry) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
            if !named.contains_key(entry.session.as_str()) {
                let fault = self.unknown_after(named, who, index, &entry.session);
                self.faults.push(fault);
            }
        }
    }

    /// Where entry `index` of `after` names its session.
    fn after_origin(&self, who: &Named<'_>, index: usize) -> ValueOrigin {
        self.field_origin(who, index, "session")
    }

    /// Where a field of entry `index` of `after` stands. The whole entry if it lacks that field.
    fn field_origin(&self, who: &Named<'_>, index: usize, field: &str) -> ValueOrigin {
        let list = who.tiers.path(self.layers, &["after"]);
        let entry: Path = list.into_iter().chain([index.to_string()]).collect();
        let in_entry: Path = entry.iter().cloned().chain([field.to_owned()]).collect();
        let place = if self.layers.value(&in_entry).is_some() {
            in_entry
        } else {
            entry
        };
        self.layers.origin(&place, Part::Value)
    }

    fn never_completes(&self, who: &Named<'_>, index: usize, other: &SessionName) -> Fault {
        let message = format!(
            "`{}` waits until `{other}` completes, but `{other}` is restarted after every exit",
            who.name
        );
        Fault::new(
            "never-completes",
            self.field_origin(who, index, "when"),
            message,
        )
        .label("never happens")
        .help("write when = \"ready\", or restart = \"on-failure\" for the other session")
    }

    fn listed_twice(&self, who: &Named<'_>, index: usize, other: &SessionName) -> Fault {
        let message = format!(
            "`{}` names `{other}` twice in `after`, with different conditions",
            who.name
        );
        Fault::new("duplicate-session", self.after_origin(who, index), message)
            .label("named here first")
            .help("name it once")
    }

    fn later_wave(&self, who: &Named<'_>, index: usize, other: &SessionName) -> Fault {
        let message = format!(
            "`{}` waits for `{other}`, but `{other}` starts in a later wave",
            who.name
        );
        Fault::new("later-wave", self.after_origin(who, index), message)
            .label("starts later")
            .help("give the waiting session the same `wave`, or a higher one")
    }

    fn unknown_after(
        &self,
        named: &BTreeMap<SessionName, Named<'_>>,
        who: &Named<'_>,
        index: usize,
        other: &str,
    ) -> Fault {
        let message = format!(
            "`{}` waits for `{}`, but no such session is declared",
            who.name,
            shown(other)
        );
        Fault::new("unknown-session", self.after_origin(who, index), message)
            .label("no such session")
            .did_you_mean(other, named.keys().map(SessionName::as_str), || {
                "write the full name of a session, such as gt-shop-witness".to_owned()
            })
    }

    /// Notes a fault for each cycle. Cycles that share a session are reported as one.
    fn cycles(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        sessions: &BTreeMap<SessionName, Desired>,
    ) {
        let mut suspects = peel(&sessions.keys().cloned().collect(), sessions);
        for _ in 0..MAX_CYCLES {
            let Some(start) = suspects.iter().next() else {
                return;
            };
            let cycle = cycle_from(start, &suspects, sessions);
            let fault = self.cycle_fault(named, &cycle);
            self.faults.extend(fault);
            suspects.retain(|name| !cycle.contains(name));
            suspects = peel(&suspects, sessions);
        }
    }

    fn cycle_fault(
        &self,
        named: &BTreeMap<SessionName, Named<'_>>,
        cycle: &[SessionName],
    ) -> Option<Fault> {
        let mut edges = cycle
            .iter()
            .zip(cycle.iter().cycle().skip(1))
            .filter_map(|(from, to)| {
                let who = named.get(from)?;
                let index = pick!(who.tiers, after)?
                    .iter()
                    .position(|entry| entry.session == to.as_str())?;
                Some((
                    self.after_origin(who, index),
                    format!("`{from}` waits for `{to}`"),
                ))
            });
        let (origin, label) = edges.next()?;
        let circle: Vec<&str> = cycle
            .iter()
            .chain(cycle.first())
            .map(SessionName::as_str)
            .collect();
        let fault = Fault::new(
            "cycle",
            origin,
            format!("sessions wait for each other: {}", shortened(&circle)),
        )
        .label(label)
        .help("remove one of these from `after`");
        Some(
            edges
                .take(20)
                .fold(fault, |fault, (origin, label)| fault.relate(origin, label)),
        )
    }
}

/// The names with arrows between them. Of more than eight, only the first two and the last.
fn shortened(names: &[&str]) -> String {
    match names {
        [first, second, .., last] if names.len() > 8 => {
            format!(
                "{first} → {second} → … ({} more) → {last}",
                names.len().saturating_sub(3)
            )
        }
        all => all.join(" → "),
    }
}

/// The suspects that are on a cycle, or on a path from one cycle to another.
///
/// A session is on no cycle if its waits all end, or if no endless chain of waits leads to it.
fn peel(
    suspects: &BTreeSet<SessionName>,
    sessions: &BTreeMap<SessionName, Desired>,
) -> BTreeSet<SessionName> {
    let mut waits_for: Edges<'_> = BTreeMap::new();
    let mut awaited_by: Edges<'_> = BTreeMap::new();
    let suspected = sessions.iter().filter(|(name, _)| suspects.contains(*name));
    for (name, session) in suspected {
        let others: BTreeSet<&SessionName> = session
            .after
            .keys()
            .filter(|other| suspects.contains(*other))
            .collect();
        for other in &others {
            awaited_by.entry(other).or_default().insert(name);
        }
        waits_for.insert(name, others);
    }
    let leads_to_a_cycle = endless(&waits_for, &awaited_by);
    let follows_a_cycle = endless(&awaited_by, &waits_for);
    leads_to_a_cycle
        .intersection(&follows_a_cycle)
        .map(|name| (*name).clone())
        .collect()
}

/// From each name, the names to which an edge leads.
type Edges<'s> = BTreeMap<&'s SessionName, BTreeSet<&'s SessionName>>;

/// The names from which one can follow `edges` for ever. `reversed` has the same edges backwards.
///
/// Names without an edge are removed, and with each the edges to it, until none is left to remove.
fn endless<'s>(edges: &Edges<'s>, reversed: &Edges<'s>) -> BTreeSet<&'s SessionName> {
    let mut names: BTreeSet<&SessionName> = edges.keys().chain(reversed.keys()).copied().collect();
    let mut edges_left: BTreeMap<&SessionName, usize> = names
        .iter()
        .map(|name| (*name, edges.get(name).map_or(0, BTreeSet::len)))
        .collect();
    let mut dead_ends: VecDeque<&SessionName> = edges_left
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(name, _)| *name)
        .collect();
    while let Some(name) = dead_ends.pop_front() {
        names.remove(name);
        for other in reversed.get(name).into_iter().flatten() {
            if let Some(count) = edges_left.get_mut(other) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    dead_ends.push_back(other);
                }
            }
        }
    }
    names
}

/// The first cycle on a walk from `start` through the suspects. It begins with its smallest name.
fn cycle_from(
    start: &SessionName,
    suspects: &BTreeSet<SessionName>,
    sessions: &BTreeMap<SessionName, Desired>,
) -> Vec<SessionName> {
    let mut position: BTreeMap<&SessionName, usize> = BTreeMap::new();
    let mut trail: Vec<SessionName> = Vec::new();
    let mut current = start;
    while !position.contains_key(current) {
        position.insert(current, trail.len());
        trail.push(current.clone());
        let next = sessions
            .get(current)
            .and_then(|session| session.after.keys().find(|other| suspects.contains(*other)));
        let Some(next) = next else { return trail };
        current = next;
    }
    let cycle_start = position.get(current).copied().unwrap_or_default();
    let mut cycle = trail.split_off(cycle_start);
    let smallest = cycle
        .iter()
        .enumerate()
        .min_by_key(|(_, name)| *name)
        .map_or(0, |(index, _)| index);
    cycle.rotate_left(smallest);
    cycle
}
