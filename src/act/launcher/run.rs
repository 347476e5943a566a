//! Runs one command of a launcher. At the deadline it and all its processes are ended.
//!
//! Processes that it leaves behind when it ends by itself are left alone: a launcher starts what
//! should stay, perhaps the tmux server itself. So its processes carry no mark either.

use crate::model::environment::Inherit;
use crate::model::{Period, ProcId, Socket, Town};
use crate::model::{SortedMap, SortedSet};
use crate::proc::child::{self, Bound, Child, Ending, Leftovers, Output, Spec, Stream, words};
use crate::tmux::Client;
use std::ffi::OsString;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;

/// The end of its output that is kept, and of its errors, in bytes.
const KEPT: Stream = Stream::Kept(Bound::tail(8 << 10));
/// The longest line of it that is shown, in characters.
const LINE: usize = 300;
/// Which tmux server gt speaks to, and where its town is.
const SOCKET: &str = "GT_TMUX_SOCKET";
const ROOT: &str = "GT_ROOT";

/// A command to run.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// Program and arguments.
    pub(super) argv: &'a [String],
    /// Its directory.
    pub(super) dir: &'a Path,
    /// Its town.
    pub(super) town: &'a Town,
    /// The client of the town's server.
    pub(super) client: &'a Client,
    /// Its deadline.
    pub(super) limit: Period,
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct CommandRun {
    ran: child::Ran,
    limit: Period,
}

impl CommandRun {
    /// Whether it reports success. That proves nothing.
    pub(super) fn is_well(&self) -> bool {
        self.ran.is_well()
    }

    /// The same for people: the command, how it ended, and its last line.
    pub(super) fn told(&self, argv: &[String]) -> String {
        let limit = self.limit;
        let how = match &self.ran.ending {
            Ending::Exited(status) => match (status.code(), status.signal()) {
                (Some(0), _) => "reports success".to_owned(),
                (Some(code), _) => format!("failed with exit status {code}"),
                (None, Some(signal)) => format!("was killed by signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
            Ending::TimedOut => format!("was stopped after {limit}, with all its processes"),
            Ending::Flooded | Ending::Cancelled => "was stopped".to_owned(),
            Ending::NotStarted(fault) => format!("cannot be run: {fault}"),
            Ending::Lost(fault) => format!("cannot be watched: {fault}"),
        };
        let last = last_word(&self.ran.err).or_else(|| last_word(&self.ran.out));
        let said = last.map_or_else(String::new, |said| format!(": {said}"));
        format!("`{}` {how}{said}", argv.join(" "))
    }
}

/// Runs it to its end. `begun` is called with its process. Dropping this kills it with everything
/// it has started.
pub(super) async fn run(order: &Order<'_>, begun: impl FnOnce(ProcId)) -> CommandRun {
    let sessions = order.town.sessions.values();
    let declared: SortedSet<&str> = sessions
        .flat_map(|desired| &desired.pass_env)
        .map(String::as_str)
        .collect();
    let spec = Spec {
        argv: words(order.argv),
        dir: order.dir,
        inherit: Inherit::NoSecret {
            declared: &declared,
        },
        variables: variables(order),
        input: "",
        out: KEPT,
        err: KEPT,
        limit: order.limit.to_std(),
        leftovers: Leftovers::Stay,
    };
    let ran = match Child::start(&spec) {
        Ok(child) => {
            child.process().map(begun);
            child.ended().await
        }
        Err(fault) => child::not_started(&spec, fault),
    };
    let limit = order.limit;
    CommandRun { ran, limit }
}

fn variables(order: &Order<'_>) -> SortedMap<String, OsString> {
    let root = order.town.root.as_deref();
    let root = root.map(|root| (ROOT.to_owned(), root.into()));
    let socket = socket_name(order).map(|name| (SOCKET.to_owned(), name.into()));
    root.into_iter().chain(socket).collect()
}

/// The socket name by which gt finds the town's server. None where gt cannot be given a name: then
/// gt uses its own rules or the caller's environment.
fn socket_name(order: &Order<'_>) -> Option<String> {
    match &order.town.socket {
        Socket::Name(name) => Some(name.clone()),
        Socket::Path(path) => {
            let name = path.file_name()?.to_str()?;
            let by_name = Client::new(&Socket::Name(name.to_owned()));
            (by_name.socket_path() == order.client.socket_path() && name != "default")
                .then(|| name.to_owned())
        }
        Socket::Default | Socket::Gastown => None,
    }
}

/// The line that says what failed, or the last one.
fn last_word(output: &Output) -> Option<String> {
    last_word_of(&output.text())
}

fn last_word_of(text: &str) -> Option<String> {
    let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
    let fault = lines()
        .rev()
        .find(|line| line.starts_with("Error:") || line.starts_with("error:"));
    fault
        .or_else(|| lines().next_back())
        .map(|line| line.chars().take(LINE).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_of_the_fault_is_told() {
        let said = last_word_of;
        assert_eq!(
            said("Starting\nError: no rig\nUsage:\n  gt\n").as_deref(),
            Some("Error: no rig")
        );
        assert_eq!(said("one\n two \n\n").as_deref(), Some("two"));
        assert_eq!(said("\n"), None);
    }
}
