//! The command of `[notify]`: run once per piece of news, one at a time, beside the cycles.

use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::proc::child::{self, Bound, Ending, Leftovers, Spec, Stream, words};
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// How long one run may take; then it is ended with all that it started.
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
    dropped: u64,
}

impl Hook {
    /// A hook of this argv, which is not empty. It runs in the present tokio runtime whenever that
    /// waits.
    #[must_use]
    pub fn new(command: &[String]) -> Self {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (complain, complaints) = mpsc::channel(QUEUE);
        let worker = tokio::spawn(work(command.to_vec(), waiting, complain));
        Self {
            command: command.to_vec(),
            queue,
            complaints,
            worker,
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
            self.worker.abort();
            // What runs is killed when its future is dropped.
            let _ = (&mut self.worker).await;
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
) {
    let mut last = None;
    while let Some(text) = waiting.recv().await {
        let fault = run(&command, &text).await.err();
        if let Some(fault) = fault.as_ref().filter(|fault| last.as_ref() != Some(*fault)) {
            // A full queue of complaints has been complained of enough.
            let _ = complain.try_send(fault.clone());
        }
        last = fault;
    }
}

/// One run, to its end or its deadline. What it leaves in the background stays.
async fn run(command: &[String], text: &str) -> Result<(), String> {
    let Some(program) = command.first() else {
        return Ok(());
    };
    let ran = child::run(&Spec {
        argv: words(command),
        dir: Path::new("."),
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: text,
        out: Stream::Null,
        err: Stream::Kept(Bound::head(WORDS)),
        limit: DEADLINE,
        leftovers: Leftovers::Stay,
    })
    .await;
    let name = format!("the command of [notify], `{program}`,");
    match ran.ending {
        Ending::Exited(status) if status.success() => Ok(()),
        Ending::Exited(status) => {
            let said = quoted(&ran.err.text());
            Err(format!("{name} failed with {status}{said}"))
        }
        Ending::TimedOut => {
            let limit = DEADLINE.as_secs();
            Err(format!("{name} took longer than {limit} s and was killed"))
        }
        Ending::Flooded | Ending::Cancelled => Err(format!("{name} was ended")),
        Ending::NotStarted(fault) => Err(format!("{name} cannot be run: {fault}")),
        Ending::Lost(fault) => Err(format!("{name} broke: {fault}")),
    }
}

fn quoted(said: &str) -> String {
    let said = said.trim();
    if said.is_empty() {
        String::new()
    } else {
        format!(": {said}")
    }
}

#[cfg(test)]
#[path = "hook_tests.rs"]
mod tests;
