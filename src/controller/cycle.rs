//! One whole cycle.

use super::caught::break_off_for_a_test;
use super::durable::Kept;
use super::launcher::Heard;
use super::reporting::Besides;
use super::setup::Controller;
use super::survey::{Eyes, decide};
use crate::act::{self, Known};
use crate::events::{TownEvent, What};
use crate::files::aside::Late;
use crate::memory::departed;
use crate::model::{
    Action, Done, Hold, Memory, Moment, Observed, Orders, Outcome, Outcomes, Period, Plan, Scope,
    ServerId, Town,
};
use crate::observe::{Depth, Living, LookCache};
use crate::proc;
use crate::proc::env_tag::{Behind, Scan};
use crate::reconcile::{
    Arrivals, Beside, Decided, Intended, Observation, Settled, TakenIn, take_in,
};
use crate::store::{LockFault, StoreFault};
use crate::tmux::{Access, Client};
use crate::words::chain;
use std::cell::RefCell;
use std::rc::Rc;

/// How long to wait for the town's turn: longer than a cycle may take.
pub(super) const TURN_PATIENCE: Period = Period::from_secs(30);

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
    /// Nobody knows yet what is placed on this host.
    #[error("nothing is started or ended before the store was read: {0}")]
    Fleet(String),
    /// It broke off, by a defect of gtctl's own.
    #[error("a defect of gtctl stopped a cycle ({said}); the next one runs in {}", seconds(*.rest))]
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
            Self::Lock(_) | Self::Store(_) | Self::Late(_) | Self::Fleet(_) => None,
        }
    }
}

fn seconds(period: Period) -> String {
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
            | Hold::BothNames { .. }
            | Hold::FormerNameTaken { .. }
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
        let memory = self.with_fleet_news(town, memory);
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
        let learned = self.forgiven(town, learned);

        let decided = Box::pin(decide(learned, orders)).await;
        self.record(before, &decided, &mut notices);
        let narrowed = self.narrowed(decided, scope);
        let permitted = Box::pin(self.permitted(narrowed, &mut notices)).await;
        let intended = self.write_intent(permitted, &mut notices);
        break_off_for_a_test();

        self.ask_due(intended.plan(), intended.decided().now());
        self.ready
            .begin(intended.plan(), intended.decided().now(), self.store.view());
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
        self.report_to_fleet(&settled);
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
                ready: self.ready.take(),
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
        let known = Known::of(decided.observed())
            .naming(decided.town(), decided.observed())
            .with(scan);
        self.move_logs(plan, notices);
        if !plan.steps.is_empty() {
            self.looks.outdate();
        }
        let outcomes = Box::pin(self.act(client, intended, known)).await;
        self.begin_launcher_jobs(intended, &outcomes);
        if *decided.scope() == Scope::Town && *scope == Scope::Town && !memory.paused {
            self.repipe(client, decided, notices).await;
            self.name_conversations(client, intended).await;
        }
        if self.chores.is_some() && self.kept.holds(memory) {
            self.begin_chores(intended, scope);
        }
        outcomes
    }

    /// Gives the logs of sessions that are about to be renamed their new place.
    fn move_logs(&self, plan: &Plan, notices: &mut Vec<String>) {
        for step in &plan.steps {
            let Action::Rename { target, .. } = &step.action else {
                continue;
            };
            let Some(whose) = &target.whose else { continue };
            if let Err(fault) = self.store.move_logs(&whose.session, &step.session) {
                notices.push(format!(
                    "logs of {} stay under its former name: {}",
                    step.session,
                    chain(&fault)
                ));
            }
        }
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
}

pub(super) fn server_of(observed: &Observed) -> Option<ServerId> {
    match observed {
        Observed::Up(server) => Some(server.id),
        Observed::Down | Observed::Unknown(_) => None,
    }
}
