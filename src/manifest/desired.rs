//! From a session's tables to a [`Desired`]: every default resolved, every template filled in.

use super::agents::{Known, basename};
use super::check::Path;
use super::fault::{Fault, shown};
use super::gastown::Identity;
use super::reading::{Reading, path};
use super::session::{Named, Tiers, pick};
use super::template::Words;
use super::wire::values::Wait;
use crate::model::{
    self, Agent, Backoff, Completion, Desired, Idling, Logs, Marker, NudgeText, Period,
    RestartPolicy, SessionName,
};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The agent of a session that names none and has no command of its own.
pub(crate) const DEFAULT_AGENT: &str = "claude";
/// What the notebook takes as a task's completion.
pub(crate) const TASK_MARKERS: [&str; 3] = [
    "Claude exit code: 0",
    "Agent completed successfully",
    "\"subtype\":\"success\"",
];

/// What all sessions are resolved against.
pub(crate) struct Scene<'a> {
    pub(crate) town: &'a str,
    pub(crate) root: Option<PathBuf>,
    pub(crate) agents: BTreeMap<String, Known>,
}

impl Scene<'_> {
    /// The process names of all agents, each once, in order.
    fn all_process_names(&self) -> Vec<String> {
        let names = self
            .agents
            .values()
            .flat_map(|known| known.agent.process_names.iter().cloned());
        let distinct: BTreeSet<String> = names.collect();
        distinct.into_iter().collect()
    }
}

impl Reading<'_> {
    /// One session, or nothing when a fault kept it from being resolved.
    pub(crate) fn desired(&mut self, scene: &Scene<'_>, named: &Named<'_>) -> Option<Desired> {
        let Named {
            tiers,
            name,
            rig,
            prefix: _,
            own_name,
        } = named;
        let mut known = self.agent_of(scene, tiers);
        let agent_name = known.agent.name.clone();
        let words = words_of(scene, named, &agent_name);
        let identity = Identity {
            role: tiers.role_name,
            rig: *rig,
            name: *own_name,
        };
        let command = self.command(tiers, &words, &known);
        let launch = self.launch(scene, tiers, &words);
        let dir = self.dir(scene, tiers, &words, identity);
        let env = self.env(tiers, &words);
        let env_file = self.file(tiers, &words, "env_file", pick!(tiers, env_file));
        let pass_env = self.pass_env(tiers);
        let instructions = self.file(tiers, &words, "instructions", pick!(tiers, instructions));
        let identity_env = scene
            .root
            .as_deref()
            .map(|root| identity.env(root, name, &known.agent))
            .unwrap_or_default();
        let handoff = self.typed(tiers, &words, "handoff", pick!(tiers, handoff));
        let restart =
            pick!(tiers, restart).map_or_else(RestartPolicy::default, |word| word.meaning());
        let completion = self.completion(tiers, &words, restart);
        let idling = self.idling(tiers, &words);
        let max_age = self.max_age(scene, named);
        // Only now, so that one fault hides no other.
        let (command, dir, launch) = (command?, dir?, launch?);
        let names_an_agent = pick!(tiers, agent).is_some() || pick!(tiers, command).is_some();
        if launch.commands().is_some() && !names_an_agent {
            // Its launcher chooses the agent: any that is known will do.
            known.agent.process_names = scene.all_process_names();
        }
        let wait = |field: Option<&Wait>| field.map_or(Period::ZERO, |wait| wait.0);
        Some(Desired {
            name: name.clone(),
            role: tiers.role_name.to_owned(),
            rig: rig.map(str::to_owned),
            agent: known.agent,
            launch,
            command,
            dir,
            env,
            identity_env,
            env_file,
            pass_env,
            restart,
            wave: pick!(tiers, wave).copied().unwrap_or(1),
            after: BTreeMap::new(),
            ready_after: wait(pick!(tiers, ready_after)),
            max_age,
            handoff,
            handoff_gap: wait(pick!(tiers, handoff_gap)),
            drain: wait(pick!(tiers, drain)),
            idling,
            max_memory: pick!(tiers, max_memory).and_then(|memory| memory.0),
            on_drift: pick!(tiers, on_drift)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            when_attached: pick!(tiers, when_attached)
                .map(|word| word.meaning())
                .unwrap_or_default(),
            stop_grace: wait(pick!(tiers, stop_grace)),
            completion,
            backoff: backoff(tiers),
            logs: logs(tiers),
            instructions,
            prune: pick!(tiers, prune).copied().unwrap_or_default(),
            policy: None,
        })
    }

    /// How old it may become. None where it may become as old as it will.
    fn max_age(&self, scene: &Scene<'_>, named: &Named<'_>) -> Option<Period> {
        if self.is_never_too_old(scene, &named.tiers) {
            None
        } else {
            max_age(&named.tiers, &named.name)
        }
    }

    /// Whether nobody has said how old it may become, and it is no agent: a plain command has no
    /// context to be refreshed.
    fn is_never_too_old(&self, scene: &Scene<'_>, tiers: &Tiers<'_>) -> bool {
        let program = pick!(tiers, command)
            .and_then(|argv| argv.first())
            .map(|program| basename(program));
        let is_known = program.is_none_or(|program| scene.agents.contains_key(program));
        let is_plain = tiers.role_name == "custom" && pick!(tiers, agent).is_none() && !is_known;
        let says = self.layers.layer_of(&tiers.path(self.layers, &["max_age"]));
        is_plain && says.is_none_or(|layer| !layer.source.is_users())
    }

    /// The session's agent with its process names settled. Without agent but with a command, the
    /// program is the agent.
    fn agent_of(&mut self, scene: &Scene<'_>, tiers: &Tiers<'_>) -> Known {
        let argv = pick!(tiers, command);
        let program = argv
            .and_then(|argv| argv.first())
            .map(|program| basename(program).to_owned());
        let mut known = match (pick!(tiers, agent).map(String::as_str), &program) {
            (None, Some(program)) => {
                let agent = Agent {
                    name: program.clone(),
                    submit: vec!["Enter".to_owned()],
                    clear: vec!["C-u".to_owned()],
                    ..Agent::default()
                };
                Known {
                    agent,
                    command: Vec::new(),
                }
            }
            (named, _) => {
                let named = named.unwrap_or(DEFAULT_AGENT);
                scene.agents.get(named).cloned().unwrap_or_else(|| {
                    let fault = self.unknown_agent(scene, tiers, named);
                    self.faults.push(fault);
                    // A stand-in, to look for further faults with: the manifest is refused.
                    Known {
                        agent: Agent {
                            name: named.to_owned(),
                            ..Agent::default()
                        },
                        command: vec![named.to_owned()],
                    }
                })
            }
        };
        if let Some(program) = program.filter(|program| !program.is_empty()) {
            known.agent.process_names.retain(|name| *name != program);
            known.agent.process_names.insert(0, program);
        }
        known
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
        known: &Known,
    ) -> Option<Vec<String>> {
        let layers = self.layers;
        let given = pick!(tiers, command);
        let argv = given.unwrap_or(&known.command);
        let at = || match given {
            Some(_) => tiers.path(layers, &["command"]),
            None => path(["agents", &known.agent.name]),
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
        let town = scene.root.as_deref().and_then(|root| identity.dir(root));
        Some(town.unwrap_or_else(|| self.sources.base_dir.to_path_buf()))
    }

    /// A path among a session's fields.
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

    fn env(&mut self, tiers: &Tiers<'_>, words: &Words<'_>) -> BTreeMap<String, String> {
        let layers = self.layers;
        let mut env = BTreeMap::new();
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

    fn pass_env(&mut self, tiers: &Tiers<'_>) -> BTreeSet<String> {
        let mut names = BTreeSet::new();
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

    fn completion(
        &mut self,
        tiers: &Tiers<'_>,
        words: &Words<'_>,
        restart: RestartPolicy,
    ) -> Completion {
        let layers = self.layers;
        let log = pick!(tiers, completion.log).and_then(|log| {
            let at = || tiers.path(layers, &["completion", "log"]);
            let filled = self.fill(words, log, at)?;
            self.absolute(&filled, at)
        });
        let markers = match (pick!(tiers, completion.markers), restart) {
            (Some(markers), _) => markers.iter().map(|marker| marker.0.clone()).collect(),
            (None, RestartPolicy::OnFailure | RestartPolicy::Never) => task_markers(),
            (None, RestartPolicy::Always) => Vec::new(),
        };
        Completion {
            markers,
            grace: pick!(tiers, completion.grace).map_or(Period::from_mins(5), |wait| wait.0),
            log: log.map(|path| path.to_string_lossy().into_owned()),
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

    /// A text to be typed, from the template in `field`.
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
        let text = NudgeText::new(&filled);
        text.map_err(|e| {
            self.faults
                .push(self.at(&at(), "bad-text", e.to_string()).help(e.help()));
        })
        .ok()
    }
}

/// The notebook's markers.
pub(crate) fn task_markers() -> Vec<Marker> {
    TASK_MARKERS
        .map(|text| Marker::Text(text.to_owned()))
        .to_vec()
}

fn is_variable(name: &str) -> bool {
    let mut chars = name.chars();
    chars
        .next()
        .is_some_and(|c| c.is_ascii_alphabetic() || c == '_')
        && chars.all(|c| c.is_ascii_alphanumeric() || c == '_')
        && !name.starts_with("GTCTL_")
}

/// `max_age` with this session's own share of `max_age_jitter` added.
/// What the placeholders of a session's templates stand for.
fn words_of<'a>(scene: &Scene<'a>, named: &'a Named<'a>, agent: &'a str) -> Words<'a> {
    Words {
        town: scene.town,
        rig: named.rig,
        prefix: named.prefix.as_deref(),
        name: named.own_name,
        role: named.tiers.role_name,
        agent: Some(agent),
        session: Some(named.name.as_str()),
    }
}

fn max_age(tiers: &Tiers<'_>, name: &SessionName) -> Option<Period> {
    let limit = pick!(tiers, max_age)?.period()?;
    let jitter = pick!(tiers, max_age_jitter).map_or(Period::ZERO, |wait| wait.0);
    Some(limit.plus(share(name, jitter)))
}

/// A fixed share of `most` for a name, between none and all of it; whole seconds where there are
/// any.
fn share(name: &SessionName, most: Period) -> Period {
    let unit = if most.millis() >= 1000 { 1000 } else { 1 };
    // FNV-1a, finished by a multiplication so that near names fall far apart. Stable: it decides
    // when sessions restart.
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in name.as_str().bytes() {
        hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
    }
    hash = (hash ^ (hash >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    Period::from_millis((hash >> 11) % (most.millis() / unit + 1) * unit)
}

fn backoff(tiers: &Tiers<'_>) -> Backoff {
    let usual = Backoff::default();
    Backoff {
        first: pick!(tiers, backoff.first).map_or(usual.first, |wait| wait.0),
        max: pick!(tiers, backoff.max).map_or(usual.max, |period| period.0),
        jitter: pick!(tiers, backoff.jitter).map_or(usual.jitter, |share| share.0),
        reset_after: pick!(tiers, backoff.reset_after).map_or(usual.reset_after, |period| period.0),
        burst: pick!(tiers, backoff.burst).map_or(usual.burst, |count| count.get()),
        window: pick!(tiers, backoff.window).map_or(usual.window, |period| period.0),
    }
}

fn logs(tiers: &Tiers<'_>) -> Logs {
    let usual = model::Logs::default();
    Logs {
        size: pick!(tiers, logs.size).map_or(usual.size, |size| size.0),
        files: pick!(tiers, logs.files).map_or(usual.files, |count| count.get()),
        keep: pick!(tiers, logs.keep).map_or(usual.keep, |count| count.get()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_fixed_bounded_and_spread() {
        let most = Period::from_mins(5);
        let names = ["a", "b", "gt-shop-crew-1", "gt-shop-crew-2", "hq-mayor"];
        let shares: BTreeSet<_> = names
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
