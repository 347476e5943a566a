//! Lists only a few panes, when no others are known to have changed.

use super::{Attached, Client, Groups, ListFault, Listing, PaneRow, Read, nonce, read, row_format};
use crate::model::SortedMap;
use crate::model::{PaneId, SessionId};
use crate::tmux::script::quote;
use crate::tmux::tail::{Captured, Wanted};

/// Lists only these panes and their last lines. The time does not grow with the town.
///
/// The other rows are taken from `known`, except the number of attached clients. Returns `None` if
/// this does not suffice:
///
/// - a pane is missing, has moved, or is in several sessions;
/// - somebody is attached to a session in a group;
/// - another server answers.
///
/// # Errors
/// As [`list`](super::list).
pub async fn list_few(
    client: &Client,
    known: Listing,
    panes: &[PaneId],
) -> Result<Option<(Listing, Captured)>, ListFault> {
    let nonce = nonce();
    let places: Option<Vec<Place>> = panes.iter().map(|pane| place(&known, *pane)).collect();
    let Some(places) = places.filter(|places| !places.is_empty()) else {
        return Ok(None);
    };
    let script = super::script_of(&nonce, &lines(&nonce, &places))
        + &Wanted {
            tails: panes,
            screens: &[],
        }
        .script(&nonce);
    let answer = client.read_at_once(&script).await?;
    // Some versions print an empty row for a missing pane.
    let Ok(Read::Whole(read)) = read(&answer, &nonce, Groups::Apart) else {
        return Ok(None);
    };
    let listing = merged(known, &places, read.listing, &read.attached);
    tracing::debug!(
        panes = places.len(),
        ok = listing.is_some(),
        "display-message"
    );
    Ok(listing.map(|listing| (listing, read.captured)))
}

/// A pane in a session.
type Place = (SessionId, PaneId);

/// The session of a pane. `None` unless it is in exactly one.
fn place(listing: &Listing, pane: PaneId) -> Option<Place> {
    let mut rows = listing.rows.iter().filter(|row| row.pane == pane);
    let row = rows.next()?;
    rows.next().is_none().then_some((row.session, row.pane))
}

/// The lines that request these panes.
fn lines(nonce: &str, places: &[Place]) -> String {
    let format = row_format(nonce, Groups::Apart);
    let line = |(session, pane): &Place| {
        format!(
            "display-message -p -t {} '{format}'\n",
            quote(format!("{session}:.{pane}"))
        )
    };
    places.iter().map(line).collect()
}

/// The known listing with the new rows of these places. `None` if the rows do not match the places.
fn merged(known: Listing, places: &[Place], read: Listing, attached: &Attached) -> Option<Listing> {
    let listed = read.rows.iter().map(|row| (row.session, row.pane));
    if (read.server, &read.version) != (known.server, &known.version)
        || !listed.eq(places.iter().copied())
    {
        return None;
    }
    let mut fresh: SortedMap<Place, PaneRow> = places.iter().copied().zip(read.rows).collect();
    let row = |row: PaneRow| {
        let row = fresh.remove(&(row.session, row.pane)).unwrap_or(row);
        PaneRow {
            attached: attached.get(&row.session).copied().unwrap_or(0),
            ..row
        }
    };
    Some(Listing {
        rows: known.rows.into_iter().map(row).collect(),
        ..known
    })
}
