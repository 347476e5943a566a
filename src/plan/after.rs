//! `after`: which sessions must come before another one starts, and what that one still waits for.
//!
//! A wait needs a wake only for its deadline. Anything else that ends it is a change of the other
//! session, or a moment for which the other session's own verdict wakes.

use super::subject::Subject;
use super::verdict::{Keep, Kind, Verdict, Want};
use super::waves::wave_of;
use crate::model::{
    Awaited, Death, Desired, Hold, Life, Milestone, Moment, NotReady, Phase, PhaseKind, Purpose,
    Reason, SessionName, SessionStatus, Stopping, Verb,
};
use crate::model::{SortedMap, SortedSet};
use std::collections::VecDeque;

/// What holds a start, and until when at most.
pub(super) type Wait = (Hold, Option<Moment>);

/// What holds starts, by the places of their subjects.
pub(super) type Waits = SortedMap<usize, Wait>;

/// What subjects wait for, by their places among the subjects.
pub(super) fn waits(subjects: &[Subject<'_>], verdicts: &[Verdict]) -> Waits {
    let mut waits = Waits::new();
    for at in in_order(subjects) {
        let (Some(subject), Some(Verdict::Want(want))) = (subjects.get(at), verdicts.get(at))
        else {
            continue;
        };
        if !is_a_start(subject, want) {
            continue;
        }
        let held = wait_of(
            subject,
            &Others {
                subjects,
                verdicts,
                waits: &waits,
            },
        );
        waits.extend(held.map(|held| (at, held)));
    }
    waits
}

/// The indexes of all subjects that wait, each after those that it waits for. Subjects that wait
/// for each other come last; a manifest cannot declare that.
fn in_order(subjects: &[Subject<'_>]) -> Vec<usize> {
    let waiting: SortedSet<usize> = subjects
        .iter()
        .enumerate()
        .filter(|(_, subject)| !after(subject).is_empty())
        .map(|(at, _)| at)
        .collect();
    let mut open: SortedMap<usize, usize> = SortedMap::new();
    let mut followers: SortedMap<usize, Vec<usize>> = SortedMap::new();
    for at in &waiting {
        let others = subjects
            .get(*at)
            .into_iter()
            .flat_map(|subject| after(subject).keys());
        let others: Vec<usize> = others
            .filter_map(|name| {
                subjects
                    .binary_search_by_key(&name, |subject| subject.name)
                    .ok()
            })
            .filter(|other| waiting.contains(other))
            .collect();
        open.insert(*at, others.len());
        for other in others {
            followers.entry(other).or_default().push(*at);
        }
    }
    let mut next: VecDeque<usize> = open
        .iter()
        .filter(|(_, count)| **count == 0)
        .map(|(at, _)| *at)
        .collect();
    let mut order = Vec::with_capacity(waiting.len());
    while let Some(at) = next.pop_front() {
        order.push(at);
        for follower in followers.remove(&at).unwrap_or_default() {
            if let Some(count) = open.get_mut(&follower) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    next.push_back(follower);
                }
            }
        }
    }
    order.extend(
        open.into_iter()
            .filter(|(_, count)| *count > 0)
            .map(|(at, _)| at),
    );
    order
}

fn after<'a>(subject: &Subject<'a>) -> &'a SortedMap<SessionName, Awaited> {
    static NOBODY: SortedMap<SessionName, Awaited> = SortedMap::new();
    subject.desired.map_or(&NOBODY, |desired| &desired.after)
}

/// Whether the wish is a first start, and not the return of a session that ended by itself or for a
/// planned restart.
fn is_a_start(subject: &Subject<'_>, want: &Want) -> bool {
    let begins = matches!(want.kind, Kind::Create | Kind::Revive);
    // A session that waits keeps waiting, even when the loss of its server is forgotten meanwhile.
    let is_waiting = subject
        .history
        .is_some_and(|history| history.waiting.is_some());
    begins && !subject.is_owed_a_start() && (is_waiting || !has_ended_by_itself(subject))
}

/// Whether its last run ended by itself while the server lived on. A run that never began does not
/// count. Neither does a run of a task whose definition has changed: that is another task.
fn has_ended_by_itself(subject: &Subject<'_>) -> bool {
    let (Some(history), Some(run)) = (subject.history, subject.run()) else {
        return false;
    };
    let Some(ended) = run.ended else { return false };
    let losses = &subject.situation.memory.server_losses;
    let is_lost = match ended.death {
        Death::ServerLost | Death::NeverStarted => true,
        Death::Exit(_)
        | Death::Signal(_)
        | Death::StatusLost
        | Death::Vanished
        | Death::NoAgent => {
            let since = losses
                .last()
                .is_some_and(|lost| Moment::later_of(*lost, ended.at) == *lost);
            since || ended.at.boot != subject.now().boot
        }
    };
    let task = subject
        .desired
        .filter(|desired| desired.is_task())
        .map(Desired::fingerprint);
    let is_another = task
        .zip(run.fingerprint)
        .is_some_and(|(declared, ran)| declared != ran);
    let is_asked_for = history.restart_asked || history.finished.is_some();
    !is_lost && !is_another && !is_asked_for
}

/// All other sessions, with the verdicts so far.
struct Others<'s, 'a> {
    subjects: &'s [Subject<'a>],
    verdicts: &'s [Verdict],
    waits: &'s Waits,
}

/// What it waits for: first what needs a person, then the nearest deadline, then by name.
fn wait_of(subject: &Subject<'_>, others: &Others<'_, '_>) -> Option<Wait> {
    let now = subject.now();
    let since = subject
        .history
        .and_then(|history| history.waiting)
        .filter(|since| since.boot == now.boot);
    let since = since.unwrap_or(now);
    let waits = after(subject).iter().filter_map(|(name, awaited)| {
        let why = lacks(subject, others, name, awaited.milestone)?;
        let deadline = awaited
            .within
            .filter(|_| !why.needs_somebody())
            .map(|within| (within, since.plus(within)));
        let (why, until) = match deadline {
            Some((within, at)) if now.reached(&at) => (
                NotReady::Late {
                    milestone: awaited.milestone,
                    within,
                    why: Box::new(why),
                },
                None,
            ),
            Some((_, at)) => (why, Some(at)),
            None => (why, None),
        };
        Some((
            Hold::After {
                waiting_for: name.clone(),
                why,
            },
            until,
        ))
    });
    waits.min_by_key(|(hold, until)| {
        (
            !hold.needs_somebody(),
            until.is_none(),
            until.map(|at| now.until(&at)),
        )
    })
}

/// Why the other session is not as far as asked. None if it is. A session of a later wave is never
/// waited for: it waits for this one.
fn lacks(
    subject: &Subject<'_>,
    others: &Others<'_, '_>,
    name: &SessionName,
    milestone: Milestone,
) -> Option<NotReady> {
    let found = others
        .subjects
        .binary_search_by_key(&name, |other| other.name);
    let declared = found
        .ok()
        .and_then(|at| Some((at, others.subjects.get(at)?, others.verdicts.get(at)?)))
        .filter(|(_, other, _)| other.desired.is_some());
    let Some((at, other, verdict)) = declared else {
        let hosts = &subject.situation.town.hosts;
        return if hosts.is_shared(name) {
            lag_elsewhere(hosts.statuses.get(name), milestone)
        } else {
            Some(NotReady::Undeclared)
        };
    };
    if wave_of(other) > wave_of(subject) || other.name == subject.name {
        return None;
    }
    match others.waits.get(&at) {
        Some((hold, _)) => Some(behind(hold)),
        None => lag(other, verdict, milestone),
    }
}

/// Why a session that waits itself is not as far as asked: the first hold of the chain.
fn behind(hold: &Hold) -> NotReady {
    match hold {
        Hold::After { why, .. } if why.is_on_its_way() => NotReady::Coming,
        Hold::After {
            why: NotReady::Held(first),
            ..
        } if matches!(**first, Hold::After { .. }) => NotReady::Held(first.clone()),
        other => NotReady::Held(Box::new(other.clone())),
    }
}

/// Why a session that waits for nobody is not as far as asked. None if it is.
fn lag(other: &Subject<'_>, verdict: &Verdict, milestone: Milestone) -> Option<NotReady> {
    if let Some(end) = end_of(other, verdict) {
        let serves = end.well || milestone == Milestone::Started;
        return (!serves).then_some(NotReady::Failed { death: end.death });
    }
    if other.is_disabled() {
        return Some(NotReady::Disabled);
    }
    if other.is_off() {
        return Some(NotReady::OffSchedule);
    }
    if other.is_stopped() {
        return Some(NotReady::Stopped);
    }
    if other.launcher_job().is_some_and(|launcher_job| {
        matches!(
            launcher_job.verb,
            Verb::Start | Verb::Restart | Verb::Expire
        )
    }) {
        return Some(NotReady::Coming);
    }
    let Some(seen) = other.seen else {
        return Some(still_to_come(verdict));
    };
    match (&seen.life, other.label()) {
        (Life::Unknown(_), _) => Some(NotReady::Unknown),
        (Life::Alive { .. }, Some(_)) => match milestone {
            Milestone::Completed => Some(NotReady::Runs),
            Milestone::Started | Milestone::Ready if is_leaving(verdict) => {
                Some(still_to_come(verdict))
            }
            Milestone::Started => None,
            // A session that has become ready counts, whether it is idle, blocked, drifted or due
            // for a restart later.
            Milestone::Ready => (!other.is_ready()).then_some(NotReady::Coming),
        },
        (Life::Alive { .. } | Life::Dead { .. }, _) => Some(still_to_come(verdict)),
    }
}

/// Why a session of another host is not as far as asked, by what its host says. None if it is. One
/// of which nobody says anything is not placed yet, or its host is lost: it is still to come.
fn lag_elsewhere(status: Option<&SessionStatus>, milestone: Milestone) -> Option<NotReady> {
    let Some(status) = status else {
        return Some(NotReady::Coming);
    };
    match (status.kind(), milestone) {
        (Some(PhaseKind::Completed), _) if status.completed => None,
        (Some(PhaseKind::Completed), Milestone::Started) => None,
        (Some(PhaseKind::Completed), _) => Some(NotReady::Failed { death: None }),
        (Some(PhaseKind::Stopped), _) => Some(NotReady::Stopped),
        (_, Milestone::Completed) if status.runs() => Some(NotReady::Runs),
        (_, Milestone::Started) if status.runs() => None,
        (_, Milestone::Ready) if status.runs() && status.ready => None,
        _ => Some(NotReady::Coming),
    }
}

/// Whether its stop has begun.
fn is_leaving(verdict: &Verdict) -> bool {
    match verdict {
        Verdict::Want(want) | Verdict::Hold(want, _, _) => matches!(want.kind, Kind::Continue(_)),
        Verdict::Keep(_) => false,
    }
}

/// Why a session does not run.
fn still_to_come(verdict: &Verdict) -> NotReady {
    match verdict {
        Verdict::Want(_) | Verdict::Hold(_, Hold::Stopping { .. }, _) => NotReady::Coming,
        Verdict::Hold(_, hold, _) => NotReady::Held(Box::new(hold.clone())),
        Verdict::Keep(Keep { phase, .. }) => match phase {
            Phase::Stopped => NotReady::Stopped,
            Phase::Unknown | Phase::Foreign => NotReady::Unknown,
            Phase::Completed(_)
            | Phase::Absent
            | Phase::Starting
            | Phase::Working
            | Phase::Background
            | Phase::Idle
            | Phase::Waiting(_)
            | Phase::Blocked(_)
            | Phase::Dead(_)
            | Phase::Stopping => NotReady::Coming,
        },
    }
}

/// The end of a task.
struct End {
    well: bool,
    death: Option<Death>,
}

/// How a task has ended. None while it runs or will run again.
fn end_of(other: &Subject<'_>, verdict: &Verdict) -> Option<End> {
    let desired = other.desired.filter(|desired| desired.is_task())?;
    if has_said_so(other, verdict) {
        return Some(End {
            well: true,
            death: None,
        });
    }
    if other.is_alive() {
        return None;
    }
    let finished = other.history.and_then(|history| history.finished);
    let is_kept = match verdict {
        Verdict::Keep(Keep { phase, .. }) => matches!(phase, Phase::Completed(_)),
        Verdict::Want(_) | Verdict::Hold(..) => false,
    };
    match (finished, is_kept) {
        // An older definition has ended. The declared one has not run yet.
        (Some(finished), false) if finished.fingerprint != desired.fingerprint() => None,
        (Some(finished), _) => Some(End {
            well: finished.well,
            death: finished.death,
        }),
        // The look is older than the memory. The next check tells.
        (None, _) => None,
    }
}

/// Whether its output or its client says that it is done, and nothing has come after for its grace. That somebody
/// who is attached holds its end changes nothing.
fn has_said_so(other: &Subject<'_>, verdict: &Verdict) -> bool {
    let marked = match verdict {
        Verdict::Want(want) | Verdict::Hold(want, _, _) => {
            matches!(
                want.reason,
                Reason::Marked { .. } | Reason::TurnEnded { .. }
            )
        }
        Verdict::Keep(_) => false,
    };
    let stopping = other.history.and_then(|history| history.stopping.as_ref());
    let ended = stopping.is_some_and(|stopping| {
        stopping.purpose == Purpose::Expire && Stopping::was_done(stopping)
    });
    marked || (ended && is_leaving(verdict))
}

#[cfg(test)]
#[path = "elsewhere_tests.rs"]
mod elsewhere_tests;
