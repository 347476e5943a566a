//! `gtctl attach`: tmux itself, on the right server and the right session.

use super::args::{Global, Session, TownArg};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::model::{Memory, SessionName};
use crate::observe::{former, former_in_words};
use crate::proc;
use std::os::unix::process::CommandExt;

/// Becomes `tmux attach-session`; returns only when that cannot be.
pub(super) async fn run(
    global: &Global,
    args: &Session,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    let session = place.session(&args.session)?;
    let memory = place.recall(terminal)?;
    check(&place, &memory, &session).await?;
    let error = place.client.attach_command(&session).exec();
    Err(Trouble::new("cannot run tmux")
        .because(&error)
        .help("apt-get install tmux"))
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
