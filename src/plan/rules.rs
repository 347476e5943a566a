//! The rules: what one session would need, in the order in which they are asked. The first rule that
//! speaks decides.
//!
//! The numbers in the doc comments are those of the table in `docs/concepts/decisions.md`. Nothing here
//! looks at any other session; that is the job of `pacing`.

use super::answers::{declared_answer, next_answer};
use super::due::{asked, drifted, failure, marked, too_old};
use super::ended::{dead, missing};
use super::ladder::stopping;
use super::large::{self, too_large};
use super::launcher::under_way;
use super::moved::{displaced, moved_out};
use super::ownership::{covered, foreign, name};
use super::probes::signed_in;
use super::renamed::{former_name_taken, renamed};
use super::screens::{self, blocked, earliest, limit_over, too_quiet};
use super::stuck::stuck;
use super::subject::Subject;
use super::tokens::{context_near_full, too_many_tokens};
use super::turn::{next_end, turn_ended};
use super::unwanted::{
    disabled, elsewhere, finished, leaves_host, off_schedule, orphaned, stopped,
};
use super::upgraded::{self, upgraded};
use super::verdict::{Keep, Verdict};
use super::{Opinion, Says};
use crate::model::{Life, Moment, Next, Period, Phase, ReasonCode, Verb};

/// How soon to look again where a second look decides.
pub(super) const LOOK_AGAIN: Period = Period::from_secs(1);

type Rule = fn(&Subject<'_>) -> Option<Verdict>;

const RULES: [(&str, Rule); 34] = [
    ("under-way", under_way),
    ("displaced", displaced),
    ("not-told", not_told),
    ("renamed", renamed),
    ("foreign", foreign),
    ("stopping", stopping),
    ("elsewhere", elsewhere),
    ("orphaned", orphaned),
    ("stopped", stopped),
    ("leaves-host", leaves_host),
    ("disabled", disabled),
    ("finished", finished),
    (OFF_SCHEDULE, off_schedule),
    ("name", name),
    ("covered", covered),
    ("dead", dead),
    ("moved-out", moved_out),
    ("former-name-taken", former_name_taken),
    ("missing", missing),
    ("asked", asked),
    ("answer", declared_answer),
    ("blocked", blocked),
    ("signed-in", signed_in),
    ("limit-over", limit_over),
    ("marked", marked),
    ("turn-ended", turn_ended),
    ("stuck", stuck),
    ("too-old", too_old),
    ("too-quiet", too_quiet),
    ("too-large", too_large),
    ("too-many-tokens", too_many_tokens),
    ("context-near-full", context_near_full),
    ("upgraded", upgraded),
    ("drifted", drifted),
];

/// The name of the rule for sessions outside of their hours.
const OFF_SCHEDULE: &str = "off-schedule";

/// When the schedule of a session makes another rule decide on it. None while an earlier rule
/// decides: then it does not matter what its schedule says.
pub(super) fn schedule_matters(subject: &Subject<'_>) -> Option<Moment> {
    let at = subject.schedule_changes()?;
    let mut earlier = RULES.iter().take_while(|(name, _)| *name != OFF_SCHEDULE);
    let is_first = earlier.all(|(_, rule)| rule(subject).is_none());
    (is_first && subject.flaw().is_none() && subject.policy().is_none()).then_some(at)
}

/// Asks every rule in order.
pub(super) fn judge(subject: &Subject<'_>) -> Verdict {
    RULES
        .iter()
        .find_map(|(_, rule)| rule(subject))
        .unwrap_or_else(|| calm(subject))
}

/// What each rule says, whether an earlier one has decided or not.
pub(super) fn opinions(subject: &Subject<'_>) -> Vec<Opinion> {
    let says = |verdict: Verdict| match verdict {
        Verdict::Keep(keep) => Says::Keep(keep.phase),
        Verdict::Want(want) => Says::Want(want.verb, want.reason),
        Verdict::Hold(want, hold, until) => Says::Hold(want.verb, want.reason, hold, until),
    };
    let asked = RULES.iter().map(|(rule, ask)| Opinion {
        rule,
        says: ask(subject).map(says),
    });
    asked
        .chain([Opinion {
            rule: "calm",
            says: Some(says(calm(subject))),
        }])
        .collect()
}

/// No rule speaks: it is as declared. Says what will happen to it if only time passes.
pub(super) fn calm(subject: &Subject<'_>) -> Verdict {
    let (phase, now) = (subject.living_phase(), subject.now());
    let too_old = subject
        .desired
        .zip(subject.label())
        .and_then(|(desired, label)| {
            let verb = if desired.is_task() {
                Verb::Expire
            } else {
                Verb::Restart
            };
            Some(Next {
                verb,
                reason: ReasonCode::TooOld,
                at: label.started.plus(desired.max_age?),
            })
        });
    let (too_quiet, wake) = screens::upcoming(subject);
    let off = subject.schedule_changes().map(|at| Next {
        verb: Verb::Expire,
        reason: ReasonCode::OffSchedule,
        at,
    });
    let next = [
        off,
        too_old,
        next_answer(subject),
        next_end(subject),
        screens::next_limit_nudge(subject),
        too_quiet,
    ]
    .into_iter()
    .flatten()
    .min_by_key(|next| now.until(&next.at));
    let ready = subject.ready_at().filter(|_| phase == Phase::Starting);
    let note = failure(subject)
        .or_else(|| screens::note(subject))
        .or_else(|| upgraded::note(subject));
    let wake = earliest(now, wake, large::look_again(subject));
    Verdict::Keep(Keep {
        phase,
        note,
        next,
        wake: earliest(now, ready, wake),
    })
}

/// Rule 1: its state could not be determined this time. It is left alone.
fn not_told(subject: &Subject<'_>) -> Option<Verdict> {
    match subject.seen?.life {
        Life::Unknown(_) => Some(Keep::as_is(Phase::Unknown)),
        Life::Alive { .. } | Life::Dead { .. } => None,
    }
}
