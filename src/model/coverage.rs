//! Which sessions that others have started a policy covers.

use super::{Generation, Observed, Origin, Ownership, Policy, SessionName, Town};
use crate::model::SortedMap;
use std::borrow::Cow;

/// The town, with a [`Desired`](super::Desired) for each session that a policy covers. So every
/// later step treats these sessions like declared ones.
///
/// The town is copied only if there are such sessions.
#[must_use]
pub fn covered<'t>(town: &'t Town, observed: &Observed) -> Cow<'t, Town> {
    let server = match observed {
        Observed::Up(server) => Some(server),
        Observed::Down | Observed::Unknown(_) => None,
    };
    let sessions = server.into_iter().flat_map(|server| &server.sessions);
    cover(
        town,
        sessions.map(|(name, seen)| (name.as_str(), &seen.ownership)),
    )
}

/// The same for a list of sessions: the name in tmux, and the owner of each.
///
/// A policy covers a session if
///
/// - nobody has labelled it, or a policy has,
/// - it is the first policy that matches the session's present name,
/// - and the session's own name is not declared.
///
/// A session that is renamed may leave the reach of its policy.
#[must_use]
pub fn cover<'t, 's>(
    town: &'t Town,
    listing: impl IntoIterator<Item = (&'s str, &'s Ownership)>,
) -> Cow<'t, Town> {
    if town.policies.is_empty() {
        return Cow::Borrowed(town);
    }
    let mut claims = SortedMap::new();
    for (name, ownership) in listing {
        let Some((session, claim)) = claim(town, name, ownership) else {
            continue;
        };
        // If several sessions have one name, the latest run counts, as everywhere.
        let earlier = claims.get(&session);
        if earlier.is_none_or(|earlier: &Claim<'_>| earlier.run <= claim.run) {
            claims.insert(session, claim);
        }
    }
    let is_declared = |name: &SessionName| {
        town.sessions.contains_key(name) || town.hosts.elsewhere.contains_key(name)
    };
    let covered: Vec<(&Policy, SessionName)> = claims
        .into_iter()
        .filter(|(name, _)| !is_declared(name))
        .filter_map(|(name, claim)| Some((claim.policy?, name)))
        .collect();
    if covered.is_empty() {
        return Cow::Borrowed(town);
    }
    let mut town = town.clone();
    for (policy, name) in covered {
        town.sessions.insert(name.clone(), policy.covering(name));
    }
    Cow::Owned(town)
}

/// A message about sessions that a policy matches but gtctl cannot manage, because of their names.
/// It names at most [`MOST_MISNAMED`] of them.
#[must_use]
pub fn misnamed(town: &Town, observed: &Observed) -> Option<String> {
    let Observed::Up(server) = observed else {
        return None;
    };
    if town.policies.is_empty() {
        return None;
    }
    let is_nobodys = |name: &&String| {
        server
            .sessions
            .get(*name)
            .is_some_and(|seen| seen.ownership == Ownership::Unlabelled)
    };
    let is_matched = |name: &&String| town.policies.iter().any(|policy| policy.matches(name));
    let names: Vec<&String> = server
        .sessions
        .keys()
        .filter(|name| SessionName::new(name).is_err())
        .filter(is_nobodys)
        .filter(is_matched)
        .collect();
    let shown: Vec<String> = names
        .iter()
        .take(MOST_MISNAMED)
        .map(|name| format!("{name:?}"))
        .collect();
    let more = names.len().saturating_sub(MOST_MISNAMED);
    let more = if more > 0 {
        format!(" and {more} more")
    } else {
        String::new()
    };
    (!shown.is_empty()).then(|| {
        format!(
            "skipped by [[policy]]: {}{more}; a name that gtctl can keep has only letters from a to z, digits, `_` and \
             `-`: `tmux rename-session` gives one",
            shown.join(", ")
        )
    })
}

/// How many names the message shows. More are only counted.
const MOST_MISNAMED: usize = 5;

/// A session that claims a name.
struct Claim<'t> {
    /// Its run. None before it has a label.
    run: Option<Generation>,
    /// The policy that covers it.
    policy: Option<&'t Policy>,
}

fn claim<'t>(
    town: &'t Town,
    name: &str,
    ownership: &Ownership,
) -> Option<(SessionName, Claim<'t>)> {
    let policy = || town.policies.iter().find(|policy| policy.matches(name));
    match ownership {
        Ownership::Foreign(_) => None,
        Ownership::Unlabelled | Ownership::Unproved(_) => {
            let policy = policy()?;
            Some((
                SessionName::new(name).ok()?,
                Claim {
                    run: None,
                    policy: Some(policy),
                },
            ))
        }
        Ownership::Ours(label) => {
            let policy = match label.origin {
                Origin::Policy => policy(),
                Origin::Started | Origin::Adopted | Origin::Launcher => None,
            };
            Some((
                label.session.clone(),
                Claim {
                    run: Some(label.generation),
                    policy,
                },
            ))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Fingerprint, Label, Moment, PaneId};
    use crate::sim::{Random, random_town, session};

    fn name(text: &str) -> SessionName {
        SessionName::new(text).unwrap()
    }

    fn town(patterns: &[&str]) -> Town {
        let mut town = random_town(name("town"), &mut Random::new(1));
        let policy = |pattern: &&str| Policy {
            pattern: (*pattern).to_owned(),
            max_age: None,
            idle_limit: None,
            busy: vec![],
            completion: None,
            max_memory: None,
            when_attached: crate::model::WhenAttached::Hold,
            stop_grace: crate::model::Period::ZERO,
        };
        town.policies = patterns.iter().map(policy).collect();
        town.sessions = [(name("task-9"), session(name("task-9")))].into();
        town
    }

    fn ours(declared: &str, origin: Origin) -> Ownership {
        let now = Moment {
            wall: 1,
            awake: 1,
            boot: 1,
        };
        Ownership::Ours(Label {
            session: name(declared),
            started_as: None,
            generation: Generation(1),
            started: now,
            pane: PaneId(1),
            fingerprint: Some(Fingerprint {
                command: 1,
                dir: 2,
                env: 3,
            }),
            handoff: None,
            origin,
            conversation: None,
        })
    }

    fn covered_of(town: &Town, listing: &[(&str, Ownership)]) -> Vec<(String, String)> {
        let covered = cover(
            town,
            listing.iter().map(|(name, ownership)| (*name, ownership)),
        );
        let sessions = covered.sessions.values();
        sessions
            .filter_map(|d| Some((d.name.to_string(), d.policy.clone()?)))
            .collect()
    }

    fn pair(session: &str, policy: &str) -> (String, String) {
        (session.to_owned(), policy.to_owned())
    }

    #[test]
    fn covered_is_what_nobody_owns_by_the_first_policy_that_matches() {
        let town = town(&["task-1*", "task-*"]);
        let listing = [
            ("task-1", Ownership::Unlabelled),
            ("task-2", Ownership::Unlabelled),
            ("task-3", ours("task-3", Origin::Policy)),
            ("task-4", ours("task-4", Origin::Started)),
            ("task-5", ours("task-5", Origin::Adopted)),
            ("task-6", Ownership::Foreign("elsewhere".to_owned())),
            ("task-7 :x", Ownership::Unlabelled),
            ("task-9", Ownership::Unlabelled),
            ("other", Ownership::Unlabelled),
        ];
        let expected = [
            pair("task-1", "task-1*"),
            pair("task-2", "task-*"),
            pair("task-3", "task-*"),
        ];
        assert_eq!(covered_of(&town, &listing), expected);
        assert!(matches!(
            cover(&town, [("other", &Ownership::Unlabelled)]),
            Cow::Borrowed(_)
        ));
    }

    #[test]
    fn a_session_that_was_renamed_away_is_let_go_and_its_name_is_not_mistaken() {
        let town = town(&["task-*"]);
        let away = [
            ("keep", ours("task-1", Origin::Policy)),
            ("task-1", Ownership::Unlabelled),
        ];
        assert_eq!(covered_of(&town, &away), []);
        let within = [("task-2", ours("task-1", Origin::Policy))];
        assert_eq!(covered_of(&town, &within), [pair("task-1", "task-*")]);
    }
}
