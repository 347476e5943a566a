//! Child processes: every program that gtctl runs beside tmux is started, fed, read and ended here.
//!
//! A child leads a process group of its own. What it inherits of our environment is scrubbed
//! ([`Inherit`]), what is kept of its output is bounded ([`Bound`]), and it has a deadline. When
//! that has passed, it is ended with all that it has started: TERM, half a second, KILL.
//!
//! ```
//! use gtctl::model::environment::Inherit;
//! use gtctl::proc::child::{Bound, Ending, Leftovers, Spec, Stream, run, words};
//! use std::collections::BTreeMap;
//! use std::time::Duration;
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let ran = run(&Spec {
//!     argv: words(&["cat"]),
//!     dir: "/".as_ref(),
//!     inherit: Inherit::Most,
//!     variables: BTreeMap::new(),
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
//! **Architecture invariant:** no other room starts a process, but for `tmux`, which starts its own
//! client. A test reads every file to see to it.

mod end;
mod output;

pub use output::{Bound, Output};

use super::env_tag;
use super::process;
use crate::model::ProcId;
use crate::model::environment::Inherit;
use end::{Started, VANISH};
use output::Flooded;
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::future::pending;
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{ChildStdin, Command};
use tokio::time::{sleep, timeout};

/// How long the last of an output may take to come, once its writers have been ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Likewise where what the child left behind stays, and may hold the pipe open: what the child
/// itself has printed is in the pipe by then.
const LAST_WORDS_BESIDE: Duration = Duration::from_millis(100);

/// A program to be run.
#[derive(Debug, Clone)]
pub struct Spec<'a> {
    /// Program and arguments. The program is searched in `PATH` unless it has a `/`.
    pub argv: Vec<&'a OsStr>,
    /// Its working directory.
    pub dir: &'a Path,
    /// What it gets of our own environment.
    pub inherit: Inherit<'a>,
    /// What it gets beside that; these win.
    pub variables: BTreeMap<String, OsString>,
    /// What it reads on its standard input. Nothing is `/dev/null`.
    pub input: &'a str,
    /// Where its standard output goes.
    pub out: Stream,
    /// Where its standard error goes.
    pub err: Stream,
    /// How long it may take.
    pub limit: Duration,
    /// What becomes of processes that it leaves behind when it ends by itself.
    pub leftovers: Leftovers,
}

/// An argv for [`Spec::argv`].
#[must_use]
pub fn words<S: AsRef<OsStr>>(argv: &[S]) -> Vec<&OsStr> {
    argv.iter().map(AsRef::as_ref).collect()
}

/// Where an output of a child goes.
#[derive(Debug, Clone, Copy)]
pub enum Stream {
    /// To `/dev/null`.
    Null,
    /// To us, who keep so much of it.
    Kept(Bound),
}

/// What becomes of processes that a child leaves behind when it ends by itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leftovers {
    /// They stay. A tmux server that the child has started stays in any case.
    Stay,
    /// They are ended, as far as they are below the child or in its process group.
    End,
    /// They are ended, and so is every other process that has this value as [`env_tag::CHORE`] in
    /// its environment. The child gets it.
    EndTagged(String),
}

/// What came of a child.
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
    /// By itself.
    Exited(ExitStatus),
    /// Its time was over.
    TimedOut,
    /// It printed more than [`Bound::flood`] allows.
    Flooded,
    /// It was told to end ([`Child::ended_or`]).
    Cancelled,
    /// It could not be started.
    NotStarted(io::Error),
    /// It could not be waited for.
    Lost(io::Error),
}

impl Ran {
    /// Whether it ended by itself with exit status 0.
    #[must_use]
    pub fn is_well(&self) -> bool {
        matches!(&self.ending, Ending::Exited(status) if status.success())
    }
}

/// Runs a program to its end, of whatever kind. Takes at most its limit and five seconds. Dropping
/// this kills it with all that it has started.
pub async fn run(spec: &Spec<'_>) -> Ran {
    match Child::start(spec) {
        Ok(child) => child.ended().await,
        Err(fault) => not_started(spec, fault),
    }
}

/// What came of a program that could not be started.
#[must_use]
pub fn not_started(spec: &Spec<'_>, fault: io::Error) -> Ran {
    Ran {
        ending: Ending::NotStarted(fault),
        out: spec.out.output(),
        err: spec.err.output(),
    }
}

/// Kills a process that an earlier gtctl has left running, with all that it has started, but no
/// tmux server.
pub fn end_leftover(leader: ProcId) {
    if process::may_live(leader) {
        drop(Started::by(Some(leader), Leftovers::Stay));
    }
}

/// Ends every process with this value as [`env_tag::CHORE`] in its environment: TERM, half a
/// second, KILL. Takes at most three seconds.
pub async fn end_tagged(tag: &str) {
    Started::by(None, Leftovers::EndTagged(tag.to_owned()))
        .end()
        .await;
}

/// A program that runs. Dropping it kills it with all that it has started.
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
    /// Starts it.
    ///
    /// # Errors
    /// What the system says, where the program or its directory is missing or must not be used.
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

    /// Which process it is; none where `/proc` does not tell.
    #[must_use]
    pub fn process(&self) -> Option<ProcId> {
        self.process
    }

    /// Feeds and reads it until it has ended. Takes at most its limit and five seconds.
    pub async fn ended(self) -> Ran {
        self.ended_or(pending()).await
    }

    /// As [`Child::ended`], but ends it as soon as `cancelled` is done.
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
        let talk = async { tokio::try_join!(feed(stdin, &self.input), out, err).map(drop) };
        tokio::pin!(talk);
        let deadline = sleep(self.limit);
        tokio::pin!(deadline, cancelled);
        let mut talks = true;
        let ending = loop {
            tokio::select! {
                said = &mut talk, if talks => {
                    talks = false;
                    if let Err(Flooded) = said {
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
            // Only so that no zombie stays.
            let _ = timeout(VANISH, self.inner.wait()).await;
        }
        let patience = if stays { LAST_WORDS_BESIDE } else { LAST_WORDS };
        let said = if talks {
            timeout(patience, &mut talk).await
        } else {
            Ok(Ok(()))
        };
        match said {
            Ok(Err(Flooded)) if has_exited => Ending::Flooded,
            Ok(Ok(()) | Err(Flooded)) | Err(_) => ending,
        }
    }
}

/// Whoever does not read what it is given is no fault.
async fn feed(stdin: Option<ChildStdin>, input: &str) -> Result<(), Flooded> {
    if let Some(mut stdin) = stdin {
        let _ = stdin.write_all(input.as_bytes()).await;
        let _ = stdin.shutdown().await;
    }
    Ok(())
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
