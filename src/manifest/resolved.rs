//! The manifest as it is in force: every table with all values filled in, and where they come from.

use super::check::fields_of;
use super::layer::LISTS;
use super::origins::{Explained, Origins, leaves};
use super::values::{Form, toml_key};
use super::wire;
use crate::model::SortedSet;
use crate::model::{Desired, Town};
use figment::value::Value;

/// One table of the manifest as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResolvedTable {
    /// Its header in TOML, such as `[town]` or `[[session]]`.
    pub header: String,
    /// Its fields. A value is TOML; that of an `env` has only the names of the variables.
    pub fields: Vec<Explained>,
}

/// The fields that only a role has.
const OF_ROLES: [&str; 5] = [
    "start",
    "stop",
    "restart_command",
    "nudge",
    "leaves_orphans",
];

impl Origins {
    /// Every table of the town.
    ///
    /// `[defaults]` and the fields that roles share with sessions are not among them: each session
    /// has its own values in full. If no `env` is given, the tables are a manifest of the same town.
    #[must_use]
    pub fn tables(&self, town: &Town) -> Vec<ResolvedTable> {
        let mut tables: Vec<ResolvedTable> = ["town", "controller", "limits", "notify"]
            .iter()
            .filter_map(|table| self.table(format!("[{table}]"), &[table]))
            .collect();
        let agents = town.declared().map(|session| session.agent.name.as_str());
        let agents: SortedSet<&str> = agents.collect();
        tables.extend(agents.into_iter().filter_map(|agent| {
            let header = format!("[agents.{}]", toml_key(agent));
            self.table(header, &["agents", agent])
        }));
        let roles: SortedSet<&str> = town.declared().map(|session| &*session.role).collect();
        tables.extend(roles.into_iter().map(|role| self.role(role, town)));
        tables.extend(town.declared().map(|session| self.session_table(session)));
        tables.extend(self.listed("policy"));
        tables.extend(self.listed("chore"));
        tables
    }

    /// The table of one declared session.
    #[must_use]
    pub fn session_table(&self, session: &Desired) -> ResolvedTable {
        let fields = leaves(fields_of::<wire::DefaultsTable>());
        let fields = fields.iter().filter(|field| {
            let is_by_commands = session.commands().is_some();
            match field[..] {
                ["command"] => !is_by_commands,
                ["agent"] => self.names_an_agent(session),
                _ => true,
            }
        });
        ResolvedTable {
            header: "[[session]]".to_owned(),
            fields: fields
                .filter_map(|field| self.explain_field(session, field, Form::Written))
                .collect(),
        }
    }

    /// The fields of a role that sessions do not have.
    fn role(&self, role: &str, town: &Town) -> ResolvedTable {
        let header = format!("[roles.{}]", toml_key(role));
        let mut sessions = town.declared().filter(|session| session.role == role);
        let has_commands = sessions.any(|session| session.commands().is_some());
        let table = self.table(header.clone(), &["roles", role]);
        let fields = table.map(|table| table.fields).unwrap_or_default();
        let own = fields
            .into_iter()
            .filter(|field| has_commands && OF_ROLES.contains(&field.field.as_str()));
        ResolvedTable {
            header,
            fields: own.collect(),
        }
    }

    /// Each table of a list, such as `[[chore]]`.
    fn listed(&self, list: &str) -> Vec<ResolvedTable> {
        debug_assert!(LISTS.contains(&list), "{list} is a list of tables");
        let Some(Value::Array(_, items)) = self.value(&[list]) else {
            return Vec::new();
        };
        let indices = (0..items.len()).map(|index| index.to_string());
        indices
            .filter_map(|index| self.table(format!("[[{list}]]"), &[list, &index]))
            .collect()
    }

    /// A table with the values as they are written. `None` if there is no such table.
    fn table(&self, header: String, path: &[&str]) -> Option<ResolvedTable> {
        let Value::Dict(_, _) = self.value(path)? else {
            return None;
        };
        let mut fields = Vec::new();
        self.add_fields(path, &mut Vec::new(), &mut fields);
        Some(ResolvedTable { header, fields })
    }

    /// Adds the fields of the table at `path` and `within` it.
    fn add_fields(&self, path: &[&str], within: &mut Vec<String>, fields: &mut Vec<Explained>) {
        let whole: Vec<&str> = path
            .iter()
            .copied()
            .chain(within.iter().map(String::as_str))
            .collect();
        match self.value(&whole) {
            Some(Value::Dict(_, entries)) => {
                for key in entries.keys() {
                    within.push(key.clone());
                    self.add_fields(path, within, fields);
                    within.pop();
                }
            }
            Some(_) => fields.extend(self.explain_path(&whole, within)),
            None => {}
        }
    }
}
