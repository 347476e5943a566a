//! Random faults on a living town, one after the other, for as long as asked:
//!
//! ```text
//! GTCTL_SOAK=5 cargo test --locked --test gtctl soak -- --ignored --nocapture
//! ```
//!
//! The number is of minutes. `GTCTL_SEED` repeats the faults of an earlier run; what comes of them
//! in which order, the kernel decides anew.

use super::ground::{Watch, head};
use crate::harness::{Running, Yard, session};
use gtctl::model::ProcId;
use gtctl::model::SortedMap;
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use gtctl::sim::Random;
use std::fs;
use std::time::{Duration, Instant};

const SESSIONS: usize = 12;
/// How long a town may take to be as declared after a fault.
const PATIENCE: Duration = Duration::from_secs(40);
/// What a controller may grow by, in open files and in KiB.
const GROWTH: (usize, usize) = (6, 12 << 10);

/// A town, its controller, and what must survive.
struct Soak {
    yard: Yard,
    random: Random,
    watch: Option<Watch>,
    /// Somebody else's session; it goes with its server only.
    foreign: ProcId,
    /// A client, and the process it is attached to.
    attached: Option<(Running, ProcId)>,
    /// What the controller had open and resident once it was warm, and how many faults ago it
    /// began.
    warm: Option<(usize, usize)>,
    age: u32,
}

type Fault = (&'static str, fn(&mut Soak));

const FAULTS: [Fault; 18] = [
    ("an agent is killed", |soak| soak.kill_agents(1)),
    ("a third of the agents is killed", |soak| {
        soak.kill_agents(SESSIONS / 3);
    }),
    ("all agents are killed", |soak| soak.kill_agents(SESSIONS)),
    ("an agent is terminated", |soak| {
        drop(soak.any().map(|one| signal(one.1, Signal::TERM)));
    }),
    ("an agent is stopped for a while", Soak::stop_agent),
    ("a session is killed", |soak| {
        soak.by_hand(&["kill-session", "-t"]);
    }),
    ("a window is opened", |soak| {
        soak.by_hand(&["new-window", "-d", "-t"]);
    }),
    ("a label is stripped", |soak| {
        soak.by_hand(&["set-option", "-u", "@gtctl_label", "-t"]);
    }),
    ("a session is renamed for a while", Soak::rename),
    ("the server is frozen for a while", Soak::freeze_server),
    ("the server is killed", Soak::kill_server),
    ("the socket is removed", |soak| {
        drop(fs::remove_file(soak.yard.socket()));
    }),
    ("the controller is killed", Soak::kill_controller),
    (
        "the controller is killed beside a dying agent",
        Soak::kill_both,
    ),
    ("the state is damaged", Soak::damage),
    ("the manifest is broken for a while", Soak::break_manifest),
    ("tmux lies for a while", Soak::lie),
    ("three applies at once", Soak::applies),
];

fn name(nth: u64) -> String {
    format!("s-{nth}")
}

fn manifest() -> String {
    let table = |nth| {
        let daemon = if nth % 3 == 0 {
            "setsid sleep 5000 & "
        } else {
            ""
        };
        session(&name(nth), &format!("{daemon}exec sleep 1000"), "")
    };
    let limits = "starts = 1000000\nserver_losses = 100000\nconcurrent_starts = 8";
    format!(
        "{}{}",
        head().replace("starts = 100000", limits),
        (0..SESSIONS as u64).map(table).collect::<String>()
    )
}

impl Soak {
    fn new(seed: u64) -> Self {
        let yard = Yard::new("");
        yard.declare(&manifest());
        let real = crate::harness::TMUX.clone();
        let lies = "case $(($$ % 4)) in 0) exit 1;; 1) exec /bin/sleep 30;; 2) head -c 9999 /dev/urandom;; \
                    3) TMUX_REAL \"$@\" | head -c 300;; esac";
        let lies = lies.replace("TMUX_REAL", &real);
        yard.shim(
            "tmux",
            &format!(
                "#!/bin/sh\n[ -e {}/lie ] || exec {real} \"$@\"\n{lies}\n",
                yard.dir()
            ),
        );
        yard.gtctl(&["apply"]).exits(0);
        let foreign = Self::settle_foreigner(&yard);
        let mut soak = Self {
            yard,
            random: Random::new(seed),
            watch: None,
            foreign,
            attached: None,
            warm: None,
            age: 0,
        };
        soak.start_controller();
        soak
    }

    fn settle_foreigner(yard: &Yard) -> ProcId {
        yard.tmux(&[
            "new-session",
            "-d",
            "-s",
            "foreign",
            "tail",
            "-f",
            "/dev/null",
        ]);
        yard.fresh("foreign", None)
    }

    fn start_controller(&mut self) {
        let watch = self.yard.start(&["reconcile", "--watch"]);
        (self.watch, self.warm, self.age) = (Some(Watch(watch)), None, 0);
    }

    fn any(&mut self) -> Option<(String, ProcId)> {
        let session = name(self.random.below(SESSIONS as u64));
        let spared = self.attached.as_ref().map(|(_, process)| *process);
        let process = self
            .yard
            .process(&session)
            .filter(|process| Some(*process) != spared)?;
        Some((session, process))
    }

    fn kill_agents(&mut self, count: usize) {
        for _ in 0..count {
            drop(self.any().map(|(_, process)| signal(process, Signal::KILL)));
        }
    }

    /// Time in which the fault lasts; the length is part of it.
    fn a_while(&mut self) {
        std::thread::sleep(Duration::from_millis(self.random.between(50, 1500)));
    }

    fn by_hand(&mut self, args: &[&str]) {
        if let Some((session, _)) = self.any() {
            self.yard.tmux(&[args, &[&format!("={session}:")]].concat());
        }
    }

    fn stop_agent(&mut self) {
        let Some((_, process)) = self.any() else {
            return;
        };
        signal(process, Signal::STOP);
        self.a_while();
        signal(process, Signal::CONT);
    }

    fn rename(&mut self) {
        let Some((session, _)) = self.any() else {
            return;
        };
        self.yard
            .tmux(&["rename-session", "-t", &format!("={session}"), "elsewhere"]);
        self.a_while();
        self.yard
            .tmux(&["rename-session", "-t", "=elsewhere", &session]);
        // Where another was begun meanwhile, the renamed one is the stray.
        self.yard.tmux(&["kill-session", "-t", "=elsewhere"]);
    }

    fn freeze_server(&mut self) {
        let Some(server) = self.yard.server() else {
            return;
        };
        signal(server, Signal::STOP);
        self.a_while();
        signal(server, Signal::CONT);
    }

    fn kill_server(&mut self) {
        let Some(server) = self.yard.server() else {
            return;
        };
        self.attached = None;
        self.yard.kill(server);
        self.yard.until("another server", || {
            self.yard.server().is_some_and(|now| now != server)
        });
        self.foreign = Self::settle_foreigner(&self.yard);
    }

    fn kill_controller(&mut self) {
        if let Some(Watch(watch)) = self.watch.take() {
            watch.kill();
        }
        self.start_controller();
    }

    fn kill_both(&mut self) {
        self.kill_agents(2);
        std::thread::sleep(Duration::from_millis(self.random.below(150)));
        self.kill_controller();
    }

    fn damage(&mut self) {
        let file = self.yard.state().join(if self.random.chance(500) {
            "gtctl.json"
        } else {
            "gtctl.prev.json"
        });
        if self.random.chance(300) {
            drop(fs::remove_file(file));
        } else {
            drop(fs::write(file, "damaged"));
        }
        self.kill_agents(1);
    }

    fn break_manifest(&mut self) {
        let text = self.yard.read("town.toml");
        self.yard.write("town.toml", &text[..text.len() / 2 - 3]);
        self.kill_agents(1);
        self.a_while();
        self.yard.write_manifest(&text);
    }

    fn lie(&mut self) {
        self.yard.write("lie", "");
        self.kill_agents(1);
        self.a_while();
        drop(fs::remove_file(self.yard.at("lie")));
    }

    fn applies(&mut self) {
        self.kill_agents(3);
        let all: Vec<_> = (0..3)
            .map(|_| self.yard.start(&["apply", "--no-wait"]))
            .collect();
        for apply in all {
            apply.end();
        }
    }

    /// Somebody attaches now and then, and stays for some faults.
    fn visit(&mut self) {
        if self.attached.take().is_none()
            && let Some((session, process)) = self.any()
        {
            self.attached = Some((self.yard.attach(&session), process));
        }
    }

    /// As declared again; each session one tree, nobody else's ended, and the controller no larger
    /// than before.
    fn check(&mut self, after: &str) {
        let deadline = Instant::now() + PATIENCE;
        while let Err(why) = self.is_well() {
            assert!(
                Instant::now() < deadline,
                "{after}: {why}\n{}",
                self.yard.gtctl(&["diff"]).out
            );
            std::thread::sleep(Duration::from_millis(50));
        }
        assert!(
            process::may_live(self.foreign),
            "{after}: the foreign session has ended"
        );
        if let Some((_, process)) = &self.attached {
            assert!(
                process::may_live(*process),
                "{after}: the attached session has ended"
            );
        }
        self.measure(after);
    }

    fn is_well(&self) -> Result<(), String> {
        for nth in 0..SESSIONS as u64 {
            let (session, expected) = (name(nth), if nth % 3 == 0 { 2 } else { 1 });
            let process = self
                .yard
                .process(&session)
                .ok_or_else(|| format!("{session} does not live"))?;
            let marked = self.yard.marked(&session);
            if marked.len() != expected || !marked.contains(&process) {
                return Err(format!(
                    "{session} should be {expected} of {process:?}: {marked:?}"
                ));
            }
        }
        let said = self.yard.gtctl(&["diff"]);
        if said.code == Some(0) {
            Ok(())
        } else {
            Err("diff has something to do".to_owned())
        }
    }

    fn measure(&mut self, after: &str) {
        let Some(Watch(watch)) = &mut self.watch else {
            return;
        };
        assert!(
            watch.is_running(),
            "{after}: the controller has ended: {}",
            watch.said()
        );
        let now = size_of(watch.id());
        self.age += 1;
        if self.age <= 5 {
            self.warm = Some(now);
        }
        let (files, resident) = self.warm.unwrap_or(now);
        let within = now.0 <= files + GROWTH.0 && now.1 <= resident + GROWTH.1;
        assert!(
            within,
            "{after}: the controller grew from {:?} to {now:?}",
            self.warm
        );
    }
}

/// Open files, and resident KiB.
fn size_of(process: ProcId) -> (usize, usize) {
    let files = fs::read_dir(format!("/proc/{}/fd", process.pid)).map_or(0, Iterator::count);
    let status = fs::read_to_string(format!("/proc/{}/status", process.pid)).unwrap_or_default();
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .unwrap_or_default();
    (
        files,
        line.split_whitespace()
            .next()
            .and_then(|kib| kib.parse().ok())
            .unwrap_or(0),
    )
}

#[test]
#[ignore = "takes as many minutes as GTCTL_SOAK says"]
fn soak() {
    let number = |name: &str| {
        std::env::var(name)
            .ok()
            .and_then(|text| text.parse::<u64>().ok())
    };
    let minutes = number("GTCTL_SOAK").unwrap_or(1);
    let seed = number("GTCTL_SEED").unwrap_or_else(|| u64::from(std::process::id()));
    println!("soak: {minutes} minutes, GTCTL_SEED={seed}");
    let until = Instant::now() + Duration::from_secs(minutes * 60);
    let mut soak = Soak::new(seed);
    let mut counts: SortedMap<&str, u32> = SortedMap::new();
    let mut longest = (Duration::ZERO, "none");
    soak.check("the start");
    for nth in 0_u32.. {
        if Instant::now() > until {
            break;
        }
        if soak.random.chance(250) {
            soak.visit();
        }
        let (what, fault) = soak.random.pick(&FAULTS).unwrap();
        let begun = Instant::now();
        fault(&mut soak);
        soak.check(&format!("fault {nth}, {what} (GTCTL_SEED={seed})"));
        *counts.entry(what).or_default() += 1;
        longest = longest.max((begun.elapsed(), what));
    }
    let last = soak
        .watch
        .take()
        .map(|Watch(watch)| (size_of(watch.id()), watch));
    for (what, count) in &counts {
        println!("{count:5}  {what}");
    }
    println!(
        "{} faults; the longest took {:.1} s: {}",
        counts.values().sum::<u32>(),
        longest.0.as_secs_f64(),
        longest.1
    );
    if let Some((size, watch)) = last {
        println!(
            "the last controller: {} files open, {} KiB resident",
            size.0, size.1
        );
        Watch(watch).ends();
    }
}
