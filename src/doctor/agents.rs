//! Checks that the agents of the town are installed and signed in.

use super::install::{self, on_path};
use super::{Patient, shown};
use crate::act::probe;
use crate::model::SortedMap;
use crate::model::{Agent, Answer, Block, Checked, Chore, ChoreKind, Desired, Fix, Probe, Town};
use crate::proc::{clock, program};
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

const CHECK: &str = "agent";
/// How long an agent may take to say whether it is signed in. Some ask their provider first.
const DEADLINE: Duration = Duration::from_secs(20);

/// The built-in agents that have a program of their own, and the program. The most common first.
pub const AGENTS: [(&str, &str); 7] = [
    ("claude", "claude"),
    ("kimigas", "kimigas"),
    ("kimi", "kimi"),
    ("codex", "codex"),
    ("gemini", "gemini"),
    ("opencode", "opencode"),
    ("aider", "aider"),
];

pub(super) async fn check(patient: &Patient<'_>) -> Vec<Checked> {
    match patient.town {
        Some(town) => of_town(town).await,
        None => vec![of_machine()],
    }
}

/// Which agents are on PATH. Without a town none is needed, so all is well in any case.
fn of_machine() -> Checked {
    let installed: Vec<&str> = AGENTS
        .iter()
        .filter(|(_, file)| on_path(file).is_some())
        .map(|(name, _)| *name)
        .collect();
    let message = if installed.is_empty() {
        "no agent that gtctl knows is on PATH; any other command works too".to_owned()
    } else {
        format!("on PATH: {}", installed.join(", "))
    };
    Checked::well(CHECK, message)
}

async fn of_town(town: &Town) -> Vec<Checked> {
    let mut checked = programs_of(town).await;
    checked.extend(keys(town));
    checked.extend(folders(town));
    checked.extend(others(town));
    checked
}

/// Whether each agent of the town is installed and signed in.
pub(super) async fn programs_of(town: &Town) -> Vec<Checked> {
    let mut programs: SortedMap<(&str, &str), Vec<&Desired>> = SortedMap::new();
    for desired in town.declared() {
        let program = desired.command.first().map_or("", String::as_str);
        programs
            .entry((&desired.agent.name, program))
            .or_default()
            .push(desired);
    }
    let mut checked = Vec::new();
    let mut to_probe = SortedMap::new();
    for ((agent, program), sessions) in programs {
        let Some(first) = sessions.first() else {
            continue;
        };
        match place(first, program) {
            Some(file) => {
                checked.push(Checked::well(
                    CHECK,
                    format!("{agent} is at {}", shown(&file)),
                ));
                if !first.agent.probe.is_empty() {
                    to_probe.entry(agent).or_insert_with(|| (*first).clone());
                }
            }
            None => checked.push(missing(program, &sessions)),
        }
    }
    checked.extend(signed_in(to_probe.into_values()).await);
    checked
}

/// The variables with which agents can sign in. An agent may also keep a sign-in of its own.
const KEYS: [(&str, &[&str]); 6] = [
    (
        "claude",
        &[
            "ANTHROPIC_API_KEY",
            "ANTHROPIC_AUTH_TOKEN",
            "ANTHROPIC_BASE_URL",
            "CLAUDE_CODE_OAUTH_TOKEN",
        ],
    ),
    ("codex", &["OPENAI_API_KEY", "CODEX_API_KEY"]),
    (
        "gemini",
        &[
            "GEMINI_API_KEY",
            "GOOGLE_API_KEY",
            "GOOGLE_APPLICATION_CREDENTIALS",
        ],
    ),
    ("kimi", &["KIMI_API_KEY", "MOONSHOT_API_KEY"]),
    ("kimigas", &["KIMI_API_KEY", "MOONSHOT_API_KEY"]),
    ("aider", &["ANTHROPIC_API_KEY", "OPENAI_API_KEY"]),
];

/// Advises about keys that are set in the environment of gtctl, and that their agents do not get.
///
/// The message has only the names of variables, never a value.
fn keys(town: &Town) -> Vec<Checked> {
    let mut checked = Vec::new();
    for (agent, names) in KEYS {
        // A launcher gives its sessions an environment of its own. An `env_file` may hold the key,
        // but it holds secrets, so it is not read here.
        let is_plain =
            |desired: &&Desired| desired.commands().is_none() && desired.env_files.is_empty();
        let sessions: Vec<_> = town
            .declared()
            .filter(|desired| desired.agent.name == agent)
            .filter(is_plain)
            .collect();
        let lacks = |desired: &Desired, name: &str| {
            !desired.env.contains_key(name) && !desired.pass_env.contains(name)
        };
        let is_missing = |name: &&&str| {
            std::env::var_os(name).is_some() && sessions.iter().any(|desired| lacks(desired, name))
        };
        let missing: Vec<&str> = names.iter().filter(is_missing).copied().collect();
        if missing.is_empty() {
            continue;
        }
        let quoted: Vec<String> = missing.iter().map(|name| format!("\"{name}\"")).collect();
        let message = format!(
            "{} is set here, but {agent} does not get it",
            missing.join(", ")
        );
        let fix = format!(
            "add `pass_env = [{}]` to [defaults], or use an `env_file`",
            quoted.join(", ")
        );
        checked.push(Checked::ailing(CHECK, message, Fix::line(fix)));
    }
    checked
}

/// The file of a session's program. It is looked for in the `PATH` of the session's `env`, if that
/// has one.
fn place(desired: &Desired, name: &str) -> Option<PathBuf> {
    if name.contains('/') {
        return Some(desired.dir.join(name)).filter(|file| program::is_executable(file));
    }
    match desired.env.get("PATH") {
        Some(path) => program::find(name, path.as_ref()),
        None => on_path(name),
    }
}

fn missing(program: &str, sessions: &[&Desired]) -> Checked {
    let whose = match sessions {
        [desired] => desired.name.to_string(),
        several => format!("{} sessions", several.len()),
    };
    if program.contains('/') {
        let file = sessions
            .first()
            .map_or_else(PathBuf::new, |first| first.dir.join(program));
        let file_shown = shown(&file);
        let message = format!("{file_shown} is not an executable file, but {whose} needs it");
        let fix = if file.is_file() {
            ["chmod", "+x", &file_shown]
        } else {
            ["ls", "-l", &file_shown]
        };
        return Checked::failing(CHECK, message, Fix::run(fix));
    }
    Checked::failing(
        CHECK,
        format!("{program} is not on PATH, but {whose} needs it"),
        install::get(program),
    )
}

/// Runs the probe of each agent, all at the same time. Each of `sessions` has another agent.
async fn signed_in(sessions: impl Iterator<Item = Desired>) -> Vec<Checked> {
    let mut probes = JoinSet::new();
    for mut desired in sessions {
        if !desired.dir.is_dir() {
            // `folders` reports this. A probe gives the same answer in any directory.
            desired.dir = "/".into();
        }
        probes.spawn(async move {
            let agent = desired.agent.clone();
            let answer = ask_agent(desired).await;
            judge(&agent, answer)
        });
    }
    let mut checked = probes.join_all().await;
    checked.sort_by(|a, b| a.said.cmp(&b.said));
    checked
}

/// The answer of a session's agent to its probe. `None` if it takes too long.
async fn ask_agent(desired: Desired) -> Option<Answer> {
    let now = clock::now();
    let question = Probe {
        agent: desired.agent.name.clone(),
        kind: Block::Auth,
        since: now,
        at: now,
        failed: 0,
        desired: Box::new(desired),
    };
    // The probe itself gets a second more, so that it is this deadline that ends first.
    let limit = DEADLINE + Duration::from_secs(1);
    timeout(DEADLINE, probe(&question, limit)).await.ok()
}

fn judge(agent: &Agent, answer: Option<Answer>) -> Checked {
    let name = &agent.name;
    let command = agent.probe.join(" ");
    let ask_by_hand = Fix::run(&agent.probe);
    match answer {
        Some(Answer::Passed) => Checked::well(CHECK, format!("{name} is signed in")),
        Some(Answer::Failed(why)) => {
            let message = format!("{name} is not signed in: `{command}`: {why}");
            let fix = agent.fix.as_deref().map_or(ask_by_hand, Fix::line);
            Checked::failing(CHECK, message, fix)
        }
        Some(Answer::Unasked(why)) => {
            let message = format!("cannot determine whether {name} is signed in: {why}");
            Checked::ailing(CHECK, message, ask_by_hand)
        }
        None => {
            let message = format!(
                "cannot determine whether {name} is signed in: `{command}` does not answer within {DEADLINE:?}"
            );
            Checked::ailing(CHECK, message, ask_by_hand)
        }
    }
}

/// Checks the programs of chores and of `[notify]`.
///
/// Without this check, a missing one would first show when it is due.
fn others(town: &Town) -> Vec<Checked> {
    let program_of = |chore: &Chore| match &chore.kind {
        ChoreKind::Analysis { command, .. } | ChoreKind::Command { command } => {
            command.first().cloned()
        }
        ChoreKind::Upstream { .. } | ChoreKind::Nudge { .. } => None,
    };
    let of_chores = town.chores.iter().filter_map(|chore| {
        let program = program_of(chore)?;
        let file = if program.contains('/') {
            Some(chore.dir.join(&program))
        } else {
            on_path(&program)
        };
        Some(("chore", format!("chore {}", chore.name), program, file))
    });
    let of_notify = town.notify.iter().filter_map(|notify| {
        let program = notify.command.first()?.clone();
        let file = if program.contains('/') {
            Some(PathBuf::from(&program))
        } else {
            on_path(&program)
        };
        Some(("notify", "[notify]".to_owned(), program, file))
    });
    let missing = of_chores.chain(of_notify).filter(|(.., file)| {
        file.as_deref()
            .is_none_or(|file| !program::is_executable(file))
    });
    missing
        .map(|(check, who, program, _)| {
            let message = format!("{program} is not an executable program, but {who} needs it");
            Checked::ailing(check, message, install::get(&program))
        })
        .collect()
}

/// Checks that the directory of each session exists. A session cannot start without it.
fn folders(town: &Town) -> Option<Checked> {
    let mut missing: Vec<&Desired> = town
        .declared()
        .filter(|desired| !desired.dir.is_dir())
        .collect();
    missing.dedup_by(|a, b| a.dir == b.dir);
    let [first, ..] = missing.as_slice() else {
        return None;
    };
    let message = match missing.len() {
        1 => format!(
            "the directory of {} does not exist: {}",
            first.name,
            shown(&first.dir)
        ),
        n => format!(
            "the directories of {n} sessions do not exist; the first is {}",
            shown(&first.dir)
        ),
    };
    let dirs: Vec<String> = missing.iter().map(|desired| shown(&desired.dir)).collect();
    let make = ["mkdir", "-p"]
        .into_iter()
        .chain(dirs.iter().map(String::as_str));
    Some(Checked::failing("directory", message, Fix::run(make)))
}
