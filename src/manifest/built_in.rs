//! The weakest layer: what gtctl knows of itself, without the agents and roles that a manifest
//! cannot mean.
//!
//! Most of its text is what agents say on their screens. A town has one agent or two, and every
//! verb reads its manifest first: to read all eight each time would take longer than all else in
//! it.

use super::desired::DEFAULT_AGENT;
use super::layer::Layer;
use crate::model::client_of;
use figment::value::{Dict, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The whole text.
pub(crate) const BUILT_IN: &str = include_str!("builtin/builtin.toml");
/// What begins a table.
const TABLE: &str = "\n[";
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

/// The text for manifests of these layers.
pub(crate) fn built_in(users: &[Layer], known: Known) -> Cow<'static, str> {
    let tables: Vec<&str> = BUILT_IN.split(TABLE).skip(1).collect();
    let names: Vec<Option<&str>> = tables.iter().map(|table| name_of(table)).collect();
    let is_word = |word: &str| MEANS_ALL.contains(&word) || names.contains(&Some(word));
    let mut said = BTreeSet::new();
    for layer in users {
        words(&layer.values, &is_word, &mut said);
        for client in clients(&layer.values) {
            said.insert(client);
        }
    }
    if known == Known::All || MEANS_ALL.iter().any(|word| said.contains(word)) {
        return BUILT_IN.into();
    }
    let is_meant = |name: &str| match name {
        CUSTOM => true,
        DEFAULT_AGENT if !users.iter().any(says_what_runs) => true,
        _ => said.contains(name),
    };
    let meant = tables
        .into_iter()
        .zip(names)
        .filter(|(_, name)| name.is_none_or(is_meant));
    meant
        .flat_map(|(table, _)| [TABLE, table])
        .collect::<String>()
        .into()
}

/// The name of an agent or a role, of the text that begins with its table's; other tables have
/// none.
fn name_of(table: &str) -> Option<&str> {
    Some(table.split_once(']')?.0.split_once('.')?.1)
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
            )
        };
        all("[[policy]]\nmatch = \"*\"\n");
        all("[defaults]\nlauncher = \"gt\"\ncommand = [\"sh\"]\n");
        all("[roles.crew]\nstart = [\"x\"]\n");
        assert_eq!(built_in(&[], Known::All), BUILT_IN);
    }
}
