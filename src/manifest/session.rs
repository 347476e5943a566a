//! Finds out which sessions there are: the role, the rig and the name of each.
//!
//! A session takes its fields from three tables, the strongest first: `[[session]]`, `[roles.x]`,
//! `[defaults]`.

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

/// The value of a field in the strongest of a session's three tables that has it.
///
/// Example: `pick!(tiers, max_age)` or, for a field of an inner table, `pick!(tiers, logs.size)`.
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

/// The three tables from which a session takes its fields.
#[derive(Clone, Copy)]
pub(crate) struct Tiers<'a> {
    /// The session's index in `[[session]]`, from 0.
    pub(crate) index: usize,
    pub(crate) role_name: &'a str,
    pub(crate) session: &'a SessionTable,
    pub(crate) role: &'a RoleTable,
    pub(crate) defaults: &'a SessionTable,
}

impl Tiers<'_> {
    /// The path of a field, such as `["completion", "grace"]`, in the strongest table that has it.
    ///
    /// If none has it: the path of the session's own table.
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
    let strongest = tiers
        .into_iter()
        .map(whole)
        .find(|candidate| layers.value(candidate).is_some());
    strongest.unwrap_or_else(|| path(["session", &index]))
}

/// A session and its name in tmux.
#[derive(Clone)]
pub(crate) struct Named<'a> {
    pub(crate) tiers: Tiers<'a>,
    /// The name in tmux, such as `gt-shop-crew-watcher`.
    pub(crate) name: SessionName,
    pub(crate) rig: Option<&'a str>,
    /// The prefix of the rig.
    pub(crate) prefix: Option<String>,
    /// The name within its role and rig, such as `watcher`.
    pub(crate) own_name: Option<&'a str>,
}

/// Why a rig or a name may not stand in a command or a path. `None` if it may.
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

/// Stands for a role that does not exist.
static NO_ROLE: std::sync::LazyLock<RoleTable> = std::sync::LazyLock::new(RoleTable::default);
/// Stands for a `[defaults]` that does not exist.
static NO_DEFAULTS: std::sync::LazyLock<SessionTable> =
    std::sync::LazyLock::new(SessionTable::default);

impl<'a> Reading<'a> {
    /// The sessions by name, and those without a valid name of their own.
    ///
    /// The latter are no part of the town, but their other faults must be reported, too.
    pub(crate) fn sessions(
        &mut self,
        town: &str,
        rigs: Option<&Rigs>,
    ) -> (BTreeMap<SessionName, Named<'a>>, Vec<Named<'a>>) {
        let mut sessions: BTreeMap<SessionName, Named<'a>> = BTreeMap::new();
        let mut nameless = Vec::new();
        let manifest = self.manifest;
        for (index, table) in manifest.session.iter().flatten().enumerate() {
            let named = match self.named(index, table, town, rigs) {
                Some(Ok(named)) => named,
                Some(Err(stand_in)) => {
                    nameless.push(stand_in);
                    continue;
                }
                None => continue,
            };
            if let Some(first) = sessions.get(&named.name) {
                let fault = self.duplicate(first, &named);
                self.faults.push(fault);
                nameless.push(named);
            } else {
                sessions.insert(named.name.clone(), named);
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

    /// The path of the field that gives a session its name, or the nearest to that.
    fn name_path(&self, tiers: &Tiers<'_>) -> Path {
        let fields = ["session", "name", "rig", "role"].map(|field| tiers.own(field));
        let first = fields
            .into_iter()
            .find(|candidate| self.layers.value(candidate).is_some());
        first.unwrap_or_else(|| path(["session", &tiers.index.to_string()]))
    }

    /// A session with its name.
    ///
    /// `Some(Err(_))` if the name is not valid: then it has a stand-in for a name, so that its other
    /// fields can be checked. `None` if it has no role or no name at all.
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
        self.check_part(&tiers, "rig", rig);
        self.check_part(&tiers, "name", own_name);
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
            Err(error) => {
                let message = format!("the name `{}` is not valid: {error}", shown(&text));
                let fault = self
                    .at(&self.name_path(&tiers), "bad-name", message)
                    .label("tmux would change or misread this name")
                    .help("use letters, digits, `_` and `-`, at most 64, beginning with a letter or a digit");
                self.faults.push(fault);
                SessionName::new("nameless")
                    .ok()
                    .map(|stand_in| Err(with(stand_in)))
            }
        }
    }

    /// Notes a fault if a rig or a name may not stand in a command or a path.
    fn check_part(&mut self, tiers: &Tiers<'_>, field: &'static str, part: Option<&str>) {
        let Some(part) = part else { return };
        let Some(why) = unfit(part) else { return };
        let message = format!("the {field} `{}` is not valid: {why}", shown(part));
        let fault = self.at(&tiers.path(self.layers, &[field]), "bad-name", message);
        self.faults.push(
            fault.help("use letters, digits, `_`, `-` and `.`, beginning with a letter or a digit"),
        );
    }

    /// Name and table of the session's role. `None` if it has no role, or an unknown one and no
    /// name.
    fn role(
        &mut self,
        index: usize,
        session: &'a SessionTable,
        defaults: &'a SessionTable,
    ) -> Option<(&'a str, &'a RoleTable)> {
        let written = session
            .role
            .as_ref()
            .or(defaults.role.as_ref())
            .map(String::as_str);
        let default = session.session.is_some().then_some("custom");
        let Some(role_name) = written.or(default) else {
            self.note_missing_role(index);
            return None;
        };
        let roles = self.manifest.roles.as_ref();
        if let Some(role) = roles.and_then(|roles| roles.get(role_name)) {
            return Some((role_name, role));
        }
        let at = tier_path(self.layers, index, "", &["role"]);
        let names = roles.into_iter().flatten().map(|(name, _)| name.as_str());
        let message = format!("there is no role `{}`", shown(role_name));
        let fault = self
            .at(&at, "unknown-role", message)
            .label("not known")
            .did_you_mean(role_name, names, || {
                format!("declare it with [roles.{}]", shown(role_name))
            });
        self.faults.push(fault);
        session.session.is_some().then_some((role_name, &NO_ROLE))
    }

    fn note_missing_role(&mut self, index: usize) {
        let index = index.to_string();
        let was_faulty = |field: &&str| self.is_cut(&path(["session", &index, field]));
        if ["role", "session"].iter().any(was_faulty) {
            return;
        }
        let message = "a session needs a `role` or a `session` name";
        let fault = self.at(&path(["session", &index]), "missing-field", message);
        self.faults
            .push(fault.help("add role = \"crew\", or session = \"my-agent\" with a command"));
    }

    /// The text of a session's name, from the template in `session`.
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
