//! The flags of verbs that look at a town and change nothing.

use super::change::OrderArgs;
use super::select::Select;
use super::words::Words;
use super::{TownArg, sessions};
use crate::model::Period;
use clap::Args;
use std::path::PathBuf;

/// Flags of `diff`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Diff {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
    #[command(flatten)]
    pub(in crate::cli) orders: OrderArgs,
    /// Save the plan, for `apply --plan`
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) out: Option<PathBuf>,
}

/// Flags of `status`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Status {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
    #[command(flatten)]
    pub(in crate::cli) select: Select,
    /// Refresh until stopped: at a terminal as `gtctl top`, else once for each change
    #[arg(short, long)]
    pub(in crate::cli) watch: bool,
}

/// Flags of `top`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Top {
    #[command(flatten)]
    pub(in crate::cli) words: Words,
}

/// One session.
#[derive(Debug, Args)]
pub(in crate::cli) struct Session {
    /// The session
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
}

/// Flags of `explain`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Explain {
    /// The session
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
    /// Show what every rule says and every setting with its origin, too
    #[arg(long)]
    pub(in crate::cli) all: bool,
}

/// Flags of `events`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Events {
    /// Only events of these sessions
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) sessions: Vec<String>,
    /// Only events of this session; may be given several times
    #[arg(long = "session", value_name = "NAME", add = sessions())]
    pub(in crate::cli) named: Vec<String>,
    /// Only events since then: how long ago (2h), a time (2026-11-29T18:00:00Z), or a local time
    /// (18:00, "2026-11-29 18:00")
    #[arg(long, value_name = "WHEN")]
    pub(in crate::cli) since: Option<String>,
    /// Keep printing new events
    #[arg(short = 'F', long)]
    pub(in crate::cli) follow: bool,
    /// How many of the last events to print first [default: 50, or all with --since]
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "N")]
    pub(in crate::cli) last: Option<usize>,
}

/// Flags of `logs`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Logs {
    /// The session
    #[arg(value_name = "SESSION", add = sessions())]
    pub(in crate::cli) session: String,
    /// Keep printing new output, also after restarts
    #[arg(long, short = 'F', conflicts_with = "previous")]
    pub(in crate::cli) follow: bool,
    /// Print the previous run
    #[arg(long)]
    pub(in crate::cli) previous: bool,
    /// Only output since then: how long ago (2h), a time, or a local time (18:00); to 10 seconds
    #[arg(long, value_name = "WHEN", conflicts_with = "last")]
    pub(in crate::cli) since: Option<String>,
    /// How many of the last lines to print first
    #[arg(short = 'n', long, visible_alias = "tail", value_name = "N")]
    pub(in crate::cli) last: Option<usize>,
    /// Print every byte unchanged; refused on a terminal
    #[arg(long)]
    pub(in crate::cli) raw: bool,
}

/// Flags of `forecast`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Forecast {
    #[command(flatten)]
    pub(in crate::cli) town: TownArg,
    /// How far to look ahead
    #[arg(long = "for", value_name = "DURATION", default_value = "24h")]
    pub(in crate::cli) horizon: Period,
    /// Assume that agents at work are idle after so long; else they go on working
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) idle_after: Option<Period>,
}

/// Flags of `record`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Record {
    /// Only this much of it, to the hour
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) since: Option<Period>,
    /// Write it into this new file, for `replay`
    #[arg(long, value_name = "FILE")]
    pub(in crate::cli) export: Option<PathBuf>,
}

/// Flags of `replay`.
#[derive(Debug, Args)]
pub(in crate::cli) struct Replay {
    /// The record: a folder, or a file that `record --export` has written
    #[arg(value_name = "RECORD")]
    pub(in crate::cli) record: PathBuf,
    /// The manifest [default: --file]
    #[arg(value_name = "TOWN")]
    pub(in crate::cli) town: Option<PathBuf>,
    /// Only this much of the record
    #[arg(long, value_name = "DURATION")]
    pub(in crate::cli) since: Option<Period>,
}
