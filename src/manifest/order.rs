//! `after`: who waits for whom and for what, and that nobody waits for what can never be.

use super::check::Path;
use super::fault::{Fault, ValueOrigin, shown};
use super::layer::Part;
use super::reading::Reading;
use super::session::{Named, pick};
use super::wire::words::When;
use crate::model::{Awaited, Desired, Milestone, SessionName};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// At most this many cycles are told.
const MAX_CYCLES: usize = 50;

impl Reading<'_> {
    /// Fills in `after` of every session, and finds what could never be waited for.
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
            for (index, asked) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
                let Some((other, _)) = named.get_key_value(asked.session.as_str()) else {
                    let fault = self.unknown_after(named, who, index, &asked.session);
                    self.faults.push(fault);
                    continue;
                };
                let is_task = tasks.contains(other);
                let plain = if is_task {
                    Milestone::Completed
                } else {
                    Milestone::Ready
                };
                let milestone = asked.when.map_or(plain, When::meaning);
                if milestone == Milestone::Completed && !is_task && sessions.contains_key(other) {
                    let fault = self.never_completes(who, index, other);
                    self.faults.push(fault);
                }
                let awaited = Awaited {
                    milestone,
                    within: asked.within.map(|within| within.0),
                };
                if waves.contains_key(name) && waves.get(other) > waves.get(name) {
                    let fault = self.later_wave(who, index, other);
                    self.faults.push(fault);
                }
                if after
                    .insert(other.clone(), awaited)
                    .is_some_and(|former| former != awaited)
                {
                    let fault = self.asked_twice(who, index, other);
                    self.faults.push(fault);
                }
            }
            if let Some(session) = sessions.get_mut(name) {
                session.after = after;
            }
        }
        self.cycles(named, sessions);
    }

    /// Tells of every session it waits for that is not declared.
    pub(crate) fn check_after(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        who: &Named<'_>,
    ) {
        for (index, asked) in pick!(who.tiers, after).into_iter().flatten().enumerate() {
            if !named.contains_key(asked.session.as_str()) {
                let fault = self.unknown_after(named, who, index, &asked.session);
                self.faults.push(fault);
            }
        }
    }

    /// Where one that it waits for is named.
    fn after_origin(&self, who: &Named<'_>, index: usize) -> ValueOrigin {
        self.field_origin(who, index, "session")
    }

    /// Where a field of one that it waits for stands; where only its name is written, that.
    fn field_origin(&self, who: &Named<'_>, index: usize, field: &str) -> ValueOrigin {
        let list = who.tiers.path(self.layers, &["after"]);
        let element: Path = list.into_iter().chain([index.to_string()]).collect();
        let of_table: Path = element.iter().cloned().chain([field.to_owned()]).collect();
        let place = if self.layers.value(&of_table).is_some() {
            of_table
        } else {
            element
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

    fn asked_twice(&self, who: &Named<'_>, index: usize, other: &SessionName) -> Fault {
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

    fn cycles(
        &mut self,
        named: &BTreeMap<SessionName, Named<'_>>,
        sessions: &BTreeMap<SessionName, Desired>,
    ) {
        let mut left = in_cycles(sessions);
        for _ in 0..MAX_CYCLES {
            let Some(start) = left.iter().next() else {
                return;
            };
            let cycle = walk(start, &left, sessions);
            let fault = self.cycle(named, &cycle);
            self.faults.extend(fault);
            left.retain(|name| !cycle.contains(name));
            left = peel(&left, sessions);
        }
    }

    fn cycle(
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
                    .position(|asked| asked.session == to.as_str())?;
                Some((
                    self.after_origin(who, index),
                    format!("`{from}` waits for `{to}`"),
                ))
            });
        let (origin, label) = edges.next()?;
        let round: Vec<&str> = cycle
            .iter()
            .chain(cycle.first())
            .map(SessionName::as_str)
            .collect();
        let fault = Fault::new(
            "cycle",
            origin,
            format!("sessions wait for each other: {}", shortened(&round)),
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

/// The sessions that lie on cycles, or between two.
fn in_cycles(sessions: &BTreeMap<SessionName, Desired>) -> BTreeSet<SessionName> {
    peel(&sessions.keys().cloned().collect(), sessions)
}

/// What is left when all that wait for nothing within `left`, and then all that nothing waits for,
/// are taken away.
fn peel(
    left: &BTreeSet<SessionName>,
    sessions: &BTreeMap<SessionName, Desired>,
) -> BTreeSet<SessionName> {
    let mut forward: BTreeMap<&SessionName, BTreeSet<&SessionName>> = BTreeMap::new();
    let mut backward: BTreeMap<&SessionName, BTreeSet<&SessionName>> = BTreeMap::new();
    for (name, session) in sessions.iter().filter(|(name, _)| left.contains(*name)) {
        let waits: BTreeSet<&SessionName> = session
            .after
            .keys()
            .filter(|other| left.contains(*other))
            .collect();
        for other in &waits {
            backward.entry(other).or_default().insert(name);
        }
        forward.insert(name, waits);
    }
    let survivors = trimmed(&forward, &backward);
    survivors
        .intersection(&trimmed(&backward, &forward))
        .map(|name| (*name).clone())
        .collect()
}

type Edges<'s> = BTreeMap<&'s SessionName, BTreeSet<&'s SessionName>>;

/// Those from which an endless walk along `edges` leads; `reverse` holds the same edges the other
/// way.
fn trimmed<'s>(edges: &Edges<'s>, reverse: &Edges<'s>) -> BTreeSet<&'s SessionName> {
    let mut all: BTreeSet<&SessionName> = edges.keys().chain(reverse.keys()).copied().collect();
    let mut open: BTreeMap<&SessionName, usize> = all
        .iter()
        .map(|name| (*name, edges.get(name).map_or(0, BTreeSet::len)))
        .collect();
    let mut done: VecDeque<&SessionName> = open
        .iter()
        .filter(|(_, n)| **n == 0)
        .map(|(name, _)| *name)
        .collect();
    while let Some(name) = done.pop_front() {
        all.remove(name);
        for other in reverse.get(name).into_iter().flatten() {
            if let Some(count) = open.get_mut(other) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    done.push_back(other);
                }
            }
        }
    }
    all
}

/// The first cycle that a walk from `start` runs into, beginning with its least name.
fn walk(
    start: &SessionName,
    left: &BTreeSet<SessionName>,
    sessions: &BTreeMap<SessionName, Desired>,
) -> Vec<SessionName> {
    let mut seen: BTreeMap<&SessionName, usize> = BTreeMap::new();
    let mut trail: Vec<SessionName> = Vec::new();
    let mut here = start;
    while !seen.contains_key(here) {
        seen.insert(here, trail.len());
        trail.push(here.clone());
        let next = sessions
            .get(here)
            .and_then(|session| session.after.keys().find(|other| left.contains(*other)));
        let Some(next) = next else { return trail };
        here = next;
    }
    let mut cycle = trail.split_off(seen.get(here).copied().unwrap_or_default());
    let least = cycle
        .iter()
        .enumerate()
        .min_by_key(|(_, name)| *name)
        .map_or(0, |(index, _)| index);
    cycle.rotate_left(least);
    cycle
}
