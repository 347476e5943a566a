//! What a session was started with. A difference from the manifest can then be shown as old and
//! new.

use super::written::is_default;
use super::{Desired, Fingerprint};
use serde::{Deserialize, Serialize};

/// The fields of a fingerprint as text. Values of variables may be secrets, so only digests of them
/// are kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanWith {
    /// The fingerprint of the same fields.
    pub fingerprint: Fingerprint,
    /// The argv, cut to [`RanWith::MAX_TEXT`] characters in total.
    pub command: Vec<String>,
    /// The working directory, cut to the same length.
    pub dir: String,
    /// The variables of `env` in order, each with a digest of its value, and then those of
    /// `pass_env`. At most [`RanWith::MAX_NAMES`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: Vec<(String, u32)>,
    /// The paths of `env_file` with `, ` between them, cut to the same length.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env_file: Option<String>,
}

/// A field that differs between what runs and what is declared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another argv.
    Command {
        /// The argv that runs.
        old: Vec<String>,
        /// The argv that is declared.
        new: Vec<String>,
    },
    /// Another working directory.
    Dir {
        /// The directory that it runs in.
        old: String,
        /// The directory that is declared.
        new: String,
    },
    /// Other variables. Only their names are shown.
    Env {
        /// Declared, but not in what runs.
        added: Vec<String>,
        /// In what runs, but no longer declared.
        removed: Vec<String>,
        /// In both, with different values.
        changed: Vec<String>,
    },
    /// Other files of variables.
    EnvFile {
        /// The files that it was started with.
        old: Option<String>,
        /// The files that are declared.
        new: Option<String>,
    },
}

impl RanWith {
    /// The longest text of one field, in characters.
    pub const MAX_TEXT: usize = 1000;
    /// How many variables are compared.
    pub const MAX_NAMES: usize = 64;

    /// The fields that a session with this declaration starts with.
    #[must_use]
    pub fn of(desired: &Desired) -> Self {
        let mut chars_left = Self::MAX_TEXT;
        let mut command = Vec::new();
        for word in &desired.command {
            command.push(cut(word, chars_left));
            chars_left = chars_left.saturating_sub(word.chars().count() + 1);
            if chars_left == 0 {
                break;
            }
        }
        let declared = desired
            .env
            .iter()
            .map(|(name, value)| (name, digest(value)));
        let passed = desired.pass_env.iter().map(|name| (name, digest(PASSED)));
        let env = declared
            .chain(passed)
            .map(|(name, value)| (cut(name, Self::MAX_TEXT), value))
            .take(Self::MAX_NAMES);
        let files: Vec<_> = desired
            .env_files
            .iter()
            .map(|file| file.path.to_string_lossy())
            .collect();
        Self {
            fingerprint: desired.fingerprint(),
            command,
            dir: cut(&desired.dir.to_string_lossy(), Self::MAX_TEXT),
            env: env.collect(),
            env_file: (!files.is_empty()).then(|| cut(&files.join(", "), Self::MAX_TEXT)),
        }
    }

    /// The fields in which `new` differs, in a fixed order.
    #[must_use]
    pub fn changes(&self, new: &Self) -> Vec<Change> {
        let Self {
            fingerprint,
            command,
            dir,
            env,
            env_file,
        } = self;
        let mut changes = Vec::new();
        if fingerprint.command != new.fingerprint.command {
            changes.push(Change::Command {
                old: command.clone(),
                new: new.command.clone(),
            });
        }
        if fingerprint.dir != new.fingerprint.dir {
            changes.push(Change::Dir {
                old: dir.clone(),
                new: new.dir.clone(),
            });
        }
        if *env != new.env {
            changes.push(env_change(env, &new.env));
        }
        if *env_file != new.env_file {
            changes.push(Change::EnvFile {
                old: env_file.clone(),
                new: new.env_file.clone(),
            });
        }
        changes
    }
}

/// The difference between two lists of variables with digests of their values.
fn env_change(old: &[(String, u32)], new: &[(String, u32)]) -> Change {
    let value_in = |list: &[(String, u32)], wanted: &str| {
        let variable = list.iter().find(|(name, _)| name == wanted);
        variable.map(|(_, value)| *value)
    };
    let only_in = |list: &[(String, u32)], other: &[(String, u32)]| {
        let names = list.iter().map(|(name, _)| name);
        names
            .filter(|name| value_in(other, name).is_none())
            .cloned()
            .collect()
    };
    let is_changed = |(name, value): &&(String, u32)| {
        value_in(old, name).is_some_and(|old_value| old_value != *value)
    };
    let changed = new.iter().filter(is_changed);
    Change::Env {
        added: only_in(new, old),
        removed: only_in(old, new),
        changed: changed.map(|(name, _)| name.clone()).collect(),
    }
}

/// The text, cut to at most so many characters. A text that was cut ends in an ellipsis.
fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// What is digested in place of the value of a variable in `pass_env`. A new value of it does not
/// matter.
const PASSED: &str = "\0passed";

/// 32 bits of FNV-1a.
fn digest(text: &str) -> u32 {
    text.bytes().fold(0x811c_9dc5, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SessionName;
    use crate::sim::session;

    fn with(command: &[&str], env: &[(&str, &str)]) -> RanWith {
        let mut desired = session(SessionName::new("a").unwrap());
        desired.command = command.iter().map(|word| (*word).to_owned()).collect();
        desired.env = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        RanWith::of(&desired)
    }

    #[test]
    fn what_is_other_is_told_and_no_value_of_a_variable() {
        let old = with(&["sleep", "1"], &[("A", "1"), ("B", "secret"), ("C", "3")]);
        let new = with(&["sleep", "2"], &[("B", "other"), ("C", "3"), ("D", "4")]);
        let words = |list: &[&str]| {
            list.iter()
                .map(|word| (*word).to_owned())
                .collect::<Vec<_>>()
        };
        let expected = [
            Change::Command {
                old: words(&["sleep", "1"]),
                new: words(&["sleep", "2"]),
            },
            Change::Env {
                added: words(&["D"]),
                removed: words(&["A"]),
                changed: words(&["B"]),
            },
        ];
        assert_eq!(old.changes(&new), expected);
        assert_eq!(old.changes(&old), []);
        assert!(!format!("{old:?}").contains("secret"));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let long = "é".repeat(5000);
        let words = vec!["x"; 5000];
        for ran in [with(&[&long, "y"], &[]), with(&words, &[])] {
            let length: usize = ran.command.iter().map(|word| word.chars().count()).sum();
            assert!(length <= RanWith::MAX_TEXT, "{length}");
        }
        let names: Vec<String> = (0..500).map(|n| format!("N{n}")).collect();
        let env: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "")).collect();
        assert_eq!(with(&[], &env).env.len(), RanWith::MAX_NAMES);
    }
}
