//! What Gas Town expects of a session: its rig, its directory and its environment.

use super::check::Path;
use super::fault::{Fault, shown};
use super::reading::{Reading, path};
use super::wire::words::Naming;
use crate::model::SortedMap;
use crate::model::{Agent, SessionName};
use std::path::{Path as FsPath, PathBuf};

/// The file that lists the rigs, relative to the Gas Town root.
pub const RIGS: &str = "mayor/rigs.json";
/// The prefix of a rig whose entry gives none.
pub(crate) const NO_PREFIX: &str = "gt";

/// The rigs of a Gas Town root, with their prefixes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rigs(SortedMap<String, String>);

impl Rigs {
    /// Reads the text of `mayor/rigs.json`.
    ///
    /// Example: `{ "rigs": { "shop": { "beads": { "prefix": "sh-" } } } }` gives the rig `shop` with
    /// the prefix `sh`. A rig without a prefix gets `gt`.
    ///
    /// # Errors
    /// If the text is not JSON.
    pub fn parse(text: &str) -> Result<Self, serde_json::Error> {
        let whole: serde_json::Value = serde_json::from_str(text)?;
        let prefix_of = |rig: &serde_json::Value| {
            let prefix = rig
                .pointer("/beads/prefix")
                .and_then(serde_json::Value::as_str)
                .unwrap_or(NO_PREFIX);
            let bare = prefix.trim_end_matches('-');
            if bare.is_empty() {
                NO_PREFIX.to_owned()
            } else {
                bare.to_owned()
            }
        };
        let rigs = whole.get("rigs").and_then(serde_json::Value::as_object);
        Ok(Self(
            rigs.into_iter()
                .flatten()
                .map(|(name, rig)| (name.clone(), prefix_of(rig)))
                .collect(),
        ))
    }

    /// The prefix of a rig, without its hyphen. `None` if there is no such rig.
    #[must_use]
    pub fn prefix(&self, rig: &str) -> Option<&str> {
        self.0.get(rig).map(String::as_str)
    }

    /// The names of the rigs, sorted.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Reading<'_> {
    /// The rigs of the root. `None` if there is no root, or its list cannot be read.
    ///
    /// A list that cannot be read is a fault if names depend on it.
    pub(crate) fn rigs(&mut self, root: Option<&FsPath>) -> Option<Rigs> {
        let text = root.and_then(|root| (self.sources.read)(&root.join(RIGS)));
        let naming = self.manifest.town.as_ref().and_then(|t| t.naming);
        let fault = match text.as_deref().map(Rigs::parse) {
            Some(Ok(rigs)) => return Some(rigs),
            Some(Err(error)) => {
                let message = format!("{RIGS} is not JSON: {}", shown(&error.to_string()));
                self.at(&path(["town", "root"]), "bad-rigs", message)
                    .help("`gt rig list` shows whether gt can read it")
            }
            None if naming == Some(Naming::Prefix) => self
                .at(
                    &path(["town", "naming"]),
                    "no-rigs",
                    format!("naming by prefix needs {RIGS}, but it cannot be read"),
                )
                .help("set town.root to the Gas Town root, or write naming = \"rig\""),
            None => return None,
        };
        self.faults.push(fault);
        None
    }

    /// Notes a fault if the list of rigs lacks this rig. Without a list, any rig is allowed.
    pub(crate) fn check_rig(&mut self, rigs: Option<&Rigs>, rig: &str, at: impl FnOnce() -> Path) {
        let Some(rigs) = rigs.filter(|rigs| rigs.prefix(rig).is_none()) else {
            return;
        };
        let fault: Fault = self
            .at(
                &at(),
                "unknown-rig",
                format!("there is no rig `{}` in {RIGS}", shown(rig)),
            )
            .label("not in the list")
            .did_you_mean(rig, rigs.names(), || {
                format!("add it with `gt rig add {} URL`", shown(rig))
            });
        self.faults.push(fault);
    }
}

/// The directory that Gas Town gives a session, such as `ROOT/shop/crew/watcher`.
///
/// `None` for a role that Gas Town does not have, or if it lacks its rig or name.
#[must_use]
pub fn default_dir(
    root: &FsPath,
    role: &str,
    rig: Option<&str>,
    name: Option<&str>,
) -> Option<PathBuf> {
    Identity { role, rig, name }.dir(root)
}

/// Who a session is in Gas Town.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Identity<'a> {
    pub(crate) role: &'a str,
    pub(crate) rig: Option<&'a str>,
    pub(crate) name: Option<&'a str>,
}

impl Identity<'_> {
    /// See [`default_dir`].
    pub(crate) fn dir(&self, root: &FsPath) -> Option<PathBuf> {
        Some(match (self.role, self.rig, self.name) {
            ("mayor" | "deacon", _, _) => root.join(self.role),
            ("witness", Some(rig), _) => root.join(rig).join("witness"),
            ("refinery", Some(rig), _) => root.join(rig).join("refinery/rig"),
            ("crew", Some(rig), Some(name)) => root.join(rig).join("crew").join(name),
            ("polecat", Some(rig), Some(name)) => {
                root.join(rig).join("polecats").join(name).join(rig)
            }
            _ => return None,
        })
    }

    /// Gas Town's address of the session, such as `shop/crew/watcher`.
    fn actor(&self) -> String {
        match (self.role, self.rig, self.name) {
            ("crew", Some(rig), Some(name)) => format!("{rig}/crew/{name}"),
            ("polecat", Some(rig), Some(name)) => format!("{rig}/polecats/{name}"),
            (role, Some(rig), _) => format!("{rig}/{role}"),
            (role, None, _) => role.to_owned(),
        }
    }

    /// The variables that gt gives such a session.
    ///
    /// An empty value is meant: it hides a value that the agent would inherit.
    pub(crate) fn env(
        &self,
        root: &FsPath,
        session: &SessionName,
        agent: &Agent,
    ) -> SortedMap<String, String> {
        let actor = self.actor();
        let author = match (self.role, self.name) {
            ("crew" | "polecat", Some(name)) => name.to_owned(),
            _ => actor.clone(),
        };
        let mut env = SortedMap::from([
            ("BD_ACTOR", actor.clone()),
            ("CLAUDECODE", String::new()),
            ("GIT_AUTHOR_NAME", author),
            ("GT_AGENT", agent.name.clone()),
            ("GT_PROCESS_NAMES", agent.process_names.join(",")),
            ("GT_ROLE", actor),
            ("GT_ROOT", root.to_string_lossy().into_owned()),
            ("GT_SESSION", session.to_string()),
            ("NODE_OPTIONS", String::new()),
        ]);
        env.extend(self.rig.map(|rig| ("GT_RIG", rig.to_owned())));
        match (self.role, self.name) {
            ("crew", Some(name)) => env.extend([("GT_CREW", name.to_owned())]),
            ("polecat", Some(name)) => env.extend([("GT_POLECAT", name.to_owned())]),
            _ => {}
        }
        env.into_iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_read_and_default_to_gt() {
        let rigs =
            Rigs::parse(r#"{"rigs":{"shop":{"beads":{"prefix":"sh-"}},"yard":{}}}"#).expect("json");
        assert_eq!(
            (rigs.prefix("shop"), rigs.prefix("yard"), rigs.prefix("x")),
            (Some("sh"), Some("gt"), None)
        );
    }

    #[test]
    fn directories_are_those_of_gas_town() {
        let crew = Identity {
            role: "crew",
            rig: Some("shop"),
            name: Some("watcher"),
        };
        assert_eq!(
            crew.dir(FsPath::new("/gt")),
            Some("/gt/shop/crew/watcher".into())
        );
        assert_eq!(crew.actor(), "shop/crew/watcher");
        let polecat = Identity {
            role: "polecat",
            rig: Some("shop"),
            name: Some("fix"),
        };
        assert_eq!(
            polecat.dir(FsPath::new("/gt")),
            Some("/gt/shop/polecats/fix/shop".into())
        );
        assert_eq!(
            Identity {
                role: "custom",
                rig: None,
                name: None
            }
            .dir(FsPath::new("/gt")),
            None
        );
    }
}
