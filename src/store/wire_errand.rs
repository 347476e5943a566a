//! The written form of what goes on by commands.

use super::text::Text;
use super::wire::At;
use crate::model::{Complaint, Errand, Generation, ProcId, Verb};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireErrand {
    verb: WireVerb,
    generation: Generation,
    begun: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handoff: Option<At>,
    by: Option<ProcId>,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireComplaint {
    at: At,
    said: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireVerb {
    Start,
    Restart,
    Expire,
    Adopt,
    Nudge,
    Rouse,
}

impl From<Errand> for WireErrand {
    fn from(errand: Errand) -> Self {
        let Errand { verb, generation, begun, handoff, by } = errand;
        let verb = match verb {
            Verb::Start => WireVerb::Start,
            Verb::Restart => WireVerb::Restart,
            Verb::Expire => WireVerb::Expire,
            Verb::Adopt => WireVerb::Adopt,
            Verb::Nudge => WireVerb::Nudge,
            Verb::Rouse => WireVerb::Rouse,
        };
        Self { verb, generation, begun: Text(begun), handoff: handoff.map(Text), by }
    }
}

impl From<WireErrand> for Errand {
    fn from(wire: WireErrand) -> Self {
        let verb = match wire.verb {
            WireVerb::Start => Verb::Start,
            WireVerb::Restart => Verb::Restart,
            WireVerb::Expire => Verb::Expire,
            WireVerb::Adopt => Verb::Adopt,
            WireVerb::Nudge => Verb::Nudge,
            WireVerb::Rouse => Verb::Rouse,
        };
        let WireErrand { generation, begun, handoff, by, .. } = wire;
        Self { verb, generation, begun: begun.0, handoff: handoff.map(|at| at.0), by }
    }
}

impl From<&Complaint> for WireComplaint {
    fn from(complaint: &Complaint) -> Self {
        Self { at: Text(complaint.at), said: complaint.said.clone() }
    }
}

impl From<WireComplaint> for Complaint {
    fn from(wire: WireComplaint) -> Self {
        // What was written may be of any length.
        Self::new(wire.at.0, &wire.said)
    }
}
