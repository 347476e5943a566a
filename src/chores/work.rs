//! The kinds of chore, each from its beginning to its outcome. May block: this is a thread of the
//! run's own.

use super::answer;
use super::run::{Run, run as run_command};
use super::{ChoreJob, ChoreOutcome, ChoreReport, Describe, Typing, Typist, upstream};
use crate::jobs::Cancel;
use crate::model::{Accept, ChoreKind, ChoreResult, NudgeText, SessionName};
use crate::proc::child::{Ending, Ran};
use crate::proc::clock;
use crate::store::LogPlace;
use crate::tmux::nonce;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// What stands for the state in an argument of an analysis.
const STATE: &str = "{state}";
/// How often a session is looked at whose prompt is not free.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Keeps its log, and tells of it.
pub(super) fn report(job: &ChoreJob, mut outcome: ChoreOutcome) -> ChoreReport {
    let place = match job.chore.kind {
        ChoreKind::Analysis { .. } => LogPlace::Analysis,
        ChoreKind::Upstream { .. } | ChoreKind::Nudge { .. } | ChoreKind::Command { .. } => {
            LogPlace::Own
        }
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
    let (chore, kind) = (job.chore.name.clone(), job.chore.kind.word());
    ChoreReport {
        chore,
        kind,
        begun: job.now,
        ended: clock::now(),
        outcome,
        log,
    }
}

/// Does it.
pub(super) async fn run(
    job: &ChoreJob,
    describe: &Describe,
    typist: &dyn Typist,
    mut cancel: Cancel,
) -> ChoreOutcome {
    let cancel = &mut cancel;
    match &job.chore.kind {
        ChoreKind::Upstream { repo } => upstream::check(job, repo, cancel).await,
        ChoreKind::Nudge { session, text } => nudge(job, typist, session, text, cancel).await,
        ChoreKind::Analysis { command, propose } => {
            analyse(job, describe, command, *propose, cancel).await
        }
        ChoreKind::Command { command } => {
            let ran = execute(job, command, "", cancel).await;
            let (result, said) = judge(job, command, &ran);
            ChoreOutcome {
                log: log(&ran),
                ..ChoreOutcome::new(result, said)
            }
        }
    }
}

/// Waits for the prompt as long as the chore may take. Its end breaks the waiting off, and no
/// typing.
async fn nudge(
    job: &ChoreJob,
    typist: &dyn Typist,
    session: &SessionName,
    text: &NudgeText,
    cancel: &mut Cancel,
) -> ChoreOutcome {
    let begun = Instant::now();
    loop {
        let why = match typist.type_into(&job.town, session, text).await {
            Typing::Typed => {
                return ChoreOutcome::new(ChoreResult::Done, format!("typed into {session}"));
            }
            Typing::Refused(why) => {
                return ChoreOutcome::new(ChoreResult::Skipped, format!("{session}: {why}"));
            }
            Typing::Failed(why) => {
                return ChoreOutcome::new(ChoreResult::Failed, format!("{session}: {why}"));
            }
            Typing::NotYet(why) => why,
        };
        let left = job.chore.timeout.to_std().saturating_sub(begun.elapsed());
        if left.is_zero() {
            return ChoreOutcome::new(ChoreResult::Skipped, format!("{session}: {why}"));
        }
        tokio::select! {
            () = sleep(LOOK_EVERY.min(left)) => {}
            _ = &mut *cancel => return cancelled(),
        }
    }
}

async fn analyse(
    job: &ChoreJob,
    describe: &Describe,
    command: &[String],
    propose: Option<Accept>,
    cancel: &mut Cancel,
) -> ChoreOutcome {
    let mut state = job
        .look
        .as_deref()
        .map(|look| describe(look))
        .unwrap_or_default();
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
