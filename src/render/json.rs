//! The same pages for programs: one documented shape per verb, with a version.
//!
//! Times are RFC 3339 in UTC, periods milliseconds, sizes bytes; each says so in its name or its
//! schema. Text from outside is sanitised. Within a version, fields may be added, but none is
//! removed and none changes its meaning.

use super::gastown::whys;
use super::sanitise;
use super::verify::Finding;
use super::view::{Books, Scene, Selection};
use crate::model::{
    ChoreResult, Done, InForce, Keeper, Moment, Observed, Period, SessionName, Town,
};
use jiff::Timestamp;
use lines::{held, outcome, probe, step, unchanged};
use serde::Serialize;

mod chores;
mod config;
mod doctor;
mod explained;
mod first;
mod forecast;
mod host;
mod lines;
mod record;
mod remarks;
mod report;
mod session;
mod shape;
mod wait;

pub(super) use wait::wait_page;

pub(super) use session::screen_line;

pub(super) use lines::{hold as why_of_hold, reason as why_of};

pub use chores::{ChoreLine, ProposalLine};
pub use config::{ConfigField, ConfigPage, ConfigTable, config};
pub use doctor::{CheckLine, DoctorPage, doctor};
pub use explained::{ExplainPage, RuleLine, SaysLine, SettingLine, WantLine};
pub use first::{
    ImportPage, ImportedLine, InitPage, LeftLine, ServicePage, ValidatePage, import,
    import_of_files,
};
pub use forecast::{AssumptionsLine, ForecastPage, ForeseenLine, forecast};
pub use host::{HostFacts, HostPage, ReceivedPage, host, received};
pub use record::{
    DecisionLine, DifferenceLine, RecordLine, RecordPage, ReplayPage, record, replay,
};
pub use remarks::{EventPage, LogPage, RemarkPage, TroublePage, log, remark, trouble};
pub use report::{ReportPage, ReportRestart, ReportSession, ReportSpan, report};
pub use session::{EventLine, LastExitLine, ScreenLine, SessionLine, UsageLine};
pub use wait::{WaitLine, WaitPage};

#[cfg(test)]
pub(crate) use shape::made_schemas;
pub use shape::{
    AnswerLine, AnswerPage, ApplyPage, ChoreRunPage, ControllerLine, DiffPage, FindingLine, Head,
    HeldLine, NextLine, NudgePage, OutcomeLine, PausePage, ProbeLine, QuestionPage, ResetPage,
    SCHEMAS, ServerState, StatusPage, StepLine, UnchangedLine, VerifyPage, Why, WrittenLine,
};

/// The version of every shape.
pub const VERSION: u32 = 1;

/// The longest text from outside, in characters.
const LONG: usize = 4096;

/// Any page as text: indented, with a line end.
#[must_use]
pub fn text<T: Serialize>(page: &T) -> String {
    // Every shape has text keys and plain values, so none can fail.
    let mut text = serde_json::to_string_pretty(page).unwrap_or_default();
    text.push('\n');
    text
}

/// The plan.
#[must_use]
pub fn diff(scene: &Scene<'_>) -> DiffPage {
    let plan = scene.plan;
    DiffPage {
        head: head("diff", scene),
        remarks: whys(scene),
        steps: plan.steps.iter().map(step).collect(),
        held: plan.held.iter().map(|h| held(h, scene.now)).collect(),
        unchanged: plan
            .unchanged
            .iter()
            .map(|u| unchanged(u, scene.now))
            .collect(),
        probes: plan.probes.iter().map(|p| probe(p, scene.now)).collect(),
        chores: chores::chores(scene),
        proposals: chores::proposals(scene),
        wake: plan.wake.map(|at| time(at, scene.now)),
    }
}

/// The outcomes of a plan, and what is left. `scene` is the last look.
#[must_use]
pub fn apply(scene: &Scene<'_>, done: &[Done]) -> ApplyPage {
    let DiffPage {
        steps,
        held,
        unchanged,
        wake,
        ..
    } = diff(scene);
    ApplyPage {
        head: head("apply", scene),
        outcomes: done.iter().map(outcome).collect(),
        steps,
        held,
        unchanged,
        wake,
    }
}

/// Says that crashes and holds of these sessions are forgotten.
#[must_use]
pub fn reset(town: &Town, sessions: &[SessionName]) -> ResetPage {
    let sessions = sessions.iter().map(ToString::to_string).collect();
    ResetPage {
        version: VERSION,
        kind: "reset".to_owned(),
        town: town.name.to_string(),
        sessions,
    }
}

/// Says whether the town is paused.
#[must_use]
pub fn pause(town: &Town, paused: bool) -> PausePage {
    let kind = if paused { "pause" } else { "resume" };
    PausePage {
        version: VERSION,
        kind: kind.to_owned(),
        town: town.name.to_string(),
        paused,
    }
}

/// How a chore's run ended. None where the controller runs it.
#[must_use]
pub fn chore_run(
    town: &Town,
    chore: &str,
    result: Option<ChoreResult>,
    said: &str,
) -> ChoreRunPage {
    ChoreRunPage {
        version: VERSION,
        kind: "chore".to_owned(),
        town: town.name.to_string(),
        chore: clean(chore),
        result: result.map(|result| result.word().to_owned()),
        text: clean(said),
    }
}

/// The chosen sessions, and who keeps them.
#[must_use]
pub fn status(scene: &Scene<'_>, books: &Books, only: Selection<'_>) -> StatusPage {
    let rows = scene.rows();
    let wanted = rows.iter().filter(|row| only.has(row.session));
    let (chores, proposals) = match only {
        Selection::All => (chores::chores(scene), chores::proposals(scene)),
        Selection::Only(_) => (Vec::new(), Vec::new()),
    };
    StatusPage {
        head: head("status", scene),
        paused: scene.memory.paused,
        remarks: whys(scene),
        controller: controller(&books.keeper, scene.town.resync, scene.now),
        idle_saved_ms: books.idle_saved.millis(),
        idle_saved_s: books.idle_saved.millis() / 1000,
        sessions: wanted
            .map(|row| session::line(row, books, scene.now))
            .collect(),
        chores,
        proposals,
        wake: scene.plan.wake.map(|at| time(at, scene.now)),
    }
}

fn controller(keeper: &Keeper, resync: Period, now: Moment) -> Option<ControllerLine> {
    let overdue = keeper.is_overdue(resync, now);
    let silent = |pid| ControllerLine {
        pid,
        overdue,
        cycled_at: None,
        cycled_ago_ms: None,
        took_ms: None,
        resync_ms: None,
        trouble: None,
        manifest_broken_since: None,
        manifest_trouble: None,
    };
    match keeper {
        Keeper::Nobody => None,
        Keeper::Silent { process, age: _ } => Some(silent(process.pid)),
        Keeper::Beating(beat) => {
            let (since, why) = match &beat.manifest {
                InForce::OnDisk => (None, None),
                InForce::LastGood { since, why } => (Some(time(*since, now)), Some(clean(why))),
            };
            Some(ControllerLine {
                cycled_at: Some(time(beat.cycled, now)),
                cycled_ago_ms: Some(now.since(&beat.cycled).millis()),
                took_ms: Some(beat.took.millis()),
                resync_ms: Some(beat.resync.millis()),
                trouble: beat.trouble.as_deref().map(clean),
                manifest_broken_since: since,
                manifest_trouble: why,
                ..silent(beat.controller.pid)
            })
        }
    }
}

/// The check for dead sessions.
#[must_use]
pub fn verify(scene: &Scene<'_>, findings: &[(&SessionName, Finding)]) -> VerifyPage {
    VerifyPage {
        head: head("verify", scene),
        well: findings.iter().all(|(_, f)| f.is_well()),
        sessions: findings.iter().map(|(name, f)| finding(name, *f)).collect(),
    }
}

fn head(kind: &'static str, scene: &Scene<'_>) -> Head {
    let (server, tmux, trouble) = match scene.observed {
        Observed::Up(server) => (ServerState::Up, Some(clean(&server.version)), None),
        Observed::Down => (ServerState::Down, None, None),
        Observed::Unknown(why) => (ServerState::Unknown, None, Some(clean(why))),
    };
    Head {
        version: VERSION,
        kind: kind.to_owned(),
        town: scene.town.name.to_string(),
        observed_at: time(scene.now, scene.now),
        server,
        tmux,
        trouble,
    }
}

fn clean(text: &str) -> String {
    sanitise::line(text, LONG)
}

/// A moment by the wall clock. A future one is now plus the awake time until then.
pub(super) fn time(at: Moment, now: Moment) -> String {
    let ahead = now.until(&at);
    let wall = if ahead.is_zero() {
        at.wall
    } else {
        now.plus(ahead).wall
    };
    Timestamp::from_millisecond(wall)
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

fn finding(name: &SessionName, finding: Finding) -> FindingLine {
    let (word, detail) = match finding {
        Finding::Alive => ("alive", None),
        Finding::Rests(phase) => ("resting", Some(phase.word().to_owned())),
        Finding::Dead(death) => ("dead", Some(death.to_string())),
        Finding::Missing => ("missing", None),
        Finding::Unknown => ("unknown", None),
    };
    FindingLine {
        session: name.to_string(),
        finding: word.to_owned(),
        detail,
    }
}

#[cfg(test)]
mod tests {
    use super::super::diff::tests::{name, observed, outcomes, plan, with_scene};
    use super::super::verify::findings;
    use super::*;
    use serde_json::{Value, json};

    fn pages() -> [(&'static str, String); 14] {
        with_scene(&plan(), &observed(), |s| {
            [
                ("answer", text(&answer_page(s.now))),
                ("apply", text(&apply(s, &outcomes()))),
                (
                    "chore",
                    text(&chore_run(
                        s.town,
                        "up",
                        Some(ChoreResult::Done),
                        "\u{1b}well",
                    )),
                ),
                ("config", text(&config(&s.town.name, &tables()))),
                ("diff", text(&diff(s))),
                ("doctor", text(&doctor(None, &ailments(), s.now))),
                ("forecast", text(&forecast(&s.town.name, &foreseen(s.now)))),
                (
                    "nudge",
                    text(&crate::render::nudge::json(
                        &name("old"),
                        &refused(),
                        Some("\u{1b}do"),
                        s.now,
                    )),
                ),
                ("pause", text(&pause(s.town, true))),
                (
                    "record",
                    text(&record(&s.town.name, "/r".as_ref(), &parts(), s.now)),
                ),
                ("replay", text(&replay(&s.town.name, &replayed(s.now)))),
                ("reset", text(&reset(s.town, &[name("old")]))),
                (
                    "status",
                    text(&status(s, &Books::default(), Selection::All)),
                ),
                ("verify", text(&verify(s, &findings(s)))),
            ]
        })
    }

    fn foreseen(now: Moment) -> crate::forecast::Forecast {
        use crate::forecast::{AgentsDo, Assumptions, Forecast, Foreseen, Happening};
        use crate::model::{Hold, Reason, Verb};
        let what = [
            Happening::Step {
                session: name("old"),
                verb: Verb::Restart,
                reason: Reason::Asked,
                waited: Some(Hold::Paused),
            },
            Happening::HoldEnds {
                session: name("old"),
                hold: Hold::Paused,
            },
            Happening::Chore {
                chore: "\u{1b}[31mup".to_owned(),
            },
        ];
        Forecast {
            from: now,
            to: now.plus(Period::from_hours(1)),
            assumptions: Assumptions {
                horizon: Period::from_hours(1),
                agents: AgentsDo::StayAsTheyAre,
            },
            events: what.map(|what| Foreseen { at: now, what }).into(),
            is_cut: false,
            late: Period::ZERO,
        }
    }

    fn tables() -> [crate::manifest::ResolvedTable; 1] {
        let field = crate::manifest::Explained {
            field: "name".to_owned(),
            value: "\"a\"".to_owned(),
            origin: "\u{1b}town.toml:1".to_owned(),
            is_default: false,
        };
        [crate::manifest::ResolvedTable {
            header: "[town]".to_owned(),
            fields: vec![field],
        }]
    }

    fn parts() -> [crate::store::RecordPart; 1] {
        [crate::store::RecordPart {
            from: 1_763_730_302_000,
            path: "/r/\u{1b}x".into(),
            size: 7,
        }]
    }

    fn replayed(now: Moment) -> crate::record::Replay {
        use crate::model::Verb;
        use crate::record::{Decision, Difference, Replay, Resolve};
        Replay {
            from: now,
            to: now,
            checks: 2,
            same: 1,
            recorded_digest: 1,
            replayed_digest: 2,
            differences: vec![Difference {
                session: name("old"),
                from: now,
                to: now,
                checks: 1,
                recorded: None,
                replayed: Some(Decision {
                    verb: Verb::Restart,
                    resolve: Resolve::Acts,
                    code: "too-old".to_owned(),
                }),
            }],
            more: 0,
        }
    }

    fn ailments() -> [crate::model::Checked; 2] {
        use crate::model::{Checked, Fix};
        [
            Checked::well("tmux", "3.3a"),
            Checked::failing("state", "\u{1b}[31mfull", Fix::run(["df", "-h"])),
        ]
    }

    fn answer_page(now: Moment) -> AnswerPage {
        use crate::model::{AnswerEnd, Dialog, DialogOption, Meaning, NoAnswer, Takes};
        let option = DialogOption {
            number: 1,
            text: "Yes\u{1b}[31m".to_owned(),
            detail: String::new(),
            meaning: Meaning::Affirms,
        };
        let dialog = Dialog {
            question: "Proceed\u{1b}?".to_owned(),
            above: vec!["rm\u{1b} x".to_owned()],
            options: vec![option],
            selected: 0,
            takes: Takes::One,
            has_escape: true,
        };
        let (session, end) = (name("old"), AnswerEnd::Refused(NoAnswer::NoNo));
        let report = crate::render::answer::AnswerReport {
            session: &session,
            end: Some(&end),
            answer: Some("1. Yes"),
            dialog: Some(&dialog),
            said: "Bash: rm\u{1b} x",
            fix: Some("\u{1b}do"),
        };
        crate::render::answer::json(&report, now)
    }

    fn refused() -> crate::model::Delivery {
        crate::model::Delivery::Refused(crate::model::Obstacle::Foreign(
            "\u{1b}[31mother".to_owned(),
        ))
    }

    #[test]
    fn every_page_has_the_shape_that_is_documented() {
        let schemas: crate::model::SortedMap<_, _> = SCHEMAS.into();
        for (kind, page) in pages() {
            let schema = &schemas[kind];
            let schema: Value = serde_json::from_str(schema).unwrap();
            let page: Value = serde_json::from_str(&page).unwrap();
            assert_eq!((&page["version"], &page["kind"]), (&json!(1), &json!(kind)));
            let validator = jsonschema::validator_for(&schema).unwrap();
            assert_eq!(
                validator
                    .iter_errors(&page)
                    .map(|e| e.to_string())
                    .collect::<Vec<_>>(),
                Vec::<String>::new()
            );
            assert!(
                validator
                    .validate(&json!({"version": 1, "kind": kind}))
                    .is_err(),
                "the schema asks for something"
            );
        }
    }

    #[test]
    fn nothing_unsanitised_comes_out() {
        for (kind, page) in pages() {
            assert!(
                !page.contains("\\u001b") && !page.contains('\u{1b}'),
                "{kind}: {page}"
            );
        }
    }

    #[test]
    fn the_diff_names_codes_and_evidence() {
        let page: Value = serde_json::from_str(&pages()[4].1).unwrap();
        assert_eq!(page["observed_at"], "2025-11-21T13:05:02Z");
        assert_eq!(page["wake"], "2025-11-21T13:05:10Z");
        assert_eq!(page["steps"][0]["argv"], json!(["claude", "do it"]));
        assert_eq!(
            page["steps"][1]["reason"],
            json!({
                "code": "too-old", "message": "72m old, limit 60m",
                "evidence": {"age_ms": 4_320_000, "limit_ms": 3_600_000},
                "text": "72m old, limit 60m", "age_ms": 4_320_000, "limit_ms": 3_600_000
            })
        );
        assert_eq!(
            page["held"][0]["hold"]["tail"],
            json!(["panic: boom", "at main"])
        );
    }

    #[test]
    fn status_can_be_narrowed() {
        with_scene(&plan(), &observed(), |s| {
            assert_eq!(
                status(s, &Books::default(), Selection::Only(&[name("old")]))
                    .sessions
                    .len(),
                1
            );
            assert!(
                status(s, &Books::default(), Selection::Only(&[]))
                    .sessions
                    .is_empty()
            );
        });
    }
}
