//! Every sentence, as it is read.

use super::*;
use crate::model::{
    Death, GastownHold, Hold, Leave, Milestone, Moment, NotReady, Period, Reason, Rest, SessionName,
};

/// 2025-11-21 14:05:02 at UTC+1.
pub(crate) const CLOCK: Clock = Clock {
    now: Moment {
        wall: 1_763_730_302_000,
        awake: 90_000_000,
        boot: 7,
    },
    offset_seconds: 3600,
};

#[test]
fn periods_are_brief() {
    let s = Period::from_secs;
    for (p, want) in [
        (Period::ZERO, "0s"),
        (Period::from_millis(250), "250ms"),
        (s(8), "8s"),
        (s(90), "90s"),
        (s(72 * 60 + 59), "72m"),
        (s(12_000), "3h 20m"),
        (s(10_800), "3h"),
        (s(187_200), "2d 4h"),
    ] {
        assert_eq!(brief(p), want);
    }
    for (n, want) in [
        (0, "0K"),
        (812 << 10, "812K"),
        (1536 << 10, "1.5M"),
        (2 << 30, "2G"),
        (3 << 40, "3T"),
    ] {
        assert_eq!(bytes(n), want);
    }
}

#[test]
fn moments_are_local_and_relative() {
    assert_eq!(CLOCK.time(CLOCK.now), "14:05:02");
    assert_eq!(
        CLOCK.until(CLOCK.now.plus(Period::from_secs(8))),
        "until 14:05:10 (in 8s)"
    );
    assert_eq!(
        CLOCK.until(CLOCK.now.minus(Period::from_secs(8))),
        "until the next check"
    );
    assert_eq!(
        CLOCK.time(CLOCK.now.plus(Period::from_hours(9))),
        "23:05:02"
    );
    assert_eq!(
        CLOCK.time(CLOCK.now.plus(Period::from_hours(12))),
        "Nov 22 02:05 +01:00"
    );
    let midnight = Clock {
        now: CLOCK.now.plus(Period::from_mins(594)),
        ..CLOCK
    };
    assert_eq!(
        midnight.time(midnight.now.plus(Period::from_mins(1))),
        "00:00:02"
    );
}

#[test]
fn every_reason_is_a_sentence() {
    let m = Period::from_mins;
    for (r, want) in [
        (Reason::Missing { last: None }, "not there"),
        (
            Reason::Missing {
                last: Some(Death::Signal(9)),
            },
            "not there; last run: signal 9 (KILL)",
        ),
        (
            Reason::Died {
                death: Death::Exit(3),
                crashes: 2,
            },
            "ended: exit status 3, crash 2",
        ),
        (
            Reason::Died {
                death: Death::NoAgent,
                crashes: 0,
            },
            "no agent process in its pane",
        ),
        (
            Reason::Completed {
                death: Death::Exit(0),
            },
            "completed: exit status 0",
        ),
        (
            Reason::Marked {
                marker: "DONE".into(),
                quiet: m(5),
            },
            "printed \"DONE\", quiet for 5m",
        ),
        (
            Reason::MarkedFailed {
                marker: "x".into(),
                line: "no\u{1b}[1m".into(),
            },
            "reports failure: no",
        ),
        (
            Reason::TooOld {
                age: m(72),
                limit: m(60),
            },
            "72m old, limit 60m",
        ),
        (
            Reason::Drifted {
                fields: vec!["command", "env"],
                changes: vec![],
                origins: crate::model::SortedMap::new(),
            },
            "differs from the manifest in command, env",
        ),
        (
            Reason::Adoptable {
                process: "no\u{1b}[1mde".into(),
            },
            "runs node as declared, has no label",
        ),
        (Reason::Orphaned, "no longer declared"),
        (Reason::Disabled, "disabled in the manifest"),
        (
            Reason::LeavesHost {
                why: Leave::Drained,
            },
            "leaves this host: the host is drained",
        ),
        (
            Reason::OffSchedule {
                until: Some("Mon 08:00".into()),
                zone: "Europe/Berlin".into(),
            },
            "off until Mon 08:00 (Europe/Berlin)",
        ),
        (
            Reason::NameChanged {
                from: crate::model::SessionName::new("old").unwrap(),
            },
            "its name was old; its process goes on",
        ),
        (
            Reason::StopBegun {
                waited: m(2),
                purpose: "too-old".into(),
            },
            "stop requested 2m ago (too-old)",
        ),
    ] {
        assert_eq!(reason(&r), want);
    }
}

#[test]
fn holds_say_what_and_until_when() {
    let until = Some(CLOCK.now.plus(Period::from_secs(8)));
    let back_off = Hold::BackOff {
        crashes: 2,
        delay: Period::from_secs(20),
    };
    assert_eq!(
        hold(&back_off, until, &CLOCK),
        "back-off after crash 2, until 14:05:10 (in 8s)"
    );
    let taken = Hold::NameTaken {
        process: "vim".into(),
    };
    assert_eq!(
        hold(&taken, None, &CLOCK),
        "an unlabelled session with this name runs vim"
    );
    let after = Hold::After {
        waiting_for: SessionName::new("mayor").unwrap(),
        why: NotReady::Coming,
    };
    assert_eq!(hold(&after, None, &CLOCK), "mayor is not ready yet");
    assert!(taken.needs_somebody() && !after.needs_somebody());
    let waits = |why| {
        obstacle(&Hold::After {
            waiting_for: SessionName::new("db").unwrap(),
            why,
        })
    };
    let failed = waits(NotReady::Failed {
        death: Some(Death::Exit(1)),
    });
    assert_eq!(
        failed,
        "db failed (exit status 1): fix it, then `gtctl start db`"
    );
    let back_off = NotReady::Held(Box::new(Hold::BackOff {
        crashes: 2,
        delay: Period::from_secs(20),
    }));
    assert_eq!(waits(back_off), "db is waiting too: back-off after crash 2");
    assert_eq!(
        waits(NotReady::Stopped),
        "db is stopped: `gtctl start db` starts it"
    );
    assert_eq!(waits(NotReady::OffSchedule), "db is off by its schedule");
    assert_eq!(
        waits(NotReady::Disabled),
        "db is disabled: remove `enabled = false`, or remove it from `after`"
    );
    let crash_loop = Hold::CrashLoop {
        crashes: 5,
        window: Period::from_mins(15),
        tail: vec![],
    };
    let looping =
        "db is waiting too: crash loop: 5 crashes within 15m; `gtctl reset db` tries again now";
    assert_eq!(waits(NotReady::Held(Box::new(crash_loop))), looping);
    let late = |milestone, why| {
        waits(NotReady::Late {
            milestone,
            within: Period::from_mins(2),
            why: Box::new(why),
        })
    };
    assert_eq!(
        late(Milestone::Ready, NotReady::Coming),
        "db is not ready after 2m: see `gtctl explain db`, or try `gtctl restart db`"
    );
    let held = NotReady::Held(Box::new(Hold::BackOff {
        crashes: 2,
        delay: Period::from_secs(20),
    }));
    let in_vain =
        "db has not completed after 2m because it is waiting itself: back-off after crash 2";
    assert_eq!(late(Milestone::Completed, held), in_vain);
    let until = Some(CLOCK.now.plus(Period::from_secs(8)));
    assert_eq!(
        hold(&after, until, &CLOCK),
        "mayor is not ready yet, expected by 14:05:10"
    );
}

#[test]
#[expect(clippy::too_many_lines, reason = "one line for each hold")]
fn every_hold_is_a_sentence() {
    let (m, mayor) = (Period::from_mins, SessionName::new("mayor").unwrap());
    for (h, want) in [
        (
            Hold::CrashLoop {
                crashes: 5,
                window: m(15),
                tail: vec![],
            },
            "crash loop: 5 crashes within 15m",
        ),
        (
            Hold::HandoffGap {
                since: m(20),
                gap: m(60),
            },
            "last planned restart 20m ago, handoff gap 60m",
        ),
        (Hold::Attached { clients: 1 }, "somebody is attached"),
        (Hold::Attached { clients: 2 }, "2 clients are attached"),
        (Hold::OwnSession, "gtctl itself runs in this session"),
        (
            Hold::Wave {
                wave: 1,
                waiting_for: mayor,
            },
            "wave 1 starts first: mayor is not ready",
        ),
        (
            Hold::ConcurrentStarts {
                starting: 2,
                allowed: 2,
            },
            "2 are starting, at most 2 at once",
        ),
        (
            Hold::Rolling {
                unavailable: 4,
                allowed: 4,
                waiting_for: SessionName::new("a").unwrap(),
            },
            "rolling restart: a is not ready (4 down, at most 4)",
        ),
        (
            Hold::RollStopped {
                failed: SessionName::new("a").unwrap(),
            },
            "rolling restart stopped: a did not become ready",
        ),
        (
            Hold::Failed {
                said: "no".into(),
                times: 1,
            },
            "failed: no",
        ),
        (
            Hold::Failed {
                said: "no".into(),
                times: 3,
            },
            "failed 3 times: no",
        ),
        (
            Hold::StartBudget {
                used: 9,
                allowed: 9,
            },
            "9 of 9 starts in ten minutes used up",
        ),
        (
            Hold::MassGuard { kills: 9, town: 10 },
            "would end 9 of 10 sessions at once",
        ),
        (
            Hold::ClockJump { cycles: 1 },
            "the clock jumped: no session is ended for 1 check",
        ),
        (
            Hold::Draining {
                quiet: Period::from_secs(4),
            },
            "it is still busy, quiet for 4s",
        ),
        (
            Hold::Stopping {
                grace: Period::from_secs(30),
            },
            "stop requested, it has 30s to exit",
        ),
        (
            Hold::MovedOut {
                pid: 7,
                into: "x\u{1b}[31m".into(),
            },
            "its agent (process 7) runs in a pane that was moved to session x: move the pane back, or end the agent",
        ),
        (
            Hold::ForeignTown {
                town: "x\u{202e}y".into(),
            },
            "a session of town x\u{fffd}y has this name",
        ),
        (Hold::SecondLook, "a second check must agree"),
        (Hold::Paused, "the town is paused"),
        (
            Hold::Gastown(GastownHold::EmergencyStop {
                rig: None,
                why: String::new(),
            }),
            "emergency stop of the town",
        ),
        (
            Hold::Gastown(GastownHold::EmergencyStop {
                rig: Some("shop".into()),
                why: "disk\nfull".into(),
            }),
            "emergency stop of rig shop (disk full)",
        ),
        (
            Hold::Gastown(GastownHold::ShuttingDown),
            "gt is shutting the town down",
        ),
        (
            Hold::Gastown(GastownHold::RigRests {
                rig: "shop".into(),
                rest: Rest::Parked,
            }),
            "rig shop is parked",
        ),
        (
            Hold::Gastown(GastownHold::DeaconPaused { why: "me".into() }),
            "the deacon is paused (me)",
        ),
        (
            Hold::Gastown(GastownHold::Daemon),
            "gt's daemon would start it again",
        ),
        (
            Hold::ServerLosses { losses: 3 },
            "the tmux server was lost 3 times in ten minutes",
        ),
        (Hold::NotDurable, "the state directory cannot be written"),
        (
            Hold::EmptyTown,
            "a manifest without sessions expires nothing",
        ),
        (
            Hold::ManifestChanging,
            "the manifest has just changed and is read again in a moment",
        ),
    ] {
        assert_eq!(obstacle(&h), want);
    }
}

#[test]
fn argv_can_be_pasted() {
    let argv = ["claude", "--model=x", "say 'hi'", "", "$HOME"].map(str::to_owned);
    assert_eq!(
        shell(&argv),
        r"claude --model=x 'say '\''hi'\''' '' '$HOME'"
    );
}
