//! Turns the rows of a listing into sessions.

use super::Depth;
use super::life::{self, Pane};
use super::locate_server::Found;
use super::proof;
use crate::model::sorted::MapEntry;
use crate::model::{
    Death, Desired, Label, Life, Moment, Origin, Ownership, PaneId, Period, ProcId, Seen,
    SessionId, SessionName, Town, Usage,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::env_tag;
use crate::proc::script::AgentSignature;
use crate::proc::tree::{self, Forest, Member};
use crate::tmux::list::PaneRow;

/// Up to this many panes are read one by one. For more, one read of all processes is cheaper.
const FEW_PANES: usize = 32;

/// The input for each session.
struct View<'a> {
    found: &'a Found,
    town: &'a Town,
    now: Moment,
    depth: Depth,
    /// All processes, if many trees are needed. Otherwise each tree is read by itself.
    forest: Option<Forest>,
}

/// The sessions found.
pub(super) struct Gathered {
    /// The sessions by name.
    pub(super) sessions: SortedMap<String, Seen>,
    /// The session in which we run.
    pub(super) own: Option<SessionId>,
    /// See [`Server::ended`](crate::model::Server::ended).
    pub(super) ended: SortedMap<SessionId, String>,
}

/// Groups the rows into sessions.
pub(super) fn gather(found: &Found, town: &Town, now: Moment, depth: Depth) -> Gathered {
    let forest = match depth {
        Depth::Full if found.panes().count() > FEW_PANES => Some(Forest::scan()),
        Depth::Plan | Depth::Full => None,
    };
    let view = View {
        found,
        town,
        now,
        depth,
        forest,
    };
    let mut by_session: SortedMap<SessionId, Vec<Judged<'_>>> = SortedMap::new();
    for (row, pane) in found.panes() {
        by_session
            .entry(row.session)
            .or_default()
            .push(Judged { row, pane });
    }
    let watched = watched_panes(found);
    let (mut sessions, mut ended) = (SortedMap::new(), SortedMap::new());
    for (id, mut rows) in by_session {
        rows.sort_by_key(|judged| judged.row.pane);
        let Some(first) = rows.first() else { continue };
        let mut seen = view.session(*first, &rows);
        let elsewhere = watched.get(&seen.pane).copied().unwrap_or(0);
        seen.attached = seen.attached.max(elsewhere);
        if let Some(variables) = variables_of_ended(&seen, &rows) {
            ended.insert(id, variables);
        }
        match sessions.entry(first.row.name.clone()) {
            MapEntry::Vacant(place) => {
                place.insert(seen);
            }
            // Two names can only be equal if both were cut to their maximal length.
            MapEntry::Occupied(taken) => {
                let name = format!("{} {id}", taken.key());
                sessions.insert(name, seen);
            }
        }
    }
    let own = own(found, &sessions);
    Gathered {
        sessions,
        own,
        ended,
    }
}

/// The panes of attached sessions, with the number of clients. A window can be linked into several
/// sessions, so a client of any of them may see the pane.
fn watched_panes(found: &Found) -> SortedMap<PaneId, u32> {
    let mut watched: SortedMap<PaneId, u32> = SortedMap::new();
    for (row, _) in found.panes().filter(|(row, _)| row.attached > 0) {
        let clients = watched.entry(row.pane).or_default();
        *clients = row.attached.max(*clients);
    }
    watched
}

/// The note about variables of our session, if its incarnation has ended and tmux knows how.
fn variables_of_ended(seen: &Seen, rows: &[Judged<'_>]) -> Option<String> {
    let Ownership::Ours(label) = &seen.ownership else {
        return None;
    };
    let Judged { row, pane } = rows.iter().find(|judged| judged.row.pane == label.pane)?;
    matches!(pane, Pane::Ended(_)).then(|| row.variables.clone())
}

/// The session in which we run. A linked window may be in several; then one of ours is preferred.
fn own(found: &Found, sessions: &SortedMap<String, Seen>) -> Option<SessionId> {
    let is_us = |(row, _): &(&PaneRow, &Pane)| !row.dead && found.line.contains(&row.pid);
    let holding: SortedSet<SessionId> = found
        .panes()
        .filter(is_us)
        .map(|(row, _)| row.session)
        .collect();
    let is_ours = |seen: &&Seen| matches!(seen.ownership, Ownership::Ours(_));
    let candidates: Vec<&Seen> = sessions
        .values()
        .filter(|seen| holding.contains(&seen.id))
        .collect();
    candidates
        .iter()
        .copied()
        .find(is_ours)
        .or(candidates.first().copied())
        .map(|seen| seen.id)
}

/// How to recognise a declared agent that has no tag.
fn signature_of(declared: &Desired) -> AgentSignature<'_> {
    AgentSignature::new(&declared.agent.process_names, &declared.command)
}

/// Whether the agent adopted in this pane still runs.
///
/// An adopted agent is recognised by its declared command, if that has not changed since. A
/// launcher chooses the command itself, so its agent is recognised by process names alone. This way
/// a living agent is not taken for dead.
fn still_runs(label: &Label, declared: &Desired, members: &[Member]) -> bool {
    let is_as_declared = label
        .fingerprint
        .is_some_and(|was| was.command == declared.fingerprint().command);
    if label.origin == Origin::Adopted && is_as_declared {
        tree::find_known(members, &signature_of(declared)).is_some()
    } else {
        life::runs(members, &declared.agent.process_names)
    }
}

/// The row of a pane with the pane's state.
#[derive(Clone, Copy)]
pub(super) struct Judged<'a> {
    pub(super) row: &'a PaneRow,
    pub(super) pane: &'a Pane,
}

/// The pane of the agent, the agent's liveness, and the resource usage of its tree.
type Chosen = (PaneId, Life, Option<Usage>);

impl View<'_> {
    /// Describes one session. `panes` are all its panes, `first` is the lowest of them.
    fn session(&self, first: Judged<'_>, panes: &[Judged<'_>]) -> Seen {
        let Judged { row, .. } = first;
        let ownership = row.labels.ownership(&self.town.name);
        let ownership = proof::proved(ownership, row, panes, &self.town.name, self.now);
        let (pane, life, usage) = match &ownership {
            Ownership::Ours(label) if label.origin == Origin::Policy => {
                match self.declared(label.session.as_str()) {
                    Some(declared) => self.candidate(declared, first, panes),
                    None => self.others(first, Some(label.pane), panes),
                }
            }
            Ownership::Ours(label) => {
                match panes.iter().find(|judged| judged.row.pane == label.pane) {
                    Some(Judged { row, pane })
                        if proof::is_taken(label, row, pane, &self.town.name, self.now) =>
                    {
                        (
                            PaneId::NOWHERE,
                            life::dead(Death::Vanished, None, None),
                            None,
                        )
                    }
                    Some(judged) => self.ours(label, *judged),
                    None => (label.pane, life::dead(Death::Vanished, None, None), None),
                }
            }
            Ownership::Unlabelled | Ownership::Unproved(_) => {
                match self.town.sessions.get(row.name.as_str()) {
                    Some(declared) if declared.policy.is_none() => {
                        self.candidate(declared, first, panes)
                    }
                    Some(_) => self.others(first, None, panes),
                    None => self.stranger(first),
                }
            }
            Ownership::Foreign(_) => self.stranger(first),
        };
        let agents = panes
            .iter()
            .find(|judged| judged.row.pane == pane)
            .map_or(row, |judged| judged.row);
        Seen {
            id: row.session,
            attached: row.attached,
            created: row.created.saturating_mul(1000),
            quiet: self.quiet(agents.activity),
            activity: agents.activity,
            title: agents.title.clone(),
            screen: None,
            heard: None,
            ownership,
            pane,
            life,
            usage,
            footprint: None,
            commands: None,
            is_replaced: None,
            reported: None,
        }
    }

    fn quiet(&self, activity: i64) -> Period {
        let silent = self.now.wall.saturating_sub(activity.saturating_mul(1000));
        Period::from_millis(u64::try_from(silent).unwrap_or(0))
    }

    /// A session of ours. A started agent is its pane's own process; an adopted one must be found
    /// in the tree.
    fn ours(&self, label: &Label, Judged { row, pane }: Judged<'_>) -> Chosen {
        let declared = self.town.sessions.get(&label.session);
        let sought = match (label.origin, declared) {
            (Origin::Adopted | Origin::Launcher, Some(declared)) => Some(declared),
            // The process names of an undeclared agent are unknown, and so are those of a covered
            // session.
            (Origin::Adopted | Origin::Launcher, None) | (Origin::Started | Origin::Policy, _) => {
                None
            }
        };
        let members = self.members(pane, sought.is_some());
        let is_missing = sought.is_some_and(|declared| !still_runs(label, declared, &members));
        let life = match pane {
            Pane::Running(process, _) if is_missing => {
                life::dead(Death::NoAgent, Some(*process), None)
            }
            Pane::Running(..) | Pane::Ended(_) | Pane::Lost | Pane::Unknown(_) => {
                life::of(pane, row, true)
            }
        };
        (row.pane, life, self.usage(&members))
    }

    /// A declared session without a label: takes the first pane in which the agent runs, otherwise
    /// the lowest pane.
    fn candidate(&self, declared: &Desired, first: Judged<'_>, panes: &[Judged<'_>]) -> Chosen {
        let signature = signature_of(declared);
        for Judged { row, pane } in panes {
            let members = self.members(pane, true);
            if tree::find_known(&members, &signature).is_some() && !self.is_anothers(row, pane) {
                return (row.pane, life::of(pane, row, true), self.usage(&members));
            }
        }
        let members = self.members(first.pane, false);
        (
            first.row.pane,
            life::of(first.pane, first.row, false),
            self.usage(&members),
        )
    }

    /// Whether the pane runs another session's agent. A window can be linked into several sessions.
    fn is_anothers(&self, row: &PaneRow, pane: &Pane) -> bool {
        let Pane::Running(process, _) = pane else {
            return false;
        };
        let tag = env_tag::borne(process.pid, &self.town.name);
        let is_former = |name: &SessionName| {
            let declared = self.declared(&row.name);
            declared.is_some_and(|declared| declared.moved.contains(name))
        };
        let is_tagged =
            tag.is_some_and(|(session, _)| session.as_str() != row.name && !is_former(&session));
        let is_labelled = |other: &PaneRow| match other.labels.ownership(&self.town.name) {
            Ownership::Ours(label) => {
                label.pane == row.pane && other.labels.claim().session == Some(other.session)
            }
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => false,
        };
        let mut elsewhere = self.found.panes().map(|(other, _)| other);
        is_tagged
            || elsewhere.any(|other| {
                other.pane == row.pane && other.session != row.session && is_labelled(other)
            })
    }

    /// What the manifest declares under this name, without policies.
    fn declared(&self, name: &str) -> Option<&Desired> {
        self.town
            .sessions
            .get(name)
            .filter(|desired| desired.policy.is_none())
    }

    /// A session that others started, covered by a policy now or before. Takes the labelled pane,
    /// or if that has ended, the first living one, because nobody says which pane matters.
    fn others(&self, first: Judged<'_>, labelled: Option<PaneId>, panes: &[Judged<'_>]) -> Chosen {
        let labelled = panes
            .iter()
            .find(|judged| Some(judged.row.pane) == labelled);
        let is_over = |judged: &&Judged<'_>| matches!(judged.pane, Pane::Ended(_) | Pane::Lost);
        let living = labelled
            .filter(|judged| !is_over(judged))
            .or_else(|| panes.iter().find(|j| !is_over(j)));
        let Judged { row, pane } = living.or(labelled).copied().unwrap_or(first);
        (
            row.pane,
            life::of(pane, row, true),
            self.usage(&self.members(pane, false)),
        )
    }

    /// A session that is neither ours nor declared. What tmux says of its first pane is enough.
    fn stranger(&self, Judged { row, pane }: Judged<'_>) -> Chosen {
        let life = match pane {
            Pane::Lost if !row.dead => Life::Unknown("its process has just ended".to_owned()),
            Pane::Running(..) | Pane::Ended(_) | Pane::Lost | Pane::Unknown(_) => {
                life::of(pane, row, false)
            }
        };
        (row.pane, life, self.usage(&self.members(pane, false)))
    }

    /// The tree of a pane, if `wanted` or if its usage is needed.
    fn members(&self, pane: &Pane, wanted: bool) -> Vec<Member> {
        match &self.forest {
            Some(forest) => life::members(pane, |process: ProcId| forest.tree(process)),
            None if wanted || self.depth == Depth::Full => life::members(pane, tree::tree),
            None => Vec::new(),
        }
    }

    fn usage(&self, members: &[Member]) -> Option<Usage> {
        (self.depth == Depth::Full && !members.is_empty()).then(|| tree::usage(members))
    }
}
