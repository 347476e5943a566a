//! `gtctl apply`: make it so, and wait until what was started is ready.

use super::args::{Apply, Global};
use super::chore;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::{Place, orders};
use super::work::Work;
use crate::controller::{Controller, Survey};
use crate::model::{Mass, Orders, Period, Scope};
use crate::observe::Depth;
use crate::proc;
use crate::render::saved;
use std::path::Path;

pub(super) async fn run(global: &Global, args: &Apply, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    let mut controller = place.controller()?;
    let mut orders = orders(&args.orders);
    if let Some(path) = &args.plan {
        check_saved(path, &place, orders, terminal).await?;
        orders.mass = Mass::Allow;
    }
    if args.accept {
        accept(&mut controller, &place, orders, terminal).await?;
    }
    let wait = if args.no_wait { Period::ZERO } else { args.timeout };
    let work = Work::new(wait, orders, Scope::Town);
    // A saved plan was agreed upon: it is carried out as it is.
    let work = if args.plan.is_some() { work } else { work.following(&place, &mut controller) };
    work.run(&mut controller, place, terminal).await
}

/// Has what is proposed carried out: restarts and resets by the cycles that follow, texts at once.
async fn accept(
    controller: &mut Controller,
    place: &Place,
    orders: Orders,
    terminal: &Terminal,
) -> Result<(), Trouble> {
    let taken = controller.accept(&place.town, orders).await?;
    if taken.is_empty() {
        terminal.note("nothing that is proposed can be accepted: `gtctl diff` shows why");
    }
    let mut texts = chore::chores(place);
    for judged in &taken {
        terminal.print(&format!("accepted: {} {}\n", judged.proposal.advice.word(), judged.proposal.session));
        let job = controller.typing(&place.town, judged, proc::clock::now());
        if let Some(job) = job {
            texts.begin(job);
        }
    }
    texts.settle().await;
    for report in texts.ended() {
        terminal.note(&format!("{}: {}", report.outcome.result.word(), report.outcome.said));
    }
    Ok(())
}

/// Refuses a saved plan when planning anew does not give the same.
async fn check_saved(path: &Path, place: &Place, orders: Orders, terminal: &Terminal) -> Result<(), Trouble> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|e| Trouble::new(format!("cannot read {shown}")).because(&e))?;
    let Survey { plan, .. } = place.survey(orders, Depth::Plan, terminal).await?;
    let checked = saved::parse(&text).and_then(|saved| saved.check(&place.town, &plan));
    checked.map_err(|e| Trouble::new(format!("{shown} was not applied")).because(&e).help(e.help()))
}
