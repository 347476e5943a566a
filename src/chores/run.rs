//! One command: started in a group of its own, fed, read within bounds, and ended whole.
//!
//! Whatever it has left running when it ends, or when its time is over, is ended with it: by its
//! tree, and by the marker in its environment, so that what left the tree is found too.

use super::kept::{Flooded, Kept};
use crate::model::{Period, ProcId, SessionName};
use crate::proc::signal::{Signal, signal, wait_gone};
use crate::proc::{env_tag, process, tree};
use std::io;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::process::{Child, ChildStdin, Command};
use tokio::sync::oneshot::Receiver;
use tokio::time::{Instant, sleep, timeout};

/// How long killed processes may take to be gone.
const VANISH: Duration = Duration::from_secs(2);

/// How long the last of an output may take to come once its writers are gone.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// Variables of the place gtctl was started from that mean nothing, or the wrong thing, to what it
/// starts.
const NOT_PASSED_ON: [&str; 6] = [
    "TMUX",
    "TMUX_PANE",
    "CLAUDECODE",
    env_tag::SESSION,
    env_tag::GENERATION,
    "GTCTL_CRASHES",
];

/// A command to be run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// Program and arguments.
    pub(super) argv: &'a [String],
    /// Where.
    pub(super) dir: &'a Path,
    /// What it reads on its standard input.
    pub(super) input: &'a str,
    /// For which town.
    pub(super) town: &'a SessionName,
    /// What marks what it starts as this chore's.
    pub(super) mark: &'a str,
    /// How long it may take.
    pub(super) timeout: Period,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) ending: Ending,
    pub(super) out: Kept,
    pub(super) err: Kept,
}

/// How it ended.
#[derive(Debug)]
pub(super) enum Ending {
    /// By itself.
    Exited(ExitStatus),
    /// Its time was over.
    TimedOut,
    /// It printed without end.
    Flooded,
    /// The controller ends.
    Cancelled,
    /// It could not be started, or be waited for.
    NotRun(io::Error),
}

/// Runs a command to its end, of whatever kind. `cancel` ends it early.
pub(super) async fn run(run: &Run<'_>, cancel: &mut Receiver<()>) -> Ran {
    let (mut out, mut err) = (Kept::default(), Kept::default());
    // A run whose controller was killed may still be at work: two at a time are never meant.
    end_all(run, None).await;
    let ending = match command(run).spawn() {
        Ok(mut child) => {
            let root = child.id().and_then(process::identify);
            let ending = attend(&mut child, run, root, (&mut out, &mut err), cancel).await;
            end_all(run, root).await;
            let _ = timeout(VANISH, child.wait()).await;
            ending
        }
        Err(fault) => Ending::NotRun(fault),
    };
    Ran { ending, out, err }
}

fn command(run: &Run<'_>) -> Command {
    let (program, arguments) = run
        .argv
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(run.dir)
        .process_group(0);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    for name in NOT_PASSED_ON {
        command.env_remove(name);
    }
    command
        .env(env_tag::TOWN, run.town.as_str())
        .env(env_tag::CHORE, run.mark);
    command
}

/// Feeds and reads it until it has ended or must be ended.
async fn attend(
    child: &mut Child,
    run: &Run<'_>,
    root: Option<ProcId>,
    (out, err): (&mut Kept, &mut Kept),
    cancel: &mut Receiver<()>,
) -> Ending {
    let (stdin, stdout, stderr) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
    let talk = async {
        tokio::try_join!(feed(stdin, run.input), out.fill(stdout), err.fill(stderr)).map(|_| ())
    };
    tokio::pin!(talk);
    let deadline = sleep(run.timeout.to_std());
    tokio::pin!(deadline);
    let mut talks = true;
    loop {
        tokio::select! {
            said = &mut talk, if talks => match said {
                Ok(()) => talks = false,
                Err(Flooded) => return Ending::Flooded,
            },
            status = child.wait() => {
                // What it left behind may hold the pipe open.
                end_all(run, root).await;
                if talks && matches!(timeout(LAST_WORDS, &mut talk).await, Ok(Err(Flooded))) {
                    return Ending::Flooded;
                }
                return status.map_or_else(Ending::NotRun, Ending::Exited);
            }
            () = &mut deadline => return Ending::TimedOut,
            _ = &mut *cancel => return Ending::Cancelled,
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

/// Kills all that a run has started, until nothing more is found or [`VANISH`] has passed.
async fn end_all(run: &Run<'_>, root: Option<ProcId>) {
    let deadline = Instant::now() + VANISH;
    loop {
        let mut living = env_tag::of_chore(run.mark);
        living.extend(
            root.into_iter()
                .flat_map(tree::tree)
                .map(|member| member.id),
        );
        if living.is_empty() || Instant::now() >= deadline {
            return;
        }
        for process in &living {
            signal(*process, Signal::KILL);
        }
        wait_gone(&living, deadline).await;
    }
}
