//! Whether tmux is there, runs, and is of a version that will do.

use super::install::{elsewhere, get, on_path, prefer, tmux_of_system};
use super::{Patient, shown};
use crate::model::{Checked, Fix};
use crate::tmux::{CallAnswer, CallFault};
use std::io::ErrorKind;

const CHECK: &str = "tmux";
/// A release: major, minor, and the letter after it.
type Release = (u32, u32, char);
/// The oldest that can do what gtctl asks of it.
const OLDEST: Release = (3, 2, ' ');
/// The oldest that gtctl is tried with.
const TRIED: Release = (3, 3, 'a');
/// The first that loses no deaths of processes.
const WHOLE: Release = (3, 6, ' ');

/// What was found, and whether it runs at all.
pub(super) async fn check(patient: &Patient<'_>) -> (Checked, bool) {
    match patient.client.version().await {
        Ok(answer) => match version(&answer) {
            Some(version) => (judge(version), true),
            None => (broken(&format!("`tmux -V` {}", told(&answer))), false),
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

/// Whether a saver of sessions brings them back after a reboot, as bare shells that have the names
/// of declared ones.
pub(super) async fn restored(patient: &Patient<'_>) -> Option<Checked> {
    let answer = patient
        .client
        .call(&["show-options", "-gqv", "@continuum-restore"], "")
        .await
        .ok()?;
    let is_on = answer.success && answer.out.trim() == "on";
    let said = "`@continuum-restore` is on: after a reboot tmux-continuum restores sessions as plain shells with the names of \
                declared sessions; `gtctl adopt --replace SESSION` replaces an idle one";
    let off = super::server::tmux_command(patient);
    let off =
        off.iter()
            .map(String::as_str)
            .chain(["set-option", "-g", "@continuum-restore", "off"]);
    is_on.then(|| Checked::ailing("restore", said.to_owned(), Fix::run(off)))
}

fn missing() -> Checked {
    let said = match elsewhere(CHECK, None) {
        Some(file) => format!("it is at {}, which is not on PATH", shown(&file)),
        None => "it is not installed".to_owned(),
    };
    Checked::failing(CHECK, said, get(CHECK))
}

/// Something is called tmux and is none, or does not work: another may.
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

fn told(answer: &CallAnswer) -> String {
    let first = answer
        .out
        .lines()
        .chain(answer.err.lines())
        .find(|line| !line.trim().is_empty());
    match (first, answer.success) {
        (Some(line), true) => format!("printed `{line}`"),
        (Some(line), false) => format!("failed: {line}"),
        (None, true) => "printed nothing".to_owned(),
        (None, false) => "failed without a message".to_owned(),
    }
}

/// The version's text, without the name before it.
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
        let said =
            format!("{version}{at} is too old: gtctl needs 3.2, and is tested with 3.3a and later");
        return Checked::failing(CHECK, said, newer());
    }
    if release < TRIED {
        let said = format!("{version}{at}: gtctl is tested with 3.3a and later");
        return Checked::ailing(CHECK, said, newer());
    }
    let known = if release < WHOLE {
        "; it may miss exits (up to 3.5a); gtctl detects them itself"
    } else {
        ""
    };
    Checked::well(CHECK, format!("{version}{at}{known}"))
}

/// Another one that is there, or the system's newest.
fn newer() -> Fix {
    let other = on_path(CHECK).and_then(|here| elsewhere(CHECK, Some(&here)));
    other.map_or_else(tmux_of_system, |file| prefer(&file))
}

/// Reads `3.3a`, `next-3.6` and the like.
fn release(version: &str) -> Option<Release> {
    let version = version.strip_prefix("next-").unwrap_or(version);
    let (major, rest) = version.split_once('.')?;
    let end = rest
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(rest.len());
    let (minor, letter) = rest.split_at(end);
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
