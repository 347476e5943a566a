//! `gtctl apply`: makes the town as declared, and waits until the started sessions are ready.

use super::agree::agree;
use super::args::{Apply, Global};
use super::ask;
use super::by_hand::refuse_while_paused;
use super::chore;
use super::exit::{Exit, Trouble};
use super::fleet;
use super::output::Terminal;
use super::part;
use super::place::{Place, orders, unasked};
use super::shared;
use super::work::{Wait, Work};
use crate::controller::{Controller, Survey};
use crate::files::{self, Links};
use crate::model::{Hold, Mass, Orders, Phase, Plan, Request, Scope, Verb};
use crate::observe::Depth;
use crate::render::saved;
use std::path::Path;

/// The largest saved plan that is read, in bytes. The largest town needs less.
const MOST_OF_A_PLAN: u64 = 256 << 20;

pub(super) async fn run(
    global: &Global,
    args: &Apply,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut place = Place::find(global, &args.words.town(), terminal)?;
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::apply(&place, global, args, terminal)).await;
    }
    if let Some(fleet) = fleet::of(&place, global)? {
        return fleet.apply(args, terminal).await;
    }
    let scope = part::of(&place, &args.words)?;
    agree(&place, terminal).await?;
    let mut controller = place.controller()?;
    let mut orders = orders(&args.orders);
    if let Some(path) = &args.plan {
        check_saved(path, &place, orders, terminal).await?;
        orders.mass = Mass::Allow;
    }
    if orders.mass == Mass::Hold
        && !ask_for_restarts(args.yes, (&place, &scope), &mut orders, terminal).await?
    {
        return Ok(Exit::Failed);
    }
    if args.accept {
        // Accepted proposals are kept for the next cycles.
        refuse_while_paused(&place, terminal)?;
        accept(&mut controller, &place, orders, terminal).await?;
    }
    let back = place.went_down(&scope, terminal)?;
    if !back.is_empty() {
        controller.ask(&back, Request::Start)?;
    }
    let wait = Wait::of(&args.waiting);
    let work = Work::new(wait, orders, scope);
    // Somebody has agreed to a saved plan, so it is carried out as it is.
    let work = if args.plan.is_some() {
        work
    } else {
        work.following(&place, &mut controller)
    };
    work.run(&mut controller, &mut place, terminal).await
}

/// Asks at the terminal before a large part of the town is restarted. Returns whether to go on.
async fn ask_for_restarts(
    yes: bool,
    (place, scope): (&Place, &Scope),
    orders: &mut Orders,
    terminal: &Terminal,
) -> Result<bool, Trouble> {
    if yes {
        *orders = unasked(*orders);
        return Ok(true);
    }
    let allowing = Orders {
        mass: Mass::Allow,
        ..*orders
    };
    let Survey { town, plan, .. } = place
        .survey_going_up(scope, allowing, Depth::Plan, terminal)
        .await?;
    let plan = part::only(plan, scope);
    let (restarts, sessions) = (restarts(&plan), town.declared().count());
    #[expect(
        clippy::cast_precision_loss,
        reason = "a town has at most some thousand sessions"
    )]
    let much = restarts as f64 > (sessions as f64 * town.limits.mass).max(1.0);
    if restarts < 2 || (!much && restarts < sessions) {
        return Ok(true);
    }
    let at_a_time = usize::try_from(town.limits.unavailable.among(sessions))
        .unwrap_or(usize::MAX)
        .min(restarts);
    if !ask::consents(&format!(
        "Restart {restarts} of {sessions}, {at_a_time} at a time?"
    ))? {
        terminal.say_plainly("Cancelled. Nothing was done.");
        return Ok(false);
    }
    let expires = plan
        .steps
        .iter()
        .any(|step| step.action.verb() == Verb::Expire);
    if !expires {
        orders.mass = Mass::Allow;
    }
    Ok(true)
}

/// The living sessions that would be restarted, now or at their turn.
fn restarts(plan: &Plan) -> usize {
    let lives = |phase: Phase| {
        !matches!(
            phase,
            Phase::Dead(_) | Phase::Absent | Phase::Completed(_) | Phase::Stopping
        )
    };
    let now = plan
        .steps
        .iter()
        .filter(|step| step.action.verb() == Verb::Restart && lives(step.phase));
    let in_turn = |hold: &Hold| {
        matches!(
            hold,
            Hold::Rolling { .. }
                | Hold::ConcurrentStarts { .. }
                | Hold::StartBudget { .. }
                | Hold::Draining { .. }
        )
    };
    let later = plan
        .held
        .iter()
        .filter(|held| held.verb == Verb::Restart && lives(held.phase) && in_turn(&held.hold));
    now.count() + later.count()
}

/// Carries out proposals: texts at once, restarts and resets by the next cycles.
async fn accept(
    controller: &mut Controller,
    place: &Place,
    orders: Orders,
    terminal: &Terminal,
) -> Result<(), Trouble> {
    let (taken, jobs) = controller.accept(&place.town, orders).await?;
    if taken.is_empty() {
        terminal.note("no proposal can be accepted: `gtctl diff` shows why");
    }
    let mut texts = chore::chores(place);
    for judged in &taken {
        terminal.print(&format!(
            "accepted: {} {}\n",
            judged.proposal.advice.word(),
            judged.proposal.session
        ));
    }
    for job in jobs {
        texts.begin(job);
    }
    texts.settle().await;
    for report in texts.ended() {
        terminal.note(&format!(
            "{}: {}",
            report.outcome.result.word(),
            report.outcome.said
        ));
    }
    Ok(())
}

/// Refuses a saved plan when a new plan differs from it.
async fn check_saved(
    path: &Path,
    place: &Place,
    orders: Orders,
    terminal: &Terminal,
) -> Result<(), Trouble> {
    let shown = path.display();
    let text = files::read_text(path, Links::Follow, MOST_OF_A_PLAN)
        .map_err(|e| Trouble::new(format!("cannot read {shown}")).because(&e))?;
    let Survey { plan, .. } = place
        .survey_going_up(&Scope::Town, orders, Depth::Plan, terminal)
        .await?;
    let checked = saved::parse(&text).and_then(|saved| saved.check(&place.town, &plan));
    checked.map_err(|e| {
        Trouble::new(format!("{shown} was not applied"))
            .because(&e)
            .help(e.help())
    })
}
