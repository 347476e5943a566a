//! Rows become sessions.

use super::Depth;
use super::life::{self, Pane};
use super::reach::Found;
use crate::model::{
    Death, Label, Life, Moment, Origin, Ownership, PaneId, Period, ProcId, Seen, ServerId, SessionId, Town, Usage,
};
use crate::proc::tree::{self, Forest, Member};
use crate::tmux::list::Row;
use std::collections::BTreeMap;

/// What a look at each session needs.
struct View<'a> {
    town: &'a Town,
    server: ServerId,
    now: Moment,
    /// All processes, where every tree is wanted; else each tree is read by itself.
    forest: Option<Forest>,
}

/// The sessions by name, and the one in which a process of `line` runs.
pub(super) fn gather(
    found: &Found,
    town: &Town,
    now: Moment,
    depth: Depth,
    line: &[u32],
) -> (BTreeMap<String, Seen>, Option<SessionId>) {
    let forest = match depth {
        Depth::Plan => None,
        Depth::Full => Some(Forest::scan()),
    };
    let view = View { town, server: found.server, now, forest };
    let mut by_session: BTreeMap<SessionId, Vec<&Row>> = BTreeMap::new();
    for row in &found.listing.rows {
        by_session.entry(row.session).or_default().push(row);
    }
    let mut sessions = BTreeMap::new();
    for (id, mut rows) in by_session {
        rows.sort_by_key(|row| row.pane);
        let Some(first) = rows.first() else { continue };
        let seen = view.session(first, &rows);
        let name = first.name.clone();
        // Only names cut for their length can be alike.
        let name = if sessions.contains_key(&name) { format!("{name} {id}") } else { name };
        sessions.insert(name, seen);
    }
    let own = own(found, &sessions, line);
    (sessions, own)
}

/// A linked window may be in several sessions; one of ours is named before others'.
fn own(found: &Found, sessions: &BTreeMap<String, Seen>, line: &[u32]) -> Option<SessionId> {
    let holding = |seen: &&Seen| {
        found.listing.rows.iter().any(|row| row.session == seen.id && !row.dead && line.contains(&row.pid))
    };
    let is_ours = |seen: &&Seen| matches!(seen.ownership, Ownership::Ours(_));
    let candidates: Vec<&Seen> = sessions.values().filter(holding).collect();
    candidates.iter().copied().find(is_ours).or(candidates.first().copied()).map(|seen| seen.id)
}

impl View<'_> {
    /// `rows` are the session's, `first` the one of the lowest pane.
    fn session(&self, first: &Row, rows: &[&Row]) -> Seen {
        let ownership = first.labels.ownership(&self.town.name);
        let (row, pane, life, usage) = match &ownership {
            Ownership::Ours(label) => match rows.iter().find(|row| row.pane == label.pane) {
                Some(row) => self.ours(label, row),
                None => (first, label.pane, life::dead(Death::Vanished, None), None),
            },
            Ownership::Unlabelled => match self.town.sessions.get(first.name.as_str()) {
                Some(declared) => self.candidate(&declared.agent.process_names, first, rows),
                None => self.stranger(first),
            },
            Ownership::Foreign(_) => self.stranger(first),
        };
        Seen {
            id: row.session,
            attached: row.attached,
            created: row.created.saturating_mul(1000),
            quiet: self.quiet(row.activity),
            ownership,
            pane,
            life,
            usage,
        }
    }

    fn quiet(&self, activity: i64) -> Period {
        let silent = self.now.wall.saturating_sub(activity.saturating_mul(1000));
        Period::from_millis(u64::try_from(silent).unwrap_or(0))
    }

    /// A session of ours: what gtctl started is its pane's own process; what it adopted must be found.
    fn ours<'r>(&self, label: &Label, row: &'r Row) -> (&'r Row, PaneId, Life, Option<Usage>) {
        let pane = life::judge(row, self.server);
        let declared = self.town.sessions.get(&label.session);
        let names = match (label.origin, declared) {
            (Origin::Adopted, Some(declared)) => Some(declared.agent.process_names.as_slice()),
            // Nobody knows any more what an orphan's agent was called.
            (Origin::Adopted, None) | (Origin::Started, _) => None,
        };
        let members = self.members(&pane, names.is_some());
        let life = match names {
            Some(names) if matches!(pane, Pane::Running(..)) && !life::runs(&members, names) => {
                life::dead(Death::NoAgent, None)
            }
            Some(_) | None => settled(pane, row, true),
        };
        (row, row.pane, life, self.usage(&members))
    }

    /// An unlabelled session of a declared name: the first pane in which the agent runs, else the lowest.
    fn candidate<'r>(
        &self,
        names: &[String],
        first: &'r Row,
        rows: &[&'r Row],
    ) -> (&'r Row, PaneId, Life, Option<Usage>) {
        for row in rows {
            let pane = life::judge(row, self.server);
            let members = self.members(&pane, true);
            if life::runs(&members, names) {
                return (row, row.pane, settled(pane, row, true), self.usage(&members));
            }
        }
        let pane = life::judge(first, self.server);
        let members = self.members(&pane, false);
        (first, first.pane, settled(pane, first, false), self.usage(&members))
    }

    /// A session that is neither ours nor declared: tmux's word on its first pane is enough.
    fn stranger<'r>(&self, first: &'r Row) -> (&'r Row, PaneId, Life, Option<Usage>) {
        let pane = match life::judge(first, self.server) {
            Pane::Lost if !first.dead => Pane::Unknown("its process has just ended".to_owned()),
            pane @ (Pane::Running(..) | Pane::Ended(_) | Pane::Lost | Pane::Unknown(_)) => pane,
        };
        (first, first.pane, settled(pane, first, false), None)
    }

    /// The tree of a pane, when it is wanted for itself or for its usage.
    fn members(&self, pane: &Pane, wanted: bool) -> Vec<Member> {
        match &self.forest {
            Some(forest) => life::members(pane, |process: ProcId| forest.tree(process)),
            None if wanted => life::members(pane, tree::tree),
            None => Vec::new(),
        }
    }

    fn usage(&self, members: &[Member]) -> Option<Usage> {
        (self.forest.is_some() && !members.is_empty()).then(|| tree::usage(members))
    }
}

/// What is still lost now stays lost.
fn settled(pane: Pane, row: &Row, matches: bool) -> Life {
    match pane {
        Pane::Running(process, comm) => Life::Alive { process, matches, comm },
        Pane::Ended(death) => life::dead(death, row.dead_at),
        Pane::Lost => life::dead(Death::StatusLost, row.dead_at),
        Pane::Unknown(why) => Life::Unknown(why),
    }
}
