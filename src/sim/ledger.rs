//! The invariants, asked after every plan and every deed.
//!
//! Plans are judged by what was seen, deeds by what truly was there. The numbers are those of the invariants in the
//! README's reference.

use super::hands::{Before, Deed};
use crate::model::{
    Action, Durability, Generation, Hold, Life, Memory, Moment, Observed, Orders, Orphans, Ownership, Period, Phase,
    Plan, Reason, Rung, SessionName, StartBudget, Step, Target, Town, WhenAttached,
};
use std::collections::{BTreeMap, BTreeSet};

const WINDOW: Period = Period::from_mins(10);

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breach {
    /// Which, such as `S3`.
    pub law: &'static str,
    /// By what.
    pub detail: String,
}

/// Everything a plan was made from.
#[derive(Debug, Clone, Copy)]
pub struct Look<'a> {
    /// The town.
    pub town: &'a Town,
    /// What was seen.
    pub observed: &'a Observed,
    /// What was remembered, this look learned.
    pub memory: &'a Memory,
    /// What was allowed.
    pub orders: Orders,
    /// When.
    pub now: Moment,
}

/// What must be known of the past to judge the present.
#[derive(Debug, Clone, Default)]
pub struct Ledger {
    /// The moment of the last planned restart of each session, and the life it ended.
    planned: BTreeMap<SessionName, (Moment, Generation)>,
    /// When starts were planned that then happened.
    starts: Vec<Moment>,
    /// Looks still to come that must not kill.
    shaken: u32,
    /// Sessions whose kills the mass guard held in the last plan.
    guarded: Option<BTreeSet<SessionName>>,
    /// The last look that told anything.
    told: Option<Moment>,
    /// The last life begun of each session, to know one that is begun twice.
    begun: BTreeMap<SessionName, Generation>,
}

fn breach<T>(law: &'static str, detail: impl Into<String>) -> Result<T, Breach> {
    Err(Breach { law, detail: detail.into() })
}

fn ensure(holds: bool, law: &'static str, what: &dyn std::fmt::Debug) -> Result<(), Breach> {
    if holds { Ok(()) } else { breach(law, format!("{what:?}")) }
}

/// A step in few words.
#[derive(Debug)]
#[expect(dead_code, reason = "read by its Debug form")]
struct Brief<'a>(&'a SessionName, &'static str, Option<Rung>, &'a Reason, Option<&'a Target>);

fn brief(step: &Step) -> Brief<'_> {
    let (rung, target) = match &step.action {
        Action::Restart { rung, target, .. } | Action::Expire { rung, target, .. } => (Some(*rung), Some(target)),
        Action::Adopt { target, .. } => (None, Some(target)),
        Action::Start { .. } => (None, None),
    };
    Brief(&step.session, step.action.verb().word(), rung, &step.reason, target)
}

/// The step of a kill that begins a stop.
fn begins_kill(step: &Step) -> bool {
    match &step.action {
        Action::Restart { rung, .. } | Action::Expire { rung, .. } => {
            *rung == Rung::Ask && !matches!(step.reason, Reason::StopBegun { .. })
        }
        Action::Start { .. } | Action::Adopt { .. } => false,
    }
}

/// A signal to something alive.
fn signals(step: &Step) -> bool {
    match &step.action {
        Action::Restart { rung, .. } | Action::Expire { rung, .. } => *rung != Rung::Finish,
        Action::Start { .. } | Action::Adopt { .. } => false,
    }
}

fn begins_process(step: &Step) -> bool {
    matches!(step.action, Action::Start { .. } | Action::Restart { rung: Rung::Finish, .. })
}

impl Ledger {
    /// What only files knew was lost, or what only labels knew: nothing can be asked for that nobody can know.
    pub fn forgive_gaps(&mut self, disk: &Memory, labels: &BTreeMap<SessionName, Option<Moment>>) {
        self.planned.retain(|name, (at, _)| {
            let remembered = disk.sessions.get(name).and_then(|history| history.handoff);
            remembered == Some(*at) || labels.get(name).is_some_and(|label| *label == Some(*at))
        });
    }

    /// The state file was lost, or an old copy of it came back.
    pub fn forgive(&mut self, disk: &Memory) {
        self.starts.retain(|at| disk.starts.contains(at));
        self.guarded = None;
        self.begun.clear();
        self.told = None;
        self.shaken = 0;
    }

    /// Notices that the clocks jumped apart since the last look: this one and the next must not kill.
    fn watch_clocks(&mut self, now: Moment) {
        let jumped = self.told.is_some_and(|told| {
            let awake = i128::from(now.awake) - i128::from(told.awake);
            let wall = i128::from(now.wall) - i128::from(told.wall);
            told.boot == now.boot && (wall - awake).abs() > 60_000
        });
        self.shaken = if jumped { 2 } else { self.shaken.saturating_sub(1) };
        self.told = Some(now);
    }

    /// Judges a plan by what it was made from.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub fn judge_plan(&mut self, look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
        complete(look, plan)?;
        if let Observed::Unknown(_) = look.observed {
            self.guarded = Some(BTreeSet::new());
            return ensure(plan.steps.is_empty(), "S8 unknown", &briefs(plan));
        }
        self.watch_clocks(look.now);
        for step in &plan.steps {
            judge_step(look, step)?;
            let shaken = self.shaken > 0 && begins_kill(step);
            ensure(!shaken, "S13 clock jump", &brief(step))?;
        }
        self.judge_mass(look, plan)?;
        judge_starts(look, plan)?;
        for (name, desired) in &look.town.sessions {
            let needed = is_gone(look.observed, name) && !desired.is_task();
            let calm = plan.unchanged.iter().find(|unchanged| unchanged.session == *name);
            let lost = needed && calm.is_some_and(|calm| !matches!(calm.phase, Phase::Stopped | Phase::Completed(_)));
            ensure(!lost, "L2 lost restart", name)?;
        }
        Ok(())
    }

    fn judge_mass(&mut self, look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
        let kills: BTreeSet<_> = plan.steps.iter().filter(|s| begins_kill(s)).map(|s| s.session.clone()).collect();
        let town = plan.steps.len() + plan.held.len() + plan.unchanged.len();
        #[expect(clippy::cast_precision_loss, reason = "towns are small")]
        let share = (town as f64 * look.town.limits.mass).max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "towns are small")]
        let many = kills.len() > 1 && (kills.len() as f64 > share || kills.len() == town);
        ensure(!many || self.guarded.as_ref().is_none_or(|guarded| *guarded == kills), "S9 mass guard", &kills)?;
        let guarded = plan.held.iter().filter(|held| matches!(held.hold, Hold::MassGuard { .. }));
        self.guarded = Some(guarded.map(|held| held.session.clone()).collect());
        Ok(())
    }

    /// Judges that what is about to be done has been written down.
    ///
    /// # Errors
    /// Where it has not.
    pub fn judge_intent(&self, step: &Step, disk: &Memory, orders: Orders) -> Result<(), Breach> {
        if orders.durability == Durability::Failing {
            return ensure(matches!(step.action, Action::Start { .. }), "S5 intent", &brief(step));
        }
        let Some(history) = disk.sessions.get(&step.session) else {
            return breach("S5 intent", format!("{:?}", brief(step)));
        };
        let noted = match &step.action {
            Action::Restart { target, rung, .. } | Action::Expire { target, rung, .. } if *rung != Rung::Finish => {
                let stopping = history.stopping.as_ref();
                stopping.is_some_and(|s| Some(s.generation) == target.generation && s.rung == *rung)
            }
            Action::Expire { .. } => true,
            Action::Start { generation, .. }
            | Action::Restart { generation, .. }
            | Action::Adopt { generation, .. } => history.generation >= *generation,
        };
        ensure(noted, "S5 intent", &brief(step))
    }

    /// Judges a deed by what was truly there.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub fn judge_deed(&mut self, deed: &Deed, town: &Town, now: Moment) -> Result<(), Breach> {
        let Deed { step, planned, before } = deed;
        if let Some(before) = before {
            judge_identity(step, before)?;
        }
        if begins_process(step) {
            let alive = before.as_ref().is_some_and(|before| before.session.is_alive());
            ensure(!alive, "S6 one tree", &brief(step))?;
            self.judge_budget(step, *planned, town, now)?;
        }
        if let Some(generation) = step.action.begins() {
            let last = self.begun.insert(step.session.clone(), generation);
            ensure(last != Some(generation), "S2 twice", &brief(step))?;
        }
        self.judge_gap(deed)
    }

    fn judge_budget(&mut self, step: &Step, planned: Moment, town: &Town, now: Moment) -> Result<(), Breach> {
        self.starts.retain(|at| at.boot == now.boot && planned.since(at) < WINDOW);
        let allowed = match town.limits.starts {
            StartBudget::Auto => town.sessions.len().saturating_add(10),
            StartBudget::Fixed(starts) => usize::try_from(starts).unwrap_or(usize::MAX),
        };
        ensure(self.starts.len() < allowed, "S7 start budget", &brief(step))?;
        self.starts.push(planned);
        Ok(())
    }

    /// Two planned restarts of one session are a whole gap apart, told by the moments that they are labelled with.
    fn judge_gap(&mut self, deed: &Deed) -> Result<(), Breach> {
        let Action::Restart { desired, target, rung, handoff: Some(at), .. } = &deed.step.action else { return Ok(()) };
        if *rung == Rung::Finish {
            return Ok(());
        }
        let life = target.generation.unwrap_or_default();
        let last = self.planned.insert(deed.step.session.clone(), (*at, life));
        let Some((last, ended)) = last else { return Ok(()) };
        let apart = at.since(&last) >= desired.handoff_gap || at.boot != last.boot;
        ensure(apart || ended == life, "S4 handoff gap", &brief(&deed.step))
    }
}

fn briefs(plan: &Plan) -> Vec<Brief<'_>> {
    plan.steps.iter().map(brief).collect()
}

/// Every declared session is in the plan exactly once, every other one in it is ours, and the lists are in order.
fn complete(look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
    let lists = [
        plan.steps.iter().map(|step| &step.session).collect::<Vec<_>>(),
        plan.held.iter().map(|held| &held.session).collect(),
        plan.unchanged.iter().map(|calm| &calm.session).collect(),
    ];
    let ordered = lists.iter().all(|list| list.is_sorted());
    ensure(ordered, "once each", &lists)?;
    let all: Vec<_> = lists.into_iter().flatten().collect();
    let distinct: BTreeSet<_> = all.iter().copied().collect();
    ensure(distinct.len() == all.len(), "once each", &all)?;
    let declared = look.town.sessions.keys().all(|name| distinct.contains(name));
    ensure(declared, "once each", &distinct)?;
    let owned = |name: &SessionName| label_of(look.observed, name).is_some();
    let strange = distinct.into_iter().find(|name| !look.town.sessions.contains_key(*name) && !owned(name));
    ensure(strange.is_none(), "once each", &strange)
}

fn sessions(observed: &Observed) -> impl Iterator<Item = (&String, &crate::model::Seen)> {
    let server = match observed {
        Observed::Up(server) => Some(server),
        Observed::Down | Observed::Unknown(_) => None,
    };
    server.into_iter().flat_map(|server| &server.sessions)
}

fn label_of<'a>(observed: &'a Observed, name: &SessionName) -> Option<&'a crate::model::Seen> {
    sessions(observed)
        .map(|(_, seen)| seen)
        .filter(|seen| matches!(&seen.ownership, Ownership::Ours(label) if label.session == *name))
        .max_by_key(|seen| match &seen.ownership {
            Ownership::Ours(label) => label.generation,
            Ownership::Unlabelled | Ownership::Foreign(_) => Generation::default(),
        })
}

/// Nothing stands under the name and nothing is labelled with it, or what is has ended.
fn is_gone(observed: &Observed, name: &SessionName) -> bool {
    match label_of(observed, name) {
        Some(seen) => matches!(seen.life, Life::Dead { .. }),
        None => !sessions(observed).any(|(under, _)| under == name.as_str()),
    }
}

fn judge_step(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let target = match &step.action {
        Action::Start { .. } => return judge_creation(look, step),
        Action::Restart { target, .. } | Action::Expire { target, .. } | Action::Adopt { target, .. } => target,
    };
    let Some((_, seen)) = sessions(look.observed).find(|(_, seen)| seen.id == target.session) else {
        return breach("S1 ours only", format!("{:?}", brief(step)));
    };
    ensure(!matches!(seen.life, Life::Unknown(_)), "S8 unknown", &brief(step))?;
    let adopts = matches!(step.action, Action::Adopt { .. });
    let rightful = match seen.ownership {
        Ownership::Ours(_) => !adopts,
        Ownership::Unlabelled => adopts,
        Ownership::Foreign(_) => false,
    };
    ensure(rightful, "S1 ours only", &brief(step))?;
    let kills = signals(step) && matches!(seen.life, Life::Alive { .. });
    let minded = target.attached == WhenAttached::Hold && seen.attached > 0;
    ensure(!(kills && minded), "S3 attached", &brief(step))?;
    let own = matches!(look.observed, Observed::Up(server) if server.own == Some(target.session));
    ensure(!(kills && own), "S18 own session", &brief(step))?;
    if begins_kill(step) && !look.town.sessions.contains_key(&step.session) {
        let history = look.memory.sessions.get(&step.session);
        let allowed = look.orders.orphans == Orphans::Prune || history.is_some_and(|h| h.prune);
        ensure(allowed && !look.town.sessions.is_empty(), "S10 prune", &brief(step))?;
    }
    if let Reason::TooOld { limit, .. } = step.reason {
        let label = if let Ownership::Ours(label) = &seen.ownership { Some(label) } else { None };
        ensure(label.is_some_and(|label| look.now.since(&label.started) >= limit), "S12 awake", &brief(step))?;
    }
    let durable = look.orders.durability == Durability::Durable;
    ensure(durable && !look.memory.paused, "S5 intent", &brief(step))
}

fn judge_creation(look: &Look<'_>, step: &Step) -> Result<(), Breach> {
    let there = sessions(look.observed).any(|(name, seen)| {
        let ours = if let Ownership::Ours(label) = &seen.ownership { Some(&label.session) } else { None };
        ours == Some(&step.session) || (ours.is_none() && name == step.session.as_str())
    });
    ensure(!there, "S6 one tree", &brief(step))
}

/// Waves, and how many may start at once.
fn judge_starts(look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
    let is_starting = |name: &SessionName, ready_after: Period| {
        let seen = label_of(look.observed, name)?;
        let Ownership::Ours(label) = &seen.ownership else { return None };
        (matches!(seen.life, Life::Alive { .. }) && look.now.since(&label.started) < ready_after).then_some(())
    };
    let left_alone = |name: &SessionName| {
        let acted_on = plan.steps.iter().any(|step| step.session == *name);
        let stopped = look.memory.sessions.get(name).is_some_and(|history| history.stopped);
        acted_on || stopped
    };
    let pending = |name: &&SessionName| {
        let starts = plan.steps.iter().any(|step| step.session == **name && begins_process(step));
        let ready_after = look.town.sessions.get(*name).map_or(Period::ZERO, |desired| desired.ready_after);
        starts || (is_starting(name, ready_after).is_some() && !left_alone(name))
    };
    let wave = |name: &SessionName| look.town.sessions.get(name).map_or(0, |desired| desired.wave);
    let created: Vec<_> = plan.steps.iter().filter(|step| matches!(step.action, Action::Start { .. })).collect();
    let last = created.iter().map(|step| wave(&step.session)).max();
    let pending: Vec<_> = if created.is_empty() { vec![] } else { look.town.sessions.keys().filter(pending).collect() };
    let first = pending.iter().map(|name| wave(name)).min();
    ensure(last.zip(first).is_none_or(|(last, first)| last <= first), "S16 waves", &(last, &pending))?;
    let starts = plan.steps.iter().filter(|step| begins_process(step)).count();
    let healthy =
        look.memory.sessions.values().filter(|history| history.run.as_ref().is_some_and(|r| r.ready.is_some()));
    let most = usize::try_from(look.town.limits.concurrent_starts.max(1)).unwrap_or(1).saturating_add(healthy.count());
    ensure(starts <= most, "S7 concurrent starts", &briefs(plan))
}

/// An operation took effect on `before`: was that what it was meant for?
fn judge_identity(step: &Step, before: &Before) -> Result<(), Breach> {
    let (target, kills) = match &step.action {
        Action::Start { .. } => return Ok(()),
        Action::Restart { target, .. } | Action::Expire { target, .. } => (target, before.session.is_alive()),
        Action::Adopt { target, .. } => (target, false),
    };
    let generation = match &before.session.ownership {
        Ownership::Ours(label) => Some(label.generation),
        Ownership::Unlabelled => None,
        Ownership::Foreign(_) => return breach("S1 ours only", format!("{:?}", brief(step))),
    };
    let adopts = matches!(step.action, Action::Adopt { .. });
    ensure(generation.is_some() != adopts, "S1 ours only", &brief(step))?;
    let meant = before.server == target.server && generation == target.generation;
    ensure(meant, "S2 stale", &brief(step))?;
    let minded = before.session.attached > 0 && target.attached == WhenAttached::Hold;
    ensure(!(kills && minded), "S3 attached", &brief(step))
}
