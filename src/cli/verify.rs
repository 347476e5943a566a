//! `gtctl verify`: no session is dead, or exit 2.

use super::agree::warn_of_others;
use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::model::{Observed, Orders};
use crate::observe::Depth;
use crate::render::{json, verify as page};

pub(super) async fn run(
    global: &Global,
    args: &TownArg,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    warn_of_others(&place, terminal);
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let scene = scene::of_survey(&survey);
    let findings = page::findings(&scene);
    if let Observed::Unknown(why) = scene.observed {
        terminal.warn(&format!("tmux could not be asked: {why}"));
    }
    if terminal.is_json() {
        terminal.print_json(&json::verify(&scene, &findings));
    } else {
        terminal.print(&page::page(&scene, &findings, &terminal.paper(scene.now)));
    }
    Ok(if findings.iter().all(|(_, finding)| finding.is_well()) {
        Exit::Done
    } else {
        Exit::Pending
    })
}
