use super::*;
use crate::model::SortedMap;
use crate::model::{
    Activity, Agent, Backoff, Completion, Death, Idling, Launch, Logs, OnDrift, Phase, Reported,
    RestartPolicy, Source, WhenAttached,
};
use crate::model::{Generation, Ownership, PaneId, ProcId, SessionId, SessionName, Title, Told};
use std::sync::Arc;

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 90_000_000,
    boot: 7,
};

fn seen(state: ScreenState, digest: u64) -> Seen {
    Seen {
        id: SessionId(1),
        attached: 0,
        created: 0,
        quiet: Period::from_hours(9),
        activity: 1_789_999_000,
        title: String::new(),
        heard: None,
        screen: Some(Screen {
            state,
            evidence: state.code().repeat(100),
            digest,
            turn: digest,
            progress: 0,
            background: false,
            told: Told::default(),
            title: Title::Unread,
            dialog: None,
        }),
        ownership: Ownership::Unlabelled,
        pane: PaneId(1),
        life: Life::Alive {
            process: ProcId { pid: 9, start: 9 },
            matches: true,
            comm: String::new(),
        },
        usage: None,
        footprint: None,
        commands: None,
        is_replaced: None,
        reported: None,
    }
}

fn desired() -> Desired {
    Desired {
        name: SessionName::new("a").unwrap(),
        role: String::new(),
        rig: None,
        agent: Arc::new(Agent {
            name: "kimi".into(),
            ..Agent::default()
        }),
        launch: Launch::Tmux,
        command: vec![],
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
        on_drift: OnDrift::Report,
        on_upgrade: crate::model::OnUpgrade::Report,
        resume: crate::model::ResumePolicy::default(),
        when_attached: WhenAttached::Hold,
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

fn after(seconds: u64) -> Moment {
    NOW.plus(Period::from_secs(seconds))
}

/// What is known after these looks, so many seconds after the start.
fn looks(looks: &[(u64, Seen)]) -> Content {
    let (mut run, mut last_look) = (Incarnation::new(Generation(1), NOW, None), None);
    for (at, seen) in looks {
        learn_content(&mut run, seen, last_look, after(*at));
        last_look = Some(after(*at));
    }
    run.content.unwrap()
}

#[test]
fn idle_time_is_that_of_the_content_and_work_is_never_idle() {
    let ready = |digest| seen(ScreenState::Ready, digest);
    let first = looks(&[(60, ready(1))]);
    assert_eq!(
        first.idle(after(60)),
        Content::IDLE_AFTER,
        "what was before is not known"
    );
    assert!(first.evidence.len() <= Content::MAX_EVIDENCE);
    let still = looks(&[(60, ready(1)), (90, ready(1)), (400, ready(1))]);
    assert_eq!(
        (still.idle(after(400)), still.looks),
        (Period::from_secs(345), 2)
    );
    let written = |seconds, digest| Seen {
        quiet: Period::from_secs(seconds),
        ..ready(digest)
    };
    let moved = looks(&[(60, ready(1)), (400, written(0, 2))]);
    assert_eq!(moved.idle(after(401)), Period::from_secs(1));
    let late = looks(&[(60, ready(1)), (400, written(31, 2))]);
    assert_eq!(
        late.idle(after(400)),
        Period::from_secs(30),
        "it was written a while before the look"
    );
    let stepped = looks(&[(60, ready(1)), (400, written(9000, 2))]);
    assert_eq!(
        stepped.idle(after(400)),
        Period::from_secs(340),
        "but not before the last one"
    );
    let ended = looks(&[(60, seen(ScreenState::Busy, 1)), (400, written(0, 1))]);
    assert_eq!(
        (ended.idle(after(400)), ended.looks),
        (Period::ZERO, 1),
        "the end of work is news"
    );
    assert_eq!(
        looks(&[(60, seen(ScreenState::Busy, 1))]).idle(after(900)),
        Period::ZERO
    );
}

#[test]
fn a_dead_run_teaches_nothing() {
    let mut run = Incarnation {
        content: Some(looks(&[(1, seen(ScreenState::Auth, 1))])),
        ..Incarnation::new(Generation(1), NOW, None)
    };
    let dead = Life::Dead {
        death: Death::Exit(1),
        process: None,
        at: None,
        tail: vec![],
    };
    learn_content(
        &mut run,
        &Seen {
            life: dead,
            ..seen(ScreenState::Ready, 2)
        },
        None,
        after(2),
    );
    assert_eq!(run.content.map(|content| content.digest), Some(1));
}

#[test]
fn the_first_answer_for_the_end_of_a_limit_is_kept() {
    let limit = |resets| seen(ScreenState::Limit { resets }, 1);
    let kept = looks(&[
        (1, limit(None)),
        (2, limit(Some(5))),
        (3, limit(Some(86_400_005))),
    ]);
    assert_eq!(
        (kept.state, kept.looks),
        (ScreenState::Limit { resets: Some(5) }, 2)
    );
    assert_eq!(kept.state_since, after(1));
}

#[test]
fn output_within_the_second_of_a_look_may_have_come_after_it() {
    let written = |ago: i64| Seen {
        activity: after(60).wall / 1000 - ago,
        ..seen(ScreenState::Ready, 1)
    };
    let known = |ago| looks(&[(60, written(ago))]).activity == written(ago).activity;
    assert_eq!([known(0), known(1), known(2)], [false, true, true]);
}

#[test]
fn processes_that_work_are_content_and_a_twitch_is_not() {
    let used = |cpu_ms| Seen {
        usage: Some(Usage {
            cpu_ms,
            ..Usage::default()
        }),
        ..seen(ScreenState::Ready, 1)
    };
    let after_work = |ms: u64| looks(&[(100, used(1000)), (110, used(1000 + ms))]);
    let twitch = after_work(150);
    assert_eq!(
        (twitch.since, twitch.cpu.unwrap().resting),
        (after(95), true)
    );
    let work = after_work(250);
    assert_eq!((work.since, work.cpu.unwrap().resting), (after(110), false));
    assert!(
        !looks(&[(100, used(1000)), (102, used(9000))])
            .cpu
            .unwrap()
            .resting,
        "too soon to tell"
    );
    let drowned = looks(&[(100, used(0)), (3000, used(0)), (3010, used(1000))]);
    assert_eq!(drowned.since, after(3010), "an hour of rest hides no work");
}

#[test]
fn a_spinner_is_no_work_but_what_the_client_has_started_is() {
    let busy = |cpu_ms, client_ms, commands| Seen {
        usage: Some(Usage {
            cpu_ms,
            client_ms,
            commands,
            ..Usage::default()
        }),
        ..seen(ScreenState::Busy, 1)
    };
    let rests = |then| {
        let content = looks(&[(100, busy(1000, 1000, 0)), (110, then)]);
        content.cpu.unwrap().resting
    };
    assert!(rests(busy(1800, 1800, 0)), "eight percent of its own");
    assert!(!rests(busy(3500, 3500, 0)), "more than any drawing takes");
    assert!(!rests(busy(1300, 1000, 0)), "a command that computes");
    assert!(!rests(busy(1000, 1000, 1)), "a command that waits");
}

#[test]
fn tokens_that_come_are_progress() {
    let with = |progress| {
        let mut seen = seen(ScreenState::Busy, 1);
        seen.screen.as_mut().unwrap().progress = progress;
        seen
    };
    let since = |last| looks(&[(100, with(1)), (200, with(1)), (300, with(last))]).since;
    assert_eq!(
        since(2),
        after(200),
        "since the last look that did not see them"
    );
    assert_ne!(since(1), after(200));
}

#[test]
fn ends_on_a_sign_in_screen_count_in_a_row_until_a_run_comes_up() {
    let desired = desired();
    let run = |at, ended: Option<u64>, ready| History {
        run: Some(Incarnation {
            ready,
            ended: ended.map(|at| Ended {
                death: Death::Exit(1),
                at: after(at),
            }),
            ..Incarnation::new(Generation(1), after(at), None)
        }),
        ..History::default()
    };
    let mut deaths = AuthDeaths::new();
    let mut end = |at, state, before| {
        let history = run(at, Some(at + 1), None);
        learn_auth_deaths(
            &mut deaths,
            before,
            &history,
            &desired,
            Some(&seen(state, 1)),
        );
        deaths.get("kimi").map_or(0, Vec::len)
    };
    assert_eq!(
        [
            end(1, ScreenState::Auth, None),
            end(3, ScreenState::Auth, None)
        ],
        [1, 2]
    );
    let known = run(3, Some(4), None).run.and_then(|run| run.ended);
    assert_eq!(end(3, ScreenState::Auth, known), 2, "an end counts once");
    assert_eq!(
        [
            end(5, ScreenState::Auth, None),
            end(7, ScreenState::Auth, None)
        ],
        [3, 3]
    );
    assert_eq!(end(9, ScreenState::Unclear, None), 0);
    end(11, ScreenState::Auth, None);
    learn_auth_deaths(
        &mut deaths,
        None,
        &run(5, None, Some(after(8))),
        &desired,
        None,
    );
    assert_eq!(deaths.len(), 1, "it came up before that");
    learn_auth_deaths(
        &mut deaths,
        None,
        &run(20, None, Some(after(25))),
        &desired,
        None,
    );
    assert!(deaths.is_empty());
}

#[test]
fn an_overloaded_server_is_tried_again_and_blocks_nobody() {
    let failed = |ms: u64| Reported {
        activity: Activity::Failed,
        by: Source::Hook,
        event: "StopFailure".to_owned(),
        at: after(ms),
        conversation: None,
        text: "API Error: 529 Overloaded".to_owned(),
        transcript: None,
        resets: None,
        has_begun_turn: true,
        usage: None,
    };
    let session = SessionName::new("a").unwrap();
    for reported in [None, Some(failed(1))] {
        let shown = Seen {
            reported,
            ..seen(ScreenState::Retrying, 1)
        };
        // After three seconds a hook is no longer believed against the screen.
        let content = looks(&[(1, shown.clone()), (5, shown.clone()), (60, shown)]);
        assert_eq!(content.block(&session, after(60)), None);
        assert_eq!(content.phase(&session, after(60)), Phase::Working);
        assert!(!content.is_past_limit(&session, after(60)));
    }
}
