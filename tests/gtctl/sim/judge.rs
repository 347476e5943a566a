//! Judges one plan, one step or one deed by itself. `ledger.rs` has what needs the past.

use super::judge_screens::judge_screens;
use super::ledger::{Breach, Look};
use gtctl::model::SortedSet;
use gtctl::model::{
    Action, Content, Desired, Durability, Generation, History, Life, Milestone, Observed, Origin,
    Orphans, Ownership, Period, Plan, Reason, Rung, Seen, SessionName, Step, Stopping, Target,
    Verdict, WhenAttached,
};
use gtctl::sim::Before;

pub(super) fn breach<T>(law: &'static str, detail: impl Into<String>) -> Result<T, Breach> {
    Err(Breach {
        law,
        detail: detail.into(),
    })
}

pub(super) fn ensure(
    holds: bool,
    law: &'static str,
    what: &dyn std::fmt::Debug,
) -> Result<(), Breach> {
    if holds {
        Ok(())
    } else {
        breach(law, format!("{what:?}"))
    }
}

/// A step in few words.
#[derive(Debug)]
#[expect(dead_code, reason = "read by its Debug form")]
pub(super) struct Brief<'a>(
    &'a SessionName,
    &'static str,
    Option<Rung>,
    &'a Reason,
    Option<&'a Target>,
);

pub(super) fn brief(step: &Step) -> Brief<'_> {
    let (rung, target) = match &step.action {
        Action::Restart { rung, target, .. } | Action::Expire { rung, target, .. } => {
            (Some(*rung), Some(target))
        }
        Action::Adopt { target, .. }
        | Action::Rename { target, .. }
        | Action::SendEscape { target, .. } => (None, Some(target)),
        Action::Nudge(typing) => (None, Some(&typing.target)),
        Action::Answer(answer) => (None, Some(&answer.target)),
        Action::Start { .. } => (None, None),
    };
    Brief(
        &step.session,
        step.action.verb().word(),
        rung,
        &step.reason,
        target,
    )
}

/// The step of a kill that begins a stop.
pub(super) fn begins_kill(step: &Step) -> bool {
    match &step.action {
        Action::Restart { rung, .. } | Action::Expire { rung, .. } => {
            *rung == Rung::Ask && !matches!(step.reason, Reason::StopBegun { .. })
        }
        Action::Start { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. }
        | Action::SendEscape { .. }
        | Action::Answer(_) => false,
    }
}

/// A signal or a key to something alive.
pub(super) fn signals(step: &Step) -> bool {
    match &step.action {
        Action::Restart { rung, .. } | Action::Expire { rung, .. } => *rung != Rung::Finish,
        Action::SendEscape { .. } | Action::Answer(_) => true,
        Action::Start { .. }
        | Action::Adopt { .. }
        | Action::Rename { .. }
        | Action::Nudge { .. } => false,
    }
}

pub(super) fn begins_process(step: &Step) -> bool {
    matches!(
        step.action,
        Action::Start { .. }
            | Action::Restart {
                rung: Rung::Finish,
                ..
            }
    )
}

pub(super) fn briefs(plan: &Plan) -> Vec<Brief<'_>> {
    plan.steps.iter().map(brief).collect()
}

/// Every declared session is in the plan exactly once, every other one in it is ours, and the lists
/// are in order.
pub(super) fn complete(look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
    let lists = [
        plan.steps
            .iter()
            .map(|step| &step.session)
            .collect::<Vec<_>>(),
        plan.held.iter().map(|held| &held.session).collect(),
        plan.unchanged.iter().map(|calm| &calm.session).collect(),
    ];
    let ordered = lists.iter().all(|list| list.is_sorted());
    ensure(ordered, "once each", &lists)?;
    let all: Vec<_> = lists.into_iter().flatten().collect();
    let distinct: SortedSet<_> = all.iter().copied().collect();
    ensure(distinct.len() == all.len(), "once each", &all)?;
    let declared = look
        .town
        .sessions
        .keys()
        .all(|name| distinct.contains(name));
    ensure(declared, "once each", &distinct)?;
    let owned = |name: &SessionName| label_of(look.observed, name).is_some();
    let strange = distinct
        .into_iter()
        .find(|name| !look.town.sessions.contains_key(*name) && !owned(name));
    ensure(strange.is_none(), "once each", &strange)
}

pub(super) fn sessions(
    observed: &Observed,
) -> impl Iterator<Item = (&String, &gtctl::model::Seen)> {
    let server = match observed {
        Observed::Up(server) => Some(server),
        Observed::Down | Observed::Unknown(_) => None,
    };
    server.into_iter().flat_map(|server| &server.sessions)
}

pub(super) fn label_of<'a>(
    observed: &'a Observed,
    name: &SessionName,
) -> Option<&'a gtctl::model::Seen> {
    sessions(observed)
        .map(|(_, seen)| seen)
        .filter(|seen| matches!(&seen.ownership, Ownership::Ours(label) if label.session == *name))
        .max_by_key(|seen| match &seen.ownership {
            Ownership::Ours(label) => label.generation,
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => {
                Generation::default()
            }
        })
}

/// Nothing stands under the name and nothing is labelled with it, or what is has ended.
pub(super) fn is_gone(observed: &Observed, name: &SessionName) -> bool {
    match label_of(observed, name) {
        Some(seen) => matches!(seen.life, Life::Dead { .. }),
        None => !sessions(observed).any(|(under, _)| under == name.as_str()),
    }
}

pub(super) fn judge_step(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    judge_screens(look, step)?;
    let begins = begins_process(step)
        || (begins_kill(step) && matches!(step.action, Action::Restart { .. }));
    ensure(
        !(begins && look.town.unstartable.contains_key(&step.session)),
        "S23 cannot start",
        &brief(step),
    )?;
    let target = match &step.action {
        Action::Start { .. } => return judge_creation(look, step),
        Action::Restart { target, .. }
        | Action::Expire { target, .. }
        | Action::Adopt { target, .. }
        | Action::Rename { target, .. }
        | Action::SendEscape { target, .. } => target,
        Action::Nudge(typing) => &typing.target,
        Action::Answer(answer) => &answer.target,
    };
    let Some((_, seen)) = sessions(look.observed).find(|(_, seen)| seen.id == target.session)
    else {
        return breach("S1 ours only", format!("{:?}", brief(step)));
    };
    ensure(
        !matches!(seen.life, Life::Unknown(_)),
        "S8 unknown",
        &brief(step),
    )?;
    let is_proved = !matches!(seen.ownership, Ownership::Unproved(_))
        || matches!(step.action, Action::Adopt { .. });
    ensure(is_proved, "S31 unproved", &brief(step))?;
    ensure(
        is_rightful(&step.action, &seen.ownership),
        "S1 ours only",
        &brief(step),
    )?;
    judge_others(look, step, seen)?;
    judge_rest(look, step, seen)?;
    judge_former_name(look, step, seen)?;
    let kills = signals(step) && matches!(seen.life, Life::Alive { .. });
    let desired = look.town.sessions.get(&step.session);
    let minds = desired.is_none_or(|desired| desired.when_attached == WhenAttached::Hold);
    ensure(
        !(kills && minds && seen.attached > 0),
        "S3 attached",
        &brief(step),
    )?;
    let own = matches!(look.observed, Observed::Up(server) if server.own == Some(target.session));
    ensure(!(kills && own), "S18 own session", &brief(step))?;
    if begins_kill(step) && !look.town.sessions.contains_key(&step.session) {
        let history = look.memory.sessions.get(&step.session);
        let allowed = look.orders.orphans == Orphans::Prune || history.is_some_and(|h| h.prune);
        ensure(
            allowed && look.town.declared().next().is_some(),
            "S10 prune",
            &brief(step),
        )?;
    }
    if let Reason::TooOld { limit, .. } = step.reason {
        let label = if let Ownership::Ours(label) = &seen.ownership {
            Some(label)
        } else {
            None
        };
        ensure(
            label.is_some_and(|label| look.now.since(&label.started) >= limit),
            "S12 awake",
            &brief(step),
        )?;
    }
    if let Reason::Marked { .. } = step.reason {
        ensure(is_over(look, step, seen), "S11 markers", &brief(step))?;
    }
    let durable = look.orders.durability == Durability::Durable;
    ensure(durable && !look.memory.paused, "S5 intent", &brief(step))
}

/// Whether an action may be meant for a session of this owner: adoption is for what nobody owns, or
/// a policy only watches.
fn is_rightful(action: &Action, owner: &Ownership) -> bool {
    let adopts = matches!(action, Action::Adopt { .. });
    match owner {
        Ownership::Ours(label) => !adopts || label.origin == Origin::Policy,
        Ownership::Unlabelled | Ownership::Unproved(_) => adopts,
        Ownership::Foreign(_) => false,
    }
}

/// What does not run now, by the manifest or its hours, is asked to end only when it is idle, or after
/// the whole time of its drain. Nothing is restarted that does not run now.
fn judge_rest(look: &Look<'_>, step: &Step, seen: &Seen) -> Result<(), Breach> {
    let Some(desired) = look.town.sessions.get(&step.session) else {
        return Ok(());
    };
    let is_off = desired
        .schedule
        .as_ref()
        .is_some_and(|schedule| !schedule.at(look.now.wall).is_on);
    let by_manifest = matches!(step.reason, Reason::Disabled | Reason::OffSchedule { .. });
    ensure(
        !by_manifest || is_off || !desired.enabled,
        "S36 rest",
        &brief(step),
    )?;
    let restarts = begins_kill(step) && matches!(step.action, Action::Restart { .. });
    ensure(
        !(restarts && (is_off || !desired.enabled)),
        "S36 rest",
        &brief(step),
    )?;
    let lives = matches!(seen.life, Life::Alive { .. });
    if !(by_manifest && begins_kill(step) && lives) {
        return Ok(());
    }
    let history = look.memory.sessions.get(&step.session);
    let generation = match &seen.ownership {
        Ownership::Ours(label) => label.generation,
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => return Ok(()),
    };
    let run = history.and_then(|history| history.run_of(generation));
    let drained = run
        .and_then(|run| run.draining)
        .is_some_and(|since| look.now.since(&since) >= desired.drain);
    let content = run.and_then(|run| run.content.as_ref());
    let works = content.is_some_and(|content| content.state.is_at_work());
    ensure(drained || !works, "S36 rest", &brief(step))
}

/// Nothing is done to a session that has a former name, but to give it its new name. That is for one
/// session which the manifest names so, and for a name that no session has.
fn judge_former_name(look: &Look<'_>, step: &Step, seen: &Seen) -> Result<(), Breach> {
    let Ownership::Ours(label) = &seen.ownership else {
        return Ok(());
    };
    let present = look.town.former_names().remove(&label.session);
    let renames = matches!(step.action, Action::Rename { .. });
    let is_free = || {
        let others = sessions(look.observed).filter(|(_, other)| other.id != seen.id);
        let mut others = others.filter(|(name, other)| {
            let is_labelled =
                matches!(&other.ownership, Ownership::Ours(label) if label.session == step.session);
            is_labelled || name.as_str() == step.session.as_str()
        });
        others.next().is_none()
    };
    let is_meant = present.as_ref() == Some(&step.session) && is_free();
    let is_left_alone = present.is_none() || label.origin == Origin::Policy;
    ensure(
        if renames { is_meant } else { is_left_alone },
        "S35 new name",
        &brief(step),
    )
}

/// What others started is only expired, for a policy that covers it, and only for what a policy is
/// about.
fn judge_others(look: &Look<'_>, step: &Step, seen: &Seen) -> Result<(), Breach> {
    let policy = look
        .town
        .sessions
        .get(&step.session)
        .is_some_and(|desired| desired.policy.is_some());
    let others =
        matches!(&seen.ownership, Ownership::Ours(label) if label.origin == Origin::Policy);
    let restarts = matches!(step.action, Action::Start { .. } | Action::Restart { .. });
    ensure(
        !(restarts && (policy || others)),
        "S22 others",
        &brief(step),
    )?;
    let due = matches!(
        step.reason,
        Reason::TooOld { .. }
            | Reason::TooQuiet { .. }
            | Reason::TooLarge { .. }
            | Reason::Marked { .. }
    );
    let by_hand =
        !policy && look.town.sessions.contains_key(&step.session) && step.reason == Reason::Asked;
    ensure(
        !(others && begins_kill(step)) || (policy && due) || by_hand,
        "S22 others",
        &brief(step),
    )
}

/// Whether this very life has said that it is done, and its full grace has passed since.
fn is_over(look: &Look<'_>, step: &Step, seen: &Seen) -> bool {
    let (Ownership::Ours(_), Some(heard)) = (&seen.ownership, &seen.heard) else {
        return false;
    };
    let Some(desired) = look.town.sessions.get(&step.session) else {
        return false;
    };
    let done = heard
        .standing
        .as_ref()
        .is_some_and(|standing| standing.sighting.verdict == Verdict::Completed);
    let quiet = look.now.since(&heard.last_output);
    done && quiet >= desired.completion.grace
}

pub(super) fn judge_creation(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let there = sessions(look.observed).any(|(name, seen)| {
        let ours = if let Ownership::Ours(label) = &seen.ownership {
            Some(&label.session)
        } else {
            None
        };
        ours == Some(&step.session) || (ours.is_none() && name == step.session.as_str())
    });
    ensure(!there, "S6 one tree", &brief(step))?;
    let has_former_name = sessions(look.observed).any(|(_, seen)| {
        let Ownership::Ours(label) = &seen.ownership else {
            return false;
        };
        let desired = look.town.sessions.get(&step.session);
        label.origin != Origin::Policy
            && desired.is_some_and(|desired| desired.moved.contains(&label.session))
    });
    ensure(!has_former_name, "S35 new name", &brief(step))?;
    let lives_on =
        matches!(look.observed, Observed::Up(server) if server.moved.contains_key(&step.session));
    ensure(!lives_on, "S30 outside", &brief(step))?;
    let desired = look.town.sessions.get(&step.session);
    let may_run = desired.is_none_or(|desired| {
        let schedule = desired.schedule.as_ref();
        desired.enabled && schedule.is_none_or(|schedule| schedule.at(look.now.wall).is_on)
    });
    ensure(may_run, "S36 rest", &brief(step))?;
    let history = look.memory.sessions.get(&step.session);
    let is_stopped = history.is_some_and(|history| history.stopped);
    ensure(!is_stopped, "S37 stopped by hand", &brief(step))?;
    judge_order(look, step)
}

/// A session that has never run is started after those that it waits for.
fn judge_order(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let has_run = look
        .memory
        .sessions
        .get(&step.session)
        .is_some_and(|history| history.run.is_some());
    let desired = look.town.sessions.get(&step.session).filter(|_| !has_run);
    for (name, awaited) in desired.into_iter().flat_map(|desired| &desired.after) {
        // One of a later wave is never waited for: it waits for this one.
        let earlier =
            |other: &&Desired| other.wave <= desired.map_or(u32::MAX, |desired| desired.wave);
        let Some(other) = look.town.sessions.get(name).filter(earlier) else {
            continue;
        };
        let ended = look
            .memory
            .sessions
            .get(name)
            .and_then(|history| history.finished)
            .filter(|_| other.is_task());
        // One that gets its new name now still has the former one.
        let of_former = || {
            let mut former = other.moved.iter();
            former.find_map(|former| label_of(look.observed, former))
        };
        let seen = label_of(look.observed, name).or_else(of_former);
        let age = seen
            .filter(|seen| matches!(seen.life, Life::Alive { .. }))
            .and_then(|seen| match &seen.ownership {
                Ownership::Ours(label) => Some(look.now.since(&label.started)),
                Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
            });
        let heard = seen
            .and_then(|seen| seen.heard.as_ref())
            .and_then(|heard| heard.standing.as_ref());
        let done = other.is_task()
            && heard.is_some_and(|standing| standing.sighting.verdict == Verdict::Completed);
        let stopping = look
            .memory
            .sessions
            .get(name)
            .and_then(|history| history.stopping.as_ref());
        let is_turn_over = look
            .memory
            .sessions
            .get(name)
            .and_then(History::content)
            .and_then(Content::turn_ended)
            .zip(other.completion.turn_ended)
            .is_some_and(|((since, _), grace)| look.now.since(&since) >= grace);
        let done = done || (other.is_task() && is_turn_over);
        let done = done || (other.is_task() && stopping.is_some_and(Stopping::was_done));
        let well = done || ended.is_some_and(|ended| ended.well);
        let holds = match awaited.milestone {
            Milestone::Started => age.is_some() || ended.is_some(),
            Milestone::Ready => {
                let has_aged = age.is_some_and(|age| age >= other.ready_after);
                (has_aged && has_passed_probe(look, name, other)) || well
            }
            Milestone::Completed => well,
        };
        ensure(holds, "S33 order", &(brief(step), name, awaited))?;
    }
    Ok(())
}

/// Whether the readiness probe of a session has passed once in the run that is seen, or that run was
/// ready before the probe was declared.
pub(super) fn has_passed_probe(look: &Look<'_>, name: &SessionName, desired: &Desired) -> bool {
    if desired.ready.is_none() {
        return true;
    }
    // One that gets its new name now still has the former one.
    let names = || std::iter::once(name).chain(&desired.moved);
    let seen = names().find_map(|name| label_of(look.observed, name));
    let Some(Ownership::Ours(label)) = seen.map(|seen| &seen.ownership) else {
        return false;
    };
    let history = look.memory.sessions.get(&label.session);
    let run = history.and_then(|history| history.run_of(label.generation));
    run.is_some_and(|run| run.ready.is_some() || run.has_passed_probe())
}

/// Waves, and how many may start at once.
pub(super) fn judge_starts(look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
    let is_starting = |name: &SessionName, ready_after: Period| {
        let seen = label_of(look.observed, name)?;
        let Ownership::Ours(label) = &seen.ownership else {
            return None;
        };
        (matches!(seen.life, Life::Alive { .. }) && look.now.since(&label.started) < ready_after)
            .then_some(())
    };
    let left_alone = |name: &SessionName| {
        let acted_on = plan.steps.iter().any(|step| step.session == *name);
        let stopped = look
            .memory
            .sessions
            .get(name)
            .is_some_and(|history| history.stopped);
        acted_on || stopped
    };
    let pending = |name: &&SessionName| {
        let starts = plan
            .steps
            .iter()
            .any(|step| step.session == **name && begins_process(step));
        let ready_after = look
            .town
            .sessions
            .get(*name)
            .map_or(Period::ZERO, |desired| desired.ready_after);
        starts || (is_starting(name, ready_after).is_some() && !left_alone(name))
    };
    // What was ended for a planned restart comes back whatever else goes on.
    let owed = |name: &SessionName| {
        look.memory
            .sessions
            .get(name)
            .is_some_and(History::is_owed_a_start)
    };
    let wave = |name: &SessionName| {
        look.town
            .sessions
            .get(name)
            .map_or(0, |desired| desired.wave)
    };
    let creates =
        |step: &&Step| matches!(step.action, Action::Start { .. }) && !owed(&step.session);
    let newcomers: Vec<_> = plan.steps.iter().filter(creates).collect();
    let last = newcomers.iter().map(|step| wave(&step.session)).max();
    let pending: Vec<_> = if newcomers.is_empty() {
        vec![]
    } else {
        look.town.sessions.keys().filter(pending).collect()
    };
    let first = pending.iter().map(|name| wave(name)).min();
    ensure(
        last.zip(first).is_none_or(|(last, first)| last <= first),
        "S16 waves",
        &(last, &pending),
    )?;
    let starts = plan
        .steps
        .iter()
        .filter(|step| begins_process(step) && !owed(&step.session))
        .count();
    let healthy = look
        .memory
        .sessions
        .values()
        .filter(|history| history.run.as_ref().is_some_and(|r| r.ready.is_some()));
    let most = usize::try_from(look.town.limits.concurrent_starts.max(1))
        .unwrap_or(1)
        .saturating_add(healthy.count());
    ensure(starts <= most, "S7 concurrent starts", &briefs(plan))
}

/// An operation took effect on `before`: was that what it was meant for?
pub(super) fn judge_identity(step: &Step, before: &Before) -> Result<(), Breach> {
    let (target, kills) = match &step.action {
        Action::Start { .. } => return Ok(()),
        Action::Restart { target, .. }
        | Action::Expire { target, .. }
        | Action::SendEscape { target, .. } => (target, before.session.is_alive()),
        Action::Adopt { target, .. } | Action::Rename { target, .. } => (target, false),
        Action::Nudge(typing) => (&typing.target, false),
        Action::Answer(answer) => (&answer.target, false),
    };
    let generation = match &before.session.ownership {
        Ownership::Ours(label) => Some(label.generation),
        Ownership::Unlabelled | Ownership::Unproved(_) => None,
        Ownership::Foreign(_) => return breach("S1 ours only", format!("{:?}", brief(step))),
    };
    let is_unproved = matches!(before.session.ownership, Ownership::Unproved(_));
    ensure(
        !is_unproved || matches!(step.action, Action::Adopt { .. }),
        "S31 unproved",
        &brief(step),
    )?;
    ensure(
        is_rightful(&step.action, &before.session.ownership),
        "S1 ours only",
        &brief(step),
    )?;
    ensure(
        before.server == target.server,
        "S2 other server",
        &brief(step),
    )?;
    ensure(
        generation == target.generation,
        "S2 other life",
        &brief(step),
    )?;
    let minded = before.session.attached > 0 && target.attached == WhenAttached::Hold;
    ensure(!(kills && minded), "S3 attached", &brief(step))
}
