//! The rules: what one session would need, in the order in which they are asked. The first that
//! speaks decides.
//!
//! The numbers in the doc comments are those of the table in the README's reference. Nothing here
//! looks at any other session; that is `pacing`'s job.

use super::backoff;
use super::ladder::stopping;
use super::large::{self, too_large};
use super::probes::signed_in;
use super::screens::{self, blocked, earliest, limit_over, too_quiet};
use super::stuck::stuck;
use super::subject::Subject;
use super::verdict::{Keep, Kind, Patience, Verdict, Want};
use super::{Opinion, Says};
use crate::model::{
    Block, Death, Desired, Hold, Life, Moment, MovedOut, Next, OnDrift, Origin, Orphans, Ownership,
    Period, Phase, Reason, RestartPolicy, Verb,
};

/// How soon to look again where a second look decides.
pub(super) const LOOK_AGAIN: Period = Period::from_secs(1);
/// A label that is not believed is written anew no sooner after the last one.
const LABEL_AGAIN: Period = Period::from_mins(1);

type Rule = fn(&Subject<'_>) -> Option<Verdict>;

const RULES: [(&str, Rule); 23] = [
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
    ("blocked", blocked),
    ("signed-in", signed_in),
    ("limit-over", limit_over),
    ("marked", marked),
    ("stuck", stuck),
    ("too-old", too_old),
    ("too-quiet", too_quiet),
    ("too-large", too_large),
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

/// A command that starts or stops it is under way: until it has ended, nobody else does anything to
/// the session.
fn under_way(subject: &Subject<'_>) -> Option<Verdict> {
    let launcher_job = subject.launcher_job()?;
    let phase = match launcher_job.verb {
        Verb::Start | Verb::Restart => Phase::Starting,
        Verb::Expire => Phase::Stopping,
        Verb::Adopt | Verb::Nudge | Verb::SendEscape => subject.living_phase(),
    };
    let commands = subject.desired.and_then(Desired::commands);
    let note = commands.map(|commands| Reason::UnderWay {
        argvs: commands
            .for_verb(launcher_job.verb)
            .into_iter()
            .map(<[String]>::to_vec)
            .collect(),
        waited: subject.now().since(&launcher_job.begun),
        limit: commands.limit(launcher_job.verb),
    });
    Some(Verdict::Keep(Keep {
        phase,
        note,
        next: None,
        wake: None,
    }))
}

/// Rule 1: what could not be determined this time is left alone.
fn not_told(subject: &Subject<'_>) -> Option<Verdict> {
    match subject.seen?.life {
        Life::Unknown(_) => Some(Keep::as_is(Phase::Unknown)),
        Life::Alive { .. } | Life::Dead { .. } => None,
    }
}

/// Another town's session has the name.
fn foreign(subject: &Subject<'_>) -> Option<Verdict> {
    match &subject.seen?.ownership {
        Ownership::Foreign(town) => Some(Verdict::Hold(
            create(subject, Phase::Foreign),
            Hold::ForeignTown { town: town.clone() },
            None,
        )),
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Ours(_) => None,
    }
}

/// Rule 14: ours, and no longer declared.
fn orphaned(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.desired.is_some() {
        return None;
    }
    let phase = subject.living_phase();
    if subject
        .label()
        .is_some_and(|label| label.origin == Origin::Policy)
    {
        // Others started it: that nothing is wanted of it any more is no reason to end it.
        return Some(Verdict::Keep(Keep {
            phase,
            note: Some(Reason::Uncovered),
            next: None,
            wake: None,
        }));
    }
    let may = subject.situation.orders.orphans == Orphans::Prune
        || subject.history.is_some_and(|h| h.prune);
    if !may {
        return Some(Verdict::Keep(Keep {
            phase,
            note: Some(Reason::Orphaned),
            next: None,
            wake: None,
        }));
    }
    let kind = if subject.is_alive() {
        Kind::Retire(Patience::None)
    } else {
        Kind::Remove
    };
    let want = Want {
        verb: Verb::Expire,
        reason: Reason::Orphaned,
        kind,
        phase,
    };
    if subject.situation.town.declared().next().is_none() {
        return Some(Verdict::Hold(want, Hold::EmptyTown, None));
    }
    Some(Verdict::Want(want))
}

/// Rule 2: stopped by the user. What is there of it goes; then nothing happens until `gtctl start`.
fn stopped(subject: &Subject<'_>) -> Option<Verdict> {
    if !subject.is_stopped() || subject.policy().is_some() {
        return None;
    }
    if let Some(flaw) = subject.flaw().filter(|_| subject.is_alive()) {
        // Whether it is what was to be stopped cannot be determined.
        let hold = Hold::LabelUnproved {
            flaw,
            process: subject.comm().to_owned(),
        };
        let (kind, phase) = (Kind::Retire(Patience::None), Phase::Foreign);
        return Some(Verdict::Hold(
            Want {
                verb: Verb::Expire,
                reason: Reason::Asked,
                kind,
                phase,
            },
            hold,
            None,
        ));
    }
    if subject.label().is_none() {
        return Some(Keep::as_is(Phase::Stopped));
    }
    let kind = if subject.is_alive() {
        Kind::Retire(Patience::None)
    } else {
        Kind::Remove
    };
    let phase = subject.living_phase();
    Some(Verdict::Want(Want {
        verb: Verb::Expire,
        reason: Reason::Asked,
        kind,
        phase,
    }))
}

/// Somebody asked for a fresh process.
fn asked(subject: &Subject<'_>) -> Option<Verdict> {
    let ours = subject.is_alive() && subject.label().is_some() && subject.policy().is_none();
    (ours && subject.desired.is_some() && subject.history?.restart_asked).then(|| {
        let (kind, phase) = (Kind::Replace(Patience::ByHand), subject.living_phase());
        Verdict::Want(Want {
            verb: Verb::Restart,
            reason: Reason::Asked,
            kind,
            phase,
        })
    })
}

/// Rules 3 and 7: a task that has ended stays as it is; what is left of it goes when its grace has
/// passed.
fn finished(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired.filter(|desired| desired.is_task())?;
    let history = subject.history.filter(|history| !history.restart_asked)?;
    let finished = history
        .finished
        .filter(|f| f.fingerprint == desired.fingerprint())?;
    let phase = Phase::Completed(finished.death);
    if subject.label().is_none() {
        return Some(Keep::as_is(phase));
    }
    if subject.is_alive() {
        return None;
    }
    let reason = Reason::Completed {
        death: finished.death.unwrap_or(Death::StatusLost),
    };
    let at = finished.at.plus(desired.completion.grace);
    if subject.now().reached(&at) {
        return Some(Verdict::Want(Want {
            verb: Verb::Expire,
            reason,
            kind: Kind::Remove,
            phase,
        }));
    }
    let next = Some(Next {
        verb: Verb::Expire,
        reason: reason.code(),
        at,
    });
    Some(Verdict::Keep(Keep {
        phase,
        note: None,
        next,
        wake: None,
    }))
}

/// Rule 13: a session that nobody has labelled has the name, or one that only a policy has. It is
/// adopted if it runs the agent, and never touched otherwise.
fn name(subject: &Subject<'_>) -> Option<Verdict> {
    let seen = subject.seen?;
    let is_others = match &seen.ownership {
        Ownership::Unlabelled | Ownership::Unproved(_) => true,
        Ownership::Ours(label) => label.origin == Origin::Policy && subject.policy().is_none(),
        Ownership::Foreign(_) => false,
    };
    if !is_others || subject.policy().is_some() {
        return None;
    }
    let taken_by = match &seen.life {
        Life::Alive {
            matches: true,
            comm,
            ..
        } => {
            let reason = Reason::Adoptable {
                process: comm.clone(),
            };
            let phase = Phase::Foreign;
            let want = Want {
                verb: Verb::Adopt,
                reason,
                kind: Kind::Adopt,
                phase,
            };
            return Some(match (subject.flaw(), labelled_lately(subject)) {
                (Some(flaw), Some(until)) => Verdict::Hold(
                    want,
                    Hold::LabelUnproved {
                        flaw,
                        process: comm.clone(),
                    },
                    Some(until),
                ),
                (Some(_), None) | (None, _) => Verdict::Want(want),
            });
        }
        Life::Alive { comm, .. } => comm.clone(),
        Life::Dead { .. } | Life::Unknown(_) => "nothing any more".to_owned(),
    };
    let hold = match subject.flaw() {
        Some(flaw) => Hold::LabelUnproved {
            flaw,
            process: taken_by,
        },
        None => Hold::NameTaken { process: taken_by },
    };
    Some(Verdict::Hold(create(subject, Phase::Foreign), hold, None))
}

/// When its label may be written again: one that was written a moment ago and is not believed now
/// is hidden by another, and would be the next time.
fn labelled_lately(subject: &Subject<'_>) -> Option<Moment> {
    let written = i64::try_from(subject.history?.generation.0).unwrap_or(i64::MAX);
    let since = u64::try_from(subject.now().wall.checked_sub(written)?).ok()?;
    let left = LABEL_AGAIN.minus(Period::from_millis(since));
    (!left.is_zero()).then(|| subject.now().plus(left))
}

/// Rule 15: a policy covers it. It is adopted whatever runs in it, and anew where that has moved to
/// another pane.
fn covered(subject: &Subject<'_>) -> Option<Verdict> {
    let (policy, seen) = (subject.policy()?, subject.seen?);
    if subject.label().is_some_and(|label| label.pane == seen.pane) {
        return None;
    }
    let reason = Reason::Covered {
        policy: policy.to_owned(),
    };
    let phase = match &seen.life {
        Life::Dead { death, .. } => Phase::Completed(Some(*death)),
        Life::Alive { .. } | Life::Unknown(_) => subject.living_phase(),
    };
    Some(Verdict::Want(Want {
        verb: Verb::Adopt,
        reason,
        kind: Kind::Adopt,
        phase,
    }))
}

/// Rule 5: its agent has ended.
fn dead(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired.filter(|desired| desired.policy.is_none())?;
    let Life::Dead { death, tail, .. } = &subject.seen?.life else {
        return None;
    };
    let over = match desired.restart {
        RestartPolicy::Always => false,
        RestartPolicy::OnFailure => death.is_clean(),
        RestartPolicy::Never => true,
    };
    let asked = subject.history.is_some_and(|history| history.restart_asked);
    let (reason, phase) = if over && asked {
        (Reason::Asked, Phase::Completed(Some(*death)))
    } else if over {
        let fields = subject.differences();
        if fields.is_empty() {
            return Some(Keep::as_is(Phase::Completed(Some(*death))));
        }
        // A changed entry is another task, which has not run yet.
        (
            Reason::Drifted {
                changes: subject.changes(),
                fields,
            },
            Phase::Completed(Some(*death)),
        )
    } else {
        let crashes = u32::try_from(subject.crashes().len()).unwrap_or(u32::MAX);
        (failed_start(subject, *death, crashes), Phase::Dead(*death))
    };
    let want = Want {
        verb: Verb::Restart,
        reason,
        kind: Kind::Revive,
        phase,
    };
    if *death == Death::NoAgent && subject.run().is_some_and(|run| run.ended.is_none()) {
        return Some(Verdict::Hold(
            want,
            Hold::SecondLook,
            Some(subject.now().plus(LOOK_AGAIN)),
        ));
    }
    Some(if over {
        Verdict::Want(want)
    } else {
        after_crashes(subject, want, tail)
    })
}

/// How it ended: that a service left well before it was ready is no good end.
fn failed_start(subject: &Subject<'_>, death: Death, crashes: u32) -> Reason {
    let counted = subject.run().and_then(|run| {
        let ended = run
            .ended
            .filter(|ended| death.is_clean() && subject.crashes().last() == Some(&ended.at))?;
        Some(ended.at.since(&run.started))
    });
    match counted {
        Some(after) => Reason::FailedStart { after, crashes },
        None => Reason::Died { death, crashes },
    }
}

/// Its pane stands in another session now, and lives. Whatever its own session still holds is not
/// its agent, so nothing is done to either until the pane is moved back, or ends.
fn displaced(subject: &Subject<'_>) -> Option<Verdict> {
    let Life::Unknown(_) = subject.seen?.life else {
        return None;
    };
    let want = if subject.is_stopped() {
        Want {
            verb: Verb::Expire,
            reason: Reason::Asked,
            kind: Kind::Remove,
            phase: Phase::Unknown,
        }
    } else {
        create(subject, Phase::Unknown)
    };
    Some(Verdict::Hold(want, hold_moved_out(subject)?, None))
}

/// Its session is gone and its agent lives on in another: a second one beside it would double it.
fn moved_out(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.seen.is_some() {
        return None;
    }
    Some(Verdict::Hold(
        create(subject, Phase::Absent),
        hold_moved_out(subject)?,
        None,
    ))
}

fn hold_moved_out(subject: &Subject<'_>) -> Option<Hold> {
    let MovedOut { process, session } = subject.server?.moved.get(subject.name)?;
    Some(Hold::MovedOut {
        pid: process.pid,
        into: session.clone(),
    })
}

/// Rule 4: it is not there.
fn missing(subject: &Subject<'_>) -> Option<Verdict> {
    if subject.seen.is_some() || subject.policy().is_some() {
        return None;
    }
    Some(after_crashes(subject, create(subject, Phase::Absent), &[]))
}

/// Rule 7: its output says that it is done, and for its grace nothing has come after. Others wait
/// for what is not ready, whatever it says.
fn marked(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let (marks, standing) = subject.standing().filter(|_| subject.is_alive())?;
    match standing.sighting.verdict {
        crate::model::Verdict::Completed => {}
        crate::model::Verdict::Failed => return None,
    }
    let coming = subject.ready_at().filter(|_| !subject.is_ready());
    let phase = if coming.is_some() {
        Phase::Starting
    } else {
        Phase::Completed(None)
    };
    let (verb, kind) = if desired.is_task() {
        (Verb::Expire, Kind::Retire(Patience::None))
    } else {
        (Verb::Restart, Kind::Replace(Patience::None))
    };
    let at = marks.last_output.plus(desired.completion.grace);
    let quiet = subject.now().since(&marks.last_output);
    let reason = Reason::Marked {
        marker: standing.sighting.marker.clone(),
        quiet,
    };
    if quiet < desired.completion.grace || coming.is_some() {
        let at = coming.map_or(at, |ready| Moment::later_of(at, ready));
        let next = Some(Next {
            verb,
            reason: reason.code(),
            at,
        });
        return Some(Verdict::Keep(Keep {
            phase,
            note: None,
            next,
            wake: coming,
        }));
    }
    Some(Verdict::Want(Want {
        verb,
        reason,
        kind,
        phase,
    }))
}

/// That its output says that it has failed: evidence, which ends nothing.
pub(super) fn failure(subject: &Subject<'_>) -> Option<Reason> {
    let (_, standing) = subject.standing().filter(|_| subject.is_alive())?;
    let (marker, line) = (&standing.sighting.marker, &standing.sighting.line);
    match standing.sighting.verdict {
        crate::model::Verdict::Completed => None,
        crate::model::Verdict::Failed => Some(Reason::MarkedFailed {
            marker: marker.clone(),
            line: line.clone(),
        }),
    }
}

/// Rule 8: too old, in awake time.
pub(super) fn too_old(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let (limit, age) = (desired.max_age?, subject.age()?);
    (age >= limit).then(|| {
        let (verb, kind) = if desired.is_task() {
            (Verb::Expire, Kind::Retire(Patience::Drain))
        } else {
            // What is restarted at once for its fields is not waited for because it is old as well.
            let at_once = desired.on_drift == OnDrift::Restart && !subject.differences().is_empty();
            (
                Verb::Restart,
                Kind::Replace(if at_once {
                    Patience::None
                } else {
                    Patience::Drain
                }),
            )
        };
        Verdict::Want(Want {
            verb,
            reason: Reason::TooOld { age, limit },
            kind,
            phase: subject.living_phase(),
        })
    })
}

/// Rule 12: it runs with other fields than declared.
pub(super) fn drifted(subject: &Subject<'_>) -> Option<Verdict> {
    let desired = subject.desired?;
    let fields = subject.differences();
    if fields.is_empty() {
        return None;
    }
    let reason = Reason::Drifted {
        changes: subject.changes(),
        fields,
    };
    let patience = match desired.on_drift {
        _ if desired.is_task() => None,
        OnDrift::Report => None,
        OnDrift::RestartWhenIdle => Some(Patience::Drain),
        OnDrift::Restart => Some(Patience::None),
    };
    let phase = subject.living_phase();
    Some(match patience {
        Some(patience) => Verdict::Want(Want {
            verb: Verb::Restart,
            reason,
            kind: Kind::Replace(patience),
            phase,
        }),
        None => match calm(subject) {
            Verdict::Keep(keep) => Verdict::Keep(Keep {
                note: keep.note.clone().or(Some(reason)),
                ..keep
            }),
            other @ (Verdict::Want(_) | Verdict::Hold(..)) => other,
        },
    })
}

/// No rule speaks: as declared. Says what time alone will bring.
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
                reason: "too-old",
                at: label.started.plus(desired.max_age?),
            })
        });
    let (too_quiet, wake) = screens::upcoming(subject);
    let next = match (too_old, too_quiet) {
        (Some(old), Some(quiet)) => Some(if now.until(&old.at) <= now.until(&quiet.at) {
            old
        } else {
            quiet
        }),
        (old, quiet) => old.or(quiet),
    };
    let ready = match (phase, subject.desired, subject.label()) {
        (Phase::Starting, Some(desired), Some(label)) => {
            Some(label.started.plus(desired.ready_after))
        }
        (_, _, _) => None,
    };
    let note = failure(subject).or_else(|| screens::note(subject));
    let wake = earliest(now, wake, large::look_again(subject));
    Verdict::Keep(Keep {
        phase,
        note,
        next,
        wake: earliest(now, ready, wake),
    })
}

/// The wish to create it.
fn create(subject: &Subject<'_>, phase: Phase) -> Want {
    let last = subject
        .run()
        .and_then(|run| run.ended)
        .map(|ended| ended.death);
    let reason = match subject.not_started() {
        Some(complaint) => {
            let crashes = u32::try_from(subject.crashes().len()).unwrap_or(u32::MAX);
            Reason::NotStarted {
                said: complaint.said.clone(),
                crashes,
            }
        }
        None => Reason::Missing { last },
    };
    Want {
        verb: Verb::Start,
        reason,
        kind: Kind::Create,
        phase,
    }
}

/// Holds a start or a revival for as long as its crashes ask.
fn after_crashes(subject: &Subject<'_>, want: Want, tail: &[String]) -> Verdict {
    if let Some((hold, until)) = at_limit(subject) {
        return Verdict::Hold(want, hold, Some(until));
    }
    let Some(desired) = subject.desired else {
        return Verdict::Want(want);
    };
    let crashes = subject.crashes();
    let count = u32::try_from(crashes.len()).unwrap_or(u32::MAX);
    let Some(last) = crashes.last() else {
        return after_clean_exit(subject, want);
    };
    let (hold, until) = if backoff::is_loop(&desired.backoff, crashes) {
        let hold = Hold::CrashLoop {
            crashes: count,
            window: desired.backoff.window,
            tail: tail.to_vec(),
        };
        (hold, last.plus(backoff::LOOP_HOLD))
    } else {
        let delay = backoff::delay(&desired.backoff, subject.name, crashes);
        (
            Hold::BackOff {
                crashes: count,
                delay,
            },
            last.plus(delay),
        )
    };
    if subject.now().reached(&until) {
        Verdict::Want(want)
    } else {
        Verdict::Hold(want, hold, Some(until))
    }
}

/// Its last run has ended at a usage limit that goes on: the next one would, too.
fn at_limit(subject: &Subject<'_>) -> Option<(Hold, Moment)> {
    let (desired, history) = subject.desired.zip(subject.history)?;
    let limited = history
        .limited
        .as_ref()
        .filter(|limited| limited.generation == history.generation)?;
    let left = limited.left(&subject.run()?.ended?.at, subject.now());
    if left.is_zero() {
        return None;
    }
    let hold = Hold::Blocked {
        kind: Block::Limit,
        agent: desired.agent.name.clone(),
        evidence: limited.evidence.clone(),
        fix: Some(format!("gtctl reset {} ends that", subject.name)),
    };
    Some((hold, subject.now().plus(left)))
}

/// A clean exit is no crash, but a service that exits cleanly again and again is still paced, by
/// `first`.
fn after_clean_exit(subject: &Subject<'_>, want: Want) -> Verdict {
    let asked = subject.history.is_some_and(|history| history.restart_asked);
    let run = subject.run().filter(|_| !asked);
    let paced = subject.desired.zip(run).and_then(|(desired, run)| {
        let ended = run.ended.filter(|ended| ended.death.is_clean())?;
        let short = ended.at.since(&run.started) < desired.backoff.reset_after;
        let until = ended.at.plus(desired.backoff.first);
        (short && !subject.now().reached(&until)).then_some((desired.backoff.first, until))
    });
    match paced {
        Some((delay, until)) => {
            Verdict::Hold(want, Hold::BackOff { crashes: 0, delay }, Some(until))
        }
        None => Verdict::Want(want),
    }
}
