//! What `gtctl doctor` finds: a list of checks, each with its fix.

use super::shell_word;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What was checked, in one stable word such as `tmux` or `state`. Several findings may have
    /// the same word.
    pub check: &'static str,
    /// The result.
    pub verdict: Health,
    /// The result in words, not sanitised.
    pub said: String,
    /// What fixes it.
    pub fix: Option<Fix>,
}

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Well,
    /// A town runs with it, but not as well as it could, or it may break later.
    Ailing,
    /// A town does not run with it, or it causes damage.
    Failing,
}

impl Health {
    /// Its stable name.
    #[must_use]
    pub fn code(self) -> &'static str {
        match self {
            Self::Well => "ok",
            Self::Ailing => "warn",
            Self::Failing => "fail",
        }
    }
}

impl Checked {
    /// A finding that all is well.
    #[must_use]
    pub fn well(check: &'static str, said: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Health::Well,
            said: said.into(),
            fix: None,
        }
    }

    /// A finding that something could be better or may break later.
    #[must_use]
    pub fn ailing(check: &'static str, said: impl Into<String>, fix: Fix) -> Self {
        Self {
            check,
            verdict: Health::Ailing,
            said: said.into(),
            fix: Some(fix),
        }
    }

    /// A finding that something must be fixed.
    #[must_use]
    pub fn failing(check: &'static str, said: impl Into<String>, fix: Fix) -> Self {
        Self {
            check,
            verdict: Health::Failing,
            said: said.into(),
            fix: Some(fix),
        }
    }
}

/// A line to type into a shell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fix(String);

impl Fix {
    /// A command. Words are quoted if they need it.
    #[must_use]
    pub fn run<T: AsRef<str>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self(
            argv.into_iter()
                .map(|word| shell_word(word.as_ref()))
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// A line that is used as it is.
    #[must_use]
    pub fn line(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// The line that puts a folder first in PATH.
    #[must_use]
    pub fn path_first(folder: &str) -> Self {
        Self(format!("export PATH={}:\"$PATH\"", shell_word(folder)))
    }

    /// The line.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_they_must_be() {
        assert_eq!(
            Fix::run(["kill", "-9", "it's", "", "=a"]).as_str(),
            "kill -9 'it'\\''s' '' '=a'"
        );
        assert_eq!(
            Fix::path_first("/a b").as_str(),
            "export PATH='/a b':\"$PATH\""
        );
    }
}
