//! Planned restarts are rolling, finished once begun, and paced when they cannot be done. Real
//! tmux, watched from outside.

use crate::harness::{AT_ONCE, Running, TMUX, Yard, name, of, session, town};
use gtctl::memory;
use gtctl::model::SortedSet;
use gtctl::model::{Done, Memory, Moment, Observed, Orders, Outcome, Step};
use gtctl::plan::{self, Situation};
use gtctl::proc::process;
use gtctl::proc::signal::Signal;
use std::io::Write;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

const TOWN: &str = "[controller]\nresync = \"1s\"\n[defaults]\nready_after = \"300ms\"\nstop_grace = \"2s\"\non_drift = \"restart\"\n\
                    handoff_gap = \"0s\"\n";

/// Sessions `s00`, `s01`, … that sleep so long.
fn sleepers(count: usize, seconds: u32) -> String {
    let names = (0..count).map(|n| format!("s{n:02}"));
    names
        .map(|name| session(&name, &format!("exec sleep {seconds}"), ""))
        .collect()
}

/// What the living panes run: the session and its command line.
fn living(yard: &Yard) -> Vec<(String, String)> {
    let mut command = yard.command(&TMUX);
    command.arg("-S").arg(yard.socket());
    command.args([
        "list-panes",
        "-a",
        "-F",
        "#{session_name} #{pane_dead} #{pane_pid}",
    ]);
    let listed = String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
    let pane = |line: &str| {
        let mut words = line.split(' ');
        let (name, dead, pid) = (words.next()?, words.next()?, words.next()?);
        let argv = std::fs::read(format!("/proc/{pid}/cmdline"))
            .ok()
            .filter(|argv| !argv.is_empty())?;
        let argv = String::from_utf8_lossy(&argv).replace('\0', " ");
        (dead == "0" && !name.starts_with('_')).then(|| (name.to_owned(), argv))
    };
    listed.lines().filter_map(pane).collect()
}

/// Watches from outside while `act` goes on: the most that were down at once, of `count`.
fn most_down(yard: &Yard, count: usize, act: impl FnOnce()) -> usize {
    let (over, most) = (AtomicBool::new(false), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        let dir = yard.dir().to_owned();
        let socket = yard.socket();
        let (over, most) = (&over, &most);
        scope.spawn(move || {
            while !over.load(Ordering::Relaxed) {
                let mut command = std::process::Command::new(&*TMUX);
                command
                    .arg("-S")
                    .arg(&socket)
                    .current_dir(&dir)
                    .env_remove("TMUX");
                command.args([
                    "list-panes",
                    "-a",
                    "-F",
                    "#{session_name} #{pane_dead} #{pane_pid}",
                ]);
                let listed =
                    String::from_utf8_lossy(&command.output().unwrap().stdout).into_owned();
                let lives = |line: &&str| {
                    let pid = line.rsplit(' ').next().unwrap_or_default();
                    let stat =
                        std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
                    line.contains(" 0 ")
                        && !line.starts_with('_')
                        && !stat.is_empty()
                        && !stat.contains(") Z ")
                };
                let up: SortedSet<&str> = listed
                    .lines()
                    .filter(lives)
                    .filter_map(|line| line.split(' ').next())
                    .collect();
                most.fetch_max(count.saturating_sub(up.len()), Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(15));
            }
        });
        act();
        over.store(true, Ordering::Relaxed);
    });
    most.into_inner()
}

fn all_run(yard: &Yard, count: usize, seconds: u32) -> bool {
    let argv = format!("sleep {seconds} ");
    let panes = living(yard);
    panes.len() == count && panes.iter().all(|(_, runs)| *runs == argv)
}

#[test]
fn a_controller_rolls_an_edit_of_all_through_and_none_stays_dead() {
    const COUNT: usize = 20;
    let town = |seconds| {
        format!(
            "{TOWN}[limits]\nconcurrent_starts = 8\n{}",
            sleepers(COUNT, seconds)
        )
    };
    let yard = Yard::new(&town(1001));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the town", || all_run(&yard, COUNT, 1001));
    yard.until("the last to be ready", || {
        yard.gtctl(&["diff"]).code == Some(0)
    });
    // 20 starts are used, of 30 in ten minutes: twenty more don't fit.
    let most = most_down(&yard, COUNT, || {
        yard.declare(&town(1002));
        yard.until("the edit in all of them", || all_run(&yard, COUNT, 1002));
    });
    assert!(
        (1..=2).contains(&most),
        "{most} of {COUNT} were down at once, two may be\n{}",
        watch.said()
    );
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn apply_rolls_until_all_is_done_and_so_does_restart_by_hand_of_many() {
    const COUNT: usize = 9;
    let town = |seconds| {
        format!(
            "{TOWN}[limits]\nconcurrent_starts = 20\nunavailable = 3\n{}",
            sleepers(COUNT, seconds)
        )
    };
    let yard = Yard::new(&town(1001));
    yard.gtctl(&["apply"]).exits(0);
    yard.declare(&town(1002));
    let most = most_down(&yard, COUNT, || {
        yard.gtctl(&["apply"]).exits(0).says("9 restarted");
    });
    assert!(
        (1..=3).contains(&most) && all_run(&yard, COUNT, 1002),
        "{most} were down at once"
    );
    let names: Vec<String> = (0..COUNT).map(|n| format!("s{n:02}")).collect();
    let before: Vec<_> = names.iter().map(|name| yard.pid(name)).collect();
    let args: Vec<&str> = std::iter::once("restart")
        .chain(names.iter().map(String::as_str))
        .collect();
    let most = most_down(&yard, COUNT, || {
        yard.gtctl(&args).exits(0);
    });
    assert!((1..=3).contains(&most), "{most} were down at once");
    assert!(
        names
            .iter()
            .zip(before)
            .all(|(name, before)| yard.pid(name) != before)
    );
}

#[test]
fn a_restart_that_fails_stops_the_roll_and_says_so_until_its_entry_is_mended() {
    let town = |rest: &str, first: &str| {
        let first = session(
            "a",
            first,
            "backoff = { first = \"1m\", max = \"1m\", jitter = 0.0 }",
        );
        let rest: String = ["b", "c", "d"].map(|name| session(name, rest, "")).concat();
        format!("{TOWN}{first}{rest}")
    };
    let yard = Yard::new(&town("exec sleep 1001", "exec sleep 1001"));
    yard.gtctl(&["apply"]).exits(0);
    let kept = ["b", "c", "d"].map(|name| yard.pid(name));
    yard.declare(&town("exec sleep 1002", "exit 3"));
    let said = yard
        .gtctl(&["apply", "--timeout", "6s"])
        .exits(3)
        .says("not as declared");
    let said = said
        .says("rolling restart stopped: a did not become ready")
        .says("gtctl reset");
    assert_eq!(
        said.out.matches("rolling restart stopped").count(),
        3,
        "a line for each: {}",
        said.out
    );
    assert_eq!(
        ["b", "c", "d"].map(|name| yard.pid(name)),
        kept,
        "the rest runs on"
    );
    let page = yard.gtctl(&["diff", "-o", "json"]).exits(2).json();
    assert_eq!(
        of(&page, "held", "b").unwrap()["hold"]["code"],
        "roll-stopped"
    );
    yard.declare(&town("exec sleep 1002", "exec sleep 1002"));
    yard.gtctl(&["apply"]).exits(0);
    assert!(all_run(&yard, 4, 1002));
}

#[test]
fn a_reset_lets_a_stopped_roll_go_on() {
    let town = |seconds: u32, first: &str| {
        let first = session(
            "a",
            first,
            "backoff = { first = \"5m\", max = \"5m\", jitter = 0.0 }",
        );
        format!(
            "{TOWN}{first}{}",
            session("b", &format!("exec sleep {seconds}"), "")
        )
    };
    let yard = Yard::new(&town(1001, "exec sleep 1001"));
    yard.gtctl(&["apply"]).exits(0);
    yard.declare(&town(1002, "exit 3"));
    yard.gtctl(&["apply", "--timeout", "5s"])
        .exits(3)
        .says("rolling restart stopped");
    let before = yard.pid("b");
    yard.gtctl(&["reset", "a"]).exits(0);
    yard.until("b to be restarted", || {
        yard.gtctl(&["apply", "--timeout", "2s"]);
        yard.process("b").is_some_and(|now| now != before)
    });
}

#[test]
fn sessions_that_cannot_start_take_nobodys_place() {
    let broken: String = (0..4)
        .map(|n| session(&format!("a-broken-{n}"), "exit 3", ""))
        .collect();
    let missing = "[[session]]\nsession = \"a-missing\"\ncommand = [\"no-such-program\"]\n";
    let yard = Yard::new(&format!(
        "{TOWN}[limits]\nconcurrent_starts = 1\n{broken}{missing}{}",
        sleepers(4, 1001)
    ));
    let watch = yard.start(&["reconcile", "--watch"]);
    let begun = Instant::now();
    yard.until("the sound ones", || {
        living(&yard)
            .iter()
            .filter(|(name, _)| name.starts_with('s'))
            .count()
            == 4
    });
    assert!(
        begun.elapsed() < AT_ONCE,
        "after {:?}\n{}",
        begun.elapsed(),
        watch.said()
    );
    watch.signal(Signal::TERM);
    watch.end();
}

#[test]
fn a_planned_restart_that_cannot_be_done_is_paced_and_told_once() {
    let town = |more: &str| {
        let one =
            format!("[[session]]\nsession = \"one\"\ncommand = [\"sleep\", \"1001\"]\n{more}\n");
        format!("{TOWN}{one}{}", sleepers(1, 1001))
    };
    let yard = Yard::new(&town(""));
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.declare(&town("env_file = \"none.env\""));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the failure", || watch.said().contains("none.env"));
    yard.until("the hold", || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "one").is_some_and(|held| held["hold"]["code"] == "failed")
    });
    // Three looks more, at least.
    std::thread::sleep(Duration::from_secs(4));
    assert_eq!(
        watch.said().matches("none.env").count(),
        1,
        "{}",
        watch.said()
    );
    let journal = std::fs::read_to_string(yard.state().join("monitor.jsonl")).unwrap();
    let failed = journal
        .lines()
        .filter(|line| line.contains("\"failed\"") && line.contains("restart failed"))
        .count();
    assert_eq!(failed, 1, "{journal}");
    assert_eq!(yard.pid("one"), one);
    // Asking by hand tries at once.
    yard.gtctl(&["restart", "one", "--timeout", "3s"])
        .exits(3)
        .says("none.env");
    yard.declare(&town("env = { A = \"1\" }"));
    yard.fresh("one", Some(one));
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_start_of_which_nothing_is_known_is_paced_like_a_failed_one() {
    let (mut town, seconds) = (town(&[("one", &[])]), |awake: u64| Moment {
        wall: 0,
        awake: awake * 1000,
        boot: 1,
    });
    town.limits.starts = gtctl::model::StartBudget::Fixed(1000);
    let (mut memory, mut tries) = (Memory::default(), 0);
    let observed = Observed::Down;
    for second in 0..30 {
        let now = seconds(second);
        memory = memory::learn(memory, &town, &observed, now);
        let situation = Situation {
            town: &town,
            observed: &observed,
            memory: &memory,
            orders: Orders::default(),
            now,
        };
        let plan = plan::plan(&situation);
        memory = memory::intend(memory, &plan, now);
        let unknown = |step: &Step| Done {
            session: step.session.clone(),
            verb: step.action.verb(),
            outcome: Outcome::Unknown("no answer".to_owned()),
        };
        let outcomes: Vec<Done> = plan.steps.iter().map(unknown).collect();
        tries += outcomes.len();
        memory = memory::settle(memory, &plan, &outcomes, now);
    }
    // At once, at once after the first, then after ten and after twenty seconds, a little later
    // each.
    assert!((2..=3).contains(&tries), "{tries} tries in half a minute");
    assert_eq!(memory.sessions[&name("one")].crashes.len(), tries);
}

/// A town with a session that ends only once it may, see [`let_it_end`].
fn slow_town(yard: &Yard, round: u32) {
    let may_end = yard.at("may-end");
    let may_end = may_end.display();
    let slow = session(
        "slow",
        &format!(
            "round={round}; trap 'until [ -e {may_end} ]; do sleep 0.1; done; exit 0' TERM; \
             while :; do sleep 0.1; done"
        ),
        "stop_grace = \"60s\"",
    );
    yard.declare(&format!("{TOWN}{slow}{}", sleepers(1, 1001)));
}

/// Lets the slow session end. Nothing depends on how fast the machine is.
fn let_it_end(yard: &Yard) {
    yard.write("may-end", "");
}

/// A verb in the middle of the restart of `slow`.
fn in_the_middle(args: &[&str]) -> (Yard, Running, gtctl::model::ProcId) {
    let yard = Yard::new("");
    slow_town(&yard, 1);
    yard.gtctl(&["apply"]).exits(0);
    let before = yard.pid("slow");
    if args[0] == "apply" {
        slow_town(&yard, 2);
    }
    let verb = yard.start(args);
    yard.until("the stop to begin", || verb.said().contains("stopping"));
    (yard, verb, before)
}

#[test]
fn an_interrupted_restart_is_finished() {
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        for args in [&["apply"][..], &["restart", "slow"][..]] {
            let (yard, verb, before) = in_the_middle(args);
            verb.signal(signal);
            yard.until("the interruption to be heard", || {
                verb.said().contains("interrupted: finishing slow")
            });
            let_it_end(&yard);
            verb.end().exits(3).says("restarted");
            assert_ne!(yard.pid("slow"), before, "{signal:?} {args:?}");
        }
    }
}

#[test]
fn an_interrupted_stop_is_finished() {
    let (yard, verb, before) = in_the_middle(&["stop", "slow"]);
    verb.signal(Signal::INT);
    yard.until("the interruption to be heard", || {
        verb.said().contains("interrupted: finishing slow")
    });
    let_it_end(&yard);
    verb.end().exits(3);
    assert!(
        !process::may_live(before) && yard.sessions() == ["s00"],
        "{:?}",
        yard.sessions()
    );
}

#[test]
fn a_second_interruption_leaves_and_says_what_is_left() {
    let (yard, verb, before) = in_the_middle(&["apply"]);
    verb.signal(Signal::INT);
    yard.until("the first to be heard", || {
        verb.said().contains("interrupt again")
    });
    verb.signal(Signal::INT);
    let said = verb.end().exits(3).says("in the middle of slow");
    assert!(said.took < AT_ONCE);
    let_it_end(&yard);
    yard.gtctl(&["apply"]).exits(0);
    assert_ne!(yard.pid("slow"), before, "the next one goes on with it");
}

#[test]
fn a_controller_that_is_told_to_end_finishes_its_restarts_first() {
    let yard = Yard::new("");
    slow_town(&yard, 1);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the town", || living(&yard).len() == 2);
    yard.until("all to be ready", || yard.gtctl(&["diff"]).code == Some(0));
    let before = yard.pid("slow");
    slow_town(&yard, 2);
    yard.until("the stop to begin", || watch.said().contains("stopping"));
    let told = Instant::now();
    watch.signal(Signal::TERM);
    let_it_end(&yard);
    watch.end().exits(0);
    assert!(told.elapsed() < AT_ONCE, "{:?}", told.elapsed());
    assert_ne!(yard.process("slow"), Some(before));
    assert!(yard.process("slow").is_some(), "it is not left dead");
}

/// `apply` at a terminal of its own, to which this answer is typed.
fn at_a_terminal(yard: &Yard, args: &str, answer: &str) -> (Option<i32>, String) {
    let mut command = yard.command("script");
    let apply = format!("{} {args}", env!("CARGO_BIN_EXE_gtctl"));
    let page = yard.at("page");
    command
        .args(["-qefc", &apply])
        .arg(&page)
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let deadline = Instant::now() + Duration::from_secs(40);
    let mut answered = false;
    let status = loop {
        if !answered && yard.read("page").contains("[y/N]") {
            stdin.write_all(answer.as_bytes()).unwrap();
            answered = true;
        }
        if let Some(status) = child.try_wait().unwrap() {
            break status;
        }
        assert!(
            Instant::now() < deadline,
            "it does not end: {}",
            yard.read("page")
        );
        std::thread::sleep(Duration::from_millis(20));
    };
    (status.code(), yard.read("page"))
}

#[test]
fn at_a_terminal_a_mass_restart_is_asked_for_in_one_line() {
    let town = |seconds| format!("{TOWN}[limits]\nunavailable = 2\n{}", sleepers(4, seconds));
    let yard = Yard::new(&town(1001));
    yard.gtctl(&["apply"]).exits(0);
    yard.declare(&town(1002));
    for answer in ["n\n", "\n", "\u{4}"] {
        let (code, page) = at_a_terminal(&yard, "apply", answer);
        assert_eq!(code, Some(1), "{page}");
        assert!(
            page.contains("Restart 4 of 4, 2 at a time? [y/N]")
                && page.contains("Nothing was done"),
            "{page}"
        );
        assert!(all_run(&yard, 4, 1001), "nothing was done");
    }
    let (code, page) = at_a_terminal(&yard, "apply", "y\n");
    assert_eq!(code, Some(0), "{page}");
    assert!(all_run(&yard, 4, 1002));
    yard.declare(&town(1003));
    let (code, page) = at_a_terminal(&yard, "apply --yes", "");
    assert!(code == Some(0) && !page.contains("[y/N]"), "{page}");
    assert!(all_run(&yard, 4, 1003));
}

#[test]
fn apply_says_of_each_session_that_is_not_as_declared_why() {
    let missing = "[[session]]\nsession = \"missing\"\ncommand = [\"no-such-program\"]\n";
    let yard = Yard::new(&format!(
        "{TOWN}{missing}{}{}",
        session("broken", "exit 3", ""),
        sleepers(2, 1001)
    ));
    yard.gtctl(&["apply", "--timeout", "5s"]);
    yard.gtctl(&["stop", "s00"]).exits(0);
    let said = yard.gtctl(&["apply", "--timeout", "1s"]).exits(3);
    let (_, left) = said
        .out
        .split_once("not as declared:")
        .unwrap_or_else(|| panic!("{}", said.out));
    for (name, why) in [
        ("missing", "cannot start"),
        ("broken", "back-off"),
        ("s00", "gtctl start s00"),
    ] {
        let line = left
            .lines()
            .find(|line| line.contains(name))
            .unwrap_or_else(|| panic!("{name}: {left}"));
        assert!(line.contains(why), "{line}");
    }
    assert!(!left.contains("s01 "), "{left}");
}
