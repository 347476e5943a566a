//! `gtctl verify`: no session is dead, or exit 2.

use super::agree::warn_of_others;
use super::args::{Global, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Survey;
use crate::model::{Observed, Orders};
use crate::observe::Depth;
use crate::render::{Scene, json, verify as page};

pub(super) async fn run(
    global: &Global,
    args: &TownArg,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, args, terminal)?;
    warn_of_others(&place, terminal);
    let Survey {
        now,
        town,
        observed,
        memory,
        plan,
        notices: _,
    } = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let scene = Scene {
        town: &town,
        observed: &observed,
        memory: &memory,
        plan: &plan,
        now,
    };
    let findings = page::findings(&scene);
    if let Observed::Unknown(why) = &observed {
        terminal.warn(&format!("tmux could not be asked: {why}"));
    }
    if terminal.is_json() {
        terminal.print_json(&json::verify(&scene, &findings));
    } else {
        terminal.print(&page::page(&scene, &findings, &terminal.paper(now)));
    }
    Ok(if findings.iter().all(|(_, finding)| finding.is_well()) {
        Exit::Done
    } else {
        Exit::Pending
    })
}
