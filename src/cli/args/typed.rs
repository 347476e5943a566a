//! Parses a command line with those verbs alone that are typed.

use super::{Cli, Global};
use clap::error::ErrorKind;
use clap::{Args, Command, CommandFactory, FromArgMatches, Parser};
use std::ffi::OsString;

impl Cli {
    /// Parses a command line.
    ///
    /// clap copies the flags of [`Global`] into each verb that it knows, which takes longer than
    /// many verbs take. So at first it knows only the verbs that stand among the words.
    ///
    /// # Errors
    /// The error or the help that clap has, with all verbs in it.
    pub(in super::super) fn of(words: &[OsString]) -> Result<Self, clap::Error> {
        let matches = Self::with_verbs_among(words).try_get_matches_from(words);
        match matches.and_then(|matches| Self::from_arg_matches(&matches)) {
            Ok(cli) => Ok(cli),
            Err(version) if version.kind() == ErrorKind::DisplayVersion => Err(version),
            Err(_) => Self::try_parse_from(words),
        }
    }

    /// What can be typed, with only those verbs that stand among the words.
    fn with_verbs_among(words: &[OsString]) -> Command {
        let is_typed = |verb: &&Command| {
            let mut names = verb.get_all_aliases().chain([verb.get_name()]);
            names.any(|name| words.iter().any(|word| word == name))
        };
        let all = Self::command();
        let root = Command::new("gtctl")
            .version(env!("CARGO_PKG_VERSION"))
            .propagate_version(true);
        Global::augment_args(root).subcommands(all.get_subcommands().filter(is_typed).cloned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What these words mean, or what is printed instead.
    fn shown(parsed: Result<Cli, clap::Error>) -> String {
        match parsed {
            Ok(cli) => format!("{cli:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn with_the_typed_verbs_alone_all_words_mean_the_same() {
        for line in [
            "gtctl",
            "gtctl status",
            "gtctl ls -o json",
            "gtctl up town.toml",
            "gtctl -f status diff --prune",
            "gtctl logs status -F",
            "gtctl -v chore run nightly --trust",
            "gtctl hosts push a b",
            "gtctl config show a -o toml",
            "gtctl help logs",
            "gtctl logs --help",
            "gtctl -h",
            "gtctl --version",
            "gtctl status -V",
            "gtctl stauts",
            "gtctl nightly status",
            "gtctl status --prune",
            "gtctl hosts",
            "gtctl chore",
        ] {
            let words: Vec<OsString> = line.split(' ').map(OsString::from).collect();
            let by_all = shown(Cli::try_parse_from(&words));
            assert_eq!(shown(Cli::of(&words)), by_all, "{line}");
        }
    }
}
