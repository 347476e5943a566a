//! `gtctl diff`: what apply would do, and why. Writes nothing, starts nothing, waits for no lock.

use super::agree::warn_of_others;
use super::args::{Diff, Global};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::{Place, orders};
use super::scene;
use crate::model::{Observed, Plan};
use crate::observe::Depth;
use crate::render::{diff, json, saved};

pub(super) async fn run(
    global: &Global,
    args: &Diff,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    warn_of_others(&place, terminal);
    let survey = place
        .survey(orders(&args.orders), Depth::Plan, terminal)
        .await?;
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
