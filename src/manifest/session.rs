//! Who each session is: its role, rig and name, by `[defaults]`, `[roles.x]` and `[[session]]`.

use super::check::Path;
use super::fault::{Fault, shown};
use super::gastown::{NO_PREFIX, Rigs};
use super::layer::{Layers, Part};
use super::reading::{Reading, path, unset_help};
use super::template::{TemplateFault, Words};
use super::wire::{RoleTable, SessionTable};
use crate::model::SessionName;
use crate::model::invisible::is_invisible;
use std::collections::BTreeMap;

/// The first of a session's three tables that has a field.
macro_rules! pick {
    ($tiers:expr, $field:ident) => {
        $tiers
            .session
            .$field
            .as_ref()
            .or($tiers.role.$field.as_ref())
            .or($tiers.defaults.$field.as_ref())
    };
    ($tiers:expr, $table:ident . $field:ident) => {
        $tiers
            .session
            .$table
            .as_ref()
            .and_then(|t| t.$field.as_ref())
            .or($tiers.role.$table.as_ref().and_then(|t| t.$field.as_ref()))
            .or($tiers
                .defaults
                .$table
                .as_ref()
                .and_then(|t| t.$field.as_ref()))
    };
}
pub(crate) use pick;

/// The three tables a session is made from.
#[derive(Clone, Copy)]
pub(crate) struct Tiers<'a> {
    pub(crate) index: usize,
    pub(crate) role_name: &'a str,
    pub(crate) session: &'a SessionTable,
    pub(crate) role: &'a RoleTable,
    pub(crate) defaults: &'a SessionTable,
}

impl Tiers<'_> {
    /// The path of the table that has the say over a field (such as `["completion", "grace"]`).
    pub(crate) fn path(&self, layers: &Layers, field: &[&str]) -> Path {
        tier_path(layers, self.index, self.role_name, field)
    }

    /// The path of a field in the session's own table.
    pub(crate) fn own(&self, field: &str) -> Path {
        path(["session", &self.index.to_string(), field])
    }
}

/// See [`Tiers::path`].
pub(crate) fn tier_path(layers: &Layers, index: usize, role: &str, field: &[&str]) -> Path {
    let index = index.to_string();
    let tiers: [&[&str]; 3] = [&["session", &index], &["roles", role], &["defaults"]];
    let whole = |tier: &[&str]| path(tier.iter().chain(field).copied());
    let has = tiers
        .into_iter()
        .map(whole)
        .find(|candidate| layers.value(candidate).is_some());
    has.unwrap_or_else(|| path(["session", &index]))
}

/// A session that is known by name.
#[derive(Clone)]
pub(crate) struct Named<'a> {
    pub(crate) tiers: Tiers<'a>,
    pub(crate) name: SessionName,
    pub(crate) rig: Option<&'a str>,
    pub(crate) prefix: Option<String>,
    pub(crate) own_name: Option<&'a str>,
}

/// Why a rig or a name cannot stand in a command or a path; nothing where it can.
fn unfit(word: &str) -> Option<&'static str> {
    if word.is_empty() {
        return Some("it is empty");
    }
    if word.starts_with('-') {
        return Some("a command would read it as an option");
    }
    if word.starts_with('/') || word.split('/').any(|part| matches!(part, "" | "." | "..")) {
        return Some("it leads out of its directory");
    }
    word.chars()
        .any(|c| c.is_control() || is_invisible(c))
        .then_some("it has invisible characters")
}

/// A role that is not there: nothing of its own.
static NO_ROLE: std::sync::LazyLock<RoleTable> = std::sync::LazyLock::new(RoleTable::default);
/// Defaults that are not there.
static NO_DEFAULTS: std::sync::LazyLock<SessionTable> =
    std::sync::LazyLock::new(SessionTable::default);

impl<'a> Reading<'a> {
    /// All sessions by name; and those that have none of their own, whose other faults are to be
    /// told all the same.
    pub(crate) fn sessions(
        &mut self,
        town: &str,
        rigs: Option<&Rigs>,
    ) -> (BTreeMap<SessionName, Named<'a>>, Vec<Named<'a>>) {
        let mut sessions: BTreeMap<SessionName, Named<'a>> = BTreeMap::new();
        let mut nameless = Vec::new();
        let manifest = self.manifest;
        for (index, table) in manifest.session.iter().flatten().enumerate() {
            let (named, is_named) = match self.named(index, table, town, rigs) {
                Some(Ok(named)) => (named, true),
                Some(Err(named)) => (named, false),
                None => continue,
            };
            match sessions.get(&named.name).filter(|_| is_named) {
                Some(first) => {
                    let fault = self.duplicate(first, &named);
                    self.faults.push(fault);
                    nameless.push(named);
                }
                None if is_named => drop(sessions.insert(named.name.clone(), named)),
                None => nameless.push(named),
            }
        }
        (sessions, nameless)
    }

    fn duplicate(&self, first: &Named<'_>, second: &Named<'_>) -> Fault {
        let place = |named: &Named<'_>| {
            self.layers
                .origin(&self.name_path(&named.tiers), Part::Value)
        };
        Fault::new(
            "duplicate-session",
            place(second),
            format!("two sessions are called `{}`", second.name),
        )
        .label("the second")
        .help("give one of them another `name`, or remove it")
        .relate(place(first), "the first")
    }

    /// The field of a session's own table that tells it from others.
    fn name_path(&self, tiers: &Tiers<'_>) -> Path {
        let fields = ["session", "name", "rig", "role"].map(|field| tiers.own(field));
        let found = fields
            .into_iter()
            .find(|candidate| self.layers.value(candidate).is_some());
        found.unwrap_or_else(|| path(["session", &tiers.index.to_string()]))
    }

    /// A session with its name; as an error one whose name would not do, under a stand-in. Nothing
    /// where too little is known to look further.
    fn named(
        &mut self,
        index: usize,
        session: &'a SessionTable,
        town: &str,
        rigs: Option<&Rigs>,
    ) -> Option<Result<Named<'a>, Named<'a>>> {
        let defaults = self.manifest.defaults.as_ref().unwrap_or(&NO_DEFAULTS);
        let (role_name, role) = self.role(index, session, defaults)?;
        let tiers = Tiers {
            index,
            role_name,
            session,
            role,
            defaults,
        };
        let rig = pick!(tiers, rig).map(String::as_str);
        let own_name = pick!(tiers, name).map(String::as_str);
        if let Some(rig) = rig {
            let layers = self.layers;
            self.check_rig(rigs, rig, || tiers.path(layers, &["rig"]));
        }
        for (field, word) in [("rig", rig), ("name", own_name)] {
            let Some(why) = word.and_then(unfit) else {
                continue;
            };
            let message = format!(
                "the {field} `{}` is not valid: {why}",
                shown(word.unwrap_or_default())
            );
            let fault = self.at(&tiers.path(self.layers, &[field]), "bad-name", message);
            self.faults.push(
                fault.help(
                    "use letters, digits, `_`, `-` and `.`, beginning with a letter or a digit",
                ),
            );
        }
        let prefix = rig.map(|rig| rigs.and_then(|rigs| rigs.prefix(rig)).unwrap_or(NO_PREFIX));
        let words = Words {
            town,
            rig,
            prefix,
            name: own_name,
            role: role_name,
            agent: None,
            session: None,
        };
        let agent = pick!(tiers, agent).map(String::as_str);
        let text = self.session_text(&tiers, Words { agent, ..words })?;
        let with = |name| Named {
            tiers,
            name,
            rig,
            prefix: prefix.map(str::to_owned),
            own_name,
        };
        match SessionName::new(&text) {
            Ok(name) => Some(Ok(with(name))),
            Err(fault) => {
                let fault = self
                    .at(
                        &self.name_path(&tiers),
                        "bad-name",
                        format!("the name `{}` is not valid: {fault}", shown(&text)),
                    )
                    .label("tmux would change or misread this name")
                    .help("use letters, digits, `_` and `-`, at most 64, beginning with a letter or a digit");
                self.faults.push(fault);
                SessionName::new("nameless")
                    .ok()
                    .map(|stand_in| Err(with(stand_in)))
            }
        }
    }

    fn role(
        &mut self,
        index: usize,
        session: &'a SessionTable,
        defaults: &'a SessionTable,
    ) -> Option<(&'a str, &'a RoleTable)> {
        let own = session
            .role
            .as_ref()
            .or(defaults.role.as_ref())
            .map(String::as_str);
        let named = session.session.is_some().then_some("custom");
        let here = path(["session", &index.to_string()]);
        let Some(role_name) = own.or(named) else {
            let fault = ["role", "session"].iter().all(|field| {
                let whole: Path = here.iter().cloned().chain([(*field).to_owned()]).collect();
                !self.is_cut(&whole)
            });
            if fault {
                let fault = self.at(
                    &here,
                    "missing-field",
                    "a session needs a `role` or a `session` name",
                );
                self.faults.push(
                    fault.help("add role = \"crew\", or session = \"my-agent\" with a command"),
                );
            }
            return None;
        };
        let known = self.manifest.roles.as_ref();
        if let Some(role) = known.and_then(|roles| roles.get(role_name)) {
            return Some((role_name, role));
        }
        let at = tier_path(self.layers, index, "", &["role"]);
        let words = known.into_iter().flatten().map(|(name, _)| name.as_str());
        let fault = self
            .at(
                &at,
                "unknown-role",
                format!("there is no role `{}`", shown(role_name)),
            )
            .label("not known");
        let fault = fault.did_you_mean(role_name, words, || {
            format!("declare it with [roles.{}]", shown(role_name))
        });
        self.faults.push(fault);
        session.session.is_some().then_some((role_name, &NO_ROLE))
    }

    /// The text of a session's name, from its template.
    fn session_text(&mut self, tiers: &Tiers<'_>, words: Words<'_>) -> Option<String> {
        let here = path(["session", &tiers.index.to_string()]);
        let Some(template) = pick!(tiers, session) else {
            let message = format!(
                "role `{}` has no `session` template",
                shown(tiers.role_name)
            );
            let fault = self.lacks(&here, "session", message);
            self.faults.extend(fault.map(|f| {
                f.help("add session = \"my-agent\" here, or a `session` template to the role")
            }));
            return None;
        };
        match words.fill(template) {
            Err(TemplateFault::Unset(word)) => {
                let field = if word == "prefix" { "rig" } else { word };
                let message = format!("role `{}` needs a `{field}`", shown(tiers.role_name));
                let fault = self.lacks(&here, field, message);
                self.faults.extend(fault.map(|f| f.help(unset_help(word))));
                None
            }
            Err(TemplateFault::Unknown(_)) | Ok(_) => {
                let layers = self.layers;
                self.fill(&words, template, || tiers.path(layers, &["session"]))
            }
        }
    }
}
