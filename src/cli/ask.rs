//! Questions to somebody at a terminal, each with an answer that Enter gives.

use super::exit::Trouble;
use std::io::{self, BufRead, IsTerminal, Write};

/// So many wrong answers to one question are taken as no answer.
const PATIENCE: usize = 3;

/// Whether anybody is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Questions {
    /// Each question is put.
    Ask,
    /// The answer that Enter gives is taken.
    Assume,
}

impl Questions {
    /// Asks where there is somebody to be asked.
    pub(super) fn to_terminal() -> Self {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            Self::Ask
        } else {
            Self::Assume
        }
    }

    /// Puts a question until its answer passes.
    pub(super) fn ask<T>(
        self,
        question: &str,
        usual: &str,
        judge: impl Fn(&str) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        if self == Self::Assume {
            return judge(usual);
        }
        let mut last = Trouble::new("no answer");
        for _ in 0..PATIENCE {
            let answer = line(&format!("{question} [{usual}]: "))?;
            let answer = if answer.is_empty() { usual } else { &answer };
            match judge(answer) {
                Ok(answer) => return Ok(answer),
                Err(wrong) => {
                    let help = wrong
                        .help
                        .as_deref()
                        .map_or_else(String::new, |help| format!(" ({help})"));
                    let _ = writeln!(io::stderr(), "  {}{help}", wrong.message);
                    last = wrong;
                }
            }
        }
        Err(last)
    }
}

/// Puts a question that is answered by yes or no; anything else is a no, and so is no answer.
pub(super) fn consents(question: &str) -> Result<bool, Trouble> {
    let mut err = io::stderr();
    let _ = write!(err, "{question} [y/N] ").and_then(|()| err.flush());
    let mut answer = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut answer)
        .map_err(|e| Trouble::new("no answer").because(&e))?;
    if read == 0 {
        let _ = writeln!(err);
    }
    Ok(matches!(answer.trim().to_lowercase().as_str(), "y" | "yes"))
}

/// One line, without its end.
fn line(prompt: &str) -> Result<String, Trouble> {
    let mut err = io::stderr();
    let _ = err.write_all(prompt.as_bytes()).and_then(|()| err.flush());
    let mut text = String::new();
    let read = io::stdin()
        .lock()
        .read_line(&mut text)
        .map_err(|e| Trouble::new("no answer").because(&e))?;
    if read == 0 {
        let _ = writeln!(err);
        return Err(Trouble::new("no answer, so nothing was written").help("--yes asks nothing"));
    }
    Ok(text.trim().to_owned())
}
