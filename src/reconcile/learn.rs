//! The second step: what a look teaches.

use super::logic::Logic;
use crate::memory::hear_last_reports;
use crate::model::{LastReports, Memory, Moment, Observed, Scope, Town};
use std::borrow::Cow;

/// What one look has shown.
#[derive(Debug, Clone)]
pub struct Observation<'t> {
    /// When the look began.
    pub now: Moment,
    /// What is wanted, with the sessions of others that a policy covers.
    pub town: Cow<'t, Town>,
    /// What is there.
    pub observed: Observed,
    /// What agents that do not live any more have reported last.
    pub last_reports: LastReports,
    /// The sessions that the look asked after. Nothing is done to any other.
    pub scope: Scope,
}

/// The memory with one look in it.
#[derive(Debug, Clone)]
pub struct Learned<'t> {
    pub(super) logic: &'t dyn Logic,
    pub(super) observation: Observation<'t>,
    pub(super) memory: Memory,
}

impl Learned<'_> {
    /// With another memory: somebody knows more of what was seen than a look can show.
    #[must_use]
    pub fn knowing(mut self, more: impl FnOnce(&mut Memory)) -> Self {
        more(&mut self.memory);
        self
    }
}

/// Takes in what a look has shown.
#[must_use]
pub fn learn<'t>(
    logic: &'t dyn Logic,
    memory: Memory,
    observation: Observation<'t>,
) -> Learned<'t> {
    let Observation {
        now,
        town,
        observed,
        last_reports,
        scope: _,
    } = &observation;
    let memory = hear_last_reports(memory, last_reports);
    let memory = logic.learn(memory, town, observed, *now);
    Learned {
        logic,
        observation,
        memory,
    }
}
