//! The rules for a session that the manifest names anew with `moved`: it gets its new name, and its
//! process goes on.

use super::ended::create;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Verdict, Want};
use crate::model::SortedMap;
use crate::model::{
    Desired, Hold, Label, Origin, Ownership, Phase, Reason, Seen, Server, SessionName, Verb,
};

/// What the former names of a session mean for it.
#[derive(Debug, Clone, Copy)]
pub(super) enum Renaming<'a> {
    /// It has this former name still, and gets its own now.
    From(&'a SessionName),
    /// Sessions of its own name and of this former one exist, or of two former ones.
    Both(&'a SessionName),
    /// A session that is not ours has this former name, and none has its own.
    Taken(&'a SessionName),
    /// It has a former name of a session that exists already.
    InTheWay,
}

/// What the former names of a session mean, by what was seen. Takes the session that gets this name
/// out of `orphans`.
pub(super) fn renaming<'a>(
    desired: &'a Desired,
    server: &'a Server,
    named: Option<&'a Seen>,
    orphans: &mut SortedMap<&'a SessionName, &'a Seen>,
) -> Option<(Renaming<'a>, Option<&'a Seen>)> {
    let is_started_by_others = |seen: &Seen| matches!(&seen.ownership, Ownership::Ours(label) if label.origin == Origin::Policy);
    let former: Vec<(&SessionName, &Seen)> = desired
        .moved
        .iter()
        .filter_map(|name| Some((name, *orphans.get(name)?)))
        .filter(|(_, seen)| !is_started_by_others(seen))
        .collect();
    let under_own_name = server.sessions.get(desired.name.as_str());
    let exists = |but: &Seen| {
        let other = |seen: &&Seen| seen.id != but.id;
        named
            .filter(other)
            .or(under_own_name.filter(other))
            .is_some()
    };
    match former.as_slice() {
        [] if named.is_some() || under_own_name.is_some() => None,
        [] => {
            let taken = |name: &&SessionName| server.sessions.contains_key(name.as_str());
            let taken = desired.moved.iter().find(taken)?;
            Some((Renaming::Taken(taken), None))
        }
        [(name, seen)] if !exists(seen) => {
            orphans.remove(*name);
            Some((Renaming::From(name), Some(seen)))
        }
        [(name, _), ..] => Some((Renaming::Both(name), named)),
    }
}

/// It has a former name. It is renamed before anything else is done to it.
///
/// Where a session of each name exists, it cannot be known which one is meant. Nothing is done to
/// either of them.
pub(super) fn renamed(subject: &Subject<'_>) -> Option<Verdict> {
    let phase = subject.living_phase();
    let want = |from: &SessionName| Want {
        verb: Verb::Rename,
        reason: Reason::NameChanged { from: from.clone() },
        kind: Kind::Rename,
        phase,
    };
    match subject.renaming? {
        Renaming::From(from) => Some(Verdict::Want(want(from))),
        Renaming::Both(from) => {
            let hold = Hold::BothNames { from: from.clone() };
            Some(Verdict::Hold(want(from), hold, None))
        }
        Renaming::InTheWay => Some(Verdict::Keep(Keep {
            phase,
            note: Some(Reason::Orphaned),
            next: None,
            wake: None,
        })),
        Renaming::Taken(_) => None,
    }
}

/// A session that is not ours has its former name. It may be the agent, so that a fresh process
/// could be a second one.
pub(super) fn former_name_taken(subject: &Subject<'_>) -> Option<Verdict> {
    let Renaming::Taken(from) = subject.renaming? else {
        return None;
    };
    let hold = Hold::FormerNameTaken { from: from.clone() };
    Some(Verdict::Hold(create(subject, Phase::Absent), hold, None))
}

/// The label of a session that is to be renamed. It has the former name.
pub(super) fn former_label<'a>(subject: &Subject<'a>) -> Option<&'a Label> {
    subject
        .label()
        .filter(|label| label.session != *subject.name)
}
