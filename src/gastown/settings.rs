//! Which agents Gas Town's roles run: `settings/config.json` and `settings/agents.json`.

use super::file;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

const CONFIG: &str = "settings/config.json";
const AGENTS: &str = "settings/agents.json";

/// What the settings say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The agent of what has no other.
    pub default_agent: Option<String>,
    /// Agents of the town's own, by name; those of `config.json` are stronger.
    pub agents: BTreeMap<String, AgentSetting>,
    /// The agents of roles.
    pub role_agents: BTreeMap<String, String>,
    /// The agents of single crew members.
    pub crew_agents: BTreeMap<String, String>,
    /// What `agents.json` says of roles, as the guide has it: gt takes no notice of it.
    pub ignored_role_agents: BTreeMap<String, String>,
}

/// How an agent is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentSetting {
    /// Its program and arguments; empty where only other things of it are set.
    pub command: Vec<String>,
    /// The names of its processes.
    pub process_names: Vec<String>,
    /// Its environment, as far as its values are texts.
    pub env: BTreeMap<String, String>,
}

impl Settings {
    /// Reads them below a root; what is wrong goes to `notices`.
    pub(super) fn read(root: &Path, notices: &mut Vec<String>) -> Self {
        let mut object = |path| match file::json(root, path) {
            Ok(Some(value)) if value.is_object() => value,
            Ok(Some(_)) => {
                notices.push(format!("{path} holds no JSON object"));
                Value::Null
            }
            Ok(None) => Value::Null,
            Err(why) => {
                notices.push(why);
                Value::Null
            }
        };
        let (config, registry) = (object(CONFIG), object(AGENTS));
        let mut agents = agents_in(&registry);
        agents.extend(agents_in(&config));
        let settings = Self {
            default_agent: file::text(&config, "/default_agent").filter(|agent| !agent.is_empty()),
            agents,
            role_agents: words_in(&config, "role_agents"),
            crew_agents: words_in(&config, "crew_agents"),
            ignored_role_agents: words_in(&registry, "role_agents"),
        };
        if !settings.ignored_role_agents.is_empty() {
            notices.push(format!(
                "role_agents in {AGENTS} is silently ignored by gt: move it to {CONFIG}"
            ));
        }
        settings
    }

    /// The agent that gt would give a session: that of the crew member, of the role, or of all.
    #[must_use]
    pub fn agent_of(&self, role: &str, name: Option<&str>) -> Option<&str> {
        let of_crew = name
            .filter(|_| role == "crew")
            .and_then(|name| self.crew_agents.get(name));
        let of_role = of_crew.or_else(|| self.role_agents.get(role));
        of_role.or(self.default_agent.as_ref()).map(String::as_str)
    }
}

fn words_in(object: &Value, key: &str) -> BTreeMap<String, String> {
    let entries = object
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn agents_in(object: &Value) -> BTreeMap<String, AgentSetting> {
    let entries = object
        .get("agents")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    entries
        .map(|(name, table)| (name.clone(), agent(table)))
        .collect()
}

fn agent(table: &Value) -> AgentSetting {
    let words = |key: &str| -> Vec<String> {
        let list = table
            .get(key)
            .and_then(Value::as_array)
            .into_iter()
            .flatten();
        list.filter_map(|word| word.as_str().map(str::to_owned))
            .collect()
    };
    let program = file::text(table, "/command").filter(|program| !program.is_empty());
    let command = program.map(|program| std::iter::once(program).chain(words("args")).collect());
    AgentSetting {
        command: command.unwrap_or_default(),
        process_names: words("process_names"),
        env: words_in(table, "env"),
    }
}
