//! Asks an agent's own program whether it is signed in. It runs beside the sessions, never in one.
//!
//! The program has the environment that the session gets from gtctl, but no way to tmux. Processes
//! that it leaves behind are ended.

use super::launch::{self, Found, Wanted};
use crate::model::environment::Inherit;
use crate::model::{Agent, Answer, Desired, Probe, ScreenState};
use crate::proc::child::{self, Bound, Ending, Leftovers, Output, Spec, Stream, words};
use crate::proc::clock;
use crate::screen;
use jiff::tz::TimeZone;
use std::ffi::OsString;
use std::process::ExitStatus;
use std::time::Duration;

/// The longest time for a probe.
pub const PROBE_DEADLINE: Duration = Duration::from_secs(10);
/// How much of its output is read, and of its errors, in bytes.
const LOOKED_AT: Stream = Stream::Kept(Bound::head(64 << 10));
/// The variables that would tell the program its tmux server. They are removed.
const WAYS_TO_TMUX: [&str; 2] = ["TMUX", "TMUX_PANE"];

/// Runs the probe, and waits at most `deadline` for its end. It passes with exit status 0, unless
/// its output says that the agent is signed out: some clients exit with 0 then.
///
/// Its output is not kept, because it may name accounts. Dropping this before the end kills the
/// program.
pub async fn probe(probe: &Probe, deadline: Duration) -> Answer {
    let desired = &probe.desired;
    match run_beside(desired, &desired.agent.probe, deadline).await {
        Shown::Exited(status, printed) if status.success() => judged(&desired.agent, &printed),
        Shown::Exited(status, _) => Answer::Failed(status.to_string()),
        Shown::Failed(why) => Answer::Failed(why),
        Shown::NotRun(why) => Answer::Unasked(why),
    }
}

/// What came of a command that ran beside a session.
pub(super) enum Shown {
    /// It exited, with what it printed.
    Exited(ExitStatus, [Output; 2]),
    /// It was ended, or its exit was not seen.
    Failed(String),
    /// It could not run.
    NotRun(String),
}

/// Runs a command with a session's environment and directory, for at most `deadline`. Dropping this
/// before the end kills it.
pub(super) async fn run_beside(desired: &Desired, argv: &[String], deadline: Duration) -> Shown {
    let wanted = Wanted::beside(desired, argv);
    let Found { argv, env } = match launch::find_one(wanted).await {
        Ok(found) => found,
        Err(fault) => return Shown::NotRun(fault.to_string()),
    };
    let variables = env
        .into_iter()
        .filter(|(name, _)| !WAYS_TO_TMUX.contains(&name.as_str()))
        .map(|(name, value)| (name, OsString::from(value)))
        .collect();
    let ran = child::run(&Spec {
        argv: words(&argv),
        dir: &desired.dir,
        inherit: Inherit::NotGtctl,
        variables,
        input: "",
        out: LOOKED_AT,
        err: LOOKED_AT,
        limit: deadline,
        leftovers: Leftovers::End,
    })
    .await;
    match ran.ending {
        Ending::Exited(status) => Shown::Exited(status, [ran.out, ran.err]),
        Ending::TimedOut => Shown::Failed(format!("no answer within {deadline:?}")),
        Ending::Flooded | Ending::Cancelled => Shown::Failed("it was stopped".to_owned()),
        Ending::NotStarted(fault) => Shown::NotRun(format!("it cannot be started ({fault})")),
        Ending::Lost(fault) => Shown::Failed(format!("its exit was not seen ({fault})")),
    }
}

/// Judges the output of a program that exited with 0.
fn judged(agent: &Agent, printed: &[Output; 2]) -> Answer {
    let denied = printed.iter().any(|output| {
        let text = output.text();
        let lines: Vec<&str> = text.lines().collect();
        let state = screen::read(agent, &lines, clock::now(), &TimeZone::UTC).state;
        matches!(state, ScreenState::Auth | ScreenState::Limit { .. })
    });
    if denied {
        Answer::Failed("it exited 0, but its output says signed out".to_owned())
    } else {
        Answer::Passed
    }
}
