//! `gtctl diff`: what apply would do, and why. Writes nothing, starts nothing, waits for no lock.

use super::agree::warn_of_others;
use super::args::{Diff, Global};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::part;
use super::place::{Place, orders};
use super::{fleet, scene, shared};
use crate::model::{Observed, Plan, Scope};
use crate::observe::Depth;
use crate::render::{diff, json, saved};
use crate::store::revision;

pub(super) async fn run(
    global: &Global,
    args: &Diff,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.words.town(), terminal)?;
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::diff(&place, global, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        return fleet.diff(args, terminal).await;
    }
    note_of_difference(&place, global, terminal);
    let scope = part::of(&place, &args.words)?;
    if args.out.is_some() && scope != Scope::Town {
        return Err(Trouble::new("a saved plan is a plan of the whole town")
            .help("leave out the sessions, or `--out`")
            .exits(Exit::Usage));
    }
    warn_of_others(&place, terminal);
    let mut survey = place
        .survey_going_up(&scope, orders(&args.orders), Depth::Plan, terminal)
        .await?;
    survey.plan = part::only(survey.plan, &scope);
    scene::add_origins(&mut survey.plan, &place.town, &place.origins);
    let scene = scene::of_survey(&survey);
    if let Some(path) = &args.out {
        std::fs::write(path, saved::save(&scene))
            .map_err(|e| Trouble::new(format!("cannot write {}", path.display())).because(&e))?;
    }
    if terminal.is_json() {
        terminal.print_json(&json::diff(&scene));
    } else {
        terminal.print(&diff::page(&scene, &terminal.paper(scene.now)));
    }
    Ok(exit_for(scene.observed, scene.plan))
}

/// Says to another host, whose manifest this is, that the one in the file here differs.
fn note_of_difference(place: &Place, global: &Global, terminal: &Terminal) {
    if !global.asked.manifest_from_stdin {
        return;
    }
    match std::fs::read_to_string(&place.file.path) {
        Ok(there) if there == place.texts.town => {}
        Ok(there) => terminal.note(&format!(
            "its manifest is another one (revision {:.10}): `gtctl apply` replaces it unless it was edited there",
            revision(&there)
        )),
        Err(_) => terminal.note("it has no manifest yet: `gtctl apply` writes it"),
    }
}

/// Held steps count: a town with something held is not as declared.
fn exit_for(observed: &Observed, plan: &Plan) -> Exit {
    match observed {
        Observed::Unknown(_) => Exit::Failed,
        Observed::Up(_) | Observed::Down if plan.steps.is_empty() && plan.held.is_empty() => {
            Exit::Done
        }
        Observed::Up(_) | Observed::Down => Exit::Pending,
    }
}
