//! What people ask for by hand.

use crate::model::{AskedConversation, History, Memory, Request, ScreenState, SessionName};

/// Takes in a request; the next plan acts on it. A stop lasts until a start or a restart.
#[must_use]
pub fn ask(mut memory: Memory, session: &SessionName, request: Request) -> Memory {
    let history = memory.sessions.entry(session.clone()).or_default();
    match request {
        Request::Stop | Request::Down => {
            // Who has stopped a session for good still has, when the town goes down.
            let was_stopped = history.stopped && !history.went_down;
            history.went_down = request == Request::Down && !was_stopped;
            history.stopped = true;
            history.restart_asked = false;
            history.replacing = None;
            history.refused = None;
        }
        Request::Start => {
            history.stopped = false;
            // What is left of a task that has ended would end it again at the next look, and what
            // ended because that was asked for is not to be waited for.
            let ended = history.run.as_ref().is_some_and(|run| run.ended.is_some());
            history.restart_asked = history.finished.take().is_some() || ended;
            forget_limit(history);
            history.crashes.clear();
        }
        Request::Restart | Request::RestartResuming | Request::RestartFresh => {
            history.stopped = false;
            history.finished = None;
            forget_limit(history);
            history.refuted = None;
            history.crashes.clear();
            history.refused = None;
            history.restart_asked = true;
            history.conversation_asked = match request {
                Request::RestartResuming => Some(AskedConversation::Resume),
                Request::RestartFresh => Some(AskedConversation::Fresh),
                Request::Stop
                | Request::Down
                | Request::Start
                | Request::Restart
                | Request::Reset => None,
            };
        }
        Request::Reset => {
            history.crashes.clear();
            history.complaint = None;
            history.refused = None;
            history.replacing.take_if(|replacing| replacing.failed);
            forget_limit(history);
            history.refuted = None;
            let run = history.run.as_mut();
            if let Some(content) = run.and_then(|run| run.content.as_mut())
                && matches!(content.state, ScreenState::Limit { .. })
            {
                // Whoever asks knows better: it counts as over while it is shown.
                content.state = ScreenState::Limit { resets: Some(0) };
            }
        }
    }
    memory
}

/// Forgets the usage limit that the last run has ended with.
fn forget_limit(history: &mut History) {
    if let Some(run) = &mut history.run {
        run.limited = None;
    }
}
