//! Hooks and registry of one client, as one word.

use crate::model::{Activity, AgentReport, Moment, Reported};

/// What hooks and registry say together.
///
/// The registry is right about what goes on now. The hooks say more of it: the question, the
/// background work, and why a turn has failed, which the registry calls `idle` or `waiting`. So the
/// registry decides, unless a hook speaks of the same moment or a later one.
#[must_use]
pub fn together(hook: Option<Reported>, registry: Option<Reported>) -> Option<Reported> {
    let (hook, registry) = match (hook, registry) {
        (hook, None) => return hook,
        (None, registry) => return registry,
        (Some(hook), Some(registry)) => (hook, registry),
    };
    let hook_is_as_new = is_as_new(&hook.at, &registry.at);
    let hook_decides = match (registry.activity, hook.activity) {
        // The registry calls a failure idle. And a client that is blocked asks at once, in a menu of
        // its own, what to do about it.
        (
            Activity::Idle,
            Activity::Auth | Activity::Limit | Activity::Context | Activity::Failed,
        )
        | (Activity::Asks, Activity::Auth | Activity::Limit | Activity::Context | Activity::Asks) => {
            hook_is_as_new
        }
        (Activity::Idle | Activity::Background, Activity::Idle | Activity::Background) => {
            hook_is_as_new && hook.activity == registry.activity
        }
        (
            Activity::Ready
            | Activity::Working
            | Activity::Asks
            | Activity::Idle
            | Activity::Background
            | Activity::Auth
            | Activity::Limit
            | Activity::Context
            | Activity::Failed
            | Activity::Ended
            | Activity::Unsaid,
            _,
        ) => false,
    };
    let conversation = registry
        .conversation
        .clone()
        .or_else(|| hook.conversation.clone());
    let transcript = hook.transcript.clone();
    let has_begun_turn = hook.has_begun_turn || registry.has_begun_turn;
    let decides = if hook_decides { hook } else { registry };
    Some(Reported {
        conversation,
        transcript,
        has_begun_turn,
        ..decides
    })
}

/// Whether a hook speaks of the moment at which the registry changed, or of a later one.
fn is_as_new(hook: &Moment, registry: &Moment) -> bool {
    registry.since(hook) < AgentReport::DISORDER.plus(AgentReport::DISORDER)
}
