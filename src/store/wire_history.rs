//! The written form of a session's [`History`].

use super::text::Text;
use super::wire::{At, is_default, moments, plain, texts};
use super::wire_content::WireContent;
use super::wire_launcher::{WireComplaint, WireLauncherJob};
use super::wire_marks::WireMarks;
use super::wire_probes::{WireEscapeSent, WireFootprint};
use super::wire_ran::WireRanWith;
use super::wire_replacing::{WireRefused, WireReplacing};
use super::wire_stopping::WireStopping;
use crate::model::{
    Complaint, Content, Death, Ended, EscapeSent, Fingerprint, Finished, Footprint, Generation,
    History, LauncherJob, Limited, Marks, RanWith, Refused, Refuted, Replacing, Run, Stopping,
    Typed,
};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
pub(super) struct WireHistory {
    #[serde(skip_serializing_if = "is_default")]
    generation: Generation,
    #[serde(skip_serializing_if = "Option::is_none")]
    run: Option<WireRun>,
    #[serde(skip_serializing_if = "is_default")]
    crashes: Vec<At>,
    #[serde(skip_serializing_if = "is_default")]
    restarts: u32,
    #[serde(skip_serializing_if = "is_default")]
    handoff: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    stopped: bool,
    #[serde(skip_serializing_if = "is_default")]
    restart_asked: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    finished: Option<WireFinished>,
    #[serde(skip_serializing_if = "Option::is_none")]
    stopping: Option<WireStopping>,
    #[serde(skip_serializing_if = "Option::is_none")]
    replacing: Option<WireReplacing>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refused: Option<WireRefused>,
    #[serde(skip_serializing_if = "is_default")]
    draining: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    waiting: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    agentless: u32,
    #[serde(skip_serializing_if = "is_default")]
    prune: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    content: Option<WireContent>,
    marks: Option<WireMarks>,
    #[serde(skip_serializing_if = "is_default")]
    nudged: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    typed: Vec<Typed>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "roused")]
    escape_sent: Option<WireEscapeSent>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footprint: Option<WireFootprint>,
    #[serde(skip_serializing_if = "Option::is_none", alias = "errand")]
    launcher_job: Option<WireLauncherJob>,
    #[serde(skip_serializing_if = "Option::is_none")]
    complaint: Option<WireComplaint>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ran_with: Option<WireRanWith>,
    #[serde(skip_serializing_if = "Option::is_none")]
    refuted: Option<Refuted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    limited: Option<Limited>,
}

#[derive(Serialize, Deserialize)]
struct WireRun {
    generation: Generation,
    started: At,
    #[serde(default, skip_serializing_if = "is_default")]
    ready: Option<At>,
    #[serde(default, skip_serializing_if = "is_default")]
    fingerprint: Option<Text<Fingerprint>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<WireEnded>,
}

#[derive(Serialize, Deserialize)]
struct WireEnded {
    death: Death,
    at: At,
}

#[derive(Serialize, Deserialize)]
struct WireFinished {
    fingerprint: Text<Fingerprint>,
    death: Option<Death>,
    /// None where an older gtctl wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    well: Option<bool>,
    at: At,
}

impl From<&History> for WireHistory {
    fn from(history: &History) -> Self {
        let History {
            generation,
            run,
            crashes,
            restarts,
            handoff,
            stopped,
            restart_asked,
            finished,
            stopping,
            replacing,
            refused,
            draining,
            waiting,
            agentless,
            prune,
            content,
            marks,
            nudged,
            typed,
            escape_sent,
            footprint,
            launcher_job,
            complaint,
            ran_with,
            refuted,
            limited,
        } = history;
        Self {
            generation: *generation,
            run: run.as_ref().map(WireRun::from),
            crashes: texts(crashes),
            restarts: *restarts,
            handoff: handoff.map(Text),
            stopped: *stopped,
            restart_asked: *restart_asked,
            finished: finished.map(WireFinished::from),
            stopping: stopping.as_ref().map(WireStopping::from),
            replacing: replacing.as_ref().map(WireReplacing::from),
            refused: refused.as_ref().map(WireRefused::from),
            draining: draining.map(Text),
            waiting: waiting.map(Text),
            agentless: *agentless,
            prune: *prune,
            content: content.as_ref().map(WireContent::from),
            marks: marks.as_ref().map(WireMarks::from),
            nudged: nudged.map(Text),
            typed: typed.clone(),
            escape_sent: escape_sent.map(WireEscapeSent::from),
            footprint: footprint.map(WireFootprint::from),
            launcher_job: launcher_job.map(WireLauncherJob::from),
            complaint: complaint.as_ref().map(WireComplaint::from),
            ran_with: ran_with.as_ref().map(WireRanWith::from),
            refuted: refuted.clone(),
            limited: limited.clone(),
        }
    }
}

impl From<WireHistory> for History {
    fn from(wire: WireHistory) -> Self {
        Self {
            generation: wire.generation,
            run: wire.run.map(Run::from),
            crashes: moments(wire.crashes),
            restarts: wire.restarts,
            handoff: plain(wire.handoff),
            stopped: wire.stopped,
            restart_asked: wire.restart_asked,
            finished: wire.finished.map(|f| Finished {
                fingerprint: f.fingerprint.0,
                death: f.death,
                well: f
                    .well
                    .unwrap_or_else(|| f.death.is_none_or(|death| death.is_clean())),
                at: f.at.0,
            }),
            stopping: wire.stopping.map(Stopping::from),
            replacing: wire.replacing.map(Replacing::from),
            refused: wire.refused.map(Refused::from),
            draining: plain(wire.draining),
            waiting: plain(wire.waiting),
            agentless: wire.agentless,
            prune: wire.prune,
            content: wire.content.map(Content::from),
            marks: wire.marks.map(Marks::from),
            nudged: plain(wire.nudged),
            typed: wire.typed,
            escape_sent: wire.escape_sent.map(EscapeSent::from),
            footprint: wire.footprint.map(Footprint::from),
            launcher_job: wire.launcher_job.map(LauncherJob::from),
            complaint: wire.complaint.map(Complaint::from),
            ran_with: wire.ran_with.map(RanWith::from),
            refuted: wire.refuted,
            limited: wire.limited,
        }
    }
}

impl From<Finished> for WireFinished {
    fn from(finished: Finished) -> Self {
        let Finished {
            fingerprint,
            death,
            well,
            at,
        } = finished;
        Self {
            fingerprint: Text(fingerprint),
            death,
            well: Some(well),
            at: Text(at),
        }
    }
}

impl From<&Run> for WireRun {
    fn from(run: &Run) -> Self {
        let Run {
            generation,
            started,
            ready,
            fingerprint,
            ended,
        } = run;
        Self {
            generation: *generation,
            started: Text(*started),
            ready: ready.map(Text),
            fingerprint: fingerprint.map(Text),
            ended: ended.map(|e| WireEnded {
                death: e.death,
                at: Text(e.at),
            }),
        }
    }
}

impl From<WireRun> for Run {
    fn from(wire: WireRun) -> Self {
        Self {
            generation: wire.generation,
            started: wire.started.0,
            ready: plain(wire.ready),
            fingerprint: wire.fingerprint.map(|t| t.0),
            ended: wire.ended.map(|e| Ended {
                death: e.death,
                at: e.at.0,
            }),
        }
    }
}
