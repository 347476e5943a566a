//! Real codex, gemini, kimi-code and opencode, whose provider is `mock_models.py` on this host.
//! `.ci/clients all` installs them.

use super::stage::{BY_LOOKS, NAME, Stage};
use crate::harness::{Running, Yard, until_or};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fs;
use std::path::{Path, PathBuf};

/// The longest command line that is read, in bytes.
const MAX_ARGV: u64 = 64 << 10;

/// Where the programs of clients are that were installed for tests.
fn programs() -> Option<PathBuf> {
    let clients = std::env::var_os("GTCTL_CLIENTS").map(PathBuf::from);
    clients.map(|folder| folder.join("node_modules/.bin"))
}

/// The client's program, where one was installed for tests. A user's own is never run.
fn program(client: &str) -> Option<PathBuf> {
    let program = programs().map(|folder| folder.join(client));
    let program = program.filter(|program| program.exists());
    if program.is_none() {
        eprintln!(
            "SKIPPED, LOUDLY: no {client} for tests. `.ci/clients all` installs it; GTCTL_CLIENTS names \
             its folder"
        );
    }
    program
}

/// An agent in a real client.
struct Talk {
    stage: Stage,
    /// Ends with the test.
    _provider: Running,
}

/// How one client is set up.
struct Client {
    name: &'static str,
    program: &'static str,
    /// The words after its program.
    arguments: &'static [&'static str],
    /// More lines of its agent's table.
    agent: &'static str,
    /// Writes the user's own files, and gives the session's variables.
    prepare: fn(&Yard, u16) -> String,
    /// What it asks before its first prompt, if it does. The answer is yes.
    asks: Option<&'static str>,
    /// What its screen shows at the first prompt.
    prompt: &'static str,
    /// The argument that resumes a conversation.
    resumes: &'static str,
}

const CODEX: Client = Client {
    name: "codex",
    program: "codex",
    arguments: &["--no-daemon"],
    agent: "hooks = \"on\"\n",
    prepare: |yard, port| {
        fs::create_dir(yard.at("home/.codex")).unwrap();
        yard.write(
            "home/.codex/config.toml",
            &format!(
                "model = \"mock\"\nmodel_provider = \"mock\"\ncheck_for_update_on_startup = false\n\
                 [model_providers.mock]\nname = \"mock\"\nbase_url = \"http://127.0.0.1:{port}/v1\"\n\
                 env_key = \"MOCK_KEY\"\nwire_api = \"responses\"\n\
                 [projects.\"{}\"]\ntrust_level = \"trusted\"\n",
                yard.at("work").display()
            ),
        );
        "MOCK_KEY = \"k\"\n".to_owned()
    },
    asks: None,
    prompt: "Ask Codex",
    resumes: "resume",
};

const GEMINI: Client = Client {
    name: "gemini",
    program: "gemini",
    arguments: &[],
    agent: "",
    prepare: |yard, port| {
        fs::create_dir(yard.at("home/.gemini")).unwrap();
        yard.write(
            "home/.gemini/settings.json",
            "{\"security\": {\"auth\": {\"selectedType\": \"gemini-api-key\"}, \"folderTrust\": {\"enabled\": false}},\n\
             \"general\": {\"enableAutoUpdate\": false}, \"privacy\": {\"usageStatisticsEnabled\": false}}\n",
        );
        format!("GEMINI_API_KEY = \"k\"\nGOOGLE_GEMINI_BASE_URL = \"http://127.0.0.1:{port}\"\n")
    },
    asks: None,
    prompt: "Type your message",
    resumes: "--resume",
};

const KIMI_CODE: Client = Client {
    name: "kimi-code",
    program: "kimi",
    arguments: &["--yolo"],
    agent: "",
    prepare: |yard, port| {
        fs::create_dir(yard.at("home/.kimi-code")).unwrap();
        let mut config = format!(
            "default_model = \"mock\"\n[providers.mock]\ntype = \"openai\"\napi_key = \"k\"\n\
             base_url = \"http://127.0.0.1:{port}/v1\"\n\
             [models.mock]\nprovider = \"mock\"\nmodel = \"m1\"\nmax_context_size = 200000\n"
        );
        let events = [
            "SessionStart",
            "UserPromptSubmit",
            "PreToolUse",
            "Stop",
            "StopFailure",
            "PermissionRequest",
            "Interrupt",
        ];
        for event in events {
            let program = env!("CARGO_BIN_EXE_gtctl");
            let hook =
                format!("[[hooks]]\nevent = \"{event}\"\ncommand = \"{program} hook kimi-code\"\n");
            config.push_str(&hook);
        }
        yard.write("home/.kimi-code/config.toml", &config);
        // It is a script for a Node that is newer than this system's.
        let path = format!("{}:/usr/bin:/bin", programs().unwrap_or_default().display());
        format!("PATH = {path:?}\n")
    },
    asks: Some("Trust this folder?"),
    prompt: "Welcome to Kimi Code",
    resumes: "-S",
};

const OPENCODE: Client = Client {
    name: "opencode",
    program: "opencode",
    arguments: &[],
    agent: "",
    prepare: |yard, port| {
        let settings = serde_json::json!({
            "model": "mock/m1", "small_model": "mock/m1", "autoupdate": false, "share": "disabled",
            "provider": { "mock": {
                "npm": "@ai-sdk/openai-compatible", "name": "mock",
                "options": { "baseURL": format!("http://127.0.0.1:{port}/v1"), "apiKey": "k" },
                "models": { "m1": { "name": "m1" } },
            } },
        });
        yard.write("work/opencode.json", &settings.to_string());
        String::new()
    },
    asks: None,
    prompt: "Ask anything",
    resumes: "-s",
};

impl Talk {
    /// The client at its first prompt.
    fn begin(client: &Client) -> Option<Self> {
        let program = program(client.program)?;
        let mut stage = Stage::declared(BY_LOOKS, "", "");
        let yard = &stage.yard;
        let (provider, port) = provider(yard);
        fs::create_dir(yard.at("work")).unwrap();
        let variables = (client.prepare)(yard, port);
        yard.declare(&manifest(client, &program, &yard.at("work"), &variables));
        stage.start();
        let talk = Self {
            stage,
            _provider: provider,
        };
        if let Some(question) = client.asks {
            talk.until(question, "waiting");
            talk.stage.yard.gtctl(&["answer", NAME, "yes"]).exits(0);
        }
        talk.until(client.prompt, "idle");
        Some(talk)
    }

    /// Waits until the screen shows this, and the session has this phase.
    #[track_caller]
    fn until(&self, text: &str, phase: &str) {
        let holds = || self.stage.screen().contains(text) && self.stage.phase() == phase;
        let state = || format!("{:#}\n{}", self.stage.line(), self.stage.screen());
        until_or(&format!("{text:?}, {phase}"), holds, state);
    }

    /// As its users do by hand.
    fn nudge(&self, text: &str) {
        self.stage.yard.gtctl(&["nudge", NAME, text]).exits(0);
    }

    fn argv(&self) -> Vec<String> {
        let agent = self.stage.yard.pid(NAME);
        process::argv(agent.pid, MAX_ARGV).unwrap_or_default()
    }
}

fn provider(yard: &Yard) -> (Running, u16) {
    let mut command = yard.command("python3");
    command.arg(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/gtctl/clients/mock_models.py"
    ));
    let provider = yard.running(command);
    let port = || provider.said().strip_prefix("port ")?.trim().parse().ok();
    yard.until("the provider's port", || port().is_some());
    let port = port().unwrap();
    (provider, port)
}

/// All its requests go to the stand-in.
fn manifest(client: &Client, program: &Path, work: &Path, variables: &str) -> String {
    let program = program.to_str().unwrap();
    let command: Vec<&str> = std::iter::once(program)
        .chain(client.arguments.iter().copied())
        .collect();
    format!(
        "[controller]\nresync = \"{BY_LOOKS}\"\n[defaults]\nready_after = \"1s\"\nmax_age = \"off\"\n\
         backoff = {{ first = \"0s\" }}\n[agents.{name}]\n{agent}\
         [[session]]\nsession = \"{NAME}\"\nagent = \"{name}\"\ncommand = {command:?}\ndir = \"{}\"\n\
         [session.env]\nhttps_proxy = \"http://127.0.0.1:9\"\nno_proxy = \"127.0.0.1\"\n{variables}",
        work.display(),
        name = client.name,
        agent = client.agent,
    )
}

/// It works and waits as gtctl says, and goes on where it was after a crash.
fn works_and_goes_on(client: &Client) {
    let Some(talk) = Talk::begin(client) else {
        return;
    };
    talk.nudge("wait 6 seconds");
    talk.until("wait 6", "working");
    talk.until("As you wish.", "idle");
    let yard = &talk.stage.yard;
    let label = yard.format(NAME, "#{@gtctl_label}");
    let id = label
        .split_once(" conv=")
        .map(|(_, id)| id.to_owned())
        .unwrap_or_default();
    assert!(!id.is_empty(), "{label}");

    let agent = yard.pid(NAME);
    signal(agent, Signal::KILL);
    yard.fresh(NAME, Some(agent));
    let argv = talk.argv();
    let at = argv.iter().position(|word| word == client.resumes);
    let resumed = at.and_then(|at| argv.get(at + 1));
    assert_eq!(resumed, Some(&id), "{argv:?}");
    // What was said before is on its screen.
    talk.until("As you wish.", "idle");
}

#[test]
fn a_real_codex_works_waits_and_goes_on_after_a_crash() {
    works_and_goes_on(&CODEX);
}

#[test]
fn a_real_gemini_works_waits_and_goes_on_after_a_crash() {
    works_and_goes_on(&GEMINI);
}

#[test]
fn a_real_kimi_code_works_waits_and_goes_on_after_a_crash() {
    works_and_goes_on(&KIMI_CODE);
}

#[test]
fn a_real_opencode_works_waits_and_goes_on_after_a_crash() {
    works_and_goes_on(&OPENCODE);
}
