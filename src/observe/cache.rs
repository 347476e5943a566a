//! What the last look has listed, kept for the next one.

use super::locate_server::Found;
use super::reports::ReportCache;
use crate::tmux::list::Listing;
use std::sync::Arc;

/// What the last look at a server has listed.
///
/// Whoever looks again and again keeps one. By it a look asks only after the panes that have
/// changed, and reads `/proc` before tmux has answered. Whoever looks once passes
/// `LookCache::default()`, which is empty.
#[derive(Debug, Default)]
pub struct LookCache {
    last: Option<Listed>,
    pub(super) reports: ReportCache,
}

#[derive(Debug)]
struct Listed {
    listing: Arc<Listing>,
    /// Whether the listing still stands for all panes.
    is_current: bool,
}

/// What a look takes from the cache.
#[derive(Debug, Default)]
pub(super) struct Cached {
    /// The processes of the panes that lived at the last look.
    pub(super) panes: Vec<u32>,
    /// All panes, where the last look has asked after all of them and nothing was done since.
    pub(super) listing: Option<Arc<Listing>>,
}

impl LookCache {
    /// The processes of the panes that lived at the last look. Empty before the first look.
    #[must_use]
    pub fn panes(&self) -> Vec<u32> {
        let rows = self.last.iter().flat_map(|last| &last.listing.rows);
        rows.filter(|row| !row.dead).map(|row| row.pid).collect()
    }

    /// Something is about to be done to sessions: the next look asks after all panes.
    pub fn outdate(&mut self) {
        if let Some(last) = &mut self.last {
            last.is_current = false;
        }
    }

    /// Gives what a look may use. A look that fails leaves the cache outdated.
    pub(super) fn begin_look(&mut self) -> Cached {
        let current = self.last.as_ref().filter(|last| last.is_current);
        let cached = Cached {
            panes: self.panes(),
            listing: current.map(|last| Arc::clone(&last.listing)),
        };
        self.outdate();
        cached
    }

    /// Keeps what a look has listed.
    pub(super) fn keep(&mut self, found: &Found) {
        self.last = Some(Listed {
            listing: Arc::clone(&found.listing),
            is_current: found.few.is_none(),
        });
    }
}
