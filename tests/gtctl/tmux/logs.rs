//! The output of panes, kept by the real sink on a real tmux, and followed.

use crate::harness::{QUICK, Scratch, TestServer, Yard, name, session, until};
use gtctl::model::{
    Fingerprint, Generation, Marker, Moment, Origin, Target, Verdict, WhenAttached, Whose,
};
use gtctl::proc::clock;
use gtctl::screen::output::{Matcher, Watch};
use gtctl::store::{Follower, From, Gap};
use gtctl::tmux::fence::Pane;
use gtctl::tmux::ops::{self, Labels, SessionLaunch};
use gtctl::tmux::pipe::pipe_command;
use gtctl::tmux::script::{Batch, NoServer, Reply};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};

const EXE: &str = env!("CARGO_BIN_EXE_gtctl");

fn launch(tmux: &TestServer, generation: u64, script: &str, pipe: Option<String>) -> SessionLaunch {
    SessionLaunch {
        name: name("one"),
        dir: tmux.dir().to_owned(),
        argv: ["/bin/sh", "-c", script].map(str::to_owned).into(),
        env: [].into(),
        marker: [("GTCTL_TOWN".to_owned(), tmux.town.name.to_string())].into(),
        labels: Labels {
            town: tmux.town.name.clone(),
            session: name("one"),
            generation: Generation(generation),
            started: clock::now(),
            fingerprint: Fingerprint {
                command: 1,
                dir: 2,
                env: 3,
            },
            handoff: None,
            origin: Origin::Started,
            conversation: None,
        },
        pipe,
    }
}

async fn create(tmux: &TestServer, launch: &SessionLaunch) -> Target {
    let mut batch = Batch::default();
    batch.push(|tag| ops::create(tag, launch, None));
    let reply = batch.run(&tmux.client, NoServer::Start).await.remove(0);
    assert!(matches!(reply, Reply::Ok { .. }), "{reply:?}");
    Target {
        server: tmux.server().unwrap(),
        session: tmux.format("=one:", "#{session_id}").parse().unwrap(),
        pane: tmux.format("=one:", "#{pane_id}").parse().unwrap(),
        generation: Some(launch.labels.generation),
        whose: Some(Whose {
            town: launch.labels.town.clone(),
            session: launch.labels.session.clone(),
        }),
        process: None,
        attached: WhenAttached::Hold,
    }
}

fn read(path: impl AsRef<Path>) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

#[tokio::test]
async fn every_life_has_its_log_whatever_the_path_is() {
    let tmux = TestServer::with_config("");
    let nasty = tmux
        .dir()
        .join("l #(touch pwned) #{pid} ##[x #[y] $HOME `id` ;%H%% ~ é'\"\\\n\u{7f}");
    fs::create_dir(&nasty).unwrap();
    let exe = nasty.join("gtctl");
    fs::hard_link(EXE, &exe)
        .or_else(|_| fs::copy(EXE, &exe).map(|_| ()))
        .unwrap();
    let logs = nasty.join("logs");
    let pipe = |generation| {
        Some(pipe_command(
            &exe,
            &logs,
            Generation(generation),
            1 << 20,
            3,
        ))
    };
    let target = create(
        &tmux,
        &launch(&tmux, 7, "echo first; exec sleep 1000", pipe(7)),
    )
    .await;
    until("the first log", || {
        read(logs.join("7.log")).contains("first")
    });
    assert_eq!(tmux.format("=one:", "#{pane_pipe}"), "1");

    let next = launch(&tmux, 8, "echo second; exec sleep 1000", pipe(8));
    let reply = Batch::run_one(&tmux.client, |tag| {
        ops::respawn(tag, &target, &next, "", Pane::Present)
    })
    .await;
    assert!(matches!(reply, Reply::Ok { .. }), "{reply:?}");
    until("the second log", || {
        read(logs.join("latest.log")).contains("second")
    });
    assert!(!read(logs.join("7.log")).contains("second"));
    assert_eq!(tmux.format("=one:", "#{pane_pipe}"), "1");

    let target = Target {
        generation: Some(Generation(8)),
        ..target
    };
    let again = pipe_command(&exe, &logs, Generation(9), 10, 1);
    let reply = Batch::run_one(&tmux.client, |tag| ops::pipe(tag, &target, &again)).await;
    assert!(
        matches!(&reply, Reply::Ok { fields, .. } if fields == "1"),
        "{reply:?}"
    );
    until("a log from now on", || logs.join("9.log").exists());
    let strays = |dir: &Path| {
        fs::read_dir(dir)
            .unwrap()
            .any(|e| e.unwrap().file_name() == "pwned")
    };
    assert!(
        ![tmux.dir(), &nasty, Path::new("/"), Path::new(".")]
            .into_iter()
            .any(strays)
    );
}

#[tokio::test]
async fn without_a_pipe_none_is_opened() {
    let tmux = TestServer::with_config("");
    create(&tmux, &launch(&tmux, 7, "exec sleep 1000", None)).await;
    assert_eq!(tmux.format("=one:", "#{pane_pipe}"), "0");
}

#[tokio::test]
async fn a_flood_leaves_the_newest_output_and_is_searched_to_its_end() {
    let tmux = TestServer::with_config("");
    let logs = tmux.dir().join("logs");
    let pipe = Some(pipe_command(
        Path::new(EXE),
        &logs,
        Generation(7),
        1 << 20,
        3,
    ));
    let flood = "yes 'a line of a flood, with some words in it' | head -c 12000000; \
                 printf '\\033[1mAgent \\033[32mcompleted\\033[C\\033[0msuccessfully\\n'; exec sleep 1000";
    create(&tmux, &launch(&tmux, 7, flood, pipe)).await;
    let mut follower = Follower::new(logs.join("7.log"), From::Beginning);
    let markers = [Marker::Text("Agent completed successfully".into())];
    let mut watch = Watch::new(Matcher::new(&markers, &[]), 200, 0);
    until("the marker", || {
        let new = follower.read_new(4 << 20).unwrap();
        watch.feed(&new.bytes, clock::now());
        watch.standing().is_some()
    });
    let sizes: Vec<u64> = ["7.log", "7.log.1", "7.log.2"]
        .map(|f| fs::metadata(logs.join(f)).unwrap().len())
        .into();
    assert!(sizes.iter().all(|size| *size <= 1 << 20), "{sizes:?}");
    assert_eq!(fs::read_dir(&logs).unwrap().count(), 5);
}

/// A sink of this test's own.
fn sink(logs: &Path, size: u64, files: u32, prefix: &str) -> (Child, ChildStdin) {
    let command = pipe_command(Path::new(EXE), logs, Generation(7), size, files);
    let mut child = Command::new("sh")
        .arg("-c")
        .arg(format!("{prefix} {command}"))
        .stdin(Stdio::piped())
        .spawn()
        .unwrap();
    let input = child.stdin.take().unwrap();
    (child, input)
}

#[test]
fn hangup_and_interrupt_do_not_end_it_and_the_end_of_input_does() {
    use gtctl::proc::{process, signal};
    let scratch = Scratch::new();
    let (mut child, mut input) = sink(scratch.path(), 1 << 20, 2, "");
    until("its start", || scratch.path().join("latest.log").exists());
    let id = process::identify(child.id()).unwrap();
    for signal in [signal::Signal::HUP, signal::Signal::INT] {
        signal::signal(id, signal);
    }
    input.write_all(b"still here\n").unwrap();
    until("the line", || {
        read(scratch.path().join("7.log")) == "still here\n"
    });
    drop(input);
    assert!(child.wait().unwrap().success());
}

#[test]
fn a_limit_on_files_and_a_full_disk_lose_output_and_nothing_else() {
    let scratch = Scratch::new();
    let (mut child, mut input) = sink(scratch.path(), 1 << 20, 2, "ulimit -f 8;");
    for n in 0..2000 {
        writeln!(input, "line {n} of those that do not fit into a small file").unwrap();
    }
    drop(input);
    assert!(child.wait().unwrap().success());
    assert!(
        read(scratch.path().join("7.log")).contains("line 1999 "),
        "rotated before its time"
    );

    let small = scratch.path().join("small");
    fs::create_dir(&small).unwrap();
    let mount = Command::new("mount")
        .args(["-t", "tmpfs", "-o", "size=64k", "tmpfs"])
        .arg(&small)
        .status();
    if !mount.is_ok_and(|status| status.success()) {
        eprintln!("SKIPPED: no tmpfs can be mounted here");
        return;
    }
    let mounted = Mounted(small);
    let filler = mounted.0.join("filler");
    let (mut child, mut input) = sink(&mounted.0.join("logs"), 1 << 20, 2, "");
    until("its start", || mounted.0.join("logs/latest.log").exists());
    fs::write(&filler, vec![0; 32 << 10]).unwrap();
    input.write_all(&vec![b'x'; 512 << 10]).unwrap();
    input.write_all(b"\nthe disk is full by now\n").unwrap();
    until("a full disk", || {
        fs::metadata(mounted.0.join("logs/7.log")).is_ok_and(|m| m.len() > 20 << 10)
    });
    std::thread::sleep(std::time::Duration::from_millis(50));
    fs::remove_file(&filler).unwrap();
    until("a note", || {
        input.write_all(b"there is space again\n").unwrap();
        read(mounted.0.join("logs/7.log"))
            .contains("bytes of output are missing here: No space left")
    });
    drop(input);
    assert!(child.wait().unwrap().success());
    assert!(read(mounted.0.join("logs/7.log")).ends_with("there is space again\n"));
}

struct Mounted(PathBuf);

impl Drop for Mounted {
    fn drop(&mut self) {
        drop(Command::new("umount").arg("-l").arg(&self.0).status());
    }
}

/// Run with `--ignored --nocapture`: what one sink costs, and how fast it is.
#[test]
#[ignore = "a measurement"]
fn what_a_sink_costs() {
    let scratch = Scratch::new();
    let (mut child, mut input) = sink(scratch.path(), 10 << 20, 5, "");
    let chunk = vec![b'x'; 1 << 20];
    let start = std::time::Instant::now();
    for _ in 0..500 {
        input.write_all(&chunk).unwrap();
    }
    let rate = 500.0 / start.elapsed().as_secs_f64();
    let smaps = read(format!("/proc/{}/smaps_rollup", child.id()));
    println!("{rate:.0} MiB/s\n{smaps}");
    drop(input);
    child.wait().unwrap();
}

#[test]
fn a_followed_log_that_is_cut_replaced_or_no_file_spoils_no_marker() {
    let scratch = Scratch::new();
    let path = scratch.path().join("run.log");
    let now = Moment {
        wall: 0,
        awake: 0,
        boot: 0,
    };
    let error = r#"{"type":"result","subtype":"success","is_error":true}"#;
    let success = r#"{"type":"result","subtype":"success","is_error":false}"#;
    let mut watch = Watch::new(
        Matcher::new(&[Marker::Text("\"subtype\":\"success\"".into())], &[]),
        80,
        0,
    );
    fs::write(&path, format!("{success}\n")).unwrap();
    let mut follower = Follower::new(&path, From::End);
    let mut look = |follower: &mut Follower| {
        let new = follower.read_new(1 << 20).unwrap();
        if new.gap.is_some() {
            watch.skip_to(0);
        }
        watch.feed(&new.bytes, now);
        (new.gap, watch.standing().map(|s| s.sighting.verdict))
    };
    assert_eq!(look(&mut follower), (None, None), "a former life's");
    fs::write(&path, format!("{error}\n")).unwrap();
    assert_eq!(
        look(&mut follower),
        (Some(Gap::Truncated), Some(Verdict::Failed))
    );
    fs::remove_file(&path).unwrap();
    assert!(
        Command::new("mkfifo")
            .arg(&path)
            .status()
            .unwrap()
            .success()
    );
    assert!(follower.read_new(10).is_err());
    fs::remove_file(&path).unwrap();
    fs::write(&path, format!("going on\n{success}\n")).unwrap();
    assert_eq!(look(&mut follower).0, Some(Gap::Replaced));
}

#[test]
fn output_since_a_time_is_printed_and_older_output_is_not() {
    let script = "echo first; sleep 12; echo second; exec sleep 100000";
    let yard = Yard::new(&format!("{QUICK}{}", session("one", script, "")));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("the second line", || {
        yard.gtctl(&["logs", "one"]).out.contains("second")
    });
    assert_eq!(
        yard.gtctl(&["logs", "one", "--since", "1s"]).exits(0).out,
        "second\n"
    );
    assert_eq!(
        yard.gtctl(&["logs", "one", "--since", "1h"]).exits(0).out,
        "first\nsecond\n"
    );
    yard.gtctl(&["logs", "one", "--since", "soon"]).exits(64);
}
