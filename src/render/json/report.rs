//! The page of `report` for programs.

use super::VERSION;
use crate::model::SortedMap;
use crate::render::report::PeriodReport;
use crate::render::sanitise;
use crate::timeline::{LINGERING, Shade, Track};
use jiff::Timestamp;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// The longest text from outside, in characters.
const LONG: usize = 400;

/// `gtctl report -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReportPage {
    /// The version of this shape.
    pub version: u32,
    /// `report`.
    pub kind: String,
    /// The town.
    pub town: String,
    /// When the period began, RFC 3339.
    pub from: String,
    /// When it ended, RFC 3339.
    pub to: String,
    /// The part of the time in which sessions should have lived and did, from 0 to 1. Null where
    /// none should have.
    pub availability: Option<f64>,
    /// The restarts, by the code of their reason.
    pub restarts: SortedMap<String, u64>,
    /// How often a dead session ran again.
    pub recoveries: u64,
    /// The time that half of them needed at most.
    pub recovery_p50_ms: u64,
    /// The time that 99 of 100 needed at most.
    pub recovery_p99_ms: u64,
    /// The time of all sessions together in each kind: `working`, `idle`, `waiting`, `blocked`,
    /// `dead`, `off` (at rest) and `unknown`.
    pub spent_ms: SortedMap<String, u64>,
    /// For how long expired sessions would else have stood idle.
    pub saved_by_expiry_ms: u64,
    /// The age until which each of them is assumed to have idled.
    pub assumed_lingering_ms: u64,
    /// What the living sessions have cost: hours × `cost_per_hour` of their agents. Null where no
    /// agent has one.
    pub cost: Option<f64>,
    /// The sessions.
    pub sessions: Vec<ReportSession>,
}

/// One session over the period.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReportSession {
    /// The session's name.
    pub session: String,
    /// What it was, in order, without gaps.
    pub spans: Vec<ReportSpan>,
    /// Its restarts, in order.
    pub restarts: Vec<ReportRestart>,
}

/// A piece of time.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReportSpan {
    /// When it began, RFC 3339.
    pub from: String,
    /// How long it was.
    pub length_ms: u64,
    /// `working`, `idle`, `waiting`, `blocked`, `dead`, `off` or `unknown`.
    pub kind: String,
    /// The phase, with why and how it ended. Its words may change.
    pub cause: String,
}

/// A restart.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReportRestart {
    /// When, RFC 3339.
    pub at: String,
    /// The code of its reason.
    pub reason: String,
    /// Who caused it, as in the journal.
    pub actor: String,
}

/// The page.
#[must_use]
pub fn report(report: &PeriodReport<'_>) -> ReportPage {
    let numbers = report.numbers;
    let spent = |(shade, spent): (&Shade, &u64)| (shade.word().to_owned(), *spent);
    ReportPage {
        version: VERSION,
        kind: "report".to_owned(),
        town: report.town.to_string(),
        from: time(report.window.from),
        to: time(report.window.to),
        availability: numbers.availability().map(of_millionths),
        restarts: numbers.restarts.clone(),
        recoveries: numbers.recovery.count,
        recovery_p50_ms: numbers.recovery.p50,
        recovery_p99_ms: numbers.recovery.p99,
        spent_ms: numbers.spent.iter().map(spent).collect(),
        saved_by_expiry_ms: numbers.saved,
        assumed_lingering_ms: LINGERING.millis(),
        cost: report.cost.map(of_millionths),
        sessions: report
            .tracks
            .iter()
            .map(|(name, track)| session(name.as_str(), track))
            .collect(),
    }
}

fn session(name: &str, track: &Track) -> ReportSession {
    let spans = track.spans.iter().map(|span| ReportSpan {
        from: time(span.from),
        length_ms: span.millis(),
        kind: span.shade.word().to_owned(),
        cause: sanitise::line(&span.cause, LONG),
    });
    let restarts = track.ticks.iter().map(|tick| ReportRestart {
        at: time(tick.at),
        reason: sanitise::line(&tick.reason, LONG),
        actor: sanitise::line(&tick.actor, LONG),
    });
    ReportSession {
        session: name.to_owned(),
        spans: spans.collect(),
        restarts: restarts.collect(),
    }
}

fn time(at: i64) -> String {
    let at = Timestamp::from_millisecond(at);
    at.unwrap_or(Timestamp::MAX).to_string()
}

/// Whole numbers as large as these are exact as floats.
#[expect(
    clippy::cast_precision_loss,
    reason = "millionths below 2^53 are exact, and larger ones are no money that anybody counts"
)]
fn of_millionths(n: u64) -> f64 {
    n as f64 / 1_000_000.0
}
