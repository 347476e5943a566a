//! What a launcher's commands mean for a session: one is at work on it, or one has failed.

use super::subject::Subject;
use super::verdict::{Keep, Verdict, Want};
use crate::model::{Desired, Hold, Moment, Period, Phase, Reason, Verb};

/// How long a launcher whose command failed on a living session is left alone.
const COMPLAINT_WAIT: Period = Period::from_mins(1);

/// A command of its launcher starts or stops it now. Until that has ended nothing else is done to
/// the session.
pub(super) fn under_way(subject: &Subject<'_>) -> Option<Verdict> {
    let launcher_job = subject.launcher_job()?;
    let phase = match launcher_job.verb {
        Verb::Start | Verb::Restart => Phase::Starting,
        Verb::Expire => Phase::Stopping,
        Verb::Adopt | Verb::Rename | Verb::Nudge | Verb::SendEscape | Verb::Answer => {
            subject.living_phase()
        }
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

/// A command of its launcher failed on the living session. The launcher is left alone for a while.
pub(super) fn hold_after_complaint(
    subject: &Subject<'_>,
    want: &Want,
) -> Option<(Hold, Option<Moment>)> {
    let complaint = subject.history?.complaint.as_ref()?;
    let until = complaint.at.plus(COMPLAINT_WAIT);
    let minded = want.kind.kills()
        && subject.desired?.commands().is_some()
        && !subject.now().reached(&until);
    minded.then(|| {
        (
            Hold::LauncherFailed {
                said: complaint.said.clone(),
            },
            Some(until),
        )
    })
}
