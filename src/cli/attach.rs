//! `gtctl attach`: tmux itself, on the right server and the right session.

use super::args::{Global, Session, TownArg};
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::model::{Memory, Observed, Orders, Phase, SessionName};
use crate::observe::{Depth, former, former_in_words};
use crate::proc;
use crate::remote::TerminalUse;
use crate::render::words::phase_word;
use crate::render::{WhyNext, why_and_next};
use std::os::unix::process::CommandExt;

/// Becomes `tmux attach-session`; returns only when that cannot be.
pub(super) async fn run(
    global: &Global,
    args: &Session,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)?
        && let Some(host) = fleet.other_host_of(&args.session)?
    {
        let words = VerbWords::of("attach").arguments(&[&args.session]);
        return fleet
            .hand_over(&host, TerminalUse::Whole, words, terminal)
            .await;
    }
    let session = place.session(&args.session)?;
    let memory = place.recall(terminal)?;
    check(&place, &memory, &session).await?;
    refuse_missing(&place, &session, terminal).await?;
    let error = place.client.attach_command(&session).exec();
    Err(Trouble::new("cannot run tmux")
        .because(&error)
        .help("apt-get install tmux"))
}

/// Says why there is nothing to attach to, and what brings it back.
async fn refuse_missing(
    place: &Place,
    session: &SessionName,
    terminal: &Terminal,
) -> Result<(), Trouble> {
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let scene = scene::of_survey(&survey);
    let is_there = scene.seen().contains_key(session.as_str());
    if is_there || matches!(scene.observed, Observed::Unknown(_)) {
        return Ok(());
    }
    let rows = scene.rows();
    let Some(row) = rows.iter().find(|row| row.session == session) else {
        return Ok(());
    };
    let WhyNext { why, next } = why_and_next(row, &terminal.paper(scene.now));
    let phase = phase_word(row.phase);
    let why = if why.is_empty() {
        String::new()
    } else {
        format!(": {why}")
    };
    let trouble = Trouble::new(format!("{session} has no tmux session ({phase}{why})"));
    Err(trouble.help(if row.phase == Phase::Stopped {
        next
    } else {
        format!("`gtctl apply {session}` starts it; `gtctl explain {session}` says more")
    }))
}

/// Checks that a session of the town can be attached to: its server is ours, and no former server
/// still has the town.
pub(super) async fn check(
    place: &Place,
    memory: &Memory,
    session: &SessionName,
) -> Result<(), Trouble> {
    let ours = place.client.check_ours().await;
    ours.map_err(|refusal| Trouble::new(refusal.to_string()))?;
    let former = former(&place.client, &place.town, memory, proc::clock::now()).await;
    match former_in_words(&former, &place.client) {
        Some(why) => Err(Trouble::new(format!(
            "{session} cannot be attached to here: {why}"
        ))),
        None => Ok(()),
    }
}
