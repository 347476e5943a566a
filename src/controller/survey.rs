//! The first half of a cycle: what there is and what would be done, without a trace.

use crate::act;
use crate::gastown::{self, Standing};
use crate::model::{Desired, Memory, Moment, Observed, Orders, Plan, Scope, Town, Verb};
use crate::observe::{self, Depth, Living, Look};
use crate::plan::{Situation, covered, misnamed, plan, within};
use crate::proc;
use crate::remember::{learn, lose_errands};
use crate::store::View;
use crate::tmux::Client;
use std::borrow::Cow;

/// One look at a town, and what follows from it.
#[derive(Debug, Clone)]
pub struct Survey<'t> {
    /// When it was taken.
    pub now: Moment,
    /// What is wanted, of sessions that others start too.
    pub town: Cow<'t, Town>,
    /// What was seen.
    pub observed: Observed,
    /// What was remembered, with this look learned.
    pub memory: Memory,
    /// What would be done.
    pub plan: Plan,
    /// The sessions that the look was for.
    pub scope: Scope,
    /// What people should know beside it.
    pub notices: Vec<String>,
}

/// Looks once and plans, for those sessions to which the look lets anything be done. Writes nothing, starts nothing.
pub async fn survey<'t>(
    client: &Client,
    town: &'t Town,
    state: &View,
    memory: Memory,
    orders: Orders,
    depth: Depth,
    living: Living,
) -> Survey<'t> {
    let now = proc::clock::now();
    let memory = lose_errands(memory, proc::process::may_live);
    let Look { mut observed, scope } = observe::look(client, town, &memory, now, depth, living).await;
    let (town, mut notices) = heeding(covered(town, &observed));
    notices.extend(misnamed(&town, &observed));
    notices.extend(observe::listen(&mut observed, &town, &memory, state, now));
    let memory = learn(memory, &town, &observed, now);
    let think = |town: &Town| plan(&Situation { town, observed: &observed, memory: &memory, orders, now });
    let mut plan = think(&town);
    let mut town = town;
    let unstartable = act::cannot_start(to_be_begun(&town, &plan)).await;
    if !unstartable.is_empty() {
        town.to_mut().unstartable = unstartable;
        plan = think(&town);
    }
    Survey { now, town, observed, memory, plan: within(plan, &scope), scope, notices }
}

/// The sessions for which a plan has a fresh process, now or later.
fn to_be_begun<'t>(town: &'t Town, plan: &Plan) -> Vec<&'t Desired> {
    let begins = |verb: Verb| matches!(verb, Verb::Start | Verb::Restart);
    let steps = plan.steps.iter().filter(|step| begins(step.action.verb())).map(|step| &step.session);
    let held = plan.held.iter().filter(|held| begins(held.verb)).map(|held| &held.session);
    steps.chain(held).filter_map(|name| town.sessions.get(name)).collect()
}

/// The town with what Gas Town's files ask of it now, where it has a root; and what of them could not be understood.
fn heeding(town: Cow<'_, Town>) -> (Cow<'_, Town>, Vec<String>) {
    let Some(root) = &town.root else { return (town, Vec::new()) };
    let Standing { gastown, notices } = gastown::standing(root, rigs_of(&town));
    if gastown == town.gastown {
        return (town, notices);
    }
    let mut town = town.into_owned();
    town.gastown = gastown;
    (Cow::Owned(town), notices)
}

/// The rigs in which sessions of the town work.
pub(super) fn rigs_of(town: &Town) -> impl Iterator<Item = &str> {
    town.sessions.values().filter_map(|desired| desired.rig.as_deref())
}
