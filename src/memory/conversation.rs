//! Which conversation a session holds, and what its ends make of it.

use crate::model::{
    Content, Conversation, Death, Generation, History, KnownConversation, Label, Memory, Reported,
    Seen, SessionName, Turns,
};
use std::collections::BTreeMap;

/// Takes in with which conversation a fresh process was started.
pub(super) fn begin(history: &mut History, generation: Generation, conversation: &Conversation) {
    history.conversation_asked = None;
    history.conversation = match conversation {
        Conversation::Unnamed => None,
        Conversation::Begin(id) => Some(KnownConversation {
            id: id.clone(),
            generation,
            turns: Turns::Unknown,
            resumed: false,
            over: false,
        }),
        Conversation::Resume(id) => Some(KnownConversation {
            id: id.clone(),
            generation,
            turns: Turns::Some,
            resumed: true,
            over: false,
        }),
    };
}

/// Takes in which conversation a living agent holds, by its client's own word, and whether that has
/// a turn.
pub(super) fn learn_conversation(history: &mut History, seen: &Seen, label: &Label) {
    if let Some(reported) = &seen.reported {
        learn_reported(history, reported, label.generation);
    }
    let works = history.content.as_ref().is_some_and(shows_a_turn);
    if let Some(known) = history.conversation.as_mut().filter(|_| works) {
        known.turns = Turns::Some;
    }
}

fn learn_reported(history: &mut History, reported: &Reported, generation: Generation) {
    let Some(id) = &reported.conversation else {
        return;
    };
    let is_known = history
        .conversation
        .as_ref()
        .is_some_and(|known| known.id == *id);
    if !is_known {
        // Somebody has begun another one, with `/clear` say.
        history.conversation = Some(KnownConversation {
            id: id.clone(),
            generation,
            turns: Turns::Unknown,
            resumed: false,
            over: false,
        });
    }
    if let Some(known) = &mut history.conversation {
        known.turns = match known.turns {
            _ if reported.has_begun_turn => Turns::Some,
            Turns::Unknown => Turns::None,
            turns @ (Turns::None | Turns::Some) => turns,
        };
    }
}

fn shows_a_turn(content: &Content) -> bool {
    content.state.is_at_work()
}

/// Takes in that gtctl ends the agent as planned.
pub(super) fn end_as_planned(history: &mut History) {
    if let Some(known) = &mut history.conversation {
        known.over = true;
    }
}

/// Whether a run has ended because its client could not resume the conversation: it has left at
/// once, with an error. Then the conversation is forgotten, and the next run begins a new one.
///
/// Clients say so in words of their own; claude, for example, "No conversation found with session
/// ID". What they all do is to leave before they are ready.
pub(super) fn was_refused(history: &mut History) -> bool {
    let Some(run) = &history.run else {
        return false;
    };
    let generation = run.generation;
    if history.conversation_refused == Some(generation) {
        return true;
    }
    let has_failed_at_once = run.ready.is_none()
        && run
            .ended
            .is_some_and(|ended| matches!(ended.death, Death::Exit(status) if status != 0));
    let is_resumed =
        |known: &mut KnownConversation| known.resumed && known.generation == generation;
    let is_refused = has_failed_at_once && history.conversation.take_if(is_resumed).is_some();
    if is_refused {
        history.conversation_refused = Some(generation);
    }
    is_refused
}

/// Takes in what the clients of agents that do not live any more have reported last: which
/// conversation each has held, and whether that has a turn.
///
/// `reported` has the incarnation that each report is of. One of another incarnation than the last
/// is passed over.
#[must_use]
pub fn hear_last_reports(
    mut memory: Memory,
    reported: &BTreeMap<SessionName, (Generation, Reported)>,
) -> Memory {
    for (name, (generation, reported)) in reported {
        let Some(history) = memory.sessions.get_mut(name) else {
            continue;
        };
        let is_of_last_run = history
            .run
            .as_ref()
            .is_some_and(|run| run.generation == *generation);
        if is_of_last_run {
            learn_reported(history, reported, *generation);
        }
    }
    memory
}
