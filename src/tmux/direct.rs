//! A client without a process: a script carried out by a server over its own socket, in its own protocol.
//!
//! A script goes as `tmux source-file -` sends it: the server asks for it when its turn has come, and only then is it sent;
//! of what was given up before, a frozen server finds nothing when it thaws. One that only reads may be carried out late,
//! and goes at once where it may.
//!
//! It forks nothing, so a quiet controller forks nothing at all, and among ten sessions a look with its plan takes a third
//! of the time that a fresh `tmux list-panes` alone does (benchmark 1). A control-mode
//! client would be as fast and tell of changes, but a 3.3a server ends, with all its sessions, when one is killed while it
//! comes up (measured).
//!
//! Every doubt before the script is sent (nobody listens, another protocol, something that is not tmux) ends in
//! [`Unasked`](Fault::Unasked), and a process is asked instead, which then says what is wrong.

use super::frame::{self, Frame, Garbled};
use super::{Answer, CallFault, Client, SCRUBBED};
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

/// What each call says first: who we are, with the environment of which a new session takes what `update-environment`
/// names.
pub(super) fn greeting() -> Vec<u8> {
    let mut out = vec![];
    let mut put = |kind, parts: &[&[u8]]| frame::put(&mut out, kind, parts);
    put(frame::IDENTIFY_LONGFLAGS, &[&frame::FLAG_UTF8.to_ne_bytes()]);
    // A server reads these without asking whether they came.
    put(frame::IDENTIFY_TERM, &[b"\0"]);
    put(frame::IDENTIFY_TTYNAME, &[b"\0"]);
    let folder = std::env::current_dir().unwrap_or_else(|_| "/".into());
    put(frame::IDENTIFY_CWD, &[folder.as_os_str().as_bytes(), b"\0"]);
    put(frame::IDENTIFY_CLIENTPID, &[&std::process::id().to_ne_bytes()]);
    for (name, value) in std::env::vars_os() {
        if !SCRUBBED.iter().any(|scrubbed| name == *scrubbed) {
            // One that is too long for a frame is left out, as tmux does.
            put(frame::IDENTIFY_ENVIRON, &[name.as_bytes(), b"=", value.as_bytes(), b"\0"]);
        }
    }
    put(frame::IDENTIFY_DONE, &[]);
    out
}

/// Has the script carried out by the server at this socket. Has no deadline; whoever drops it hangs up.
pub(super) async fn ask(socket: &Path, greeting: &[u8], script: &str, manner: Manner) -> Result<Answer, Fault> {
    let Ok(stream) = UnixStream::connect(socket).await else { return Err(Fault::Unasked) };
    let mut first = greeting.to_vec();
    let words: [&[u8]; 4] = [&4_i32.to_ne_bytes(), AT_ONCE, script.as_bytes(), b"\0"];
    let sent = manner == Manner::AtOnce && frame::put(&mut first, frame::COMMAND, &words);
    if !sent {
        frame::put(&mut first, frame::COMMAND, &[&2_i32.to_ne_bytes(), ASK_ME]);
    }
    let mut call = Call { stream, received: Vec::new(), sent, streams: vec![], answer: Printed::default() };
    match call.run(&first, script).await {
        Ok(success) => Ok(call.answer.with(success)),
        Err(_) if !call.sent => Err(Fault::Unasked),
        Err(fault) => Err(Fault::Doubtful(fault)),
    }
}

struct Call {
    stream: UnixStream,
    /// What was read and is no whole frame yet.
    received: Vec<u8>,
    /// Whether any of the script may have been sent.
    sent: bool,
    /// Those that the server prints on, and the descriptor that each stands for.
    streams: Vec<(i32, i32)>,
    answer: Printed,
}

#[derive(Default)]
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
    /// Until the server says that it is done; whether all went well.
    async fn run(&mut self, first: &[u8], script: &str) -> Result<bool, CallFault> {
        self.send(first).await?;
        loop {
            let frame = self.next().await?;
            match (frame.kind, frame.word(0), frame.word(1)) {
                (frame::READ_OPEN, Some(stream), Some(INPUT)) if !self.sent => self.send_script(stream, script).await?,
                (frame::READ_OPEN, Some(stream), _) => self.reply(frame::READ_DONE, stream, BAD_FILE).await?,
                (frame::WRITE_OPEN, Some(stream), Some(descriptor @ (OUTPUT | ERRORS))) => {
                    self.streams.push((stream, descriptor));
                    self.reply(frame::WRITE_READY, stream, 0).await?;
                }
                (frame::WRITE_OPEN, Some(stream), _) => self.reply(frame::WRITE_READY, stream, BAD_FILE).await?,
                (frame::WRITE, Some(stream), _) => self.take(stream, frame.rest())?,
                (frame::EXIT, status, _) => {
                    let mut bye = vec![];
                    frame::put(&mut bye, frame::EXITING, &[]);
                    // Whether it is heard or not, all is said.
                    let _ = self.stream.try_write(&bye);
                    return Ok(status.unwrap_or(0) == 0);
                }
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
        let descriptor = self.streams.iter().find(|(known, _)| *known == stream).map(|(_, descriptor)| *descriptor);
        match descriptor {
            Some(OUTPUT) => self.answer.out.extend_from_slice(bytes),
            Some(_) => self.answer.err.extend_from_slice(bytes),
            None => return Err(broken(ErrorKind::InvalidData)),
        }
        if self.answer.out.len().max(self.answer.err.len()) > Client::MAX_ANSWER {
            return Err(CallFault::Flood);
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
