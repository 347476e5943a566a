//! A town of a test's own, on a server that it may or may not have, with any configuration.

use crate::support::{PATIENCE, Scratch, name, town};
use gtctl::model::{Desired, ProcId, ServerId, Town};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{env_tag, process, tree};
use gtctl::tmux::Client;
use std::path::PathBuf;
use std::process::Command;
use std::time::{Duration, Instant};

/// A private socket. The server on it, and all that carries the town's marker, is killed by id when
/// this is dropped.
pub(crate) struct Stage {
    scratch: Scratch,
    pub(crate) dir: PathBuf,
    pub(crate) town: Town,
    pub(crate) client: Client,
}

impl Stage {
    /// No server yet.
    pub(crate) fn without_server() -> Self {
        let scratch = Scratch::new();
        let dir = scratch.path().to_owned();
        let mut town = town(&[]);
        town.name = name(dir.file_name().unwrap().to_str().unwrap());
        Self {
            client: scratch.client(),
            dir,
            town,
            scratch,
        }
    }

    /// A server with this configuration, and no session.
    pub(crate) fn with_config(config: &str) -> Self {
        let stage = Self::without_server();
        let file = stage.dir.join("conf");
        std::fs::write(&file, config).unwrap();
        stage.run(&[
            "-f",
            file.to_str().unwrap(),
            "start-server",
            ";",
            "set-option",
            "-s",
            "exit-empty",
            "off",
        ]);
        stage
    }

    /// Runs `tmux ARGS` and returns what it printed, whether it failed or not.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let mut command = Command::new("tmux");
        command
            .arg("-u")
            .arg("-S")
            .arg(self.scratch.socket())
            .args(args)
            .env_remove("TMUX");
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    }

    pub(crate) fn format(&self, target: &str, format: &str) -> String {
        self.run(&["display-message", "-p", "-t", target, format])
            .trim_end()
            .to_owned()
    }

    pub(crate) fn screen(&self, target: &str) -> String {
        self.run(&["capture-pane", "-p", "-t", target])
    }

    pub(crate) fn sessions(&self) -> usize {
        self.run(&["list-sessions"]).lines().count()
    }

    pub(crate) fn server(&self) -> Option<ServerId> {
        let pid = self
            .run(&["display-message", "-p", "#{pid}"])
            .trim()
            .parse()
            .ok()?;
        process::identify(pid).map(ServerId)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let marked = env_tag::carrying_any(&self.town.name)
            .into_values()
            .flatten()
            .map(|(_, process)| process);
        let served = self
            .server()
            .into_iter()
            .flat_map(|server| tree::tree(server.0))
            .map(|member| member.id);
        for process in marked.chain(served) {
            signal(process, Signal::KILL);
        }
    }
}

/// Waits until it holds. Panics after [`PATIENCE`].
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds() {
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// The living process of this pid.
pub(crate) fn proc_of(pid: &str) -> ProcId {
    process::identify(pid.trim().parse().unwrap()).unwrap()
}

/// A session that runs this, anywhere.
pub(crate) fn desired(session: &str, command: &[&str]) -> Desired {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Desired {
        command,
        dir: std::env::temp_dir(),
        ..crate::support::desired(session, &[])
    }
}
