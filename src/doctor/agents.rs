//! Whether the agents of the town are there and signed in.

use super::install::{self, on_path};
use super::{Patient, shown};
use crate::act::probe;
use crate::model::{Answer, Block, Checked, Chore, ChoreKind, Desired, Fix, Probe, Town};
use crate::proc::{clock, program};
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::timeout;

const CHECK: &str = "agent";
/// How long an agent may take to say whether it is signed in: some ask their provider.
const DEADLINE: Duration = Duration::from_secs(20);

/// The built-in agents that can be told apart by their programs, the likeliest first.
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

/// Without a town any agent will do, and none as well.
fn of_machine() -> Checked {
    let found: Vec<&str> = AGENTS
        .iter()
        .filter(|(_, file)| on_path(file).is_some())
        .map(|(name, _)| *name)
        .collect();
    let said = match found.as_slice() {
        [] => "no agent that gtctl knows is on PATH; any other command works too".to_owned(),
        found => format!("on PATH: {}", found.join(", ")),
    };
    Checked::well(CHECK, said)
}

async fn of_town(town: &Town) -> Vec<Checked> {
    let mut programs: BTreeMap<(&str, &str), Vec<&Desired>> = BTreeMap::new();
    for desired in town.declared() {
        let program = desired.command.first().map_or("", String::as_str);
        programs
            .entry((&desired.agent.name, program))
            .or_default()
            .push(desired);
    }
    let mut found = Vec::new();
    let mut questions = BTreeMap::new();
    for ((agent, program), sessions) in programs {
        let Some(first) = sessions.first() else {
            continue;
        };
        match place(first, program) {
            Some(file) => {
                found.push(Checked::well(
                    CHECK,
                    format!("{agent} is at {}", shown(&file)),
                ));
                if !first.agent.probe.is_empty() {
                    questions.entry(agent).or_insert_with(|| (*first).clone());
                }
            }
            None => found.push(missing(program, &sessions)),
        }
    }
    found.extend(asked(questions.into_values()).await);
    found.extend(keys(town));
    found.extend(folders(town));
    found.extend(others(town));
    found
}

/// The variables by which agents sign in, where they do not keep a sign-in of their own.
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

/// Keys that are set where gtctl runs, and that sessions of their agent do not get. Only names are
/// said.
fn keys(town: &Town) -> Vec<Checked> {
    let mut found = Vec::new();
    for (agent, names) in KEYS {
        // What a launcher starts gets its environment from there; what a file holds is not looked
        // into.
        let is_plain =
            |desired: &&Desired| desired.commands().is_none() && desired.env_file.is_none();
        let sessions: Vec<_> = town
            .declared()
            .filter(|desired| desired.agent.name == agent)
            .filter(is_plain)
            .collect();
        let lacks = |desired: &Desired, name: &str| {
            !desired.env.contains_key(name) && !desired.pass_env.contains(name)
        };
        let is_lacking = |name: &&&str| {
            std::env::var_os(name).is_some() && sessions.iter().any(|desired| lacks(desired, name))
        };
        let lacking: Vec<&str> = names.iter().filter(is_lacking).copied().collect();
        if lacking.is_empty() {
            continue;
        }
        let listed = lacking
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect::<Vec<_>>()
            .join(", ");
        let said = format!(
            "{} is set here, but {agent} does not get it",
            lacking.join(", ")
        );
        let fix = format!("add `pass_env = [{listed}]` to [defaults], or use an `env_file`");
        found.push(Checked::ailing(CHECK, said, Fix::line(fix)));
    }
    found
}

/// Where the program of a session is, as its own environment has it.
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
        [one] => one.name.to_string(),
        many => format!("{} sessions", many.len()),
    };
    if program.contains('/') {
        let file = sessions
            .first()
            .map_or_else(PathBuf::new, |first| first.dir.join(program));
        let said = format!(
            "{} is not an executable file, but {whose} needs it",
            shown(&file)
        );
        let fix = if file.is_file() {
            ["chmod", "+x"]
        } else {
            ["ls", "-l"]
        };
        return Checked::failing(
            CHECK,
            said,
            Fix::run(fix.into_iter().chain([shown(&file).as_str()])),
        );
    }
    Checked::failing(
        CHECK,
        format!("{program} is not on PATH, but {whose} needs it"),
        install::get(program),
    )
}

/// Asks each agent, all at once.
async fn asked(sessions: impl Iterator<Item = Desired>) -> Vec<Checked> {
    let mut answers = JoinSet::new();
    for mut desired in sessions {
        if !desired.dir.is_dir() {
            // That is said elsewhere; the answer is the same anywhere.
            desired.dir = "/".into();
        }
        answers.spawn(async move {
            let now = clock::now();
            let agent = desired.agent.clone();
            let question = Probe {
                agent: agent.name.clone(),
                kind: Block::Auth,
                since: now,
                at: now,
                failed: 0,
                desired: Box::new(desired),
            };
            // A second more than is waited for: what takes too long is told as that.
            let answer = timeout(
                DEADLINE,
                probe(&question, DEADLINE + Duration::from_secs(1)),
            )
            .await;
            (agent, answer.ok())
        });
    }
    let mut found: Vec<_> = answers
        .join_all()
        .await
        .into_iter()
        .map(|(agent, answer)| {
            let command = agent.probe.join(" ");
            let asks = Fix::run(&agent.probe);
            let name = &agent.name;
            match answer {
                Some(Answer::Passed) => Checked::well(CHECK, format!("{name} is signed in")),
                Some(Answer::Failed(why)) => {
                    let fix = agent.fix.as_deref().map_or(asks, Fix::line);
                    Checked::failing(CHECK, format!("{name} is not signed in: `{command}`: {why}"), fix)
                }
                Some(Answer::Unasked(why)) => {
                    Checked::ailing(CHECK, format!("cannot determine whether {name} is signed in: {why}"), asks)
                }
                None => {
                    let said = format!(
                        "cannot determine whether {name} is signed in: `{command}` does not answer within {DEADLINE:?}"
                    );
                    Checked::ailing(CHECK, said, asks)
                }
            }
        })
        .collect();
    found.sort_by(|a, b| a.said.cmp(&b.said));
    found
}

/// Programs beside the sessions: a chore without its own only fails when its time has come.
fn others(town: &Town) -> Vec<Checked> {
    let argv = |chore: &Chore| match &chore.kind {
        ChoreKind::Analysis { command, .. } | ChoreKind::Command { command } => {
            command.first().cloned()
        }
        ChoreKind::Upstream { .. } | ChoreKind::Nudge { .. } => None,
    };
    let of_chores = town.chores.iter().filter_map(|chore| {
        let program = argv(chore)?;
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
            let said = format!("{program} is not an executable program, but {who} needs it");
            Checked::ailing(check, said, install::get(&program))
        })
        .collect()
}

/// Sessions cannot start where their directory is not.
fn folders(town: &Town) -> Option<Checked> {
    let mut gone: Vec<&Desired> = town
        .declared()
        .filter(|desired| !desired.dir.is_dir())
        .collect();
    gone.dedup_by(|a, b| a.dir == b.dir);
    let [first, ..] = gone.as_slice() else {
        return None;
    };
    let whose = match gone.len() {
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
    let dirs: Vec<String> = gone.iter().map(|desired| shown(&desired.dir)).collect();
    let make = ["mkdir", "-p"]
        .into_iter()
        .chain(dirs.iter().map(String::as_str));
    Some(Checked::failing("directory", whose, Fix::run(make)))
}
