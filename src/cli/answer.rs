//! `gtctl answer`: an answer to the question of a session, given only while that question shows.

use super::args::{Answer, Global, TownArg};
use super::by_hand::refuse_while_paused;
use super::exit::{Exit, Trouble};
use super::fleet::{self, Fleet, Routes, VerbWords};
use super::output::Terminal;
use super::place::Place;
use crate::act::Answering;
use crate::controller::{HandAnswer, Survey};
use crate::model::{
    AnswerEnd, AnswerStep, Choice, Dialog, NoAnswer, Obstacle, Orders, SessionName,
};
use crate::observe::Depth;
use crate::plan::{Situation, asked};
use crate::proc;
use crate::render::answer::{self as page, AnswerReport};

pub(super) async fn run(
    global: &Global,
    args: &Answer,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let none = TownArg { town: None };
    if let Some(choice) = args.choice.filter(|_| !args.show) {
        let place = Place::find(global, &none, terminal)?;
        if let Some(fleet) = fleet::of(&place, global)?
            && let Some(routes) = routes_with(&fleet, args, Some(choice))?
        {
            let words = VerbWords::of("answer");
            return fleet.act_at(words, routes, None, terminal).await;
        }
        let session = place.session(&args.session)?;
        refuse_while_paused(&place, terminal)?;
        return Box::pin(give(&place, &session, choice, terminal)).await;
    }
    let place = Place::find_or_last_good(global, &none, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)?
        && let Some(routes) = routes_with(&fleet, args, None)?
    {
        return fleet
            .look_at(VerbWords::of("answer --show"), routes, terminal)
            .await;
    }
    let session = place.session(&args.session)?;
    show(&place, &session, terminal).await
}

/// The other host that has the session, with the arguments for it. None if it is on this host.
fn routes_with(
    fleet: &Fleet<'_>,
    args: &Answer,
    choice: Option<Choice>,
) -> Result<Option<Routes>, Trouble> {
    let mut routes = fleet.routes(&[&args.session])?;
    for arguments in routes.iter_mut().flat_map(Routes::values_mut) {
        arguments.extend(choice.map(|choice| choice.to_string()));
    }
    Ok(routes)
}

async fn give(
    place: &Place,
    session: &SessionName,
    choice: Choice,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let mut controller = place.own_controller()?;
    let given = controller.answer(&place.town, session, choice).await?;
    controller
        .tell_of_answer(session, &given)
        .iter()
        .for_each(|notice| terminal.warn(notice));
    let HandAnswer { answering, step } = given;
    let Answering { end, shows } = answering;
    let answer = step.as_ref().map(AnswerStep::answer);
    // Nothing was looked at closely where nothing was to be pressed.
    let (shows, said) = match (&end, shows) {
        (AnswerEnd::Refused(_), None) => read(place, session, terminal).await?.unwrap_or_default(),
        (_, shows) => (shows, String::new()),
    };
    let fix = page::fix(session, &end);
    let report = AnswerReport {
        session,
        end: Some(&end),
        answer: answer.as_deref(),
        dialog: shows.as_ref(),
        said: &said,
        fix: fix.as_deref(),
    };
    tell(&report, &end, terminal);
    Ok(exit_of(&end))
}

fn tell(report: &AnswerReport<'_>, end: &AnswerEnd, terminal: &Terminal) {
    let now = proc::clock::now();
    if terminal.is_json() {
        return terminal.print_json(&page::json(report, now));
    }
    let session = report.session;
    match (end, report.answer) {
        (AnswerEnd::Done, answer) => {
            let answer = answer.map_or_else(String::new, |answer| format!(": {answer}"));
            terminal.print(&format!("{session}: {end}{answer}\n"));
        }
        (
            AnswerEnd::Refused(_)
            | AnswerEnd::Changed
            | AnswerEnd::StillAsks
            | AnswerEnd::NotSelected
            | AnswerEnd::Stale(_)
            | AnswerEnd::Failed(_)
            | AnswerEnd::Unknown(_),
            _,
        ) => {
            let help = report
                .fix
                .map_or_else(String::new, |fix| format!("; {fix}"));
            terminal.warn(&format!("{session}: {end}{help}"));
        }
    }
    if let Some(dialog) = report.dialog {
        let question = page::question(session, dialog, report.said, &terminal.paper(now));
        terminal.print(&format!("\n{question}"));
    }
}

/// What the session asks now, and what its client says of it. An error says why it asks nothing.
async fn read(
    place: &Place,
    session: &SessionName,
    terminal: &Terminal,
) -> Result<Result<(Option<Dialog>, String), NoAnswer>, Trouble> {
    let Survey {
        now,
        town,
        observed,
        memory,
        ..
    } = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let situation = Situation {
        town: &town,
        observed: &observed,
        memory: &memory,
        orders: Orders::default(),
        now,
    };
    Ok(asked(&situation, session).map(|asked| {
        let said = page::said(asked.content).to_owned();
        (Some(asked.dialog.clone()), said)
    }))
}

async fn show(place: &Place, session: &SessionName, terminal: &Terminal) -> Result<Exit, Trouble> {
    let now = proc::clock::now();
    let (dialog, said) = match read(place, session, terminal).await? {
        Ok(asks) => asks,
        Err(why) => {
            let end = AnswerEnd::Refused(why);
            let fix = page::fix(session, &end);
            let report = AnswerReport {
                session,
                end: Some(&end),
                answer: None,
                dialog: None,
                said: "",
                fix: fix.as_deref(),
            };
            tell(&report, &end, terminal);
            return Ok(exit_of(&end));
        }
    };
    let report = AnswerReport {
        session,
        end: None,
        answer: None,
        dialog: dialog.as_ref(),
        said: &said,
        fix: None,
    };
    if terminal.is_json() {
        terminal.print_json(&page::json(&report, now));
    } else if let Some(dialog) = &dialog {
        terminal.print(&page::question(
            session,
            dialog,
            &said,
            &terminal.paper(now),
        ));
    }
    Ok(Exit::Done)
}

fn exit_of(end: &AnswerEnd) -> Exit {
    match end {
        AnswerEnd::Done => Exit::Done,
        AnswerEnd::Refused(NoAnswer::Obstacle(Obstacle::Untold(_))) | AnswerEnd::Failed(_) => {
            Exit::Failed
        }
        AnswerEnd::Refused(_)
        | AnswerEnd::Changed
        | AnswerEnd::StillAsks
        | AnswerEnd::NotSelected
        | AnswerEnd::Stale(_)
        | AnswerEnd::Unknown(_) => Exit::Partial,
    }
}
