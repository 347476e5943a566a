//! The command of `[notify]`: run once per piece of news, one at a time, beside the cycles.

use crate::model::ProcId;
use crate::proc::signal::{Signal, signal};
use crate::proc::{process, tree};
use crate::tmux::SCRUBBED;
use std::collections::BTreeSet;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long one run may take; then it is killed with all that it started.
const DEADLINE: Duration = Duration::from_secs(10);
/// How long what still waits may take when the controller ends, which takes five seconds in all at
/// most.
const FAREWELL: Duration = Duration::from_secs(2);
/// The most that wait their turn. What comes beyond is dropped, and that is said.
const QUEUE: usize = 32;
/// The most that is kept of what a run says, in bytes.
const WORDS: usize = 400;

/// A command that gets texts on its standard input, each in a run of its own.
#[derive(Debug)]
pub struct Hook {
    command: Vec<String>,
    queue: mpsc::Sender<String>,
    complaints: mpsc::Receiver<String>,
    worker: JoinHandle<()>,
    /// The process that runs now.
    running: Running,
    dropped: u64,
}

type Running = Arc<Mutex<Option<ProcId>>>;

impl Hook {
    /// A hook of this argv, which is not empty. It runs in the present tokio runtime whenever that
    /// waits.
    #[must_use]
    pub fn new(command: &[String]) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (complain, complaints) = mpsc::channel(QUEUE);
        let running = Running::default();
        let worker = tokio::spawn(work(
            command.to_vec(),
            waiting,
            complain,
            Arc::clone(&running),
        ));
        Self {
            command: command.to_vec(),
            queue,
            complaints,
            worker,
            running,
            dropped: 0,
        }
    }

    /// Whether this is the hook of that argv.
    #[must_use]
    pub fn runs(&self, command: &[String]) -> bool {
        self.command == command
    }

    /// Has the command run with this text, after those before it. Never waits.
    pub fn tell(&mut self, text: String) {
        if self.queue.try_send(text).is_err() {
            self.dropped += 1;
        }
    }

    /// What went wrong since this was last asked: each failing once, and how many texts were
    /// dropped.
    pub fn complaints(&mut self) -> Vec<String> {
        let mut found: Vec<String> =
            std::iter::from_fn(|| self.complaints.try_recv().ok()).collect();
        let dropped = std::mem::take(&mut self.dropped);
        found.extend((dropped > 0).then(|| {
            let program = self.command.first().map_or("", String::as_str);
            format!("{dropped} events were not told: {QUEUE} already wait for `{program}`, the command of [notify]")
        }));
        found
    }

    /// Lets what waits be told, for a short time; then what runs is killed with all that it
    /// started. The last complaints.
    pub async fn finish(mut self) -> Vec<String> {
        let (closed, _) = mpsc::channel(1);
        self.queue = closed;
        let is_late = tokio::time::timeout(FAREWELL, &mut self.worker)
            .await
            .is_err();
        if is_late {
            kill(
                self.running
                    .lock()
                    .unwrap_or_else(PoisonError::into_inner)
                    .take(),
            );
            self.worker.abort();
        }
        let mut complaints = self.complaints();
        complaints.extend(is_late.then(|| {
            let program = self.command.first().map_or("", String::as_str);
            let seconds = FAREWELL.as_secs();
            format!("the command of [notify], `{program}`, took longer than {seconds} s at the end and was killed")
        }));
        complaints
    }
}

async fn work(
    command: Vec<String>,
    mut waiting: mpsc::Receiver<String>,
    complain: mpsc::Sender<String>,
    running: Running,
) {
    let mut last = None;
    while let Some(text) = waiting.recv().await {
        let fault = run(&command, &text, &running).await.err();
        running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(fault) = fault.as_ref().filter(|fault| last.as_ref() != Some(*fault)) {
            // A full queue of complaints has been complained of enough.
            let _ = complain.try_send(fault.clone());
        }
        last = fault;
    }
}

/// One run, to its end or its deadline.
async fn run(command: &[String], text: &str, running: &Running) -> Result<(), String> {
    let Some((program, args)) = command.split_first() else {
        return Ok(());
    };
    let mut builder = Command::new(program);
    builder
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    for name in SCRUBBED {
        builder.env_remove(name);
    }
    let name = format!("the command of [notify], `{program}`,");
    let mut child = builder
        .spawn()
        .map_err(|e| format!("{name} cannot be run: {e}"))?;
    let root = child.id().and_then(process::identify);
    *running.lock().unwrap_or_else(PoisonError::into_inner) = root;
    let mut said = Vec::new();
    let Ok(ended) = tokio::time::timeout(DEADLINE, converse(&mut child, text, &mut said)).await
    else {
        kill(root);
        let _ = child.kill().await;
        return Err(format!(
            "{name} took longer than {} s and was killed",
            DEADLINE.as_secs()
        ));
    };
    match ended {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("{name} failed with {status}{}", quoted(&said))),
        Err(fault) => Err(format!("{name} broke: {fault}")),
    }
}

/// Gives it the text, and takes what it complains of, until it has ended. What it left in the
/// background may hold on to its output, and is not waited for.
async fn converse(
    child: &mut Child,
    text: &str,
    said: &mut Vec<u8>,
) -> std::io::Result<ExitStatus> {
    let (stdin, stderr) = (child.stdin.take(), child.stderr.take());
    let write = async {
        if let Some(mut stdin) = stdin {
            // One that does not want to read ends by itself.
            let _ = stdin.write_all(text.as_bytes()).await;
        }
    };
    let read = async {
        if let Some(stderr) = stderr {
            keep(stderr, said).await;
        }
    };
    let talk = async {
        tokio::join!(write, read);
        std::future::pending().await
    };
    // What it said before it ended is read before its end is seen.
    tokio::select! {
        biased;
        never = talk => never,
        status = child.wait() => status,
    }
}

/// Reads to the end, and keeps the beginning.
async fn keep(mut from: impl AsyncRead + Unpin, kept: &mut Vec<u8>) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut buffer).await {
        let room = WORDS.saturating_sub(kept.len());
        kept.extend(buffer.iter().take(n.min(room)));
    }
}

fn quoted(said: &[u8]) -> String {
    let text = String::from_utf8_lossy(said);
    let text = text.trim();
    if text.is_empty() {
        String::new()
    } else {
        format!(": {text}")
    }
}

/// Kills a run with all below it. They are stopped first, until none is new: what is stopped starts
/// nothing, and what hangs below the dead is not found any more.
fn kill(root: Option<ProcId>) {
    let Some(root) = root else { return };
    let mut stopped = BTreeSet::new();
    loop {
        let tree = tree::tree(root).into_iter().map(|member| member.id);
        let fresh: Vec<ProcId> = tree.filter(|process| stopped.insert(*process)).collect();
        for process in &fresh {
            signal(*process, Signal::STOP);
        }
        if fresh.is_empty() {
            break;
        }
    }
    for process in stopped {
        signal(process, Signal::KILL);
    }
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
