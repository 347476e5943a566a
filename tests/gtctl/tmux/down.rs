//! `gtctl down` and `gtctl up`: the town stops backwards, and starts again. Real tmux.

use crate::harness::{QUICK, Yard, of, session, sleeper};

/// A session that takes half a second to end, and then writes its name down.
fn slow(name: &str, more: &str) -> String {
    let script =
        format!("trap 'sleep 0.5; echo {name} >> ended; exit 0' TERM; while :; do sleep 0.1; done");
    session(name, &script, more)
}

fn town() -> String {
    let sessions = [
        slow("db", ""),
        slow("api", "after = [\"db\"]"),
        slow("web", "after = [\"api\"]"),
        slow("boss", "role = \"mayor\""),
    ];
    format!("{QUICK}{}", sessions.concat())
}

fn ended(yard: &Yard) -> Vec<String> {
    yard.read("ended").lines().map(str::to_owned).collect()
}

#[test]
fn the_town_goes_down_backwards_and_up_again_and_nothing_else_on_the_server_is_touched() {
    let yard = Yard::new(&town());
    yard.gtctl(&["up"]).exits(0);
    yard.tmux(&["new-session", "-d", "-s", "mine", "sleep 1000"]);
    yard.gtctl(&["down", "--yes"]).exits(0).says("gtctl up");
    assert_eq!(yard.sessions(), ["mine"]);
    let order = ended(&yard);
    let at = |name: &str| order.iter().position(|ended| ended == name).unwrap();
    assert!(at("web") < at("api") && at("api") < at("db"), "{order:?}");

    // A controller leaves it so, and the page says what brings it back.
    yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(yard.sessions(), ["mine"]);
    yard.gtctl(&["status"]).says("`gtctl up` starts it");
    yard.gtctl(&["diff"]).exits(2).says("start");
    yard.gtctl(&["up"]).exits(0);
    assert_eq!(yard.sessions(), ["api", "boss", "db", "mine", "web"]);
}

#[test]
fn what_a_person_has_stopped_stays_stopped_when_the_town_goes_down_and_up() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["stop", "one"]).exits(0);
    yard.gtctl(&["down"]).exits(0);
    yard.gtctl(&["up"]).says("stopped by hand");
    assert_eq!(yard.sessions(), ["two"]);
}

#[test]
fn a_part_of_the_town_is_applied_with_what_it_waits_for_and_goes_down_alone() {
    let yard = Yard::new(&town());
    let page = yard.gtctl(&["diff", "api", "-o", "json"]).exits(2).json();
    assert!(of(&page, "held", "api").is_some() && of(&page, "steps", "db").is_some());
    assert!(of(&page, "steps", "boss").is_none() && of(&page, "held", "web").is_none());
    yard.gtctl(&["apply", "api"]).exits(0);
    assert_eq!(yard.sessions(), ["api", "db"]);
    yard.gtctl(&["verify", "api"]).exits(0);
    yard.gtctl(&["verify"]).exits(2);
    yard.gtctl(&["up"]).exits(0);
    yard.gtctl(&["down", "--role", "mayor"]).exits(0);
    assert_eq!(yard.sessions(), ["api", "db", "web"]);
    yard.gtctl(&["attach", "boss"])
        .exits(1)
        .says("boss has no tmux session (stopped")
        .says("gtctl up");
}

#[test]
fn a_session_that_somebody_looks_at_holds_its_own_stop_and_no_other() {
    let yard = Yard::new(&town());
    yard.gtctl(&["up"]).exits(0);
    let client = yard.attach("web");
    yard.until("a client", || {
        yard.format("web", "#{session_attached}") == "1"
    });
    yard.gtctl(&["down", "--timeout", "5s"])
        .exits(3)
        .says("web");
    assert_eq!(yard.sessions(), ["web"]);
    client.kill();
}
