//! Sentences for reasons, holds and phases. Each is sanitised and on one line.
//!
//! Pages, the journal and notifications all take their words from here, so that one thing has one
//! name wherever it is read. What comes from outside (screens, process names, complaints of tmux)
//! goes through [`sanitise`].

mod cause;
mod fleet;
mod gastown;
pub mod sanitise;

pub use cause::{cause, chain, how_it_ended};
pub use fleet::{host_lack, place_reason};
pub use gastown::obstacle as gastown_obstacle;

use crate::model::{
    Action, Asks, Block, ContextLimit, Conversation, Death, Desired, Flaw, Hold, Milestone, Moment,
    Next, NotReady, Period, Phase, Reason, ReasonCode, SessionName, Socket, Verb, shell_word,
};
use jiff::Timestamp;
use jiff::tz::{Offset, TimeZone};

/// The longest word from outside within a sentence, in characters.
const WORD: usize = 60;
/// The longest complaint from outside within a sentence, in characters.
const SAID: usize = 400;

/// The time now, and the local clock's offset from UTC.
#[derive(Debug, Clone, Copy)]
pub struct Clock {
    /// Now.
    pub now: Moment,
    /// Seconds east of UTC.
    pub offset_seconds: i32,
}

impl Clock {
    /// A moment by the local clock: `14:05:10`, or `Nov 22 14:05 +01:00` on another day, unless
    /// that is within the hour.
    #[must_use]
    pub fn time(&self, at: Moment) -> String {
        let ahead = self.now.until(&at);
        let wall = if ahead.is_zero() {
            at.wall
        } else {
            self.now.plus(ahead).wall
        };
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        // Rounded to the nearest second, so that a jitter of one millisecond does not show as a
        // second.
        let local_at = |ms: i64| {
            let rounded = Timestamp::from_millisecond(ms.saturating_add(500));
            let zone = TimeZone::fixed(offset);
            rounded.unwrap_or(Timestamp::MAX).to_zoned(zone)
        };
        let local = local_at(wall);
        let near = wall.abs_diff(self.now.wall) < Period::from_hours(1).millis();
        let far = !near && local.date() != local_at(self.now.wall).date();
        local
            .strftime(if far { "%b %d %H:%M %:z" } else { "%H:%M:%S" })
            .to_string()
    }

    /// A moment of any day by the local clock, with its zone: `2026-11-29 14:05:10 +01:00`.
    #[must_use]
    pub fn stamp(&self, at: Timestamp) -> String {
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        let local = at.to_zoned(TimeZone::fixed(offset));
        local.strftime("%Y-%m-%d %H:%M:%S %:z").to_string()
    }

    /// The hour and the minute of a moment by the local clock: `14:05`.
    #[must_use]
    pub fn hour(&self, at: Moment) -> String {
        let offset = Offset::from_seconds(self.offset_seconds).unwrap_or(Offset::UTC);
        let at = Timestamp::from_millisecond(at.wall).unwrap_or(Timestamp::MAX);
        let local = at.to_zoned(TimeZone::fixed(offset));
        local.strftime("%H:%M").to_string()
    }

    /// `until 14:05:10 (in 8s)`, or `until the next check` when it has come.
    #[must_use]
    pub fn until(&self, at: Moment) -> String {
        let ahead = self.now.until(&at);
        if ahead.is_zero() {
            return "until the next check".to_owned();
        }
        format!("until {} (in {})", self.time(at), brief(ahead))
    }
}

/// A period in at most two units, rounded down: `8s`, `72m`, `3h 20m`, `2d 4h`.
#[must_use]
pub fn brief(period: Period) -> String {
    let seconds = period.millis() / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (seconds, minutes, hours) {
        (0, ..) if !period.is_zero() => format!("{}ms", period.millis()),
        (0..120, ..) => format!("{seconds}s"),
        (_, 0..120, _) => format!("{minutes}m"),
        (.., 0..48) => two(hours, "h", minutes % 60, "m"),
        _ => two(hours / 24, "d", hours % 24, "h"),
    }
}

fn two(large: u64, large_unit: &str, small: u64, small_unit: &str) -> String {
    if small == 0 {
        format!("{large}{large_unit}")
    } else {
        format!("{large}{large_unit} {small}{small_unit}")
    }
}

/// Bytes in at most four figures: `812K`, `1.4G`.
#[must_use]
pub fn bytes(n: u64) -> String {
    let mut tenths = n.saturating_mul(10) / 1024;
    for unit in ["K", "M", "G"] {
        match tenths {
            0..100 if !tenths.is_multiple_of(10) => {
                return format!("{}.{}{unit}", tenths / 10, tenths % 10);
            }
            0..10240 => return format!("{}{unit}", tenths / 10),
            _ => tenths /= 1024,
        }
    }
    format!("{}T", tenths / 10)
}

/// A number of tokens in at most four figures: `812`, `1.2K`, `45K`, `1.2M`.
#[must_use]
pub fn tokens(n: u64) -> String {
    if n < 1000 {
        return n.to_string();
    }
    let mut tenths = n / 100;
    for unit in ["K", "M"] {
        match tenths {
            0..100 if !tenths.is_multiple_of(10) => {
                return format!("{}.{}{unit}", tenths / 10, tenths % 10);
            }
            0..10_000 => return format!("{}{unit}", tenths / 10),
            _ => tenths /= 1000,
        }
    }
    format!("{}G", tenths / 10)
}

/// `1 session`, `2 sessions`.
#[must_use]
pub fn count(n: usize, noun: &str) -> String {
    if n == 1 {
        format!("1 {noun}")
    } else {
        format!("{n} {noun}s")
    }
}

/// Why, as a sentence without an end.
#[must_use]
pub fn reason(reason: &Reason) -> String {
    match reason {
        Reason::Missing { last: None } => "not there".to_owned(),
        Reason::Missing { last: Some(death) } => absent_since(*death),
        Reason::Died { death, crashes: 0 } => ended(*death),
        Reason::Died { death, crashes } => format!("{}, crash {crashes}", ended(*death)),
        Reason::Completed { death } => format!("completed: {death}"),
        Reason::Marked { marker, quiet } => {
            format!("printed \"{}\", quiet for {}", word(marker), brief(*quiet))
        }
        Reason::TurnEnded { by, event, quiet } => {
            let told = format!("{} {}", by.word(), word(event));
            format!("its turn ended ({told}), quiet for {}", brief(*quiet))
        }
        Reason::MarkedFailed { marker: _, line } => format!("reports failure: {}", word(line)),
        Reason::TooOld { age, limit } => format!("{} old, limit {}", brief(*age), brief(*limit)),
        Reason::TooQuiet { quiet, limit } => {
            format!("quiet for {}, limit {}", brief(*quiet), brief(*limit))
        }
        Reason::Stuck { frozen, limit } => {
            let (frozen, limit) = (brief(*frozen), brief(*limit));
            format!("looks busy, but nothing has moved for {frozen}, limit {limit}")
        }
        Reason::TooLarge { used, limit } => {
            format!("uses {} of memory, limit {}", bytes(*used), bytes(*limit))
        }
        Reason::TooManyTokens { used, limit } => {
            let (used, limit) = (tokens(*used), tokens(*limit));
            format!("has used {used} tokens, limit {limit}")
        }
        Reason::ContextNearFull { used, limit } => context_near_full(*used, *limit),
        Reason::FailedStart { after, crashes } => {
            let seconds = Period::from_secs(after.millis().div_ceil(1000).max(1));
            format!(
                "exited 0 within {} of its start: counts as a failed start, crash {crashes}",
                brief(seconds)
            )
        }
        Reason::SignedIn { agent } => format!(
            "its screen shows a sign-out, but {} is signed in again",
            word(agent)
        ),
        Reason::AnswerDeclared { question, answer } => format!(
            "asks `{}`; the manifest answers `{}`",
            word(question),
            word(answer)
        ),
        Reason::LimitOver { over } => format!("its usage limit ended {} ago", brief(*over)),
        Reason::Blocked {
            kind,
            agent,
            evidence,
            fix,
        } => blocked(*kind, agent, evidence, fix.as_deref()),
        Reason::Upgraded { process } => {
            format!("runs an old {}: its program was replaced", word(process))
        }
        Reason::Drifted { fields, .. } => {
            format!("differs from the manifest in {}", fields.join(", "))
        }
        Reason::Adoptable { process } => {
            format!("runs {} as declared, has no label", word(process))
        }
        Reason::Covered { policy } => format!("started by others, policy {}", word(policy)),
        Reason::Uncovered => {
            "started by others, and no policy matches it any more: released".to_owned()
        }
        Reason::NameChanged { from } => {
            format!("its name was {from}; its process goes on")
        }
        Reason::Orphaned => "no longer declared".to_owned(),
        Reason::Disabled => "disabled in the manifest".to_owned(),
        Reason::OffSchedule { until, zone } => off_schedule(until.as_deref(), zone),
        Reason::LeavesHost { why } => format!("leaves this host: {}", fleet::leave(*why)),
        Reason::DeclaredElsewhere { host } => {
            format!("declared for host {}: it is left alone here", word(host))
        }
        Reason::Asked => "asked for by hand".to_owned(),
        Reason::UnderWay {
            argvs,
            waited,
            limit,
        } => under_way(argvs, *waited, *limit),
        Reason::NotStarted { said, crashes } => {
            format!("could not be started, try {crashes}: {}", said_by(said))
        }
        Reason::StopBegun { waited, purpose } => {
            format!(
                "stop requested {} ago ({})",
                brief(*waited),
                word(purpose.as_str())
            )
        }
    }
}

fn under_way(argvs: &[Vec<String>], waited: Period, limit: Period) -> String {
    let argvs: Vec<String> = argvs.iter().map(|argv| shell(argv)).collect();
    let (argvs, waited, limit) = (argvs.join("; "), brief(waited), brief(limit));
    format!("`{argvs}` has run for {waited}, at most {limit}")
}

fn off_schedule(until: Option<&str>, zone: &str) -> String {
    match until {
        Some(until) => format!("off until {} ({})", word(until), word(zone)),
        None => "off by its schedule".to_owned(),
    }
}

/// The same without a launcher's command and output, which the page shows in whole beside it.
#[must_use]
pub fn reason_in_brief(reason: &Reason) -> String {
    match reason {
        Reason::UnderWay {
            argvs: _,
            waited,
            limit,
        } => {
            format!("running for {}, at most {}", brief(*waited), brief(*limit))
        }
        Reason::NotStarted { said: _, crashes } => format!("could not be started, try {crashes}"),
        other => self::reason(other),
    }
}

fn absent_since(death: Death) -> String {
    match death {
        Death::Vanished => "not there: somebody else removed it".to_owned(),
        Death::ServerLost => "not there: lost with the tmux server".to_owned(),
        Death::NeverStarted => "not there: could not be started".to_owned(),
        Death::Exit(_) | Death::Signal(_) | Death::StatusLost | Death::NoAgent => {
            format!("not there; last run: {death}")
        }
    }
}

fn ended(death: Death) -> String {
    match death {
        Death::Exit(_) | Death::Signal(_) => format!("ended: {death}"),
        Death::StatusLost
        | Death::Vanished
        | Death::ServerLost
        | Death::NoAgent
        | Death::NeverStarted => death.to_string(),
    }
}

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

/// What time will bring: `restart at 14:05:10, at max age`.
#[must_use]
pub fn next(next: &Next, clock: &Clock) -> String {
    let why = match due(next.reason) {
        "" => String::new(),
        why => format!(", {why}"),
    };
    format!("{} at {}{why}", verb(next.verb), clock.time(next.at))
}

fn context_near_full(used: u64, limit: ContextLimit) -> String {
    match limit {
        ContextLimit::Percent(limit) => format!("its context is {used}% full, limit {limit}%"),
        ContextLimit::Tokens(limit) => {
            let (used, limit) = (tokens(used), tokens(limit));
            format!("its context holds {used} tokens, limit {limit}")
        }
    }
}

/// Why a step becomes due by time alone. Empty where the time says enough.
#[must_use]
pub fn due(code: ReasonCode) -> &'static str {
    match code {
        ReasonCode::TooOld => "at max age",
        ReasonCode::OffSchedule => "by its schedule",
        ReasonCode::TooQuiet => "if still idle",
        ReasonCode::Marked => "completed",
        ReasonCode::TurnEnded => "if its turn is over",
        ReasonCode::AnswerDeclared => "if it still asks",
        ReasonCode::LimitOver => "if it has not gone on by itself",
        ReasonCode::Missing
        | ReasonCode::Died
        | ReasonCode::Completed
        | ReasonCode::MarkedFailed
        | ReasonCode::Stuck
        | ReasonCode::TooLarge
        | ReasonCode::TooManyTokens
        | ReasonCode::ContextNearFull
        | ReasonCode::FailedStart
        | ReasonCode::SignedIn
        | ReasonCode::Blocked
        | ReasonCode::Drifted
        | ReasonCode::Upgraded
        | ReasonCode::Adoptable
        | ReasonCode::Covered
        | ReasonCode::Uncovered
        | ReasonCode::NameChanged
        | ReasonCode::Orphaned
        | ReasonCode::Disabled
        | ReasonCode::LeavesHost
        | ReasonCode::DeclaredElsewhere
        | ReasonCode::Asked
        | ReasonCode::UnderWay
        | ReasonCode::NotStarted
        | ReasonCode::StopBegun => "",
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

/// What blocks an agent's sessions, and what a person can do about it.
fn blocked(kind: Block, agent: &str, evidence: &str, fix: Option<&str>) -> String {
    let what = match kind {
        Block::Auth => "is signed out",
        Block::Limit => "is at its usage limit",
        Block::Context => "has a full context",
    };
    let mut text = format!("{} {what}", word(agent));
    // What a client draws before its own words says nothing.
    let evidence = evidence.trim_start_matches(|c: char| "⎿●✻❯".contains(c) || c.is_whitespace());
    if !evidence.is_empty() {
        text = format!("{text} ({})", word(evidence));
    }
    match fix {
        Some(fix) => format!("{text}: {}", word(fix)),
        None => text,
    }
}

fn sessions(n: u32) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "session")
}

fn looks(n: u32) -> String {
    count(usize::try_from(n).unwrap_or(usize::MAX), "check")
}

/// Whether a new process resumes a conversation: ` (resumes 4f1c9a2e…)`, ` (fresh)`, or nothing
/// where resume does not apply.
#[must_use]
pub fn conversation(action: &Action) -> String {
    match (action, action.conversation()) {
        (_, Some(Conversation::Resume(id))) => format!(" (resumes {})", id.short()),
        (_, Some(Conversation::AsDeclared)) => " (without what gtctl adds)".to_owned(),
        (Action::Restart { desired, .. }, Some(Conversation::Begin(_) | Conversation::Unnamed))
            if !desired.agent.resume.is_empty() && desired.commands().is_none() =>
        {
            " (fresh)".to_owned()
        }
        (_, _) => String::new(),
    }
}

/// The phase of a session, with its exit where it has ended.
#[must_use]
pub fn phase(phase: Phase) -> String {
    match phase {
        Phase::Dead(death) => format!("dead: {death}"),
        Phase::Completed(Some(death)) if !death.is_clean() => format!("completed: {death}"),
        Phase::Waiting(Asks::Permission) => "waiting: asks permission".to_owned(),
        Phase::Waiting(Asks::Trust) => "waiting: asks for trust".to_owned(),
        Phase::Blocked(block) => format!("blocked: {}", block.code()),
        Phase::Completed(_)
        | Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown => phase.word().to_owned(),
        Phase::Foreign => "not managed yet".to_owned(),
    }
}

/// One word for a step. It is JSON's word unless people need a plainer one.
#[must_use]
pub fn verb(verb: Verb) -> &'static str {
    match verb {
        Verb::SendEscape => "escape",
        other => other.word(),
    }
}

/// One word for a phase. It is JSON's word unless people need a plainer one.
#[must_use]
pub fn phase_word(phase: Phase) -> &'static str {
    match phase {
        Phase::Foreign => "unmanaged",
        other => other.word(),
    }
}

/// The output of a launcher's command, at full length.
fn said_by(text: &str) -> String {
    sanitise::line(text, SAID)
}

fn word(text: &str) -> String {
    sanitise::line(text, WORD)
}

/// The tmux command for this server.
#[must_use]
pub fn tmux(socket: &Socket) -> String {
    let flags = match socket {
        // Only a look tells which server it is.
        Socket::Default | Socket::Gastown => return "tmux".to_owned(),
        Socket::Name(name) => ["-L".to_owned(), name.clone()],
        Socket::Path(path) => ["-S".to_owned(), path.to_string_lossy().into_owned()],
    };
    format!("tmux {}", shell(&flags))
}

/// The file that is written into a session's directory before it starts, if any.
#[must_use]
pub fn writes(desired: &Desired) -> Option<String> {
    let (file, source) = (desired.instructed()?, desired.instructions.as_ref()?);
    let source = source.file_name().unwrap_or_default().to_string_lossy();
    Some(sanitise::line(
        &format!(
            "writes {} from {source}, unless it was edited",
            file.display()
        ),
        4096,
    ))
}

/// An argv for a shell. Every word with a special character is in single quotes.
#[must_use]
pub fn shell(argv: &[String]) -> String {
    let quoted: Vec<String> = argv
        .iter()
        .map(|word| shell_word(&sanitise::line(word, 4096)))
        .collect();
    quoted.join(" ")
}

#[cfg(test)]
pub(crate) mod tests;
