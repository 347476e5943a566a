//! The written form of a planned restart that was begun, and of a step that failed.

use super::text::Text;
use super::wire::At;
use crate::model::{Fingerprint, Generation, Refused, Replacing};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireReplacing {
    generation: Generation,
    since: At,
    reason: String,
    fingerprint: Text<Fingerprint>,
    failed: bool,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireRefused {
    at: At,
    times: u32,
    said: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    fingerprint: Option<Text<Fingerprint>>,
}

impl From<&Replacing> for WireReplacing {
    fn from(replacing: &Replacing) -> Self {
        let Replacing {
            generation,
            since,
            reason,
            fingerprint,
            failed,
        } = replacing;
        Self {
            generation: *generation,
            since: Text(*since),
            reason: reason.clone(),
            fingerprint: Text(*fingerprint),
            failed: *failed,
        }
    }
}

impl From<WireReplacing> for Replacing {
    fn from(wire: WireReplacing) -> Self {
        Self {
            generation: wire.generation,
            since: wire.since.0,
            reason: wire.reason,
            fingerprint: wire.fingerprint.0,
            failed: wire.failed,
        }
    }
}

impl From<&Refused> for WireRefused {
    fn from(refused: &Refused) -> Self {
        let Refused {
            at,
            times,
            said,
            fingerprint,
        } = refused;
        Self {
            at: Text(*at),
            times: *times,
            said: said.clone(),
            fingerprint: fingerprint.map(Text),
        }
    }
}

impl From<WireRefused> for Refused {
    fn from(wire: WireRefused) -> Self {
        Self {
            at: wire.at.0,
            times: wire.times,
            said: wire.said,
            fingerprint: wire.fingerprint.map(|fingerprint| fingerprint.0),
        }
    }
}
