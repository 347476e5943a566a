//! `gtctl verify`: no session is dead, or exit 2.

use super::agree::warn_of_others;
use super::args::{Global, Words};
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::model::{Observed, Orders};
use crate::observe::Depth;
use crate::render::{json, verify as page};

pub(super) async fn run(
    global: &Global,
    args: &Words,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &args.town(), terminal)?;
    if let Some(fleet) = fleet::of(&place, global)? {
        let asked = fleet.asked_of(args, VerbWords::of("verify"))?;
        return fleet.look("verify", asked, terminal).await;
    }
    let named = place.all_declared(&args.sessions())?;
    warn_of_others(&place, terminal);
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let scene = scene::of_survey(&survey);
    let mut findings = page::findings(&scene);
    findings.retain(|(session, _)| named.is_empty() || named.contains(session));
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
