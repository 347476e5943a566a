//! What a controller prints at its terminal, and passes on to others.

use super::exit::Trouble;
use super::others::Others;
use super::output::Terminal;
use super::scene;
use crate::controller::{Cycle, CycleFault, WatchEvent};
use crate::model::{Done, Hold, Observed, Outcome, Scope, SessionName, Town, Verb};
use crate::render::words::obstacle;
use crate::render::{apply as page, json};
use std::collections::BTreeMap;

/// Prints each event once, and passes it on.
pub(super) struct Told<'a> {
    terminal: &'a Terminal,
    others: Others<'a>,
    lines: Vec<String>,
    announced: bool,
    /// The last printed failure of each session, until something else happens to it.
    failures: BTreeMap<(SessionName, Verb), String>,
}

impl<'a> Told<'a> {
    pub(super) fn new(others: Others<'a>, terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            others,
            lines: Vec::new(),
            announced: false,
            failures: BTreeMap::new(),
        }
    }

    /// Prints an event and passes it on.
    pub(super) fn tell(&mut self, event: &WatchEvent<'_>) {
        match event {
            WatchEvent::Cycle(town, cycle) => self.tell_cycle(town, cycle),
            WatchEvent::Fault(fault) => {
                // Printed by the thread that ends the process.
                let is_told = matches!(fault, CycleFault::Late(_));
                let mut news = if is_told {
                    Vec::new()
                } else {
                    vec![Trouble::chain(fault)]
                };
                news.extend(self.others.fault(&Trouble::chain(fault)));
                self.tell_once(news);
            }
            WatchEvent::Reloaded => {
                self.others.reloaded();
                self.terminal.note("the manifest was read again");
            }
            WatchEvent::Broken(why) => {
                self.others.broken(why);
                self.terminal
                    .warn(&format!("{why}; the last good manifest stays in use"));
            }
        }
        for complaint in self.others.complaints() {
            self.terminal.warn(&complaint);
        }
    }

    /// The last words.
    pub(super) async fn end(self, why: &str) {
        for complaint in self.others.end(why).await {
            self.terminal.warn(&complaint);
        }
    }

    fn tell_cycle(&mut self, town: &Town, cycle: &Cycle) {
        let paper = self.terminal.paper(cycle.now);
        let mut news = cycle.notices.clone();
        if let Observed::Unknown(why) = &cycle.observed {
            news.push(format!(
                "the state of the town is unknown, nothing is changed: {why}"
            ));
        }
        let lacking = cycle
            .plan
            .held
            .iter()
            .filter(|held| matches!(held.hold, Hold::CannotStart { .. }));
        news.extend(lacking.map(|held| format!("{} {}", held.session, obstacle(&held.hold))));
        news.extend(self.others.cycle(town, cycle, &paper));
        if cycle.scope == Scope::Town {
            self.tell_once(news);
        } else {
            // A look at some sessions says nothing about the others.
            let before = std::mem::take(&mut self.lines);
            let fresh: Vec<String> = news
                .into_iter()
                .filter(|line| !before.contains(line))
                .collect();
            self.tell_once(fresh);
            self.lines.extend(before);
        }
        if self.terminal.is_json() {
            if !cycle.outcomes.is_empty() || !std::mem::replace(&mut self.announced, true) {
                let scene = scene::of_cycle(town, cycle);
                let line = serde_json::to_string(&json::apply(&scene, &cycle.outcomes))
                    .unwrap_or_default();
                self.terminal.mention(&format!("{line}\n"));
            }
            return;
        }
        let fresh: Vec<Done> = cycle
            .outcomes
            .iter()
            .filter(|done| self.is_news(done))
            .cloned()
            .collect();
        self.terminal
            .mention(&page::outcomes(town, &cycle.memory, &fresh, &paper));
        if !self.announced {
            self.announced = true;
            let scene = scene::of_cycle(town, cycle);
            self.terminal
                .mention(&page::summary(&cycle.outcomes, &scene, &paper));
        }
    }

    /// Whether this is another failure than the last one of the same restart or stop.
    fn is_news(&mut self, done: &Done) -> bool {
        let key = (done.session.clone(), done.verb);
        match (&done.outcome, done.verb) {
            (Outcome::Failed(why), Verb::Restart | Verb::Expire) => {
                self.failures.insert(key, why.clone()).as_ref() != Some(why)
            }
            (
                Outcome::Failed(_) | Outcome::Done(_) | Outcome::Stale(_) | Outcome::Unknown(_),
                _,
            ) => {
                self.failures.remove(&key);
                true
            }
        }
    }

    /// Prints the notices that are new since the last cycle.
    fn tell_once(&mut self, news: Vec<String>) {
        for line in news.iter().filter(|line| !self.lines.contains(line)) {
            self.terminal.warn(line);
        }
        self.lines = news;
    }
}
