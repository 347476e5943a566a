//! Questions to somebody at a terminal, each with an answer that Enter gives.

use super::exit::Trouble;
use std::io::{self, BufRead, IsTerminal, Write};

/// After so many wrong answers a question counts as not answered.
const PATIENCE: usize = 3;

/// Whether questions are asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Questions {
    /// Each question is asked.
    Ask,
    /// Each question gets the answer that Enter would give.
    Assume,
}

impl Questions {
    /// Asks if somebody is at the terminal.
    pub(super) fn to_terminal() -> Self {
        if io::stdin().is_terminal() && io::stderr().is_terminal() {
            Self::Ask
        } else {
            Self::Assume
        }
    }

    /// Asks a question until its answer is valid.
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

/// Whether somebody at a terminal can answer a question. A script is not asked.
pub(super) fn is_somebody_there() -> bool {
    io::stdin().is_terminal() && io::stdout().is_terminal()
}

/// Asks a yes-or-no question. Anything but a yes is a no.
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

/// One line, without its line end.
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
