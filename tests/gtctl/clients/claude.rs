//! A real Claude Code, whose provider is `mock_api.py` on this host. `.ci/clients` installs it.

use super::stage::{BY_EVENTS, BY_LOOKS, NAME, Sign, Stage};
use crate::harness::{Running, Yard};
use gtctl::proc::clock;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A token that nobody has given out. Only with a subscription's token the client tells when a
/// usage limit ends.
const TOKEN: &str = "sk-ant-oat01-abcdefghijklmnopqrstuv";
/// A user's own settings, with a hook that leaves a file.
const SETTINGS: &str = "{\n  \"hooks\": {\"Stop\": [{\"hooks\": [\n    {\"type\": \"command\", \
                        \"command\": \"touch \\\"$HOME/own-hook\\\"\"}]}]}\n}\n";

/// The client's program, where one was installed for tests. A user's own is never run.
fn program() -> Option<PathBuf> {
    let clients = std::env::var_os("GTCTL_CLIENTS").map(PathBuf::from);
    let program = clients.map(|folder| folder.join("node_modules/.bin/claude"));
    let program = program.filter(|program| program.exists());
    if program.is_none() {
        eprintln!(
            "SKIPPED, LOUDLY: no Claude Code for tests. `.ci/clients` installs one; \
             GTCTL_CLIENTS names its folder"
        );
    }
    program
}

/// What the client thinks of the folder that it runs in.
#[derive(Clone, Copy, PartialEq)]
enum Folder {
    Trusted,
    Strange,
}

/// An agent in the real client, and its provider.
struct Talk {
    stage: Stage,
    /// Ends with the test.
    _provider: Running,
}

impl Talk {
    /// The client at its first prompt.
    fn begin() -> Option<Self> {
        let talk = Self::begin_in(Folder::Trusted)?;
        let idle = Sign::Registry("idle");
        talk.stage.sees("its first prompt", 0, idle, "idle");
        Some(talk)
    }

    /// The client at its first screen.
    fn begin_in(folder: Folder) -> Option<Self> {
        let program = program()?;
        let resync = match folder {
            Folder::Trusted => BY_EVENTS,
            // No hook and no registry tells of the client's question.
            Folder::Strange => BY_LOOKS,
        };
        let mut stage = Stage::declared(resync, "", "");
        let yard = &stage.yard;
        let (provider, port) = provider(yard);
        fs::create_dir(yard.at("work")).unwrap();
        fs::create_dir(yard.at("home/.claude")).unwrap();
        yard.write("home/.claude/settings.json", SETTINGS);
        yard.write("home/.claude.json", &own_state(yard, folder));
        let command = format!("command = [\"{}\"]", program.display());
        stage.declare(resync, &command, &session(&yard.at("work"), port));
        stage.start();
        Some(Self {
            stage,
            _provider: provider,
        })
    }

    /// Types a text and submits it. Gives the moment just before, in wall milliseconds.
    fn type_in(&self, text: &str) -> i64 {
        self.stage.press("C-u");
        self.stage.press("C-u");
        self.stage.press(text);
        self.stage
            .yard
            .until("the typed text", || self.stage.screen().contains(text));
        let before = clock::now().wall;
        self.stage.press("Enter");
        before
    }

    /// Types a text; then an event must happen, and its phase must be seen.
    #[track_caller]
    fn leads_to(&self, text: &str, sign: Sign, phase: &str) -> serde_json::Value {
        let before = self.type_in(text);
        self.stage.sees(text, before, sign, phase)
    }

    #[track_caller]
    fn press_leads_to(&self, key: &str, phase: &str) {
        let before = clock::now().wall;
        self.stage.press(key);
        self.stage.sees(key, before, Sign::Registry("idle"), phase);
    }
}

/// The stand-in for the provider, and its port.
fn provider(yard: &Yard) -> (Running, u16) {
    let mut command = yard.command("python3");
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/gtctl/clients/mock_api.py"
    ));
    let provider = yard.running(command);
    let port = || provider.said().strip_prefix("port ")?.trim().parse().ok();
    yard.until("the provider's port", || port().is_some());
    let port = port().unwrap();
    (provider, port)
}

/// What the client itself keeps of its user: one who has seen all its first questions.
fn own_state(yard: &Yard, folder: Folder) -> String {
    let work = yard.at("work");
    let mut state = json!({ "hasCompletedOnboarding": true, "projects": {} });
    state["projects"][work.to_str().unwrap()] = json!({
        "hasTrustDialogAccepted": folder == Folder::Trusted,
        "hasCompletedProjectOnboarding": true,
    });
    state.to_string()
}

/// The lines of the session: all its requests go to the stand-in.
fn session(work: &Path, port: u16) -> String {
    format!(
        "dir = \"{}\"\non_limit_end = \"nudge\"\n[session.env]\n\
         ANTHROPIC_BASE_URL = \"http://127.0.0.1:{port}\"\nCLAUDE_CODE_OAUTH_TOKEN = \"{TOKEN}\"\n\
         CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC = \"1\"\nDISABLE_AUTOUPDATER = \"1\"\n\
         https_proxy = \"http://127.0.0.1:9\"\nno_proxy = \"127.0.0.1\"\n",
        work.display()
    )
}

#[test]
fn a_real_claude_works_asks_and_waits_as_gtctl_says() {
    let Some(talk) = Talk::begin() else {
        return;
    };
    talk.leads_to("wait 30", Sign::Registry("busy"), "working");
    // Escape fires no hook.
    talk.press_leads_to("Escape", "idle");

    let ask = Sign::Hook("PermissionRequest");
    let line = talk.leads_to("run touch /etc/gtctl-test", ask, "waiting");
    assert_eq!(line["screen"]["evidence"], "Bash: touch /etc/gtctl-test");
    talk.press_leads_to("Escape", "idle");

    let line = talk.leads_to("ask", ask, "waiting");
    assert_eq!(line["screen"]["evidence"], "Which colour do you want?");
    let yard = &talk.stage.yard;
    let asked = yard.gtctl(&["answer", NAME]).exits(0);
    asked.says("Which colour do you want?").says("1  Red");
    let before = clock::now().wall;
    yard.gtctl(&["answer", NAME, "1"]).exits(0);
    let idle = Sign::Registry("idle");
    talk.stage.sees("an answer by number", before, idle, "idle");

    let before = clock::now().wall;
    talk.leads_to("background sleep 5", Sign::Hook("Stop"), "background");
    let shell_ends = before + 5000;
    talk.stage
        .sees("the shell's end", shell_ends, Sign::Hook("Stop"), "idle");

    let yard = &talk.stage.yard;
    assert_eq!(yard.read("home/.claude/settings.json"), SETTINGS);
    assert!(yard.at("home/own-hook").exists(), "the user's own hook ran");
}

#[test]
fn a_real_claude_runs_a_tool_after_yes_and_none_after_no() {
    let Some(talk) = Talk::begin() else {
        return;
    };
    let yard = &talk.stage.yard;
    let ask = Sign::Hook("PermissionRequest");
    let answered = |word: &str, sign: Sign, phase: &str| {
        let before = clock::now().wall;
        yard.gtctl(&["answer", NAME, word]).exits(0);
        talk.stage.sees(word, before, sign, phase);
    };
    talk.leads_to("run touch ../refused", ask, "waiting");
    answered("no", Sign::Registry("idle"), "idle");
    assert!(!yard.at("refused").exists());
    talk.leads_to("run touch ../allowed", ask, "waiting");
    answered("yes", Sign::Hook("Stop"), "idle");
    assert!(yard.at("allowed").exists(), "{}", talk.stage.screen());
    yard.gtctl(&["answer", NAME, "yes"])
        .exits(3)
        .says("it asks nothing now");
}

#[test]
fn a_real_claude_whose_provider_refuses_is_blocked_or_tries_again() {
    let Some(talk) = Talk::begin() else {
        return;
    };
    let stage = &talk.stage;
    let failure = Sign::Hook("StopFailure");
    let is_blocked = |text: &str, state: &str| {
        let line = talk.leads_to(text, failure, "blocked");
        assert_eq!(line["screen"]["state"], state, "{line}");
    };
    is_blocked("fail 403", "auth");
    talk.leads_to("say fine", Sign::Hook("Stop"), "idle");
    is_blocked("fail full", "context");
    talk.leads_to("say fine", Sign::Hook("Stop"), "idle");
    talk.leads_to("fail 529", Sign::Registry("busy"), "working");
    stage.stays("working");
    talk.press_leads_to("Escape", "idle");
    is_blocked("fail 401", "auth");
}

#[test]
fn a_real_claude_in_a_strange_folder_waits_for_trust() {
    let Some(talk) = Talk::begin_in(Folder::Strange) else {
        return;
    };
    let question = Sign::Screen("I trust this folder");
    let line = talk.stage.sees("a strange folder", 0, question, "waiting");
    assert_eq!(line["screen"]["state"], "asks-trust", "{line}");
    // Claude draws the question before it takes keys, and nothing shows when it does.
    std::thread::sleep(Duration::from_millis(500));
    let before = clock::now().wall;
    talk.stage.yard.gtctl(&["answer", NAME, "yes"]).exits(0);
    let idle = Sign::Registry("idle");
    talk.stage.sees("its trust", before, idle, "idle");
}
