//! Messages about Gas Town's own files: what they hold back, and who else keeps the town.

use super::json::Why;
use super::sanitise;
use super::style::{Paper, Role};
use super::view::Scene;
use super::words::{self, gastown_obstacle};
use crate::model::SortedMap;
use crate::model::{Gastown, GastownHold, Life, Observed, Rest};

/// The longest reason that is shown, in characters.
const WORD: usize = 100;

/// One message about the whole town.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// A stable word for programs.
    pub code: &'static str,
    /// A sanitised sentence for people.
    pub text: String,
}

/// All messages, the gravest first.
#[must_use]
pub fn remarks(scene: &Scene<'_>) -> Vec<Remark> {
    let Gastown {
        estop,
        stopped_rigs,
        resting,
        deacon_paused,
        shutting_down,
        daemon,
    } = &scene.town.gastown;
    let mut holds = Vec::new();
    holds.extend(estop.iter().map(|why| GastownHold::EmergencyStop {
        rig: None,
        why: why.clone(),
    }));
    holds.extend(shutting_down.then_some(GastownHold::ShuttingDown));
    let of_rig = |(rig, why): (&String, &String)| GastownHold::EmergencyStop {
        rig: Some(rig.clone()),
        why: why.clone(),
    };
    holds.extend(stopped_rigs.iter().map(of_rig));
    holds.extend(resting.iter().map(|(rig, rest)| GastownHold::RigRests {
        rig: rig.clone(),
        rest: *rest,
    }));
    holds.extend(
        deacon_paused
            .iter()
            .map(|why| GastownHold::DeaconPaused { why: why.clone() }),
    );
    let mut remarks: Vec<Remark> = holds.iter().map(of_hold).collect();
    remarks.extend(daemon.then(|| of_daemon(scene)).flatten());
    remarks.extend(of_automonitor(scene));
    remarks
}

/// The same as lines, each with a mark. Empty without messages.
#[must_use]
pub fn lines(scene: &Scene<'_>, paper: &Paper) -> String {
    let line = |remark: Remark| {
        format!(
            "{} {}\n",
            paper.colour.paint(Role::Change, "!"),
            remark.text
        )
    };
    remarks(scene).into_iter().map(line).collect()
}

/// The same for programs.
#[must_use]
pub(super) fn whys(scene: &Scene<'_>) -> Vec<Why> {
    let why = |remark: Remark| Why::new(remark.code, remark.text, SortedMap::new());
    remarks(scene).into_iter().map(why).collect()
}

fn of_hold(hold: &GastownHold) -> Remark {
    let effect = match hold {
        GastownHold::EmergencyStop { .. } => ": nothing there is started, restarted or expired",
        GastownHold::ShuttingDown => ": nothing is started",
        GastownHold::RigRests {
            rest: Rest::Untold, ..
        } => ": nothing that runs there is restarted",
        GastownHold::RigRests { .. } => ": nothing there is started or restarted",
        GastownHold::DeaconPaused { .. } => ": it is neither started, restarted nor nudged",
        GastownHold::Daemon => "",
    };
    let way_out = way_out(hold).map_or_else(String::new, |way_out| format!("; {way_out}"));
    Remark {
        code: hold.code(),
        text: format!("{}{effect}{way_out}", gastown_obstacle(hold)),
    }
}

/// Says that gt's daemon keeps sessions of this town too: those of the roles that it knows.
fn of_daemon(scene: &Scene<'_>) -> Option<Remark> {
    let roles: Vec<&str> = Gastown::SUPERVISED
        .into_iter()
        .filter(|role| scene.town.declared().any(|desired| desired.role == *role))
        .collect();
    let (last, others) = roles.split_last()?;
    let roles = if others.is_empty() {
        (*last).to_owned()
    } else {
        format!("{} and {last}", others.join(", "))
    };
    let text = format!(
        "gt's daemon supervises {roles} too: it starts them itself, so gtctl expires none of them; `gt daemon stop` \
         leaves them to gtctl"
    );
    Some(Remark {
        code: "gt-daemon",
        text,
    })
}

/// Says that the loop which gtctl replaces still runs.
fn of_automonitor(scene: &Scene<'_>) -> Option<Remark> {
    let Observed::Up(server) = scene.observed else {
        return None;
    };
    let seen = server.sessions.get(Gastown::AUTOMONITOR)?;
    if let Life::Dead { .. } = seen.life {
        return None;
    }
    let text = format!(
        "two controllers: the automonitor still runs in session {0}; `{1} kill-session -t ={0}:` stops it",
        Gastown::AUTOMONITOR,
        words::tmux(&scene.town.socket)
    );
    Some(Remark {
        code: "two-masters",
        text,
    })
}

/// What lifts it.
fn way_out(hold: &GastownHold) -> Option<String> {
    let of_rig = |verb: &str, rig: &str| {
        format!(
            "`gt rig {verb} {}` lifts it",
            words::shell(&[rig.to_owned()])
        )
    };
    match hold {
        GastownHold::EmergencyStop { rig: None, .. } => Some("`gt thaw` lifts it".to_owned()),
        GastownHold::EmergencyStop { rig: Some(rig), .. } => Some(format!(
            "`gt thaw --rig {}` lifts it",
            words::shell(std::slice::from_ref(rig))
        )),
        GastownHold::ShuttingDown => None,
        GastownHold::RigRests {
            rig,
            rest: Rest::Parked,
        } => Some(of_rig("unpark", rig)),
        GastownHold::RigRests {
            rig,
            rest: Rest::Docked,
        } => Some(of_rig("undock", rig)),
        GastownHold::RigRests {
            rig,
            rest: Rest::NoRestart,
        } => Some(format!(
            "`gt rig config unset {} auto_restart` lifts it",
            words::shell(std::slice::from_ref(rig))
        )),
        GastownHold::RigRests {
            rig,
            rest: Rest::Untold,
        } => Some(format!(
            "see .beads-wisp/config/{}.json",
            sanitise::line(rig, WORD)
        )),
        GastownHold::DeaconPaused { .. } => Some("`gt deacon resume` lifts it".to_owned()),
        GastownHold::Daemon => Some("`gt daemon stop` lifts it".to_owned()),
    }
}
