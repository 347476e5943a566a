//! Runs the controller's cycle on a simulated world. The seed decides what goes wrong.

use super::fault::{Mishap, Weather};
use super::judge::ensure;
use super::judge_reports::judge_reports;
use super::ledger::{Breach, Ledger, Look};
use super::settled::Violation;
use gtctl::model;
use gtctl::model::{
    Action, Answer, CannotStart, Done, LastReports, Life, Memory, Moment, Observed, Orders,
    Orphans, Outcome, Period, Plan, ProcId, Readiness, ReadyAnswer, Scope, SessionName, Step, Town,
};
use gtctl::model::{SortedMap, SortedSet};
use gtctl::reconcile::{
    Arrivals, Beside, Intended, Learned, Logic, Observation, ProbeAnswer, TakenIn, learn, take_in,
};
use gtctl::sim::Agentry;
use gtctl::sim::Interference;
use gtctl::sim::Neglect;
use gtctl::sim::World;
use gtctl::sim::{Random, random_town};
use std::borrow::Cow;
use std::collections::VecDeque;

/// What a run came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Report {
    /// Cycles turned.
    pub(crate) cycles: u64,
    /// Awake time that passed.
    pub(crate) awake: Period,
    /// Things done to the world.
    pub(crate) deeds: u64,
    /// A digest of everything that was decided.
    pub(crate) trace: u64,
}

/// An operation that will be done later than anybody thinks.
#[derive(Debug)]
pub(super) struct Late {
    cycles: u64,
    step: Step,
    planned: Moment,
}

/// One run.
pub(crate) struct Driver<'m> {
    logic: &'m dyn Logic,
    seed: u64,
    pub(super) random: Random,
    pub(super) weather: Weather,
    pub(super) stormy: bool,
    pub(super) world: World,
    pub(super) town: Town,
    pub(super) memory: Memory,
    pub(super) disk: Memory,
    pub(super) copies: VecDeque<Memory>,
    pub(super) disk_is_full: bool,
    pub(super) hung: u32,
    /// Answers of agents that the next cycle takes in.
    pub(super) answers: Vec<ProbeAnswer>,
    /// What sessions that come up have shown of their readiness, for the next cycle.
    pub(super) ready: Vec<ReadyAnswer>,
    /// Sessions whose program is not there at present.
    pub(super) missing: SortedSet<SessionName>,
    pub(super) looks: VecDeque<Observed>,
    pub(super) late: Vec<Late>,
    pub(super) ledger: Ledger,
    pub(super) report: Report,
}

/// The simulated controller's own process.
const ME: ProcId = ProcId { pid: 1, start: 1 };
/// Old looks and old copies of the state that may come back.
const KEPT: usize = 5;

impl<'m> Driver<'m> {
    /// A run of this seed with these transitions. `neglect` is left out of the world's fences.
    #[must_use]
    pub(crate) fn new(
        name: &SessionName,
        seed: u64,
        logic: &'m dyn Logic,
        neglect: Option<Neglect>,
    ) -> Self {
        let mut random = Random::new(seed);
        let town = random_town(name.clone(), &mut random);
        let mut world = World::new(name.clone(), random.fork());
        world.neglect = neglect;
        world.former_names = town.former_names();
        Self {
            logic,
            seed,
            weather: Weather::draw(&mut random),
            random,
            stormy: true,
            world,
            town,
            memory: Memory::default(),
            disk: Memory::default(),
            copies: VecDeque::new(),
            disk_is_full: false,
            hung: 0,
            answers: Vec::new(),
            ready: Vec::new(),
            missing: SortedSet::new(),
            looks: VecDeque::new(),
            late: vec![],
            ledger: Ledger::default(),
            report: Report::default(),
        }
    }

    /// Lives through the storm, and then through `quiet` cycles of calm.
    ///
    /// # Errors
    /// The first invariant broken.
    pub(crate) fn run(mut self, quiet: u32) -> Result<Report, Violation> {
        let result = self.live(quiet);
        let Self { seed, report, .. } = self;
        result.map(|()| report).map_err(|breach| Violation {
            seed,
            cycle: report.cycles,
            breach,
        })
    }

    fn live(&mut self, quiet: u32) -> Result<(), Breach> {
        for _ in 0..self.weather.cycles {
            self.cycle()?;
        }
        self.settle(quiet)
    }

    /// One cycle, ending with sleep. The steps are those of the controller; what is I/O there is
    /// the world here.
    pub(super) fn cycle(&mut self) -> Result<Plan, Breach> {
        self.report.cycles = self.report.cycles.saturating_add(1);
        if self.stormy {
            self.trouble();
        }
        self.replay_late()?;
        let arrivals = Arrivals {
            answers: std::mem::take(&mut self.answers),
            ready: std::mem::take(&mut self.ready),
            ..Arrivals::default()
        };
        let TakenIn { memory, answers: _ } =
            take_in(std::mem::take(&mut self.memory), arrivals, |_| true);
        let learned = learn(self.logic, memory, self.observe());
        let intended = self.decide(learned)?;
        let plan = intended.plan().clone();
        self.follow(&plan);
        self.ask_agents(&plan, intended.decided().now())?;
        self.ask_sessions(&plan, intended.decided().now());
        if let Some(outcomes) = self.act(&intended)? {
            let (settled, _) = intended.settle(&outcomes).forget_departures();
            self.memory = settled.into_parts().1;
            self.save();
        }
        self.sleep(&plan);
        Ok(plan)
    }

    /// From now on nothing interferes, and agents do as before.
    pub(super) fn enter_calm(&mut self) {
        self.stormy = false;
        self.disk_is_full = false;
        self.hung = 0;
        self.late.clear();
        self.answers.clear();
        self.missing.clear();
        self.memory.paused = false;
        self.world.steady();
    }

    /// One look, and what of the town it covers.
    fn observe(&mut self) -> Observation<'static> {
        let observed = self.look();
        let town = Cow::Owned(model::covered(&self.town, &observed).into_owned());
        Observation {
            now: self.world.now,
            town,
            observed,
            last_reports: LastReports::new(),
            scope: Scope::Town,
        }
    }

    /// The declared sessions whose program is missing, as a look finds them.
    fn lacking(&self) -> SortedMap<SessionName, CannotStart> {
        let missing = || CannotStart {
            why: "`claude` not found in PATH".to_owned(),
            awaited: SortedSet::new(),
        };
        let declared = self
            .missing
            .iter()
            .filter(|name| self.town.sessions.contains_key(*name));
        declared.map(|name| (name.clone(), missing())).collect()
    }

    /// Decides, and writes the intent. Where that fails, decides again with less to do.
    fn decide(&mut self, learned: Learned<'m>) -> Result<Intended<'m>, Breach> {
        let prunes = self.stormy && self.random.chance(self.weather.orders);
        let orphans = if prunes {
            Orphans::Prune
        } else {
            Orphans::default()
        };
        let orders = Orders {
            orphans,
            ..Orders::default()
        };
        let decided = learned.decide(orders).without_unstartable(self.lacking());
        let mut intended = decided.intend(ME, Beside::Launchers);
        if self.disk_is_full {
            intended = intended.not_durable();
        }
        let decided = intended.decided();
        let look = Look {
            town: decided.town(),
            observed: decided.observed(),
            memory: decided.memory(),
            orders: decided.orders(),
            now: decided.now(),
        };
        // An old look may show what was true then.
        if self.weather.stale == 0 {
            let steps = &intended.plan().steps;
            steps
                .iter()
                .try_for_each(|step| judge_reports(&self.world, step))?;
        }
        self.ledger.judge_plan(&look, intended.plan())?;
        self.ledger.judge_passes(&look)?;
        self.ledger.judge_deaths(&look)?;
        self.memory = intended.memory().clone();
        if self.world.neglect != Some(Neglect::Intent) {
            self.save();
        }
        Ok(intended)
    }

    /// Agents are asked. They answer before the next cycle, or never.
    fn ask_agents(&mut self, plan: &Plan, now: Moment) -> Result<(), Breach> {
        for probe in plan.probes.iter().filter(|probe| probe.is_due(now)) {
            self.ledger.judge_probe(probe, &self.disk, now)?;
            if self.world.agentry == Agentry::Steady {
                continue;
            }
            let answer = match self.random.below(4) {
                0 => Answer::Passed,
                1 => Answer::Failed("exit status 1".to_owned()),
                2 => Answer::Unasked("not found".to_owned()),
                _ => continue,
            };
            if answer == Answer::Passed {
                self.ledger.passed(&probe.agent, now);
            }
            self.answers.push(ProbeAnswer {
                agent: probe.agent.clone(),
                asked: now,
                answer,
            });
        }
        Ok(())
    }

    /// Sessions that come up are asked whether they are ready. In a storm some never are.
    fn ask_sessions(&mut self, plan: &Plan, now: Moment) {
        // These draws come from a clone, so that they change no later draw of the seed.
        let mut aside = self.random.clone();
        for check in plan.checks.iter().filter(|check| check.is_due(now)) {
            let fails = self.stormy && aside.chance(600);
            self.ready.push(ReadyAnswer {
                session: check.session.clone(),
                generation: check.generation,
                readiness: Readiness {
                    asked: now,
                    fault: fails.then(|| "port 8080 refuses".to_owned()),
                },
            });
        }
    }

    pub(super) fn save(&mut self) {
        if self.disk_is_full {
            return;
        }
        self.copies
            .push_back(std::mem::replace(&mut self.disk, self.memory.clone()));
        if self.copies.len() > KEPT {
            self.copies.pop_front();
        }
    }

    /// Carries out the plan; gives nothing when the controller died over it.
    fn act(&mut self, intended: &Intended<'_>) -> Result<Option<Vec<Done>>, Breach> {
        let (plan, now, orders) = (
            intended.plan(),
            intended.decided().now(),
            intended.decided().orders(),
        );
        let mut outcomes = Vec::with_capacity(plan.steps.len());
        let hangs = self.stormy && self.hung == 0 && self.random.chance(self.weather.stops);
        if hangs {
            self.hung = 2;
        }
        for step in &plan.steps {
            self.ledger.judge_intent(step, &self.disk, orders)?;
            if self.stormy && self.random.chance(self.weather.people / 3) {
                self.world
                    .interfere(Interference::Attach, &[], &mut self.random);
            }
            let mut mishap = if self.stormy {
                self.weather.mishap(&mut self.random)
            } else {
                None
            };
            if hangs {
                mishap = Some(Mishap::Late);
            }
            let Some(outcome) = self.attempt(step, mishap, now) else {
                self.judge_deeds()?;
                self.wake_up_again();
                return Ok(None);
            };
            self.judge_deeds()?;
            outcomes.push(Done {
                session: step.session.clone(),
                verb: step.action.verb(),
                outcome,
            });
        }
        Ok(Some(outcomes))
    }

    /// One operation; none when the controller dies before or after it.
    fn attempt(&mut self, step: &Step, mishap: Option<Mishap>, now: Moment) -> Option<Outcome> {
        let unknown = || Some(Outcome::Unknown("no answer".to_owned()));
        match mishap {
            None => Some(self.world.carry_out(step, now)),
            Some(Mishap::Before) => Some(Outcome::Failed("refused".to_owned())),
            Some(Mishap::Lost) => unknown(),
            Some(Mishap::CrashBefore) => None,
            Some(Mishap::CrashAfter) => {
                self.world.carry_out(step, now);
                None
            }
            Some(Mishap::After) => {
                self.world.carry_out(step, now);
                unknown()
            }
            Some(Mishap::Late) => {
                // A script is read back by tmux from its client: one that was given up types
                // nothing later.
                if !matches!(step.action, Action::Nudge { .. }) {
                    self.postpone(step, now);
                }
                unknown()
            }
            Some(Mishap::Twice) => {
                match &step.action {
                    // A creation repeated when its name is free again cannot be determined from the
                    // first.
                    Action::Start { .. } => {}
                    Action::Nudge { .. } => {
                        self.world.carry_out(step, now);
                    }
                    Action::Restart { .. }
                    | Action::Expire { .. }
                    | Action::Adopt { .. }
                    | Action::Rename { .. }
                    | Action::SendEscape { .. }
                    | Action::Answer(_) => {
                        self.postpone(step, now);
                    }
                }
                Some(self.world.carry_out(step, now))
            }
        }
    }

    fn postpone(&mut self, step: &Step, planned: Moment) {
        let cycles = self.report.cycles.saturating_add(self.random.between(1, 5));
        self.late.push(Late {
            cycles,
            step: step.clone(),
            planned,
        });
    }

    fn replay_late(&mut self) -> Result<(), Breach> {
        let turn = self.report.cycles;
        let due: Vec<Late> = self
            .late
            .extract_if(.., |late| late.cycles <= turn)
            .collect();
        for late in due {
            self.world.carry_out(&late.step, late.planned);
            self.judge_deeds()?;
        }
        Ok(())
    }

    fn judge_deeds(&mut self) -> Result<(), Breach> {
        for deed in std::mem::take(&mut self.world.deeds) {
            self.report.deeds = self.report.deeds.saturating_add(1);
            self.ledger.judge_deed(&deed, &self.town, self.world.now)?;
            if let (Action::Rename { target, .. }, Some(before)) = (&deed.step.action, &deed.before)
            {
                let sessions = self.world.server.as_ref().map(|server| &server.sessions);
                let after = sessions.and_then(|sessions| sessions.get(&target.session));
                let is_same = after.is_some_and(|after| after.is_same_run(&before.session));
                ensure(is_same, "S35 new name", &deed.step)?;
            }
        }
        Ok(())
    }

    /// One look, perhaps a bad one.
    fn look(&mut self) -> Observed {
        let truth = self.world.observe();
        if !self.stormy {
            return truth;
        }
        if self.hung > 0 {
            self.hung = self.hung.saturating_sub(1);
            return Observed::Unknown("no answer".to_owned());
        }
        self.looks.push_back(truth.clone());
        if self.looks.len() > KEPT {
            self.looks.pop_front();
        }
        if self.random.chance(self.weather.blind) {
            return Observed::Unknown("no answer".to_owned());
        }
        if self.random.chance(self.weather.stale) {
            return self.looks.front().cloned().unwrap_or(truth);
        }
        match truth {
            Observed::Up(mut server) => {
                for seen in server.sessions.values_mut() {
                    if self.random.chance(self.weather.dim) {
                        seen.life = Life::Unknown("gone while looking".to_owned());
                    }
                }
                Observed::Up(server)
            }
            Observed::Down | Observed::Unknown(_) => truth,
        }
    }

    fn sleep(&mut self, plan: &Plan) {
        let now = self.world.now;
        let mut time = plan
            .wake
            .map_or(self.town.resync, |wake| now.until(&wake))
            .min(self.town.resync);
        if !plan.steps.is_empty() {
            time = time.min(Period::from_secs(1));
        }
        if self.stormy && self.random.chance(200) {
            time = Period::from_millis(self.random.below(time.millis()));
        }
        let time = time.max(Period::from_millis(100));
        self.report.awake = self.report.awake.plus(time);
        self.world.pass(time);
    }

    /// Adds what was decided to the trace.
    fn follow(&mut self, plan: &Plan) {
        let mut hash = self.report.trace ^ self.world.now.awake;
        let mut add = |text: &str| {
            for byte in text.bytes() {
                hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
        };
        for step in &plan.steps {
            add(step.session.as_str());
            add(step.action.verb().word());
            add(step.reason.code());
        }
        for held in &plan.held {
            add(held.session.as_str());
            add(held.hold.code());
        }
        self.report.trace = hash;
    }
}
