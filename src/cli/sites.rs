//! Where a controller is read: its page, and metrics at a port or in a file.

use super::board::{Board, Ledger};
use super::exit::Trouble;
use super::place::logs_of;
use super::token;
use crate::model::{Metrics, Moment, Town, WebAddress};
use crate::notify::MetricsFile;
use crate::render::web::{ICON, May, SCRIPT, STYLE, sign_in};
use crate::render::{Books, Colour, Detail, Paper, Scene, metrics};
use crate::store::View;
use crate::web::{Demand, Guard, Offer, Served, Site, Snapshot, bind, content_policy};
use std::path::Path;

/// All of them.
pub(super) struct Sites {
    /// Who reads the page.
    demand: Demand,
    view: View,
    ledger: Ledger,
    page: Option<Page>,
    metrics: Option<Site>,
    file: MetricsFile,
}

/// The page of the controller: it only shows.
struct Page {
    site: Site,
    /// As the manifest has it.
    place: WebAddress,
    csrf: String,
}

impl Sites {
    /// Of a town with this state directory. `demand` wakes the controller.
    pub(super) fn new(state: &Path, demand: Demand) -> Self {
        Self {
            demand,
            view: View::of(state),
            ledger: Ledger::new(state),
            page: None,
            metrics: None,
            file: MetricsFile::default(),
        }
    }

    /// Shows what a cycle has seen, where somebody reads it. `books` need no logs. Returns
    /// complaints.
    pub(super) fn show(
        &mut self,
        scene: &Scene<'_>,
        books: impl Fn() -> Books,
        paper: &Paper,
        now: Moment,
    ) -> Vec<String> {
        let page = self.show_page(scene, &books, paper).err();
        let metrics = self.show_metrics(scene.town, || metrics::page(scene, &books()), now);
        page.map(|trouble| trouble.message)
            .into_iter()
            .chain(metrics.err())
            .collect()
    }

    fn show_page(
        &mut self,
        scene: &Scene<'_>,
        books: &impl Fn() -> Books,
        paper: &Paper,
    ) -> Result<(), Trouble> {
        let wanted = scene.town.web.as_ref();
        if self.page.as_ref().map(|page| &page.place) != wanted {
            // The former place is free before the next is taken.
            self.page = None;
            self.page = wanted.map(|place| self.open(place)).transpose()?;
        }
        let Some(page) = self.page.as_ref().filter(|_| self.demand.is_there()) else {
            return Ok(());
        };
        let paper = Paper {
            colour: Colour::Off,
            detail: Detail::Short,
            ..*paper
        };
        let books = Books {
            logs: logs_of(&self.view, scene.memory),
            ..books()
        };
        self.ledger.read_on(scene.now);
        let board = Board {
            scene,
            books: &books,
            ledger: &self.ledger,
            paper: &paper,
            may: May::default(),
            csrf: &page.csrf,
        };
        page.site.show(board.snapshot());
        Ok(())
    }

    fn open(&self, place: &WebAddress) -> Result<Page, Trouble> {
        let guard = Guard::new(&[], None, &token::random()?);
        let csrf = guard.csrf().text().to_owned();
        let served = Served {
            guard,
            policy: content_policy(STYLE, SCRIPT),
            sign_in: sign_in(),
            icon: ICON,
            panes: None,
            actions: None,
        };
        let door =
            bind(place).map_err(|e| Trouble::new(format!("no page: {}", Trouble::chain(&e))))?;
        let site = Site::open(door, Offer::Whole(Box::new(served)), self.demand.clone())
            .map_err(|e| Trouble::new("no page").because(&e))?;
        Ok(Page {
            site,
            place: place.clone(),
            csrf,
        })
    }

    /// A port that is wanted no more is closed.
    fn show_metrics(
        &mut self,
        town: &Town,
        page: impl FnOnce() -> String,
        now: Moment,
    ) -> Result<(), String> {
        let address = match &town.metrics {
            Some(Metrics::Listen(address)) => WebAddress::Tcp(*address),
            Some(Metrics::File(path)) => {
                self.metrics = None;
                return self.file.publish(path, page, now);
            }
            None => {
                self.metrics = None;
                return Ok(());
            }
        };
        // The page has metrics, too.
        if town.web.as_ref() == Some(&address) {
            self.metrics = None;
            return Ok(());
        }
        if self.metrics.as_ref().map(Site::place) != Some(&address) {
            self.metrics = None;
            self.metrics = Some(open_metrics(&address)?);
        }
        if let Some(site) = &self.metrics {
            site.show(Snapshot {
                metrics: page(),
                ..Snapshot::default()
            });
        }
        Ok(())
    }
}

fn open_metrics(address: &WebAddress) -> Result<Site, String> {
    let cannot = |why: String| format!("metrics cannot be offered at {address}: {why}");
    let door = bind(address).map_err(|e| cannot(Trouble::chain(&e)))?;
    Site::open(door, Offer::Metrics, Demand::default()).map_err(|e| cannot(e.to_string()))
}
