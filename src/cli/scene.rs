//! What the pages show: a cycle, a look, or the input of an analysis.

use crate::chores::AnalysisInput;
use crate::controller::{Cycle, Survey};
use crate::manifest::Origins;
use crate::model::{Plan, Reason, Town};
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

/// Adds to each session that differs from the manifest where the manifest says so.
pub(super) fn add_origins(plan: &mut Plan, town: &Town, origins: &Origins) {
    let Plan {
        steps,
        held,
        unchanged,
        ..
    } = plan;
    let steps = steps
        .iter_mut()
        .map(|step| (&step.session, &mut step.reason));
    let held = held
        .iter_mut()
        .map(|held| (&held.session, &mut held.reason));
    let noted = unchanged
        .iter_mut()
        .filter_map(|calm| Some((&calm.session, calm.note.as_mut()?)));
    for (session, reason) in steps.chain(held).chain(noted) {
        let Reason::Drifted {
            fields,
            changes,
            origins: places,
        } = reason
        else {
            continue;
        };
        if let Some(desired) = town.sessions.get(session) {
            *places = origins.of_drift(desired, fields, changes);
        }
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
