//! The long-running controller: cycles until told to end.

use super::cycle::{Controller, Cycle, CycleFault};
use crate::model::{Moment, Orders, Outcome, Period, Phase, Plan, Scope, Town};
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How soon to look again while something starts or stops.
const IN_FLIGHT: Period = Period::from_millis(300);
/// Never sooner than this, whatever the plan says.
const LEAST: Period = Period::from_millis(50);

/// What became of the manifest since it was last read.
#[derive(Debug)]
pub enum Reload {
    /// Nothing.
    Same,
    /// It changed, and is good.
    Fresh(Box<Town>),
    /// It changed, and is not: the last good one stays in force.
    Broken(String),
}

/// What the watcher tells while it runs.
#[derive(Debug)]
pub enum Event<'a> {
    /// A cycle ran for this town.
    Cycle(&'a Town, &'a Cycle),
    /// A cycle could not run.
    Fault(&'a CycleFault),
    /// The manifest was read anew.
    Reloaded,
    /// The manifest was changed and is broken.
    Broken(&'a str),
}

/// Why the watcher ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// It was told to, and the manifest in force is the one on disk.
    Told,
    /// It was told to, while the manifest on disk was broken.
    ToldWithBrokenManifest,
    /// The controller's lock was taken from under it.
    Usurped,
}

/// Keeps the town as declared until SIGTERM or SIGINT. SIGHUP reads the manifest anew.
///
/// `reload` is asked before each cycle (`true`: whatever the file's times say); `tell` gets everything worth telling.
///
/// # Errors
/// Only when signals cannot be listened for.
pub async fn watch(
    controller: &mut Controller,
    mut town: Box<Town>,
    orders: Orders,
    mut reload: impl FnMut(bool) -> Reload,
    mut tell: impl FnMut(Event<'_>),
    still_ours: impl Fn() -> bool,
) -> std::io::Result<Ended> {
    let mut signals = Signals::listen()?;
    let mut broken = false;
    let mut forced = false;
    loop {
        match reload(std::mem::take(&mut forced)) {
            Reload::Same => {}
            Reload::Fresh(fresh) => {
                (town, broken) = (fresh, false);
                tell(Event::Reloaded);
            }
            Reload::Broken(why) => {
                broken = true;
                tell(Event::Broken(&why));
            }
        }
        if !still_ours() {
            return Ok(Ended::Usurped);
        }
        let pause = match controller.cycle(&town, orders, &Scope::Town).await {
            Ok(cycle) => {
                tell(Event::Cycle(&town, &cycle));
                pause_after(&cycle, town.resync)
            }
            Err(fault) => {
                tell(Event::Fault(&fault));
                town.resync
            }
        };
        let woken = tokio::select! {
            woken = signals.wait(pause.to_std()) => woken,
            () = controller.chore_ended() => Woken::Time,
        };
        match woken {
            Woken::Time => {}
            Woken::Reload => forced = true,
            Woken::End if broken => return Ok(Ended::ToldWithBrokenManifest),
            Woken::End => return Ok(Ended::Told),
        }
    }
}

/// Until the plan can change, at most `resync`; sooner while something is under way.
fn pause_after(cycle: &Cycle, resync: Period) -> Period {
    let unsure = cycle.outcomes.iter().any(|done| !matches!(done.outcome, Outcome::Failed(_)));
    let now: Moment = crate::proc::clock::now();
    let mut pause = resync;
    if let Some(wake) = cycle.plan.wake {
        pause = pause.min(now.until(&wake));
    }
    if unsure || is_in_flight(&cycle.plan) {
        pause = pause.min(IN_FLIGHT);
    }
    pause.max(LEAST)
}

/// Whether something starts or stops, which shows sooner than any clock tells.
fn is_in_flight(plan: &Plan) -> bool {
    let moving = |phase: Phase| matches!(phase, Phase::Starting | Phase::Stopping);
    plan.unchanged.iter().any(|calm| moving(calm.phase)) || plan.held.iter().any(|held| moving(held.phase))
}

struct Signals {
    term: Signal,
    int: Signal,
    hup: Signal,
}

enum Woken {
    Time,
    Reload,
    End,
}

impl Signals {
    fn listen() -> std::io::Result<Self> {
        Ok(Self {
            term: signal(SignalKind::terminate())?,
            int: signal(SignalKind::interrupt())?,
            hup: signal(SignalKind::hangup())?,
        })
    }

    async fn wait(&mut self, pause: Duration) -> Woken {
        tokio::select! {
            () = tokio::time::sleep(pause) => Woken::Time,
            _ = self.hup.recv() => Woken::Reload,
            _ = self.term.recv() => Woken::End,
            _ = self.int.recv() => Woken::End,
        }
    }
}
