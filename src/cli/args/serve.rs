//! What can be typed for `serve`.

use super::TownArg;
use crate::model::WebAddress;
use clap::Args;
use std::path::PathBuf;

/// Flags of `serve`.
#[derive(Debug, Args)]
pub(in super::super) struct Serve {
    #[command(flatten)]
    pub(in super::super) town: TownArg,
    /// Where to listen: an address of this host, or `unix:/PATH`
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:7433", value_parser = address)]
    pub(in super::super) listen: WebAddress,
    /// Readers need the token in this file; without the file gtctl makes one. Another address than
    /// those of this host needs it
    #[arg(long, value_name = "FILE")]
    pub(in super::super) token_file: Option<PathBuf>,
    /// Another name under which readers open this host; may be repeated
    #[arg(long = "host", value_name = "NAME")]
    pub(in super::super) hosts: Vec<String>,
    /// Also show what is on the screens of agents
    #[arg(long)]
    pub(in super::super) show_panes: bool,
    /// Let readers start, stop, restart, reset and nudge sessions
    #[arg(long)]
    pub(in super::super) allow_actions: bool,
}

fn address(text: &str) -> Result<WebAddress, String> {
    WebAddress::parse(text)
        .ok_or_else(|| "write an address such as 127.0.0.1:7433, or unix:/PATH".to_owned())
}
