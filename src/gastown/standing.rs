//! What Gas Town's files ask of its sessions now: read at every look, and cheap where there is
//! nothing.

use super::file::{self, is_absent};
use super::lock::is_held;
use crate::model::{Gastown, Rest};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

const ESTOP: &str = "ESTOP";
const DAEMON_LOCK: &str = "daemon/daemon.lock";
const SHUTDOWN_LOCK: &str = "daemon/shutdown.lock";
const DEACON_PAUSED: &str = ".runtime/deacon/paused.json";

/// The most rigs that are asked about.
const MOST_RIGS: usize = 256;

/// What is to be heeded now.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Standing {
    /// What it comes to.
    pub gastown: Gastown,
    /// What could not be understood, for people. None of it ends anything.
    pub notices: Vec<String>,
}

/// Reads what stands in the files below a root, of the town and of these rigs.
///
/// An emergency stop counts by its file alone, whatever is in it. A lock counts as long as a
/// process holds it. Where that cannot be determined, a shutdown counts as under way, as gt has it, and
/// the daemon as not running.
#[must_use]
pub fn standing<'r>(root: &Path, rigs: impl IntoIterator<Item = &'r str>) -> Standing {
    let mut notices = Vec::new();
    let estop = stop(root, ESTOP, &mut notices);
    let (mut stopped_rigs, mut resting) = (BTreeMap::new(), BTreeMap::new());
    for rig in rigs_of(rigs) {
        stopped_rigs
            .extend(stop(root, &stop_file(rig), &mut notices).map(|why| (rig.to_owned(), why)));
        resting.extend(rest(root, rig, &mut notices).map(|rest| (rig.to_owned(), rest)));
    }
    let mut lock = |path, untold| {
        is_held(root, path).unwrap_or_else(|why| {
            notices.push(why);
            untold
        })
    };
    let (shutting_down, daemon) = (lock(SHUTDOWN_LOCK, true), lock(DAEMON_LOCK, false));
    let deacon_paused = paused(root, &mut notices);
    Standing {
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

/// The files whose changes are worth a look; locks are not among them: nothing tells when they are
/// taken.
#[must_use]
pub fn watched<'r>(root: &Path, rigs: impl IntoIterator<Item = &'r str>) -> BTreeSet<PathBuf> {
    let of_rig = |rig| [stop_file(rig), rest_file(rig)];
    let fixed = [ESTOP.to_owned(), DEACON_PAUSED.to_owned()];
    fixed
        .into_iter()
        .chain(rigs_of(rigs).flat_map(of_rig))
        .map(|file| root.join(file))
        .collect()
}

/// Each rig once; a name that is no single part of a path is none.
fn rigs_of<'r>(rigs: impl IntoIterator<Item = &'r str>) -> impl Iterator<Item = &'r str> {
    let is_name = |rig: &&str| !rig.is_empty() && !rig.contains(['/', '\0']);
    rigs.into_iter()
        .filter(is_name)
        .collect::<BTreeSet<&str>>()
        .into_iter()
        .take(MOST_RIGS)
}

fn stop_file(rig: &str) -> String {
    format!("{ESTOP}.{rig}")
}

fn rest_file(rig: &str) -> String {
    format!(".beads-wisp/config/{rig}.json")
}

/// Why there is an emergency stop, where there is one. The file says `trigger<TAB>time<TAB>reason`.
fn stop(root: &Path, path: &str, notices: &mut Vec<String>) -> Option<String> {
    match std::fs::metadata(root.join(path)) {
        Ok(_) => {}
        Err(e) if is_absent(&e) => return None,
        Err(e) => {
            notices.push(format!("{path} cannot be looked for ({e})"));
            return None;
        }
    }
    let text = file::text_of(root, path).ok().flatten().unwrap_or_default();
    let mut parts = text.trim().splitn(3, '\t').map(str::trim);
    let (trigger, _, reason) = (
        parts.next().unwrap_or_default(),
        parts.next(),
        parts.next().unwrap_or_default(),
    );
    Some(if reason.is_empty() { trigger } else { reason }.to_owned())
}

/// How a rig rests: `{"values": {"status": "parked", "auto_restart": false}, "blocked": []}`; flat
/// on older towns.
fn rest(root: &Path, rig: &str, notices: &mut Vec<String>) -> Option<Rest> {
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
    let off = values
        .get("auto_restart")
        .is_some_and(|value| *value == Value::Bool(false) || *value == "false");
    (off || is_blocked).then_some(Rest::NoRestart)
}

/// Why the deacon is paused, where it is: `{"paused": true, "reason": …}`. What cannot be
/// understood counts as paused: gt writes this file only to pause.
fn paused(root: &Path, notices: &mut Vec<String>) -> Option<String> {
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
