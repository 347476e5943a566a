//! The state file's text of a [`Memory`]: JSON, in the form that the model derives.
//!
//! What is read is within the bounds of the model. A field that is not known is passed over.

use crate::model::Memory;
use crate::model::invisible::visible_json;
use serde::{Deserialize, Serialize};

/// Reads a memory from JSON, within its bounds.
pub(super) fn decode(json: &str) -> Result<Memory, serde_json::Error> {
    serde_json::from_str(json).map(Memory::bounded)
}

/// Writes a memory as compact JSON. Equal memories give equal text.
pub(super) fn encode(memory: &Memory) -> Result<String, serde_json::Error> {
    serde_json::to_string(memory).map(visible_json)
}

/// What is written down beside a state file.
#[derive(Serialize, Deserialize)]
struct Addition {
    /// The checksum of that file.
    state: String,
    /// All of the memory but the sessions that the state file has like this.
    adds: Memory,
}

/// Writes down what a memory adds to the one that was saved under this checksum: all but the
/// sessions that are the same.
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

/// The saved memory with what was written down beside it; as it is where that belongs to another or
/// is not understood.
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
