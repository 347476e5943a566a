//! A tmux server of a test's own, and plain values to fill it with.

use gtctl::model::{
    Agent, Backoff, Completion, Desired, Idling, Launcher, Limits, Logs, OnDrift, Period, ProcId, RestartPolicy,
    ServerId, SessionName, Socket, Town, WhenAttached,
};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{marker, process};
use gtctl::tmux::Client;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// A private socket in a directory of its own. The server on it, and all that carries the town's marker, is killed by id
/// when this is dropped.
pub(crate) struct Tmux {
    pub(crate) dir: PathBuf,
    pub(crate) town: Town,
    pub(crate) client: Client,
}

static COUNT: AtomicU32 = AtomicU32::new(0);

impl Tmux {
    /// No server yet.
    pub(crate) fn without_server() -> Self {
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let unique = format!("gtctl-test-{}-{n}", std::process::id());
        let dir = std::env::temp_dir().join(&unique);
        std::fs::create_dir_all(&dir).unwrap();
        let socket = Socket::Path(dir.join("s"));
        Self { client: Client::new(&socket), town: town(&unique, socket), dir }
    }

    /// A server with this configuration, and no session.
    pub(crate) fn with_config(config: &str) -> Self {
        let tmux = Self::without_server();
        std::fs::write(tmux.dir.join("conf"), config).unwrap();
        let config = tmux.dir.join("conf").to_str().unwrap().to_owned();
        tmux.run(&["-f", &config, "start-server", ";", "set-option", "-s", "exit-empty", "off"]);
        tmux
    }

    pub(crate) fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.dir.join("s")).args(args).env_remove("TMUX");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    pub(crate) fn format(&self, target: &str, format: &str) -> String {
        self.run(&["display-message", "-p", "-t", target, format]).trim_end().to_owned()
    }

    pub(crate) fn sessions(&self) -> usize {
        self.run(&["list-sessions"]).lines().count()
    }

    pub(crate) fn server(&self) -> Option<ServerId> {
        let pid = self.run(&["display-message", "-p", "#{pid}"]).trim().parse().ok()?;
        process::identify(pid).map(ServerId)
    }
}

impl Drop for Tmux {
    fn drop(&mut self) {
        for (_, processes) in marker::carrying_any(&self.town.name) {
            for (_, process) in processes {
                signal(process, Signal::KILL);
            }
        }
        if let Some(ServerId(server)) = self.server() {
            signal(server, Signal::KILL);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Waits until it holds, at most 10 s.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

pub(crate) fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

pub(crate) fn proc_of(pid: &str) -> ProcId {
    process::identify(pid.trim().parse().unwrap()).unwrap()
}

fn town(unique: &str, socket: Socket) -> Town {
    Town {
        name: name(unique),
        root: None,
        socket,
        sessions: BTreeMap::new(),
        policies: vec![],
        chores: vec![],
        limits: Limits::default(),
        resync: Period::from_secs(10),
        drain_on_exit: false,
        metrics: None,
        notify: None,
    }
}

pub(crate) fn desired(session: &str, command: &[&str]) -> Desired {
    Desired {
        name: name(session),
        role: "custom".into(),
        rig: None,
        agent: Agent::default(),
        launcher: Launcher::Tmux,
        command: command.iter().map(|&word| word.to_owned()).collect(),
        dir: std::env::temp_dir(),
        env: BTreeMap::new(),
        identity_env: BTreeMap::new(),
        env_file: None,
        restart: RestartPolicy::Always,
        wave: 0,
        after: BTreeSet::new(),
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
        completion: Completion { markers: vec![], grace: Period::ZERO, log: None },
        backoff: Backoff::default(),
        logs: Logs::default(),
        instructions: None,
        prune: false,
    }
}
