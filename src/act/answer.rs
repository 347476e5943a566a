//! Answers dialogs, each only while its screen shows that very dialog.
//!
//! The selection is moved one answer at a time, and each step is looked at. Enter is pressed once,
//! when the screen shows that the right answer is selected. Before each key the screen is read, and
//! tmux checks in the same round trip that it still shows the dialog's lines.

use super::{Placed, Scene};
use crate::model::{AnswerEnd, AnswerKey, AnswerStep, Dialog, Effect, Moment, Outcome};
use crate::screen::{self, ShownDialog};
use crate::tmux::script::{Batch, NoServer, Reply};
use crate::tmux::{Client, typing};
use jiff::tz::TimeZone;
use std::time::Duration;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

/// The time between two looks.
const TICK: Duration = Duration::from_millis(120);
/// The longest time for one answer, without the calls that get no answer.
const DEADLINE: Duration = Duration::from_secs(12);
/// A selection that has not moved after this time is moved again: the client did not take the key.
const MOVING: Duration = Duration::from_millis(800);
/// More keys than this for one answer mean that the selection does not get there.
const MAX_MOVES: u32 = 48;
/// A dialog that still shows after this time was not answered by the key. The key is not pressed
/// again: the client may ask the same a second time.
const CONFIRMING: Duration = Duration::from_secs(4);

/// What came of an answer, and the dialog that its screen showed last.
#[derive(Debug, Clone, PartialEq)]
pub struct Answering {
    /// What came of it.
    pub end: AnswerEnd,
    /// The dialog that shows now.
    pub shows: Option<Dialog>,
}

/// Gives one answer.
pub async fn answer(client: &Client, step: &AnswerStep, decided: Moment) -> Answering {
    let mut course = Course::default();
    let begun = Instant::now();
    let zone = TimeZone::system();
    loop {
        let passed = begun.elapsed();
        let seen = match look(client, step, decided, &zone).await {
            Ok(seen) => seen,
            Err(reply) => return course.broken(step, reply),
        };
        let press = match course.see(step, seen.as_ref(), passed) {
            Next::Wait => None,
            Next::Press(key) => Some(key),
            Next::End(end) => {
                let shows = seen.map(|seen| seen.dialog);
                return Answering { end, shows };
            }
        };
        if let (Some(key), Some(seen)) = (press, &seen) {
            match press_at(client, step, key, seen).await {
                Reply::Ok { .. } => course.pressed(key, passed),
                reply => return course.broken(step, reply),
            }
        }
        if passed > DEADLINE {
            let end = course.out_of_time();
            let shows = seen.map(|seen| seen.dialog);
            return Answering { end, shows };
        }
        sleep(TICK).await;
    }
}

/// Gives the answers of a plan side by side, each at most once.
pub(super) async fn all(scene: &Scene<'_>, answers: Vec<(usize, &AnswerStep)>) -> Vec<Placed> {
    let mut given = JoinSet::new();
    for (place, step) in answers {
        let (client, step, now) = (scene.client.clone(), step.clone(), scene.now);
        given.spawn(async move {
            let answering = answer(&client, &step, now).await;
            (place, outcome(answering.end))
        });
    }
    given.join_all().await
}

/// What came of an answer, as the outcome of a step.
fn outcome(end: AnswerEnd) -> Outcome {
    match end {
        AnswerEnd::Done => Outcome::Done(Effect::Answered),
        AnswerEnd::Refused(_) | AnswerEnd::Changed => Outcome::Stale(end.to_string()),
        AnswerEnd::StillAsks | AnswerEnd::NotSelected => Outcome::Failed(end.to_string()),
        AnswerEnd::Stale(why) => Outcome::Stale(why),
        AnswerEnd::Failed(why) => Outcome::Failed(why),
        AnswerEnd::Unknown(why) => Outcome::Unknown(why),
    }
}

/// A key that an answer needs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    Up,
    Down,
    Enter,
    Escape,
}

impl Key {
    /// Its name in tmux.
    fn name(self) -> &'static str {
        match self {
            Self::Up => "Up",
            Self::Down => "Down",
            Self::Enter => "Enter",
            Self::Escape => "Escape",
        }
    }
}

/// What to do after a look.
#[derive(Debug, Clone, PartialEq)]
enum Next {
    Wait,
    Press(Key),
    End(AnswerEnd),
}

/// How far an answer has come. Times are since the beginning.
#[derive(Debug, Clone, Default, PartialEq)]
struct Course {
    moves: u32,
    /// Where the selection was when it was last moved, and when.
    moved: Option<(usize, Duration)>,
    /// Where the selection was in the last look.
    selected: Option<usize>,
    /// When the key was pressed that gives the answer.
    confirmed: Option<Duration>,
    /// Whether the last look no longer showed the dialog.
    gone: bool,
}

impl Course {
    /// Takes in a look.
    fn see(&mut self, step: &AnswerStep, shown: Option<&ShownDialog>, passed: Duration) -> Next {
        let same = shown.filter(|shown| shown.dialog.is_same(&step.dialog));
        let Some(same) = same else {
            // A client may be drawing: two looks must agree.
            return match (std::mem::replace(&mut self.gone, true), self.confirmed) {
                (false, _) => Next::Wait,
                (true, Some(_)) => Next::End(AnswerEnd::Done),
                (true, None) => Next::End(AnswerEnd::Changed),
            };
        };
        self.gone = false;
        let selected = same.dialog.selected;
        let is_settled = self.selected.replace(selected) == Some(selected);
        match (self.confirmed, &step.key) {
            (Some(at), _) if passed.saturating_sub(at) < CONFIRMING => Next::Wait,
            (Some(_), _) => Next::End(AnswerEnd::StillAsks),
            (None, AnswerKey::Escape) => Next::Press(Key::Escape),
            (None, AnswerKey::Option(wanted)) if *wanted != selected => {
                self.toward(*wanted, selected, passed)
            }
            // The selection may still be moving.
            (None, AnswerKey::Option(_)) if !is_settled => Next::Wait,
            (None, AnswerKey::Option(_)) => Next::Press(Key::Enter),
        }
    }

    fn toward(&self, wanted: usize, selected: usize, passed: Duration) -> Next {
        let is_moving = self
            .moved
            .is_some_and(|(from, at)| from == selected && passed.saturating_sub(at) < MOVING);
        if is_moving {
            return Next::Wait;
        }
        if self.moves >= MAX_MOVES {
            return Next::End(AnswerEnd::NotSelected);
        }
        Next::Press(if wanted > selected {
            Key::Down
        } else {
            Key::Up
        })
    }

    /// Notes that tmux has pressed the key.
    fn pressed(&mut self, key: Key, passed: Duration) {
        match key {
            Key::Enter | Key::Escape => self.confirmed = Some(passed),
            Key::Up | Key::Down => {
                self.moves += 1;
                self.moved = self.selected.map(|selected| (selected, passed));
            }
        }
    }

    fn out_of_time(&self) -> AnswerEnd {
        match self.confirmed {
            Some(_) => AnswerEnd::StillAsks,
            None => AnswerEnd::NotSelected,
        }
    }

    /// A look or a key that failed.
    fn broken(&self, step: &AnswerStep, reply: Reply) -> Answering {
        let end = match (reply, self.confirmed) {
            (Reply::Stale(fields), None) if typing::is_other_screen(&fields) => AnswerEnd::Changed,
            (Reply::Stale(fields), None) => {
                AnswerEnd::Stale(typing::explain(&step.target, &fields))
            }
            // The session has ended by the answer, such as one that refuses trust.
            (Reply::Stale(_), Some(_)) => AnswerEnd::Done,
            (Reply::Refused(said), None) => AnswerEnd::Failed(format!("tmux: {said}")),
            (Reply::Refused(said), Some(_)) => AnswerEnd::Unknown(format!("tmux: {said}")),
            (Reply::Unseen(why), _) => AnswerEnd::Unknown(why),
            (Reply::Ok { .. }, _) => AnswerEnd::Unknown("the reply was not understood".to_owned()),
        };
        Answering { end, shows: None }
    }
}

/// The dialog on its screen now.
async fn look(
    client: &Client,
    step: &AnswerStep,
    decided: Moment,
    zone: &TimeZone,
) -> Result<Option<ShownDialog>, Reply> {
    let mut batch = Batch::default();
    batch.push(|tag| typing::look_at_rows(tag, &step.target));
    match batch.run(client, NoServer::Stale).await.pop() {
        Some(Reply::Ok { text, .. }) => {
            let rows: Vec<&str> = text.lines().collect();
            let reading = screen::read(&step.agent, &rows, decided, zone);
            let is_open = reading.dialog.is_some();
            Ok(is_open
                .then(|| screen::dialog(&step.agent, &rows))
                .flatten())
        }
        Some(reply) => Err(reply),
        None => Err(Reply::Unseen("tmux gave no reply".to_owned())),
    }
}

/// Presses a key, if tmux still sees this dialog.
async fn press_at(client: &Client, step: &AnswerStep, key: Key, shown: &ShownDialog) -> Reply {
    let target = &step.target;
    let mut batch = Batch::default();
    batch.push(|tag| typing::leave_mode(tag, target));
    batch.push(|tag| typing::press_at_rows(tag, target, key.name(), &shown.rows));
    let reply = batch.run(client, NoServer::Stale).await.pop();
    reply.unwrap_or_else(|| Reply::Unseen("tmux gave no reply".to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{
        DialogOption, Meaning, PaneId, ProcId, ServerId, SessionId, Takes, Target, WhenAttached,
    };
    use std::sync::Arc;

    fn dialog(selected: usize) -> ShownDialog {
        let options = ["Yes", "Always", "No"].iter().zip(1..);
        let options = options.map(|(text, number)| DialogOption {
            number,
            text: (*text).to_owned(),
            detail: String::new(),
            meaning: Meaning::Other,
        });
        let dialog = Dialog {
            question: "Proceed?".to_owned(),
            above: vec!["rm -rf target".to_owned()],
            options: options.collect(),
            selected,
            takes: Takes::One,
            has_escape: true,
        };
        ShownDialog {
            dialog,
            rows: Vec::new(),
        }
    }

    fn step(key: AnswerKey) -> AnswerStep {
        AnswerStep {
            target: Target {
                server: ServerId(ProcId { pid: 1, start: 1 }),
                session: SessionId(1),
                pane: PaneId(1),
                generation: None,
                whose: None,
                process: None,
                attached: WhenAttached::Proceed,
            },
            agent: Arc::default(),
            dialog: dialog(0).dialog,
            key,
        }
    }

    const fn ms(ms: u64) -> Duration {
        Duration::from_millis(ms)
    }

    #[test]
    fn the_selection_moves_one_by_one_and_enter_comes_once_it_stands() {
        let step = step(AnswerKey::Option(2));
        let mut course = Course::default();
        let see = |course: &mut Course, selected: usize, at: u64| {
            course.see(&step, Some(&dialog(selected)), ms(at))
        };
        assert_eq!(see(&mut course, 0, 0), Next::Press(Key::Down));
        course.pressed(Key::Down, ms(0));
        assert_eq!(see(&mut course, 0, 120), Next::Wait, "it has not moved yet");
        assert_eq!(see(&mut course, 1, 240), Next::Press(Key::Down));
        course.pressed(Key::Down, ms(240));
        assert_eq!(
            see(&mut course, 2, 360),
            Next::Wait,
            "another look must agree"
        );
        assert_eq!(see(&mut course, 2, 480), Next::Press(Key::Enter));
        course.pressed(Key::Enter, ms(480));
        assert_eq!(see(&mut course, 2, 600), Next::Wait);
        assert_eq!(course.see(&step, None, ms(720)), Next::Wait);
        assert_eq!(course.see(&step, None, ms(840)), Next::End(AnswerEnd::Done));
    }

    #[test]
    fn another_dialog_gets_no_key_and_the_same_one_no_second_enter() {
        let step = step(AnswerKey::Option(0));
        let mut other = dialog(0);
        other.dialog.above = vec!["rm -rf /".to_owned()];
        let mut course = Course::default();
        assert_eq!(course.see(&step, Some(&other), ms(0)), Next::Wait);
        assert_eq!(
            course.see(&step, Some(&other), ms(120)),
            Next::End(AnswerEnd::Changed)
        );

        let mut course = Course::default();
        assert_eq!(course.see(&step, Some(&dialog(0)), ms(0)), Next::Wait);
        let enter = Next::Press(Key::Enter);
        assert_eq!(course.see(&step, Some(&dialog(0)), ms(120)), enter);
        course.pressed(Key::Enter, ms(120));
        assert_eq!(course.see(&step, Some(&dialog(0)), ms(3000)), Next::Wait);
        let end = Next::End(AnswerEnd::StillAsks);
        assert_eq!(course.see(&step, Some(&dialog(0)), ms(4200)), end);
    }

    #[test]
    fn a_selection_that_does_not_move_is_given_up() {
        let step = step(AnswerKey::Option(1));
        let mut course = Course::default();
        for at in 0..u64::from(MAX_MOVES) {
            let at = ms(at * 1000);
            let next = course.see(&step, Some(&dialog(0)), at);
            assert_eq!(next, Next::Press(Key::Down));
            course.pressed(Key::Down, at);
        }
        let next = course.see(&step, Some(&dialog(0)), ms(1_000_000));
        assert_eq!(next, Next::End(AnswerEnd::NotSelected));
    }
}
