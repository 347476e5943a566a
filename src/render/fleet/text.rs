//! The answers of all hosts for people, one below the other.

use super::HostAnswer;
use crate::render::sanitise;
use crate::render::style::{Paper, Role};

/// The longest line of another host, in characters.
const LINE: usize = 2000;

/// Each answer below the name of its host. The answer of one host alone has no heading.
#[must_use]
pub fn sections(answers: &[HostAnswer<'_>], paper: &Paper) -> String {
    let has_headings = answers.len() > 1;
    let parts: Vec<String> = answers
        .iter()
        .map(|answer| section(answer, has_headings, paper))
        .collect();
    parts.join(if has_headings { "\n" } else { "" })
}

fn section(answer: &HostAnswer<'_>, has_heading: bool, paper: &Paper) -> String {
    let mut text = String::new();
    let is_lost = answer.reply.is_err();
    if has_heading || is_lost {
        let role = if is_lost { Role::Bad } else { Role::Strong };
        text.push_str(&paper.colour.paint(role, &format!("{}:", answer.title())));
        text.push('\n');
    }
    match &answer.reply {
        Ok(reply) => {
            for line in reply
                .notes
                .iter()
                .map(String::as_str)
                .chain(reply.text.lines())
            {
                text.push_str(&sanitise::line(line, LINE));
                text.push('\n');
            }
        }
        Err(why) => {
            let help = why.help(answer.name, answer.host);
            let why = sanitise::line(&why.to_string(), LINE);
            text.push_str(&["  ", &why, "\n  help: ", &help, "\n"].concat());
        }
    }
    text
}
