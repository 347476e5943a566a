//! Agents: the built-in ones and the user's, each with its process names settled.

use super::fault::shown;
use super::layer::Layer;
use super::reading::{Reading, path};
use super::wire::AgentTable;
use crate::model::{Agent, client_of};
use figment::value::{Dict, Value};
use std::collections::BTreeMap;

/// The lists to which a layer adds, where all others are replaced by it.
const PHRASES: [&str; 11] = [
    "ready",
    "busy",
    "asks_permission",
    "asks_trust",
    "auth",
    "limit",
    "context",
    "retrying",
    "title_busy",
    "title_asks",
    "title_ready",
];

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
                let Some(Value::Array(_, own)) = table.get_mut(field) else {
                    continue;
                };
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
    agents
        .into_iter()
        .flatten()
        .filter_map(|(name, table)| match table {
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
        Some(without) if all.iter().any(|known| known.as_str() == Some(without)) => {
            all.retain(|known| known.as_str() != Some(without));
        }
        None if all.contains(phrase) => {}
        // One that takes out what is not here takes it out of the agent that this is like.
        Some(_) | None => all.push(phrase.clone()),
    }
}

/// Agents' tables, by name.
type Tables<'t> = BTreeMap<&'t str, &'t AgentTable>;

/// Whether gtctl knows an agent of this name by itself.
fn is_built_in(name: &str) -> bool {
    super::built_in::is_agent(name)
}

/// An agent's own table over that of the agent that it is like.
fn over(base: AgentTable, own: &AgentTable) -> AgentTable {
    let own = own.clone();
    let names = own
        .process_names
        .or_else(|| names_over(base.process_names, own.command.as_deref()));
    AgentTable {
        like: own.like,
        command: own.command.or(base.command),
        process_names: names,
        ready: phrases_over(base.ready, own.ready),
        busy: phrases_over(base.busy, own.busy),
        asks_permission: phrases_over(base.asks_permission, own.asks_permission),
        asks_trust: phrases_over(base.asks_trust, own.asks_trust),
        auth: phrases_over(base.auth, own.auth),
        limit: phrases_over(base.limit, own.limit),
        context: phrases_over(base.context, own.context),
        retrying: phrases_over(base.retrying, own.retrying),
        title_busy: phrases_over(base.title_busy, own.title_busy),
        title_asks: phrases_over(base.title_asks, own.title_asks),
        title_ready: phrases_over(base.title_ready, own.title_ready),
        fix: own.fix.or(base.fix),
        quit: own.quit.or(base.quit),
        submit: own.submit.or(base.submit),
        clear: own.clear.or(base.clear),
        probe: own.probe.or(base.probe),
        resume: own.resume.or(base.resume),
    }
}

/// The names of the processes of both: what only starts the client is named by none.
fn names_over(base: Option<Vec<String>>, command: Option<&[String]>) -> Option<Vec<String>> {
    let program = command
        .and_then(<[String]>::first)
        .map(|program| basename(program).to_owned());
    let starts_another = command.is_some_and(|argv| client_of(argv).is_some());
    let own = program.filter(|name| !starts_another && !name.is_empty());
    let mut names: Vec<String> = base.into_iter().flatten().collect();
    names.extend(own.filter(|own| !names.contains(own)));
    (!names.is_empty()).then_some(names)
}

/// The phrases of both, without those that the second takes out.
fn phrases_over(base: Option<Vec<String>>, own: Option<Vec<String>>) -> Option<Vec<String>> {
    let Some(own) = own else { return base };
    let is_taken_out = |phrase: &String| {
        own.iter()
            .any(|own| own.strip_prefix('!') == Some(phrase.as_str()))
    };
    let mut all: Vec<String> = base
        .into_iter()
        .flatten()
        .filter(|phrase| !is_taken_out(phrase))
        .collect();
    for phrase in &own {
        if !all.contains(phrase) {
            all.push(phrase.clone());
        }
    }
    Some(all)
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
    let mut values =
        super::text::parse(usize::MAX, &super::built_in::everything()).unwrap_or_default();
    let words = |table: &Dict, key: &str| -> Vec<String> {
        let list = table.get(key).and_then(Value::as_array).unwrap_or_default();
        list.iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
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
        let tables: Tables<'_> = manifest
            .agents
            .iter()
            .flatten()
            .map(|(name, table)| (name.as_str(), table))
            .collect();
        let whole = |reading: &mut Self, name: &str, table| {
            let ancestry = reading.ancestry_of(name, &tables);
            let whole = ancestry
                .iter()
                .rev()
                .filter_map(|name| tables.get(name))
                .fold(None, |base, own| {
                    Some(base.map_or_else(|| (*own).clone(), |base: AgentTable| over(base, own)))
                });
            let like = ancestry.get(1).map(|like| (*like).to_owned());
            reading.agent(name, table, &whole.unwrap_or_default(), like)
        };
        tables
            .iter()
            .map(|(name, table)| ((*name).to_owned(), whole(self, name, table)))
            .collect()
    }

    /// An agent, the one that it is like, the one that this is like, and so on.
    fn ancestry_of<'t>(&mut self, name: &'t str, tables: &Tables<'t>) -> Vec<&'t str> {
        let mut ancestry = vec![name];
        while let Some((last, table)) = ancestry.last().and_then(|name| tables.get_key_value(name))
        {
            let implied = || {
                table
                    .command
                    .as_deref()
                    .and_then(client_of)
                    .filter(|_| !is_built_in(last))
            };
            let Some(like) = table.like.as_deref().or_else(implied) else {
                break;
            };
            let at = path(["agents", last, "like"]);
            let Some((like, _)) = tables.get_key_value(like) else {
                if *last == name && table.like.is_some() {
                    let fault = self.at(
                        &at,
                        "unknown-agent",
                        format!("there is no agent `{}`", shown(like)),
                    );
                    let fault =
                        fault
                            .label("not known")
                            .did_you_mean(like, tables.keys().copied(), || {
                                "write a built-in agent, such as claude, or one of [agents]"
                                    .to_owned()
                            });
                    self.faults.push(fault);
                }
                break;
            };
            if ancestry.contains(like) {
                // Told once for each agent that is part of it.
                if *like == name {
                    let at = path(["agents", name, "like"]);
                    let all = ancestry
                        .iter()
                        .chain([like])
                        .copied()
                        .map(shown)
                        .collect::<Vec<_>>()
                        .join(" is like ");
                    let fault = self.at(
                        &at,
                        "agent-cycle",
                        format!("`like` goes round in a circle: {all}"),
                    );
                    self.faults
                        .push(fault.help("remove `like` from one of them"));
                }
                break;
            }
            ancestry.push(like);
        }
        ancestry
    }

    /// `own` as it is written, `table` with all that it takes of the agents that it is like.
    fn agent(
        &mut self,
        name: &str,
        own: &AgentTable,
        table: &AgentTable,
        like: Option<String>,
    ) -> Known {
        let command = table.command.clone().unwrap_or_default();
        let at = |field| path(["agents", name, field]);
        for (field, argv) in [("command", &own.command), ("probe", &own.probe)] {
            if argv
                .as_ref()
                .is_some_and(|argv| argv.first().is_none_or(String::is_empty))
            {
                let fault = self.at(&at(field), "empty-command", "the command is empty");
                self.faults.push(
                    fault.help("write the program first, as in [\"claude\", \"--continue\"]"),
                );
            }
        }
        if own
            .process_names
            .as_ref()
            .is_some_and(|names| names.is_empty() || names.iter().any(String::is_empty))
        {
            let fault = self.at(
                &at("process_names"),
                "empty-name",
                "without a name gtctl cannot recognise its process",
            );
            self.faults
                .push(fault.help("remove it: the default is the program's own name"));
        }
        self.check_phrases(name, own);
        let own_name = || {
            command
                .first()
                .map(|program| vec![basename(program).to_owned()])
        };
        let process_names = table
            .process_names
            .clone()
            .or_else(own_name)
            .unwrap_or_default();
        let list = |texts: &Option<Vec<String>>| texts.clone().unwrap_or_default();
        let phrases = |texts: &Option<Vec<String>>| {
            let is_phrase = |text: &&String| !text.starts_with('!');
            texts
                .iter()
                .flatten()
                .filter(is_phrase)
                .cloned()
                .collect::<Vec<_>>()
        };
        let agent = Agent {
            name: name.to_owned(),
            process_names,
            ready: phrases(&table.ready),
            busy: phrases(&table.busy),
            asks_permission: phrases(&table.asks_permission),
            asks_trust: phrases(&table.asks_trust),
            auth: phrases(&table.auth),
            limit: phrases(&table.limit),
            context: phrases(&table.context),
            retrying: phrases(&table.retrying),
            title_busy: phrases(&table.title_busy),
            title_asks: phrases(&table.title_asks),
            title_ready: phrases(&table.title_ready),
            fix: table.fix.clone(),
            like,
            quit: list(&table.quit),
            submit: table
                .submit
                .clone()
                .unwrap_or_else(|| vec!["Enter".to_owned()]),
            clear: table
                .clear
                .clone()
                .unwrap_or_else(|| vec!["C-u".to_owned()]),
            probe: list(&table.probe),
            resume: list(&table.resume),
        };
        Known { agent, command }
    }
}

impl Reading<'_> {
    /// A phrase of stars and blanks would be said by every line or by none.
    fn check_phrases(&mut self, name: &str, table: &AgentTable) {
        let AgentTable {
            ready,
            busy,
            asks_permission,
            asks_trust,
            auth,
            limit,
            context,
            retrying,
            ..
        } = table;
        let AgentTable {
            title_busy,
            title_asks,
            title_ready,
            ..
        } = table;
        let screen = [
            ready,
            busy,
            asks_permission,
            asks_trust,
            auth,
            limit,
            context,
            retrying,
        ];
        let lists = screen
            .into_iter()
            .chain([title_busy, title_asks, title_ready]);
        for (field, list) in PHRASES.into_iter().zip(lists) {
            let bare = |phrase: &String| phrase.chars().all(|c| c == '*' || c.is_whitespace());
            if list.iter().flatten().any(bare) {
                let fault = self.at(
                    &path(["agents", name, field]),
                    "empty-phrase",
                    "a phrase without text",
                );
                self.faults
                    .push(fault.help("write the text of the line; * matches the text around it"));
            }
        }
    }
}

/// The last part of a program's path.
pub(crate) fn basename(program: &str) -> &str {
    program
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(program)
}
