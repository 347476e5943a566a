//! One session, as pages for programs have it.

use super::lines::{held, next, reason, step};
use super::shape::{HeldLine, NextLine, StepLine, Why};
use super::{clean, time};
use crate::model::{Content, Death, Moment, Period, Phase, TokenUsage};
use crate::render::view::{Books, Event, LastExit, Row};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// One session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct SessionLine {
    /// Its name.
    pub session: String,
    /// Its role; null if the manifest does not declare it any more.
    pub role: Option<String>,
    /// The rig that it works in, if any.
    pub rig: Option<String>,
    /// What it is: `absent`, `starting`, `working`, `idle`, `waiting`, `blocked`, `completed`,
    /// `dead`, `stopping`, `stopped`, `unknown` or `foreign`.
    pub phase: String,
    /// Why its readiness probe has not passed yet, while it is `starting`.
    pub not_ready: Option<String>,
    /// How its last process ended, if it has.
    pub death: Option<String>,
    /// How its last run ended: the present process if it has ended, else the one before; null until
    /// one has.
    pub last_exit: Option<LastExitLine>,
    /// Crashes in a row, as far as they count for the delay of the next start.
    pub crashes: usize,
    /// The process id of its pane's process, while that lives.
    pub pid: Option<u32>,
    /// When its process was started, RFC 3339 in UTC; null if none lives.
    pub started_at: Option<String>,
    /// How long the session has been in this phase, if known.
    pub since_ms: Option<u64>,
    /// Time since its process was started, without time in suspend.
    pub age_ms: Option<u64>,
    /// How long nothing has changed on its screen.
    pub idle_ms: Option<u64>,
    /// How long its window has had no output, to the second.
    pub output_ms: Option<u64>,
    /// What its screen shows, once gtctl has read it.
    pub screen: Option<ScreenLine>,
    /// How often it was started after its first start.
    pub restarts: u32,
    /// How many clients are attached.
    pub attached: u32,
    /// CPU time of its process tree.
    pub cpu_ms: Option<u64>,
    /// How much of one processor its process tree has used since the last look, in percent; null
    /// after a single look. `status --watch` looks once a second.
    pub cpu_percent: Option<u64>,
    /// Resident memory of its process tree.
    pub rss_bytes: Option<u64>,
    /// How many processes its tree has.
    pub processes: Option<u32>,
    /// The tokens of its conversation; null where its client does not tell.
    pub usage: Option<UsageLine>,
    /// The tokens that its run has used, in all its conversations; null where its client does not
    /// tell. Of a resumed conversation only those of this run count.
    pub run_tokens: Option<u64>,
    /// The path of its newest log.
    pub log: Option<String>,
    /// What comes next, or why nothing does.
    pub event: Option<EventLine>,
}

/// How a process ended.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct LastExitLine {
    /// The exit status; null if it did not exit by itself, or nobody knows.
    pub code: Option<i32>,
    /// The signal that ended it; null if none did, or nobody knows.
    pub signal: Option<i32>,
    /// When it ended, or when its end was first seen, RFC 3339 in UTC; null if nobody knows.
    pub at: Option<String>,
    /// A sentence for people. Its words may change.
    pub message: String,
}

/// The tokens of one conversation, as its client has written them down. The four counts exclude
/// each other. They include what was used before the conversation was resumed.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct UsageLine {
    /// Tokens that the model has read anew.
    pub input_tokens: u64,
    /// Tokens that the model has written.
    pub output_tokens: u64,
    /// Tokens that the model has read from its cache.
    pub cache_read_tokens: u64,
    /// Tokens that were put into the cache; 0 where the client does not tell.
    pub cache_write_tokens: u64,
    /// The tokens of the last request with its answer: so much of the context is in use.
    pub context_tokens: u64,
    /// How much of the context is in use, in whole percent; null where the client does not tell how
    /// large it is. Only codex does.
    pub context_used: Option<u64>,
}

/// What a session's screen shows.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ScreenLine {
    /// `ready`, `busy`, `retrying`, `asks-permission`, `asks-trust`, `auth`, `limit`, `context` or
    /// `unclear`.
    pub state: String,
    /// Whether two checks agree on it.
    pub agreed: bool,
    /// How long the screen has shown this.
    pub since_ms: u64,
    /// The line or the pane title that shows it; empty if nothing was recognised.
    pub evidence: String,
    /// Where gtctl read it: `text` or `title`.
    pub by: String,
    /// The state that the other of the two shows, if it is a different one.
    pub against: Option<String>,
}

/// What the plan has for a session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum EventLine {
    /// A step is taken now.
    Step(StepLine),
    /// A step waits.
    Held(HeldLine),
    /// There is a remark.
    Note(Why),
    /// A step becomes due later.
    Next(NextLine),
}

/// A session and what the plan has for it.
pub(super) fn line(row: &Row<'_>, books: &Books, now: Moment) -> SessionLine {
    let death: Option<Death> = match row.phase {
        Phase::Dead(death) => Some(death),
        Phase::Completed(death) => death,
        Phase::Absent
        | Phase::Starting
        | Phase::Working
        | Phase::Background
        | Phase::Idle
        | Phase::Waiting(_)
        | Phase::Blocked(_)
        | Phase::Stopping
        | Phase::Stopped
        | Phase::Unknown
        | Phase::Foreign => None,
    };
    SessionLine {
        session: row.session.to_string(),
        phase: row.phase.word().to_owned(),
        not_ready: row.not_ready.map(clean),
        death: death.map(|d| d.to_string()),
        since_ms: row.since.map(Period::millis),
        age_ms: row.age.map(Period::millis),
        idle_ms: row.idle.map(Period::millis),
        output_ms: row.output.map(Period::millis),
        role: row.role.map(clean),
        rig: row.rig.map(clean),
        pid: row.pid,
        started_at: row.started.map(|at| time(at, now)),
        last_exit: row.last_exit.map(|exit| last_exit(exit, now)),
        crashes: row.crashes,
        screen: row.content.map(|content| screen_line(content, now)),
        restarts: row.restarts,
        attached: row.attached,
        cpu_ms: row.usage.map(|u| u.cpu_ms),
        cpu_percent: books.cpu.get(row.session).copied(),
        rss_bytes: row.usage.map(|u| u.rss),
        processes: row.usage.map(|u| u.processes),
        usage: row.tokens().map(usage),
        run_tokens: row.run_tokens,
        log: books.logs.get(row.session).map(|path| clean(path)),
        event: event(&row.event, now),
    }
}

fn last_exit(exit: LastExit, now: Moment) -> LastExitLine {
    let LastExit { death, at } = exit;
    let (code, signal) = match death {
        Death::Exit(code) => (Some(code), None),
        Death::Signal(signal) => (None, Some(signal)),
        Death::StatusLost
        | Death::Vanished
        | Death::ServerLost
        | Death::NoAgent
        | Death::NeverStarted => (None, None),
    };
    LastExitLine {
        code,
        signal,
        at: at.map(|at| time(at, now)),
        message: death.to_string(),
    }
}

fn usage(usage: TokenUsage) -> UsageLine {
    UsageLine {
        input_tokens: usage.input,
        output_tokens: usage.output,
        cache_read_tokens: usage.cache_read,
        cache_write_tokens: usage.cache_write,
        context_tokens: usage.context,
        context_used: usage.context_percent(),
    }
}

fn event(event: &Event<'_>, now: Moment) -> Option<EventLine> {
    match event {
        Event::Step(s) => Some(EventLine::Step(step(s))),
        Event::Held(h) => Some(EventLine::Held(held(h, now))),
        Event::Note(note) => Some(EventLine::Note(reason(note))),
        Event::Next(n) => Some(EventLine::Next(next(n, now))),
        Event::Nothing => None,
    }
}

/// What a session's screen shows.
pub(in crate::render) fn screen_line(content: &Content, now: Moment) -> ScreenLine {
    ScreenLine {
        state: content.state.code().to_owned(),
        agreed: content.is_agreed(),
        since_ms: now.since(&content.state_since).millis(),
        evidence: clean(&content.evidence),
        by: content.told.by.word().to_owned(),
        against: content
            .told
            .against
            .map(|against| against.code().to_owned()),
    }
}
