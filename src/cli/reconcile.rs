//! `gtctl reconcile`: one cycle; with `--watch` the controller.

use super::args::{Global, Reconcile};
use super::chore;
use super::exit::{Exit, Trouble};
use super::farewell::see_to_the_end;
use super::manifest::{ManifestFile, Stamp, print_faults};
use super::others::Others;
use super::output::Terminal;
use super::place::{Place, orders, unasked};
use super::told::Told;
use crate::controller::{Cycle, Ended, Farewell, Reload, watch};
use crate::model::{Moment, Observed, Outcome, Period, Scope, Town};
use crate::proc;
use crate::render::{Scene, apply as page, brief, json};
use crate::tell::Manager;

/// Said when another process may act on the town.
const USURPED: &str = "the lock file was replaced: another controller may hold the town";
/// A manifest that was left alone for this long is whole.
const SETTLE: Period = Period::from_millis(500);
/// One that goes on changing for this long is read all the same.
const SETTLE_AT_MOST: Period = Period::from_secs(5);

pub(super) async fn run(global: &Global, args: &Reconcile, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    let mut controller = place.controller()?.doing(chore::chores(&place));
    let claim = controller.claim()?;
    let orders = orders(&args.orders);
    if !args.watch {
        let mut cycle = controller.cycle(&place.town, orders, &Scope::Town).await?;
        // Whoever runs it now and then has nobody else who would wait for what it begins.
        let pending = controller.under_way(&place.town);
        for (what, limit) in &pending {
            terminal.note(&format!("running {what}, at most {}", brief(*limit)));
        }
        cycle.outcomes.extend(controller.end_errands(Farewell::Wait).await?);
        for ended in controller.end_chores(Farewell::Wait).await? {
            terminal.note(&format!("chore {}: {}: {}", ended.chore, ended.outcome.result.word(), ended.outcome.said));
        }
        return Ok(once(&place.town, &cycle, terminal));
    }
    see_to_the_end();
    // Nobody is asked while a controller runs: the second look decides.
    let orders = unasked(orders);
    let manager = Manager::from_variables(|name| std::env::var_os(name), std::process::id());
    let mut told = Told::new(Others::begin(&place, &manager)?, terminal);
    let mut source = Source { manager: &manager, file: place.file, stamp: None, last: place.town, settling: None };
    source.stamp = source.file.stamp();
    let manifest = source.file.path.clone();
    let ended = watch(
        &mut controller,
        source.in_force(),
        orders,
        &manifest,
        |forced| source.reload(forced, terminal),
        |event| told.tell(&event),
        || claim.still_ours(),
    )
    .await
    .map_err(|e| Trouble::new("signals and processes cannot be listened to").because(&e))?;
    let ended_errands = controller.end_errands(Farewell::Break).await;
    let ended_chores = controller.end_chores(Farewell::Break).await;
    let (why, exit) = match ended {
        Ended::Told => ("it was told to", Ok(Exit::Done)),
        Ended::ToldWithBrokenManifest => ("it was told to, with a broken manifest on disk", Ok(Exit::Failed)),
        Ended::Usurped => ("its lock was taken", Err(Trouble::new(USURPED))),
    };
    told.end(why).await;
    ended_errands?;
    ended_chores?;
    exit
}

fn once(town: &Town, cycle: &Cycle, terminal: &Terminal) -> Exit {
    for notice in &cycle.notices {
        terminal.warn(notice);
    }
    let Cycle { now, observed, memory, plan, outcomes, scope: _, notices: _ } = cycle;
    let scene = Scene { town, observed, memory, plan, now: *now };
    if terminal.is_json() {
        terminal.print_json(&json::apply(&scene, outcomes));
    } else {
        let paper = terminal.paper(*now);
        terminal.print(&page::outcomes(town, outcomes, &paper));
        terminal.print(&page::left(&scene, outcomes, false, |_, _| true, &paper));
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
struct Source<'a> {
    manager: &'a Manager,
    file: ManifestFile,
    stamp: Option<Stamp>,
    last: Box<Town>,
    settling: Option<Settling>,
}

/// A file that has changed since it was read.
struct Settling {
    /// As it was last found.
    stamp: Option<Stamp>,
    /// Since when it has been so.
    since: Moment,
    /// When it was first found changed.
    begun: Moment,
}

impl Source<'_> {
    /// The town of the last good manifest, watched as often as the service manager's watchdog asks.
    fn in_force(&self) -> Box<Town> {
        Box::new(Town { resync: self.manager.most_sleep(self.last.resync), ..(*self.last).clone() })
    }

    fn reload(&mut self, forced: bool, terminal: &Terminal) -> Reload {
        let stamp = self.file.stamp();
        if stamp == self.stamp && self.settling.is_none() && !forced {
            return Reload::Same;
        }
        let now = proc::clock::now();
        if self.settling.is_none() {
            self.manager.reloading(now);
        }
        let left = if stamp == self.stamp { Period::ZERO } else { self.settles_in(stamp, now) };
        if !left.is_zero() {
            return Reload::Settling(left);
        }
        (self.stamp, self.settling) = (stamp, None);
        let read = self.read(terminal);
        self.manager.reloaded();
        read
    }

    fn read(&mut self, terminal: &Terminal) -> Reload {
        match self.file.try_load() {
            Ok(Ok(loaded)) if !is_same_place(&loaded.town, &self.last) => {
                Reload::Broken("town.name or town.socket was changed: end this controller and start another".to_owned())
            }
            Ok(Ok(loaded)) => {
                *self.last = loaded.town;
                Reload::Fresh(self.in_force())
            }
            Ok(Err(faults)) => {
                print_faults(&faults, terminal);
                Reload::Broken("the manifest has faults".to_owned())
            }
            Err(trouble) => Reload::Broken(trouble.message),
        }
    }

    /// In how long the file will not have changed for a while: what is half-written may be a good manifest of half a town.
    fn settles_in(&mut self, stamp: Option<Stamp>, now: Moment) -> Period {
        let settling = self.settling.get_or_insert(Settling { stamp, since: now, begun: now });
        if settling.stamp != stamp {
            (settling.stamp, settling.since) = (stamp, now);
        }
        SETTLE.minus(now.since(&settling.since)).min(SETTLE_AT_MOST.minus(now.since(&settling.begun)))
    }
}

/// A controller keeps to the town and the server it was started for: they are what its lock is about.
fn is_same_place(fresh: &Town, last: &Town) -> bool {
    fresh.name == last.name && fresh.socket == last.socket && fresh.root == last.root
}
