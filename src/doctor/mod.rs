//! Finds out what is wrong with a machine and its town, and what to type to fix it.
//!
//! Each file checks one thing, and gives [`Checked`] values: well, ailing or failing, with a message
//! and a fix.
//!
//! **Architecture invariant:** the doctor changes nothing. The one exception is a file that it
//! writes into the state directory and removes at once, to see whether it can. Every question to
//! another program has a deadline, so a program that hangs delays no other check.

mod agents;
mod ask;
mod gastown;
mod host;
mod install;
mod instructions;
mod limits;
mod masters;
mod reports;
mod server;
mod socket;
mod state;
mod tmux;
mod tokens;

pub use agents::AGENTS;

use crate::model::{Checked, Keeper, Socket, Town};
use crate::tmux::Client;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// So many sessions are named. The rest is counted.
const NAMED: usize = 3;

/// What to examine.
#[derive(Debug, Clone, Copy)]
pub struct Patient<'a> {
    /// The town. `None` without a readable manifest: then only the machine is checked.
    pub town: Option<&'a Town>,
    /// The manifest's path, as messages show it.
    pub file: &'a Path,
    /// The socket of the tmux server.
    pub socket: &'a Socket,
    /// A client for that server.
    pub client: &'a Client,
    /// The state directory. `None` if the environment does not say where it is.
    pub state: Option<&'a Path>,
    /// The controller that uses this state directory.
    pub keeper: &'a Keeper,
    /// Controllers of the same manifest with another state directory.
    pub others: &'a [(PathBuf, Keeper)],
    /// Whether a systemd user service is installed for the town.
    pub service: bool,
}

impl Patient<'_> {
    /// The number of sessions in the town.
    fn sessions(&self) -> u64 {
        self.town.map_or(0, |town| town.sessions.len() as u64)
    }
}

/// Runs all checks. It takes at most about half a minute, even if every program hangs.
pub async fn examine(patient: &Patient<'_>) -> Vec<Checked> {
    let (tmux, agents, gastown) = tokio::join!(
        with_server(patient),
        agents::check(patient),
        gastown::check(patient)
    );
    let mut checked = tmux;
    checked.push(state::check(patient));
    checked.extend(agents);
    checked.extend(instructions::check(patient));
    checked.extend(reports::check(patient));
    checked.extend(tokens::check(patient));
    checked.extend(gastown);
    checked.extend(masters::check(patient));
    checked.extend(limits::check(patient));
    checked.extend(host::check(patient));
    checked
}

/// The checks of the town's agents alone. They can take as long as [`examine`].
pub async fn agents_of(town: &Town) -> Vec<Checked> {
    agents::programs_of(town).await
}

/// The checks that need tmux. If tmux does not run, only the first says so.
async fn with_server(patient: &Patient<'_>) -> Vec<Checked> {
    let (tmux, tmux_runs) = tmux::check(patient).await;
    let mut checked = vec![tmux];
    checked.extend(socket::check(patient));
    if !tmux_runs {
        return checked;
    }
    let (server, rows) = server::check(patient).await;
    checked.push(server);
    if !rows.is_empty() {
        checked.extend(tmux::restored(patient).await);
    }
    checked.extend(masters::among(patient, &rows));
    checked.extend(masters::around_us(patient).await);
    checked
}

/// The value of `PATH`.
fn path() -> OsString {
    std::env::var_os("PATH").unwrap_or_default()
}

fn shown(path: &Path) -> String {
    path.display().to_string()
}

/// The first names, and how many more there are.
fn listed(names: &[&str]) -> String {
    let (first, rest) = names.split_at(names.len().min(NAMED));
    let first = first.join(", ");
    match rest.len() {
        0 => first,
        1 => format!("{first} and 1 more"),
        more => format!("{first} and {more} more"),
    }
}
