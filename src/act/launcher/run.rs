//! One command of a launcher: started in a group of its own, read within bounds, and ended whole
//! when its time is over.
//!
//! What it has left running when it ends by itself is left alone: a launcher starts what should
//! stay, and perhaps the tmux server itself. So nothing marks what it starts either.

use crate::model::{Period, ProcId, Socket, Town};
use crate::proc::process::{self, Presence};
use crate::proc::signal::{Signal, signal};
use crate::proc::tree;
use crate::tmux::{Client, SCRUBBED, is_secret};
use std::ffi::OsStr;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};

/// How long the last of an output may take to come once the command has ended.
const LAST_WORDS: Duration = Duration::from_millis(500);
/// So many rounds of killing what it has started: a process may fork just before it is killed.
const KILL_ROUNDS: usize = 5;
/// The end that is kept of what it prints, and of its errors, in bytes.
const KEPT: usize = 8 << 10;
/// The longest line of it that is told, in characters.
const LINE: usize = 300;
/// Which tmux server gt speaks to, and where its town is: all of its variables that say nothing of
/// who it is.
const SOCKET: &str = "GT_TMUX_SOCKET";
const ROOT: &str = "GT_ROOT";
/// Who gt takes the caller for.
const ACTOR: &str = "BD_ACTOR";

/// A command to be run.
#[derive(Clone, Copy)]
pub(super) struct Order<'a> {
    /// Program and arguments.
    pub(super) argv: &'a [String],
    /// Where.
    pub(super) dir: &'a Path,
    /// For which town.
    pub(super) town: &'a Town,
    /// The way to its server.
    pub(super) client: &'a Client,
    /// How long it may take.
    pub(super) limit: Period,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Ran {
    ending: Ending,
    /// Its last word.
    said: String,
}

/// How it ended.
#[derive(Debug)]
enum Ending {
    /// By itself.
    Exited(ExitStatus),
    /// Its time was over.
    TimedOut(Period),
    /// It could not be started, or be waited for.
    NotRun(io::Error),
}

impl Ran {
    /// Whether it says that all went well. That proves nothing.
    pub(super) fn is_well(&self) -> bool {
        matches!(&self.ending, Ending::Exited(status) if status.success())
    }

    /// The same for people: what was run, how it ended, and its last word.
    pub(super) fn told(&self, argv: &[String]) -> String {
        let how = match &self.ending {
            Ending::Exited(status) => match (status.code(), status.signal()) {
                (Some(0), _) => "says that it is done".to_owned(),
                (Some(code), _) => format!("ended with exit status {code}"),
                (None, Some(signal)) => format!("was ended by signal {signal}"),
                (None, None) => "ended".to_owned(),
            },
            Ending::TimedOut(limit) => format!("was ended after {limit}, with all it had started"),
            Ending::NotRun(fault) => format!("cannot be run: {fault}"),
        };
        let said = if self.said.is_empty() {
            String::new()
        } else {
            format!(": {}", self.said)
        };
        format!("`{}` {how}{said}", argv.join(" "))
    }
}

/// Runs it to its end, of whatever kind. `begun` is told its process. Dropping this ends it with
/// all it has started.
pub(super) async fn run(order: &Order<'_>, begun: impl FnOnce(ProcId)) -> Ran {
    let mut child = match command(order).spawn() {
        Ok(child) => child,
        Err(fault) => {
            return Ran {
                ending: Ending::NotRun(fault),
                said: String::new(),
            };
        }
    };
    let leader = child.id().and_then(leader);
    leader.map(begun);
    let leash = Leash(leader);
    let (mut out, mut err) = (Tail::default(), Tail::default());
    let ending = attend(&mut child, order.limit, (&mut out, &mut err)).await;
    match ending {
        Ending::Exited(_) | Ending::NotRun(_) => leash.let_go(),
        Ending::TimedOut(_) => drop(leash),
    }
    let said = err
        .last_word()
        .or_else(|| out.last_word())
        .unwrap_or_default();
    Ran { ending, said }
}

/// Ends a command that a controller which is no more has left running, with all it has started.
pub(super) fn end_leftover(leader: ProcId) {
    if process::may_live(leader) {
        drop(Leash(Some(leader)));
    }
}

fn command(order: &Order<'_>) -> Command {
    let (program, arguments) = order
        .argv
        .split_first()
        .map_or(("", &[][..]), |(first, rest)| (first.as_str(), rest));
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(order.dir)
        .process_group(0)
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let is_identity =
        |name: &str| name.starts_with("GT_") && name != SOCKET || name.starts_with("GTCTL_");
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_str().is_some_and(is_identity))
    {
        command.env_remove(name);
    }
    for name in SCRUBBED.into_iter().chain([ACTOR]) {
        command.env_remove(name);
    }
    let is_declared = |name: &OsStr| {
        let sessions = order.town.sessions.values();
        name.to_str().is_some_and(|name| {
            sessions
                .into_iter()
                .any(|desired| desired.pass_env.contains(name))
        })
    };
    let secrets = std::env::vars_os()
        .map(|(name, _)| name)
        .filter(|name| is_secret(name) && !is_declared(name));
    for name in secrets {
        command.env_remove(name);
    }
    command.envs(order.town.root.as_deref().map(|root| (ROOT, root)));
    command.envs(socket_name(order).map(|name| (SOCKET, name)));
    command
}

/// The name by which gt finds the town's server. Not told where it has none that gt could be given:
/// gt then goes by its own rules, or by what the caller's environment says.
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

async fn attend(child: &mut Child, limit: Period, (out, err): (&mut Tail, &mut Tail)) -> Ending {
    let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
    let talk = async { tokio::join!(out.fill(stdout), err.fill(stderr)) };
    tokio::pin!(talk);
    let deadline = sleep(limit.to_std());
    tokio::pin!(deadline);
    let mut talks = true;
    loop {
        tokio::select! {
            _ = &mut talk, if talks => talks = false,
            status = child.wait() => {
                if talks {
                    // What stays may hold the pipe open.
                    let _ = timeout(LAST_WORDS, &mut talk).await;
                }
                return status.map_or_else(Ending::NotRun, Ending::Exited);
            }
            () = &mut deadline => return Ending::TimedOut(limit),
        }
    }
}

/// The identity of a child that nobody has waited for yet.
fn leader(pid: u32) -> Option<ProcId> {
    match process::look(pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) => Some(ProcId {
            pid,
            start: stat.start,
        }),
        Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// Kills the tree and the group of a command when it is dropped, but never a tmux server.
struct Leash(Option<ProcId>);

impl Leash {
    fn let_go(mut self) {
        self.0 = None;
    }
}

impl Drop for Leash {
    fn drop(&mut self) {
        let Some(leader) = self.0 else { return };
        for _ in 0..KILL_ROUNDS {
            let members = tree::tree(leader).into_iter();
            let members = members.filter(|member| !member.stat.comm.starts_with("tmux: server"));
            let mut left: Vec<ProcId> = members.map(|member| member.id).collect();
            left.extend(tree::group(leader));
            if left.is_empty() {
                break;
            }
            for process in left {
                signal(process, Signal::KILL);
            }
        }
    }
}

/// The end of an output.
#[derive(Debug, Default)]
struct Tail(Vec<u8>);

impl Tail {
    async fn fill(&mut self, pipe: Option<impl AsyncRead + Unpin>) {
        let Some(mut pipe) = pipe else { return };
        let mut buffer = vec![0_u8; KEPT];
        // A pipe that breaks has ended.
        while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
            self.0.extend(buffer.get(..count).unwrap_or_default());
            let excess = self.0.len().saturating_sub(KEPT);
            self.0.drain(..excess);
        }
    }

    /// The line that says what went wrong, or the last one.
    fn last_word(&self) -> Option<String> {
        let text = String::from_utf8_lossy(&self.0);
        let lines = || text.lines().map(str::trim).filter(|line| !line.is_empty());
        let fault = lines()
            .rev()
            .find(|line| line.starts_with("Error:") || line.starts_with("error:"));
        fault
            .or_else(|| lines().next_back())
            .map(|line| line.chars().take(LINE).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_line_that_tells_of_the_fault_is_told() {
        let said = |text: &str| Tail(text.as_bytes().to_vec()).last_word();
        assert_eq!(
            said("Starting\nError: no rig\nUsage:\n  gt\n").as_deref(),
            Some("Error: no rig")
        );
        assert_eq!(said("one\n two \n\n").as_deref(), Some("two"));
        assert_eq!(said("\n"), None);
    }
}
