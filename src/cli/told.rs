//! What a controller prints at its terminal, and passes on to others.

use super::exit::Trouble;
use super::others::Others;
use super::output::Terminal;
use super::scene;
use crate::controller::{Cycle, CycleFault, WatchEvent};
use crate::events::journal;
use crate::model::{Observed, Scope, Town};
use crate::proc;
use crate::render::events::EventLines;
use crate::render::{apply as page, json};

/// Prints each event once, and passes it on.
pub(super) struct Told<'a> {
    terminal: &'a Terminal,
    others: Others<'a>,
    lines: Vec<String>,
    announced: bool,
    /// The lines of events, and the day that they have come to.
    page: EventLines,
}

impl<'a> Told<'a> {
    pub(super) fn new(others: Others<'a>, terminal: &'a Terminal) -> Self {
        Self {
            terminal,
            others,
            lines: Vec::new(),
            announced: false,
            page: terminal.event_lines(proc::clock::now()),
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
        self.print_events(cycle);
        if !self.announced {
            self.announced = true;
            let scene = scene::of_cycle(town, cycle);
            self.terminal
                .mention(&page::summary(&cycle.outcomes, &scene, &paper));
        }
    }

    /// Prints each event that the journal has, as `gtctl events` does.
    fn print_events(&mut self, cycle: &Cycle) {
        let entries = journal(&cycle.events);
        let lines: Vec<String> = entries
            .iter()
            .map(|entry| self.page.line_of(entry, cycle.now) + "\n")
            .collect();
        self.terminal.mention(&lines.concat());
    }

    /// Prints the notices that are new since the last cycle.
    fn tell_once(&mut self, news: Vec<String>) {
        for line in news.iter().filter(|line| !self.lines.contains(line)) {
            self.terminal.warn(line);
        }
        self.lines = news;
    }
}
