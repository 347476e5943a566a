//! The laws of `plan`. Each is checked on thousands of random situations.
//!
//! `GTCTL_SEED=S` checks the situation of seed `S` alone.

use crate::laws::situations::{Case, Manners, case};
use crate::sim::{Ledger, Look};
use gtctl::memory::learn;
use gtctl::model::{
    Asker, Generation, Held, Hold, Life, Moment, NudgeText, Observed, Obstacle, Period, Phase,
    Plan, Rung, Step, TextRequest, Typable, Unchanged,
};
use gtctl::plan::{Situation, plan, typable};
use gtctl::sim::Random;

const CASES: u64 = 5000;

fn seeds() -> std::ops::Range<u64> {
    match std::env::var("GTCTL_SEED")
        .ok()
        .and_then(|text| text.parse().ok())
    {
        Some(seed) => seed..seed + 1,
        None => 0..CASES,
    }
}

impl Case {
    fn plan(&self) -> Plan {
        let Self {
            town,
            observed,
            memory,
            orders,
            now,
        } = self;
        plan(&Situation {
            town,
            observed,
            memory,
            orders: *orders,
            now: *now,
        })
    }

    fn typable(&self, request: &TextRequest) -> Typable {
        let Self {
            town,
            observed,
            memory,
            orders,
            now,
        } = self;
        typable(
            &Situation {
                town,
                observed,
                memory,
                orders: *orders,
                now: *now,
            },
            request,
        )
    }

    fn learned(mut self) -> Self {
        self.memory = learn(self.memory, &self.town, &self.observed, self.now);
        self
    }

    /// The same world some time later, in which nothing has happened.
    fn aged(&self, by: Period) -> Self {
        let mut later = self.clone();
        later.now = self.now.plus(by);
        if let Observed::Up(server) = &mut later.observed {
            server
                .sessions
                .values_mut()
                .for_each(|seen| seen.quiet = seen.quiet.plus(by));
        }
        later
    }
}

/// Asks the ledger, which knows every invariant that one plan can break.
fn judge(case: &Case, plan: &Plan) -> Result<(), String> {
    let Case {
        town,
        observed,
        memory,
        orders,
        now,
    } = case;
    let look = Look {
        town,
        observed,
        memory,
        orders: *orders,
        now: *now,
    };
    let mut ledger = Ledger::default();
    if orders.mass != gtctl::model::Mass::SecondLook {
        ledger.forgive(memory, *now);
    }
    ledger
        .judge_plan(&look, plan)
        .map_err(|breach| format!("{breach:?}"))
}

#[test]
fn a_plan_is_complete_and_harms_nothing_it_may_not() {
    for seed in seeds() {
        let case = case(seed, Manners::Plausible).learned();
        if let Err(breach) = judge(&case, &case.plan()) {
            panic!("seed {seed}: {breach}");
        }
    }
}

#[test]
fn the_same_situation_gives_the_same_plan() {
    for seed in seeds() {
        let case = case(seed, Manners::Hostile).learned();
        assert_eq!(case.plan(), case.clone().plan(), "seed {seed}");
    }
}

#[test]
fn no_situation_is_too_strange() {
    for seed in seeds() {
        let case = case(seed, Manners::Hostile);
        let _ = case.plan();
        let case = case.learned();
        let plan = case.plan();
        let memory = gtctl::memory::intend(case.memory, &plan, case.now);
        let outcomes: Vec<_> = plan.steps.iter().map(failed).collect();
        let _ = gtctl::memory::settle(memory, &plan, &outcomes, case.now);
    }
}

fn failed(step: &Step) -> gtctl::model::Done {
    let outcome = gtctl::model::Outcome::Failed("no".to_owned());
    gtctl::model::Done {
        session: step.session.clone(),
        verb: step.action.verb(),
        outcome,
    }
}

#[test]
fn a_failed_look_is_followed_by_nothing() {
    for seed in seeds() {
        let mut case = case(seed, Manners::Hostile);
        case.observed = Observed::Unknown("blind".to_owned());
        let before = case.memory.sessions.clone();
        let case = case.learned();
        let plan = case.plan();
        assert!(
            plan.steps.is_empty() && plan.held.is_empty() && plan.wake.is_none(),
            "seed {seed}"
        );
        assert!(
            plan.unchanged
                .iter()
                .all(|calm| calm.phase == Phase::Unknown),
            "seed {seed}"
        );
        assert_eq!(before.len(), case.memory.sessions.len(), "seed {seed}");
    }
}

#[test]
fn a_text_is_typed_only_into_what_lives_is_ours_and_stays() {
    for seed in seeds() {
        let case = case(seed, Manners::Hostile).learned();
        for name in case.town.sessions.keys() {
            let request = |asker| TextRequest {
                asker,
                session: name.clone(),
                incarnation: None,
                text: NudgeText::default(),
                since: case.now,
                until: case.now,
                begun: false,
            };
            let by_person = case.typable(&request(Asker::Person));
            let by_chore = case.typable(&request(Asker::Chore("c".into())));
            assert!(
                by_person.is_ok() || by_chore.is_err(),
                "seed {seed}: {name}"
            );
            let Ok(step) = by_person else { continue };
            let history = case.memory.sessions.get(name);
            let is_left = history.is_none_or(|history| {
                let stopping = history.stopping.as_ref().map(|stop| stop.generation);
                !history.stopped && (stopping.is_none() || stopping != step.target.generation)
            });
            let is_ours = step.target.whose.as_ref().map(|whose| &whose.session) == Some(name);
            let lives = step.target.process.is_some();
            assert!(
                lives && is_ours && is_left && !case.memory.paused,
                "seed {seed}: {name}"
            );
            let former = TextRequest {
                incarnation: step.target.generation.map(|one| Generation(one.0 ^ 1)),
                ..request(Asker::Person)
            };
            assert_eq!(
                case.typable(&former).err(),
                Some(Obstacle::Restarted),
                "seed {seed}: {name}"
            );
        }
    }
}

/// What of a plan must not change before its wake: steps and holds without the evidence that grows
/// by itself.
fn essence(plan: &Plan, now: Moment) -> Vec<String> {
    let rung = |step: &Step| match &step.action {
        gtctl::model::Action::Restart { rung, .. } | gtctl::model::Action::Expire { rung, .. } => {
            Some(*rung)
        }
        gtctl::model::Action::Start { .. }
        | gtctl::model::Action::Adopt { .. }
        | gtctl::model::Action::Rename { .. }
        | gtctl::model::Action::Nudge { .. }
        | gtctl::model::Action::SendEscape { .. }
        | gtctl::model::Action::Answer(_) => None::<Rung>,
    };
    let steps = plan
        .steps
        .iter()
        .map(|s| format!("{} {:?} {:?}", s.session, s.action.verb(), rung(s)));
    let held = plan.held.iter().map(|h| {
        format!(
            "{} {:?} {} {}",
            h.session,
            h.verb,
            h.hold.code(),
            h.hold.needs_somebody()
        )
    });
    let probes = plan
        .probes
        .iter()
        .filter(|probe| probe.is_due(now))
        .map(|probe| format!("probe {}", probe.agent));
    steps.chain(held).chain(probes).collect()
}

/// Everything in a plan but its evidence of passing time.
fn substance(plan: &Plan, now: Moment) -> String {
    let next: Vec<_> = plan.unchanged.iter().map(said).collect();
    let until: Vec<_> = plan
        .held
        .iter()
        .map(|held| (held.until, held.phase))
        .collect();
    let crowds: Vec<_> = plan
        .held
        .iter()
        .filter_map(|held| counted(&held.hold))
        .collect();
    // The same step may be due for another reason.
    let steps = plan.steps.iter().map(|step| step.reason.code());
    let held = plan.held.iter().map(|held| held.reason.code());
    let reasons: Vec<_> = steps.chain(held).collect();
    let essence = essence(plan, now);
    format!("{essence:?} {next:?} {until:?} {crowds:?} {reasons:?}")
}

fn said(calm: &Unchanged) -> String {
    let note = calm.note.as_ref().map(gtctl::model::Reason::code);
    format!("{} {:?} {:?} {note:?}", calm.session, calm.phase, calm.next)
}

fn counted(hold: &Hold) -> Option<String> {
    let counts = matches!(
        hold,
        Hold::StartBudget { .. }
            | Hold::ServerLosses { .. }
            | Hold::ConcurrentStarts { .. }
            | Hold::Rolling { .. }
    );
    counts.then(|| format!("{hold:?}"))
}

/// Held until a second look: what then changes is what was seen, not the time.
fn lacks_a_look(plan: &Plan) -> bool {
    let looks = |hold: &Hold| match hold {
        Hold::MassGuard { .. } | Hold::ClockJump { .. } | Hold::SecondLook => true,
        // Until the manifest is read: what then changes is what is declared.
        other => *other == Hold::ManifestChanging,
    };
    plan.held.iter().any(|held| looks(&held.hold))
}

/// The wake is for a session that others wait for and that is itself held: another of its kind may
/// remain.
fn is_for_readiness(case: &Case, plan: &Plan, wake: &Moment) -> bool {
    let Observed::Up(server) = &case.observed else {
        return false;
    };
    let mut labels = server
        .sessions
        .values()
        .filter_map(|seen| match &seen.ownership {
            gtctl::model::Ownership::Ours(label) => Some(label),
            gtctl::model::Ownership::Unlabelled
            | gtctl::model::Ownership::Unproved(_)
            | gtctl::model::Ownership::Foreign(_) => None,
        });
    let is_asked_next = |check: &gtctl::model::ReadyCheck| {
        let probe = check.desired.ready.as_ref();
        let next = probe.map(|probe| case.now.plus(probe.every));
        check.at == *wake || (check.is_due(case.now) && next.as_ref() == Some(wake))
    };
    if plan.checks.iter().any(is_asked_next) {
        return true;
    }
    labels.any(|label| {
        let ready_after = case
            .town
            .sessions
            .get(&label.session)
            .map(|desired| desired.ready_after);
        let calm =
            |calm: &Unchanged| calm.session == label.session && calm.phase == Phase::Starting;
        let calm = plan.unchanged.iter().any(calm);
        !calm && ready_after.is_some_and(|time| label.started.plus(time) == *wake)
    })
}

/// Long enough for a later look to find that no process has worked.
const REST: Period = Period::from_mins(2);

/// Settles what only the first look after a start decides, and what a later look at the processor
/// time decides, so that nothing but time is left to change.
fn settled(seed: u64) -> Case {
    let case = case(seed, Manners::Plausible).learned().learned();
    let case = case.aged(REST).learned();
    let plan = case.plan();
    let mut memory = gtctl::memory::intend(
        case.memory.clone(),
        &Plan {
            steps: vec![],
            ..plan
        },
        case.now,
    );
    memory.mass_seen = case.memory.mass_seen;
    Case { memory, ..case }
}

/// Whether a session gets a text now. What comes after the text is not planned yet, and other
/// sessions may wait for it.
fn types_now(plan: &Plan) -> bool {
    let is_text = |step: &Step| matches!(step.action, gtctl::model::Action::Nudge(_));
    plan.steps.iter().any(is_text)
}

fn check_soundness(seed: u64, plan_of: &dyn Fn(&Case) -> Plan) -> Result<(), String> {
    let case = settled(seed);
    let now = plan_of(&case);
    let is_unknown = matches!(case.observed, Observed::Unknown(_));
    if is_unknown || lacks_a_look(&now) || types_now(&now) {
        return Ok(());
    }
    let most = now
        .wake
        .map_or(40 * 86_400_000, |wake| case.now.until(&wake).millis());
    let mut random = Random::new(seed);
    let points = [
        most.saturating_sub(1),
        most / 2,
        random.below(most),
        random.below(most),
    ];
    for point in points.into_iter().filter(|point| *point < most) {
        let later = case.aged(Period::from_millis(point)).learned();
        let mut then = plan_of(&later);
        // What others' health had granted may lapse again if it is not taken up.
        let lapsed = |held: &Held| {
            let queued = matches!(held.hold, Hold::ConcurrentStarts { .. });
            queued && now.steps.iter().any(|step| step.session == held.session)
        };
        for held in then.held.extract_if(.., |held| lapsed(held)) {
            then.steps.extend(
                now.steps
                    .iter()
                    .find(|step| step.session == held.session)
                    .cloned(),
            );
        }
        then.steps.sort_by(|a, b| a.session.cmp(&b.session));
        let (before, after) = (essence(&now, case.now), essence(&then, later.now));
        if before != after {
            return Err(format!(
                "after {point} of {most} ms\n{before:#?}\n{after:#?}"
            ));
        }
    }
    Ok(())
}

#[test]
fn nothing_changes_before_the_wake() {
    for seed in seeds() {
        if let Err(change) = check_soundness(seed, &Case::plan) {
            panic!("seed {seed}: {change}");
        }
    }
}

fn check_tightness(seed: u64, plan_of: &dyn Fn(&Case) -> Plan) -> Result<(), String> {
    let case = settled(seed);
    let now = plan_of(&case);
    let Some(wake) = now.wake.filter(|_| !lacks_a_look(&now)) else {
        return Ok(());
    };
    let wait = case.now.until(&wake);
    let later = case.aged(wait).learned();
    let then = plan_of(&later);
    if is_for_readiness(&case, &now, &wake) {
        return Ok(());
    }
    let (before, after) = (substance(&now, case.now), substance(&then, later.now));
    if wait.is_zero() || before == after {
        return Err(format!("nothing after {wait}: {before}\n{after}\n{wake:?}"));
    }
    Ok(())
}

#[test]
fn something_changes_at_the_wake() {
    for seed in seeds() {
        if let Err(change) = check_tightness(seed, &Case::plan) {
            panic!("seed {seed}: {change}");
        }
    }
}

/// Each law is shown to notice a bug of the kind that it is there for.
#[test]
fn each_law_catches_its_bug() {
    let noticed =
        |law: &dyn Fn(u64) -> Result<(), String>| (0..2000).any(|seed| law(seed).is_err());
    let bugged = |bug: fn(&Case, Plan) -> Plan| {
        move |seed: u64| {
            let case = case(seed, Manners::Plausible).learned();
            judge(&case, &bug(&case, case.plan()))
        }
    };
    assert!(
        noticed(&bugged(|_, plan| Plan {
            unchanged: vec![],
            ..plan
        })),
        "complete: a session left out"
    );
    assert!(
        noticed(&bugged(|_, mut plan| {
            plan.unchanged.extend(plan.unchanged.first().cloned());
            plan
        })),
        "complete: a session twice"
    );
    assert!(noticed(&bugged(with_eyes_shut)), "unknown taken for dead");
    assert!(
        noticed(&bugged(|case, _| unguarded(case).plan())),
        "attached ignored"
    );
    let late = |case: &Case| {
        let plan = case.plan();
        Plan {
            wake: plan.wake.map(|wake| wake.plus(Period::from_secs(60))),
            ..plan
        }
    };
    assert!(
        noticed(&|seed| check_soundness(seed, &late)),
        "sound: a wake too late"
    );
    let early = |case: &Case| {
        let plan = case.plan();
        let half = |wake: Moment| {
            case.now
                .plus(Period::from_millis(case.now.until(&wake).millis() / 2))
        };
        Plan {
            wake: plan.wake.map(half),
            ..plan
        }
    };
    assert!(
        noticed(&|seed| check_tightness(seed, &early)),
        "tight: a wake too early"
    );
}

/// The plan of somebody who takes what could not be determined for dead.
fn with_eyes_shut(case: &Case, plan: Plan) -> Plan {
    let mut case = case.clone();
    if let Observed::Up(server) = &mut case.observed {
        for seen in server
            .sessions
            .values_mut()
            .filter(|seen| matches!(seen.life, Life::Unknown(_)))
        {
            seen.life = Life::Dead {
                death: gtctl::model::Death::StatusLost,
                process: None,
                at: None,
                tail: vec![],
            };
        }
        return case.plan();
    }
    plan
}

/// The same town where nobody was seen to be attached.
fn unguarded(case: &Case) -> Case {
    let mut case = case.clone();
    if let Observed::Up(server) = &mut case.observed {
        server
            .sessions
            .values_mut()
            .for_each(|seen| seen.attached = 0);
    }
    case
}
