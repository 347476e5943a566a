//! `gtctl forecast`: what will happen to the town if nothing interferes. Looks once, changes
//! nothing.

use super::agree::warn_of_others;
use super::args::{Forecast, Global, Output};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Survey;
use crate::forecast::{AgentsDo, Assumptions, Present, foresee};
use crate::model::{Observed, Orders, Period};
use crate::observe::Depth;
use crate::proc;
use crate::reconcile::{Arrivals, take_in};
use crate::render::{forecast as page, json};

pub(super) async fn run(
    global: &Global,
    args: &Forecast,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let assumptions = assumptions(args)?;
    let place = Place::find_or_last_good(global, &args.town, terminal)?;
    warn_of_others(&place, terminal);
    let memory = place.recall(terminal)?;
    let memory = take_in(memory, Arrivals::default(), proc::process::may_live).memory;
    let survey = place
        .survey_with(memory.clone(), Orders::default(), Depth::Plan, terminal)
        .await;
    let Survey {
        now,
        town,
        observed,
        last_reports,
        scope,
        ..
    } = survey;
    if let Observed::Unknown(why) = &observed {
        return Err(
            Trouble::new(format!("the state of the town is unknown: {why}"))
                .help("`gtctl doctor` checks the tmux server"),
        );
    }
    let forecast = foresee(
        Present {
            town: &town,
            observed,
            last_reports,
            scope,
            memory,
            now,
        },
        assumptions,
    );
    let paper = terminal.paper(now);
    match terminal.output {
        Output::Json => terminal.print_json(&json::forecast(&town.name, &forecast)),
        Output::Svg => terminal.print(&page::svg(&town.name, &forecast, &paper)),
        Output::Text | Output::Wide | Output::Toml | Output::Html => {
            terminal.print(&page::page(&town.name, &forecast, &paper));
        }
    }
    Ok(Exit::Done)
}

fn assumptions(args: &Forecast) -> Result<Assumptions, Trouble> {
    let horizon = args.horizon;
    if horizon.is_zero() || horizon > Assumptions::FURTHEST {
        let days = Assumptions::FURTHEST.millis() / Period::from_hours(24).millis();
        return Err(Trouble::new("the forecast must go further than now")
            .help(format!(
                "--for takes a duration up to {days}d, such as 24h or 7d"
            ))
            .exits(Exit::Usage));
    }
    Ok(Assumptions {
        horizon,
        agents: args
            .idle_after
            .map_or(AgentsDo::StayAsTheyAre, AgentsDo::FallIdleAfter),
    })
}
