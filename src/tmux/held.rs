//! One control-mode client, held open: scripts go in, answers and news come out.
//!
//! A control client must be attached to a session. This one makes a session of its own whose only pane is dead from the
//! start and which tmux removes together with its client, however that ends; it takes no process, and nobody's session
//! counts as attached because of it.
//!
//! The server reads a control client's lines from the pipe itself, and a line that was written to a frozen server is
//! carried out when it thaws, long after the client is gone (measured on 3.3a). So no line ever says what to do: it only
//! names a file in our memory, `/proc/PID/fd/N`, in which the script stands. When a call is given up its file is emptied
//! in the same instant; when we end it is no more. What is read late is nothing. A file that a line may still name is
//! kept until we end, so that its number never comes to stand for another.

use super::blocks::{Blocks, Heard};
use super::nonce::nonce;
use super::{Answer, CallFault, Client};
use nix::sys::memfd::{MFdFlags, memfd_create};
use std::fs::File;
use std::io::{Error, ErrorKind};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

/// What the names of the sessions of such clients begin with: no declared session can be called so.
pub(super) const PREFIX: &str = "_gtctl-";

/// Whether a session is that of such a client, of whatever controller: nobody's, and nothing to look at.
pub(super) fn is_held(session: &str) -> bool {
    session.starts_with(PREFIX)
}

/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// More files than these are not given up: the client that would need another is not opened.
const MAX_GIVEN_UP: usize = 64;

/// Files that a line which was sent may still name.
#[derive(Debug, Default, Clone)]
pub(super) struct GivenUp(Arc<Mutex<Vec<File>>>);

impl GivenUp {
    /// Whether there is room for another.
    pub(super) fn has_room(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).len() < MAX_GIVEN_UP
    }

    fn keep(&self, file: File) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(file);
    }
}

/// An open client. When it is dropped its script is withdrawn and its process killed.
#[derive(Debug)]
pub(super) struct HeldClient {
    /// Killed when dropped.
    _child: Child,
    input: ChildStdin,
    output: ChildStdout,
    /// What was read and is no whole line yet.
    rest: Vec<u8>,
    blocks: Blocks,
    news: bool,
    /// The file that lines name, and where the server finds it.
    script: Option<File>,
    path: String,
    /// Whether a line was sent and not yet answered.
    asking: bool,
    given_up: GivenUp,
}

/// Why nothing was answered, and whether anything may have been done.
#[derive(Debug)]
pub(super) enum AskFault {
    /// The server cannot have heard of it.
    Unsent,
    /// It may have happened.
    Doubtful(CallFault),
}

impl HeldClient {
    /// Opens a client, with a session of this name, by a command that selects the server. Starts no server.
    ///
    /// # Errors
    /// When it does not come up and understand a script. Has no deadline of its own.
    pub(super) async fn open(mut tmux: Command, session: &str, given_up: GivenUp) -> Result<Self, CallFault> {
        tmux.args(["-N", "-C", "new-session", "-f", "no-output,ignore-size", "-s", session, "-x", "80", "-y", "24"]);
        tmux.args(["-c", "/", "--", "true", ";", "set-option", "destroy-unattached", "on"]);
        tmux.args([";", "set-option", "-w", "remain-on-exit", "on"]);
        // Whoever removes its session must not make a client of it that is attached to another.
        tmux.args([";", "set-option", "detach-on-destroy", "on"]);
        let mut child = tmux.spawn().map_err(CallFault::NotInstalled)?;
        let broken = || CallFault::Io(Error::from(ErrorKind::BrokenPipe));
        let (input, output) = (child.stdin.take().ok_or_else(broken)?, child.stdout.take().ok_or_else(broken)?);
        let file: OwnedFd =
            memfd_create(c"gtctl-script", MFdFlags::MFD_CLOEXEC).map_err(|e| CallFault::Io(e.into()))?;
        let path = format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd());
        let (rest, blocks, script) = (Vec::new(), Blocks::default(), Some(File::from(file)));
        let mut held =
            Self { _child: child, input, output, rest, blocks, news: false, script, path, asking: false, given_up };
        let word = nonce().map_err(CallFault::Io)?;
        let answer = held.ask(&format!("display-message -p {word}\n")).await.map_err(|fault| match fault {
            AskFault::Unsent => broken(),
            AskFault::Doubtful(fault) => fault,
        })?;
        // A server that sees other processes than we do reads another file, or none.
        if answer.out.trim_end() != word {
            return Err(CallFault::Io(Error::from(ErrorKind::InvalidData)));
        }
        // What has changed since the last look and before this was not heard.
        held.news = true;
        Ok(held)
    }

    /// Has the script carried out, and returns what it printed. Whoever drops this unfinished, or is given a fault, must
    /// not ask again.
    pub(super) async fn ask(&mut self, script: &str) -> Result<Answer, AskFault> {
        let file = self.script.as_ref().ok_or(AskFault::Unsent)?;
        let end = nonce().map_err(|_| AskFault::Unsent)?;
        file.set_len(0).and_then(|()| file.write_all_at(script.as_bytes(), 0)).map_err(|_| AskFault::Unsent)?;
        let lines = format!("source-file {}\ndisplay-message -p {end}\n", self.path);
        self.asking = true;
        // Less than a pipe takes at once: all of it is sent, or none.
        self.input.write_all(lines.as_bytes()).await.map_err(|_| AskFault::Unsent)?;
        loop {
            if let Some(answer) = self.blocks.take_answer(&end) {
                self.asking = false;
                return Ok(answer);
            }
            self.read().await.map_err(AskFault::Doubtful)?;
        }
    }

    /// Returns when something has changed in the server since it was last asked. May be dropped at any time.
    ///
    /// # Errors
    /// When the client has ended.
    pub(super) async fn news(&mut self) -> Result<(), CallFault> {
        while !std::mem::take(&mut self.news) {
            self.read().await?;
        }
        Ok(())
    }

    /// Takes what there is to read, waiting for it.
    async fn read(&mut self) -> Result<(), CallFault> {
        self.rest.reserve(CHUNK);
        if self.output.read_buf(&mut self.rest).await.map_err(CallFault::Io)? == 0 {
            return Err(CallFault::Io(Error::from(ErrorKind::UnexpectedEof)));
        }
        let whole = memchr::memrchr(b'\n', &self.rest).map_or(0, |at| at + 1);
        let lines: Vec<u8> = self.rest.drain(..whole).collect();
        for line in String::from_utf8_lossy(&lines).split_inclusive('\n') {
            match self.blocks.take_line(line) {
                Heard::Part => {}
                Heard::News => self.news = true,
                Heard::Exit => return Err(CallFault::Io(Error::from(ErrorKind::UnexpectedEof))),
            }
        }
        if self.blocks.len() + self.rest.len() > Client::MAX_ANSWER {
            return Err(CallFault::Flood);
        }
        Ok(())
    }
}

impl Drop for HeldClient {
    fn drop(&mut self) {
        let Some(script) = self.script.take() else { return };
        // Emptied at once; where even that fails, the fences in it still refuse what came too late.
        let _ = script.set_len(0);
        if self.asking {
            self.given_up.keep(script);
        }
    }
}
