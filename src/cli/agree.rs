//! Whether this process may act on a town. It may not while another process keeps the town by
//! another definition.
//!
//! Two processes with different files or settings would undo each other's restarts for ever. So
//! whoever acts compares its layers with the last ones in force. Those are the layers of the
//! running controller, or of the last verb that acted.

use super::ask;
use super::elsewhere;
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::Place;
use super::states::keeper;
use crate::model::{Heartbeat, InForce, Keeper, Layers, Period};
use crate::proc;
use crate::store::{LastGood, StateDir, View};
use std::fs;
use std::path::Path;

/// How long a controller may take to read a manifest that was just edited.
const READ_PATIENCE: Period = Period::from_secs(4);
/// How often this process asks meanwhile.
const LOOK_EVERY: Period = Period::from_millis(100);

/// Makes sure that this process may act on the town, and writes down its definition.
///
/// # Errors Where other layers are in force for the town, and it may not be taken over.
pub(super) async fn agree(place: &Place, terminal: &Terminal) -> Result<Layers, Trouble> {
    elsewhere::make_way(place)?;
    let view = View::of(&place.state);
    let ours = place.layers()?;
    let kept = view.last_good().map(|good| good.layers);
    let mut takes_over = place.may_take_over();
    if !takes_over {
        let objection = kept
            .as_ref()
            .and_then(|theirs| objection(place, &ours, theirs));
        if let Some(objection) = objection {
            takes_over = somebody_agrees(&objection)?;
            if !takes_over {
                return Err(objection);
            }
        }
        wait_for_reading(&view, &ours, terminal).await?;
    }
    let ours = match kept {
        // A file can have several paths. The written one stays, so that nobody takes it for another
        // file.
        Some(theirs) if are_alike(&ours, &theirs) => Layers {
            outcome: ours.outcome,
            ..theirs
        },
        // Layers that say the same do no harm. A controller with such layers may go on.
        Some(theirs) if !takes_over && theirs.outcome == ours.outcome && is_kept(&view) => {
            return Ok(theirs);
        }
        Some(_) | None => ours,
    };
    if let Err(trouble) = write_down(place, &ours) {
        // If the note cannot be written while an old one stands, others would follow the old one:
        // that is a fault. With no old note, only the note is lost: on a full disk missing sessions
        // are still started.
        if view
            .last_good()
            .is_some_and(|kept| !kept.layers.are_those_of(&ours))
        {
            return Err(trouble);
        }
        terminal.warn(&format!(
            "cannot save which manifest controls this town: {}",
            trouble.message
        ));
    }
    Ok(ours)
}

/// Asks somebody at the terminal about another manifest than the last applied one. While a
/// controller runs the town there is nothing to ask: the two would fight.
fn somebody_agrees(objection: &Trouble) -> Result<bool, Trouble> {
    if objection.exit() == Exit::Held || !ask::is_somebody_there() {
        return Ok(false);
    }
    ask::consents(&format!("{}. Use this one from now on?", objection.message))
}

/// Warns where this definition is not the one in force for the town. For verbs that only look.
pub(super) fn warn_of_others(place: &Place, terminal: &Terminal) {
    let view = View::of(&place.state);
    // A controller of this state directory has looked for others when it began, and others refuse to
    // begin beside it. Not to look again saves some 8 ms: so long Linux takes to list its locks
    // (measured with 6.18: it waits until every processor has switched tasks).
    let other = (!is_kept(&view)).then(|| elsewhere::find(place)).flatten();
    if let Some(other) = other {
        terminal.warn(&format!(
            "{}: its memory is not visible here",
            other.in_words()
        ));
    }
    let Some(theirs) = view.last_good().map(|good| good.layers) else {
        return;
    };
    let is_alike = place
        .file
        .sources()
        .is_ok_and(|ours| are_alike(&ours, &theirs));
    if !is_alike
        && let Ok(ours) = place.layers()
        && let Some(objection) = objection(place, &ours, &theirs)
    {
        terminal.warn(&format!(
            "{} (this output uses what was read here)",
            objection.message
        ));
    }
}

/// Writes down the definition now in force.
fn write_down(place: &Place, layers: &Layers) -> Result<(), Trouble> {
    let good = LastGood {
        layers: layers.clone(),
        town_text: place.texts.town.clone(),
        user_text: place.texts.user.clone(),
        included: place.texts.included.clone(),
    };
    Ok(StateDir::open(&place.state)?.keep_last_good(&good)?)
}

/// Why this process must not act. None where it may.
fn objection(place: &Place, ours: &Layers, theirs: &Layers) -> Option<Trouble> {
    if theirs.outcome == ours.outcome || are_alike(ours, theirs) {
        return None;
    }
    let town = &place.town.name;
    let state = View::of(&place.state);
    if let Some(who) = controller_of(&state) {
        let differences = differences(ours, theirs).join("; ");
        let message = format!(
            "{who} controls town {town} with another definition, and the two would fight: {differences}"
        );
        return Some(
            Trouble::new(message)
                .help(way_out(theirs))
                .exits(Exit::Held),
        );
    }
    // No controller runs, so nobody would undo this. Other settings are allowed; another manifest
    // is not.
    if is_same_file(&ours.file, &theirs.file) || !still_declares(place, &theirs.file) {
        return None;
    }
    let (ours, other) = (ours.file.display(), theirs.file.display());
    let message = format!(
        "{other} controlled town {town} last, and this is {ours}: one town has one manifest"
    );
    Some(Trouble::new(message).help(way_out(theirs)))
}

fn way_out(theirs: &Layers) -> String {
    let file = theirs.file.display();
    format!(
        "use that one (gtctl -f {file} …), give one of them another `town.name`, or add `--take-over`"
    )
}

/// Says what differs, and names both sides.
fn differences(ours: &Layers, theirs: &Layers) -> Vec<String> {
    let mut found = Vec::new();
    // Relative paths in a manifest begin at its folder. So a link to it in another folder is
    // another definition.
    let is_same =
        is_same_file(&ours.file, &theirs.file) && ours.file.parent() == theirs.file.parent();
    if !is_same {
        found.push(format!(
            "its manifest is {}, this one is {}",
            theirs.file.display(),
            ours.file.display()
        ));
    }
    // A user file that does not exist says nothing.
    if let (Some(ours), Some(theirs)) = (&ours.user, &theirs.user)
        && !is_same_file(ours, theirs)
        && (ours.exists() || theirs.exists())
    {
        found.push(format!(
            "its config.toml is {}, this one is {}",
            theirs.display(),
            ours.display()
        ));
    }
    for (name, value) in &ours.variables {
        match theirs.variables.get(name) {
            None => found.push(format!("{name} is set here, not for it")),
            Some(other) if other != value => found.push(format!("{name} has another value for it")),
            Some(_) => {}
        }
    }
    let only_theirs = theirs
        .variables
        .keys()
        .filter(|name| !ours.variables.contains_key(*name));
    found.extend(only_theirs.map(|name| format!("{name} is set for it, not here")));
    found
}

fn are_alike(ours: &Layers, theirs: &Layers) -> bool {
    differences(ours, theirs).is_empty()
}

fn is_same_file(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// Whether the file still exists and still declares this town. A file that was moved, removed or
/// given to another town does not count any more.
fn still_declares(place: &Place, file: &Path) -> bool {
    let other: ManifestFile = place.file.at(file);
    match other.try_load() {
        Ok(Ok(loaded)) => loaded.town.name == place.town.name,
        // It is broken, perhaps only for a moment.
        Ok(Err(_)) => true,
        Err(_) => file.exists(),
    }
}

fn is_kept(state: &View) -> bool {
    controller_of(state).is_some()
}

/// The running controller, in words.
fn controller_of(state: &View) -> Option<String> {
    let pid = match keeper(state, proc::clock::now()) {
        Keeper::Nobody => return None,
        Keeper::Silent { process, age: _ } => process.pid,
        Keeper::Beating(beat) => beat.controller.pid,
    };
    (pid != std::process::id()).then(|| format!("a controller (process {pid})"))
}

/// A controller that could not read these files still has an older definition in force. It gets
/// time to read them. If it does not, this process gives way.
async fn wait_for_reading(state: &View, ours: &Layers, terminal: &Terminal) -> Result<(), Trouble> {
    let begun = proc::clock::now();
    let mut is_told = false;
    loop {
        let now = proc::clock::now();
        let Keeper::Beating(beat) = keeper(state, now) else {
            return Ok(());
        };
        let Heartbeat {
            controller,
            manifest: InForce::LastGood { since: _, why },
            ..
        } = *beat
        else {
            return Ok(());
        };
        let is_the_same = state
            .last_good()
            .is_some_and(|good| good.layers.outcome == ours.outcome);
        if is_the_same || controller.pid == std::process::id() {
            return Ok(());
        }
        if now.since(&begun) >= READ_PATIENCE {
            let message = format!(
                "a controller (process {}) uses the last good manifest, not this one, and the two would fight: {why}",
                controller.pid
            );
            return Err(Trouble::new(message)
                .help("stop it and start it again, or add `--take-over`")
                .exits(Exit::Held));
        }
        if !is_told {
            terminal.note("the controller has not read the manifest yet: waiting for it");
            is_told = true;
        }
        tokio::time::sleep(LOOK_EVERY.to_std()).await;
    }
}
