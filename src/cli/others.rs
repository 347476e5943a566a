//! Those whom a controller informs besides its terminal: the state directory, the service manager,
//! the `[notify]` command and collectors of metrics.

use super::exit::Trouble;
use super::own::myself;
use super::place::Place;
use super::scene;
use super::sites::Sites;
use crate::controller::Cycle;
use crate::events::{TownEvent, What, counted, notification, notifications};
use crate::model::{
    Counts, Heartbeat, InForce, Keeper, Moment, News, Notify, Period, SessionName, Town,
};
use crate::notify::{Hook, Manager};
use crate::proc;
use crate::render::{Books, Colour, Paper, news as line, status};
use crate::store::StateDir;
use crate::web::Demand;
use serde_json::json;

/// All of them. Their failures are returned, for the terminal.
pub(super) struct Others<'a> {
    manager: &'a Manager,
    store: StateDir,
    beat: Heartbeat,
    /// Whether the notifications of former controllers were read.
    knows: bool,
    name: SessionName,
    notify: Option<Notify>,
    hook: Option<Hook>,
    sites: Sites,
}

impl<'a> Others<'a> {
    /// Says that the controller begins.
    ///
    /// `demand` counts who reads its page.
    pub(super) fn begin(
        place: &Place,
        manager: &'a Manager,
        demand: Demand,
    ) -> Result<Self, Trouble> {
        let store = StateDir::open(&place.state)?;
        let former = store.view().heartbeat();
        let now = proc::clock::now();
        let beat = Heartbeat {
            controller: myself(),
            file: place.file.absolute()?,
            began: now,
            cycled: now,
            took: Period::ZERO,
            resync: place.town.resync,
            trouble: None,
            manifest: InForce::OnDisk,
            counts: Counts::default(),
            announced: former
                .as_ref()
                .map(|beat| beat.announced.clone())
                .unwrap_or_default(),
        };
        let mut others = Self {
            manager,
            store,
            beat,
            knows: former.is_some(),
            name: place.town.name.clone(),
            notify: place.town.notify.clone(),
            hook: None,
            sites: Sites::new(&place.state, demand),
        };
        others.announce(others.about_me("the controller started"), now);
        Ok(others)
    }

    /// A cycle ran. Of `paper` only the clock is used.
    pub(super) fn cycle(&mut self, town: &Town, cycle: &Cycle, paper: &Paper) -> Vec<String> {
        let now = proc::clock::now();
        self.notify.clone_from(&town.notify);
        self.learn(town, cycle, now);
        let Cycle {
            now: _,
            observed,
            memory: _,
            plan,
            outcomes: _,
            events,
            scope: _,
            notices: _,
        } = cycle;
        let before = self.knows.then_some(&self.beat.announced);
        let (fresh, announced) = notifications(before, events, observed, plan);
        (self.beat.announced, self.knows) = (announced, true);
        self.hear(&fresh, now);
        let mut complaints = self.write_beat();
        let scene = scene::of_cycle(town, cycle);
        let Self {
            store, beat, sites, ..
        } = self;
        let books = || Books {
            idle_saved: store.view().idle_saved(),
            keeper: Keeper::Beating(Box::new(beat.clone())),
            ..Books::default()
        };
        complaints.extend(sites.show(&scene, books, paper, now));
        let plain = Paper {
            colour: Colour::Off,
            ..*paper
        };
        self.manager.alive(|| status::summary(&scene, &plain));
        complaints
    }

    /// A cycle could not run.
    pub(super) fn fault(&mut self, why: &str) -> Vec<String> {
        self.beat.cycled = proc::clock::now();
        self.beat.trouble = Some(why.to_owned());
        self.manager.troubled(why);
        self.write_beat()
    }

    /// The manifest on disk is in force.
    pub(super) fn reloaded(&mut self) {
        self.beat.manifest = InForce::OnDisk;
    }

    /// The manifest on disk is broken.
    pub(super) fn broken(&mut self, why: &str) {
        let now = proc::clock::now();
        let since = match &self.beat.manifest {
            InForce::OnDisk => {
                self.announce(What::ManifestBroken(why.to_owned()), now);
                now
            }
            InForce::LastGood { since, why: _ } => *since,
        };
        self.beat.manifest = InForce::LastGood {
            since,
            why: why.to_owned(),
        };
    }

    /// Says that the controller ends. Waits within bounds until the command was run for the last
    /// notifications.
    pub(super) async fn end(mut self, why: &str) -> Vec<String> {
        self.manager.stopping(why);
        let ended = self.about_me(&format!("the controller ended: {why}"));
        self.announce(ended, proc::clock::now());
        match self.hook {
            Some(hook) => hook.finish().await,
            None => Vec::new(),
        }
    }

    /// The failures of the command since the last call.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        self.hook.as_mut().map(Hook::complaints).unwrap_or_default()
    }

    fn about_me(&self, said: &str) -> What {
        let details = [
            ("pid", json!(self.beat.controller.pid)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ];
        What::ControllerIs {
            said: said.to_owned(),
            details: details.into(),
        }
    }

    /// Tells of what happened beside the cycles.
    fn announce(&mut self, what: What, at: Moment) {
        let news = notification(&TownEvent::of_town(at, what));
        self.hear(news.as_slice(), at);
    }

    fn learn(&mut self, town: &Town, cycle: &Cycle, now: Moment) {
        let took = now.since(&cycle.now);
        self.beat = Heartbeat {
            cycled: now,
            took,
            resync: town.resync,
            trouble: None,
            counts: counted(self.beat.counts, &cycle.events),
            ..self.beat.clone()
        };
    }

    /// Runs the command for the events that it asked for.
    fn hear(&mut self, news: &[News], at: Moment) {
        let Some(notify) = &self.notify else {
            self.hook = None;
            return;
        };
        if self
            .hook
            .as_ref()
            .is_some_and(|hook| !hook.runs(&notify.command))
        {
            self.hook = None;
        }
        for news in news.iter().filter(|news| notify.on.contains(&news.topic)) {
            let hook = self.hook.get_or_insert_with(|| Hook::new(&notify.command));
            hook.tell(line::line(&self.name, news, at));
        }
    }

    fn write_beat(&self) -> Vec<String> {
        // A manifest that does not answer is reported where the cycle could not run.
        if self.store.view().answers().is_err() {
            return Vec::new();
        }
        let written = self.store.beat(&self.beat);
        written
            .err()
            .map(|fault| Trouble::from(fault).message)
            .into_iter()
            .collect()
    }
}
