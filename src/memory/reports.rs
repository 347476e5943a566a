//! What its client says of an agent, and what its screen says, as one state.
//!
//! | the client says | the screen shows | the state |
//! |---|---|---|
//! | waits for a text | a question, a sign-in, a limit, a full context | the screen's |
//! | waits for a text | work | the client's, while it is to be believed |
//! | works | a question | the screen's; the client's where its registry says so |
//! | works | a prompt, an old fault | the client's, while it is to be believed |
//! | works | a retry | the screen's: it says more |
//! | asks | a sign-in, a limit, a full context | the screen's, where only the registry says so |
//! | asks | anything else but a question | the client's, while it is to be believed |
//! | signed out, limit, context | anything but a question | the client's, while it is to be believed |
//! | ends, nothing | anything | the screen's |
//!
//! A registry is believed for as long as it stands. A hook is believed for [`Content::HOOK_BELIEVED`]
//! against what the screen shows, for the screen may lag behind; after that the screen is right, since hooks can
//! be lost: Escape fires none. Where the screen shows nothing known, any report counts.

use crate::model::{
    Activity, Content, Moment, Reported, ScreenState, Shown, Source, TokenUsage, Told,
};

/// Takes back what a report has made of a session's content: from here on it is what the screen
/// alone says. Gives what was known before.
pub(super) fn take_back(content: &mut Content) -> Shown {
    let known = content.shown();
    if let Some(by_screen) = content.by_screen.take() {
        content.show(by_screen);
    }
    known
}

/// Settles what the screen alone says with what the client has reported. `known` is what was known
/// before this look.
pub(super) fn settle_reports(
    content: &mut Content,
    known: &Shown,
    reported: Option<&Reported>,
    now: Moment,
) {
    let former = content.reported.take();
    content.reported = reported.cloned();
    let Some(reported) = reported else {
        return;
    };
    if let Some(settled) = &mut content.reported {
        keep_usage(settled, former.as_ref());
    }
    content.has_begun_turn |= reported.has_begun_turn;
    let is_progress = reported.activity == Activity::Working && reported.by == Source::Hook;
    if is_progress && now.since(&reported.at) < now.since(&content.since) {
        content.since = reported.at;
    }
    let by_screen = content.shown();
    let (state, told) = settle(&by_screen, reported, now);
    if told == by_screen.told {
        return;
    }
    let is_decided_by_report = told.by == reported.by;
    let begins_to_rest = by_screen.state.is_at_work() && !state.is_at_work();
    // The screen may have shown the same work for long. The rest begins when the client tells of it.
    if is_decided_by_report && begins_to_rest && now.since(&reported.at) < now.since(&content.since)
    {
        content.since = reported.at;
    }
    let mut settled = Shown {
        told,
        ..by_screen.clone()
    };
    if is_decided_by_report {
        let is_as_known = known.state.agrees(&state);
        settled = Shown {
            state,
            since: if is_as_known {
                known.since
            } else {
                reported.at
            },
            looks: Content::AGREEING,
            evidence: evidence(&by_screen, state, reported),
            background: is_background(&by_screen, reported),
            told,
        };
    }
    content.show(settled);
    content.by_screen = Some(by_screen);
}

/// Keeps the former usage of the same conversation where that is more: a count only grows. A look
/// that reads a long transcript for the first time reads only its end.
fn keep_usage(reported: &mut Reported, former: Option<&Reported>) {
    let same = former.filter(|former| former.transcript == reported.transcript);
    let Some(known) = same.and_then(|former| former.usage) else {
        return;
    };
    let told = reported.usage.unwrap_or_default();
    if told.total() < known.total() {
        let is_told = reported.usage.is_some();
        let context = if is_told { told.context } else { known.context };
        reported.usage = Some(TokenUsage { context, ..known });
    }
}

/// The words that say the state: the client's, or the screen's where that says the same.
fn evidence(by_screen: &Shown, state: ScreenState, reported: &Reported) -> String {
    if !reported.text.is_empty() {
        return reported.text.chars().take(Content::MAX_EVIDENCE).collect();
    }
    if by_screen.state.agrees(&state) {
        by_screen.evidence.clone()
    } else {
        String::new()
    }
}

/// Whether something works behind the prompt. A registry knows; a hook only tells of the moment at
/// which the turn has ended.
fn is_background(by_screen: &Shown, reported: &Reported) -> bool {
    match reported.activity {
        Activity::Background => true,
        Activity::Idle => by_screen.background && reported.by != Source::Registry,
        Activity::Ready
        | Activity::Working
        | Activity::Asks
        | Activity::Auth
        | Activity::Limit
        | Activity::Context
        | Activity::Failed
        | Activity::Ended
        | Activity::Unsaid => by_screen.background,
    }
}

/// The state of an agent whose screen says so and whose client has reported so.
fn settle(by_screen: &Shown, reported: &Reported, now: Moment) -> (ScreenState, Told) {
    let is_believed = is_believed(by_screen.state, reported, now);
    let Some(state) = decided(by_screen.state, reported, is_believed) else {
        let against = contradiction(by_screen.state, reported);
        let told = Told {
            against: against.or(by_screen.told.against),
            ..by_screen.told
        };
        return (by_screen.state, told);
    };
    let is_known = by_screen.state != ScreenState::Unclear;
    let differs = is_known && !by_screen.state.agrees(&state);
    let told = Told {
        by: reported.by,
        against: differs.then_some(by_screen.state),
    };
    (state, told)
}

/// Whether the report counts against the screen.
///
/// A failed turn stands until the client reports another one, or works on screen: its text may
/// scroll away.
fn is_believed(shown: ScreenState, reported: &Reported, now: Moment) -> bool {
    if reported.by == Source::Registry || now.since(&reported.at) < Content::HOOK_BELIEVED {
        return true;
    }
    match reported.activity {
        Activity::Auth | Activity::Limit | Activity::Context => !shown.is_at_work(),
        Activity::Ready
        | Activity::Working
        | Activity::Asks
        | Activity::Idle
        | Activity::Background
        | Activity::Failed
        | Activity::Ended
        | Activity::Unsaid => false,
    }
}

/// The client's state where it decides, and none where the screen does.
fn decided(shown: ScreenState, reported: &Reported, is_believed: bool) -> Option<ScreenState> {
    let is_question = matches!(shown, ScreenState::AsksPermission | ScreenState::AsksTrust);
    let is_unclear = shown == ScreenState::Unclear;
    match reported.activity {
        Activity::Ended | Activity::Unsaid => None,
        Activity::Ready | Activity::Idle | Activity::Background | Activity::Failed => match shown {
            ScreenState::Ready | ScreenState::Unclear => Some(ScreenState::Ready),
            ScreenState::Busy | ScreenState::Retrying => is_believed.then_some(ScreenState::Ready),
            ScreenState::AsksPermission
            | ScreenState::AsksTrust
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context => None,
        },
        Activity::Working => match shown {
            ScreenState::Busy | ScreenState::Unclear => Some(ScreenState::Busy),
            ScreenState::Retrying => None,
            ScreenState::AsksPermission | ScreenState::AsksTrust => {
                (reported.by == Source::Registry).then_some(ScreenState::Busy)
            }
            ScreenState::Ready
            | ScreenState::Auth
            | ScreenState::Limit { .. }
            | ScreenState::Context => is_believed.then_some(ScreenState::Busy),
        },
        Activity::Asks if is_question => Some(shown),
        // A client opens a menu by itself when it is blocked. Its registry does not say why.
        Activity::Asks if is_blocked(shown) && reported.by == Source::Registry => None,
        Activity::Asks => (is_believed || is_unclear).then_some(ScreenState::AsksPermission),
        Activity::Auth => {
            (!is_question && (is_believed || is_unclear)).then_some(ScreenState::Auth)
        }
        Activity::Context => {
            (!is_question && (is_believed || is_unclear)).then_some(ScreenState::Context)
        }
        Activity::Limit => (!is_question && (is_believed || is_unclear)).then_some({
            ScreenState::Limit {
                resets: shown.limit_end().or(reported.resets),
            }
        }),
    }
}

/// Whether the screen says why the agent cannot go on by itself.
fn is_blocked(shown: ScreenState) -> bool {
    match shown {
        ScreenState::Auth | ScreenState::Limit { .. } | ScreenState::Context => true,
        ScreenState::Ready
        | ScreenState::Busy
        | ScreenState::Retrying
        | ScreenState::AsksPermission
        | ScreenState::AsksTrust
        | ScreenState::Unclear => false,
    }
}

/// What the report says where that is another thing than the screen that decides.
fn contradiction(shown: ScreenState, reported: &Reported) -> Option<ScreenState> {
    let says = match reported.activity {
        Activity::Working => ScreenState::Busy,
        Activity::Asks => ScreenState::AsksPermission,
        Activity::Auth => ScreenState::Auth,
        Activity::Limit => ScreenState::Limit { resets: None },
        Activity::Context => ScreenState::Context,
        // An error, a question or a retry says more of why an agent waits.
        Activity::Ready | Activity::Idle | Activity::Background | Activity::Failed => {
            return shown.is_at_work().then_some(ScreenState::Ready);
        }
        Activity::Ended | Activity::Unsaid => return None,
    };
    let is_same = says.agrees(&shown)
        || (says.is_at_work() && shown.is_at_work())
        || (says == ScreenState::AsksPermission && shown == ScreenState::AsksTrust);
    (!is_same).then_some(says)
}
