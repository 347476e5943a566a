//! A client without a process: a script carried out by a server over its own socket, in its own protocol.
//!
//! A script goes as `tmux source-file -` sends it: the server asks for it when its turn has come, and only then is it sent;
//! of what was given up before, a frozen server finds nothing when it thaws. One that only reads may be carried out late,
//! and goes at once where it may.
//!
//! It forks nothing, so a quiet controller forks nothing at all, and among ten sessions a look with its plan takes less
//! than half of the time that a fresh `tmux list-panes` alone does (benchmark 1). A control-mode
//! client would be as fast and tell of changes, but a 3.3a server ends, with all its sessions, when one is killed while it
//! comes up (measured).
//!
//! Every doubt before the script is sent (nobody listens, another protocol, something that is not tmux) ends in
//! [`Unasked`](Fault::Unasked), and a process is asked instead, which then says what is wrong.

use super::frame::{self, Frame, Garbled};
use super::{Answer, CallFault, Client, SCRUBBED};
use std::ffi::OsString;
use std::io::{Error, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;

/// Has the server ask for a script.
const ASK_ME: &[u8] = b"source-file\0-\0";
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

/// How a script is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manner {
    /// When the server asks for it; its lines are independent.
    Asked,
    /// At once, if it is short enough; then a line that fails ends it, and it may be carried out late.
    AtOnce,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Fault {
    /// The server has not heard of the script, and will not.
    Unasked,
    /// It may have happened.
    Doubtful(CallFault),
}

/// What each call says first: who we are.
#[derive(Debug)]
pub(super) struct Greetings {
    /// Of one that only reads: without an environment, of which the server would take in every variable for nothing.
    reader: Vec<u8>,
    /// Of any other: with the environment of which a new session takes what `update-environment` names, and a process
    /// its PATH.
    actor: Vec<u8>,
}

impl Greetings {
    pub(super) fn new() -> Self {
        Self { reader: greeting([]), actor: greeting(std::env::vars_os()) }
    }

    fn of(&self, manner: Manner) -> &[u8] {
        match manner {
            Manner::Asked => &self.actor,
            Manner::AtOnce => &self.reader,
        }
    }
}

fn greeting(environment: impl IntoIterator<Item = (OsString, OsString)>) -> Vec<u8> {
    let mut out = vec![];
    let mut put = |kind, parts: &[&[u8]]| frame::put(&mut out, kind, parts);
    put(frame::IDENTIFY_LONGFLAGS, &[&frame::FLAG_UTF8.to_ne_bytes()]);
    // A server reads these without asking whether they came.
    put(frame::IDENTIFY_TERM, &[b"\0"]);
    put(frame::IDENTIFY_TTYNAME, &[b"\0"]);
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    put(frame::IDENTIFY_CWD, &[folder.as_os_str().as_bytes(), b"\0"]);
    put(frame::IDENTIFY_CLIENTPID, &[&std::process::id().to_ne_bytes()]);
    for (name, value) in environment {
        if !SCRUBBED.iter().any(|scrubbed| name == *scrubbed) {
            // One that is too long for a frame is left out, as tmux does.
            put(frame::IDENTIFY_ENVIRON, &[name.as_bytes(), b"=", value.as_bytes(), b"\0"]);
        }
    }
    put(frame::IDENTIFY_DONE, &[]);
    out
}

/// Has the script carried out by the server at this socket. Has no deadline; whoever drops it hangs up.
pub(super) async fn ask(socket: &Path, greetings: &Greetings, script: &str, manner: Manner) -> Result<Answer, Fault> {
    let mut first = greetings.of(manner).to_vec();
    let words: [&[u8]; 4] = [&4_i32.to_ne_bytes(), AT_ONCE, script.as_bytes(), b"\0"];
    if manner == Manner::Asked || !frame::put(&mut first, frame::COMMAND, &words) {
        return open(socket, greetings).await?.carry_out(script).await;
    }
    let mut call = Call::begin(socket, &first).await?;
    call.sent = true;
    call.carry_out(script).await
}

/// A call whose script the server will ask for: opened ahead, it has asked by the time that the script is there. The
/// server does nothing for it meanwhile, and nothing at all once it is dropped.
pub(super) async fn open(socket: &Path, greetings: &Greetings) -> Result<Call, Fault> {
    let mut first = greetings.of(Manner::Asked).to_vec();
    frame::put(&mut first, frame::COMMAND, &[&2_i32.to_ne_bytes(), ASK_ME]);
    Call::begin(socket, &first).await
}

/// One connection, for one script.
#[derive(Debug)]
pub(super) struct Call {
    stream: UnixStream,
    /// What was read and is no whole frame yet.
    received: Vec<u8>,
    /// Whether any of the script may have been sent.
    sent: bool,
    /// Those that the server prints on.
    streams: Vec<Printing>,
    answer: Printed,
}

/// One stream that the server prints on.
#[derive(Debug)]
struct Printing {
    stream: i32,
    /// Standard output or errors.
    descriptor: i32,
    /// Whether the server prints on without our leave, or has it.
    flows: bool,
}

#[derive(Debug, Default)]
struct Printed {
    out: Vec<u8>,
    err: Vec<u8>,
}

impl Printed {
    fn with(self, success: bool) -> Answer {
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap_or_else(|e| String::from_utf8_lossy(e.as_bytes()).into_owned())
        };
        Answer { out: text(self.out), err: text(self.err), success }
    }
}

impl Call {
    async fn begin(socket: &Path, first: &[u8]) -> Result<Self, Fault> {
        let Ok(stream) = UnixStream::connect(socket).await else { return Err(Fault::Unasked) };
        let mut call = Self { stream, received: Vec::new(), sent: false, streams: vec![], answer: Printed::default() };
        call.send(first).await.map_err(|_| Fault::Unasked)?;
        Ok(call)
    }

    /// Has this script carried out, unless it was sent with the first words. Has no deadline.
    pub(super) async fn carry_out(mut self, script: &str) -> Result<Answer, Fault> {
        match self.run(script).await {
            Ok(success) => Ok(self.answer.with(success)),
            Err(_) if !self.sent => Err(Fault::Unasked),
            Err(fault) => Err(Fault::Doubtful(fault)),
        }
    }

    /// Until the server says that it is done; whether all went well.
    async fn run(&mut self, script: &str) -> Result<bool, CallFault> {
        loop {
            let frame = self.next().await?;
            match (frame.kind, frame.word(0), frame.word(1)) {
                (frame::READ_OPEN, Some(stream), Some(INPUT)) if !self.sent => self.send_script(stream, script).await?,
                (frame::READ_OPEN, Some(stream), _) => self.reply(frame::READ_DONE, stream, BAD_FILE).await?,
                (frame::WRITE_OPEN, Some(stream), Some(descriptor @ (OUTPUT | ERRORS))) => {
                    self.streams.push(Printing { stream, descriptor, flows: false });
                }
                (frame::WRITE_OPEN, Some(stream), _) => self.reply(frame::WRITE_READY, stream, BAD_FILE).await?,
                (frame::WRITE, Some(stream), _) => self.take(stream, frame.rest())?,
                // A client with a terminal would answer; the end of the connection says as much, and costs one read less.
                (frame::EXIT, status, _) => return Ok(status.unwrap_or(0) == 0),
                (frame::VERSION, _, _) => return Err(broken(ErrorKind::Unsupported)),
                // What else a server sends is for clients with a terminal.
                (_, _, _) => {}
            }
        }
    }

    async fn send(&mut self, bytes: &[u8]) -> Result<(), CallFault> {
        self.stream.write_all(bytes).await.map_err(CallFault::Io)
    }

    async fn reply(&mut self, kind: u32, stream: i32, error: i32) -> Result<(), CallFault> {
        let mut bytes = vec![];
        frame::put(&mut bytes, kind, &[&stream.to_ne_bytes(), &error.to_ne_bytes()]);
        self.send(&bytes).await
    }

    async fn send_script(&mut self, stream: i32, script: &str) -> Result<(), CallFault> {
        self.sent = true;
        let mut bytes = Vec::with_capacity(script.len() + 256);
        for piece in script.as_bytes().chunks(frame::MAX_READ) {
            frame::put(&mut bytes, frame::READ, &[&stream.to_ne_bytes(), piece]);
        }
        frame::put(&mut bytes, frame::READ_DONE, &[&stream.to_ne_bytes(), &0_i32.to_ne_bytes()]);
        self.send(&bytes).await
    }

    fn take(&mut self, stream: i32, bytes: &[u8]) -> Result<(), CallFault> {
        let Some(printing) = self.streams.iter_mut().find(|printing| printing.stream == stream) else {
            return Err(broken(ErrorKind::InvalidData));
        };
        printing.flows = true;
        match printing.descriptor {
            OUTPUT => self.answer.out.extend_from_slice(bytes),
            _ => self.answer.err.extend_from_slice(bytes),
        }
        if self.answer.out.len().max(self.answer.err.len()) > Client::MAX_ANSWER {
            return Err(CallFault::Flood);
        }
        Ok(())
    }

    /// Lets the server print on the streams on which it waits for that. It prints without leave from a stream's second
    /// line on, and mostly has by the time the first is read; each answer spared is a walk of the server through all that
    /// it has open.
    async fn give_leave(&mut self) -> Result<(), CallFault> {
        while let Some(printing) = self.streams.iter_mut().find(|printing| !printing.flows) {
            printing.flows = true;
            let stream = printing.stream;
            self.reply(frame::WRITE_READY, stream, 0).await?;
        }
        Ok(())
    }

    async fn next(&mut self) -> Result<Frame, CallFault> {
        loop {
            match frame::take(&mut self.received) {
                Ok(Some(frame)) => return Ok(frame),
                Ok(None) => {}
                Err(Garbled) => return Err(broken(ErrorKind::InvalidData)),
            }
            self.give_leave().await?;
            self.received.reserve(CHUNK);
            if self.stream.read_buf(&mut self.received).await.map_err(CallFault::Io)? == 0 {
                return Err(broken(ErrorKind::UnexpectedEof));
            }
        }
    }
}

fn broken(kind: ErrorKind) -> CallFault {
    CallFault::Io(Error::from(kind))
}
