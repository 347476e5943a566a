//! One run of each kind, from its beginning to its outcome. May block: each run has a thread of its
//! own.

use super::answer;
use super::run::{Run, run as run_command};
use super::{ChoreJob, ChoreOutcome, ChoreReport, ChoreWork, Describe, Typist, upstream};
use crate::jobs::Cancel;
use crate::model::{Accept, ChoreResult, Delivery, TextEnd, TextRequest};
use crate::proc::child::{Ending, Ran};
use crate::proc::clock;
use crate::store::LogPlace;
use crate::tmux::nonce;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// Stands for the state in an argument of an analysis.
const STATE: &str = "{state}";

/// Writes the log of a run and makes its report.
pub(super) fn report(job: &ChoreJob, mut outcome: ChoreOutcome) -> ChoreReport {
    let place = match job.work {
        ChoreWork::Analysis { .. } => LogPlace::Analysis,
        ChoreWork::Upstream(_) | ChoreWork::Text(_) | ChoreWork::Command(_) => LogPlace::Own,
    };
    let mut text = std::mem::take(&mut outcome.log);
    if text.is_empty() {
        text = format!("{}: {}\n", outcome.result.word(), outcome.said).into_bytes();
    }
    let log = match job.files.keep_log(place, job.now, &text, job.chore.keep) {
        Ok(path) => Some(path),
        Err(fault) => {
            outcome.said = format!("{} (its log could not be written: {fault})", outcome.said);
            None
        }
    };
    ChoreReport {
        chore: job.name.clone(),
        kind: job.work.word(),
        begun: job.now,
        ended: clock::now(),
        outcome,
        log,
    }
}

/// Carries a run out. None where a text stays asked for, because the waiting was broken off.
pub(super) async fn run(
    job: &ChoreJob,
    describe: &Describe,
    typist: &dyn Typist,
    mut cancel: Cancel,
) -> Option<ChoreOutcome> {
    let cancel = &mut cancel;
    match &job.work {
        ChoreWork::Upstream(repo) => Some(upstream::check(job, repo, cancel).await),
        ChoreWork::Text(request) => {
            let end = typist.deliver(&job.town, request, cancel).await;
            typed(request, end)
        }
        ChoreWork::Analysis {
            command,
            propose,
            input,
        } => {
            let state = describe(input);
            Some(analyse(job, state, command, *propose, cancel).await)
        }
        ChoreWork::Command(command) => {
            let ran = execute(job, command, "", cancel).await;
            let (result, said) = judge(job, command, &ran);
            Some(ChoreOutcome {
                log: log(&ran),
                ..ChoreOutcome::new(result, said)
            })
        }
    }
}

/// What came of a text. None where it stays asked for.
fn typed(request: &TextRequest, end: Result<TextEnd, String>) -> Option<ChoreOutcome> {
    let delivery = match end {
        Ok(TextEnd::Settled(delivery)) => delivery,
        Ok(TextEnd::BrokenOff(_)) => return None,
        Err(why) => Delivery::Failed(why),
    };
    let session = &request.session;
    let (result, said) = match delivery {
        Delivery::Delivered { .. } | Delivery::Handed { .. } => {
            (ChoreResult::Done, format!("typed into {session}"))
        }
        Delivery::Refused(obstacle) => (ChoreResult::Skipped, format!("{session}: {obstacle}")),
        Delivery::Stale(why) => (ChoreResult::Skipped, format!("{session}: {why}")),
        Delivery::Failed(why) => (ChoreResult::Failed, format!("{session}: {why}")),
        Delivery::NotSubmitted { .. } | Delivery::Unknown(_) => {
            (ChoreResult::Failed, format!("{session}: {delivery}"))
        }
    };
    Some(ChoreOutcome::new(result, said))
}

async fn analyse(
    job: &ChoreJob,
    mut state: String,
    command: &[String],
    propose: Option<Accept>,
    cancel: &mut Cancel,
) -> ChoreOutcome {
    if let Err(fault) = job.files.write_current_state(&state) {
        tracing::warn!(%fault, "current_state.txt was not written");
    }
    state = answer::fenced(&state, &nonce());
    if propose.is_some() {
        state = format!("{}\n{state}", answer::REQUEST);
    }
    let as_argument = command.iter().any(|word| word.contains(STATE));
    let argv: Vec<String> = command
        .iter()
        .map(|word| word.replace(STATE, &state))
        .collect();
    let ran = execute(job, &argv, if as_argument { "" } else { &state }, cancel).await;
    let (result, said) = judge(job, command, &ran);
    let outcome = ChoreOutcome {
        log: log(&ran),
        ..ChoreOutcome::new(result, said)
    };
    match (result, propose) {
        (ChoreResult::Done, Some(_)) => with_proposals(outcome, &ran),
        (ChoreResult::Done, None) => ChoreOutcome {
            said: "answered".to_owned(),
            ..outcome
        },
        (
            ChoreResult::Skipped | ChoreResult::Failed | ChoreResult::TimedOut | ChoreResult::Lost,
            _,
        ) => outcome,
    }
}

fn with_proposals(outcome: ChoreOutcome, ran: &Ran) -> ChoreOutcome {
    let answer = ran.out.whole().ok_or_else(|| "it is too long".to_owned());
    match answer.and_then(|text| answer::parse(&text)) {
        Ok(proposals) => ChoreOutcome {
            said: format!("answered, {} proposed", proposals.len()),
            proposals,
            ..outcome
        },
        Err(why) => ChoreOutcome {
            said: format!("answered, but the answer has no readable proposals: {why}"),
            ..outcome
        },
    }
}

async fn execute(job: &ChoreJob, argv: &[String], input: &str, cancel: &mut Cancel) -> Ran {
    let (chore, tag) = (&job.chore, job.tag());
    run_command(
        &Run {
            argv,
            dir: &chore.dir,
            input,
            town: &job.town.name,
            tag: &tag,
            timeout: chore.timeout,
        },
        cancel,
    )
    .await
}

fn judge(job: &ChoreJob, command: &[String], ran: &Ran) -> (ChoreResult, String) {
    let program = command.first().map_or("", String::as_str);
    match &ran.ending {
        Ending::Exited(status) if status.success() => {
            (ChoreResult::Done, "exit status 0".to_owned())
        }
        Ending::Exited(status) => (ChoreResult::Failed, failure(*status, ran)),
        Ending::TimedOut => (
            ChoreResult::TimedOut,
            format!(
                "stopped after {}, with all its processes",
                job.chore.timeout
            ),
        ),
        Ending::Flooded => (
            ChoreResult::Failed,
            "ended, for it printed without end".to_owned(),
        ),
        Ending::Cancelled => {
            let ChoreOutcome { result, said, .. } = cancelled();
            (result, said)
        }
        Ending::NotStarted(fault) => (
            ChoreResult::Failed,
            format!("{program} cannot be run: {fault}"),
        ),
        Ending::Lost(fault) => (
            ChoreResult::Failed,
            format!("{program} was not seen to end: {fault}"),
        ),
    }
}

fn cancelled() -> ChoreOutcome {
    ChoreOutcome::new(ChoreResult::Lost, "stopped with its controller")
}

fn failure(status: ExitStatus, ran: &Ran) -> String {
    let how = match (status.code(), status.signal()) {
        (Some(code), _) => format!("exit status {code}"),
        (None, Some(signal)) => format!("ended by signal {signal}"),
        (None, None) => "ended".to_owned(),
    };
    let last = Some(ran.err.last_line())
        .filter(|line| !line.is_empty())
        .unwrap_or_else(|| ran.out.last_line());
    if last.is_empty() {
        how
    } else {
        format!("{how}: {last}")
    }
}

/// What it printed; what went to its standard error below.
fn log(ran: &Ran) -> Vec<u8> {
    let (mut text, complaints) = (ran.out.bytes(), ran.err.bytes());
    if !complaints.is_empty() {
        text.extend(b"\n--- standard error ---\n");
        text.extend(complaints);
    }
    text
}
