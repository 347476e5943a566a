//! Resolves `moved`: the former names of a session.

use super::check::Path;
use super::fault::{Fault, shown};
use super::layer::Part;
use super::reading::Reading;
use super::session::{Named, pick};
use crate::model::SortedMap;
use crate::model::sorted::MapEntry;
use crate::model::{Desired, SessionName};

impl Reading<'_> {
    /// Fills in `moved` of every session, and notes a fault for each name that cannot be a former
    /// one.
    pub(crate) fn moved(
        &mut self,
        town: &str,
        named: &SortedMap<SessionName, Named<'_>>,
        sessions: &mut SortedMap<SessionName, Desired>,
    ) {
        let mut known: SortedMap<SessionName, (&SessionName, Path)> = SortedMap::new();
        for (name, who) in named {
            for (index, text) in who.tiers.session.moved.iter().flatten().enumerate() {
                let Some(former) = self.former_name(town, who, index, text) else {
                    continue;
                };
                let at = moved_path(who, index);
                if named.contains_key(&former) {
                    let fault = self.still_declared(who, &former, &at);
                    self.add_once(fault);
                    continue;
                }
                match known.entry(former.clone()) {
                    MapEntry::Vacant(place) => {
                        place.insert((name, at));
                    }
                    MapEntry::Occupied(first) => {
                        let (other, first) = first.get().clone();
                        let fault = self.named_twice(&former, &first, &at);
                        if other != name {
                            self.add_once(fault);
                        }
                    }
                }
                if let Some(session) = sessions.get_mut(name) {
                    session.moved.insert(former);
                }
            }
            let first = who.tiers.session.moved.iter().flatten().next();
            let is_launched = sessions
                .get(name)
                .is_some_and(|session| session.commands().is_some());
            if first.is_some() && is_launched {
                let fault = self.launcher_keeps_names(who);
                self.add_once(fault);
            }
            if first.is_some() && self.manifest.store.is_some() {
                let fault = self.store_keeps_names(who);
                self.add_once(fault);
            }
        }
    }

    /// A former name, with its templates filled in. Notes a fault if it is no name.
    fn former_name(
        &mut self,
        town: &str,
        who: &Named<'_>,
        index: usize,
        text: &str,
    ) -> Option<SessionName> {
        let agent = pick!(who.tiers, agent).map(String::as_str);
        let words = who.words(town, agent);
        let filled = self.fill(&words, text, || moved_path(who, index))?;
        match SessionName::new(&filled) {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("the name `{}` is not valid: {error}", shown(&filled));
                let fault = self.at(&moved_path(who, index), "bad-name", message);
                self.add_once(fault.help("write the name that the session had in tmux"));
                None
            }
        }
    }

    fn still_declared(&self, who: &Named<'_>, former: &SessionName, at: &Path) -> Fault {
        let message = if *former == who.name {
            format!("`{former}` is its own name")
        } else {
            format!(
                "`{}` has the former name `{former}`, but `{former}` is declared",
                who.name
            )
        };
        self.at(at, "still-declared", message)
            .label("a session has this name")
            .help("write a name in `moved` that no session has any more, or remove it there")
    }

    fn named_twice(&self, former: &SessionName, first: &Path, second: &Path) -> Fault {
        let message = format!("two sessions have the former name `{former}`");
        self.at(second, "duplicate-session", message)
            .label("the second")
            .help("a session can get one new name only; in a group, write {n}, {name} or {rig} into the name")
            .relate(self.layers.origin(first, Part::Value), "the first")
    }

    fn launcher_keeps_names(&self, who: &Named<'_>) -> Fault {
        let message = format!(
            "`{}` cannot be renamed: its launcher's commands find it by its name",
            who.name
        );
        self.at(&who.tiers.own("moved"), "launcher", message)
            .help("remove `moved`: the session is then started under its new name")
    }

    fn store_keeps_names(&self, who: &Named<'_>) -> Fault {
        let message = format!(
            "`{}` cannot be renamed: the store places sessions on hosts by their names",
            who.name
        );
        self.at(&who.tiers.own("moved"), "cannot-move", message)
            .help("remove `moved`: the session is then started under its new name")
    }
}

/// Where a former name stands.
fn moved_path(who: &Named<'_>, index: usize) -> Path {
    let list = who.tiers.own("moved").into_iter();
    list.chain([index.to_string()]).collect()
}
