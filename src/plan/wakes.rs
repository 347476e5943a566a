//! The moment at which the plan must be made again.

use super::due::drifted;
use super::screens::upcoming;
use super::subject::Subject;
use super::turn::next_end;
use super::verdict::{Verdict, Want};
use crate::model::{Moment, Reason, Verb};

/// The earliest moment at which the plan can change.
pub(super) struct Wakes {
    earliest: Option<Moment>,
    now: Moment,
}

impl Wakes {
    /// No such moment is known yet.
    pub(super) fn none(now: Moment) -> Self {
        Self {
            earliest: None,
            now,
        }
    }

    /// The earliest of all moments that were added.
    pub(super) fn earliest(&self) -> Option<Moment> {
        self.earliest
    }

    /// Adds a moment.
    pub(super) fn add(&mut self, at: Moment) {
        if self
            .earliest
            .is_none_or(|earliest| self.now.until(&at) < self.now.until(&earliest))
        {
            self.earliest = Some(at);
        }
    }
}

/// Adds the moments at which this session may become stuck.
pub(super) fn wake_when_stuck(subject: &Subject<'_>, wakes: &mut Wakes) {
    let ready = subject.ready_at().filter(|_| subject.is_coming_up());
    upcoming(subject)
        .1
        .into_iter()
        .chain(ready)
        .for_each(|at| wakes.add(at));
}

/// Adds the moments at which a rule that waits for nothing comes to speak for a session whose step
/// waits: it is stuck, its turn is over, or it is too quiet.
pub(super) fn wake_when_urgent(subject: &Subject<'_>, want: &Want, wakes: &mut Wakes) {
    if subject.is_busy() {
        wake_when_stuck(subject, wakes);
        return;
    }
    if let Some(next) = next_end(subject) {
        wakes.add(next.at);
    }
    let too_quiet = upcoming(subject).0.filter(|_| is_after_too_quiet(want));
    if let Some(next) = too_quiet.filter(|next| next.verb != Verb::Nudge) {
        wakes.add(next.at);
    }
}

/// Adds the moment at which the session is too quiet and gets a nudge instead of this step.
pub(super) fn wake_when_nudged(subject: &Subject<'_>, want: &Want, wakes: &mut Wakes) {
    // What is restarted for its fields gets no nudge.
    let is_drifted = matches!(drifted(subject), Some(Verdict::Want(_)));
    let next = upcoming(subject)
        .0
        .filter(|_| is_after_too_quiet(want) && !is_drifted);
    if let Some(next) = next.filter(|next| next.verb == Verb::Nudge) {
        wakes.add(next.at);
    }
}

/// Whether the rule for what is too quiet comes before the rule of this step.
fn is_after_too_quiet(want: &Want) -> bool {
    matches!(
        want.reason,
        Reason::TooLarge { .. }
            | Reason::TooManyTokens { .. }
            | Reason::ContextNearFull { .. }
            | Reason::Upgraded { .. }
            | Reason::Drifted { .. }
    )
}
