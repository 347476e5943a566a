//! When the tmux server fails, or its socket.

use super::ground::{ANSWER, Ground, Ran};
use super::{Kind, full, sample};
use crate::harness::TMUX;
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

pub(super) const KINDS: &[Kind] = &[
    full(
        "server-frozen-under-a-watch",
        "nothing is doubled, and a death meanwhile is mended afterwards",
        frozen,
    ),
    sample(
        "server-killed",
        "both sessions are back on one new server",
        killed,
    ),
    full(
        "server-killed-under-a-watch",
        "both sessions are back on one new server",
        killed_under_a_watch,
    ),
    full(
        "kill-server-by-hand",
        "both sessions are back on one new server",
        kill_server,
    ),
    full(
        "server-terminated",
        "both sessions are back on one new server",
        terminated,
    ),
    full(
        "socket-removed-under-a-watch",
        "the server makes it anew and a death meanwhile is mended",
        socket_removed,
    ),
    full(
        "socket-mode-000",
        "nothing running is touched",
        socket_closed,
    ),
    full(
        "socket-of-another-user",
        "nothing is started beside it, exit 1",
        other_user,
    ),
    full(
        "socket-replaced-by-a-file",
        "no second server; all as before once it is away",
        socket_a_file,
    ),
    full(
        "socket-replaced-by-a-directory",
        "no second server; all as before once it is away",
        socket_a_directory,
    ),
    sample(
        "second-server-on-the-same-path",
        "no session is doubled",
        usurped,
    ),
    full(
        "server-out-of-descriptors",
        "nothing running is touched; mended when there are some again",
        no_descriptors,
    ),
    full(
        "server-cannot-fork",
        "a start fails and is told; mended when it can fork again",
        cannot_fork,
    ),
    full(
        "pty-exhausted",
        "a start fails and is told; what runs is untouched",
        no_ptys,
    ),
    full(
        "three-hundred-strangers",
        "none of them is touched, and diff takes less than two seconds",
        crowd,
    ),
];

fn frozen() -> Ran {
    let ground = Ground::new();
    let watch = ground.watch();
    let server = ground.yard.server().unwrap();
    signal(server, Signal::STOP);
    signal(ground.one, Signal::KILL);
    ground
        .yard
        .until("the word", || watch.0.said().contains("unknown"));
    signal(server, Signal::CONT);
    ground.yard.fresh("one", Some(ground.one));
    ground.is_healed();
    assert_eq!(
        (ground.yard.server(), ground.yard.pid("two")),
        (Some(server), ground.two)
    );
    watch.ends();
    Ran::Held
}

/// The strangers went with their server.
fn reborn(ground: &mut Ground, heal: impl Fn(&Ground)) {
    let former = ground.yard.server();
    ground.stranger = process::identify(std::process::id()).unwrap();
    heal(ground);
    assert!(ground.yard.server().is_some() && ground.yard.server() != former);
    assert_eq!(ground.yard.sessions(), ["one", "two"]);
}

fn killed() -> Ran {
    let mut ground = Ground::new();
    let server = ground.yard.server().unwrap();
    reborn(&mut ground, |ground| {
        ground.yard.kill(server);
        ground.heals();
    });
    Ran::Held
}

fn killed_under_a_watch() -> Ran {
    let mut ground = Ground::new();
    let watch = ground.watch();
    let server = ground.yard.server().unwrap();
    reborn(&mut ground, |ground| {
        ground.yard.kill(server);
        ground.is_healed();
    });
    watch.ends();
    Ran::Held
}

fn kill_server() -> Ran {
    let mut ground = Ground::new();
    reborn(&mut ground, |ground| {
        ground.yard.tmux(&["kill-server"]);
        ground.heals();
    });
    Ran::Held
}

fn terminated() -> Ran {
    let mut ground = Ground::new();
    let server = ground.yard.server().unwrap();
    reborn(&mut ground, |ground| {
        signal(server, Signal::TERM);
        ground.yard.until("the end", || !process::may_live(server));
        ground.heals();
    });
    Ran::Held
}

fn socket_removed() -> Ran {
    let ground = Ground::new();
    let server = ground.yard.server();
    let watch = ground.watch();
    fs::remove_file(ground.yard.socket()).unwrap();
    signal(ground.one, Signal::KILL);
    ground.yard.fresh("one", Some(ground.one));
    ground.is_healed();
    assert_eq!(
        (ground.yard.server(), ground.yard.pid("two")),
        (server, ground.two)
    );
    watch.ends();
    Ran::Held
}

fn socket_closed() -> Ran {
    let ground = Ground::new();
    fs::set_permissions(ground.yard.socket(), fs::Permissions::from_mode(0o0)).unwrap();
    ground.yard.gtctl(&["reconcile"]);
    ground.is_untouched();
    fs::set_permissions(ground.yard.socket(), fs::Permissions::from_mode(0o700)).unwrap();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

fn other_user() -> Ran {
    let ground = Ground::new();
    let state = ground.yard.at("theirs");
    fs::create_dir(&state).unwrap();
    if std::os::unix::fs::chown(&state, Some(65534), Some(65534)).is_err() {
        return Ran::Skipped("not root: there is no other user to be");
    }
    let mut command = ground.yard.command("setpriv");
    command.args([
        "--reuid",
        "65534",
        "--regid",
        "65534",
        "--clear-groups",
        env!("CARGO_BIN_EXE_gtctl"),
    ]);
    command.args(["--state-dir", state.to_str().unwrap(), "reconcile"]);
    let said = ground.yard.running(command).end();
    if said.err.contains("setpriv") {
        return Ran::Skipped("no other user may be become");
    }
    said.exits(1).says("may not be used");
    ground.is_untouched();
    ground.heals();
    ground.is_untouched();
    Ran::Held
}

/// What stands on the socket's path while the server lives.
fn in_the_way(ground: &Ground, put: impl Fn(), remove: impl Fn()) {
    let server = ground.yard.server();
    fs::remove_file(ground.yard.socket()).unwrap();
    put();
    for verb in ["reconcile", "apply"] {
        let said = ground.yard.gtctl(&[verb]);
        assert!(said.took < ANSWER, "{said:?}");
        ground.is_untouched();
    }
    remove();
    ground.heals();
    ground.is_untouched();
    assert_eq!(ground.yard.server(), server);
}

fn socket_a_file() -> Ran {
    let ground = Ground::new();
    let path = ground.yard.socket();
    in_the_way(
        &ground,
        || fs::write(&path, "").unwrap(),
        || drop(fs::remove_file(&path)),
    );
    Ran::Held
}

fn socket_a_directory() -> Ran {
    let ground = Ground::new();
    let path = ground.yard.socket();
    in_the_way(
        &ground,
        || fs::create_dir(&path).unwrap(),
        || drop(fs::remove_dir(&path)),
    );
    Ran::Held
}

fn usurped() -> Ran {
    let ground = Ground::new();
    let former = ground.yard.server().unwrap();
    fs::remove_file(ground.yard.socket()).unwrap();
    ground
        .yard
        .tmux(&["new-session", "-d", "-s", "usurper", "sleep", "1000"]);
    let usurper = ground
        .yard
        .format("usurper", "#{pid}")
        .parse()
        .ok()
        .and_then(process::identify)
        .unwrap();
    ground.yard.own(former);
    ground.yard.own(usurper);
    for _ in 0..3 {
        ground.yard.gtctl(&["reconcile"]);
        for session in ["one", "two"] {
            let marked = ground.yard.marked(session);
            assert_eq!(marked.len(), 1, "{session} is doubled: {marked:?}");
        }
    }
    assert!(process::may_live(ground.stranger));
    Ran::Held
}

fn limit(pid: u32, what: &str) {
    let done = Command::new("prlimit")
        .args(["--pid", &pid.to_string(), what])
        .status()
        .unwrap();
    assert!(done.success());
}

fn no_descriptors() -> Ran {
    let ground = Ground::new();
    let server = ground.yard.server().unwrap();
    let open = fs::read_dir(format!("/proc/{}/fd", server.pid))
        .unwrap()
        .count();
    let before = fs::read_to_string(format!("/proc/{}/limits", server.pid)).unwrap();
    let line = before
        .lines()
        .find(|line| line.starts_with("Max open files"))
        .unwrap();
    let soft = line.split_whitespace().nth(3).unwrap().to_owned();
    signal(ground.one, Signal::KILL);
    limit(server.pid, &format!("--nofile={open}:"));
    let said = ground.yard.gtctl(&["reconcile"]);
    assert!(said.took < ANSWER, "{said:?}");
    assert!(process::may_live(ground.two) && process::may_live(ground.stranger));
    limit(server.pid, &format!("--nofile={soft}:"));
    ground.heals();
    assert_eq!(
        (ground.yard.server(), ground.yard.pid("two")),
        (Some(server), ground.two)
    );
    Ran::Held
}

fn cannot_fork() -> Ran {
    let strace = "/usr/bin/strace";
    if !fs::exists(strace).unwrap() {
        return Ran::Skipped("there is no strace");
    }
    let ground = Ground::new();
    let server = ground.yard.server().unwrap();
    ground.yard.tmux(&["kill-session", "-t", "=one"]);
    let mut command = ground.yard.command(strace);
    let inject = "inject=clone,clone3,fork,vfork:error=EAGAIN";
    command.args([
        "-qq",
        "-o",
        "/dev/null",
        "-e",
        inject,
        "-p",
        &server.pid.to_string(),
    ]);
    let tracer = ground.yard.running(command);
    let is_held = || {
        let status = fs::read_to_string(format!("/proc/{}/status", server.pid)).unwrap();
        status
            .lines()
            .any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    };
    ground.yard.until("the tracer", is_held);
    let said = ground.yard.gtctl(&["reconcile"]);
    assert_ne!(said.code, Some(0), "{said:?}");
    assert!(ground.yard.process("one").is_none());
    tracer.signal(Signal::TERM);
    tracer.end();
    ground.yard.until("the tracer's end", || !is_held());
    ground.heals();
    assert_eq!(
        (ground.yard.server(), ground.yard.pid("two")),
        (Some(server), ground.two)
    );
    Ran::Held
}

fn no_ptys() -> Ran {
    let yard = crate::harness::Yard::new(&super::ground::manifest(""));
    let pts = yard.at("pts");
    fs::create_dir(&pts).unwrap();
    // A server of its own devpts, with room for the first session only.
    let script = "mount -t devpts -o newinstance,max=1,ptmxmode=666 devpts \"$1\" && mount --bind \"$1\" /dev/pts \
                  && mount --bind /dev/pts/ptmx /dev/ptmx || exit 77; \
                  exec \"$2\" -f /dev/null -S \"$3\" new-session -d -s first sleep 1000";
    let mut command = yard.command("unshare");
    let (pts, socket) = (pts.to_str().unwrap().to_owned(), yard.socket());
    command.args([
        "-m",
        "sh",
        "-c",
        script,
        "sh",
        &pts,
        &TMUX,
        socket.to_str().unwrap(),
    ]);
    let said = yard.running(command).end();
    if said.code == Some(77) || said.err.contains("unshare") {
        return Ran::Skipped("nothing may be mounted here");
    }
    let first = yard.pid("first");
    for _ in 0..2 {
        let said = yard.gtctl(&["reconcile"]).exits(3);
        assert!(
            said.out.contains("one") && !said.out.contains("started    one"),
            "{said:?}"
        );
        assert_eq!(yard.sessions(), ["first"]);
    }
    assert_eq!(yard.pid("first"), first);
    // Room for one of the two.
    yard.tmux(&["set-option", "-s", "exit-empty", "off"]);
    yard.tmux(&["kill-session", "-t", "=first"]);
    yard.until("one of them", || {
        yard.gtctl(&["reconcile"]);
        yard.sessions().len() == 1
    });
    Ran::Held
}

fn crowd() -> Ran {
    let ground = Ground::new();
    let line = |n: u32| format!("new-session -d -s crowd-{n} 'exec sleep 1000'\n");
    let script: String = (0..300).map(line).collect();
    ground.yard.write("crowd", &script);
    ground
        .yard
        .tmux(&["source-file", ground.yard.at("crowd").to_str().unwrap()]);
    ground
        .yard
        .until("the crowd", || ground.yard.sessions().len() == 303);
    let said = ground.yard.gtctl(&["diff"]).exits(0);
    assert!(said.took.as_secs() < 2, "{:?}", said.took);
    ground.yard.kill(ground.one);
    ground.heals();
    assert_eq!(ground.yard.sessions().len(), 303);
    Ran::Held
}
