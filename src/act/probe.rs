//! Asking an agent's own program whether it is signed in, beside the sessions and never in one.
//!
//! The program runs in a process group of its own, without a terminal and without a way to tmux,
//! with the environment that the session gets from gtctl. Whatever it leaves behind is killed.

use super::launch::{self, Found, Wanted};
use super::tree::send;
use crate::model::{Agent, Answer, Probe, ProcId, ScreenState};
use crate::proc::process::{self, Presence};
use crate::proc::signal::Signal;
use crate::proc::{clock, tree};
use crate::screen;
use jiff::tz::TimeZone;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{Child, Command};

/// No question takes longer.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// The most bytes of its output that are looked at, and of its errors.
const MAX_OUTPUT: u64 = 64 << 10;
/// So many rounds of killing what it left behind: a process may fork just before it is killed.
const KILL_ROUNDS: usize = 5;
/// What tells a program which tmux it runs in, if gtctl runs in one.
const SCRUBBED: [&str; 2] = ["TMUX", "TMUX_PANE"];

/// Asks, and waits at most `deadline` for the answer. Passed is an exit status of 0, unless what it
/// printed says that the agent is signed out: some clients report that as a success.
///
/// Nothing of what it printed is kept: it may name accounts. Dropping this before its end kills
/// what was started.
pub async fn probe(probe: &Probe, deadline: Duration) -> Answer {
    let (mut child, leash) = match start(probe).await {
        Ok(started) => started,
        Err(why) => return Answer::Unasked(why),
    };
    let (out, err) = (child.stdout.take(), child.stderr.take());
    let ended = async {
        let end = async {
            let status = child.wait().await;
            // What it left behind would keep its pipes open.
            leash.kill();
            status
        };
        let (status, out, err) = tokio::join!(end, head(out), head(err));
        (status, [out, err])
    };
    match tokio::time::timeout(deadline, ended).await {
        Err(_) => Answer::Failed(format!("no answer within {deadline:?}")),
        Ok((Err(fault), _)) => Answer::Failed(format!("its end was not seen ({fault})")),
        Ok((Ok(status), printed)) => judged(&probe.desired.agent, status, &printed),
    }
}

/// Starts the program, or says why not.
async fn start(probe: &Probe) -> Result<(Child, Leash), String> {
    let desired = &probe.desired;
    let wanted = Wanted::beside(desired, &desired.agent.probe);
    let Found { argv, env } = launch::find_one(wanted)
        .await
        .map_err(|fault| fault.to_string())?;
    let (program, arguments) = argv.split_first().ok_or("its command is empty")?;
    let mut command = Command::new(program);
    command.args(arguments).envs(env).current_dir(&desired.dir);
    for name in SCRUBBED {
        command.env_remove(name);
    }
    for (name, _) in
        std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"GTCTL_"))
    {
        command.env_remove(name);
    }
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true);
    let child = command
        .spawn()
        .map_err(|fault| format!("it cannot be started ({fault})"))?;
    let leader = child.id().and_then(leader);
    Ok((child, Leash(leader)))
}

/// The identity of a child that nobody has waited for yet: what it started must be found when it
/// has ended at once, too.
fn leader(pid: u32) -> Option<ProcId> {
    match process::look(pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) => Some(ProcId {
            pid,
            start: stat.start,
        }),
        Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// The first bytes of a pipe. What comes later is read as well, so that nobody waits for room, and
/// dropped.
async fn head<R: AsyncRead + Unpin>(pipe: Option<R>) -> Vec<u8> {
    let mut bytes = Vec::new();
    let Some(mut pipe) = pipe else { return bytes };
    // A pipe that breaks has said all that it will.
    let _ = (&mut pipe).take(MAX_OUTPUT).read_to_end(&mut bytes).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    bytes
}

fn judged(agent: &Agent, status: ExitStatus, printed: &[Vec<u8>]) -> Answer {
    if !status.success() {
        return Answer::Failed(status.to_string());
    }
    let denied = printed.iter().any(|bytes| {
        let text = String::from_utf8_lossy(bytes);
        let lines: Vec<&str> = text.lines().collect();
        let state = screen::read(agent, &lines, clock::now(), &TimeZone::UTC).state;
        matches!(state, ScreenState::Auth | ScreenState::Limit { .. })
    });
    if denied {
        Answer::Failed("it ended well, but says otherwise".to_owned())
    } else {
        Answer::Passed
    }
}

/// Kills the tree and the group of a program when it is let go.
struct Leash(Option<ProcId>);

impl Drop for Leash {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Leash {
    fn kill(&self) {
        let Some(leader) = self.0 else { return };
        for _ in 0..KILL_ROUNDS {
            let mut left: Vec<ProcId> = tree::tree(leader)
                .into_iter()
                .map(|member| member.id)
                .collect();
            left.extend(tree::group(leader));
            if left.is_empty() {
                break;
            }
            send(&left, Signal::KILL);
        }
    }
}
