//! What the end of a run means: a crash, the completion of a task, or what was intended.

use super::conversation::was_refused;
use super::learn::Sight;
use crate::model::{
    Content, Death, Desired, Finished, History, Life, Limited, Moment, Period, RestartPolicy,
    ScreenState, Seen, keep_newest,
};

/// Notes that a run has ended at its usage limit, as its last words say. Once for each run.
pub(super) fn learn_last_words(history: &mut History, sight: &Sight<'_>) {
    let now = sight.now;
    let by_hand = history.stopping.is_some() || history.stopped;
    let Some(run) = &mut history.run else { return };
    let Some(ended) = run.ended else {
        run.limited = None;
        return;
    };
    let is_dead = |seen: &&Seen| matches!(seen.life, Life::Dead { .. });
    let dead = sight.seen().filter(is_dead);
    let screen = dead.and_then(|seen| seen.screen.as_ref());
    let Some(screen) = screen.filter(|_| sight.desired.is_some()) else {
        return;
    };
    let ScreenState::Limit { resets } = screen.state else {
        return;
    };
    let by_itself = matches!(ended.death, Death::Exit(_)) && !by_hand;
    if run.limited.is_some() || !by_itself {
        return;
    }
    let ago = now.since(&ended.at);
    let named =
        resets.map(|at| Period::from_millis(at.saturating_sub(now.wall).max(0).unsigned_abs()));
    // A later end was named before somebody set the clock back.
    let left = named
        .filter(|left| *left <= Limited::LONGEST)
        .unwrap_or(Limited::UNNAMED.minus(ago));
    let until = now.plus(left).wall;
    let wait_ms = left.plus(ago).millis();
    let evidence = screen
        .evidence
        .chars()
        .take(Content::MAX_EVIDENCE)
        .collect();
    run.limited = Some(Limited {
        until,
        wait_ms,
        evidence,
    });
}

/// Counts an end that is seen for the first time: as a crash, as the completion of a task, or as
/// intended.
pub(super) fn account_for_end(
    history: &mut History,
    sight: &Sight<'_>,
    failed_start: &mut Option<Moment>,
) {
    let Some(desired) = sight.desired else { return };
    let Some(run) = &history.run else { return };
    let Some(ended) = run.ended else { return };
    let already = history.crashes.last() == Some(&ended.at) || history.finished.is_some();
    if already || is_final(history, desired, ended.death) {
        if history.finished.is_none() && is_final(history, desired, ended.death) {
            let fingerprint = run.fingerprint.unwrap_or_else(|| desired.fingerprint());
            history.finished = Some(Finished {
                fingerprint,
                death: Some(ended.death),
                well: ended.death.is_clean(),
                at: ended.at,
            });
        }
        return;
    }
    let ran = ended.at.since(&run.started);
    let too_short = run.ready.is_none() && (ran < desired.ready_after || desired.ready.is_some());
    if run.limited.is_some()
        || !counts_as_crash(history, ended.death, too_short)
        || was_refused(history)
    {
        return;
    }
    if too_short {
        *failed_start =
            Some(failed_start.map_or(ended.at, |last| Moment::later_of(last, ended.at)));
    }
    if ran >= desired.backoff.reset_after {
        history.crashes.clear();
    }
    push_crash(history, ended.at, sight.now);
}

/// Whether a session that ended so is not started again.
fn is_final(history: &History, desired: &Desired, death: Death) -> bool {
    if history.stopping.is_some() {
        return false;
    }
    match desired.restart {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => death.is_clean(),
        RestartPolicy::Never => death != Death::NeverStarted,
    }
}

fn counts_as_crash(history: &History, death: Death, too_short: bool) -> bool {
    let planned = history.stopping.is_some() || history.stopped;
    match death {
        Death::ServerLost | Death::NeverStarted => false,
        Death::Exit(0) => too_short && !planned,
        Death::Exit(_)
        | Death::Signal(_)
        | Death::StatusLost
        | Death::Vanished
        | Death::NoAgent => !planned,
    }
}

/// Adds a crash at `at`, never one that lies ahead.
pub(super) fn push_crash(history: &mut History, at: Moment, now: Moment) {
    history
        .crashes
        .push(if now.reached(&at) { at } else { now });
    keep_newest(&mut history.crashes, History::MAX_CRASHES);
}

/// Takes in whether a planned restart is over, or has failed.
pub(super) fn learn_replacing(history: &mut History, sight: &Sight<'_>) {
    let Some(replacing) = &mut history.replacing else {
        return;
    };
    let wanted = |desired: &&Desired| {
        desired.policy.is_none() && !history.stopped && history.finished.is_none()
    };
    let Some(desired) = sight.desired.filter(wanted) else {
        history.replacing = None;
        return;
    };
    let declared = desired.fingerprint();
    if replacing.fingerprint != declared {
        (replacing.fingerprint, replacing.failed) = (declared, false);
    }
    let Some(run) = &history.run else { return };
    let seen = sight.seen();
    let alive = seen.is_some_and(|seen| matches!(seen.life, Life::Alive { .. }));
    if alive
        && run.ready.is_some()
        && run.ended.is_none()
        && history.stopping.is_none()
        && history.launcher_job.is_none()
    {
        history.replacing = None;
        return;
    }
    if let Some(ended) = run.ended.filter(|_| run.generation > replacing.generation) {
        let was_unproved = desired.ready.is_some() && run.ready.is_none();
        replacing.failed |= ended.at.since(&run.started) < desired.ready_after || was_unproved;
        if !replacing.failed {
            history.replacing = None;
        }
    }
}
