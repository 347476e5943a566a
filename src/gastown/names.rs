//! What the name of a session says of its place in the town.

use crate::manifest::Rigs;

/// A session's place in the town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// One of the town's own roles that gtctl knows: `mayor` or `deacon`.
    Town(&'static str),
    /// One of the town's own that belongs to gt alone: its boot watchdog, the overseer, a dog.
    Gts(&'static str),
    /// A role in a rig.
    Rig {
        /// Which role.
        role: &'static str,
        /// Which rig.
        rig: String,
        /// Which crew member or polecat.
        name: Option<String>,
        /// How the name is made.
        naming: Naming,
    },
}

/// How sessions of rigs are named.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// `gt-<rig>-…`, as the guide and gt up to 0.6 have it.
    Rig,
    /// `<prefix>-…`, as gt has it since 0.7.
    Prefix,
}

/// The place of a session in the town of these rigs; none where the name says nothing.
///
/// Known `hq-*` come first, then the guide's `gt-<rig>-…` with a registered rig, then the longest
/// registered prefix, and last `gt-<rig>-witness`, `-refinery` and `-crew-…` of rigs that nobody
/// has registered.
#[must_use]
pub fn parse_name(session: &str, rigs: &Rigs) -> Option<Place> {
    of_town(session)
        .or_else(|| of_guide(session, rigs))
        .or_else(|| of_prefix(session, rigs))
        .or_else(|| of_stranger(session))
}

fn of_town(session: &str) -> Option<Place> {
    match session.strip_prefix("hq-")? {
        "mayor" => Some(Place::Town("mayor")),
        "deacon" => Some(Place::Town("deacon")),
        "boot" => Some(Place::Gts("boot")),
        "overseer" => Some(Place::Gts("overseer")),
        other => other
            .strip_prefix("dog-")
            .filter(|name| !name.is_empty())
            .map(|_| Place::Gts("dog")),
    }
}

/// The longest rig wins: of `shop` and `shop-2`, `gt-shop-2-witness` is the latter's.
fn of_guide(session: &str, rigs: &Rigs) -> Option<Place> {
    let rest = session.strip_prefix("gt-")?;
    let candidates = rigs
        .names()
        .filter_map(|rig| Some((rig, rest.strip_prefix(rig)?.strip_prefix('-')?)));
    let (rig, rest) = candidates
        .filter(|(_, rest)| !rest.is_empty())
        .max_by_key(|(rig, _)| rig.len())?;
    in_rig(rig, rest, Naming::Rig)
}

fn of_prefix(session: &str, rigs: &Rigs) -> Option<Place> {
    let prefixes = rigs
        .names()
        .filter_map(|rig| Some((rig, rigs.prefix(rig)?)));
    let candidates =
        prefixes.filter_map(|(rig, prefix)| Some((rig, prefix, session.strip_prefix(prefix)?)));
    let candidates =
        candidates.filter_map(|(rig, prefix, rest)| Some((rig, prefix, rest.strip_prefix('-')?)));
    let (rig, _, rest) = candidates
        .filter(|(.., rest)| !rest.is_empty())
        .max_by_key(|(_, prefix, _)| prefix.len())?;
    in_rig(rig, rest, Naming::Prefix)
}

/// What is after the rig or its prefix. Crew names hold no `-`; what is no known role is a
/// polecat's name.
fn in_rig(rig: &str, rest: &str, naming: Naming) -> Option<Place> {
    let place = |role, name: Option<&str>| {
        Some(Place::Rig {
            role,
            rig: rig.to_owned(),
            name: name.map(str::to_owned),
            naming,
        })
    };
    match (rest, rest.strip_prefix("crew-")) {
        ("witness", _) => place("witness", None),
        ("refinery", _) => place("refinery", None),
        (_, Some("")) => None,
        (_, Some(name)) => place("crew", Some(name)),
        (name, None) => place("polecat", Some(name)),
    }
}

/// A rig that is not registered, as the guide names its sessions. A polecat's cannot be determined from
/// anything else.
fn of_stranger(session: &str) -> Option<Place> {
    let rest = session.strip_prefix("gt-")?;
    let rig_of = |role: &str| {
        rest.strip_suffix(role)?
            .strip_suffix('-')
            .filter(|rig| !rig.is_empty())
    };
    for role in ["witness", "refinery"] {
        if let Some(rig) = rig_of(role) {
            return in_rig(rig, role, Naming::Rig);
        }
    }
    let (rig, name) = rest.rsplit_once("-crew-")?;
    let is_crew = !rig.is_empty() && !name.is_empty() && !name.contains('-');
    if is_crew {
        in_rig(rig, &format!("crew-{name}"), Naming::Rig)
    } else {
        None
    }
}
