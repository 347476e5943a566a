//! Turns the tables `[agents.x]` into agents: with the fields of the agent that each is like, and
//! with its process names.

use super::fault::shown;
use super::layer::Layer;
use super::reading::{Reading, path};
use super::wire::{AgentTable, AnswerTable, words};
use crate::model::SortedMap;
use crate::model::{Agent, DeclaredAnswer, Hooks, client_of};
use figment::value::{Dict, Value};
use std::sync::Arc;

/// The lists of phrases. A stronger layer adds to these; it replaces all other lists.
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

/// An agent and its command.
#[derive(Debug, Clone, Default)]
pub(crate) struct AgentEntry {
    pub(crate) agent: Arc<Agent>,
    /// The argv that starts the agent. Empty if its table has no command.
    pub(crate) command: Vec<String>,
}

/// Adds to the phrases of each layer those of all weaker layers.
///
/// `!` removes a phrase: `["b", "!a"]` over `["a"]` gives `["b"]`.
pub(crate) fn add_phrases(layers: &mut [Layer]) {
    let mut phrases_so_far: SortedMap<(String, &str), Vec<Value>> = SortedMap::new();
    for layer in layers {
        for (agent, table) in tables(&mut layer.values) {
            for field in PHRASES {
                let Some(Value::Array(_, own)) = table.get_mut(field) else {
                    continue;
                };
                let phrases = phrases_so_far.entry((agent.clone(), field)).or_default();
                for phrase in own.iter() {
                    add(phrases, phrase);
                }
                own.clone_from(phrases);
            }
        }
    }
}

/// Name and table of each agent in a layer.
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

/// Adds one phrase, or removes the phrase after its `!`.
fn add(phrases: &mut Vec<Value>, phrase: &Value) {
    let removed = phrase.as_str().and_then(|text| text.strip_prefix('!'));
    let is_removed = |phrase: &Value| removed.is_some() && phrase.as_str() == removed;
    if phrases.iter().any(is_removed) {
        phrases.retain(|phrase| !is_removed(phrase));
    } else if removed.is_some() || !phrases.contains(phrase) {
        // A `!` without its phrase stays: `phrases_over` applies it to the agent in `like`.
        phrases.push(phrase.clone());
    }
}

/// The tables of all agents, by name.
type Tables<'t> = SortedMap<&'t str, &'t AgentTable>;

/// The table of an agent with the fields of `base`, the agent that it is like, where it has none.
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
        begin: own.begin.or(base.begin),
        cost_per_hour: own.cost_per_hour.or(base.cost_per_hour),
        hooks: own.hooks.or(base.hooks),
        answer: own.answer.or(base.answer),
    }
}

/// The process names of `base`, and the program of the agent's own command.
///
/// A program such as `env` or `npx` starts the client and ends: its name is no process name.
fn names_over(base: Option<Vec<String>>, command: Option<&[String]>) -> Option<Vec<String>> {
    let program = command
        .and_then(<[String]>::first)
        .map(|program| basename(program).to_owned());
    let starts_client = command.is_some_and(|argv| client_of(argv).is_some());
    let own = program.filter(|name| !starts_client && !name.is_empty());
    let mut names: Vec<String> = base.into_iter().flatten().collect();
    names.extend(own.filter(|name| !names.contains(name)));
    (!names.is_empty()).then_some(names)
}

/// The phrases of both, without those that `own` removes with `!`.
fn phrases_over(base: Option<Vec<String>>, own: Option<Vec<String>>) -> Option<Vec<String>> {
    let Some(own) = own else { return base };
    let is_removed = |phrase: &String| {
        own.iter()
            .any(|entry| entry.strip_prefix('!') == Some(phrase.as_str()))
    };
    let mut phrases: Vec<String> = base
        .into_iter()
        .flatten()
        .filter(|phrase| !is_removed(phrase))
        .collect();
    for phrase in &own {
        if !phrases.contains(phrase) {
            phrases.push(phrase.clone());
        }
    }
    Some(phrases)
}

/// An agent that gtctl knows without a manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BuiltInAgent {
    /// The agent's name, such as `claude`.
    pub name: String,
    /// The argv that starts the agent.
    pub command: Vec<String>,
    /// The names that its process can have.
    pub process_names: Vec<String>,
}

/// The built-in agents, sorted by name.
#[must_use]
pub fn built_in_agents() -> Vec<BuiltInAgent> {
    let text = super::built_in::everything();
    let mut values = super::text::parse(usize::MAX, &text).unwrap_or_default();
    let strings = |table: &Dict, key: &str| -> Vec<String> {
        let list = table.get(key).and_then(Value::as_array).unwrap_or_default();
        list.iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    };
    let agent = |(name, table): (&String, &mut Dict)| BuiltInAgent {
        name: name.clone(),
        command: strings(table, "command"),
        process_names: strings(table, "process_names"),
    };
    tables(&mut values).map(agent).collect()
}

impl Reading<'_> {
    /// Every agent that a session can name, by name.
    pub(crate) fn agents(&mut self) -> SortedMap<String, AgentEntry> {
        let manifest = self.manifest;
        let tables: Tables<'_> = manifest
            .agents
            .iter()
            .flatten()
            .map(|(name, table)| (name.as_str(), table))
            .collect();
        let mut agents = SortedMap::new();
        for (name, own) in &tables {
            self.check_agent(name, own);
            let ancestry = self.ancestry_of(name, &tables);
            let with_bases = ancestry
                .iter()
                .rev()
                .filter_map(|name| tables.get(name).copied())
                .fold(AgentTable::default(), over);
            let like = ancestry.get(1).map(|like| (*like).to_owned());
            let mut entry = entry(name, &with_bases, like);
            Arc::make_mut(&mut entry.agent).client =
                ancestry.iter().find_map(|name| name.parse().ok());
            agents.insert((*name).to_owned(), entry);
        }
        agents
    }

    /// The agent itself, then the agent that it is like, then the one which that is like, and so on.
    ///
    /// A chain that ends at an unknown agent, or in a circle, is cut off there.
    fn ancestry_of<'t>(&mut self, name: &'t str, tables: &Tables<'t>) -> Vec<&'t str> {
        let mut ancestry = vec![name];
        while let Some((last, table)) = ancestry.last().and_then(|name| tables.get_key_value(name))
        {
            let Some(like) = like_of(last, table) else {
                break;
            };
            let Some((like, _)) = tables.get_key_value(like) else {
                if *last == name && table.like.is_some() {
                    self.note_unknown_like(name, like, tables);
                }
                break;
            };
            if ancestry.contains(like) {
                // Each agent in a circle gets a fault of its own, and no agent outside it.
                if *like == name {
                    self.note_agent_cycle(name, &ancestry);
                }
                break;
            }
            ancestry.push(like);
        }
        ancestry
    }

    fn note_unknown_like(&mut self, name: &str, like: &str, tables: &Tables<'_>) {
        let at = path(["agents", name, "like"]);
        let message = format!("there is no agent `{}`", shown(like));
        let help = || "write a built-in agent, such as claude, or one of [agents]".to_owned();
        let fault = self
            .at(&at, "unknown-agent", message)
            .label("not known")
            .did_you_mean(like, tables.keys().copied(), help);
        self.faults.push(fault);
    }

    fn note_agent_cycle(&mut self, name: &str, ancestry: &[&str]) {
        let at = path(["agents", name, "like"]);
        let circle: Vec<String> = ancestry.iter().chain([&name]).copied().map(shown).collect();
        let message = format!(
            "`like` goes round in a circle: {}",
            circle.join(" is like ")
        );
        let fault = self.at(&at, "agent-cycle", message);
        self.faults
            .push(fault.help("remove `like` from one of them"));
    }

    /// Notes the faults within an agent's own table.
    fn check_agent(&mut self, name: &str, table: &AgentTable) {
        let at = |field| path(["agents", name, field]);
        for (field, argv) in [("command", &table.command), ("probe", &table.probe)] {
            let Some(argv) = argv else { continue };
            if argv.first().is_none_or(String::is_empty) {
                let fault = self.at(&at(field), "empty-command", "the command is empty");
                self.faults.push(
                    fault.help("write the program first, as in [\"claude\", \"--continue\"]"),
                );
            }
        }
        let lacks_a_name =
            |names: &Vec<String>| names.is_empty() || names.iter().any(String::is_empty);
        if table.process_names.as_ref().is_some_and(lacks_a_name) {
            let fault = self.at(
                &at("process_names"),
                "empty-name",
                "without a name gtctl cannot recognise its process",
            );
            self.faults
                .push(fault.help("remove it: the default is the program's own name"));
        }
        self.check_phrases(name, table);
        self.check_answers(name, table.answer.as_deref().unwrap_or_default());
    }

    /// Notes the faults of the answers that an agent declares.
    fn check_answers(&mut self, name: &str, answers: &[AnswerTable]) {
        let at = path(["agents", name, "answer"]);
        if answers.len() > DeclaredAnswer::MAX_COUNT {
            let message = format!(
                "{} answers; at most {} are possible",
                answers.len(),
                DeclaredAnswer::MAX_COUNT
            );
            self.faults.push(self.at(&at, "too-many", message));
        }
        let is_bad = |text: &Option<String>| {
            let text = text.as_deref().unwrap_or_default();
            text.trim().is_empty() || text.chars().count() > DeclaredAnswer::MAX
        };
        for (nth, answer) in answers.iter().enumerate() {
            let place = nth + 1;
            if is_bad(&answer.when) || is_bad(&answer.choose) {
                let message = format!("answer {place}: `when` and `choose` must be texts");
                let fault = self.at(&at, "empty-answer", message);
                let most = DeclaredAnswer::MAX;
                self.faults.push(fault.help(format!(
                    "write a part of the question, and one of the answer, with at most {most} characters"
                )));
            }
            let earlier = answers.get(..nth).unwrap_or_default();
            if answer.when.is_some() && earlier.iter().any(|known| known.when == answer.when) {
                let message = format!("answer {place}: this `when` has an answer already");
                let fault = self.at(&at, "duplicate-answer", message);
                self.faults.push(fault.help("keep one of them"));
            }
        }
    }
}

/// The answers that are declared completely.
fn answers(tables: &[AnswerTable]) -> Vec<DeclaredAnswer> {
    let declared = |table: &AnswerTable| {
        Some(DeclaredAnswer {
            when: table.when.clone()?,
            choose: table.choose.clone()?,
        })
    };
    let declared = tables.iter().filter_map(declared);
    declared.take(DeclaredAnswer::MAX_COUNT).collect()
}

/// The agent that this one is like: as it is written, else the built-in one that its command starts.
fn like_of<'t>(name: &str, table: &'t AgentTable) -> Option<&'t str> {
    let started = || {
        let command = table.command.as_deref()?;
        client_of(command).filter(|_| !super::built_in::is_agent(name))
    };
    table.like.as_deref().or_else(started)
}

/// The agent of a table that has the fields of the agents it is like.
fn entry(name: &str, table: &AgentTable, like: Option<String>) -> AgentEntry {
    let command = table.command.clone().unwrap_or_default();
    let program_name = || {
        command
            .first()
            .map(|program| vec![basename(program).to_owned()])
    };
    let process_names = table
        .process_names
        .clone()
        .or_else(program_name)
        .unwrap_or_default();
    let list = |texts: &Option<Vec<String>>| texts.clone().unwrap_or_default();
    let key = |keys: &Option<Vec<String>>, default: &str| {
        keys.clone().unwrap_or_else(|| vec![default.to_owned()])
    };
    let agent = Agent {
        name: name.to_owned(),
        process_names,
        ready: phrases(table.ready.as_ref()),
        busy: phrases(table.busy.as_ref()),
        asks_permission: phrases(table.asks_permission.as_ref()),
        asks_trust: phrases(table.asks_trust.as_ref()),
        auth: phrases(table.auth.as_ref()),
        limit: phrases(table.limit.as_ref()),
        context: phrases(table.context.as_ref()),
        retrying: phrases(table.retrying.as_ref()),
        title_busy: phrases(table.title_busy.as_ref()),
        title_asks: phrases(table.title_asks.as_ref()),
        title_ready: phrases(table.title_ready.as_ref()),
        fix: table.fix.clone(),
        like,
        quit: list(&table.quit),
        submit: key(&table.submit, "Enter"),
        clear: key(&table.clear, "C-u"),
        probe: list(&table.probe),
        resume: list(&table.resume),
        begin: list(&table.begin),
        cost_per_hour: table.cost_per_hour.map(|cost| cost.0),
        client: None,
        hooks: table.hooks.map_or(Hooks::Auto, words::HooksField::meaning),
        answers: answers(table.answer.as_deref().unwrap_or_default()),
    };
    AgentEntry {
        agent: Arc::new(agent),
        command,
    }
}

/// The phrases of a list without the entries that only remove one.
fn phrases(entries: Option<&Vec<String>>) -> Vec<String> {
    entries
        .into_iter()
        .flatten()
        .filter(|entry| !entry.starts_with('!'))
        .cloned()
        .collect()
}

impl Reading<'_> {
    /// Notes a fault for each list with a phrase of `*` and blanks alone: every line would match it.
    fn check_phrases(&mut self, name: &str, table: &AgentTable) {
        // In the order of `PHRASES`.
        let lists = [
            &table.ready,
            &table.busy,
            &table.asks_permission,
            &table.asks_trust,
            &table.auth,
            &table.limit,
            &table.context,
            &table.retrying,
            &table.title_busy,
            &table.title_asks,
            &table.title_ready,
        ];
        for (field, list) in PHRASES.into_iter().zip(lists) {
            let is_bare = |phrase: &String| phrase.chars().all(|c| c == '*' || c.is_whitespace());
            if list.iter().flatten().any(is_bare) {
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

/// The last part of a program's path: `claude` of `/opt/bin/claude`.
pub(crate) fn basename(program: &str) -> &str {
    program
        .trim_end_matches('/')
        .rsplit('/')
        .next()
        .unwrap_or(program)
}
