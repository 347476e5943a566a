//! The written form of what is remembered of chores.

use super::text::Text;
use super::wire::At;
use crate::model::{Advice, ChoreEnd, ChoreHistory, ChoreResult, Proposal};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
pub(super) struct WireChore {
    started: At,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ended: Option<WireEnd>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    not_before: Option<At>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    asked: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    proposals: Vec<WireProposal>,
}

#[derive(Serialize, Deserialize)]
struct WireEnd {
    at: At,
    result: WireResult,
    said: String,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireResult {
    Done,
    Skipped,
    Failed,
    TimedOut,
    Lost,
}

#[derive(Serialize, Deserialize)]
struct WireProposal {
    advice: WireAdvice,
    session: String,
    why: String,
    taken: bool,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum WireAdvice {
    Restart,
    Reset,
    Nudge(String),
}

impl From<&ChoreHistory> for WireChore {
    fn from(history: &ChoreHistory) -> Self {
        let ChoreHistory {
            started,
            ended,
            not_before,
            asked,
            proposals,
        } = history;
        Self {
            started: Text(*started),
            ended: ended.as_ref().map(WireEnd::from),
            not_before: not_before.map(Text),
            asked: *asked,
            proposals: proposals.iter().map(WireProposal::from).collect(),
        }
    }
}

impl From<WireChore> for ChoreHistory {
    fn from(wire: WireChore) -> Self {
        Self {
            started: wire.started.0,
            ended: wire.ended.map(ChoreEnd::from),
            not_before: wire.not_before.map(|at| at.0),
            asked: wire.asked,
            proposals: wire
                .proposals
                .into_iter()
                .take(Proposal::MAX)
                .map(Proposal::from)
                .collect(),
        }
    }
}

impl From<&ChoreEnd> for WireEnd {
    fn from(end: &ChoreEnd) -> Self {
        let ChoreEnd { at, result, said } = end;
        let result = match result {
            ChoreResult::Done => WireResult::Done,
            ChoreResult::Skipped => WireResult::Skipped,
            ChoreResult::Failed => WireResult::Failed,
            ChoreResult::TimedOut => WireResult::TimedOut,
            ChoreResult::Lost => WireResult::Lost,
        };
        Self {
            at: Text(*at),
            result,
            said: said.clone(),
        }
    }
}

impl From<WireEnd> for ChoreEnd {
    fn from(wire: WireEnd) -> Self {
        let result = match wire.result {
            WireResult::Done => ChoreResult::Done,
            WireResult::Skipped => ChoreResult::Skipped,
            WireResult::Failed => ChoreResult::Failed,
            WireResult::TimedOut => ChoreResult::TimedOut,
            WireResult::Lost => ChoreResult::Lost,
        };
        Self {
            at: wire.at.0,
            result,
            said: wire.said,
        }
    }
}

impl From<&Proposal> for WireProposal {
    fn from(proposal: &Proposal) -> Self {
        let Proposal {
            advice,
            session,
            why,
            taken,
        } = proposal;
        let advice = match advice {
            Advice::Restart => WireAdvice::Restart,
            Advice::Reset => WireAdvice::Reset,
            Advice::Nudge(text) => WireAdvice::Nudge(text.clone()),
        };
        Self {
            advice,
            session: session.clone(),
            why: why.clone(),
            taken: *taken,
        }
    }
}

impl From<WireProposal> for Proposal {
    fn from(wire: WireProposal) -> Self {
        let advice = match wire.advice {
            WireAdvice::Restart => Advice::Restart,
            WireAdvice::Reset => Advice::Reset,
            WireAdvice::Nudge(text) => Advice::Nudge(text),
        };
        Self {
            advice,
            session: wire.session,
            why: wire.why,
            taken: wire.taken,
        }
    }
}
