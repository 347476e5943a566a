//! Sessions that are alive and do no good: signed out, frozen, swollen; and services that leave at
//! once.

use crate::cases::situation_file::NOW;
use crate::harness::{AT_ONCE, PATIENCE, QUICK, Scratch, Yard, name, of, session, sleeper};
use gtctl::act;
use gtctl::events::{Actor, Happened, journal, of_cycle};
use gtctl::memory::{answer, intend, learn};
use gtctl::model::SortedMap;
use gtctl::model::{
    Action, Answer, Block, Generation, Label, Level, Life, Memory, Moment, Observed, Orders,
    Origin, Ownership, PaneId, Period, Plan, Probe, ProcId, Reason, Screen, ScreenState, Seen,
    Server, ServerId, SessionId, Town,
};
use gtctl::plan::{Situation, plan};
use gtctl::proc::signal::Signal;
use gtctl::proc::{clock, process};
use gtctl::store::StateDir;
use std::fmt::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// All of a small town at once.
const MANY: &str = "[limits]\nconcurrent_starts = 5\n";

/// A town of one agent, thirty sessions of it, and what their screens say.
struct Thirty {
    town: Town,
    sessions: Vec<(Generation, Moment, ScreenState)>,
    memory: Memory,
    last: Plan,
    now: Moment,
    warnings: usize,
    asked: Vec<Moment>,
}

impl Thirty {
    fn showing(state: ScreenState) -> Self {
        let mut town = crate::harness::town(&[]);
        for n in 0..30 {
            let mut desired = gtctl::sim::session(name(&format!("one-{n:02}")));
            Arc::make_mut(&mut desired.agent).probe = vec!["claude".to_owned()];
            town.sessions.insert(desired.name.clone(), desired);
        }
        let sessions = vec![(Generation(1), NOW, state); 30];
        let (memory, last) = (Memory::default(), Plan::default());
        Self {
            town,
            sessions,
            memory,
            last,
            now: NOW,
            warnings: 0,
            asked: vec![],
        }
    }

    fn observed(&self) -> Observed {
        let seen = self
            .town
            .sessions
            .values()
            .zip(&self.sessions)
            .zip(1..)
            .map(|((desired, session), id)| {
                let (generation, started, state) = *session;
                let label = Label {
                    session: desired.name.clone(),
                    started_as: None,
                    generation,
                    started,
                    pane: PaneId(id),
                    fingerprint: Some(desired.fingerprint()),
                    handoff: None,
                    origin: Origin::Started,
                    conversation: None,
                };
                let process = ProcId {
                    pid: 1000 + id,
                    start: generation.0,
                };
                let seen = Seen {
                    id: SessionId(id),
                    attached: 0,
                    created: NOW.wall,
                    quiet: Period::from_mins(1),
                    activity: NOW.wall / 1000,
                    title: String::new(),
                    screen: Some(Screen {
                        state,
                        evidence: "Please run /login".to_owned(),
                        digest: 1,
                        turn: 1,
                        progress: 0,
                        background: false,
                        told: gtctl::model::Told::default(),
                        title: gtctl::model::Title::Unread,
                        dialog: None,
                    }),
                    heard: None,
                    ownership: Ownership::Ours(label),
                    pane: PaneId(id),
                    life: Life::Alive {
                        process,
                        matches: true,
                        comm: "claude".to_owned(),
                    },
                    usage: None,
                    footprint: None,
                    commands: None,
                    is_replaced: None,
                    reported: None,
                };
                (desired.name.to_string(), seen)
            });
        let id = ServerId(ProcId { pid: 100, start: 1 });
        Observed::Up(Server {
            id,
            version: "3.3a".to_owned(),
            sessions: seen.collect(),
            moved: SortedMap::new(),
            own: None,
            unpiped: gtctl::model::SortedSet::new(),
            ended: SortedMap::new(),
        })
    }

    /// One cycle, after so long. What it decides is not carried out.
    fn cycle(&mut self, after: Period) -> Plan {
        self.now = self.now.plus(after);
        let observed = self.observed();
        let memory = learn(
            std::mem::take(&mut self.memory),
            &self.town,
            &observed,
            self.now,
        );
        let orders = Orders::default();
        let plan = plan(&Situation {
            town: &self.town,
            observed: &observed,
            memory: &memory,
            orders,
            now: self.now,
        });
        self.memory = intend(memory, &plan, self.now);
        self.asked.extend(
            plan.probes
                .iter()
                .filter(|probe| probe.is_due(self.now))
                .map(|_| self.now),
        );
        let told = journal(&of_cycle(&Happened {
            now: self.now,
            actor: Actor::Controller,
            before: &self.last,
            observed: &observed,
            plan: &plan,
            outcomes: &[],
            memory: &self.memory,
            ended: &[],
            departures: &[],
            answers: &[],
            chores: &[],
        }));
        self.warnings += told
            .iter()
            .filter(|entry| entry.level == Level::Warn)
            .count();
        self.last = plan.clone();
        plan
    }

    fn told(&mut self, told: Answer) {
        let asked = *self.asked.last().expect("a question");
        self.memory = answer(std::mem::take(&mut self.memory), "claude", asked, told);
    }
}

#[test]
fn thirty_sessions_of_a_signed_out_agent_are_asked_about_once_each_time_and_all_resume_when_it_is_signed_in()
 {
    let mut thirty = Thirty::showing(ScreenState::Auth);
    for _ in 0..480 {
        let questions = thirty.asked.len();
        assert_eq!(thirty.cycle(Period::from_secs(15)).steps, []);
        if thirty.asked.len() > questions {
            thirty.told(Answer::Failed("exit status: 1".to_owned()));
        }
    }
    assert_eq!(thirty.warnings, 1, "one notice for all");
    let gaps: Vec<u64> = thirty
        .asked
        .windows(2)
        .map(|two| two[1].since(&two[0]).millis() / 60_000)
        .collect();
    assert!(
        (60_000..=90_000).contains(&thirty.asked[0].since(&NOW).millis()),
        "{:?}",
        thirty.asked[0].since(&NOW)
    );
    assert!(
        gaps.len() >= 7
            && gaps
                .iter()
                .zip([5, 10, 15, 15, 15])
                .all(|(gap, least)| (least..=least + 2).contains(gap))
    );
    let questions = thirty.asked.len();
    while thirty.asked.len() == questions {
        assert_eq!(thirty.cycle(Period::from_secs(15)).steps, []);
    }
    thirty.told(Answer::Passed);
    thirty.sessions[0].2 = ScreenState::Ready;
    // They go on in a roll: some at a time, the next when the former are ready.
    let most = 3;
    let mut renewed = gtctl::model::SortedSet::new();
    for _ in 0..60 {
        let plan = thirty.cycle(Period::from_mins(1));
        assert!(plan.steps.len() <= most, "{}", plan.steps.len());
        for step in &plan.steps {
            assert!(matches!(step.reason, Reason::SignedIn { .. }));
            let at = thirty
                .town
                .sessions
                .keys()
                .position(|name| *name == step.session)
                .expect("a declared session");
            let Action::Restart { generation, .. } = &step.action else {
                panic!("{step:?}")
            };
            thirty.sessions[at] = (*generation, thirty.now, ScreenState::Ready);
            assert!(
                renewed.insert(step.session.clone()),
                "{} once",
                step.session
            );
        }
    }
    assert_eq!(renewed.len(), 29, "what went on by itself is left alone");
    let plan = thirty.cycle(Period::from_mins(1));
    assert_eq!(
        (plan.steps, plan.held, plan.probes),
        (vec![], vec![], vec![])
    );
    assert!(thirty.memory.probes.is_empty());
}

#[test]
fn a_limit_without_an_end_is_held_for_hours_whatever_a_probe_of_sign_in_says_and_then_goes_on_as_it_is()
 {
    let mut thirty = Thirty::showing(ScreenState::Limit { resets: None });
    thirty
        .town
        .sessions
        .values_mut()
        .for_each(|desired| desired.max_age = Some(Period::from_mins(30)));
    let held = |plan: &gtctl::model::Plan| plan.held.len();
    for _ in 0..(4 * 60) {
        let plan = thirty.cycle(Period::from_mins(1));
        assert_eq!(plan.steps, []);
        assert!(plan.probes.is_empty(), "who is signed in may be at a limit");
    }
    assert_eq!(held(&thirty.cycle(Period::from_mins(1))), 30);
    let plan = thirty.cycle(Period::from_mins(70));
    let blocked =
        |held: &&gtctl::model::Held| matches!(held.hold, gtctl::model::Hold::Blocked { .. });
    assert_eq!(
        plan.held.iter().filter(blocked).count(),
        0,
        "what was held is tried"
    );
}

#[test]
fn a_probe_that_passes_twice_for_the_same_line_proves_nothing() {
    let mut thirty = Thirty::showing(ScreenState::Auth);
    let mut restarted = gtctl::model::SortedMap::new();
    for _ in 0..(6 * 60) {
        let plan = thirty.cycle(Period::from_mins(1));
        if !thirty.asked.is_empty() {
            thirty.told(Answer::Passed);
        }
        for step in plan.steps {
            *restarted.entry(step.session.clone()).or_insert(0) += 1;
            // The fresh process shows the same line.
            let at = thirty
                .town
                .sessions
                .keys()
                .position(|name| *name == step.session)
                .unwrap();
            let session = &mut thirty.sessions[at];
            *session = (Generation(session.0.0 + 1), thirty.now, ScreenState::Auth);
        }
    }
    assert_eq!(restarted.len(), 30);
    assert!(restarted.values().all(|times| *times == 1), "{restarted:?}");
}

#[test]
fn a_limit_holds_until_its_end_and_a_little_longer_also_over_a_restart_of_the_controller() {
    let scratch = Scratch::new();
    let ends = NOW.plus(Period::from_hours(2)).wall;
    let mut thirty = Thirty::showing(ScreenState::Limit { resets: Some(ends) });
    thirty
        .town
        .sessions
        .values_mut()
        .for_each(|desired| desired.max_age = Some(Period::from_mins(30)));
    let state = scratch.path().join("state");
    let mut freed = vec![];
    for minute in 1..=(2 * 60 + 3) {
        // Another controller, which reads `resets 7pm` past 7pm as tomorrow's.
        let mut store = StateDir::open(&state).unwrap();
        thirty.memory = store.load(thirty.now).unwrap().memory;
        if minute > 90 {
            let tomorrow = ScreenState::Limit {
                resets: Some(ends + 86_400_000),
            };
            thirty
                .sessions
                .iter_mut()
                .for_each(|session| session.2 = tomorrow);
        }
        let plan = thirty.cycle(Period::from_mins(1));
        let held =
            |held: &&gtctl::model::Held| matches!(held.hold, gtctl::model::Hold::Blocked { .. });
        freed.push(30 - plan.held.iter().filter(held).count());
        assert!(plan.probes.is_empty(), "its end is known");
        store.save(&thirty.memory).unwrap();
    }
    assert!(freed[30..119].iter().all(|freed| *freed == 0), "{freed:?}");
    assert_eq!(freed.last(), Some(&30));
}

fn question(probe: &[&str], dir: &Scratch) -> Probe {
    let mut desired = gtctl::sim::session(name("one"));
    let agent = Arc::make_mut(&mut desired.agent);
    agent.probe = probe.iter().map(|word| (*word).to_owned()).collect();
    agent.auth = vec!["Not logged in".to_owned()];
    desired.dir = dir.path().to_owned();
    desired.env.insert("DECLARED".to_owned(), "yes".to_owned());
    let agent = desired.agent.name.clone();
    Probe {
        agent,
        kind: Block::Auth,
        since: NOW,
        at: NOW,
        failed: 0,
        desired: Box::new(desired),
    }
}

fn asked(script: &str, dir: &Scratch, deadline: Duration) -> Answer {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(act::probe(&question(&["sh", "-c", script], dir), deadline))
}

#[test]
fn a_probe_is_judged_by_its_end_and_by_what_it_says() {
    let dir = Scratch::new();
    let long = Duration::from_secs(30);
    assert_eq!(asked("exit 0", &dir, long), Answer::Passed);
    assert_eq!(
        asked("exit 3", &dir, long),
        Answer::Failed("exit status: 3".to_owned())
    );
    assert!(matches!(
        asked("echo 'Not logged in'", &dir, long),
        Answer::Failed(_)
    ));
    assert!(matches!(
        asked("echo 'Not logged in' >&2", &dir, long),
        Answer::Failed(_)
    ));
    assert_eq!(
        asked("sleep 1000 & exit 0", &dir, long),
        Answer::Passed,
        "what it leaves behind is not waited for"
    );
    assert_eq!(
        asked(
            "head -c 3000000 /dev/zero; test \"$DECLARED$TMUX\" = yes",
            &dir,
            long
        ),
        Answer::Passed
    );
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let missing = runtime.block_on(act::probe(&question(&["no-such-program"], &dir), long));
    assert!(
        matches!(&missing, Answer::Unasked(why) if why.contains("no-such-program")),
        "{missing:?}"
    );
}

#[test]
fn a_probe_that_hangs_is_ended_with_all_that_it_started() {
    let dir = Scratch::new();
    let script = "sleep 1000 & echo $! >child; trap '' TERM HUP; echo $$ >self; wait";
    let begun = Instant::now();
    let told = asked(script, &dir, Duration::from_secs(2));
    assert!(
        matches!(&told, Answer::Failed(why) if why.contains("no answer")),
        "{told:?}"
    );
    assert!(begun.elapsed() < AT_ONCE);
    for file in ["self", "child"] {
        let pid: u32 = std::fs::read_to_string(dir.path().join(file))
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        while process::identify(pid).is_some() {
            assert!(Instant::now() < deadline, "{file} lives on");
        }
    }
}

/// As if the screens had shown what they show for ten minutes.
fn age_screens(yard: &Yard) {
    let mut store = StateDir::open(&yard.state()).unwrap();
    let mut memory = store.load(clock::now()).unwrap().memory;
    for content in memory
        .sessions
        .values_mut()
        .filter_map(|history| history.run.as_mut()?.content.as_mut())
    {
        content.state_since = content.state_since.minus(Period::from_mins(10));
    }
    store.save(&memory).unwrap();
}

#[test]
fn a_probe_that_passes_gives_those_that_still_show_their_sign_in_a_fresh_process() {
    let agent =
        "[agents.claude]\nprobe = [\"sh\", \"-c\", \"echo x >>$HOME/asked; test -e $HOME/in\"]\n";
    let mut manifest = format!("{QUICK}[limits]\nconcurrent_starts = 5\n{agent}");
    let screen =
        "if [ -e $HOME/in ]; then echo hello; else echo 'Please run /login'; fi; exec sleep 1000";
    for n in 0..3 {
        write!(
            manifest,
            "{}",
            session(&format!("one-{n}"), screen, "agent = \"claude\"")
        )
        .unwrap();
    }
    let yard = Yard::new(&manifest);
    yard.gtctl(&["apply", "--no-wait"]);
    yard.until("all blocked", || {
        yard.gtctl(&["reconcile"]);
        yard.gtctl(&["status"]).out.contains("3 blocked")
    });
    let names = ["one-0", "one-1", "one-2"];
    let before = names.map(|name| yard.pid(name));
    age_screens(&yard);
    yard.gtctl(&["diff"])
        .says("· probe")
        .says("a controller asks now");
    yard.gtctl(&["reconcile"]);
    assert!(
        !yard.at("home/asked").exists(),
        "only a controller that keeps running asks"
    );
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("a question", || yard.at("home/asked").exists());
    yard.until("its answer", || {
        yard.gtctl(&["events", "-o", "json"])
            .out
            .contains("is not signed in")
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert_eq!(
        names.map(|name| yard.pid(name)),
        before,
        "a probe that fails changes nothing"
    );
    yard.write("home/in", "");
    age_questions(&yard);
    let watch = yard.start(&["reconcile", "--watch"]);
    for (name, before) in names.iter().zip(before) {
        yard.until("a fresh process", || {
            yard.process(name).is_some_and(|now| now != before)
        });
    }
    yard.until("nobody blocked", || {
        !yard.gtctl(&["status"]).out.contains("blocked")
    });
    let events = yard.gtctl(&["events", "-o", "json"]).out;
    assert_eq!(
        events.matches("is signed in, as its probe reports").count(),
        1,
        "{events}"
    );
    assert_eq!(yard.read("home/asked"), "x\nx\n");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

/// As if the last question had been asked a quarter of an hour ago.
fn age_questions(yard: &Yard) {
    let mut store = StateDir::open(&yard.state()).unwrap();
    let mut memory = store.load(clock::now()).unwrap().memory;
    let long = Period::from_mins(20);
    for content in memory
        .sessions
        .values_mut()
        .filter_map(|history| history.run.as_mut()?.content.as_mut())
    {
        content.state_since = content.state_since.minus(long);
    }
    memory
        .probes
        .values_mut()
        .for_each(|probed| probed.asked = probed.asked.minus(long));
    store.save(&memory).unwrap();
}

/// Frozen at work until it gets a key; what it then got is in `$HOME/NAME`.
fn frozen(name: &str, then: &str) -> String {
    let script = format!(
        "stty raw -echo; printf 'esc to interrupt\\r\\n'; head -c 1 | od -An -tx1 >$HOME/{name}; {then}; exec sleep 1000"
    );
    session(name, &script, "agent = \"claude\"\nstuck_after = \"5s\"")
}

#[test]
fn an_escape_frees_what_is_stuck_and_is_waited_for_where_it_does_not() {
    let frees = frozen("frees", "printf '\\033[H\\033[Jhello\\r\\n'");
    let yard = Yard::new(&format!(
        "{QUICK}{MANY}{frees}{}{}",
        frozen("stays", ":"),
        frozen("watched", ":")
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let _client = yard.attach("watched");
    let before = ["frees", "stays", "watched"].map(|name| yard.pid(name));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the first Escape", || {
        yard.at("home/frees").exists() && yard.read("home/frees").trim() == "1b"
    });
    yard.until("it is freed", || {
        yard.gtctl(&["events", "-o", "json"])
            .out
            .contains("frees active again")
    });
    let hold = |name: &str| {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", name).map_or_else(String::new, |held| {
            held["hold"]["code"].as_str().unwrap().to_owned()
        })
    };
    yard.until("the other is waited for", || hold("stays") == "roused");
    yard.until("the third is held", || hold("watched") == "attached");
    assert_eq!(yard.read("home/stays").trim(), "1b");
    assert_eq!(yard.read("home/watched").trim(), "", "nobody is typed over");
    assert_eq!(
        ["frees", "stays", "watched"].map(|name| yard.pid(name)),
        before
    );
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_tree_that_holds_too_much_gets_a_fresh_process() {
    // Two processes share most of what they hold, and are within their limit all the same.
    let script = "if [ -e $HOME/NAME ]; then exec sleep 1000; fi; touch $HOME/NAME; \
                  x=$(head -c 60000000 /dev/zero | tr '\\0' x); sleep 1000; echo $x";
    let shares =
        "x=$(head -c 60000000 /dev/zero | tr '\\0' x); (sleep 1000; echo $x) & sleep 1000; echo $x";
    let limit = |mib: u32| format!("max_memory = \"{mib}MiB\"\ndrain = \"0s\"");
    let large = session("large", &script.replace("NAME", "large"), &limit(30));
    let yard = Yard::new(&format!(
        "{QUICK}{MANY}{large}{}{}",
        session("shares", shares, &limit(400)),
        sleeper("other", "")
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    let (large, shares) = (yard.fresh("large", None), yard.fresh("shares", None));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the restart", || {
        yard.process("large").is_some_and(|now| now != large)
    });
    assert!(
        yard.gtctl(&["events", "-o", "json"])
            .out
            .contains("too-large")
    );
    assert_eq!(yard.pid("shares"), shares);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn a_service_that_leaves_well_at_once_is_a_crash_loop_that_shows_what_it_said() {
    let more = "ready_after = \"5s\"\nbackoff = { first = \"0s\", burst = 3 }";
    let yard = Yard::new(&format!(
        "{QUICK}{}",
        session("gone", "echo 'no longer maintained'", more)
    ));
    yard.gtctl(&["apply", "--no-wait"]);
    yard.until("the crash loop", || {
        yard.gtctl(&["reconcile"]);
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "gone").is_some_and(|held| held["hold"]["code"] == "crash-loop")
    });
    yard.gtctl(&["diff"])
        .says("counts as a failed start, crash 3")
        .says("no longer maintained");
}
