//! Child processes. Every program that gtctl runs, except tmux, is started, fed, read and ended
//! here.
//!
//! A child leads its own process group. [`Inherit`] says which of our variables it gets, and
//! [`Bound`] how much of its output is kept. A child that exceeds its deadline is ended together
//! with all that it has started: first TERM, then KILL half a second later.
//!
//! ```
//! use gtctl::model::environment::Inherit;
//! use gtctl::proc::child::{Bound, Ending, Leftovers, Spec, Stream, run, words};
//! use gtctl::model::SortedMap;
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let ran = run(&Spec {
//!     argv: words(&["cat"]),
//!     dir: "/".as_ref(),
//!     inherit: Inherit::Most,
//!     variables: SortedMap::new(),
//!     input: "hello",
//!     out: Stream::Kept(Bound::head(1000)),
//!     err: Stream::Null,
//!     limit: Duration::from_secs(60),
//!     leftovers: Leftovers::End,
//! })
//! .await;
//! assert!(ran.is_well());
//! assert_eq!(ran.out.text(), "hello");
//! # })
//! ```
//!
//! **Architecture invariant:** only this room starts processes, and `tmux`, which starts its own
//! client. A test reads every source file to check it.

mod end;
mod lines;
mod output;

pub use lines::read_lines;
pub use output::{Bound, Output};

use super::env_tag;
use super::own;
use super::process;
use super::signal::{Signal, signal};
use crate::model::ProcId;
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use end::{Started, VANISH};
use output::Flooded;
use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::time::{sleep, timeout};

/// How long we wait for the end of the output after all writers were ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// The same wait where leftovers stay. They may hold the pipe open for ever, while the child's own
/// output is already in the pipe.
const LAST_WORDS_BESIDE: Duration = Duration::from_millis(100);

/// How often a program at our terminal is checked for having been stopped.
const SEE_STOPPED: Duration = Duration::from_millis(300);

/// Describes a program to run.
#[derive(Debug, Clone)]
pub struct Spec<'a> {
    /// The program and its arguments. A program without a `/` is searched in `PATH`.
    pub argv: Vec<&'a OsStr>,
    /// The working directory.
    pub dir: &'a Path,
    /// Which of our environment variables it gets.
    pub inherit: Inherit<'a>,
    /// Additional variables. They replace inherited ones.
    pub variables: SortedMap<String, OsString>,
    /// The text on its standard input. An empty text becomes `/dev/null`.
    pub input: &'a str,
    /// Where its standard output goes.
    pub out: Stream,
    /// Where its standard error goes.
    pub err: Stream,
    /// The longest time that it may run.
    pub limit: Duration,
    /// What happens to processes that still live when it exits.
    pub leftovers: Leftovers,
}

/// Turns a list of strings into an argument list for [`Spec::argv`].
#[must_use]
pub fn words<S: AsRef<OsStr>>(argv: &[S]) -> Vec<&OsStr> {
    argv.iter().map(AsRef::as_ref).collect()
}

/// Where an output stream of a child goes.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// To `/dev/null`.
    Null,
    /// To us. We keep a bounded part of it.
    Kept(Bound),
}

/// What happens to processes that still live when their child has exited.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftovers {
    /// They stay.
    Stay,
    /// They are ended if they are below the child or in its process group.
    End,
    /// As [`Self::End`], and every process with this value of [`env_tag::CHORE`] in its environment
    /// is ended too. The child gets that variable.
    EndTagged(String),
}

/// The result of a child.
#[derive(Debug)]
pub struct Ran {
    /// How it ended.
    pub ending: Ending,
    /// Its standard output.
    pub out: Output,
    /// Its standard error.
    pub err: Output,
}

/// How a child ended.
#[derive(Debug)]
pub enum Ending {
    /// It exited, or died of a signal that we did not send.
    Exited(ExitStatus),
    /// It exceeded [`Spec::limit`].
    TimedOut,
    /// It printed more than [`Bound::flood`] allows.
    Flooded,
    /// The caller ended it ([`Child::ended_or`]).
    Cancelled,
    /// It could not be started.
    NotStarted(io::Error),
    /// It could not be waited for.
    Lost(io::Error),
}

impl Ran {
    /// Whether it exited with status 0.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(&self.ending, Ending::Exited(status) if status.success())
    }
}

/// Runs a program until it ends, for at most [`Spec::limit`] plus five seconds.
///
/// Dropping the future kills the program and all that it has started.
pub async fn run(spec: &Spec<'_>) -> Ran {
    match Child::start(spec) {
        Ok(child) => child.ended().await,
        Err(fault) => not_started(spec, fault),
    }
}

/// Runs a program at our terminal, such as an editor, until it ends. It is in our process group, so
/// that it may read the keys, and it gets all our variables.
///
/// # Errors
/// The system's error, where it cannot be started or waited for.
pub async fn run_at_terminal(argv: &[&OsStr], dir: &Path) -> io::Result<ExitStatus> {
    let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(dir);
    attend_at_terminal(command).await
}

/// As [`run_at_terminal`], for a command that was made elsewhere.
///
/// Where somebody stops the program (Ctrl-Z), we stop as well, so that the shell takes over.
///
/// # Errors
/// The system's error, where it cannot be started or waited for.
pub async fn attend_at_terminal(command: std::process::Command) -> io::Result<ExitStatus> {
    let mut child = Command::from(command).spawn()?;
    let process = child.id().and_then(process::identify);
    loop {
        tokio::select! {
            status = child.wait() => return status,
            () = sleep(SEE_STOPPED) => {}
        }
        if let Some(process) = process.filter(|process| process::is_stopped(*process)) {
            // Without a shell nobody else would continue it.
            let _ = own::stop();
            signal(process, Signal::CONT);
        }
    }
}

/// The result of a program that could not be started.
#[must_use]
pub fn not_started(spec: &Spec<'_>, fault: io::Error) -> Ran {
    Ran {
        ending: Ending::NotStarted(fault),
        out: spec.out.output(),
        err: spec.err.output(),
    }
}

/// Kills a process that an earlier gtctl has left behind, and all that it has started. Spares tmux
/// servers.
pub fn end_leftover(leader: ProcId) {
    if process::may_live(leader) {
        drop(Started::by(Some(leader), Leftovers::Stay));
    }
}

/// Ends every process with this value of [`env_tag::CHORE`] in its environment: first TERM, then
/// KILL half a second later. Takes at most three seconds.
pub async fn end_tagged(tag: &str) {
    Started::by(None, Leftovers::EndTagged(tag.to_owned()))
        .end()
        .await;
}

/// A running program. Dropping it kills the program and all that it has started.
#[derive(Debug)]
pub struct Child {
    process: Option<ProcId>,
    started: Started,
    inner: tokio::process::Child,
    input: String,
    out: Output,
    err: Output,
    limit: Duration,
    leftovers: Leftovers,
}

impl Child {
    /// Starts a program.
    ///
    /// # Errors
    /// The system's error, such as a missing program or a directory without permission.
    pub fn start(spec: &Spec<'_>) -> io::Result<Self> {
        let inner = command(spec).spawn()?;
        let process = inner.id().and_then(end::leader);
        Ok(Self {
            process,
            started: Started::by(process, spec.leftovers.clone()),
            inner,
            input: spec.input.to_owned(),
            out: spec.out.output(),
            err: spec.err.output(),
            limit: spec.limit,
            leftovers: spec.leftovers.clone(),
        })
    }

    /// The identity of the child. `None` where `/proc` cannot be read.
    #[must_use]
    pub fn process(&self) -> Option<ProcId> {
        self.process
    }

    /// Feeds and reads the child until it ends, for at most its limit plus five seconds.
    pub async fn ended(self) -> Ran {
        self.ended_or(pending()).await
    }

    /// As [`Child::ended`], but ends the child once `cancelled` completes.
    pub async fn ended_or(mut self, cancelled: impl Future<Output = ()>) -> Ran {
        let ending = self.attend(cancelled).await;
        self.started.let_go();
        Ran {
            ending,
            out: self.out,
            err: self.err,
        }
    }

    async fn attend(&mut self, cancelled: impl Future<Output = ()>) -> Ending {
        let stdin = self.inner.stdin.take();
        let (stdout, stderr) = (self.inner.stdout.take(), self.inner.stderr.take());
        let (out, err) = (self.out.fill(stdout), self.err.fill(stderr));
        let exchange = async { tokio::try_join!(feed(stdin, &self.input), out, err).map(drop) };
        tokio::pin!(exchange);
        let deadline = sleep(self.limit);
        tokio::pin!(deadline, cancelled);
        let mut is_exchanging = true;
        let ending = loop {
            tokio::select! {
                result = &mut exchange, if is_exchanging => {
                    is_exchanging = false;
                    if let Err(Flooded) = result {
                        break Ending::Flooded;
                    }
                }
                status = self.inner.wait() => break status.map_or_else(Ending::Lost, Ending::Exited),
                () = &mut deadline => break Ending::TimedOut,
                () = &mut cancelled => break Ending::Cancelled,
            }
        };
        let has_exited = matches!(ending, Ending::Exited(_));
        let stays = has_exited && self.leftovers == Leftovers::Stay;
        if !stays {
            self.started.end().await;
        }
        if !has_exited {
            // We only wait so that no zombie stays.
            let _ = timeout(VANISH, self.inner.wait()).await;
        }
        let wait = if stays { LAST_WORDS_BESIDE } else { LAST_WORDS };
        let result = if is_exchanging {
            timeout(wait, &mut exchange).await
        } else {
            Ok(Ok(()))
        };
        match result {
            Ok(Err(Flooded)) if has_exited => Ending::Flooded,
            Ok(Ok(()) | Err(Flooded)) | Err(_) => ending,
        }
    }
}

/// Writes the input. A child that does not read it is no error.
async fn feed(stdin: Option<ChildStdin>, input: &str) -> Result<(), Flooded> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input.as_bytes()).await;
        let _ = stdin.shutdown().await;
    }
    Ok(())
}

/// A process that goes on beside us and outlives us. It has no terminal and no pipes of ours.
#[derive(Debug)]
pub struct Companion(std::process::Child);

impl Companion {
    /// Starts one.
    ///
    /// # Errors
    /// The system's error, where it cannot be started.
    pub fn start(argv: &[OsString]) -> io::Result<Self> {
        use std::os::unix::process::CommandExt;
        let (program, arguments) = argv.split_first().ok_or(io::ErrorKind::InvalidInput)?;
        let mut command = std::process::Command::new(program);
        command
            .args(arguments)
            .current_dir("/")
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        command.spawn().map(Self)
    }

    /// Takes in its end, if it has ended, so that it is no zombie.
    pub fn reap(&mut self) {
        let _ = self.0.try_wait();
    }
}

fn command(spec: &Spec<'_>) -> Command {
    let mut argv = spec.argv.iter();
    let mut command = Command::new(argv.next().copied().unwrap_or_default());
    command
        .args(argv)
        .current_dir(spec.dir)
        .process_group(0)
        .kill_on_drop(true);
    command
        .stdin(if spec.input.is_empty() {
            Stdio::null()
        } else {
            Stdio::piped()
        })
        .stdout(spec.out.stdio())
        .stderr(spec.err.stdio());
    for (name, _) in std::env::vars_os().filter(|(name, _)| !spec.inherit.allows(name)) {
        command.env_remove(name);
    }
    command.envs(&spec.variables);
    if let Leftovers::EndTagged(tag) = &spec.leftovers {
        command.env(env_tag::CHORE, tag);
    }
    command
}

impl Stream {
    fn stdio(self) -> Stdio {
        match self {
            Self::Null => Stdio::null(),
            Self::Kept(_) => Stdio::piped(),
        }
    }

    fn output(self) -> Output {
        match self {
            Self::Null => Output::new(Bound::head(0)),
            Self::Kept(bound) => Output::new(bound),
        }
    }
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
