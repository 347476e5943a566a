//! One command of a chore. Whatever it has left running when it ends, or when its time is over, is
//! ended with it: also what has left its tree, by the tag in its environment.

use crate::jobs::Cancel;
use crate::model::environment::Inherit;
use crate::model::{Period, SessionName};
use crate::proc::child::{self, Bound, Child, Leftovers, Ran, Spec, Stream, words};
use crate::proc::env_tag;
use std::path::Path;

/// What is kept of what it prints, and of its errors. One that prints more than 16 MiB is ended.
const KEPT: Stream = Stream::Kept(Bound {
    head: 256 << 10,
    tail: 768 << 10,
    flood: 16 << 20,
});

/// A command to be run.
#[derive(Debug)]
pub(super) struct Run<'a> {
    /// Program and arguments.
    pub(super) argv: &'a [String],
    /// Where.
    pub(super) dir: &'a Path,
    /// What it reads on its standard input.
    pub(super) input: &'a str,
    /// For which town.
    pub(super) town: &'a SessionName,
    /// What tags what it starts as this chore's.
    pub(super) tag: &'a str,
    /// How long it may take.
    pub(super) timeout: Period,
}

/// Runs a command to its end, of whatever kind. `cancel` ends it early.
pub(super) async fn run(run: &Run<'_>, cancel: &mut Cancel) -> Ran {
    // A run whose controller was killed may still be at work: two at a time are never meant.
    child::end_tagged(run.tag).await;
    let town = (env_tag::TOWN.to_owned(), run.town.as_str().into());
    let spec = Spec {
        argv: words(run.argv),
        dir: run.dir,
        inherit: Inherit::Most,
        variables: [town].into(),
        input: run.input,
        out: KEPT,
        err: KEPT,
        limit: run.timeout.to_std(),
        leftovers: Leftovers::EndTagged(run.tag.to_owned()),
    };
    let cancelled = async {
        let _ = cancel.await;
    };
    match Child::start(&spec) {
        Ok(child) => child.ended_or(cancelled).await,
        Err(fault) => child::not_started(&spec, fault),
    }
}
