//! The written form of a stop that is under way.

use super::text::Text;
use super::wire::At;
use crate::model::{Fingerprint, Generation, ProcId, Purpose, Rung, Stopping};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireStopping {
    generation: Generation,
    since: At,
    rung: WireRung,
    rung_at: At,
    purpose: WirePurpose,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    begun_for: Option<Text<Fingerprint>>,
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

impl From<&Stopping> for WireStopping {
    fn from(stopping: &Stopping) -> Self {
        let Stopping {
            generation,
            since,
            rung,
            rung_at,
            purpose,
            reason,
            begun_for,
            tree,
        } = stopping;
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
            begun_for: begun_for.map(Text),
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
            begun_for: wire.begun_for.map(|fingerprint| fingerprint.0),
            tree: wire.tree,
        }
    }
}
