//! The written form of what goes on by commands.

use super::text::Text;
use super::wire::At;
use crate::model::{Complaint, Generation, LauncherJob, ProcId, Verb};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireLauncherJob {
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
    #[serde(alias = "rouse")]
    SendEscape,
}

impl From<LauncherJob> for WireLauncherJob {
    fn from(launcher_job: LauncherJob) -> Self {
        let LauncherJob {
            verb,
            generation,
            begun,
            handoff,
            by,
        } = launcher_job;
        let verb = match verb {
            Verb::Start => WireVerb::Start,
            Verb::Restart => WireVerb::Restart,
            Verb::Expire => WireVerb::Expire,
            Verb::Adopt => WireVerb::Adopt,
            Verb::Nudge => WireVerb::Nudge,
            Verb::SendEscape => WireVerb::SendEscape,
        };
        Self {
            verb,
            generation,
            begun: Text(begun),
            handoff: handoff.map(Text),
            by,
        }
    }
}

impl From<WireLauncherJob> for LauncherJob {
    fn from(wire: WireLauncherJob) -> Self {
        let verb = match wire.verb {
            WireVerb::Start => Verb::Start,
            WireVerb::Restart => Verb::Restart,
            WireVerb::Expire => Verb::Expire,
            WireVerb::Adopt => Verb::Adopt,
            WireVerb::Nudge => Verb::Nudge,
            WireVerb::SendEscape => Verb::SendEscape,
        };
        let WireLauncherJob {
            generation,
            begun,
            handoff,
            by,
            ..
        } = wire;
        Self {
            verb,
            generation,
            begun: begun.0,
            handoff: handoff.map(|at| at.0),
            by,
        }
    }
}

impl From<&Complaint> for WireComplaint {
    fn from(complaint: &Complaint) -> Self {
        Self {
            at: Text(complaint.at),
            said: complaint.said.clone(),
        }
    }
}

impl From<WireComplaint> for Complaint {
    fn from(wire: WireComplaint) -> Self {
        // What was written may be of any length.
        Self::new(wire.at.0, &wire.said)
    }
}
