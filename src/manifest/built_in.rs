//! The built-in tables: the weakest layer of every manifest.
//!
//! Each agent and each role has a file of its own. Only the files that the manifest may need are
//! parsed. The reason is speed: every verb reads the manifest first, and most of the text is
//! phrases of agents. To parse all eight agents would take longer than the rest of a quick verb.

use super::desired::DEFAULT_AGENT;
use super::layer::Layer;
use crate::model::SortedSet;
use crate::model::client_of;
use figment::value::{Dict, Value};

/// Read for every manifest: the town, its defaults and its limits.
const BASE: &str = include_str!("builtin/base.toml");

/// A built-in agent or role.
pub(super) struct NamedTable {
    pub(super) name: &'static str,
    /// The TOML text of its table.
    text: &'static str,
}

/// Includes the file `builtin/FOLDER/NAME.toml` for each name.
macro_rules! named {
    ($folder:literal, $($name:literal),+ $(,)?) => {
        [$(NamedTable {
            name: $name,
            text: include_str!(concat!("builtin/", $folder, "/", $name, ".toml")),
        }),+]
    };
}

static ROLES: [NamedTable; 7] = named!(
    "roles", "custom", "witness", "refinery", "mayor", "deacon", "crew", "polecat",
);
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

/// The role of a session that names no role.
const CUSTOM: &str = "custom";
/// Keys that need all agents, although they name none. A policy knows the busy phrases of all
/// agents. A launcher or a role's `start` may start any agent.
const NEEDS_ALL: [&str; 3] = ["policy", "launcher", "start"];

/// Which built-in agents and roles to read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tables {
    /// Those whose name stands somewhere in the layers, and the defaults.
    ///
    /// A name that is missing here may exist all the same. So an unknown name is final only with
    /// [`Tables::All`].
    Mentioned,
    /// All of them.
    All,
}

fn tables() -> impl Iterator<Item = &'static NamedTable> {
    ROLES.iter().chain(&AGENTS)
}

/// Whether there is a built-in agent of this name.
pub(super) fn is_agent(name: &str) -> bool {
    AGENTS.iter().any(|agent| agent.name == name)
}

/// The text of all built-in tables.
pub(crate) fn everything() -> String {
    text_with(tables())
}

/// The text of the built-in tables for a manifest of these layers.
pub(crate) fn built_in(users: &[Layer], wanted: Tables) -> String {
    let mut mentioned = SortedSet::new();
    for layer in users {
        add_words(&layer.values, &mut mentioned);
        for client in clients(&layer.values) {
            mentioned.insert(client);
        }
    }
    if wanted == Tables::All || NEEDS_ALL.iter().any(|word| mentioned.contains(word)) {
        return everything();
    }
    let is_needed = |name: &str| match name {
        CUSTOM => true,
        DEFAULT_AGENT if !users.iter().any(gives_all_an_agent) => true,
        _ => mentioned.contains(name),
    };
    text_with(tables().filter(|table| is_needed(table.name)))
}

fn text_with(tables: impl Iterator<Item = &'static NamedTable>) -> String {
    let mut text = BASE.to_owned();
    for table in tables {
        text.push('\n');
        text.push_str(table.text);
    }
    text
}

/// Whether `[defaults]` names an agent or a command, so that no session needs the default agent.
fn gives_all_an_agent(layer: &Layer) -> bool {
    let defaults = layer.values.get("defaults").and_then(Value::as_dict);
    defaults.is_some_and(|table| table.contains_key("agent") || table.contains_key("command"))
}

/// The built-in agents that the commands of `[agents.x]` start.
///
/// Example: `claude`, for `command = ["env", "A=b", "/opt/claude"]`.
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

/// Adds each key and each text that names a built-in table, or that needs all of them.
fn add_words<'v>(table: &'v Dict, words: &mut SortedSet<&'v str>) {
    for (key, value) in table {
        add_word(key, words);
        add_words_of(value, words);
    }
}

fn add_words_of<'v>(value: &'v Value, words: &mut SortedSet<&'v str>) {
    match value {
        Value::String(_, text) => add_word(text, words),
        Value::Dict(_, table) => add_words(table, words),
        Value::Array(_, items) => items.iter().for_each(|item| add_words_of(item, words)),
        Value::Char(..) | Value::Bool(..) | Value::Num(..) | Value::Empty(..) => {}
    }
}

fn add_word<'v>(word: &'v str, words: &mut SortedSet<&'v str>) {
    if NEEDS_ALL.contains(&word) || tables().any(|table| table.name == word) {
        words.insert(word);
    }
}

#[cfg(test)]
mod tests {
    use super::super::layer::Source;
    use super::super::text::parse;
    use super::*;

    /// The names in `[roles]` or `[agents]` of the built-in text for a manifest.
    fn read(text: &str, table: &str) -> Vec<String> {
        let layer = Layer::new(Source::File(0), parse(0, text).expect("TOML"));
        let values = parse(0, &built_in(&[layer], Tables::Mentioned)).expect("TOML");
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
        assert_eq!(built_in(&[], Tables::All), everything());
    }
}
