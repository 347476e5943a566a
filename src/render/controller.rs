//! The controller of the town, in one line.

use super::sanitise;
use super::style::{Paper, Role};
use super::words::brief;
use crate::model::{Heartbeat, InForce, Keeper, Moment, Period};

/// The longest complaint that is shown, in characters.
const COMPLAINT: usize = 120;

/// Whether a controller runs, its health, and whether the manifest on disk is in force. Ends with a
/// line end.
#[must_use]
pub fn line(keeper: &Keeper, resync: Period, paper: &Paper) -> String {
    let now = paper.clock.now;
    let overdue = keeper.is_overdue(resync, now);
    let text = match keeper {
        Keeper::Nobody => "no controller runs".to_owned(),
        Keeper::Silent { process, age } => {
            format!(
                "controller {} · started {} ago, no cycle yet",
                process.pid,
                brief(*age)
            )
        }
        Keeper::Beating(beat) => beating(beat, paper),
    };
    let role = if overdue { Role::Bad } else { Role::Plain };
    let stopped = if overdue {
        " · it is stopped or hangs"
    } else {
        ""
    };
    format!(
        "{}\n",
        paper.colour.paint(role, &format!("{text}{stopped}"))
    )
}

fn beating(beat: &Heartbeat, paper: &Paper) -> String {
    let mut parts = vec![format!("controller {}", beat.controller.pid)];
    parts.push(match &beat.trouble {
        None => format!(
            "last cycle {}, took {}",
            ago(beat.cycled, paper.clock.now),
            took(beat.took)
        ),
        Some(why) => format!("cycles fail: {}", sanitise::line(why, COMPLAINT)),
    });
    if let InForce::LastGood { since, why } = &beat.manifest {
        let (since, why) = (paper.clock.time(*since), sanitise::line(why, COMPLAINT));
        parts.push(format!(
            "the manifest has errors since {since} ({why}): the last good one is used; `gtctl validate` shows the errors"
        ));
    }
    parts.join(" · ")
}

fn ago(then: Moment, now: Moment) -> String {
    let ago = Period::from_secs(now.since(&then).millis() / 1000);
    if ago.is_zero() {
        "just now".to_owned()
    } else {
        format!("{} ago", brief(ago))
    }
}

/// Short times in milliseconds: a cycle should be quick.
fn took(period: Period) -> String {
    if period < Period::from_secs(10) {
        format!("{} ms", period.millis())
    } else {
        brief(period)
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::super::{Clock, Colour, Detail};
    use super::*;
    use crate::model::{Announced, Counts, ProcId};

    const NOW: Moment = Moment {
        wall: 1_763_730_302_000,
        awake: 900_000,
        boot: 1,
    };

    pub(in super::super) fn beat() -> Heartbeat {
        Heartbeat {
            controller: ProcId {
                pid: 4242,
                start: 9,
            },
            file: "/town/town.toml".into(),
            began: NOW.minus(Period::from_mins(10)),
            cycled: NOW.minus(Period::from_secs(3)),
            took: Period::from_millis(4),
            resync: Period::from_secs(15),
            trouble: None,
            manifest: InForce::OnDisk,
            counts: Counts {
                cycles: 40,
                starts: 3,
                crashes: 2,
                expired: 1,
                failures: 0,
            },
            announced: Announced::new(),
        }
    }

    fn shown(keeper: &Keeper) -> String {
        let clock = Clock {
            now: NOW,
            offset_seconds: 0,
        };
        let paper = Paper {
            clock,
            width: None,
            colour: Colour::Off,
            detail: Detail::Short,
        };
        line(keeper, Period::from_secs(15), &paper)
    }

    #[test]
    fn one_line_tells_how_the_controller_does() {
        let process = ProcId {
            pid: 4242,
            start: 9,
        };
        let silent = |secs| Keeper::Silent {
            process,
            age: Period::from_secs(secs),
        };
        let cycled = NOW.minus(Period::from_secs(50));
        let since = NOW.minus(Period::from_mins(2));
        let manifest = InForce::LastGood {
            since,
            why: "the manifest\u{1b}[31m has faults".into(),
        };
        let cases = [
            (Keeper::Nobody, "no controller runs\n"),
            (
                silent(4),
                "controller 4242 · started 4s ago, no cycle yet\n",
            ),
            (
                silent(46),
                "controller 4242 · started 46s ago, no cycle yet · it is stopped or hangs\n",
            ),
            (
                Keeper::Beating(Box::new(beat())),
                "controller 4242 · last cycle 3s ago, took 4 ms\n",
            ),
            (
                Keeper::Beating(Box::new(Heartbeat {
                    cycled,
                    took: Period::from_secs(12),
                    ..beat()
                })),
                "controller 4242 · last cycle 50s ago, took 12s · it is stopped or hangs\n",
            ),
            (
                Keeper::Beating(Box::new(Heartbeat {
                    trouble: Some("disk full".into()),
                    ..beat()
                })),
                "controller 4242 · cycles fail: disk full\n",
            ),
            (
                Keeper::Beating(Box::new(Heartbeat { manifest, ..beat() })),
                "controller 4242 · last cycle 3s ago, took 4 ms · the manifest has errors since 13:03:02 (the \
                 manifest has faults): the last good one is used; `gtctl validate` shows the errors\n",
            ),
        ];
        for (keeper, want) in cases {
            assert_eq!(shown(&keeper), want);
        }
    }
}
