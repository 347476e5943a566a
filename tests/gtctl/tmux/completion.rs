//! Sessions that say that they are done, on a real tmux.

use crate::harness::{Yard, of, session, sleeper};
use std::fs;
use std::process::Command;

const QUICK: &str = "[defaults]\nready_after = \"0s\"\n[limits]\nconcurrent_starts = 20\n";
const DONE: &str = "Agent completed successfully";
const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false}"#;
const ERROR: &str = r#"{"type":"result","subtype":"success","is_error":true}"#;

fn task(name: &str, script: &str, grace: &str) -> String {
    session(
        name,
        script,
        &format!("restart = \"never\"\ncompletion.grace = \"{grace}\""),
    )
}

/// The notebook's town: five that work on and four that are done.
fn nine(grace: &str) -> String {
    let working =
        (1..=5).map(|n| task(&format!("busy-{n}"), "echo at work; exec sleep 1000", grace));
    let done = [DONE, "Claude exit code: 0", RESULT, DONE];
    let done = done.iter().zip(1..).map(|(said, n)| {
        task(
            &format!("done-{n}"),
            &format!("printf '%s\\n' 'at work' '{said}'; exec sleep 1000"),
            grace,
        )
    });
    format!("{QUICK}{}", working.chain(done).collect::<String>())
}

fn phase(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    of(&page, "sessions", session).map_or_else(String::new, |line| {
        line["phase"].as_str().unwrap_or_default().to_owned()
    })
}

#[test]
fn of_nine_sessions_the_four_that_are_done_go_after_their_grace_and_leave_their_logs() {
    let yard = Yard::new(&nine("1h"));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("their words", || {
        yard.gtctl(&["status"]).out.contains("4 completed")
    });
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let completed = page["sessions"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|line| line["phase"] == "completed");
    let names: Vec<_> = completed
        .map(|line| line["session"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(names, ["done-1", "done-2", "done-3", "done-4"]);
    assert_eq!(yard.format("busy-1", "#{pane_pipe}"), "1");
    yard.gtctl(&["expire"]).exits(0);
    assert_eq!(yard.sessions().len(), 9, "within their grace");

    yard.declare(&nine("1s"));
    yard.until("their expiry", || {
        yard.gtctl(&["expire"]);
        yard.sessions().len() == 5
    });
    assert!(yard.sessions().iter().all(|name| name.starts_with("busy-")));
    yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(yard.sessions().len(), 5);
    assert!(yard.gtctl(&["status"]).out.contains("4 completed"));
    yard.gtctl(&["logs", "done-1"]).exits(0).says(DONE);
    let kept = fs::read_to_string(yard.state().join("logs/done-3/latest.log")).unwrap();
    assert!(kept.contains(RESULT), "{kept}");
}

#[test]
fn a_result_that_is_an_error_is_a_failure_and_ends_nothing() {
    let script = |said: &str| format!("printf '%s\\n' '{said}'; exec sleep 1000");
    let sessions = format!(
        "{}{}",
        task("bad", &script(ERROR), "1s"),
        task("good", &script(RESULT), "1h")
    );
    let yard = Yard::new(&format!("{QUICK}{sessions}{}", sleeper("other", "")));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("the completion", || phase(&yard, "good") == "completed");
    yard.until("the failure", || {
        yard.gtctl(&["status"]).out.contains("reports failure")
    });
    std::thread::sleep(std::time::Duration::from_millis(1200));
    yard.gtctl(&["reconcile"]);
    assert_eq!(yard.sessions().len(), 3);
}

#[test]
fn what_a_former_life_has_said_does_not_count() {
    let script = format!("[ -e said ] || {{ : >said; echo {DONE}; }}; exec sleep 1000");
    let more = format!("completion = {{ markers = [\"{DONE}\"], grace = \"1h\" }}");
    let yard = Yard::new(&format!("{QUICK}{}", session("one", &script, &more)));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its words", || phase(&yard, "one") == "completed");
    let before = yard.process("one");
    yard.gtctl(&["restart", "one"]).exits(0);
    assert_ne!(yard.process("one"), before);
    yard.gtctl(&["reconcile"]);
    assert_ne!(phase(&yard, "one"), "completed");
    yard.gtctl(&["logs", "one", "--previous"])
        .exits(0)
        .says(DONE);
    assert!(!yard.gtctl(&["logs", "one"]).exits(0).out.contains(DONE));
}

#[test]
fn a_log_of_somebody_elses_is_followed_and_its_loss_costs_no_session() {
    let yard = Yard::new("");
    yard.write("run.log", &format!("{DONE}\n"));
    let log = format!("{}/run.log", yard.dir());
    let more =
        format!("completion = {{ markers = [\"{DONE}\"], grace = \"1h\", log = \"{log}\" }}");
    yard.declare(&format!("{QUICK}{}", sleeper("one", &more)));
    yard.gtctl(&["apply"]).exits(0);
    assert_ne!(phase(&yard, "one"), "completed", "written before its start");
    yard.write("run.log", "");
    assert_ne!(phase(&yard, "one"), "completed");
    yard.gtctl(&["reconcile"]);
    yard.write("run.log", &format!("going on\n{DONE}\n"));
    assert_eq!(phase(&yard, "one"), "completed");
    yard.gtctl(&["reconcile"]);
    let process = yard.process("one");
    fs::remove_file(&log).unwrap();
    yard.gtctl(&["reconcile"]).says("cannot be listened to");
    assert!(Command::new("mkfifo").arg(&log).status().unwrap().success());
    yard.gtctl(&["reconcile"]).says("not a regular file");
    assert_eq!(yard.process("one"), process);
}

#[test]
fn a_session_starts_and_ends_where_nothing_can_be_logged() {
    let yard = Yard::new(&format!(
        "{QUICK}{}",
        task("one", "echo words; exec sleep 1000", "1s")
    ));
    fs::create_dir_all(yard.state()).unwrap();
    fs::write(yard.state().join("logs"), "in the way").unwrap();
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["logs", "one"]).exits(1).says("has no log yet");
    fs::remove_file(yard.state().join("logs")).unwrap();
    yard.gtctl(&["stop", "one"]).exits(0);
    yard.until("its end", || yard.sessions().is_empty());
}

#[test]
fn logs_are_plain_text_and_followed_over_a_restart() {
    let script = r"printf 'one\n\033[31mtwo\033]0;title\007\n'; printf 'three'; exec sleep 1000";
    let yard = Yard::new(&format!("{QUICK}{}", session("one", script, "")));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("the words", || {
        yard.gtctl(&["logs", "one"]).out == "one\ntwo\nthree\n"
    });
    assert_eq!(
        yard.gtctl(&["logs", "one", "--last", "1"]).out,
        "two\nthree\n"
    );
    assert!(
        yard.gtctl(&["logs", "one", "--raw"])
            .out
            .contains("\u{1b}[31mtwo")
    );
    yard.gtctl(&["logs", "one", "--previous"])
        .exits(1)
        .says("only one run");
    let following = yard.start(&["logs", "one", "--follow"]);
    yard.until("the first life", || following.said().contains("two"));
    yard.gtctl(&["restart", "one"]).exits(0);
    yard.until("the second life", || {
        following.said().matches("two\n").count() == 2
    });
    assert!(following.said().contains("started again"));
    following.kill();
}

#[test]
fn a_flood_without_a_line_end_hides_no_word_after_it() {
    let script =
        format!("head -c 16777216 /dev/zero | tr '\\0' a; echo; echo '{DONE}'; exec sleep 100000");
    let yard = Yard::new(&format!("{QUICK}{}", task("one", &script, "1h")));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.until("its word", || phase(&yard, "one") == "completed");
}
