//! What real screens say: idle by content, busy, and signed out.

use crate::harness::{QUICK, Yard, of, session};
use gtctl::proc::signal::Signal;
use std::fmt::Write;

fn phase(yard: &Yard, name: &str) -> String {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    of(&page, "sessions", name).map_or_else(String::new, |line| {
        line["phase"].as_str().unwrap_or_default().to_owned()
    })
}

fn note(yard: &Yard, name: &str) -> String {
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    of(&page, "unchanged", name).map_or_else(String::new, |line| {
        line["note"]["code"].as_str().unwrap_or("").to_owned()
    })
}

/// Repaints a spinner and a timer each second, and says `more` beside them.
fn spinner(more: &str) -> String {
    format!(
        "n=0; while :; do n=$((n+1)); for c in '✢' '✳' '✶'; do printf '\\033[H\\033[Jhello\\n%s {more}%ss)\\n' $c $n; \
         sleep 0.5; done; done"
    )
}

#[test]
fn a_spinner_and_a_timer_are_no_content_and_a_busy_screen_is_never_idle() {
    let limits = "idle_limit = \"6s\"\nagent = \"claude\"";
    let busy = session("busy", &spinner("Thinking… (esc to interrupt · "), limits);
    let idles = session("idles", &spinner("Waiting ("), limits);
    let task = session(
        "task",
        &spinner("Waiting ("),
        &format!("{limits}\nrestart = \"never\""),
    );
    let yard = Yard::new(&format!("{QUICK}{busy}{idles}{task}"));
    yard.gtctl(&["apply", "--no-wait"]);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the idle limit", || note(&yard, "idles") == "too-quiet");
    yard.until("the task's expiry", || {
        !yard.sessions().contains(&"task".to_owned())
    });
    assert_eq!(
        (phase(&yard, "busy"), phase(&yard, "idles")),
        ("working".into(), "idle".into())
    );
    assert_eq!(note(&yard, "busy"), "");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn sessions_of_a_signed_out_agent_are_held_with_one_notice_and_go_on_when_it_is_over() {
    let mut manifest = format!("{QUICK}[limits]\nconcurrent_starts = 5\n");
    let screen = "while :; do if [ -e $HOME/in ]; then clear; echo hello; sleep 1000; fi; \
                  clear; echo 'Please run /login'; sleep 1; done";
    for n in 0..5 {
        let old =
            "agent = \"claude\"\nmax_age = \"6s\"\nmax_age_jitter = \"0s\"\nhandoff_gap = \"0s\"";
        write!(manifest, "{}", session(&format!("one-{n}"), screen, old)).unwrap();
    }
    let yard = Yard::new(&manifest);
    yard.gtctl(&["apply", "--no-wait"]);
    let watch = yard.start(&["reconcile", "--watch"]);
    let names: Vec<String> = (0..5).map(|n| format!("one-{n}")).collect();
    let is_held = |name: &String| {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", name)
            .is_some_and(|held| held["hold"]["code"] == "blocked" && held["phase"] == "blocked")
    };
    yard.until("all held, past their age", || names.iter().all(is_held));
    let said = yard
        .gtctl(&["status"])
        .says("5 blocked")
        .says("Please run /login");
    assert!(said.out.contains("signed out"), "{}", said.out);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    for name in &names {
        assert_eq!(
            of(&page, "sessions", name).unwrap()["restarts"],
            0,
            "{name}"
        );
    }
    let notices = yard
        .gtctl(&["events", "-o", "json"])
        .out
        .matches("agent claude is ")
        .count();
    assert_eq!(notices, 1);
    let first = yard.pid("one-0");
    yard.write("home/in", "");
    yard.until("a restart", || {
        yard.process("one-0").is_some_and(|now| now != first)
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}
