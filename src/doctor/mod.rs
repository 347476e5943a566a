//! What is wrong with a machine and its town, and what mends it: a list of checks, each with a
//! verdict and a remedy.
//!
//! **Architecture invariant:** nothing is changed but a file that is written to the state directory
//! and removed at once, to see whether that can be done. Every question to another program has a
//! deadline, so that none of them holds up the rest.

mod agents;
mod ask;
mod gastown;
mod host;
mod install;
mod instructions;
mod limits;
mod masters;
mod server;
mod socket;
mod state;
mod tmux;

pub use agents::AGENTS;

use crate::model::{Checked, Keeper, Socket, Town};
use crate::tmux::Client;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What is to be examined.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The town; none without a manifest that can be read: then only the machine is looked at.
    pub town: Option<&'a Town>,
    /// The manifest's path, as it is to be shown.
    pub file: &'a Path,
    /// The tmux server.
    pub socket: &'a Socket,
    /// The way to it.
    pub client: &'a Client,
    /// The state directory; none where nothing says where it is.
    pub state: Option<&'a Path>,
    /// Who keeps the town of that directory.
    pub keeper: &'a Keeper,
    /// Who else keeps a town by the same manifest, with their state directories.
    pub others: &'a [(PathBuf, Keeper)],
    /// Whether a service of the user's own is installed for the town.
    pub service: bool,
}

impl Patient<'_> {
    /// How many sessions the town has.
    fn sessions(&self) -> u64 {
        self.town.map_or(0, |town| town.sessions.len() as u64)
    }
}

/// Checks everything. Takes at most some deadlines: half a minute where all hangs.
pub async fn examine(patient: &Patient<'_>) -> Vec<Checked> {
    let (tmux, agents, gastown) = tokio::join!(
        with_server(patient),
        agents::check(patient),
        gastown::check(patient)
    );
    let mut found = tmux;
    found.push(state::check(patient));
    found.extend(agents);
    found.extend(instructions::check(patient));
    found.extend(gastown);
    found.extend(masters::check(patient));
    found.extend(limits::check(patient));
    found.extend(host::check(patient));
    found
}

/// What needs tmux; where that does not run, it is said once.
async fn with_server(patient: &Patient<'_>) -> Vec<Checked> {
    let (tmux, runs) = tmux::check(patient).await;
    let mut found = vec![tmux];
    found.extend(socket::check(patient));
    if !runs {
        return found;
    }
    let (server, rows) = server::check(patient).await;
    found.push(server);
    if !rows.is_empty() {
        found.extend(tmux::restored(patient).await);
    }
    found.extend(masters::among(patient, &rows));
    found.extend(masters::around_us(patient).await);
    found
}

/// The search path of this process.
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}
