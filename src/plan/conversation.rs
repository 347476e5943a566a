//! With which conversation a fresh process begins.

use super::subject::Subject;
use super::tokens::is_at_limit;
use crate::model::{
    AskedConversation, Conversation, ConversationId, Death, Generation, KnownConversation,
    ResumePolicy, Turns,
};

/// After so many crashes in a row a client that leaves at once is started as declared.
const FAILURES: usize = 2;

/// How the run before ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EndOfRun {
    /// This plan begins to end it for a fresh one.
    Planned,
    /// It ended as it did, or its end was begun before.
    AsItCame,
}

/// The conversation for the incarnation that is about to begin.
///
/// A conversation that crashes its client must not be resumed for ever: where a resumed one has
/// crashed again, the next one is new.
pub(super) fn conversation(
    subject: &Subject<'_>,
    generation: Generation,
    end: EndOfRun,
) -> Conversation {
    let Some(desired) = subject
        .desired
        .filter(|desired| desired.commands().is_none())
    else {
        return Conversation::Unnamed;
    };
    let agent = &desired.agent;
    if agent.gets_arguments() && leaves_at_once(subject) {
        return Conversation::AsDeclared;
    }
    let known = subject
        .history
        .and_then(|history| history.conversation.as_ref())
        .filter(|known| !agent.resume.is_empty() && can_resume(subject, known));
    if let Some(known) = known.filter(|known| is_to_resume(subject, known, end)) {
        return Conversation::Resume(known.id.clone());
    }
    if agent.begin.is_empty() {
        return Conversation::Unnamed;
    }
    let town = &subject.situation.town.name;
    Conversation::Begin(ConversationId::of(town, subject.name, generation))
}

/// Whether the client has left with an error before it was ready, more than once in a row. It may be
/// a version that does not know the arguments that gtctl adds.
fn leaves_at_once(subject: &Subject<'_>) -> bool {
    let run = subject.history.and_then(|history| history.run.as_ref());
    let has_failed_at_once = run.is_some_and(|run| {
        let death = run.ended.map(|ended| ended.death);
        run.ready.is_none() && matches!(death, Some(Death::Exit(status)) if status != 0)
    });
    subject.crashes().len() >= FAILURES && has_failed_at_once
}

fn can_resume(subject: &Subject<'_>, known: &KnownConversation) -> bool {
    let crashes = subject.crashes().len();
    let has_crashed_again = known.resumed && crashes > 1;
    known.turns != Turns::None && !has_crashed_again
}

fn is_to_resume(subject: &Subject<'_>, known: &KnownConversation, end: EndOfRun) -> bool {
    let asked = subject
        .history
        .and_then(|history| history.conversation_asked);
    let policy = subject.desired.map(|desired| desired.resume);
    match (asked, policy.unwrap_or_default()) {
        (Some(AskedConversation::Resume), _) => true,
        (None, ResumePolicy::Always) => {
            // It ends for its tokens, so the next run must not begin with them.
            let ends_as_planned = end == EndOfRun::Planned || known.over;
            !(ends_as_planned && is_at_limit(subject))
        }
        (Some(AskedConversation::Fresh), _) | (None, ResumePolicy::Never) => false,
        (None, ResumePolicy::AfterCrash) => {
            end == EndOfRun::AsItCame && !known.over && !has_left_by_itself(subject)
        }
    }
}

/// Whether the agent has ended its last run without an error: it was told to leave.
fn has_left_by_itself(subject: &Subject<'_>) -> bool {
    let run = subject.history.and_then(|history| history.run.as_ref());
    run.and_then(|run| run.ended)
        .is_some_and(|ended| ended.death.is_clean())
}
