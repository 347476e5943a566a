//! `gtctl reconcile`: one cycle; with `--watch` the controller.

use super::args::{Global, Reconcile};
use super::chore;
use super::exit::{Exit, Trouble};
use super::manifest::{ManifestFile, Stamp, print_faults};
use super::output::Terminal;
use super::place::{Place, orders};
use crate::controller::{Cycle, Ended, Event, Farewell, Reload, watch};
use crate::model::{Mass, Observed, Orders, Outcome, Period, Scope, Town};
use crate::render::{Scene, apply as page, json};

/// A manifest that was left alone for this long is whole.
const SETTLE: Period = Period::from_millis(500);
/// How often it may have changed again until it is read all the same.
const SETTLE_AT_MOST: u32 = 10;

pub(super) async fn run(global: &Global, args: &Reconcile, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    let mut controller = place.controller()?.doing(chore::chores(&place));
    let claim = controller.claim()?;
    let orders = orders(&args.orders);
    if !args.watch {
        let cycle = controller.cycle(&place.town, orders, &Scope::Town).await?;
        // Whoever runs it now and then has nobody else who would wait for what it begins.
        controller.end_chores(Farewell::Wait).await?;
        return Ok(once(&place.town, &cycle, terminal));
    }
    // Nobody is asked while a controller runs: the second look decides.
    let orders = Orders { mass: if orders.mass == Mass::Hold { Mass::SecondLook } else { orders.mass }, ..orders };
    let mut source = Source { file: place.file, stamp: None, last: place.town.clone() };
    source.stamp = source.file.stamp();
    let mut told = Told { terminal, lines: Vec::new(), announced: false };
    let ended = watch(
        &mut controller,
        place.town,
        orders,
        |forced| source.reload(forced, terminal),
        |event| told.tell(&event),
        || claim.still_ours(),
    )
    .await
    .map_err(|e| Trouble::new("signals cannot be listened for").because(&e))?;
    controller.end_chores(Farewell::Break).await?;
    match ended {
        Ended::Told => Ok(Exit::Done),
        Ended::ToldWithBrokenManifest => Ok(Exit::Failed),
        Ended::Usurped => Err(Trouble::new("the lock file was replaced: another controller may hold the town")),
    }
}

fn once(town: &Town, cycle: &Cycle, terminal: &Terminal) -> Exit {
    for notice in &cycle.notices {
        terminal.warn(notice);
    }
    let Cycle { now, observed, memory, plan, outcomes, notices: _ } = cycle;
    let scene = Scene { town, observed, memory, plan, now: *now };
    if terminal.is_json() {
        terminal.print_json(&json::apply(&scene, outcomes));
    } else {
        let paper = terminal.paper(*now);
        terminal.print(&page::outcomes(town, outcomes, &paper));
        terminal.print(&page::summary(outcomes, &scene, &paper));
    }
    if let Observed::Unknown(why) = observed {
        terminal.warn(&format!("nothing was done, because the town is unknown: {why}"));
        return Exit::Failed;
    }
    let failed = outcomes.iter().any(|done| !matches!(done.outcome, Outcome::Done(_)));
    if failed || !plan.held.is_empty() { Exit::Partial } else { Exit::Done }
}

/// The manifest file, read anew when it changes.
struct Source {
    file: ManifestFile,
    stamp: Option<Stamp>,
    last: Box<Town>,
}

impl Source {
    fn reload(&mut self, forced: bool, terminal: &Terminal) -> Reload {
        let stamp = self.file.stamp();
        if stamp == self.stamp && !forced {
            return Reload::Same;
        }
        self.stamp = if stamp == self.stamp { stamp } else { self.settled(stamp) };
        match self.file.try_load() {
            Ok(Ok(loaded)) if !is_same_place(&loaded.town, &self.last) => {
                Reload::Broken("town.name or town.socket was changed: end this controller and start another".to_owned())
            }
            Ok(Ok(loaded)) => {
                *self.last = loaded.town;
                Reload::Fresh(self.last.clone())
            }
            Ok(Err(faults)) => {
                print_faults(&faults, terminal);
                Reload::Broken("the manifest has faults".to_owned())
            }
            Err(trouble) => Reload::Broken(trouble.message),
        }
    }

    /// Waits until the file has not changed for a while: what is half-written may be a good manifest of half a town.
    fn settled(&self, mut stamp: Option<Stamp>) -> Option<Stamp> {
        for _ in 0..SETTLE_AT_MOST {
            std::thread::sleep(SETTLE.to_std());
            let now = self.file.stamp();
            if now == stamp {
                break;
            }
            stamp = now;
        }
        stamp
    }
}

/// A controller keeps to the town and the server it was started for: they are what its lock is about.
fn is_same_place(fresh: &Town, last: &Town) -> bool {
    fresh.name == last.name && fresh.socket == last.socket && fresh.root == last.root
}

/// Prints what happens, each thing once.
struct Told<'a> {
    terminal: &'a Terminal,
    lines: Vec<String>,
    announced: bool,
}

impl Told<'_> {
    fn tell(&mut self, event: &Event<'_>) {
        match event {
            Event::Cycle(town, cycle) => self.tell_cycle(town, cycle),
            Event::Fault(fault) => self.tell_once(vec![format!("{fault}")]),
            Event::Reloaded => self.terminal.note("the manifest was read anew"),
            Event::Broken(why) => self.terminal.warn(&format!("{why}; the last good manifest stays in force")),
        }
    }

    fn tell_cycle(&mut self, town: &Town, cycle: &Cycle) {
        let mut news = cycle.notices.clone();
        if let Observed::Unknown(why) = &cycle.observed {
            news.push(format!("the town is unknown, nothing is touched: {why}"));
        }
        self.tell_once(news);
        if self.terminal.is_json() {
            return;
        }
        let paper = self.terminal.paper(cycle.now);
        self.terminal.print(&page::outcomes(town, &cycle.outcomes, &paper));
        if !self.announced {
            self.announced = true;
            let Cycle { now, observed, memory, plan, outcomes, notices: _ } = cycle;
            let scene = Scene { town, observed, memory, plan, now: *now };
            self.terminal.print(&page::summary(outcomes, &scene, &paper));
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
