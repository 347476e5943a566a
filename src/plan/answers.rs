//! Which answer a dialog gets: one that a person has chosen, or one that the manifest declares.

use super::Situation;
use super::subject::{Subject, gather};
use super::texts::check_session;
use super::verdict::{Kind, Verdict, Want};
use crate::model::{
    AnswerGiven, AnswerKey, AnswerStep, Choice, Content, DeclaredAnswer, Dialog, Meaning, Moment,
    Next, NoAnswer, Observed, Obstacle, Reason, ReasonCode, ScreenState, SeenDialog, SessionName,
    Takes, Target, Verb, WhenAttached,
};

/// What a session asks now, as far as the look says.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    /// Its dialog.
    pub dialog: &'a Dialog,
    /// What is known of its screen.
    pub content: &'a Content,
}

/// What a session asks now.
///
/// # Errors
/// It asks nothing that gtctl can read.
pub fn asked<'a>(
    situation: &'a Situation<'a>,
    session: &SessionName,
) -> Result<Asked<'a>, NoAnswer> {
    let subject = subject(situation, session)?;
    asked_by(&subject)
}

/// The step that gives a person's answer to what the session asks now. The dialog is looked at once
/// more before each key.
///
/// # Errors
/// Why there is none.
pub fn answer(
    situation: &Situation<'_>,
    session: &SessionName,
    choice: Choice,
) -> Result<AnswerStep, NoAnswer> {
    if situation.memory.paused {
        return Err(NoAnswer::Obstacle(Obstacle::Paused));
    }
    let subject = subject(situation, session)?;
    let dialog = asked_by(&subject)?.dialog;
    let key = key(dialog, choice)?;
    let absent = NoAnswer::Obstacle(Obstacle::Absent);
    let target = subject.target().ok_or_else(|| absent.clone())?;
    // Who answers by hand may be the one who is attached.
    let target = Target {
        attached: WhenAttached::Proceed,
        ..target
    };
    let agent = subject.desired.map(|desired| desired.agent.clone());
    Ok(AnswerStep {
        target,
        agent: agent.ok_or(absent)?,
        dialog: dialog.clone(),
        key,
    })
}

/// How a choice is made in this dialog.
///
/// # Errors
/// The dialog has no such answer, or gtctl does not give it.
pub fn key(dialog: &Dialog, choice: Choice) -> Result<AnswerKey, NoAnswer> {
    match dialog.takes {
        Takes::One => {}
        Takes::Several => return Err(NoAnswer::Several),
        Takes::SignIn => return Err(NoAnswer::SignIn),
    }
    let first = |meaning: Meaning| {
        let options = dialog.options.iter();
        options.clone().position(|option| option.meaning == meaning)
    };
    match choice {
        Choice::Yes => {
            let place = first(Meaning::Affirms).ok_or(NoAnswer::NoYes)?;
            Ok(AnswerKey::Option(place))
        }
        Choice::No => match first(Meaning::Refuses) {
            Some(place) => Ok(AnswerKey::Option(place)),
            None if dialog.has_escape => Ok(AnswerKey::Escape),
            None => Err(NoAnswer::NoNo),
        },
        Choice::Number(number) => {
            let place = dialog.place_of(number);
            let place = place.ok_or(NoAnswer::NoNumber(number))?;
            let option = dialog.options.get(place);
            if option.is_some_and(|option| option.meaning == Meaning::TakesText) {
                return Err(NoAnswer::TakesText);
            }
            Ok(AnswerKey::Option(place))
        }
    }
}

/// The rule for a dialog whose answer the manifest declares. Each dialog gets it once.
///
/// A sign-in and a question for trust are left to a person, whatever is declared.
pub(super) fn declared_answer(subject: &Subject<'_>) -> Option<Verdict> {
    let due = due_answer(subject)?;
    if !subject.now().reached(&due.at) {
        return None;
    }
    let step = declared_step(subject)?;
    Some(Verdict::Want(Want {
        verb: Verb::Answer,
        reason: Reason::AnswerDeclared {
            question: step.dialog.question.clone(),
            answer: step.answer(),
        },
        kind: Kind::Answer,
        phase: subject.living_phase(),
    }))
}

/// When the rule will speak, if time alone passes.
pub(super) fn next_answer(subject: &Subject<'_>) -> Option<Next> {
    let at = due_answer(subject)?.at;
    (!subject.now().reached(&at)).then_some(Next {
        verb: Verb::Answer,
        reason: ReasonCode::AnswerDeclared,
        at,
    })
}

/// The step that gives the declared answer. Nobody is answered for while attached.
pub(super) fn declared_step(subject: &Subject<'_>) -> Option<AnswerStep> {
    let DueAnswer { dialog, place, .. } = due_answer(subject)?;
    Some(AnswerStep {
        target: Target {
            attached: WhenAttached::Hold,
            ..subject.target()?
        },
        agent: subject.desired?.agent.clone(),
        dialog: dialog.clone(),
        key: AnswerKey::Option(place),
    })
}

/// A declared answer that was not given yet.
struct DueAnswer<'a> {
    dialog: &'a Dialog,
    /// The place of the answer.
    place: usize,
    /// When it is given: now, or once fewer were given lately.
    at: Moment,
}

fn due_answer<'a>(subject: &Subject<'a>) -> Option<DueAnswer<'a>> {
    let is_living = subject.is_alive() && subject.is_ready();
    let content = subject.content().filter(|_| is_living)?;
    let is_for_gtctl = match content.state {
        ScreenState::AsksPermission | ScreenState::Limit { .. } => content.is_agreed(),
        ScreenState::AsksTrust
        | ScreenState::Auth
        | ScreenState::Ready
        | ScreenState::Busy
        | ScreenState::Retrying
        | ScreenState::Context
        | ScreenState::Unclear => false,
    };
    let SeenDialog { dialog, since } = content.dialog.as_ref().filter(|_| is_for_gtctl)?;
    let place = declared_place(&subject.desired?.agent.answers, dialog)?;
    let given = subject.history.map_or(&[][..], |history| &history.answers);
    let is_answered = given.iter().any(|given| given.asked == *since);
    if is_answered {
        return None;
    }
    let now = subject.now();
    let is_late = |given: &&AnswerGiven| now.since(&given.at) < AnswerGiven::SPAN;
    let lately: Vec<&AnswerGiven> = given.iter().filter(is_late).collect();
    let oldest = lately.first().filter(|_| lately.len() >= AnswerGiven::MAX);
    Some(DueAnswer {
        dialog,
        place,
        at: oldest.map_or(now, |oldest| oldest.at.plus(AnswerGiven::SPAN)),
    })
}

/// The place of the answer that the first declaration for this dialog names.
fn declared_place(declared: &[DeclaredAnswer], dialog: &Dialog) -> Option<usize> {
    match dialog.takes {
        Takes::One => {}
        Takes::Several | Takes::SignIn => return None,
    }
    let text = dialog.text();
    let declared = declared
        .iter()
        .find(|declared| text.contains(&declared.when))?;
    let mut places = dialog.options.iter().enumerate().filter(|(_, option)| {
        let is_plain = option.meaning != Meaning::TakesText;
        is_plain && option.text.contains(&declared.choose)
    });
    match (places.next(), places.next()) {
        (Some((place, _)), None) => Some(place),
        (None | Some(_), _) => None,
    }
}

fn subject<'a>(
    situation: &'a Situation<'a>,
    session: &SessionName,
) -> Result<Subject<'a>, NoAnswer> {
    let server = match situation.observed {
        Observed::Unknown(why) => {
            return Err(NoAnswer::Obstacle(Obstacle::Untold(why.clone())));
        }
        Observed::Down => return Err(NoAnswer::Obstacle(Obstacle::Absent)),
        Observed::Up(server) => server,
    };
    let subjects = gather(situation, Some(server));
    let mut subjects = subjects.into_iter();
    let subject = subjects.find(|subject| subject.name == session);
    let subject = subject.ok_or(NoAnswer::Obstacle(Obstacle::Absent))?;
    check_session(&subject).map_err(NoAnswer::Obstacle)?;
    Ok(subject)
}

fn asked_by<'a>(subject: &Subject<'a>) -> Result<Asked<'a>, NoAnswer> {
    let content = subject.content();
    let content = content.ok_or(NoAnswer::Obstacle(Obstacle::NoPrompt))?;
    let state = content
        .by_screen
        .as_ref()
        .map_or(content.state, |shown| shown.state);
    match (&content.dialog, state) {
        (_, ScreenState::Auth) => Err(NoAnswer::SignIn),
        (Some(seen), _) => Ok(Asked {
            dialog: &seen.dialog,
            content,
        }),
        (None, ScreenState::AsksPermission | ScreenState::AsksTrust) => Err(NoAnswer::Unread),
        (
            None,
            ScreenState::Ready
            | ScreenState::Busy
            | ScreenState::Retrying
            | ScreenState::Limit { .. }
            | ScreenState::Context
            | ScreenState::Unclear,
        ) => Err(NoAnswer::NoDialog(state)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::DialogOption;

    fn dialog(meanings: &[Meaning]) -> Dialog {
        let options = meanings
            .iter()
            .zip(1..)
            .map(|(meaning, number)| DialogOption {
                number,
                text: meaning.code().to_owned(),
                detail: String::new(),
                meaning: *meaning,
            });
        Dialog {
            question: "Do you want to proceed?".to_owned(),
            above: Vec::new(),
            options: options.collect(),
            selected: 0,
            takes: Takes::One,
            has_escape: false,
        }
    }

    #[test]
    fn a_plain_yes_never_answers_later_questions() {
        let all = [
            Meaning::AffirmsAlways,
            Meaning::Affirms,
            Meaning::RefusesAlways,
            Meaning::Refuses,
        ];
        let all = dialog(&all);
        assert_eq!(key(&all, Choice::Yes), Ok(AnswerKey::Option(1)));
        assert_eq!(key(&all, Choice::No), Ok(AnswerKey::Option(3)));
        assert_eq!(key(&all, Choice::Number(1)), Ok(AnswerKey::Option(0)));
        assert_eq!(key(&all, Choice::Number(5)), Err(NoAnswer::NoNumber(5)));
        let always = dialog(&[Meaning::AffirmsAlways, Meaning::RefusesAlways]);
        assert_eq!(key(&always, Choice::Yes), Err(NoAnswer::NoYes));
        assert_eq!(key(&always, Choice::No), Err(NoAnswer::NoNo));
    }

    #[test]
    fn where_no_answer_refuses_escape_does_if_the_dialog_says_so() {
        let colours = Dialog {
            has_escape: true,
            ..dialog(&[Meaning::Other, Meaning::TakesText])
        };
        assert_eq!(key(&colours, Choice::No), Ok(AnswerKey::Escape));
        assert_eq!(key(&colours, Choice::Yes), Err(NoAnswer::NoYes));
        assert_eq!(key(&colours, Choice::Number(2)), Err(NoAnswer::TakesText));
    }

    #[test]
    fn a_declared_answer_is_the_only_one_that_says_so() {
        let colours = dialog(&[Meaning::Affirms, Meaning::AffirmsAlways, Meaning::Refuses]);
        let place = |when: &str, choose: &str| {
            let declared = DeclaredAnswer {
                when: when.to_owned(),
                choose: choose.to_owned(),
            };
            declared_place(&[declared], &colours)
        };
        assert_eq!(place("refuses", "always"), Some(1));
        assert_eq!(place("refuses", "affirms"), None, "two say so");
        assert_eq!(place("refuses", "maybe"), None);
        assert_eq!(place("another dialog", "always"), None);
        let sign_in = Dialog {
            takes: Takes::SignIn,
            ..colours.clone()
        };
        let declared = DeclaredAnswer {
            when: "refuses".to_owned(),
            choose: "always".to_owned(),
        };
        assert_eq!(declared_place(&[declared], &sign_in), None);
    }

    #[test]
    fn a_sign_in_and_a_list_of_boxes_are_for_a_person() {
        let yes = dialog(&[Meaning::Affirms]);
        for (takes, why) in [
            (Takes::SignIn, NoAnswer::SignIn),
            (Takes::Several, NoAnswer::Several),
        ] {
            let dialog = Dialog {
                takes,
                ..yes.clone()
            };
            for choice in [Choice::Yes, Choice::No, Choice::Number(1)] {
                assert_eq!(key(&dialog, choice), Err(why.clone()));
            }
        }
    }
}
