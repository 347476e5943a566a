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
use super::screens::{self, blocked, earliest, limit_over, too_quiet};
use super::stuck::stuck;
use super::subject::Subject;
use super::turn::{next_end, turn_ended};
use super::unwanted::{finished, orphaned, stopped};
use super::upgraded::{self, upgraded};
use super::verdict::{Keep, Verdict};
use super::{Opinion, Says};
use crate::model::{Life, Next, Period, Phase, ReasonCode, Verb};

/// How soon to look again where a second look decides.
pub(super) const LOOK_AGAIN: Period = Period::from_secs(1);

type Rule = fn(&Subject<'_>) -> Option<Verdict>;

const RULES: [(&str, Rule); 26] = [
    ("under-way", under_way),
    ("displaced", displaced),
    ("not-told", not_told),
    ("foreign", foreign),
    ("stopping", stopping),
    ("orphaned", orphaned),
    ("stopped", stopped),
    ("finished", finished),
    ("name", name),
    ("covered", covered),
    ("dead", dead),
    ("moved-out", moved_out),
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
    ("upgraded", upgraded),
    ("drifted", drifted),
];

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
    let next = [
        too_old,
        next_answer(subject),
        next_end(subject),
        screens::next_limit_nudge(subject),
        too_quiet,
    ]
    .into_iter()
    .flatten()
    .min_by_key(|next| now.until(&next.at));
    let ready = match (phase, subject.desired, subject.label()) {
        (Phase::Starting, Some(desired), Some(label)) => {
            Some(label.started.plus(desired.ready_after))
        }
        (_, _, _) => None,
    };
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
