//! This gtctl was built without the client of a store.

use super::args::Global;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use crate::controller::Controller;
use crate::model::Town;
use std::path::Path;

pub(super) use verbs::{apply, by_hand, diff, down, hosts, nudge, status};

/// Refuses a town whose hosts share a store.
pub(super) fn join(
    place: &Place,
    _global: &Global,
    _controller: &mut Controller,
) -> Result<Joined, Trouble> {
    if place.town.hosts.fleet.is_none() {
        return Ok(Joined);
    }
    Err(
        Trouble::new("the town has a [store], but this gtctl was built without the feature `etcd`")
            .help("cargo install gtctl --features etcd")
            .exits(Exit::Usage),
    )
}

/// The town as it is.
pub(super) fn with_placed(town: Town, _global: &Global, _state: &Path) -> Town {
    town
}

fn without() -> Trouble {
    Trouble::new("this gtctl was built without the feature `etcd`").exits(Exit::Usage)
}

mod verbs {
    use super::{Exit, Global, Place, Terminal, Trouble, without};
    use crate::cli::args::{Apply, Down, HostsVerb, Nudge, Sessions, Status};
    use crate::model::Request;

    pub(in crate::cli) async fn hosts(
        _place: &Place,
        _global: &Global,
        _verb: Option<&HostsVerb>,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn status(
        _place: &Place,
        _global: &Global,
        _args: &Status,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn diff(
        _place: &Place,
        _global: &Global,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn by_hand(
        _place: &Place,
        _global: &Global,
        _args: &Sessions,
        _request: Request,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn down(
        _place: &Place,
        _global: &Global,
        _args: &Down,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn nudge(
        _place: &Place,
        _global: &Global,
        _args: &Nudge,
        _text: &str,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }

    pub(in crate::cli) async fn apply(
        _place: &Place,
        _global: &Global,
        _args: &Apply,
        _terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Err(without())
    }
}

/// A controller's way to a manifest in a store. There is none.
pub(super) struct Joined;

impl Joined {
    /// Takes nothing.
    pub(super) fn take(&mut self, _terminal: &Terminal) {
        let Self = self;
    }

    /// Notes nothing.
    pub(super) fn acts_by(&self, _revision: &str) {
        let Self = self;
    }
}
