//! Files that never answer, on real tmux: each holds up what needs it, and nothing else.
//!
//! A mount of FUSE stands in for a lost network disk: nobody serves it, so whoever asks for the
//! file waits in the kernel until the mount is given up. That takes a host that lets us mount;
//! elsewhere these tests say that they show nothing.

use crate::harness::{AT_ONCE, Running, Yard, session, sleeper};
use gtctl::model::ProcId;
use gtctl::proc::process;
use gtctl::proc::signal::Signal;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const QUICK: &str = "[controller]\nresync = \"1s\"\n[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\n\
     handoff_gap = \"0s\"\nbackoff = { first = \"0s\", jitter = 0 }\n";

/// A file or a directory that does not answer until this is dropped.
struct Hung {
    path: PathBuf,
    server: Option<File>,
}

impl Hung {
    /// None where this host does not let us.
    fn at(path: &Path) -> Option<Self> {
        let server = File::options()
            .read(true)
            .write(true)
            .open("/dev/fuse")
            .ok()?;
        let mode = if path.is_dir() { "40000" } else { "100644" };
        let options = format!("fd=0,rootmode={mode},user_id=0,group_id=0");
        let mut mount = Command::new("mount");
        mount
            .args(["-i", "-t", "fuse", "-o", &options, "gtctl-test"])
            .arg(path)
            .stderr(Stdio::null());
        mount.stdin(Stdio::from(server.try_clone().ok()?));
        let is_mounted = mount.status().is_ok_and(|status| status.success());
        if !is_mounted {
            eprintln!("skipped: no mount can be made here");
        }
        is_mounted.then(|| Self {
            path: path.to_path_buf(),
            server: Some(server),
        })
    }
}

impl Drop for Hung {
    fn drop(&mut self) {
        // Whoever waits hears that there is nobody.
        self.server.take();
        let _ = Command::new("umount").arg("-l").arg(&self.path).status();
    }
}

/// A town with every kind of file that a controller reads, and a session that needs none of them.
fn town() -> Yard {
    let yard = Yard::new("");
    for folder in ["home/.config", "home/.config/gtctl", "gt", "gt/mayor"] {
        fs::create_dir(yard.at(folder)).unwrap();
    }
    yard.write(
        "home/.config/gtctl/config.toml",
        "[defaults]\nlogs = { keep = 3 }\n",
    );
    yard.write("gt/mayor/town.json", "{\"name\": \"x\"}");
    yard.write("gt/mayor/rigs.json", "{\"rigs\": {}}");
    yard.write("secret.env", "A=1\n");
    yard.write("done.log", "");
    yard.write("guide.md", "Be calm.");
    yard.shim("claude", "#!/bin/sh\nexec sleep 100000\n");
    let head = format!(
        "[town]\nname = \"{}\"\nsocket = \"{}\"\nroot = \"gt\"\n",
        yard.town,
        yard.socket().display()
    );
    let needy =
        "env_file = \"secret.env\"\ncompletion = { log = \"done.log\", markers = [\"ALL DONE\"] }";
    let guided =
        "[[session]]\nsession = \"three\"\nagent = \"claude\"\ninstructions = \"guide.md\"\n";
    let sessions = session("one", "exec sleep 100000", needy) + &sleeper("two", "") + guided;
    let dirs = format!("dir = \"{}\"\n", yard.dir());
    let sessions = sessions.replace("[[session]]\n", &format!("[[session]]\n{dirs}"));
    yard.write_manifest(&format!("{head}{QUICK}{sessions}"));
    yard
}

/// How long this took to end, from now on.
///
/// Where two processes look for one name on a disk that does not answer, the kernel lets neither
/// go, not even by KILL: what is left of them is a zombie, or a first thread that has KILL pending.
/// Its parent hears of its end only when the disk answers. So it is the process that is asked.
fn time_to_end(yard: &Yard, process: ProcId) -> Duration {
    let asked = Instant::now();
    let has_ended = || !process::may_live(process) || is_being_killed(process);
    yard.until("its end", has_ended);
    asked.elapsed()
}

/// Whether the kernel ends this process as soon as its first thread lets it.
fn is_being_killed(process: ProcId) -> bool {
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
    let pending = status.lines().find_map(|line| line.strip_prefix("SigPnd:"));
    let pending = pending.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    // KILL is signal 9, and bit 0 stands for signal 1.
    pending.is_some_and(|mask| mask >> 8 & 1 == 1)
}

fn end_in_time(yard: &Yard, controller: &Running) {
    let process = controller.id();
    controller.signal(Signal::TERM);
    let took = time_to_end(yard, process);
    assert!(took < AT_ONCE, "{took:?}: {}", controller.said());
}

/// Begins this verb, and waits until it ends.
fn verb(yard: &Yard, args: &[&str]) -> Running {
    let running = yard.start(args);
    let took = time_to_end(yard, running.id());
    assert!(took < Duration::from_secs(20), "{args:?} took {took:?}");
    running
}

/// With this file hung a sibling is started again, the wait is told, verbs say what does not
/// answer, and the controller ends when told to. When it answers again, all goes on.
fn holds_up_nothing_else(file: &str, killed: &[&str], verbs_that_fail: &[&str]) {
    let yard = town();
    let state = yard.at("state");
    let state_dir = state.to_str().unwrap();
    let path = yard.at(file);
    let told = format!("reading {} for ", path.display());
    let mut controller = yard.start(&["--state-dir", state_dir, "reconcile", "--watch"]);
    let all_live = || {
        ["one", "two", "three"]
            .iter()
            .all(|name| yard.process(name).is_some())
    };
    yard.until("all of them", all_live);
    // Ended after the disk answers again.
    let mut verbs = Vec::new();
    let Some(hung) = Hung::at(&path) else { return };
    for session in killed {
        yard.kill(yard.pid(session));
    }
    until(&controller, &told, || controller.said().contains(&told));
    let two = yard.pid("two");
    yard.kill(two);
    yard.fresh("two", Some(two));
    let threads = fs::read_dir(format!("/proc/{}/task", controller.id().pid)).unwrap();
    let threads = threads.count();
    // The main one, the loop, the one that ends it, and one or two that wait.
    assert!(threads <= 8, "{threads} threads");
    for name in ["status", "diff", "verify"] {
        verbs.push((name, verb(&yard, &["--state-dir", state_dir, name])));
    }
    assert!(controller.is_running(), "{}", controller.said());
    let said = controller.said();
    assert_eq!(said.matches(&told).count(), 1, "told once: {said}");
    // It answers again.
    drop(hung);
    for (name, running) in verbs {
        let said = running.end();
        if verbs_that_fail.contains(&name) {
            said.exits(1).says("reading ");
        }
    }
    until(&controller, "all of them", all_live);
    end_in_time(&yard, &controller);
    // A controller that ends while it hangs leaves its sessions alone.
    let controller = yard.start(&["--state-dir", state_dir, "reconcile", "--watch"]);
    let pid = controller.id().pid.to_string();
    until(&controller, "its sign of life", || {
        yard.read("state/controller.json").contains(&pid)
    });
    let two = yard.pid("two");
    let hung = Hung::at(&path).unwrap();
    end_in_time(&yard, &controller);
    assert!(process::may_live(two));
    drop(hung);
}

/// Waits until it holds. A start that failed is tried again after a while.
fn until(controller: &Running, what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(120);
    while !holds() {
        assert!(
            Instant::now() < deadline,
            "waited in vain for {what}: {}",
            controller.said()
        );
        std::thread::sleep(Duration::from_millis(50));
    }
}

const ALL: &[&str] = &["status", "diff", "verify"];

#[test]
fn a_manifest_that_does_not_answer_leaves_the_last_good_one_in_force() {
    holds_up_nothing_else("town.toml", &[], ALL);
}

#[test]
fn a_user_file_that_does_not_answer_leaves_the_last_good_one_in_force() {
    holds_up_nothing_else("home/.config/gtctl/config.toml", &[], ALL);
}

#[test]
fn a_completion_log_that_does_not_answer_makes_one_session_deaf_only() {
    holds_up_nothing_else("done.log", &[], &[]);
}

#[test]
fn an_env_file_that_does_not_answer_keeps_one_session_from_its_start_only() {
    holds_up_nothing_else("secret.env", &["one"], &[]);
}

#[test]
fn instructions_that_do_not_answer_hold_up_no_start() {
    holds_up_nothing_else("guide.md", &["three"], &[]);
}

#[test]
fn files_of_gas_town_that_do_not_answer_are_heeded_as_they_were() {
    holds_up_nothing_else("gt", &[], &[]);
}

#[test]
fn a_list_of_rigs_that_does_not_answer_leaves_the_last_good_one_in_force() {
    holds_up_nothing_else("gt/mayor/rigs.json", &[], &[]);
}

#[test]
fn a_state_directory_that_does_not_answer_hangs_no_verb_and_no_end() {
    let yard = town();
    let state = yard.at("state");
    fs::create_dir(&state).unwrap();
    let with_state =
        |args: &[&str]| yard.start(&[&["--state-dir", state.to_str().unwrap()], args].concat());
    let controller = with_state(&["reconcile", "--watch"]);
    yard.fresh("two", None);
    yard.until("its sign of life", || {
        state.join("controller.json").exists()
    });
    let mut verbs = Vec::new();
    let Some(hung) = Hung::at(&state) else {
        return;
    };
    let told = format!("reading {} for ", state.display());
    until(&controller, &told, || controller.said().contains(&told));
    let names: [&[&str]; 7] = [
        &["status"],
        &["diff"],
        &["verify"],
        &["explain", "one"],
        &["logs", "one"],
        &["events"],
        &["metrics"],
    ];
    for args in names {
        let args = [&["--state-dir", state.to_str().unwrap()], args].concat();
        verbs.push(verb(&yard, &args));
    }
    end_in_time(&yard, &controller);
    assert!(yard.process("two").is_some(), "its sessions live on");
    drop(hung);
    // Its lock is free once the kernel has let go of all its threads.
    let _ = controller.end();
    for running in verbs {
        running.end().exits(1).says(&told);
    }
    // Another goes on where it was.
    let two = yard.pid("two");
    yard.kill(two);
    let controller = with_state(&["reconcile", "--watch"]);
    yard.fresh("two", Some(two));
    end_in_time(&yard, &controller);
}
