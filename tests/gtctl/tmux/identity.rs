//! Who is meant: a pid, a label, a pane and a name are believed only with a proof. On real tmux.

use crate::harness::{Yard, name, of, session, sleeper};
use gtctl::model::{Generation, ProcId};
use gtctl::proc::process;
use gtctl::store::{StateDir, View};
use std::fs;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Restarts at once, and never for its age.
const QUICK: &str = "[limits]\nstarts = 100000\n[defaults]\nmax_age = \"off\"\nready_after = \"100ms\"\n\
     stop_grace = \"2s\"\nhandoff_gap = \"0s\"\nbackoff = { first = \"100ms\", max = \"100ms\", jitter = 0.0, burst = 1000 }\n";

/// Starts an innocent process with exactly this pid. None where the kernel does not let us choose
/// (it takes root).
#[expect(clippy::zombie_processes, reason = "a zombie counts as gone")]
fn innocent(yard: &Yard, pid: u32) -> Option<ProcId> {
    for _ in 0..2000 {
        fs::write("/proc/sys/kernel/ns_last_pid", (pid - 1).to_string()).ok()?;
        let mut command = Command::new("setsid");
        let mut child = command
            .args(["sleep", "55555"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .unwrap();
        if child.id() == pid {
            let process = process::identify(pid);
            yard.own(process?);
            // Nobody waits for it: it is a zombie once it has ended, which counts as gone.
            return process;
        }
        child.kill().unwrap();
        child.wait().unwrap();
    }
    None
}

/// The pane of a session is dead, and an innocent process has its pid.
fn dead_with_a_reused_pid(entry: &str) -> Option<(Yard, ProcId)> {
    let yard = Yard::new(&format!("{QUICK}{}{entry}", sleeper("keep", "")));
    yard.gtctl(&["apply", "--no-wait"]);
    let agent = yard.pid("one");
    yard.write("go", "");
    yard.until("the end of the agent", || {
        yard.format("one", "#{pane_dead}") == "1"
    });
    let reused = innocent(&yard, agent.pid);
    if reused.is_none() {
        eprintln!("SKIPPED: the pid of a process cannot be chosen here");
    }
    Some((yard, reused?))
}

#[test]
fn nothing_that_a_person_or_the_plan_does_ends_who_has_the_pid_of_a_dead_pane_now() {
    let task = session(
        "one",
        "while [ ! -e go ]; do sleep 0.05; done",
        "restart = \"never\"\ncompletion = { grace = \"0s\" }\n",
    );
    let service = session(
        "one",
        "while [ ! -e go ]; do sleep 0.05; done; rm go; exit 3",
        "",
    );
    let verbs: [(&str, &[&str]); 5] = [
        (&task, &["stop", "one", "--no-wait"]),
        (&task, &["restart", "one", "--no-wait"]),
        (&task, &["expire"]),
        (&service, &["reconcile"]),
        (&service, &["restart", "one", "--no-wait"]),
    ];
    for (entry, verb) in verbs {
        let Some((yard, innocent)) = dead_with_a_reused_pid(entry) else {
            return;
        };
        yard.gtctl(verb);
        yard.gtctl(&["reconcile"]);
        assert!(
            process::may_live(innocent),
            "{verb:?} ended an innocent process"
        );
    }
}

#[test]
fn an_agent_whose_window_is_shown_in_another_session_is_watched_by_who_is_attached_there() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let agent = yard.pid("one");
    yard.tmux(&["new-session", "-d", "-s", "view", "sleep", "9999"]);
    yard.tmux(&["link-window", "-s", "=one:0", "-t", "=view:5"]);
    yard.tmux(&["select-window", "-t", "=view:5"]);
    let client = yard.attach("view");
    let said = yard.gtctl(&["restart", "one", "--no-wait", "-o", "json"]);
    assert!(
        of(&said.json()["plan"], "held", "one").is_some() || said.out.contains("attached"),
        "{}",
        said.out
    );
    assert!(
        process::may_live(agent),
        "it was ended before the eyes of a client"
    );
    // Also while another window of that session is shown.
    yard.tmux(&["select-window", "-t", "=view:0"]);
    yard.gtctl(&["reconcile"]);
    assert!(process::may_live(agent));
    drop(client);
}

/// A client that attaches while a restart is under way never sees its agent signalled, but for the
/// blink of an eye.
#[test]
fn who_attaches_during_a_stop_sees_no_agent_signalled() {
    const ROUNDS: usize = 25;
    let agent = "trap 'date +%s%N >> term; exit 0' TERM; while :; do sleep 0.01; done";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        session("one", agent, ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    // A look at all of these takes longer than a client needs to attach.
    let mut others: Vec<_> = (0..200)
        .map(|_| Command::new("sleep").arg("600").spawn().unwrap())
        .collect();
    let mut late = vec![];
    for round in 0..ROUNDS {
        // What was held while somebody was attached is done now.
        let is_calm = || {
            yard.gtctl(&["apply", "--no-wait"]);
            yard.process("one").is_some() && yard.gtctl(&["diff"]).code == Some(0)
        };
        yard.until("the agent", is_calm);
        let before = yard.read("term").lines().count();
        let restart = yard.start(&["restart", "one", "--no-wait"]);
        std::thread::sleep(Duration::from_millis(3 * round as u64));
        let client = yard.attach("one");
        let attached = std::time::SystemTime::now()
            .duration_since(std::time::UNIX_EPOCH)
            .unwrap()
            .as_nanos();
        restart.end();
        std::thread::sleep(Duration::from_millis(40));
        let told = yard.read("term");
        late.extend(
            told.lines()
                .skip(before)
                .filter_map(|at| at.parse::<u128>().ok())
                .filter(|at| *at > attached),
        );
        client.kill();
        yard.until("the client to be gone", || {
            yard.format("one", "#{session_attached}") == "0"
        });
    }
    for other in &mut others {
        other.kill().unwrap();
        other.wait().unwrap();
    }
    // The agent notes a signal once its `sleep` is over and `date` has run: on a busy machine one
    // that was sent before somebody attached is noted after it. Where the fence was asked before
    // the scan, half of the rounds were late.
    assert!(
        late.len() <= ROUNDS / 5,
        "TERM after somebody had attached: {} of {ROUNDS}",
        late.len()
    );
}

/// A session of a person's own, with the label of `one` in some way changed.
fn copied_label(yard: &Yard, to: &str, change: impl Fn(String) -> String) -> ProcId {
    yard.tmux(&["new-session", "-d", "-s", to, "sleep", "4444"]);
    let label = change(yard.format("one", "#{@gtctl_label}"));
    yard.tmux(&[
        "set-option",
        "-t",
        &format!("={to}:"),
        "@gtctl_label",
        &label,
    ]);
    yard.pid(to)
}

/// Everything that looks for something to end, three times.
fn look_hard(yard: &Yard) {
    for verb in [
        &["reconcile"][..],
        &["apply", "--prune", "--no-wait"],
        &["expire"],
        &["reconcile"],
    ] {
        yard.gtctl(verb);
    }
}

/// Another label made of this one.
type Change = fn(&Yard, String) -> String;

#[test]
fn a_label_that_was_copied_to_another_session_makes_it_nobodys_agent() {
    let changes: [(&str, Change); 4] = [
        ("as it is", |_, label| label),
        ("with the pane of the copy", |yard, label| {
            let pane = yard.format("mine", "#{pane_id}");
            label
                .split(' ')
                .map(|word| {
                    if word.starts_with("pane=") {
                        format!("pane={pane}")
                    } else {
                        word.to_owned()
                    }
                })
                .collect::<Vec<_>>()
                .join(" ")
        }),
        ("in the form of 0.1.0", |yard, label| {
            let pane = yard.format("mine", "#{pane_id}");
            let kept = label
                .split(' ')
                .filter(|word| !word.starts_with("pid=") && !word.starts_with("at="));
            kept.map(|word| {
                if word.starts_with("pane=") {
                    format!("pane={pane}")
                } else {
                    word.to_owned()
                }
            })
            .collect::<Vec<_>>()
            .join(" ")
        }),
        ("as one that was adopted", |yard, label| {
            let pane = yard.format("mine", "#{pane_id}");
            let kept = label
                .split(' ')
                .filter(|word| !word.starts_with("pid=") && !word.starts_with("at="));
            let words = kept.map(|word| {
                if word.starts_with("pane=") {
                    format!("pane={pane}")
                } else {
                    word.to_owned()
                }
            });
            words
                .collect::<Vec<_>>()
                .join(" ")
                .replace("origin=started", "origin=adopted")
        }),
    ];
    for (how, change) in changes {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            sleeper("one", ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        let (one, mine) = (
            yard.pid("one"),
            copied_label(&yard, "mine", |label| change(&yard, label)),
        );
        look_hard(&yard);
        assert!(process::may_live(mine), "{how}: the copy was ended");
        assert!(process::may_live(one), "{how}: the original was ended");
        // The original is gone: the copy does not take its place.
        yard.tmux(&["kill-session", "-t", "=one"]);
        look_hard(&yard);
        assert!(
            process::may_live(mine),
            "{how}: the copy was ended in place of the original"
        );
        yard.fresh("one", Some(one));
        // Nor when it is no longer declared, or stopped by hand.
        yard.gtctl(&["stop", "one", "--no-wait"]);
        yard.declare(&format!("{QUICK}{}", sleeper("two", "")));
        look_hard(&yard);
        assert!(
            process::may_live(mine),
            "{how}: the copy was ended as an orphan"
        );
    }
}

#[test]
fn a_label_that_is_set_for_all_sessions_ends_nothing_doubles_nothing_and_is_told_of() {
    for scope in ["-g", "-s", "-wg"] {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            sleeper("one", ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        yard.tmux(&["new-session", "-d", "-s", "mine", "sleep", "4444"]);
        let (one, two, mine) = (yard.pid("one"), yard.pid("two"), yard.pid("mine"));
        let label = yard.format("one", "#{@gtctl_label}");
        yard.tmux(&["set-option", scope, "@gtctl_label", &label]);
        look_hard(&yard);
        for (session, process) in [("one", one), ("two", two), ("mine", mine)] {
            assert!(process::may_live(process), "{scope}: {session} was ended");
        }
        assert_eq!(
            (yard.marked("one").len(), yard.marked("two").len()),
            (1, 1),
            "{scope}"
        );
        if scope == "-s" {
            yard.gtctl(&["diff"]).says("set-option");
        }
        yard.tmux(&["set-option", "-u", scope, "@gtctl_label"]);
        yard.gtctl(&["reconcile"]);
        yard.gtctl(&["diff"]).exits(0);
        assert!(process::may_live(one) && process::may_live(two));
    }
}

#[test]
fn a_garbled_label_is_repaired_or_told_of_and_never_refused_again_and_again() {
    for scope in [&["-t", "=one:"][..], &["-p", "-t", "=one:"]] {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            sleeper("one", ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        let one = yard.pid("one");
        yard.tmux(
            &[
                &["set-option"],
                scope,
                &["@gtctl_label", "x y=#{pid} gen=zz $(id)"],
            ]
            .concat(),
        );
        let label = || yard.format("one", "#{@gtctl_label}");
        yard.gtctl(&["diff"]).says("label");
        let reconcile = || {
            let said = yard.gtctl(&["reconcile"]);
            assert!(!said.out.contains("stale"), "{scope:?}: {}", said.out);
        };
        // A label that was written a moment ago is left for a minute: who garbles it would do so
        // again.
        let one_life = generation(&yard, "one");
        for _ in 0..3 {
            reconcile();
        }
        assert!(!label().starts_with("town="), "{scope:?}: {}", label());
        assert_eq!(
            generation(&yard, "one"),
            one_life,
            "{scope:?}: refused again and again"
        );
        a_minute_passes_for_the_label_of(&yard, "one");
        yard.until("the label", || {
            reconcile();
            label().starts_with("town=")
        });
        assert!(process::may_live(one), "{scope:?}");
        yard.gtctl(&["diff"]).exits(0);
        yard.kill(one);
        yard.gtctl(&["reconcile"]);
        yard.fresh("one", Some(one));
    }
}

/// The last life of a session that is remembered. It is the time at which its label was written, in
/// ms.
fn generation(yard: &Yard, session: &str) -> Generation {
    let memory = View::of(yard.state())
        .load(gtctl::proc::clock::now())
        .unwrap()
        .memory;
    memory.sessions[&name(session)].generation
}

/// Makes what is remembered of this life older, instead of waiting for so long.
fn a_minute_passes_for_the_label_of(yard: &Yard, session: &str) {
    let now = gtctl::proc::clock::now();
    let mut memory = View::of(yard.state()).load(now).unwrap().memory;
    memory
        .sessions
        .get_mut(&name(session))
        .unwrap()
        .generation
        .0 -= 61_000;
    StateDir::open(&yard.state())
        .unwrap()
        .save(&memory)
        .unwrap();
}

#[test]
fn who_gives_the_pane_another_process_keeps_it_and_the_agent_returns_in_a_window_of_its_own() {
    for agent in ["exec sleep 1001", "trap '' HUP; while :; do sleep 1; done"] {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            session("one", agent, ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        let (pane, former) = (yard.format("one", "#{pane_id}"), yard.pid("one"));
        yard.tmux(&["respawn-pane", "-k", "-t", &pane, "sleep", "7777"]);
        let pid = yard.tmux(&["display-message", "-p", "-t", &pane, "#{pane_pid}"]);
        let mine = process::identify(pid.parse().unwrap()).unwrap();
        yard.gtctl(&["apply"]);
        yard.until("the agent", || {
            yard.marked("one").iter().any(|process| *process != former)
        });
        assert!(process::may_live(mine), "somebody's own process was ended");
        assert!(!process::may_live(former), "two agents of one session");
        assert_eq!(yard.sessions(), ["one", "two"]);
        yard.gtctl(&["diff"]).exits(0).says("nothing to do");
        yard.gtctl(&["restart", "one", "--no-wait"]);
        yard.gtctl(&["apply"]);
        assert!(
            process::may_live(mine),
            "a restart ended somebody's own process"
        );
    }
}

#[test]
fn a_session_that_shows_anothers_agent_is_not_adopted_for_it() {
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        sleeper("one", ""),
        sleeper("keep", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.tmux(&["new-session", "-d", "-t", "=one", "-s", "two"]);
    yard.declare(&format!(
        "{QUICK}{}{}{}",
        sleeper("one", ""),
        sleeper("keep", ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["reconcile"]);
    assert_eq!(
        yard.tmux(&["show-options", "-v", "-t", "=two:", "@gtctl_label"]),
        ""
    );
    yard.gtctl(&["restart", "two", "--no-wait"]);
    look_hard(&yard);
    assert!(process::may_live(one));
}

#[test]
fn the_end_of_an_agent_leaves_what_somebody_opened_beside_it() {
    for how in [&["split-window", "-d"][..], &["new-window", "-d"]] {
        let yard = Yard::new(&format!(
            "{QUICK}{}{}",
            sleeper("one", ""),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        let agent = yard.pid("one");
        let open = [
            how,
            &["-t", "=one:", "-P", "-F", "#{pane_pid}", "sleep", "4444"],
        ]
        .concat();
        let mine = process::identify(yard.tmux(&open).parse().unwrap()).unwrap();
        yard.gtctl(&["restart", "one", "--no-wait"]);
        yard.gtctl(&["reconcile"]);
        let fresh = yard.fresh("one", Some(agent));
        assert!(
            process::may_live(mine),
            "{how:?}: a restart ended somebody's pane"
        );
        yard.gtctl(&["stop", "one", "--no-wait"]);
        yard.until("the end of the agent", || {
            yard.gtctl(&["reconcile"]);
            !process::may_live(fresh) && yard.format("one", "#{@gtctl_label}").is_empty()
        });
        yard.gtctl(&["reconcile"]);
        assert!(
            process::may_live(mine),
            "{how:?}: a stop ended somebody's pane"
        );
        assert_eq!(yard.sessions(), ["one", "two"]);
    }
}

/// A town with `keep`, which is ours, and `worker`, of which somebody runs `own` in a session of
/// that name.
fn somebodys(declared: &str, own: &[&str]) -> (Yard, ProcId) {
    let entry = format!("[[session]]\nsession = \"worker\"\ncommand = {declared}\n");
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("keep", "")));
    yard.write("worker.sh", "sleep 1001\ntrue\n");
    yard.write("other.sh", "sleep 1002\ntrue\n");
    yard.write("agent.py", "import time\ntime.sleep(1001)\n");
    yard.write("other.py", "import time\ntime.sleep(1002)\n");
    yard.gtctl(&["apply"]).exits(0);
    yard.tmux(
        &[
            &["new-session", "-d", "-s", "worker", "-c", yard.dir()],
            own,
        ]
        .concat(),
    );
    let process = yard.pid("worker");
    yard.declare(&format!("{QUICK}{}{entry}", sleeper("keep", "")));
    (yard, process)
}

#[test]
fn nobody_is_an_agent_by_the_name_of_an_interpreter() {
    let cases: [(&str, &[&str]); 8] = [
        (r#"["bash", "worker.sh"]"#, &["bash", "--norc"]),
        (r#"["bash", "worker.sh"]"#, &["bash", "other.sh"]),
        (r#"["bash", "worker.sh"]"#, &["tail", "-f", "worker.sh"]),
        (r#"["bash"]"#, &["bash", "--norc"]),
        (
            r#"["sh", "-c", "exec sleep 1001"]"#,
            &["sh", "-c", "sleep 4444; true"],
        ),
        (
            r#"["python3", "agent.py"]"#,
            &["python3", "-c", "import time; time.sleep(9999)"],
        ),
        (r#"["python3", "agent.py"]"#, &["python3", "other.py"]),
        (
            r#"["env", "A=1", "bash", "worker.sh"]"#,
            &["env", "B=1", "bash", "other.sh"],
        ),
    ];
    for (declared, own) in cases {
        let (yard, process) = somebodys(declared, own);
        look_hard(&yard);
        yard.gtctl(&["restart", "worker", "--no-wait"]);
        look_hard(&yard);
        assert!(
            process::may_live(process),
            "{declared}: somebody's own {own:?} was ended"
        );
        assert_eq!(
            yard.format("worker", "#{@gtctl_label}"),
            "",
            "{declared}: somebody's own {own:?} was adopted"
        );
    }
}

#[test]
fn an_agent_in_an_interpreter_is_known_by_its_script() {
    let cases: [(&str, &[&str]); 5] = [
        (r#"["bash", "worker.sh"]"#, &["bash", "worker.sh"]),
        (
            r#"["env", "A=1", "bash", "./worker.sh"]"#,
            &["bash", "--norc", "worker.sh", "fast"],
        ),
        (
            r#"["sh", "-c", "sleep 4444; true"]"#,
            &["sh", "-c", "sleep 4444; true"],
        ),
        (r#"["python3", "agent.py"]"#, &["python3", "-u", "agent.py"]),
        // In a shell that somebody has opened.
        (
            r#"["bash", "worker.sh"]"#,
            &["bash", "--norc", "-c", "bash worker.sh; true"],
        ),
    ];
    for (declared, own) in cases {
        let (yard, process) = somebodys(declared, own);
        yard.until("the adoption", || {
            yard.gtctl(&["reconcile"]);
            yard.format("worker", "#{@gtctl_label}")
                .contains("origin=adopted")
        });
        yard.gtctl(&["reconcile"]);
        yard.gtctl(&["diff"]).exits(0);
        assert!(process::may_live(process), "{declared}: {own:?} was ended");
        yard.kill(process);
        yard.until("a fresh one", || {
            yard.gtctl(&["reconcile"]);
            yard.process("worker").is_some_and(|fresh| fresh != process)
        });
    }
}

#[test]
fn a_client_that_is_a_script_of_an_interpreter_is_known_by_the_clients_name() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("keep", "")));
    yard.shim(
        "claude",
        "#!/usr/bin/env python3\nimport time\ntime.sleep(1001)\n",
    );
    yard.gtctl(&["apply"]).exits(0);
    let client = yard.at("bin/claude");
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "worker",
        client.to_str().unwrap(),
        "--model",
        "opus",
    ]);
    let process = yard.pid("worker");
    yard.until("the interpreter", || {
        fs::read_to_string(format!("/proc/{}/comm", process.pid)).unwrap() == "python3\n"
    });
    let entry = "[[session]]\nsession = \"worker\"\nagent = \"claude\"\n";
    yard.declare(&format!("{QUICK}{}{entry}", sleeper("keep", "")));
    yard.until("the adoption", || {
        yard.gtctl(&["reconcile"]);
        yard.format("worker", "#{@gtctl_label}")
            .contains("origin=adopted")
    });
    yard.gtctl(&["reconcile"]);
    assert!(process::may_live(process));
}

#[test]
fn what_another_session_has_marked_is_not_ended_with_the_tree_that_it_hangs_in() {
    let agent = "GTCTL_SESSION=two setsid sleep 4444 & sleep 5555 & echo $! > own; wait";
    let yard = Yard::new(&format!(
        "{QUICK}{}{}",
        session("one", agent, ""),
        sleeper("two", "")
    ));
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.until("its child", || yard.read("own").ends_with('\n'));
    let own = process::identify(yard.read("own").trim().parse().unwrap()).unwrap();
    let two = yard.pid("two");
    let shared = || {
        yard.marked("two")
            .into_iter()
            .find(|process| *process != two)
    };
    yard.until("the shared process", || shared().is_some());
    let shared = shared().unwrap();
    yard.own(shared);
    yard.gtctl(&["restart", "one", "--no-wait"]);
    yard.until("the next life", || {
        yard.gtctl(&["reconcile"]);
        yard.process("one").is_some_and(|fresh| fresh != one)
    });
    assert!(!process::may_live(own), "its own child lives on");
    assert!(
        process::may_live(shared),
        "what belongs to another session was ended"
    );
    assert!(process::may_live(two));
}
