//! Sessions chosen by role, rig and phase; what `status` and `explain` say of them.

use crate::harness::{QUICK, Yard, sleeper};

/// Two of role crew, one of them in a rig, and one that cannot start.
fn town() -> String {
    let sessions = [
        sleeper("one", "role = \"crew\"\nname = \"one\"\nrig = \"shop\""),
        sleeper("two", "role = \"crew\"\nname = \"two\"\nrig = \"bank\""),
        sleeper("three", ""),
    ];
    format!("{QUICK}{}", sessions.concat())
}

fn names(page: &serde_json::Value) -> Vec<String> {
    let sessions = page["sessions"].as_array().unwrap();
    sessions
        .iter()
        .map(|session| session["session"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn verbs_take_roles_rigs_and_phases() {
    let yard = Yard::new(&town());
    yard.gtctl(&["apply"]).exits(0);
    let page = yard
        .gtctl(&["status", "--role", "crew", "-o", "json"])
        .exits(0)
        .json();
    assert_eq!(names(&page), ["one", "two"]);
    let one = &page["sessions"][0];
    assert_eq!(
        (&one["role"], &one["rig"]),
        (&"crew".into(), &"shop".into())
    );
    assert_eq!(one["pid"], yard.pid("one").pid, "{page}");
    assert!(one["started_at"].is_string() && one["last_exit"].is_null());
    let page = yard
        .gtctl(&[
            "status",
            "--rig",
            "shop,bank",
            "--phase",
            "dead",
            "-o",
            "json",
        ])
        .exits(0)
        .json();
    assert_eq!(names(&page), Vec::<String>::new());

    let (one, two) = (yard.pid("one"), yard.pid("two"));
    yard.gtctl(&["restart", "--rig", "bank"]).exits(0);
    assert_eq!(yard.pid("one"), one);
    assert_ne!(yard.pid("two"), two);
    let page = yard.gtctl(&["status", "two", "-o", "json"]).exits(0).json();
    let exit = &page["sessions"][0]["last_exit"];
    let is_known = exit["code"].is_i64() || exit["signal"].is_i64();
    assert!(is_known && exit["at"].is_string(), "{page}");
    let explained = yard.gtctl(&["explain", "two"]).exits(0).out;
    assert!(explained.contains("last run: "), "{explained}");
    yard.gtctl(&["stop", "--role", "crew", "--yes"]).exits(0);
    assert_eq!(yard.sessions(), ["three"]);
    yard.gtctl(&["start", "--phase", "stopped"]).exits(0);
    assert_eq!(yard.sessions(), ["one", "three", "two"]);

    let unknown = yard.gtctl(&["stop", "--role", "crow"]).exits(64);
    assert!(
        unknown.err.contains("no session has the role `crow`")
            && unknown.err.contains("roles: crew, custom"),
        "{}",
        unknown.err
    );
    let unknown = yard.gtctl(&["status", "--phase", "gone"]).exits(64);
    assert!(unknown.err.contains("phases: absent, "), "{}", unknown.err);
    let none = yard.gtctl(&["stop", "--phase", "dead"]).exits(3);
    assert!(none.err.contains("nothing was done"), "{}", none.err);
}

#[test]
fn status_and_explain_say_why_and_what_next() {
    let ghost =
        "[[session]]\nsession = \"ghost\"\ncommand = [\"no-such-program\"]\nmax_age = \"2h\"\n";
    let yard = Yard::new(&format!("{}{ghost}", town()));
    yard.gtctl(&["apply", "--no-wait"]);
    let status = yard.gtctl(&["status"]).exits(0).out;
    let line = status.lines().find(|line| line.contains("ghost")).unwrap();
    assert!(
        line.contains("`no-such-program` not found in PATH") && line.contains("; start as soon as"),
        "{status}"
    );
    assert!(
        status.contains("rig bank") && status.contains("rig shop"),
        "{status}"
    );
    yard.gtctl(&["status", "-o", "wide"]).exits(0).says("0%");
    let page = yard.gtctl(&["explain", "ghost"]).exits(0).out;
    let expected = [
        "ghost  absent, role custom",
        "  why   `no-such-program` not found in PATH",
        "  next  start as soon as it is there",
        "settings that differ from the defaults",
        "= \"2h\"",
        "`gtctl explain ghost --all`",
    ];
    for text in expected {
        assert!(page.contains(text), "{text}: {page}");
    }
    assert!(!page.contains("idle_limit"), "{page}");
    yard.gtctl(&["explain", "ghost", "--all"])
        .exits(0)
        .says("idle_limit");
}
