//! The controller as a service: it is removed again, and a new version takes over. Real tmux.

use crate::harness::{QUICK, Running, Yard, copy_program, of, sleeper};
use gtctl::proc::signal::Signal;
use std::fs;
use std::path::Path;

#[test]
fn a_service_is_stopped_and_removed_and_an_edited_one_is_kept() {
    let yard = Yard::new(&sleeper("one", ""));
    yard.shim("systemctl", "#!/bin/sh\necho \"$*\" >> \"$HOME/asked\"\n");
    let unit = yard
        .at("home/.config/systemd/user")
        .join(format!("gtctl-{}.service", yard.town));
    let uninstall = |flags: &[&str]| yard.gtctl(&[&["service", "uninstall"], flags].concat());
    uninstall(&[]).exits(0).says("nothing to do");
    yard.gtctl(&["service", "install"]).exits(0);
    let text = fs::read_to_string(&unit).unwrap();
    fs::write(&unit, text.replace("Restart=always", "Restart=no")).unwrap();
    uninstall(&[]).exits(1).says("was edited").says("--force");
    assert!(unit.exists());
    uninstall(&["--force"])
        .exits(0)
        .says("removed")
        .says("the sessions keep running");
    assert!(!unit.exists());
    let name = unit.file_name().unwrap().to_str().unwrap();
    let asked = yard.read("home/asked");
    assert_eq!(
        asked,
        format!("--user disable --now {name}\n--user daemon-reload\n")
    );
}

/// Starts a controller from a program file.
fn controller(yard: &Yard, program: &Path) -> Running {
    let mut command = yard.command(program.to_str().unwrap());
    command.args(["reconcile", "--watch"]);
    let mut controller = yard.running(command);
    yard.until("the controller to keep the town", || {
        assert!(controller.is_running(), "{}", controller.said());
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        page["controller"]["pid"] == controller.id().pid
    });
    controller
}

#[test]
fn a_new_version_over_the_old_one_takes_over_and_touches_no_session() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    let (installed, new) = (yard.at("gtctl"), yard.at("gtctl.new"));
    copy_program(env!("CARGO_BIN_EXE_gtctl"), &installed);
    let old = controller(&yard, &installed);
    let before = (yard.fresh("one", None), yard.fresh("two", None));
    // As package managers do: the new file takes the old one's name while the old one runs.
    copy_program(env!("CARGO_BIN_EXE_gtctl"), &new);
    fs::rename(&new, &installed).unwrap();
    yard.gtctl(&["diff"]).exits(0);
    old.signal(Signal::TERM);
    old.end().exits(0);
    let now = controller(&yard, &installed);
    assert_eq!((yard.pid("one"), yard.pid("two")), before);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    for session in ["one", "two"] {
        assert_eq!(of(&page, "sessions", session).unwrap()["restarts"], 0);
    }
    // It keeps the town: what ends is started again.
    yard.kill(before.0);
    yard.fresh("one", Some(before.0));
    now.signal(Signal::TERM);
    now.end().exits(0);
    assert_eq!(yard.pid("two"), before.1);
}
