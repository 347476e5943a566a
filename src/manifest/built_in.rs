//! The weakest layer: what gtctl knows of itself, without the agents that a manifest cannot mean.
//!
//! Most of its text is what agents say on their screens. A town has one agent or two, and every verb reads its manifest
//! first: to read all eight each time would take longer than all else in it.

use super::desired::DEFAULT_AGENT;
use super::layer::Layer;
use figment::value::{Dict, Value};
use std::borrow::Cow;
use std::collections::BTreeSet;

/// The whole text.
pub(crate) const BUILT_IN: &str = include_str!("builtin/builtin.toml");
/// What begins the table of an agent, up to its name.
const AGENT: &str = "\n[agents.";
/// Keys by which agents are meant that are not named: a policy knows the busy words of all, and what a launcher or a
/// role's own commands start may be any of them.
const MEANS_ALL: [&str; 3] = ["policy", "launcher", "start"];

/// Which of the built-in agents are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Agents {
    /// Those that may be meant. One that is named in vain is no fault yet: it may be in none of these.
    Meant,
    /// All.
    All,
}

/// The text for manifests of these layers.
pub(crate) fn built_in(users: &[Layer], agents: Agents) -> Cow<'static, str> {
    let mut tables = BUILT_IN.split(AGENT);
    let head = tables.next().unwrap_or_default();
    let named: Vec<(&str, &str)> = tables.filter_map(|table| Some((table.split_once(']')?.0, table))).collect();
    let known = |word: &str| MEANS_ALL.contains(&word) || named.iter().any(|(name, _)| *name == word);
    let mut said = BTreeSet::new();
    for layer in users {
        words(&layer.values, &known, &mut said);
    }
    if agents == Agents::All || MEANS_ALL.iter().any(|word| said.contains(word)) {
        return BUILT_IN.into();
    }
    let is_meant = |name: &str| said.contains(name) || (name == DEFAULT_AGENT && !users.iter().any(says_what_runs));
    let meant = named.into_iter().filter(|(name, _)| is_meant(name)).flat_map(|(_, table)| [AGENT, table]);
    [head].into_iter().chain(meant).collect::<String>().into()
}

/// Whether no session can be without an agent or a command.
fn says_what_runs(layer: &Layer) -> bool {
    let defaults = layer.values.get("defaults").and_then(Value::as_dict);
    defaults.is_some_and(|table| table.contains_key("agent") || table.contains_key("command"))
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

    fn agents_for(text: &str) -> Vec<String> {
        let layer = Layer::new(Source::File(0), parse(0, text).expect("TOML"));
        let values = parse(0, &built_in(&[layer], Agents::Meant)).expect("TOML");
        assert_eq!(values.keys().filter(|key| *key != "agents").count(), 4, "all but the agents is always there");
        let agents = values.get("agents").and_then(Value::as_dict);
        agents.into_iter().flat_map(Dict::keys).cloned().collect()
    }

    #[test]
    fn only_agents_that_may_be_meant_are_read() {
        let runs = "[defaults]\ncommand = [\"sh\"]\n";
        assert!(agents_for(runs).is_empty());
        assert_eq!(agents_for(""), ["claude"]);
        assert_eq!(agents_for("[defaults]\nagent = \"codex\"\n"), ["codex"]);
        assert_eq!(agents_for(&format!("{runs}[[session]]\nagent = \"kimi-c\\u006fde\"\n")), ["kimi-code"]);
        assert_eq!(agents_for(&format!("{runs}[agents.aider]\nfix = \"x\"\n")), ["aider"]);
        assert_eq!(agents_for("[roles.crew]\nagent = \"gemini\"\n"), ["claude", "gemini"]);
    }

    #[test]
    fn all_agents_are_read_where_any_may_be_meant() {
        let all = |text: &str| assert_eq!(agents_for(text).len(), 8, "{text}");
        all("[[policy]]\nmatch = \"*\"\n");
        all("[defaults]\nlauncher = \"gt\"\ncommand = [\"sh\"]\n");
        all("[roles.crew]\nstart = [\"x\"]\n");
        assert_eq!(built_in(&[], Agents::All), BUILT_IN);
    }
}
