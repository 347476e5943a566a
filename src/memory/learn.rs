//! What a look teaches.

use super::content::{learn_auth_deaths, learn_content, learn_footprint, learn_program};
use super::conversation::{learn_conversation, was_refused};
use super::depart::depart;
use super::probe::forget_probes;
use crate::model::{
    Content, Death, Desired, Ended, Fingerprint, Finished, History, Incarnation, Label, Life,
    Limited, Memory, Moment, Observed, Ownership, Period, RanWith, RestartPolicy, ScreenState,
    Seen, Server, SessionName, Town, Walk, keep_newest,
};
use std::collections::BTreeMap;

/// Windows of the town-wide budgets: starts and server losses.
const WINDOW: Period = Period::from_mins(10);
/// The wall clock and the awake clock may drift apart this much between two looks before it counts
/// as a jump.
const CLOCK_SLACK: u64 = 30_000;
/// Cycles without a kill after a clock jump, the one that noticed it included.
const SETTLING_CYCLES: u32 = 2;
/// Looks in a row that must find no agent in a pane before that counts as its end: a name alone
/// never kills.
const AGENTLESS_LOOKS: u32 = 2;
/// A history of a session that is neither declared nor there is kept this long, for its handoff
/// gap.
const FORGET_AFTER: Period = Period::from_hours(24);

/// Takes in one look. Only what was really seen changes anything: [`Observed::Unknown`] teaches
/// nothing.
#[must_use]
pub fn learn(mut memory: Memory, town: &Town, observed: &Observed, now: Moment) -> Memory {
    forget(&mut memory, now);
    memory
        .chores
        .retain(|name, _| town.chores.iter().any(|chore| chore.name == *name));
    match observed {
        Observed::Unknown(_) => return memory,
        Observed::Down => {
            depart(&mut memory, town, None, now);
            lose_server(&mut memory, now);
            learn_sessions(&mut memory, town, None, now);
        }
        Observed::Up(server) => {
            depart(&mut memory, town, Some(server), now);
            if memory.server.is_some_and(|known| known != server.id) {
                lose_server(&mut memory, now);
            }
            memory.server = Some(server.id);
            learn_sessions(&mut memory, town, Some(server), now);
        }
    }
    watch_clocks(&mut memory, now);
    memory
}

/// Drops what is too old to matter, and draws moments that a wrong clock of a former boot put ahead
/// back to now: else what waits for them to pass would wait for years.
fn forget(memory: &mut Memory, now: Moment) {
    let anchor = |at: &mut Moment| {
        if at.boot != now.boot && at.wall > now.wall {
            *at = now;
        }
    };
    let starts = memory.starts.iter_mut().chain(&mut memory.replaced);
    starts
        .chain(&mut memory.server_losses)
        .chain(&mut memory.failed_start)
        .for_each(anchor);
    memory.auth_deaths.values_mut().flatten().for_each(anchor);
    memory
        .chores
        .values_mut()
        .for_each(|chore| anchor(&mut chore.started));
    for probed in memory.probes.values_mut() {
        anchor(&mut probed.asked);
        probed
            .answered
            .iter_mut()
            .for_each(|answered| anchor(&mut answered.asked));
    }
    memory.starts.retain(|at| now.since(at) < WINDOW);
    memory.replaced.retain(|at| now.since(at) < WINDOW);
    memory.server_losses.retain(|at| now.since(at) < WINDOW);
    for history in memory.sessions.values_mut() {
        history
            .crashes
            .iter_mut()
            .chain(&mut history.handoff)
            .chain(&mut history.draining)
            .for_each(anchor);
        history.waiting.iter_mut().for_each(anchor);
        history
            .finished
            .iter_mut()
            .for_each(|finished| anchor(&mut finished.at));
        if let Some(content) = &mut history.content {
            anchor(&mut content.since);
            anchor(&mut content.state_since);
            content.cpu.iter_mut().for_each(|cpu| anchor(&mut cpu.at));
        }
        if let Some(run) = &mut history.run {
            anchor(&mut run.started);
            run.ready.iter_mut().for_each(anchor);
            run.ended.iter_mut().for_each(|ended| anchor(&mut ended.at));
        }
        history
            .marks
            .iter_mut()
            .for_each(|marks| anchor(&mut marks.last_output));
        history
            .refused
            .iter_mut()
            .for_each(|refused| anchor(&mut refused.at));
        history.nudged.iter_mut().for_each(anchor);
        history
            .escape_sent
            .iter_mut()
            .for_each(|escape_sent| anchor(&mut escape_sent.at));
        history
            .footprint
            .iter_mut()
            .for_each(|footprint| anchor(&mut footprint.at));
        history
            .program
            .iter_mut()
            .for_each(|program| anchor(&mut program.at));
    }
}

/// Notices that the two clocks moved apart since the last look: a suspend, or a step of the wall
/// clock.
fn watch_clocks(memory: &mut Memory, now: Moment) {
    let jumped = memory.last_look.is_some_and(|last| {
        let wall = now.wall.saturating_sub(last.wall);
        let awake = i64::try_from(now.awake).unwrap_or(i64::MAX)
            - i64::try_from(last.awake).unwrap_or(i64::MAX);
        last.boot == now.boot && wall.abs_diff(awake) > CLOCK_SLACK
    });
    memory.settling = if jumped {
        SETTLING_CYCLES
    } else {
        memory.settling.saturating_sub(1)
    };
    memory.last_look = Some(now);
}

fn lose_server(memory: &mut Memory, now: Moment) {
    memory.server = None;
    let mut lost_any = false;
    for history in memory.sessions.values_mut() {
        history.stopping = None;
        history.replacing = None;
        history.waiting = None;
        if let Some(run) = history.run.as_mut().filter(|run| run.ended.is_none()) {
            run.ended = Some(Ended {
                death: Death::ServerLost,
                at: now,
            });
            lost_any = true;
        }
    }
    if lost_any {
        memory.server_losses.push(now);
    }
}

fn learn_sessions(memory: &mut Memory, town: &Town, server: Option<&Server>, now: Moment) {
    let ours = server.map(ours_by_declared_name).unwrap_or_default();
    let (mut declared, mut there) = (Walk::new(&town.sessions), Walk::new(&ours));
    memory.sessions.retain(|name, history| {
        let is_known = declared.find(name.as_str()).is_some() | there.find(name.as_str()).is_some();
        is_known
            || history
                .handoff
                .is_some_and(|at| now.since(&at) < FORGET_AFTER)
    });
    for name in town.sessions.keys().chain(ours.keys().copied()) {
        if !memory.sessions.contains_key(name) {
            memory.sessions.insert(name.clone(), History::default());
        }
    }
    let mut remembered = Walk::new(&mut memory.sessions);
    let mut there = Walk::new(&ours);
    for (name, desired) in &town.sessions {
        let Some(history) = remembered.find(name.as_str()) else {
            continue;
        };
        history.prune = desired.prune;
        let declared = desired.fingerprint();
        reset_after_edit(history, declared);
        let runs_with = there
            .find(name.as_str())
            .and_then(|(_, label)| label.fingerprint);
        if runs_with == Some(declared) && desired.policy.is_none() {
            note_ran_with(history, desired, declared);
        }
    }
    let mut failed_start = memory.failed_start;
    let last_look = memory.last_look;
    let mut auth_deaths = std::mem::take(&mut memory.auth_deaths);
    auth_deaths.retain(|agent, _| {
        town.sessions
            .values()
            .any(|desired| desired.agent.name == *agent)
    });
    let (mut declared, mut there) = (Walk::new(&town.sessions), Walk::new(&ours));
    for (name, history) in &mut memory.sessions {
        let desired = declared.find(name.as_str());
        let before = history.run.as_ref().and_then(|run| run.ended);
        let found = there.find(name.as_str());
        if let Some((seen, label)) = found {
            learn_seen(history, desired, seen, label, last_look, now);
        } else {
            let taken = server.is_some_and(|s| {
                s.sessions.contains_key(name.as_str()) || s.moved.contains_key(name)
            });
            learn_unseen(history, taken, now);
        }
        if let Some(desired) = desired {
            learn_auth_deaths(
                &mut auth_deaths,
                before,
                history,
                desired,
                found.map(|(seen, _)| *seen),
            );
        }
        learn_last_words(history, desired, found.map(|(seen, _)| *seen), now);
        account_for_end(history, desired, &mut failed_start, now);
        learn_replacing(history, desired, found.map(|(seen, _)| *seen));
    }
    memory.failed_start = failed_start;
    memory.auth_deaths = auth_deaths;
    forget_probes(memory, town);
}

/// Ours by the name each was declared under, which a rename in tmux does not change. Of two lives,
/// the later.
pub(super) fn ours_by_declared_name(server: &Server) -> BTreeMap<&SessionName, (&Seen, &Label)> {
    let mut found: BTreeMap<&SessionName, (&Seen, &Label)> = BTreeMap::new();
    for seen in server.sessions.values() {
        if let Ownership::Ours(label) = &seen.ownership {
            let latest = found.entry(&label.session).or_insert((seen, label));
            if latest.1.generation < label.generation {
                *latest = (seen, label);
            }
        }
    }
    found
}

/// A changed entry is a new try: its crashes are forgotten.
fn reset_after_edit(history: &mut History, declared: Fingerprint) {
    let ran_with = history.run.as_ref().and_then(|run| run.fingerprint);
    if ran_with.is_some_and(|print| print != declared) {
        history.crashes.clear();
    }
}

/// Notes what it runs with, to be shown once something else is declared.
pub(super) fn note_ran_with(history: &mut History, desired: &Desired, declared: Fingerprint) {
    if history
        .ran_with
        .as_ref()
        .is_none_or(|ran| ran.fingerprint != declared)
    {
        history.ran_with = Some(RanWith::of(desired));
    }
}

fn learn_seen(
    history: &mut History,
    desired: Option<&Desired>,
    seen: &Seen,
    label: &Label,
    last_look: Option<Moment>,
    now: Moment,
) {
    if history
        .run
        .as_ref()
        .is_some_and(|run| outdates(run, label, now))
    {
        // What an earlier life has said ends nothing any more.
        history.marks = None;
        return;
    }
    history.generation = history.generation.max(label.generation);
    history.handoff = match (history.handoff, label.handoff) {
        (Some(a), Some(b)) => Some(Moment::later_of(a, b)),
        (a, b) => a.or(b),
    };
    if history
        .run
        .as_ref()
        .is_none_or(|run| run.generation != label.generation)
    {
        history.run = Some(Incarnation {
            generation: label.generation,
            started: label.started,
            ready: None,
            fingerprint: label.fingerprint,
            ended: None,
        });
        history.finished = None;
    }
    begin_as_labelled(history, label, now);
    if history
        .stopping
        .as_ref()
        .is_some_and(|stopping| stopping.generation != label.generation)
    {
        history.stopping = None;
    }
    history
        .typed
        .retain(|typed| typed.generation == label.generation);
    learn_marks(history, seen, label, now);
    if matches!(seen.life, Life::Alive { .. } | Life::Dead { .. }) {
        forgive_unknown_start(history);
    }
    learn_life(history, desired, seen, now);
    learn_content(history, seen, label, last_look, now);
    learn_footprint(history, seen, label, now);
    learn_program(history, seen, label, now);
    if matches!(seen.life, Life::Alive { .. }) {
        learn_conversation(history, seen, label);
    }
    history
        .escape_sent
        .take_if(|escape_sent| escape_sent.generation != label.generation);
}

/// The label says when the run began. That is later than it was planned where something else had to
/// end first.
fn begin_as_labelled(history: &mut History, label: &Label, now: Moment) {
    // A date to come is nobody's beginning.
    if Moment::later_of(now, label.started) != now {
        return;
    }
    if let Some(run) = history
        .run
        .as_mut()
        .filter(|run| run.ended.is_none() && run.ready.is_none())
    {
        run.started = Moment::later_of(run.started, label.started);
    }
}

/// What its output says. Where that could not be heard, its grace begins anew: nobody knows whether
/// it went on.
fn learn_marks(history: &mut History, seen: &Seen, label: &Label, now: Moment) {
    history
        .marks
        .take_if(|marks| marks.generation != label.generation);
    match seen
        .heard
        .as_ref()
        .filter(|heard| heard.generation == label.generation)
    {
        Some(heard) => history.marks = Some(heard.clone()),
        None => history
            .marks
            .iter_mut()
            .for_each(|marks| marks.last_output = now),
    }
}

/// Whether the look is from before this run, so that it says nothing of it. No look is as old as
/// the window: an earlier life still seen then is what there is; and so it is where this run came
/// to nothing.
fn outdates(run: &Incarnation, label: &Label, now: Moment) -> bool {
    let began = run
        .ended
        .is_none_or(|ended| ended.death != Death::NeverStarted);
    began && run.generation > label.generation && now.since(&run.started) < WINDOW
}

fn learn_life(history: &mut History, desired: Option<&Desired>, seen: &Seen, now: Moment) {
    let Some(run) = &mut history.run else { return };
    match &seen.life {
        Life::Alive { .. } => {
            history.agentless = 0;
            let guessed = run.ended.take().filter(|ended| is_a_guess(ended.death));
            // It has not ended after all: that was no crash.
            history
                .crashes
                .pop_if(|at| guessed.is_some_and(|ended| ended.at == *at));
            let age = now.since(&run.started);
            let ready_after = desired.map_or(Period::ZERO, |d| d.ready_after);
            if run.ready.is_none() && age >= ready_after {
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
            history.agentless = history.agentless.saturating_add(1);
            if history.agentless >= AGENTLESS_LOOKS {
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
            // Not to have been there was a guess; a dead pane is proof of how. When it ended stays
            // as it was first told.
            if is_a_guess(ended.death) {
                ended.death = *death;
            }
        }
        Life::Unknown(_) => {}
    }
}

/// A start of which nothing was known, and that has come about after all, was no failure.
fn forgive_unknown_start(history: &mut History) {
    let Some(run) = &mut history.run else { return };
    if let Some(ended) = run
        .ended
        .take_if(|ended| ended.death == Death::NeverStarted)
    {
        history.crashes.pop_if(|at| *at == ended.at);
    }
}

/// Whether a planned restart is over, or has failed.
fn learn_replacing(history: &mut History, desired: Option<&Desired>, seen: Option<&Seen>) {
    let Some(replacing) = &mut history.replacing else {
        return;
    };
    let wanted = |desired: &&Desired| {
        desired.policy.is_none() && !history.stopped && history.finished.is_none()
    };
    let Some(desired) = desired.filter(wanted) else {
        history.replacing = None;
        return;
    };
    let declared = desired.fingerprint();
    if replacing.fingerprint != declared {
        (replacing.fingerprint, replacing.failed) = (declared, false);
    }
    let Some(run) = &history.run else { return };
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
        replacing.failed |= ended.at.since(&run.started) < desired.ready_after;
        if !replacing.failed {
            history.replacing = None;
        }
    }
}

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

/// Nothing of ours has the name. `taken`: something else has, perhaps our own session stripped of
/// its labels, or the agent lives on elsewhere, so nothing is concluded.
fn learn_unseen(history: &mut History, taken: bool, now: Moment) {
    if taken {
        return;
    }
    if let Some(run) = &mut history.run {
        run.ended.get_or_insert(Ended {
            death: Death::Vanished,
            at: now,
        });
    }
}

/// Notes that a run has ended at its usage limit, by what it said last. Once for each run.
fn learn_last_words(
    history: &mut History,
    desired: Option<&Desired>,
    seen: Option<&Seen>,
    now: Moment,
) {
    let Some(run) = &history.run else { return };
    let Some(ended) = run.ended else {
        history.limited = None;
        return;
    };
    let (Some(seen), Some(_)) = (
        seen.filter(|seen| matches!(seen.life, Life::Dead { .. })),
        desired,
    ) else {
        return;
    };
    let Some(screen) = &seen.screen else { return };
    let ScreenState::Limit { resets } = screen.state else {
        return;
    };
    let is_noted = history
        .limited
        .as_ref()
        .is_some_and(|limited| limited.generation == run.generation);
    let by_itself =
        matches!(ended.death, Death::Exit(_)) && history.stopping.is_none() && !history.stopped;
    if is_noted || !by_itself {
        return;
    }
    let ago = now.since(&ended.at);
    let named =
        resets.map(|at| Period::from_millis(at.saturating_sub(now.wall).max(0).unsigned_abs()));
    // What lies further ahead is of a clock that was set back since.
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
    history.limited = Some(Limited {
        generation: run.generation,
        until,
        wait_ms,
        evidence,
    });
}

/// Counts an end that is seen for the first time: as a crash, as a task's completion, or as what
/// was intended.
fn account_for_end(
    history: &mut History,
    desired: Option<&Desired>,
    failed_start: &mut Option<Moment>,
    now: Moment,
) {
    let Some(desired) = desired else { return };
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
    let too_short = run.ready.is_none() && ran < desired.ready_after;
    let at_limit = history
        .limited
        .as_ref()
        .is_some_and(|limited| limited.generation == run.generation);
    if at_limit || !counts_as_crash(history, ended.death, too_short) || was_refused(history) {
        return;
    }
    if too_short {
        *failed_start =
            Some(failed_start.map_or(ended.at, |last| Moment::later_of(last, ended.at)));
    }
    if ran >= desired.backoff.reset_after {
        history.crashes.clear();
    }
    push_crash(history, ended.at, now);
}

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
