//! The controller killed at its system calls, one after the other.
//!
//! By `GTCTL_CHAOS=all` at every call that can change anything outside the process, and at some of
//! each of those that only look: wherever it is killed between two changes, what it leaves is the
//! same. `GTCTL_CHAOS=sweep-every` strikes at each of them all, some thousands, which takes hours.
//!
//! Before each point one session has crashed or gone and another is due for its planned restart.
//! After it, and after what cycles the town then needs, each of the two has begun exactly one
//! further life.
//!
//! Only gtctl's own main thread is traced, which makes all its calls but those of its tmux clients:
//! a tracer that followed its children would kill the tmux server that it may start, which other
//! kinds of faults do.

use super::ground::head;
use super::past;
use crate::harness::{Yard, session, sleeper};
use gtctl::model::SortedMap;
use gtctl::proc::process;
use std::fs;
use std::time::Instant;

const STRACE: &str = "/usr/bin/strace";
/// So many points of a verb make a sample.
const SAMPLE: usize = 6;
/// So many points of each call that only looks stand for all of them.
const OF_A_LOOK: usize = 8;
/// Calls that only look, and those of the rest that are mostly made while looking through `/proc`.
const LOOKS: [&str; 24] = [
    "access",
    "brk",
    "clock_gettime",
    "close",
    "fcntl",
    "fstat",
    "getcwd",
    "getdents64",
    "geteuid",
    "getpid",
    "getrandom",
    "getuid",
    "lseek",
    "mmap",
    "mprotect",
    "munmap",
    "newfstatat",
    "openat",
    "prlimit64",
    "read",
    "readlink",
    "rt_sigaction",
    "rt_sigprocmask",
    "statx",
];

/// How many of the calls are struck at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Sample,
    Changes,
    Every,
}

impl Extent {
    /// Nothing when other kinds of faults are asked for.
    fn by_environment() -> Option<Self> {
        match std::env::var("GTCTL_CHAOS").unwrap_or_default().as_str() {
            "" => Some(Self::Sample),
            "all" | "sweep" => Some(Self::Changes),
            "sweep-every" => Some(Self::Every),
            _ => None,
        }
    }

    /// Of the `count` calls of one name, each how manieth, if any; of all that change something,
    /// `changes` are made.
    fn step(self, call: &str, count: usize, changes: usize) -> Option<usize> {
        match (self, LOOKS.contains(&call)) {
            (Self::Sample, true) => None,
            (Self::Sample, false) => Some((changes / SAMPLE).max(1)),
            (Self::Changes, true) => Some(count.div_ceil(OF_A_LOOK)),
            (Self::Changes, false) | (Self::Every, _) => Some(1),
        }
    }
}
/// In milliseconds: more than the sessions' gap and greatest age.
const LATER: i64 = 61_000;

struct Sweep {
    yard: Yard,
    verb: &'static [&'static str],
    /// Ends the session that is to be started.
    fell: fn(&Yard),
}

impl Sweep {
    fn new(verb: &'static [&'static str], fell: fn(&Yard)) -> Self {
        let lives = |name: &str, more: &str| {
            session(
                name,
                &format!("echo x >>$HOME/{name}; exec sleep 1000"),
                more,
            )
        };
        let old =
            "max_age = \"30s\"\nmax_age_jitter = \"0s\"\ndrain = \"0s\"\nhandoff_gap = \"1m\"";
        let yard = Yard::new(&format!(
            "{}{}{}{}",
            head(),
            lives("one", ""),
            lives("old", old),
            sleeper("two", "")
        ));
        yard.gtctl(&["apply"]).exits(0);
        yard.until("their first lives", || Self::count(&yard) == (1, 1));
        Self { yard, verb, fell }
    }

    fn count(yard: &Yard) -> (usize, usize) {
        (
            yard.read("home/one").lines().count(),
            yard.read("home/old").lines().count(),
        )
    }

    /// Makes both due.
    fn prepare(&self) {
        past::step_back(&self.yard, &["one", "old", "two"], LATER, LATER);
        (self.fell)(&self.yard);
    }

    /// The verb, killed at the nth such call; whether it was.
    fn strike(&self, call: &str, nth: usize) -> bool {
        let inject = format!("inject={call}:signal=SIGKILL:when={nth}");
        let mut command = self.yard.command(STRACE);
        command
            .args([
                "-qq",
                "-o",
                "/dev/null",
                "-e",
                &inject,
                env!("CARGO_BIN_EXE_gtctl"),
            ])
            .args(self.verb);
        self.yard.running(command).end().code.is_none()
    }

    /// Each of the two begins one life, and no second one in the cycles after it.
    fn mends(&self, before: (usize, usize), at: &str) {
        let due = (before.0 + 1, before.1 + 1);
        self.yard.until(
            &format!("the restarts after {at}, beyond {before:?}"),
            || {
                let now = Self::count(&self.yard);
                assert!(
                    now.0 <= due.0 && now.1 <= due.1,
                    "{now:?} lives after {at}, not {due:?}"
                );
                let said = self.yard.gtctl(&["reconcile"]);
                assert!(
                    !said.err.contains("nothing is remembered"),
                    "{at}: {said:?}"
                );
                now == due && said.code == Some(0)
            },
        );
        assert_eq!(Self::count(&self.yard), due, "after {at}");
        for session in ["one", "old", "two"] {
            assert_eq!(self.yard.marked(session).len(), 1, "{session} after {at}");
        }
    }

    fn point(&self, call: &str, nth: usize) -> bool {
        let before = Self::count(&self.yard);
        self.prepare();
        let struck = self.strike(call, nth);
        self.mends(before, &format!("{call} {nth}"));
        struck
    }

    /// How often each call is made by a run that nothing disturbs. Nothing when nobody may be
    /// traced.
    fn calls(&self) -> Option<SortedMap<String, usize>> {
        let before = Self::count(&self.yard);
        self.prepare();
        let trace = self.yard.at("trace");
        let mut command = self.yard.command(STRACE);
        command
            .args([
                "-qq",
                "-o",
                trace.to_str().unwrap(),
                env!("CARGO_BIN_EXE_gtctl"),
            ])
            .args(self.verb);
        if self.yard.running(command).end().err.contains("ptrace") {
            return None;
        }
        self.mends(before, "an undisturbed run");
        let mut calls = SortedMap::new();
        for line in fs::read_to_string(trace)
            .unwrap()
            .lines()
            .filter(|line| !line.starts_with(['-', '+', '<']))
        {
            if let Some((call, _)) = line.split_once('(').filter(|(call, _)| *call != "execve") {
                *calls.entry(call.to_owned()).or_default() += 1;
            }
        }
        Some(calls)
    }

    /// How many points there are, how many of them were struck at, and how many of those killed it.
    fn run(&self, extent: Extent) -> Option<[usize; 3]> {
        let calls = self.calls()?;
        let changes = calls
            .iter()
            .filter(|(call, _)| !LOOKS.contains(&call.as_str()))
            .map(|(_, count)| count)
            .sum();
        let (mut place, mut points, mut killed) = (0, 0, 0);
        for (call, count) in &calls {
            let Some(step) = extent.step(call, *count, changes) else {
                continue;
            };
            for nth in 1..=*count {
                // A sample goes on from one call's name to the next.
                place = if extent == Extent::Sample {
                    place + 1
                } else {
                    nth
                };
                if place % step == 0 {
                    (points, killed) = (points + 1, killed + usize::from(self.point(call, nth)));
                }
            }
        }
        Some([calls.values().sum(), points, killed])
    }
}

fn sweep(name: &str, verb: &'static [&'static str], fell: fn(&Yard)) {
    let Some(extent) = Extent::by_environment() else {
        return;
    };
    if !fs::exists(STRACE).unwrap() {
        eprintln!("skipped: there is no strace");
        return;
    }
    let begun = Instant::now();
    let Some([calls, points, killed]) = Sweep::new(verb, fell).run(extent) else {
        eprintln!("skipped: nothing may be traced here");
        return;
    };
    let took = begun.elapsed().as_secs_f64();
    println!(
        "ok      {took:6.1} s  {name} killed {killed} times, by {points} points of its {calls} calls"
    );
    // No two runs make the same calls, so some points are never reached: in a sample of six that
    // may be most of them.
    let enough = if extent == Extent::Sample {
        1
    } else {
        points * 7 / 10
    };
    assert!(killed >= enough && points >= SAMPLE, "{killed} of {points}");
}

#[test]
fn a_reconcile_killed_at_any_system_call_loses_and_doubles_nothing() {
    sweep("reconcile", &["reconcile"], |yard| {
        let one = yard.pid("one");
        yard.kill(one);
    });
}

#[test]
fn an_apply_killed_at_any_system_call_loses_and_doubles_nothing() {
    sweep("apply", &["apply"], |yard| {
        let one = yard.pid("one");
        yard.tmux(&["kill-session", "-t", "=one"]);
        yard.until("its end", || !process::may_live(one));
    });
}
