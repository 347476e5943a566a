//! `after`: sessions start once those that they wait for are as far as asked, and what keeps them
//! is said. Real tmux.

use crate::harness::{QUICK, Yard, of, session, sleeper};
use gtctl::proc::signal::Signal;

/// A session that writes its name down when it starts, and sleeps.
fn writer(name: &str, more: &str) -> String {
    session(
        name,
        &format!("echo {name} >> order; exec sleep 100000"),
        more,
    )
}

/// A task that writes its name down and ends: well once there is a file `good`.
fn migrate(more: &str) -> String {
    session(
        "migrate",
        "echo migrate >> order; test -e good",
        &format!("restart = \"never\"\n{more}"),
    )
}

fn order(yard: &Yard) -> Vec<String> {
    yard.read("order").lines().map(str::to_owned).collect()
}

/// What holds a session, in words.
fn hold(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    of(&page, "held", session)
        .and_then(|line| line["hold"]["text"].as_str())
        .unwrap_or_default()
        .to_owned()
}

#[test]
fn a_task_that_failed_holds_what_waits_for_it_and_says_what_to_type_until_it_has_ended_well() {
    let town = format!(
        "{QUICK}{}{}{}",
        writer("app", "after = [\"db\", \"migrate\"]"),
        writer("db", ""),
        migrate("")
    );
    let yard = Yard::new(&town);
    yard.gtctl(&["apply"])
        .exits(3)
        .says("migrate failed (exit status 1)");
    assert!(
        hold(&yard, "app").ends_with("fix it, then `gtctl start migrate`"),
        "{}",
        hold(&yard, "app")
    );
    yard.gtctl(&["status"]).says("`gtctl start migrate`");
    assert_eq!(yard.process("app"), None);
    yard.write("good", "");
    yard.gtctl(&["start", "migrate"]).exits(0);
    yard.gtctl(&["apply"]).exits(0);
    yard.until("app to run", || yard.process("app").is_some());
    assert_eq!(order(&yard).last().map(String::as_str), Some("app"));
    assert_eq!(
        order(&yard)
            .iter()
            .filter(|name| *name == "migrate")
            .count(),
        2
    );
    // The task stays done, and nothing is started again.
    let app = yard.pid("app");
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!((yard.pid("app"), order(&yard).len()), (app, 4));
}

#[test]
fn what_runs_outlives_what_it_waited_for_and_comes_back_without_it_but_a_new_start_waits() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        writer("app", "after = [\"db\"]"),
        writer("db", "")
    ));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("both to run", || order(&yard) == ["db", "app"]);
    let app = yard.pid("app");
    yard.gtctl(&["stop", "db"]).exits(0);
    yard.until("db to be gone", || yard.process("db").is_none());
    assert_eq!(yard.pid("app"), app);
    yard.kill(app);
    let app = yard.fresh("app", Some(app));
    assert_eq!(
        (yard.process("db"), order(&yard)),
        (None, ["db", "app", "app"].map(str::to_owned).to_vec())
    );
    yard.gtctl(&["stop", "app"]).exits(0);
    yard.until("app to be gone", || yard.process("app").is_none());
    yard.gtctl(&["start", "app"])
        .exits(3)
        .says("db is stopped: `gtctl start db`");
    assert_eq!(order(&yard).len(), 3);
    yard.gtctl(&["start", "db"]).exits(0);
    assert_ne!(yard.fresh("app", Some(app)), app);
    assert_eq!(order(&yard)[3..], ["db", "app"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn after_a_lost_server_the_order_is_kept() {
    let slow = writer("db", "ready_after = \"1s\"");
    let yard = Yard::new(&format!(
        "{QUICK}{}{slow}",
        writer("app", "after = [\"db\"]")
    ));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("both to run", || order(&yard) == ["db", "app"]);
    yard.tmux(&["kill-server"]);
    yard.until("both to run again", || order(&yard).len() >= 4);
    assert_eq!(order(&yard), ["db", "app", "db", "app"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_deadline_that_has_passed_is_told_once_and_starts_nothing_in_a_wrong_order() {
    let waits = "after = [{ session = \"load\", when = \"completed\", within = \"2s\" }]";
    let load = session(
        "load",
        "echo load >> order; while ! test -e good; do sleep 0.1; done",
        "restart = \"never\"",
    );
    let yard = Yard::new("");
    let told = yard.at("told").display().to_string();
    let notify =
        format!("[notify]\ncommand = [\"sh\", \"-c\", \"cat >> {told}\"]\non = [\"held\"]\n");
    yard.declare(&format!(
        "{notify}{QUICK}{}{load}{}",
        writer("app", waits),
        sleeper("other", "")
    ));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("load to run", || yard.process("load").is_some());
    yard.until("the deadline to be told", || {
        yard.read("told").contains("app")
    });
    let said = hold(&yard, "app");
    assert!(said.contains("load has not completed after 2s"), "{said}");
    assert!(said.contains("`gtctl restart load`"), "{said}");
    assert_eq!(
        (order(&yard), yard.process("app")),
        (vec!["load".to_owned()], None)
    );
    yard.write("good", "");
    yard.until("app to run", || order(&yard) == ["load", "app"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert_eq!(
        yard.read("told")
            .lines()
            .filter(|line| line.contains("app"))
            .count(),
        1,
        "{}",
        yard.read("told")
    );
    yard.gtctl(&["events"]).says("app start waiting: ");
}

#[test]
fn started_is_enough_where_it_is_asked_for() {
    let never_ready = "ready_after = \"1h\"";
    for (waits, started) in [
        (
            "after = [{ session = \"db\", when = \"started\" }]",
            &["db", "app"][..],
        ),
        ("after = [\"db\"]", &["db"]),
    ] {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            writer("app", waits),
            writer("db", never_ready)
        ));
        let watch = yard.start(&["reconcile", "--watch"]);
        yard.until("those that may to have started", || order(&yard) == started);
        yard.until("what is left to wait", || {
            (hold(&yard, "app") == "db is not ready yet") == (started.len() == 1)
        });
        watch.signal(Signal::TERM);
        watch.end().exits(0);
        assert_eq!(order(&yard), started);
    }
}
