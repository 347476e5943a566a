//! Checks that tmux is installed, works, and is new enough.

use super::install::{elsewhere, get, on_path, prefer, tmux_of_system};
use super::{Patient, shown};
use crate::model::{Checked, Fix};
use crate::tmux::{CallAnswer, CallFault};
use std::io::ErrorKind;

const CHECK: &str = "tmux";
/// A release: major, minor, and the letter after them or a blank.
type Release = (u32, u32, char);
/// The oldest release with all commands that gtctl needs.
const OLDEST: Release = (3, 2, ' ');
/// The oldest release with which gtctl is tested.
const TESTED: Release = (3, 3, 'a');
/// The first release that misses no exit of a process.
const MISSES_NO_EXIT: Release = (3, 6, ' ');

/// The result of the check, and whether tmux runs at all.
pub(super) async fn check(patient: &Patient<'_>) -> (Checked, bool) {
    match patient.client.version().await {
        Ok(answer) => match version(&answer) {
            Some(version) => (judge(version), true),
            None => (broken(&format!("`tmux -V` {}", outcome(&answer))), false),
        },
        Err(CallFault::NotInstalled(fault)) if fault.kind() == ErrorKind::NotFound => {
            (missing(), false)
        }
        Err(CallFault::NotInstalled(fault)) => {
            (broken(&format!("cannot run tmux: {fault}")), false)
        }
        Err(fault) => (broken(&format!("`tmux -V` gave no answer: {fault}")), false),
    }
}

/// Warns about tmux-continuum, a plugin that restores sessions after a reboot.
///
/// It restores them as plain shells. Each takes the name of a declared session.
pub(super) async fn restored(patient: &Patient<'_>) -> Option<Checked> {
    let answer = patient
        .client
        .call(&["show-options", "-gqv", "@continuum-restore"], "")
        .await
        .ok()?;
    let is_on = answer.success && answer.out.trim() == "on";
    let message = "`@continuum-restore` is on: after a reboot tmux-continuum restores sessions as plain shells with the names of \
                declared sessions; `gtctl adopt --replace SESSION` replaces an idle one";
    let off = super::server::tmux_command(patient);
    let off =
        off.iter()
            .map(String::as_str)
            .chain(["set-option", "-g", "@continuum-restore", "off"]);
    is_on.then(|| Checked::ailing("restore", message.to_owned(), Fix::run(off)))
}

fn missing() -> Checked {
    let message = match elsewhere(CHECK, None) {
        Some(file) => format!("it is at {}, which is not on PATH", shown(&file)),
        None => "it is not installed".to_owned(),
    };
    Checked::failing(CHECK, message, get(CHECK))
}

/// A program called tmux that does not work. The fix prefers another one, if there is one.
fn broken(why: &str) -> Checked {
    let Some(here) = on_path(CHECK) else {
        return missing();
    };
    let fix = elsewhere(CHECK, Some(&here)).map_or_else(
        || Fix::run(["ls", "-l", &shown(&here)]),
        |file| prefer(&file),
    );
    Checked::failing(CHECK, format!("{} does not work: {why}", shown(&here)), fix)
}

/// What a command did, as the end of a sentence: "failed: LINE".
fn outcome(answer: &CallAnswer) -> String {
    let first_line = answer
        .out
        .lines()
        .chain(answer.err.lines())
        .find(|line| !line.trim().is_empty());
    match (first_line, answer.success) {
        (Some(line), true) => format!("printed `{line}`"),
        (Some(line), false) => format!("failed: {line}"),
        (None, true) => "printed nothing".to_owned(),
        (None, false) => "failed without a message".to_owned(),
    }
}

/// The version in the answer to `tmux -V`, without `tmux` before it.
fn version(answer: &CallAnswer) -> Option<&str> {
    let line = answer.out.lines().next().filter(|_| answer.success)?;
    line.strip_prefix("tmux ")
        .map(str::trim)
        .filter(|version| !version.is_empty())
}

fn judge(version: &str) -> Checked {
    let at = on_path(CHECK).map_or_else(String::new, |file| format!(" at {}", shown(&file)));
    let Some(release) = release(version) else {
        return Checked::well(
            CHECK,
            format!("{version}{at}: not a release, so gtctl is not tested with it"),
        );
    };
    if release < OLDEST {
        let message =
            format!("{version}{at} is too old: gtctl needs 3.2, and is tested with 3.3a and later");
        return Checked::failing(CHECK, message, newer());
    }
    if release < TESTED {
        let message = format!("{version}{at}: gtctl is tested with 3.3a and later");
        return Checked::ailing(CHECK, message, newer());
    }
    let note = if release < MISSES_NO_EXIT {
        "; it may miss exits (up to 3.5a); gtctl detects them itself"
    } else {
        ""
    };
    Checked::well(CHECK, format!("{version}{at}{note}"))
}

/// The fix for a tmux that is too old: another one on this machine, or the system's newest.
fn newer() -> Fix {
    let other = on_path(CHECK).and_then(|here| elsewhere(CHECK, Some(&here)));
    other.map_or_else(tmux_of_system, |file| prefer(&file))
}

/// Reads `3.3a`, `next-3.6` and the like.
fn release(version: &str) -> Option<Release> {
    let version = version.strip_prefix("next-").unwrap_or(version);
    let (major, minor_and_letter) = version.split_once('.')?;
    let digits_end = minor_and_letter
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(minor_and_letter.len());
    let (minor, letter) = minor_and_letter.split_at(digits_end);
    Some((
        major.parse().ok()?,
        minor.parse().ok()?,
        letter.chars().next().unwrap_or(' '),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn releases_are_in_order() {
        let of = |text| release(text).unwrap();
        let rising = [
            "1.8", "2.9a", "3.1c", "3.2", "3.2a", "3.3", "3.3a", "3.4", "3.5a", "next-3.6", "3.6a",
            "3.10",
        ];
        assert!(rising.windows(2).all(|pair| of(pair[0]) < of(pair[1])));
        assert_eq!(
            (release("master"), release(""), release("3.x")),
            (None, None, None)
        );
    }
}
