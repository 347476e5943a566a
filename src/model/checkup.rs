//! What a look at a machine and its town finds: a list of checks, each with its remedy.

use super::shell_word;

/// One thing that was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// What, in one stable word such as `tmux` or `state`. Several findings may have the same.
    pub check: &'static str,
    /// How it was found.
    pub verdict: Health,
    /// The same for people; unsanitised.
    pub said: String,
    /// What mends it.
    pub fix: Option<Fix>,
}

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Health {
    /// As it should be.
    Well,
    /// A town runs with it, but not as well as it could; or it may not for long.
    Ailing,
    /// A town does not run with it, or harms itself.
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
    /// It is as it should be.
    #[must_use]
    pub fn well(check: &'static str, said: impl Into<String>) -> Self {
        Self {
            check,
            verdict: Health::Well,
            said: said.into(),
            fix: None,
        }
    }

    /// It could be better, or may not last.
    #[must_use]
    pub fn ailing(check: &'static str, said: impl Into<String>, fix: Fix) -> Self {
        Self {
            check,
            verdict: Health::Ailing,
            said: said.into(),
            fix: Some(fix),
        }
    }

    /// It is in the way.
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
    /// This command, each word quoted where it must be.
    #[must_use]
    pub fn run<T: AsRef<str>>(argv: impl IntoIterator<Item = T>) -> Self {
        Self(
            argv.into_iter()
                .map(|word| shell_word(word.as_ref()))
                .collect::<Vec<_>>()
                .join(" "),
        )
    }

    /// A line as it is.
    #[must_use]
    pub fn line(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    /// This folder before all others on PATH.
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
