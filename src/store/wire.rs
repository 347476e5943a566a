//! The written form of [`Memory`], apart from the type itself so that either can change without the
//! other.
//!
//! What is at its default is left out. Moments, names and fingerprints have their text form.

use super::text::Text;
use super::wire_chores::WireChore;
use super::wire_departure::WireDeparture;
use super::wire_history::WireHistory;
use super::wire_probes::WireProbed;
use crate::model::invisible::visible_json;
use crate::model::{Departure, History, Memory, Moment, ServerId, SessionName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Reads a memory from JSON.
pub(super) fn decode(json: &str) -> Result<Memory, serde_json::Error> {
    serde_json::from_str::<WireMemory>(json).map(Memory::from)
}

/// Writes a memory as compact JSON. Equal memories give equal text.
pub(super) fn encode(memory: &Memory) -> Result<String, serde_json::Error> {
    serde_json::to_string(&WireMemory::of(memory, memory.sessions.iter())).map(visible_json)
}

/// Writes down what a memory adds to the one that was saved under this checksum: all but the
/// sessions that are the same.
pub(super) fn encode_beside(
    memory: &Memory,
    state: u64,
    saved: &Memory,
) -> Result<String, serde_json::Error> {
    let differs =
        |(name, history): &(&SessionName, &History)| saved.sessions.get(*name) != Some(*history);
    let adds = WireMemory::of(memory, memory.sessions.iter().filter(differs));
    serde_json::to_string(&WireBeside {
        state: format!("{state:016x}"),
        adds,
    })
    .map(visible_json)
}

/// The saved memory with what was written down beside it; as it is where that belongs to another or
/// is not understood.
pub(super) fn decode_beside(json: &str, state: u64, saved: Memory) -> Memory {
    match serde_json::from_str::<WireBeside>(json) {
        Ok(beside) if beside.state == format!("{state:016x}") => {
            let adds = Memory::from(beside.adds);
            let mut sessions = saved.sessions;
            sessions.extend(adds.sessions);
            Memory { sessions, ..adds }
        }
        Ok(_) | Err(_) => saved,
    }
}

pub(super) type At = Text<Moment>;

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// What is written down beside a state file.
#[derive(Serialize, Deserialize)]
struct WireBeside {
    /// The checksum of that file.
    state: String,
    adds: WireMemory,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct WireMemory {
    #[serde(skip_serializing_if = "is_default")]
    town: Option<Text<SessionName>>,
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
    replaced: Vec<At>,
    #[serde(skip_serializing_if = "is_default")]
    failed_start: Option<At>,
    #[serde(skip_serializing_if = "is_default")]
    auth_deaths: BTreeMap<String, Vec<At>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    chores: BTreeMap<String, WireChore>,
    #[serde(skip_serializing_if = "is_default")]
    probes: BTreeMap<String, WireProbed>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    departures: Vec<WireDeparture>,
    sessions: BTreeMap<Text<SessionName>, WireHistory>,
}

pub(super) fn texts(moments: &[Moment]) -> Vec<At> {
    moments.iter().copied().map(Text).collect()
}

pub(super) fn moments(texts: Vec<At>) -> Vec<Moment> {
    texts.into_iter().map(|t| t.0).collect()
}

pub(super) fn plain(text: Option<At>) -> Option<Moment> {
    text.map(|t| t.0)
}

impl WireMemory {
    /// A memory with these of its sessions.
    fn of<'a>(
        memory: &Memory,
        sessions: impl Iterator<Item = (&'a SessionName, &'a History)>,
    ) -> Self {
        let Memory {
            town,
            server,
            server_losses,
            last_look,
            settling,
            mass_seen,
            paused,
            starts,
            replaced,
            failed_start,
            auth_deaths,
            chores,
            probes,
            departures,
            sessions: _,
        } = memory;
        Self {
            town: town.clone().map(Text),
            server: *server,
            server_losses: texts(server_losses),
            last_look: last_look.map(Text),
            settling: *settling,
            mass_seen: *mass_seen,
            paused: *paused,
            starts: texts(starts),
            replaced: texts(replaced),
            failed_start: failed_start.map(Text),
            auth_deaths: auth_deaths
                .iter()
                .map(|(agent, row)| (agent.clone(), texts(row)))
                .collect(),
            chores: chores
                .iter()
                .map(|(name, history)| (name.clone(), history.into()))
                .collect(),
            probes: probes
                .iter()
                .map(|(agent, probed)| (agent.clone(), probed.into()))
                .collect(),
            departures: departures.iter().map(WireDeparture::from).collect(),
            sessions: sessions.map(|(n, h)| (Text(n.clone()), h.into())).collect(),
        }
    }
}

impl From<WireMemory> for Memory {
    fn from(wire: WireMemory) -> Self {
        Self {
            town: wire.town.map(|town| town.0),
            server: wire.server,
            server_losses: moments(wire.server_losses),
            last_look: plain(wire.last_look),
            settling: wire.settling,
            mass_seen: wire.mass_seen,
            paused: wire.paused,
            starts: moments(wire.starts),
            replaced: moments(wire.replaced),
            failed_start: plain(wire.failed_start),
            auth_deaths: wire
                .auth_deaths
                .into_iter()
                .map(|(agent, row)| (agent, moments(row)))
                .collect(),
            chores: wire
                .chores
                .into_iter()
                .map(|(name, history)| (name, history.into()))
                .collect(),
            probes: wire
                .probes
                .into_iter()
                .map(|(agent, probed)| (agent, probed.into()))
                .collect(),
            departures: wire.departures.into_iter().map(Departure::from).collect(),
            sessions: wire
                .sessions
                .into_iter()
                .map(|(n, h)| (n.0, h.into()))
                .collect(),
        }
    }
}
