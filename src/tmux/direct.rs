//! A client without a process: scripts carried out by a server over its own socket, in its own
//! protocol.
//!
//! A script goes as `tmux source-file -` sends it: the server asks for it when its turn has come,
//! and only then is it sent; of what was given up before, a frozen server finds nothing when it
//! thaws. One that only reads may be carried out late, and goes at once where it may. One that ends
//! with such a command has the server ask for the next: a connection serves for several, and one
//! that must not be late goes only where the server has asked within a tenth of a second.
//!
//! It forks nothing, so a quiet controller forks nothing at all, and a look with its plan takes
//! less than a fresh `tmux list-panes` alone does (benchmark 1). A control-mode client would be as
//! fast and tell of changes, but a 3.3a server ends, with all its sessions, when one is killed
//! while it comes up (measured).
//!
//! Every doubt before the script is sent (nobody listens, another protocol, something that is not
//! tmux) ends in [`Unasked`](Fault::Unasked), and a process is asked instead, which then says what
//! is wrong.

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

/// Has the server ask for a script.
const ASK_ME: &[u8] = b"source-file\0-\0";
/// The last line of a script after which it asks for the next.
const ASK_ME_NEXT: &str = "source-file -\n";
/// A first command that prints an empty line: a server prints without being told that it may from
/// the second line on.
const AHEAD: &str = "display-message -p '' ; ";
/// Has it carry out the script that follows: a condition that holds, and what is done then.
const AT_ONCE: &[u8] = b"if-shell\0-F\x001\0";
/// Bytes read at once.
const CHUNK: usize = 64 << 10;
/// The descriptors by which the server means a client's standard streams.
const INPUT: i32 = 0;
const OUTPUT: i32 = 1;
const ERRORS: i32 = 2;
/// `EBADF`, for every file that is not one of them.
const BAD_FILE: i32 = 9;

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server has not heard of the script, and will not.
    Unasked,
    /// It may have happened.
    Doubtful(CallFault),
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Reading alone.
    Read,
    /// Anything.
    Act,
}

/// What each connection says first: who we are. Each is made when it is first needed.
#[derive(Debug, Default)]
pub(super) struct Greetings {
    /// Of one that only reads: without an environment, of which the server would take in every
    /// variable for nothing.
    reader: OnceLock<Vec<u8>>,
    /// Of any other: with the [`passed`] environment, of which a new session takes what
    /// `update-environment` names, and a process its PATH.
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
    // A server reads these without asking whether they came.
    put(frame::IDENTIFY_TERM, &[b"\0"]);
    put(frame::IDENTIFY_TTYNAME, &[b"\0"]);
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    put(frame::IDENTIFY_CWD, &[folder.as_os_str().as_bytes(), b"\0"]);
    put(
        frame::IDENTIFY_CLIENTPID,
        &[&std::process::id().to_ne_bytes()],
    );
    for (name, value) in environment {
        // One that is too long for a frame is left out, as tmux does.
        put(
            frame::IDENTIFY_ENVIRON,
            &[name.as_bytes(), b"=", value.as_bytes(), b"\0"],
        );
    }
    put(frame::IDENTIFY_DONE, &[]);
    out
}

/// What becomes of a connection once a script is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum After {
    /// It ends.
    End,
    /// The server asks for the next script on it, unless it had [`Connection::MOST_SCRIPTS`].
    Ask,
}

/// One connection to a server. Whoever drops it hangs up; nothing here has a deadline.
///
/// That the server asks for a script says that it is its turn: a script that is sent long after may
/// be carried out late, which only those that read may be.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    /// The process that listened when its socket was made: the server.
    server: Option<u32>,
    purpose: Access,
    received: Received,
    /// Since when the server waits for a script, and on which stream.
    asked: Option<(i32, Instant)>,
    /// How many it has carried out.
    scripts: u32,
    /// What the server prints on.
    printing: Vec<Printing>,
}

/// One stream that the server prints on.
#[derive(Debug)]
struct Printing {
    stream: i32,
    /// Standard output or errors.
    descriptor: i32,
    /// Whether the server prints on without our leave, or has it.
    flows: bool,
    /// Whether anything was printed.
    is_heard: bool,
}

/// What came until the server asked for the next script, or said that it is done.
#[derive(Debug, Default)]
struct Printed {
    out: Vec<u8>,
    err: Vec<u8>,
    /// The exit status, where it said that.
    status: Option<i32>,
}

impl Printed {
    fn answer(self) -> CallAnswer {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes)
                .unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
        };
        // The status of a script is that of its last command which failed, and each of them says
        // why.
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
    /// So many scripts go over one connection: each is nested in the one before, of which later
    /// versions allow 50, and leaves a little behind at the server until the connection ends.
    const MOST_SCRIPTS: u32 = 40;
    /// For so long a server that has asked counts as one that still works.
    const FRESH: Duration = Duration::from_millis(100);

    /// Opens one on which the server asks for a script.
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

    /// Opens one with a script that only reads, which is carried out at once; then a line that
    /// fails ends it. [`answer`](Self::answer) is next. None for a script that is too long for
    /// that.
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

    /// The answer to a script that was sent.
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
        // Before the first byte: what follows holds secrets.
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

    /// Has a script carried out whose lines are independent.
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
        // What breaks off before its end is never carried out.
        sent.map_err(|_| Fault::Unasked)?;
        self.answer().await
    }

    /// As [`carry_out`](Self::carry_out), of a script that may print little and must not be carried
    /// out late.
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

    /// The process of the server, as far as it can be seen from here.
    pub(super) fn server(&self) -> Option<u32> {
        self.server
    }

    /// Whether the server waits for a script.
    pub(super) fn is_asked(&self) -> bool {
        self.asked.is_some()
    }

    /// Whether it can be used for this: the server waits for a script, and has said nothing since.
    pub(super) fn serves(&self, purpose: Access) -> bool {
        let suits = self.purpose == Access::Act || purpose == Access::Read;
        suits && self.is_asked() && !self.has_news()
    }

    fn has_news(&self) -> bool {
        let mut waiting = [PollFd::new(&self.stream, PollFlags::IN)];
        rustix::event::poll(&mut waiting, Some(&Timespec::default())).is_ok_and(|ready| ready > 0)
    }

    /// Ready once a server that waits for a script has something else to say: that it ends.
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

    /// Listens until the server asks for the next script, or says that it is done.
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
                    // A client with a terminal would answer; the end of the connection says as
                    // much, and costs one read less.
                    (frame::EXIT, status, _) => {
                        printed.status = Some(status.unwrap_or(0));
                        return Ok(printed);
                    }
                    (frame::VERSION, _, _) => return Err(broken(ErrorKind::Unsupported)),
                    // It has carried out all that it will, and waits for us to hang up.
                    (frame::SHUTDOWN, _, _) => return Err(broken(ErrorKind::UnexpectedEof)),
                    // What else a server sends is for clients with a terminal.
                    (_, _, _) => {}
                }
            }
            // It may have asked before all was printed, for which it waited.
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

    /// Lets the server print on the streams on which it waits for that. It prints without leave
    /// from a stream's second line on, and mostly has by the time the first is read; each answer
    /// spared is a walk of the server through all that it has open.
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
