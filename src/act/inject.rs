//! What gtctl adds to the command and the environment of an agent: its conversation, and the hooks
//! that report on it.
//!
//! All of it goes with the one process. Nothing is written into a file of the user's own.

use crate::model::{Conversation, Desired, Hooks, ReportingClient, client_word};
use crate::store::{HookFiles, View};
use std::collections::BTreeMap;
use std::path::Path;

/// What stands for the id of a conversation in an agent's arguments.
const ID: &str = "{id}";
/// Flags by which users themselves say which conversation it is.
const CONTINUING: [&str; 6] = ["--continue", "-c", "--resume", "-r", "--session", "-S"];
/// The variable that names a file of settings to gemini.
const GEMINI_SETTINGS: &str = "GEMINI_CLI_SYSTEM_SETTINGS_PATH";

/// By which program, and to which state directory, hooks report.
#[derive(Clone, Copy)]
pub(super) struct Reports<'a> {
    pub(super) program: &'a Path,
    pub(super) state: &'a View,
}

/// The command with what was added, and the variables that were added.
pub(super) struct Injected {
    pub(super) argv: Vec<String>,
    pub(super) env: BTreeMap<String, String>,
}

/// Adds to a command what its client takes. A command that hides its client in a script stays as
/// it is: nobody knows where in it an argument would end up.
pub(super) fn inject(
    desired: &Desired,
    argv: Vec<String>,
    conversation: &Conversation,
    reports: Option<Reports<'_>>,
    env: &BTreeMap<String, String>,
) -> Injected {
    let untouched = |argv| Injected {
        argv,
        env: BTreeMap::new(),
    };
    let Some(client) = desired.agent.client else {
        return untouched(argv);
    };
    let Some(word) = client_word(&argv).filter(|_| !is_own_conversation(desired, &argv)) else {
        return untouched(argv);
    };
    let hooks = reports
        .filter(|_| desired.agent.reports())
        .map(|reports| hooks(desired, client, reports, env))
        .unwrap_or_default();
    let added: Vec<String> = hooks
        .args
        .into_iter()
        .chain(conversation_args(desired, conversation))
        .collect();
    let mut argv = argv;
    let after = word + 1;
    argv.splice(after..after, added);
    Injected {
        argv,
        env: hooks.env,
    }
}

/// Whether the user's own command says which conversation it is.
fn is_own_conversation(desired: &Desired, argv: &[String]) -> bool {
    let agent = &desired.agent;
    let flags = agent.begin.iter().chain(&agent.resume);
    let own: Vec<&str> = flags
        .map(String::as_str)
        .filter(|word| *word != ID)
        .chain(CONTINUING)
        .collect();
    argv.iter().any(|word| {
        let flag = word.split('=').next().unwrap_or(word);
        own.contains(&flag)
    })
}

fn conversation_args(desired: &Desired, conversation: &Conversation) -> Vec<String> {
    let (template, id) = match conversation {
        Conversation::Unnamed => return Vec::new(),
        Conversation::Begin(id) => (&desired.agent.begin, id),
        Conversation::Resume(id) => (&desired.agent.resume, id),
    };
    template
        .iter()
        .map(|word| word.replace(ID, id.as_str()))
        .collect()
}

/// What makes a client run hooks.
#[derive(Default)]
struct HookWords {
    args: Vec<String>,
    env: BTreeMap<String, String>,
}

fn hooks(
    desired: &Desired,
    client: ReportingClient,
    reports: Reports<'_>,
    env: &BTreeMap<String, String>,
) -> HookWords {
    match client {
        ReportingClient::Claude => claude(reports),
        ReportingClient::Gemini if !env.contains_key(GEMINI_SETTINGS) => gemini(reports),
        ReportingClient::Codex if desired.agent.hooks == Hooks::On => codex(reports),
        // Their hooks stand in the user's own file alone: `gtctl doctor` offers the lines for it.
        ReportingClient::Gemini
        | ReportingClient::Codex
        | ReportingClient::Kimi
        | ReportingClient::KimiCode
        | ReportingClient::Opencode => HookWords::default(),
    }
}

/// A plugin: it stands beside the user's own settings and plugins, where `--settings` would take
/// the place of another `--settings`.
fn claude(reports: Reports<'_>) -> HookWords {
    let Some(folder) = written(reports.state.write_claude_hooks(reports.program)) else {
        return HookWords::default();
    };
    HookWords {
        args: vec!["--plugin-dir".to_owned(), folder],
        env: BTreeMap::new(),
    }
}

fn gemini(reports: Reports<'_>) -> HookWords {
    let Some(file) = written(reports.state.write_gemini_hooks(reports.program)) else {
        return HookWords::default();
    };
    HookWords {
        args: Vec::new(),
        env: [(GEMINI_SETTINGS.to_owned(), file)].into(),
    }
}

/// Codex asks for each new hook whether it is trusted, so a flag has to say so.
fn codex(reports: Reports<'_>) -> HookWords {
    let mut args = vec!["--dangerously-bypass-hook-trust".to_owned()];
    for setting in HookFiles::codex_settings(reports.program) {
        args.extend(["-c".to_owned(), setting]);
    }
    HookWords {
        args,
        env: BTreeMap::new(),
    }
}

/// The path of what was written. Where that fails the agent runs without hooks: its screen is read
/// in any case.
fn written(file: std::io::Result<std::path::PathBuf>) -> Option<String> {
    match file {
        Ok(path) => path.to_str().map(str::to_owned),
        Err(fault) => {
            tracing::warn!(%fault, "an agent is started without hooks");
            None
        }
    }
}
