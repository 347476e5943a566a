//! What simulated clients report through their hooks, and what becomes of it on the way: reports are
//! late, repeated, lost and forged.

use super::world::Session;
use super::{Agentry, Neglect, Random};
use crate::model::{
    Activity, AgentReport, Generation, Label, Moment, Origin, Ownership, ProcId, Reported,
    ReportingClient, Screen, ScreenState,
};
use crate::reports;

/// So many reports of a session are kept, the newest.
const KEPT: usize = 60;
/// In so many of 1,000 cases a report is lost, late or written twice. Each is a chance of its own.
const MISHAP: u64 = 120;
/// In so many of 1,000 steps of time somebody writes a report that is not his to write.
const FORGED: u64 = 40;
/// In so many of 1,000 turns that end the client leaves something to work behind its prompt.
const LEAVES_WORK: u64 = 300;
/// In so many of 1,000 steps of time that work ends.
const WORK_ENDS: u64 = 60;
/// A process that has nothing to do with any agent.
const STRANGER: ProcId = ProcId { pid: 3, start: 3 };

/// The reports of a session, and what its agent has really done.
#[derive(Debug, Clone, Default)]
pub struct ReportSpool {
    /// All reports, in the order in which they were written.
    written: Vec<AgentReport>,
    /// Reports on the way, with the steps of time until they are written.
    under_way: Vec<(u64, AgentReport)>,
    /// What the present run has really done.
    truth: Truth,
}

/// What one run of an agent has really done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Truth {
    /// The process that this is about.
    run: Option<ProcId>,
    /// How many turns have ended.
    pub turns_ended: u32,
    /// Whether it was signed out at any time.
    pub was_signed_out: bool,
    /// Whether something works behind its prompt that only its client knows of.
    behind: bool,
}

impl Session {
    /// What the present run of its agent has really done.
    #[must_use]
    pub fn truth(&self) -> Truth {
        self.hooks.truth
    }

    /// The latest word of its agent's own hooks that was written, by the time at which each hook
    /// began: without what is forged, and without a look at the order in which they were written.
    /// None where two of them are too close to tell which is later.
    #[must_use]
    pub fn genuine_word(&self) -> Option<Activity> {
        let label = self.reporting_label()?;
        let is_own = |report: &&AgentReport| {
            report.generation == label.generation
                && report.ancestors.contains(&self.process.id)
                && report.activity != Activity::Unsaid
        };
        let mut own: Vec<&AgentReport> = self.hooks.written.iter().filter(is_own).collect();
        own.sort_by_key(|report| report.at.awake);
        let last = own.last()?;
        let is_clear = own.iter().all(|other| {
            other.activity == last.activity || last.at.since(&other.at) > AgentReport::DISORDER
        });
        is_clear.then_some(last.activity)
    }

    /// What its hooks come to, as a look reads them.
    pub(super) fn hooks_say(&self, neglect: Option<Neglect>) -> Option<Reported> {
        let label = self.reporting_label()?;
        let pane = self.shell.unwrap_or(self.process.id);
        let counts = |report: &&AgentReport| {
            neglect == Some(Neglect::ReportFence) || reports::is_of(report, label.generation, pane)
        };
        let mut counting = self.hooks.written.iter().filter(counts);
        if neglect == Some(Neglect::ReportOrder) {
            return reports::latest(counting.next_back());
        }
        reports::latest(counting)
    }

    /// The label, where gtctl has started the agent with hooks. Half of the agents have none.
    fn reporting_label(&self) -> Option<&Label> {
        let has_hooks = self.process.matches && self.process.id.pid.is_multiple_of(2);
        match &self.ownership {
            Ownership::Ours(label) if has_hooks && label.origin == Origin::Started => Some(label),
            Ownership::Ours(_)
            | Ownership::Unlabelled
            | Ownership::Unproved(_)
            | Ownership::Foreign(_) => None,
        }
    }

    /// Lets a step of time pass for its reports. `before` is the screen of before that.
    pub(super) fn report(
        &mut self,
        before: &Screen,
        now: Moment,
        agentry: Agentry,
        random: &mut Random,
    ) {
        self.hooks.arrive();
        if !self.is_alive() {
            return;
        }
        let Some(generation) = self.reporting_label().map(|label| label.generation) else {
            self.note_run();
            return;
        };
        let is_fresh = self.note_run();
        let news = if is_fresh {
            Some((Activity::Ready, "SessionStart"))
        } else {
            self.news(before, random)
        };
        if let Some((activity, event)) = news {
            let report = self.own_report(generation, activity, event, now);
            self.hooks.send(report, agentry, random);
        }
        if agentry == Agentry::Wild && random.chance(FORGED) {
            let forged = self.forged(generation, now, random);
            self.hooks.write(forged);
        }
    }

    /// The storm is over: the agent comes to its prompt, and its client says so.
    pub(super) fn report_calm(&mut self, now: Moment) {
        self.hooks.under_way.clear();
        self.hooks.truth.behind = false;
        let generation = self.reporting_label().map(|label| label.generation);
        if let Some(generation) = generation.filter(|_| self.is_alive()) {
            self.hooks.truth.turns_ended = self.hooks.truth.turns_ended.saturating_add(1);
            let report = self.own_report(generation, Activity::Idle, "Stop", now);
            self.hooks.write(report);
        }
    }

    /// Notes what the present run does. Whether it is another run than before.
    fn note_run(&mut self) -> bool {
        let run = Some(self.process.id);
        let is_fresh = self.hooks.truth.run != run;
        if is_fresh {
            self.hooks.truth = Truth {
                run,
                ..Truth::default()
            };
        }
        self.hooks.truth.was_signed_out |= self.screen.state == ScreenState::Auth;
        is_fresh
    }

    /// What has happened to the agent, as its client reports it.
    fn news(&mut self, before: &Screen, random: &mut Random) -> Option<(Activity, &'static str)> {
        let truth = &mut self.hooks.truth;
        let is_same =
            before.state.agrees(&self.screen.state) && before.background == self.screen.background;
        if is_same {
            let ends = truth.behind && random.chance(WORK_ENDS);
            truth.behind &= !ends;
            return ends.then_some((Activity::Idle, "Stop"));
        }
        match self.screen.state {
            ScreenState::Ready => {
                truth.turns_ended = truth.turns_ended.saturating_add(1);
                truth.behind = random.chance(LEAVES_WORK);
                let is_behind = truth.behind || self.screen.background;
                Some(if is_behind {
                    (Activity::Background, "Stop")
                } else {
                    (Activity::Idle, "Stop")
                })
            }
            ScreenState::Busy | ScreenState::Retrying => {
                Some((Activity::Working, "UserPromptSubmit"))
            }
            ScreenState::AsksPermission | ScreenState::AsksTrust => {
                Some((Activity::Asks, "PermissionRequest"))
            }
            ScreenState::Auth => Some((Activity::Auth, "StopFailure")),
            ScreenState::Limit { .. } => Some((Activity::Limit, "StopFailure")),
            ScreenState::Context => Some((Activity::Context, "StopFailure")),
            ScreenState::Unclear => None,
        }
    }

    fn own_report(
        &self,
        generation: Generation,
        activity: Activity,
        event: &str,
        at: Moment,
    ) -> AgentReport {
        let ancestors = std::iter::once(self.process.id).chain(self.shell);
        AgentReport {
            at,
            generation,
            client: ReportingClient::Claude,
            event: event.to_owned(),
            activity,
            conversation: None,
            text: String::new(),
            transcript: None,
            ancestors: ancestors.collect(),
        }
    }

    /// A report of another process, or of another incarnation.
    fn forged(&self, generation: Generation, now: Moment, random: &mut Random) -> AgentReport {
        let activities = [
            Activity::Idle,
            Activity::Idle,
            Activity::Working,
            Activity::Background,
            Activity::Asks,
            Activity::Auth,
            Activity::Auth,
            Activity::Limit,
            Activity::Ended,
        ];
        let activity = random.pick(&activities).unwrap_or(Activity::Idle);
        let report = self.own_report(generation, activity, "Stop", now);
        if random.chance(500) {
            return AgentReport {
                ancestors: vec![STRANGER],
                ..report
            };
        }
        let other = if random.chance(500) {
            generation.0.saturating_add(1)
        } else {
            generation.0.saturating_sub(1)
        };
        AgentReport {
            generation: Generation(other),
            ..report
        }
    }
}

impl ReportSpool {
    fn write(&mut self, report: AgentReport) {
        self.written.push(report);
        if self.written.len() > KEPT {
            self.written.remove(0);
        }
    }

    /// A hook has begun: its report comes at once, late, twice or never.
    fn send(&mut self, report: AgentReport, agentry: Agentry, random: &mut Random) {
        if agentry == Agentry::Tame {
            self.write(report);
            return;
        }
        if random.chance(MISHAP) {
            return;
        }
        if random.chance(MISHAP) {
            self.under_way.push((random.between(1, 6), report.clone()));
        }
        if random.chance(MISHAP) {
            self.under_way.push((random.between(1, 6), report));
        } else {
            self.write(report);
        }
    }

    /// Writes what has been on the way for long enough.
    fn arrive(&mut self) {
        for (steps, _) in &mut self.under_way {
            *steps = steps.saturating_sub(1);
        }
        let arrived: Vec<_> = self
            .under_way
            .extract_if(.., |(steps, _)| *steps == 0)
            .collect();
        for (_, report) in arrived {
            self.write(report);
        }
    }
}
