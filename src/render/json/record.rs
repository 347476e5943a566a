//! Records and replays, for programs.

use super::{VERSION, clean, time};
use crate::model::{Moment, SessionName};
use crate::record::{Decision, Replay, Resolve};
use crate::store::RecordPart;
use jiff::Timestamp;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use std::path::Path;

/// `gtctl record -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RecordPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `record`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// When this was asked, RFC 3339 in UTC.
    pub observed_at: String,
    /// The folder of the record.
    pub folder: String,
    /// The size of all files in bytes.
    pub bytes: u64,
    /// The files, oldest first.
    pub files: Vec<RecordLine>,
}

/// One file of a record.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct RecordLine {
    /// Its path.
    pub path: String,
    /// When it begins, RFC 3339 in UTC.
    pub from: String,
    /// Its size in bytes.
    pub bytes: u64,
}

/// `gtctl replay -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReplayPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `replay`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The first check, RFC 3339 in UTC.
    pub from: String,
    /// The last check, RFC 3339 in UTC.
    pub to: String,
    /// How many checks there are.
    pub checks: u64,
    /// How many of them decide the same.
    pub same: u64,
    /// A digest of the recorded decisions.
    pub recorded_digest: String,
    /// A digest of the decisions of this manifest.
    pub replayed_digest: String,
    /// Where the two differ, in order.
    pub differences: Vec<DifferenceLine>,
    /// How many more differences there are.
    pub more: u64,
}

/// A time in which a session would have got another decision.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct DifferenceLine {
    /// The session.
    pub session: String,
    /// The first check that differs so, RFC 3339 in UTC.
    pub from: String,
    /// The last check that differs so, RFC 3339 in UTC.
    pub to: String,
    /// How many checks differ so.
    pub checks: u64,
    /// What was decided; null if nothing was to be done.
    pub recorded: Option<DecisionLine>,
    /// What this manifest decides.
    pub replayed: Option<DecisionLine>,
}

/// What was decided for one session.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct DecisionLine {
    /// `start`, `restart`, `expire`, `adopt`, `nudge` or `rouse`.
    pub action: String,
    /// 1 if the step is taken; 0 if it waits.
    pub acts: bool,
    /// The code of the reason, or of what it waits for.
    pub code: String,
}

/// What is recorded.
#[must_use]
pub fn record(town: &SessionName, folder: &Path, parts: &[RecordPart], now: Moment) -> RecordPage {
    let line = |part: &RecordPart| RecordLine {
        path: clean(&part.path.to_string_lossy()),
        from: Timestamp::from_millisecond(part.from)
            .unwrap_or(Timestamp::MAX)
            .to_string(),
        bytes: part.size,
    };
    RecordPage {
        version: VERSION,
        kind: "record".to_owned(),
        town: town.to_string(),
        observed_at: time(now, now),
        folder: clean(&folder.to_string_lossy()),
        bytes: parts.iter().map(|part| part.size).sum(),
        files: parts.iter().map(line).collect(),
    }
}

/// What a replay came to.
#[must_use]
pub fn replay(town: &SessionName, replay: &Replay) -> ReplayPage {
    let at = |moment: Moment| time(moment, moment);
    ReplayPage {
        version: VERSION,
        kind: "replay".to_owned(),
        town: town.to_string(),
        from: at(replay.from),
        to: at(replay.to),
        checks: replay.checks,
        same: replay.same,
        recorded_digest: format!("{:016x}", replay.recorded_digest),
        replayed_digest: format!("{:016x}", replay.replayed_digest),
        differences: replay
            .differences
            .iter()
            .map(|difference| DifferenceLine {
                session: difference.session.to_string(),
                from: at(difference.from),
                to: at(difference.to),
                checks: difference.checks,
                recorded: difference.recorded.as_ref().map(decision),
                replayed: difference.replayed.as_ref().map(decision),
            })
            .collect(),
        more: replay.more,
    }
}

fn decision(decision: &Decision) -> DecisionLine {
    DecisionLine {
        action: decision.verb.word().to_owned(),
        acts: decision.resolve == Resolve::Acts,
        code: clean(&decision.code),
    }
}
