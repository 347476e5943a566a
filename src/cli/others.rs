//! Those whom a controller informs besides its terminal: the state directory, the service manager,
//! the `[notify]` command and collectors of metrics.

use super::exit::Trouble;
use super::place::{Place, myself};
use super::scene;
use crate::controller::Cycle;
use crate::memory::{self, Happened};
use crate::model::{
    Counts, Done, Effect, Evidence, Heartbeat, InForce, Keeper, Moment, News, Notify, Outcome,
    Period, Reason, SessionName, Town, Verb,
};
use crate::notify::{Hook, Manager, Offer};
use crate::proc;
use crate::render::{Books, Colour, Paper, metrics, news as line, status};
use crate::store::StateDir;
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
    offer: Offer,
}

impl<'a> Others<'a> {
    /// Says that the controller begins.
    pub(super) fn begin(place: &Place, manager: &'a Manager) -> Result<Self, Trouble> {
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
            offer: Offer::default(),
        };
        let began = memory::news::controller("the controller started", others.about_me());
        others.hear(&[began], now);
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
            memory,
            plan,
            outcomes,
            scope: _,
            notices: _,
        } = cycle;
        let before = self.knows.then_some(&self.beat.announced);
        let (fresh, announced) = memory::news(
            before,
            &Happened {
                observed,
                memory,
                plan,
                outcomes,
            },
        );
        (self.beat.announced, self.knows) = (announced, true);
        self.hear(&fresh, now);
        let mut complaints = self.write_beat();
        let scene = scene::of_cycle(town, cycle);
        let books = || Books {
            idle_saved: self.store.view().idle_saved(),
            keeper: Keeper::Beating(Box::new(self.beat.clone())),
            ..Books::default()
        };
        complaints.extend(
            self.offer
                .publish(
                    town.metrics.as_ref(),
                    || metrics::page(&scene, &books()),
                    now,
                )
                .err(),
        );
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
                self.hear(&[memory::news::manifest_broken(why)], now);
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
        let ended =
            memory::news::controller(&format!("the controller ended: {why}"), self.about_me());
        self.hear(&[ended], proc::clock::now());
        match self.hook {
            Some(hook) => hook.finish().await,
            None => Vec::new(),
        }
    }

    /// The failures of the command since the last call.
    pub(super) fn complaints(&mut self) -> Vec<String> {
        self.hook.as_mut().map(Hook::complaints).unwrap_or_default()
    }

    fn about_me(&self) -> Evidence {
        [
            ("pid", json!(self.beat.controller.pid)),
            ("version", json!(env!("CARGO_PKG_VERSION"))),
        ]
        .into()
    }

    fn learn(&mut self, town: &Town, cycle: &Cycle, now: Moment) {
        let Counts {
            cycles,
            starts,
            crashes,
            expired,
            failures,
        } = self.beat.counts;
        let count = |is_it: &dyn Fn(&Done) -> bool| {
            cycle.outcomes.iter().filter(|done| is_it(done)).count() as u64
        };
        let is_start = |done: &Done| matches!(done.outcome, Outcome::Done(Effect::Started { .. }));
        let is_crash = |done: &Done| {
            let step = cycle
                .plan
                .steps
                .iter()
                .find(|step| step.session == done.session);
            is_start(done)
                && matches!(
                    step.map(|step| &step.reason),
                    Some(Reason::Died { crashes: 1.., .. })
                )
        };
        let is_expiry = |done: &Done| {
            done.verb == Verb::Expire && matches!(done.outcome, Outcome::Done(Effect::Removed))
        };
        let counts = Counts {
            cycles: cycles + 1,
            starts: starts + count(&is_start),
            crashes: crashes + count(&is_crash),
            expired: expired + count(&is_expiry),
            failures: failures + count(&|done| matches!(done.outcome, Outcome::Failed(_))),
        };
        let took = now.since(&cycle.now);
        self.beat = Heartbeat {
            cycled: now,
            took,
            resync: town.resync,
            trouble: None,
            counts,
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
