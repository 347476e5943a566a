//! What a session was started with, so that a difference from the manifest can be shown as old and
//! new.

use super::written::is_default;
use super::{Desired, Fingerprint};
use serde::{Deserialize, Serialize};

/// The fields of a fingerprint in words. Values of variables are not kept, only whether they are
/// others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RanWith {
    /// Of what.
    pub fingerprint: Fingerprint,
    /// The argv, cut at [`RanWith::MAX_TEXT`] characters in all.
    pub command: Vec<String>,
    /// The working directory, cut likewise.
    pub dir: String,
    /// The variables of `env` in order, each with a digest of its value, then those of `pass_env`;
    /// at most [`RanWith::MAX_NAMES`].
    #[serde(default, skip_serializing_if = "is_default")]
    pub env: Vec<(String, u32)>,
    /// The path of `env_file`, cut likewise.
    #[serde(default, skip_serializing_if = "is_default")]
    pub env_file: Option<String>,
}

/// A field that was declared otherwise than it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Another argv.
    Command {
        /// What runs.
        old: Vec<String>,
        /// What is declared.
        new: Vec<String>,
    },
    /// Another working directory.
    Dir {
        /// Where it runs.
        old: String,
        /// Where it is declared to.
        new: String,
    },
    /// Other variables, by their names.
    Env {
        /// Declared, and not there.
        added: Vec<String>,
        /// There, and no longer declared.
        removed: Vec<String>,
        /// There with another value.
        changed: Vec<String>,
    },
    /// Another file of variables.
    EnvFile {
        /// The one it was started with.
        old: Option<String>,
        /// The one that is declared.
        new: Option<String>,
    },
}

impl RanWith {
    /// The longest text kept of one field, in characters.
    pub const MAX_TEXT: usize = 1000;
    /// Variables that are told apart.
    pub const MAX_NAMES: usize = 64;

    /// What a session declared like this is started with.
    #[must_use]
    pub fn of(desired: &Desired) -> Self {
        let mut left = Self::MAX_TEXT;
        let mut command = Vec::new();
        for word in &desired.command {
            let kept = cut(word, left);
            left = left.saturating_sub(word.chars().count() + 1);
            command.push(kept);
            if left == 0 {
                break;
            }
        }
        let value = |(name, value): (&String, &String)| (cut(name, Self::MAX_TEXT), digest(value));
        let passed = |name: &String| (cut(name, Self::MAX_TEXT), digest(PASSED));
        let names = desired
            .env
            .iter()
            .map(value)
            .chain(desired.pass_env.iter().map(passed));
        let path = |path: &std::path::PathBuf| cut(&path.to_string_lossy(), Self::MAX_TEXT);
        Self {
            fingerprint: desired.fingerprint(),
            command,
            dir: path(&desired.dir),
            env: names.take(Self::MAX_NAMES).collect(),
            env_file: desired.env_file.as_ref().map(path),
        }
    }

    /// What is other in `new`, in the order of the fields.
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
            let value_in = |list: &[(String, u32)], name: &str| {
                list.iter().find(|(n, _)| n == name).map(|(_, v)| *v)
            };
            let lacking = |from: &[(String, u32)], list: &[(String, u32)]| {
                let names = from
                    .iter()
                    .filter(|(name, _)| value_in(list, name).is_none());
                names.map(|(name, _)| name.clone()).collect::<Vec<_>>()
            };
            let differs = |(name, value): &&(String, u32)| {
                value_in(env, name).is_some_and(|old| old != *value)
            };
            let others = new
                .env
                .iter()
                .filter(differs)
                .map(|(name, _)| name.clone())
                .collect();
            changes.push(Change::Env {
                added: lacking(&new.env, env),
                removed: lacking(env, &new.env),
                changed: others,
            });
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

fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    text.chars()
        .take(limit.saturating_sub(1))
        .chain(['…'])
        .collect()
}

/// Stands for the value of a variable in `pass_env`.
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
