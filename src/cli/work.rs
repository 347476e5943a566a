//! Carries out what was asked for, cycle by cycle, until nothing is left that can be done in time.

use super::args::Waiting;
use super::exit::{Exit, Trouble};
use super::manifest::Attempt;
use super::output::Terminal;
use super::place::Place;
use super::reconcile::is_same_place;
use super::scene;
use super::stamps::{Change, Followed};
use crate::controller::{Controller, Cycle, Farewell, begun};
use crate::model::{
    Done, Held, Hold, Moment, Observed, Orders, Outcome, Period, Phase, Plan, Scope, SessionName,
    Unchanged, Verb,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc;
use crate::render::{apply as page, json};
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How often to look while something starts or stops.
const LOOK_EVERY: Period = Period::from_millis(200);
/// How long a verb waits for a session to become idle before it reports the restart as held.
const DRAIN_PATIENCE: Period = Period::from_secs(15);

/// After an interruption the sessions under way may take the longest `stop_grace` and this much
/// more.
const FINISH_SLACK: Period = Period::from_secs(15);
/// The upper bound of that time.
const FINISH_AT_MOST: Period = Period::from_mins(2);

/// Interruptions: SIGINT, SIGTERM and SIGHUP, counted.
struct Interrupts {
    interrupt: Signal,
    terminate: Signal,
    /// None where SIGHUP was ignored from the beginning, as by `nohup`.
    hangup: Option<Signal>,
    count: u32,
}

impl Interrupts {
    fn listen() -> Result<Self, Trouble> {
        let listen = |kind: SignalKind| {
            signal(kind).map_err(|e| Trouble::new("cannot listen for signals").because(&e))
        };
        let ignored = proc::signal::ignores_hangup();
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: if ignored {
                None
            } else {
                Some(listen(SignalKind::hangup())?)
            },
            count: 0,
        })
    }

    /// Waits for the next one.
    async fn next(&mut self) {
        let Self {
            interrupt,
            terminate,
            hangup,
            ..
        } = self;
        let hung_up = async {
            match hangup {
                Some(hangup) => drop(hangup.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            () = hung_up => {}
        }
        self.count = self.count.saturating_add(1);
    }
}

/// How long a verb may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wait {
    /// One cycle.
    OneCycle,
    /// So long in all: the user said so.
    InAll(Period),
    /// So long without getting any further.
    Idle(Period),
}

impl Wait {
    /// How long a verb waits by default.
    const USUAL: Period = Period::from_mins(2);

    /// What the flags `--no-wait` and `--timeout` mean.
    pub(super) fn of(flags: &Waiting) -> Self {
        if flags.no_wait {
            Self::OneCycle
        } else {
            Self::at_most(flags.timeout)
        }
    }

    /// What `--timeout` means where a verb always waits.
    pub(super) fn at_most(timeout: Option<Period>) -> Self {
        timeout.map_or(Self::Idle(Self::USUAL), Self::InAll)
    }
}

/// What must still be finished after an interruption.
struct Finishing {
    since: Moment,
    most: Period,
    /// Sessions that are in the middle of a stop or a restart.
    left: Vec<SessionName>,
}

/// The cycles that carry out what was asked for, and their outcomes.
pub(super) struct Work {
    begun: Moment,
    /// When something was last done.
    moved: Moment,
    orders: Orders,
    scope: Scope,
    wait: Wait,
    /// Everything done, in order.
    done: Vec<Done>,
    interrupts: u32,
    finishing: Option<Finishing>,
    /// The files of the manifest. None where a saved plan is carried out.
    files: Option<Followed>,
}

impl Work {
    /// Work that may take this long.
    pub(super) fn new(wait: Wait, orders: Orders, scope: Scope) -> Self {
        let begun = proc::clock::now();
        let done = Vec::new();
        Self {
            begun,
            moved: begun,
            orders,
            scope,
            wait,
            done,
            interrupts: 0,
            finishing: None,
            files: None,
        }
    }

    /// Reads the manifest again when it is edited meanwhile.
    pub(super) fn following(self, place: &Place, controller: &mut Controller) -> Self {
        let files = Followed::new(place.stamps.clone());
        controller.compare_with(files.is_current());
        Self {
            files: Some(files),
            ..self
        }
    }

    /// Carries it out, and prints what happens.
    ///
    /// After the first interruption nothing new begins, and begun stops and restarts are finished.
    /// The second one ends the verb at once.
    pub(super) async fn run(
        mut self,
        controller: &mut Controller,
        place: &mut Place,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let Some(mut last) = self.until_settled(controller, place, terminal).await? else {
            terminal
                .warn("interrupted before the first check: `gtctl diff` shows what is left to do");
            return Ok(Exit::Partial);
        };
        let place = &*place;
        self.end_launcher_jobs(controller, place, &mut last, terminal)
            .await?;
        if self.wait == Wait::OneCycle {
            controller.learn_readiness(&place.town, self.orders).await?;
        }
        self.conclude(place, &last, terminal)
    }

    /// Runs cycles until nothing is left that can be done in time. Returns the last one; none where
    /// two interruptions came before the end of the first cycle.
    async fn until_settled(
        &mut self,
        controller: &mut Controller,
        place: &mut Place,
        terminal: &Terminal,
    ) -> Result<Option<Cycle>, Trouble> {
        let mut reported = SortedMap::new();
        let mut noticed = SortedSet::new();
        let mut last = None;
        // It listens from the beginning. An interruption during a cycle lets the cycle finish its
        // steps.
        let mut interrupts = Interrupts::listen()?;
        loop {
            self.heed_edits(place, terminal);
            let Some(cycle) = self.cycle(controller, place, &mut interrupts).await? else {
                return Ok(last);
            };
            cycle
                .notices
                .iter()
                .filter(|notice| noticed.insert((*notice).clone()))
                .for_each(|n| terminal.warn(n));
            report(place, &cycle, terminal);
            self.done.extend(cycle.outcomes.iter().cloned());
            self.note_progress(&cycle);
            if self.interrupts == 0 {
                let Some(pause) = self.pause(&cycle) else {
                    return Ok(Some(cycle));
                };
                self.report_waits(place, &cycle, &mut reported, terminal);
                tokio::select! {
                    biased;
                    () = interrupts.next() => self.interrupts = interrupts.count,
                    () = tokio::time::sleep(pause.to_std()) => {}
                }
            }
            if self.interrupts > 0 && !self.has_to_finish(place, &cycle, terminal) {
                return Ok(Some(cycle));
            }
            if self.interrupts > 0 {
                tokio::select! {
                    biased;
                    () = interrupts.next() => self.interrupts = interrupts.count,
                    () = tokio::time::sleep(LOOK_EVERY.to_std()) => {}
                }
                if self.interrupts > 1 {
                    return Ok(Some(cycle));
                }
            }
            last = Some(cycle);
        }
    }

    /// One cycle. None after two interruptions.
    async fn cycle(
        &mut self,
        controller: &mut Controller,
        place: &Place,
        interrupts: &mut Interrupts,
    ) -> Result<Option<Cycle>, Trouble> {
        let left = self
            .finishing
            .as_ref()
            .map(|finishing| Scope::Sessions(finishing.left.clone()));
        let scope = left.unwrap_or_else(|| self.scope.clone());
        let cycle = controller.cycle(&place.town, self.orders, &scope);
        tokio::pin!(cycle);
        loop {
            tokio::select! {
                biased;
                () = interrupts.next() => self.interrupts = interrupts.count,
                cycle = &mut cycle => return Ok(Some(cycle?)),
            }
            if self.interrupts > 1 {
                return Ok(None);
            }
        }
    }

    /// Reads the manifest again if it was edited. A broken one changes nothing: begun work is
    /// finished by the last good one.
    fn heed_edits(&mut self, place: &mut Place, terminal: &Terminal) {
        let Some(files) = &mut self.files else { return };
        if files.look(proc::clock::now()) != Change::Settled {
            return;
        }
        // A manifest that does not answer is read when it answers again.
        let Ok(Attempt {
            stamps,
            read,
            texts,
        }) = place.file.attempt()
        else {
            return files.read_late();
        };
        files.read_again(stamps);
        match read {
            Ok(Ok(loaded)) if is_same_place(&loaded.town, &place.town) => {
                *place.town = loaded.town;
                place.texts = texts.unwrap_or_else(|| place.texts.clone());
                terminal.note("the manifest was edited meanwhile; gtctl reads it again");
            }
            Ok(Ok(_)) => terminal.warn("the manifest now names another town or server: gtctl continues with the former one"),
            Ok(Err(_)) | Err(_) => terminal.warn(
                "the manifest was edited meanwhile and has errors: gtctl continues with the former one; `gtctl validate` shows the errors",
            ),
        }
    }

    /// Whether begun stops and restarts may still be finished. Prints so the first time.
    fn has_to_finish(&mut self, place: &Place, cycle: &Cycle, terminal: &Terminal) -> bool {
        let left: Vec<SessionName> = begun(cycle)
            .into_iter()
            .filter(|name| self.asks_for(name, Verb::Expire))
            .collect();
        let now = proc::clock::now();
        let finishing = self.finishing.get_or_insert_with(|| {
            let grace = |name: &SessionName| {
                place
                    .town
                    .sessions
                    .get(name)
                    .map(|desired| desired.stop_grace)
            };
            let most = left
                .iter()
                .filter_map(grace)
                .max()
                .unwrap_or_default()
                .plus(FINISH_SLACK);
            if !left.is_empty() {
                terminal.warn(&format!(
                    "interrupted: finishing {}; interrupt again to exit at once",
                    listed(&left)
                ));
            }
            Finishing {
                since: now,
                most: most.min(FINISH_AT_MOST),
                left: Vec::new(),
            }
        });
        finishing.left = left;
        !finishing.left.is_empty() && now.since(&finishing.since) < finishing.most
    }

    /// As long as rolling restarts make progress, the verb waits for them.
    fn note_progress(&mut self, cycle: &Cycle) {
        if cycle
            .outcomes
            .iter()
            .any(|done| matches!(done.outcome, Outcome::Done(_)))
        {
            self.moved = proc::clock::now();
        }
    }

    /// The time that is left.
    fn left(&self, now: Moment) -> Period {
        match self.wait {
            Wait::OneCycle => Period::ZERO,
            Wait::InAll(wait) => wait.minus(now.since(&self.begun)),
            Wait::Idle(wait) => wait.minus(now.since(&self.moved)),
        }
    }

    /// Nobody else would wait for a launcher's commands. So the verb waits for them, unless it was
    /// interrupted. Their outcomes belong to the last cycle.
    async fn end_launcher_jobs(
        &mut self,
        controller: &mut Controller,
        place: &Place,
        last: &mut Cycle,
        terminal: &Terminal,
    ) -> Result<(), Trouble> {
        let farewell = if self.interrupts > 0 {
            Farewell::Break
        } else {
            Farewell::Wait
        };
        let late = controller.end_launcher_jobs(farewell).await?;
        if !terminal.is_json() {
            terminal.mention(&page::outcomes(
                &place.town,
                &last.memory,
                &late,
                &terminal.paper(proc::clock::now()),
            ));
        }
        self.done.extend(late.iter().cloned());
        last.outcomes.extend(late);
        Ok(())
    }

    /// How long to sleep before the next cycle. None after the last one.
    fn pause(&self, cycle: &Cycle) -> Option<Period> {
        let now = proc::clock::now();
        let left = self.left(now);
        let acted = cycle
            .outcomes
            .iter()
            .any(|done| !matches!(done.outcome, Outcome::Failed(_)));
        let moving = self.is_moving(&cycle.plan);
        let due = self
            .held(&cycle.plan)
            .filter_map(|held| self.due(held, now, left))
            .min();
        if left.is_zero() || matches!(cycle.observed, Observed::Unknown(_)) {
            return None;
        }
        let soon = (acted || moving || cycle.freed_a_place()).then_some(LOOK_EVERY);
        soon.into_iter()
            .chain(due)
            .min()
            .map(|pause| pause.max(Period::from_millis(20)).min(left))
    }

    /// When a held step becomes due, if the verb should wait for it.
    fn due(&self, held: &Held, now: Moment, left: Period) -> Option<Period> {
        if let Hold::Draining { .. } = held.hold {
            return (now.since(&self.moved) < DRAIN_PATIENCE).then_some(LOOK_EVERY);
        }
        // It was refused just now. The verb reports that and does not wait.
        if let Hold::Failed { .. } = held.hold {
            return None;
        }
        if let Hold::After { why, .. } = &held.hold
            && why.is_on_its_way()
        {
            return Some(LOOK_EVERY);
        }
        let due = now.until(&held.until?);
        (due < left).then_some(due)
    }

    /// Prints each session that waits for the first time, or for something new. The last word
    /// covers the last cycle.
    fn report_waits(
        &self,
        place: &Place,
        cycle: &Cycle,
        reported: &mut SortedMap<SessionName, Hold>,
        terminal: &Terminal,
    ) {
        if terminal.is_json() {
            return;
        }
        let paper = terminal.paper(cycle.now);
        for held in self.held(&cycle.plan) {
            let is_news = reported
                .insert(held.session.clone(), held.hold.clone())
                .is_none_or(|before| !before.is_like(&held.hold));
            let worth_it = matches!(
                held.hold,
                Hold::BackOff { .. }
                    | Hold::CannotStart { .. }
                    | Hold::Draining { .. }
                    | Hold::MassGuard { .. }
                    | Hold::Gastown(_)
            );
            if is_news && worth_it {
                terminal.mention(&page::waits(&place.town, held, &paper));
            }
        }
    }

    /// The last word, and the exit code.
    fn conclude(&self, place: &Place, last: &Cycle, terminal: &Terminal) -> Result<Exit, Trouble> {
        let scene = scene::of_cycle(&place.town, last);
        if terminal.is_json() {
            terminal.print_json(&json::apply(&scene, &self.done));
        }
        if let Observed::Unknown(why) = &last.observed {
            return Err(Trouble::new(format!(
                "nothing was done, because the state of the town is unknown: {why}"
            ))
            .help(
                "`gtctl doctor` checks the tmux server; gtctl acts again as soon as it answers",
            ));
        }
        if !terminal.is_json() {
            let paper = terminal.paper(last.now);
            let asked = |session: &SessionName, verb: Verb| self.asks_for(session, verb);
            let waited = self.wait != Wait::OneCycle;
            let pages = [
                page::left(&scene, &self.done, waited, asked, &paper),
                page::summary(&self.done, &scene, &paper),
            ];
            for text in pages {
                if self.interrupts > 0 {
                    terminal.mention(&text);
                } else {
                    terminal.print(&text);
                }
            }
        }
        if self.interrupts > 0 {
            let left = self
                .finishing
                .as_ref()
                .map(|finishing| finishing.left.as_slice())
                .unwrap_or_default();
            terminal.warn(&if left.is_empty() {
                "interrupted: running steps are finished; `gtctl diff` shows what is left to do"
                    .to_owned()
            } else {
                format!(
                    "interrupted in the middle of {}: `gtctl apply` or a controller continues",
                    listed(left)
                )
            });
            return Ok(Exit::Partial);
        }
        let failed = last
            .outcomes
            .iter()
            .any(|done| matches!(done.outcome, Outcome::Failed(_) | Outcome::Unknown(_)));
        let left = failed
            || self.held(&last.plan).next().is_some()
            || self.is_moving(&last.plan) && self.wait != Wait::OneCycle;
        Ok(if left { Exit::Partial } else { Exit::Done })
    }

    /// The held steps of what was asked for.
    fn held<'p>(&'p self, plan: &'p Plan) -> impl Iterator<Item = &'p Held> {
        plan.held
            .iter()
            .filter(|held| self.asks_for(&held.session, held.verb))
    }

    fn asks_for(&self, session: &SessionName, verb: Verb) -> bool {
        match &self.scope {
            Scope::Town => true,
            Scope::Sessions(names) => names.contains(session),
            Scope::Expiries(names) => {
                verb == Verb::Expire && (names.is_empty() || names.contains(session))
            }
            Scope::Chore(_) => false,
        }
    }

    /// Whether something that was asked for is starting or stopping.
    fn is_moving(&self, plan: &Plan) -> bool {
        let moving = |phase: Phase| matches!(phase, Phase::Starting | Phase::Stopping);
        let starts =
            |calm: &Unchanged| moving(calm.phase) && self.asks_for(&calm.session, Verb::Start);
        plan.unchanged.iter().any(starts) || self.held(plan).any(|held| moving(held.phase))
    }
}

/// Some names, as part of a sentence.
fn listed(names: &[SessionName]) -> String {
    const SHOWN: usize = 5;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(SessionName::as_str).collect();
    let more = names.len().saturating_sub(SHOWN);
    if more > 0 {
        format!("{} and {more} more", shown.join(", "))
    } else {
        shown.join(", ")
    }
}

/// Prints the steps that were done.
fn report(place: &Place, cycle: &Cycle, terminal: &Terminal) {
    if terminal.is_json() {
        return;
    }
    let shown: Vec<Done> = cycle
        .outcomes
        .iter()
        .filter(|done| !matches!(done.outcome, Outcome::Stale(_)))
        .cloned()
        .collect();
    // The work goes on even if nobody reads the output.
    let paper = terminal.paper(cycle.now);
    terminal.mention(&page::outcomes(&place.town, &cycle.memory, &shown, &paper));
}
