//! Checks that agents have their instructions, and that the watcher has any.

use super::Patient;
use super::shown;
use crate::act::{Instructions, instructions};
use crate::model::{Checked, Desired, Fix, Town};

const CHECK: &str = "instructions";
/// The end of the watcher's name. In Gas Town's guide the watcher looks after the other agents.
const WATCHER: &str = "-crew-watcher";
/// The files that agents read when they start.
const READ: [&str; 3] = ["CLAUDE.md", "AGENTS.md", "GEMINI.md"];

pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let declared = patient.town.into_iter().flat_map(Town::declared);
    declared
        .filter_map(|desired| of_session(desired).or_else(|| watcher(desired)))
        .collect()
}

fn of_session(desired: &Desired) -> Option<Checked> {
    let (file, standing) = instructions(desired)?;
    let (at, name) = (shown(&file), &desired.name);
    Some(match standing {
        Instructions::Same => Checked::well(CHECK, format!("{name} has its instructions in {at}")),
        Instructions::Fresh => Checked::well(
            CHECK,
            format!("{name} gets its instructions in {at} at its next start"),
        ),
        Instructions::NoDir => return None,
        Instructions::Edited { beside, told: true } => Checked::ailing(
            CHECK,
            format!(
                "{at} was edited or is not from gtctl, so it stays: the instructions of {name} are beside it"
            ),
            // The fix keeps what the user wrote, under another name.
            Fix::line(format!(
                "{} && {}",
                Fix::run(["mv", &at, &format!("{at}.mine")]).as_str(),
                Fix::run(["mv", &shown(&beside), &at]).as_str()
            )),
        ),
        Instructions::Edited { .. } => Checked::well(
            CHECK,
            format!("{at} is not from gtctl, so it stays; {name} reads it"),
        ),
        Instructions::Unreadable(why) => {
            let source = desired
                .instructions
                .as_deref()
                .map(shown)
                .unwrap_or_default();
            Checked::failing(
                CHECK,
                format!("the instructions of {name} cannot be read: {why}"),
                Fix::run(["ls", "-l", &source]),
            )
        }
    })
}

/// Warns if the watcher has no instructions: it would not know what to watch.
fn watcher(desired: &Desired) -> Option<Checked> {
    let is_watcher = desired.role == "crew" && desired.name.as_str().ends_with(WATCHER);
    if !is_watcher
        || !desired.dir.is_dir()
        || READ.iter().any(|file| desired.dir.join(file).is_file())
    {
        return None;
    }
    let message = format!(
        "{} has no instructions in {}: it does not know what to watch",
        desired.name,
        shown(&desired.dir)
    );
    let file = shown(&desired.dir.join(desired.agent.reads()));
    Some(Checked::ailing(
        CHECK,
        message,
        Fix::run(["gtctl", "init", "--watcher", &file]),
    ))
}
