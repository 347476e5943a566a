//! A tmux server for one test, on a socket of its own.

use crate::harness::{Owned, Scratch, name, town};
use gtctl::model::{ProcId, ServerId, Town};
use gtctl::proc::process;
use gtctl::tmux::Client;
use std::path::Path;
use std::process::{Command, Output};

/// A tmux server on a socket of its own, and a town that has its name from the test's folder. The
/// server may be there or not. It is killed by id, with the town's agents, when this is dropped.
#[derive(Debug)]
pub(crate) struct TestServer {
    /// Before the folder: a server is found by its socket.
    owned: Owned,
    pub(crate) scratch: Scratch,
    pub(crate) town: Town,
    pub(crate) client: Client,
    started: Option<ServerId>,
}

impl TestServer {
    /// No server yet.
    pub(crate) fn not_started() -> Self {
        let scratch = Scratch::new();
        let mut town = town(&[]);
        town.name = name(scratch.name());
        Self {
            owned: Owned::new(town.name.clone(), scratch.socket()),
            client: scratch.client(),
            town,
            scratch,
            started: None,
        }
    }

    /// A server that keeps dead panes, without sessions.
    pub(crate) fn start() -> Self {
        Self::with_config(KEEPING)
    }

    /// A server with this configuration, and no session.
    pub(crate) fn with_config(config: &str) -> Self {
        Self::start_by(Command::new("tmux"), config)
    }

    /// As [`TestServer::start`], but it never hears of a child's end, as Debian's 3.3a does not at
    /// times.
    pub(crate) fn start_deaf() -> Self {
        let mut command = Command::new("env");
        command.args(["--block-signal=CHLD", "tmux"]);
        Self::start_by(command, KEEPING)
    }

    fn start_by(mut tmux: Command, config: &str) -> Self {
        let mut server = Self::not_started();
        let file = server.dir().join("conf");
        std::fs::write(&file, config).unwrap();
        tmux.arg("-u")
            .arg("-S")
            .arg(server.owned.socket())
            .arg("-f")
            .arg(file);
        tmux.args(["start-server", ";", "set-option", "-s", "exit-empty", "off"]);
        succeeded(tmux.env_remove("TMUX"));
        server.owned.add_server();
        server.started = server.server();
        server
    }

    pub(crate) fn dir(&self) -> &Path {
        self.scratch.path()
    }

    /// Runs `tmux ARGS` and returns what it printed, whether it failed or not.
    pub(crate) fn ask(&self, args: &[&str]) -> String {
        let output = self.command(args).output().unwrap();
        self.owned.add_server();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// Runs `tmux ARGS` and returns what it printed. Panics when it fails.
    pub(crate) fn run(&self, args: &[&str]) -> String {
        let output = succeeded(&mut self.command(args));
        self.owned.add_server();
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .arg("-u")
            .arg("-S")
            .arg(self.owned.socket())
            .args(["-f", "/dev/null"]);
        command.args(args).env_remove("TMUX");
        command
    }

    /// A format, as tmux expands it for a target.
    pub(crate) fn format(&self, target: &str, format: &str) -> String {
        self.ask(&["display-message", "-p", "-t", target, format])
            .trim_end()
            .to_owned()
    }

    pub(crate) fn screen(&self, target: &str) -> String {
        self.ask(&["capture-pane", "-p", "-t", target])
    }

    /// How many sessions there are.
    pub(crate) fn sessions(&self) -> usize {
        self.ask(&["list-sessions"]).lines().count()
    }

    /// The server that was started first, whether it still lives or not.
    #[track_caller]
    pub(crate) fn id(&self) -> ServerId {
        self.started.expect("a server")
    }

    /// The server that lives now, whether it answers or not.
    pub(crate) fn server(&self) -> Option<ServerId> {
        self.owned.server().map(ServerId)
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
        let target = format!("={name}:");
        self.run(&["display-message", "-p", "-t", &target, format])
            .trim_end()
            .to_owned()
    }

    /// The process of a session's active pane.
    pub(crate) fn process(&self, name: &str) -> ProcId {
        process::identify(self.field(name, "#{pane_pid}").parse().unwrap()).unwrap()
    }
}

/// Dead panes stay.
const KEEPING: &str = "set-option -g remain-on-exit on\nset-option -g destroy-unattached off\n";

fn succeeded(command: &mut Command) -> Output {
    let output = command.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {said}");
    output
}
