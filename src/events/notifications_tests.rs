use super::super::cycle::tests::happened;
use super::super::of_cycle;
use super::*;
use crate::model::{
    Asks, Block, Death, Done, Held, Memory, Period, Reason, SessionName, Unchanged,
};

/// What is told of a cycle whose steps came to these outcomes.
fn news(
    before: Option<&Announced>,
    observed: &Observed,
    plan: &Plan,
    outcomes: &[Done],
) -> (Vec<News>, Announced) {
    let memory = Memory::default();
    let mut cycle = happened(observed, plan, &memory);
    cycle.outcomes = outcomes;
    notifications(before, &of_cycle(&cycle), observed, plan)
}

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

fn held(session: &str, hold: Hold) -> Plan {
    let reason = Reason::Died {
        death: Death::Exit(3),
        crashes: 5,
    };
    let phase = Phase::Dead(Death::Exit(3));
    let one = Held {
        session: name(session),
        verb: Verb::Restart,
        reason,
        hold,
        until: None,
        phase,
    };
    Plan {
        held: vec![one],
        ..Plan::default()
    }
}

fn calm(session: &str, phase: Phase) -> Plan {
    let same = Unchanged {
        session: name(session),
        phase,
        note: None,
        next: None,
    };
    Plan {
        unchanged: vec![same],
        ..Plan::default()
    }
}

fn looping() -> Plan {
    held(
        "a",
        Hold::CrashLoop {
            crashes: 5,
            window: Period::from_mins(15),
            tail: vec![],
        },
    )
}

fn done(outcome: Outcome) -> Done {
    Done {
        session: name("a"),
        verb: Verb::Expire,
        outcome,
    }
}

/// One cycle after another; the words of what each tells.
fn told(cycles: &[(Observed, Plan, Vec<Done>)]) -> Vec<Vec<String>> {
    let mut announced = Some(Announced::new());
    let mut all = vec![];
    for (observed, plan, outcomes) in cycles {
        let (fresh, after) = news(announced.as_ref(), observed, plan, outcomes);
        all.push(
            fresh
                .iter()
                .map(|n| format!("{} {}", n.topic.word(), n.subject))
                .collect(),
        );
        announced = Some(after);
    }
    all
}

fn cycle(plan: Plan) -> (Observed, Plan, Vec<Done>) {
    (Observed::Down, plan, vec![])
}

fn unknown() -> (Observed, Plan, Vec<Done>) {
    (
        Observed::Unknown("no answer".into()),
        Plan::default(),
        vec![],
    )
}

#[test]
fn what_lasts_is_told_once_until_it_has_ended() {
    let said = told(&[
        cycle(looping()),
        cycle(looping()),
        unknown(),
        unknown(),
        cycle(looping()),
        cycle(calm("a", Phase::Unknown)),
        cycle(looping()),
        cycle(calm("a", Phase::Working)),
        cycle(looping()),
    ]);
    let (once, nothing) = (vec!["crash-loop a"], Vec::<&str>::new());
    let want = [
        &once,
        &nothing,
        &vec!["unreachable tmux"],
        &nothing,
        &nothing,
        &nothing,
        &nothing,
        &nothing,
        &once,
    ];
    assert_eq!(
        said.iter()
            .map(|s| s.iter().map(String::as_str).collect())
            .collect::<Vec<Vec<_>>>(),
        want.map(Clone::clone)
    );
}

#[test]
fn each_topic_has_its_occasion() {
    let taken = Hold::NameTaken {
        process: "vim".into(),
    };
    let paced = Hold::BackOff {
        crashes: 2,
        delay: Period::from_secs(10),
    };
    let (agent, fix, evidence) = (
        "kimi".to_owned(),
        Some("kimi login".to_owned()),
        "Not logged in".to_owned(),
    );
    let signed_out = Hold::Blocked {
        kind: Block::Auth,
        agent,
        evidence,
        fix,
    };
    let said = told(&[
        cycle(held("a", taken)),
        cycle(held("a", paced)),
        cycle(held("a", signed_out)),
        cycle(calm("a", Phase::Waiting(Asks::Permission))),
        cycle(calm("a", Phase::Completed(None))),
        (
            Observed::Down,
            Plan::default(),
            vec![done(Outcome::Done(Effect::Removed))],
        ),
        (
            Observed::Down,
            Plan::default(),
            vec![done(Outcome::Failed("no".into()))],
        ),
    ]);
    let flat: Vec<String> = said.into_iter().map(|news| news.join(" ")).collect();
    assert_eq!(
        flat,
        [
            "held a",
            "",
            "blocked kimi",
            "waiting a",
            "completed a",
            "expired a",
            "failed a"
        ]
    );
}

#[test]
fn a_failure_goes_on_while_it_is_tried_again() {
    let failed = || {
        (
            Observed::Down,
            looping(),
            vec![done(Outcome::Failed("no".into()))],
        )
    };
    let quiet = || cycle(looping());
    let said = told(&[
        failed(),
        quiet(),
        failed(),
        cycle(calm("a", Phase::Working)),
        failed(),
    ]);
    let failures: Vec<usize> = said
        .iter()
        .map(|news| news.iter().filter(|n| n.starts_with("failed")).count())
        .collect();
    assert_eq!(failures, [1, 0, 0, 0, 1]);
}

#[test]
fn what_ended_before_anybody_looked_is_not_told() {
    let plan = calm("a", Phase::Completed(None));
    let (fresh, after) = news(None, &Observed::Down, &plan, &[]);
    assert!(fresh.is_empty());
    assert_eq!(after.len(), 1);
}

#[test]
fn all_sessions_of_an_agent_at_its_limit_are_one_piece_of_news() {
    let at_limit = || Hold::Blocked {
        kind: Block::Limit,
        agent: "claude".to_owned(),
        evidence: "You've hit your session limit".to_owned(),
        fix: None,
    };
    let mut plan = held("a", at_limit());
    plan.held.extend(held("b", at_limit()).held);
    plan.held.extend(held("c", at_limit()).held);
    let (said, announced) = news(Some(&Announced::new()), &Observed::Down, &plan, &[]);
    let messages: Vec<&str> = said
        .iter()
        .map(|news| news.entry.message.as_str())
        .collect();
    let one = "agent claude is at its usage limit: 3 sessions wait, no end is printed";
    assert_eq!(messages, [one]);
    assert!(
        news(Some(&announced), &Observed::Down, &plan, &[])
            .0
            .is_empty()
    );
}
