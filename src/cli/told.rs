//! What a controller says at its terminal while it runs, and has others told.

use super::exit::Trouble;
use super::others::Others;
use super::output::Terminal;
use crate::controller::{Cycle, Event};
use crate::model::{Observed, Town};
use crate::render::{Scene, apply as page};

/// Prints what happens, each thing once, and passes it on.
pub(super) struct Told<'a> {
    terminal: &'a Terminal,
    others: Others<'a>,
    lines: Vec<String>,
    announced: bool,
}

impl<'a> Told<'a> {
    pub(super) fn new(others: Others<'a>, terminal: &'a Terminal) -> Self {
        Self { terminal, others, lines: Vec::new(), announced: false }
    }

    /// Tells of an event.
    pub(super) fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Cycle(town, cycle) => self.tell_cycle(town, cycle),
            Event::Fault(fault) => {
                let mut news = vec![Trouble::chain(fault)];
                news.extend(self.others.fault(&Trouble::chain(fault)));
                self.tell_once(news);
            }
            Event::Reloaded => {
                self.others.reloaded();
                self.terminal.note("the manifest was read anew");
            }
            Event::Broken(why) => {
                self.others.broken(why);
                self.terminal.warn(&format!("{why}; the last good manifest stays in force"));
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
            news.push(format!("the town is unknown, nothing is touched: {why}"));
        }
        news.extend(self.others.cycle(town, cycle, &paper));
        self.tell_once(news);
        if self.terminal.is_json() {
            return;
        }
        self.terminal.mention(&page::outcomes(town, &cycle.outcomes, &paper));
        if !self.announced {
            self.announced = true;
            let Cycle { now, observed, memory, plan, outcomes, scope: _, notices: _ } = cycle;
            let scene = Scene { town, observed, memory, plan, now: *now };
            self.terminal.mention(&page::summary(outcomes, &scene, &paper));
        }
    }

    /// Says what was not said after the last cycle.
    fn tell_once(&mut self, news: Vec<String>) {
        for line in news.iter().filter(|line| !self.lines.contains(line)) {
            self.terminal.warn(line);
        }
        self.lines = news;
    }
}
