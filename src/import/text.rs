//! The manifest's text, with comments that say where each thing comes from.

use super::agents::Recipe;
use super::resident::{Resident, Runs, stem_of_many};
use super::{Ground, Unmapped};
use crate::gastown::Naming;
use crate::manifest::{default_dir, literal};
use crate::model::{Period, Socket};
use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;

/// A service that nothing has restarted for this long keeps no limit on its age.
const USUAL_AGE: Period = Period::from_hours(1);
/// What to do about variables of a living agent that nothing declares.
pub(super) const DECLARE: &str =
    "Declare what it needs in `env` or `env_file`: a restart begins without these.";
/// The column at which comments behind values begin.
const COMMENT: usize = 31;

/// Writes it.
pub(super) fn write(
    ground: &Ground<'_>,
    residents: &[Resident<'_>],
    unmapped: &[Unmapped],
) -> String {
    let naming = naming(residents);
    let mut text = head(ground, naming);
    let own: BTreeSet<&str> = residents
        .iter()
        .filter_map(|r| own_recipe(r))
        .map(|r| r.name.as_str())
        .collect();
    for recipe in ground
        .recipes
        .iter()
        .filter(|recipe| own.contains(recipe.name.as_str()) && !recipe.is_built_in)
    {
        text += &agent(recipe);
    }
    for resident in residents {
        text += &session(ground, resident, naming);
    }
    text += &chores(ground, residents);
    text += &policies(ground);
    text += &rest(unmapped);
    text
}

fn head(ground: &Ground<'_>, naming: Naming) -> String {
    let socket = match ground.socket {
        Socket::Default => "default".to_owned(),
        Socket::Gastown => "gastown".to_owned(),
        Socket::Name(name) => name.clone(),
        Socket::Path(path) => path.to_string_lossy().into_owned(),
    };
    let of_town = if ground.files.town.is_some() {
        "mayor/town.json"
    } else {
        "names the state directory"
    };
    let mut text = String::from(
        "# Written by `gtctl import` from what runs: check it with `gtctl diff`, then `gtctl apply` labels these\n\
         # sessions as gtctl's and restarts none of them. Later each gets a fresh process when it is older than its\n\
         # max_age, an hour where nothing else is said, and at least an hour after the last time.\n\n[town]\n",
    );
    line(&mut text, "name", &string(ground.town), of_town);
    if let Some(root) = ground.root {
        line(
            &mut text,
            "root",
            &string(&shown(ground, root)),
            "the Gas Town root",
        );
    }
    line(
        &mut text,
        "socket",
        &string(&socket),
        "where the sessions are",
    );
    let naming = match naming {
        Naming::Rig => ("\"rig\"", "as in gt-shop-witness"),
        Naming::Prefix => ("\"prefix\"", "as gt names sessions since 0.7"),
    };
    line(&mut text, "naming", naming.0, naming.1);
    text
}

/// The way most sessions are named; the others get their names in full.
fn naming(residents: &[Resident<'_>]) -> Naming {
    let of = |naming| {
        residents
            .iter()
            .filter(|resident| resident.naming == Some(naming))
            .count()
    };
    if of(Naming::Prefix) > of(Naming::Rig) {
        Naming::Prefix
    } else {
        Naming::Rig
    }
}

fn own_recipe<'a>(resident: &Resident<'a>) -> Option<&'a Recipe> {
    match &resident.runs {
        Runs::Agent(recognised) => Some(recognised.recipe).filter(|recipe| !recipe.is_built_in),
        Runs::Command(_) => None,
    }
}

fn agent(recipe: &Recipe) -> String {
    let is_bare = recipe
        .name
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
        && !recipe.name.is_empty();
    let name = if is_bare {
        recipe.name.clone()
    } else {
        string(&recipe.name)
    };
    let mut text = format!("\n[agents.{name}]\n");
    if let Some(like) = recipe.like {
        line(
            &mut text,
            "like",
            &string(like),
            "gtctl reads its screen as this agent's",
        );
    }
    line(
        &mut text,
        "command",
        &list(&recipe.command),
        "Gas Town's settings",
    );
    if !recipe.process_names.is_empty() {
        line(&mut text, "process_names", &list(&recipe.process_names), "");
    }
    text
}

fn session(ground: &Ground<'_>, resident: &Resident<'_>, naming: Naming) -> String {
    let mut text = format!("\n# {}\n", origin(resident));
    if !resident.lost.is_empty() {
        let _ = writeln!(
            text,
            "# Could not map from its environment: {}. {DECLARE}",
            clean(&resident.lost.join(", "))
        );
    }
    text += "[[session]]\n";
    let is_template = resident.naming.is_none_or(|own| own == naming);
    if resident.role == "custom" || !is_template {
        line(&mut text, "session", &string(resident.name), "");
    }
    if resident.role != "custom" {
        line(&mut text, "role", &string(resident.role), "");
    }
    for (key, value) in [("rig", &resident.rig), ("name", &resident.own_name)] {
        if let Some(value) = value {
            line(&mut text, key, &string(value), "");
        }
    }
    runs(&mut text, &resident.runs);
    let env = own_recipe(resident)
        .map(|recipe| &recipe.env)
        .filter(|env| !env.is_empty());
    if let Some(env) = env {
        let pairs = env
            .iter()
            .map(|(name, value)| format!("{} = {}", string(name), string(&literal(value))));
        let table = format!("{{ {} }}", pairs.collect::<Vec<_>>().join(", "));
        line(&mut text, "env", &table, "Gas Town's settings");
    }
    if let Some(dir) = &resident.dir {
        let usual = ground.root.and_then(|root| {
            default_dir(
                root,
                resident.role,
                resident.rig.as_deref(),
                resident.own_name.as_deref(),
            )
        });
        if usual.as_deref().unwrap_or(ground.dir) != dir {
            line(
                &mut text,
                "dir",
                &string(&literal(&shown(ground, dir))),
                "where its process is",
            );
        }
    }
    limits(&mut text, ground, resident);
    text
}

/// Where its entry comes from, on one line.
fn origin(resident: &Resident<'_>) -> String {
    let mut parts = vec![format!("{}, {} old", resident.name, rounded(resident.age))];
    if let Runs::Agent(recognised) = &resident.runs {
        parts.push(format!(
            "runs {} as process {}",
            recognised.recipe.name,
            clean(&recognised.program.comm)
        ));
    }
    parts.extend(
        resident
            .handoff
            .map(|ago| format!("handed off {} ago (handoffs.json)", rounded(ago))),
    );
    parts.join(" · ")
}

fn runs(text: &mut String, runs: &Runs<'_>) {
    match runs {
        Runs::Agent(recognised) => {
            let guess = if recognised.is_guess {
                "its arguments cannot be read, so these are the agent's usual ones"
            } else {
                ""
            };
            line(text, "agent", &string(&recognised.recipe.name), guess);
            if let Some(command) = &recognised.command {
                line(text, "command", &list(command), "");
            }
        }
        Runs::Command(argv) => line(text, "command", &list(argv), ""),
    }
}

/// Limits by which nothing that runs is over at once.
fn limits(text: &mut String, ground: &Ground<'_>, resident: &Resident<'_>) {
    if resident.is_polecat() {
        line(
            text,
            "max_age",
            "\"off\"",
            "gt starts and ends its polecats itself",
        );
        line(text, "idle_limit", "\"off\"", "");
    } else if let Runs::Command(_) = resident.runs {
        line(
            text,
            "max_age",
            "\"off\"",
            "not an agent that gtctl knows, so it has no context to refresh",
        );
    } else if ground.automonitor.is_none()
        && resident.handoff.is_none()
        && resident.age >= USUAL_AGE
    {
        line(
            text,
            "max_age",
            "\"off\"",
            "nothing has restarted it so far: write \"4h\" or another age to restart it",
        );
    }
}

/// What the automonitor did beside the sessions.
fn chores(ground: &Ground<'_>, residents: &[Resident<'_>]) -> String {
    let Some(automonitor) = ground.automonitor else {
        return String::new();
    };
    let mut text = String::new();
    if automonitor.checks_upstream {
        text += "\n# The automonitor's check for a new gt: state.json knows a release.\n[[chore]]\n\
                 kind = \"upstream\"\nrepo = \"steveyegge/gastown\"\n";
    }
    if let Some(watcher) = residents
        .iter()
        .find(|resident| resident.own_name.as_deref() == Some("watcher"))
    {
        let _ = write!(
            text,
            "\n# The automonitor's nudge of the watcher.\n[[chore]]\nkind = \"nudge\"\nsession = {}\n\
             text = \"Run your monitoring cycle.\"\n",
            string(watcher.name)
        );
    }
    if automonitor.analyses > 0 {
        let _ = write!(
            text,
            "\n# The automonitor ran {} analyses by an agent: remove the `#` signs to continue them; they cost money.\n\
             # [[chore]]\n# kind = \"analysis\"\n# command = [\"kimigas\", \"--print\"]\n",
            automonitor.analyses
        );
    }
    text
}

/// Sessions that others start, one after the other, as policies to be thought about.
fn policies(ground: &Ground<'_>) -> String {
    let named = |inhabitant: &crate::model::Inhabitant| stem_of_many(ground, &inhabitant.name);
    let stems: BTreeSet<String> = ground
        .population
        .iter()
        .filter(|i| i.town.is_none())
        .filter_map(named)
        .collect();
    let mut text = String::new();
    let is_name = |stem: &&String| {
        stem.chars()
            .all(|c| c.is_ascii_alphanumeric() || "-_".contains(c))
    };
    for stem in stems
        .iter()
        .filter(is_name)
        .filter(|stem| !stem.ends_with("crew-"))
    {
        let _ = write!(
            text,
            "\n# Several sessions are called {stem}…: if others start them, gtctl can expire them.\n\
             # [[policy]]\n# match = \"{stem}*\"\n# max_age = \"1h\"\n# idle_limit = \"30m\"\n"
        );
    }
    text
}

fn rest(unmapped: &[Unmapped]) -> String {
    if unmapped.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n# Not declared; gtctl does not change these:\n");
    for Unmapped { session, why } in unmapped {
        let _ = writeln!(text, "#   {}: {}", clean(session), clean(why));
    }
    text
}

/// `key = value`, with a comment behind it where there is one.
fn line(text: &mut String, key: &str, value: &str, comment: &str) {
    let assignment = format!("{key} = {value}");
    let _ = if comment.is_empty() {
        writeln!(text, "{assignment}")
    } else {
        writeln!(text, "{assignment:COMMENT$} # {comment}")
    };
}

fn list(words: &[String]) -> String {
    format!(
        "[{}]",
        words
            .iter()
            .map(|word| string(&literal(word)))
            .collect::<Vec<_>>()
            .join(", ")
    )
}

/// A TOML string on one line.
fn string(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            '\n' => quoted += "\\n",
            '\t' => quoted += "\\t",
            c if c.is_control() => {
                let _ = write!(quoted, "\\u{:04X}", u32::from(c));
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}

/// A path with `~` for the home directory.
fn shown(ground: &Ground<'_>, path: &Path) -> String {
    let below = ground
        .home
        .and_then(|home| path.strip_prefix(home).ok())
        .map(Path::to_string_lossy);
    match below {
        Some(rest) if rest.is_empty() => "~".to_owned(),
        Some(rest) => format!("~/{rest}"),
        None => path.to_string_lossy().into_owned(),
    }
}

/// A period to the minute, or where that is nothing to the second.
fn rounded(period: Period) -> Period {
    let minutes = period.millis() / 60_000;
    if minutes > 0 {
        Period::from_mins(minutes)
    } else {
        Period::from_secs(period.millis() / 1000)
    }
}

/// A text for a comment: one line, bounded.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}
