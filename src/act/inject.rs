//! What gtctl adds to the command and the environment of an agent: its conversation, and the hooks
//! that report on it.
//!
//! All of it goes with the one process. Nothing is written into a file of the user's own.

use super::status_port;
use crate::model::SortedMap;
use crate::model::{Conversation, Desired, Hooks, ReportingClient, client_word};
use crate::store::{HookFiles, View};
use std::path::Path;

/// The placeholder for the id of a conversation in an agent's arguments.
const ID: &str = "{id}";
/// The variable that names gemini's file of system settings.
const GEMINI_SETTINGS: &str = "GEMINI_CLI_SYSTEM_SETTINGS_PATH";

/// The program that hooks run, and the state directory to which they report.
#[derive(Clone, Copy)]
pub(super) struct Reports<'a> {
    pub(super) program: &'a Path,
    pub(super) state: &'a View,
}

/// The command with the added arguments, and the added variables.
pub(super) struct Injected {
    pub(super) argv: Vec<String>,
    pub(super) env: SortedMap<String, String>,
}

/// Adds the arguments that the client accepts. A command that runs its client from a script stays
/// as it is: gtctl cannot know where an argument would end up.
pub(super) fn inject(
    desired: &Desired,
    argv: Vec<String>,
    conversation: &Conversation,
    reports: Option<Reports<'_>>,
    env: &SortedMap<String, String>,
) -> Injected {
    let client = desired.agent.client;
    // An agent of the user's own is the first word of its command.
    let word = if client.is_some() {
        client_word(&argv)
    } else {
        Some(0)
    };
    let Some(word) = word.filter(|_| *conversation != Conversation::AsDeclared) else {
        return Injected {
            argv,
            env: SortedMap::new(),
        };
    };
    let hooks = reports
        .filter(|_| desired.agent.reports())
        .zip(client)
        .map(|(reports, client)| hooks(desired, client, reports, (&argv, env)))
        .unwrap_or_default();
    let conversation = if is_own_conversation(desired, client, &argv) {
        Vec::new()
    } else {
        conversation_args(desired, conversation)
    };
    // `codex resume ID` is a subcommand of the client. Flags come before it.
    let is_flag = conversation
        .first()
        .is_none_or(|first| first.starts_with('-'));
    let mut argv = argv;
    let behind_client = word + 1;
    if is_flag {
        argv.splice(behind_client..behind_client, conversation);
    } else {
        argv.extend(conversation);
    }
    argv.splice(behind_client..behind_client, hooks.args);
    Injected {
        argv,
        env: hooks.env,
    }
}

/// Whether the declaration lets the client of a session run gtctl's hooks: gtctl starts it itself,
/// and can add to its command or environment.
#[must_use]
pub fn runs_hooks(desired: &Desired) -> bool {
    let agent = &desired.agent;
    let is_added = match agent.client {
        Some(ReportingClient::Claude) => true,
        Some(ReportingClient::Gemini) => !desired.env.contains_key(GEMINI_SETTINGS),
        Some(ReportingClient::Codex) => agent.hooks == Hooks::On,
        Some(ReportingClient::Kimi | ReportingClient::KimiCode | ReportingClient::Opencode)
        | None => false,
    };
    let is_plain = desired.commands().is_none() && client_word(&desired.command).is_some();
    is_added && is_plain && agent.reports()
}

/// Whether the client of a session tells what it does at a port of its own: gtctl starts it itself,
/// and can add to its command.
#[must_use]
pub fn tells_by_port(desired: &Desired) -> bool {
    let agent = &desired.agent;
    let is_plain = desired.commands().is_none() && client_word(&desired.command).is_some();
    agent.client == Some(ReportingClient::Opencode) && agent.reports() && is_plain
}

/// Whether the user's own command names the conversation.
fn is_own_conversation(
    desired: &Desired,
    client: Option<ReportingClient>,
    argv: &[String],
) -> bool {
    let agent = &desired.agent;
    let templates = agent.begin.iter().chain(&agent.resume);
    let own: Vec<&str> = templates
        .map(String::as_str)
        .filter(|word| *word != ID)
        .chain(client.map_or(&[][..], continuing).iter().copied())
        .collect();
    argv.iter().any(|word| {
        let flag = word.split('=').next().unwrap_or(word);
        own.contains(&flag)
    })
}

/// The arguments with which users name the conversation themselves.
fn continuing(client: ReportingClient) -> &'static [&'static str] {
    match client {
        ReportingClient::Claude => &["--continue", "-c", "--resume", "-r", "--fork-session"],
        ReportingClient::Codex => &["resume", "exec", "fork"],
        ReportingClient::Gemini => &["--resume", "-r", "--session-id"],
        ReportingClient::Kimi | ReportingClient::KimiCode => &[
            "--continue",
            "-C",
            "-c",
            "--session",
            "-S",
            "--resume",
            "-r",
        ],
        ReportingClient::Opencode => &["--continue", "-c", "--session", "-s", "run", "serve"],
    }
}

fn conversation_args(desired: &Desired, conversation: &Conversation) -> Vec<String> {
    let (template, id) = match conversation {
        Conversation::Unnamed | Conversation::AsDeclared => return Vec::new(),
        Conversation::Begin(id) => (&desired.agent.begin, id),
        Conversation::Resume(id) => (&desired.agent.resume, id),
    };
    template
        .iter()
        .map(|word| word.replace(ID, id.as_str()))
        .collect()
}

/// The way in which a client gets hooks.
#[derive(Default)]
struct HookWords {
    args: Vec<String>,
    env: SortedMap<String, String>,
}

fn hooks(
    desired: &Desired,
    client: ReportingClient,
    reports: Reports<'_>,
    (argv, env): (&[String], &SortedMap<String, String>),
) -> HookWords {
    match client {
        ReportingClient::Claude => claude(reports),
        ReportingClient::Gemini if !env.contains_key(GEMINI_SETTINGS) => gemini(reports),
        ReportingClient::Codex if desired.agent.hooks == Hooks::On => codex(reports),
        ReportingClient::Opencode => opencode(argv, env),
        // These clients read hooks only from the user's own file. `gtctl doctor` offers the lines
        // for it.
        ReportingClient::Gemini
        | ReportingClient::Codex
        | ReportingClient::Kimi
        | ReportingClient::KimiCode => HookWords::default(),
    }
}

/// A plugin adds to the user's own settings and plugins. A `--settings` would replace another
/// `--settings`.
fn claude(reports: Reports<'_>) -> HookWords {
    let Some(folder) = written(reports.state.write_claude_hooks(reports.program)) else {
        return HookWords::default();
    };
    HookWords {
        args: vec!["--plugin-dir".to_owned(), folder],
        env: SortedMap::new(),
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

/// opencode has a server of its own that tells what it does. Without a password, every user of the
/// host could have the agent run commands by it: so gtctl gives it one, unless the user has.
fn opencode(argv: &[String], env: &SortedMap<String, String>) -> HookWords {
    if status_port::port_in(argv).is_some() {
        return HookWords::default();
    }
    let made = status_port::free_port()
        .and_then(|port| Ok((port, status_port::password()?)))
        .inspect_err(|fault| tracing::warn!(%fault, "an agent is started without a status port"));
    let Ok((port, password)) = made else {
        return HookWords::default();
    };
    let is_given = env.contains_key(status_port::PASSWORD);
    let variable = (status_port::PASSWORD.to_owned(), password);
    HookWords {
        args: vec![status_port::PORT.to_owned(), port.to_string()],
        env: Some(variable).into_iter().filter(|_| !is_given).collect(),
    }
}

/// Codex asks for each new hook whether the user trusts it. A flag answers that.
fn codex(reports: Reports<'_>) -> HookWords {
    let mut args = vec!["--dangerously-bypass-hook-trust".to_owned()];
    for setting in HookFiles::codex_settings(reports.program) {
        args.extend(["-c".to_owned(), setting]);
    }
    HookWords {
        args,
        env: SortedMap::new(),
    }
}

/// The path of the written file. If the write fails the agent runs without hooks: gtctl reads its
/// screen in any case.
fn written(file: std::io::Result<std::path::PathBuf>) -> Option<String> {
    match file {
        Ok(path) => path.to_str().map(str::to_owned),
        Err(fault) => {
            tracing::warn!(%fault, "an agent is started without hooks");
            None
        }
    }
}
