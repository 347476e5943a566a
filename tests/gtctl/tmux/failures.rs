//! What hangs, is missing or breaks on real tmux: nothing of it holds up the town, or outlives its
//! cause.

use crate::harness::{AT_ONCE, Yard, copy_program, session, sleeper};
use gtctl::proc::signal::Signal;
use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

const QUICK: &str = "[controller]\nresync = \"1s\"\n[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\n\
     handoff_gap = \"0s\"\nbackoff = { first = \"0s\", jitter = 0 }\n";

fn pipe(yard: &Yard, path: &str) {
    nix::unistd::mkfifo(&yard.at(path), nix::sys::stat::Mode::S_IRWXU).unwrap();
}

/// A session that keeps the variable A of its environment in a file, and lives on.
fn telling(env_file: &str) -> String {
    session(
        "one",
        "echo \"$A\" > told; exec sleep 100000",
        &format!("env_file = \"{env_file}\""),
    )
}

#[test]
fn a_pipe_as_env_file_is_read_where_somebody_writes_to_it() {
    let yard = Yard::new(&format!("{QUICK}{}", telling("secret.env")));
    pipe(&yard, "secret.env");
    let path = yard.at("secret.env");
    let writer = std::thread::spawn(move || fs::write(path, "A=piped\n").unwrap());
    yard.gtctl(&["apply"]).exits(0);
    writer.join().unwrap();
    yard.until("the agent to have its variable", || {
        yard.read("told") == "piped\n"
    });
}

#[test]
fn a_pipe_that_nobody_writes_to_holds_up_neither_siblings_nor_other_verbs_nor_the_end() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        telling("secret.env"),
        sleeper("two", "")
    ));
    pipe(&yard, "secret.env");
    let mut controller = yard.start(&["reconcile", "--watch"]);
    let two = yard.fresh("two", None);
    let journal = || fs::read_to_string(yard.state().join("monitor.jsonl")).unwrap_or_default();
    yard.until("the start of the first to have failed", || {
        journal().contains("nobody writes to it")
    });
    yard.kill(two);
    yard.fresh("two", Some(two));
    yard.gtctl(&["stop", "two"]).exits(0);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    assert_eq!(page["sessions"][0]["session"], "one");
    assert!(yard.process("one").is_none());
    // A writer that comes later is what it has waited for.
    let path = yard.at("secret.env");
    let writer = std::thread::spawn(move || fs::write(path, "A=late\n").unwrap());
    yard.gtctl(&["reset", "one"]).exits(0);
    yard.fresh("one", None);
    writer.join().unwrap();
    assert!(controller.is_running());
    let asked = Instant::now();
    controller.signal(Signal::TERM);
    controller.end().exits(0);
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
}

#[test]
fn pipes_in_the_place_of_files_hang_no_verb() {
    let manifest = format!(
        "{QUICK}{}",
        sleeper(
            "one",
            "agent = \"claude\"\ncompletion = { log = \"done.log\", markers = [\"x\"] }\ninstructions = \"guide.md\""
        )
    );
    let yard = Yard::new(&manifest);
    yard.write("guide.md", "Be calm.");
    yard.gtctl(&["apply"]).exits(0);
    for path in ["guide.md", "CLAUDE.md", "done.log"] {
        let _ = fs::remove_file(yard.at(path));
        pipe(&yard, path);
    }
    let state = yard.state();
    let kept = [
        "monitor.jsonl",
        "handoffs.json",
        "gtctl.json",
        "controller.json",
        "state.json",
    ];
    for file in kept {
        let _ = fs::remove_file(state.join(file));
        nix::unistd::mkfifo(&state.join(file), nix::sys::stat::Mode::S_IRWXU).unwrap();
    }
    for verb in [
        &["status"][..],
        &["diff"],
        &["verify"],
        &["explain", "one"],
        &["events"],
        &["doctor"],
        &["reconcile"],
        &["metrics"],
        &["logs", "one"],
        &["restart", "one", "--no-wait"],
    ] {
        let said = yard.gtctl(verb);
        assert!(
            said.took < Duration::from_secs(10),
            "{verb:?} took {:?}: {}",
            said.took,
            said.err
        );
        assert!(
            said.code.is_some_and(|code| code != 101),
            "{verb:?}: {}",
            said.err
        );
    }
    fs::remove_file(yard.at("town.toml")).unwrap();
    pipe(&yard, "town.toml");
    let said = yard
        .gtctl(&["status"])
        .exits(1)
        .says("not a regular file but a named pipe");
    assert!(said.took < Duration::from_secs(5));
}

fn journal(yard: &Yard) -> String {
    fs::read_to_string(yard.state().join("monitor.jsonl")).unwrap_or_default()
}

#[test]
fn term_ends_a_controller_that_waits_for_something() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    // Somebody else has the turn and does not give it back.
    let turn = fs::File::options()
        .read(true)
        .write(true)
        .open(yard.state().join("turn.lock"))
        .unwrap();
    turn.lock().unwrap();
    let controller = yard.start(&["reconcile", "--watch"]);
    let lock = || fs::read_to_string(yard.state().join("controller.lock")).unwrap_or_default();
    let pid = controller.id().pid.to_string();
    yard.until("the controller to hold its lock", || {
        lock().starts_with(&pid)
    });
    yard.until("the controller to listen for TERM", || {
        controller.listens_for_term()
    });
    let asked = Instant::now();
    controller.signal(Signal::TERM);
    controller
        .end()
        .exits(1)
        .says("stopped while a step took too long");
    assert!(asked.elapsed() < AT_ONCE, "{:?}", asked.elapsed());
    assert!(yard.process("one").is_some(), "its sessions live on");
    drop(turn);
    yard.gtctl(&["reconcile"]).exits(0);
}

#[test]
fn a_cycle_that_panics_is_told_paced_and_followed_by_another() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let mut command = yard.gtctl_command(&["reconcile", "--watch"]);
    command.env("_GTCTL_TEST_PANIC", yard.at("panic"));
    let mut controller = yard.running(command);
    yard.until("a first cycle", || {
        yard.gtctl(&["status"]).out.contains("controller")
    });
    let one = yard.pid("one");
    yard.write("panic", "");
    yard.kill(one);
    let told = || {
        journal(&yard)
            .matches("defect of gtctl stopped a cycle")
            .count()
    };
    yard.until("a cycle that broke off", || told() > 0);
    yard.until("it to be in the status", || {
        yard.gtctl(&["status"])
            .out
            .contains("defect of gtctl stopped a cycle")
    });
    let (before, since) = (told(), Instant::now());
    yard.until("another one", || told() > before);
    assert!(since.elapsed() > Duration::from_millis(300), "it is paced");
    assert!(controller.is_running());
    assert!(
        controller.said().contains("told to by a test"),
        "{}",
        controller.said()
    );
    fs::remove_file(yard.at("panic")).unwrap();
    yard.fresh("one", Some(one));
    assert!(controller.is_running());
    yard.until("the trouble to be over", || {
        !yard
            .gtctl(&["status"])
            .out
            .contains("defect of gtctl stopped a cycle")
    });
}

const AGENT: &str = "#!/bin/sh\nexec sleep 100000\n";

fn named(session: &str, program: &str, more: &str) -> String {
    format!("[[session]]\nsession = \"{session}\"\ncommand = [\"{program}\", \"100000\"]\n{more}\n")
}

/// A session that is held because something is missing.
fn is_held(yard: &Yard, session: &str) -> bool {
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    crate::harness::of(&page, "held", session)
        .is_some_and(|held| held["hold"]["code"] == "cannot-start")
}

#[test]
fn a_missing_program_or_directory_is_no_crash_and_is_started_when_it_appears() {
    let manifest = format!(
        "[controller]\nresync = \"1h\"\n[defaults]\nready_after = \"0s\"\n{}{}{}{}",
        named("one", "ghost", ""),
        sleeper("two", "dir = \"later/deep\""),
        named("three", "./script", ""),
        sleeper("four", "")
    );
    let yard = Yard::new(&manifest);
    yard.shim("other", AGENT);
    let said = yard.gtctl(&["apply"]).exits(3);
    for text in [
        "cannot start: `ghost` not found in PATH",
        "later/deep does not exist",
        "`./script` not found in",
    ] {
        assert!(said.out.contains(text), "no {text:?}: {}", said.out);
    }
    assert!(yard.process("four").is_some(), "the others are started");
    yard.gtctl(&["verify"])
        .exits(2)
        .says("cannot start: `ghost` not found in PATH");
    yard.gtctl(&["status"]).says("`ghost` not found in PATH");
    yard.gtctl(&["explain", "one"]).says("cannot start");
    let controller = yard.start(&["reconcile", "--watch"]);
    yard.until("its first look", || {
        yard.gtctl(&["status"]).out.contains("controller")
    });
    yard.until("it to be said", || {
        controller
            .said()
            .contains("one start waiting: cannot start: `ghost` not found in PATH")
    });
    yard.shim("ghost", AGENT);
    yard.fresh("one", None);
    fs::create_dir(yard.at("later")).unwrap();
    fs::create_dir(yard.at("later/deep")).unwrap();
    yard.fresh("two", None);
    yard.write("script", AGENT);
    yard.until("what cannot be executed to be held", || {
        is_held(&yard, "three")
    });
    fs::set_permissions(
        yard.at("script"),
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    yard.fresh("three", None);
    assert!(!journal(&yard).contains("crash"), "{}", journal(&yard));
    drop(controller);
}

#[test]
fn what_lives_is_not_ended_for_a_program_that_is_missing() {
    let yard = Yard::new(&format!(
        "{QUICK}{}",
        sleeper("one", "on_drift = \"restart\"")
    ));
    yard.shim("other", AGENT);
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.declare(&format!(
        "{QUICK}{}",
        named("one", "ghost", "on_drift = \"restart\"")
    ));
    yard.gtctl(&["apply"])
        .exits(3)
        .says("cannot start: `ghost` not found in PATH");
    yard.gtctl(&["restart", "one"]).exits(3);
    assert_eq!(yard.pid("one"), one);
    yard.shim("ghost", AGENT);
    yard.gtctl(&["apply"]).exits(0);
    yard.fresh("one", Some(one));
}

#[test]
fn a_program_that_vanishes_is_waited_for_and_counts_no_crash() {
    let yard = Yard::new(&format!("{QUICK}{}", named("one", "agent", "")));
    yard.shim("agent", AGENT);
    let controller = yard.start(&["reconcile", "--watch"]);
    let one = yard.fresh("one", None);
    fs::rename(yard.at("bin/agent"), yard.at("bin/away")).unwrap();
    yard.kill(one);
    yard.until("it to be held", || is_held(&yard, "one"));
    for _ in 0..3 {
        yard.gtctl(&["apply", "--no-wait"]).exits(3);
    }
    fs::rename(yard.at("bin/away"), yard.at("bin/agent")).unwrap();
    yard.fresh("one", Some(one));
    let page = yard.gtctl(&["explain", "one", "-o", "json"]).out;
    assert!(!page.contains("could not be started"), "{page}");
    drop(controller);
}

#[test]
fn only_terminals_get_cursor_codes_and_json_is_one_document_a_line() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
    let watch = yard.start(&["status", "--watch", "-o", "json"]);
    yard.until("two documents", || lines(&watch.said()).len() > 2);
    let said = watch.said();
    let whole = lines(&said).len() - 1;
    for line in lines(&said).iter().take(whole) {
        let page: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(page["kind"], "status");
    }
    let watch = yard.start(&["status", "--watch"]);
    yard.until("a page", || watch.said().contains("1 session"));
    yard.gtctl(&["stop", "one"]).exits(0);
    yard.until("two pages", || {
        watch.said().matches("1 session").count() > 1
    });
    assert!(!watch.said().contains('\x1b'), "{}", watch.said());
}

#[test]
fn every_verb_speaks_json() {
    let yard = Yard::new(&format!(
        "{QUICK}{}[[chore]]\nkind = \"command\"\nname = \"c\"\ncommand = [\"true\"]\nevery = \"1h\"\n",
        session("one", "echo hello; exec sleep 100000", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let kind = |args: &[&str]| {
        let said = yard.gtctl(&[args, &["-o", "json"]].concat()).exits(0);
        let page = said.json();
        assert_eq!(page["version"], 1, "{args:?}");
        page
    };
    assert_eq!(
        kind(&["reset", "one"])["sessions"],
        serde_json::json!(["one"])
    );
    assert_eq!(kind(&["pause"])["paused"], true);
    assert_eq!(kind(&["resume"])["paused"], false);
    assert_eq!(kind(&["chore", "run", "c"])["result"], "done");
    for args in [&["restart", "one"][..], &["stop", "one"], &["start", "one"]] {
        assert_eq!(kind(args)["kind"], "apply", "{args:?}");
    }
    yard.until("its log", || {
        yard.gtctl(&["logs", "one"]).out.contains("hello")
    });
    let logs = yard.gtctl(&["logs", "one", "-o", "json"]).exits(0);
    assert_eq!(
        (&logs.json()["line"], &logs.json()["session"]),
        (&"hello".into(), &"one".into())
    );
    for shape in ["reset", "pause", "chore"] {
        yard.gtctl(&["schema", shape]).exits(0).says("\"kind\"");
    }
}

#[test]
fn a_plain_command_is_never_too_old_unless_somebody_says_so() {
    let yard = Yard::new(&format!(
        "{}{}{}",
        sleeper("plain", ""),
        sleeper("aged", "max_age = \"2h\""),
        "[[session]]\nsession = \"agent\"\nagent = \"claude\"\n"
    ));
    yard.gtctl(&["validate"])
        .exits(0)
        .says("max_age by default: 1h for 1 session (profile standard), off for 1 session");
    let origin = |session: &str| {
        let page = yard.gtctl(&["explain", session, "--all"]).out;
        page.lines()
            .find(|line| line.trim_start().starts_with("max_age "))
            .unwrap_or_default()
            .to_owned()
    };
    let plain = origin("plain");
    assert!(
        plain.contains("\"off\"") && plain.contains("a command without an agent"),
        "{plain}"
    );
    assert!(origin("aged").contains("\"2h\""), "{}", origin("aged"));
    assert!(
        origin("agent").contains("profile standard"),
        "{}",
        origin("agent")
    );
    yard.declare(&format!(
        "[defaults]\nmax_age = \"3h\"\n{}",
        sleeper("plain", "")
    ));
    assert!(origin("plain").contains("\"3h\""), "{}", origin("plain"));
}

/// A chore of a command.
fn chore(name: &str, script: &str, timeout: &str) -> String {
    format!(
        "[[chore]]\nkind = \"command\"\nname = \"{name}\"\ncommand = [\"sh\", \"-c\", \"{script}\"]\nevery = \"1h\"\n\
         timeout = \"{timeout}\"\n"
    )
}

#[test]
fn a_single_cycle_says_what_it_waits_for_and_what_came_of_it() {
    let waits = "until [ -e go ]; do sleep 0.05; done";
    let chores = [
        chore("tidy", waits, "5m"),
        chore("broken", "exit 3", "7m"),
        chore("endless", "sleep 1000", "1s"),
    ];
    let yard = Yard::new(&format!("{QUICK}{}{}", sleeper("one", ""), chores.concat()));
    let mut cycle = yard.start(&["reconcile"]);
    for line in [
        "running chore tidy, at most 5m",
        "running chore broken, at most 7m",
        "running chore endless, at most 1s",
    ] {
        yard.until("what is waited for", || cycle.said().contains(line));
    }
    assert!(cycle.is_running(), "it waits");
    assert!(
        !cycle.said().contains("chore tidy: done"),
        "{}",
        cycle.said()
    );
    yard.write("go", "");
    let said = cycle.end().exits(0);
    for line in [
        "chore tidy: done: ",
        "chore broken: failed: exit status 3",
        "chore endless: timed-out: ",
    ] {
        assert!(said.err.contains(line), "no {line:?}: {}", said.err);
    }
    // Nothing is due: nothing is waited for.
    let said = yard.gtctl(&["reconcile"]).exits(0);
    assert!(!said.err.contains("chore"), "{}", said.err);
}

#[test]
fn state_json_has_the_keys_of_the_guide_from_its_first_write_on() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let text = fs::read_to_string(yard.state().join("state.json")).unwrap();
    let page: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(
        (&page["last_upgrade_ts"], &page["upgrades_applied"]),
        (&"".into(), &0.into()),
        "{page}"
    );
    let checked = page["last_check_ts"].as_str().unwrap_or_default();
    assert!(checked.ends_with('Z') && checked.contains('T'), "{page}");
}

/// A session that keeps printing what it is told.
const PRINTS: &str =
    "echo begun; while :; do if [ -e say ]; then cat say; rm say; fi; sleep 0.1; done";

/// The process that keeps the output of the only session.
fn sink(yard: &Yard) -> Option<gtctl::model::ProcId> {
    let server = yard.server()?;
    let members = gtctl::proc::tree::tree(server)
        .into_iter()
        .map(|member| member.id);
    let is_sink = |process: &gtctl::model::ProcId| {
        let words = fs::read(format!("/proc/{}/cmdline", process.pid)).unwrap_or_default();
        String::from_utf8_lossy(&words).contains("\0sink\0")
    };
    members.into_iter().find(is_sink)
}

#[test]
fn a_sink_that_dies_is_replaced_and_its_markers_are_heard() {
    let more = "restart = \"never\"\ncompletion = { markers = [\"ALL DONE\"], grace = \"0s\" }";
    let yard = Yard::new(&format!("{QUICK}{}", session("one", PRINTS, more)));
    yard.gtctl(&["apply"]).exits(0);
    let logs = || yard.gtctl(&["logs", "one"]).out;
    yard.until("the first words", || logs().contains("begun"));
    let first = sink(&yard).unwrap();
    yard.kill(first);
    yard.write("said", "in between\n");
    fs::rename(yard.at("said"), yard.at("say")).unwrap();
    yard.until("it to be printed", || !yard.at("say").exists());
    let controller = yard.start(&["reconcile", "--watch"]);
    yard.until("another sink", || {
        sink(&yard).is_some_and(|now| now != first)
    });
    yard.until("it to be said", || {
        controller
            .said()
            .contains("kept the output of one had ended")
    });
    assert!(journal(&yard).contains("kept the output of one had ended"));
    yard.until("what was printed meanwhile", || {
        logs().contains("in between")
    });
    yard.write("said", "later\nALL DONE\n");
    fs::rename(yard.at("said"), yard.at("say")).unwrap();
    yard.until("what came later", || logs().contains("later"));
    yard.until("its marker to be heard", || {
        journal(&yard).contains("marked")
    });
    drop(controller);
}

#[test]
fn the_program_is_called_by_its_stable_path_and_an_upgrade_loses_no_output() {
    use std::os::unix::fs::symlink;
    let yard = Yard::new(&format!(
        "{QUICK}{}",
        session("one", "echo run $GTCTL_GENERATION; exec sleep 100000", "")
    ));
    for folder in ["opt", "opt/1.0", "opt/1.1", "links"] {
        fs::create_dir(yard.at(folder)).unwrap();
    }
    copy_program(env!("CARGO_BIN_EXE_gtctl"), yard.at("opt/1.0/gtctl"));
    symlink("../opt/1.0/gtctl", yard.at("links/gtctl")).unwrap();
    let program = yard.at("links/gtctl").to_str().unwrap().to_owned();
    let call = |args: &[&str]| {
        let mut command = yard.command(&program);
        command.args(args);
        yard.running(command)
    };
    call(&["service", "install", "--print"])
        .end()
        .exits(0)
        .says(&format!("\"{program}\""));
    call(&["apply"]).end().exits(0);
    let controller = call(&["reconcile", "--watch"]);
    let one = yard.pid("one");
    let begun = |yard: &Yard| yard.gtctl(&["status"]).out.contains("controller");
    yard.until("a first look", || begun(&yard));
    copy_program(env!("CARGO_BIN_EXE_gtctl"), yard.at("opt/1.1/gtctl"));
    symlink("../opt/1.1/gtctl", yard.at("links/new")).unwrap();
    fs::rename(yard.at("links/new"), yard.at("links/gtctl")).unwrap();
    fs::remove_dir_all(yard.at("opt/1.0")).unwrap();
    yard.kill(one);
    yard.fresh("one", Some(one));
    let logged = || {
        let files = fs::read_dir(yard.state().join("logs/one")).unwrap();
        let paths = files.map(|file| file.unwrap().path());
        let is_log = |path: &PathBuf| path.extension().is_none_or(|ext| ext != "times");
        paths.filter(is_log).count()
    };
    yard.until("two runs with a log, and the link", || logged() == 3);
    drop(controller);
}
