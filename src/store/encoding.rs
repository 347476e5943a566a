//! Converts a [`Memory`] to the JSON of the state file and back.
//!
//! A memory that was read is within the bounds of the model. Unknown fields are ignored.

use crate::model::Memory;
use crate::model::invisible::visible_json;
use serde::{Deserialize, Serialize};

/// Reads a memory from JSON and applies its bounds.
pub(super) fn decode(json: &str) -> Result<Memory, serde_json::Error> {
    serde_json::from_str(json).map(Memory::bounded)
}

/// Writes a memory as compact JSON. Equal memories give equal texts.
pub(super) fn encode(memory: &Memory) -> Result<String, serde_json::Error> {
    serde_json::to_string(memory).map(visible_json)
}

/// The content of the intent file, which stands beside a state file.
#[derive(Serialize, Deserialize)]
struct Addition {
    /// The checksum of the state file to which it belongs.
    state: String,
    /// The memory, without the sessions that the state file has unchanged.
    adds: Memory,
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

/// Applies an intent file to the saved memory. Returns the saved memory unchanged if the text is
/// malformed or belongs to another state file.
pub(super) fn decode_beside(json: &str, state: u64, saved: Memory) -> Memory {
    match serde_json::from_str::<Addition>(json) {
        Ok(Addition { state: of, adds }) if of == format!("{state:016x}") => {
            let adds = adds.bounded();
            let mut sessions = saved.sessions;
            sessions.extend(adds.sessions);
            Memory { sessions, ..adds }
        }
        Ok(_) | Err(_) => saved,
    }
}
