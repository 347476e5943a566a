//! What can be typed for the verbs that begin with.

use crate::cli::complete;
use clap::Args;
use clap_complete::engine::ArgValueCandidates;
use std::path::PathBuf;

/// Flags of `init`.
#[derive(Debug, Args)]
pub(in super::super) struct Init {
    /// A folder for town.toml, or the file itself if it ends in .toml [default: town.toml here]
    #[arg(value_name = "DIR|FILE")]
    pub(in super::super) place: Option<PathBuf>,
    /// The town's name [default: that of its folder]
    #[arg(long, value_name = "NAME")]
    pub(in super::super) name: Option<String>,
    /// What runs in the sessions: claude, kimigas, kimi, kimi-code, codex, gemini, opencode, aider
    /// or shell [default: the first that is on PATH]
    #[arg(long, value_name = "AGENT", add = agents())]
    pub(in super::super) agent: Option<String>,
    /// The root of a Gas Town, or "none" [default: looked for here and above, by `GT_ROOT`, and at
    /// ~/gt]
    #[arg(long, value_name = "DIR")]
    pub(in super::super) root: Option<PathBuf>,
    /// A rig of the Gas Town; can be repeated [default: all that it has]
    #[arg(long = "rig", value_name = "RIG")]
    pub(in super::super) rigs: Vec<String>,
    /// How many worker sessions (in a Gas Town: per rig), or the name of one; can be repeated
    /// [default: 1; in a Gas Town its present crew]
    #[arg(long, value_name = "N|NAME")]
    pub(in super::super) crew: Vec<String>,
    /// Ask nothing
    #[arg(short, long)]
    pub(in super::super) yes: bool,
    /// Overwrite an existing file
    #[arg(long)]
    pub(in super::super) force: bool,
    /// Write only a watcher's instructions, to this file
    #[arg(long, value_name = "FILE", conflicts_with_all = ["place", "name", "agent", "root", "rigs", "crew"])]
    pub(in super::super) watcher: Option<PathBuf>,
}

fn agents() -> ArgValueCandidates {
    ArgValueCandidates::new(complete::agents)
}

/// Flags of `doctor`.
#[derive(Debug, Args)]
pub(in super::super) struct Doctor {
    #[command(flatten)]
    pub(in super::super) town: super::TownArg,
}
