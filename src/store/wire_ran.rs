//! The written form of [`RanWith`].

use super::text::Text;
use crate::model::{Fingerprint, RanWith};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireRanWith {
    fingerprint: Text<Fingerprint>,
    command: Vec<String>,
    dir: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    env: Vec<(String, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    env_file: Option<String>,
}

impl From<&RanWith> for WireRanWith {
    fn from(ran: &RanWith) -> Self {
        let RanWith {
            fingerprint,
            command,
            dir,
            env,
            env_file,
        } = ran.clone();
        Self {
            fingerprint: Text(fingerprint),
            command,
            dir,
            env,
            env_file,
        }
    }
}

impl From<WireRanWith> for RanWith {
    fn from(wire: WireRanWith) -> Self {
        let WireRanWith {
            fingerprint,
            command,
            dir,
            env,
            env_file,
        } = wire;
        Self {
            fingerprint: fingerprint.0,
            command,
            dir,
            env,
            env_file,
        }
    }
}
