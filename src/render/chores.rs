//! Chores and their proposals, below the sessions: each chore's last run, its result, and its next
//! run.

use super::columns::{Line, cell, lay_out};
use super::sanitise;
use super::style::{Paper, Role};
use super::view::Scene;
use super::words::{self, brief};
use crate::model::{ChoreEnd, ChoreTime, Judged, Proposal, ProposalStanding, Refusal, Timed};

/// The longest text from a chore or an agent, in characters.
const LONG: usize = 200;

/// A table of all chores. Empty without chores.
#[must_use]
pub fn table(scene: &Scene<'_>, paper: &Paper) -> String {
    if scene.plan.chores.is_empty() {
        return String::new();
    }
    let head = |text: &str| cell(text).role(Role::Quiet);
    let mut lines = vec![Line::Row(vec![head("  CHORE"), head("NEXT"), head("LAST")])];
    lines.extend(
        scene
            .plan
            .chores
            .iter()
            .map(|timed| line(scene, timed, paper)),
    );
    lay_out(&lines, "", paper)
}

/// The proposals, and what happens with each. Empty without proposals.
#[must_use]
pub fn proposals(scene: &Scene<'_>, paper: &Paper) -> String {
    let lines: Vec<Line> = scene.plan.proposals.iter().flat_map(proposal).collect();
    lay_out(&lines, "  ", paper)
}

/// When a chore runs next, for people.
#[must_use]
pub fn next(timed: &Timed, paper: &Paper) -> String {
    match &timed.when {
        ChoreTime::Now | ChoreTime::Skip(_) => "due".to_owned(),
        ChoreTime::Running { since } => format!("runs for {}", brief(paper.clock.now.since(since))),
        ChoreTime::At(at) => paper.clock.time(*at),
        ChoreTime::Held(hold) => format!("held: {}", words::obstacle(hold)),
    }
}

/// How its last run ended, for people; empty where none has.
#[must_use]
pub fn last(scene: &Scene<'_>, timed: &Timed, paper: &Paper) -> String {
    let history = scene.memory.chores.get(&timed.chore);
    let ended = history.and_then(|history| history.ended.as_ref());
    ended.map_or_else(String::new, |end| last_run(end, paper))
}

/// Why a proposal is not carried out, for people.
#[must_use]
pub fn refusal(refusal: &Refusal) -> String {
    match refusal {
        Refusal::UnknownSession => "no such session is declared".to_owned(),
        Refusal::Needless => "not needed".to_owned(),
        Refusal::Phase(phase) => format!("it is {}", words::phase(*phase)),
        Refusal::Held(hold) => words::obstacle(hold),
        Refusal::TooMany { allowed } => {
            format!("one analysis may restart at most {allowed}")
        }
    }
}

fn line(scene: &Scene<'_>, timed: &Timed, paper: &Paper) -> Line {
    let last = scene
        .memory
        .chores
        .get(&timed.chore)
        .and_then(|history| history.ended.as_ref());
    let (mark, role) = match last {
        Some(end) if end.result.is_trouble() => ("!", Role::Bad),
        Some(_) | None => (" ", Role::Plain),
    };
    let told = last.map_or_else(|| "-".to_owned(), |end| last_run(end, paper));
    let name = cell(format!("{mark} {}", sanitise::line(&timed.chore, LONG))).role(role);
    Line::Row(vec![
        name,
        cell(next(timed, paper)),
        cell(told).role(Role::Quiet),
    ])
}

fn last_run(end: &ChoreEnd, paper: &Paper) -> String {
    let ago = brief(paper.clock.now.since(&end.at));
    format!(
        "{} {ago} ago: {}",
        end.result.word(),
        sanitise::line(&end.said, LONG)
    )
}

fn proposal(judged: &Judged) -> Vec<Line> {
    let Judged {
        chore,
        nth: _,
        proposal,
        standing,
    } = judged;
    let Proposal {
        advice,
        session,
        why,
        taken: _,
    } = proposal;
    let (role, becomes) = match standing {
        ProposalStanding::Asks(_) => (
            Role::Change,
            "`gtctl apply --accept` carries it out".to_owned(),
        ),
        ProposalStanding::Accepted(_) => (Role::Change, "accepted by the manifest".to_owned()),
        ProposalStanding::Taken => (Role::Quiet, "carried out".to_owned()),
        ProposalStanding::Refused(why) => (Role::Quiet, format!("refused: {}", refusal(why))),
    };
    let verb = cell(format!("? {}", advice.word())).role(role);
    let why = format!("{chore} proposes it: {}", sanitise::line(why, LONG));
    let session = cell(sanitise::line(session, 64)).role(Role::Strong);
    vec![
        Line::Row(vec![verb, session, cell(why)]),
        Line::Below {
            column: 2,
            cell: cell(becomes).role(role),
        },
    ]
}

#[cfg(test)]
mod tests {
    use super::super::diff::tests::{observed, plan, with_scene};
    use super::super::style::{Colour, Detail};
    use super::super::view::{Books, Selection};
    use super::super::words::Clock;
    use super::super::{diff, json, status};
    use super::*;
    use crate::model::{Advice, ChoreHistory, ChoreResult, Memory, Period, Plan};
    use serde_json::{Value, json};

    fn timed(chore: &str, when: ChoreTime) -> Timed {
        Timed {
            chore: chore.into(),
            when,
        }
    }

    fn judged(session: &str, standing: ProposalStanding) -> Judged {
        let proposal = Proposal {
            advice: Advice::Restart,
            session: session.into(),
            why: "stuck\u{1b}[2J".into(),
            taken: false,
        };
        Judged {
            chore: "analysis".into(),
            nth: 0,
            proposal,
            standing,
        }
    }

    fn with_chores<T>(show: impl FnOnce(&Scene<'_>) -> T) -> T {
        with_scene(&Plan::default(), &observed(), |scene| {
            let ago = |secs| scene.now.minus(Period::from_secs(secs));
            let end = ChoreEnd {
                at: ago(60),
                result: ChoreResult::Failed,
                said: "exit\u{1b}[31m status 3".into(),
            };
            let (not_before, asked, proposals) = (None, false, vec![]);
            let history = ChoreHistory {
                started: ago(65),
                ended: Some(end),
                not_before,
                asked,
                proposals,
            };
            let memory = Memory {
                chores: [("check".to_owned(), history)].into(),
                ..Memory::default()
            };
            let chores = vec![
                timed("check", ChoreTime::At(scene.now.plus(Period::from_secs(8)))),
                timed("long", ChoreTime::Running { since: ago(5) }),
                timed("new", ChoreTime::Now),
                timed("shy", ChoreTime::Held(crate::model::Hold::Paused)),
            ];
            let asks = judged(
                "mayor",
                ProposalStanding::Asks(crate::model::SessionName::new("mayor").unwrap()),
            );
            let refused = judged("all", ProposalStanding::Refused(Refusal::UnknownSession));
            let plan = Plan {
                chores,
                proposals: vec![asks, refused],
                ..Plan::default()
            };
            show(&Scene {
                plan: &plan,
                memory: &memory,
                ..*scene
            })
        })
    }

    #[test]
    fn they_stand_below_the_sessions() {
        let want = "\
\x20 ? restart  mayor  analysis proposes it: stuck
                    `gtctl apply --accept` carries it out
  ? restart  all    analysis proposes it: stuck
                    refused: no such session is declared

  CHORE  NEXT                      LAST
! check  14:05:10                  failed 60s ago: exit status 3
  long   runs for 5s               -
  new    due                       -
  shy    held: the town is paused  -

nothing to do: no sessions
";
        with_chores(|scene| {
            let clock = Clock {
                now: scene.now,
                offset_seconds: 3600,
            };
            let paper = Paper {
                clock,
                width: None,
                colour: Colour::Off,
                detail: Detail::Short,
            };
            let page = diff::page(scene, &paper);
            assert!(page == want, "{page}");
            assert!(
                status::page(scene, &Books::default(), Selection::All, &paper).contains("! check")
            );
        });
    }

    #[test]
    fn programs_get_the_same() {
        with_chores(|scene| {
            for (text, kind) in [
                (json::text(&json::diff(scene)), "diff"),
                (
                    json::text(&json::status(scene, &Books::default(), Selection::All)),
                    "status",
                ),
            ] {
                let page: Value = serde_json::from_str(&text).unwrap();
                let schema = json::SCHEMAS
                    .into_iter()
                    .find(|(name, _)| *name == kind)
                    .unwrap()
                    .1;
                let validator =
                    jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
                assert_eq!(
                    validator
                        .iter_errors(&page)
                        .map(|e| e.to_string())
                        .collect::<Vec<_>>(),
                    Vec::<String>::new()
                );
                let chores: Vec<_> = page["chores"]
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|c| c["state"].clone())
                    .collect();
                assert_eq!(chores, ["waiting", "running", "due", "held"]);
                assert_eq!(page["chores"][0]["outcome"], "failed");
                assert_eq!(page["proposals"][1]["refusal"], json!("unknown-session"));
            }
        });
        with_scene(&plan(), &observed(), |scene| {
            assert!(json::diff(scene).chores.is_empty());
        });
    }
}
