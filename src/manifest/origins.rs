//! Says where each value of a session comes from. It answers: who set this limit?

use super::check::fields_of;
use super::fault::{SourceFile, ValueOrigin, escaped, shown};
use super::layer::{Layers, Part};
use super::session::tier_path;
use super::wire;
use crate::model::{Commands, Desired, SessionName};
use figment::value::{Num, Value};
use std::collections::BTreeMap;

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
    /// The index of each session in `[[session]]`, and its role.
    sessions: BTreeMap<SessionName, (usize, String)>,
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
        sessions: BTreeMap<SessionName, (usize, String)>,
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
                .collect();
        }
        let fields = leaves(fields_of::<wire::SessionTable>());
        // gtctl does not run `command` if a launcher starts the session.
        let is_unused =
            |field: &&Vec<&str>| session.commands().is_some() && matches!(field[..], ["command"]);
        let used = fields.iter().filter(|field| !is_unused(field));
        used.filter_map(|field| self.explain_field(session, field))
            .chain(self.explain_like(session))
            .chain(self.explain_commands(session))
            .collect()
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
        let value = resolved(session, field).unwrap_or(written);
        Some(Explained {
            field: field.join("."),
            value,
            origin: self.name(&path),
            is_default: self.is_default(&path),
        })
    }

    fn explain_field(&self, session: &Desired, field: &[&str]) -> Option<Explained> {
        let (index, role) = self.sessions.get(&session.name)?;
        let path = tier_path(&self.layers, *index, role, field);
        // If no table has the field, the path is that of the session: `["session", INDEX]`.
        let is_set = path.len() > 2 || path.first().is_some_and(|step| step == "defaults");
        let written = self.layers.value(&path).filter(|_| is_set);
        let value = resolved(session, field).or_else(|| written.map(toml_text))?;
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

    /// The line, from 1, at which the manifest declares a session. `None` if it does not.
    #[must_use]
    pub fn line_of(&self, session: &SessionName) -> Option<usize> {
        let (index, _) = self.sessions.get(session)?;
        let table = ["session".to_owned(), index.to_string()];
        let Some(Value::Dict(_, entries)) = self.layers.value(&table) else {
            return None;
        };
        let line = |key: &String| {
            let path = [table.as_slice(), std::slice::from_ref(key)].concat();
            match self.layers.origin(&path, Part::Key) {
                ValueOrigin::File { file, span } => {
                    Some(self.files.get(file)?.position(span.start).0)
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

/// The paths of these fields; for a field that is a table, the paths of its fields.
fn leaves(fields: &'static [&'static str]) -> Vec<Vec<&'static str>> {
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

/// The value in force of a field whose written text can differ from it. `None` for other fields.
fn resolved(session: &Desired, field: &[&str]) -> Option<String> {
    let path = |path: &std::path::Path| quoted(&path.to_string_lossy());
    match field {
        ["role"] => Some(quoted(&session.role)),
        ["session"] => Some(quoted(session.name.as_str())),
        ["agent"] => Some(quoted(&session.agent.name)),
        ["command"] => Some(list(session.command.iter().map(|word| quoted(word)))),
        ["dir"] => Some(path(&session.dir)),
        ["env_file"] => session.env_file.as_deref().map(path),
        ["instructions"] => session.instructions.as_deref().map(path),
        ["completion", "log"] => session.completion.log.as_deref().map(quoted),
        ["pass_env"] if !session.pass_env.is_empty() => {
            Some(list(session.pass_env.iter().map(|name| quoted(name))))
        }
        ["env"] if !session.env.is_empty() => {
            // A value may be a secret, so only the names are shown.
            let entries = session.env.keys().map(|name| format!("{name} = …"));
            Some(format!("{{ {} }}", entries.collect::<Vec<_>>().join(", ")))
        }
        _ => None,
    }
}

fn quoted(text: &str) -> String {
    let text = text.replace('\\', "\\\\").replace('"', "\\\"");
    format!("\"{}\"", escaped(&text, WHOLE))
}

fn list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn toml_text(value: &Value) -> String {
    match value {
        Value::String(_, text) => quoted(text),
        Value::Char(_, c) => quoted(&c.to_string()),
        Value::Bool(_, flag) => flag.to_string(),
        Value::Num(_, Num::F64(n)) => n.to_string(),
        Value::Num(_, n) => n.to_i128().map_or_else(String::new, |n| n.to_string()),
        Value::Empty(..) => String::new(),
        Value::Array(_, items) => list(items.iter().map(toml_text)),
        Value::Dict(_, entries) => {
            let entries = entries
                .iter()
                .map(|(key, value)| format!("{} = {}", shown(key), toml_text(value)));
            format!("{{ {} }}", entries.collect::<Vec<_>>().join(", "))
        }
    }
}
