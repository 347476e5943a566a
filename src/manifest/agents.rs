//! Agents: the built-in ones and the user's, each with its process names settled.

use super::layer::Layer;
use super::reading::{Reading, path};
use super::wire::AgentTable;
use crate::model::Agent;
use figment::value::{Dict, Value};
use std::collections::BTreeMap;

/// The lists to which a layer adds, where all others are replaced by it.
const PHRASES: [&str; 8] = ["ready", "busy", "asks_permission", "asks_trust", "auth", "limit", "context", "retrying"];

/// An agent with the argv that starts it; empty when it has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) agent: Agent,
    pub(crate) command: Vec<String>,
}

/// Makes each layer's phrases those of the weaker layers and its own; `!` before one takes it out.
pub(crate) fn add_phrases(layers: &mut [Layer]) {
    let mut known: BTreeMap<(String, &str), Vec<Value>> = BTreeMap::new();
    for layer in layers {
        for (agent, table) in tables(&mut layer.values) {
            for field in PHRASES {
                let Some(Value::Array(_, own)) = table.get_mut(field) else { continue };
                let all = known.entry((agent.clone(), field)).or_default();
                for phrase in own.iter() {
                    add(all, phrase);
                }
                own.clone_from(all);
            }
        }
    }
}

fn tables(values: &mut Dict) -> impl Iterator<Item = (&String, &mut Dict)> {
    let agents = match values.get_mut("agents") {
        Some(Value::Dict(_, agents)) => Some(agents),
        Some(_) | None => None,
    };
    agents.into_iter().flatten().filter_map(|(name, table)| match table {
        Value::Dict(_, table) => Some((name, table)),
        Value::String(..)
        | Value::Char(..)
        | Value::Bool(..)
        | Value::Num(..)
        | Value::Empty(..)
        | Value::Array(..) => None,
    })
}

fn add(all: &mut Vec<Value>, phrase: &Value) {
    let without = phrase.as_str().and_then(|text| text.strip_prefix('!'));
    match without {
        Some(without) => all.retain(|known| known.as_str() != Some(without)),
        None if all.contains(phrase) => {}
        None => all.push(phrase.clone()),
    }
}

/// An agent that every manifest knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInAgent {
    /// Its name.
    pub name: String,
    /// The argv that starts it.
    pub command: Vec<String>,
    /// The names of its processes.
    pub process_names: Vec<String>,
}

/// The built-in agents, by name.
#[must_use]
pub fn built_in_agents() -> Vec<BuiltInAgent> {
    let mut values = super::text::parse(usize::MAX, super::built_in::BUILT_IN).unwrap_or_default();
    let words = |table: &Dict, key: &str| -> Vec<String> {
        let list = table.get(key).and_then(Value::as_array).unwrap_or_default();
        list.iter().filter_map(|word| word.as_str().map(str::to_owned)).collect()
    };
    let agent = |(name, table): (&String, &mut Dict)| BuiltInAgent {
        name: name.clone(),
        command: words(table, "command"),
        process_names: words(table, "process_names"),
    };
    tables(&mut values).map(agent).collect()
}

impl Reading<'_> {
    /// Every agent that can be named.
    pub(crate) fn agents(&mut self) -> BTreeMap<String, Known> {
        let manifest = self.manifest;
        let tables = manifest.agents.iter().flatten();
        tables.map(|(name, table)| (name.clone(), self.agent(name, table))).collect()
    }

    fn agent(&mut self, name: &str, table: &AgentTable) -> Known {
        let command = table.command.clone().unwrap_or_default();
        let at = |field| path(["agents", name, field]);
        for (field, argv) in [("command", &table.command), ("probe", &table.probe)] {
            if argv.as_ref().is_some_and(|argv| argv.first().is_none_or(String::is_empty)) {
                let fault = self.at(&at(field), "empty-command", "a command without a program");
                self.faults.push(fault.help("write the program first, as in [\"claude\", \"--continue\"]"));
            }
        }
        if table.process_names.as_ref().is_some_and(|names| names.is_empty() || names.iter().any(String::is_empty)) {
            let fault = self.at(&at("process_names"), "empty-name", "without a name its process cannot be known");
            self.faults.push(fault.help("leave it out: then it is the program's own name"));
        }
        self.check_phrases(name, table);
        let own_name = || command.first().map(|program| vec![basename(program).to_owned()]);
        let process_names = table.process_names.clone().or_else(own_name).unwrap_or_default();
        let list = |texts: &Option<Vec<String>>| texts.clone().unwrap_or_default();
        let agent = Agent {
            name: name.to_owned(),
            process_names,
            ready: list(&table.ready),
            busy: list(&table.busy),
            asks_permission: list(&table.asks_permission),
            asks_trust: list(&table.asks_trust),
            auth: list(&table.auth),
            limit: list(&table.limit),
            context: list(&table.context),
            retrying: list(&table.retrying),
            fix: table.fix.clone(),
            quit: list(&table.quit),
            submit: table.submit.clone().unwrap_or_else(|| vec!["Enter".to_owned()]),
            probe: list(&table.probe),
            resume: list(&table.resume),
        };
        Known { agent, command }
    }
}

impl Reading<'_> {
    /// A phrase of stars and blanks would be said by every line or by none.
    fn check_phrases(&mut self, name: &str, table: &AgentTable) {
        let AgentTable { ready, busy, asks_permission, asks_trust, auth, limit, context, retrying, .. } = table;
        let lists = [ready, busy, asks_permission, asks_trust, auth, limit, context, retrying];
        for (field, list) in PHRASES.into_iter().zip(lists) {
            let bare = |phrase: &String| phrase.chars().all(|c| c == '*' || c.is_whitespace());
            if list.iter().flatten().any(bare) {
                let fault =
                    self.at(&path(["agents", name, field]), "empty-phrase", "a phrase without any text of its own");
                self.faults.push(fault.help("write what the line says; * stands for the text around it"));
            }
        }
    }
}

/// The last part of a program's path.
pub(crate) fn basename(program: &str) -> &str {
    program.trim_end_matches('/').rsplit('/').next().unwrap_or(program)
}
