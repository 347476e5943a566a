//! What a verb would do, from the plan: nothing is done.

use super::look::Looked;
use crate::memory::ask;
use crate::model::{Held, Mass, Memory, Orders, Plan, Request, SessionName, Step, Verb};
use crate::plan::{Situation, plan};
use crate::render::top::{CommandWords, Proposed};
use crate::render::{Paper, diff};

/// The longest line that is shown, in characters.
const LINE: usize = 400;

/// What this command would do to the town as it was seen.
///
/// # Errors
/// Why it can do nothing.
pub(super) fn propose(
    looked: &Looked,
    words: CommandWords,
    paper: &Paper,
) -> Result<Proposed, String> {
    let verb = words.first().map_or("", String::as_str);
    let (sessions, steps) = match verb {
        "restart" => by_hand(looked, &words, Request::Restart, paper)?,
        "stop" => by_hand(looked, &words, Request::Stop, paper)?,
        "expire" => of_plan(&looked.plan, |verb| verb == Verb::Expire, paper),
        _ => of_plan(&looked.plan, |_| true, paper),
    };
    let lines = steps
        .lines()
        .map(|line| crate::render::sanitise::line(line, LINE));
    Ok(Proposed {
        lines: lines.collect(),
        words,
        sessions,
    })
}

/// What follows if this is asked for about the sessions that are named.
fn by_hand(
    looked: &Looked,
    words: &[String],
    request: Request,
    paper: &Paper,
) -> Result<(usize, String), String> {
    let named = named(looked, words)?;
    let asked = |memory: Memory, session: &SessionName| ask(memory, session, request);
    let memory = named.iter().fold(looked.memory.clone(), asked);
    // As in the verb: naming sessions by hand is consent enough.
    let orders = Orders {
        mass: Mass::Allow,
        ..Orders::default()
    };
    let plan = plan(&Situation {
        town: looked.town(),
        observed: &looked.observed,
        memory: &memory,
        orders,
        now: looked.now,
    });
    let steps: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| named.contains(&step.session))
        .collect();
    let held: Vec<&Held> = plan
        .held
        .iter()
        .filter(|held| named.contains(&held.session))
        .collect();
    let planned = |name: &&SessionName| {
        steps.iter().any(|step| step.session == **name)
            || held.iter().any(|held| held.session == **name)
    };
    let mut text = diff::steps(&steps, &held, paper);
    for name in named.iter().filter(|name| !planned(name)) {
        text.push_str(name.as_str());
        text.push_str(": no step can be planned for it now\n");
    }
    Ok((named.len(), text))
}

/// The sessions that a command names.
fn named(looked: &Looked, words: &[String]) -> Result<Vec<SessionName>, String> {
    let mut named = Vec::new();
    let mut arguments = words.iter().skip(1);
    while let Some(word) = arguments.next() {
        if word == "--timeout" {
            arguments.next();
            continue;
        }
        if word.starts_with('-') {
            continue;
        }
        let declared = looked.town().sessions.get(word.as_str());
        let Some(desired) = declared else {
            return Err(format!("`{word}` is not declared in this town"));
        };
        if !named.contains(&desired.name) {
            named.push(desired.name.clone());
        }
    }
    Ok(named)
}

/// The steps of the plan as it is, and to how many sessions they do something.
fn of_plan(plan: &Plan, is_asked: impl Fn(Verb) -> bool, paper: &Paper) -> (usize, String) {
    let steps: Vec<&Step> = plan
        .steps
        .iter()
        .filter(|step| is_asked(step.action.verb()))
        .collect();
    (steps.len(), diff::steps(&steps, &[], paper))
}
