//! What a control-mode client is sent, taken apart: blocks of output, and notices between them.
//!
//! A block begins with `%begin T N F` and ends with `%end` or `%error` and the very same three numbers, so that a screen
//! that shows such a line ends no block but by guessing them; who asked finds a random word of its own beside.

use super::Answer;
use super::held::is_held;

/// What one line made known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Heard {
    /// Part of what was printed, or nothing of interest.
    Part,
    /// Something has changed in the server: sessions or windows came or went.
    News,
    /// The client is being let go, or was given another session than its own: nobody's must count as attached.
    Exit,
}

/// The blocks of one client, and what has been printed in them since it was last taken.
#[derive(Debug, Default)]
pub(super) struct Blocks {
    /// The three numbers of the block that is open, and what was printed in it.
    open: Option<(String, String)>,
    answer: Answer,
}

/// Notices that say that there may be something to see.
const NEWS: [&str; 3] = ["%sessions-changed", "%session-renamed", "%unlinked-window-close"];

impl Blocks {
    /// Takes one line, with its newline.
    pub(super) fn take_line(&mut self, line: &str) -> Heard {
        let word = line.trim_end_matches('\n');
        if let Some((numbers, text)) = &mut self.open {
            let ends = |how: &str| word.strip_prefix(how).is_some_and(|rest| rest == numbers);
            let (end, error) = (ends("%end "), ends("%error "));
            if !end && !error {
                text.push_str(line);
                return Heard::Part;
            }
            let text = std::mem::take(text);
            self.open = None;
            let into = if end { &mut self.answer.out } else { &mut self.answer.err };
            into.push_str(&text);
            return Heard::Part;
        }
        if let Some(numbers) = word.strip_prefix("%begin ") {
            self.open = Some((numbers.to_owned(), String::new()));
            return Heard::Part;
        }
        let kind = word.split(' ').next().unwrap_or_default();
        let moved = || !word.splitn(3, ' ').nth(2).is_some_and(is_held);
        if kind == "%exit" || (kind == "%session-changed" && moved()) {
            return Heard::Exit;
        }
        if NEWS.contains(&kind) {
            return Heard::News;
        }
        // A script that cannot be parsed is complained of outside of all blocks.
        if let Some(complaint) = line.strip_prefix("%config-error ").or((!line.starts_with('%')).then_some(line)) {
            self.answer.err.push_str(complaint);
        }
        Heard::Part
    }

    /// How much has been printed since it was last taken, in bytes.
    pub(super) fn len(&self) -> usize {
        self.answer.out.len() + self.answer.err.len() + self.open.as_ref().map_or(0, |(_, text)| text.len())
    }

    /// What was printed up to a line that is `end`, once that has come and its block is closed.
    pub(super) fn take_answer(&mut self, end: &str) -> Option<Answer> {
        let out = self.answer.out.strip_suffix('\n')?.strip_suffix(end)?;
        if !(out.is_empty() || out.ends_with('\n')) {
            return None;
        }
        let kept = out.len();
        let mut answer = std::mem::take(&mut self.answer);
        answer.out.truncate(kept);
        answer.success = answer.err.is_empty();
        Some(answer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn after(text: &str) -> (Blocks, Vec<Heard>) {
        let mut blocks = Blocks::default();
        let heard = text.split_inclusive('\n').map(|line| blocks.take_line(line)).collect();
        (blocks, heard)
    }

    #[test]
    fn output_errors_and_notices_are_told_apart() {
        let (mut blocks, heard) = after(
            "%begin 1 2 1\n%end 1 2 1\n%sessions-changed\n%begin 1 3 1\na\n%end 1 2 1\n%exit\n%end 1 3 1\n\
             %begin 1 4 1\ncan't find x\n%error 1 4 1\nf:1: unknown command\n%begin 1 5 1\nN\n%end 1 5 1\n",
        );
        let answer = blocks.take_answer("N").unwrap();
        assert_eq!(answer.out, "a\n%end 1 2 1\n%exit\n");
        assert_eq!(answer.err, "can't find x\nf:1: unknown command\n");
        assert!(!answer.success);
        assert_eq!(heard.iter().filter(|h| **h == Heard::News).count(), 1);
        assert!(!heard.contains(&Heard::Exit), "what a screen shows lets nobody go");
        assert_eq!(blocks.len(), 0);
    }

    #[test]
    fn an_answer_is_whole_or_none() {
        let (mut blocks, _) = after("%begin 1 2 1\na\n%end 1 2 1\n%begin 1 3 1\nN\n");
        assert_eq!(blocks.take_answer("N"), None, "its block is open");
        blocks.take_line("%end 1 3 1\n");
        assert!(blocks.take_answer("N").is_some_and(|answer| answer.out == "a\n" && answer.success));
        for (session, heard) in [("_gtctl-t-1", Heard::Part), ("one", Heard::Exit)] {
            assert_eq!(after(&format!("%session-changed $1 {session}\n")).1, [heard]);
        }
        let (mut blocks, heard) = after("%begin 1 2 1\nxN\n%end 1 2 1\n%exit lost\n");
        assert_eq!(blocks.take_answer("N"), None, "another line that ends alike");
        assert_eq!(heard.last(), Some(&Heard::Exit));
    }
}
