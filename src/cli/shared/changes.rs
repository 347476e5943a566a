//! `gtctl diff` in a town whose hosts share a store: how this manifest differs from the store's,
//! what would move, and what each host is about to do.

use super::manifest::differences;
use super::{host_file, store, unreachable};
use crate::cli::args::Global;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::etcd::Freshness;
use crate::model::fleet::PROTOCOL;
use crate::model::{FleetKey, Period, Revision};
use crate::place::{Absences, Placing, place as decide};
use crate::proc;
use crate::render::fleet::store as page;

/// Prints what would happen, and does nothing. Exits with 0 where nothing would.
pub(in crate::cli) async fn diff(
    place: &Place,
    global: &Global,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let Some(fleet) = &place.town.hosts.fleet else {
        return Ok(Exit::Done);
    };
    let store = store(&place.town, &host_file(global)?)?;
    let view = store.view().await.map_err(unreachable)?;
    let key = store.keys.text(&FleetKey::Manifest);
    let there = store.client.get(&key, Freshness::Quorum).await;
    let there = there.map_err(unreachable)?;
    let text = &place.texts.town;
    let manifest = match &there {
        None => page::ManifestDiff::Missing,
        Some(there) if there.text() == *text => page::ManifestDiff::Same,
        Some(there) => page::ManifestDiff::Other {
            revision: there.written,
            lines: differences(&there.text(), text),
        },
    };
    let absences = Absences::default().seen(&view, proc::clock::boot_time());
    let leader = view.leader.as_ref().map(|leader| leader.created);
    let verdicts = decide(&Placing {
        view: &view,
        sessions: &fleet.sessions,
        absences: &absences,
        // The leader knows for how long a host was lost. Here it has just been seen.
        lock_delay: Period::ZERO,
        protocol: PROTOCOL,
        leader: leader.unwrap_or(Revision(0)),
        rebalance: false,
        now: proc::clock::now(),
    });
    let changes = page::StoreChanges {
        town: &place.town.name,
        view: &view,
        manifest,
        verdicts: &verdicts,
    };
    if terminal.is_json() {
        terminal.print_json(&changes.page().json());
    } else {
        terminal.print(&changes.text());
    }
    Ok(if changes.is_empty() {
        Exit::Done
    } else {
        Exit::Pending
    })
}
