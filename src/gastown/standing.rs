//! What Gas Town's files ask of the sessions now: stop, rest, wait for a shutdown.
//!
//! The controller reads this at every look. A town without such files costs a few failed opens.

use super::file::{self, is_absent};
use super::lock::is_held;
use crate::model::{Gastown, Rest};
use crate::model::{SortedMap, SortedSet};
use serde_json::Value;
use std::path::{Path, PathBuf};

const ESTOP: &str = "ESTOP";
const DAEMON_LOCK: &str = "daemon/daemon.lock";
const SHUTDOWN_LOCK: &str = "daemon/shutdown.lock";
const DEACON_PAUSED: &str = ".runtime/deacon/paused.json";

/// How many rigs are looked at.
const MAX_RIGS: usize = 256;

/// What Gas Town's files ask now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct GastownState {
    /// The values for the planner.
    pub gastown: Gastown,
    /// One sentence for each file that could not be understood, for people. A notice ends no
    /// session.
    pub notices: Vec<String>,
}

/// Reads the files of the town and of these rigs.
///
/// - An emergency stop counts if its file exists. Its content does not matter.
/// - A lock counts while a process holds it.
/// - If it cannot be determined whether a lock is held, a shutdown counts as under way, as in gt,
///   and the daemon counts as not running.
#[must_use]
pub fn standing<'r>(root: &Path, rigs: impl IntoIterator<Item = &'r str>) -> GastownState {
    let mut notices = Vec::new();
    let estop = stop_reason(root, ESTOP, &mut notices);
    let mut stopped_rigs = SortedMap::new();
    let mut resting = SortedMap::new();
    for rig in valid_rigs(rigs) {
        if let Some(reason) = stop_reason(root, &stop_file(rig), &mut notices) {
            stopped_rigs.insert(rig.to_owned(), reason);
        }
        if let Some(rest) = rest_of(root, rig, &mut notices) {
            resting.insert(rig.to_owned(), rest);
        }
    }
    let mut is_locked = |path, if_unknown| {
        is_held(root, path).unwrap_or_else(|why| {
            notices.push(why);
            if_unknown
        })
    };
    let shutting_down = is_locked(SHUTDOWN_LOCK, true);
    let daemon = is_locked(DAEMON_LOCK, false);
    let deacon_paused = pause_reason(root, &mut notices);
    GastownState {
        gastown: Gastown {
            estop,
            stopped_rigs,
            resting,
            deacon_paused,
            shutting_down,
            daemon,
        },
        notices,
    }
}

/// The files whose changes should cause a look.
///
/// Locks are not among them: the kernel reports no file event when a lock is taken.
#[must_use]
pub fn watched<'r>(root: &Path, rigs: impl IntoIterator<Item = &'r str>) -> SortedSet<PathBuf> {
    let files_of_town = [ESTOP.to_owned(), DEACON_PAUSED.to_owned()];
    let files_of_rigs = valid_rigs(rigs).flat_map(|rig| [stop_file(rig), rest_file(rig)]);
    files_of_town
        .into_iter()
        .chain(files_of_rigs)
        .map(|file| root.join(file))
        .collect()
}

/// Each rig once. Names that cannot be part of a file name are left out.
fn valid_rigs<'r>(rigs: impl IntoIterator<Item = &'r str>) -> impl Iterator<Item = &'r str> {
    let is_name = |rig: &&str| !rig.is_empty() && !rig.contains(['/', '\0']);
    let unique_rigs: SortedSet<&str> = rigs.into_iter().filter(is_name).collect();
    unique_rigs.into_iter().take(MAX_RIGS)
}

fn stop_file(rig: &str) -> String {
    format!("{ESTOP}.{rig}")
}

fn rest_file(rig: &str) -> String {
    format!(".beads-wisp/config/{rig}.json")
}

/// The reason of an emergency stop, or `None` if there is no stop.
///
/// The file holds `trigger<TAB>time<TAB>reason`. Without a reason the trigger is the reason.
fn stop_reason(root: &Path, path: &str, notices: &mut Vec<String>) -> Option<String> {
    match std::fs::metadata(root.join(path)) {
        Ok(_) => {}
        Err(e) if is_absent(&e) => return None,
        Err(e) => {
            notices.push(format!("{path} cannot be looked for ({e})"));
            return None;
        }
    }
    let text = file::text_of(root, path).ok().flatten().unwrap_or_default();
    let mut fields = text.trim().splitn(3, '\t').map(str::trim);
    let trigger = fields.next().unwrap_or_default();
    let _time = fields.next();
    let reason = fields.next().unwrap_or_default();
    Some(if reason.is_empty() { trigger } else { reason }.to_owned())
}

/// How a rig rests, or `None` if it does not.
///
/// The file holds `{"values": {"status": "parked", "auto_restart": false}, "blocked": []}`. Older
/// towns have the values at the top level.
fn rest_of(root: &Path, rig: &str, notices: &mut Vec<String>) -> Option<Rest> {
    let path = rest_file(rig);
    let config = match file::json(root, &path) {
        Ok(config) => config?,
        Err(why) => {
            notices.push(why);
            return Some(Rest::Untold);
        }
    };
    let values = config
        .get("values")
        .filter(|values| values.is_object())
        .unwrap_or(&config);
    if !values.is_object() {
        notices.push(format!("{path} holds no JSON object"));
        return Some(Rest::Untold);
    }
    match values.get("status").and_then(Value::as_str) {
        Some("parked") => return Some(Rest::Parked),
        Some("docked") => return Some(Rest::Docked),
        Some(_) | None => {}
    }
    let blocked = config.get("blocked").and_then(Value::as_array);
    let is_blocked = blocked
        .into_iter()
        .flatten()
        .any(|key| key == "auto_restart");
    let is_off = values
        .get("auto_restart")
        .is_some_and(|value| *value == Value::Bool(false) || *value == "false");
    (is_off || is_blocked).then_some(Rest::NoRestart)
}

/// The reason why the deacon is paused, or `None` if it is not.
///
/// The file holds `{"paused": true, "reason": …}`. A file that cannot be understood counts as a
/// pause: gt writes this file only to pause.
fn pause_reason(root: &Path, notices: &mut Vec<String>) -> Option<String> {
    let state = match file::json(root, DEACON_PAUSED) {
        Ok(state) => state?,
        Err(why) => {
            notices.push(why.clone());
            return Some(why);
        }
    };
    let is_over = state.get("paused") == Some(&Value::Bool(false));
    (!is_over).then(|| file::text(&state, "/reason").unwrap_or_default())
}
