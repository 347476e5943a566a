//! Which sessions that others started are covered by a policy.

use crate::model::{Generation, Observed, Origin, Ownership, Policy, SessionName, Town};
use std::borrow::Cow;
use std::collections::BTreeMap;

/// The town with what is wanted of the sessions seen that a policy covers, so that every later step treats them alike.
/// Nothing is copied where none is.
#[must_use]
pub fn covered<'t>(town: &'t Town, observed: &Observed) -> Cow<'t, Town> {
    let server = match observed {
        Observed::Up(server) => Some(server),
        Observed::Down | Observed::Unknown(_) => None,
    };
    let sessions = server.into_iter().flat_map(|server| &server.sessions);
    cover(town, sessions.map(|(name, seen)| (name.as_str(), &seen.ownership)))
}

/// The same for a mere listing: each session's name in tmux, and whose it is.
///
/// Covered is what nobody has labelled, or what was labelled by a policy, if the first policy that matches its present
/// name says so and its own name is not declared. Renaming a session takes it out of a policy's reach.
#[must_use]
pub fn cover<'t, 's>(town: &'t Town, listing: impl IntoIterator<Item = (&'s str, &'s Ownership)>) -> Cow<'t, Town> {
    if town.policies.is_empty() {
        return Cow::Borrowed(town);
    }
    let mut claims = BTreeMap::new();
    for (name, ownership) in listing {
        let Some((session, claim)) = claim(town, name, ownership) else { continue };
        // Of several sessions that go by one name the latest life is meant, as everywhere.
        let known = claims.get(&session);
        if known.is_none_or(|known: &Claim<'_>| known.life <= claim.life) {
            claims.insert(session, claim);
        }
    }
    let open = |name: &SessionName| !town.sessions.contains_key(name);
    let claims = claims.into_iter().filter_map(|(name, claim)| Some((claim.policy?, name)));
    let covered: Vec<_> = claims.filter(|(_, name)| open(name)).collect();
    if covered.is_empty() {
        return Cow::Borrowed(town);
    }
    let mut town = town.clone();
    town.sessions.extend(covered.into_iter().map(|(policy, name)| (name.clone(), policy.covering(name))));
    Cow::Owned(town)
}

/// Who goes by a name.
struct Claim<'t> {
    /// Its life; none before it has a label.
    life: Option<Generation>,
    /// The policy that covers it.
    policy: Option<&'t Policy>,
}

fn claim<'t>(town: &'t Town, name: &str, ownership: &Ownership) -> Option<(SessionName, Claim<'t>)> {
    let policy = || town.policies.iter().find(|policy| policy.matches(name));
    match ownership {
        Ownership::Foreign(_) => None,
        Ownership::Unlabelled => {
            let policy = policy()?;
            Some((SessionName::new(name).ok()?, Claim { life: None, policy: Some(policy) }))
        }
        Ownership::Ours(label) => {
            let policy = match label.origin {
                Origin::Policy => policy(),
                Origin::Started | Origin::Adopted => None,
            };
            Some((label.session.clone(), Claim { life: Some(label.generation), policy }))
        }
    }
}
