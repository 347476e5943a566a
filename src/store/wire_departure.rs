//! The written form of ends that were asked for and are not told of yet.

use super::text::Text;
use super::wire::At;
use crate::model::{Departure, Generation, SessionName};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireDeparture {
    session: Text<SessionName>,
    generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    started: Option<At>,
    asked: At,
    gone: At,
    reason: String,
}

impl From<&Departure> for WireDeparture {
    fn from(departure: &Departure) -> Self {
        let Departure {
            session,
            generation,
            started,
            asked,
            gone,
            reason,
        } = departure;
        Self {
            session: Text(session.clone()),
            generation: *generation,
            started: started.map(Text),
            asked: Text(*asked),
            gone: Text(*gone),
            reason: reason.clone(),
        }
    }
}

impl From<WireDeparture> for Departure {
    fn from(wire: WireDeparture) -> Self {
        Self {
            session: wire.session.0,
            generation: wire.generation,
            started: wire.started.map(|started| started.0),
            asked: wire.asked.0,
            gone: wire.gone.0,
            reason: wire.reason,
        }
    }
}
