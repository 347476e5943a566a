//! The first half of a cycle: looks and plans. Changes nothing.

use crate::act;
use crate::files::aside;
use crate::gastown::{self, GastownState};
use crate::model::SortedMap;
use crate::model::{Gastown, LastReports, Memory, Moment, Observed, Orders, Plan, Scope, Town};
use crate::model::{covered, misnamed};
use crate::observe::{self, Depth, Living, Look, LookCache, LookRequest};
use crate::plan::Situation;
use crate::proc;
use crate::reconcile::{Arrivals, Decided, Learned, Observation, Shipped, learn, take_in};
use crate::store::View;
use crate::tmux::Client;
use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// One look at a town, and what follows from it.
#[derive(Debug, Clone)]
pub struct Survey<'t> {
    /// When it was taken.
    pub now: Moment,
    /// What is declared, with the sessions of others that a policy covers.
    pub town: Cow<'t, Town>,
    /// What was seen.
    pub observed: Observed,
    /// The memory with this look in it.
    pub memory: Memory,
    /// The plan.
    pub plan: Plan,
    /// What agents that do not live any more have reported last.
    pub last_reports: LastReports,
    /// The sessions that the look asked after.
    pub scope: Scope,
    /// What people should know beside it.
    pub notices: Vec<String>,
}

/// All that a look at a town needs.
#[derive(Debug)]
pub struct Eyes<'a> {
    /// The way to its tmux server.
    pub client: &'a Client,
    /// Its state directory.
    pub state: &'a View,
    /// How much is looked at.
    pub depth: Depth,
    /// What the last look has listed.
    pub looks: &'a mut LookCache,
}

/// Looks once and plans. Writes nothing, starts nothing.
pub async fn survey<'t>(
    client: &Client,
    town: &'t Town,
    state: &View,
    memory: Memory,
    orders: Orders,
) -> Survey<'t> {
    let eyes = Eyes {
        client,
        state,
        depth: Depth::Plan,
        looks: &mut LookCache::default(),
    };
    eyes.survey(town, memory, orders).await
}

impl Eyes<'_> {
    /// Looks and plans. Writes nothing, starts nothing.
    pub async fn survey(self, town: &Town, memory: Memory, orders: Orders) -> Survey<'_> {
        let memory = take_in(memory, Arrivals::default(), proc::process::may_live).memory;
        let (learned, notices) = self.look(town, memory, Living::default()).await;
        let (observation, memory, plan) = decide(learned, orders).await.into_parts();
        let Observation {
            now,
            town,
            observed,
            last_reports,
            scope,
        } = observation;
        Survey {
            now,
            town,
            observed,
            memory,
            plan,
            last_reports,
            scope,
            notices,
        }
    }

    /// Looks once, and takes in what the look teaches. It does not ask about agents in `living`.
    /// Returns notices for people, too.
    pub(super) async fn look(
        self,
        town: &Town,
        memory: Memory,
        living: Living,
    ) -> (Learned<'_>, Vec<String>) {
        let now = proc::clock::now();
        let request = LookRequest {
            client: self.client,
            town,
            memory: &memory,
            now,
            depth: self.depth,
            living,
        };
        let Look {
            mut observed,
            scope,
        } = observe::look(request, self.looks).await;
        let (town, mut notices) = heeding(covered(town, &observed));
        notices.extend(misnamed(&town, &observed));
        let unheard = observe::listen(&mut observed, &town, &memory, self.state, now);
        notices.extend(unheard);
        observe::add_reports(&mut observed, &town, self.state, self.looks, now);
        let last_reports = observe::last_reports(&observed, &town, &memory, self.state);
        let learned = learn(
            &Shipped,
            memory,
            Observation {
                now,
                town,
                observed,
                last_reports,
                scope,
            },
        );
        (learned, notices)
    }
}

impl Survey<'_> {
    /// What the plan decides on, where nothing is asked for but what is declared.
    pub(super) fn situation(&self) -> Situation<'_> {
        Situation {
            town: &self.town,
            observed: &self.observed,
            memory: &self.memory,
            orders: Orders::default(),
            now: self.now,
        }
    }
}

/// Decides. Where a session would be started, looks first whether its program is there.
pub(super) async fn decide(learned: Learned<'_>, orders: Orders) -> Decided<'_> {
    let decided = learned.decide(orders);
    let unstartable = act::cannot_start(decided.sessions_to_start()).await;
    decided.without_unstartable(unstartable)
}

/// The town with what Gas Town's files ask of it now, where it has a root, and notices about files
/// that could not be understood.
fn heeding(town: Cow<'_, Town>) -> (Cow<'_, Town>, Vec<String>) {
    let Some(root) = &town.root else {
        return (town, Vec::new());
    };
    let GastownState { gastown, notices } =
        standing(root, rigs_of(&town).map(str::to_owned).collect());
    if gastown == town.gastown {
        return (town, notices);
    }
    let mut town = town.into_owned();
    town.gastown = gastown;
    (Cow::Owned(town), notices)
}

/// What Gas Town's files asked last, by root.
static LAST: Mutex<SortedMap<PathBuf, Gastown>> = Mutex::new(SortedMap::new());

/// What Gas Town's files ask now. Where they do not answer, what they asked last counts. Where
/// nobody knows that, nothing is started, as while gt shuts down.
fn standing(root: &Path, rigs: Vec<String>) -> GastownState {
    let at = root.to_path_buf();
    let asked = aside::ask(root, move || {
        gastown::standing(&at, rigs.iter().map(String::as_str))
    });
    let mut last = LAST.lock().unwrap_or_else(PoisonError::into_inner);
    match asked {
        Ok(standing) => {
            last.insert(root.to_path_buf(), standing.gastown.clone());
            standing
        }
        Err(late) => {
            let unknown = Gastown {
                shutting_down: true,
                ..Gastown::default()
            };
            let (gastown, meanwhile) = match last.get(root) {
                Some(last) => (last.clone(), "what Gas Town's files said last is heeded"),
                None => (unknown, "nothing is begun"),
            };
            GastownState {
                gastown,
                notices: vec![format!("{late}; until then {meanwhile}")],
            }
        }
    }
}

/// The rigs in which sessions of the town work.
pub(super) fn rigs_of(town: &Town) -> impl Iterator<Item = &str> {
    town.sessions
        .values()
        .filter_map(|desired| desired.rig.as_deref())
}
