//! Chores and proposals on the pages for programs.

use super::{clean, lines, time};
use crate::model::{ChoreTime, Judged, Moment, Proposal, ProposalStanding, Timed};
use crate::render::chores::refusal;
use crate::render::view::Scene;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

use super::shape::Why;

/// One chore.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ChoreLine {
    /// Its name.
    pub chore: String,
    /// `due`, `running`, `waiting` or `held`.
    pub state: String,
    /// When it runs next, RFC 3339, where time alone decides.
    pub next: Option<String>,
    /// What holds it.
    pub hold: Option<Why>,
    /// When its last run was begun, RFC 3339.
    pub last: Option<String>,
    /// How its last run ended: `done`, `skipped`, `failed`, `timed-out` or `lost`; null while it
    /// runs.
    pub outcome: Option<String>,
    /// The same for people.
    pub said: Option<String>,
}

/// One proposal of an analysis.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ProposalLine {
    /// The chore that made it.
    pub chore: String,
    /// `restart`, `reset` or `nudge`.
    pub action: String,
    /// The session, as it was written.
    pub session: String,
    /// Why, as it was written.
    pub why: String,
    /// `asks`, `accepted`, `taken` or `refused`.
    pub standing: String,
    /// Why it is not carried out: a stable code.
    pub refusal: Option<String>,
    /// The same for people.
    pub refusal_text: Option<String>,
}

pub(super) fn chores(scene: &Scene<'_>) -> Vec<ChoreLine> {
    scene
        .plan
        .chores
        .iter()
        .map(|timed| chore(scene, timed))
        .collect()
}

pub(super) fn proposals(scene: &Scene<'_>) -> Vec<ProposalLine> {
    scene.plan.proposals.iter().map(proposal).collect()
}

fn chore(scene: &Scene<'_>, timed: &Timed) -> ChoreLine {
    let (state, next, hold) = match &timed.when {
        ChoreTime::Now | ChoreTime::Skip(_) => ("due", None, None),
        ChoreTime::Running { .. } => ("running", None, None),
        ChoreTime::At(at) => ("waiting", Some(*at), None),
        ChoreTime::Held(hold) => ("held", None, Some(lines::hold(hold))),
    };
    let history = scene.memory.chores.get(&timed.chore);
    let ended = history.and_then(|history| history.ended.as_ref());
    let shown = |at: Moment| time(at, scene.now);
    ChoreLine {
        chore: clean(&timed.chore),
        state: state.to_owned(),
        next: next.map(shown),
        hold,
        last: history.map(|history| shown(history.started)),
        outcome: ended.map(|end| end.result.word().to_owned()),
        said: ended.map(|end| clean(&end.said)),
    }
}

fn proposal(judged: &Judged) -> ProposalLine {
    let Judged {
        chore,
        nth: _,
        proposal,
        standing,
    } = judged;
    let Proposal {
        advice,
        session,
        why,
        taken: _,
    } = proposal;
    let (standing, refused) = match standing {
        ProposalStanding::Asks(_) => ("asks", None),
        ProposalStanding::Accepted(_) => ("accepted", None),
        ProposalStanding::Taken => ("taken", None),
        ProposalStanding::Refused(refused) => ("refused", Some(refused)),
    };
    ProposalLine {
        chore: clean(chore),
        action: advice.word().to_owned(),
        session: clean(session),
        why: clean(why),
        standing: standing.to_owned(),
        refusal: refused.map(|refused| refused.code().to_owned()),
        refusal_text: refused.map(refusal),
    }
}
