//! A plan in few words: what is done and held, and a digest of it all.

use crate::model::SortedMap;
use crate::model::{Plan, SessionName, Verb};
use serde::{Deserialize, Serialize};

/// What a plan has for one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The step.
    pub verb: Verb,
    /// Whether it is taken.
    pub resolve: Resolve,
    /// The code of the reason of a step that is taken, else of what it waits for.
    pub code: String,
}

/// Whether a step is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Resolve {
    /// It is taken.
    Acts,
    /// It waits.
    Waits,
}

/// What a plan does and holds, by session.
#[must_use]
pub fn decisions_of(plan: &Plan) -> SortedMap<SessionName, Decision> {
    let steps = plan.steps.iter().map(|step| {
        let decision = Decision {
            verb: step.action.verb(),
            resolve: Resolve::Acts,
            code: step.reason.code().to_owned(),
        };
        (step.session.clone(), decision)
    });
    let held = plan.held.iter().map(|held| {
        let decision = Decision {
            verb: held.verb,
            resolve: Resolve::Waits,
            code: held.hold.code().to_owned(),
        };
        (held.session.clone(), decision)
    });
    steps.chain(held).collect()
}

/// FNV-1a over all that a plan decides: steps, holds, phases, and what comes next and when.
#[must_use]
pub fn digest_of(plan: &Plan) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for step in &plan.steps {
        add(step.session.as_str());
        add(step.action.verb().word());
        add(step.reason.code());
        add(&format!("{:?}", step.reason.evidence()));
        add(&format!("{:?}", step.action.begins()));
    }
    for held in &plan.held {
        add(held.session.as_str());
        add(held.verb.word());
        add(held.hold.code());
        add(&held.until.map_or_else(String::new, |at| at.to_string()));
    }
    for same in &plan.unchanged {
        add(same.session.as_str());
        add(same.phase.word());
        if let Some(next) = &same.next {
            add(next.verb.word());
            add(&next.at.to_string());
        }
    }
    add(&plan.wake.map_or_else(String::new, |at| at.to_string()));
    hash
}
