//! Turns a session's three tables into a [`Desired`], with all defaults and templates filled in.

use super::agents::{AgentEntry, basename};
use super::check::Path;
use super::fault::{Fault, shown};
use super::gastown::Identity;
use super::reading::{Reading, path};
use super::session::{Named, Tiers, pick};
use super::template::Words;
use super::wire;
use super::wire::env_files::EnvFiles;
use super::wire::times::{Hours, ZoneName};
use super::wire::values::Wait;
use crate::model::{
    self, Agent, Backoff, Completion, Desired, EnvFile, Idling, Launch, Logs, Marker, NudgeText,
    Period, ReadyProbe, RestartPolicy, Schedule, SessionName, TokenLimits,
};
use crate::model::{SortedMap, SortedSet};
use std::path::PathBuf;
use std::sync::Arc;

/// The agent of a session that has neither `agent` nor `command`.
pub(crate) const DEFAULT_AGENT: &str = "claude";
/// The completion markers of a task that gives none: the texts that the notebook of Gas Town's
/// guide waits for, and the results that claude and codex print as JSON.
pub(crate) const TASK_MARKERS: [&str; 4] = [
    "Claude exit code: 0",
    "Agent completed successfully",
    "\"subtype\":\"success\"",
    "\"type\":\"turn.completed\"",
];

/// What all sessions of a manifest share.
pub(crate) struct Scene<'a> {
    /// The town's name.
    pub(crate) town: &'a str,
    /// The Gas Town root, absolute.
    pub(crate) root: Option<PathBuf>,
    pub(crate) agents: SortedMap<String, AgentEntry>,
}

impl Scene<'_> {
    /// The process names of all agents, sorted, each once.
    fn all_process_names(&self) -> Vec<String> {
        let names = self
            .agents
            .values()
            .flat_map(|entry| entry.agent.process_names.iter().cloned());
        let distinct: SortedSet<String> = names.collect();
        distinct.into_iter().collect()
    }
}

/// The fields of a session that have templates or can be faulty.
struct CheckedFields {
    agent: Arc<Agent>,
    launch: Launch,
    command: Vec<String>,
    dir: PathBuf,
    env: SortedMap<String, String>,
    identity_env: SortedMap<String, String>,
    env_files: Vec<EnvFile>,
    pass_env: SortedSet<String>,
    handoff: Option<NudgeText>,
    idling: Idling,
    completion: Completion,
    ready: Option<ReadyProbe>,
    instructions: Option<PathBuf>,
}

impl Reading<'_> {
    /// Resolves one session. Notes its faults, and returns `None` if a needed field has one.
    pub(crate) fn desired(&mut self, scene: &Scene<'_>, named: &Named<'_>) -> Option<Desired> {
        let checked = self.checked_fields(scene, named)?;
        let tiers = &named.tiers;
        let wait = |field: Option<&Wait>| field.map_or(Period::ZERO, |wait| wait.0);
        Some(Desired {
            name: named.name.clone(),
            role: tiers.role_name.to_owned(),
            rig: named.rig().map(str::to_owned),
            agent: checked.agent,
            launch: checked.launch,
            command: checked.command,
            dir: checked.dir,
            env: checked.env,
            identity_env: checked.identity_env,
            env_files: checked.env_files,
            pass_env: checked.pass_env,
            // `Reading::moved` fills it in when all sessions are known.
            moved: SortedSet::new(),
            enabled: pick!(tiers, enabled).copied().unwrap_or(true),
            schedule: self.schedule(tiers),
            restart: restart_policy(tiers),
            wave: pick!(tiers, wave).copied().unwrap_or(1),
            // `Reading::order` fills it in when all sessions are known.
            after: SortedMap::new(),
            ready_after: wait(pick!(tiers, ready_after)),
            ready: checked.ready,
            max_age: self.max_age(scene, named),
            handoff: checked.handoff,
            handoff_gap: wait(pick!(tiers, handoff_gap)),
            drain: wait(pick!(tiers, drain)),
            idling: checked.idling,
            max_memory: pick!(tiers, max_memory).and_then(|memory| memory.0),
            tokens: TokenLimits {
                max_tokens: pick!(tiers, max_tokens).and_then(|limit| limit.0),
                max_context: pick!(tiers, max_context).and_then(|limit| limit.0),
            },
            on_drift: pick!(tiers, on_drift)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            on_upgrade: pick!(tiers, on_upgrade)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            resume: pick!(tiers, resume)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            when_attached: pick!(tiers, when_attached)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            stop_grace: wait(pick!(tiers, stop_grace)),
            completion: checked.completion,
            backoff: backoff(tiers),
            logs: logs(tiers),
            instructions: checked.instructions,
            prune: pick!(tiers, prune).copied().unwrap_or_default(),
            policy: None,
        })
    }

    /// The hours in which it runs. `None` for always.
    fn schedule(&self, tiers: &Tiers<'_>) -> Option<Schedule> {
        let Hours::Some(hours) = pick!(tiers, schedule)? else {
            return None;
        };
        let named = pick!(tiers, timezone).map(|ZoneName(zone)| zone);
        let zone = named.or(self.sources.machine.zone).cloned();
        Some(Schedule {
            hours: hours.clone(),
            zone: zone.unwrap_or_default(),
        })
    }

    fn checked_fields(&mut self, scene: &Scene<'_>, named: &Named<'_>) -> Option<CheckedFields> {
        let tiers = &named.tiers;
        let mut entry = self.agent_of(scene, tiers);
        let agent_name = entry.agent.name.clone();
        let words = named.words(scene.town, Some(&agent_name));
        let identity = Identity {
            role: tiers.role_name,
            rig: named.rig(),
            name: named.own_name(),
        };
        let command = self.command(tiers, &words, &entry);
        let launch = self.launch(scene, tiers, &words);
        let dir = self.dir(scene, tiers, &words, identity);
        let env = self.env(tiers, &words);
        let env_files = self.env_files(tiers, &words);
        let pass_env = self.pass_env(tiers);
        let instructions = self.file(tiers, &words, "instructions", pick!(tiers, instructions));
        let identity_env = scene
            .root
            .as_deref()
            .map(|root| identity.env(root, &named.name, &entry.agent))
            .unwrap_or_default();
        let handoff = self.typed(tiers, &words, "handoff", pick!(tiers, handoff));
        let completion = self.completion(tiers, &words);
        let idling = self.idling(tiers, &words);
        let ready = self.ready(tiers, &words);
        // `?` comes only here, so that one fault does not hide the next.
        let (command, dir, launch) = (command?, dir?, launch?);
        let names_an_agent = pick!(tiers, agent).is_some() || pick!(tiers, command).is_some();
        if launch.commands().is_some() && !names_an_agent {
            // The launcher chooses the agent, so the process can be that of any agent.
            Arc::make_mut(&mut entry.agent).process_names = scene.all_process_names();
        }
        Some(CheckedFields {
            agent: entry.agent,
            launch,
            command,
            dir,
            env,
            identity_env,
            env_files,
            pass_env,
            handoff,
            idling,
            completion,
            ready,
            instructions,
        })
    }

    /// The age at which the session is restarted, with its share of the jitter. `None` for never.
    fn max_age(&self, scene: &Scene<'_>, named: &Named<'_>) -> Option<Period> {
        if self.is_never_too_old(scene, &named.tiers) {
            None
        } else {
            max_age(&named.tiers, &named.name)
        }
    }

    /// Whether it is a plain command, and the user has not set `max_age` for it.
    ///
    /// A command without an agent has no context that a restart would refresh.
    fn is_never_too_old(&self, scene: &Scene<'_>, tiers: &Tiers<'_>) -> bool {
        let program = pick!(tiers, command)
            .and_then(|argv| argv.first())
            .map(|program| basename(program));
        let is_agent = program.is_none_or(|program| scene.agents.contains_key(program));
        let is_plain = tiers.role_name == "custom" && pick!(tiers, agent).is_none() && !is_agent;
        let is_users = || {
            let max_age = tiers.path(self.layers, &["max_age"]);
            let layer = self.layers.layer_of(&max_age);
            layer.is_some_and(|layer| layer.source.is_users())
        };
        is_plain && !is_users()
    }

    /// The session's agent. If it has a `command` but no `agent`, the program is the agent.
    ///
    /// The program of the session's own command becomes the first process name.
    fn agent_of(&mut self, scene: &Scene<'_>, tiers: &Tiers<'_>) -> AgentEntry {
        let argv = pick!(tiers, command);
        let program = argv
            .and_then(|argv| argv.first())
            .map(|program| basename(program).to_owned());
        let mut entry = match (pick!(tiers, agent).map(String::as_str), &program) {
            (None, Some(program)) => AgentEntry {
                agent: Arc::new(Agent {
                    name: program.clone(),
                    submit: vec!["Enter".to_owned()],
                    clear: vec!["C-u".to_owned()],
                    ..Agent::default()
                }),
                command: Vec::new(),
            },
            (named, _) => self.declared_agent(scene, tiers, named.unwrap_or(DEFAULT_AGENT)),
        };
        if let Some(program) = program.filter(|program| !program.is_empty()) {
            let names = &mut Arc::make_mut(&mut entry.agent).process_names;
            names.retain(|name| *name != program);
            names.insert(0, program);
        }
        entry
    }

    /// The agent of this name. Notes a fault if there is none.
    fn declared_agent(&mut self, scene: &Scene<'_>, tiers: &Tiers<'_>, name: &str) -> AgentEntry {
        if let Some(entry) = scene.agents.get(name) {
            return entry.clone();
        }
        let fault = self.unknown_agent(scene, tiers, name);
        self.faults.push(fault);
        // With a stand-in the session's other fields are checked, too.
        AgentEntry {
            agent: Arc::new(Agent {
                name: name.to_owned(),
                ..Agent::default()
            }),
            command: vec![name.to_owned()],
        }
    }

    fn unknown_agent(&self, scene: &Scene<'_>, tiers: &Tiers<'_>, name: &str) -> Fault {
        self.at(
            &tiers.path(self.layers, &["agent"]),
            "unknown-agent",
            format!("there is no agent `{}`", shown(name)),
        )
        .label("not known")
        .did_you_mean(name, scene.agents.keys().map(String::as_str), || {
            format!(
                "declare it: [agents.{0}] with command = [\"{0}\"]",
                shown(name)
            )
        })
    }

    fn command(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        entry: &AgentEntry,
    ) -> Option<Vec<String>> {
        let layers = self.layers;
        let own = pick!(tiers, command);
        let argv = own.unwrap_or(&entry.command);
        let at = || match own {
            Some(_) => tiers.path(layers, &["command"]),
            None => path(["agents", &entry.agent.name]),
        };
        if argv.first().is_none_or(|program| program.trim().is_empty()) {
            let fault = self.at(&at(), "empty-command", "the command is empty");
            self.faults.push(
                fault.help("write the program first, as in command = [\"claude\", \"--continue\"]"),
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
            .map(|(index, text)| self.fill(words, text, || element(index)))
            .collect()
    }

    fn dir(
        &mut self,
        scene: &Scene<'_>,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        identity: Identity<'_>,
    ) -> Option<PathBuf> {
        if pick!(tiers, dir).is_some() {
            return self.file(tiers, words, "dir", pick!(tiers, dir));
        }
        let of_role = scene.root.as_deref().and_then(|root| identity.dir(root));
        Some(of_role.unwrap_or_else(|| self.sources.base_dir.to_path_buf()))
    }

    /// The absolute path in a field that holds a path.
    fn file(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        field: &'static str,
        text: Option<&String>,
    ) -> Option<PathBuf> {
        let layers = self.layers;
        let at = || tiers.path(layers, &[field]);
        let filled = self.fill(words, text?, at)?;
        self.absolute(&filled, at)
    }

    fn env(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> SortedMap<String, String> {
        let layers = self.layers;
        let mut env = SortedMap::new();
        for table in [&tiers.defaults.env, &tiers.role.env, &tiers.session.env] {
            for (name, value) in table.iter().flatten() {
                let at = || tiers.path(layers, &["env", name]);
                if !is_variable(name) {
                    let fault = self.at(
                        &at(),
                        "bad-variable",
                        format!("`{}` is not a valid variable name", shown(name)),
                    );
                    self.faults.push(fault.help(
                        "use letters, digits and `_`, no digit first; GTCTL_* is reserved for gtctl",
                    ));
                } else if let Some(value) = self.fill(words, value, at) {
                    env.insert(name.clone(), value);
                }
            }
        }
        env
    }

    fn env_files(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> Vec<EnvFile> {
        let layers = self.layers;
        let (files, is_list) = match pick!(tiers, env_file) {
            None => return Vec::new(),
            Some(EnvFiles::One(file)) => (std::slice::from_ref(file), false),
            Some(EnvFiles::List(files)) => (files.as_slice(), true),
        };
        let file = |(index, file): (usize, &wire::env_files::EnvFileEntry)| {
            let at = || {
                let field = tiers.path(layers, &["env_file"]);
                let index = is_list.then(|| index.to_string());
                field.into_iter().chain(index).collect::<Path>()
            };
            let filled = self.fill(words, &file.path, at)?;
            Some(EnvFile {
                path: self.absolute(&filled, at)?,
                optional: file.optional,
            })
        };
        files.iter().enumerate().filter_map(file).collect()
    }

    fn pass_env(&mut self, tiers: &Tiers<'_>) -> SortedSet<String> {
        let mut names = SortedSet::new();
        for list in [
            &tiers.defaults.pass_env,
            &tiers.role.pass_env,
            &tiers.session.pass_env,
        ] {
            for name in list.iter().flatten() {
                if is_variable(name) {
                    names.insert(name.clone());
                    continue;
                }
                let at = tiers.path(self.layers, &["pass_env"]);
                let fault = self.at(
                    &at,
                    "bad-variable",
                    format!("`{}` is not a valid variable name", shown(name)),
                );
                let help =
                    "use letters, digits and `_`, no digit first; GTCTL_* is reserved for gtctl";
                self.faults.push(fault.help(help));
            }
        }
        names
    }

    fn completion(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> Completion {
        let layers = self.layers;
        let log = pick!(tiers, completion.log).and_then(|log| {
            let at = || tiers.path(layers, &["completion", "log"]);
            let filled = self.fill(words, log, at)?;
            self.absolute(&filled, at)
        });
        let markers = match (pick!(tiers, completion.markers), restart_policy(tiers)) {
            (Some(markers), _) => markers.iter().map(|marker| marker.0.clone()).collect(),
            (None, RestartPolicy::OnFailure | RestartPolicy::Never) => task_markers(),
            (None, RestartPolicy::Always) => Vec::new(),
        };
        Completion {
            markers,
            grace: pick!(tiers, completion.grace).map_or(Period::from_mins(5), |wait| wait.0),
            log: log.map(|path| path.to_string_lossy().into_owned()),
            turn_ended: pick!(tiers, completion.turn_ended).and_then(|limit| limit.period()),
        }
    }
}

impl Reading<'_> {
    fn idling(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> Idling {
        let nudge = self.typed(tiers, words, "idle_nudge", pick!(tiers, idle_nudge));
        let limit_nudge = self.typed(tiers, words, "limit_nudge", pick!(tiers, limit_nudge));
        Idling {
            idle_limit: pick!(tiers, idle_limit).and_then(|limit| limit.period()),
            on_idle: pick!(tiers, on_idle)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            nudge: nudge.unwrap_or_default(),
            on_limit_end: pick!(tiers, on_limit_end)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            limit_nudge: limit_nudge.unwrap_or_else(NudgeText::after_limit),
            stuck_after: pick!(tiers, stuck_after).and_then(|limit| limit.period()),
        }
    }

    /// The text that gtctl types, from the template in `field`.
    fn typed(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        field: &'static str,
        text: Option<&String>,
    ) -> Option<NudgeText> {
        let layers = self.layers;
        let at = || tiers.path(layers, &[field]);
        let filled = self.fill(words, text?, at)?;
        match NudgeText::new(&filled) {
            Ok(typed) => Some(typed),
            Err(error) => {
                let fault = self.at(&at(), "bad-text", error.to_string());
                self.faults.push(fault.help(error.help()));
                None
            }
        }
    }
}

fn restart_policy(tiers: &Tiers<'_>) -> RestartPolicy {
    pick!(tiers, restart)
        .map(|word| word.meaning())
        .unwrap_or_default()
}

/// [`TASK_MARKERS`] as markers.
pub(crate) fn task_markers() -> Vec<Marker> {
    TASK_MARKERS
        .map(|text| Marker::Text(text.to_owned()))
        .to_vec()
}

/// Whether a session may have a variable of this name. gtctl sets `GTCTL_*` itself.
fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("GTCTL_")
}

/// `max_age` plus this session's share of `max_age_jitter`.
fn max_age(tiers: &Tiers<'_>, name: &SessionName) -> Option<Period> {
    let limit = pick!(tiers, max_age)?.period()?;
    let jitter = pick!(tiers, max_age_jitter).map_or(Period::ZERO, |wait| wait.0);
    Some(limit.plus(share(name, jitter)))
}

/// A part of `most` from zero to all of it, always the same for one name.
///
/// It has whole seconds if `most` is a second or longer.
fn share(name: &SessionName, most: Period) -> Period {
    let unit = if most.millis() >= 1000 { 1000 } else { 1 };
    // FNV-1a, then one mixing step: similar names get very different shares. The result must not
    // differ between versions of gtctl, because it decides when sessions restart.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.as_str().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    Period::from_millis((hash >> 11) % (most.millis() / unit + 1) * unit)
}

fn backoff(tiers: &Tiers<'_>) -> Backoff {
    let default = Backoff::default();
    Backoff {
        first: pick!(tiers, backoff.first).map_or(default.first, |wait| wait.0),
        max: pick!(tiers, backoff.max).map_or(default.max, |period| period.0),
        jitter: pick!(tiers, backoff.jitter).map_or(default.jitter, |share| share.0),
        reset_after: pick!(tiers, backoff.reset_after)
            .map_or(default.reset_after, |period| period.0),
        burst: pick!(tiers, backoff.burst).map_or(default.burst, |count| count.get()),
        window: pick!(tiers, backoff.window).map_or(default.window, |period| period.0),
    }
}

fn logs(tiers: &Tiers<'_>) -> Logs {
    let default = model::Logs::default();
    Logs {
        size: pick!(tiers, logs.size).map_or(default.size, |size| size.0),
        files: pick!(tiers, logs.files).map_or(default.files, |count| count.get()),
        keep: pick!(tiers, logs.keep).map_or(default.keep, |count| count.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_fixed_bounded_and_spread() {
        let most = Period::from_mins(5);
        let names = ["a", "b", "gt-shop-crew-1", "gt-shop-crew-2", "hq-mayor"];
        let shares: SortedSet<_> = names
            .map(|n| share(&SessionName::new(n).expect(n), most))
            .into();
        assert_eq!(shares.len(), names.len());
        assert!(shares.iter().all(|s| *s <= most));
        assert_eq!(
            share(&SessionName::new("a").expect("a"), Period::ZERO),
            Period::ZERO
        );
    }
}
