//! Other hosts of the town: runs the gtctl of another host, by ssh.
//!
//! ssh asks nobody anything (`BatchMode`), and each call has a deadline. The calls to one host share
//! one connection ([`Masters`]), which ssh keeps open for a minute after the last call. A call that
//! fails because that connection is dead is made once more by a fresh one.
//!
//! **Architecture invariant:** only this room runs ssh. It decides nothing about sessions: what it
//! hands back is an answer, or why there is none.

mod judge;
mod masters;
mod words;

pub use masters::Masters;
pub use words::{PROTOCOL, PROTOCOL_FLAG};

use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::model::{HostAddress, HostName, Period, Unreached};
use crate::proc::child::{self, Bound, Leftovers, Ran, Spec, Stream};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use words::{options, remote_command};

/// The most bytes of an answer: a page about 5,000 sessions has less.
const ANSWER: usize = 32 << 20;
/// How long it may take to connect where the output then goes on and on.
const TO_BEGIN: Duration = Duration::from_secs(5);
/// Bytes kept of what a call prints to standard error.
const COMPLAINT: usize = 16 << 10;

/// A call of the gtctl on another host.
#[derive(Debug, Clone)]
pub struct Call<'a> {
    /// The host.
    pub name: &'a HostName,
    /// How it is reached.
    pub host: &'a HostAddress,
    /// The verb with its flags and arguments.
    pub words: &'a [String],
    /// The text on its standard input; empty for none.
    pub input: &'a str,
    /// How long the call may take, with the connection.
    pub limit: Duration,
}

/// What a verb that another host carries out does with our terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TerminalUse {
    /// It has all of it, with the keys, as `attach` does.
    Whole,
    /// It prints lines.
    Lines,
}

/// What gtctl there has answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RemoteReply {
    /// Its exit code.
    pub code: u8,
    /// Its standard output.
    pub out: String,
    /// Its standard error.
    pub err: String,
    /// How long it took, with the connection.
    pub took: Period,
}

/// Calls the gtctl of another host, for at most [`Call::limit`] and a few seconds for ending ssh.
///
/// # Errors
/// Why there is no answer. An answer with an exit code other than 0 is an answer.
pub async fn call(call: &Call<'_>, masters: &Masters) -> Result<RemoteReply, Unreached> {
    let begun = Instant::now();
    let to = call.host.ssh.as_deref().ok_or(Unreached::NoAddress)?;
    let is_shared = masters.prepare(to).await;
    let first = once(call, to, masters, call.limit).await;
    let is_lost = matches!(first, Err(Unreached::NoConnection(_)));
    let left = call.limit.saturating_sub(begun.elapsed());
    let result = if is_lost && is_shared && !left.is_zero() {
        masters.forget(to);
        once(call, to, masters, left).await
    } else {
        first
    };
    result.map(|reply| RemoteReply {
        took: Period::from_millis(u64::try_from(begun.elapsed().as_millis()).unwrap_or(u64::MAX)),
        ..reply
    })
}

/// The command line that runs a verb on another host at our terminal, such as `attach`.
///
/// # Errors
/// [`Unreached::NoAddress`].
pub fn at_terminal(
    name: &HostName,
    host: &HostAddress,
    words: &[String],
    screen: TerminalUse,
    masters: &Masters,
) -> Result<Vec<OsString>, Unreached> {
    let to = host.ssh.as_deref().ok_or(Unreached::NoAddress)?;
    let (limit, tty) = match screen {
        TerminalUse::Whole => (None, "-t"),
        TerminalUse::Lines => (Some(TO_BEGIN), "-T"),
    };
    let mut argv = options(masters.ssh(), limit);
    argv.extend([tty, "--", to].map(OsString::from));
    argv.push(remote_command(name, host, words).into());
    Ok(argv)
}

async fn once(
    call: &Call<'_>,
    to: &str,
    masters: &Masters,
    limit: Duration,
) -> Result<RemoteReply, Unreached> {
    let mut argv = options(masters.ssh(), Some(limit));
    argv.extend(masters.options(to));
    argv.extend(["-T", "--", to].map(OsString::from));
    argv.push(remote_command(call.name, call.host, call.words).into());
    let ran = run(&argv, call.input, limit).await;
    judge::judge(&ran, limit)
}

/// Runs an ssh. A connection that it leaves open for later calls stays.
async fn run(argv: &[OsString], input: &str, limit: Duration) -> Ran {
    child::run(&Spec {
        argv: child::words(argv),
        dir: Path::new("/"),
        inherit: Inherit::NotGtctl,
        variables: SortedMap::new(),
        input,
        out: Stream::Kept(Bound {
            head: ANSWER,
            tail: 0,
            flood: ANSWER as u64,
        }),
        err: Stream::Kept(Bound::tail(COMPLAINT)),
        limit,
        leftovers: Leftovers::Stay,
    })
    .await
}
