//! A town of a benchmark's own: a directory, a manifest, a private tmux server.

use crate::Result;
use gtctl::manifest::{Sources, load};
use gtctl::model::{Memory, ProcId, Town};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::{clock, process};
use gtctl::store::View;
use std::fmt::Write as _;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

/// Ended and removed when dropped.
pub(crate) struct Stage {
    dir: PathBuf,
}

impl Stage {
    /// A town of so many sessions; none of them runs yet, and there is no server.
    pub(crate) fn declared(sessions: usize) -> Result<Self> {
        Self::declared_with(sessions, "")
    }

    /// With more lines at the end of `[defaults]`.
    fn declared_with(sessions: usize, more: &str) -> Result<Self> {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("gtctl-bench-{}-{count}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let stage = Self { dir };
        std::fs::write(stage.manifest(), stage.text(sessions, more))?;
        Ok(stage)
    }

    /// The same with all of them running, and nothing left to do.
    pub(crate) fn running(sessions: usize) -> Result<Self> {
        Self::running_with(sessions, "")
    }

    /// The same with more lines at the end of `[defaults]`.
    pub(crate) fn running_with(sessions: usize, more: &str) -> Result<Self> {
        let stage = Self::declared_with(sessions, more)?;
        let output = stage.gtctl(&["apply", "--no-wait"]).output()?;
        if !output.status.success() {
            return Err(format!("apply failed: {}", said(&output)).into());
        }
        let deadline = Instant::now() + Duration::from_secs(30);
        while !stage.gtctl(&["diff"]).output()?.status.success() {
            if Instant::now() > deadline {
                return Err("the town does not settle".into());
            }
        }
        Ok(stage)
    }

    fn text(&self, sessions: usize, more: &str) -> String {
        let socket = self.socket();
        let mut text = format!(
            "[town]\nname = \"bench\"\nsocket = \"{}\"\n[limits]\nconcurrent_starts = 100000\nstarts = 100000\n\
             [defaults]\nready_after = \"1s\"\nbackoff = {{ first = \"0s\", jitter = 0, burst = 1000 }}\ncommand = [\"sleep\", \"100000\"]\ndir = \"/\"\n{more}",
            socket.display()
        );
        for n in 0..sessions {
            // Writing to a String cannot fail.
            let _ = write!(text, "[[session]]\nsession = \"{}\"\n", session(n));
        }
        text
    }

    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.join("town.toml")
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.dir.join("s")
    }

    /// Where hooks report to.
    pub(crate) fn reports(&self) -> PathBuf {
        View::of(self.state()).reports_dir()
    }

    fn state(&self) -> PathBuf {
        self.dir.join("state")
    }

    /// `gtctl ARGS` on this town, not yet run.
    pub(crate) fn gtctl(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gtctl"));
        command
            .arg("-f")
            .arg(self.manifest())
            .arg("--state-dir")
            .arg(self.state())
            .args(args);
        self.alone(&mut command);
        command
    }

    /// `tmux ARGS` on this server, not yet run.
    pub(crate) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").arg("-S").arg(self.socket()).args(args);
        self.alone(&mut command);
        command
    }

    /// Without the user's own configuration.
    fn alone(&self, command: &mut Command) {
        command
            .env("HOME", &self.dir)
            .env("XDG_CONFIG_HOME", &self.dir)
            .env_remove("TMUX")
            .stdin(Stdio::null());
    }

    /// Runs `tmux ARGS` and returns what it printed.
    pub(crate) fn tmux(&self, args: &[&str]) -> Result<String> {
        let output = self.command(args).output()?;
        if !output.status.success() {
            return Err(format!("tmux {args:?}: {}", said(&output)).into());
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Runs these lines in one client, starting the server if need be.
    pub(crate) fn source(&self, lines: &str) -> Result<()> {
        let mut command = self.command(&["start-server", ";", "source-file", "-"]);
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()?;
        child
            .stdin
            .take()
            .ok_or("no input")?
            .write_all(lines.as_bytes())?;
        if child.wait()?.success() {
            Ok(())
        } else {
            Err("tmux refused the lines".into())
        }
    }

    /// How many sessions the server has.
    pub(crate) fn sessions(&self) -> Result<usize> {
        Ok(self.tmux(&["list-sessions"])?.lines().count())
    }

    /// The town as its manifest declares it.
    pub(crate) fn town(&self) -> Result<Town> {
        parsed(&std::fs::read_to_string(self.manifest())?)
    }

    /// What its state directory remembers.
    pub(crate) fn memory(&self) -> Result<Memory> {
        Ok(View::of(self.state()).load(clock::now())?.memory)
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        let pid = self
            .tmux(&["display-message", "-p", "#{pid}"])
            .ok()
            .and_then(|pid| pid.trim().parse().ok());
        if let Some(server) = pid.and_then(process::identify) {
            end(server);
        }
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// Ends a server, and with it the terminals of all that it runs. Waits until it is gone: its end
/// would disturb what is measured next.
fn end(server: ProcId) {
    signal(server, Signal::KILL);
    let deadline = Instant::now() + Duration::from_secs(10);
    while process::may_live(server) && Instant::now() < deadline {
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The n-th session's name.
pub(crate) fn session(n: usize) -> String {
    format!("gt-rig-crew-{n:05}")
}

/// The town that a manifest declares.
pub(crate) fn parsed(text: &str) -> Result<Town> {
    let sources = sources(text);
    match load(&sources) {
        Ok(loaded) => Ok(loaded.town),
        Err(faults) => Err(format!("the manifest has {} faults", faults.list.len()).into()),
    }
}

/// A manifest and nothing else.
pub(crate) fn sources(text: &str) -> Sources<'_> {
    Sources {
        town_path: Path::new("town.toml"),
        town_text: text,
        user: None,
        variables: &[],
        flags: &[],
        home: None,
        base_dir: Path::new("/"),
        include: &gtctl::manifest::no_files,
        machine: gtctl::manifest::Machine::default(),
        read: &|_| None,
    }
}

fn said(output: &Output) -> String {
    let text = [&output.stdout[..], &output.stderr[..]].concat();
    String::from_utf8_lossy(&text)
        .lines()
        .rev()
        .take(5)
        .collect::<Vec<_>>()
        .join(" | ")
}
