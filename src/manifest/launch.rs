//! Decides how a session is started: by gtctl itself, or by the commands of its role.

use super::check::Path;
use super::desired::Scene;
use super::fault::{Fault, Severity, ValueOrigin, shown};
use super::layer::Part;
use super::reading::{Reading, path};
use super::session::{Tiers, pick};
use super::template::Words;
use crate::model::{Commands, Launch, Launcher, Period};

/// A word of a command that contains this is left out unless the manifest names an agent.
const AGENT: &str = "{agent}";

impl Reading<'_> {
    /// How a session is started and stopped. `None` if a fault hides that.
    ///
    /// Commands start it in two cases: `launcher` says so, or the user has given its role a `start`
    /// and has set no `launcher`. A `launcher` in `[defaults]` does not apply to a role without a
    /// `start`.
    pub(crate) fn launch(
        &mut self,
        scene: &Scene<'_>,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
    ) -> Option<Launch> {
        let layers = self.layers;
        let launcher = pick!(tiers, launcher)
            .map(|word| word.meaning())
            .unwrap_or_default();
        if launcher == Launcher::Tmux && tiers.role.start.is_none() {
            return Some(Launch::Tmux);
        }
        let is_users =
            |at: &[String]| !matches!(layers.origin(at, Part::Value), ValueOrigin::BuiltIn(_));
        let start_path = path(["roles", tiers.role_name, "start"]);
        let by_commands = match launcher {
            Launcher::Gt => true,
            Launcher::Tmux => {
                is_users(&start_path) && !is_users(&tiers.path(layers, &["launcher"]))
            }
        };
        if !by_commands {
            return Some(Launch::Tmux);
        }
        let launcher_path = tiers.path(layers, &["launcher"]);
        if tiers.role.start.is_none() {
            if launcher_path
                .first()
                .is_some_and(|table| table == "defaults")
            {
                return Some(Launch::Tmux);
            }
            let fault = self.no_start(tiers, &launcher_path);
            self.faults.push(fault);
            return None;
        }
        if launcher == Launcher::Gt && scene.root.is_none() && !is_users(&start_path) {
            let fault = self.at(
                &launcher_path,
                "no-root",
                "gtctl runs gt in the town's root, but the manifest has no `root`",
            );
            self.add_once(
                fault.help("add root = \"~/gt\" to [town], with your Gas Town's directory"),
            );
            return None;
        }
        self.advise_unused(tiers);
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

    /// Notes a fault unless this was done before for the same code and place.
    ///
    /// Many sessions can share one faulty value of a role, of `[defaults]`, or of a `[[session]]`
    /// that makes several.
    pub(crate) fn add_once(&mut self, fault: Fault) {
        if self.noted.insert((fault.code, fault.origin.clone())) {
            self.faults.push(fault);
        }
    }

    /// Advises about fields that have no effect on a session that commands start.
    fn advise_unused(&mut self, tiers: &Tiers<'_>) {
        let fields = [
            (
                "env",
                tiers.session.env.is_some() || tiers.role.env.is_some(),
            ),
            (
                "env_file",
                tiers.session.env_file.is_some() || tiers.role.env_file.is_some(),
            ),
        ];
        for (field, is_given) in fields {
            if !is_given {
                continue;
            }
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
        let start = self.argv_of(tiers, words, "start", role.start.as_deref());
        let stop = self.argv_of(tiers, words, "stop", role.stop.as_deref());
        let restart_argv = role.restart_command.as_deref();
        let restart = self.argv_of(tiers, words, "restart_command", restart_argv);
        let nudge = self.argv_of(tiers, words, "nudge", role.nudge.as_deref());
        let takes_agent = |argv: Option<&Vec<String>>| {
            argv.into_iter().flatten().any(|word| word.contains(AGENT))
        };
        // A restart command that does not take the agent's name would start another agent.
        let would_lose_agent = agent.is_some()
            && takes_agent(role.start.as_ref())
            && !takes_agent(role.restart_command.as_ref());
        // `?` comes only here, so that one faulty command does not hide the next.
        let (start, stop, restart, nudge) = (start?, stop?, restart?, nudge?);
        Some(Commands {
            start,
            stop,
            restart: if would_lose_agent {
                Vec::new()
            } else {
                restart
            },
            nudge,
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

    /// One of the role's commands, with its templates filled in. Empty if the role lacks it.
    ///
    /// Words with `{agent}` are left out unless the manifest names an agent.
    fn argv_of(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        field: &'static str,
        argv: Option<&[String]>,
    ) -> Option<Vec<String>> {
        let Some(argv) = argv else {
            return Some(Vec::new());
        };
        let names_agent = pick!(tiers, agent).is_some();
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
        argv.iter()
            .enumerate()
            .filter(|(_, word)| names_agent || !word.contains(AGENT))
            .map(|(index, word)| self.fill(words, word, || element(index)))
            .collect()
    }
}
