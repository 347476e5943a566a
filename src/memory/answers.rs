//! What is remembered of answers to dialogs.

use crate::model::{
    AnswerEnd, AnswerGiven, AnswerStep, Dialog, Entry, Evidence, History, Level, Moment,
    ReasonCode, SessionName, keep_newest,
};
use serde_json::json;

/// Notes that a declared answer is about to be given, so that this dialog gets no second one.
pub(super) fn note_answer(history: &mut History, answer: &AnswerStep, now: Moment) {
    let run = answer
        .target
        .generation
        .and_then(|generation| history.run_of(generation));
    let content = run.and_then(|run| run.content.as_ref());
    let asked = content.and_then(|content| content.dialog.as_ref());
    history.answers.push(AnswerGiven {
        asked: asked.map_or(now, |seen| seen.since),
        at: now,
    });
    keep_newest(&mut history.answers, AnswerGiven::MAX);
}

/// The journal's entry about an answer that a person asked for.
#[must_use]
pub fn answer_entry(session: &SessionName, step: Option<&AnswerStep>, end: &AnswerEnd) -> Entry {
    let level = match end {
        AnswerEnd::Done | AnswerEnd::Refused(_) | AnswerEnd::Changed | AnswerEnd::Stale(_) => {
            Level::Info
        }
        AnswerEnd::StillAsks | AnswerEnd::NotSelected | AnswerEnd::Unknown(_) => Level::Warn,
        AnswerEnd::Failed(_) => Level::Error,
    };
    let mut fields: Evidence = [
        ("session", json!(session.as_str())),
        ("verb", json!("answer")),
        ("outcome", json!(end.code())),
        ("reason", json!(ReasonCode::Asked.word())),
        ("by", json!("hand")),
    ]
    .into();
    if let AnswerEnd::Refused(why) = end {
        fields.insert("obstacle", json!(why.code()));
    }
    let answer = step.map(AnswerStep::answer);
    if let Some((step, answer)) = step.zip(answer.as_ref()) {
        fields.insert("answer", json!(answer));
        fields.insert("question", json!(step.dialog.question));
        fields.insert("about", json!(about(&step.dialog)));
    }
    let what = answer.map_or_else(String::new, |answer| format!(" ({answer})"));
    Entry {
        level,
        component: "act",
        message: format!("{session}: answer by hand{what}: {end}"),
        fields,
    }
}

/// What the dialog says above its answers, at most [`Dialog::MAX_LINE`] characters.
fn about(dialog: &Dialog) -> String {
    let above = dialog.above.join(" ");
    above.chars().take(Dialog::MAX_LINE).collect()
}
