//! The members of a `[[session]]`: the sessions that it makes.
//!
//! `rigs`, `names` and `count` each say in what the members differ. Together they make every
//! combination, in this order: the rigs, for each rig the names, for each name the numbers.
//!
//! | given | members |
//! |---|---|
//! | none of them | one session |
//! | `rigs = ["shop", "api"]` | one for each rig |
//! | `name = "cat"`, `count = 2` | `cat-1` and `cat-2` |
//! | `rigs = "all"`, `names = ["a", "b"]`, `count = 3` | six for each rig of the root |

use super::check::Path;
use super::gastown::{RIGS, Rigs};
use super::reading::Reading;
use super::session::{Tiers, pick};
use super::template::has_word;
use super::town::MAX_SESSIONS;
use super::wire::groups::RigList;
use std::borrow::Cow;
use std::num::NonZeroU32;

/// In what one session differs from the others of its `[[session]]`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    /// Its rig.
    pub(crate) rig: Option<Cow<'a, str>>,
    /// Its name within its role and rig, with its number, such as `watcher` or `cat-2`.
    pub(crate) name: Option<Cow<'a, str>>,
    /// Its number, from 1.
    pub(crate) number: Option<String>,
    /// Its index in `rigs`. `None` if the manifest does not list the rig there.
    pub(crate) rig_at: Option<usize>,
    /// Its index in `names`.
    pub(crate) name_at: Option<usize>,
}

impl<'a> Reading<'a> {
    /// The members of a `[[session]]`. Empty if a fault hides them.
    pub(crate) fn members(&mut self, tiers: &Tiers<'a>, rigs: Option<&Rigs>) -> Vec<Member<'a>> {
        let is_clear = self.says_once(tiers, "rig", "rigs", tiers.session.rigs.is_some());
        let is_clear =
            self.says_once(tiers, "name", "names", tiers.session.names.is_some()) && is_clear;
        let Some(rigs) = self.rigs_of(tiers, rigs).filter(|_| is_clear) else {
            return Vec::new();
        };
        let names = names_of(tiers);
        let count = tiers.session.count.map(NonZeroU32::get);
        let each = usize::try_from(count.unwrap_or(1)).unwrap_or(usize::MAX);
        let total = each.saturating_mul(names.len()).saturating_mul(rigs.len());
        if total > MAX_SESSIONS {
            self.too_many_members(tiers, total);
            return Vec::new();
        }
        let mut members = Vec::with_capacity(total);
        for (rig_at, rig) in &rigs {
            for (name_at, name) in &names {
                for number in 1..=each {
                    let number = count.map(|_| number.to_string());
                    members.push(Member {
                        rig: rig.clone(),
                        name: numbered(name.clone(), number.as_deref()),
                        number,
                        rig_at: *rig_at,
                        name_at: *name_at,
                    });
                }
            }
        }
        members
    }

    /// Notes a fault if a session has both a field and the list that takes its place.
    fn says_once(
        &mut self,
        tiers: &Tiers<'_>,
        one: &'static str,
        list: &'static str,
        has_list: bool,
    ) -> bool {
        let is_twice = has_list && self.layers.value(&tiers.own(one)).is_some();
        if is_twice {
            let message = format!("a session cannot have both `{one}` and `{list}`");
            let fault = self.at(&tiers.own(list), "one-or-many", message);
            let help = format!("remove `{one}`, or `{list}`");
            self.faults.push(fault.help(help));
        }
        !is_twice
    }

    /// Each rig with its index in `rigs`. `None` if a fault hides them.
    fn rigs_of(&mut self, tiers: &Tiers<'a>, rigs: Option<&Rigs>) -> Option<Vec<Listed<'a>>> {
        match &tiers.session.rigs {
            None => {
                let rig = pick!(tiers, rig).map(|rig| Cow::Borrowed(rig.as_str()));
                Some(vec![(None, rig)])
            }
            Some(RigList::Named(list)) => Some(listed(list)),
            Some(RigList::All) => {
                let Some(rigs) = rigs else {
                    let message = format!("`rigs = \"all\"` needs {RIGS}, which cannot be read");
                    let fault = self.at(&tiers.own("rigs"), "no-rigs", message);
                    let help = "set town.root to the Gas Town root, or list the rigs by name";
                    self.faults.push(fault.help(help));
                    return None;
                };
                let owned = |rig: &str| (None, Some(Cow::Owned(rig.to_owned())));
                Some(rigs.names().map(owned).collect())
            }
        }
    }

    fn too_many_members(&mut self, tiers: &Tiers<'_>, total: usize) {
        let fields = ["count", "names", "rigs"].map(|field| tiers.own(field));
        let given = fields
            .into_iter()
            .find(|field| self.layers.value(field).is_some());
        let message = format!("this makes {total} sessions; the limit is {MAX_SESSIONS}");
        let fault = self.at(&given.unwrap_or_default(), "too-many-sessions", message);
        let help = "write a smaller number, or make two towns, each with its own `town.name`";
        self.faults.push(fault.help(help));
    }

    /// The template of a member's name: the written one, and behind it what it lacks to tell the
    /// members apart.
    ///
    /// Example: `agent`, with `count`, gives `agent-{n}`. Only a template of the user's is
    /// completed: a role of Gas Town has the names that Gas Town knows. `Err` has the template that
    /// could be written.
    pub(crate) fn member_template<'t>(
        &self,
        tiers: &Tiers<'_>,
        template: &'t str,
    ) -> Result<Cow<'t, str>, String> {
        let lacking = lacking(tiers, template);
        if lacking.is_empty() {
            return Ok(Cow::Borrowed(template));
        }
        let complete = format!("{template}{lacking}");
        let layer = self.layers.layer_of(&tiers.path(self.layers, &["session"]));
        if layer.is_some_and(|layer| layer.source.is_users()) {
            Ok(Cow::Owned(complete))
        } else {
            Err(complete)
        }
    }

    /// The path of what gives a member its name, or the nearest to that.
    pub(crate) fn member_path(&self, tiers: &Tiers<'_>, member: &Member<'_>) -> Path {
        let item = |field: &str, at: usize| {
            let field = tiers.own(field);
            field.into_iter().chain([at.to_string()]).collect::<Path>()
        };
        if let Some(at) = member.name_at {
            return item("names", at);
        }
        if tiers.session.count.is_some() {
            return tiers.own("count");
        }
        match member.rig_at {
            Some(at) => item("rigs", at),
            None if tiers.session.rigs.is_some() => tiers.own("rigs"),
            None => self.name_path(tiers),
        }
    }
}

/// A rig or a name, with its index in the list of the manifest.
type Listed<'a> = (Option<usize>, Option<Cow<'a, str>>);

fn listed(list: &[String]) -> Vec<Listed<'_>> {
    let items = list.iter().enumerate();
    items
        .map(|(at, item)| (Some(at), Some(Cow::Borrowed(item.as_str()))))
        .collect()
}

fn names_of<'a>(tiers: &Tiers<'a>) -> Vec<Listed<'a>> {
    match &tiers.session.names {
        Some(names) => listed(names),
        None => vec![(
            None,
            pick!(tiers, name).map(|name| Cow::Borrowed(name.as_str())),
        )],
    }
}

/// A member's own name: `cat-2`, or `2` without a name.
fn numbered<'a>(name: Option<Cow<'a, str>>, number: Option<&str>) -> Option<Cow<'a, str>> {
    match (name, number) {
        (Some(name), Some(number)) => Some(Cow::Owned(format!("{name}-{number}"))),
        (None, Some(number)) => Some(Cow::Owned(number.to_owned())),
        (name, None) => name,
    }
}

/// What a template lacks to tell the members apart, such as `-{rig}-{n}`.
fn lacking(tiers: &Tiers<'_>, template: &str) -> String {
    let has = |word: &str| has_word(template, word);
    let mut lacking = String::new();
    if tiers.session.rigs.is_some() && !has("rig") {
        lacking.push_str("-{rig}");
    }
    // The name has the number in it.
    if tiers.session.names.is_some() && !has("name") {
        lacking.push_str("-{name}");
    } else if tiers.session.count.is_some() && !has("n") && !has("name") {
        lacking.push_str("-{n}");
    }
    lacking
}
