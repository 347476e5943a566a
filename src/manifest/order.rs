//! Resolves `after`: which session waits for which, and for what. Refuses what can never happen.

use super::check::Path;
use super::fault::{Fault, ValueOrigin, shown};
use super::layer::Part;
use super::reading::Reading;
use super::session::{Named, pick};
use super::wire::words::When;
use crate::model::{Awaited, Desired, Milestone, SessionName, matches_pattern};
use crate::model::{SortedMap, SortedSet};
use std::borrow::Cow;
use std::collections::VecDeque;

/// The most cycles that are reported.
const MAX_CYCLES: usize = 50;
/// How many waits a town may have: for each session, the sessions that it waits for.
const MAX_WAITS: usize = 200_000;

impl Reading<'_> {
    /// Fills in `after` of every session, and notes a fault for each wait that could never end.
    pub(crate) fn order(
        &mut self,
        town: &str,
        named: &SortedMap<SessionName, Named<'_>>,
        sessions: &mut SortedMap<SessionName, Desired>,
    ) {
        let is_waiting = |who: &Named<'_>| pick!(who.tiers, after).is_some();
        if !named.values().any(is_waiting) {
            return;
        }
        let waves: SortedMap<SessionName, u32> = sessions
            .iter()
            .map(|(name, d)| (name.clone(), d.wave))
            .collect();
        let tasks: SortedSet<SessionName> = sessions
            .iter()
            .filter(|(_, desired)| desired.is_task())
            .map(|(name, _)| name.clone())
            .collect();
        let mut meant = Meant::of(named);
        let mut waits = 0;
        for (name, who) in named {
            let mut after: SortedMap<SessionName, Awaited> = SortedMap::new();
            for (index, entry) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
                let Some(text) = self.awaited_text(town, who, index, &entry.session) else {
                    continue;
                };
                let others = meant.by(&text);
                if others.is_empty() {
                    let fault = self.unknown_after(named, who, index, &text);
                    self.add_once(fault);
                }
                waits += others.len();
                if waits > MAX_WAITS {
                    let fault = self.too_many_waits(who, index);
                    self.faults.push(fault);
                    return;
                }
                let is_group = is_group(&text);
                for other in others.iter().filter(|other| !is_group || **other != name) {
                    let is_task = tasks.contains(*other);
                    let default = if is_task {
                        Milestone::Completed
                    } else {
                        Milestone::Ready
                    };
                    let awaited = Awaited {
                        milestone: entry.when.map_or(default, When::meaning),
                        within: entry.within.map(|within| within.0),
                    };
                    let is_later = waves.contains_key(name) && waves.get(*other) > waves.get(name);
                    let never = awaited.milestone == Milestone::Completed
                        && !is_task
                        && sessions.contains_key(*other);
                    let earlier = after.insert((*other).clone(), awaited);
                    let is_twice = earlier.is_some_and(|earlier| earlier != awaited);
                    let faults = [
                        never.then(|| self.never_completes(who, index, other)),
                        is_later.then(|| self.later_wave(who, index, other)),
                        is_twice.then(|| self.listed_twice(who, index, other)),
                    ];
                    for fault in faults.into_iter().flatten() {
                        self.add_once(fault);
                    }
                }
            }
            if let Some(session) = sessions.get_mut(name) {
                session.after = after;
            }
        }
        self.cycles(town, named, sessions);
    }

    /// The text of an entry of `after`, with its templates filled in. Notes a fault if that fails.
    fn awaited_text<'t>(
        &mut self,
        town: &str,
        who: &Named<'_>,
        index: usize,
        text: &'t str,
    ) -> Option<Cow<'t, str>> {
        if !text.contains('{') {
            return Some(Cow::Borrowed(text));
        }
        let agent = pick!(who.tiers, agent).map(String::as_str);
        let words = who.words(town, agent);
        let list = who.tiers.path(self.layers, &["after"]);
        let at = || list.into_iter().chain([index.to_string()]).collect();
        self.fill(&words, text, at).map(Cow::Owned)
    }

    fn too_many_waits(&self, who: &Named<'_>, index: usize) -> Fault {
        let message = format!("the sessions wait for each other more than {MAX_WAITS} times");
        Fault::new("too-many-waits", self.after_origin(who, index), message)
            .help("let them wait for one session that waits for the others, or use `wave`")
    }

    /// Notes a fault for each session in its `after` that is not declared.
    pub(crate) fn check_after(
        &mut self,
        town: &str,
        named: &SortedMap<SessionName, Named<'_>>,
        who: &Named<'_>,
    ) {
        let mut meant = Meant::of(named);
        for (index, entry) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
            let text = self.awaited_text(town, who, index, &entry.session);
            if let Some(text) = text.filter(|text| meant.by(text).is_empty()) {
                let fault = self.unknown_after(named, who, index, &text);
                self.add_once(fault);
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
        named: &SortedMap<SessionName, Named<'_>>,
        who: &Named<'_>,
        index: usize,
        other: &str,
    ) -> Fault {
        let (role, shown) = (other.strip_prefix(ROLE), shown(other));
        let lack = match role {
            Some(_) => "but no session has that role",
            None if is_group(other) => "but no session matches that pattern",
            None => "but no such session is declared",
        };
        let message = format!("`{}` waits for `{shown}`, {lack}", who.name);
        let fault = Fault::new("unknown-session", self.after_origin(who, index), message)
            .label("no such session");
        if let Some(role) = role {
            let roles: SortedSet<&str> = named.values().map(|who| who.tiers.role_name).collect();
            return fault.did_you_mean(role, roles, || {
                "write a role that a session has, such as role:witness".to_owned()
            });
        }
        fault.did_you_mean(other, named.keys().map(SessionName::as_str), || {
            "write the full name of a session, such as gt-shop-witness".to_owned()
        })
    }

    /// Notes a fault for each cycle. Cycles that share a session are reported as one.
    fn cycles(
        &mut self,
        town: &str,
        named: &SortedMap<SessionName, Named<'_>>,
        sessions: &SortedMap<SessionName, Desired>,
    ) {
        let mut suspects = peel(&sessions.keys().cloned().collect(), sessions);
        for _ in 0..MAX_CYCLES {
            let Some(start) = suspects.iter().next() else {
                return;
            };
            let cycle = cycle_from(start, &suspects, sessions);
            let fault = self.cycle_fault(town, named, &cycle);
            self.faults.extend(fault);
            suspects.retain(|name| !cycle.contains(name));
            suspects = peel(&suspects, sessions);
        }
    }

    fn cycle_fault(
        &self,
        town: &str,
        named: &SortedMap<SessionName, Named<'_>>,
        cycle: &[SessionName],
    ) -> Option<Fault> {
        let mut edges = cycle
            .iter()
            .zip(cycle.iter().cycle().skip(1))
            .filter_map(|(from, to)| {
                let who = named.get(from)?;
                let role = named.get(to)?.tiers.role_name;
                let words = who.words(town, pick!(who.tiers, agent).map(String::as_str));
                let index = pick!(who.tiers, after)?.iter().position(|entry| {
                    let text = words.fill(&entry.session);
                    text.is_ok_and(|text| means(&text, to, role))
                })?;
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

/// What stands before the name of a role in `after`. No session's name has a colon.
const ROLE: &str = "role:";

/// Whether an entry of `after` means all sessions of a role, or all that match a pattern.
fn is_group(text: &str) -> bool {
    text.starts_with(ROLE) || text.contains(['*', '?'])
}

/// Whether an entry of `after` means a session of this name and role.
fn means(text: &str, name: &SessionName, role: &str) -> bool {
    match text.strip_prefix(ROLE) {
        Some(wanted) => wanted == role,
        None if is_group(text) => matches_pattern(text, name.as_str()),
        None => text == name.as_str(),
    }
}

/// Which sessions the entries of `after` mean. Each text is looked up once.
struct Meant<'n> {
    /// Every session with its role.
    roles: SortedMap<&'n SessionName, &'n str>,
    groups: SortedMap<String, Vec<&'n SessionName>>,
}

impl<'n> Meant<'n> {
    fn of(named: &'n SortedMap<SessionName, Named<'_>>) -> Self {
        let role = |(name, who): (&'n SessionName, &'n Named<'_>)| (name, who.tiers.role_name);
        Self {
            roles: named.iter().map(role).collect(),
            groups: SortedMap::new(),
        }
    }

    /// The sessions that this text means. Empty if there are none.
    fn by(&mut self, text: &str) -> &[&'n SessionName] {
        if !self.groups.contains_key(text) {
            let names = if is_group(text) {
                let sessions = self.roles.iter();
                let meant = sessions.filter(|(name, role)| means(text, name, role));
                meant.map(|(name, _)| *name).collect()
            } else {
                let name = SessionName::new(text).ok();
                let known = name.and_then(|name| self.roles.get_key_value(&name).map(|(n, _)| *n));
                known.into_iter().collect()
            };
            self.groups.insert(text.to_owned(), names);
        }
        self.groups.get(text).map_or(&[], Vec::as_slice)
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
    suspects: &SortedSet<SessionName>,
    sessions: &SortedMap<SessionName, Desired>,
) -> SortedSet<SessionName> {
    let mut waits_for: Edges<'_> = SortedMap::new();
    let mut awaited_by: Edges<'_> = SortedMap::new();
    let suspected = sessions.iter().filter(|(name, _)| suspects.contains(*name));
    for (name, session) in suspected {
        let others: SortedSet<&SessionName> = session
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
type Edges<'s> = SortedMap<&'s SessionName, SortedSet<&'s SessionName>>;

/// The names from which one can follow `edges` for ever. `reversed` has the same edges backwards.
///
/// Names without an edge are removed, and with each the edges to it, until none is left to remove.
fn endless<'s>(edges: &Edges<'s>, reversed: &Edges<'s>) -> SortedSet<&'s SessionName> {
    let mut names: SortedSet<&SessionName> = edges.keys().chain(reversed.keys()).copied().collect();
    let mut edges_left: SortedMap<&SessionName, usize> = names
        .iter()
        .map(|name| (*name, edges.get(name).map_or(0, SortedSet::len)))
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
    suspects: &SortedSet<SessionName>,
    sessions: &SortedMap<SessionName, Desired>,
) -> Vec<SessionName> {
    let mut position: SortedMap<&SessionName, usize> = SortedMap::new();
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
