//! Writes the text of a draft, with comments that say where each value comes from.

use super::agents::Recipe;
use super::resident::{Resident, Runs, stem_of_many};
use super::{Ground, Unmapped};
use crate::gastown::Naming;
use crate::manifest::{default_dir, literal};
use crate::model::SortedSet;
use crate::model::{Period, Socket};
use std::fmt::Write;
use std::path::Path;

/// The default `max_age`. A session that is older and was never handed off gets no limit on its
/// age: else `apply` would restart it at once.
const USUAL_AGE: Period = Period::from_hours(1);
/// What to do about variables that a restart would lose.
pub(super) const DECLARE: &str =
    "Declare what it needs in `env` or `env_file`: a restart begins without these.";
/// The column at which comments after values begin.
const COMMENT: usize = 31;

pub(super) fn write(
    ground: &Ground<'_>,
    residents: &[Resident<'_>],
    unmapped: &[Unmapped],
) -> String {
    let naming = naming(residents);
    let mut text = head(ground, naming);
    let to_declare: SortedSet<&str> = residents
        .iter()
        .filter_map(own_recipe)
        .map(|recipe| recipe.name.as_str())
        .collect();
    for recipe in ground.recipes {
        if !recipe.is_built_in && to_declare.contains(recipe.name.as_str()) {
            text += &agent(recipe);
        }
    }
    for resident in residents {
        text += &session(ground, resident, naming);
    }
    text += &chores(ground, residents);
    text += &policies(ground);
    text += &not_declared(unmapped);
    text
}

fn head(ground: &Ground<'_>, naming: Naming) -> String {
    let socket = match ground.socket {
        Socket::Default => "default".to_owned(),
        Socket::Gastown => "gastown".to_owned(),
        Socket::Name(name) => name.clone(),
        Socket::Path(path) => path.to_string_lossy().into_owned(),
    };
    let name_comment = if ground.files.town.is_some() {
        "mayor/town.json"
    } else {
        "names the state directory"
    };
    let mut text = String::from(
        "# Written by `gtctl import` from what runs: check it with `gtctl diff`, then `gtctl apply` labels these\n\
         # sessions as gtctl's and restarts none of them. Later each gets a fresh process when it is older than its\n\
         # max_age, an hour where nothing else is said, and at least an hour after the last time.\n\n[town]\n",
    );
    line(&mut text, "name", &string(ground.town), name_comment);
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
    let (word, comment) = match naming {
        Naming::Rig => ("\"rig\"", "as in gt-shop-witness"),
        Naming::Prefix => ("\"prefix\"", "as gt names sessions since 0.7"),
    };
    line(&mut text, "naming", word, comment);
    text
}

/// The naming that most sessions have. The draft gives the names of the others in full.
fn naming(residents: &[Resident<'_>]) -> Naming {
    let count = |naming| {
        residents
            .iter()
            .filter(|resident| resident.naming == Some(naming))
            .count()
    };
    if count(Naming::Prefix) > count(Naming::Rig) {
        Naming::Prefix
    } else {
        Naming::Rig
    }
}

/// The recipe of an agent that the draft must declare.
fn own_recipe<'a>(resident: &Resident<'a>) -> Option<&'a Recipe> {
    match &resident.runs {
        Runs::Agent(recognised) => Some(recognised.recipe).filter(|recipe| !recipe.is_built_in),
        Runs::Command(_) => None,
    }
}

fn agent(recipe: &Recipe) -> String {
    let is_bare_key = !recipe.name.is_empty() && recipe.name.chars().all(is_plain);
    let name = if is_bare_key {
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
    env(&mut text, resident);
    dir(&mut text, ground, resident);
    limits(&mut text, ground, resident);
    text
}

fn env(text: &mut String, resident: &Resident<'_>) {
    let Some(recipe) = own_recipe(resident).filter(|recipe| !recipe.env.is_empty()) else {
        return;
    };
    let pairs: Vec<String> = recipe
        .env
        .iter()
        .map(|(name, value)| format!("{} = {}", string(name), string(&literal(value))))
        .collect();
    let table = format!("{{ {} }}", pairs.join(", "));
    line(text, "env", &table, "Gas Town's settings");
}

/// Writes the directory unless it is the one that gtctl would take anyway.
fn dir(text: &mut String, ground: &Ground<'_>, resident: &Resident<'_>) {
    let Some(dir) = &resident.dir else { return };
    let of_role = ground.root.and_then(|root| {
        let rig = resident.rig.as_deref();
        default_dir(root, resident.role, rig, resident.own_name.as_deref())
    });
    let default = of_role.as_deref().unwrap_or(ground.dir);
    if default != dir {
        let value = string(&literal(&shown(ground, dir)));
        line(text, "dir", &value, "where its process is");
    }
}

/// One line that says what the session's entry was made from.
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
            let comment = if recognised.is_guess {
                "its arguments cannot be read, so these are the agent's usual ones"
            } else {
                ""
            };
            line(text, "agent", &string(&recognised.recipe.name), comment);
            if let Some(command) = &recognised.command {
                line(text, "command", &list(command), "");
            }
        }
        Runs::Command(argv) => line(text, "command", &list(argv), ""),
    }
}

/// Writes limits that no running session passes at once.
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

/// Writes chores for what the automonitor did beside the sessions.
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

/// Suggests a policy, as a comment, for each group of sessions that others seem to start.
fn policies(ground: &Ground<'_>) -> String {
    let stems: SortedSet<String> = ground
        .population
        .iter()
        .filter(|inhabitant| inhabitant.town.is_none())
        .filter_map(|inhabitant| stem_of_many(ground, &inhabitant.name))
        .collect();
    let mut text = String::new();
    for stem in stems {
        // Crew members with numbers for names belong to the town.
        if !stem.chars().all(is_plain) || stem.ends_with("crew-") {
            continue;
        }
        let _ = write!(
            text,
            "\n# Several sessions are called {stem}…: if others start them, gtctl can expire them.\n\
             # [[policy]]\n# match = \"{stem}*\"\n# max_age = \"1h\"\n# idle_limit = \"30m\"\n"
        );
    }
    text
}

fn not_declared(unmapped: &[Unmapped]) -> String {
    if unmapped.is_empty() {
        return String::new();
    }
    let mut text = String::from("\n# Not declared; gtctl does not change these:\n");
    for Unmapped { session, why } in unmapped {
        let _ = writeln!(text, "#   {}: {}", clean(session), clean(why));
    }
    text
}

/// Whether a character may stand in a bare TOML key and in a pattern of a policy.
fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_".contains(c)
}

/// Writes `key = value`, and the comment unless it is empty.
fn line(text: &mut String, key: &str, value: &str, comment: &str) {
    let assignment = format!("{key} = {value}");
    let _ = if comment.is_empty() {
        writeln!(text, "{assignment}")
    } else {
        writeln!(text, "{assignment:COMMENT$} # {comment}")
    };
}

/// A TOML list of these words.
fn list(words: &[String]) -> String {
    let strings: Vec<String> = words.iter().map(|word| string(&literal(word))).collect();
    format!("[{}]", strings.join(", "))
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

/// The path, with `~` for the home directory.
fn shown(ground: &Ground<'_>, path: &Path) -> String {
    let below_home = ground
        .home
        .and_then(|home| path.strip_prefix(home).ok())
        .map(Path::to_string_lossy);
    match below_home {
        Some(below) if below.is_empty() => "~".to_owned(),
        Some(below) => format!("~/{below}"),
        None => path.to_string_lossy().into_owned(),
    }
}

/// The period in whole minutes; below a minute, in whole seconds.
fn rounded(period: Period) -> Period {
    let minutes = period.millis() / 60_000;
    if minutes > 0 {
        Period::from_mins(minutes)
    } else {
        Period::from_secs(period.millis() / 1000)
    }
}

/// The text for a comment: one line of at most 200 characters.
fn clean(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}
