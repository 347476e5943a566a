//! What Gas Town's own files hold back.

use super::sanitise;
use crate::model::GastownHold;

/// The longest reason that is shown, in characters.
const WORD: usize = 100;

/// What holds a step back.
#[must_use]
pub fn obstacle(hold: &GastownHold) -> String {
    let because = |why: &str| {
        let why = sanitise::line(why.trim(), WORD);
        if why.is_empty() {
            String::new()
        } else {
            format!(" ({why})")
        }
    };
    match hold {
        GastownHold::EmergencyStop { rig: None, why } => {
            format!("emergency stop of the town{}", because(why))
        }
        GastownHold::EmergencyStop {
            rig: Some(rig),
            why,
        } => {
            format!(
                "emergency stop of rig {}{}",
                sanitise::line(rig, WORD),
                because(why)
            )
        }
        GastownHold::ShuttingDown => "gt is shutting the town down".to_owned(),
        GastownHold::RigRests { rig, rest } => {
            format!("rig {} is {}", sanitise::line(rig, WORD), rest.word())
        }
        GastownHold::DeaconPaused { why } => format!("the deacon is paused{}", because(why)),
        GastownHold::Daemon => "gt's daemon would start it again".to_owned(),
    }
}
