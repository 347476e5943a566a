//! A town on two real hosts: two sshd on the loopback, each with its own home and tmux server. The
//! script that users can run does it, `examples/hosts/run`.

use crate::harness::{Said, Yard};
use std::path::Path;

/// Runs the example. None where this machine has no sshd.
fn on_two_hosts(yard: &Yard, commands: Option<&str>) -> Option<Said> {
    let has_sshd = ["/usr/sbin/sshd", "/usr/bin/sshd"]
        .iter()
        .any(|path| Path::new(path).exists());
    if !has_sshd {
        eprintln!("SKIPPED, LOUDLY: there is no sshd (apt-get install openssh-server)");
        return None;
    }
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/hosts/run");
    let mut command = yard.command(example);
    command.env("GTCTL", env!("CARGO_BIN_EXE_gtctl"));
    if let Some(commands) = commands {
        command.args(["bash", "-uc", commands]);
    }
    Some(yard.running(command).end())
}

#[test]
fn the_example_shows_a_town_on_two_hosts() {
    let yard = Yard::new("");
    let Some(said) = on_two_hosts(&yard, None) else {
        return;
    };
    let said = said.exits(0).says("2 sessions on 2 hosts");
    let (before, after) = said.out.split_once("# host b is gone").unwrap();
    assert!(before.contains("I am on /tmp/gthosts."), "{before}");
    assert!(before.contains("stopped    worker"), "{before}");
    assert!(after.contains("worker  unknown"), "{after}");
    assert!(
        after.contains("mayor   working") || after.contains("mayor   idle"),
        "{after}"
    );
    assert!(after.contains("1 not reached"), "{after}");
}

/// What is done on the two hosts, each with a word of its own before what it says.
const STEPS: &str = r#"
say() { echo "[$1]"; shift; "$@"; echo "[exit $?]"; }
say apply gtctl apply
say status gtctl status -o json
say explain gtctl explain worker
say logs gtctl logs worker
say events gtctl events worker
say nudge gtctl nudge worker hello --timeout 1s
say restart gtctl restart worker mayor
say verify gtctl verify
say wait gtctl wait worker --for ready
say doctor gtctl doctor --on b
say attach script -qec 'timeout --foreground 3 gtctl attach worker' /dev/null
master=$(for s in "$PLACE"/run/gtctl-ssh/*; do ssh -F "$PLACE/config" -o ControlPath="$s" -O check a 2>&1; done |
  sed -n 's/.*pid=\([0-9]*\).*/\1/p')
kill -STOP $master
say stopped-masters gtctl status
kill -CONT $master
kill $master
say pause gtctl pause
say paused gtctl status
say resume gtctl resume
"#;

#[test]
fn every_verb_reaches_the_host_of_its_session() {
    let yard = Yard::new("");
    let Some(said) = on_two_hosts(&yard, Some(STEPS)) else {
        return;
    };
    let step = |name: &str| -> (String, String) {
        let (_, rest) = said
            .out
            .split_once(&format!("[{name}]\n"))
            .unwrap_or_else(|| panic!("no {name} in {said:?}"));
        let (text, exit) = rest.split_once("[exit ").unwrap();
        let code = exit.split(']').next().unwrap();
        (text.to_owned(), code.to_owned())
    };
    let expected = [
        ("apply", "0", "started    worker"),
        ("status", "0", "\"host\": \"b\""),
        ("explain", "0", "worker"),
        ("logs", "0", "/b\n"),
        ("events", "0", "worker started"),
        ("restart", "0", "host a:"),
        ("verify", "0", "worker"),
        ("wait", "0", "worker"),
        ("attach", "124", "I am on /tmp/gthosts."),
        ("stopped-masters", "0", "2 sessions on 2 hosts"),
        ("pause", "0", "paused"),
        ("paused", "0", "host b · paused"),
        ("resume", "0", "resumed"),
    ];
    for (name, code, text) in expected {
        let (found, exit) = step(name);
        assert!(
            exit == code && found.contains(text),
            "{name} {exit}: {found}\n{said:?}"
        );
    }
    let (text, _) = step("nudge");
    assert!(!text.contains("not declared"), "{text}");
}
