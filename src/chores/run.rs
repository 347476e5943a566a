//! Runs one command of a chore. When it ends, or when its time is over, all processes that it has
//! started end, too. Those outside of its tree are known by the tag in their environment.

use crate::jobs::Cancel;
use crate::model::environment::Inherit;
use crate::model::{Period, SessionName};
use crate::proc::child::{self, Bound, Child, Leftovers, Ran, Spec, Stream, words};
use crate::proc::env_tag;
use std::path::Path;

/// The part of its output and of its errors that is kept. A command that prints more than 16 MiB is
/// ended.
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
    /// The directory to run in.
    pub(super) dir: &'a Path,
    /// What it reads on its standard input.
    pub(super) input: &'a str,
    /// The town of the chore.
    pub(super) town: &'a SessionName,
    /// The tag of all processes that it starts.
    pub(super) tag: &'a str,
    /// How long it may take.
    pub(super) timeout: Period,
}

/// Runs a command until it ends by itself, fails, or its time is over. `cancel` ends it early.
pub(super) async fn run(run: &Run<'_>, cancel: &mut Cancel) -> Ran {
    // A run of a killed controller may still be at work. There must never be two at a time.
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
