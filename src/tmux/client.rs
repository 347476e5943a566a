//! One call to tmux, with a deadline and a bounded answer: through a client held open, or a process of its own.

use super::control::{Control, Held};
use super::paths;
use super::script::NoServer;
use crate::model::{SessionName, Socket};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::Command;

/// A way to one tmux server: each call is a client of its own, unless one is held open for them.
///
/// Scripts go over standard input (`source-file -`), never as arguments. The server reads them back through the living
/// client, so when a call is given up and its client killed, a server that was frozen meanwhile finds nothing to
/// execute late; a command given as arguments does run late (measured on 3.3a). Nor does anything in a script show up
/// on a command line. A client held open keeps to the same (see `held`).
#[derive(Debug, Clone)]
pub struct Client {
    select: Vec<OsString>,
    path: PathBuf,
    calls: Arc<AtomicU64>,
    deadline: Duration,
    control: Option<Arc<Control>>,
}

/// What a call printed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Standard output; bytes that are not UTF-8 are replaced.
    pub out: String,
    /// Standard error, likewise: one line for each command of a script that failed.
    pub err: String,
    /// Whether the exit status was 0. A script's says nothing about its lines.
    pub success: bool,
}

/// Why a call told nothing.
#[derive(Debug, thiserror::Error)]
pub enum CallFault {
    /// There is no `tmux` to run.
    #[error("tmux cannot be run: is it installed and on PATH?")]
    NotInstalled(#[source] std::io::Error),
    /// No answer in time. What was asked for may or may not have happened.
    #[error("no answer from tmux within {0:?}")]
    Timeout(Duration),
    /// More output than [`Client::MAX_ANSWER`].
    #[error("tmux printed more than {} MiB", Client::MAX_ANSWER >> 20)]
    Flood,
    /// The call itself broke.
    #[error("the call to tmux broke")]
    Io(#[source] std::io::Error),
}

/// Variables that must not reach tmux: its server would keep them for ever and hand them to every session. Nor is any of
/// them for what else gtctl runs. Those of the service manager would let an agent speak in the controller's name.
pub const SCRUBBED: [&str; 14] = [
    "TMUX",
    "TMUX_PANE",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "GTCTL_TOWN",
    "GTCTL_SESSION",
    "GTCTL_GENERATION",
    "GTCTL_CRASHES",
];

impl Client {
    /// No call waits longer: with the verdict still to print, every verb answers within 5 s.
    pub const DEADLINE: Duration = Duration::from_secs(4);
    /// A client that is held open and does not answer a question within this time is given up: what is left of the
    /// deadline is for another.
    const SOON: Duration = Duration::from_secs(1);
    /// The most bytes read of one answer: 10,000 panes at 1 KiB, and some.
    pub const MAX_ANSWER: usize = 16 << 20;

    /// A way to the server on `socket`. [`Socket::Gastown`] must have been resolved before; it means the default server
    /// here.
    #[must_use]
    pub fn new(socket: &Socket) -> Self {
        let select = match socket {
            Socket::Default | Socket::Gastown => vec![],
            Socket::Name(name) => vec!["-L".into(), name.into()],
            Socket::Path(path) => vec!["-S".into(), path.into()],
        };
        Self {
            select,
            path: paths::socket_path(socket),
            calls: Arc::default(),
            deadline: Self::DEADLINE,
            control: None,
        }
    }

    /// How many calls were made so far, by this client and its clones: each is a round trip.
    #[must_use]
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// The server's socket file, whether it exists or not.
    #[must_use]
    pub fn socket_path(&self) -> &Path {
        &self.path
    }

    /// The command that attaches this terminal to a session, or switches the tmux client it already is in.
    #[must_use]
    pub fn attach_command(&self, session: &SessionName) -> std::process::Command {
        let mut command = std::process::Command::new("tmux");
        command.args(&self.select).args(["attach-session", "-t", &format!("={session}")]);
        command
    }

    /// This way, with a client held open whenever [`connect`](Self::connect) finds a server to hold one to. `town` names
    /// the session that it needs.
    #[must_use]
    pub fn holding(self, town: &SessionName) -> Self {
        Self { control: Some(Arc::new(Control::new(town))), ..self }
    }

    /// Opens the client that is to be held, where there is none and none has failed of late. Takes at most a second.
    pub async fn connect(&self) {
        if let Some(control) = &self.control {
            control.connect(|| self.command(), &self.path).await;
        }
    }

    /// Lets go of the client that is held, and of its session: a server that has no other ends.
    pub async fn release(&self) {
        if let Some(control) = &self.control {
            control.release().await;
        }
    }

    /// Returns when sessions have come or gone since the last call, or the client that is held has ended; never, where
    /// none is held. May be dropped at any time.
    pub async fn news(&self) {
        match &self.control {
            Some(control) => control.news().await,
            None => std::future::pending().await,
        }
    }

    /// Has a script carried out that only reads. Where the client that is held does not answer soon, a fresh one is
    /// asked.
    ///
    /// # Errors
    /// [`CallFault`].
    pub async fn read(&self, script: &str) -> Result<Answer, CallFault> {
        let begun = tokio::time::Instant::now();
        if let Some(control) = &self.control
            && let Held::Answered(Ok(answer)) = control.ask(script, &self.path, Self::SOON).await
        {
            self.calls.fetch_add(1, Ordering::Relaxed);
            return Ok(answer);
        }
        self.fresh(&["source-file", "-"], script, self.deadline.saturating_sub(begun.elapsed())).await
    }

    /// Has a script carried out, once.
    ///
    /// # Errors
    /// [`CallFault`]: it may or may not have happened, but will not happen later.
    pub async fn act(&self, script: &str, no_server: NoServer) -> Result<Answer, CallFault> {
        let args: &[&str] = match no_server {
            NoServer::Start => return self.call(&["start-server", ";", "source-file", "-"], script).await,
            NoServer::Stale => &["source-file", "-"],
        };
        let begun = tokio::time::Instant::now();
        if let Some(control) = &self.control
            && let Held::Answered(answer) = control.ask(script, &self.path, self.deadline).await
        {
            self.calls.fetch_add(1, Ordering::Relaxed);
            return answer;
        }
        self.fresh(args, script, self.deadline.saturating_sub(begun.elapsed())).await
    }

    /// Runs `tmux ARGS`, by a client of its own, with `input` on its standard input.
    ///
    /// # Errors
    /// [`CallFault`]; the client process is killed then, and reaped.
    pub async fn call(&self, args: &[&str], input: &str) -> Result<Answer, CallFault> {
        self.fresh(args, input, self.deadline).await
    }

    async fn fresh(&self, args: &[&str], input: &str, deadline: Duration) -> Result<Answer, CallFault> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        match tokio::time::timeout(deadline, self.call_without_deadline(args, input)).await {
            Ok(answer) => answer,
            Err(_) => Err(CallFault::Timeout(self.deadline)),
        }
    }

    /// tmux, with this server selected and nothing of ours in its environment. Killed when its child is dropped.
    fn command(&self) -> Command {
        let mut command = Command::new("tmux");
        command.arg("-u").args(&self.select);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        for name in SCRUBBED {
            command.env_remove(name);
        }
        command
    }

    async fn call_without_deadline(&self, args: &[&str], input: &str) -> Result<Answer, CallFault> {
        let mut child = self.command().args(args).spawn().map_err(CallFault::NotInstalled)?;
        let (stdin, out, err) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let (wrote, out, err) = tokio::join!(write_all(stdin, input), read_bounded(out), read_bounded(err));
        // A client that ends early closes its input; its answer says why.
        drop(wrote);
        let (out, err) = (out?, err?);
        let status = child.wait().await.map_err(CallFault::Io)?;
        Ok(Answer { out, err, success: status.success() })
    }
}

async fn write_all(pipe: Option<tokio::process::ChildStdin>, text: &str) -> std::io::Result<()> {
    let Some(mut pipe) = pipe else { return Ok(()) };
    pipe.write_all(text.as_bytes()).await?;
    pipe.shutdown().await
}

async fn read_bounded(pipe: Option<impl AsyncRead + Unpin>) -> Result<String, CallFault> {
    let Some(pipe) = pipe else { return Ok(String::new()) };
    // As much as a pipe holds: without room, reading would begin with a few bytes at a time.
    let mut bytes = Vec::with_capacity(64 << 10);
    let limit = Client::MAX_ANSWER as u64 + 1;
    pipe.take(limit).read_to_end(&mut bytes).await.map_err(CallFault::Io)?;
    if bytes.len() > Client::MAX_ANSWER {
        return Err(CallFault::Flood);
    }
    Ok(String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned()))
}
