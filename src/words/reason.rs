//! Why a session is started, restarted or expired, as a sentence without an end.

use super::{brief, bytes, fleet, said_by, shell, tokens, word};
use crate::model::{Block, ContextLimit, Death, Period, Reason, ReasonCode};

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

fn context_near_full(used: u64, limit: ContextLimit) -> String {
    match limit {
        ContextLimit::Percent(limit) => format!("its context is {used}% full, limit {limit}%"),
        ContextLimit::Tokens(limit) => {
            let (used, limit) = (tokens(used), tokens(limit));
            format!("its context holds {used} tokens, limit {limit}")
        }
    }
}

/// What blocks an agent's sessions, and what a person can do about it.
pub(super) fn blocked(kind: Block, agent: &str, evidence: &str, fix: Option<&str>) -> String {
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
