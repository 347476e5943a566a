//! Finds out which sessions there are: the role, the rig and the name of each.
//!
//! A session takes its fields from three tables, the strongest first: `[[session]]`, `[roles.x]`,
//! `[defaults]`.

use super::check::Path;
use super::fault::{Fault, shown};
use super::gastown::{NO_PREFIX, Rigs};
use super::layer::{Layers, Part};
use super::members::Member;
use super::reading::{Reading, path, unset_help};
use super::template::{TemplateFault, Words};
use super::town::MAX_SESSIONS;
use super::wire::{DefaultsTable, RoleTable, SessionTable};
use crate::model::SessionName;
use crate::model::SortedMap;
use crate::model::invisible::is_invisible;

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
    pub(crate) defaults: &'a DefaultsTable,
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
    // Most fields stand in no table, so no path is made before one is found.
    let steps = |tier: &'_ [&str]| {
        tier.iter()
            .chain(field)
            .copied()
            .map(str::to_owned)
            .collect()
    };
    let strongest = tiers
        .into_iter()
        .find(|tier| layers.has(tier.iter().chain(field)));
    strongest.map_or_else(|| path(["session", &index]), steps)
}

/// A session and its name in tmux.
#[derive(Clone)]
pub(crate) struct Named<'a> {
    pub(crate) tiers: Tiers<'a>,
    /// The name in tmux, such as `gt-shop-crew-watcher`.
    pub(crate) name: SessionName,
    /// Its rig, its own name and its number.
    pub(crate) member: Member<'a>,
    /// The prefix of the rig.
    pub(crate) prefix: Option<String>,
}

impl Named<'_> {
    pub(crate) fn rig(&self) -> Option<&str> {
        self.member.rig.as_deref()
    }

    /// The values of the words in its templates.
    pub(crate) fn words<'w>(&'w self, town: &'w str, agent: Option<&'w str>) -> Words<'w> {
        Words {
            town,
            rig: self.rig(),
            prefix: self.prefix.as_deref(),
            name: self.own_name(),
            n: self.member.number.as_deref(),
            role: self.tiers.role_name,
            agent,
            session: Some(self.name.as_str()),
        }
    }

    /// The name within its role and rig, such as `watcher`.
    pub(crate) fn own_name(&self) -> Option<&str> {
        self.member.name.as_deref()
    }
}

/// What to do about too many sessions.
pub(crate) const SPLIT: &str = "split it into two towns, each with its own `town.name`";

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
static NO_DEFAULTS: std::sync::LazyLock<DefaultsTable> =
    std::sync::LazyLock::new(DefaultsTable::default);

impl<'a> Reading<'a> {
    /// The sessions by name, and those without a valid name of their own.
    ///
    /// The latter are no part of the town, but their other faults must be reported, too.
    pub(crate) fn sessions(
        &mut self,
        town: &str,
        rigs: Option<&Rigs>,
    ) -> (SortedMap<SessionName, Named<'a>>, Vec<Named<'a>>) {
        let mut sessions: SortedMap<SessionName, Named<'a>> = SortedMap::new();
        let mut nameless = Vec::new();
        let manifest = self.manifest;
        for (index, table) in manifest.session.iter().flatten().enumerate() {
            let Some(tiers) = self.tiers(index, table) else {
                continue;
            };
            for member in self.members(&tiers, rigs) {
                if sessions.len() + nameless.len() == MAX_SESSIONS {
                    self.note_too_many(&tiers);
                    return (sessions, nameless);
                }
                let named = match self.named(tiers, member, town, rigs) {
                    Some(Ok(named)) => named,
                    Some(Err(stand_in)) => {
                        nameless.push(stand_in);
                        continue;
                    }
                    None => continue,
                };
                if let Some(first) = sessions.get(&named.name) {
                    let fault = self.duplicate(first, &named);
                    self.add_once(fault);
                    nameless.push(named);
                } else {
                    sessions.insert(named.name.clone(), named);
                }
            }
        }
        (sessions, nameless)
    }

    /// Notes that the sessions up to this table are more than a town may have.
    fn note_too_many(&mut self, tiers: &Tiers<'_>) {
        let message = format!("more than {MAX_SESSIONS} sessions");
        let here = path(["session", &tiers.index.to_string()]);
        let fault = self.at(&here, "too-many-sessions", message);
        self.faults.push(fault.help(SPLIT));
    }

    fn duplicate(&self, first: &Named<'_>, second: &Named<'_>) -> Fault {
        let place = |named: &Named<'_>| {
            let path = self.member_path(&named.tiers, &named.member);
            self.layers.origin(&path, Part::Value)
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
    pub(crate) fn name_path(&self, tiers: &Tiers<'_>) -> Path {
        let fields = ["session", "name", "rig", "role"].map(|field| tiers.own(field));
        let first = fields
            .into_iter()
            .find(|candidate| self.layers.value(candidate).is_some());
        first.unwrap_or_else(|| path(["session", &tiers.index.to_string()]))
    }

    /// The tables of a session. `None` if it has no role, or an unknown one and no name.
    fn tiers(&mut self, index: usize, session: &'a SessionTable) -> Option<Tiers<'a>> {
        let defaults = self.manifest.defaults.as_ref().unwrap_or(&NO_DEFAULTS);
        let (role_name, role) = self.role(index, session, defaults)?;
        Some(Tiers {
            index,
            role_name,
            session,
            role,
            defaults,
        })
    }

    /// A session with its name.
    ///
    /// `Some(Err(_))` if the name is not valid: then it has a stand-in for a name, so that its other
    /// fields can be checked. `None` if it has no name at all.
    fn named(
        &mut self,
        tiers: Tiers<'a>,
        member: Member<'a>,
        town: &str,
        rigs: Option<&Rigs>,
    ) -> Option<Result<Named<'a>, Named<'a>>> {
        self.check_member(&tiers, &member, rigs);
        let rig = member.rig.as_deref();
        let prefix = rig.map(|rig| rigs.and_then(|rigs| rigs.prefix(rig)).unwrap_or(NO_PREFIX));
        let words = Words {
            town,
            rig,
            prefix,
            name: member.name.as_deref(),
            n: member.number.as_deref(),
            role: tiers.role_name,
            agent: pick!(tiers, agent).map(String::as_str),
            session: None,
        };
        let text = self.session_text(&tiers, words)?;
        let prefix = prefix.map(str::to_owned);
        match SessionName::new(&text) {
            Ok(name) => Some(Ok(Named {
                tiers,
                name,
                member,
                prefix,
            })),
            Err(error) => {
                let message = format!("the name `{}` is not valid: {error}", shown(&text));
                // `session` is a template, `name` is a plain word.
                let help = if member
                    .name
                    .as_deref()
                    .is_some_and(|name| name.contains('{'))
                {
                    "write `name` without {…}: its number is added, as in `cat-1`; or write `session = \"cat-{n}\"`"
                } else {
                    "use letters, digits, `_` and `-`, at most 64, beginning with a letter or a digit"
                };
                let fault = self
                    .at(&self.member_path(&tiers, &member), "bad-name", message)
                    .label("tmux would change or misread this name")
                    .help(help);
                self.add_once(fault);
                let stand_in = SessionName::new("nameless").ok()?;
                Some(Err(Named {
                    tiers,
                    name: stand_in,
                    member,
                    prefix,
                }))
            }
        }
    }

    /// Notes a fault if a member's rig is not in the list of rigs, or if its rig or its name may
    /// not stand in a command or a path.
    fn check_member(&mut self, tiers: &Tiers<'_>, member: &Member<'_>, rigs: Option<&Rigs>) {
        let layers = self.layers;
        let item = |field: &str, at: usize| {
            let list = tiers.own(field).into_iter();
            list.chain([at.to_string()]).collect::<Path>()
        };
        let rig_path = || match member.rig_at {
            Some(at) => item("rigs", at),
            None => tiers.path(layers, &["rig"]),
        };
        let name_path = || match member.name_at {
            Some(at) => item("names", at),
            None => tiers.path(layers, &["name"]),
        };
        if let Some(rig) = &member.rig {
            self.check_rig(rigs, rig, rig_path);
            self.check_part("rig", rig, rig_path);
        }
        if let Some(name) = &member.name {
            self.check_part("name", name, name_path);
        }
    }

    /// Notes a fault if a rig or a name may not stand in a command or a path.
    fn check_part(&mut self, field: &'static str, part: &str, at: impl FnOnce() -> Path) {
        let Some(why) = unfit(part) else { return };
        let message = format!("the {field} `{}` is not valid: {why}", shown(part));
        let fault = self.at(&at(), "bad-name", message);
        self.add_once(
            fault.help("use letters, digits, `_`, `-` and `.`, beginning with a letter or a digit"),
        );
    }

    /// See [`Reading::tiers`].
    fn role(
        &mut self,
        index: usize,
        session: &'a SessionTable,
        defaults: &'a DefaultsTable,
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
        let template = match self.member_template(tiers, template) {
            Ok(template) => template,
            Err(complete) => {
                let fault = self.same_name(tiers, template, &complete);
                self.add_once(fault);
                return None;
            }
        };
        match words.fill(&template) {
            Err(TemplateFault::Unset(word)) => {
                let field = if word == "prefix" { "rig" } else { word };
                let message = format!("role `{}` needs a `{field}`", shown(tiers.role_name));
                let fault = self.lacks(&here, field, message);
                self.faults.extend(fault.map(|f| f.help(unset_help(word))));
                None
            }
            Err(TemplateFault::Unknown(_)) | Ok(_) => {
                let layers = self.layers;
                self.fill(&words, &template, || tiers.path(layers, &["session"]))
            }
        }
    }

    /// The members of a `[[session]]` would all have the name that its built-in role gives.
    fn same_name(&self, tiers: &Tiers<'_>, template: &str, complete: &str) -> Fault {
        let fields = ["count", "names", "rigs"].map(|field| tiers.own(field));
        let given = fields
            .into_iter()
            .find(|field| self.layers.value(field).is_some());
        let message = format!(
            "role `{}` would give several sessions one name, `{template}`",
            shown(tiers.role_name)
        );
        self.at(&given.unwrap_or_default(), "same-name", message)
            .help(format!("add session = \"{complete}\""))
    }
}
