//! What one session is, as far as that can be told for certain.

use super::agents::{self, Recognised, basename};
use super::{Ground, Mapped, rigs};
use crate::gastown::{Naming, Place, parse_name};
use crate::model::{Gastown, Inhabitant, Period, Program, SessionName};
use std::path::PathBuf;

/// Shells: what waits for somebody to type, unless they were given a command.
const SHELLS: [&str; 8] = ["sh", "bash", "dash", "zsh", "fish", "ksh", "tcsh", "csh"];

/// More variables than this are not listed.
const MOST_LOST: usize = 20;

/// A session that can be declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resident<'a> {
    pub(super) name: &'a str,
    pub(super) role: &'static str,
    /// Its rig, where Gas Town knows it.
    pub(super) rig: Option<String>,
    /// Its own name, as a crew member or polecat.
    pub(super) own_name: Option<String>,
    pub(super) naming: Option<Naming>,
    pub(super) runs: Runs<'a>,
    pub(super) dir: Option<PathBuf>,
    pub(super) age: Period,
    pub(super) handoff: Option<Period>,
    /// Variables of its environment that a fresh process would not have; only their names.
    pub(super) lost: Vec<String>,
}

/// What runs in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Runs<'a> {
    /// An agent.
    Agent(Recognised<'a>),
    /// Any program, by the argv it was started with.
    Command(Vec<String>),
}

/// What a session is; or why it is not to be declared.
pub(super) fn of<'a>(
    ground: &Ground<'a>,
    inhabitant: &'a Inhabitant,
) -> Result<Resident<'a>, String> {
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
    SessionName::new(name).map_err(|fault| format!("its name cannot be declared: {fault}"))?;
    let place = parse_name(name, rigs(ground));
    if let Some(Place::Gts(what)) = place {
        return Err(format!("gt's own ({what}): gt starts and ends it"));
    }
    let programs: Vec<&[Program]> = inhabitant
        .panes
        .iter()
        .map(Vec::as_slice)
        .filter(|pane| !pane.is_empty())
        .collect();
    let Some(first) = programs.first() else {
        return Err("its process has ended".to_owned());
    };
    let agent = programs
        .iter()
        .find_map(|programs| agents::recognise(programs, ground.recipes));
    let (runs, program) = match agent {
        Some(recognised) => {
            let program = recognised.program;
            (Runs::Agent(recognised), program)
        }
        None => command(first)?,
    };
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
        }) if is_known(ground, &rig) => (role, Some(rig), name, Some(naming)),
        Some(Place::Rig { .. } | Place::Gts(_)) | None => ("custom", None, None, None),
    };
    let age = program.age;
    let handoff = ground.handoffs.get(name).copied();
    let lost = lost(&runs, program);
    Ok(Resident {
        name,
        role,
        rig,
        own_name,
        naming,
        runs,
        dir: program.cwd.clone(),
        age,
        handoff,
        lost,
    })
}

/// The variables that its process has and that would not be there after a restart.
fn lost(runs: &Runs<'_>, program: &Program) -> Vec<String> {
    let declared = |name: &String| match runs {
        Runs::Agent(recognised) => recognised.recipe.env.contains_key(name),
        Runs::Command(_) => false,
    };
    program
        .own_env
        .iter()
        .filter(|name| !declared(name))
        .take(MOST_LOST)
        .cloned()
        .collect()
}

/// A rig that `mayor/rigs.json` lacks would be a fault in the manifest.
fn is_known(ground: &Ground<'_>, rig: &str) -> bool {
    ground.root.is_none()
        || rigs(ground).prefix(rig).is_some()
        || rigs(ground).names().next().is_none()
}

/// The loop that gtctl replaces, by its session's name or by what runs in it.
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

/// The argv of a pane's own process, where that is all there is to it.
fn command(programs: &[Program]) -> Result<(Runs<'static>, &Program), String> {
    let Some(program) = programs.first() else {
        return Err("its process has ended".to_owned());
    };
    let argv = agents::started_by(program);
    let Some(path) = argv.first() else {
        return Err(format!("cannot read how {} was started", program.comm));
    };
    let runs_a_script = |option: &str| !option.starts_with("--") && option.contains('c');
    let only_options = argv
        .iter()
        .skip(1)
        .all(|argument| argument.starts_with('-') && !runs_a_script(argument));
    if SHELLS.contains(&basename(path)) && only_options {
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

/// What a name has in common with others that differ in a number at the end, such as `task-agent-`.
pub(super) fn stem_of_many(ground: &Ground<'_>, name: &str) -> Option<String> {
    let stem = stem(name)?;
    let of_this = ground
        .population
        .iter()
        .filter(|other| self::stem(&other.name) == Some(stem));
    (of_this.count() > 1).then(|| stem.to_owned())
}

fn stem(name: &str) -> Option<&str> {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit());
    (stem.len() < name.len() && stem.len() > 2).then_some(stem)
}

impl Resident<'_> {
    /// Services in the order of their waves, then by rig and name.
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

    /// Whether gt itself starts and ends it, for one piece of work.
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
