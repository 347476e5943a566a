//! Texts typed at the prompt of a stand-in agent, on a real tmux.

use crate::harness::{AT_ONCE, Yard, sleeper};
use gtctl::proc::signal::Signal;
use std::fs;
use std::time::{Duration, Instant};

const TEXT: &str = "run \"your\" cycle; say $HOME #(date) 'é' and end;";

/// A town of one session, `one`, in which the stand-in runs at its prompt.
fn town(more: &str) -> Yard {
    let yard = Yard::new("");
    let script = format!("{}/tests/agents/standin.sh", env!("CARGO_MANIFEST_DIR"));
    yard.declare(&format!(
        "[agents.standin]\ncommand = [\"bash\", \"{script}\"]\nfix = \"standin login\"\nready = [\"❯\"]\n\
         busy = [\"*esc to interrupt\"]\nasks_trust = [\"Do you trust*\"]\nasks_permission = [\"Do you want*\"]\n\
         auth = [\"Select login method*\"]\n\
         [defaults]\nagent = \"standin\"\nready_after = \"0s\"\n[[session]]\nsession = \"one\"\n{more}\n"
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its prompt", || screen(&yard).contains('❯'));
    yard
}

fn screen(yard: &Yard) -> String {
    yard.tmux(&["capture-pane", "-p", "-t", "=one:"])
}

/// What was submitted, line by line.
fn heard(yard: &Yard) -> Vec<String> {
    yard.read("home/heard").lines().map(str::to_owned).collect()
}

fn keys(yard: &Yard) -> String {
    yard.read("home/keys")
}

/// Shows this in the composer's place.
fn show(yard: &Yard, text: &str) {
    yard.write("home/screen", text);
    yard.until("the screen", || {
        screen(yard).contains(text.lines().next().unwrap())
    });
}

#[test]
fn a_text_is_typed_once_and_submitted_and_written_down() {
    let yard = town("");
    yard.gtctl(&["nudge", "one", TEXT])
        .exits(0)
        .says("one: delivered");
    assert_eq!(heard(&yard), [TEXT]);
    yard.gtctl(&["nudge", "one", "two lines;\nand", "more;"])
        .exits(0);
    assert_eq!(heard(&yard)[1..], ["two lines; and more;"]);
    let page = yard
        .gtctl(&["nudge", "one", "-o", "json", TEXT])
        .exits(0)
        .json();
    assert_eq!(
        (&page["outcome"], &page["presses"]),
        (&"delivered".into(), &1.into())
    );
    assert_eq!(heard(&yard).len(), 3, "the same text again");
    assert_eq!(yard.tmux(&["list-buffers"]), "", "no buffer is left");
    yard.gtctl(&["events", "one"])
        .says("nudge by hand delivered");
}

#[test]
fn a_long_text_arrives_whole() {
    let yard = town("");
    let long = "All work and no play. ".repeat(80);
    yard.gtctl(&["nudge", "one", &long]).exits(0);
    assert_eq!(heard(&yard), [long.trim()]);
    yard.gtctl(&["nudge", "one", &"x".repeat(9000)])
        .exits(1)
        .says("the limit is 8192");
    yard.gtctl(&["nudge", "one", "a\u{1b}[201~\rb"])
        .exits(1)
        .says("control characters");
    assert_eq!(heard(&yard).len(), 1);
}

#[test]
fn a_busy_session_is_waited_for_and_no_longer_than_asked() {
    let yard = town("");
    yard.write("home/work", "");
    yard.until("its work", || screen(&yard).contains("esc to interrupt"));
    yard.gtctl(&["nudge", "one", "--timeout", "1s", "now"])
        .exits(3)
        .says("not delivered: it is busy");
    let waits = yard.start(&["nudge", "one", "later"]);
    yard.until("its waiting", || waits.said().contains("it is busy"));
    assert_eq!(keys(&yard), "");
    fs::remove_file(yard.at("home/work")).unwrap();
    waits.end().exits(0);
    assert_eq!(heard(&yard), ["later"]);
}

#[test]
fn copy_mode_is_left_first_and_another_mode_takes_no_key() {
    let yard = town("");
    yard.tmux(&["copy-mode", "-t", "=one:"]);
    assert_eq!(yard.format("one", "#{pane_in_mode}"), "1");
    yard.gtctl(&["nudge", "one", "go on"]).exits(0);
    assert_eq!(
        (heard(&yard), yard.format("one", "#{pane_in_mode}")),
        (vec!["go on".to_owned()], "0".to_owned())
    );
    yard.tmux(&["clock-mode", "-t", "=one:"]);
    yard.gtctl(&["nudge", "one", "go on"])
        .exits(3)
        .says("shows something before its prompt");
    assert_eq!(heard(&yard).len(), 1);
}

#[test]
fn nothing_is_typed_into_a_question_or_a_sign_in() {
    let yard = town("");
    for (text, obstacle, said) in [
        (
            "Select login method:\n❯ 1. Account\n  2. Console",
            "auth",
            "standin login",
        ),
        (
            "Do you trust the files in this folder?\n❯ 1. Yes\n  2. No",
            "asks-trust",
            "gtctl answer one",
        ),
        (
            "Do you want to proceed?\n❯ 1. Yes\n  2. No",
            "asks-permission",
            "Do you want to proceed?",
        ),
    ] {
        show(&yard, text);
        let told = yard.gtctl(&["nudge", "one", "-o", "json", "yes"]).exits(3);
        let page = told.json();
        assert_eq!(
            (&page["outcome"], &page["obstacle"]),
            (&"refused".into(), &obstacle.into())
        );
        yard.gtctl(&["nudge", "one", "yes"]).exits(3).says(said);
    }
    show(&yard, "nothing known");
    yard.gtctl(&["nudge", "one", "yes", "--timeout", "1s"])
        .exits(3)
        .says("no prompt is recognised");
    assert_eq!(keys(&yard), "");
}

#[test]
fn a_submit_that_is_lost_is_repeated_and_one_that_never_works_is_told() {
    let yard = town("");
    yard.write("home/swallow", "");
    let page = yard
        .gtctl(&["nudge", "one", "-o", "json", "go on"])
        .exits(0)
        .json();
    // A slow machine may look once more before the text has left.
    let presses = keys(&yard).matches('\r').count();
    assert!((2..=4).contains(&presses), "{presses}");
    assert_eq!(
        (page["presses"].as_u64(), heard(&yard)),
        (u64::try_from(presses).ok(), vec!["go on".to_owned()])
    );
    yard.write("home/deaf", "");
    yard.gtctl(&["nudge", "one", "anybody there?"])
        .exits(3)
        .says("typed but not submitted");
    assert_eq!(heard(&yard).len(), 1);
    let keys = keys(&yard);
    assert_eq!(
        (
            keys.matches("anybody there?").count(),
            keys.matches('\r').count()
        ),
        (1, presses + 4)
    );
    yard.gtctl(&["events", "one", "-o", "json"])
        .says("\"outcome\":\"not-submitted\"");
    yard.until("a clear composer", || {
        !screen(&yard).contains("❯ anybody there?")
    });
}

#[test]
fn a_text_of_gtctls_own_that_was_left_is_submitted_again_or_gives_way_and_a_users_stays() {
    let yard = town("");
    yard.write("home/deaf", "");
    yard.write("home/keep", "");
    yard.gtctl(&["nudge", "one", "first text"])
        .exits(3)
        .says("typed but not submitted")
        .says("`submit` in [agents.standin]");
    assert!(screen(&yard).contains("❯ first text"));
    // Neither can be done: that is said, and nobody is thought to be typing.
    let said = yard
        .gtctl(&["nudge", "one", "--timeout", "1s", "second text"])
        .exits(3)
        .says("a text that gtctl typed");
    assert!(!said.err.contains("somebody is typing"), "{}", said.err);
    fs::remove_file(yard.at("home/deaf")).unwrap();
    yard.gtctl(&["nudge", "one", "first text"]).exits(0);
    assert_eq!(heard(&yard), ["first text"], "typed once, submitted again");
    assert_eq!(keys(&yard).matches("first text").count(), 1);

    yard.write("home/deaf", "");
    yard.gtctl(&["nudge", "one", "third text"]).exits(3);
    fs::remove_file(yard.at("home/deaf")).unwrap();
    fs::remove_file(yard.at("home/keep")).unwrap();
    yard.gtctl(&["nudge", "one", "fourth text"]).exits(0);
    assert_eq!(
        heard(&yard),
        ["first text", "fourth text"],
        "what was left gave way"
    );

    // What was delivered once may be brought back by a user, who is asked nothing.
    yard.tmux(&["send-keys", "-t", "=one:", "-l", "fourth text"]);
    yard.until("what is written", || {
        screen(&yard).contains("❯ fourth text")
    });
    yard.gtctl(&["nudge", "one", "--timeout", "1s", "fifth text"])
        .exits(3)
        .says("somebody is typing");
    assert!(screen(&yard).contains("❯ fourth text"));
    assert_eq!(heard(&yard).len(), 2);
}

#[test]
fn a_text_that_begins_like_a_command_is_typed_as_text_unless_that_is_asked_for() {
    let yard = town("");
    yard.gtctl(&["nudge", "one", "/etc/hosts is wrong"])
        .exits(0);
    yard.gtctl(&["nudge", "one", "!important: rest"]).exits(0);
    yard.gtctl(&["nudge", "one", "--command", "/compact"])
        .exits(0);
    assert_eq!(
        heard(&yard),
        [" /etc/hosts is wrong", " !important: rest", "/compact"]
    );
}

#[test]
fn what_somebody_writes_is_left_alone_and_who_only_looks_is_no_obstacle() {
    let yard = town("");
    let client = yard.attach("one");
    yard.gtctl(&["nudge", "one", "go on"]).exits(0);
    yard.tmux(&["send-keys", "-t", "=one:", "-l", "half a"]);
    yard.until("what is written", || screen(&yard).contains("❯ half a"));
    yard.gtctl(&["nudge", "one", "--timeout", "1s", "go on"])
        .exits(3)
        .says("somebody is typing");
    let waits = yard.start(&["nudge", "one", "after you"]);
    yard.until("its waiting", || {
        waits.said().contains("somebody is typing")
    });
    yard.tmux(&["send-keys", "-t", "=one:", "-l", " word"]);
    yard.tmux(&["send-keys", "-t", "=one:", "Enter"]);
    waits.end().exits(0);
    assert_eq!(heard(&yard), ["go on", "half a word", "after you"]);
    client.kill();
}

#[test]
fn sessions_that_are_not_there_not_ours_or_stopped_are_refused() {
    let yard = Yard::new(&format!(
        "[defaults]\nready_after = \"0s\"\n{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["nudge", "one", "x"])
        .exits(3)
        .says("it does not exist")
        .says("gtctl start one");
    yard.tmux(&["new-session", "-d", "-s", "two", "cat"]);
    yard.gtctl(&["nudge", "two", "x"])
        .exits(3)
        .says("gtctl does not manage");
    yard.gtctl(&["nudge", "onne", "x"])
        .exits(1)
        .says("did you mean `one`?");
    yard.gtctl(&["start", "one"]);
    yard.gtctl(&["nudge", "one", "x", "--timeout", "1s"])
        .exits(3)
        .says("no prompt is recognised");
    yard.kill(yard.pid("one"));
    yard.gtctl(&["nudge", "one", "x"])
        .exits(3)
        .says("its agent has ended");
    assert!(
        !yard
            .tmux(&["capture-pane", "-p", "-t", "=two:"])
            .contains('x')
    );
}

#[test]
fn each_of_many_is_typed_once_beside_a_controller() {
    let yard = town("");
    let watch = yard.start(&["reconcile", "--watch"]);
    let texts = ["first", "second", "third", "fourth"];
    let all: Vec<_> = texts
        .iter()
        .map(|text| yard.start(&["nudge", "one", text]))
        .collect();
    for nudge in all {
        nudge.end().exits(0);
    }
    let mut said = heard(&yard);
    said.sort();
    assert_eq!(said, ["first", "fourth", "second", "third"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

/// Whether the town's turn could be had now.
fn turn_is_free(yard: &Yard) -> bool {
    let lock = fs::File::open(yard.state().join("turn.lock")).unwrap();
    lock.try_lock().is_ok()
}

#[test]
fn others_have_their_turn_while_a_text_is_waited_for_and_a_fresh_life_hears_none_of_it() {
    let yard = town("backoff = { first = \"0s\", jitter = 0 }");
    let former = yard.pid("one");
    yard.write("home/deaf", "");
    let mut nudge = yard.start(&["nudge", "one", "anybody there?"]);
    yard.until("its key", || keys(&yard).contains('\r'));
    yard.until("the turn", || turn_is_free(&yard));
    assert!(nudge.is_running(), "{}", nudge.said());
    yard.kill(former);
    yard.until("a fresh process", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|now| now != former)
    });
    fs::remove_file(yard.at("home/deaf")).unwrap();
    // What it tells depends on whether it looked while the dead pane was there.
    nudge.end();
    yard.until("its prompt", || screen(&yard).contains('❯'));
    assert_eq!(heard(&yard), [] as [&str; 0]);
    assert_eq!(keys(&yard).matches("anybody there?").count(), 1);
    yard.gtctl(&["nudge", "one", "good morning"]).exits(0);
    assert_eq!(heard(&yard), ["good morning"]);
}

#[test]
fn nothing_is_typed_late_into_a_server_that_was_frozen() {
    let yard = town("");
    let server = yard.server().unwrap();
    gtctl::proc::signal::signal(server, Signal::STOP);
    yard.gtctl(&["nudge", "one", "--timeout", "1s", "late"])
        .exits(1)
        .says("its state could not be determined");
    gtctl::proc::signal::signal(server, Signal::CONT);
    yard.gtctl(&["nudge", "one", "now"]).exits(0);
    assert_eq!(heard(&yard), ["now"]);
}

#[test]
fn a_marker_in_what_was_typed_completes_nothing() {
    const DONE: &str = "Agent completed successfully";
    let yard = town("restart = \"never\"\ncompletion.grace = \"1h\"");
    let phase = || {
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        page["sessions"][0]["phase"].as_str().unwrap().to_owned()
    };
    let log = || fs::read_to_string(yard.state().join("logs/one/latest.log")).unwrap();
    yard.gtctl(&["nudge", "one", "A bell rang. Agent completed successfully"])
        .exits(0);
    yard.until("the echo in its log", || {
        log().contains(&format!("You said: A bell rang. {DONE}"))
    });
    yard.gtctl(&["reconcile"]);
    assert_ne!(phase(), "completed");
    yard.write("home/say", DONE);
    yard.until("its own word", || phase() == "completed");
}

#[test]
fn a_service_that_is_too_quiet_is_told_to_go_on_once_in_its_limit() {
    let yard = town(
        "idle_limit = \"4s\"\non_idle = \"nudge\"\nidle_nudge = \"{session}, what blocks you?\"",
    );
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("a nudge", || !heard(&yard).is_empty());
    yard.until("another", || heard(&yard).len() == 2);
    assert_eq!(heard(&yard)[0], "one, what blocks you?");
    let events: Vec<serde_json::Value> = yard
        .gtctl(&["events", "one", "-o", "json"])
        .out
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let told: Vec<_> = events
        .iter()
        .filter(|event| event["verb"] == "nudge")
        .collect();
    assert!(
        told.iter()
            .all(|event| event["outcome"] == "done" && event["reason"] == "too-quiet"),
        "{told:?}"
    );
    yard.write("home/screen", "Do you want to proceed?\n❯ 1. Yes");
    yard.until("the question", || {
        yard.gtctl(&["status", "-o", "json"])
            .out
            .contains("asks-permission")
    });
    let so_far = keys(&yard);
    yard.until("its idle limit", || {
        yard.gtctl(&["diff"]).out.contains("quiet for")
    });
    assert_eq!(keys(&yard), so_far);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

/// How often the chore on `one` has ended like this, and what was last said of it.
fn ended(yard: &Yard, outcome: &str) -> (usize, String) {
    let journal = fs::read_to_string(yard.state().join("monitor.jsonl")).unwrap_or_default();
    let lines = journal
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let ends: Vec<_> = lines
        .filter(|line| line["chore"] == "nudge-one" && line["outcome"] == outcome)
        .collect();
    (
        ends.len(),
        ends.last().map_or_else(String::new, ToString::to_string),
    )
}

#[test]
fn a_chore_types_and_does_not_before_a_sign_in_and_delays_no_restart() {
    let other = sleeper("two", "agent = \"claude\"\nbackoff = { first = \"0s\" }");
    let chore = "[[chore]]\nkind = \"nudge\"\nsession = \"one\"\ntext = \"run your cycle\"\nevery = \"2s\"\n";
    let yard = town(&(other + chore));
    let restarts = |when: &str| {
        let former = yard.pid("two");
        let begun = Instant::now();
        yard.kill(former);
        yard.fresh("two", Some(former));
        assert!(begun.elapsed() < AT_ONCE, "{when}: {:?}", begun.elapsed());
        println!("{when}: a fresh process after {:?}", begun.elapsed());
    };
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("two texts", || {
        heard(&yard).len() >= 2 && ended(&yard, "done").0 >= 2
    });
    let so_far = keys(&yard).len();
    yard.until("another that is being typed", || keys(&yard).len() > so_far);
    restarts("while it types");
    // A menu that comes between typing and submitting would leave the text behind it.
    let so_far = ended(&yard, "done").0;
    yard.until("the end of another", || ended(&yard, "done").0 > so_far);
    show(&yard, "Select login method:\n❯ 1. Account\n  2. Console");
    yard.until("the reason", || ended(&yard, "skipped").0 >= 1);
    let (before, so_far) = (ended(&yard, "skipped").0, keys(&yard));
    restarts("while it is signed out");
    yard.until("two more", || ended(&yard, "skipped").0 >= before + 2);
    let (_, said) = ended(&yard, "skipped");
    assert!(
        said.contains("auth") || said.contains("signed out"),
        "{said}"
    );
    assert_eq!(keys(&yard), so_far);
    fs::remove_file(yard.at("home/screen")).unwrap();
    let before = heard(&yard).len();
    yard.until("its prompt to be used again", || {
        heard(&yard).len() > before
    });
    assert!(
        heard(&yard).iter().all(|line| line == "run your cycle"),
        "{:?}",
        heard(&yard)
    );
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

/// A chore that types one text into `one`, and waits two minutes for its prompt.
const CHORE: &str = "[[chore]]\nkind = \"nudge\"\nsession = \"one\"\ntext = \"run your cycle\"\n\
                     every = \"1h\"\ntimeout = \"2m\"\n";

/// The texts that the state remembers as asked for.
fn asked(yard: &Yard) -> usize {
    let state = fs::read_to_string(yard.state().join("gtctl.json")).unwrap();
    let state: serde_json::Value = serde_json::from_str(&state).unwrap();
    state["memory"]["texts"].as_array().map_or(0, Vec::len)
}

#[test]
fn a_text_that_waits_outlives_its_controller_and_is_typed_once() {
    let yard = town(CHORE);
    yard.write("home/work", "");
    yard.until("its work", || screen(&yard).contains("esc to interrupt"));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the request", || asked(&yard) == 1);
    watch.kill();
    let watch = yard.start(&["reconcile", "--watch"]);
    std::thread::sleep(Duration::from_secs(1));
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert_eq!((asked(&yard), ended(&yard, "lost").0), (1, 0));
    let watch = yard.start(&["reconcile", "--watch"]);
    fs::remove_file(yard.at("home/work")).unwrap();
    yard.until("the end of the chore", || ended(&yard, "done").0 == 1);
    assert_eq!(
        (heard(&yard), asked(&yard)),
        (vec!["run your cycle".to_owned()], 0)
    );
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_text_waits_while_the_town_is_paused() {
    let yard = town(CHORE);
    yard.write("home/work", "");
    yard.until("its work", || screen(&yard).contains("esc to interrupt"));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the request", || asked(&yard) == 1);
    yard.gtctl(&["pause"]).exits(0);
    fs::remove_file(yard.at("home/work")).unwrap();
    yard.until("its prompt", || !screen(&yard).contains("esc to interrupt"));
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(keys(&yard), "");
    yard.gtctl(&["resume"]).exits(0);
    yard.until("the text", || heard(&yard) == ["run your cycle"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn an_old_session_is_told_to_hand_off_and_has_its_time_for_it() {
    let old = "max_age = \"5s\"\nmax_age_jitter = \"0s\"\nhandoff_gap = \"0s\"\ndrain = \"1m\"";
    let yard = town(&format!(
        "{old}\nhandoff = \"{{session}}, write your notes\""
    ));
    let first = yard.pid("one");
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the notice", || !heard(&yard).is_empty());
    assert_eq!(
        (heard(&yard), yard.pid("one")),
        (vec!["one, write your notes".to_owned()], first)
    );
    // It works on it for a while: longer than it would have been idle for.
    yard.write("home/work", "");
    yard.until("what it waits for", || {
        yard.gtctl(&["diff"]).out.contains("it is still busy")
    });
    assert_eq!(yard.pid("one"), first);
    fs::remove_file(yard.at("home/work")).unwrap();
    yard.fresh("one", Some(first));
    assert_eq!(heard(&yard)[..1], ["one, write your notes"]);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}
