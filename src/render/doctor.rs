//! The page of checks for people: a line for each check, its remedy below, and a verdict.

use super::sanitise;
use super::style::{Paper, Role};
use super::words::count;
use crate::model::{Checked, Health};

/// The longest text from outside, in characters.
const LONG: usize = 2000;
/// At least so many columns of a text are used, however narrow the terminal is.
const NARROWEST: usize = 30;

/// The whole page. Its last line is the verdict.
#[must_use]
pub fn page(found: &[Checked], paper: &Paper) -> String {
    let wide = found
        .iter()
        .map(|checked| checked.check.len())
        .max()
        .unwrap_or(0);
    let lines: Vec<String> = found
        .iter()
        .map(|checked| of_check(checked, wide, paper))
        .collect();
    format!("{}\n{}\n", lines.concat(), verdict(found, paper))
}

/// Text wraps between words at the terminal's width. A command does not wrap, so that people can
/// copy it.
fn of_check(checked: &Checked, wide: usize, paper: &Paper) -> String {
    let Checked {
        check,
        verdict,
        said,
        fix,
    } = checked;
    let indent = wide + 8;
    let gap = " ".repeat(indent);
    let room = paper.width.map_or(usize::MAX, |width| {
        width.saturating_sub(indent).max(NARROWEST)
    });
    let said = broken(&sanitise::line(said, LONG), room).join(&format!("\n{gap}"));
    let code = paper
        .colour
        .paint(role(*verdict), &format!("{:<4}", verdict.code()));
    let fix = fix.as_ref().map_or_else(String::new, |fix| {
        format!(
            "{gap}{}\n",
            paper.colour.paint(
                Role::Strong,
                &format!("$ {}", sanitise::line(fix.as_str(), LONG))
            )
        )
    });
    format!("{code}  {check:<wide$}  {said}\n{fix}")
}

fn broken(text: &str, room: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if sanitise::width(line) + 1 + sanitise::width(word) <= room => {
                line.extend([" ", word]);
            }
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    lines
}

fn role(verdict: Health) -> Role {
    match verdict {
        Health::Well => Role::Good,
        Health::Ailing => Role::Change,
        Health::Failing => Role::Bad,
    }
}

fn verdict(found: &[Checked], paper: &Paper) -> String {
    let of = |wanted: Health| {
        found
            .iter()
            .filter(|checked| checked.verdict == wanted)
            .count()
    };
    let (failing, ailing) = (of(Health::Failing), of(Health::Ailing));
    let mut parts = Vec::new();
    parts
        .extend((failing > 0).then(|| paper.colour.paint(Role::Bad, &format!("{failing} failed"))));
    parts.extend((ailing > 0).then(|| paper.colour.paint(Role::Change, &count(ailing, "warning"))));
    let all = count(found.len(), "check");
    if parts.is_empty() {
        format!("{all}, all well")
    } else {
        format!("{all}: {}", parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::super::words::Clock;
    use super::super::{Colour, Detail};
    use super::*;
    use crate::model::{Fix, Moment};

    #[test]
    fn texts_break_and_commands_do_not() {
        let now = Moment {
            wall: 0,
            awake: 0,
            boot: 1,
        };
        let clock = Clock {
            now,
            offset_seconds: 0,
        };
        let paper = Paper {
            clock,
            width: Some(44),
            colour: Colour::Off,
            detail: Detail::Short,
        };
        let long = Fix::run([
            "a-command",
            "that",
            "is",
            "much",
            "longer",
            "than",
            "a",
            "line",
            "of",
            "it",
        ]);
        let found = [
            Checked::well("tmux", "3.3a"),
            Checked::failing(
                "state",
                "\u{1b}[31mit cannot be written for a reason that is long",
                long,
            ),
        ];
        let want = "\
ok    tmux   3.3a
fail  state  it cannot be written for a
             reason that is long
             $ a-command that is much longer than a line of it

2 checks: 1 failed
";
        assert_eq!(page(&found, &paper), want);
    }
}
