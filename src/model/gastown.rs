//! What Gas Town's files ask of the sessions, and what waits because of it.

use super::Evidence;
use crate::model::SortedMap;
use serde::{Deserialize, Serialize};
use serde_json::json;
use strum::IntoStaticStr;

/// What Gas Town's files ask now. `Gastown::default()` asks nothing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Gastown {
    /// The reason of an emergency stop of the whole town (file `ESTOP`). It is not sanitised and
    /// may be empty.
    pub estop: Option<String>,
    /// The reasons of emergency stops of single rigs (file `ESTOP.<rig>`), by rig.
    pub stopped_rigs: SortedMap<String, String>,
    /// The rigs that rest, by rig.
    pub resting: SortedMap<String, Rest>,
    /// The reason why the deacon is paused. It is not sanitised and may be empty.
    pub deacon_paused: Option<String>,
    /// Whether `gt down` is under way: a process holds `daemon/shutdown.lock`.
    pub shutting_down: bool,
    /// Whether gt's daemon runs: a process holds `daemon/daemon.lock`.
    pub daemon: bool,
}

impl Gastown {
    /// The roles that gt's daemon keeps alive by itself.
    pub const SUPERVISED: [&str; 4] = ["mayor", "deacon", "witness", "refinery"];

    /// The session of the automonitor. gtctl replaces it.
    pub const AUTOMONITOR: &str = "gt-automonitor";
}

/// How a rig rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Rest {
    /// `gt rig park`: it rests for now.
    Parked,
    /// `gt rig dock`: it rests for long.
    Docked,
    /// Its `auto_restart` is off.
    NoRestart,
    /// Its file cannot be understood. Running sessions are not ended, and missing ones are started.
    Untold,
}

impl Rest {
    /// The words for it, in messages and JSON.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Parked => "parked",
            Self::Docked => "docked",
            Self::NoRestart => "set to no automatic restart",
            Self::Untold => "in an unknown state",
        }
    }
}

/// Why a step waits because of Gas Town's files.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum GastownHold {
    /// There is an emergency stop.
    EmergencyStop {
        /// The stopped rig. None if the whole town is stopped.
        rig: Option<String>,
        /// The reason, not sanitised. It may be empty.
        why: String,
    },
    /// `gt down` is under way.
    #[strum(serialize = "gt-shutdown")]
    ShuttingDown,
    /// Its rig rests.
    RigRests {
        /// The rig.
        rig: String,
        /// How it rests.
        rest: Rest,
    },
    /// The deacon is paused.
    DeaconPaused {
        /// The reason, not sanitised. It may be empty.
        why: String,
    },
    /// gt's daemon runs. It would start again what gtctl ends.
    #[strum(serialize = "gt-daemon")]
    Daemon,
}

impl GastownHold {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// The evidence by name, without the code.
    #[must_use]
    pub fn evidence(&self) -> Evidence {
        match self {
            Self::EmergencyStop { rig, why } => [("rig", json!(rig)), ("why", json!(why))].into(),
            Self::RigRests { rig, rest } => {
                [("rig", json!(rig)), ("rest", json!(rest.word()))].into()
            }
            Self::DeaconPaused { why } => [("why", json!(why))].into(),
            Self::ShuttingDown | Self::Daemon => Evidence::new(),
        }
    }

    /// Whether a person should see it. A rig or a deacon that rests because a person asked for it
    /// is as it should be.
    #[must_use]
    pub fn needs_somebody(&self) -> bool {
        match self {
            Self::EmergencyStop { .. }
            | Self::RigRests {
                rest: Rest::Untold, ..
            }
            | Self::Daemon => true,
            Self::RigRests {
                rest: Rest::Parked | Rest::Docked | Rest::NoRestart,
                ..
            }
            | Self::ShuttingDown
            | Self::DeaconPaused { .. } => false,
        }
    }
}
