//! Sessions that others start, under policies, on a real tmux.

use crate::harness::{Yard, name, of, sleeper};
use gtctl::memory;
use gtctl::model::SortedMap;
use gtctl::model::covered;
use gtctl::model::{Done, Memory, Orders, Period, Policy, ProcId, Step, WhenAttached};
use gtctl::plan::{Situation, plan};
use gtctl::sim::{Agentry, Random, World, random_town};
use std::fs;
use std::process::Command;

/// New words all the time: a number or a clock would not count as news.
const BUSY: &str = "while :; do od -An -N9 -tx1 /dev/urandom | tr -d ' 0-9'; sleep 0.3; done";
const DONE: &str = "Agent completed successfully";
const RESULT: &str = r#"{"type":"result","subtype":"success","is_error":false}"#;
const WHOLE_TOWN: &str = "[limits]\nmass = \"100%\"\n";

/// Somebody else starts a session that runs this script.
fn others(yard: &Yard, name: &str, script: &str) -> ProcId {
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        name,
        "-x",
        "100",
        "-y",
        "30",
        "sh",
        "-c",
        script,
    ]);
    yard.pid(name)
}

fn policy(pattern: &str, more: &str) -> String {
    format!("[[policy]]\nmatch = \"{pattern}\"\n{more}\n")
}

fn phase(yard: &Yard, session: &str) -> String {
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    of(&page, "sessions", session).map_or_else(String::new, |line| {
        line["phase"].as_str().unwrap_or_default().to_owned()
    })
}

/// Cycles until exactly these sessions are left.
#[track_caller]
fn until_left(yard: &Yard, left: &[&str]) {
    yard.until("the right ones to be left", || {
        yard.gtctl(&["expire"]);
        yard.sessions() == left
    });
}

fn notebook(grace: &str) -> String {
    let completion = format!(
        "completion = {{ log = \"~/orchestration_logs/{{session}}.log\", grace = \"{grace}\", markers = \
         [\"Claude exit code: 0\", \"{DONE}\", {{ json = {{ type = \"result\", is_error = false }} }}] }}"
    );
    policy("task-agent-*", &completion)
}

#[test]
fn of_nine_sessions_of_others_the_four_that_are_done_go_and_leave_their_logs() {
    let yard = Yard::new(&notebook("1h"));
    fs::create_dir(yard.at("home/orchestration_logs")).unwrap();
    let log = |n: u32| yard.at(&format!("home/orchestration_logs/task-agent-{n}.log"));
    let names: Vec<String> = (1..=9).map(|n| format!("task-agent-{n}")).collect();
    let said = SortedMap::from([
        (2, "Claude exit code: 0"),
        (3, DONE),
        (5, RESULT),
        (8, "Claude exit code: 0"),
    ]);
    let pids: SortedMap<&String, ProcId> = names
        .iter()
        .zip(1..)
        .map(|(name, n)| {
            let log = log(n);
            let script = match said.get(&n) {
                Some(words) => format!(
                    "printf '%s\\n' 'at work' '{words}' >>{}; exec sh -i",
                    log.display()
                ),
                None => format!("echo at work >>{}; {BUSY}", log.display()),
            };
            (name, others(&yard, name, &script))
        })
        .collect();
    yard.until("their words", || {
        said.keys()
            .all(|n| fs::read_to_string(log(*n)).is_ok_and(|text| text.len() > 9))
    });
    yard.gtctl(&["diff"])
        .exits(2)
        .says("started by others, policy task-agent-*")
        .says("9 to adopt");
    assert_eq!(
        yard.tmux(&["show-options", "-t", "=task-agent-1:", "@gtctl_label"]),
        "",
        "diff only tells"
    );
    yard.gtctl(&["reconcile"]).exits(0);
    yard.until("what they are", || {
        yard.gtctl(&["status"])
            .out
            .contains("9 sessions: 5 active, 4 completed")
    });
    yard.gtctl(&["verify"]).exits(0);
    yard.gtctl(&["expire"]).exits(0);
    assert_eq!(yard.sessions(), names, "within their grace");
    yard.gtctl(&["explain", "task-agent-2"])
        .exits(0)
        .says("completion.log")
        .says("town.toml:");
    yard.gtctl(&["restart", "task-agent-2"])
        .exits(1)
        .says("others start `task-agent-2`");

    yard.declare(&notebook("1s"));
    until_left(
        &yard,
        &[
            "task-agent-1",
            "task-agent-4",
            "task-agent-6",
            "task-agent-7",
            "task-agent-9",
        ],
    );
    for name in yard.sessions() {
        assert_eq!(yard.pid(&name), pids[&name], "{name} lives on");
    }
    for (n, words) in said {
        assert!(fs::read_to_string(log(n)).unwrap().contains(words), "{n}");
    }
    yard.gtctl(&["status"])
        .exits(0)
        .says("5 sessions: 5 active");
    let state = fs::read_to_string(yard.state().join("gtctl.json")).unwrap();
    assert!(
        !state.contains("task-agent-2"),
        "nothing is remembered of what is gone: {state}"
    );
}

/// A thousand sessions of others that come and go, at most one at a time.
#[test]
fn what_comes_and_goes_leaves_nothing_in_the_memory() {
    let mut town = random_town(name("town"), &mut Random::new(7));
    town.policies = vec![];
    let mut world = World::new(name("town"), Random::new(7));
    world.agentry = Agentry::Tame;
    world.move_in("lasting", true);
    let (mut memory, mut before) = (Memory::default(), None);
    town.sessions.clear();
    for n in 0..1000 {
        town.policies = vec![any_policy("task-*")];
        world.move_in(&format!("task-{n}"), true);
        for _ in 0..3 {
            let (observed, now) = (world.observe(), world.now);
            let covered = covered(&town, &observed);
            memory = memory::learn(memory, &covered, &observed, now);
            let orders = Orders::default();
            let plan = plan(&Situation {
                town: &covered,
                observed: &observed,
                memory: &memory,
                orders,
                now,
            });
            memory = memory::intend(memory, &plan, now);
            let done = |step: &Step| Done {
                session: step.session.clone(),
                verb: step.action.verb(),
                outcome: world.carry_out(step, now),
            };
            let outcomes: Vec<Done> = plan.steps.iter().map(done).collect();
            memory = memory::settle(memory, &plan, &outcomes, now);
            world.pass(Period::from_secs(20));
        }
        let sessions = memory.sessions.len();
        assert_eq!(
            before.replace(sessions).unwrap_or(sessions),
            sessions,
            "after {n}"
        );
        let server = world.server.as_mut().unwrap();
        server
            .sessions
            .retain(|_, session| session.name == "lasting");
    }
    assert_eq!(before, Some(1));
}

fn any_policy(pattern: &str) -> Policy {
    Policy {
        pattern: pattern.to_owned(),
        max_age: None,
        idle_limit: None,
        busy: vec![],
        completion: None,
        max_memory: None,
        when_attached: WhenAttached::Hold,
        stop_grace: Period::from_secs(1),
    }
}

#[test]
fn only_those_that_are_too_old_by_their_own_policy_go() {
    let rules = [
        policy("task-agent-*", "max_age = \"2s\"\nstop_grace = \"1s\""),
        policy("task-*", "max_age = \"1h\""),
    ];
    let monitors = policy("gh-comment-monitor-*", "max_age = \"2h\"");
    let yard = Yard::new(&format!("{WHOLE_TOWN}{}{monitors}", rules.concat()));
    others(
        &yard,
        "task-agent-1",
        "trap '' TERM; while :; do sleep 1; done",
    );
    others(&yard, "task-agent-2", "exec sleep 1000");
    for name in [
        "task-agent-7",
        "gh-comment-monitor-1",
        "my-task-agent-1",
        "task-runner",
    ] {
        others(&yard, name, "exec sleep 1000");
    }
    let foreign = "town=elsewhere session=task-agent-7 gen=1 started=1:1:1 pane=%9 origin=policy";
    yard.tmux(&[
        "set-option",
        "-t",
        "=task-agent-7:",
        "@gtctl_label",
        foreign,
    ]);
    let client = yard.attach("task-agent-2");
    until_left(
        &yard,
        &[
            "gh-comment-monitor-1",
            "my-task-agent-1",
            "task-agent-2",
            "task-agent-7",
            "task-runner",
        ],
    );
    yard.gtctl(&["status"]).says("somebody is attached");
    assert_eq!(
        yard.tmux(&["show-options", "-v", "-t", "=task-agent-7:", "@gtctl_label"]),
        foreign
    );
    assert_eq!(
        yard.tmux(&["show-options", "-t", "=my-task-agent-1:", "@gtctl_label"]),
        ""
    );
    client.kill();
    yard.until("the client to be gone", || {
        yard.format("task-agent-2", "#{session_attached}") == "0"
    });
    until_left(
        &yard,
        &[
            "gh-comment-monitor-1",
            "my-task-agent-1",
            "task-agent-7",
            "task-runner",
        ],
    );
}

#[test]
fn only_what_is_quiet_and_does_not_work_is_too_quiet() {
    let yard = Yard::new(&format!(
        "{WHOLE_TOWN}{}",
        policy("task-*", "idle_limit = \"2s\"")
    ));
    others(&yard, "task-quiet", "echo words; exec sleep 1000");
    others(&yard, "task-chatty", BUSY);
    others(
        &yard,
        "task-shown",
        "echo '✻ Cooking… (esc to interrupt · 4s)'; exec sleep 1000",
    );
    others(&yard, "task-working", "echo words; while :; do :; done");
    until_left(&yard, &["task-chatty", "task-shown", "task-working"]);
    yard.gtctl(&["reconcile"]);
    assert_eq!(
        yard.sessions(),
        ["task-chatty", "task-shown", "task-working"]
    );
}

#[test]
fn what_has_ended_is_cleared_away_and_what_went_by_itself_is_forgotten() {
    let yard = Yard::new(&policy("task-*", "completion = { grace = \"1s\" }"));
    others(&yard, "other", "exec sleep 1000");
    yard.tmux(&["set-option", "-g", "remain-on-exit", "on"]);
    others(&yard, "task-kept", "echo last words; read _");
    yard.tmux(&["set-option", "-g", "remain-on-exit", "off"]);
    yard.tmux(&[
        "set-option",
        "-w",
        "-t",
        "=task-kept:",
        "remain-on-exit",
        "on",
    ]);
    others(&yard, "task-gone", "read _");
    yard.gtctl(&["reconcile"]).exits(0);
    yard.tmux(&["send-keys", "-t", "=task-gone:", "Enter"]);
    yard.tmux(&["send-keys", "-t", "=task-kept:", "Enter"]);
    until_left(&yard, &["other"]);
    yard.gtctl(&["logs", "task-kept"])
        .exits(0)
        .says("last words");
    yard.gtctl(&["reconcile"]).exits(0);
    let state = fs::read_to_string(yard.state().join("gtctl.json")).unwrap();
    assert!(!state.contains("task-"), "{state}");
}

#[test]
fn a_pane_without_a_log_is_heard_from_its_beginning_on_and_nobodys_pipe_is_taken() {
    let yard = Yard::new(&policy(
        "task-*",
        &format!("completion = {{ markers = [\"{DONE}\"], grace = \"1h\" }}"),
    ));
    others(
        &yard,
        "task-before",
        &format!("echo at work; echo {DONE}; exec sleep 1000"),
    );
    others(
        &yard,
        "task-after",
        &format!("echo at work; read _; echo {DONE}; exec sleep 1000"),
    );
    others(&yard, "task-piped", "exec sleep 1000");
    let own = yard.at("own.log");
    yard.tmux(&[
        "pipe-pane",
        "-t",
        "=task-piped:",
        &format!("exec cat >>{}", own.display()),
    ]);
    yard.until("its words", || {
        yard.tmux(&["capture-pane", "-p", "-t", "=task-before:"])
            .contains(DONE)
    });
    let before = ["task-after", "task-before", "task-piped"].map(|name| yard.pid(name));
    yard.gtctl(&["reconcile"]).exits(0);
    yard.gtctl(&["reconcile"])
        .exits(0)
        .says("task-piped cannot be listened to")
        .says("piped elsewhere");
    assert_eq!(phase(&yard, "task-before"), "completed");
    assert_ne!(phase(&yard, "task-after"), "completed");
    assert_eq!(yard.format("task-after", "#{pane_pipe}"), "1");
    yard.tmux(&["send-keys", "-t", "=task-after:", "Enter"]);
    yard.until("the later words", || {
        phase(&yard, "task-after") == "completed"
    });
    assert!(
        yard.gtctl(&["logs", "task-after"])
            .exits(0)
            .out
            .starts_with("at work\n")
    );
    yard.tmux(&["send-keys", "-t", "=task-piped:", "for the owner", "Enter"]);
    yard.until("the owner's own log", || {
        yard.read("own.log").contains("for the owner")
    });
    assert_eq!(
        before,
        ["task-after", "task-before", "task-piped"].map(|name| yard.pid(name))
    );
}

#[test]
fn a_log_that_is_older_than_its_session_counts_only_from_the_adoption_on() {
    let log = "log = \"logs/{session}.log\"";
    let completion = format!("completion = {{ {log}, markers = [\"{DONE}\"], grace = \"1h\" }}");
    let yard = Yard::new(&policy("task-*", &completion));
    fs::create_dir(yard.at("logs")).unwrap();
    for name in ["task-old", "task-used"] {
        yard.write(&format!("logs/{name}.log"), &format!("{DONE}\n"));
    }
    let old = yard.at("logs/task-old.log");
    assert!(
        Command::new("touch")
            .args(["-d", "1 hour ago"])
            .arg(&old)
            .status()
            .unwrap()
            .success()
    );
    // A wrapper may make the log a moment before its session: only what is clearly older was
    // another's.
    std::thread::sleep(std::time::Duration::from_millis(3100));
    others(&yard, "task-old", "exec sleep 1000");
    others(&yard, "task-used", "exec sleep 1000");
    yard.write("logs/task-used.log", &format!("{DONE}\nat work\n"));
    yard.gtctl(&["reconcile"]).exits(0);
    for name in ["task-old", "task-used"] {
        yard.gtctl(&["reconcile"]).exits(0);
        assert_ne!(phase(&yard, name), "completed", "{name}");
    }
    let add = format!("echo {DONE} >>{}", old.display());
    assert!(
        Command::new("sh")
            .args(["-c", &add])
            .status()
            .unwrap()
            .success()
    );
    assert_eq!(phase(&yard, "task-old"), "completed");
    assert_ne!(phase(&yard, "task-used"), "completed");
}

#[test]
fn without_its_policy_a_session_is_let_go_and_a_declaration_takes_only_its_own_agent() {
    let rule = policy("task-*", "max_age = \"1s\"");
    let yard = Yard::new(&format!(
        "{}{}",
        policy("task-*", "max_age = \"1h\""),
        sleeper("own", "ready_after = \"0s\"")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let pid = others(&yard, "task-1", "exec sleep 1000");
    yard.gtctl(&["reconcile"]).exits(0);
    assert!(
        yard.tmux(&["show-options", "-v", "-t", "=task-1:", "@gtctl_label"])
            .ends_with("origin=policy")
    );
    yard.declare(&sleeper("own", ""));
    yard.gtctl(&["reconcile", "--prune"]).exits(0);
    yard.gtctl(&["status"]).says("released");
    assert_eq!(yard.pid("task-1"), pid);
    // A rename takes it out of reach as well.
    yard.declare(&format!("{rule}{}", sleeper("own", "")));
    yard.tmux(&["rename-session", "-t", "=task-1", "kept"]);
    yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(yard.pid("kept"), pid);
    yard.tmux(&["rename-session", "-t", "=kept", "task-1"]);
    // What is declared is no policy's business any more.
    let declared = |command: &str| {
        format!("[[session]]\nsession = \"task-1\"\ncommand = [\"{command}\", \"1000\"]\n")
    };
    yard.declare(&format!("{rule}{}{}", declared("cat"), sleeper("own", "")));
    yard.gtctl(&["diff"]).exits(2).says("runs sleep");
    yard.gtctl(&["reconcile"]);
    assert_eq!(yard.pid("task-1"), pid);
    yard.declare(&format!(
        "{rule}{}{}",
        declared("sleep"),
        sleeper("own", "")
    ));
    yard.gtctl(&["reconcile"]).exits(0);
    assert!(
        yard.tmux(&["show-options", "-v", "-t", "=task-1:", "@gtctl_label"])
            .ends_with("origin=adopted")
    );
    assert_eq!(yard.pid("task-1"), pid);
}

#[test]
fn a_session_is_watched_in_the_pane_that_lives() {
    let yard = Yard::new(&policy("task-*", "completion = { grace = \"0s\" }"));
    others(&yard, "task-1", "read _");
    yard.gtctl(&["reconcile"]).exits(0);
    yard.tmux(&["split-window", "-d", "-t", "=task-1:", "sleep", "1000"]);
    yard.tmux(&["send-keys", "-t", "=task-1:", "Enter"]);
    yard.until("the end of its first pane", || {
        yard.format("task-1", "#{window_panes}") == "1"
    });
    let pid = yard.pid("task-1");
    yard.gtctl(&["reconcile"]).exits(0);
    yard.gtctl(&["reconcile"]).exits(0);
    assert_eq!(yard.pid("task-1"), pid);
    yard.gtctl(&["diff"]).exits(0);
}
