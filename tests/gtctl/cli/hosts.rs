//! A town on several hosts, where `ssh` is a script: every way in which a host does not answer.

use crate::harness::{Running, Said, Yard};
use gtctl::proc::signal::Signal;
use serde_json::Value;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Plays ssh. The last word is the command for the other host, the one before is the destination,
/// and the destination says what goes wrong.
const SSH: &str = r#"#!/bin/sh
for word; do
  case $word in
    ControlPath=*) socket=${word#ControlPath=} ;;
    -O) asks=yes ;;
  esac
  before=$last; last=$word
done
[ "$asks" ] && before=$last
echo "$before $*" >> "$SSH_CALLS"
if [ "$asks" ]; then
  case $before in
    stale) exit 255 ;;
    *) exit 0 ;;
  esac
fi
say() { echo "$1" >&2; exit "$2"; }
case $before in
  down) say "ssh: connect to host down port 22: Connection refused" 255 ;;
  password) say "me@password: Permission denied (publickey,password)." 255 ;;
  key) say "Host key verification failed." 255 ;;
  slow) sleep 60 ;;
  none) say "sh: 1: exec: gtctl: not found" 127 ;;
  old) say "error: unexpected argument '--host-protocol' found" 64 ;;
  other) say "error: invalid value '1' for '--host-protocol <HOST_PROTOCOL>': gtctl 9.0.0 speaks protocol 9" 64 ;;
  noise) echo "Welcome to noise!"; exit 0 ;;
  lost)
    # A shared connection that answers, and is dead all the same.
    [ -e "$socket" ] && say "mux_client_request_session: session request failed" 255 ;;
esac
cd "$SSH_HOME/$before" || exit 1
exec env HOME="$SSH_HOME/$before" XDG_STATE_HOME="$SSH_HOME/$before/state" GTCTL_SOCKET="$SSH_HOME/$before/tmux" sh -c "$last"
"#;

/// All destinations that do not answer, and the word for each.
const FAULTS: [(&str, &str); 8] = [
    ("down", "unreachable"),
    ("password", "asks-password"),
    ("key", "unknown-key"),
    ("slow", "slow"),
    ("none", "no-gtctl"),
    ("old", "other-version"),
    ("other", "other-version"),
    ("noise", "bad-answer"),
];

/// A host has this long for all that a verb which looks may take.
const BOUND: Duration = Duration::from_secs(10);

struct Fleet {
    yard: Yard,
}

impl Fleet {
    /// This machine is `here`. Each host has one session, `x-HOST`.
    fn of(hosts: &[&str]) -> Self {
        let yard = Yard::new("");
        yard.shim("ssh", SSH);
        for host in hosts.iter().chain(&["run"]) {
            fs::create_dir_all(yard.at("hosts").join(host)).unwrap();
        }
        fs::create_dir_all(yard.at("run")).unwrap();
        let program = env!("CARGO_BIN_EXE_gtctl");
        let table = |host: &&str| {
            format!(
                "[hosts.{host}]\nssh = \"{host}\"\ngtctl = \"{program}\"\n\
                 [[session]]\nsession = \"x-{host}\"\nhost = \"{host}\"\n"
            )
        };
        let tables: Vec<String> = hosts.iter().map(table).collect();
        let tables = tables.concat();
        yard.declare(&format!(
            "[hosts.here]\n[defaults]\nhost = \"here\"\ndir = \"/\"\ncommand = [\"sleep\", \"1000\"]\n\
             [[session]]\nsession = \"x\"\n{tables}"
        ));
        Self { yard }
    }

    fn gtctl(&self, args: &[&str]) -> Said {
        self.start(args).end()
    }

    fn start(&self, args: &[&str]) -> Running {
        let mut command = self.yard.gtctl_command(args);
        self.equip(&mut command);
        self.yard.running(command)
    }

    /// Gives a command all that gtctl needs here.
    fn equip(&self, command: &mut Command) {
        command
            .env("GTCTL_HOST", "here")
            .env("SSH_HOME", self.yard.at("hosts"))
            .env("SSH_CALLS", self.yard.at("calls"))
            .env("XDG_RUNTIME_DIR", self.yard.at("run"));
    }

    /// What is told of a host.
    fn host(page: &Value, name: &str) -> Value {
        let hosts = page["hosts"].as_array().unwrap().iter();
        let mut found = hosts.filter(|host| host["host"] == name);
        found.next().unwrap().clone()
    }

    /// The path of the one socket that is shared, as a call names it.
    fn socket(&self) -> String {
        let calls = self.yard.read("calls");
        let words = calls.split_whitespace();
        let mut paths = words.filter_map(|word| word.strip_prefix("ControlPath="));
        paths.next().unwrap().to_owned()
    }
}

#[test]
fn a_host_that_does_not_answer_is_shown_with_its_fix_and_its_sessions_as_unknown() {
    let names = FAULTS.map(|(name, _)| name);
    let fleet = Fleet::of(&names);
    let said = fleet.gtctl(&["status", "-o", "json"]).exits(1);
    assert!(said.took < BOUND, "{:?}", said.took);
    let page = said.json();
    for (name, code) in FAULTS {
        let host = Fleet::host(&page, name);
        assert_eq!(host["trouble"]["code"], code, "{host}");
        assert!(!host["trouble"]["help"].as_str().unwrap().is_empty());
        let sessions = page["sessions"].as_array().unwrap();
        let session = sessions.iter().find(|row| row["host"] == name).unwrap();
        assert_eq!(session["phase"], "unknown", "{session}");
    }
    assert_eq!(Fleet::host(&page, "here")["reached"], true);
    let text = fleet.gtctl(&["status"]).exits(1);
    assert!(text.took < BOUND, "{:?}", text.took);
    text.says("ssh-copy-id password")
        .says("8 not reached: their sessions are left alone");
}

#[test]
fn what_acts_leaves_a_host_that_is_not_reached_alone() {
    let fleet = Fleet::of(&["down"]);
    fleet
        .gtctl(&["stop", "x-down"])
        .exits(1)
        .says("Connection refused");
    fleet
        .gtctl(&["apply", "--no-wait"])
        .exits(3)
        .says("host down: unreachable");
    assert_eq!(fleet.yard.sessions(), ["x"]);
    fleet.gtctl(&["apply", "--on", "here"]).exits(0);
    fleet
        .gtctl(&["stop", "nobody"])
        .exits(1)
        .says("not declared");
    fleet
        .gtctl(&["status", "--on", "nowhere"])
        .exits(64)
        .says("the hosts are down, here");
    fleet
        .gtctl(&["forecast", "--on", "down"])
        .exits(64)
        .says("this host alone");
}

#[test]
fn an_edit_that_was_made_there_is_not_overwritten() {
    let fleet = Fleet::of(&["good"]);
    let there = format!("hosts/good/gtctl/{}/town.toml", fleet.yard.town);
    let before = fleet.gtctl(&["diff"]);
    assert_eq!(before.code, Some(2), "{before:?}");
    before.says("it has no manifest yet");
    assert_eq!(fleet.yard.read(&there), "");
    fleet.gtctl(&["apply", "--no-wait"]).exits(0);
    assert_eq!(fleet.yard.read(&there), fleet.yard.read("town.toml"));
    let edited = fleet.yard.read(&there) + "# by hand\n";
    fleet.yard.write(&there, &edited);
    let text = fleet.yard.read("town.toml") + "# here\n";
    fleet.yard.write_manifest(&text);
    fleet.gtctl(&["hosts"]).says("edited there");
    fleet
        .gtctl(&["apply", "--no-wait"])
        .exits(1)
        .says("was edited there")
        .says("gtctl hosts push good");
    assert_eq!(fleet.yard.read(&there), edited);
    fleet.gtctl(&["hosts", "push", "good"]).exits(0);
    assert_eq!(fleet.yard.read(&there), text);
    fleet.yard.write_manifest(&(text + "# later\n"));
    fleet
        .gtctl(&["diff"])
        .says("replaces it unless it was edited");
    fleet.gtctl(&["hosts"]).says("earlier");
    fleet.gtctl(&["apply", "--no-wait"]).exits(0);
    fleet.gtctl(&["hosts"]).exits(0).says("same");
    fleet
        .gtctl(&["hosts", "setup", "good"])
        .says("ssh-copy-id good");
    fleet.gtctl(&["stop", "x-good", "x"]).exits(0);
}

#[test]
fn events_of_all_hosts_come_as_one_stream() {
    let fleet = Fleet::of(&["good", "down"]);
    fleet.gtctl(&["apply", "--on", "here,good"]).exits(0);
    let follow = fleet.start(&["events", "-F", "-o", "json", "--last", "0"]);
    let lines = fleet.start(&["events", "-F", "x-good"]);
    fleet.yard.until("the host that is down to be told of", || {
        follow.said().contains("host down was not reached")
    });
    fleet.gtctl(&["stop", "x", "x-good"]).exits(0);
    fleet.yard.until("events of both hosts", || {
        let said = follow.said();
        let has = |host: &str, session: &str| {
            said.lines().any(|line| {
                let event: Value = serde_json::from_str(line).unwrap_or_default();
                event["host"] == host && event["session"] == session
            })
        };
        has("here", "x") && has("good", "x-good")
    });
    fleet.yard.until("a line for people", || {
        let said = lines.said();
        said.lines().any(|line| line.contains(" good  x-good "))
    });
    for running in [follow, lines] {
        running.signal(Signal::INT);
        running.end().exits(0);
    }
}

#[test]
fn down_and_up_are_of_all_hosts() {
    let fleet = Fleet::of(&["good"]);
    fleet.gtctl(&["apply"]).exits(0);
    let phases = || {
        let page = fleet.gtctl(&["status", "-o", "json"]).json();
        let rows = page["sessions"].as_array().unwrap().clone();
        let phase = |row: &Value| row["phase"].as_str().unwrap().to_owned();
        rows.iter().map(phase).collect::<Vec<_>>()
    };
    fleet.gtctl(&["down", "--yes"]).exits(0).says("host good");
    assert_eq!(phases(), ["stopped", "stopped"]);
    assert!(fleet.yard.sessions().is_empty());
    fleet.gtctl(&["up"]).exits(0);
    assert!(!phases().contains(&"stopped".to_owned()), "{:?}", phases());
    fleet.gtctl(&["down", "--yes"]).exits(0);
}

#[test]
fn at_a_terminal_a_mass_restart_of_a_host_is_asked_for() {
    let fleet = Fleet::of(&["good"]);
    let second = "[[session]]\nsession = \"y-good\"\nhost = \"good\"\n";
    let strict = "[defaults]\non_drift = \"restart\"";
    let text = fleet.yard.read("town.toml").replace("[defaults]", strict) + second;
    fleet.yard.write_manifest(&text);
    fleet.gtctl(&["apply"]).exits(0);
    fleet
        .yard
        .write_manifest(&text.replace("\"1000\"", "\"1001\""));
    let mut command = fleet.yard.command("script");
    fleet.equip(&mut command);
    let apply = format!(
        "{} -f {} apply",
        env!("CARGO_BIN_EXE_gtctl"),
        fleet.yard.at("town.toml").display()
    );
    command
        .args(["-qefc", &apply])
        .arg(fleet.yard.at("page"))
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    fleet.yard.until("the question", || {
        fleet
            .yard
            .read("page")
            .contains("Restart 2 of 2 on good? [y/N]")
    });
    stdin.write_all(b"n\n").unwrap();
    assert!(!child.wait().unwrap().success());
    let page = fleet.yard.read("page");
    assert!(page.contains("Nothing was done"), "{page}");
    fleet.gtctl(&["down", "--yes"]).exits(0);
}

#[test]
fn a_shared_connection_that_is_dead_is_made_anew() {
    let fleet = Fleet::of(&["stale", "lost"]);
    for host in ["stale", "lost"] {
        let only = ["status", "--on", host];
        // It has no manifest, but it answers.
        fleet.gtctl(&only).exits(1).says("no manifest there yet");
        let socket = fleet.socket();
        assert!(socket.starts_with(fleet.yard.at("run").to_str().unwrap()));
        fs::write(&socket, "").unwrap();
        fs::remove_file(fleet.yard.at("calls")).unwrap();
        fleet.gtctl(&only).exits(1).says("no manifest there yet");
        assert!(!fs::exists(&socket).unwrap(), "{host}: it was forgotten");
        fs::remove_file(fleet.yard.at("calls")).unwrap();
    }
}

#[test]
fn without_hosts_nothing_is_asked_and_nothing_is_new() {
    let fleet = Fleet::of(&[]);
    fleet
        .yard
        .declare("[[session]]\nsession = \"x\"\ndir = \"/\"\ncommand = [\"sleep\", \"1000\"]\n");
    let verbs: [&[&str]; 4] = [&["apply"], &["status"], &["diff"], &["stop", "x"]];
    for verb in verbs {
        fleet.gtctl(verb).exits(0);
    }
    fleet.gtctl(&["hosts"]).exits(1).says("has no [hosts]");
    let is_there = |path: &str| fs::exists(fleet.yard.at(path)).unwrap();
    assert!(!is_there("calls") && !is_there("run/gtctl-ssh"));
    assert!(!fs::exists(fleet.yard.state().join("hosts.json")).unwrap());
    let strace = "/usr/bin/strace";
    if !fs::exists(strace).unwrap() {
        eprintln!("SKIPPED, LOUDLY: there is no strace, so no system call was watched");
        return;
    }
    let calls_of_status = || {
        let mut command = fleet.yard.command(strace);
        let calls = fleet.yard.at("syscalls");
        command
            .args(["-f", "-qq", "-e", "trace=process,socket,openat,mkdir", "-o"])
            .arg(&calls)
            .arg(env!("CARGO_BIN_EXE_gtctl"))
            .args(["status"]);
        fleet.yard.running(command).end().exits(0);
        fs::read_to_string(calls).unwrap()
    };
    let calls = calls_of_status();
    for word in ["/ssh\"", "gtctl-ssh", "hosts.json", "host.toml", "AF_INET"] {
        assert!(!calls.contains(word), "{word}: {calls}");
    }
    // What may hang is read on other threads: the folders above, the manifest and the state
    // directory. Hosts would need more.
    let threads = calls.lines().filter(|line| line.contains("CLONE_THREAD"));
    assert!(threads.count() <= 3, "{calls}");

    // Nor has its controller the thread of a fleet, or a guard.
    let controller = fleet.start(&["reconcile", "--watch"]);
    fleet
        .yard
        .until("the controller", || controller.listens_for_term());
    let threads = fs::read_dir(format!("/proc/{}/task", controller.id().pid)).unwrap();
    let names = threads.map(|thread| fs::read_to_string(thread.unwrap().path().join("comm")));
    let names: Vec<String> = names.map_while(Result::ok).collect();
    assert!(
        !names.iter().any(|name| name.trim() == "fleet"),
        "{names:?}"
    );
    assert!(!fs::exists(fleet.yard.state().join("guard.lock")).unwrap());
    // Linux takes long to list its locks, and beside this controller there is no other.
    let calls = calls_of_status();
    assert!(!calls.contains("/proc/locks"), "{calls}");
    controller.signal(gtctl::proc::signal::Signal::TERM);
    controller.end().exits(0);
}
