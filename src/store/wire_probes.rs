//! The written form of what was asked of agents, and of what was done and measured for sessions
//! that seem unwell.

use super::text::Text;
use super::wire::At;
use crate::model::{Answer, Answered, EscapeSent, Footprint, Generation, Probed};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq)]
pub(super) struct WireProbed {
    asked: At,
    failed: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answered: Option<WireAnswered>,
}

#[derive(Serialize, Deserialize, PartialEq)]
struct WireAnswered {
    asked: At,
    answer: WireAnswer,
}

#[derive(Serialize, Deserialize, PartialEq)]
#[serde(rename_all = "kebab-case")]
enum WireAnswer {
    Passed,
    Failed(String),
    Unasked(String),
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireEscapeSent {
    generation: Generation,
    at: At,
}

#[derive(Serialize, Deserialize)]
pub(super) struct WireFootprint {
    generation: Generation,
    at: At,
    bytes: u64,
    before: u64,
}

impl From<&Probed> for WireProbed {
    fn from(probed: &Probed) -> Self {
        let Probed {
            asked,
            failed,
            answered,
        } = probed;
        let answered = answered
            .as_ref()
            .map(|Answered { asked, answer }| WireAnswered {
                asked: Text(*asked),
                answer: match answer {
                    Answer::Passed => WireAnswer::Passed,
                    Answer::Failed(why) => WireAnswer::Failed(why.clone()),
                    Answer::Unasked(why) => WireAnswer::Unasked(why.clone()),
                },
            });
        Self {
            asked: Text(*asked),
            failed: *failed,
            answered,
        }
    }
}

impl From<WireProbed> for Probed {
    fn from(wire: WireProbed) -> Self {
        let answered = wire
            .answered
            .map(|WireAnswered { asked, answer }| Answered {
                asked: asked.0,
                answer: match answer {
                    WireAnswer::Passed => Answer::Passed,
                    WireAnswer::Failed(why) => Answer::Failed(why),
                    WireAnswer::Unasked(why) => Answer::Unasked(why),
                },
            });
        Self {
            asked: wire.asked.0,
            failed: wire.failed,
            answered,
        }
    }
}

impl From<EscapeSent> for WireEscapeSent {
    fn from(EscapeSent { generation, at }: EscapeSent) -> Self {
        Self {
            generation,
            at: Text(at),
        }
    }
}

impl From<WireEscapeSent> for EscapeSent {
    fn from(WireEscapeSent { generation, at }: WireEscapeSent) -> Self {
        Self {
            generation,
            at: at.0,
        }
    }
}

impl From<Footprint> for WireFootprint {
    fn from(
        Footprint {
            generation,
            at,
            bytes,
            before,
        }: Footprint,
    ) -> Self {
        Self {
            generation,
            at: Text(at),
            bytes,
            before,
        }
    }
}

impl From<WireFootprint> for Footprint {
    fn from(
        WireFootprint {
            generation,
            at,
            bytes,
            before,
        }: WireFootprint,
    ) -> Self {
        Self {
            generation,
            at: at.0,
            bytes,
            before,
        }
    }
}
