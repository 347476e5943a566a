//! The law of `forecast`: its first check is the one that `diff` shows.

use crate::laws::situations::{Case, Manners, case};
use gtctl::forecast::{AgentsDo, Assumptions, Happening, Present, foresee};
use gtctl::model::{LastReports, Observed, Orders, Period, Scope};
use gtctl::reconcile::{Arrivals, Observation, Shipped, learn, take_in};
use std::borrow::Cow;

const CASES: u64 = 300;

#[test]
fn its_first_steps_are_those_of_diff() {
    let mut steps = 0;
    for seed in 0..CASES {
        let Case {
            town,
            observed,
            memory,
            orders: _,
            now,
        } = case(seed, Manners::Plausible);
        let memory = take_in(memory, Arrivals::default(), |_| true).memory;
        let observation = Observation {
            now,
            town: Cow::Borrowed(&town),
            observed: observed.clone(),
            last_reports: LastReports::new(),
            scope: Scope::Town,
        };
        let decided = learn(&Shipped, memory.clone(), observation).decide(Orders::default());
        let is_unknown = matches!(observed, Observed::Unknown(_));
        let present = Present {
            town: &town,
            observed,
            last_reports: LastReports::new(),
            scope: Scope::Town,
            memory,
            now,
        };
        let assumptions = Assumptions {
            horizon: Period::from_mins(10),
            agents: AgentsDo::StayAsTheyAre,
        };
        let forecast = foresee(present, assumptions);
        assert!(
            !is_unknown || forecast.events.is_empty(),
            "seed {seed}: nothing is known"
        );
        let first: Vec<_> = forecast
            .events
            .iter()
            .filter(|event| event.at == now)
            .filter_map(|event| match &event.what {
                Happening::Step {
                    session,
                    verb,
                    reason,
                    waited: _,
                } => Some((session.clone(), *verb, reason.clone())),
                Happening::HoldEnds { .. } | Happening::Chore { .. } => None,
            })
            .collect();
        let diff: Vec<_> = decided
            .plan()
            .steps
            .iter()
            .map(|step| {
                let verb = step.action.verb();
                (step.session.clone(), verb, step.reason.clone())
            })
            .collect();
        steps += diff.len();
        assert_eq!(first, diff, "seed {seed}");
        let is_ordered = forecast
            .events
            .windows(2)
            .all(|pair| pair[0].at.awake <= pair[1].at.awake);
        assert!(is_ordered, "seed {seed}");
    }
    assert!(steps > 100, "the situations have too few steps: {steps}");
}
