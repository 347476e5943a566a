//! How many sessions may start: at once, and in ten minutes.

use super::Situation;
use super::pacing::WINDOW;
use super::subject::Subject;
use super::verdict::{Verdict, Want};
use super::waves::wave_of;
use crate::model::{Hold, Moment, StartBudget};

/// In which order starts are granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Turn {
    /// gtctl ended it for a planned restart: its start was reserved then.
    Owed,
    /// It has come from another host. This start has no limit: there is one for each move, and moves
    /// are rare.
    Arrived,
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
    } else if subject.has_arrived() {
        Turn::Arrived
    } else if !subject.crashes().is_empty() {
        Turn::Crashed
    } else {
        Turn::Plain
    };
    want.starts().then_some(turn)
}

/// Grants starts by wave and name for as long as the budgets last. A planned restart is granted
/// where its later start has room, too. From then on no budget holds that start.
pub(super) fn hold_for_budgets(
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
    let mut budgets = Budgets::new(situation, subjects, starting);
    for (turn, _, at) in wanting {
        let Some(verdict) = verdicts.get_mut(at) else {
            continue;
        };
        let Verdict::Want(want) = verdict else {
            continue;
        };
        if let Err((hold, until)) = budgets.grant(turn) {
            *verdict = Verdict::Hold(want.clone(), hold, until);
        }
    }
}

/// What is left of the budgets of a plan.
struct Budgets {
    window: Window,
    /// Starts of the last ten minutes that count, those that were granted included.
    used: u32,
    /// Sessions that come up.
    starting: u32,
    /// Starts that are reserved for planned restarts.
    reserved: u32,
    /// How many sessions may come up at once.
    at_once: u32,
}

impl Budgets {
    fn new(situation: &Situation<'_>, subjects: &[Subject<'_>], starting: usize) -> Self {
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let owed = subjects.iter().filter(|subject| subject.is_owed_a_start());
        let reserved = count(owed.count());
        let window = Window::of(situation);
        let counted = if window.counts_replaced { reserved } else { 0 };
        Self {
            used: window.used.saturating_add(counted),
            window,
            starting: count(starting),
            reserved,
            at_once: allowed_at_once(situation),
        }
    }

    /// Grants a start, or says what holds it and until when.
    fn grant(&mut self, turn: Turn) -> Result<(), (Hold, Option<Moment>)> {
        let at_work = match turn {
            Turn::Owed => {
                self.reserved = self.reserved.saturating_sub(1);
                self.starting = self.starting.saturating_add(1);
                return Ok(());
            }
            Turn::Arrived => {
                self.starting = self.starting.saturating_add(1);
                return Ok(());
            }
            Turn::Plain | Turn::Crashed => self.starting,
            Turn::Replacement => self.starting.saturating_add(self.reserved),
        };
        let (used, allowed) = (self.used, self.window.allowed);
        if used >= allowed {
            return Err((Hold::StartBudget { used, allowed }, self.window.freed));
        }
        if at_work >= self.at_once {
            let hold = Hold::ConcurrentStarts {
                starting: at_work,
                allowed: self.at_once,
            };
            return Err((hold, None));
        }
        if turn == Turn::Replacement {
            self.reserved = self.reserved.saturating_add(1);
            self.used = used.saturating_add(u32::from(self.window.counts_replaced));
        } else {
            self.starting = self.starting.saturating_add(1);
            self.used = used.saturating_add(1);
        }
        Ok(())
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
