//! The town as a whole: which of the sessions' wishes may be done now.
//!
//! Holds of a single session come first (paused, own session, attached, clocks, handoff gap,
//! drain), then waves, then the budgets of starting, then the mass guard. Every wish that is held
//! stays in the plan with what holds it.

use super::after::{self, Wait};
use super::agents::hold_for_agents;
use super::drain::{self, hold_for_drain};
use super::gastown::hold_for_gastown;
use super::launcher::hold_after_complaint;
use super::probes::probes;
use super::rolling::hold_for_roll;
use super::rules::LOOK_AGAIN;
use super::screens::upcoming;
use super::steps::put;
use super::stuck::would_be_roused;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use super::{Situation, backoff};
use crate::model::{
    Backoff, Death, Definition, Desired, Durability, Hold, Life, Mass, Moment, Period, Phase, Plan,
    Reason, Rung, StartBudget, Verb, WhenAttached,
};

/// The window of the start budget and of what counts as lately come up.
const WINDOW: Period = Period::from_mins(10);

/// Turns wishes into a plan.
pub(super) fn pace(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: Vec<Verdict>,
) -> Plan {
    let mut verdicts = verdicts;
    let mut wakes = Wakes {
        earliest: None,
        now: situation.now,
    };
    // The next look then goes by the screen.
    let contents = subjects.iter().filter_map(Subject::content);
    contents
        .filter_map(|content| content.belief_ends(situation.now))
        .for_each(|at| wakes.add(at));
    for (subject, verdict) in subjects.iter().zip(&mut verdicts) {
        let Verdict::Want(want) = verdict else {
            continue;
        };
        if let Some((hold, until)) = hold_alone(subject, want, &mut wakes) {
            *verdict = Verdict::Hold(want.clone(), hold, until);
        } else if let Some(notice) = drain::notice(subject, want) {
            *verdict = Verdict::Want(notice);
        }
    }
    // A session that fails again and again takes no place from others.
    let comes_up = |subject: &Subject<'_>| subject.is_coming_up() && !subject.is_failing();
    let is_starting = |subject: &&Subject<'_>| subject.is_being_started() || comes_up(subject);
    let starting = subjects.iter().filter(is_starting).count();
    hold_for_agents(situation, subjects, &mut verdicts);
    hold_for_waves(subjects, &mut verdicts);
    hold_for_roll(situation, subjects, &mut verdicts, &mut wakes);
    hold_for_budgets(situation, subjects, &mut verdicts, starting);
    if verdicts.iter().any(waits_for_others) {
        // A session that is not counted as starting makes room for others, too, once it is ready.
        let coming = subjects
            .iter()
            .filter(|subject| !subject.is_being_started() && subject.is_coming_up());
        coming
            .filter_map(Subject::ready_at)
            .for_each(|at| wakes.add(at));
    }
    let mass = hold_for_mass(situation, subjects, &mut verdicts);
    let mut plan = Plan {
        mass,
        ..Plan::default()
    };
    for (subject, verdict) in subjects.iter().zip(verdicts) {
        put(&mut plan, subject, verdict, &mut wakes);
    }
    plan.probes = probes(situation, subjects);
    plan.probes
        .iter()
        .filter(|probe| !probe.is_due(situation.now))
        .for_each(|probe| wakes.add(probe.at));
    plan.wake = wakes.earliest;
    plan
}

/// The earliest moment at which the plan can change.
pub(super) struct Wakes {
    earliest: Option<Moment>,
    now: Moment,
}

impl Wakes {
    pub(super) fn add(&mut self, at: Moment) {
        if self
            .earliest
            .is_none_or(|earliest| self.now.until(&at) < self.now.until(&earliest))
        {
            self.earliest = Some(at);
        }
    }
}

/// What holds this wish, whatever the rest of the town does. The hold that is hardest to lift comes
/// first.
fn hold_alone(
    subject: &Subject<'_>,
    want: &Want,
    wakes: &mut Wakes,
) -> Option<(Hold, Option<Moment>)> {
    if yields_to_stuck(subject, want) {
        wake_when_stuck(subject, wakes);
    }
    let memory = subject.situation.memory;
    if memory.paused {
        return Some((Hold::Paused, None));
    }
    if let Some(hold) = hold_for_gastown(subject, want) {
        return Some((hold, None));
    }
    if subject.situation.orders.durability == Durability::Failing && want.kind != Kind::Create {
        return Some((Hold::NotDurable, None));
    }
    if let Some(hold) = hold_for_missing(subject, want) {
        return Some((hold, None));
    }
    if let Some(until) = hold_while_changing(subject, want) {
        return Some((Hold::ManifestChanging, Some(until)));
    }
    if want.kind.kills() || is_agentless(subject) {
        return hold_a_kill(subject, want, wakes);
    }
    if want.kind.signals() {
        return hold_for_people(subject);
    }
    if want.starts() {
        hold_for_server_losses(subject)
    } else {
        None
    }
}

/// What the session lacks for its fresh process. Nothing that lives is ended for a process that
/// cannot be started, and no crash is counted. A stop that was begun is carried on.
fn hold_for_missing(subject: &Subject<'_>, want: &Want) -> Option<Hold> {
    let begins = match want.kind {
        Kind::Create | Kind::Revive => true,
        Kind::Replace(_) | Kind::Continue(Rung::Finish) => want.verb == Verb::Restart,
        Kind::Retire(_)
        | Kind::Remove
        | Kind::Adopt
        | Kind::Nudge
        | Kind::Notice
        | Kind::SendEscape
        | Kind::Answer
        | Kind::Continue(Rung::Ask | Rung::Term | Rung::Kill) => false,
    };
    let lacking = subject
        .situation
        .town
        .unstartable
        .get(subject.name)
        .filter(|_| begins)?;
    let awaited = lacking.awaited.iter().cloned().collect();
    Some(Hold::CannotStart {
        why: lacking.why.clone(),
        awaited,
    })
}

/// While the manifest changes nothing is started, and nothing that runs is ended: its entry may
/// have changed already.
fn hold_while_changing(subject: &Subject<'_>, want: &Want) -> Option<Moment> {
    let minded = want.starts() || want.kind.kills();
    let changes = subject.situation.orders.definition == Definition::Changing;
    (changes && minded).then(|| subject.now().plus(LOOK_AGAIN))
}

/// Whether a stuck session would get another step than this one, which may be held until then.
fn yields_to_stuck(subject: &Subject<'_>, want: &Want) -> bool {
    let later = matches!(
        want.reason,
        Reason::TooOld { .. }
            | Reason::TooLarge { .. }
            | Reason::Drifted { .. }
            | Reason::Upgraded { .. }
    );
    later
        && subject.is_alive()
        && subject.is_busy()
        && (want.verb == Verb::Expire || would_be_roused(subject))
}

pub(super) fn wake_when_stuck(subject: &Subject<'_>, wakes: &mut Wakes) {
    let ready = subject.ready_at().filter(|_| subject.is_coming_up());
    upcoming(subject)
        .1
        .into_iter()
        .chain(ready)
        .for_each(|at| wakes.add(at));
}

/// What holds the killing of something alive.
fn hold_a_kill(
    subject: &Subject<'_>,
    want: &Want,
    wakes: &mut Wakes,
) -> Option<(Hold, Option<Moment>)> {
    if let Some(held) = hold_for_people(subject) {
        return Some(held);
    }
    let memory = subject.situation.memory;
    if memory.settling > 0 {
        return Some((
            Hold::ClockJump {
                cycles: memory.settling,
            },
            Some(subject.now().plus(LOOK_AGAIN)),
        ));
    }
    hold_after_complaint(subject, want)
        .or_else(|| hold_after_failure(subject, want))
        .or_else(|| hold_for_gap(subject, want))
        .or_else(|| hold_for_drain(subject, want, wakes))
}

/// The same step has failed before. It is tried again after a growing delay.
pub(super) fn hold_after_failure(
    subject: &Subject<'_>,
    want: &Want,
) -> Option<(Hold, Option<Moment>)> {
    let refused = subject.history?.refused.as_ref()?;
    let same = match want.verb {
        Verb::Restart => refused.fingerprint == subject.desired.map(Desired::fingerprint),
        Verb::Expire => refused.fingerprint.is_none(),
        Verb::Start | Verb::Adopt | Verb::Nudge | Verb::SendEscape | Verb::Answer => false,
    };
    let pace = subject
        .desired
        .map_or_else(Backoff::default, |desired| desired.backoff);
    let until = refused.at.plus(backoff::retry(&pace, refused.times));
    let hold = Hold::Failed {
        said: refused.said.clone(),
        times: refused.times,
    };
    (same && !subject.now().reached(&until)).then_some((hold, Some(until)))
}

/// What holds every signal to something alive, also one of a stop that was begun before somebody
/// attached.
fn hold_for_people(subject: &Subject<'_>) -> Option<(Hold, Option<Moment>)> {
    if subject.is_own() {
        return Some((Hold::OwnSession, None));
    }
    let clients = subject.seen.map_or(0, |seen| seen.attached);
    let minded = clients > 0 && subject.when_attached() == WhenAttached::Hold;
    minded.then_some((Hold::Attached { clients }, None))
}

/// Whether something lives in its pane that is not the agent.
fn is_agentless(subject: &Subject<'_>) -> bool {
    matches!(
        subject.seen.map(|seen| &seen.life),
        Some(Life::Dead {
            death: Death::NoAgent,
            ..
        })
    )
}

fn hold_for_server_losses(subject: &Subject<'_>) -> Option<(Hold, Option<Moment>)> {
    let losses = &subject.situation.memory.server_losses;
    let count = u32::try_from(losses.len()).unwrap_or(u32::MAX);
    let allowed = subject.situation.town.limits.server_losses;
    let until = losses.first().map(|first| first.plus(WINDOW));
    (count >= allowed.max(1)).then_some((Hold::ServerLosses { losses: count }, until))
}

fn hold_for_gap(subject: &Subject<'_>, want: &Want) -> Option<(Hold, Option<Moment>)> {
    let Kind::Replace(Patience::Drain | Patience::None) = want.kind else {
        return None;
    };
    let gap = subject.desired?.handoff_gap;
    let last = subject.handoff()?;
    let until = last.plus(gap);
    let since = subject.now().since(&last);
    (since < gap).then(|| {
        // After a reboot `until` is a guess by the wall clock. It is never earlier than the rest of
        // the gap.
        let until = if last.boot == subject.now().boot {
            until
        } else {
            subject.now().plus(gap.minus(since))
        };
        (Hold::HandoffGap { since, gap }, Some(until))
    })
}

pub(super) fn wave_of(subject: &Subject<'_>) -> u32 {
    subject.desired.map_or(0, |desired| desired.wave)
}

/// Whether the hold may end when another session becomes ready.
fn waits_for_others(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Hold(
            _,
            Hold::Wave { .. } | Hold::After { .. } | Hold::ConcurrentStarts { .. },
            _,
        ) => true,
        Verdict::Hold(want, Hold::Blocked { .. }, _) => want.starts(),
        Verdict::Hold(..) | Verdict::Keep(_) | Verdict::Want(_) => false,
    }
}

/// Whether others may have to wait for it: it is about to start, or is not ready yet.
fn is_pending(subject: &Subject<'_>, verdict: &Verdict) -> bool {
    match verdict {
        // A session that is coming up and is to be replaced may still be held.
        Verdict::Want(want) => want.starts() || (want.kind.kills() && subject.is_coming_up()),
        Verdict::Keep(Keep { phase, .. }) => *phase == Phase::Starting,
        Verdict::Hold(..) => subject.is_coming_up(),
    }
}

/// Holds creations behind earlier waves, and starts behind `after`. No wave waits for a session
/// that `after` holds, because that may take any time.
fn hold_for_waves(subjects: &[Subject<'_>], verdicts: &mut [Verdict]) {
    let waits = after::waits(subjects, verdicts);
    let is_pending = |subject: &Subject<'_>, verdict: &Verdict, wait: &Option<Wait>| match wait {
        Some(_) => subject.is_coming_up(),
        None => is_pending(subject, verdict),
    };
    let all = subjects.iter().zip(verdicts.iter()).zip(&waits);
    let pending = all.filter(|((subject, verdict), wait)| is_pending(subject, verdict, wait));
    let first = pending
        .map(|((subject, _), _)| subject)
        .min_by_key(|subject| wave_of(subject));
    for ((subject, verdict), held) in subjects.iter().zip(verdicts.iter_mut()).zip(waits) {
        let Verdict::Want(want) = verdict else {
            continue;
        };
        let creates = want.kind == Kind::Create && !subject.is_owed_a_start();
        let (hold, until) = match (
            first.filter(|first| creates && wave_of(subject) > wave_of(first)),
            held,
        ) {
            (Some(first), _) => (
                Hold::Wave {
                    wave: wave_of(first),
                    waiting_for: first.name.clone(),
                },
                None,
            ),
            (None, Some(held)) => held,
            (None, None) => continue,
        };
        *verdict = Verdict::Hold(want.clone(), hold, until);
    }
}

/// In which order starts are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// gtctl ended it for a planned restart: its start was reserved then.
    Owed,
    /// It is not there, or has ended.
    Plain,
    /// It crashed when it last ran. Those that did not go first.
    Crashed,
    /// It lives, and its planned restart needs a start later.
    Replacement,
}

fn turn_of(subject: &Subject<'_>, want: &Want) -> Option<Turn> {
    if want.replaces() {
        return Some(Turn::Replacement);
    }
    let turn = if subject.is_owed_a_start() {
        Turn::Owed
    } else if !subject.crashes().is_empty() {
        Turn::Crashed
    } else {
        Turn::Plain
    };
    want.starts().then_some(turn)
}

/// Grants starts by wave and name for as long as the budgets last. A planned restart is granted
/// where its later start has room, too. From then on no budget holds that start.
fn hold_for_budgets(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: &mut [Verdict],
    starting: usize,
) {
    let mut wanting: Vec<(Turn, u32, usize)> = Vec::new();
    for (at, (subject, verdict)) in subjects.iter().zip(verdicts.iter()).enumerate() {
        let Verdict::Want(want) = verdict else {
            continue;
        };
        wanting.extend(turn_of(subject, want).map(|turn| (turn, wave_of(subject), at)));
    }
    if wanting.is_empty() {
        return;
    }
    wanting.sort_unstable();
    let mut starting = u32::try_from(starting).unwrap_or(u32::MAX);
    let reserved = u32::try_from(
        subjects
            .iter()
            .filter(|subject| subject.is_owed_a_start())
            .count(),
    )
    .unwrap_or(u32::MAX);
    let window = Window::of(situation);
    let mut used = window
        .used
        .saturating_add(if window.counts_replaced { reserved } else { 0 });
    let mut reserved = reserved;
    let at_once = allowed_at_once(situation);
    for (turn, _, at) in wanting {
        let Some(verdict) = verdicts.get_mut(at) else {
            continue;
        };
        let Verdict::Want(want) = verdict else {
            continue;
        };
        let at_work = match turn {
            Turn::Owed | Turn::Plain | Turn::Crashed => starting,
            Turn::Replacement => starting.saturating_add(reserved),
        };
        let (hold, until) = if turn == Turn::Owed {
            (reserved, starting) = (reserved.saturating_sub(1), starting.saturating_add(1));
            continue;
        } else if used >= window.allowed {
            (
                Hold::StartBudget {
                    used,
                    allowed: window.allowed,
                },
                window.freed,
            )
        } else if at_work >= at_once {
            (
                Hold::ConcurrentStarts {
                    starting: at_work,
                    allowed: at_once,
                },
                None,
            )
        } else if turn == Turn::Replacement {
            reserved = reserved.saturating_add(1);
            used = used.saturating_add(u32::from(window.counts_replaced));
            continue;
        } else {
            (starting, used) = (starting.saturating_add(1), used.saturating_add(1));
            continue;
        };
        *verdict = Verdict::Hold(want.clone(), hold, until);
    }
}

/// The start budget.
struct Window {
    /// Starts of the last ten minutes that count.
    used: u32,
    /// How many may be.
    allowed: u32,
    /// Whether starts of planned restarts count.
    counts_replaced: bool,
    /// When the first of them no longer counts.
    freed: Option<Moment>,
}

impl Window {
    /// Without a declared number: the whole town once, once more for each tmux server that was lost
    /// meanwhile, and ten more. Planned restarts count only where a number is declared, because
    /// they have a limit of their own.
    fn of(situation: &Situation<'_>) -> Self {
        let memory = situation.memory;
        let count = |starts: &[Moment]| u32::try_from(starts.len()).unwrap_or(u32::MAX);
        let first = |starts: &[Moment]| starts.first().map(|first| first.plus(WINDOW));
        match situation.town.limits.starts {
            StartBudget::Auto => {
                let town = u32::try_from(situation.town.declared().count()).unwrap_or(u32::MAX);
                let losses = count(&memory.server_losses);
                Self {
                    used: count(&memory.starts),
                    allowed: town
                        .saturating_mul(losses.saturating_add(1))
                        .saturating_add(10),
                    counts_replaced: false,
                    freed: first(&memory.starts),
                }
            }
            StartBudget::Fixed(allowed) => {
                let freed = first(&memory.starts)
                    .into_iter()
                    .chain(first(&memory.replaced));
                Self {
                    used: count(&memory.starts).saturating_add(count(&memory.replaced)),
                    allowed,
                    counts_replaced: true,
                    freed: freed.min_by_key(|at| situation.now.until(at)),
                }
            }
        }
    }
}

/// Slow start: one more for each session that became ready since a start last failed. From 2 that
/// gives batches of 2, 4, 8, 16.
fn allowed_at_once(situation: &Situation<'_>) -> u32 {
    let memory = situation.memory;
    let is_others = |name| {
        situation
            .town
            .sessions
            .get(name)
            .is_some_and(|desired| desired.policy.is_some())
    };
    let started = memory
        .sessions
        .iter()
        .filter(|(name, _)| !is_others(*name))
        .map(|(_, history)| history);
    let healthy = started.filter(|history| {
        let Some(run) = history.run.as_ref().filter(|run| run.ended.is_none()) else {
            return false;
        };
        let Some(ready) = run.ready else { return false };
        let lately = situation.now.since(&ready) < WINDOW;
        let since_failure = memory
            .failed_start
            .is_none_or(|failed| Moment::later_of(failed, ready) != failed);
        lately && since_failure
    });
    let healthy = u32::try_from(healthy.count()).unwrap_or(u32::MAX);
    situation
        .town
        .limits
        .concurrent_starts
        .max(1)
        .saturating_add(healthy)
}

/// Whether gtctl itself has ended it, or is about to, and it is not ready again.
fn is_down_by_us(subject: &Subject<'_>) -> bool {
    let stopping = subject
        .history
        .is_some_and(|history| history.stopping.is_some())
        && subject.label().is_some();
    stopping
        || subject
            .replacing()
            .is_some_and(|replacing| !replacing.failed)
}

/// Holds all kills when too much of the town would be down at once, those begun before included.
/// Gives the digest of the kills for the second look.
fn hold_for_mass(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: &mut [Verdict],
) -> Option<u64> {
    let kills = |verdict: &Verdict| matches!(verdict, Verdict::Want(want) if want.kind.kills());
    let doomed: Vec<&Subject<'_>> = subjects
        .iter()
        .zip(verdicts.iter())
        .filter(|(_, v)| kills(v))
        .map(|(s, _)| s)
        .collect();
    if doomed.is_empty() {
        return None;
    }
    let under_way = subjects
        .iter()
        .zip(verdicts.iter())
        .filter(|(subject, v)| !kills(v) && is_down_by_us(subject));
    let count = u32::try_from(doomed.len().saturating_add(under_way.count())).unwrap_or(u32::MAX);
    let town = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
    let share = f64::from(town) * situation.town.limits.mass.clamp(0.0, 1.0);
    let too_many = count > 1 && (f64::from(count) > share.max(1.0) || count == town);
    if !too_many {
        return None;
    }
    let digest = digest_of(&doomed);
    let agreed = situation.memory.mass_seen == Some(digest);
    let (go, until) = match situation.orders.mass {
        Mass::Allow => (true, None),
        Mass::SecondLook => (agreed, Some(situation.now.plus(LOOK_AGAIN))),
        Mass::Hold => (false, None),
    };
    if !go {
        for verdict in verdicts.iter_mut().filter(|verdict| kills(verdict)) {
            if let Verdict::Want(want) = verdict {
                *verdict =
                    Verdict::Hold(want.clone(), Hold::MassGuard { kills: count, town }, until);
            }
        }
    }
    Some(digest)
}

fn digest_of(doomed: &[&Subject<'_>]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for subject in doomed {
        let generation = subject.label().map_or(0, |label| label.generation.0);
        for byte in subject
            .name
            .as_str()
            .bytes()
            .chain(generation.to_le_bytes())
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
