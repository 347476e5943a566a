//! What can be typed for the verbs that fit gtctl into its host.

use clap::{Args, Subcommand};
use std::path::PathBuf;

/// Flags of `schema`.
#[derive(Debug, Args)]
pub(in super::super) struct Schema {
    /// Which schema: "town", "proposals" (what an analysis may answer) or a verb with JSON output
    #[arg(default_value = "town")]
    pub(in super::super) name: String,
}

/// What can be done about a service.
#[derive(Debug, Subcommand)]
pub(in super::super) enum Service {
    /// Write the service file and print the commands to type next
    ///
    /// The file is a systemd user unit, or a launchd agent on macOS. The service manager starts the
    /// controller at boot or login, and restarts it when it exits or hangs. The sessions keep
    /// running when the service stops. gtctl does not overwrite a file that you have edited.
    Install(Install),
    /// Stop the service and remove its file; the sessions keep running
    ///
    /// gtctl does not remove a file that you have edited.
    Uninstall(Uninstall),
}

/// Flags of `service uninstall`.
#[derive(Debug, Args)]
pub(in super::super) struct Uninstall {
    #[command(flatten)]
    pub(in super::super) town: super::TownArg,
    /// Remove the file even if it was edited
    #[arg(long)]
    pub(in super::super) force: bool,
    /// Remove a launchd agent, on any system
    #[arg(long)]
    pub(in super::super) launchd: bool,
}

/// Flags of `service install`.
#[derive(Debug, Args)]
pub(in super::super) struct Install {
    #[command(flatten)]
    pub(in super::super) town: super::TownArg,
    /// Print the file instead of writing it
    #[arg(long)]
    pub(in super::super) print: bool,
    /// Overwrite the file even if it was edited
    #[arg(long)]
    pub(in super::super) force: bool,
    /// Write a launchd agent, on any system
    #[arg(long)]
    pub(in super::super) launchd: bool,
}

/// Flags of `completions`.
#[derive(Debug, Args)]
pub(in super::super) struct Completions {
    /// For which shell
    #[arg(value_name = "SHELL")]
    pub(in super::super) shell: clap_complete::Shell,
}

/// Flags of `man`.
#[derive(Debug, Args)]
pub(in super::super) struct Man {
    /// The verb to print the page of
    #[arg(value_name = "VERB")]
    pub(in super::super) verb: Option<String>,
}

/// Flags of `sink`.
#[derive(Debug, Args)]
pub(in super::super) struct Sink {
    /// The session's folder of logs, absolute
    #[arg(long, value_name = "DIR")]
    pub(in super::super) log_dir: PathBuf,
    /// Which life this is
    #[arg(long)]
    pub(in super::super) generation: u64,
    /// Bytes per file
    #[arg(long, default_value = "10MiB", value_parser = crate::cli::sink::size)]
    pub(in super::super) size: u64,
    /// Files in all
    #[arg(long, default_value_t = 5)]
    pub(in super::super) files: u32,
}

/// What the guard does.
#[derive(Debug, Subcommand)]
pub(in super::super) enum GuardVerb {
    /// Guard the sessions of a town
    Keep {
        /// The town's name
        #[arg(value_name = "NAME")]
        town: String,
    },
    /// Become a command, if the guard lets it begin
    Enter {
        /// The command
        #[arg(last = true, value_name = "COMMAND")]
        command: Vec<String>,
    },
}
