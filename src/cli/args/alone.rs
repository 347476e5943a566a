//! One verb alone, for those that are run over and over.
//!
//! To build all verbs with all their flags takes longer than what most of them do. A command line
//! that this cannot read, be it wrong or one that asks for help, is read again with all of them:
//! only they tell of faults.

use super::{
    Apply, Cli, Diff, Events, Expire, Global, Logs, Nudge, Reconcile, Session, Sink, Status,
    TownArg,
};
use clap::{Args, Command, FromArgMatches};
use std::ffi::OsString;

/// A verb's name, and what adds its flags.
type Alone = (&'static str, fn(Command) -> Command);

/// The verbs that can be read alone.
const VERBS: [Alone; 12] = [
    ("apply", Apply::augment_args),
    ("diff", Diff::augment_args),
    ("reconcile", Reconcile::augment_args),
    ("status", Status::augment_args),
    ("explain", Session::augment_args),
    ("expire", Expire::augment_args),
    ("nudge", Nudge::augment_args),
    ("events", Events::augment_args),
    ("logs", Logs::augment_args),
    ("verify", TownArg::augment_args),
    ("metrics", TownArg::augment_args),
    ("sink", Sink::augment_args),
];

/// What was typed, as [`clap::Parser::try_parse_from`] has it; nothing where that has to be asked.
///
/// The verb is the first word that could be one. If it is not, because it is a flag's value,
/// another word is left over that this knows no verb for.
pub(in super::super) fn parse(words: &[OsString]) -> Option<Cli> {
    let known = |word: &OsString| VERBS.iter().find(|(name, _)| word == name);
    let (name, augment) = words.iter().skip(1).find_map(known)?;
    let command = Global::augment_args(Command::new("gtctl").subcommand_required(true));
    let command = command.subcommand(augment(Command::new(*name)));
    Cli::from_arg_matches_mut(&mut command.try_get_matches_from(words).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    fn words(line: &str) -> Vec<OsString> {
        ["gtctl"]
            .into_iter()
            .chain(line.split_whitespace())
            .map(OsString::from)
            .collect()
    }

    #[test]
    fn what_is_read_is_what_all_verbs_together_would_read() {
        let mut read = 0;
        let tails = [
            "",
            "x",
            "x y",
            "x y z",
            "town.toml",
            "diff",
            "status apply",
            "-- -x",
            "--prune",
            "--watch",
            "-f a -f b",
            "--out p -o json",
            "--no-wait --timeout 3s",
            "--timeout soon",
            "--log-dir /l --generation 3",
            "--help",
            "-h",
            "--version",
            "--verb",
            "-vv",
            "-q",
        ];
        for (verb, _) in VERBS {
            for head in [
                "",
                "-f town.toml",
                "-f status",
                "-vv --color never",
                "-q",
                "-o",
                "--socket=apply",
                "diff",
                "x",
            ] {
                for tail in tails {
                    let words = words(&format!("{head} {verb} {tail}"));
                    let Some(alone) = parse(&words) else { continue };
                    let whole = Cli::try_parse_from(&words).unwrap();
                    assert_eq!(format!("{alone:?}"), format!("{whole:?}"), "{words:?}");
                    read += 1;
                }
            }
            assert!(parse(&words(&format!("help {verb}"))).is_none());
        }
        assert!(read > 300, "{read}");
    }

    #[test]
    fn a_verb_may_be_the_value_of_a_flag() {
        assert!(parse(&words("-f status diff")).is_none());
        assert!(parse(&words("-f diff diff")).is_some());
        assert!(parse(&words("--file=status diff")).is_some());
        assert!(parse(&words("init diff")).is_none());
    }
}
