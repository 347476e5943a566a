//! Runs the real binary in a yard: a home, a state directory, a tmux server and a manifest for one
//! test alone.

use crate::harness::wait::until_or;
use crate::harness::{Owned, PATIENCE, Scratch, name, write_program};
use gtctl::model::ProcId;
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{env_tag, process};
use serde_json::Value;
use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::time::{Duration, Instant};

/// The real tmux, whatever a test puts before it.
pub(crate) static TMUX: LazyLock<String> = LazyLock::new(|| {
    let path = std::env::var_os("PATH").unwrap();
    let found = std::env::split_paths(&path)
        .map(|dir| dir.join("tmux"))
        .find(|file| file.exists());
    found.unwrap().to_str().unwrap().to_owned()
});

/// The variable by which gtctl sees processes in another way: see `src/proc/machine/mod.rs`.
pub(crate) const MACHINE: &str = "GTCTL_MACHINE";

/// Everything in it is killed by id and removed when it is dropped.
pub(crate) struct Yard {
    /// Before the folder: a server is found by its socket.
    owned: Owned,
    scratch: Scratch,
    /// The town's name.
    pub(crate) town: String,
    /// The directories put before PATH.
    path: RefCell<String>,
}

/// What a verb said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) out: String,
    pub(crate) err: String,
    pub(crate) took: Duration,
}

impl Said {
    /// Panics unless the exit code is this.
    #[track_caller]
    pub(crate) fn exits(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "{}\n{}", self.out, self.err);
        self
    }

    #[track_caller]
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(
            self.out.contains(text) || self.err.contains(text),
            "no {text:?} in\n{}\n{}",
            self.out,
            self.err
        );
        self
    }

    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}: {}\n{}", self.out, self.err))
    }
}

impl Yard {
    /// With this manifest, after a `[town]` table with name and socket.
    pub(crate) fn new(manifest: &str) -> Self {
        let scratch = Scratch::new();
        let town = scratch.name().to_owned();
        let path = std::env::var("PATH").unwrap();
        let yard = Self {
            owned: Owned::new(name(&town), scratch.socket()),
            scratch,
            town,
            path: RefCell::new(path),
        };
        fs::create_dir(yard.at("home")).unwrap();
        yard.declare(manifest);
        yard
    }

    pub(crate) fn at(&self, path: &str) -> PathBuf {
        self.scratch.path().join(path)
    }

    pub(crate) fn dir(&self) -> &str {
        self.scratch.path().to_str().unwrap()
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.owned.socket().to_owned()
    }

    /// Has the server listen where tmux would have it for a name (`tmux -L`).
    pub(crate) fn named_socket(mut self, name: &str) -> Self {
        use std::os::unix::fs::{DirBuilderExt, MetadataExt};
        let uid = fs::metadata(self.scratch.path()).unwrap().uid();
        let folder = self.at(&format!("tmux-{uid}"));
        fs::DirBuilder::new().mode(0o700).create(&folder).unwrap();
        self.owned.listen_at(folder.join(name));
        self
    }

    /// Writes the manifest, in one go.
    pub(crate) fn declare(&self, manifest: &str) {
        let head = format!(
            "[town]\nname = \"{}\"\nsocket = \"{}\"\n",
            self.town,
            self.socket().display()
        );
        self.write_manifest(&format!("{head}{manifest}"));
    }

    pub(crate) fn write_manifest(&self, text: &str) {
        fs::write(self.at("town.new"), text).unwrap();
        fs::rename(self.at("town.new"), self.at("town.toml")).unwrap();
    }

    pub(crate) fn write(&self, path: &str, text: &str) {
        fs::write(self.at(path), text).unwrap();
    }

    pub(crate) fn read(&self, path: &str) -> String {
        fs::read_to_string(self.at(path)).unwrap_or_default()
    }

    /// The town's state directory.
    pub(crate) fn state(&self) -> PathBuf {
        self.at("xdg/gtctl").join(&self.town)
    }

    /// Puts a program of this name and text before all others.
    pub(crate) fn shim(&self, program: &str, text: &str) {
        let bin = self.at("bin");
        fs::create_dir_all(&bin).unwrap();
        write_program(bin.join(program), text);
        let path = self.path.borrow().clone();
        if !path.starts_with(bin.to_str().unwrap()) {
            *self.path.borrow_mut() = format!("{}:{path}", bin.display());
        }
    }

    /// A command in a clean environment.
    pub(crate) fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        command
            .env_clear()
            .env("PATH", &*self.path.borrow())
            .env("HOME", self.at("home"));
        command
            .env("XDG_STATE_HOME", self.at("xdg"))
            .env("TMUX_TMPDIR", self.scratch.path());
        command
            .env("TERM", "xterm")
            .env("LC_ALL", "C.UTF-8")
            .current_dir(self.scratch.path());
        // The machine by which gtctl sees processes: all tests can be run with the portable one.
        command.envs(std::env::var_os(MACHINE).map(|machine| (MACHINE, machine)));
        command.stdin(Stdio::null());
        command
    }

    pub(crate) fn gtctl_command(&self, args: &[&str]) -> Command {
        let mut command = self.command(env!("CARGO_BIN_EXE_gtctl"));
        command.args(args);
        command
    }

    /// Runs a verb to its end.
    pub(crate) fn gtctl(&self, args: &[&str]) -> Said {
        self.running(self.gtctl_command(args)).end()
    }

    /// Starts a verb.
    pub(crate) fn start(&self, args: &[&str]) -> Running {
        self.running(self.gtctl_command(args))
    }

    /// Starts a command whose words are kept in files, for there is nobody to drain a pipe.
    pub(crate) fn running(&self, mut command: Command) -> Running {
        use std::sync::atomic::{AtomicU32, Ordering};
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let n = COUNT.fetch_add(1, Ordering::Relaxed);
        let (out, err) = (self.at(&format!("out-{n}")), self.at(&format!("err-{n}")));
        command
            .stdout(File::create(&out).unwrap())
            .stderr(File::create(&err).unwrap());
        Running {
            child: command.spawn().unwrap(),
            out,
            err,
            begun: Instant::now(),
            ended: false,
        }
    }

    /// Runs `tmux ARGS`, and returns what it printed, whether it failed or not.
    pub(crate) fn tmux(&self, args: &[&str]) -> String {
        let mut command = self.command(&TMUX);
        command.arg("-u").arg("-S").arg(self.socket()).args(args);
        let output = command.output().unwrap();
        self.owned.add_server();
        String::from_utf8_lossy(&output.stdout)
            .trim_end()
            .to_owned()
    }

    pub(crate) fn format(&self, session: &str, format: &str) -> String {
        self.tmux(&[
            "display-message",
            "-p",
            "-t",
            &format!("={session}:"),
            format,
        ])
    }

    /// The names of all sessions on the server but those that controllers hold for themselves.
    pub(crate) fn sessions(&self) -> Vec<String> {
        let all = self.tmux(&["list-sessions", "-F", "#{session_name}"]);
        let mut names: Vec<String> = all
            .lines()
            .filter(|name| !name.starts_with('_'))
            .map(str::to_owned)
            .collect();
        names.sort();
        names
    }

    /// The living process of a session's pane.
    pub(crate) fn process(&self, session: &str) -> Option<ProcId> {
        if self.format(session, "#{session_name} #{pane_dead}") != format!("{session} 0") {
            return None;
        }
        self.format(session, "#{pane_pid}")
            .parse()
            .ok()
            .and_then(process::identify)
            .filter(|p| process::may_live(*p))
    }

    #[track_caller]
    pub(crate) fn pid(&self, session: &str) -> ProcId {
        self.process(session)
            .unwrap_or_else(|| panic!("{session} does not live"))
    }

    /// Waits until a session has a living process other than `former`.
    #[track_caller]
    pub(crate) fn fresh(&self, session: &str, former: Option<ProcId>) -> ProcId {
        let mut found = None;
        self.until(&format!("a fresh {session}"), || {
            found = self.process(session).filter(|now| Some(*now) != former);
            found.is_some()
        });
        found.unwrap()
    }

    /// The process of the server.
    pub(crate) fn server(&self) -> Option<ProcId> {
        self.owned.server()
    }

    /// Kills this process, and all below it, when the yard is left.
    pub(crate) fn own(&self, process: ProcId) {
        self.owned.add(process);
    }

    pub(crate) fn kill(&self, process: ProcId) {
        signal(process, Signal::KILL);
        self.until("a killed process to be gone", || {
            !process::may_live(process)
        });
    }

    /// The living processes with this session's marker.
    pub(crate) fn marked(&self, session: &str) -> Vec<ProcId> {
        let all = env_tag::carrying_any(&name(&self.town))
            .remove(&name(session))
            .unwrap_or_default();
        all.into_iter().map(|(_, process)| process).collect()
    }

    /// A client attached to a session by a terminal of its own.
    pub(crate) fn attach(&self, session: &str) -> Running {
        let mut command = self.command("script");
        let tmux = format!(
            "{} -S {} attach -t '={session}:'",
            *TMUX,
            self.socket().display()
        );
        command
            .args(["-qfc", &tmux, "/dev/null"])
            .stdin(Stdio::piped());
        let running = self.running(command);
        self.until("the client", || {
            self.format(session, "#{session_attached}") != "0"
        });
        running
    }

    /// Waits until it holds. Panics after [`PATIENCE`](crate::harness::PATIENCE), and says what
    /// `diff` says then.
    #[track_caller]
    pub(crate) fn until(&self, what: &str, holds: impl FnMut() -> bool) {
        until_or(what, holds, || self.gtctl(&["diff"]).out);
    }
}

/// A command that runs; killed when dropped.
pub(crate) struct Running {
    child: Child,
    out: PathBuf,
    err: PathBuf,
    begun: Instant,
    ended: bool,
}

impl Running {
    pub(crate) fn id(&self) -> ProcId {
        process::identify(self.child.id()).unwrap()
    }

    pub(crate) fn signal(&self, with: Signal) {
        signal(self.id(), with);
    }

    /// Whether it has begun to listen for SIGTERM. Before that, the signal just ends it.
    pub(crate) fn listens_for_term(&self) -> bool {
        // Bit 14 of the signals that it catches, counted from signal 1: proc_pid_status(5).
        const TERM: u64 = 1 << 14;
        fs::read_to_string(format!("/proc/{}/status", self.child.id()))
            .unwrap_or_default()
            .lines()
            .find_map(|line| line.strip_prefix("SigCgt:"))
            .and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok())
            .is_some_and(|caught| caught & TERM != 0)
    }

    /// All it has said so far.
    pub(crate) fn said(&self) -> String {
        read(&self.out) + &read(&self.err)
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until it has ended.
    pub(crate) fn end(mut self) -> Said {
        let deadline = Instant::now() + PATIENCE;
        let status = loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                break status;
            }
            assert!(
                Instant::now() < deadline,
                "it does not end: {}",
                self.said()
            );
            std::thread::sleep(Duration::from_millis(5));
        };
        self.ended = true;
        Said {
            code: status.code(),
            out: read(&self.out),
            err: read(&self.err),
            took: self.begun.elapsed(),
        }
    }

    /// Kills it with KILL.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        self.ended = true;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if !self.ended {
            drop(self.child.kill());
            drop(self.child.wait());
        }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&fs::read(path).unwrap_or_default()).into_owned()
}

/// The line of a page's list (`steps`, `held`, `unchanged`, `sessions`, `outcomes`) about a
/// session.
pub(crate) fn of<'v>(page: &'v Value, list: &str, session: &str) -> Option<&'v Value> {
    page[list]
        .as_array()?
        .iter()
        .find(|line| line["session"] == session)
}
