//! The part of the town that a verb about the town is asked for.

use super::args::Words;
use super::exit::Trouble;
use super::place::Place;
use crate::model::SortedSet;
use crate::model::{Plan, Scope, SessionName, Town};

/// What `apply` and `diff` are asked for: the whole town, or the sessions that are named and those
/// that they wait for.
///
/// # Errors
/// A name that is not declared.
pub(super) fn of(place: &Place, words: &Words) -> Result<Scope, Trouble> {
    let named = place.all_declared(&words.sessions())?;
    if named.is_empty() {
        return Ok(Scope::Town);
    }
    let all = with_awaited(&place.town, named);
    Ok(Scope::Sessions(all.into_iter().collect()))
}

/// These sessions and all that they wait for, directly or not.
fn with_awaited(town: &Town, named: Vec<SessionName>) -> SortedSet<SessionName> {
    let mut all = SortedSet::new();
    let mut open = named;
    while let Some(name) = open.pop() {
        let desired = town.sessions.get(&name);
        if all.insert(name) {
            open.extend(
                desired
                    .iter()
                    .flat_map(|desired| desired.after.keys().cloned()),
            );
        }
    }
    all
}

/// What a plan says of the sessions that were asked for.
pub(super) fn only(plan: Plan, scope: &Scope) -> Plan {
    let Scope::Sessions(names) = scope else {
        return plan;
    };
    let is_asked = |name: &SessionName| names.contains(name);
    let mut part = plan;
    part.steps.retain(|step| is_asked(&step.session));
    part.held.retain(|held| is_asked(&held.session));
    part.unchanged.retain(|same| is_asked(&same.session));
    part.chores.clear();
    part.proposals.clear();
    part
}
