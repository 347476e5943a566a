//! What gtctl types into sessions, remembered before it is typed.

use crate::model::{
    Delivery, Entry, Evidence, Generation, History, Level, Memory, Moment, NudgeText, ReasonCode,
    SessionName, Typed, Verb, keep_newest,
};
use serde_json::json;

/// The longest text in the journal, in characters.
const MAX_SHOWN: usize = 200;

/// Takes in that a text is about to be typed into a session by hand.
#[must_use]
pub fn nudging(
    mut memory: Memory,
    session: &SessionName,
    generation: Option<Generation>,
    text: &NudgeText,
    now: Moment,
) -> Memory {
    note_typed(
        memory.sessions.entry(session.clone()).or_default(),
        generation,
        text,
        now,
    );
    memory
}

/// Notes a text and the moment, so that it is neither typed again soon nor taken for the agent's
/// word.
pub(super) fn note_typed(
    history: &mut History,
    generation: Option<Generation>,
    text: &NudgeText,
    now: Moment,
) {
    let typed = Typed {
        generation: generation.unwrap_or_default(),
        text: text.as_str().to_owned(),
        left: true,
    };
    history.nudged = Some(now);
    history
        .typed
        .retain(|known| known.generation != typed.generation || known.text != typed.text);
    history.typed.push(typed);
    keep_newest(&mut history.typed, History::MAX_TYPED);
}

/// Takes in that a text typed by hand was seen to leave the composer.
#[must_use]
pub fn submitted(mut memory: Memory, session: &SessionName, text: &NudgeText) -> Memory {
    if let Some(history) = memory.sessions.get_mut(session) {
        history.note_submitted(text);
    }
    memory
}

/// What is written down of a nudge by hand.
#[must_use]
pub fn nudge_entry(session: &SessionName, text: &NudgeText, delivery: &Delivery) -> Entry {
    let (level, presses) = match delivery {
        Delivery::Delivered { presses } => (Level::Info, *presses),
        Delivery::Handed { .. } | Delivery::Refused(_) | Delivery::Stale(_) => (Level::Info, 0),
        Delivery::NotSubmitted { presses, .. } => (Level::Warn, *presses),
        Delivery::Unknown(_) => (Level::Warn, 0),
        Delivery::Failed(_) => (Level::Error, 0),
    };
    let shown: String = text.as_str().chars().take(MAX_SHOWN).collect();
    let mut fields: Evidence = [
        ("session", json!(session.as_str())),
        ("verb", json!(Verb::Nudge.word())),
        ("outcome", json!(delivery.code())),
        ("reason", json!(ReasonCode::Asked.word())),
        ("presses", json!(presses)),
        ("text", json!(shown)),
    ]
    .into();
    if let Delivery::Refused(obstacle) = delivery {
        fields.insert("obstacle", json!(obstacle.code()));
    }
    Entry {
        level,
        component: "act",
        message: format!("{session}: nudge by hand {delivery}"),
        fields,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_is_bounded_and_the_latest_last() {
        let (name, now) = (
            SessionName::new("a").unwrap(),
            Moment {
                wall: 5,
                awake: 5,
                boot: 1,
            },
        );
        let mut memory = Memory::default();
        for n in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5] {
            let text = NudgeText::new(&format!("do {n}")).unwrap();
            memory = nudging(memory, &name, Some(Generation(1)), &text, now);
        }
        let history = &memory.sessions[&name];
        let texts: Vec<&str> = history
            .typed
            .iter()
            .map(|typed| typed.text.as_str())
            .collect();
        assert_eq!(
            texts,
            [
                "do 2", "do 3", "do 4", "do 6", "do 7", "do 8", "do 9", "do 5"
            ]
        );
        assert_eq!(history.nudged, Some(now));
        assert_eq!(history.left_texts(Some(Generation(1))).len(), 8);
        assert!(history.left_texts(Some(Generation(2))).is_empty());
        let text = NudgeText::new("do 5").unwrap();
        let memory = submitted(memory, &name, &text);
        let left = memory.sessions[&name].left_texts(Some(Generation(1)));
        assert!(
            left.len() == 7 && !left.contains(&"do 5".to_owned()),
            "{left:?}"
        );
    }
}
