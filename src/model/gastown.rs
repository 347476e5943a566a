//! What Gas Town's own files ask of the sessions of its town, and what they hold back.

use super::Evidence;
use serde_json::json;
use std::collections::BTreeMap;
use strum::IntoStaticStr;

/// What stands in Gas Town's files now. `Gastown::default()` asks nothing of anybody.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Gastown {
    /// The emergency stop of the whole town (file `ESTOP`): why, unsanitised and perhaps empty.
    pub estop: Option<String>,
    /// The same of single rigs (file `ESTOP.<rig>`), by rig.
    pub stopped_rigs: BTreeMap<String, String>,
    /// Rigs that do not work, by rig.
    pub resting: BTreeMap<String, Rest>,
    /// The deacon is paused: why, unsanitised and perhaps empty.
    pub deacon_paused: Option<String>,
    /// `gt down` is under way: somebody holds `daemon/shutdown.lock`.
    pub shutting_down: bool,
    /// gt's own daemon runs: somebody holds `daemon/daemon.lock`.
    pub daemon: bool,
}

impl Gastown {
    /// The roles that gt's daemon keeps alive by itself.
    pub const SUPERVISED: [&str; 4] = ["mayor", "deacon", "witness", "refinery"];

    /// The session of the automonitor that gtctl replaces.
    pub const AUTOMONITOR: &str = "gt-automonitor";
}

/// How a rig rests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rest {
    /// `gt rig park`: for now.
    Parked,
    /// `gt rig dock`: for long.
    Docked,
    /// Its `auto_restart` is off.
    NoRestart,
    /// Its file cannot be understood: nothing that runs is ended, and what is missing is started.
    Untold,
}

impl Rest {
    /// The word for it.
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

/// What Gas Town's files hold back.
#[derive(Debug, Clone, PartialEq, Eq, IntoStaticStr)]
#[strum(serialize_all = "kebab-case")]
pub enum GastownHold {
    /// Emergency stop.
    EmergencyStop {
        /// Of this rig; none where it is of the whole town.
        rig: Option<String>,
        /// Why, unsanitised and perhaps empty.
        why: String,
    },
    /// `gt down` is under way.
    #[strum(serialize = "gt-shutdown")]
    ShuttingDown,
    /// Its rig does not work.
    RigRests {
        /// Which rig.
        rig: String,
        /// How.
        rest: Rest,
    },
    /// The deacon is paused.
    DeaconPaused {
        /// Why, unsanitised and perhaps empty.
        why: String,
    },
    /// gt's daemon would start what is ended here.
    #[strum(serialize = "gt-daemon")]
    Daemon,
}

impl GastownHold {
    /// The stable code, for JSON and logs.
    #[must_use]
    pub fn code(&self) -> &'static str {
        self.into()
    }

    /// Its evidence by name; without its code.
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

    /// Whether it deserves to be seen: what somebody asked for of a rig or the deacon is as it
    /// should be.
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
