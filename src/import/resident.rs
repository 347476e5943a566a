//! Finds out what one session is. What is not certain is an error with the reason.

use super::agents::{self, Recognised, basename};
use super::{Ground, Mapped, rigs};
use crate::gastown::{Naming, Place, parse_name};
use crate::model::{Gastown, Inhabitant, Period, Program, SessionName};
use std::path::PathBuf;

/// Shells. One without a command waits for somebody to type.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh"];

/// The most variables that are listed for one session.
const MOST_LOST: usize = 20;

/// A session that can be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resident<'a> {
    pub(super) name: &'a str,
    pub(super) role: &'static str,
    pub(super) rig: Option<String>,
    /// The name of a crew member or a polecat, such as `watcher`.
    pub(super) own_name: Option<String>,
    /// How its name in tmux is built. `None` if the name is not one of Gas Town's.
    pub(super) naming: Option<Naming>,
    pub(super) runs: Runs<'a>,
    pub(super) dir: Option<PathBuf>,
    pub(super) age: Period,
    pub(super) handoff: Option<Period>,
    /// Names of variables that its process has and a fresh process would not have.
    pub(super) lost: Vec<String>,
}

/// What runs in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs<'a> {
    /// An agent.
    Agent(Recognised<'a>),
    /// Another program, with the argv that started it.
    Command(Vec<String>),
}

/// What a session is.
///
/// # Errors
/// Why the draft must not declare it.
pub(super) fn of<'a>(
    ground: &Ground<'a>,
    inhabitant: &'a Inhabitant,
) -> Result<Resident<'a>, String> {
    refuse_unfit(ground, inhabitant)?;
    let name = inhabitant.name.as_str();
    let place = parse_name(name, rigs(ground));
    if let Some(Place::Gts(kind)) = place {
        return Err(format!("gt's own ({kind}): gt starts and ends it"));
    }
    let (runs, program) = runs(ground, inhabitant)?;
    if matches!(runs, Runs::Command(_)) && stem_of_many(ground, name).is_some() {
        return Err("others seem to start several of these: see [[policy]]".to_owned());
    }
    let (role, rig, own_name, naming) = match place {
        Some(Place::Town(role)) => (role, None, None, None),
        Some(Place::Rig {
            role,
            rig,
            name,
            naming,
        }) if can_declare(ground, &rig) => (role, Some(rig), name, Some(naming)),
        Some(Place::Rig { .. } | Place::Gts(_)) | None => ("custom", None, None, None),
    };
    let lost = lost(&runs, program);
    Ok(Resident {
        name,
        role,
        rig,
        own_name,
        naming,
        runs,
        dir: program.cwd.clone(),
        age: program.age,
        handoff: ground.handoffs.get(name).copied(),
        lost,
    })
}

/// Refuses a session that must not be declared, whatever runs in it.
fn refuse_unfit(ground: &Ground<'_>, inhabitant: &Inhabitant) -> Result<(), String> {
    let name = inhabitant.name.as_str();
    if let Some(why) = ground.unfit.get(name) {
        return Err(why.clone());
    }
    if let Some(town) = &inhabitant.town {
        return Err(format!("gtctl already manages it, in town {town}"));
    }
    if is_automonitor(inhabitant) {
        return Err("the automonitor, which gtctl replaces".to_owned());
    }
    SessionName::new(name).map_err(|error| format!("its name cannot be declared: {error}"))?;
    Ok(())
}

/// What runs in a session, and the process of it.
fn runs<'a>(
    ground: &Ground<'a>,
    inhabitant: &'a Inhabitant,
) -> Result<(Runs<'a>, &'a Program), String> {
    let panes: Vec<&[Program]> = inhabitant
        .panes
        .iter()
        .map(Vec::as_slice)
        .filter(|programs| !programs.is_empty())
        .collect();
    let Some(first) = panes.first() else {
        return Err("its process has ended".to_owned());
    };
    let agent = panes
        .iter()
        .find_map(|programs| agents::recognise(programs, ground.recipes));
    match agent {
        Some(recognised) => {
            let program = recognised.program;
            Ok((Runs::Agent(recognised), program))
        }
        None => command(first),
    }
}

/// Names of variables that the process has and a fresh process would not have.
fn lost(runs: &Runs<'_>, program: &Program) -> Vec<String> {
    let is_declared = |name: &String| match runs {
        Runs::Agent(recognised) => recognised.recipe.env.contains_key(name),
        Runs::Command(_) => false,
    };
    program
        .own_env
        .iter()
        .filter(|name| !is_declared(name))
        .take(MOST_LOST)
        .cloned()
        .collect()
}

/// Whether a manifest with this rig has no error: `mayor/rigs.json` must list the rig, if it lists
/// any.
fn can_declare(ground: &Ground<'_>, rig: &str) -> bool {
    ground.root.is_none()
        || rigs(ground).prefix(rig).is_some()
        || rigs(ground).names().next().is_none()
}

/// See [`super::is_automonitor`]. Its session's name decides, or the program in it.
pub(super) fn is_automonitor(inhabitant: &Inhabitant) -> bool {
    let runs_it = |program: &Program| {
        program
            .argv
            .iter()
            .take(3)
            .any(|part| basename(part).contains("automonitor"))
    };
    inhabitant.name == Gastown::AUTOMONITOR || inhabitant.panes.iter().flatten().any(runs_it)
}

/// The argv of a pane's own process, which is the first of `programs`.
///
/// # Errors
/// Why the argv is not enough to start the same again.
fn command(programs: &[Program]) -> Result<(Runs<'static>, &Program), String> {
    let Some(program) = programs.first() else {
        return Err("its process has ended".to_owned());
    };
    let argv = agents::started_by(program);
    let Some(path) = argv.first() else {
        return Err(format!("cannot read how {} was started", program.comm));
    };
    // `-c` and its combinations, such as `-lc`, take a command.
    let takes_command = |option: &str| !option.starts_with("--") && option.contains('c');
    let has_no_command = argv
        .iter()
        .skip(1)
        .all(|argument| argument.starts_with('-') && !takes_command(argument));
    if SHELLS.contains(&basename(path)) && has_no_command {
        let child = programs.get(1).map(|child| child.comm.as_str());
        return Err(match child {
            Some(child) => {
                format!("a shell that runs {child}: cannot determine how it was started")
            }
            None => "an idle shell".to_owned(),
        });
    }
    if path.contains(' ') || path.starts_with('-') {
        return Err(format!(
            "cannot read how {} was started: it shows a title",
            program.comm
        ));
    }
    if path.contains('/') && !path.starts_with('/') {
        return Err(format!(
            "{path} is relative to a directory that cannot be determined"
        ));
    }
    Ok((Runs::Command(argv), program))
}

/// The common part of names that differ only in a number at the end.
///
/// Example: `task-agent-` for `task-agent-1`, if there is a `task-agent-2`, too. `None` if no other
/// session has the same stem.
pub(super) fn stem_of_many(ground: &Ground<'_>, name: &str) -> Option<String> {
    let stem = stem(name)?;
    let with_this_stem = ground
        .population
        .iter()
        .filter(|inhabitant| self::stem(&inhabitant.name) == Some(stem));
    (with_this_stem.count() > 1).then(|| stem.to_owned())
}

fn stem(name: &str) -> Option<&str> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.len() < name.len() && stem.len() > 2).then_some(stem)
}

impl Resident<'_> {
    /// The key by which a draft sorts sessions: role in the order of waves, rig, name.
    pub(super) fn order(&self) -> (usize, Option<String>, String) {
        const ROLES: [&str; 7] = [
            "mayor", "deacon", "witness", "refinery", "crew", "polecat", "custom",
        ];
        let role = ROLES
            .iter()
            .position(|role| *role == self.role)
            .unwrap_or(ROLES.len());
        (role, self.rig.clone(), self.name.to_owned())
    }

    /// Whether it is a polecat, which gt starts for one piece of work and ends.
    pub(super) fn is_polecat(&self) -> bool {
        self.role == "polecat"
    }

    pub(super) fn mapped(&self) -> Mapped {
        let place = [
            Some(self.role),
            self.rig.as_deref(),
            self.own_name.as_deref(),
        ];
        Mapped {
            session: self.name.to_owned(),
            role: place.into_iter().flatten().collect::<Vec<_>>().join(" "),
            agent: match &self.runs {
                Runs::Agent(recognised) => recognised.recipe.name.clone(),
                Runs::Command(argv) => argv.first().map_or("", |path| basename(path)).to_owned(),
            },
            age: self.age,
            handoff: self.handoff,
            lost: self.lost.clone(),
        }
    }
}
