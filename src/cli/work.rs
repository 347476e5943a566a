//! Carrying out what was asked for, cycle by cycle, until nothing is left that could be done in the time given.

use super::exit::{Exit, Trouble};
use super::manifest::Attempt;
use super::output::Terminal;
use super::place::Place;
use super::reconcile::is_same_place;
use super::stamps::{Change, Followed};
use crate::controller::{Controller, Cycle, Farewell};
use crate::model::{
    Done, Held, Hold, Moment, Observed, Orders, Outcome, Period, Phase, Plan, Scope, SessionName, Unchanged, Verb,
};
use crate::proc;
use crate::render::{Scene, apply as page, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often to look while something starts or stops.
const LOOK_EVERY: Period = Period::from_millis(200);
/// How long a session that should be restarted when idle is given to fall idle before that is reported as held.
const DRAIN_PATIENCE: Period = Period::from_secs(15);

fn listen(kind: SignalKind) -> Result<Signal, Trouble> {
    signal(kind).map_err(|e| Trouble::new("signals cannot be listened for").because(&e))
}

/// Cycles that carry out what was asked for, and what came of them.
pub(super) struct Work {
    begun: Moment,
    orders: Orders,
    scope: Scope,
    wait: Period,
    /// Everything done, in order.
    done: Vec<Done>,
    interrupted: bool,
    /// The files of the manifest; none where what is done was agreed upon before.
    files: Option<Followed>,
}

impl Work {
    /// Work that may take `wait` in all; with none at all it is one cycle.
    pub(super) fn new(wait: Period, orders: Orders, scope: Scope) -> Self {
        Self { begun: proc::clock::now(), orders, scope, wait, done: Vec::new(), interrupted: false, files: None }
    }

    /// Goes by what the manifest says at any time, though it be edited meanwhile.
    pub(super) fn following(self, place: &Place, controller: &mut Controller) -> Self {
        let files = Followed::new(place.stamps.clone());
        controller.compare_with(files.is_current());
        Self { files: Some(files), ..self }
    }

    /// Carries it out, and tells of it.
    pub(super) async fn run(
        mut self,
        controller: &mut Controller,
        mut place: Place,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let mut last = self.until_settled(controller, &mut place, terminal).await?;
        let place = &place;
        self.end_errands(controller, place, &mut last, terminal).await?;
        self.conclude(place, &last, terminal)
    }

    /// Runs cycles until nothing is left that could be done within the time given.
    async fn until_settled(
        &mut self,
        controller: &mut Controller,
        place: &mut Place,
        terminal: &Terminal,
    ) -> Result<Cycle, Trouble> {
        let mut reported = BTreeMap::new();
        let mut noticed = BTreeSet::new();
        // Listened for from the beginning: one that comes during a cycle lets it finish its steps.
        let mut interrupt = listen(SignalKind::interrupt())?;
        let mut terminate = listen(SignalKind::terminate())?;
        loop {
            self.heed_edits(place, terminal);
            let cycle = controller.cycle(&place.town, self.orders, &self.scope).await?;
            cycle.notices.iter().filter(|notice| noticed.insert((*notice).clone())).for_each(|n| terminal.warn(n));
            self.report(place, &cycle, &mut reported, terminal);
            self.done.extend(cycle.outcomes.iter().cloned());
            let Some(pause) = self.pause(&cycle) else { return Ok(cycle) };
            tokio::select! {
                biased;
                _ = interrupt.recv() => self.interrupted = true,
                _ = terminate.recv() => self.interrupted = true,
                () = tokio::time::sleep(pause.to_std()) => {}
            }
            if self.interrupted {
                return Ok(cycle);
            }
        }
    }

    /// Reads the manifest again where it was edited. One that has become broken changes nothing: what was begun is
    /// finished by what it said before.
    fn heed_edits(&mut self, place: &mut Place, terminal: &Terminal) {
        let Some(files) = &mut self.files else { return };
        if files.look(proc::clock::now()) != Change::Settled {
            return;
        }
        let Attempt { stamps, read } = place.file.attempt();
        files.read_again(stamps);
        match read {
            Ok(Ok(loaded)) if is_same_place(&loaded.town, &place.town) => {
                *place.town = loaded.town;
                terminal.note("the manifest was edited meanwhile and is read anew");
            }
            Ok(Ok(_)) => terminal.warn("the manifest names another town or server by now: gtctl goes on by what it said before"),
            Ok(Err(_)) | Err(_) => terminal.warn(
                "the manifest was edited meanwhile and is broken: gtctl goes on by what it said before (see gtctl validate)",
            ),
        }
    }

    /// Nobody else would wait for what a launcher's commands do: they may end, unless this was interrupted. What comes of
    /// them belongs to the last cycle.
    async fn end_errands(
        &mut self,
        controller: &mut Controller,
        place: &Place,
        last: &mut Cycle,
        terminal: &Terminal,
    ) -> Result<(), Trouble> {
        let farewell = if self.interrupted { Farewell::Break } else { Farewell::Wait };
        let late = controller.end_errands(farewell).await?;
        if !terminal.is_json() {
            terminal.print(&page::outcomes(&place.town, &late, &terminal.paper(proc::clock::now())));
        }
        self.done.extend(late.iter().cloned());
        last.outcomes.extend(late);
        Ok(())
    }

    /// How long to sleep before another cycle; none when this was the last.
    fn pause(&self, cycle: &Cycle) -> Option<Period> {
        let now = proc::clock::now();
        let left = self.wait.minus(now.since(&self.begun));
        let acted = cycle.outcomes.iter().any(|done| !matches!(done.outcome, Outcome::Failed(_)));
        let moving = self.is_moving(&cycle.plan);
        let due = self.held(&cycle.plan).filter_map(|held| self.due(held, now, left)).min();
        if left.is_zero() || matches!(cycle.observed, Observed::Unknown(_)) {
            return None;
        }
        let soon = (acted || moving).then_some(LOOK_EVERY);
        soon.into_iter().chain(due).min().map(|pause| pause.max(Period::from_millis(20)).min(left))
    }

    /// When a held step comes due, if that is worth waiting for.
    fn due(&self, held: &Held, now: Moment, left: Period) -> Option<Period> {
        if let Hold::Draining { .. } = held.hold {
            return (now.since(&self.begun) < DRAIN_PATIENCE).then_some(LOOK_EVERY);
        }
        let due = now.until(&held.until?);
        (due < left).then_some(due)
    }

    /// Prints what was done, and each session that waits for the first time or for something else.
    fn report(&self, place: &Place, cycle: &Cycle, reported: &mut BTreeMap<String, &'static str>, terminal: &Terminal) {
        if terminal.is_json() {
            return;
        }
        let paper = terminal.paper(cycle.now);
        let shown: Vec<Done> =
            cycle.outcomes.iter().filter(|done| !matches!(done.outcome, Outcome::Stale(_))).cloned().collect();
        terminal.print(&page::outcomes(&place.town, &shown, &paper));
        for held in self.held(&cycle.plan) {
            let is_news = reported.insert(held.session.to_string(), held.hold.code()) != Some(held.hold.code());
            let worth_it = matches!(
                held.hold,
                Hold::BackOff { .. } | Hold::Draining { .. } | Hold::MassGuard { .. } | Hold::Gastown(_)
            );
            if is_news && worth_it && !self.wait.is_zero() {
                terminal.print(&page::waits(&place.town, held, &paper));
            }
        }
    }

    /// The last word, and the exit code.
    fn conclude(&self, place: &Place, last: &Cycle, terminal: &Terminal) -> Result<Exit, Trouble> {
        let scene = Scene {
            town: &place.town,
            observed: &last.observed,
            memory: &last.memory,
            plan: &last.plan,
            now: last.now,
        };
        if terminal.is_json() {
            terminal.print_json(&json::apply(&scene, &self.done));
        }
        if let Observed::Unknown(why) = &last.observed {
            return Err(Trouble::new(format!("nothing was done, because the town is unknown: {why}"))
                .help("look at the tmux server; gtctl acts again as soon as it answers"));
        }
        if !terminal.is_json() {
            terminal.print(&page::summary(&self.done, &scene, &terminal.paper(last.now)));
        }
        if self.interrupted {
            terminal.warn("interrupted: what was begun is finished, what is left shows in gtctl diff");
            return Ok(Exit::Partial);
        }
        let failed = last.outcomes.iter().any(|done| matches!(done.outcome, Outcome::Failed(_) | Outcome::Unknown(_)));
        let left =
            failed || self.held(&last.plan).next().is_some() || self.is_moving(&last.plan) && !self.wait.is_zero();
        Ok(if left { Exit::Partial } else { Exit::Done })
    }

    /// What is held of what was asked for.
    fn held<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = &'p Held> {
        plan.held.iter().filter(|held| self.asks_for(&held.session, held.verb))
    }

    fn asks_for(&self, session: &SessionName, verb: Verb) -> bool {
        match &self.scope {
            Scope::Town => true,
            Scope::Sessions(names) => names.contains(session),
            Scope::Expiries => verb == Verb::Expire,
            Scope::Chore(_) => false,
        }
    }

    /// Whether something that was asked for starts or stops.
    fn is_moving(&self, plan: &Plan) -> bool {
        let moving = |phase: Phase| matches!(phase, Phase::Starting | Phase::Stopping);
        let starts = |calm: &Unchanged| moving(calm.phase) && self.asks_for(&calm.session, Verb::Start);
        plan.unchanged.iter().any(starts) || self.held(plan).any(|held| moving(held.phase))
    }
}
