//! Saved plans: `diff --out FILE` writes one. `apply --plan FILE` makes a new plan and refuses if
//! it differs.
//!
//! A saved plan has the substance of each step: the step, the exact session, the kind of reason and
//! the fields. It has no ages, times and new generations, because they change by themselves.

use super::view::Scene;
use crate::model::{Action, Plan, RecordedReason, Step, Target, Town};
use crate::model::{SortedMap, SortedSet};
use serde::{Deserialize, Serialize};

/// The form that this version writes and reads.
const VERSION: u32 = 1;

/// A plan as saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedPlan {
    version: u32,
    town: String,
    steps: Vec<Substance>,
}

/// The substance of one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Substance {
    session: String,
    action: String,
    reason: RecordedReason,
    /// The exact session: server, id and generation.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    target: Option<String>,
    /// The command that runs.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    fingerprint: Option<String>,
    /// The text that is typed.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    types: Option<String>,
}

/// Why a saved plan is not applied.
#[derive(Debug, thiserror::Error)]
pub enum SavedFault {
    /// The file is no saved plan.
    #[error("not a saved plan")]
    Malformed(#[source] serde_json::Error),
    /// Written by a newer gtctl.
    #[error("the plan was saved by a newer gtctl (form {0})")]
    Newer(u32),
    /// For another town.
    #[error(
        "the plan was saved for town {}, not for {town}",
        super::sanitise::line(saved, 64)
    )]
    OtherTown {
        /// Its town.
        saved: String,
        /// The town at hand.
        town: String,
    },
    /// The world has changed.
    #[error("the town has changed since the plan was saved: {session} {change}")]
    Moved {
        /// The first session whose step differs.
        session: String,
        /// How it differs.
        change: String,
    },
}

impl SavedFault {
    /// What to do about it.
    #[must_use]
    pub fn help(&self) -> &'static str {
        match self {
            Self::Malformed(_) | Self::Newer(_) => "save it again with `gtctl diff --out FILE`",
            Self::OtherTown { .. } => "give the manifest it was made from with --file",
            Self::Moved { .. } => "check again with `gtctl diff --out FILE`, then apply that plan",
        }
    }
}

/// The plan's substance as JSON, ended by a line end.
#[must_use]
pub fn save(scene: &Scene<'_>) -> String {
    super::json::text(&of(scene.town, scene.plan))
}

/// Reads a saved plan.
///
/// # Errors
/// [`SavedFault::Malformed`] or [`SavedFault::Newer`].
pub fn parse(text: &str) -> Result<SavedPlan, SavedFault> {
    #[derive(Deserialize)]
    struct Form {
        version: u32,
    }
    let Form { version } = serde_json::from_str(text).map_err(SavedFault::Malformed)?;
    if version > VERSION {
        return Err(SavedFault::Newer(version));
    }
    serde_json::from_str(text).map_err(SavedFault::Malformed)
}

impl SavedPlan {
    /// Checks that `plan`, made just now, has the substance of the saved one.
    ///
    /// # Errors [`SavedFault::OtherTown`], or [`SavedFault::Moved`] with the first session by name
    /// whose step differs.
    pub fn check(&self, town: &Town, plan: &Plan) -> Result<(), SavedFault> {
        let now = of(town, plan);
        if now.town != self.town {
            return Err(SavedFault::OtherTown {
                saved: self.town.clone(),
                town: now.town,
            });
        }
        let (then, now) = (by_name(&self.steps), by_name(&now.steps));
        let names: SortedSet<&str> = then.keys().chain(now.keys()).copied().collect();
        for name in names {
            let (then, now) = (then.get(name).copied(), now.get(name).copied());
            if then != now {
                let session = super::sanitise::line(name, 64);
                return Err(SavedFault::Moved {
                    session,
                    change: change(then, now),
                });
            }
        }
        Ok(())
    }
}

fn by_name(steps: &[Substance]) -> SortedMap<&str, &Substance> {
    steps.iter().map(|s| (s.session.as_str(), s)).collect()
}

fn change(then: Option<&Substance>, now: Option<&Substance>) -> String {
    let words = |s: &Substance| super::sanitise::line(&format!("{} ({})", s.action, s.reason), 80);
    match (then.map(words), now.map(words)) {
        (Some(then), Some(now)) if then == now => {
            format!("is still to {then}, but it is another run now")
        }
        (Some(then), Some(now)) => format!("was to {then}, is now to {now}"),
        (Some(then), None) => format!("was to {then}, and no longer is"),
        (None, now) => format!("is now to {}, and was not", now.unwrap_or_default()),
    }
}

fn of(town: &Town, plan: &Plan) -> SavedPlan {
    SavedPlan {
        version: VERSION,
        town: town.name.to_string(),
        steps: plan.steps.iter().map(substance).collect(),
    }
}

fn substance(step: &Step) -> Substance {
    let (target, fingerprint) = match &step.action {
        Action::Start { desired, .. } => (None, Some(desired.fingerprint())),
        Action::Restart {
            desired, target, ..
        } => (Some(target), Some(desired.fingerprint())),
        Action::Expire { target, .. }
        | Action::Rename { target, .. }
        | Action::SendEscape { target, .. } => (Some(target), None),
        Action::Nudge(typing) => (Some(&typing.target), None),
        Action::Answer(answer) => (Some(&answer.target), None),
        Action::Adopt {
            target,
            fingerprint,
            ..
        } => (Some(target), Some(*fingerprint)),
    };
    Substance {
        session: step.session.to_string(),
        action: step.action.verb().word().to_owned(),
        reason: RecordedReason::from(&step.reason),
        target: target.map(exactly),
        fingerprint: fingerprint.map(|f| f.to_string()),
        types: match &step.action {
            Action::Nudge(typing) => Some(typing.text.as_str().to_owned()),
            Action::Answer(answer) => Some(answer.answer()),
            Action::Start { .. }
            | Action::Restart { .. }
            | Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::SendEscape { .. } => None,
        },
    }
}

fn exactly(target: &Target) -> String {
    let Target {
        server,
        session,
        pane,
        generation,
        whose: _,
        process: _,
        attached: _,
    } = target;
    let life = generation.map_or_else(|| "-".to_owned(), |g| g.to_string());
    format!(
        "{}:{} {session} {pane} {life}",
        server.0.pid, server.0.start
    )
}

#[cfg(test)]
mod tests {
    use super::super::diff::tests::{name, observed, plan, with_scene};
    use super::*;
    use crate::model::{Generation, Period, Reason};

    fn moved(change: impl FnOnce(&mut Plan)) -> Result<(), SavedFault> {
        let saved = with_scene(&plan(), &observed(), save);
        let mut later = plan();
        change(&mut later);
        with_scene(&later, &observed(), |s| {
            parse(&saved).unwrap().check(s.town, s.plan)
        })
    }

    #[test]
    fn what_moves_by_itself_is_no_change() {
        moved(|p| {
            p.wake = None;
            p.steps[1].reason = Reason::TooOld {
                age: Period::from_mins(99),
                limit: Period::from_mins(60),
            };
            if let Action::Start { generation, .. } = &mut p.steps[0].action {
                *generation = Generation(99);
            }
        })
        .unwrap();
    }

    #[test]
    fn the_first_difference_is_named() {
        let text = |fault: Result<(), SavedFault>| fault.unwrap_err().to_string();
        let begin = "the town has changed since the plan was saved: ";
        assert_eq!(
            text(moved(|p| drop(p.steps.remove(0)))),
            format!("{begin}mayor was to start (missing), and no longer is")
        );
        let fields = text(moved(|p| {
            if let Action::Start { desired, .. } = &mut p.steps[0].action {
                desired.command.push("x".into());
            }
        }));
        assert_eq!(
            fields,
            format!("{begin}mayor is still to start (missing), but it is another run now")
        );
        let life = text(moved(|p| {
            if let Action::Restart { target, .. } = &mut p.steps[1].action {
                target.generation = Some(Generation(5));
            }
        }));
        assert!(life.contains("witness is still to restart"), "{life}");
        let new = text(moved(|p| {
            let mut step = p.steps[0].clone();
            step.session = name("another");
            p.steps.insert(0, step);
        }));
        assert_eq!(
            new,
            format!("{begin}another is now to start (missing), and was not")
        );
    }

    #[test]
    fn what_is_no_plan_is_refused() {
        assert!(matches!(parse("{"), Err(SavedFault::Malformed(_))));
        assert!(matches!(
            parse("{\"version\":2,\"else\":1}"),
            Err(SavedFault::Newer(2))
        ));
        let other = parse("{\"version\":1,\"town\":\"x\",\"steps\":[]}").unwrap();
        let fault = with_scene(&plan(), &observed(), |s| other.check(s.town, s.plan)).unwrap_err();
        assert!(matches!(fault, SavedFault::OtherTown { .. }));
    }
}
