//! A private tmux server per test, and waiting for conditions instead of for time.

use gtctl::model::{
    Agent, Backoff, Completion, Desired, Gastown, Idling, Launch, Limits, Logs, OnDrift, Period,
    ProcId, RestartPolicy, ServerId, SessionName, Socket, StartBudget, Town, WhenAttached,
};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{process, tree};
use gtctl::tmux::Client;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// How long any condition may take to come true, on a machine that does much else too.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// A directory of one test's own, removed with it.
#[derive(Debug)]
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gtctl-test-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.0.join("s")
    }

    pub(crate) fn client(&self) -> Client {
        Client::new(&Socket::Path(self.socket()))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// A tmux server with dead panes kept, killed by id with all that runs in it.
#[derive(Debug)]
pub(crate) struct TestServer {
    pub(crate) scratch: Scratch,
    pub(crate) id: ServerId,
}

impl TestServer {
    /// A server without sessions.
    pub(crate) fn start() -> Self {
        Self::start_by(Command::new("tmux"))
    }

    /// A server that never hears of a child's end, as Debian's 3.3a does not at times.
    pub(crate) fn start_deaf() -> Self {
        let mut command = Command::new("env");
        command.args(["--block-signal=CHLD", "tmux"]);
        Self::start_by(command)
    }

    fn start_by(tmux: Command) -> Self {
        let scratch = Scratch::new();
        let script = "start-server ; set -s exit-empty off ; set -g remain-on-exit on ; set -g destroy-unattached off";
        let mut args: Vec<&str> = script.split(' ').collect();
        args.extend([";", "display-message", "-p", "#{pid}"]);
        let pid = run_by(tmux, &scratch, &args).trim().parse().unwrap();
        let id = ServerId(process::identify(pid).unwrap());
        Self { scratch, id }
    }

    /// Runs `tmux ARGS` and returns what it printed. Panics when it fails.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        run(&self.scratch, args)
    }

    /// A new session of this name, running a command without a shell (with one, when it is a single
    /// word).
    pub(crate) fn session(&self, name: &str, command: &[&str]) {
        let args = ["new-session", "-d", "-x", "80", "-y", "24", "-s", name];
        self.run(&[&args[..], command].concat());
    }

    /// Labels a session, and its first pane as the agent's.
    pub(crate) fn label(&self, name: &str, labels: &[(&str, &str)]) {
        let target = format!("={name}:");
        for (option, value) in labels {
            self.run(&["set-option", "-t", &target, option, value]);
        }
    }

    /// A field of a session's active pane.
    pub(crate) fn field(&self, name: &str, format: &str) -> String {
        self.run(&["display-message", "-p", "-t", &format!("={name}:"), format])
            .trim_end()
            .to_owned()
    }

    /// The process of a session's active pane.
    pub(crate) fn process(&self, name: &str) -> ProcId {
        process::identify(self.field(name, "#{pane_pid}").parse().unwrap()).unwrap()
    }
}

impl Drop for TestServer {
    fn drop(&mut self) {
        for member in tree::tree(self.id.0).into_iter().rev() {
            signal(member.id, Signal::KILL);
        }
    }
}

fn run(scratch: &Scratch, args: &[&str]) -> String {
    run_by(Command::new("tmux"), scratch, args)
}

fn run_by(mut command: Command, scratch: &Scratch, args: &[&str]) -> String {
    let socket = scratch.socket();
    command
        .arg("-u")
        .arg("-S")
        .arg(socket)
        .args(["-f", "/dev/null"])
        .args(args)
        .env_remove("TMUX");
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "tmux {args:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// Waits until `found` finds something. Panics after [`PATIENCE`].
pub(crate) async fn wait_for<T>(what: &str, mut found: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = found().await {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

pub(crate) fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

/// A town named `town` of these sessions, whose agents are known by these process names.
pub(crate) fn town(sessions: &[(&str, &[&str])]) -> Town {
    Town {
        name: name("town"),
        root: None,
        gastown: Gastown::default(),
        unstartable: BTreeMap::new(),
        socket: Socket::Default,
        sessions: sessions
            .iter()
            .map(|(n, names)| (name(n), desired(n, names)))
            .collect(),
        policies: Vec::new(),
        chores: Vec::new(),
        limits: Limits {
            starts: StartBudget::Auto,
            ..Limits::default()
        },
        resync: Period::from_secs(30),
        metrics: None,
        notify: None,
    }
}

/// A session that runs `sleep` for long.
pub(crate) fn desired(session: &str, process_names: &[&str]) -> Desired {
    Desired {
        name: name(session),
        role: "custom".into(),
        rig: None,
        agent: Agent {
            name: "test".into(),
            process_names: process_names.iter().map(|n| (*n).to_owned()).collect(),
            ..Agent::default()
        },
        launch: Launch::Tmux,
        command: vec!["sleep".into(), "1000".into()],
        dir: "/".into(),
        env: BTreeMap::default(),
        identity_env: BTreeMap::default(),
        env_file: None,
        pass_env: std::collections::BTreeSet::new(),
        restart: RestartPolicy::Always,
        wave: 0,
        after: BTreeMap::default(),
        ready_after: Period::from_secs(1),
        max_age: None,
        handoff: None,
        handoff_gap: Period::from_hours(1),
        drain: Period::from_mins(5),
        idling: Idling::default(),
        max_memory: None,
        on_drift: OnDrift::default(),
        when_attached: WhenAttached::default(),
        stop_grace: Period::from_secs(30),
        completion: Completion {
            markers: Vec::new(),
            grace: Period::ZERO,
            log: None,
        },
        backoff: Backoff::default(),
        logs: Logs::default(),
        instructions: None,
        prune: false,
        policy: None,
    }
}
