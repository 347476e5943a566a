//! One whole cycle.

use super::caught::break_off_for_a_test;
use super::durable::Kept;
use super::history::Sampler;
use super::launcher::Heard;
use super::pipes::Piped;
use super::prober::Prober;
use super::recording::Recording;
use super::survey::{Eyes, decide};
use crate::act::{self, Known, LauncherJobs};
use crate::chores::Chores;
use crate::events::{Actor, EndedStep, Happened, PhaseBook, TownEvent, What, journal, of_cycle};
use crate::files::aside::Late;
use crate::memory::{departed, handoffs, idle_saved};
use crate::model::{
    Answer, Definition, Done, Effect, Entry, Hold, Memory, Moment, Observed, Orders, Outcome,
    Outcomes, Period, Plan, ProcId, Scope, ServerId, SessionName, Town,
};
use crate::observe::{Depth, Living, LookCache};
use crate::proc;
use crate::proc::env_tag::{Behind, Scan};
use crate::reconcile::{
    Arrivals, Beside, Decided, Intended, Observation, Settled, TakenIn, take_in,
};
use crate::store::{Counted, Keeps, Lock, LockFault, Retention, StateDir, StoreFault};
use crate::tmux::{Access, Client};
use crate::web::Demand;
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::rc::Rc;

/// How long to wait for the town's turn: longer than a cycle may take.
pub(super) const TURN_PATIENCE: Period = Period::from_secs(30);

/// One town's state directory and the way to its tmux server, over many cycles.
#[derive(Debug)]
pub struct Controller {
    /// The town that the state must belong to; none: any town.
    pub(super) town: Option<SessionName>,
    /// What the lock file says about this process.
    pub(super) keeps: Option<Keeps>,
    pub(super) client: Client,
    /// A client that keeps its connection from cycle to cycle, while they are close.
    pub(super) lasting: Option<Client>,
    pub(super) store: StateDir,
    pub(super) me: ProcId,
    /// The program that takes what panes print.
    pub(super) sink: Option<PathBuf>,
    pub(super) kept: Kept,
    pub(super) last_plan: Plan,
    /// The record that the manifest asks for; none where this process keeps none.
    pub(super) recording: Option<Recording>,
    /// The runs of chores; none where this controller runs no chores.
    pub(super) chores: Option<Chores>,
    /// Asks agents whether they are signed in; none in a process that ends after its cycles.
    pub(super) prober: Option<Prober>,
    /// The starts and stops by commands that are under way.
    pub(super) launcher_jobs: LauncherJobs,
    /// Who reads its page.
    pub(super) readers: Demand,
    /// The sessions whose output was not recorded any more, and what was tried.
    pub(super) piped: Piped,
    /// What is known before the next cycle begins.
    pub(super) ahead: Ahead,
    /// What the last look has listed.
    pub(super) looks: LookCache,
    /// Tells whether the files of the manifest still say what the cycles use.
    pub(super) is_current: IsCurrent,
    /// Who causes what it does by the manifest.
    pub(super) actor: Actor,
    /// The phases of the sessions. None before the first cycle, and where another process may have
    /// written some.
    pub(super) phases: Option<PhaseBook>,
    /// What has happened beside the cycles, and stands in the journal, since the last cycle ended.
    pub(super) beside: Vec<TownEvent>,
    /// Measures the sessions; none in a process that ends after its cycles.
    pub(super) sampler: Option<Box<Sampler>>,
}

/// What has come beside a cycle, for its events.
struct Besides {
    ended: Vec<EndedStep>,
    answers: Vec<(String, Answer)>,
}

/// A cheap question that never waits.
pub(super) struct IsCurrent(Box<dyn Fn() -> bool>);

impl std::fmt::Debug for IsCurrent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("IsCurrent")
    }
}

/// What one cycle saw, decided and did.
#[derive(Debug, Clone)]
pub struct Cycle {
    /// The moment of its look.
    pub now: Moment,
    /// What was seen.
    pub observed: Observed,
    /// The sessions that its look was for.
    pub scope: Scope,
    /// What is remembered after it.
    pub memory: Memory,
    /// What was decided.
    pub plan: Plan,
    /// What came of it.
    pub outcomes: Outcomes,
    /// What happened, for those who tell of it.
    pub events: Vec<TownEvent>,
    /// What people should know beside it.
    pub notices: Vec<String>,
}

/// Why a cycle could not even begin.
#[derive(Debug, thiserror::Error)]
pub enum CycleFault {
    /// Another process is acting on the town.
    #[error("another gtctl did not let go of the town in time")]
    Lock(#[source] LockFault),
    /// The state cannot be used.
    #[error("the town's state cannot be used")]
    Store(#[source] StoreFault),
    /// The state directory does not answer.
    #[error("nothing is done meanwhile")]
    Late(#[source] Late),
    /// It broke off, by a defect of gtctl's own.
    #[error("a defect of gtctl stopped a cycle ({said}); the next one runs in {}", time(*.rest))]
    Defect {
        /// What the panic said.
        said: String,
        /// How long until the next cycle.
        rest: Period,
    },
}

impl CycleFault {
    /// How long to do nothing, where each event would only lead to the same error.
    pub(super) fn rest(&self) -> Option<Period> {
        match self {
            Self::Defect { rest, .. } => Some(*rest),
            Self::Lock(_) | Self::Store(_) | Self::Late(_) => None,
        }
    }
}

fn time(period: Period) -> String {
    format!("{} s", period.millis().div_ceil(1000))
}

/// What is known before a cycle begins. It counts for that cycle alone.
#[derive(Debug, Default)]
pub(super) struct Ahead {
    living: Living,
    scan: Option<Rc<RefCell<Scan>>>,
}

impl Cycle {
    /// Whether a step failed and another step waits for its place. The next cycle takes it.
    #[must_use]
    pub fn freed_a_place(&self) -> bool {
        let waits = |hold: &Hold| match hold {
            Hold::ConcurrentStarts { .. }
            | Hold::StartBudget { .. }
            | Hold::Rolling { .. }
            | Hold::Wave { .. }
            | Hold::After { .. } => true,
            Hold::BackOff { .. }
            | Hold::CrashLoop { .. }
            | Hold::HandoffGap { .. }
            | Hold::Attached { .. }
            | Hold::OwnSession
            | Hold::RollStopped { .. }
            | Hold::Failed { .. }
            | Hold::CannotStart { .. }
            | Hold::MassGuard { .. }
            | Hold::ClockJump { .. }
            | Hold::Draining { .. }
            | Hold::Stopping { .. }
            | Hold::NameTaken { .. }
            | Hold::LabelUnproved { .. }
            | Hold::MovedOut { .. }
            | Hold::ForeignTown { .. }
            | Hold::Blocked { .. }
            | Hold::EscapeSent { .. }
            | Hold::LauncherFailed { .. }
            | Hold::SecondLook
            | Hold::Paused
            | Hold::Gastown(_)
            | Hold::ServerLosses { .. }
            | Hold::NotDurable
            | Hold::EmptyTown
            | Hold::ManifestChanging => false,
        };
        let failed = |done: &Done| matches!(done.outcome, Outcome::Failed(_));
        self.outcomes.iter().any(failed) && self.plan.held.iter().any(|held| waits(&held.hold))
    }
}

impl Controller {
    /// A controller on an open state directory. `me` is this process, for others to see in the
    /// locks.
    #[must_use]
    pub fn new(client: Client, store: StateDir, me: ProcId) -> Self {
        let (kept, last_plan, launcher_jobs) =
            (Kept::default(), Plan::default(), LauncherJobs::default());
        Self {
            town: None,
            keeps: None,
            client,
            lasting: None,
            store,
            me,
            sink: None,
            kept,
            last_plan,
            recording: None,
            chores: None,
            prober: None,
            launcher_jobs,
            readers: Demand::default(),
            piped: Piped::new(),
            ahead: Ahead::default(),
            looks: LookCache::default(),
            is_current: IsCurrent(Box::new(|| true)),
            actor: Actor::Verb,
            phases: None,
            beside: Vec::new(),
            sampler: None,
        }
    }

    /// Ignores a state that belongs to another town: a request for that town means nothing here.
    #[must_use]
    pub fn of_town(self, town: &SessionName) -> Self {
        Self {
            town: Some(town.clone()),
            ..self
        }
    }

    /// Says this of itself while it holds its lock.
    #[must_use]
    pub fn keeping(self, keeps: Keeps) -> Self {
        Self {
            keeps: Some(keeps),
            ..self
        }
    }

    /// A loaded memory as the memory of the town, and a notice for people.
    pub(super) fn as_of_town(&self, memory: Memory) -> (Memory, Option<String>) {
        let Some(town) = &self.town else {
            return (memory, None);
        };
        let (memory, other) = memory.of_town(town);
        let notice = other.map(|other| {
            let state = self.store.main_file();
            format!(
                "{} belongs to town `{other}`, not to `{town}`: gtctl does not use it",
                state.display()
            )
        });
        (memory, notice)
    }

    /// Asks before each decision whether the files of the manifest still say what the cycles use.
    /// While they do not, nothing is started.
    pub fn compare_with(&mut self, is_current: impl Fn() -> bool + 'static) {
        self.is_current = IsCurrent(Box::new(is_current));
    }

    fn definition(&self) -> Definition {
        let IsCurrent(is_current) = &self.is_current;
        if is_current() {
            Definition::Current
        } else {
            Definition::Changing
        }
    }

    /// Records the output of the sessions that it starts, by `sink` of this program.
    #[must_use]
    pub fn logging(self, program: Option<PathBuf>) -> Self {
        Self {
            sink: program,
            ..self
        }
    }

    pub(super) fn store(&self) -> &StateDir {
        &self.store
    }

    /// The files in which agents' clients say what their agents do.
    pub(super) fn report_files(&self) -> BTreeSet<PathBuf> {
        self.looks.report_files(self.store.view())
    }

    /// Keeps the connection to tmux between cycles that are close. The caller must wait where the
    /// runtime can work on the connection.
    pub(super) fn keep_connection(&mut self) {
        self.lasting
            .get_or_insert_with(|| self.client.lasting(Access::Act));
    }

    /// Becomes the one controller of the town, for as long as the lock is kept.
    ///
    /// # Errors
    /// [`LockFault::Held`] when there is one.
    pub fn claim(&self) -> Result<Lock, LockFault> {
        self.store.lock_controller(self.me, self.keeps.as_ref())
    }

    /// Takes in that agents have just ended, and which agents live. While the next cycle looks at
    /// tmux, it also looks for processes that the ended ones left behind.
    pub(super) fn hear_ends(&mut self, town: &Town, living: Living) {
        let behind = |server| Behind {
            server,
            panes: living.others(self.looks.panes()),
        };
        let scan = living
            .server()
            .map(|server| Scan::behind(&town.name, behind(server)));
        let scan = scan.unwrap_or_else(|| Scan::new(&town.name));
        let scan = Rc::new(RefCell::new(scan));
        self.ahead = Ahead {
            living: living.scanning(Rc::clone(&scan)),
            scan: Some(scan),
        };
    }

    /// Takes in which agents live. The next cycle does not ask about them.
    pub(super) fn take_as_living(&mut self, living: Living) {
        self.ahead = Ahead { living, scan: None };
    }

    /// Runs one cycle, holding the town's turn.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was touched then. What goes wrong later is in the cycle's outcomes
    /// and notices.
    pub async fn cycle(
        &mut self,
        town: &Town,
        orders: Orders,
        scope: &Scope,
    ) -> Result<Cycle, CycleFault> {
        self.store.view().answers().map_err(CycleFault::Late)?;
        let Ahead { living, scan } = std::mem::take(&mut self.ahead);
        let turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        let mut notices = Vec::new();

        let recalled = self.recall(&mut notices)?;
        let (arrivals, ended) = self.arrivals(&mut notices);
        let TakenIn { memory, answers } = take_in(recalled, arrivals, proc::process::may_live);

        let client = self
            .lasting
            .clone()
            .unwrap_or_else(|| self.client.lasting(Access::Act));
        // Asked under the turn: the process before may have used a newer definition.
        let orders = Orders {
            definition: self.definition(),
            ..orders
        };
        let before = self.before_look(town, &memory);
        let eyes = Eyes {
            client: &client,
            state: self.store.view(),
            depth: Depth::Plan,
            looks: &mut self.looks,
        };
        let (learned, unheard) = Box::pin(eyes.look(town, memory, living)).await;
        notices.extend(unheard);

        let decided = Box::pin(decide(learned, orders)).await;
        self.record(before, &decided, &mut notices);
        let intended = self.write_intent(self.narrowed(decided, scope), &mut notices);
        break_off_for_a_test();

        self.ask_due(intended.plan(), intended.decided().now());
        let outcomes = if turn.still_ours() {
            Box::pin(self.carry_out(&client, &intended, scope, scan, &mut notices)).await
        } else {
            notices.push(
                "the lock file was replaced while this cycle ran: nothing was done".to_owned(),
            );
            Outcomes::new()
        };

        let settled = intended.settle(&outcomes);
        self.save_outcomes(&settled, &outcomes, &ended, &mut notices);
        let beside = Besides {
            ended: ended.steps(),
            answers,
        };
        let mut events = std::mem::take(&mut self.beside);
        events.extend(self.report(&settled, &outcomes, &beside, &mut notices));
        let decided = settled.decided();
        self.sample(decided.observed(), decided.scope(), decided.now());
        let ran = self.end_turn(settled, ended.before(outcomes), notices);
        Ok(Cycle { events, ..ran })
    }

    /// What has ended beside the cycles since the last one. The part of the launchers comes back
    /// apart, for the report of the cycle.
    fn arrivals(&mut self, notices: &mut Vec<String>) -> (Arrivals, Heard) {
        let chores = self.chore_arrivals(notices);
        let (launcher, heard) = self.launcher_arrivals();
        let answers = self.take_answers();
        (
            Arrivals {
                chores,
                answers,
                launcher: Some(launcher),
            },
            heard,
        )
    }

    /// The part of the decision that was asked for, and that this process can carry out.
    fn narrowed<'t>(&self, decided: Decided<'t>, scope: &Scope) -> Decided<'t> {
        let decided = if self.chores.is_some() {
            decided.accept_proposals()
        } else {
            decided
        };
        let decided = decided.limited_to(scope);
        if self.prober.is_some() {
            decided
        } else {
            decided.without_probes()
        }
    }

    /// Carries out the steps, and begins the jobs beside the cycles. All are written down before.
    async fn carry_out(
        &mut self,
        client: &Client,
        intended: &Intended<'_>,
        scope: &Scope,
        scan: Option<Rc<RefCell<Scan>>>,
        notices: &mut Vec<String>,
    ) -> Outcomes {
        let (decided, memory, plan) = (intended.decided(), intended.memory(), intended.plan());
        notices.extend(act::instruct(plan).await);
        let scan = scan.and_then(Rc::into_inner).map(RefCell::into_inner);
        let known = Known::of(decided.observed()).with(scan);
        if !plan.steps.is_empty() {
            self.looks.outdate();
        }
        let outcomes = Box::pin(self.act(client, intended, known)).await;
        self.begin_launcher_jobs(intended, &outcomes);
        if *decided.scope() == Scope::Town && *scope == Scope::Town && !memory.paused {
            self.repipe(client, decided, notices).await;
        }
        if self.chores.is_some() && self.kept.holds(memory) {
            self.begin_chores(intended, scope);
        }
        outcomes
    }

    /// Writes what came of the plan, and of launcher commands that have ended.
    fn save_outcomes(
        &mut self,
        settled: &Settled<'_>,
        outcomes: &[Done],
        ended: &Heard,
        notices: &mut Vec<String>,
    ) {
        let town = settled.decided().town();
        if !outcomes.is_empty() {
            self.save(settled.memory(), notices);
            self.retire_logs(town, outcomes, notices);
        }
        self.retire_logs(town, &ended.outcomes(), notices);
    }

    /// The events of the cycle. Writes the journal and the files that dashboards read. None of
    /// these is worth failing for.
    fn report(
        &mut self,
        settled: &Settled<'_>,
        outcomes: &[Done],
        beside: &Besides,
        notices: &mut Vec<String>,
    ) -> Vec<TownEvent> {
        let (decided, memory) = (settled.decided(), settled.memory());
        let (before, plan, now) = (decided.memory(), decided.plan(), decided.now());
        let planned = handoffs(before, memory);
        let (departures, spared) = self.take_leave(memory);
        let book = self.phases.take();
        let mut book = book.unwrap_or_else(|| PhaseBook::of(self.store.view().last_phases()));
        let happened = Happened {
            now,
            actor: self.actor.clone(),
            before: &self.last_plan,
            observed: decided.observed(),
            plan,
            outcomes,
            memory,
            ended: &beside.ended,
            departures: &departures,
            answers: &beside.answers,
            chores: self.own_chores(decided.town()),
        };
        let events = of_cycle(&happened);
        self.note_phases(&mut book, &happened, &events, decided);
        self.phases = Some(book);
        let entries = self.unwritten(journal(&events));
        let counted = Counted {
            cycles: 1,
            handoffs: planned.len() as u64,
            idle_saved: idle_saved(before, plan, outcomes, now).plus(spared),
            analyses: 0,
        };
        let written = self
            .store
            .journal(now, &entries)
            .and_then(|()| self.store.write_handoffs(&planned))
            .and_then(|()| {
                if entries.is_empty() {
                    Ok(())
                } else {
                    self.store.count(now, counted)
                }
            });
        if let Err(fault) = written {
            notices.push(format!("the journal was not written: {}", chain(&fault)));
        }
        self.last_plan = comparable(&self.last_plan, plan, decided.town());
        events
    }

    /// The entries that no other process has written. Only the first look can have such.
    fn unwritten(&self, entries: Vec<Entry>) -> Vec<Entry> {
        if self.last_plan == Plan::default() {
            self.store.news_among(entries)
        } else {
            entries
        }
    }

    /// Forgets the reported ends, and keeps the memory for the next turn.
    fn end_turn(
        &mut self,
        settled: Settled<'_>,
        outcomes: Outcomes,
        mut notices: Vec<String>,
    ) -> Cycle {
        let (settled, departures) = settled.forget_departures();
        let outcomes = departures.iter().map(departed).chain(outcomes).collect();
        let (decided, memory) = settled.into_parts();
        if !departures.is_empty() {
            self.save(&memory, &mut notices);
        }
        self.kept.turn_ends(&memory);
        let (
            Observation {
                now,
                town: _,
                observed,
                last_reports: _,
                scope,
            },
            _,
            plan,
        ) = decided.into_parts();
        Cycle {
            now,
            observed,
            scope,
            memory,
            plan,
            outcomes,
            events: Vec::new(),
            notices,
        }
    }

    /// Forgets all that a broken cycle may have left half done, and writes it into the journal. The
    /// next cycle reads the state again and opens another connection.
    pub(super) fn recover(&mut self, fault: &CycleFault) {
        self.kept = Kept::default();
        self.phases = None;
        self.ahead = Ahead::default();
        self.looks = LookCache::default();
        self.last_plan = Plan::default();
        self.lasting = self
            .lasting
            .take()
            .map(|_| self.client.lasting(Access::Act));
        let event = TownEvent::of_town(proc::clock::now(), What::Defect(chain(fault)));
        self.tell_journal(&[event]);
    }

    /// Writes into the journal what happened beside the cycles. That is not worth failing for.
    pub(super) fn tell_journal(&self, events: &[TownEvent]) {
        if let Err(fault) = self.store.journal(proc::clock::now(), &journal(events)) {
            tracing::warn!(fault = chain(&fault), "the journal was not written");
        }
    }

    /// Makes the intent durable. Where that fails, only what is safe without it is left in the
    /// plan.
    fn write_intent<'t>(
        &mut self,
        decided: Decided<'t>,
        notices: &mut Vec<String>,
    ) -> Intended<'t> {
        let beside = if self.chores.is_some() {
            Beside::ChoresAndLaunchers
        } else {
            Beside::Launchers
        };
        let intended = decided.intend(self.me, beside);
        let is_written = intended.plan().steps.is_empty() && self.kept.holds(intended.memory());
        if is_written || self.save_intent(intended.memory(), intended.plan(), notices) {
            return intended;
        }
        intended.not_durable()
    }

    async fn act(&self, client: &Client, intended: &Intended<'_>, known: Known) -> Outcomes {
        let (decided, plan) = (intended.decided(), intended.plan());
        let town = decided.town();
        if plan.steps.is_empty() {
            return Outcomes::new();
        }
        let keep_log = |session: &_, generation, text: &str| {
            let keep = town
                .sessions
                .get(session)
                .map_or(20, |desired| desired.logs.keep);
            self.store
                .keep_log(session, generation, text, keep)
                .map(|_| ())
                .map_err(std::io::Error::other)
        };
        let program = self.sink_program();
        let sink = program
            .as_deref()
            .map(|program| (program, self.store.view()));
        let logs = act::LogKeeping {
            screen: &keep_log,
            sink,
        };
        act::carry_out(
            plan,
            town,
            intended.memory(),
            &known,
            decided.now(),
            client,
            logs,
        )
        .await
    }

    /// Removes the oldest logs of the sessions that have begun another incarnation.
    fn retire_logs(&self, town: &Town, outcomes: &[Done], notices: &mut Vec<String>) {
        for done in outcomes {
            let Outcome::Done(Effect::Started { generation, .. }) = done.outcome else {
                continue;
            };
            let Some(desired) = town.sessions.get(&done.session) else {
                continue;
            };
            let retention = Retention {
                keep: desired.logs.keep,
                older_than: None,
            };
            if let Err(fault) = self.store.retire_logs(&done.session, generation, retention) {
                notices.push(format!(
                    "old logs of {} stay: {}",
                    done.session,
                    chain(&fault)
                ));
            }
        }
    }
}

/// The plan that the next one is compared with. A declared session that this plan leaves out, since
/// the look or the caller asked for others, waits for what it has waited for.
fn comparable(before: &Plan, plan: &Plan, town: &Town) -> Plan {
    let mut plan = plan.clone();
    if before.held.is_empty() {
        return plan;
    }
    let steps = plan.steps.iter().map(|step| &step.session);
    let held = plan.held.iter().map(|held| &held.session);
    let unchanged = plan.unchanged.iter().map(|same| &same.session);
    let named: BTreeSet<&SessionName> = steps.chain(held).chain(unchanged).collect();
    let is_left_out =
        |name: &SessionName| !named.contains(name) && town.sessions.contains_key(name);
    let left_out = before.held.iter().filter(|held| is_left_out(&held.session));
    let left_out: Vec<_> = left_out.cloned().collect();
    plan.held.extend(left_out);
    plan
}

pub(super) fn server_of(observed: &Observed) -> Option<ServerId> {
    match observed {
        Observed::Up(server) => Some(server.id),
        Observed::Down | Observed::Unknown(_) => None,
    }
}

/// A fault with its causes, in one line.
pub(super) fn chain(fault: &dyn std::error::Error) -> String {
    let mut text = fault.to_string();
    let mut source = fault.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
