//! Which conversation a session holds, and what its ends make of it.

use crate::model::{
    Content, Conversation, Death, Generation, History, KnownConversation, Label, LastReports,
    Memory, Moment, Origin, Reported, Seen, Turns,
};

/// Takes in with which conversation a fresh process was started.
pub(super) fn begin(history: &mut History, generation: Generation, conversation: &Conversation) {
    history.conversation_asked = None;
    if let Some(run) = &mut history.run {
        // What a declared command resumes is not known.
        run.tokens.begun_fresh = matches!(conversation, Conversation::Begin(_));
    }
    history.conversation = match conversation {
        Conversation::Unnamed | Conversation::AsDeclared => None,
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

/// Takes in the conversation of a run that only its label knows: the files of the town are lost, or
/// older than the run.
///
/// A planned restart is noted on the label before anything ends. So the label also tells whether the
/// conversation is over.
pub(super) fn recall_conversation(history: &mut History, label: &Label) {
    let Some(id) = &label.conversation else {
        return;
    };
    let is_known = history
        .conversation
        .as_ref()
        .is_some_and(|known| known.id == *id);
    if is_known {
        return;
    }
    // On an adopted session it is the moment of its adoption.
    let is_planned_end = label.origin == Origin::Started
        && label
            .handoff
            .is_some_and(|at| at != label.started && Moment::later_of(at, label.started) == at);
    history.conversation = Some(KnownConversation {
        id: id.clone(),
        generation: label.generation,
        turns: Turns::Unknown,
        resumed: false,
        over: is_planned_end,
    });
}

/// Takes in which conversation a living agent holds, by its client's own word, and whether that has
/// a turn.
pub(super) fn learn_conversation(history: &mut History, seen: &Seen, label: &Label) {
    if let Some(reported) = &seen.reported {
        learn_reported(history, reported, label.generation);
    }
    go_on(history);
    let works = history.content().is_some_and(shows_a_turn);
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

/// Takes in that the agent lives. A stop that was not carried out has ended nothing.
fn go_on(history: &mut History) {
    let is_stopping = history.stopping.is_some();
    if let Some(known) = &mut history.conversation {
        known.over &= is_stopping;
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
    let Some(run) = &mut history.run else {
        return false;
    };
    if run.conversation_refused {
        return true;
    }
    let has_failed_at_once = run.ready.is_none()
        && run
            .ended
            .is_some_and(|ended| matches!(ended.death, Death::Exit(status) if status != 0));
    let is_resumed =
        |known: &mut KnownConversation| known.resumed && known.generation == run.generation;
    run.conversation_refused =
        has_failed_at_once && history.conversation.take_if(is_resumed).is_some();
    run.conversation_refused
}

/// Takes in what the clients of agents that do not live any more have reported last: which
/// conversation each has held, and whether that has a turn.
///
/// A report of another incarnation than the last one is passed over.
#[must_use]
pub fn hear_last_reports(mut memory: Memory, last: &LastReports) -> Memory {
    for (name, (generation, reported)) in last {
        let Some(history) = memory.sessions.get_mut(name) else {
            continue;
        };
        if history.run_of(*generation).is_some() {
            learn_reported(history, reported, *generation);
        }
    }
    memory
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        ConversationId, Ended, Incarnation, Moment, Purpose, ReasonCode, RecordedReason, Rung,
        Stopping,
    };

    const NOW: Moment = Moment {
        wall: 1_700_000_000_000,
        awake: 1_000_000,
        boot: 7,
    };

    fn id() -> ConversationId {
        "4f1c-b".parse().unwrap()
    }

    /// A run that was begun with a former conversation and has ended so, before it was ready.
    fn resumed_and_ended(death: Death) -> History {
        let mut history = History {
            run: Some(Incarnation {
                ended: Some(Ended { death, at: NOW }),
                ..Incarnation::new(Generation(2), NOW, None)
            }),
            ..History::default()
        };
        begin(&mut history, Generation(2), &Conversation::Resume(id()));
        history
    }

    #[test]
    fn a_refusal_forgets_the_conversation_and_stays_one_at_every_look() {
        let mut history = resumed_and_ended(Death::Exit(1));
        assert!(was_refused(&mut history));
        assert_eq!(history.conversation, None);
        assert!(was_refused(&mut history));
        for other in [Death::Signal(9), Death::Exit(0), Death::Vanished] {
            let mut history = resumed_and_ended(other);
            assert!(!was_refused(&mut history), "{other}");
            assert!(history.conversation.is_some(), "{other}");
        }
    }

    #[test]
    fn a_stop_that_was_not_carried_out_ends_no_conversation() {
        let mut history = History::default();
        begin(&mut history, Generation(2), &Conversation::Begin(id()));
        let is_over = |history: &History| history.conversation.as_ref().unwrap().over;
        history.stopping = Some(Stopping {
            generation: Generation(2),
            since: NOW,
            rung: Rung::Ask,
            rung_at: NOW,
            purpose: Purpose::Restart,
            reason: RecordedReason::Known(ReasonCode::TooOld),
            begun_for: None,
            tree: Vec::new(),
        });
        end_as_planned(&mut history);
        go_on(&mut history);
        assert!(is_over(&history));
        history.stopping = None;
        go_on(&mut history);
        assert!(!is_over(&history));
    }
}
