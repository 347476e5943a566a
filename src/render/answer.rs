//! What a session asks, its answers, and what came of one.

use super::json::{AnswerLine, AnswerPage, QuestionPage};
use super::{Paper, Role, sanitise};
use crate::model::{
    AnswerEnd, AnswerKey, Choice, Content, Dialog, Moment, NoAnswer, Obstacle, SessionName,
};
use crate::plan::key;

/// The longest line of a dialog, in columns.
const LINE: usize = 160;
/// The longest answer, in columns.
const ANSWER: usize = 80;

/// The question with its answers, for people.
///
/// ```text
/// one asks:
///
///   Bash command
///   rm -rf target
///   Do you want to proceed?
///
///   1  Yes                                   yes
///   2  Yes, and don't ask again for rm
///   3  No                                    no
/// ```
#[must_use]
pub fn question(session: &SessionName, dialog: &Dialog, said: &str, paper: &Paper) -> String {
    let mut out = format!("{session} asks:\n\n");
    let above = dialog.above.iter().map(String::as_str);
    let is_new = !said.is_empty() && !dialog.text().contains(said);
    for line in is_new.then_some(said).into_iter().chain(above) {
        out.extend(["  ", &sanitise::line(line, LINE), "\n"]);
    }
    if !dialog.above.is_empty() || is_new {
        out.push('\n');
    }
    let texts: Vec<String> = dialog
        .options
        .iter()
        .map(|option| sanitise::line(&option.text, ANSWER))
        .collect();
    let numbers = dialog
        .options
        .iter()
        .map(|option| option.number.to_string());
    let numbers: Vec<String> = numbers.collect();
    let wide = texts.iter().map(|text| sanitise::width(text)).max();
    let digits = numbers.iter().map(String::len).max().unwrap_or(1);
    for (at, (number, text)) in numbers.iter().zip(&texts).enumerate() {
        let word = word_for(dialog, at);
        let blanks = wide.unwrap_or(0).saturating_sub(sanitise::width(text));
        let gap = match word {
            Some(_) => " ".repeat(blanks + 3),
            None => String::new(),
        };
        let word = paper.colour.paint(Role::Strong, word.unwrap_or_default());
        out.extend([format!("  {number:>digits$}  {text}{gap}{word}\n")]);
    }
    if key(dialog, Choice::No) == Ok(AnswerKey::Escape) {
        let word = paper.colour.paint(Role::Strong, "no");
        out.extend([format!("  {:>digits$}  by Escape   {word}\n", "-")]);
    }
    out
}

/// The word that chooses the answer at this place.
fn word_for(dialog: &Dialog, at: usize) -> Option<&'static str> {
    let words = [(Choice::Yes, "yes"), (Choice::No, "no")];
    words
        .into_iter()
        .find(|(choice, _)| key(dialog, *choice) == Ok(AnswerKey::Option(at)))
        .map(|(_, word)| word)
}

/// What to type next, where nothing was answered.
#[must_use]
pub fn fix(session: &SessionName, end: &AnswerEnd) -> Option<String> {
    let attach = || Some(format!("answer it with `gtctl attach {session}`"));
    let show = || Some(format!("`gtctl answer {session}` shows what it asks now"));
    match end {
        AnswerEnd::Done | AnswerEnd::Failed(_) => None,
        AnswerEnd::Changed | AnswerEnd::Stale(_) | AnswerEnd::StillAsks => show(),
        AnswerEnd::NotSelected | AnswerEnd::Unknown(_) => attach(),
        AnswerEnd::Refused(why) => match why {
            NoAnswer::NoNumber(_) | NoAnswer::NoYes | NoAnswer::NoNo => {
                Some("give the number of an answer".to_owned())
            }
            NoAnswer::Unread | NoAnswer::Several | NoAnswer::TakesText => attach(),
            NoAnswer::SignIn => Some(format!("sign it in with `gtctl attach {session}`")),
            NoAnswer::NoDialog(_) => None,
            NoAnswer::Obstacle(obstacle) => fix_of(session, obstacle),
        },
    }
}

fn fix_of(session: &SessionName, obstacle: &Obstacle) -> Option<String> {
    match obstacle {
        Obstacle::Absent | Obstacle::Dead(_) | Obstacle::Stopped => {
            Some(format!("`gtctl start {session}`"))
        }
        Obstacle::Unlabelled => {
            Some("`gtctl apply` adopts it if it runs the declared agent".to_owned())
        }
        Obstacle::Foreign(_) => Some("give this session another name".to_owned()),
        Obstacle::Paused => Some("`gtctl resume`".to_owned()),
        Obstacle::Stopping => Some("`gtctl status` shows when it is done".to_owned()),
        Obstacle::Untold(_) => Some("look at the tmux server".to_owned()),
        Obstacle::Restarted
        | Obstacle::Starting
        | Obstacle::Gastown(_)
        | Obstacle::Works
        | Obstacle::NoPrompt
        | Obstacle::Composing
        | Obstacle::OwnText
        | Obstacle::Asks(..)
        | Obstacle::Blocked(..) => None,
    }
}

/// What there is to say of one session and its answer.
#[derive(Debug, Clone, Copy)]
pub struct AnswerReport<'a> {
    /// The session.
    pub session: &'a SessionName,
    /// What came of an answer. None where none was asked for.
    pub end: Option<&'a AnswerEnd>,
    /// The answer, such as `1. Yes`.
    pub answer: Option<&'a str>,
    /// The dialog that shows now.
    pub dialog: Option<&'a Dialog>,
    /// What its client has reported of the question.
    pub said: &'a str,
    /// What to type next.
    pub fix: Option<&'a str>,
}

/// The same for programs.
#[must_use]
pub fn json(report: &AnswerReport<'_>, now: Moment) -> AnswerPage {
    let clean = |text: &str| sanitise::line(text, LINE);
    let why = match report.end {
        Some(AnswerEnd::Refused(why)) => Some(why.code().to_owned()),
        Some(
            AnswerEnd::Done
            | AnswerEnd::Changed
            | AnswerEnd::StillAsks
            | AnswerEnd::NotSelected
            | AnswerEnd::Stale(_)
            | AnswerEnd::Failed(_)
            | AnswerEnd::Unknown(_),
        )
        | None => None,
    };
    AnswerPage {
        version: super::json::VERSION,
        kind: "answer".to_owned(),
        session: report.session.to_string(),
        observed_at: super::json::time(now, now),
        outcome: report.end.map(|end| end.code().to_owned()),
        text: report.end.map(|end| clean(&end.to_string())),
        obstacle: why,
        fix: report.fix.map(clean),
        answer: report.answer.map(clean),
        question: report.dialog.map(|dialog| lines(dialog, report.said)),
    }
}

fn lines(dialog: &Dialog, said: &str) -> QuestionPage {
    let clean = |text: &str| sanitise::line(text, LINE);
    let options = dialog.options.iter().enumerate();
    let answers = options.map(|(at, option)| AnswerLine {
        number: option.number,
        text: clean(&option.text),
        detail: clean(&option.detail),
        meaning: option.meaning.code().to_owned(),
        selected: at == dialog.selected,
        word: word_for(dialog, at).map(str::to_owned),
    });
    QuestionPage {
        question: clean(&dialog.question),
        said: clean(said),
        above: dialog.above.iter().map(|line| clean(line)).collect(),
        answers: answers.collect(),
    }
}

/// What the client has said of the question that shows, where that is known.
#[must_use]
pub fn said(content: &Content) -> &str {
    let reported = content.reported.as_ref();
    let asks = reported.filter(|reported| reported.activity == crate::model::Activity::Asks);
    asks.map_or("", |reported| &reported.text)
}
