//! Usage limits and questions, as stand-in agents show them on a real tmux.

use crate::harness::{QUICK, Yard, of, session};
use gtctl::proc::signal::Signal;
use serde_json::Value;

/// A session whose jitter after a limit is short.
const NAME: &str = "full";

/// What `status` says of a session.
fn line(yard: &Yard, name: &str) -> Value {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    of(&page, "sessions", name).cloned().unwrap_or_default()
}

fn phase(yard: &Yard, name: &str) -> String {
    line(yard, name)["phase"]
        .as_str()
        .unwrap_or_default()
        .to_owned()
}

/// The phrases of an agent that no client runs.
const MINE: &str = "limit = [\"You've hit your*\"]\nready = [\"❯\"]";

/// A town of one session in which the stand-in runs at its prompt, read as claude is.
fn at_a_prompt(more: &str) -> Yard {
    standin("claude", "", more)
}

/// The same, as this agent, with these fields of the agent's.
fn standin(agent: &str, fields: &str, more: &str) -> Yard {
    let yard = Yard::new("");
    let script = format!("{}/tests/agents/standin.sh", env!("CARGO_MANIFEST_DIR"));
    yard.declare(&format!(
        "{QUICK}agent = \"{agent}\"\n[agents.{agent}]\ncommand = [\"bash\", \"{script}\"]\nprocess_names = [\"bash\"]\n{fields}\n\
         [[session]]\nsession = \"{NAME}\"\n{more}\n"
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its prompt", || {
        yard.tmux(&["capture-pane", "-p", "-t", &format!("={NAME}:")])
            .contains('❯')
    });
    yard
}

fn say(yard: &Yard, text: &str) {
    yard.write("home/say", text);
    yard.until("its words", || {
        yard.tmux(&["capture-pane", "-p", "-t", &format!("={NAME}:")])
            .contains(text)
    });
}

fn heard(yard: &Yard) -> Vec<String> {
    yard.read("home/heard").lines().map(str::to_owned).collect()
}

#[test]
fn a_limit_whose_end_has_passed_is_no_obstacle_and_the_users_text_sets_it_going() {
    // Claude Code would be left alone for two minutes: it may go on by itself.
    let yard = standin(
        "mine",
        MINE,
        "on_limit_end = \"nudge\"\nlimit_nudge = \"{session}, go on\"",
    );
    say(&yard, "You've hit your session limit · resets in 9 seconds");
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the block", || phase(&yard, NAME) == "blocked");
    yard.gtctl(&["nudge", NAME, "too early"])
        .exits(3)
        .says("usage limit");
    yard.until("the text", || heard(&yard) == [format!("{NAME}, go on")]);
    yard.gtctl(&["events", NAME]).says("nudge");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn by_default_nothing_is_typed_and_a_text_by_hand_goes_through_after_the_limit_and_a_second_limit_is_seen_anew()
 {
    let yard = at_a_prompt("");
    say(&yard, "You've hit your session limit · resets in 2 seconds");
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the block", || phase(&yard, NAME) == "blocked");
    yard.until("the end of the limit", || phase(&yard, NAME) == "idle");
    assert_eq!(heard(&yard), Vec::<String>::new());
    yard.gtctl(&["nudge", NAME, "continue"])
        .exits(0)
        .says("delivered");
    assert_eq!(heard(&yard), ["continue"]);
    say(&yard, "You've hit your weekly limit · resets in 3 hours");
    yard.until("the second block", || phase(&yard, NAME) == "blocked");
    yard.gtctl(&["nudge", NAME, "again"])
        .exits(3)
        .says("weekly limit");
    // Whoever knows better says so.
    yard.gtctl(&["reset", NAME]).exits(0);
    yard.until("what was asked for", || phase(&yard, NAME) == "idle");
    yard.gtctl(&["nudge", NAME, "again"]).exits(0);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_limit_in_the_last_words_of_a_run_is_no_crash_and_holds_it_until_its_printed_time() {
    let text = "You'\\''ve hit your session limit · resets in 20 seconds";
    let json = format!(
        "{{\"type\":\"result\",\"subtype\":\"success\",\"is_error\":true,\"result\":\"{text}\"}}"
    );
    let run =
        |words: &str| format!("echo start >>\"$HOME/starts\"; sleep 0.3; echo '{words}'; exit 1");
    let more = "agent = \"claude\"\nrestart = \"on-failure\"\nbackoff = { first = \"1s\", max = \"1s\", jitter = 0.0 }";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        session("text", &run(text), more),
        session("json", &run(&json), more)
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let watch = yard.start(&["reconcile", "--watch"]);
    let held = |name: &str| {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        let held = of(&page, "held", name).cloned().unwrap_or_default();
        held["hold"]["code"] == "blocked"
            && held["hold"]["kind"] == "limit"
            && held["until"].is_string()
    };
    yard.until("both held", || ["text", "json"].into_iter().all(held));
    yard.gtctl(&["diff"])
        .says("is at its usage limit")
        .says("You've hit your session limit");
    let said = yard.gtctl(&["events"]).out;
    assert_eq!(
        yard.read("home/starts").lines().count(),
        2,
        "no further try: {said}"
    );
    yard.until("the printed time", || {
        yard.read("home/starts").lines().count() >= 4
    });
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    for name in ["text", "json"] {
        assert_eq!(
            line(&yard, name)["crashes"].as_u64().unwrap_or(0),
            0,
            "{page}"
        );
    }
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn questions_limits_and_bare_spinners_are_seen_for_what_they_are() {
    let show = |text: &str| format!("clear; printf '%s' '{text}'; sleep 1000");
    let claude = "agent = \"claude\"";
    let list =
        "Claude in Chrome wants to open a page\n ❯ 1. Allow\n   2. Allow all\n   3. Deny (esc)";
    let trust = "────\n Is this safe?\n\n   No, exit\n ❯ Yes, I trust this folder\n\n Enter to confirm · Esc to cancel";
    let quota = "❯ go on\n  ⎿  Failed to authenticate. API Error: 403 Your weekly usage limit is reached.\n\n────\n❯ \n────";
    let star = "● Reading.\n\n* Herding… (1m 2s · ↓ 900 tokens)\n\n────\n❯ \n────\n  main · 41%";
    let quoted = "● The log says:\n  API Error: 429 rate limit\n  ❯ 1. Allow\n  2. Deny\n\n✻ Cooked for 4s\n\n────\n❯ \n────";
    let manifest = [
        ("list", list),
        ("trust", trust),
        ("quota", quota),
        ("star", star),
        ("quoted", quoted),
    ]
    .map(|(name, text)| session(name, &show(text), claude));
    let yard = Yard::new(&format!(
        "{QUICK}[limits]\nconcurrent_starts = 9\n{}",
        manifest.concat()
    ));
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the questions", || {
        phase(&yard, "list") == "waiting" && phase(&yard, "trust") == "waiting"
    });
    yard.until("the limit", || phase(&yard, "quota") == "blocked");
    yard.until("the quiet one", || phase(&yard, "quoted") == "idle");
    assert_eq!(phase(&yard, "star"), "working");
    assert_eq!(line(&yard, "quota")["screen"]["state"], "limit");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}
