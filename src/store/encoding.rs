//! Converts a [`Memory`] to the JSON of the state file and back.
//!
//! A memory that was read is within the bounds of the model. Unknown fields are ignored.

use super::former::FormerMemory;
use crate::model::Memory;
use crate::model::invisible::visible_json;
use serde::{Deserialize, Serialize};

/// The version of the format that we write. We read it and every older one.
pub(super) const VERSION: u32 = 2;

/// Reads a memory from JSON of this version of the format, and applies its bounds.
pub(super) fn decode(version: u32, json: &str) -> Result<Memory, serde_json::Error> {
    let memory = if version < VERSION {
        serde_json::from_str::<FormerMemory>(json)?.into()
    } else {
        serde_json::from_str::<Memory>(json)?
    };
    Ok(memory.bounded())
}

/// Writes a memory as compact JSON. Equal memories give equal texts.
pub(super) fn encode(memory: &Memory) -> Result<String, serde_json::Error> {
    serde_json::to_string(memory).map(visible_json)
}

/// The content of the intent file, which stands beside a state file.
#[derive(Serialize, Deserialize)]
struct Addition<M> {
    /// The checksum of the state file to which it belongs.
    state: String,
    /// The memory, without the sessions that the state file has unchanged.
    adds: M,
}

/// Encodes the difference between `memory` and the `saved` memory with checksum `state`.
pub(super) fn encode_beside(
    memory: &Memory,
    state: u64,
    saved: &Memory,
) -> Result<String, serde_json::Error> {
    let changed = memory
        .sessions
        .iter()
        .filter(|(name, history)| saved.sessions.get(*name) != Some(*history))
        .map(|(name, history)| (name.clone(), history.clone()));
    let addition = Addition {
        state: format!("{state:016x}"),
        adds: memory.with_sessions(changed.collect()),
    };
    serde_json::to_string(&addition).map(visible_json)
}

/// Applies an intent file of this version to the saved memory. Returns the saved memory unchanged if
/// the text is malformed or belongs to another state file.
pub(super) fn decode_beside(version: u32, json: &str, state: u64, saved: Memory) -> Memory {
    let adds = if version < VERSION {
        addition::<FormerMemory>(json, state)
    } else {
        addition::<Memory>(json, state)
    };
    let Some(adds) = adds else {
        return saved;
    };
    let mut sessions = saved.sessions;
    sessions.extend(adds.sessions);
    Memory { sessions, ..adds }
}

/// What an intent file adds to the state file with this checksum, within the bounds.
fn addition<'j, M>(json: &'j str, state: u64) -> Option<Memory>
where
    M: Deserialize<'j> + Into<Memory>,
{
    let addition: Addition<M> = serde_json::from_str(json).ok()?;
    let is_of_state = addition.state == format!("{state:016x}");
    is_of_state.then(|| addition.adds.into().bounded())
}
