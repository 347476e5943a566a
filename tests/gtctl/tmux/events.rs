//! What happened, as people read it: sentences, phases and their times, with a real agent killed.

use crate::harness::{QUICK, Yard, name, sleeper};
use gtctl::model::{Death, PhaseChange, PhaseKind};
use gtctl::store::View;

const WITHOUT_BACKOFF: &str = "backoff = { first = \"0s\", jitter = 0 }";

fn phases(yard: &Yard) -> Vec<PhaseChange> {
    View::of(yard.state()).phases(&name("heartbeat"), 0)
}

/// Whether the last phase is one of a living agent.
fn lives(yard: &Yard) -> bool {
    let last = phases(yard).pop().map(|change| change.phase);
    matches!(last, Some(PhaseKind::Working | PhaseKind::Idle))
}

#[test]
fn a_killed_agent_is_a_sentence_everywhere_and_two_phases() {
    let heartbeat = sleeper("heartbeat", WITHOUT_BACKOFF);
    let yard = Yard::new(&format!("{QUICK}{heartbeat}{}", sleeper("other", "")));
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the phase of a living agent", || lives(&yard));
    let former = yard.pid("heartbeat");
    yard.kill(former);
    let fresh = yard.fresh("heartbeat", Some(former));
    let sentence = format!(
        "heartbeat restarted: killed by signal 9 (crash 1), pid {}",
        fresh.pid
    );
    yard.until("the sentence in the journal", || {
        yard.gtctl(&["events"]).out.contains(&sentence)
    });
    yard.until("the sentence at the terminal", || {
        watch.said().contains(&sentence)
    });
    yard.until("the phase of the fresh agent", || {
        phases(&yard)
            .last()
            .is_some_and(|last| last.pid == Some(fresh.pid))
            && lives(&yard)
    });
    let phases = phases(&yard);
    let dead = phases
        .iter()
        .position(|change| change.phase == PhaseKind::Dead)
        .unwrap_or_else(|| panic!("{phases:?}"));
    let (dead, next) = (&phases[dead], &phases[dead + 1]);
    assert_eq!(
        (dead.death, dead.pid),
        (Some(Death::Signal(9)), Some(former.pid))
    );
    assert_eq!(
        (next.cause.as_deref(), next.pid),
        (Some("died"), Some(fresh.pid))
    );
    assert!(next.generation > dead.generation && next.since >= dead.since);
}

#[test]
fn events_are_chosen_by_session_and_time_and_name_who_asked() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["stop", "one"]).exits(0);
    let of_one = yard.gtctl(&["events", "--session", "one"]).exits(0).out;
    assert!(of_one.contains("one stopped by hand"), "{of_one}");
    assert!(!of_one.contains("two started"), "{of_one}");
    let both = yard
        .gtctl(&["events", "one", "--session", "two", "--since", "1h"])
        .exits(0)
        .out;
    assert!(
        both.contains("two started, pid ") && both.contains("one stopped by hand"),
        "{both}"
    );
    let later = yard.gtctl(&["events", "--since", "2999-01-01T00:00:00Z"]);
    assert_eq!(later.exits(0).out, "");
    yard.gtctl(&["events", "--since", "soon"])
        .exits(64)
        .says("try: 2h, 18:00");
    let lines = yard
        .gtctl(&["events", "--session", "one", "-o", "json"])
        .out;
    let actors: Vec<serde_json::Value> = lines
        .lines()
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["actor"].clone())
        .collect();
    assert_eq!(actors.first().unwrap(), "verb", "{lines}");
    assert_eq!(actors.last().unwrap(), "person", "{lines}");
}
