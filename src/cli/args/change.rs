//! The flags of verbs that change a town.

use super::select::Select;
use super::words::Words;
use super::{TownArg, select, sessions};
use crate::model::{Period, Request};
use clap::Args;
use std::path::PathBuf;

/// Orders beyond the manifest.
#[derive(Debug, Args)]
pub(in crate::cli) struct OrderArgs {
    /// Expire sessions of this town that are no longer declared
    #[arg(long)]
    pub(in crate::cli) prune: bool,
    /// Continue even if this ends much of the town at once
    #[arg(long)]
    pub(in crate::cli) allow_mass: bool,
}

/// How long a verb waits for what it has begun.
#[derive(Debug, Args)]
pub(in crate::cli) struct Waiting {
    /// Do not wait until it is done
    #[arg(long)]
    pub(in crate::cli) no_wait: bool,
    /// How long to wait in total [default: until there is no progress for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) timeout: Option<Period>,
}

/// Flags of `apply`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Apply {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
    #[command(flatten)]
    pub(in crate::cli) orders: OrderArgs,
    /// Carry out a plan saved by `diff --out`; refused when the town has changed since
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) plan: Option<PathBuf>,
    /// Restart much of the town without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// Also carry out what analyses propose, except what `diff` shows as refused
    #[arg(long)]
    pub(in crate::cli) accept: bool,
    #[command(flatten)]
    pub(in crate::cli) waiting: Waiting,
}

/// Flags of `reconcile`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Reconcile {
    #[command(flatten)]
    pub(in crate::cli) town: TownArg,
    #[command(flatten)]
    pub(in crate::cli) orders: OrderArgs,
    /// Keep the town as declared until stopped
    #[arg(short, long)]
    pub(in crate::cli) watch: bool,
}

/// Some sessions.
#[derive(Debug, Args)]
pub(in crate::cli) struct Sessions {
    /// The sessions
    #[arg(value_name = "SESSION", required_unless_present_any = select::FLAGS, add = sessions())]
    pub(in crate::cli) named: Vec<String>,
    #[command(flatten)]
    pub(in crate::cli) select: Select,
    /// Stop or restart several sessions that the flags choose without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) waiting: Waiting,
}

/// Flags of `down`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Down {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
    #[command(flatten)]
    pub(in crate::cli) select: Select,
    /// Stop them without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    #[command(flatten)]
    pub(in crate::cli) waiting: Waiting,
}

/// Flags of `restart`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Restart {
    #[command(flatten)]
    pub(in crate::cli) sessions: Sessions,
    /// Resume the conversation, whatever `resume` says in the manifest
    #[arg(long, conflicts_with = "fresh")]
    pub(in crate::cli) resume: bool,
    /// Begin a new conversation, whatever `resume` says in the manifest
    #[arg(long)]
    pub(in crate::cli) fresh: bool,
}

impl Restart {
    /// What is asked for.
    pub(in crate::cli) fn request(&self) -> Request {
        if self.resume {
            Request::RestartResuming
        } else if self.fresh {
            Request::RestartFresh
        } else {
            Request::Restart
        }
    }
}

/// Flags of `expire`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Expire {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
    #[command(flatten)]
    pub(in crate::cli) orders: OrderArgs,
    /// How long to wait in total [default: until there is no progress for 2m]
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) timeout: Option<Period>,
}

/// A session to adopt.
#[derive(Debug, Args)]
pub(in crate::cli) struct Adopt {
    /// The session
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
    /// Replace an idle shell that has the session's name
    #[arg(long)]
    pub(in crate::cli) replace: bool,
    #[command(flatten)]
    pub(in crate::cli) waiting: Waiting,
}

/// Flags of `move-server`.
#[derive(Debug, Args)]
pub(in crate::cli) struct MoveServer {
    #[command(flatten)]
    pub(in crate::cli) town: TownArg,
    /// Stop the sessions there without asking
    #[arg(short, long)]
    pub(in crate::cli) yes: bool,
    /// How long the sessions may take to stop
    #[arg(long, value_name = "DURATION", default_value = "2m")]
    pub(in crate::cli) timeout: Period,
}
