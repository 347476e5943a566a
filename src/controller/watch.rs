//! The controller that keeps running. It runs a cycle when the plan can have changed or something
//! has happened, until it is asked to end.

use super::caught::{caught, rest_after};
use super::cycle::{Cycle, CycleFault};
use super::finish::finish_restarts;
use super::history::Sampler;
use super::setup::Controller;
use super::wakeups::{Wakeups, Woken};
use crate::events::Actor;
use crate::model::SortedSet;
use crate::model::{
    Moment, Observed, Orders, Outcome, Period, Phase, Plan, Scope, Town, Unchanged,
};
use std::borrow::Cow;
use std::path::PathBuf;

/// How soon to look again while something starts or stops.
const IN_FLIGHT: Period = Period::from_millis(300);
/// How soon to look again where the last look told nothing.
const UNKNOWN: Period = Period::from_secs(5);
/// Never sooner than this, whatever the plan says.
const LEAST: Period = Period::from_millis(50);

/// What became of the manifest since it was last read.
#[derive(Debug)]
pub enum Reload {
    /// Nothing.
    Same,
    /// It is changing and may be half written. It is read after this time at the earliest. Until
    /// then nothing is started.
    Settling(Period),
    /// It changed and has no errors.
    Fresh {
        /// What it declares.
        town: Box<Town>,
        /// The files that it was read from, whether they exist or not.
        files: SortedSet<PathBuf>,
    },
    /// It changed and has errors: the last good one stays in force.
    Broken(String),
}

/// What the watcher reports while it runs.
#[derive(Debug)]
pub enum WatchEvent<'a> {
    /// A cycle ran for this town.
    Cycle(&'a Town, &'a Cycle),
    /// A cycle could not run.
    Fault(&'a CycleFault),
    /// The manifest was read again.
    Reloaded,
    /// The manifest was changed and has errors.
    Broken(&'a str),
}

/// Why the watcher ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WatchEnd {
    /// It was asked to, and the manifest in force is the one on disk.
    Told,
    /// It was asked to, while the manifest on disk had errors.
    ToldWithBrokenManifest,
    /// Another process has taken the controller's lock.
    Usurped,
}

/// Keeps the town as declared until SIGTERM or SIGINT. SIGHUP reads the manifest again.
///
/// `manifest` are the files that it watches. It calls `reload` before each cycle; with `true` the
/// manifest is read whatever the times of its files say. `reload` must not wait. `tell` gets each
/// event.
///
/// # Errors
/// Only when signals or processes cannot be listened to.
pub async fn watch(
    controller: &mut Controller,
    mut town: Box<Town>,
    orders: Orders,
    manifest: SortedSet<PathBuf>,
    mut reload: impl FnMut(bool) -> Reload,
    mut tell: impl FnMut(WatchEvent<'_>),
    still_ours: impl Fn() -> bool,
) -> std::io::Result<WatchEnd> {
    let mut senses = Wakeups::new(manifest, controller.store())?;
    controller.ask_agents();
    controller.ask_status_ports();
    controller.keep_connection();
    controller.actor = Actor::Controller;
    controller.sampler = Some(Box::new(Sampler::new(controller.store())));
    let mut broken = false;
    let mut broken_off = 0;
    let mut forced = false;
    let mut last = None;
    controller.declare_fleet(&town);
    loop {
        let mut settles = None;
        match reload(std::mem::take(&mut forced)) {
            Reload::Same => {}
            Reload::Settling(left) => settles = Some(left),
            Reload::Fresh { town: fresh, files } => {
                senses.follow(files);
                (town, broken) = (fresh, false);
                controller.declare_fleet(&town);
                tell(WatchEvent::Reloaded);
            }
            Reload::Broken(why) => {
                broken = true;
                tell(WatchEvent::Broken(&why));
            }
        }
        if !still_ours() {
            return Ok(WatchEnd::Usurped);
        }
        let placed = controller.placed(&town);
        let (part, ran) = match placed {
            Ok(part) => {
                let ran = turn(controller, &part, orders, &mut broken_off).await;
                (part, ran)
            }
            Err(fault) => (Cow::Borrowed(&*town), Err(fault)),
        };
        let rest = ran.as_ref().err().and_then(CycleFault::rest);
        let pause = match ran {
            Ok(cycle) => {
                controller.follow_status_ports(&town, &cycle.observed);
                let reports = controller.report_files();
                senses.attend(
                    &part,
                    &cycle.observed,
                    &cycle.plan,
                    controller.store(),
                    reports,
                );
                tell(WatchEvent::Cycle(&part, &cycle));
                let pause = pause_after(&cycle, town.resync);
                last = Some(cycle);
                pause
            }
            Err(fault) => {
                tell(WatchEvent::Fault(&fault));
                town.resync.min(UNKNOWN)
            }
        };
        let pause = settles.map_or(pause, |left: Period| pause.min(left));
        let woken = if let Some(rest) = rest {
            senses.rest(rest).await
        } else {
            let (state, beside) = controller.senses();
            senses.wait(pause, state, beside).await
        };
        match woken {
            Woken::Look(living) => controller.take_as_living(living),
            Woken::Ended(living) => controller.hear_ends(&part, living),
            Woken::Reload => forced = true,
            Woken::End => {
                finish_restarts(controller, &part, orders, &mut senses, last, &mut tell).await;
                return Ok(if broken {
                    WatchEnd::ToldWithBrokenManifest
                } else {
                    WatchEnd::Told
                });
            }
        }
    }
}

/// One cycle. A panic in it is an error like others. `broken_off` counts the panics in a row.
async fn turn(
    controller: &mut Controller,
    town: &Town,
    orders: Orders,
    broken_off: &mut u32,
) -> Result<Cycle, CycleFault> {
    let ran = caught(controller.cycle(town, orders, &Scope::Town)).await;
    let said = match ran {
        Ok(ran) => {
            *broken_off = 0;
            return ran;
        }
        Err(said) => said,
    };
    *broken_off = broken_off.saturating_add(1);
    let fault = CycleFault::Defect {
        said,
        rest: rest_after(*broken_off),
    };
    controller.recover(&fault);
    Err(fault)
}

/// The time until the plan can change: at most `resync`, and less while something is under way.
fn pause_after(cycle: &Cycle, resync: Period) -> Period {
    let unsure = cycle
        .outcomes
        .iter()
        .any(|done| !matches!(done.outcome, Outcome::Failed(_)));
    let now: Moment = crate::proc::clock::now();
    let mut pause = match cycle.observed {
        Observed::Unknown(_) => resync.min(UNKNOWN),
        Observed::Up(_) | Observed::Down => resync,
    };
    if let Some(wake) = cycle.plan.wake {
        pause = pause.min(now.until(&wake));
    }
    if cycle.scope != Scope::Town {
        pause = Period::ZERO;
    }
    if unsure || is_in_flight(&cycle.plan) || cycle.freed_a_place() {
        pause = pause.min(IN_FLIGHT);
    }
    pause.max(LEAST)
}

/// Whether something starts or stops. That shows sooner than the plan's wake says.
fn is_in_flight(plan: &Plan) -> bool {
    let moving = |phase: Phase| matches!(phase, Phase::Starting | Phase::Stopping);
    // The plan says when a probe is due, and a probe may fail for long.
    let probed: SortedSet<_> = plan.checks.iter().map(|check| &check.session).collect();
    let is_moving = |calm: &Unchanged| moving(calm.phase) && !probed.contains(&calm.session);
    plan.unchanged.iter().any(is_moving) || plan.held.iter().any(|held| moving(held.phase))
}
