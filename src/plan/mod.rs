//! The decision: a pure function from what is wanted, seen and remembered to what shall happen.
//!
//! It asks in two passes. First each session alone, by a table of rules in a fixed order (`rules`):
//! the first rule that has something to say decides what the session would need. Then the town as a
//! whole (`pacing`): waves, budgets, guards, and everything else that may hold a step back. What
//! comes out says everything: steps to do now, steps held and by what, sessions that stay as they
//! are, and the moment at which the answer can next change.
//!
//! **Architecture invariant:** pure, total and deterministic. No clock, no I/O, no panic; the same
//! situation gives the same plan. Nothing is decided anywhere else.

mod after;
mod agents;
mod alone;
mod answers;
mod backoff;
mod backwards;
mod budgets;
mod chores;
mod conversation;
mod drain;
mod due;
mod ended;
mod gastown;
mod labels;
mod ladder;
mod large;
mod launcher;
mod mass;
mod moved;
mod ownership;
mod pacing;
mod pipes;
mod probes;
mod proposals;
mod ready;
mod renamed;
mod rolling;
mod rules;
mod screens;
mod steps;
mod stuck;
mod subject;
mod texts;
mod tokens;
mod turn;
mod unwanted;
mod upgraded;
mod verdict;
mod wakes;
mod waves;

pub use answers::{Asked, answer, asked, key};
pub use labels::{OutdatedLabel, outdated_labels};
pub use pipes::{Unpiped, unpiped};
pub use texts::typable;

use crate::model::{
    Hold, Memory, Moment, Observed, Orders, Phase, Plan, Reason, Scope, SessionName, Step, Timed,
    Town, Unchanged, Verb,
};

/// Everything a decision is made from.
#[derive(Debug, Clone, Copy)]
pub struct Situation<'a> {
    /// What is wanted, as of [`covered`](crate::model::covered) for what was seen.
    pub town: &'a Town,
    /// What was seen.
    pub observed: &'a Observed,
    /// What is remembered, this look already learned.
    pub memory: &'a Memory,
    /// What the caller allows beyond the manifest.
    pub orders: Orders,
    /// The moment of the look.
    pub now: Moment,
}

/// Decides.
///
/// Where the observation is unknown the plan has no steps and no wake: only another look can change
/// it. Linear in the number of sessions.
#[must_use]
pub fn plan(situation: &Situation<'_>) -> Plan {
    let server = match situation.observed {
        Observed::Unknown(_) => return with_chores(situation, nothing_is_known(situation.town)),
        Observed::Down => None,
        Observed::Up(server) => Some(server),
    };
    let subjects = subject::gather(situation, server);
    let verdicts = subjects.iter().map(rules::judge).collect();
    let plan = with_chores(situation, pacing::pace(situation, &subjects, verdicts));
    let due = chores::wake(&plan.chores, situation.now);
    let wake = plan
        .wake
        .into_iter()
        .chain(due)
        .min_by_key(|at| situation.now.until(at));
    Plan { wake, ..plan }
}

/// The plan with the chores, and with what the last of them propose.
fn with_chores(situation: &Situation<'_>, plan: Plan) -> Plan {
    let chores = chores::timetable(situation, &plan);
    let proposals = proposals::judge(situation, &plan);
    Plan {
        chores,
        proposals,
        ..plan
    }
}

/// The part of a plan that was asked for. What is left out is not held: it just was not asked for.
#[must_use]
pub fn within(plan: Plan, scope: &Scope) -> Plan {
    let asked = |step: &Step| match scope {
        Scope::Town => true,
        Scope::Sessions(names) => names.contains(&step.session),
        // What a policy covers is adopted for nothing else.
        Scope::Expiries(names) => {
            let is_named = names.is_empty() || names.contains(&step.session);
            let is_adopted = matches!(step.reason, Reason::Covered { .. });
            is_named && (step.action.verb() == Verb::Expire || is_adopted)
        }
        Scope::Chore(_) => false,
    };
    let is_run = |timed: &Timed| match scope {
        Scope::Town => true,
        Scope::Sessions(_) | Scope::Expiries(_) => false,
        Scope::Chore(name) => timed.chore == *name,
    };
    let Plan {
        mut steps,
        held,
        unchanged,
        probes,
        checks,
        mut chores,
        proposals,
        wake,
        mass,
    } = plan;
    steps.retain(asked);
    chores.retain(is_run);
    Plan {
        steps,
        held,
        unchanged,
        probes,
        checks,
        chores,
        proposals,
        wake,
        mass,
    }
}

/// What one rule says of one session.
#[derive(Debug, Clone, PartialEq)]
pub struct Opinion {
    /// The rule's name; `calm` for when none speaks.
    pub rule: &'static str,
    /// What it says; none when it has nothing to say.
    pub says: Option<Says>,
}

/// What a rule that speaks would have.
#[derive(Debug, Clone, PartialEq)]
pub enum Says {
    /// Leave it as it is.
    Keep(Phase),
    /// Do this, because.
    Want(Verb, Reason),
    /// Do this, because, but not now.
    Hold(Verb, Reason, Hold, Option<Moment>),
}

/// What each rule says of one session, in the order in which they are asked: the first that speaks
/// decides. Empty where nothing is known or there is no such session.
#[must_use]
pub fn explain(situation: &Situation<'_>, name: &SessionName) -> Vec<Opinion> {
    let server = match situation.observed {
        Observed::Unknown(_) => return Vec::new(),
        Observed::Down => None,
        Observed::Up(server) => Some(server),
    };
    let subjects = subject::gather(situation, server);
    let subject = subjects.iter().find(|subject| subject.name == name);
    subject.map(rules::opinions).unwrap_or_default()
}

fn nothing_is_known(town: &Town) -> Plan {
    let unknown = |name: &crate::model::SessionName| Unchanged {
        session: name.clone(),
        phase: Phase::Unknown,
        note: None,
        next: None,
    };
    Plan {
        unchanged: town.sessions.keys().map(unknown).collect(),
        ..Plan::default()
    }
}
