//! The flags of a verb, built when the verb is typed.
//!
//! To build the flags of all verbs takes longer than most verbs take. So each verb has its name and
//! its description from the start, and its flags only once somebody types or asks for the verb.

use super::examples;
use clap::builder::{Resettable, StyledStr};
use clap::error::Error;
use clap::{ArgMatches, Args, Command, FromArgMatches};
use std::ops::Deref;

/// Flags that clap builds late. It reads like the flags themselves.
#[derive(Debug)]
pub(in super::super) struct Deferred<T>(T);

impl<T> Deref for Deferred<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T: Args> Args for Deferred<T> {
    fn augment_args(verb: Command) -> Command {
        verb.defer(with_flags::<T>)
    }

    fn augment_args_for_update(verb: Command) -> Command {
        Self::augment_args(verb)
    }
}

/// The verb with its flags. It keeps its own description: a struct of flags has one, too.
fn with_flags<T: Args>(verb: Command) -> Command {
    let about = Resettable::from(verb.get_about().cloned());
    let long_about = Resettable::from(verb.get_long_about().cloned());
    let examples: Option<StyledStr> = examples::of(verb.get_name()).map(Into::into);
    T::augment_args(verb)
        .about(about)
        .long_about(long_about)
        .after_help(Resettable::from(examples))
}

impl<T: FromArgMatches> FromArgMatches for Deferred<T> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches(matches).map(Self)
    }

    fn from_arg_matches_mut(matches: &mut ArgMatches) -> Result<Self, Error> {
        T::from_arg_matches_mut(matches).map(Self)
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        self.0.update_from_arg_matches(matches)
    }
}

#[cfg(test)]
mod tests {
    use super::super::Cli;
    use clap::CommandFactory;

    #[test]
    fn a_verb_keeps_its_description_when_its_flags_are_built() {
        let mut built = Cli::command();
        built.build();
        built.clone().debug_assert();
        for verb in Cli::command().get_subcommands() {
            let name = verb.get_name();
            let with_flags = built.find_subcommand(name).unwrap();
            assert_eq!(with_flags.get_about(), verb.get_about(), "{name}");
            assert_eq!(with_flags.get_long_about(), verb.get_long_about(), "{name}");
            let is_deferred = !["chore", "service", "help"].contains(&name);
            assert!(
                !is_deferred || verb.get_arguments().next().is_none(),
                "{name}"
            );
        }
    }
}
