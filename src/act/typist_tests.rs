use super::*;
use crate::model::{Asks, ScreenState};

fn prompt(state: ScreenState, composer: Composer) -> Prompt {
    Prompt {
        state,
        evidence: "Do you?".to_owned(),
        composer,
        below: 1,
    }
}

fn empty() -> Prompt {
    prompt(ScreenState::Ready, Composer::Empty)
}

fn typed(text: &str) -> Prompt {
    prompt(ScreenState::Ready, Composer::Holds(text.to_owned()))
}

fn asks() -> Prompt {
    prompt(ScreenState::AsksPermission, Composer::Missing)
}

/// Looks a tenth of a second apart; says what was done after them and how it stands.
fn looks(looks: &[Prompt]) -> (Vec<Move>, Stage) {
    let text = NudgeText::new("go on").unwrap();
    let mut stage = Stage::Looking(None);
    let mut moves = Vec::new();
    for (prompt, n) in looks.iter().zip(1..) {
        let passed = Duration::from_millis(n * 100);
        let left = ["left before".to_owned(), "go on".to_owned()];
        let task = Task {
            text: &text,
            left: &left,
            can_clear: true,
        };
        let next = stage.see(prompt, task, Aim::Deliver, passed);
        if next != Move::Look {
            stage.acted(passed);
            moves.push(next);
        }
    }
    (moves, stage)
}

fn settled(stage: Stage) -> Delivery {
    match stage {
        Stage::Settled(Settled::As(delivery)) => delivery,
        other => panic!("{other:?}"),
    }
}

#[test]
fn two_looks_decide_before_and_after() {
    assert_eq!(looks(&[empty()]).0, []);
    assert_eq!(looks(&[empty(), empty()]).0, [Move::Type]);
    assert_eq!(looks(&[empty(), asks(), empty()]).0, []);
    let (moves, stage) = looks(&[empty(), empty(), typed("go on"), empty()]);
    assert_eq!(moves, [Move::Type, Move::Press]);
    assert!(
        matches!(stage, Stage::Pressed { .. }),
        "one look is not enough"
    );
    let (_, stage) = looks(&[
        empty(),
        empty(),
        typed("go on"),
        empty(),
        typed("go on"),
        empty(),
        empty(),
    ]);
    assert_eq!(settled(stage), Delivery::Delivered { presses: 1 });
    let refused = Delivery::Refused(Obstacle::Asks(Asks::Permission, "Do you?".to_owned()));
    assert_eq!(settled(looks(&[asks(), asks()]).1), refused);
}

#[test]
fn nothing_is_submitted_but_our_own_text() {
    let never = |look: Prompt| {
        let mut all = vec![empty(), empty()];
        all.extend(std::iter::repeat_n(look, 65));
        let (moves, stage) = looks(&all);
        assert_eq!(moves, [Move::Type]);
        settled(stage)
    };
    for look in [asks(), typed("xgo on"), empty()] {
        assert!(matches!(
            never(look),
            Delivery::NotSubmitted { presses: 0, .. }
        ));
    }
}

#[test]
fn the_key_is_pressed_four_times_at_most() {
    let mut all = vec![empty(), empty()];
    all.extend(std::iter::repeat_n(typed("go on"), 50));
    let (moves, stage) = looks(&all);
    assert_eq!(moves.iter().filter(|next| **next == Move::Press).count(), 4);
    let all_pressed = stage.clone();
    assert!(
        matches!(all_pressed, Stage::Clearing { .. }),
        "what cannot be submitted is cleared: {moves:?}"
    );
    let mut cleared = all.clone();
    cleared.push(empty());
    let (_, stage) = looks(&cleared);
    assert!(matches!(
        settled(stage),
        Delivery::NotSubmitted { presses: 4, .. }
    ));
}

#[test]
fn what_gtctl_has_left_is_submitted_again_or_gives_way_and_what_others_type_stays() {
    let (moves, stage) = looks(&[typed("go on"), typed("go on"), empty(), empty()]);
    assert_eq!(
        (moves, settled(stage)),
        (vec![Move::Press], Delivery::Delivered { presses: 1 })
    );
    let other = || typed("left before");
    let (moves, _) = looks(&[
        other(),
        other(),
        typed("left"),
        empty(),
        empty(),
        typed("go on"),
    ]);
    assert_eq!(moves, [Move::Clear, Move::Type, Move::Press]);
    let (moves, stage) = looks(&std::iter::repeat_n(other(), 60).collect::<Vec<_>>());
    assert_eq!(settled(stage), Delivery::Refused(Obstacle::OwnText));
    assert!(moves.iter().all(|next| *next == Move::Clear), "{moves:?}");
    for somebodys in ["left before!", "left", "go", "go on now"] {
        let (moves, stage) = looks(&[typed(somebodys), typed(somebodys)]);
        assert_eq!(
            (moves, settled(stage)),
            (vec![], Delivery::Refused(Obstacle::Composing))
        );
    }
}

#[test]
fn a_text_with_an_answer_below_it_is_a_transcript() {
    let answered = Prompt {
        below: 3,
        ..typed("go on")
    };
    let (_, stage) = looks(&[empty(), empty(), typed("go on"), answered.clone(), answered]);
    assert_eq!(settled(stage), Delivery::Delivered { presses: 1 });
}

#[test]
fn what_tmux_did_not_answer_for_is_not_known_and_not_repeated() {
    let target = Target {
        server: crate::model::ServerId(crate::model::ProcId { pid: 1, start: 1 }),
        session: crate::model::SessionId(1),
        pane: crate::model::PaneId(1),
        generation: None,
        whose: None,
        process: None,
        attached: crate::model::WhenAttached::Hold,
    };
    let silence = || Reply::Unseen("no answer".to_owned());
    let mut typing = Stage::Looking(None);
    typing.refuse(silence(), &target);
    assert_eq!(settled(typing), Delivery::Unknown("no answer".to_owned()));
    let mut looking = Stage::Looking(None);
    looking.fail(silence(), &target);
    assert_eq!(
        settled(looking),
        Delivery::Refused(Obstacle::Untold("no answer".to_owned()))
    );
}
