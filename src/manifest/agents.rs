//! Agents: the built-in ones and the user's, each with its process names settled.

use super::reading::{Reading, path};
use super::wire::AgentTable;
use crate::model::Agent;
use std::collections::BTreeMap;

/// An agent with the argv that starts it; empty when it has none.
#[derive(Debug, Clone, Default)]
pub(crate) struct Known {
    pub(crate) agent: Agent,
    pub(crate) command: Vec<String>,
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
        let own_name = || command.first().map(|program| vec![basename(program).to_owned()]);
        let process_names = table.process_names.clone().or_else(own_name).unwrap_or_default();
        let list = |texts: &Option<Vec<String>>| texts.clone().unwrap_or_default();
        let agent = Agent {
            name: name.to_owned(),
            process_names,
            ready: list(&table.ready),
            busy: list(&table.busy),
            quit: list(&table.quit),
            submit: table.submit.clone().unwrap_or_else(|| vec!["Enter".to_owned()]),
            probe: list(&table.probe),
            resume: list(&table.resume),
        };
        Known { agent, command }
    }
}

/// The last part of a program's path.
pub(crate) fn basename(program: &str) -> &str {
    program.trim_end_matches('/').rsplit('/').next().unwrap_or(program)
}
