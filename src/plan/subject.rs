//! One session: its desired, observed and remembered state side by side.

use super::Situation;
use super::renamed::{Renaming, renaming};
use super::rolling::FAILING;
use crate::model::{
    Block, Change, Complaint, Content, Death, Desired, Flaw, Generation, History, Incarnation,
    Label, LauncherJob, Leave, Life, Marks, Moment, Ownership, Period, Phase, Probed, RanWith,
    Replacing, ScheduleState, Seen, Server, SessionName, Standing, Target, Verb, Walk,
    WhenAttached, Whose,
};
use crate::model::{SortedMap, SortedSet};

/// One session. It is declared, or ours, or both.
#[derive(Debug, Clone, Copy)]
pub(super) struct Subject<'a> {
    pub(super) situation: &'a Situation<'a>,
    pub(super) server: Option<&'a Server>,
    pub(super) name: &'a SessionName,
    pub(super) desired: Option<&'a Desired>,
    pub(super) seen: Option<&'a Seen>,
    pub(super) history: Option<&'a History>,
    /// What its former names mean for it.
    pub(super) renaming: Option<Renaming<'a>>,
    facts: Facts<'a>,
}

/// What nearly every rule asks of a session. It follows from the rest, and is found once.
#[derive(Debug, Clone, Copy, Default)]
struct Facts<'a> {
    label: Option<&'a Label>,
    observed_run: Option<&'a Incarnation>,
    content: Option<&'a Content>,
    is_alive: bool,
    awaits_probe: bool,
    is_ready: bool,
}

/// All subjects by name: every declared session, and every session of ours that is not declared.
///
/// It walks the ordered collections in step, which is faster than a lookup for each name.
pub(super) fn gather<'a>(
    situation: &'a Situation<'a>,
    server: Option<&'a Server>,
) -> Vec<Subject<'a>> {
    let (misnamed, mut orphans) = server
        .map(|server| out_of_place(situation, server))
        .unwrap_or_default();
    let mut in_the_way = SortedSet::new();
    let mut seen = Walk::new(server.into_iter().flat_map(|s| &s.sessions));
    let mut remembered = Walk::new(&situation.memory.sessions);
    let mut subjects = Vec::with_capacity(situation.town.sessions.len() + orphans.len());
    for (name, desired) in &situation.town.sessions {
        let by_name = seen
            .find(name.as_str())
            .filter(|seen| !belongs_elsewhere(seen, name));
        let mut subject = Subject {
            situation,
            server,
            name,
            desired: Some(desired),
            seen: misnamed.get(name).copied().or(by_name),
            history: remembered.find(name.as_str()),
            renaming: None,
            facts: Facts::default(),
        };
        if let Some(server) = server.filter(|_| !desired.moved.is_empty()) {
            subject.apply_former_names(server, &mut orphans);
        }
        if let Some(Renaming::Both(_)) = subject.renaming {
            in_the_way.extend(&desired.moved);
        }
        subjects.push(subject.with_facts());
    }
    if !orphans.is_empty() {
        subjects.extend(orphans.into_iter().map(|(name, seen)| {
            let orphan = Subject {
                situation,
                server,
                name,
                desired: None,
                seen: Some(seen),
                history: situation.memory.sessions.get(name),
                renaming: in_the_way.contains(name).then_some(Renaming::InTheWay),
                facts: Facts::default(),
            };
            orphan.with_facts()
        }));
        subjects.sort_by_key(|subject| subject.name);
    }
    subjects
}

type ByName<'a> = SortedMap<&'a SessionName, &'a Seen>;

/// Our sessions that do not have their declared name (renamed in tmux), and those that are not
/// declared.
fn out_of_place<'a>(situation: &Situation<'a>, server: &'a Server) -> (ByName<'a>, ByName<'a>) {
    let mut misnamed = ByName::new();
    let mut orphans = ByName::new();
    let mut declared = Walk::new(&situation.town.sessions);
    for (name, seen) in &server.sessions {
        let Ownership::Ours(label) = &seen.ownership else {
            continue;
        };
        let in_place = label.session.as_str() == name;
        if in_place && declared.find(name).is_some() {
            continue;
        }
        let declared = situation.town.sessions.contains_key(&label.session);
        let place = if declared {
            &mut misnamed
        } else {
            &mut orphans
        };
        let under_its_name = server.sessions.get(label.session.as_str());
        let under_its_name =
            under_its_name.filter(|rival| !in_place && !belongs_elsewhere(rival, &label.session));
        let newer = place
            .get(&label.session)
            .is_some_and(|rival| generation_of(rival) > generation_of(seen));
        // If two sessions have one label, the session with the declared name counts. The other
        // label is a copy.
        let original =
            under_its_name.is_some_and(|rival| generation_of(rival) >= generation_of(seen));
        if !newer && !original {
            place.insert(&label.session, seen);
        }
    }
    (misnamed, orphans)
}

fn generation_of(seen: &Seen) -> Generation {
    match &seen.ownership {
        Ownership::Ours(label) => label.generation,
        Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => {
            Generation::default()
        }
    }
}

/// A session of ours that has this `name` now but another declared one.
fn belongs_elsewhere(seen: &Seen, name: &SessionName) -> bool {
    matches!(&seen.ownership, Ownership::Ours(label) if label.session != *name)
}

impl<'a> Subject<'a> {
    /// Takes the session of a former name for this one, where there is just that one.
    fn apply_former_names(&mut self, server: &'a Server, orphans: &mut ByName<'a>) {
        let Some(desired) = self.desired else { return };
        let Some((renaming, seen)) = renaming(desired, server, self.seen, orphans) else {
            return;
        };
        self.renaming = Some(renaming);
        self.seen = seen;
        if let Renaming::From(former) = renaming {
            self.history = self.situation.memory.sessions.get(former).or(self.history);
        }
    }

    fn with_facts(self) -> Self {
        let label = self.seen.and_then(|seen| match &seen.ownership {
            Ownership::Ours(label) => Some(label),
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
        });
        let is_alive = matches!(self.seen.map(|seen| &seen.life), Some(Life::Alive { .. }));
        let run_of = |label: &Label| self.history?.run_of(label.generation);
        let observed_run = label.and_then(run_of);
        let is_probed = self.desired.is_some_and(|desired| desired.ready.is_some());
        let has_passed = |run: &Incarnation| run.ready.is_some() || run.has_passed_probe();
        let awaits_probe =
            is_alive && label.is_some() && is_probed && !observed_run.is_some_and(has_passed);
        let ready_after = self
            .desired
            .map_or(Period::ZERO, |desired| desired.ready_after);
        let has_aged = label.is_some_and(|label| self.now().since(&label.started) >= ready_after);
        Self {
            facts: Facts {
                label,
                observed_run,
                content: observed_run.and_then(|run| run.content.as_ref()),
                is_alive,
                awaits_probe,
                is_ready: is_alive && has_aged && !awaits_probe,
            },
            ..self
        }
    }

    /// Whether it has a former name, and gets its own now. Its history stands under the former name.
    pub(super) fn gets_new_name(&self) -> bool {
        matches!(self.renaming, Some(Renaming::From(_)))
    }

    pub(super) fn now(&self) -> Moment {
        self.situation.now
    }

    /// Its label, if it is ours.
    pub(super) fn label(&self) -> Option<&'a Label> {
        self.facts.label
    }

    /// Whether the manifest says that it does not run.
    pub(super) fn is_disabled(&self) -> bool {
        self.desired.is_some_and(|desired| !desired.enabled)
    }

    /// Why it shall leave this host. None where it stays.
    pub(super) fn leaving(&self) -> Option<Leave> {
        self.situation.town.hosts.leaving.get(self.name).copied()
    }

    /// What its schedule says now. None without a schedule.
    pub(super) fn schedule_state(&self) -> Option<ScheduleState> {
        let schedule = self.desired?.schedule.as_ref()?;
        Some(schedule.at(self.now().wall))
    }

    /// Whether it is outside of the hours in its schedule.
    pub(super) fn is_off(&self) -> bool {
        self.schedule_state().is_some_and(|state| !state.is_on)
    }

    /// When its schedule says something else than now. None without a schedule, and if it never does.
    pub(super) fn schedule_changes(&self) -> Option<Moment> {
        let changes = self.schedule_state()?.changes?;
        let ahead = changes.saturating_sub(self.now().wall);
        let ahead = Period::from_millis(u64::try_from(ahead).unwrap_or(0));
        Some(self.now().plus(ahead))
    }

    /// Why its label is not trusted. None for a trusted label.
    pub(super) fn flaw(&self) -> Option<Flaw> {
        match &self.seen?.ownership {
            Ownership::Unproved(unproved) => Some(unproved.flaw),
            Ownership::Unlabelled | Ownership::Foreign(_) | Ownership::Ours(_) => None,
        }
    }

    /// The text of a label that is not trusted.
    pub(super) fn unproved_label(&self) -> Option<&'a str> {
        match &self.seen?.ownership {
            Ownership::Unproved(unproved) => Some(&unproved.text),
            Ownership::Unlabelled | Ownership::Foreign(_) | Ownership::Ours(_) => None,
        }
    }

    /// The command in its pane, for messages.
    pub(super) fn comm(&self) -> &'a str {
        match self.seen.map(|seen| &seen.life) {
            Some(Life::Alive { comm, .. }) => comm,
            Some(Life::Dead { .. } | Life::Unknown(_)) | None => "nothing any more",
        }
    }

    /// Whether its agent lives. For agents that are not ours, whether the pane lives.
    pub(super) fn is_alive(&self) -> bool {
        self.facts.is_alive
    }

    /// The remembered screen of this incarnation.
    pub(super) fn content(&self) -> Option<&'a Content> {
        self.facts.content
    }

    /// For how long it has been idle: by its content, or by tmux's clock where the content was
    /// never read. None while it works.
    pub(super) fn idle(&self) -> Period {
        let quiet = self.seen.map_or(Period::ZERO, |seen| seen.quiet);
        self.content()
            .map_or(quiet, |content| content.idle(self.now()))
    }

    /// Whether it shows a limit that has ended. Then only a text makes it continue.
    pub(super) fn is_past_limit(&self) -> bool {
        let content = self.content().filter(|content| content.is_agreed());
        content.is_some_and(|content| content.is_past_limit(self.name, self.now()))
    }

    /// Whether its screen shows that it works. Then time alone never makes it idle.
    pub(super) fn is_busy(&self) -> bool {
        self.content()
            .is_some_and(|content| content.state.is_at_work())
    }

    /// What blocks it: its screen says so, and no later probe has found its agent signed in.
    pub(super) fn block(&self) -> Option<Block> {
        let content = self.content()?;
        let block = content.block(self.name, self.now())?;
        let refuted = self.history.and_then(|history| history.refuted.as_ref());
        let proves_nothing =
            refuted.is_some_and(|refuted| refuted.covers(&content.evidence, self.now()));
        // A sign-in says nothing about its limit.
        let may_be_answered = block == Block::Auth && !proves_nothing;
        let probed = self
            .desired
            .and_then(|desired| self.situation.memory.probes.get(&desired.agent.name));
        let passed = probed.and_then(Probed::passed).filter(|_| may_be_answered);
        let answered = passed.is_some_and(|at| Moment::later_of(at, content.state_since) == at);
        (!answered).then_some(block)
    }

    /// The phase of a session by its process and its screen alone.
    pub(super) fn living_phase(&self) -> Phase {
        let Some(seen) = self.seen else {
            return Phase::Absent;
        };
        match (&seen.life, self.content()) {
            (Life::Unknown(_), _) => Phase::Unknown,
            (Life::Dead { death, .. }, _) => Phase::Dead(*death),
            (Life::Alive { .. }, _)
                if self.desired.is_some() && self.label().is_some() && !self.is_ready() =>
            {
                Phase::Starting
            }
            (Life::Alive { .. }, Some(content)) => content.phase(self.name, self.now()),
            (Life::Alive { .. }, None) if seen.quiet < Content::IDLE_AFTER => Phase::Working,
            (Life::Alive { .. }, None) => Phase::Idle,
        }
    }

    /// The awake time since this process was started.
    pub(super) fn age(&self) -> Option<Period> {
        self.label().map(|label| self.now().since(&label.started))
    }

    /// The last remembered run. It may be another one than the observed run.
    pub(super) fn run(&self) -> Option<&'a Incarnation> {
        self.history?.run.as_ref()
    }

    /// What is remembered of the run that was observed.
    pub(super) fn observed_run(&self) -> Option<&'a Incarnation> {
        self.facts.observed_run
    }

    /// The completion markers in the output of this run, where it is read for them.
    pub(super) fn standing(&self) -> Option<(&'a Marks, &'a Standing)> {
        self.desired
            .filter(|desired| !desired.completion.markers.is_empty())?;
        let marks = self.observed_run()?.marks.as_ref()?;
        let standing = marks.standing.as_ref()?;
        Some((marks, standing))
    }

    /// The pattern of the policy that covers it. Others started it, and gtctl may only expire it.
    pub(super) fn policy(&self) -> Option<&'a str> {
        self.desired?.policy.as_deref()
    }

    /// Whether it counts as ready: this process has lived for `ready_after`, and its readiness probe
    /// has passed once.
    pub(super) fn is_ready(&self) -> bool {
        self.facts.is_ready
    }

    /// Whether it is ours, lives, and its readiness probe has not passed yet. A run that was ready
    /// before the probe was declared needs none.
    pub(super) fn awaits_probe(&self) -> bool {
        self.facts.awaits_probe
    }

    /// Whether it is ours, lives, and is not ready yet.
    pub(super) fn is_coming_up(&self) -> bool {
        self.is_alive() && self.label().is_some() && !self.is_ready()
    }

    /// A command that starts or stops it now.
    pub(super) fn launcher_job(&self) -> Option<&'a LauncherJob> {
        self.history?.launcher_job.as_ref()
    }

    /// Whether a command is starting it now.
    pub(super) fn is_being_started(&self) -> bool {
        self.launcher_job()
            .is_some_and(|launcher_job| matches!(launcher_job.verb, Verb::Start | Verb::Restart))
    }

    /// The last output of the commands that failed to start it.
    pub(super) fn not_started(&self) -> Option<&'a Complaint> {
        let ended = self.run()?.ended?;
        self.history?
            .complaint
            .as_ref()
            .filter(|_| ended.death == Death::NeverStarted)
    }

    /// When it will count as ready at the earliest, if its process lives on. None once only its
    /// readiness probe is missing: nobody knows when that passes.
    pub(super) fn ready_at(&self) -> Option<Moment> {
        let at = self.label()?.started.plus(self.desired?.ready_after);
        let is_only_probed = self.awaits_probe() && self.now().reached(&at);
        (!is_only_probed).then_some(at)
    }

    /// The last planned restart, from memory or label.
    pub(super) fn handoff(&self) -> Option<Moment> {
        let remembered = self.history.and_then(|history| history.handoff);
        match (remembered, self.label().and_then(|label| label.handoff)) {
            (Some(a), Some(b)) => Some(Moment::later_of(a, b)),
            (a, b) => a.or(b),
        }
    }

    /// The same in this boot's clock, for labels. A later step of the wall clock must not move it
    /// years ahead.
    pub(super) fn handoff_to_carry(&self) -> Option<Moment> {
        let (now, at) = (self.now(), self.handoff()?);
        Some(if at.boot == now.boot {
            at
        } else {
            now.minus(now.since(&at))
        })
    }

    /// The names of the fields whose running value differs from the declared one.
    pub(super) fn differences(&self) -> Vec<&'static str> {
        let ran_with = self.label().and_then(|label| label.fingerprint);
        let both = ran_with.zip(self.desired);
        both.map(|(ran_with, desired)| ran_with.differences(&desired.fingerprint()))
            .unwrap_or_default()
    }

    /// The old and new values of those fields, where the old ones are remembered.
    pub(super) fn changes(&self) -> Vec<Change> {
        let label = self.label().and_then(|label| label.fingerprint);
        let ran_with = self.observed_run().and_then(|run| run.ran_with.as_ref());
        let known = ran_with.filter(|ran| Some(ran.fingerprint) == label);
        known
            .zip(self.desired)
            .map(|(ran, desired)| ran.changes(&RanWith::of(desired)))
            .unwrap_or_default()
    }

    /// Stopped by the user.
    pub(super) fn is_stopped(&self) -> bool {
        self.history.is_some_and(|history| history.stopped)
    }

    /// Its planned restart, if one has begun and is not over.
    pub(super) fn replacing(&self) -> Option<&'a Replacing> {
        self.history?.replacing.as_ref()
    }

    /// Whether gtctl ended its last run for a planned restart, or is about to. Then it owes the
    /// session a start.
    pub(super) fn is_owed_a_start(&self) -> bool {
        self.history.is_some_and(History::is_owed_a_start)
    }

    /// Whether it has come from another host and was not started here since.
    pub(super) fn has_arrived(&self) -> bool {
        self.situation.town.hosts.arrivals.contains(self.name)
    }

    /// Whether it is in a crash loop.
    pub(super) fn is_failing(&self) -> bool {
        self.crashes().len() >= FAILING
    }

    /// Crashes in a row.
    pub(super) fn crashes(&self) -> &'a [Moment] {
        self.history.map_or(&[], |history| &history.crashes)
    }

    /// The next generation. It is greater than every known one and at least the wall clock, so that
    /// it still grows after all memory is lost.
    pub(super) fn next_generation(&self) -> Generation {
        let remembered = self.history.map_or(0, |history| history.generation.0);
        let labelled = self.label().map_or(0, |label| label.generation.0);
        let clock = u64::try_from(self.now().wall).unwrap_or(0);
        Generation(remembered.max(labelled).saturating_add(1).max(clock))
    }

    /// The identity that an operation on it must name.
    pub(super) fn target(&self) -> Option<Target> {
        let (server, seen) = (self.server?, self.seen?);
        let process = match &seen.life {
            Life::Alive { process, .. } => Some(*process),
            Life::Dead { process, .. } => *process,
            Life::Unknown(_) => None,
        };
        Some(Target {
            server: server.id,
            session: seen.id,
            pane: seen.pane,
            generation: self.label().map(|label| label.generation),
            whose: self.label().map(|label| Whose {
                town: self.situation.town.name.clone(),
                session: label.session.clone(),
            }),
            process,
            attached: self.when_attached(),
        })
    }

    pub(super) fn when_attached(&self) -> WhenAttached {
        self.desired
            .map_or(WhenAttached::Hold, |desired| desired.when_attached)
    }

    /// Whether gtctl itself runs in this session.
    pub(super) fn is_own(&self) -> bool {
        self.server
            .zip(self.seen)
            .is_some_and(|(server, seen)| server.own == Some(seen.id))
    }
}
