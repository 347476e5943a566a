//! The place of a session in the town, by its name.
//!
//! ```text
//!  hq-mayor               a role of the town
//!  gt-shop-witness        a role in the rig `shop`, as the guide names it
//!  sh-crew-ann            the crew member `ann` of the rig with the prefix `sh`
//! ```

use crate::manifest::Rigs;

/// A session's place in the town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Place {
    /// A role of the town that gtctl may manage: `mayor` or `deacon`.
    Town(&'static str),
    /// A role of the town that only gt manages: `boot` (its watchdog), `overseer` or `dog`.
    Gts(&'static str),
    /// A role in a rig.
    Rig {
        /// The role: `witness`, `refinery`, `crew` or `polecat`.
        role: &'static str,
        /// The name of the rig.
        rig: String,
        /// The name of the crew member or polecat. Other roles have none.
        name: Option<String>,
        /// How the session name is built.
        naming: Naming,
    },
}

/// How the name of a rig's session is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Naming {
    /// `gt-<rig>-…`, as in the guide and in gt up to 0.6.
    Rig,
    /// `<prefix>-…`, as in gt since 0.7.
    Prefix,
}

/// The place of a session in a town with these rigs, or `None` if the name has no known form.
///
/// The forms are tried in this order:
///
/// 1. `hq-mayor`, `hq-deacon` and the other names of the town.
/// 2. `gt-<rig>-…` with a registered rig.
/// 3. `<prefix>-…` with a registered prefix.
/// 4. `gt-<rig>-witness`, `gt-<rig>-refinery` and `gt-<rig>-crew-…` with a rig that is not
///    registered.
#[must_use]
pub fn parse_name(session: &str, rigs: &Rigs) -> Option<Place> {
    town_role(session)
        .or_else(|| by_rig_name(session, rigs))
        .or_else(|| by_rig_prefix(session, rigs))
        .or_else(|| by_unregistered_rig(session))
}

fn town_role(session: &str) -> Option<Place> {
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

/// The longest rig name wins: with `shop` and `shop-2`, `gt-shop-2-witness` belongs to `shop-2`.
fn by_rig_name(session: &str, rigs: &Rigs) -> Option<Place> {
    let after_gt = session.strip_prefix("gt-")?;
    let candidates = rigs
        .names()
        .filter_map(|rig| Some((rig, suffix_after(after_gt, rig)?)));
    let (rig, suffix) = candidates.max_by_key(|(rig, _)| rig.len())?;
    in_rig(rig, suffix, Naming::Rig)
}

/// The longest prefix wins.
fn by_rig_prefix(session: &str, rigs: &Rigs) -> Option<Place> {
    let candidates = rigs.names().filter_map(|rig| {
        let prefix = rigs.prefix(rig)?;
        let suffix = suffix_after(session, prefix)?;
        Some((rig, prefix, suffix))
    });
    let (rig, _, suffix) = candidates.max_by_key(|(_, prefix, _)| prefix.len())?;
    in_rig(rig, suffix, Naming::Prefix)
}

/// What follows `start` and a hyphen, if it is not empty.
fn suffix_after<'s>(text: &'s str, start: &str) -> Option<&'s str> {
    text.strip_prefix(start)?
        .strip_prefix('-')
        .filter(|suffix| !suffix.is_empty())
}

/// The place in a rig, by what follows the rig's name or prefix: `witness`, `refinery`,
/// `crew-<name>`. Anything else is the name of a polecat.
fn in_rig(rig: &str, suffix: &str, naming: Naming) -> Option<Place> {
    let place = |role, name: Option<&str>| {
        Some(Place::Rig {
            role,
            rig: rig.to_owned(),
            name: name.map(str::to_owned),
            naming,
        })
    };
    match (suffix, suffix.strip_prefix("crew-")) {
        ("witness", _) => place("witness", None),
        ("refinery", _) => place("refinery", None),
        (_, Some("")) => None,
        (_, Some(name)) => place("crew", Some(name)),
        (name, None) => place("polecat", Some(name)),
    }
}

/// A session of a rig that is not registered, as the guide names it.
///
/// Polecats are left out: nothing in `gt-<rig>-<name>` says where the rig's name ends.
fn by_unregistered_rig(session: &str) -> Option<Place> {
    let after_gt = session.strip_prefix("gt-")?;
    let rig_of = |role: &str| {
        after_gt
            .strip_suffix(role)?
            .strip_suffix('-')
            .filter(|rig| !rig.is_empty())
    };
    for role in ["witness", "refinery"] {
        if let Some(rig) = rig_of(role) {
            return in_rig(rig, role, Naming::Rig);
        }
    }
    let (rig, name) = after_gt.rsplit_once("-crew-")?;
    // The name of a crew member holds no hyphen.
    let is_crew = !rig.is_empty() && !name.is_empty() && !name.contains('-');
    if is_crew {
        in_rig(rig, &format!("crew-{name}"), Naming::Rig)
    } else {
        None
    }
}
