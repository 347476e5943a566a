//! A fleet of three hosts with a real etcd. The script that people can run does it, `trial.py`; it
//! says SKIPPED where this machine has no etcd or refuses namespaces.

mod guard;

use std::process::Command;

/// Runs one case of the trial, or one row of its table.
fn trial(case: &[&str]) {
    let script = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/gtctl/hosts_etcd/trial.py"
    );
    let output = Command::new("python3")
        .args([script, env!("CARGO_BIN_EXE_gtctl")])
        .args(case)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let faults = String::from_utf8_lossy(&output.stderr).into_owned();
    eprintln!("{said}");
    assert!(output.status.success(), "{said}\n{faults}");
    assert!(
        ["never two lives at once", "as it must be", "SKIPPED"]
            .iter()
            .any(|word| said.contains(word)),
        "{said}"
    );
}

#[test]
fn a_host_dies_and_its_sessions_live_elsewhere() {
    trial(&["killed"]);
}

#[test]
fn a_controller_hangs_and_its_guard_ends_what_can_move() {
    trial(&["stopped"]);
}

#[test]
fn the_store_is_lost_and_nothing_is_started_on_doubt() {
    trial(&["quorum"]);
}

#[test]
fn a_controller_starts_again_and_no_session_notices() {
    trial(&["restart"]);
}

#[test]
fn a_host_is_drained_and_a_session_is_asked_from_afar() {
    trial(&["verbs"]);
}

#[test]
fn a_host_is_cut_off_and_comes_back() {
    trial(&["--table", "6a"]);
}
