//! Where the states of towns are, and which controllers keep them.

use super::args::Global;
use super::exit::Trouble;
use super::manifest::ManifestFile;
use crate::files::aside;
use crate::model::{Keeper, Moment, SessionName, Town};
use crate::proc;
use crate::store::{Places, View, all, folder, locate};
use std::path::{Path, PathBuf};

/// Makes sure that a state directory answers. Later reads and writes have no deadline and could
/// wait for ever.
pub(super) fn answers(state: &Path) -> Result<(), Trouble> {
    let view = View::of(state);
    Ok(aside::ask(state, move || view.touch())?)
}

/// The controllers that run by this manifest, even if it is broken or gone.
pub(super) fn keepers_by(file: &ManifestFile, global: &Global) -> Vec<Keeper> {
    let (Ok(file), now) = (file.absolute(), proc::clock::now()) else {
        return Vec::new();
    };
    let views = with_places(global, None, all);
    let is_by_it = |keeper: &Keeper| matches!(keeper, Keeper::Beating(beat) if beat.file == file);
    views
        .iter()
        .map(|view| keeper(view, now))
        .filter(is_by_it)
        .collect()
}

/// The state directories that can be found without a town's name.
pub(super) fn views_of_all(global: &Global) -> Vec<View> {
    with_places(global, None, all)
}

/// The state directory of a town.
pub(super) fn state_of(
    global: &Global,
    town: &SessionName,
    root: Option<&Path>,
) -> Result<PathBuf, Trouble> {
    let Some(at) = root else {
        return Ok(with_places(global, None, |places| locate(town, places))?);
    };
    let (global, town, root) = (global.clone(), town.clone(), at.to_path_buf());
    let look = move || with_places(&global, Some(&root), |places| locate(&town, places));
    Ok(aside::ask(at, look)??)
}

/// The state directory of a town, or the folder of all towns' states. None where no setting names
/// it.
pub(super) fn state_or_folder(global: &Global, town: Option<&Town>) -> Option<PathBuf> {
    let root = town.and_then(|town| town.root.as_deref());
    match town {
        Some(town) => with_places(global, root, |places| locate(&town.name, places)).ok(),
        None => with_places(global, None, folder),
    }
}

/// The controllers that run by this manifest with other state directories, with those directories.
pub(super) fn others_by(
    file: &ManifestFile,
    global: &Global,
    state: &Path,
) -> Vec<(PathBuf, Keeper)> {
    let (Ok(file), now) = (file.absolute(), proc::clock::now()) else {
        return Vec::new();
    };
    let anywhere = Global {
        state_dir: None,
        ..global.clone()
    };
    let views = with_places(&anywhere, None, all)
        .into_iter()
        .filter(|view| view.path() != state);
    let kept = views.map(|view| (view.path().to_path_buf(), keeper(&view, now)));
    kept.filter(|(_, keeper)| matches!(keeper, Keeper::Beating(beat) if beat.file == file))
        .collect()
}

/// The settings that decide where states are, from the command line and the environment.
fn with_places<T>(global: &Global, root: Option<&Path>, find: impl FnOnce(Places<'_>) -> T) -> T {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let xdg = std::env::var_os("XDG_STATE_HOME").map(PathBuf::from);
    find(Places {
        explicit: global.state_dir.as_deref(),
        root,
        xdg_state_home: xdg.as_deref(),
        home: home.as_deref(),
    })
}

/// The controller of this state directory. Takes no lock: a controller that begins now must find it
/// free.
pub(super) fn keeper(view: &View, now: Moment) -> Keeper {
    let Some(process) = view
        .last_controller()
        .filter(|process| proc::process::may_live(*process))
    else {
        return Keeper::Nobody;
    };
    match view.heartbeat() {
        // It must be of this boot: after a reboot pids and start times can come again.
        Some(beat) if beat.controller == process && beat.began.boot == now.boot => {
            Keeper::Beating(Box::new(beat))
        }
        Some(_) | None => Keeper::Silent {
            process,
            age: proc::clock::age(process.start),
        },
    }
}
