//! What can be typed for `hosts`.

use clap::{Args, Subcommand};

/// What can be done with the hosts of a town.
#[derive(Debug, Args)]
pub(in super::super) struct Hosts {
    #[command(subcommand)]
    pub(in super::super) verb: Option<HostsVerb>,
}

/// The verbs of `hosts`. Without one the hosts are listed.
#[derive(Debug, Subcommand)]
pub(in super::super) enum HostsVerb {
    /// List the hosts: whether each can be reached, its gtctl, its manifest, its sessions and agents
    List,
    /// Print what to do on a host before it can be part of the town
    Setup(SetUp),
    /// Write this manifest to hosts, also over one that was edited there
    Push(Push),
    /// Have the sessions of a host leave it, in a town with a store
    ///
    /// Each is stopped there, then started on another host. It takes no new ones.
    Drain(OfFleet),
    /// Let a drained host take sessions again
    Uncordon(OfFleet),
    /// Say that a host is off for good: also what does not move by itself starts elsewhere
    Lost(Lost),
    /// Spread the sessions evenly over the hosts
    Rebalance,
    /// What this host says of itself to other hosts
    #[command(hide = true)]
    Itself,
    /// Take a manifest from another host, on standard input
    #[command(hide = true)]
    Receive(Receive),
}

/// One host.
#[derive(Debug, Args)]
pub(in super::super) struct SetUp {
    /// The host
    #[arg(value_name = "HOST")]
    pub(in super::super) host: String,
}

/// A host of a town with a store.
#[derive(Debug, Args)]
pub(in super::super) struct OfFleet {
    /// The host
    #[arg(value_name = "HOST")]
    pub(in super::super) host: String,
}

/// A host that is off.
#[derive(Debug, Args)]
pub(in super::super) struct Lost {
    /// The host
    #[arg(value_name = "HOST")]
    pub(in super::super) host: String,
    /// It is really off: nothing runs there any more
    #[arg(long)]
    pub(in super::super) confirm: bool,
}

/// Some hosts.
#[derive(Debug, Args)]
pub(in super::super) struct Push {
    /// The hosts
    #[arg(value_name = "HOST", required = true)]
    pub(in super::super) hosts: Vec<String>,
}

/// A manifest that is sent.
#[derive(Debug, Args)]
pub(in super::super) struct Receive {
    /// The revision that it may replace; without it, only a missing manifest
    #[arg(long, value_name = "REVISION")]
    pub(in super::super) replaces: Option<String>,
    /// Replace any revision
    #[arg(long)]
    pub(in super::super) force: bool,
}
