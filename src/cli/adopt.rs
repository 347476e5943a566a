//! `gtctl adopt`: takes over a session that is already there, or replaces an idle shell by one.

use super::agree::agree;
use super::args::{Adopt, Global, TownArg};
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::work::{Wait, Work};
use crate::model::{Mass, Observed, Orders, Request, Scope};
use crate::observe::Depth;

pub(super) async fn run(
    global: &Global,
    args: &Adopt,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut place = Place::find(global, &TownArg { town: None }, terminal)?;
    let session = place.session(&args.session)?;
    refuse_while_paused(&place, terminal)?;
    agree(&place, terminal).await?;
    let mut controller = place.controller()?;
    if args.replace {
        if let Err(why) = controller.remove_idle_shell(&place.town, &session).await? {
            return Err(
                Trouble::new(format!("{session} was not changed: {why}")).help(format!(
                    "`gtctl attach {session}` shows it; gtctl replaces only an idle shell"
                )),
            );
        }
        terminal.note(&format!(
            "{session}: removed the idle shell that had this name"
        ));
        controller.ask(std::slice::from_ref(&session), Request::Start)?;
    } else if !is_there(&place, session.as_str(), terminal).await? {
        return Err(Trouble::new(format!("{session} does not exist"))
            .help(format!("`gtctl start {session}` starts it")));
    }
    let wait = Wait::of(&args.waiting);
    // Whoever names a session by hand has agreed to it.
    let orders = Orders {
        mass: Mass::Allow,
        ..Orders::default()
    };
    Work::new(wait, orders, Scope::Sessions(vec![session]))
        .run(&mut controller, &mut place, terminal)
        .await
}

async fn is_there(place: &Place, session: &str, terminal: &Terminal) -> Result<bool, Trouble> {
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    match &survey.observed {
        Observed::Up(server) => Ok(server.sessions.contains_key(session)),
        Observed::Down => Ok(false),
        Observed::Unknown(why) => Err(Trouble::new(format!(
            "the state of the town is unknown: {why}"
        ))),
    }
}
