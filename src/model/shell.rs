//! Words that people paste into a shell.

/// A word as a shell reads it: single quotes stand around what is not plainly harmless.
///
/// A crate would put quotes around each `,`, `%` and `=`, too. The commands that gtctl prints are
/// to be read by people (docs/adr/0013).
///
/// ```
/// use gtctl::model::shell_word;
/// assert_eq!(shell_word("--model=x"), "--model=x");
/// assert_eq!(shell_word("it's"), r"'it'\''s'");
/// ```
#[must_use]
pub fn shell_word(word: &str) -> String {
    let is_harmless = |c: char| c.is_ascii_alphanumeric() || "-_./:=,+@%".contains(c);
    // zsh reads `=name` as the path of a program.
    let is_plain = !word.is_empty() && !word.starts_with('=') && word.chars().all(is_harmless);
    if is_plain {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', "'\\''"))
}
