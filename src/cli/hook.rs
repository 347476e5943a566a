//! `gtctl hook`: what an agent's client runs at each of its events. Not for people.
//!
//! ```text
//!  client ──JSON──► gtctl hook claude ──► <state directory>/reports/<session>.jsonl
//! ```
//!
//! It must never harm the agent that runs it. So it prints nothing, always exits 0, waits for
//! nobody but its own input, and ends within [`PATIENCE`]. It takes a few milliseconds. What cannot
//! be reported is noted for `gtctl doctor`.

use crate::model::{AgentReport, Generation, ProcId, ReportingClient, SessionName};
use crate::proc::process::{self, Presence};
use crate::proc::{self};
use crate::{reports, store};
use std::ffi::OsString;
use std::io::{IsTerminal, Read};
use std::path::PathBuf;
use std::sync::mpsc;
use std::time::Duration;

/// A hook that has not got all its input by then gives up.
const PATIENCE: Duration = Duration::from_secs(2);
/// The longest input, in bytes: the event of a tool that writes a large file holds that file.
const MAX_INPUT: u64 = 8 << 20;
/// The folder of all reports of a town.
pub(crate) const REPORTS: &str = "GTCTL_REPORTS";

/// Whether a command line asks for this.
pub(super) fn is_asked(words: &[OsString]) -> bool {
    words.get(1).is_some_and(|verb| verb == "hook") && !words.iter().any(is_help)
}

fn is_help(word: &OsString) -> bool {
    word == "-h" || word == "--help"
}

/// Reports the event on standard input. Where that is not possible, notes why.
pub(super) fn run(words: &[OsString]) {
    let Some(place) = Place::of_environment() else {
        // Not in a session of a town: somebody else's client, or no client at all.
        return;
    };
    if let Err(why) = report(words, &place) {
        store::note_hook_fault(&place.folder, proc::clock::now(), why);
    }
}

/// Where this hook reports to, and of what.
struct Place {
    folder: PathBuf,
    session: SessionName,
    generation: Generation,
}

impl Place {
    fn of_environment() -> Option<Self> {
        let text = |name: &str| std::env::var(name).ok().filter(|text| !text.is_empty());
        let session = text("GTCTL_SESSION")?.parse().ok()?;
        let generation = Generation(text("GTCTL_GENERATION")?.parse().ok()?);
        let folder = text(REPORTS).map(PathBuf::from).or_else(|| {
            let state = text("GTCTL_STATE_DIR").map(PathBuf::from)?;
            Some(store::View::of(state).reports_dir())
        })?;
        folder.is_absolute().then_some(Self {
            folder,
            session,
            generation,
        })
    }
}

fn report(words: &[OsString], place: &Place) -> Result<(), &'static str> {
    let at = proc::clock::now();
    let client = client(words)?;
    let input = input()?;
    let Some(event) = reports::read(client, &input) else {
        // One that says nothing of its agent, or of a sub-agent.
        return Ok(());
    };
    let report = event.reported(client, place.generation, at, ancestors());
    store::add_report(&place.folder, &place.session, &report)
        .map_err(|_| "the report could not be written")
}

/// The client that runs this hook. Claude's where none is named.
fn client(words: &[OsString]) -> Result<ReportingClient, &'static str> {
    let Some(word) = words.get(2) else {
        return Ok(ReportingClient::Claude);
    };
    let client = word.to_str().and_then(|word| word.parse().ok());
    client.ok_or("its client is not known")
}

/// All of standard input. A client that keeps it open is not waited for.
fn input() -> Result<Vec<u8>, &'static str> {
    if std::io::stdin().is_terminal() {
        return Err("it was run by hand");
    }
    let (sender, receiver) = mpsc::channel();
    let reader = std::thread::Builder::new().spawn(move || {
        let mut bytes = Vec::new();
        let read = std::io::stdin().take(MAX_INPUT + 1).read_to_end(&mut bytes);
        let _ = sender.send(read.map(|_| bytes));
    });
    if reader.is_err() {
        return Err("it got no thread");
    }
    match receiver.recv_timeout(PATIENCE) {
        Ok(Ok(bytes)) if bytes.len() as u64 > MAX_INPUT => Err("its input was too large"),
        Ok(Ok(bytes)) => Ok(bytes),
        Ok(Err(_)) => Err("its input could not be read"),
        Err(_) => Err("its input did not end"),
    }
}

/// The processes above this one, the nearest first. Their client is among them.
fn ancestors() -> Vec<ProcId> {
    let mut ancestors = Vec::new();
    let mut pid = std::process::id();
    while ancestors.len() <= AgentReport::MAX_ANCESTORS {
        let Presence::Alive(stat) = process::look(pid) else {
            break;
        };
        ancestors.push(ProcId {
            pid,
            start: stat.start,
        });
        if stat.ppid <= 1 {
            break;
        }
        pid = stat.ppid;
    }
    // Itself is no ancestor.
    ancestors.into_iter().skip(1).collect()
}
