//! The words after a verb: sessions, and the manifest where a word is a path.

use super::{TownArg, sessions};
use clap::Args;

/// Some sessions, and perhaps the manifest.
///
/// A word with `.` or `/` is a path to the manifest. No name of a session has either of them.
#[derive(Debug, Clone, Default, Args)]
pub(in super::super) struct Words {
    /// Only these sessions; a word such as town.toml names the manifest, as --file does
    #[arg(value_name = "SESSION", add = sessions())]
    words: Vec<String>,
}

impl Words {
    /// The manifest that they name, if any.
    pub(in super::super) fn town(&self) -> TownArg {
        let path = self.words.iter().find(|word| is_path(word));
        TownArg {
            town: path.map(Into::into),
        }
    }

    /// The sessions that they name.
    pub(in super::super) fn sessions(&self) -> Vec<&str> {
        let names = self.words.iter().filter(|word| !is_path(word));
        names.map(String::as_str).collect()
    }
}

/// Whether a word can only be a path.
pub(in super::super) fn is_path(word: &str) -> bool {
    word.contains(['.', '/'])
}

#[cfg(test)]
mod tests {
    use super::{Words, is_path};
    use crate::model::SessionName;

    #[test]
    fn a_path_is_the_manifest_and_every_other_word_is_a_session() {
        let words = Words {
            words: ["builder", "towns/a.toml", "web-1"]
                .map(str::to_owned)
                .into(),
        };
        assert_eq!(words.town().town, Some("towns/a.toml".into()));
        assert_eq!(words.sessions(), ["builder", "web-1"]);
        assert_eq!(Words::default().town().town, None);
    }

    #[test]
    fn no_name_of_a_session_is_a_path() {
        for name in ["builder", "web-1", "a_b", "9"] {
            assert!(SessionName::new(name).is_ok() && !is_path(name), "{name}");
        }
        for path in ["town.toml", "./town", "towns/a", "/etc/town"] {
            assert!(SessionName::new(path).is_err() && is_path(path), "{path}");
        }
    }
}
