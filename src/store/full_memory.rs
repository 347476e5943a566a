//! A memory in which everything is set that can be, for the tests of what is written and read.

use super::scratch::NOW;
use crate::model;
use crate::model::SortedMap;
use crate::model::{
    Advice, Asker, ChoreEnd, ChoreHistory, ChoreResult, Cpu, Death, Departure, Ended, Fingerprint,
    Finished, Generation, Given, History, Incarnation, Marks, Memory, Moment, NudgeText, Period,
    Position, ProcId, Proposal, Purpose, Rung, ScreenState, ServerId, SessionName, Sighting,
    Source, Standing, Stopping, TextRequest, Title, Told, Verb, Verdict,
};

/// One of these after the other, as `n` goes up.
fn nth<T: Copy, const N: usize>(n: u64, all: [T; N]) -> T {
    all[usize::try_from(n).unwrap() % N]
}

fn full_history(n: u64) -> History {
    let at = NOW.minus(Period::from_secs(n));
    let fingerprint = Fingerprint {
        command: 1,
        dir: 2,
        env: 3,
    };
    let death = nth(
        n,
        [
            Death::Exit(3),
            Death::Signal(9),
            Death::StatusLost,
            Death::Vanished,
            Death::ServerLost,
            Death::NoAgent,
            Death::NeverStarted,
        ],
    );
    History {
        restart_asked: true,
        generation: Generation(n),
        run: Some(Incarnation {
            ended: Some(Ended { death, at }),
            ..full_run(n, at, fingerprint)
        }),
        // Version 1 of the format had no such field.
        last_end: None,
        crashes: vec![at, NOW],
        restarts: 7,
        handoff: Some(at),
        went_down: false,
        stopped: n.is_multiple_of(2),
        finished: Some(Finished {
            fingerprint,
            death: Some(death),
            well: true,
            at,
        }),
        stopping: Some(full_stopping(n, at, fingerprint)),
        replacing: Some(full_replacing(n, at, fingerprint)),
        refused: Some(model::Refused {
            at,
            times: 3,
            said: "not found".into(),
            fingerprint: n.is_multiple_of(2).then_some(fingerprint),
        }),
        waiting: Some(at),
        prune: true,
        answers: vec![model::AnswerGiven { asked: at, at }],
        launcher_job: Some(full_launcher_job(n, at)),
        complaint: Some(model::Complaint::new(at, "exit status 1: no rig")),
        refuted: Some(model::Refuted {
            line: "Please run /login".to_owned(),
            at: 3,
        }),
        conversation: Some(model::KnownConversation {
            id: "4f1c-b".parse().unwrap(),
            generation: Generation(n),
            turns: nth(n, [model::Turns::Some, model::Turns::None]),
            resumed: true,
            over: true,
        }),
        conversation_asked: nth(
            n,
            [
                Some(model::AskedConversation::Resume),
                Some(model::AskedConversation::Fresh),
            ],
        ),
    }
}

/// A run with all that may be known of it but its end.
fn full_run(n: u64, at: Moment, fingerprint: Fingerprint) -> Incarnation {
    Incarnation {
        generation: Generation(n),
        started: at,
        ready: Some(at),
        readiness: None,
        fingerprint: Some(fingerprint),
        ran_with: Some(model::RanWith {
            fingerprint,
            command: vec!["claude".into(), "--model".into()],
            dir: "/x".into(),
            env: vec![("A".into(), 7)],
            env_file: n.is_multiple_of(2).then(|| "/x/env".into()),
        }),
        ended: None,
        agentless: 2,
        draining: Some(at),
        content: Some(full_content(n, at)),
        marks: Some(full_marks(n, at)),
        nudged: Some(at),
        typed: vec![model::Typed {
            text: "go on;\n\"now\"".into(),
            left: n.is_multiple_of(2),
        }],
        escape_sent: Some(at),
        // Version 1 has none.
        tokens: model::UsedTokens::default(),
        footprint: Some(model::Footprint {
            at,
            bytes: 3,
            before: n,
        }),
        program: None,
        limited: Some(model::Limited {
            until: 9,
            wait_ms: 8,
            evidence: "resets 7pm".to_owned(),
        }),
        conversation_refused: true,
    }
}

fn full_stopping(n: u64, at: Moment, fingerprint: Fingerprint) -> Stopping {
    Stopping {
        generation: Generation(n),
        since: at,
        rung: nth(n, [Rung::Ask, Rung::Term, Rung::Kill, Rung::Finish]),
        rung_at: NOW,
        purpose: if n.is_multiple_of(2) {
            Purpose::Expire
        } else {
            Purpose::Restart
        },
        reason: "too-old".into(),
        begun_for: Some(fingerprint),
        tree: vec![ProcId { pid: 9, start: 8 }],
    }
}

fn full_replacing(n: u64, at: Moment, fingerprint: Fingerprint) -> model::Replacing {
    model::Replacing {
        generation: Generation(n),
        since: at,
        reason: "drifted".into(),
        fingerprint,
        failed: n.is_multiple_of(2),
    }
}

fn full_launcher_job(n: u64, at: Moment) -> model::LauncherJob {
    model::LauncherJob {
        verb: nth(
            n,
            [
                Verb::Start,
                Verb::Restart,
                Verb::Expire,
                Verb::Adopt,
                Verb::Nudge,
                Verb::SendEscape,
                Verb::Answer,
            ],
        ),
        generation: Generation(n),
        begun: at,
        handoff: Some(at),
        by: Some(ProcId { pid: 5, start: n }),
    }
}

fn full_content(n: u64, at: Moment) -> model::Content {
    model::Content {
        digest: u64::MAX,
        turn: u64::MAX,
        progress: 4,
        since: at,
        activity: 5,
        state: nth(
            n,
            [
                ScreenState::Ready,
                ScreenState::Busy,
                ScreenState::Retrying,
                ScreenState::AsksPermission,
                ScreenState::AsksTrust,
                ScreenState::Auth,
                ScreenState::Limit { resets: Some(7) },
                ScreenState::Context,
                ScreenState::Unclear,
            ],
        ),
        state_since: at,
        looks: 2,
        evidence: "esc to interrupt".into(),
        cpu: Some(Cpu {
            used_ms: 9,
            client_ms: 8,
            at,
            resting: true,
        }),
        background: true,
        commands: true,
        told: nth(
            n,
            [
                Told {
                    by: Source::Title,
                    against: Some(ScreenState::Ready),
                },
                Told {
                    by: Source::Text,
                    against: Some(ScreenState::Limit { resets: None }),
                },
                Told::default(),
            ],
        ),
        title: nth(n, [Title::Unread, Title::Found(u64::MAX), Title::Own(7)]),
        reported: n.is_multiple_of(2).then(|| full_reported(at)),
        by_screen: n.is_multiple_of(2).then(|| full_shown(at)),
        has_begun_turn: true,
        dialog: n.is_multiple_of(2).then(|| full_dialog(at)),
    }
}

fn full_reported(at: Moment) -> model::Reported {
    model::Reported {
        activity: model::Activity::Background,
        by: Source::Hook,
        event: "Stop".into(),
        at,
        conversation: "4f1c-b".parse().ok(),
        text: "Bash: make".into(),
        transcript: Some("/home/a/4f1c.jsonl".into()),
        resets: Some(7),
        has_begun_turn: true,
        usage: Some(model::TokenUsage {
            input: 1,
            output: 2,
            cache_read: 3,
            cache_write: 4,
            context: 5,
            window: Some(6),
        }),
    }
}

fn full_dialog(at: Moment) -> model::SeenDialog {
    let dialog = model::Dialog {
        question: "Do you want to proceed?".into(),
        above: vec!["Bash command".into()],
        options: vec![model::DialogOption {
            number: 1,
            text: "Yes".into(),
            detail: "this once".into(),
            meaning: model::Meaning::Affirms,
        }],
        selected: 0,
        takes: model::Takes::Several,
        has_escape: true,
    };
    model::SeenDialog { dialog, since: at }
}

fn full_shown(at: Moment) -> model::Shown {
    model::Shown {
        state: ScreenState::Busy,
        since: at,
        looks: 1,
        evidence: "esc to interrupt".into(),
        background: true,
        told: Told::default(),
    }
}

fn full_marks(n: u64, at: Moment) -> Marks {
    Marks {
        position: Some(Position {
            device: 1,
            inode: 2,
            born: Some(3),
            offset: n,
        }),
        beyond: 4,
        standing: Some(Standing {
            sighting: Sighting {
                marker: "done".into(),
                verdict: if n.is_multiple_of(2) {
                    Verdict::Completed
                } else {
                    Verdict::Failed
                },
                line: "it is done".into(),
                at_byte: n,
            },
            seen: at,
            quiet_since: NOW,
            trailer: 1,
            key: u64::MAX,
        }),
        unfinished: true,
        last_output: NOW,
        given: Given {
            markers: u64::MAX,
            pieces: vec!["print done".to_owned()],
        },
    }
}

fn full_probes() -> crate::model::SortedMap<String, model::Probed> {
    use model::Answer::{Failed, Passed, Unasked};
    let answers = [
        None,
        Some(Passed),
        Some(Failed("exit status 1".into())),
        Some(Unasked("not found".into())),
    ];
    let probed = |answer: Option<model::Answer>| model::Probed {
        asked: NOW,
        failed: 3,
        answered: answer.map(|answer| model::Answered { asked: NOW, answer }),
    };
    ["claude", "codex", "kimi", "kimigas"]
        .map(str::to_owned)
        .into_iter()
        .zip(answers.map(probed))
        .collect()
}

pub(in crate::store) fn full_memory(sessions: u64) -> Memory {
    Memory {
        town: SessionName::new("acme").ok(),
        server: Some(ServerId(ProcId { pid: 5, start: 6 })),
        server_losses: vec![NOW],
        last_look: Some(NOW),
        settling: 2,
        mass_seen: Some(u64::MAX),
        paused: true,
        starts: vec![NOW, NOW],
        replaced: vec![NOW],
        failed_start: Some(NOW),
        auth_deaths: [("claude".to_owned(), vec![NOW])].into(),
        chores: full_chores(),
        chores_since: crate::model::SortedMap::new(),
        probes: full_probes(),
        departures: vec![full_departure(Some(NOW)), full_departure(None)],
        texts: full_texts(),
        sessions: (0..sessions)
            .map(|n| {
                (
                    SessionName::new(&format!("gt-shop-crew-{n}")).unwrap(),
                    full_history(n),
                )
            })
            .collect(),
    }
}

fn full_departure(started: Option<Moment>) -> Departure {
    let (session, reason) = (SessionName::new("task-1").unwrap(), "too-quiet".into());
    Departure {
        session,
        generation: Generation(7),
        started,
        asked: NOW,
        gone: NOW,
        reason,
    }
}

fn full_texts() -> Vec<TextRequest> {
    let askers = [
        Asker::Person,
        Asker::Chore("c".into()),
        Asker::Proposal("p".into()),
    ];
    let text = NudgeText::new("/compact").unwrap();
    let request = |asker: Asker| TextRequest {
        begun: asker == Asker::Person,
        incarnation: (asker != Asker::Person).then_some(Generation(7)),
        text: if asker == Asker::Person {
            text.clone()
        } else {
            text.clone().as_command()
        },
        asker,
        session: SessionName::new("s").unwrap(),
        since: NOW,
        until: NOW,
    };
    askers.map(request).into()
}

fn full_chores() -> SortedMap<String, ChoreHistory> {
    let proposal = |advice| Proposal {
        advice,
        session: "s".into(),
        why: "w".into(),
        taken: true,
    };
    let advice = [Advice::Restart, Advice::Reset, Advice::Nudge("go".into())];
    let results = [
        ChoreResult::Done,
        ChoreResult::Skipped,
        ChoreResult::Failed,
        ChoreResult::TimedOut,
        ChoreResult::Lost,
    ];
    let history = |result| ChoreHistory {
        started: NOW,
        ended: Some(ChoreEnd {
            at: NOW,
            result,
            said: "x".into(),
        }),
        not_before: Some(NOW),
        asked: true,
        proposals: advice.iter().cloned().map(proposal).collect(),
    };
    results
        .iter()
        .map(|result| (result.word().to_owned(), history(*result)))
        .collect()
}

/// A memory in which every field is set in some session, every variant of every enum occurs, and
/// one session has nothing set at all.
pub(in crate::store) fn every_form() -> Memory {
    let mut memory = full_memory(18);
    memory
        .sessions
        .insert(SessionName::new("new").unwrap(), History::default());
    memory
}
