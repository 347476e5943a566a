//! Runs scripts without a `tmux` process, over the server's socket and in its own protocol.
//!
//! A script goes as `tmux source-file -` would send it: the server asks for it once its turn has
//! come. Only then is the script sent. So after we give up, a frozen server has nothing to run when
//! it thaws.
//!
//! A script that only reads may run late, so it is sent at once where possible. A script that must
//! not run late is sent only if the server has asked within the last 0.1 s. A script that ends with
//! `source-file -` makes the server ask for the next one, so a connection can serve several
//! scripts.
//!
//! This starts no process, so a quiet controller starts none at all. A look with its plan takes
//! less time than a single `tmux list-panes` (benchmark 1). A control-mode client would be as fast
//! and would report changes. But a 3.3a server ends, with all its sessions, if such a client is
//! killed while it starts (measured).
//!
//! Any doubt before the script is sent ends in [`Unasked`](Fault::Unasked): nobody listens, or
//! something else than tmux answers. Then a `tmux` process is used, which says what is wrong.

use super::client::passed;
use super::frame::{self, Garbled, Received};
use super::owner::check_peer;
use super::{CallAnswer, CallFault, Client};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::OnceLock;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// A command that makes the server ask for a script.
const ASK_ME: &[u8] = b"source-file\0-\0";
/// A last line that makes the server ask for the next script.
const ASK_ME_NEXT: &str = "source-file -\n";
/// A first command that prints an empty line. From its second line on, the server prints without
/// asking first.
const AHEAD: &str = "display-message -p '' ; ";
/// A command that runs the script behind it: an `if-shell` whose condition holds.
const AT_ONCE: &[u8] = b"if-shell\0-F\x001\0";
/// Bytes per read.
const CHUNK: usize = 64 << 10;
/// The descriptors of a client's standard streams in the protocol.
const INPUT: i32 = 0;
const OUTPUT: i32 = 1;
const ERRORS: i32 = 2;
/// `EBADF`: our answer for any other file.
const BAD_FILE: i32 = 9;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server has not got the script and never will.
    Unasked,
    /// The script may have run.
    Doubtful(CallFault),
}

/// What a connection may be used for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Only for reading.
    Read,
    /// For anything.
    Act,
}

/// The first message of a connection: who we are. Each is built when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Greetings {
    /// For reading only. It has no environment, because the server would copy each variable for
    /// nothing.
    reader: OnceLock<Vec<u8>>,
    /// For anything. It has the [`passed`] environment: a new session takes the variables in
    /// `update-environment`, a process takes PATH.
    actor: OnceLock<Vec<u8>>,
}

impl Greetings {
    fn of(&self, purpose: Access) -> &[u8] {
        match purpose {
            Access::Read => self.reader.get_or_init(|| greeting([])),
            Access::Act => self.actor.get_or_init(|| greeting(passed())),
        }
    }
}

fn greeting(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<u8> {
    let mut out = vec![];
    let mut put = |kind, parts: &[&[u8]]| frame::put(&mut out, kind, parts);
    put(
        frame::IDENTIFY_LONGFLAGS,
        &[&frame::FLAG_UTF8.to_ne_bytes()],
    );
    // The server reads both without checking that they came.
    put(frame::IDENTIFY_TERM, &[b"\0"]);
    put(frame::IDENTIFY_TTYNAME, &[b"\0"]);
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    put(frame::IDENTIFY_CWD, &[folder.as_os_str().as_bytes(), b"\0"]);
    put(
        frame::IDENTIFY_CLIENTPID,
        &[&std::process::id().to_ne_bytes()],
    );
    for (name, value) in environment {
        // A variable that is too long for a frame is left out, as tmux does.
        put(
            frame::IDENTIFY_ENVIRON,
            &[name.as_bytes(), b"=", value.as_bytes(), b"\0"],
        );
    }
    put(frame::IDENTIFY_DONE, &[]);
    out
}

/// What happens to a connection after a script.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It is closed.
    End,
    /// The server asks for the next script, up to [`Connection::MOST_SCRIPTS`].
    Ask,
}

/// A connection to a server. Dropping it closes it. Nothing here has a deadline.
///
/// A server that asks for a script has its turn now. A script that is sent much later may run late.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    /// The pid of the process that made the socket: the server.
    server: Option<u32>,
    purpose: Access,
    received: Received,
    /// The stream on which the server waits for a script, and since when.
    asked: Option<(i32, Instant)>,
    /// The number of scripts run so far.
    scripts: u32,
    /// The streams on which the server prints.
    printing: Vec<Printing>,
}

/// A stream on which the server prints.
#[derive(Debug)]
struct Printing {
    stream: i32,
    /// [`OUTPUT`] or [`ERRORS`].
    descriptor: i32,
    /// Whether the server may print now.
    flows: bool,
    /// Whether it has printed anything.
    is_heard: bool,
}

/// What the server printed until it asked for the next script or ended.
#[derive(Debug, Default)]
struct Printed {
    out: Vec<u8>,
    err: Vec<u8>,
    /// The exit status, if the server sent one.
    status: Option<i32>,
}

impl Printed {
    fn answer(self) -> CallAnswer {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
        };
        // Without a status, each failed command has at least printed an error.
        let success = self
            .status
            .map_or(self.err.is_empty(), |status| status == 0);
        CallAnswer {
            out: text(self.out),
            err: text(self.err),
            success,
        }
    }
}

impl Connection {
    /// The most scripts on one connection. Each is nested in the one before: later versions of tmux
    /// allow 50, and the server keeps a little memory for each.
    const MOST_SCRIPTS: u32 = 40;
    /// How long after its question a server counts as working.
    const FRESH: Duration = Duration::from_millis(100);

    /// Opens a connection on which the server asks for a script.
    pub(super) async fn open(
        socket: &Path,
        greetings: &Greetings,
        purpose: Access,
    ) -> Result<Self, Fault> {
        let mut first = greetings.of(purpose).to_vec();
        frame::put(&mut first, frame::COMMAND, &[&2_i32.to_ne_bytes(), ASK_ME]);
        let mut connection = Self::begin(socket, purpose, &first).await?;
        connection.be_asked().await?;
        Ok(connection)
    }

    /// Opens a connection with a script that only reads and runs at once. A line that fails ends
    /// it.
    ///
    /// Call [`answer`](Self::answer) next. `None` if the script is too long for one frame.
    pub(super) async fn ask(
        socket: &Path,
        greetings: &Greetings,
        purpose: Access,
        script: &str,
        after: After,
    ) -> Result<Option<Self>, Fault> {
        let mut first = greetings.of(purpose).to_vec();
        let next = if after == After::Ask { ASK_ME_NEXT } else { "" };
        let words: [&[u8]; 5] = [
            &4_i32.to_ne_bytes(),
            AT_ONCE,
            script.as_bytes(),
            next.as_bytes(),
            b"\0",
        ];
        if !frame::put(&mut first, frame::COMMAND, &words) {
            return Ok(None);
        }
        Self::begin(socket, purpose, &first).await.map(Some)
    }

    /// Waits for the answer to the script that was sent.
    pub(super) async fn answer(&mut self) -> Result<CallAnswer, Fault> {
        self.listen()
            .await
            .map(Printed::answer)
            .map_err(Fault::Doubtful)
    }

    async fn begin(socket: &Path, purpose: Access, first: &[u8]) -> Result<Self, Fault> {
        let Ok(stream) = UnixStream::connect(socket).await else {
            return Err(Fault::Unasked);
        };
        // This check comes before the first byte, because the greeting may contain secrets.
        let server = check_peer(&stream, socket)
            .map_err(|refusal| Fault::Doubtful(CallFault::Refused(refusal)))?;
        let (received, printing) = (Received::default(), vec![]);
        let mut connection = Self {
            stream,
            server,
            purpose,
            received,
            asked: None,
            scripts: 0,
            printing,
        };
        connection.send(first).await.map_err(|_| Fault::Unasked)?;
        Ok(connection)
    }

    /// Runs a script with independent lines.
    pub(super) async fn carry_out(
        &mut self,
        script: &str,
        after: After,
    ) -> Result<CallAnswer, Fault> {
        let Some((stream, _)) = self.asked.take() else {
            return Err(Fault::Unasked);
        };
        self.scripts += 1;
        let next = if after == After::Ask && self.scripts < Self::MOST_SCRIPTS {
            ASK_ME_NEXT
        } else {
            ""
        };
        let sent = self.send_script(stream, &[script, next].concat()).await;
        // The server runs no script that breaks off before its end.
        sent.map_err(|_| Fault::Unasked)?;
        self.answer().await
    }

    /// As [`carry_out`](Self::carry_out), for a script that prints little and must not run late.
    pub(super) async fn act(&mut self, script: &str, after: After) -> Result<CallAnswer, Fault> {
        if self
            .asked
            .is_none_or(|(_, since)| since.elapsed() > Self::FRESH)
        {
            self.carry_out("", After::Ask)
                .await
                .map_err(|_| Fault::Unasked)?;
        }
        if !self.printing.is_empty() || script.is_empty() {
            return self.carry_out(script, after).await;
        }
        let mut answer = self.carry_out(&format!("{AHEAD}{script}"), after).await?;
        if answer.out.starts_with('\n') {
            answer.out.remove(0);
        }
        Ok(answer)
    }

    /// The pid of the server, if it is visible from here.
    pub(super) fn server(&self) -> Option<u32> {
        self.server
    }

    /// Whether the server waits for a script.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether this connection suits the purpose. The server must wait for a script and be silent
    /// since.
    pub(super) fn serves(&self, purpose: Access) -> bool {
        let suits = self.purpose == Access::Act || purpose == Access::Read;
        suits && self.is_asked() && !self.has_news()
    }

    fn has_news(&self) -> bool {
        let mut waiting = [PollFd::new(&self.stream, PollFlags::IN)];
        rustix::event::poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Ready once a waiting server sends something, which means that it ends.
    pub(super) fn poll_news(&self, context: &mut Context<'_>) -> Poll<()> {
        while self.stream.poll_read_ready(context).is_ready() {
            match self.stream.try_read(&mut [0]) {
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => {}
                Ok(_) | Err(_) => return Poll::Ready(()),
            }
        }
        Poll::Pending
    }

    async fn be_asked(&mut self) -> Result<(), Fault> {
        let printed = self.listen().await.map_err(|_| Fault::Unasked)?;
        if printed.status.is_none() {
            Ok(())
        } else {
            Err(Fault::Unasked)
        }
    }

    /// Reads until the server asks for the next script or has ended.
    async fn listen(&mut self) -> Result<Printed, CallFault> {
        let mut printed = Printed::default();
        loop {
            while let Some(frame) = self
                .received
                .take()
                .map_err(|Garbled| broken(ErrorKind::InvalidData))?
            {
                let (stream, word) = (frame.word(0), frame.word(1));
                match (frame.kind, stream, word) {
                    (frame::WRITE, Some(stream), _) => {
                        printed.take(&mut self.printing, stream, frame.rest())?;
                    }
                    (frame::WRITE_OPEN, Some(stream), Some(descriptor @ (OUTPUT | ERRORS))) => {
                        self.printing.push(Printing {
                            stream,
                            descriptor,
                            flows: false,
                            is_heard: false,
                        });
                    }
                    (frame::WRITE_OPEN, Some(stream), _) => {
                        self.reply(frame::WRITE_READY, stream, BAD_FILE).await?;
                    }
                    (frame::READ_OPEN, Some(stream), Some(INPUT)) => {
                        self.asked = Some((stream, Instant::now()));
                    }
                    (frame::READ_OPEN, Some(stream), _) => {
                        self.reply(frame::READ_DONE, stream, BAD_FILE).await?;
                    }
                    // A client with a terminal would answer. Closing the connection says the same
                    // and costs one read less.
                    (frame::EXIT, status, _) => {
                        printed.status = Some(status.unwrap_or(0));
                        return Ok(printed);
                    }
                    (frame::VERSION, _, _) => return Err(broken(ErrorKind::Unsupported)),
                    // The server runs nothing more and waits for us to close.
                    (frame::SHUTDOWN, _, _) => return Err(broken(ErrorKind::UnexpectedEof)),
                    // All other messages are for clients with a terminal.
                    (_, _, _) => {}
                }
            }
            // The server may ask before it has printed all, because printing waits for our
            // permission.
            if self.asked.is_some() && self.printing.iter().all(|printing| printing.is_heard) {
                return Ok(printed);
            }
            self.give_leave().await?;
            if self
                .stream
                .read_buf(self.received.room(CHUNK))
                .await
                .map_err(CallFault::Io)?
                == 0
            {
                return Err(broken(ErrorKind::UnexpectedEof));
            }
        }
    }

    /// Permits the server to print on the streams that still wait.
    ///
    /// It prints without permission from a stream's second line on, mostly before we read the
    /// first. Each permission that we save spares the server a walk through all its open files.
    async fn give_leave(&mut self) -> Result<(), CallFault> {
        while let Some(printing) = self.printing.iter_mut().find(|printing| !printing.flows) {
            printing.flows = true;
            let stream = printing.stream;
            self.reply(frame::WRITE_READY, stream, 0).await?;
        }
        Ok(())
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), CallFault> {
        self.stream.write_all(bytes).await.map_err(CallFault::Io)
    }

    async fn reply(&mut self, kind: u32, stream: i32, error: i32) -> Result<(), CallFault> {
        let mut bytes = vec![];
        frame::put(
            &mut bytes,
            kind,
            &[&stream.to_ne_bytes(), &error.to_ne_bytes()],
        );
        self.send(&bytes).await
    }

    async fn send_script(&mut self, stream: i32, script: &str) -> Result<(), CallFault> {
        let mut bytes = Vec::with_capacity(script.len() + 256);
        for piece in script.as_bytes().chunks(frame::MAX_READ) {
            frame::put(&mut bytes, frame::READ, &[&stream.to_ne_bytes(), piece]);
        }
        frame::put(
            &mut bytes,
            frame::READ_DONE,
            &[&stream.to_ne_bytes(), &0_i32.to_ne_bytes()],
        );
        self.send(&bytes).await
    }
}

impl Printed {
    fn take(
        &mut self,
        printing: &mut [Printing],
        stream: i32,
        bytes: &[u8],
    ) -> Result<(), CallFault> {
        let Some(printing) = printing
            .iter_mut()
            .find(|printing| printing.stream == stream)
        else {
            return Err(broken(ErrorKind::InvalidData));
        };
        (printing.flows, printing.is_heard) = (true, true);
        match printing.descriptor {
            OUTPUT => self.out.extend_from_slice(bytes),
            _ => self.err.extend_from_slice(bytes),
        }
        if self.out.len().max(self.err.len()) > Client::MAX_ANSWER {
            return Err(CallFault::Flood);
        }
        Ok(())
    }
}

fn broken(kind: ErrorKind) -> CallFault {
    CallFault::Io(Error::from(kind))
}
