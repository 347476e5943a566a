//! The weakest layer: what gtctl knows of itself, without the agents and roles that a manifest
//! cannot mean.
//!
//! Each agent and each role has a file of its own. Most of the text is what agents show on their
//! screens. A town has one agent or two, and every verb reads its manifest first: to parse all eight
//! each time would take longer than everything else in that verb.

use super::desired::DEFAULT_AGENT;
use super::layer::Layer;
use crate::model::client_of;
use figment::value::{Dict, Value};
use std::collections::BTreeSet;

/// What is read for every manifest: the town, its defaults and its limits.
const BASE: &str = include_str!("builtin/base.toml");

/// A table with a name of its own, in a file of its own.
pub(super) struct NamedTable {
    /// The name of the agent or the role.
    pub(super) name: &'static str,
    /// The text of its table.
    text: &'static str,
}

/// Names a file after its table.
macro_rules! named {
    ($folder:literal, $($name:literal),+ $(,)?) => {
        [$(NamedTable {
            name: $name,
            text: include_str!(concat!("builtin/", $folder, "/", $name, ".toml")),
        }),+]
    };
}

/// The built-in roles.
static ROLES: [NamedTable; 7] = named!(
    "roles", "custom", "witness", "refinery", "mayor", "deacon", "crew", "polecat",
);
/// The built-in agents.
static AGENTS: [NamedTable; 8] = named!(
    "agents",
    "claude",
    "kimigas",
    "kimi",
    "kimi-code",
    "codex",
    "gemini",
    "opencode",
    "aider",
);

/// The role of a session that has a name of its own and no other role.
const CUSTOM: &str = "custom";
/// Keys by which agents are meant that are not named: a policy knows the busy words of all, and
/// what a launcher or a role's own commands start may be any of them.
const MEANS_ALL: [&str; 3] = ["policy", "launcher", "start"];

/// Which of the built-in agents and roles are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Known {
    /// Those that may be meant. That there is no agent of a name is no fault yet.
    Meant,
    /// All.
    All,
}

/// Every agent and role that gtctl knows by itself.
fn tables() -> impl Iterator<Item = &'static NamedTable> {
    ROLES.iter().chain(&AGENTS)
}

/// Whether gtctl knows an agent of this name by itself.
pub(super) fn is_agent(name: &str) -> bool {
    AGENTS.iter().any(|agent| agent.name == name)
}

/// All of it.
pub(crate) fn everything() -> String {
    text_with(tables())
}

/// The text for manifests of these layers.
pub(crate) fn built_in(users: &[Layer], known: Known) -> String {
    let is_word =
        |word: &str| MEANS_ALL.contains(&word) || tables().any(|table| table.name == word);
    let mut said = BTreeSet::new();
    for layer in users {
        words(&layer.values, &is_word, &mut said);
        for client in clients(&layer.values) {
            said.insert(client);
        }
    }
    if known == Known::All || MEANS_ALL.iter().any(|word| said.contains(word)) {
        return everything();
    }
    let is_meant = |name: &str| match name {
        CUSTOM => true,
        DEFAULT_AGENT if !users.iter().any(says_what_runs) => true,
        _ => said.contains(name),
    };
    text_with(tables().filter(|table| is_meant(table.name)))
}

fn text_with(tables: impl Iterator<Item = &'static NamedTable>) -> String {
    let mut text = BASE.to_owned();
    for table in tables {
        text.push('\n');
        text.push_str(table.text);
    }
    text
}

/// Whether no session can be without an agent or a command.
fn says_what_runs(layer: &Layer) -> bool {
    let defaults = layer.values.get("defaults").and_then(Value::as_dict);
    defaults.is_some_and(|table| table.contains_key("agent") || table.contains_key("command"))
}

/// The built-in agents whose clients the user's own agents start.
fn clients(values: &Dict) -> impl Iterator<Item = &'static str> + '_ {
    let agents = values
        .get("agents")
        .and_then(Value::as_dict)
        .into_iter()
        .flat_map(Dict::values);
    agents.filter_map(|table| {
        let command = table.find_ref("command").and_then(Value::as_array)?;
        let argv: Vec<String> = command
            .iter()
            .filter_map(|word| word.as_str().map(str::to_owned))
            .collect();
        client_of(&argv)
    })
}

/// The keys and texts that are known words.
fn words<'v>(table: &'v Dict, known: &impl Fn(&str) -> bool, said: &mut BTreeSet<&'v str>) {
    for (key, value) in table {
        said.extend(Some(key.as_str()).filter(|key| known(key)));
        words_of(value, known, said);
    }
}

fn words_of<'v>(value: &'v Value, known: &impl Fn(&str) -> bool, said: &mut BTreeSet<&'v str>) {
    match value {
        Value::String(_, text) => said.extend(Some(text.as_str()).filter(|text| known(text))),
        Value::Dict(_, table) => words(table, known, said),
        Value::Array(_, items) => items.iter().for_each(|item| words_of(item, known, said)),
        Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer::Source;
    use super::super::text::parse;
    use super::*;

    /// The names in the tables read for a manifest.
    fn read(text: &str, table: &str) -> Vec<String> {
        let layer = Layer::new(Source::File(0), parse(0, text).expect("TOML"));
        let values = parse(0, &built_in(&[layer], Known::Meant)).expect("TOML");
        assert!(
            ["town", "defaults", "limits"]
                .iter()
                .all(|table| values.contains_key(*table)),
            "{text}"
        );
        let names = values.get(table).and_then(Value::as_dict);
        names.into_iter().flat_map(Dict::keys).cloned().collect()
    }

    #[test]
    fn every_file_holds_the_table_that_it_is_named_after() {
        for (kind, tables) in [("roles", &ROLES[..]), ("agents", &AGENTS[..])] {
            for NamedTable { name, text } in tables {
                let values = parse(0, text).expect("TOML");
                let [(outer, inner)] = values.iter().collect::<Vec<_>>()[..] else {
                    panic!("{name} has other tables")
                };
                let names: Vec<&String> = inner.as_dict().expect("a table").keys().collect();
                assert_eq!((outer.as_str(), names), (kind, vec![&(*name).to_owned()]));
            }
        }
    }

    #[test]
    fn only_agents_and_roles_that_may_be_meant_are_read() {
        let agents = |text: &str| read(text, "agents");
        let runs = "[defaults]\ncommand = [\"sh\"]\n";
        assert!(agents(runs).is_empty());
        assert_eq!(agents(""), ["claude"]);
        assert_eq!(agents("[defaults]\nagent = \"codex\"\n"), ["codex"]);
        assert_eq!(
            agents(&format!("{runs}[[session]]\nagent = \"kimi-c\\u006fde\"\n")),
            ["kimi-code"]
        );
        assert_eq!(
            agents(&format!(
                "{runs}[agents.own]\ncommand = [\"env\", \"/bin/codex\"]\n"
            )),
            ["codex"]
        );
        assert_eq!(
            agents(&format!("{runs}[agents.own]\nlike = \"gemini\"\n")),
            ["gemini"]
        );
        assert_eq!(
            agents(&format!("{runs}[agents.aider]\nfix = \"x\"\n")),
            ["aider"]
        );
        assert_eq!(
            agents("[roles.crew]\nagent = \"gemini\"\n"),
            ["claude", "gemini"]
        );
        assert_eq!(read("", "roles"), ["custom"]);
        assert_eq!(
            read(
                "[roles.crew]\nwave = 2\n[[session]]\nrole = \"mayor\"\n",
                "roles"
            ),
            ["crew", "custom", "mayor"]
        );
    }

    #[test]
    fn all_are_read_where_any_may_be_meant() {
        let all = |text: &str| {
            assert_eq!(
                (read(text, "agents").len(), read(text, "roles").len()),
                (8, 7),
                "{text}"
            );
        };
        all("[[policy]]\nmatch = \"*\"\n");
        all("[defaults]\nlauncher = \"gt\"\ncommand = [\"sh\"]\n");
        all("[roles.crew]\nstart = [\"x\"]\n");
        assert_eq!(built_in(&[], Known::All), everything());
    }
}
