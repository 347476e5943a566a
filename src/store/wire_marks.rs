//! The written form of [`Marks`].

use super::text::Text;
use crate::model::{Generation, Given, Marks, Moment, Position, Sighting, Standing};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireMarks {
    generation: Generation,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    position: Option<Position>,
    #[serde(default)]
    beyond: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    standing: Option<WireStanding>,
    #[serde(default)]
    unfinished: bool,
    last_output: Text<Moment>,
    /// A digest of the markers that `given` was searched for.
    #[serde(default)]
    given_for: u64,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    given: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct WireStanding {
    sighting: Sighting,
    seen: Text<Moment>,
    quiet_since: Text<Moment>,
    trailer: u32,
    key: u64,
}

impl From<&Marks> for WireMarks {
    fn from(marks: &Marks) -> Self {
        let Marks {
            generation,
            position,
            beyond,
            standing,
            unfinished,
            last_output,
            given,
        } = marks;
        let written = |standing: &Standing| {
            let Standing {
                sighting,
                seen,
                quiet_since,
                trailer,
                key,
            } = standing.clone();
            WireStanding {
                sighting,
                seen: Text(seen),
                quiet_since: Text(quiet_since),
                trailer,
                key,
            }
        };
        Self {
            generation: *generation,
            position: *position,
            beyond: *beyond,
            standing: standing.as_ref().map(written),
            unfinished: *unfinished,
            last_output: Text(*last_output),
            given_for: given.markers,
            given: given.pieces.clone(),
        }
    }
}

impl From<WireMarks> for Marks {
    fn from(wire: WireMarks) -> Self {
        let WireMarks {
            generation,
            position,
            beyond,
            standing,
            unfinished,
            last_output,
            given_for,
            given,
        } = wire;
        let read = |standing: WireStanding| {
            let WireStanding {
                sighting,
                seen,
                quiet_since,
                trailer,
                key,
            } = standing;
            Standing {
                sighting,
                seen: seen.0,
                quiet_since: quiet_since.0,
                trailer,
                key,
            }
        };
        Self {
            generation,
            position,
            beyond,
            standing: standing.map(read),
            unfinished,
            last_output: last_output.0,
            given: Given {
                markers: given_for,
                pieces: given,
            },
        }
    }
}
