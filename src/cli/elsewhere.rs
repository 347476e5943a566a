//! A controller that keeps the same town with another state directory.
//!
//! The state directory of a town depends on `HOME`, `XDG_STATE_HOME` and `--state-dir`. So its lock
//! does not keep out a process with other settings. But the kernel tells who holds locks, and a
//! controller writes into its lock file what it keeps. It is the same town if the name is the same,
//! and the tmux server or the manifest too.

use super::exit::{Exit, Trouble};
use super::place::Place;
use crate::model::{Period, ProcId};
use crate::proc::{self, locks, process, signal};
use crate::store::{CONTROLLER_LOCK, Keeps, kept_in};
use std::path::{Path, PathBuf};

/// How long a controller may take to end after TERM.
const PATIENCE: Period = Period::from_secs(40);
/// How often this process asks meanwhile.
const LOOK_EVERY: Period = Period::from_millis(50);

/// A controller that keeps this town with another state directory.
pub(super) struct Elsewhere {
    process: ProcId,
    state: PathBuf,
    keeps: Keeps,
}

impl Elsewhere {
    /// Its process, its town and its files.
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

/// The controller that keeps this town with another state directory. None where there is none.
pub(super) fn find(place: &Place) -> Option<Elsewhere> {
    let ours = place.keeps().ok()?;
    let is_ours = |state: &Path| is_same(state, &place.state);
    let others = locks::holders(CONTROLLER_LOCK)
        .into_iter()
        .filter_map(|(process, held)| {
            // A process that has only opened the lock file has not written its name into it.
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

/// Makes sure that there is no such controller. Ends it where the town may be taken over.
///
/// # Errors Where the town may not be taken over, or the controller does not end. The message names
/// both state directories.
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

/// Refuses where such a controller has begun since the last look. The caller already holds its own
/// lock.
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
