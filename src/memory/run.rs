//! What a look teaches about the last run of one session.

use super::content::{learn_content, learn_footprint, learn_program, learn_tokens};
use super::conversation::{learn_conversation, recall_conversation};
use super::forget::WINDOW;
use super::learn::Sight;
use crate::model::{
    Death, Desired, Ended, History, Incarnation, Label, Life, Moment, Period, RanWith, Seen,
};

/// So many looks in a row must find no agent in a pane until that counts as its end. A name alone
/// never kills.
const AGENTLESS_LOOKS: u32 = 2;

/// Notes the fields that this run was started with, once the label says that they are the declared
/// ones. They are shown when something else is declared.
fn learn_ran_with(run: &mut Incarnation, desired: Option<&Desired>, label: &Label) {
    let noted = run.ran_with.as_ref().map(|ran| ran.fingerprint);
    let is_noted = noted.is_some() && noted == label.fingerprint;
    let Some(desired) = desired.filter(|desired| !is_noted && desired.policy.is_none()) else {
        return;
    };
    if label.fingerprint == Some(desired.fingerprint()) {
        run.ran_with = Some(RanWith::of(desired));
    }
}

/// Takes in what a look has shown of a session of ours.
pub(super) fn learn_seen(history: &mut History, sight: &Sight<'_>, seen: &Seen, label: &Label) {
    let now = sight.now;
    if history
        .run
        .as_ref()
        .is_some_and(|run| outdates(run, label, now))
    {
        return;
    }
    history.generation = history.generation.max(label.generation);
    history.handoff = match (history.handoff, label.handoff) {
        (Some(a), Some(b)) => Some(Moment::later_of(a, b)),
        (a, b) => a.or(b),
    };
    if history.run_of(label.generation).is_none() {
        // A label can be lowered and written back while the same process lives. So what was typed
        // a moment ago still sets the pace.
        let nudged = history.run.as_ref().and_then(|run| run.nudged);
        history.keep_last_end();
        history.run = Some(Incarnation {
            nudged,
            ..Incarnation::new(label.generation, label.started, label.fingerprint)
        });
        history.finished = None;
        recall_conversation(history, label);
    }
    if history
        .stopping
        .as_ref()
        .is_some_and(|stopping| stopping.generation != label.generation)
    {
        history.stopping = None;
    }
    if let Some(run) = &mut history.run {
        begin_as_labelled(run, label, now);
    }
    if matches!(seen.life, Life::Alive { .. } | Life::Dead { .. }) {
        forgive_unknown_start(history);
    }
    learn_life(history, sight.desired, seen, now);
    if let Some(run) = &mut history.run {
        learn_ran_with(run, sight.desired, label);
        learn_marks(run, seen, now);
        learn_content(run, seen, sight.last_look, now);
        learn_footprint(run, seen, now);
        learn_tokens(run);
        learn_program(run, seen, now);
    }
    if matches!(seen.life, Life::Alive { .. }) {
        learn_conversation(history, seen, label);
    }
}

/// Takes in when the run began, as its label says. It began later than planned if something else had
/// to end first.
fn begin_as_labelled(run: &mut Incarnation, label: &Label, now: Moment) {
    // Nothing has begun at a moment to come.
    if Moment::later_of(now, label.started) != now {
        return;
    }
    if run.ended.is_none() && run.ready.is_none() {
        run.started = Moment::later_of(run.started, label.started);
    }
}

/// Takes in what its output says. Where nobody could listen, its grace begins anew, because nobody
/// knows whether the agent went on.
fn learn_marks(run: &mut Incarnation, seen: &Seen, now: Moment) {
    match (&seen.heard, &mut run.marks) {
        (Some(heard), marks) => *marks = Some(heard.clone()),
        (None, Some(marks)) => marks.last_output = now,
        (None, None) => {}
    }
}

/// Whether a label is of an earlier run than this one, so that the look says nothing about this one.
///
/// The label counts where this run came to nothing, and where this run began longer ago than any
/// look can be old: then the earlier run is what there is.
fn outdates(run: &Incarnation, label: &Label, now: Moment) -> bool {
    let began = run
        .ended
        .is_none_or(|ended| ended.death != Death::NeverStarted);
    began && run.generation > label.generation && now.since(&run.started) < WINDOW
}

/// Takes in whether the agent lives, and how it has ended.
fn learn_life(history: &mut History, desired: Option<&Desired>, seen: &Seen, now: Moment) {
    let Some(run) = &mut history.run else { return };
    match &seen.life {
        Life::Alive { .. } => {
            run.agentless = 0;
            let guess = run.ended.take().filter(|ended| is_a_guess(ended.death));
            // It has not ended after all, so that was no crash.
            history
                .crashes
                .pop_if(|at| guess.is_some_and(|ended| ended.at == *at));
            let age = now.since(&run.started);
            let ready_after = desired.map_or(Period::ZERO, |d| d.ready_after);
            let is_probed = desired.is_none_or(|d| d.ready.is_none()) || run.has_passed_probe();
            if run.ready.is_none() && age >= ready_after && is_probed {
                run.ready = Some(now);
            }
            if desired.is_some_and(|d| age >= d.backoff.reset_after) {
                history.crashes.clear();
            }
        }
        Life::Dead {
            death: Death::NoAgent,
            ..
        } => {
            run.agentless = run.agentless.saturating_add(1);
            if run.agentless >= AGENTLESS_LOOKS {
                run.ended.get_or_insert(Ended {
                    death: Death::NoAgent,
                    at: now,
                });
            }
        }
        Life::Dead { death, at, .. } => {
            let since_wall = at.map_or(0, |at| now.wall.saturating_sub(at).max(0).unsigned_abs());
            let age = now.since(&run.started).millis();
            let at = now.minus(Period::from_millis(since_wall.min(age)));
            let ended = run.ended.get_or_insert(Ended { death: *death, at });
            // That it was gone was a guess. The dead pane proves how it ended. When it ended stays as
            // it was first noted.
            if is_a_guess(ended.death) {
                ended.death = *death;
            }
        }
        Life::Unknown(_) => {}
    }
}

/// Takes back that a start has failed: its outcome was unknown, and now the run is there.
fn forgive_unknown_start(history: &mut History) {
    let Some(run) = &mut history.run else { return };
    if let Some(ended) = run
        .ended
        .take_if(|ended| ended.death == Death::NeverStarted)
    {
        history.crashes.pop_if(|at| *at == ended.at);
    }
}

/// Whether an end of this kind was only concluded from what was not there.
fn is_a_guess(death: Death) -> bool {
    match death {
        Death::Vanished | Death::ServerLost => true,
        Death::Exit(_)
        | Death::Signal(_)
        | Death::StatusLost
        | Death::NoAgent
        | Death::NeverStarted => false,
    }
}

/// Takes in that no session of ours has the name.
///
/// Nothing follows if the name `is_taken`: that may be our own session without its labels, or the
/// agent lives on in another session.
pub(super) fn learn_unseen(history: &mut History, is_taken: bool, now: Moment) {
    if is_taken {
        return;
    }
    if let Some(run) = &mut history.run {
        run.ended.get_or_insert(Ended {
            death: Death::Vanished,
            at: now,
        });
    }
}
