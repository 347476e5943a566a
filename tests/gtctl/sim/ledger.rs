//! The ledger: checks the invariants after every plan and every deed, and remembers the past.
//!
//! A plan is judged by what the controller saw, a deed by what was true in the world. The table in
//! `docs/architecture.md` lists the invariants by number.

use super::judge::{
    begins_kill, begins_process, breach, brief, briefs, complete, ensure, is_gone, judge_identity,
    judge_starts, judge_step, label_of, sessions, signals,
};
use gtctl::model::{
    Action, Death, Durability, Generation, History, Hold, Incarnation, Life, Memory, Moment,
    Observed, Orders, Ownership, Period, Phase, Plan, Probe, Reason, ReasonCode, Rung, ServerId,
    SessionName, StartBudget, Step, Target, Town, WhenAttached,
};
use gtctl::model::{SortedMap, SortedSet};
use gtctl::sim::Deed;

const WINDOW: Period = Period::from_mins(10);

/// A broken invariant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Breach {
    /// Which, such as `S3`.
    pub(crate) law: &'static str,
    /// By what.
    pub(crate) detail: String,
}

/// Everything a plan was made from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look<'a> {
    /// The town.
    pub(crate) town: &'a Town,
    /// What was seen.
    pub(crate) observed: &'a Observed,
    /// What was remembered, this look learned.
    pub(crate) memory: &'a Memory,
    /// What was allowed.
    pub(crate) orders: Orders,
    /// When.
    pub(crate) now: Moment,
}

/// What must be known of the past to judge the present.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ledger {
    /// The moment of the last planned restart of each session, and the life it ended.
    planned: SortedMap<SessionName, (Moment, Generation)>,
    /// When each session's last run was found to have vanished, and which.
    deaths: SortedMap<SessionName, (Generation, Moment)>,
    /// When starts were planned that then happened.
    starts: Vec<Moment>,
    /// Looks still to come that must not kill.
    shaken: u32,
    /// Sessions whose kills the mass guard held in the last plan.
    guarded: Option<SortedSet<SessionName>>,
    /// When files were last lost: starts planned before that and done after it are counted by
    /// nobody.
    forgiven: Option<Moment>,
    /// The last look that told anything.
    told: Option<Moment>,
    /// The last life begun of each session, to know one that is begun twice.
    begun: SortedMap<SessionName, Generation>,
    /// For which moment each session was last nudged, and in which life.
    nudged: SortedMap<SessionName, (Moment, Option<Generation>)>,
    /// When each agent was last asked whether it is signed in.
    asked: SortedMap<String, Moment>,
    /// The questions that were answered well.
    passed: Vec<(String, Moment)>,
    /// Sessions of which a planned restart was begun, with the life that it ends, until the fresh
    /// process is ready or has ended.
    replaced: SortedMap<SessionName, Generation>,
    /// Of those, the ones that have not been started again.
    owed: SortedSet<SessionName>,
    /// The server that was last seen, and when another was missed or in its place.
    server: Option<ServerId>,
    losses: Vec<Moment>,
}

impl Ledger {
    /// Files or labels were lost. What is neither on disk nor on a session any more cannot be
    /// known; a session that still carries our labels carries its last planned restart in them.
    pub(crate) fn forgive_gaps(&mut self, disk: &Memory, labelled: &SortedSet<SessionName>) {
        self.planned.retain(|name, (at, _)| {
            let remembered = disk.sessions.get(name).and_then(|history| history.handoff);
            remembered == Some(*at) || labelled.contains(name)
        });
    }

    /// What is remembered of ends may be older from now on.
    pub(crate) fn forget_deaths(&mut self) {
        self.deaths.clear();
    }

    /// The state file was lost, or an old copy of it came back.
    pub(crate) fn forgive(&mut self, disk: &Memory, now: Moment) {
        self.forgiven = Some(now);
        // An old copy knows an old server, whose loss is then noticed once more.
        self.losses.push(now);
        self.starts.retain(|at| disk.starts.contains(at));
        self.guarded = None;
        self.replaced.clear();
        self.owed.extend(
            disk.sessions
                .iter()
                .filter(|(_, h)| h.is_owed_a_start())
                .map(|(name, _)| name.clone()),
        );
        self.begun.clear();
        self.nudged.clear();
        self.asked.clear();
        self.told = None;
        self.shaken = 0;
    }

    /// Notices that the clocks jumped apart since the last look: this one and the next must not
    /// kill.
    fn watch_clocks(&mut self, now: Moment) {
        let jumped = self.told.is_some_and(|told| {
            let awake = i128::from(now.awake) - i128::from(told.awake);
            let wall = i128::from(now.wall) - i128::from(told.wall);
            told.boot == now.boot && (wall - awake).abs() > 60_000
        });
        self.shaken = if jumped {
            2
        } else {
            self.shaken.saturating_sub(1)
        };
        self.told = Some(now);
    }

    /// Notices that the server last seen is gone.
    fn watch_server(&mut self, observed: &Observed, now: Moment) {
        let here = match observed {
            Observed::Up(server) => Some(server.id),
            Observed::Down => None,
            Observed::Unknown(_) => return,
        };
        match (self.server, here) {
            (Some(last), _) if here != Some(last) => self.losses.push(now),
            // Whoever forgot what he saw meanwhile notices the loss only now.
            (None, Some(_)) => self
                .losses
                .last_mut()
                .into_iter()
                .for_each(|loss| *loss = now),
            // What was started is gone before its server was ever seen.
            (None, None)
                if self.starts.last().is_some()
                    && self.starts.last().map(|at| at.awake)
                        >= self.losses.last().map(|at| at.awake) =>
            {
                self.losses.push(now);
            }
            (Some(_) | None, _) => {}
        }
        self.server = here;
    }

    /// Judges a plan by what it was made from.
    ///
    /// # Errors
    /// The first invariant that it breaks.
    pub(crate) fn judge_plan(&mut self, look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
        complete(look, plan)?;
        if let Observed::Unknown(_) = look.observed {
            self.guarded = Some(SortedSet::new());
            return ensure(plan.steps.is_empty(), "S8 unknown", &briefs(plan));
        }
        self.watch_clocks(look.now);
        self.watch_server(look.observed, look.now);
        for step in &plan.steps {
            judge_step(look, step)?;
            let shaken = self.shaken > 0 && begins_kill(step);
            ensure(!shaken, "S13 clock jump", &brief(step))?;
        }
        self.judge_mass(look, plan)?;
        self.judge_roll(look, plan)?;
        judge_starts(look, plan)?;
        for (name, desired) in &look.town.sessions {
            let has_former_name = |former: &SessionName| label_of(look.observed, former).is_some();
            let needed = is_gone(look.observed, name)
                && !desired.moved.iter().any(has_former_name)
                && !desired.is_task();
            let calm = plan
                .unchanged
                .iter()
                .find(|unchanged| unchanged.session == *name);
            let lost = needed
                && calm.is_some_and(|calm| {
                    !matches!(calm.phase, Phase::Stopped | Phase::Completed(_))
                });
            ensure(!lost, "L2 lost restart", name)?;
        }
        Ok(())
    }

    /// An agent is about to be asked whether it is signed in.
    ///
    /// # Errors
    /// Where that was not written down, or it was asked a moment ago.
    pub(crate) fn judge_probe(
        &mut self,
        probe: &Probe,
        disk: &Memory,
        now: Moment,
    ) -> Result<(), Breach> {
        let noted = disk
            .probes
            .get(&probe.agent)
            .is_some_and(|probed| probed.asked == now);
        ensure(noted && !disk.paused, "S24 probes", probe)?;
        let last = self.asked.insert(probe.agent.clone(), now);
        let soon = last
            .is_some_and(|last| last.boot == now.boot && now.since(&last) < Period::from_mins(1));
        ensure(!soon, "S24 probes", probe)
    }

    /// An agent was found signed in.
    pub(crate) fn passed(&mut self, agent: &str, asked: Moment) {
        self.passed.push((agent.to_owned(), asked));
    }

    /// A death that nothing dates keeps the moment at which it was first seen, as long as it is
    /// seen look after look.
    ///
    /// # Errors
    /// The invariant broken.
    pub(crate) fn judge_deaths(&mut self, look: &Look<'_>) -> Result<(), Breach> {
        // What is forgotten is new when an old look shows it again.
        self.deaths
            .retain(|name, _| look.memory.sessions.contains_key(name));
        for (name, history) in &look.memory.sessions {
            // What is proven may replace a guess; a guess never replaces itself.
            let is_seen = sessions(look.observed).any(|(_, seen)| {
                let is_it =
                    matches!(&seen.ownership, Ownership::Ours(label) if label.session == *name);
                is_it
                    && matches!(
                        seen.life,
                        Life::Dead {
                            death: Death::Vanished,
                            ..
                        }
                    )
            });
            let ended = history.run.as_ref().filter(|_| is_seen).and_then(|run| {
                let ended = run.ended.filter(|ended| ended.death == Death::Vanished)?;
                Some((run.generation, ended.at))
            });
            let Some((generation, at)) = ended else {
                self.deaths.remove(name);
                continue;
            };
            let Some((life, before)) = self.deaths.insert(name.clone(), (generation, at)) else {
                continue;
            };
            let same = life != generation || before == at || before.boot != look.now.boot;
            ensure(same, "S29 one death", &(name, before, at))?;
        }
        Ok(())
    }

    /// Judges that nobody is believed to be signed in who was not found to be.
    ///
    /// # Errors
    /// Where somebody is.
    pub(crate) fn judge_passes(&self, look: &Look<'_>) -> Result<(), Breach> {
        let passes = look
            .memory
            .probes
            .iter()
            .filter_map(|(agent, probed)| Some((agent, probed.passed()?)));
        // A clock that went wrong may have moved the moment of one.
        let known = |agent: &String, at: Moment| {
            self.passed
                .iter()
                .any(|(name, asked)| name == agent && (*asked == at || asked.boot != at.boot))
        };
        let invented = passes.into_iter().find(|(agent, at)| !known(agent, *at));
        ensure(invented.is_none(), "S24 passes", &invented)
    }

    fn judge_mass(&mut self, look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
        let kills: SortedSet<_> = plan
            .steps
            .iter()
            .filter(|s| begins_kill(s))
            .map(|s| s.session.clone())
            .collect();
        let town = plan.steps.len() + plan.held.len() + plan.unchanged.len();
        #[expect(clippy::cast_precision_loss, reason = "towns are small")]
        let share = (town as f64 * look.town.limits.mass).max(1.0);
        #[expect(clippy::cast_precision_loss, reason = "towns are small")]
        let many = kills.len() > 1 && (kills.len() as f64 > share || kills.len() == town);
        ensure(
            !many
                || self
                    .guarded
                    .as_ref()
                    .is_none_or(|guarded| *guarded == kills),
            "S9 mass guard",
            &kills,
        )?;
        let guarded = plan
            .held
            .iter()
            .filter(|held| matches!(held.hold, Hold::MassGuard { .. }));
        self.guarded = Some(guarded.map(|held| held.session.clone()).collect());
        Ok(())
    }

    /// No more sessions than may are down at once for planned restarts, and what was ended for one
    /// is started again whatever budgets say.
    fn judge_roll(&mut self, look: &Look<'_>, plan: &Plan) -> Result<(), Breach> {
        let is_lost = self.server.is_none();
        self.replaced
            .retain(|name, ended| !is_lost && is_down(look, name, *ended));
        if is_lost {
            self.owed.clear();
        }
        let budget = |hold: &Hold| {
            matches!(
                hold,
                Hold::StartBudget { .. } | Hold::ConcurrentStarts { .. } | Hold::Wave { .. }
            )
        };
        let forgotten = plan.held.iter().find(|held| {
            let down =
                self.replaced.contains_key(&held.session) && self.owed.contains(&held.session);
            down && budget(&held.hold)
        });
        ensure(forgotten.is_none(), "S28 owed start", &forgotten)?;
        let left_alone = |name: &SessionName| {
            let held = plan.held.iter().find(|held| held.session == *name);
            held.is_some_and(|held| !matches!(held.hold, Hold::Stopping { .. }))
        };
        let begun = plan
            .steps
            .iter()
            .filter(|step| begins_kill(step) && matches!(step.action, Action::Restart { .. }));
        let begun: SortedSet<&SessionName> = begun.map(|step| &step.session).collect();
        if begun.is_empty() {
            return Ok(());
        }
        let before = self
            .replaced
            .keys()
            .filter(|name| !begun.contains(*name) && !left_alone(name));
        let down = before.count().saturating_add(begun.len());
        let allowed = look
            .town
            .limits
            .unavailable
            .among(look.town.declared().count());
        ensure(
            u32::try_from(down).is_ok_and(|down| down <= allowed),
            "S27 rolling",
            &(&begun, &self.replaced),
        )
    }

    /// Judges that what is about to be done has been written down.
    ///
    /// # Errors
    /// Where it has not.
    pub(crate) fn judge_intent(
        &mut self,
        step: &Step,
        disk: &Memory,
        orders: Orders,
    ) -> Result<(), Breach> {
        if orders.durability == Durability::Failing {
            return ensure(
                matches!(step.action, Action::Start { .. }),
                "S5 intent",
                &brief(step),
            );
        }
        if matches!(
            step.action,
            Action::Restart {
                rung: Rung::Ask,
                ..
            }
        ) {
            self.owed.insert(step.session.clone());
        }
        // A start of which nothing was known may have to be done again: it is the same that is
        // owed.
        let owed = disk
            .sessions
            .get(&step.session)
            .is_some_and(History::is_owed_a_start);
        if owed && begins_process(step) {
            self.owed.insert(step.session.clone());
        }
        let Some(history) = disk.sessions.get(&step.session) else {
            return breach("S5 intent", format!("{:?}", brief(step)));
        };
        let noted = match &step.action {
            Action::Restart { target, rung, .. } | Action::Expire { target, rung, .. }
                if *rung != Rung::Finish =>
            {
                let stopping = history.stopping.as_ref();
                stopping.is_some_and(|s| Some(s.generation) == target.generation && s.rung == *rung)
            }
            Action::Expire { .. } | Action::Rename { .. } => true,
            Action::Nudge(typing) => {
                let run = run_of(history, &typing.target);
                run.is_some_and(|run| {
                    let last = run.typed.last().map(|typed| typed.text.as_str());
                    let is_noted = run.nudged.is_some() && run.nudged == self.told;
                    is_noted && last == Some(typing.text.as_str())
                })
            }
            Action::Answer(_) => !history.answers.is_empty(),
            Action::SendEscape { target, .. } => {
                run_of(history, target).is_some_and(|run| run.escape_sent.is_some())
            }
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
    pub(crate) fn judge_deed(
        &mut self,
        deed: &Deed,
        town: &Town,
        now: Moment,
    ) -> Result<(), Breach> {
        let Deed {
            step,
            planned,
            before,
            outside,
            ends,
        } = deed;
        // What was removed or begun anew is forgotten with its end: an old look that shows it again
        // dates that anew.
        if matches!(
            step.action,
            Action::Expire {
                rung: Rung::Finish,
                ..
            }
        ) || begins_process(step)
        {
            self.deaths.remove(&step.session);
        }
        if let Some(before) = before {
            judge_identity(step, before)?;
            // A late one may have been planned before its entry was edited.
            let desired = town.sessions.get(&step.session).filter(|_| *planned == now);
            let minds = desired.is_some_and(|desired| desired.when_attached == WhenAttached::Hold);
            let kills = signals(step) && before.session.is_alive();
            ensure(
                !(minds && kills && before.session.attached > 0),
                "S3 attached",
                &brief(step),
            )?;
        }
        if let Action::Rename { target, .. } = &step.action
            && let Some(whose) = &target.whose
        {
            self.follow_rename(&whose.session, &step.session);
        }
        ensure(ends.is_none(), "S32 user's process", &(brief(step), ends))?;
        if let Action::Restart { target, rung, .. } = &step.action {
            let begins = *rung == Rung::Ask
                && before
                    .as_ref()
                    .is_some_and(|before| before.session.is_alive());
            if begins {
                self.replaced
                    .insert(step.session.clone(), target.generation.unwrap_or_default());
            }
        }
        if begins_process(step) {
            let alive = before
                .as_ref()
                .is_some_and(|before| before.session.is_alive());
            ensure(!alive, "S6 one tree", &brief(step))?;
            ensure(outside.is_none(), "S30 outside", &(brief(step), outside))?;
            self.judge_budget(step, *planned, town, now)?;
        }
        if let Some(generation) = step.action.begins().filter(|_| begins_process(step)) {
            let last = self.begun.insert(step.session.clone(), generation);
            ensure(last != Some(generation), "S2 twice", &brief(step))?;
        }
        self.judge_nudge(deed)?;
        self.judge_gap(deed, town)
    }

    /// What is known of a session goes with its new name.
    fn follow_rename(&mut self, from: &SessionName, to: &SessionName) {
        fn follow<V>(map: &mut SortedMap<SessionName, V>, from: &SessionName, to: &SessionName) {
            let known = map.remove(from);
            map.extend(known.map(|known| (to.clone(), known)));
        }
        follow(&mut self.planned, from, to);
        follow(&mut self.deaths, from, to);
        follow(&mut self.begun, from, to);
        follow(&mut self.nudged, from, to);
        follow(&mut self.replaced, from, to);
        if self.owed.remove(from) {
            self.owed.insert(to.clone());
        }
    }

    /// Two nudges of one life are a whole idle limit apart, and none is typed twice.
    fn judge_nudge(&mut self, Deed { step, planned, .. }: &Deed) -> Result<(), Breach> {
        let (Action::Nudge(typing), Reason::TooQuiet { limit, .. }) = (&step.action, &step.reason)
        else {
            return Ok(());
        };
        let last = self
            .nudged
            .insert(step.session.clone(), (*planned, typing.target.generation));
        let Some((last, life)) = last else {
            return Ok(());
        };
        let apart = planned.since(&last) >= *limit
            || planned.boot != last.boot
            || life != typing.target.generation;
        ensure(apart, "S23 nudge pace", &brief(step))
    }

    fn judge_budget(
        &mut self,
        step: &Step,
        planned: Moment,
        town: &Town,
        now: Moment,
    ) -> Result<(), Breach> {
        self.starts
            .retain(|at| at.boot == now.boot && now.since(at) < Period::from_hours(24));
        // A planned restart is paced by itself. Where a number is declared it counts, but was
        // granted before its stop.
        if self.owed.remove(&step.session) {
            if let StartBudget::Fixed(_) = town.limits.starts {
                self.starts.push(planned);
            }
            return Ok(());
        }
        let allowed = match town.limits.starts {
            // A lost server's town comes back on top of that.
            StartBudget::Auto => {
                let lately = self
                    .losses
                    .iter()
                    .filter(|at| planned.since(at) < WINDOW)
                    .count();
                town.sessions
                    .len()
                    .saturating_mul(lately.saturating_add(1))
                    .saturating_add(10)
            }
            StartBudget::Fixed(starts) => usize::try_from(starts).unwrap_or(usize::MAX),
        };
        let before = |at: &&Moment| at.awake <= planned.awake && planned.since(at) < WINDOW;
        // The town of a late one may have been another.
        let late = planned != now;
        ensure(
            late || self.starts.iter().filter(before).count() < allowed,
            "S7 start budget",
            &brief(step),
        )?;
        if !self
            .forgiven
            .is_some_and(|at| late && planned.awake <= at.awake)
        {
            self.starts.push(planned);
        }
        Ok(())
    }

    /// Two planned restarts of one session are a whole gap apart, told by the moments that they are
    /// labelled with.
    fn judge_gap(&mut self, deed: &Deed, town: &Town) -> Result<(), Breach> {
        let Some(desired) = town.sessions.get(&deed.step.session) else {
            return Ok(());
        };
        let Action::Restart {
            target,
            rung,
            handoff: Some(at),
            ..
        } = &deed.step.action
        else {
            return Ok(());
        };
        if *rung == Rung::Finish {
            return Ok(());
        }
        let life = target.generation.unwrap_or_default();
        let last = self.planned.insert(deed.step.session.clone(), (*at, life));
        let Some((last, ended)) = last else {
            return Ok(());
        };
        // Who asks for it by hand does not wait.
        let is_asked = deed.step.reason.cause().is(ReasonCode::Asked);
        let apart = at.since(&last) >= desired.handoff_gap || at.boot != last.boot || is_asked;
        ensure(apart || ended == life, "S4 handoff gap", &brief(&deed.step))
    }
}

/// What is remembered of the run that a step is meant for.
fn run_of<'h>(history: &'h History, target: &Target) -> Option<&'h Incarnation> {
    history.run_of(target.generation?)
}

/// Whether a session of which a planned restart was begun is down for it: not started again, or not
/// ready yet.
fn is_down(look: &Look<'_>, name: &SessionName, ended: Generation) -> bool {
    let Some(desired) = look
        .town
        .sessions
        .get(name)
        .filter(|desired| desired.policy.is_none())
    else {
        return false;
    };
    // One that has failed is not waited for: it stops the roll instead.
    let goes_on = |history: &History| {
        let replacing = history.replacing.as_ref();
        !history.stopped && replacing.is_some_and(|replacing| !replacing.failed)
    };
    if !look.memory.sessions.get(name).is_some_and(goes_on) {
        return false;
    }
    let Observed::Up(server) = look.observed else {
        return true;
    };
    let mut lives = server
        .sessions
        .values()
        .filter_map(|seen| match &seen.ownership {
            Ownership::Ours(label) if label.session == *name && label.generation > ended => {
                Some((seen, label))
            }
            Ownership::Ours(_)
            | Ownership::Unlabelled
            | Ownership::Unproved(_)
            | Ownership::Foreign(_) => None,
        });
    lives.next().is_none_or(|(seen, label)| {
        matches!(seen.life, Life::Alive { .. })
            && look.now.since(&label.started) < desired.ready_after
    })
}
