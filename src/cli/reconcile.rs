//! `gtctl reconcile`: one cycle; with `--watch` the controller.

use super::args::{Global, Reconcile};
use super::chore;
use super::exit::{Exit, Trouble};
use super::farewell::see_to_the_end;
use super::manifest::{Attempt, ManifestFile, print_faults};
use super::others::Others;
use super::output::Terminal;
use super::place::{Place, orders, unasked};
use super::stamps::{Change, Followed};
use super::told::Told;
use crate::controller::{Cycle, Ended, Farewell, Reload, watch};
use crate::model::{Observed, Outcome, Scope, Town};
use crate::proc;
use crate::render::{Scene, apply as page, brief, json};
use crate::tell::Manager;

/// Said when another process may act on the town.
const USURPED: &str = "the lock file was replaced: another controller may hold the town";
pub(super) async fn run(global: &Global, args: &Reconcile, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    let mut controller = place.controller()?.doing(chore::chores(&place));
    let claim = controller.claim()?;
    let orders = orders(&args.orders);
    let files = Followed::new(place.stamps.clone());
    controller.compare_with(files.is_current());
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
    let watched = files.paths();
    let mut source = Source { manager: &manager, file: place.file, files, last: place.town };
    let ended = watch(
        &mut controller,
        source.in_force(),
        orders,
        watched,
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

/// The manifest's files, read anew when they change.
struct Source<'a> {
    manager: &'a Manager,
    file: ManifestFile,
    files: Followed,
    last: Box<Town>,
}

impl Source<'_> {
    /// The town of the last good manifest, watched as often as the service manager's watchdog asks.
    fn in_force(&self) -> Box<Town> {
        Box::new(Town { resync: self.manager.most_sleep(self.last.resync), ..(*self.last).clone() })
    }

    fn reload(&mut self, forced: bool, terminal: &Terminal) -> Reload {
        let was_settling = self.files.is_settling();
        let change = if forced { Change::Settled } else { self.files.look(proc::clock::now()) };
        if change == Change::None {
            return Reload::Same;
        }
        if !was_settling {
            self.manager.reloading(proc::clock::now());
        }
        if let Change::Settling(left) = change {
            return Reload::Settling(left);
        }
        let read = self.read(terminal);
        self.manager.reloaded();
        read
    }

    fn read(&mut self, terminal: &Terminal) -> Reload {
        let Attempt { stamps, read } = self.file.attempt();
        self.files.read_again(stamps);
        match read {
            Ok(Ok(loaded)) if !is_same_place(&loaded.town, &self.last) => {
                Reload::Broken("town.name or town.socket was changed: end this controller and start another".to_owned())
            }
            Ok(Ok(loaded)) => {
                *self.last = loaded.town;
                Reload::Fresh { town: self.in_force(), files: self.files.paths() }
            }
            Ok(Err(faults)) => {
                print_faults(&faults, terminal);
                Reload::Broken("the manifest has faults".to_owned())
            }
            Err(trouble) => Reload::Broken(trouble.message),
        }
    }
}

/// A controller keeps to the town and the server it was started for: they are what its lock is about.
pub(super) fn is_same_place(fresh: &Town, last: &Town) -> bool {
    fresh.name == last.name && fresh.socket == last.socket && fresh.root == last.root
}
