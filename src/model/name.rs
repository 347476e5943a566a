//! Session names that tmux does not change and that mean nothing else in its commands.

use super::written::written_as_text;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a tmux session: `[A-Za-z0-9][A-Za-z0-9_-]{0,63}`.
///
/// tmux allows more. But it rewrites `:` and `.` to `_` (before 3.8), runs `#(...)` in a shell, and
/// reads `$1`, `@1` and `%1` as ids. A `SessionName` cannot contain any of these.
///
/// Clones are cheap, because they share the text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionName(Arc<str>);

/// Why a text is not a [`SessionName`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NameFault {
    /// The text is empty.
    #[error("a session name cannot be empty")]
    Empty,
    /// The text is longer than [`SessionName::MAX_LEN`] bytes.
    #[error("a session name has at most {} characters", SessionName::MAX_LEN)]
    TooLong,
    /// The text begins with something other than a letter or a digit.
    #[error("a session name begins with a letter or a digit")]
    BadStart,
    /// The text has a character that tmux would change, run or read as an id.
    #[error("a session name has only letters, digits, `_` and `-`")]
    BadCharacter(char),
}

impl SessionName {
    /// The longest name, in bytes.
    pub const MAX_LEN: usize = 64;

    /// Parses a name.
    ///
    /// # Errors
    /// Returns the first [`NameFault`], from the left.
    pub fn new(text: &str) -> Result<Self, NameFault> {
        let first = text.chars().next().ok_or(NameFault::Empty)?;
        if !first.is_ascii_alphanumeric() {
            return Err(NameFault::BadStart);
        }
        if let Some(bad) = text
            .chars()
            .find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '_' | '-')))
        {
            return Err(NameFault::BadCharacter(bad));
        }
        if text.len() > Self::MAX_LEN {
            return Err(NameFault::TooLong);
        }
        Ok(Self(text.into()))
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for SessionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl FromStr for SessionName {
    type Err = NameFault;

    fn from_str(text: &str) -> Result<Self, NameFault> {
        Self::new(text)
    }
}

written_as_text!(SessionName, "the name of a session");

impl AsRef<str> for SessionName {
    fn as_ref(&self) -> &str {
        &self.0
    }
}

impl std::borrow::Borrow<str> for SessionName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_tmux_keeps_and_refuses_the_rest() {
        assert!(SessionName::new("gt-shop-crew-10").is_ok());
        assert_eq!(SessionName::new(""), Err(NameFault::Empty));
        assert_eq!(SessionName::new("$1"), Err(NameFault::BadStart));
        assert_eq!(SessionName::new("-x"), Err(NameFault::BadStart));
        assert_eq!(SessionName::new("a:b"), Err(NameFault::BadCharacter(':')));
        assert_eq!(SessionName::new("a.b"), Err(NameFault::BadCharacter('.')));
        assert_eq!(
            SessionName::new("a#(id)"),
            Err(NameFault::BadCharacter('#'))
        );
        assert_eq!(SessionName::new("a\nb"), Err(NameFault::BadCharacter('\n')));
        assert_eq!(SessionName::new(&"a".repeat(65)), Err(NameFault::TooLong));
        assert!(SessionName::new(&"a".repeat(64)).is_ok());
    }
}
