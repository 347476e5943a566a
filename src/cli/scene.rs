//! What the pages show: a cycle, a look, or the input of an analysis.

use crate::chores::AnalysisInput;
use crate::controller::{Cycle, Survey};
use crate::model::Town;
use crate::render::Scene;

/// What a cycle observed, decided and remembers.
pub(super) fn of_cycle<'a>(town: &'a Town, cycle: &'a Cycle) -> Scene<'a> {
    Scene {
        town,
        observed: &cycle.observed,
        memory: &cycle.memory,
        plan: &cycle.plan,
        now: cycle.now,
    }
}

/// What a look observed, and what would be done.
pub(super) fn of_survey<'a>(survey: &'a Survey<'_>) -> Scene<'a> {
    Scene {
        town: &survey.town,
        observed: &survey.observed,
        memory: &survey.memory,
        plan: &survey.plan,
        now: survey.now,
    }
}

/// The input of an analysis.
pub(super) fn of_analysis(input: &AnalysisInput) -> Scene<'_> {
    Scene {
        town: &input.town,
        observed: &input.observed,
        memory: &input.memory,
        plan: &input.plan,
        now: input.now,
    }
}
