//! Pages as they are read: diff, status, verify and apply on one small town.

use super::*;
use crate::model::SortedMap;
use crate::model::*;
use crate::render::view::{Books, Scene, Selection};
use crate::render::{Colour, apply, status, verify};
use crate::words::tests::CLOCK;
use std::sync::Arc;

pub(in crate::render) const PAPER: Paper = Paper {
    clock: CLOCK,
    width: None,
    colour: Colour::Off,
    detail: Detail::Short,
};

pub(in crate::render) fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

fn desired(session: &str, command: &[&str]) -> Desired {
    Desired {
        name: name(session),
        role: "custom".into(),
        rig: None,
        agent: Arc::default(),
        launch: Launch::Tmux,
        command: command.iter().map(|s| (*s).to_owned()).collect(),
        dir: "/".into(),
        env: SortedMap::new(),
        identity_env: SortedMap::new(),
        env_files: Vec::new(),
        pass_env: crate::model::SortedSet::new(),
        moved: crate::model::SortedSet::new(),
        enabled: true,
        schedule: None,
        restart: RestartPolicy::Always,
        wave: 0,
        after: SortedMap::new(),
        ready_after: Period::ZERO,
        ready: None,
        max_age: None,
        handoff: None,
        handoff_gap: Period::ZERO,
        drain: Period::ZERO,
        idling: Idling::default(),
        max_memory: None,
        tokens: crate::model::TokenLimits::default(),
        on_drift: OnDrift::default(),
        on_upgrade: crate::model::OnUpgrade::Report,
        resume: crate::model::ResumePolicy::default(),
        when_attached: WhenAttached::default(),
        stop_grace: Period::ZERO,
        completion: Completion {
            markers: vec![],
            grace: Period::ZERO,
            log: None,
            turn_ended: None,
        },
        backoff: Backoff::default(),
        logs: Logs::default(),
        instructions: None,
        prune: false,
        policy: None,
    }
}

pub(in crate::render) fn town() -> Town {
    let sessions = ["crew-1", "crew-9", "mayor", "refinery", "witness"];
    Town {
        name: name("shop"),
        root: None,
        gastown: Gastown::default(),
        unstartable: SortedMap::new(),
        socket: Socket::Default,
        sessions: sessions
            .map(|s| (name(s), desired(s, &["claude", "do it"])))
            .into(),
        policies: vec![],
        chores: vec![],
        limits: Limits::default(),
        resync: Period::from_secs(30),
        metrics: None,
        web: None,
        record: None,
        notify: None,
        hosts: crate::model::Hosts::default(),
    }
}

const PROCESS: ProcId = ProcId { pid: 100, start: 1 };

fn alive(session: &str, minutes: u64, quiet: Period) -> Seen {
    let started = CLOCK.now.minus(Period::from_mins(minutes));
    Seen {
        id: SessionId(1),
        attached: 0,
        created: started.wall,
        quiet,
        activity: 0,
        title: String::new(),
        screen: None,
        heard: None,
        ownership: Ownership::Ours(Label {
            session: name(session),
            started_as: None,
            generation: Generation(1),
            started,
            pane: PaneId(1),
            fingerprint: None,
            handoff: None,
            origin: Origin::Started,
            conversation: None,
        }),
        pane: PaneId(1),
        life: Life::Alive {
            process: PROCESS,
            matches: true,
            comm: "claude".into(),
        },
        usage: Some(Usage {
            cpu_ms: 65_000,
            client_ms: 65_000,
            commands: 0,
            rss: 300 << 20,
            processes: 3,
        }),
        footprint: None,
        commands: None,
        is_replaced: None,
        reported: None,
    }
}

pub(in crate::render) fn observed() -> Observed {
    let dead = Life::Dead {
        death: Death::Exit(3),
        process: None,
        at: None,
        tail: vec![],
    };
    let sessions = [
        (
            "crew-1",
            Seen {
                life: dead,
                usage: None,
                ..alive("crew-1", 9, Period::ZERO)
            },
        ),
        ("old", alive("old", 500, Period::from_mins(90))),
        ("refinery", alive("refinery", 30, Period::from_secs(4))),
        ("witness", alive("witness", 72, Period::from_mins(6))),
    ];
    Observed::Up(Server {
        id: ServerId(PROCESS),
        version: "3.3a".into(),
        sessions: sessions.map(|(n, s)| (n.to_owned(), s)).into(),
        moved: SortedMap::new(),
        own: None,
        ended: SortedMap::new(),
        unpiped: crate::model::SortedSet::new(),
    })
}

fn target() -> Target {
    Target {
        server: ServerId(PROCESS),
        session: SessionId(1),
        pane: PaneId(1),
        generation: Some(Generation(1)),
        whose: None,
        process: Some(PROCESS),
        attached: WhenAttached::Hold,
    }
}

pub(in crate::render) fn plan() -> Plan {
    let start = Action::Start {
        desired: Box::new(desired("mayor", &["claude", "do it"])),
        generation: Generation(2),
        handoff: None,
        crashes: 0,
        conversation: crate::model::Conversation::Unnamed,
    };
    let restart = Action::Restart {
        desired: Box::new(desired("witness", &["claude"])),
        target: target(),
        rung: Rung::Ask,
        generation: Generation(2),
        handoff: None,
        crashes: 0,
        conversation: crate::model::Conversation::Unnamed,
    };
    let too_old = Reason::TooOld {
        age: Period::from_mins(72),
        limit: Period::from_mins(60),
    };
    let held = |session: &str, verb, reason, hold, until, phase| Held {
        session: name(session),
        verb,
        reason,
        hold,
        until,
        phase,
    };
    let soon = CLOCK.now.plus(Period::from_secs(8));
    let died = Reason::Died {
        death: Death::Exit(3),
        crashes: 5,
    };
    let tail = vec!["panic: \u{1b}[31mboom".to_owned(), "at main".to_owned()];
    let looping = Hold::CrashLoop {
        crashes: 5,
        window: Period::from_mins(15),
        tail,
    };
    Plan {
        steps: vec![
            Step {
                session: name("mayor"),
                action: start,
                reason: Reason::Missing { last: None },
                phase: Phase::Absent,
            },
            Step {
                session: name("witness"),
                action: restart,
                reason: too_old,
                phase: Phase::Idle,
            },
        ],
        held: vec![
            held(
                "crew-1",
                Verb::Restart,
                died,
                looping,
                Some(soon),
                Phase::Dead(Death::Exit(3)),
            ),
            held(
                "crew-9",
                Verb::Start,
                Reason::Missing { last: None },
                Hold::After {
                    waiting_for: name("mayor"),
                    why: NotReady::Coming,
                },
                None,
                Phase::Absent,
            ),
        ],
        unchanged: vec![
            Unchanged {
                session: name("old"),
                phase: Phase::Idle,
                note: Some(Reason::Orphaned),
                next: None,
            },
            Unchanged {
                session: name("refinery"),
                phase: Phase::Working,
                note: None,
                next: Some(Next {
                    verb: Verb::Restart,
                    reason: ReasonCode::TooOld,
                    at: soon,
                }),
            },
        ],
        wake: Some(soon),
        ..Plan::default()
    }
}

pub(in crate::render) fn with_scene<T>(
    plan: &Plan,
    observed: &Observed,
    show: impl FnOnce(&Scene<'_>) -> T,
) -> T {
    let (town, memory) = (town(), Memory::default());
    show(&Scene {
        town: &town,
        observed,
        memory: &memory,
        plan,
        now: CLOCK.now,
    })
}

#[track_caller]
fn same(text: &str, want: &str) {
    assert!(text == want, "got:\n{text}\nwant:\n{want}");
}

#[test]
fn a_plan_reads_well() {
    let want = "\
\x20 + start    mayor    not there
                      $ claude 'do it'
  ~ restart  witness  72m old, limit 60m
  ! restart  crew-1   ended: exit status 3, crash 5
                      waiting: crash loop: 5 crashes within 15m, until 14:05:10 (in 8s); `gtctl reset` tries again now
                      | panic: boom
                      | at main
  · start    crew-9   not there
                      waiting: mayor is not ready yet
  · orphan   old      no longer declared; --prune expires it

1 to start, 1 to restart, 2 waiting, 2 unchanged · next check 14:05:10, to restart 2 sessions
";
    with_scene(&plan(), &observed(), |s| same(&page(s, &PAPER), want));
}

#[test]
fn wide_shows_the_unchanged_and_narrow_breaks_between_words() {
    let wide = Paper {
        detail: Detail::Wide,
        ..PAPER
    };
    with_scene(&plan(), &observed(), |s| {
        assert!(
            page(s, &wide)
                .contains("\n             refinery  working; restart at 14:05:10, at max age\n")
        );
        let narrow = page(
            s,
            &Paper {
                width: Some(50),
                ..PAPER
            },
        );
        assert!(
            narrow.contains(
                "waiting: crash loop: 5\n                      crashes within 15m, until\n"
            )
        );
        assert!(
            narrow
                .lines()
                .filter(|l| l.starts_with("  "))
                .all(|l| sanitise::width(l) <= 50)
        );
    });
}

#[test]
fn colours_change_no_text() {
    with_scene(&plan(), &observed(), |s| {
        let coloured = page(
            s,
            &Paper {
                colour: Colour::On,
                ..PAPER
            },
        );
        let plain: Vec<String> = coloured.lines().map(|l| sanitise::line(l, LONG)).collect();
        assert_eq!(plain, page(s, &PAPER).lines().collect::<Vec<_>>());
        assert_ne!(coloured, page(s, &PAPER));
    });
}

#[test]
fn what_could_not_be_seen_is_said_first() {
    with_scene(
        &Plan::default(),
        &Observed::Unknown("lost\u{1b}[2J".into()),
        |s| {
            let want = "unknown: tmux could not be asked: lost\n\nnothing planned: gtctl changes nothing while the state is unknown\n";
            same(&page(s, &PAPER), want);
        },
    );
    with_scene(&Plan::default(), &Observed::Down, |s| {
        same(
            &page(s, &PAPER),
            "no tmux server runs\n\nnothing to do: no sessions\n",
        );
    });
}

#[test]
fn a_converged_town_is_one_line() {
    let fine = |s: &str| Unchanged {
        session: name(s),
        phase: Phase::Working,
        note: None,
        next: None,
    };
    let plan = Plan {
        unchanged: vec![fine("a"), fine("b"), fine("c")],
        ..Plan::default()
    };
    with_scene(&plan, &observed(), |s| {
        same(&page(s, &PAPER), "nothing to do: 3 sessions as declared\n");
    });
}

#[test]
fn status_is_a_table() {
    let plan = plan();
    with_scene(&plan, &observed(), |s| {
        let want = "\
\x20 NAME      PHASE    SINCE     AGE  IDLE  OUTPUT  RESTARTS   RSS  NEXT
· old       idle       90m  8h 20m   90m     90m         0  300M  no longer declared; `--prune` expires it
  refinery  working      -     30m    4s      4s         0  300M  restart in 8s, at max age
~ witness   idle        6m     72m    6m      6m         0  300M  72m old, limit 60m; restart now

3 sessions: 1 active, 2 idle · tmux 3.3a · next check 14:05:10, to restart 2 sessions
";
        let only = ["old", "refinery", "witness"].map(name);
        same(
            &status::page(s, &Books::default(), Selection::Only(&only), &PAPER),
            want,
        );
        let all = status::page(s, &Books::default(), Selection::All, &PAPER);
        assert!(all.contains(
            "\n6 sessions: 1 active, 2 idle, 1 dead, 2 absent · 2 steps waiting · tmux 3.3a · next check"
        ));
        let none = status::page(s, &Books::default(), Selection::Only(&[]), &PAPER);
        assert!(none.starts_with("0 sessions"), "{none}");
    });
}

#[test]
fn a_narrow_status_says_why_on_a_line_of_its_own() {
    let plan = plan();
    with_scene(&plan, &observed(), |s| {
        let narrow = Paper {
            width: Some(60),
            ..PAPER
        };
        let want = "\
\x20 NAME     PHASE   SINCE  AGE  IDLE  RESTARTS   RSS
! crew-1   dead        -    -     -         0     -
           crash loop: 5 crashes within 15m; restart in 8s;
           `gtctl reset crew-1` tries again now
! crew-9   absent      -    -     -         0     -
           mayor is not ready yet; start waits
~ witness  idle       6m  72m    6m         0  300M
           72m old, limit 60m; restart now
";
        let only = ["crew-1", "crew-9", "witness"].map(name);
        let page = status::page(s, &Books::default(), Selection::Only(&only), &narrow);
        same(page.split("\n\n").next().unwrap(), want.trim_end());
    });
}

#[test]
fn status_is_grouped_by_rig_and_shows_how_busy_each_session_is() {
    let (plan, observed, mut town) = (plan(), observed(), town());
    for (session, rig) in [("refinery", "shop"), ("witness", "shop"), ("mayor", "bank")] {
        town.sessions.get_mut(session).unwrap().rig = Some(rig.to_owned());
    }
    let scene = Scene {
        town: &town,
        observed: &observed,
        memory: &Memory::default(),
        plan: &plan,
        now: CLOCK.now,
    };
    let wide = Paper {
        detail: Detail::Wide,
        ..PAPER
    };
    let books = Books {
        cpu: SortedMap::from([(name("witness"), 31)]),
        ..Books::default()
    };
    let only = ["mayor", "old", "refinery", "witness"].map(name);
    let page = status::page(&scene, &books, Selection::Only(&only), &wide);
    let want = "\
\x20 NAME      PHASE    SINCE     AGE  IDLE  OUTPUT  RESTARTS  CPU   RSS  CLIENTS  PID  NEXT                                      LOG
· old       idle       90m  8h 20m   90m     90m         0    -  300M        0  100  no longer declared; `--prune` expires it  -
rig bank
! mayor     absent       -       -     -       -         0    -     -        0    -  not there; start now                      -
rig shop
  refinery  working      -     30m    4s      4s         0    -  300M        0  100  restart in 8s, at max age                 -
~ witness   idle        6m     72m    6m      6m         0  31%  300M        0  100  72m old, limit 60m; restart now           -
";
    same(page.split("\n\n").next().unwrap(), want.trim_end());
}

#[test]
fn verify_counts_the_dead() {
    with_scene(&plan(), &observed(), |s| {
        let findings = verify::findings(s);
        let want = "\
crew-1    dead=1   exit status 3
crew-9    missing
mayor     missing
refinery  dead=0   alive
witness   dead=0   alive
5 sessions: 1 dead, 2 missing
";
        same(&verify::page(s, &findings, &PAPER), want);
        assert!(!findings.iter().all(|(_, f)| f.is_well()));
    });
    with_scene(&plan(), &Observed::Unknown("why".into()), |s| {
        assert!(
            verify::findings(s)
                .iter()
                .all(|(_, f)| *f == verify::Finding::Unknown)
        );
    });
}

pub(in crate::render) fn outcomes() -> Outcomes {
    let done = |s: &str, verb, outcome| Done {
        session: name(s),
        verb,
        outcome,
    };
    let started = Effect::Started {
        generation: Generation(1),
        process: Some(PROCESS),
    };
    vec![
        done("mayor", Verb::Start, Outcome::Done(started)),
        done(
            "witness",
            Verb::Restart,
            Outcome::Done(Effect::Signalled {
                tree: vec![PROCESS],
            }),
        ),
        done("x", Verb::Expire, Outcome::Stale("$3 is gone".into())),
        done(
            "y",
            Verb::Expire,
            Outcome::Failed("no such\u{1b}[1m file".into()),
        ),
    ]
}

#[test]
fn apply_says_what_came_of_it() {
    let want = "\
\x20 + started    mayor     pid 100
  ~ stopping   witness   1 process
  · skipped    x         the session has changed meanwhile: $3 is gone
  ! failed     y         expire: no such file
  · waiting    crew-9    mayor is not ready yet
1 started, 1 stopping, 1 skipped, 1 failed, 2 waiting, 1 as declared, 1 noted · next check 14:05:10, to restart 2 sessions";
    let plan = plan();
    with_scene(&plan, &observed(), |s| {
        let (done, waits) = (
            apply::outcomes(s.town, s.memory, &outcomes(), &PAPER),
            apply::waits(s.town, &plan.held[1], &PAPER),
        );
        same(
            &format!("{done}{waits}{}", apply::summary(&outcomes(), s, &PAPER)),
            want,
        );
        let calm = Plan {
            unchanged: plan.unchanged[1..].to_vec(),
            ..Plan::default()
        };
        let text = apply::summary(&[], &Scene { plan: &calm, ..*s }, &PAPER);
        assert_eq!(text, "nothing to do: 1 session as declared");
    });
}
