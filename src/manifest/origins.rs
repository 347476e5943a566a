//! Says where each value of a session comes from. It answers: who set this limit?

use super::check::fields_of;
use super::fault::{SourceFile, ValueOrigin, shown};

use super::layer::{Layers, Part};
use super::session::tier_path;
use super::values::{Form, list, quoted, resolved, toml_key, toml_text};
use super::wire;
use crate::model::SortedMap;
use crate::model::{Change, Commands, Desired, SessionName};
use figment::value::Value;

/// The origin of the `max_age` of a command without an agent, unless the user sets it.
pub const PLAIN_COMMAND: &str = "default for a command without an agent";

/// The longest text in a value, in characters. It is generous: people want to see the whole value.
const WHOLE: usize = 8192;

/// One field of a session, its value and where that comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The field, such as `max_age` or `backoff.first`.
    pub field: String,
    /// The value in TOML, safe to print. Templates in names, commands and paths are filled in.
    /// Values of variables are left out, because they may be secrets.
    pub value: String,
    /// Where the value comes from: `town.toml:19`, `[roles.mayor] town.toml:7`, `built-in`,
    /// `profile standard`, `GTCTL_DEFAULTS_MAX_AGE` or a flag.
    pub origin: String,
    /// Whether it is compiled into gtctl, by itself or as part of a profile.
    pub is_default: bool,
}

/// Where every value in a town comes from.
pub struct Origins {
    layers: Layers,
    files: Vec<SourceFile>,
    sessions: SortedMap<SessionName, Place>,
}

/// Where a session is declared.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its index in `[[session]]`.
    pub(crate) index: usize,
    pub(crate) role: String,
    /// Its own name, with its number.
    pub(crate) name: Option<String>,
    /// The index of its rig in `rigs`.
    pub(crate) rig_at: Option<usize>,
    /// The index of its name in `names`.
    pub(crate) name_at: Option<usize>,
}

impl std::fmt::Debug for Origins {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Origins")
            .field("sessions", &self.sessions.len())
            .finish_non_exhaustive()
    }
}

impl Origins {
    pub(crate) fn new(
        layers: Layers,
        files: Vec<SourceFile>,
        sessions: SortedMap<SessionName, Place>,
    ) -> Self {
        Self {
            layers,
            files,
            sessions,
        }
    }

    /// Every field of a session that has a value, in the order of the manifest's reference.
    ///
    /// For a session that a policy covers: the fields of the policy. Empty if the manifest does not
    /// declare the session.
    #[must_use]
    pub fn explain(&self, session: &Desired) -> Vec<Explained> {
        if let Some(pattern) = &session.policy {
            let fields = leaves(fields_of::<wire::PolicyTable>());
            return fields
                .iter()
                .filter_map(|field| self.explain_policy(session, pattern, field))
                .map(shortened)
                .collect();
        }
        // `count`, `names` and `rigs` are fields of a group. Each session has its name and its rig.
        let fields = leaves(fields_of::<wire::DefaultsTable>());
        // gtctl does not run `command` if a launcher starts the session.
        let is_unused =
            |field: &&Vec<&str>| session.commands().is_some() && matches!(field[..], ["command"]);
        let used = fields.iter().filter(|field| !is_unused(field));
        used.filter_map(|field| self.explain_field(session, field, Form::Read))
            .chain(self.explain_like(session))
            .chain(self.explain_commands(session))
            .map(shortened)
            .collect()
    }

    /// From where a declared session has its `max_age`.
    #[must_use]
    pub fn max_age_of(&self, session: &Desired) -> Option<MaxAgeOf> {
        let place = self.sessions.get(&session.name)?;
        let path = tier_path(&self.layers, place.index, &place.role, &["max_age"]);
        Some(if session.max_age.is_none() && !self.is_users(&path) {
            MaxAgeOf::PlainCommand
        } else if path.first().is_some_and(|step| step == "defaults") {
            MaxAgeOf::Defaults
        } else {
            MaxAgeOf::Itself
        })
    }

    /// Where the declared values of fields that have changed stand, by field, and for variables by
    /// `env.NAME`. Without `changes`, those of all `fields`.
    #[must_use]
    pub fn of_drift(
        &self,
        session: &Desired,
        fields: &[&str],
        changes: &[Change],
    ) -> SortedMap<String, String> {
        let mut places = SortedMap::new();
        let mut note = |key: &str, place: Option<String>| {
            places.extend(place.map(|place| (key.to_owned(), place)));
        };
        let by_field = |field: &str| {
            let explained = self.explain_field(session, &[field], Form::Read);
            explained.map(|explained| explained.origin)
        };
        for field in fields.iter().filter(|_| changes.is_empty()) {
            match *field {
                "command" => note("command", self.of_command(session)),
                "env" => {}
                other => note(other, by_field(other)),
            }
        }
        for change in changes {
            match change {
                Change::Command { .. } => note("command", self.of_command(session)),
                Change::Dir { .. } => note("dir", by_field("dir")),
                Change::EnvFile { .. } => note("env_file", by_field("env_file")),
                Change::Env { added, changed, .. } => {
                    for name in added.iter().chain(changed) {
                        note(&format!("env.{name}"), self.of_variable(session, name));
                    }
                }
            }
        }
        places
    }

    /// Where the command of a session stands: its own, or that of its agent.
    fn of_command(&self, session: &Desired) -> Option<String> {
        let place = self.sessions.get(&session.name)?;
        let path = tier_path(&self.layers, place.index, &place.role, &["command"]);
        if path.last().is_some_and(|step| step == "command") {
            return Some(self.name(&path));
        }
        let agent = &session.agent.name;
        let path = ["agents", agent, "command"].map(str::to_owned);
        if self.layers.value(&path).is_some() {
            return Some(format!("[agents.{}] {}", shown(agent), self.name(&path)));
        }
        // Another agent was chosen, or none.
        let agent = self.explain_field(session, &["agent"], Form::Read)?;
        Some(agent.origin)
    }

    /// Where a variable stands: in a table `env`, or in a list `pass_env`.
    fn of_variable(&self, session: &Desired, name: &str) -> Option<String> {
        let place = self.sessions.get(&session.name)?;
        for field in [&["env", name][..], &["pass_env"]] {
            let path = tier_path(&self.layers, place.index, &place.role, field);
            if path.ends_with(
                &field
                    .iter()
                    .map(|step| (*step).to_owned())
                    .collect::<Vec<_>>(),
            ) {
                return Some(self.name(&path));
            }
        }
        None
    }

    /// The agent that the session's agent is like, if there is one.
    fn explain_like(&self, session: &Desired) -> Option<Explained> {
        let like = session.agent.like.as_deref()?;
        let path = ["agents", &session.agent.name, "like"].map(str::to_owned);
        let is_written = self.layers.value(&path).is_some();
        let origin = if is_written {
            self.name(&path)
        } else {
            "found from its command".to_owned()
        };
        Some(Explained {
            field: "agent.like".to_owned(),
            value: quoted(like),
            origin,
            is_default: !is_written || self.is_default(&path),
        })
    }

    /// The commands of its role that start, stop and nudge it, if commands do that.
    fn explain_commands(&self, session: &Desired) -> Vec<Explained> {
        let Some(commands) = session.commands() else {
            return Vec::new();
        };
        let Commands {
            start,
            stop,
            restart,
            nudge,
            ..
        } = commands;
        let by_field = [
            ("start", start),
            ("stop", stop),
            ("restart_command", restart),
            ("nudge", nudge),
        ];
        let explained = |(field, argv): (&str, &Vec<String>)| Explained {
            field: field.to_owned(),
            value: list(argv.iter().map(|word| quoted(word))),
            origin: self.name(&["roles", &session.role, field].map(str::to_owned)),
            is_default: self.is_default(&["roles", &session.role, field].map(str::to_owned)),
        };
        by_field
            .into_iter()
            .filter(|(_, argv)| !argv.is_empty())
            .map(explained)
            .collect()
    }

    fn explain_policy(
        &self,
        session: &Desired,
        pattern: &str,
        field: &[&str],
    ) -> Option<Explained> {
        let Value::Array(_, policies) = self.layers.value(&["policy"])? else {
            return None;
        };
        let has_pattern =
            |table: &Value| table.find_ref("match").and_then(Value::as_str) == Some(pattern);
        let index = policies.iter().position(has_pattern)?.to_string();
        let path: Vec<String> = ["policy", &index]
            .iter()
            .chain(field)
            .map(|step| (*step).to_owned())
            .collect();
        let written = self.layers.value(&path).map(toml_text)?;
        let value = resolved(session, field, Form::Read).unwrap_or(written);
        Some(Explained {
            field: field.join("."),
            value,
            origin: self.name(&path),
            is_default: self.is_default(&path),
        })
    }

    /// A field of a declared session. `None` if it has no value.
    pub(crate) fn explain_field(
        &self,
        session: &Desired,
        field: &[&str],
        form: Form,
    ) -> Option<Explained> {
        let place = self.sessions.get(&session.name)?;
        if let Some(explained) = self.explain_member(session, place, field) {
            return Some(explained);
        }
        let path = tier_path(&self.layers, place.index, &place.role, field);
        // If no table has the field, the path is that of the session: `["session", INDEX]`.
        let is_set = path.len() > 2 || path.first().is_some_and(|step| step == "defaults");
        let written = self.layers.value(&path).filter(|_| is_set);
        let value = resolved(session, field, form).or_else(|| written.map(toml_text))?;
        if field == ["max_age"] && session.max_age.is_none() && !self.is_users(&path) {
            // See `Reading::is_never_too_old`.
            let origin = PLAIN_COMMAND.to_owned();
            return Some(Explained {
                field: field.join("."),
                value: quoted("off"),
                origin,
                is_default: true,
            });
        }
        let origin = if is_set {
            self.name(&path)
        } else if field == ["timezone"] {
            "the machine's time zone".to_owned()
        } else {
            "built-in".to_owned()
        };
        Some(Explained {
            field: field.join("."),
            value,
            origin,
            is_default: !is_set || self.is_default(&path),
        })
    }

    /// The rig or the name of a session that shares its `[[session]]` with others.
    fn explain_member(
        &self,
        session: &Desired,
        place: &Place,
        field: &[&str],
    ) -> Option<Explained> {
        let own = |steps: &[&str]| -> Vec<String> {
            let index = place.index.to_string();
            let path = ["session", &index].into_iter().chain(steps.iter().copied());
            path.map(str::to_owned).collect()
        };
        let is_given = |field: &str| self.layers.value(&own(&[field])).is_some();
        let (value, path) = match field {
            ["rig"] if is_given("rigs") => {
                let at = place.rig_at.map(|at| at.to_string());
                let steps: Vec<&str> = ["rigs"].into_iter().chain(at.as_deref()).collect();
                (session.rig.as_deref()?, own(&steps))
            }
            ["name"] if is_given("names") => {
                let at = place.name_at?.to_string();
                (place.name.as_deref()?, own(&["names", &at]))
            }
            ["name"] if is_given("count") => (place.name.as_deref()?, own(&["count"])),
            _ => return None,
        };
        Some(Explained {
            field: field.join("."),
            value: quoted(value),
            origin: self.name(&path),
            is_default: false,
        })
    }

    /// The value of one entry as it is written, under the name `within` its table.
    ///
    /// `None` if there is no such entry.
    pub(crate) fn explain_path(&self, path: &[&str], within: &[String]) -> Option<Explained> {
        let path: Vec<String> = path.iter().map(|step| (*step).to_owned()).collect();
        let keys: Vec<String> = within.iter().map(|key| toml_key(key)).collect();
        let is_variable = within.first().is_some_and(|key| key == "env");
        Some(Explained {
            field: keys.join("."),
            value: self
                .layers
                .value(&path)
                .filter(|_| !is_variable)
                .map(toml_text)?,
            origin: self.name(&path),
            is_default: self.is_default(&path),
        })
    }

    /// The merged value at a path.
    pub(crate) fn value(&self, path: &[&str]) -> Option<&Value> {
        self.layers.value(path)
    }

    /// Whether a session's fields name its agent. Else its command, or its launcher, decides on it.
    pub(crate) fn names_an_agent(&self, session: &Desired) -> bool {
        let is_set = |field: &str| {
            let place = self.sessions.get(&session.name)?;
            let path = tier_path(&self.layers, place.index, &place.role, &[field]);
            Some(path.last().is_some_and(|step| step == field))
        };
        let is_set = |field: &str| is_set(field).unwrap_or_default();
        is_set("agent") || (!is_set("command") && session.commands().is_none())
    }

    /// Whether the entry at `path` is compiled in.
    fn is_default(&self, path: &[String]) -> bool {
        match self.layers.origin(path, Part::Value) {
            ValueOrigin::BuiltIn(_) => true,
            ValueOrigin::Variable(_) | ValueOrigin::Flag(_) | ValueOrigin::File { .. } => false,
        }
    }

    fn is_users(&self, path: &[String]) -> bool {
        self.layers
            .layer_of(path)
            .is_some_and(|layer| layer.source.is_users())
    }

    /// The `max_age` of `[defaults]` in TOML, such as `"1h"`, and where it comes from.
    ///
    /// `None` if no layer sets it.
    #[must_use]
    pub fn usual_max_age(&self) -> Option<(String, String)> {
        let path = ["defaults", "max_age"].map(str::to_owned);
        Some((toml_text(self.layers.value(&path)?), self.name(&path)))
    }

    /// The file and the line, from 1, at which a session is declared. `None` if it is not.
    #[must_use]
    pub fn line_of(&self, session: &SessionName) -> Option<(&str, usize)> {
        let place = self.sessions.get(session)?;
        let table = ["session".to_owned(), place.index.to_string()];
        let Some(Value::Dict(_, entries)) = self.layers.value(&table) else {
            return None;
        };
        let line = |key: &String| {
            let path = [table.as_slice(), std::slice::from_ref(key)].concat();
            match self.layers.origin(&path, Part::Key) {
                ValueOrigin::File { file, span } => {
                    let file = self.files.get(file)?;
                    Some((file.name.as_str(), file.position(span.start).0))
                }
                ValueOrigin::BuiltIn(_) | ValueOrigin::Variable(_) | ValueOrigin::Flag(_) => None,
            }
        };
        entries.keys().filter_map(line).min()
    }

    /// Where the entry at `path` comes from, as [`Explained::origin`] has it.
    fn name(&self, path: &[String]) -> String {
        let place = match self.layers.origin(path, Part::Value) {
            ValueOrigin::BuiltIn(name) | ValueOrigin::Variable(name) | ValueOrigin::Flag(name) => {
                return name;
            }
            ValueOrigin::File { file, span } => {
                self.files.get(file).map_or_else(String::new, |file| {
                    format!("{}:{}", file.name, file.position(span.start).0)
                })
            }
        };
        match path {
            [first, ..] if first == "defaults" => format!("[defaults] {place}"),
            [first, role, ..] if first == "roles" => format!("[roles.{}] {place}", shown(role)),
            _ => place,
        }
    }
}

/// From where a session has its `max_age`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MaxAgeOf {
    /// From `[defaults]`, or from what is built in there.
    Defaults,
    /// It is a plain command: those have none by default.
    PlainCommand,
    /// From its own table or its role.
    Itself,
}

/// A value that people can still read.
fn shortened(mut explained: Explained) -> Explained {
    if let Some((end, _)) = explained.value.char_indices().nth(WHOLE) {
        explained.value.truncate(end);
        explained.value.push('…');
    }
    explained
}

/// The paths of these fields; for a field that is a table, the paths of its fields.
pub(crate) fn leaves(fields: &'static [&'static str]) -> Vec<Vec<&'static str>> {
    let within = |field: &&'static str| {
        let inner = match *field {
            "completion" => fields_of::<wire::CompletionTable>(),
            "backoff" => fields_of::<wire::BackoffTable>(),
            "logs" => fields_of::<wire::LogsTable>(),
            _ => return vec![vec![*field]],
        };
        inner.iter().map(|leaf| vec![*field, *leaf]).collect()
    };
    fields.iter().flat_map(within).collect()
}
