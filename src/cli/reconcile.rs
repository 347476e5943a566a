//! `gtctl reconcile`: one cycle; with `--watch` the controller.

use super::agree::agree;
use super::args::{Global, Reconcile};
use super::chore;
use super::elsewhere;
use super::exit::{Exit, Trouble};
use super::farewell::see_to_the_end;
use super::manifest::{Attempt, ManifestFile, Texts, print_faults};
use super::others::Others;
use super::output::Terminal;
use super::place::{Place, orders, unasked};
use super::scene;
use super::shared;
use super::stamps::{Change, Followed};
use super::told::Told;
use crate::controller::{Controller, Cycle, Farewell, Reload, WatchEnd, watch};
use crate::model::{Layers, Observed, Outcome, Period, Scope, Town};
use crate::notify::Manager;
use crate::proc;
use crate::render::{Scene, apply as page, brief, json};
use crate::store::{LastGood, Lock, LockFault, StateDir, View, revision};
use crate::web::Demand;
use std::path::Path;
use std::rc::Rc;

/// How long a controller has to give up a town that was taken over.
const TAKE_OVER_PATIENCE: Period = Period::from_secs(40);
/// Said when another process may act on the town.
const USURPED: &str = "the lock file was replaced: another controller may control the town";
pub(super) async fn run(
    global: &Global,
    args: &Reconcile,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    place.refuse_onlooker()?;
    if place.town.hosts.fleet.is_some() && !args.watch {
        return Err(
            Trouble::new("a town with a [store] needs a controller that keeps running")
                .help("gtctl reconcile --watch")
                .exits(Exit::Usage),
        );
    }
    let mut controller = place.own_controller()?.doing(chore::chores(&place));
    let layers = agree(&place, terminal).await?;
    let claim = claim(&controller, &place).await?;
    let layers_watch = Rc::new(View::of(&place.state).watch_layers(layers.clone()));
    let orders = orders(&args.orders);
    let files = Followed::new(place.stamps.clone());
    let (is_current, is_ours) = (files.is_current(), Rc::clone(&layers_watch));
    controller.compare_with(move || is_current() && is_ours.is_ours());
    if !args.watch {
        let mut cycle = controller.cycle(&place.town, orders, &Scope::Town).await?;
        // Whoever runs it now and then has nobody else who would wait for what it begins.
        let pending = controller.under_way(&place.town);
        for (what, limit) in &pending {
            terminal.note(&format!("running {what}, at most {}", brief(*limit)));
        }
        cycle
            .outcomes
            .extend(controller.end_launcher_jobs(Farewell::Wait).await?);
        for ended in controller.end_chores(Farewell::Wait).await? {
            terminal.note(&format!(
                "chore {}: {}: {}",
                ended.chore,
                ended.outcome.result.word(),
                ended.outcome.said
            ));
        }
        controller.learn_readiness(&place.town, orders).await?;
        return Ok(once(&place.town, &cycle, terminal));
    }
    let mut joined = shared::join(&place, global, &mut controller)?;
    see_to_the_end(View::of(&place.state));
    // Nobody is asked while a controller runs: the second look decides.
    let orders = unasked(orders);
    let demand = Demand::default();
    controller.heed_readers(demand.clone());
    let manager = Manager::from_variables(|name| std::env::var_os(name), std::process::id());
    let mut told = Told::new(Others::begin(&place, &manager, demand)?, terminal);
    let watched = files.paths();
    let state = place.state.clone();
    let view = View::of(&state);
    let mut source = Source {
        manager: &manager,
        file: place.file,
        files,
        last: place.town,
        layers,
        state: &state,
        revision: revision(&place.texts.town),
        told_late: None,
    };
    let ended = watch(
        &mut controller,
        source.in_force(),
        orders,
        watched,
        |forced| {
            joined.take(terminal);
            let read = source.reload(forced, terminal);
            joined.acts_by(&source.revision);
            read
        },
        |event| told.tell(&event),
        // Nobody takes what does not answer.
        || view.answers().is_err() || (claim.still_ours() && layers_watch.is_ours()),
    )
    .await
    .map_err(|e| Trouble::new("cannot listen for signals and processes").because(&e))?;
    let ended_launcher_jobs = controller.end_launcher_jobs(Farewell::Break).await;
    let ended_chores = controller.end_chores(Farewell::Break).await;
    let (why, exit) = match ended {
        WatchEnd::Told => ("on request", Ok(Exit::Done)),
        WatchEnd::ToldWithBrokenManifest => (
            "on request, while the manifest on disk has errors",
            Ok(Exit::Failed),
        ),
        WatchEnd::Usurped if layers_watch.is_ours() => {
            ("its lock was taken", Err(Trouble::new(USURPED)))
        }
        WatchEnd::Usurped => (
            "the town was taken over",
            Err(taken_over(&View::of(&state))),
        ),
    };
    told.end(why).await;
    ended_launcher_jobs?;
    ended_chores?;
    exit
}

fn once(town: &Town, cycle: &Cycle, terminal: &Terminal) -> Exit {
    for notice in &cycle.notices {
        terminal.warn(notice);
    }
    let scene = scene::of_cycle(town, cycle);
    let Scene {
        observed,
        memory,
        plan,
        ..
    } = scene;
    let outcomes = &cycle.outcomes;
    if terminal.is_json() {
        terminal.print_json(&json::apply(&scene, outcomes));
    } else {
        let paper = terminal.paper(cycle.now);
        terminal.print(&page::outcomes(town, memory, outcomes, &paper));
        terminal.print(&page::left(&scene, outcomes, false, |_, _| true, &paper));
        terminal.print(&page::summary(outcomes, &scene, &paper));
    }
    if let Observed::Unknown(why) = observed {
        terminal.warn(&format!(
            "nothing was done, because the state of the town is unknown: {why}"
        ));
        return Exit::Failed;
    }
    let failed = outcomes
        .iter()
        .any(|done| !matches!(done.outcome, Outcome::Done(_)));
    if failed || !plan.held.is_empty() {
        Exit::Partial
    } else {
        Exit::Done
    }
}

/// The manifest's files, read anew when they change.
struct Source<'a> {
    manager: &'a Manager,
    file: ManifestFile,
    files: Followed,
    last: Box<Town>,
    layers: Layers,
    state: &'a Path,
    /// The revision of the manifest in force.
    revision: String,
    /// What was said last of a file that does not answer.
    told_late: Option<String>,
}

impl Source<'_> {
    /// The town of the last good manifest, watched as often as the service manager's watchdog asks.
    fn in_force(&self) -> Box<Town> {
        Box::new(Town {
            resync: self.manager.most_sleep(self.last.resync),
            ..(*self.last).clone()
        })
    }

    fn reload(&mut self, forced: bool, terminal: &Terminal) -> Reload {
        let was_settling = self.files.is_settling();
        let change = if forced {
            Change::Settled
        } else {
            self.files.look(proc::clock::now())
        };
        match &change {
            Change::None => return Reload::Same,
            Change::Late(late) => return self.late(late.to_string()),
            Change::Settling(_) | Change::Settled => {}
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

    /// That the manifest cannot be read now: told again only where there is something else to say.
    fn late(&mut self, why: String) -> Reload {
        if self.told_late.as_ref() == Some(&why) {
            return Reload::Same;
        }
        self.told_late = Some(why.clone());
        Reload::Broken(why)
    }

    fn read(&mut self, terminal: &Terminal) -> Reload {
        let Attempt {
            stamps,
            read,
            texts,
        } = match self.file.attempt() {
            Ok(attempt) => attempt,
            Err(late) => {
                self.files.read_late();
                return self.late(late.to_string());
            }
        };
        self.told_late = None;
        self.files.read_again(stamps);
        match read {
            Ok(Ok(loaded)) if !is_same_place(&loaded.town, &self.last) => Reload::Broken(
                "`town.name` or `town.socket` was changed: stop this controller and start it again"
                    .to_owned(),
            ),
            Ok(Ok(loaded)) => {
                if let Some(texts) = texts {
                    self.revision = revision(&texts.town);
                    self.keep(texts, &loaded.town, terminal);
                }
                *self.last = loaded.town;
                Reload::Fresh {
                    town: self.in_force(),
                    files: self.files.paths(),
                }
            }
            Ok(Err(faults)) => {
                print_faults(&faults, terminal);
                Reload::Broken("the manifest has errors".to_owned())
            }
            Err(trouble) => Reload::Broken(trouble.message),
        }
    }
}

impl Source<'_> {
    /// Keeps what was read, for the time when the manifest is broken. Not worth failing for.
    fn keep(&mut self, texts: Texts, town: &Town, terminal: &Terminal) {
        let Ok(read) = self.file.layers(town) else {
            return;
        };
        self.layers.outcome = read.outcome;
        let good = LastGood {
            layers: self.layers.clone(),
            town_text: texts.town,
            user_text: texts.user,
            included: texts.included,
        };
        let kept = StateDir::open(self.state).and_then(|state| state.keep_last_good(&good));
        if let Err(fault) = kept {
            terminal.warn(&format!(
                "cannot save the last good manifest: {}",
                Trouble::from(fault).message
            ));
        }
    }
}

/// Becomes the one controller of the town. One that was told to take it over waits until the other
/// has noticed.
async fn claim(controller: &Controller, place: &Place) -> Result<Lock, Trouble> {
    let begun = proc::clock::now();
    loop {
        match controller.claim() {
            Err(LockFault::Held { .. })
                if place.may_take_over()
                    && proc::clock::now().since(&begun) < TAKE_OVER_PATIENCE =>
            {
                tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            }
            claimed => {
                let lock = claimed?;
                return alone(lock, place).await;
            }
        }
    }
}

/// Keeps the lock where no controller of the town has begun meanwhile with another state directory.
/// Two that begin at the same moment see each other: each lets go and looks once more, after a
/// pause of its own.
async fn alone(lock: Lock, place: &Place) -> Result<Lock, Trouble> {
    if elsewhere::refuse_beside(place).is_ok() {
        return Ok(lock);
    }
    drop(lock);
    let pause = Period::from_millis(u64::from(std::process::id() % 64) * 8);
    tokio::time::sleep(pause.to_std()).await;
    let lock = place.own_controller()?.claim()?;
    elsewhere::refuse_beside(place)?;
    Ok(lock)
}

/// Why a controller ends whose town goes by other layers now.
fn taken_over(state: &View) -> Trouble {
    let file = state
        .last_good()
        .map(|good| good.layers.file.display().to_string())
        .unwrap_or_default();
    Trouble::new(format!("the town was taken over: {file} controls it now"))
        .help(format!(
            "start a controller for it: gtctl -f {file} reconcile --watch"
        ))
        .exits(Exit::Held)
}

/// A controller keeps to the town and the server it was started for: they are what its lock is
/// about.
pub(super) fn is_same_place(fresh: &Town, last: &Town) -> bool {
    fresh.name == last.name && fresh.socket == last.socket && fresh.root == last.root
}
