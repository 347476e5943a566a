//! Whether a session is started by gtctl itself or by commands, and by which.

use super::check::Path;
use super::desired::Scene;
use super::fault::{Fault, Severity, ValueOrigin, shown};
use super::layer::Part;
use super::reading::{Reading, path};
use super::session::{Tiers, pick};
use super::template::Words;
use crate::model::{Commands, Launch, Launcher, Period};

/// An argument with this word in it is only given where the manifest names an agent.
const AGENT: &str = "{agent}";

impl Reading<'_> {
    /// How a session is started and stopped, or nothing when a fault kept that from being told.
    ///
    /// By commands where `launcher` says so, or where a user has given its role a `start` and
    /// nobody says otherwise. What `[defaults]` say is not meant for roles that gt does not know.
    pub(crate) fn launch(
        &mut self,
        scene: &Scene<'_>,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
    ) -> Option<Launch> {
        let layers = self.layers;
        let said = tiers.path(layers, &["launcher"]);
        let is_users =
            |at: &[String]| !matches!(layers.origin(at, Part::Value), ValueOrigin::BuiltIn(_));
        let own_start = path(["roles", tiers.role_name, "start"]);
        let launcher = pick!(tiers, launcher)
            .map(|word| word.meaning())
            .unwrap_or_default();
        let by_commands = match launcher {
            Launcher::Gt => true,
            Launcher::Tmux => {
                tiers.role.start.is_some() && is_users(&own_start) && !is_users(&said)
            }
        };
        if !by_commands {
            return Some(Launch::Tmux);
        }
        if tiers.role.start.is_none() {
            if said.first().is_some_and(|table| table == "defaults") {
                return Some(Launch::Tmux);
            }
            let fault = self.no_start(tiers, &said);
            self.faults.push(fault);
            return None;
        }
        if launcher == Launcher::Gt && scene.root.is_none() && !is_users(&own_start) {
            let fault = self.at(
                &said,
                "no-root",
                "gtctl runs gt in the town's root, but the manifest has no `root`",
            );
            self.add_once(
                fault.help("add root = \"~/gt\" to [town], with your Gas Town's directory"),
            );
            return None;
        }
        self.unused(tiers);
        self.commands(scene, tiers, words)
            .map(|commands| Launch::Commands(Box::new(commands)))
    }

    fn no_start(&self, tiers: &Tiers<'_>, at: &[String]) -> Fault {
        let role = shown(tiers.role_name);
        self.at(
            at,
            "no-start",
            format!("role `{role}` has no command that starts it"),
        )
        .label("gt does not know this role")
        .help(format!(
            "write launcher = \"tmux\", or add `start` to [roles.{role}]"
        ))
    }

    /// One fault, where many sessions share what is wrong.
    pub(crate) fn add_once(&mut self, fault: Fault) {
        let is_same = |known: &Fault| known.code == fault.code && known.origin == fault.origin;
        if !self.faults.iter().any(is_same) {
            self.faults.push(fault);
        }
    }

    /// Says of what only matters to sessions that gtctl starts itself that it changes nothing here.
    fn unused(&mut self, tiers: &Tiers<'_>) {
        let given = [
            (
                "env",
                tiers.session.env.is_some() || tiers.role.env.is_some(),
            ),
            (
                "env_file",
                tiers.session.env_file.is_some() || tiers.role.env_file.is_some(),
            ),
        ];
        for (field, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
            let at = tiers.path(self.layers, &[field]);
            let message = format!(
                "`{field}` has no effect here, because the launcher's commands start this session"
            );
            let mut fault = self.at(&at, "unused", message);
            fault.severity = Severity::Advice;
            self.add_once(fault.help("write launcher = \"tmux\" if gtctl should start it itself"));
        }
    }

    fn commands(
        &mut self,
        scene: &Scene<'_>,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
    ) -> Option<Commands> {
        let role = tiers.role;
        let agent = pick!(tiers, agent).cloned();
        let start = self.argv_of(
            tiers,
            words,
            "start",
            role.start.as_deref(),
            agent.is_some(),
        );
        let stop = self.argv_of(tiers, words, "stop", role.stop.as_deref(), agent.is_some());
        let restart = self.argv_of(
            tiers,
            words,
            "restart_command",
            role.restart_command.as_deref(),
            agent.is_some(),
        );
        let nudge = self.argv_of(
            tiers,
            words,
            "nudge",
            role.nudge.as_deref(),
            agent.is_some(),
        );
        let is_told = |argv: Option<&Vec<String>>| {
            argv.into_iter().flatten().any(|word| word.contains(AGENT))
        };
        // A restart that cannot be determined the agent would bring another one.
        let would_lose_agent = agent.is_some()
            && is_told(role.start.as_ref())
            && !is_told(role.restart_command.as_ref());
        let restart = restart?;
        Some(Commands {
            start: start?,
            stop: stop?,
            restart: if would_lose_agent {
                Vec::new()
            } else {
                restart
            },
            nudge: nudge?,
            dir: scene
                .root
                .clone()
                .unwrap_or_else(|| self.sources.base_dir.to_path_buf()),
            agent,
            leaves_orphans: role.leaves_orphans.unwrap_or_default(),
            start_timeout: pick!(tiers, start_timeout)
                .map_or(Period::from_mins(5), |period| period.0),
            stop_timeout: pick!(tiers, stop_grace).map_or(Period::from_secs(30), |wait| wait.0),
        })
    }

    /// One of the role's commands, filled in; empty where it has none.
    fn argv_of(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        field: &'static str,
        argv: Option<&[String]>,
        names_agent: bool,
    ) -> Option<Vec<String>> {
        let Some(argv) = argv else {
            return Some(Vec::new());
        };
        let at = || path(["roles", tiers.role_name, field]);
        let is_empty = argv.first().is_none_or(|program| program.trim().is_empty());
        if is_empty && (field == "start" || !argv.is_empty()) {
            let fault = self.at(&at(), "empty-command", "the command is empty");
            self.add_once(
                fault.help("write the program first, as in [\"gt\", \"mayor\", \"start\"]"),
            );
            return None;
        }
        let element = |index: usize| {
            at().into_iter()
                .chain([index.to_string()])
                .collect::<Path>()
        };
        let given = argv
            .iter()
            .enumerate()
            .filter(|(_, word)| names_agent || !word.contains(AGENT));
        given
            .map(|(index, word)| self.fill(words, word, || element(index)))
            .collect()
    }
}
