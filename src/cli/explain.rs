//! `gtctl explain`: every rule's verdict on one session, every setting with its origin, its recent
//! events.

use super::agree::warn_of_others;
use super::args::{Explain, Global, TownArg};
use super::events;
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::controller::Survey;
use crate::model::{Content, Held, Life, Memory, Observed, Orders, Ownership, Plan, SessionName};
use crate::observe::Depth;
use crate::plan::{Opinion, Says, Situation, explain};
use crate::render::explain::{self as page, Explanation, Extent};
use crate::render::{Paper, Scene};

/// How many of the session's last events are shown.
const EVENTS: usize = 5;

pub(super) async fn run(
    global: &Global,
    args: &Explain,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)?
        && let Some(routes) = fleet.routes(&[&args.session])?
    {
        let words = VerbWords::of("explain").flag("--all", args.all);
        return fleet.look_at(words, routes, terminal).await;
    }
    warn_of_others(&place, terminal);
    let session = place.session(&args.session)?;
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let rows = scene::of_survey(&survey).rows();
    let Survey {
        now,
        town,
        observed,
        memory,
        plan,
        ..
    } = &survey;
    let now = *now;
    let orders = Orders::default();
    let situation = Situation {
        town,
        observed,
        memory,
        orders,
        now,
    };
    let settings = town
        .sessions
        .get(&session)
        .map(|desired| place.origins.explain(desired))
        .unwrap_or_default();
    let opinions = explain(&situation, &session);
    let explanation = Explanation {
        session: &session,
        row: rows.iter().find(|row| *row.session == session),
        opinions: &opinions,
        content: content(observed, memory, &session),
        held: held_beside(plan, &session, &opinions),
        settings: &settings,
        events: &events::last(&place.state, std::slice::from_ref(&session), EVENTS),
    };
    if terminal.is_json() {
        terminal.print_json(&page::json(&explanation, now));
    } else {
        let extent = if args.all {
            Extent::All
        } else {
            Extent::Verdict
        };
        terminal.print(&page::page(&explanation, extent, &terminal.paper(now)));
    }
    Ok(match observed {
        Observed::Unknown(why) => {
            return Err(Trouble::new(format!(
                "the state of the town is unknown: {why}"
            )));
        }
        Observed::Up(_) | Observed::Down => Exit::Done,
    })
}

/// The page about one session, for the lower pane of `top`. Its events are left out.
pub(super) fn page_of(
    place: &Place,
    scene: &Scene<'_>,
    session: &SessionName,
    paper: &Paper,
) -> String {
    let Scene {
        town,
        observed,
        memory,
        plan,
        now,
    } = *scene;
    let situation = Situation {
        town,
        observed,
        memory,
        orders: Orders::default(),
        now,
    };
    let desired = town.sessions.get(session);
    let settings = desired.map(|desired| place.origins.explain(desired));
    let opinions = explain(&situation, session);
    let rows = scene.rows();
    let explanation = Explanation {
        session,
        row: rows.iter().find(|row| row.session == session),
        opinions: &opinions,
        content: content(observed, memory, session),
        held: held_beside(plan, session, &opinions),
        settings: &settings.unwrap_or_default(),
        events: &[],
    };
    page::page(&explanation, Extent::All, paper)
}

/// What is known of the screen of the life that was seen.
fn content<'m>(
    observed: &Observed,
    memory: &'m Memory,
    session: &SessionName,
) -> Option<&'m Content> {
    let Observed::Up(server) = observed else {
        return None;
    };
    let mut labels =
        server
            .sessions
            .values()
            .filter_map(|seen| match (&seen.ownership, &seen.life) {
                (Ownership::Ours(label), Life::Alive { .. }) => Some(label),
                (
                    Ownership::Ours(_)
                    | Ownership::Unlabelled
                    | Ownership::Unproved(_)
                    | Ownership::Foreign(_),
                    _,
                ) => None,
            });
    let run = memory.sessions.get(session)?.run.as_ref()?;
    labels
        .any(|label| label.session == *session && label.generation == run.generation)
        .then_some(run.content.as_ref()?)
}

/// What holds a session's step, where the rule that decides has no hold of its own.
fn held_beside<'p>(
    plan: &'p Plan,
    session: &SessionName,
    opinions: &[Opinion],
) -> Option<&'p Held> {
    let decides = opinions.iter().find_map(|opinion| opinion.says.as_ref());
    let wants = matches!(decides, Some(Says::Want(..)));
    plan.held
        .iter()
        .find(|held| wants && held.session == *session)
}
