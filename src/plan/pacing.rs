//! The town as a whole: which of the sessions' wishes may be done now.
//!
//! Holds of a single session come first (paused, own session, attached, clocks, handoff gap,
//! drain), then waves, then the budgets of starting, then the mass guard. Every wish that is held
//! stays in the plan with what holds it.

use super::Situation;
use super::agents::hold_for_agents;
use super::alone::hold_alone;
use super::backwards::hold_for_followers;
use super::budgets::hold_for_budgets;
use super::drain;
use super::mass::hold_for_mass;
use super::probes::probes;
use super::ready::ready_checks;
use super::rolling::hold_for_roll;
use super::rules;
use super::steps::put;
use super::subject::Subject;
use super::verdict::Verdict;
use super::wakes::Wakes;
use super::waves::hold_for_waves;
use crate::model::{Hold, Period, Plan};

/// The window of the start budget and of what counts as lately come up.
pub(super) const WINDOW: Period = Period::from_mins(10);

/// Turns wishes into a plan.
pub(super) fn pace(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: Vec<Verdict>,
) -> Plan {
    let mut verdicts = verdicts;
    let mut wakes = Wakes::none(situation.now);
    // The next look then goes by the screen.
    let named = subjects.iter().filter(|subject| !subject.gets_new_name());
    let contents = named.filter_map(Subject::content);
    contents
        .filter_map(|content| content.belief_ends(situation.now))
        .for_each(|at| wakes.add(at));
    let by_schedule = subjects.iter().filter_map(rules::schedule_matters);
    by_schedule.for_each(|at| wakes.add(at));
    hold_each_alone(subjects, &mut verdicts, &mut wakes);
    // A session that fails again and again takes no place from others.
    let comes_up = |subject: &Subject<'_>| subject.is_coming_up() && !subject.is_failing();
    let is_starting = |subject: &&Subject<'_>| subject.is_being_started() || comes_up(subject);
    let starting = subjects.iter().filter(is_starting).count();
    hold_for_agents(situation, subjects, &mut verdicts);
    hold_for_waves(subjects, &mut verdicts);
    hold_for_followers(subjects, &mut verdicts);
    hold_for_roll(situation, subjects, &mut verdicts, &mut wakes);
    hold_for_budgets(situation, subjects, &mut verdicts, starting);
    if verdicts.iter().any(waits_for_others) {
        // A session that is not counted as starting makes room for others, too, once it is ready.
        let coming = subjects
            .iter()
            .filter(|subject| !subject.is_being_started() && subject.is_coming_up());
        coming
            .filter_map(Subject::ready_at)
            .for_each(|at| wakes.add(at));
    }
    let mass = hold_for_mass(situation, subjects, &mut verdicts);
    let mut plan = Plan {
        mass,
        ..Plan::default()
    };
    for (subject, verdict) in subjects.iter().zip(verdicts) {
        put(&mut plan, subject, verdict, &mut wakes);
    }
    plan.probes = probes(situation, subjects);
    plan.probes
        .iter()
        .filter(|probe| !probe.is_due(situation.now))
        .for_each(|probe| wakes.add(probe.at));
    plan.checks = ready_checks(situation, subjects, &mut wakes);
    plan.wake = wakes.earliest();
    plan
}

/// Holds what must wait whatever other sessions do, and announces ends that need a notice first.
fn hold_each_alone(subjects: &[Subject<'_>], verdicts: &mut [Verdict], wakes: &mut Wakes) {
    for (subject, verdict) in subjects.iter().zip(verdicts) {
        let Verdict::Want(want) = verdict else {
            continue;
        };
        if let Some((hold, until)) = hold_alone(subject, want, wakes) {
            *verdict = Verdict::Hold(want.clone(), hold, until);
        } else if let Some(notice) = drain::notice(subject, want, wakes) {
            *verdict = Verdict::Want(notice);
        }
    }
}

/// Whether the hold may end when another session becomes ready.
fn waits_for_others(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Hold(
            _,
            Hold::Wave { .. } | Hold::After { .. } | Hold::ConcurrentStarts { .. },
            _,
        ) => true,
        Verdict::Hold(want, Hold::Blocked { .. }, _) => want.starts(),
        Verdict::Hold(..) | Verdict::Keep(_) | Verdict::Want(_) => false,
    }
}
