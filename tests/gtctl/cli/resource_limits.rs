//! A process that is given little: few files, nowhere to write, nothing to read. It says so, and
//! never panics.

use crate::harness::{Yard, sleeper};
use std::process::Command;

/// What a shell says of `gtctl ARGS` after `before`, and its exit code.
fn through(yard: &Yard, before: &str, after: &str) -> (Option<i32>, String) {
    let mut shell: Command = yard.command("sh");
    let line = format!("{before}; exec {} {after}", env!("CARGO_BIN_EXE_gtctl"));
    let output = shell.args(["-c", &line]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned()
        + &String::from_utf8_lossy(&output.stderr);
    assert!(
        !said.contains("panicked") && !said.contains("backtrace"),
        "{line}: {said}"
    );
    (output.status.code(), said)
}

#[test]
fn with_few_files_it_says_so_and_with_more_it_works() {
    let yard = Yard::new(&sleeper("one", "ready_after = \"0s\""));
    yard.gtctl(&["apply"]).exits(0);
    for verb in [
        "status",
        "diff",
        "reconcile",
        "apply",
        "nudge one x",
        "reconcile --watch",
    ] {
        for files in [4, 6, 8, 10, 12, 16, 20] {
            let (code, said) = through(&yard, &format!("ulimit -n {files}"), verb);
            assert_eq!(code, Some(1), "{verb} with {files}: {said}");
            assert!(
                said.contains("files") && said.contains("ulimit -n 1024"),
                "{said}"
            );
        }
    }
    for verb in ["status", "diff", "reconcile", "apply"] {
        for files in 28..36 {
            let (code, said) = through(&yard, &format!("ulimit -n {files}"), verb);
            assert_eq!(code, Some(0), "{verb} with {files}: {said}");
        }
    }
}

#[test]
fn a_small_stack_ends_no_verb() {
    let yard = Yard::new(&sleeper("one", "ready_after = \"0s\""));
    yard.gtctl(&["apply"]).exits(0);
    for verb in [
        "status",
        "diff",
        "reconcile",
        "apply",
        "explain one",
        "events",
        "validate",
        "verify",
        "doctor",
    ] {
        let (code, said) = through(&yard, "ulimit -s 64", verb);
        assert_eq!(code, Some(0), "{verb}: {said}");
    }
}

#[test]
fn a_result_that_cannot_be_written_is_a_failure_and_a_reader_that_has_gone_is_none() {
    let yard = Yard::new(&sleeper("one", "ready_after = \"0s\""));
    yard.gtctl(&["apply"]).exits(0);
    for verb in [
        "status",
        "diff -o json",
        "explain one",
        "schema",
        "man",
        "--help",
        "--version",
    ] {
        let (code, said) = through(&yard, ":", &format!("{verb} >/dev/full"));
        assert_eq!(code, Some(1), "{verb}: {said}");
        for closed in ["<&-", ">&-", "<&- >&- 2>&-"] {
            assert_eq!(
                through(&yard, ":", &format!("{verb} {closed}")).0,
                Some(0),
                "{verb} {closed}"
            );
        }
    }
    let line = format!("{} status | :", env!("CARGO_BIN_EXE_gtctl"));
    let output = yard.command("sh").args(["-c", &line]).output().unwrap();
    assert!(
        output.stderr.is_empty(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn a_controller_goes_on_when_nobody_reads_what_it_says() {
    let yard = Yard::new(&format!(
        "[defaults]\nready_after = \"0s\"\nbackoff = {{ first = \"0s\", jitter = 0 }}\n{}",
        sleeper("one", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    for former in ["/dev/full", "its reader"] {
        let mut watch = yard.gtctl_command(&["reconcile", "--watch"]);
        let full = std::fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let mut child = if former == "/dev/full" {
            watch.stdout(full).spawn().unwrap()
        } else {
            let mut child = watch.stdout(std::process::Stdio::piped()).spawn().unwrap();
            drop(child.stdout.take());
            child
        };
        for _ in 0..2 {
            let process = yard.pid("one");
            yard.kill(process);
            yard.fresh("one", Some(process));
        }
        assert!(
            child.try_wait().unwrap().is_none(),
            "{former}: it has ended"
        );
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
