//! The agents that Gas Town's roles run: `settings/config.json` and `settings/agents.json`.

use super::file;
use crate::model::SortedMap;
use serde_json::Value;
use std::path::Path;

const CONFIG: &str = "settings/config.json";
const AGENTS: &str = "settings/agents.json";

/// The agents that the settings define, and which of them runs where.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// The agent of sessions that have no other.
    pub default_agent: Option<String>,
    /// The agents that the town defines, by name. If both files define one, `config.json` wins.
    pub agents: SortedMap<String, AgentSetting>,
    /// The agent of each role, by role.
    pub role_agents: SortedMap<String, String>,
    /// The agent of each crew member, by name.
    pub crew_agents: SortedMap<String, String>,
    /// `role_agents` in `agents.json`. The guide puts it there, but gt ignores it.
    pub ignored_role_agents: SortedMap<String, String>,
}

/// How an agent is started.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct AgentSetting {
    /// Its program and arguments. Empty if the settings name no program.
    pub command: Vec<String>,
    /// The names that its processes have in `ps`.
    pub process_names: Vec<String>,
    /// Its environment. Values that are no texts are left out.
    pub env: SortedMap<String, String>,
}

impl Settings {
    /// Reads the settings below a root. Each problem becomes one of the `notices`.
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
            role_agents: texts_in(&config, "role_agents"),
            crew_agents: texts_in(&config, "crew_agents"),
            ignored_role_agents: texts_in(&registry, "role_agents"),
        };
        if !settings.ignored_role_agents.is_empty() {
            notices.push(format!(
                "role_agents in {AGENTS} is silently ignored by gt: move it to {CONFIG}"
            ));
        }
        settings
    }

    /// The agent that gt would run in a session: of the crew member, else of the role, else the
    /// default.
    #[must_use]
    pub fn agent_of(&self, role: &str, name: Option<&str>) -> Option<&str> {
        let of_crew_member = name
            .filter(|_| role == "crew")
            .and_then(|name| self.crew_agents.get(name));
        of_crew_member
            .or_else(|| self.role_agents.get(role))
            .or(self.default_agent.as_ref())
            .map(String::as_str)
    }
}

/// The texts in the table `key`, by their keys.
fn texts_in(object: &Value, key: &str) -> SortedMap<String, String> {
    let entries = object
        .get(key)
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    entries
        .filter_map(|(key, value)| Some((key.clone(), value.as_str()?.to_owned())))
        .collect()
}

fn agents_in(object: &Value) -> SortedMap<String, AgentSetting> {
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
        env: texts_in(table, "env"),
    }
}
