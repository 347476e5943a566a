//! A controller that keeps the same town with another state directory.
//!
//! Which state directory a town has follows from `HOME`, `XDG_STATE_HOME` and `--state-dir`, so its
//! lock keeps nobody out who has others. But the kernel tells who holds locks, and a controller
//! writes into its lock file what it keeps: that is the same town where the name is, and the tmux
//! server or the manifest.

use super::exit::{Exit, Trouble};
use super::place::Place;
use crate::model::{Period, ProcId};
use crate::proc::{self, locks, process, signal};
use crate::store::{CONTROLLER_LOCK, Keeps, kept_in};
use std::path::{Path, PathBuf};

/// How long a controller has to end that is told to.
const PATIENCE: Period = Period::from_secs(40);
/// How often it is asked meanwhile.
const LOOK_EVERY: Period = Period::from_millis(50);

/// Such a controller.
pub(super) struct Elsewhere {
    process: ProcId,
    state: PathBuf,
    keeps: Keeps,
}

impl Elsewhere {
    /// Who keeps which town, and with what.
    pub(super) fn in_words(&self) -> String {
        let Self {
            process,
            state,
            keeps:
                Keeps {
                    town,
                    socket: _,
                    file,
                },
        } = self;
        let (pid, state, file) = (process.pid, state.display(), file.display());
        format!(
            "a controller (process {pid}) already controls town {town}, with state directory {state} and manifest {file}"
        )
    }
}

/// The controller that keeps this place's town with another state directory, if there is one.
pub(super) fn find(place: &Place) -> Option<Elsewhere> {
    let ours = place.keeps().ok()?;
    let is_ours = |state: &Path| is_same(state, &place.state);
    let others = locks::holders(CONTROLLER_LOCK)
        .into_iter()
        .filter_map(|(process, held)| {
            // Whoever has only opened the file has not signed it.
            let (_, keeps) = kept_in(&held.open).filter(|(signed, _)| *signed == process)?;
            Some(Elsewhere {
                process,
                state: held.path.parent()?.to_path_buf(),
                keeps,
            })
        });
    let mut others = others.filter(|other| {
        let Keeps { town, socket, file } = &other.keeps;
        *town == ours.town && (*socket == ours.socket || *file == ours.file)
    });
    others.find(|other| !is_ours(&other.state))
}

fn is_same(one: &Path, other: &Path) -> bool {
    let real = |path: &Path| std::fs::canonicalize(path).ok();
    one == other || real(one).is_some_and(|one| real(other) == Some(one))
}

/// Sees to it that no such controller is there: it is ended where the town may be taken over.
///
/// # Errors
/// Where it may not be, or where it does not end. Both state directories are named.
pub(super) fn make_way(place: &Place) -> Result<(), Trouble> {
    let Some(other) = find(place) else {
        return Ok(());
    };
    if !place.may_take_over() {
        return Err(refusal(place, &other));
    }
    tracing::info!(
        pid = other.process.pid,
        "stopping the other controller of this town"
    );
    let _ = signal::signal(other.process, signal::Signal::TERM);
    let begun = proc::clock::now();
    while process::may_live(other.process) {
        if proc::clock::now().since(&begun) >= PATIENCE {
            let what = format!("{}, and it does not exit", other.in_words());
            let help = format!(
                "`ps -p {} -o args=` shows what it is doing",
                other.process.pid
            );
            return Err(Trouble::new(what).help(help).exits(Exit::Held));
        }
        std::thread::sleep(LOOK_EVERY.to_std());
    }
    Ok(())
}

/// Refuses beside such a controller, where it began after this one looked: for a place whose own
/// lock is held.
///
/// # Errors
/// As [`make_way`].
pub(super) fn refuse_beside(place: &Place) -> Result<(), Trouble> {
    find(place).map_or(Ok(()), |other| Err(refusal(place, &other)))
}

fn refusal(place: &Place, other: &Elsewhere) -> Trouble {
    let (ours, file) = (place.state.display(), &place.file.path);
    let message = format!(
        "{}; this command has state directory {ours} and manifest {}: the two would fight",
        other.in_words(),
        file.display()
    );
    let theirs = other.state.display();
    let help = format!(
        "use that one (gtctl --state-dir {theirs} …), or add `--take-over`, which stops that controller"
    );
    Trouble::new(message).help(help).exits(Exit::Held)
}
