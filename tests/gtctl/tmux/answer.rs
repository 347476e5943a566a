//! Questions of a stand-in client, answered on a real tmux.

use crate::harness::{Yard, of};
use serde_json::json;
use std::fs;

const COMMAND: [&str; 3] = ["Bash command", "rm -rf target", "Do you want to proceed?"];
const ANSWERS: [&str; 3] = ["Yes", "Yes, and don't ask again for rm", "No"];

/// A town of one session, `one`, in which the stand-in runs at its prompt. `more` has lines of its
/// agent's table.
fn town(more: &str) -> Yard {
    let yard = Yard::new("");
    let script = format!("{}/tests/agents/asker.py", env!("CARGO_MANIFEST_DIR"));
    yard.declare(&format!(
        "[agents.asker]\ncommand = [\"python3\", \"{script}\"]\nready = [\"❯\"]\n\
         asks_permission = [\"Do you want to proceed?\"]\nauth = [\"Select login method*\"]\n{more}\n\
         [defaults]\nagent = \"asker\"\nready_after = \"0s\"\n[[session]]\nsession = \"one\"\n"
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its prompt", || screen(&yard).contains('❯'));
    yard
}

fn screen(yard: &Yard) -> String {
    yard.tmux(&["capture-pane", "-p", "-t", "=one:"])
}

/// Writes a question into this file, whole.
fn put(yard: &Yard, file: &str, above: &[&str], answers: &[&str]) {
    let question = json!({ "above": above, "answers": answers });
    yard.write("home/fresh", &question.to_string());
    fs::rename(yard.at("home/fresh"), yard.at("home").join(file)).unwrap();
}

/// Asks, and waits until the question shows.
fn ask(yard: &Yard, above: &[&str], answers: &[&str]) {
    put(yard, "question", above, answers);
    let last = answers.last().unwrap();
    yard.until("the question", || screen(yard).contains(last));
}

/// What was chosen so far.
fn chosen(yard: &Yard) -> Vec<String> {
    let chosen = yard.read("home/chosen");
    chosen.lines().map(str::to_owned).collect()
}

#[test]
fn yes_is_the_plain_one_no_the_refusing_one_and_a_number_that_one() {
    let yard = town("");
    ask(&yard, &COMMAND, &ANSWERS);
    yard.gtctl(&["answer", "one"])
        .exits(0)
        .says("one asks:")
        .says("rm -rf target")
        .says("1  Yes                               yes\n")
        .says("3  No                                no\n");
    yard.gtctl(&["answer", "one", "yes"])
        .exits(0)
        .says("one: answered: 1. Yes\n");
    ask(&yard, &COMMAND, &ANSWERS);
    yard.gtctl(&["answer", "one", "no"])
        .exits(0)
        .says("one: answered: 3. No\n");
    ask(&yard, &COMMAND, &ANSWERS);
    let page = yard.gtctl(&["answer", "one", "2", "-o", "json"]).exits(0);
    let page = page.json();
    assert_eq!(page["outcome"], "answered");
    assert_eq!(page["answer"], "2. Yes, and don't ask again for rm");
    ask(
        &yard,
        &["Which colour?"],
        &["Red", "Blue", "Type something."],
    );
    yard.gtctl(&["answer", "one", "yes"])
        .exits(3)
        .says("no answer is a plain yes; give the number of an answer")
        .says("2  Blue");
    yard.gtctl(&["answer", "one", "3"])
        .exits(3)
        .says("this answer asks for a text; answer it with `gtctl attach one`");
    yard.gtctl(&["answer", "one", "9"])
        .exits(3)
        .says("no answer has the number 9");
    yard.gtctl(&["answer", "one", "no"])
        .exits(0)
        .says("answered: Escape");
    assert_eq!(chosen(&yard), ["Yes", "No", ANSWERS[1], "escape"]);
    yard.gtctl(&["answer", "one", "yes"])
        .exits(3)
        .says("it asks nothing now");
    yard.gtctl(&["events", "one"])
        .says("answer by hand (1. Yes): answered");
}

#[test]
fn a_declared_answer_is_shown_first_and_given_once() {
    let yard =
        town("[[agents.asker.answer]]\nwhen = \"Resume from summary?\"\nchoose = \"full session\"");
    let answers = [
        "Resume from summary",
        "Resume full session",
        "Don't ask again",
    ];
    ask(
        &yard,
        &["Do you want to proceed? Resume from summary?"],
        &answers,
    );
    let _watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the declared answer", || chosen(&yard) == [answers[1]]);
    yard.until("its prompt", || !screen(&yard).contains("Resume"));
    ask(&yard, &COMMAND, &ANSWERS);
    yard.until("the other question", || {
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        of(&page, "sessions", "one").is_some_and(|line| line["phase"] == "waiting")
    });
    assert_eq!(
        chosen(&yard),
        [answers[1]],
        "what is not declared is not answered"
    );
    yard.until("its event", || {
        let events = yard.gtctl(&["events", "one", "-o", "json"]).exits(0);
        events.out.contains("answer-declared")
    });
}

#[test]
fn a_question_that_follows_shows_and_gets_no_key() {
    let yard = town("");
    put(
        &yard,
        "next",
        &["Bash command", "rm -rf /", COMMAND[2]],
        &ANSWERS,
    );
    ask(&yard, &COMMAND, &ANSWERS);
    yard.gtctl(&["answer", "one", "2"])
        .exits(0)
        .says("one: answered: 2.")
        .says("rm -rf /\n");
    assert_eq!(chosen(&yard), [ANSWERS[1]]);
}

#[test]
fn what_is_no_plain_list_is_left_to_a_person() {
    let yard = town("");
    ask(
        &yard,
        &["Which files? Do you want to proceed?"],
        &["[ ] a", "[ ] b"],
    );
    yard.gtctl(&["answer", "one", "1"])
        .exits(3)
        .says("its question takes several answers; answer it with `gtctl attach one`");
    ask(&yard, &["Select login method:"], &["Account", "Console"]);
    yard.gtctl(&["answer", "one", "1"])
        .exits(3)
        .says("it asks for a login; sign it in with `gtctl attach one`");
    assert_eq!(yard.read("home/chosen"), "");
}

#[test]
fn a_client_that_takes_no_key_is_told_and_gets_no_second_enter() {
    let yard = town("");
    yard.write("home/deaf", "");
    ask(&yard, &COMMAND, &ANSWERS);
    yard.gtctl(&["answer", "one", "yes"])
        .exits(3)
        .says("the key was pressed, but it still asks the same");
    assert_eq!(yard.read("home/chosen"), "");
}
