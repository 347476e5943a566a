//! What is remembered of texts: who asks for them, and what gtctl has typed.

use crate::model::SortedSet;
use crate::model::{
    Delivery, Generation, Incarnation, Memory, Moment, NudgeText, TextRequest, Typed, keep_newest,
};

/// Takes in that a text is asked for. It takes the place of a former request of the same name.
#[must_use]
pub fn ask_text(mut memory: Memory, request: TextRequest) -> Memory {
    memory.texts.retain(|known| known.job() != request.job());
    memory.texts.push(request);
    keep_newest(&mut memory.texts, Memory::MAX_TEXTS);
    memory
}

/// Takes in that a requested text is about to be typed into this incarnation.
#[must_use]
pub fn begin_text(
    mut memory: Memory,
    request: &TextRequest,
    generation: Option<Generation>,
    now: Moment,
) -> Memory {
    set_begun(&mut memory, request, true);
    let history = memory.sessions.get_mut(&request.session);
    let run = history.zip(generation);
    if let Some(run) = run.and_then(|(history, generation)| history.run_of_mut(generation)) {
        note_typed(run, &request.text, now);
    }
    memory
}

/// Takes in what came of a request. Where it waits after this delivery, it stays remembered.
#[must_use]
pub fn settle_text(
    mut memory: Memory,
    request: &TextRequest,
    delivery: &Delivery,
    now: Moment,
) -> Memory {
    if request.waits_after(delivery, now) {
        set_begun(&mut memory, request, false);
    } else {
        memory.texts.retain(|known| !known.is_same(request));
    }
    let history = memory.sessions.get_mut(&request.session);
    let run = history.and_then(|history| history.run.as_mut());
    if let (Delivery::Delivered { .. }, Some(run)) = (delivery, run) {
        run.note_submitted(&request.text);
    }
    memory
}

/// Gives up the requests that nobody can go on with: typing had begun and nobody is at it any more,
/// or the machine was started anew. `running` are the names of the jobs that go on.
pub(super) fn lose_texts(memory: &mut Memory, running: &SortedSet<String>, now: Moment) {
    memory.texts.retain(|request| {
        let waits = !request.begun && request.since.boot == now.boot;
        waits || running.contains(&request.job())
    });
}

/// Notes that a text is about to be typed, so that it is neither typed again soon nor taken for the
/// agent's own words.
pub(super) fn note_typed(run: &mut Incarnation, text: &NudgeText, now: Moment) {
    run.nudged = Some(now);
    run.typed.retain(|known| known.text != text.as_str());
    run.typed.push(Typed {
        text: text.as_str().to_owned(),
        left: true,
    });
    keep_newest(&mut run.typed, Incarnation::MAX_TYPED);
}

fn set_begun(memory: &mut Memory, request: &TextRequest, begun: bool) {
    memory
        .texts
        .iter_mut()
        .filter(|known| known.is_same(request))
        .for_each(|known| known.begun = begun);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Asker, History, Obstacle, Period, SessionName};

    const NOW: Moment = Moment {
        wall: 5,
        awake: 5,
        boot: 1,
    };

    fn request(asker: Asker, text: &str) -> TextRequest {
        TextRequest {
            asker,
            session: SessionName::new("a").unwrap(),
            incarnation: None,
            text: NudgeText::new(text).unwrap(),
            since: NOW,
            until: NOW.plus(Period::from_mins(1)),
            begun: false,
        }
    }

    /// A memory of one session, which runs.
    fn running() -> Memory {
        let mut memory = Memory::default();
        let history = History {
            run: Some(Incarnation::new(Generation(1), NOW, None)),
            ..History::default()
        };
        memory
            .sessions
            .insert(SessionName::new("a").unwrap(), history);
        memory
    }

    #[test]
    fn what_is_typed_is_bounded_and_the_latest_last() {
        let delivered = Delivery::Delivered { presses: 1 };
        let mut memory = running();
        for n in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 5] {
            let request = request(Asker::Person, &format!("do {n}"));
            memory = begin_text(memory, &request, Some(Generation(1)), NOW);
        }
        let run = memory.sessions["a"].run.as_ref().unwrap();
        let texts: Vec<&str> = run.typed.iter().map(|typed| typed.text.as_str()).collect();
        assert_eq!(
            texts,
            [
                "do 2", "do 3", "do 4", "do 6", "do 7", "do 8", "do 9", "do 5"
            ]
        );
        assert_eq!(run.nudged, Some(NOW));
        assert_eq!(run.left_texts().len(), 8);
        let other = request(Asker::Person, "for another run");
        assert_eq!(
            begin_text(memory.clone(), &other, Some(Generation(2)), NOW).sessions,
            memory.sessions
        );
        let memory = settle_text(memory, &request(Asker::Person, "do 5"), &delivered, NOW);
        let left = memory.sessions["a"].run.as_ref().unwrap().left_texts();
        assert!(
            left.len() == 7 && !left.contains(&"do 5".to_owned()),
            "{left:?}"
        );
    }

    #[test]
    fn a_request_is_remembered_until_it_is_settled() {
        let chore = request(Asker::Chore("c".into()), "go on");
        let memory = ask_text(Memory::default(), chore.clone());
        let memory = ask_text(memory, chore.clone());
        assert_eq!(memory.texts, std::slice::from_ref(&chore));
        let memory = begin_text(memory, &chore, Some(Generation(1)), NOW);
        assert!(memory.texts[0].begun);
        let busy = Delivery::Refused(Obstacle::Works);
        let memory = settle_text(memory, &chore, &busy, NOW);
        assert_eq!(memory.texts, std::slice::from_ref(&chore));
        let late = settle_text(memory.clone(), &chore, &busy, chore.until);
        assert!(late.texts.is_empty());
        let delivered = Delivery::Delivered { presses: 1 };
        assert!(
            settle_text(memory, &chore, &delivered, NOW)
                .texts
                .is_empty()
        );
    }

    #[test]
    fn what_may_have_been_typed_is_given_up_once_nobody_is_at_it() {
        let chore = request(Asker::Chore("c".into()), "go on");
        let nobody = SortedSet::new();
        let mut memory = ask_text(Memory::default(), chore.clone());
        lose_texts(&mut memory, &nobody, NOW);
        assert_eq!(
            memory.texts,
            std::slice::from_ref(&chore),
            "nothing was typed yet"
        );
        let mut memory = begin_text(memory, &chore, Some(Generation(1)), NOW);
        lose_texts(&mut memory, &[chore.job()].into(), NOW);
        assert_eq!(memory.texts.len(), 1, "its job goes on");
        lose_texts(&mut memory, &nobody, NOW);
        assert!(memory.texts.is_empty());
        let mut memory = ask_text(memory, chore);
        lose_texts(&mut memory, &nobody, Moment { boot: 2, ..NOW });
        assert!(memory.texts.is_empty(), "the machine was started anew");
    }
}
