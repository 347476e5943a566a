//! What holds a step back, until when, and what a person can do about it.

use super::reason::blocked;
use super::{Clock, brief, count, gastown_obstacle, said_by, word};
use crate::model::{Flaw, Hold, Milestone, Moment, NotReady, Period, SessionName};

/// What holds a step back and, where known, until when.
#[must_use]
pub fn hold(hold: &Hold, until: Option<Moment>, clock: &Clock) -> String {
    let mut text = obstacle(hold);
    if let Some(at) = until {
        let when = if matches!(hold, Hold::After { .. }) {
            format!("expected by {}", clock.time(at))
        } else if ends_by_looking(hold) {
            format!("next check {}", clock.time(at))
        } else {
            clock.until(at)
        };
        text = format!("{text}, {when}");
    }
    match way_out(hold) {
        Some(way_out) => format!("{text}; {way_out}"),
        None => text,
    }
}

/// Whether its moment is only the time of the next look.
#[must_use]
pub fn ends_by_looking(hold: &Hold) -> bool {
    matches!(
        hold,
        Hold::MassGuard { .. } | Hold::ClockJump { .. } | Hold::SecondLook
    )
}

/// What a person can do about it, in a few words.
#[must_use]
pub fn way_out(hold: &Hold) -> Option<&'static str> {
    match hold {
        Hold::Paused => Some("`gtctl resume` continues"),
        Hold::CrashLoop { .. } => Some("`gtctl reset` tries again now"),
        Hold::MassGuard { .. } => Some("`--allow-mass` allows it"),
        Hold::RollStopped { .. } => {
            Some("fix that session, or run `gtctl reset` on it to continue")
        }
        // What lifts a hold of Gas Town is said once for the whole town.
        Hold::Gastown(_)
        | Hold::BackOff { .. }
        | Hold::HandoffGap { .. }
        | Hold::Attached { .. }
        | Hold::OwnSession
        | Hold::Wave { .. }
        | Hold::After { .. }
        | Hold::ConcurrentStarts { .. }
        | Hold::StartBudget { .. }
        | Hold::Rolling { .. }
        | Hold::Failed { .. }
        | Hold::ClockJump { .. }
        | Hold::Draining { .. }
        | Hold::Stopping { .. }
        | Hold::NameTaken { .. }
        | Hold::LabelUnproved { .. }
        | Hold::BothNames { .. }
        | Hold::FormerNameTaken { .. }
        | Hold::MovedOut { .. }
        | Hold::ForeignTown { .. }
        | Hold::Blocked { .. }
        | Hold::EscapeSent { .. }
        | Hold::LauncherFailed { .. }
        | Hold::CannotStart { .. }
        | Hold::SecondLook
        | Hold::ServerLosses { .. }
        | Hold::NotDurable
        | Hold::EmptyTown
        | Hold::ManifestChanging => None,
    }
}

fn both_names(from: &SessionName) -> String {
    format!(
        "{from} still exists beside it: end one of them with `tmux kill-session`, or remove {from} from `moved`"
    )
}

fn former_name_taken(from: &SessionName) -> String {
    format!(
        "{from} exists and is not gtctl's: rename it with `tmux rename-session`, end it, or remove {from} from `moved`"
    )
}

/// Shells that may be idle.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh"];

/// What to type for one session.
const TAKE_ITS_PLACE: &str =
    "; if that shell is idle, `gtctl adopt --replace` with the session's name replaces it";

/// What holds a step back, without its time.
#[must_use]
pub fn obstacle(hold: &Hold) -> String {
    match hold {
        Hold::BackOff { crashes: 0, .. } => "back-off after a clean exit".to_owned(),
        Hold::BackOff { crashes, .. } => format!("back-off after crash {crashes}"),
        Hold::CrashLoop {
            crashes, window, ..
        } => {
            format!("crash loop: {crashes} crashes within {}", brief(*window))
        }
        Hold::HandoffGap { since, gap } => {
            format!(
                "last planned restart {} ago, handoff gap {}",
                brief(*since),
                brief(*gap)
            )
        }
        Hold::Attached { clients: 1 } => "somebody is attached".to_owned(),
        Hold::Attached { clients } => format!("{clients} clients are attached"),
        Hold::OwnSession => "gtctl itself runs in this session".to_owned(),
        Hold::Wave { wave, waiting_for } => {
            format!("wave {wave} starts first: {waiting_for} is not ready")
        }
        Hold::After { waiting_for, why } => after(waiting_for, why),
        Hold::ConcurrentStarts { starting, allowed } => {
            format!("{starting} are starting, at most {allowed} at once")
        }
        Hold::StartBudget { used, allowed } => {
            format!("{used} of {allowed} starts in ten minutes used up")
        }
        Hold::Rolling {
            unavailable,
            allowed,
            waiting_for,
        } => {
            format!(
                "rolling restart: {waiting_for} is not ready ({unavailable} down, at most {allowed})"
            )
        }
        Hold::RollStopped { failed } => {
            format!("rolling restart stopped: {failed} did not become ready")
        }
        Hold::Failed { said, times: 1 } => format!("failed: {}", said_by(said)),
        Hold::Failed { said, times } => format!("failed {times} times: {}", said_by(said)),
        Hold::MassGuard { kills, town } => {
            format!("would end {kills} of {} at once", sessions(*town))
        }
        Hold::ClockJump { cycles } => {
            format!(
                "the clock jumped: no session is ended for {}",
                looks(*cycles)
            )
        }
        Hold::Draining { quiet } => {
            format!("it is still busy, quiet for {}", brief(*quiet))
        }
        Hold::Stopping { grace } => format!("stop requested, it has {} to exit", brief(*grace)),
        Hold::NameTaken { process } => {
            let replace = if SHELLS.contains(&process.as_str()) {
                TAKE_ITS_PLACE
            } else {
                ""
            };
            format!(
                "an unlabelled session with this name runs {}{replace}",
                word(process)
            )
        }
        Hold::LabelUnproved { flaw, process } => unproved(*flaw, process),
        Hold::BothNames { from } => both_names(from),
        Hold::FormerNameTaken { from } => former_name_taken(from),
        Hold::MovedOut { pid, into } => {
            format!(
                "its agent (process {pid}) runs in a pane that was moved to session {}: move the pane back, or end the agent",
                word(into)
            )
        }
        Hold::ForeignTown { town } => format!("a session of town {} has this name", word(town)),
        Hold::Blocked {
            kind,
            agent,
            evidence,
            fix,
        } => blocked(*kind, agent, evidence, fix.as_deref()),
        Hold::EscapeSent { waited } => {
            format!("Escape was sent {} ago", brief(*waited))
        }
        Hold::LauncherFailed { said } => said_by(said),
        Hold::CannotStart { why, awaited: _ } => format!("cannot start: {}", said_by(why)),
        Hold::SecondLook => "a second check must agree".to_owned(),
        Hold::Paused => "the town is paused".to_owned(),
        Hold::Gastown(hold) => gastown_obstacle(hold),
        Hold::ServerLosses { losses } => {
            format!("the tmux server was lost {losses} times in ten minutes")
        }
        Hold::NotDurable => "the state directory cannot be written".to_owned(),
        Hold::EmptyTown => "a manifest without sessions expires nothing".to_owned(),
        Hold::ManifestChanging => {
            "the manifest has just changed and is read again in a moment".to_owned()
        }
    }
}

/// Why gtctl does not trust a label, and what a person can do about it.
fn unproved(flaw: Flaw, process: &str) -> String {
    let what = match flaw {
        Flaw::Garbled => "cannot be read",
        Flaw::Copied => "is a copy of another session's",
        Flaw::Replaced => "belongs to another process than the one that runs now",
    };
    let process = word(process);
    let fix = "remove it with `tmux set-option -u -t =NAME: @gtctl_label`";
    let wide = "(set for all sessions: `tmux set-option -gu @gtctl_label`, or `-su`)";
    format!("it runs {process}, but its label {what}: {fix} {wide}")
}

/// The sessions that a session waits for, and what a person can do about it.
fn after(other: &SessionName, why: &NotReady) -> String {
    match why {
        NotReady::Coming => format!("{other} is not ready yet"),
        NotReady::Runs => format!("{other} has not completed yet"),
        NotReady::Failed { death: Some(death) } => {
            format!("{other} failed ({death}): fix it, then `gtctl start {other}`")
        }
        NotReady::Failed { death: None } => {
            format!("{other} ended before it completed: `gtctl start {other}` runs it again")
        }
        NotReady::OffSchedule => format!("{other} is off by its schedule"),
        NotReady::Disabled => {
            format!("{other} is disabled: remove `enabled = false`, or remove it from `after`")
        }
        NotReady::Stopped => format!("{other} is stopped: `gtctl start {other}` starts it"),
        NotReady::Unknown => format!("the state of {other} could not be determined"),
        NotReady::Undeclared => {
            format!("{other} is not declared: declare it, or remove it from `after`")
        }
        NotReady::Held(hold) => format!(
            "{other} is waiting too: {}{}",
            obstacle(hold),
            lifted(other, hold)
        ),
        NotReady::Late {
            milestone,
            within,
            why,
        } => late(other, *milestone, *within, why),
    }
}

/// What lifts the hold of a session that others wait for, unless its own words say so.
fn lifted(other: &SessionName, hold: &Hold) -> String {
    if matches!(hold, Hold::CrashLoop { .. }) {
        format!("; `gtctl reset {other}` tries again now")
    } else {
        String::new()
    }
}

/// Says that a session was not ready in time for another one, why, and what to type.
fn late(other: &SessionName, milestone: Milestone, within: Period, why: &NotReady) -> String {
    let (within, yet) = match milestone {
        Milestone::Started => (brief(within), "has not started"),
        Milestone::Ready => (brief(within), "is not ready"),
        Milestone::Completed => (brief(within), "has not completed"),
    };
    let why = match why {
        NotReady::Held(hold) => format!(
            " because it is waiting itself: {}{}",
            obstacle(hold),
            lifted(other, hold)
        ),
        NotReady::Unknown => "; its state could not be determined".to_owned(),
        NotReady::Coming
        | NotReady::Runs
        | NotReady::Failed { .. }
        | NotReady::Stopped
        | NotReady::Disabled
        | NotReady::OffSchedule
        | NotReady::Undeclared
        | NotReady::Late { .. } => {
            format!(": see `gtctl explain {other}`, or try `gtctl restart {other}`")
        }
    };
    format!("{other} {yet} after {within}{why}")
}

fn sessions(n: u32) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "session")
}

fn looks(n: u32) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "check")
}
