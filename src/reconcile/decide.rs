//! The third step: the plan.

use super::learn::{Learned, Observation};
use crate::memory::{Taking, take_proposals};
use crate::model::{
    CannotStart, Desired, Judged, Memory, Moment, Observed, Orders, Plan, Scope, SessionName, Town,
    Verb,
};
use crate::model::{SortedMap, SortedSet};
use crate::plan::{Situation, within};

/// A look, what it taught, and what should happen.
#[derive(Debug, Clone)]
pub struct Decided<'t> {
    pub(super) learned: Learned<'t>,
    pub(super) orders: Orders,
    /// What the caller asks for, and what it can do. Every later plan of this cycle keeps within
    /// it, too.
    limits: Vec<Limit>,
    plan: Plan,
    accepted: Vec<Judged>,
}

/// A part of a plan.
#[derive(Debug, Clone)]
enum Limit {
    /// The steps for these sessions.
    To(Scope),
    /// Everything but the questions to agents.
    NoProbes,
    /// Everything but the steps for these sessions.
    WithoutSteps(SortedSet<SessionName>),
}

impl<'t> Learned<'t> {
    /// Decides what should happen to the sessions that the look asked after.
    #[must_use]
    pub fn decide(self, orders: Orders) -> Decided<'t> {
        let scope = self.observation.scope.clone();
        let decided = Decided {
            learned: self,
            orders,
            limits: Vec::new(),
            plan: Plan::default(),
            accepted: Vec::new(),
        };
        decided.planned_anew().limited_to(&scope)
    }
}

impl<'t> Decided<'t> {
    /// The moment of the look.
    #[must_use]
    pub fn now(&self) -> Moment {
        self.learned.observation.now
    }

    /// What is wanted.
    #[must_use]
    pub fn town(&self) -> &Town {
        &self.learned.observation.town
    }

    /// What is there.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.learned.observation.observed
    }

    /// What the look has shown.
    #[must_use]
    pub fn observation(&self) -> &Observation<'t> {
        &self.learned.observation
    }

    /// The sessions that the look asked after.
    #[must_use]
    pub fn scope(&self) -> &Scope {
        &self.learned.observation.scope
    }

    /// What is remembered, this look learned.
    #[must_use]
    pub fn memory(&self) -> &Memory {
        &self.learned.memory
    }

    /// What should happen.
    #[must_use]
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// The proposals of chores that are carried out.
    #[must_use]
    pub fn accepted(&self) -> &[Judged] {
        &self.accepted
    }

    /// What the caller is allowed.
    #[must_use]
    pub fn orders(&self) -> Orders {
        self.orders
    }

    /// The sessions that the plan gives a new process, now or later. The caller looks whether their
    /// programs are there.
    #[must_use]
    pub fn sessions_to_start(&self) -> Vec<&Desired> {
        let begins = |verb: Verb| matches!(verb, Verb::Start | Verb::Restart);
        let steps = self
            .plan
            .steps
            .iter()
            .filter(|step| begins(step.action.verb()));
        let held = self.plan.held.iter().filter(|held| begins(held.verb));
        let names = steps
            .map(|step| &step.session)
            .chain(held.map(|held| &held.session));
        names
            .filter_map(|name| self.town().sessions.get(name))
            .collect()
    }

    /// Decides again, where some sessions cannot be started.
    #[must_use]
    pub fn without_unstartable(mut self, unstartable: SortedMap<SessionName, CannotStart>) -> Self {
        if unstartable.is_empty() {
            return self;
        }
        self.learned.observation.town.to_mut().unstartable = unstartable;
        self.planned_anew()
    }

    /// Carries out what chores propose and the manifest accepts, as if a person had asked for it.
    #[must_use]
    pub fn accept_proposals(mut self) -> Self {
        let memory = self.learned.memory.clone();
        let (memory, accepted) = take_proposals(memory, &self.plan, Taking::Accepted, self.now());
        if accepted.is_empty() {
            return self;
        }
        self.learned.memory = memory;
        self.accepted = accepted;
        self.planned_anew()
    }

    /// Leaves out what is not asked for.
    #[must_use]
    pub fn limited_to(self, scope: &Scope) -> Self {
        self.limited(Limit::To(scope.clone()))
    }

    /// Leaves out the questions to agents: nobody would wait for the answers.
    #[must_use]
    pub fn without_probes(self) -> Self {
        self.limited(Limit::NoProbes)
    }

    /// Leaves out the steps for these sessions: something outside the plan does not permit them.
    #[must_use]
    pub fn without_steps(self, sessions: SortedSet<SessionName>) -> Self {
        if sessions.is_empty() {
            return self;
        }
        self.limited(Limit::WithoutSteps(sessions))
    }

    /// Its parts, for a caller that goes no further: the look, the memory and the plan.
    #[must_use]
    pub fn into_parts(self) -> (Observation<'t>, Memory, Plan) {
        let Learned {
            logic: _,
            observation,
            memory,
        } = self.learned;
        (observation, memory, self.plan)
    }

    fn limited(mut self, limit: Limit) -> Self {
        self.plan = limit.apply(self.plan);
        self.limits.push(limit);
        self
    }

    /// Plans again from what is known by now.
    pub(super) fn planned_anew(mut self) -> Self {
        let Learned {
            logic,
            observation,
            memory,
        } = &self.learned;
        let Observation {
            now,
            town,
            observed,
            last_reports: _,
            scope: _,
        } = observation;
        let situation = Situation {
            town,
            observed,
            memory,
            orders: self.orders,
            now: *now,
        };
        let plan = logic.plan(&situation);
        self.plan = self
            .limits
            .iter()
            .fold(plan, |plan, limit| limit.apply(plan));
        self
    }
}

impl Limit {
    fn apply(&self, plan: Plan) -> Plan {
        match self {
            Self::To(scope) => within(plan, scope),
            Self::NoProbes => Plan {
                probes: Vec::new(),
                ..plan
            },
            Self::WithoutSteps(sessions) => {
                let mut plan = plan;
                plan.steps.retain(|step| !sessions.contains(&step.session));
                plan
            }
        }
    }
}
