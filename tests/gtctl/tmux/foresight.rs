//! `gtctl forecast`, and the record of a controller with `gtctl replay`, on a real tmux.

use crate::harness::{QUICK, Yard, sleeper};

#[test]
fn a_forecast_begins_with_what_diff_says_and_changes_nothing() {
    let aged = "max_age = \"1h\"\nmax_age_jitter = \"1s\"\nhandoff_gap = \"1s\"";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", aged),
        sleeper("two", "backoff = { first = \"0s\", jitter = 0 }")
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["stop", "two"]).exits(0);
    yard.gtctl(&["start", "two", "--no-wait"]);
    let one = yard.pid("one");
    let page = yard
        .gtctl(&["forecast", "--for", "6h", "-o", "json"])
        .exits(0)
        .json();
    let restarts = |session: &str| {
        let events = page["events"].as_array().unwrap();
        events
            .iter()
            .filter(|event| event["session"] == session && event["action"] == "restart")
            .count()
    };
    assert_eq!((restarts("one"), restarts("two")), (5, 0), "{page}");
    let text = yard.gtctl(&["forecast", "--for", "6h"]).exits(0).out;
    assert!(
        text.contains("5 restarts") && text.contains("assumed: nothing fails"),
        "{text}"
    );
    let svg = yard.gtctl(&["forecast", "-o", "svg"]).exits(0).out;
    assert!(
        svg.starts_with("<svg ") && svg.contains("<title>") && svg.ends_with("</svg>\n"),
        "{svg}"
    );
    assert_eq!(yard.pid("one"), one, "a forecast restarts nothing");
    yard.gtctl(&["diff", "-o", "svg"]).exits(64);
    let too_far = yard.gtctl(&["forecast", "--for", "9999d"]).exits(64);
    assert!(too_far.err.contains("--for"), "{}", too_far.err);

    yard.tmux(&["kill-session", "-t", "=two"]);
    yard.until("the forecast to begin with the step of diff", || {
        let diff = yard.gtctl(&["diff", "-o", "json"]).json();
        let forecast = yard.gtctl(&["forecast", "-o", "json"]).exits(0).json();
        let (step, first) = (&diff["steps"][0], &forecast["events"][0]);
        first["at"] == forecast["observed_at"]
            && first["session"] == "two"
            && first["session"] == step["session"]
            && first["action"] == step["action"]
            && first["reason"]["code"] == step["reason"]["code"]
    });
}

#[test]
fn a_record_replays_the_same_and_another_manifest_otherwise() {
    let town = |record: &str, two: &str| {
        let quick = QUICK.replacen("[defaults]", &format!("{record}[defaults]"), 1);
        format!("{quick}{}{}", sleeper("one", ""), sleeper("two", two))
    };
    let yard = Yard::new(&town("", ""));
    let nothing = yard.gtctl(&["record"]).exits(1);
    assert!(
        nothing.err.contains("record = \"7d\""),
        "says how to begin: {}",
        nothing.err
    );
    yard.declare(&town("record = \"1d\"\n", ""));
    let controller = yard.start(&["reconcile", "--watch"]);
    yard.until("both to live", || yard.sessions() == ["one", "two"]);
    let two = yard.process("two");
    yard.tmux(&["kill-session", "-t", "=two"]);
    yard.until("it to come back", || {
        yard.process("two").is_some() && yard.process("two") != two
    });
    let folder = yard.state().join("record");
    let folder = folder.to_str().unwrap();
    yard.until("some checks to be recorded", || {
        let replay = yard.gtctl(&["replay", folder, "-o", "json"]);
        replay.code == Some(0) && replay.json()["checks"].as_u64() >= Some(6)
    });
    controller.kill();
    let page = yard
        .gtctl(&["replay", folder, "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(page["recorded_digest"], page["replayed_digest"], "{page}");
    assert_eq!(page["same"], page["checks"], "{page}");
    yard.gtctl(&["replay", folder])
        .exits(0)
        .says("the same decisions at all of them");
    yard.gtctl(&["record"]).exits(0).says("gtctl replay ");

    // Under another manifest the second would not have come back.
    let export = yard.state().join("exported");
    let export = export.to_str().unwrap();
    yard.gtctl(&["record", "--export", export]).exits(0);
    yard.declare(&town("", "restart = \"never\""));
    let other = yard
        .gtctl(&["replay", export, "-o", "json"])
        .exits(2)
        .json();
    let differences = other["differences"].as_array().unwrap();
    assert!(
        differences
            .iter()
            .all(|difference| difference["session"] == "two"),
        "{other}"
    );
    assert!(
        differences
            .iter()
            .any(|difference| difference["recorded"]["action"] == "start"
                && difference["replayed"].is_null()),
        "{other}"
    );
    yard.gtctl(&["replay", export])
        .exits(2)
        .says("THIS MANIFEST");
}
