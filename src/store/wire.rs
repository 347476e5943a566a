//! The written form of [`Memory`], apart from the type itself so that either can change without the other.
//!
//! What is at its default is left out. Moments, names and fingerprints have their text form.

use super::text::Text;
use super::wire_chores::WireChore;
use super::wire_content::WireContent;
use super::wire_marks::WireMarks;
use super::wire_probes::{WireFootprint, WireProbed, WireRoused};
use crate::model::{
    Content, Death, Ended, Fingerprint, Finished, Footprint, Generation, History, Marks, Memory, Moment, ProcId,
    Purpose, Roused, Run, Rung, ServerId, SessionName, Stopping, Typed,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Reads a memory from JSON.
pub(super) fn decode(json: &str) -> Result<Memory, serde_json::Error> {
    serde_json::from_str::<WireMemory>(json).map(Memory::from)
}

/// Writes a memory as compact JSON. Equal memories give equal text.
pub(super) fn encode(memory: &Memory) -> Result<String, serde_json::Error> {
    serde_json::to_string(&WireMemory::from(memory))
}

pub(super) type At = Text<Moment>;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct WireMemory {
    #[serde(skip_serializing_if = "is_default")]
    server: Option<ServerId>,
    #[serde(skip_serializing_if = "is_default")]
    server_losses: Vec<At>,
    #[serde(skip_serializing_if = "is_default")]
    last_look: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    settling: u32,
    #[serde(skip_serializing_if = "is_default")]
    mass_seen: Option<u64>,
    #[serde(skip_serializing_if = "is_default")]
    paused: bool,
    #[serde(skip_serializing_if = "is_default")]
    starts: Vec<At>,
    #[serde(skip_serializing_if = "is_default")]
    failed_start: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    auth_deaths: BTreeMap<String, Vec<At>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    chores: BTreeMap<String, WireChore>,
    #[serde(skip_serializing_if = "is_default")]
    probes: BTreeMap<String, WireProbed>,
    sessions: BTreeMap<Text<SessionName>, WireHistory>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct WireHistory {
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
    #[serde(skip_serializing_if = "is_default")]
    draining: Option<At>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    roused: Option<WireRoused>,
    #[serde(skip_serializing_if = "Option::is_none")]
    footprint: Option<WireFootprint>,
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
    at: At,
}

#[derive(Serialize, Deserialize)]
struct WireStopping {
    generation: Generation,
    since: At,
    rung: WireRung,
    rung_at: At,
    purpose: WirePurpose,
    reason: String,
    tree: Vec<ProcId>,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WirePurpose {
    Restart,
    Expire,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireRung {
    Ask,
    Term,
    Kill,
    Finish,
}

fn texts(moments: &[Moment]) -> Vec<At> {
    moments.iter().copied().map(Text).collect()
}

fn moments(texts: Vec<At>) -> Vec<Moment> {
    texts.into_iter().map(|t| t.0).collect()
}

fn plain(text: Option<At>) -> Option<Moment> {
    text.map(|t| t.0)
}

impl From<&Memory> for WireMemory {
    fn from(memory: &Memory) -> Self {
        let Memory {
            server,
            server_losses,
            last_look,
            settling,
            mass_seen,
            paused,
            starts,
            failed_start,
            auth_deaths,
            chores,
            probes,
            sessions,
        } = memory;
        Self {
            server: *server,
            server_losses: texts(server_losses),
            last_look: last_look.map(Text),
            settling: *settling,
            mass_seen: *mass_seen,
            paused: *paused,
            starts: texts(starts),
            failed_start: failed_start.map(Text),
            auth_deaths: auth_deaths.iter().map(|(agent, row)| (agent.clone(), texts(row))).collect(),
            chores: chores.iter().map(|(name, history)| (name.clone(), history.into())).collect(),
            probes: probes.iter().map(|(agent, probed)| (agent.clone(), probed.into())).collect(),
            sessions: sessions.iter().map(|(n, h)| (Text(n.clone()), h.into())).collect(),
        }
    }
}

impl From<WireMemory> for Memory {
    fn from(wire: WireMemory) -> Self {
        Self {
            server: wire.server,
            server_losses: moments(wire.server_losses),
            last_look: plain(wire.last_look),
            settling: wire.settling,
            mass_seen: wire.mass_seen,
            paused: wire.paused,
            starts: moments(wire.starts),
            failed_start: plain(wire.failed_start),
            auth_deaths: wire.auth_deaths.into_iter().map(|(agent, row)| (agent, moments(row))).collect(),
            chores: wire.chores.into_iter().map(|(name, history)| (name, history.into())).collect(),
            probes: wire.probes.into_iter().map(|(agent, probed)| (agent, probed.into())).collect(),
            sessions: wire.sessions.into_iter().map(|(n, h)| (n.0, h.into())).collect(),
        }
    }
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
            draining,
            agentless,
            prune,
            content,
            marks,
            nudged,
            typed,
            roused,
            footprint,
        } = history;
        Self {
            generation: *generation,
            run: run.as_ref().map(WireRun::from),
            crashes: texts(crashes),
            restarts: *restarts,
            handoff: handoff.map(Text),
            stopped: *stopped,
            restart_asked: *restart_asked,
            finished: finished.map(|f| WireFinished {
                fingerprint: Text(f.fingerprint),
                death: f.death,
                at: Text(f.at),
            }),
            stopping: stopping.as_ref().map(WireStopping::from),
            draining: draining.map(Text),
            agentless: *agentless,
            prune: *prune,
            content: content.as_ref().map(WireContent::from),
            marks: marks.as_ref().map(WireMarks::from),
            nudged: nudged.map(Text),
            typed: typed.clone(),
            roused: roused.map(WireRoused::from),
            footprint: footprint.map(WireFootprint::from),
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
            finished: wire.finished.map(|f| Finished { fingerprint: f.fingerprint.0, death: f.death, at: f.at.0 }),
            stopping: wire.stopping.map(Stopping::from),
            draining: plain(wire.draining),
            agentless: wire.agentless,
            prune: wire.prune,
            content: wire.content.map(Content::from),
            marks: wire.marks.map(Marks::from),
            nudged: plain(wire.nudged),
            typed: wire.typed,
            roused: wire.roused.map(Roused::from),
            footprint: wire.footprint.map(Footprint::from),
        }
    }
}

impl From<&Run> for WireRun {
    fn from(run: &Run) -> Self {
        let Run { generation, started, ready, fingerprint, ended } = run;
        Self {
            generation: *generation,
            started: Text(*started),
            ready: ready.map(Text),
            fingerprint: fingerprint.map(Text),
            ended: ended.map(|e| WireEnded { death: e.death, at: Text(e.at) }),
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
            ended: wire.ended.map(|e| Ended { death: e.death, at: e.at.0 }),
        }
    }
}

impl From<&Stopping> for WireStopping {
    fn from(stopping: &Stopping) -> Self {
        let Stopping { generation, since, rung, rung_at, purpose, reason, tree } = stopping;
        Self {
            generation: *generation,
            since: Text(*since),
            rung: match rung {
                Rung::Ask => WireRung::Ask,
                Rung::Term => WireRung::Term,
                Rung::Kill => WireRung::Kill,
                Rung::Finish => WireRung::Finish,
            },
            rung_at: Text(*rung_at),
            purpose: match purpose {
                Purpose::Restart => WirePurpose::Restart,
                Purpose::Expire => WirePurpose::Expire,
            },
            reason: reason.clone(),
            tree: tree.clone(),
        }
    }
}

impl From<WireStopping> for Stopping {
    fn from(wire: WireStopping) -> Self {
        Self {
            generation: wire.generation,
            since: wire.since.0,
            rung: match wire.rung {
                WireRung::Ask => Rung::Ask,
                WireRung::Term => Rung::Term,
                WireRung::Kill => Rung::Kill,
                WireRung::Finish => Rung::Finish,
            },
            rung_at: wire.rung_at.0,
            purpose: match wire.purpose {
                WirePurpose::Restart => Purpose::Restart,
                WirePurpose::Expire => Purpose::Expire,
            },
            reason: wire.reason,
            tree: wire.tree,
        }
    }
}
