//! `gtctl explain`: every rule's verdict on one session, every setting with its origin, its recent events.

use super::args::{Global, Session, TownArg};
use super::events;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Survey;
use crate::model::{Observed, Orders};
use crate::observe::Depth;
use crate::plan::{Situation, explain};
use crate::render::explain::{self as page, Explanation};

/// How many of the session's last events are shown.
const EVENTS: usize = 5;

pub(super) async fn run(global: &Global, args: &Session, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &TownArg { town: None }, terminal)?;
    let session = place.session(&args.session)?;
    let Survey { now, town, observed, memory, .. } = place.survey(Orders::default(), Depth::Plan, terminal).await?;
    let orders = Orders::default();
    let situation = Situation { town: &town, observed: &observed, memory: &memory, orders, now };
    let settings = town.sessions.get(&session).map(|desired| place.origins.explain(desired)).unwrap_or_default();
    let explanation = Explanation {
        session: &session,
        opinions: &explain(&situation, &session),
        settings: &settings,
        events: &events::last(&place.state, std::slice::from_ref(&session), EVENTS),
    };
    if terminal.is_json() {
        terminal.print_json(&page::json(&explanation, now));
    } else {
        terminal.print(&page::page(&explanation, &terminal.paper(now)));
    }
    Ok(match observed {
        Observed::Unknown(why) => return Err(Trouble::new(format!("the town is unknown: {why}"))),
        Observed::Up(_) | Observed::Down => Exit::Done,
    })
}
