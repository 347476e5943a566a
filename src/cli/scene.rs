//! What the pages show, of a cycle or of a look.

use crate::controller::{Cycle, Survey};
use crate::model::Town;
use crate::render::Scene;

/// What a cycle saw, decided and remembers.
pub(super) fn of_cycle<'a>(town: &'a Town, cycle: &'a Cycle) -> Scene<'a> {
    Scene {
        town,
        observed: &cycle.observed,
        memory: &cycle.memory,
        plan: &cycle.plan,
        now: cycle.now,
    }
}

/// What a look saw, and what would be done.
pub(super) fn of_survey<'a>(survey: &'a Survey<'_>) -> Scene<'a> {
    Scene {
        town: &survey.town,
        observed: &survey.observed,
        memory: &survey.memory,
        plan: &survey.plan,
        now: survey.now,
    }
}
