//! `gtctl wait`: ends when sessions are as asked. It looks, and writes nothing.

use super::agree::warn_of_others;
use super::args::{For, Global, TownArg, Wait};
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::looks::Looks;
use super::output::Terminal;
use super::place::Place;
use super::scene;
use crate::controller::{Lookout, Survey};
use crate::model::Moment;
use crate::proc;
use crate::render::wait::{self as page, Condition, WaitEnd, WaitedFor};
use crate::store::View;

pub(super) async fn run(
    global: &Global,
    args: &Wait,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let condition = condition_of(args.condition);
    if args.sessions.is_empty() && condition != Condition::Converged {
        let trouble = Trouble::new(format!(
            "wait for which session to be {}?",
            condition.word()
        ));
        return Err(trouble
            .help("name at least one; `gtctl wait --for converged` waits for the whole town")
            .exits(Exit::Usage));
    }
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)? {
        let words = VerbWords::of("wait")
            .value("--for", Some(condition.word()))
            .value("--timeout", Some(args.timeout));
        if args.sessions.is_empty() {
            let asked = fleet.everywhere(&words.done());
            return fleet
                .act_on("wait", asked, Some(args.timeout), terminal)
                .await;
        }
        if let Some(routes) = fleet.routes(&args.sessions)? {
            return fleet
                .act_at(words, routes, Some(args.timeout), terminal)
                .await;
        }
    }
    warn_of_others(&place, terminal);
    let sessions = place.sessions(&args.sessions)?;
    let view = View::of(&place.state);
    let mut lookout =
        Lookout::new(&view).map_err(|e| Trouble::new("cannot listen for events").because(&e))?;
    let mut looks = Looks::default();
    let begun = proc::clock::now();
    loop {
        let survey = looks.next(&place, &view, terminal).await?;
        let scene = scene::of_survey(&survey);
        let awaited = page::awaited(&scene, &sessions, condition);
        let waited = proc::clock::now().since(&begun);
        let is_over = waited >= args.timeout;
        if let Some(end) = page::end(&awaited).or(is_over.then_some(WaitEnd::Timeout)) {
            tell(&survey, &awaited, (condition, end, begun), terminal);
            return Ok(exit_of(end));
        }
        lookout.attend(&survey.observed, &looks.cache, &view);
        looks.memory = Some(survey.memory);
        let left = args.timeout.minus(waited).to_std();
        tokio::select! {
            () = lookout.wait() => {}
            () = tokio::time::sleep(left) => {}
        }
    }
}

fn condition_of(word: For) -> Condition {
    match word {
        For::Ready => Condition::Ready,
        For::Idle => Condition::Idle,
        For::Completed => Condition::Completed,
        For::Gone => Condition::Gone,
        For::Converged => Condition::Converged,
    }
}

fn exit_of(end: WaitEnd) -> Exit {
    match end {
        WaitEnd::Reached => Exit::Done,
        WaitEnd::CannotCome => Exit::Failed,
        WaitEnd::Timeout => Exit::Pending,
    }
}

fn tell(
    survey: &Survey<'_>,
    awaited: &[WaitedFor],
    (condition, end, begun): (Condition, WaitEnd, Moment),
    terminal: &Terminal,
) {
    let waited = proc::clock::now().since(&begun);
    if terminal.is_json() {
        let scene = scene::of_survey(survey);
        return terminal.print_json(&page::json(&scene, awaited, condition, end, waited));
    }
    let text = page::page(awaited, condition, end, waited);
    match end {
        WaitEnd::Reached => terminal.print(&text),
        WaitEnd::CannotCome | WaitEnd::Timeout => text.lines().for_each(|line| terminal.warn(line)),
    }
}
