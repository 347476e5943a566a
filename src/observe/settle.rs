//! Asks the server again about panes that ended without a status.

use super::life::Pane;
use super::locate_server::{self, Found};
use super::reap::reaped;
use crate::model::{Ownership, PaneId, Town};
use crate::proc::signal;
use crate::tmux::Client;
use crate::tmux::list::PaneRow;
use std::time::Duration;
use tokio::time::sleep;

/// The waits before each further question, about 50 ms in all. Mostly the server just needs a
/// moment.
const PAUSES: [Duration; 3] = [
    Duration::ZERO,
    Duration::from_millis(5),
    Duration::from_millis(45),
];

/// Lets the server find out how its lost panes ended, for all of them together.
///
/// Costs nothing if there are none. A pane that is still lost afterwards stays lost.
pub(super) async fn settle(client: &Client, town: &Town, found: Found) -> Result<Found, String> {
    let mut found = found;
    for pause in PAUSES {
        let lost = found
            .panes()
            .filter(|(row, pane)| **pane == Pane::Lost && matters(row, town));
        let (lost, pids): (Vec<PaneId>, Vec<u32>) =
            lost.map(|(row, _)| (row.pane, row.pid)).unzip();
        if lost.is_empty() {
            break;
        }
        signal::nudge_children(found.server);
        if !pause.is_zero() {
            sleep(pause).await;
        }
        reaped(found.server, pids, || ()).await;
        found = locate_server::again(client, found, &lost).await?;
    }
    Ok(found)
}

/// Whether the pane belongs to a session that concerns the town.
fn matters(row: &PaneRow, town: &Town) -> bool {
    match row.labels.ownership(&town.name) {
        Ownership::Ours(label) => label.pane == row.pane,
        Ownership::Unlabelled | Ownership::Unproved(_) => {
            town.sessions.contains_key(row.name.as_str())
        }
        Ownership::Foreign(_) => false,
    }
}
