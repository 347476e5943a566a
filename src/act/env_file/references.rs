//! `${NAME}` and `${NAME:-text}` in a value: other variables that the user has declared.

use super::{EnvFileFault, MAX_BYTES};
use crate::model::SortedMap;
use crate::tmux::ops::is_variable;

/// The variables that the lines so far have set, and what a reference can name.
///
/// gtctl's own environment is not in it: a file means the same wherever gtctl runs.
pub(in crate::act) struct Variables<'a> {
    /// The session's `env`. It wins over the files, so a reference gets its value.
    declared: &'a SortedMap<String, String>,
    found: SortedMap<String, String>,
    /// How many bytes references may still add. Without this bound a few lines that name each
    /// other twice could fill the memory.
    left: usize,
}

impl<'a> Variables<'a> {
    /// No variable of a file yet.
    pub(in crate::act) fn new(declared: &'a SortedMap<String, String>) -> Self {
        Self {
            declared,
            found: SortedMap::new(),
            left: usize::try_from(MAX_BYTES).unwrap_or(usize::MAX),
        }
    }

    /// The variables of all files. The last line of a name has won.
    pub(in crate::act) fn into_found(self) -> SortedMap<String, String> {
        self.found
    }

    pub(super) fn set(&mut self, name: &str, value: String) {
        self.found.insert(name.to_owned(), value);
    }

    /// What the reference at the beginning of `text` stands for, and the text after it.
    ///
    /// `text` begins after the `${`, on line `number`. The default is taken if the variable is not
    /// set or empty. No reference can stand in a default.
    pub(super) fn take<'t>(
        &mut self,
        text: &'t str,
        number: usize,
    ) -> Result<(String, &'t str), EnvFileFault> {
        let (inside, rest) = text
            .split_once('}')
            .filter(|(inside, _)| !inside.contains(['\n', '"']) && !inside.contains("${"))
            .ok_or(EnvFileFault::BadReference(number))?;
        let (name, default) = match inside.split_once(":-") {
            Some((name, default)) => (name, Some(default)),
            None => (inside, None),
        };
        if !is_variable(name) {
            return Err(EnvFileFault::BadReference(number));
        }
        let set = self.declared.get(name).or_else(|| self.found.get(name));
        let value = match (set.map(String::as_str), default) {
            (None | Some(""), Some(default)) => default,
            (Some(value), _) => value,
            (None, None) => return Err(EnvFileFault::NotSet(number)),
        };
        self.left = self
            .left
            .checked_sub(value.len())
            .ok_or(EnvFileFault::TooMuch(number))?;
        Ok((value.to_owned(), rest))
    }
}
