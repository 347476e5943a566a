//! Chores within the cycle: takes in what has ended, and begins what is due and written down.

use super::cycle::{CycleFault, TURN_PATIENCE};
use super::setup::Controller;
use super::survey::survey;
use crate::chores::{AnalysisInput, ChoreJob, ChoreReport, ChoreWork, Chores, UpstreamNews};
use crate::events::{Actor, TownEvent, What, journal};
use crate::memory::{Taking, ask_chore, proposed_text, take_proposals};
use crate::model::{
    Asker, Chore, ChoreEnd, ChoreKind, ChoreTime, Evidence, Judged, Memory, Moment, Orders, Period,
    Scope, TextRequest, Town,
};
use crate::proc;
use crate::reconcile::{Arrivals, ChoreArrivals, EndedChore, Intended, take_in};
use crate::store::{Counted, StoreFault};
use crate::words::chain;
use serde_json::json;
use std::sync::Arc;

/// What becomes of the runs under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// Each may end within its own time.
    Wait,
    /// gtctl ends them with all processes that they have started. A text that was not typed yet
    /// stays asked for.
    Break,
}

impl Controller {
    /// Runs the chores that are due in its cycles.
    #[must_use]
    pub fn doing(self, chores: Chores) -> Self {
        Self {
            chores: Some(chores),
            ..self
        }
    }

    /// What is remembered now, for a look outside of any cycle.
    ///
    /// # Errors
    /// [`CycleFault`].
    pub fn recall_in_turn(&mut self) -> Result<Memory, CycleFault> {
        let _turn = self
            .store
            .lock_turn(self.me, TURN_PATIENCE)
            .map_err(CycleFault::Lock)?;
        self.recall(&mut Vec::new())
    }

    /// Waits for the ends of the runs under way, or ends them, and remembers how they ended.
    ///
    /// # Errors
    /// [`CycleFault`]; the runs have ended nevertheless.
    pub async fn end_chores(&mut self, farewell: Farewell) -> Result<Vec<ChoreReport>, CycleFault> {
        let Some(chores) = &mut self.chores else {
            return Ok(Vec::new());
        };
        match farewell {
            Farewell::Wait => chores.settle().await,
            Farewell::Break => chores.close().await,
        }
        let reports = chores.ended();
        if reports.is_empty() {
            return Ok(reports);
        }
        let arrivals = Arrivals {
            chores: Some(arrivals_of(chores, &reports)),
            ..Arrivals::default()
        };
        self.amend(|memory| take_in(memory, arrivals, proc::process::may_live).memory)?;
        self.tell_of(&reports, &mut Vec::new());
        Ok(reports)
    }

    /// What goes on beside the cycles, for people, each with its time limit: chores, and starts and
    /// stops by commands.
    #[must_use]
    pub fn under_way(&self, town: &Town) -> Vec<(String, Period)> {
        let running = self
            .chores
            .as_ref()
            .map(Chores::running)
            .unwrap_or_default();
        let is_running = |chore: &&Chore| running.contains(&chore.name);
        let chores = town.chores.iter().filter(is_running);
        let chores = chores.map(|chore| (format!("chore {}", chore.name), chore.timeout));
        let launcher_jobs =
            self.running_launcher_jobs()
                .into_iter()
                .filter_map(|(session, launcher_job)| {
                    let commands = town.sessions.get(&session)?.commands()?;
                    let what = format!(
                        "the {} of {session} by its commands",
                        launcher_job.verb.word()
                    );
                    Some((what, commands.limit(launcher_job.verb)))
                });
        launcher_jobs.chain(chores).collect()
    }

    /// Writes down that somebody asks for a run of a chore now.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn ask_chore(&mut self, chore: &str) -> Result<(), CycleFault> {
        let now = proc::clock::now();
        self.amend(|memory| ask_chore(memory, chore, now))
    }

    /// Looks, and writes down that the current proposals are accepted, as far as the planner
    /// allows. The next cycles carry them out. The runs that type their texts are left to the
    /// caller, who waits for them: they end with the caller's process.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub async fn accept(
        &mut self,
        town: &Town,
        orders: Orders,
    ) -> Result<(Vec<Judged>, Vec<ChoreJob>), CycleFault> {
        let memory = self.recall_in_turn()?;
        let looked = survey(&self.client, town, self.store.view(), memory, orders).await;
        let mut taken = Vec::new();
        self.amend(|memory| {
            let (memory, accepted) =
                take_proposals(memory, &looked.plan, Taking::Asked, looked.now);
            taken = accepted;
            memory
        })?;
        let shared = Arc::new(town.clone());
        let texts = taken
            .iter()
            .filter_map(|judged| proposed_text(&looked.memory, judged, looked.now));
        let jobs = texts.filter_map(|request| {
            let chore = chore_of(&shared, &request)?;
            // It is this person's text from now on.
            let asker = Asker::Person;
            let name = request.job();
            let request = TextRequest { asker, ..request };
            Some(self.job(&shared, chore, name, ChoreWork::Text(request), looked.now))
        });
        Ok((taken.clone(), jobs.collect()))
    }

    /// The runs that have ended since the last cycle, and those that go on. None where this
    /// controller runs no chores.
    pub(super) fn chore_arrivals(&mut self, notices: &mut Vec<String>) -> Option<ChoreArrivals> {
        let chores = self.chores.as_mut()?;
        let reports = chores.ended();
        let arrivals = arrivals_of(chores, &reports);
        self.tell_of(&reports, notices);
        self.beside.extend(reports.iter().map(event_of));
        Some(arrivals)
    }

    /// Begins the chores that are due and the texts that wait, once they are written down.
    pub(super) fn begin_chores(&mut self, intended: &Intended<'_>, scope: &Scope) {
        let jobs: Vec<ChoreJob> = self
            .due_runs(intended)
            .into_iter()
            .chain(self.waiting_texts(intended, scope))
            .collect();
        if let Some(chores) = &mut self.chores {
            for job in jobs {
                chores.begin(job);
            }
        }
    }

    /// The runs of the chores that are due, but for those that type texts.
    fn due_runs(&self, intended: &Intended<'_>) -> Vec<ChoreJob> {
        let (decided, plan) = (intended.decided(), intended.plan());
        let is_due = |chore: &&Chore| {
            plan.chores
                .iter()
                .any(|timed| timed.chore == chore.name && timed.when == ChoreTime::Now)
        };
        let due: Vec<&Chore> = decided.town().chores.iter().filter(is_due).collect();
        if due.is_empty() {
            return Vec::new();
        }
        let town = Arc::new(decided.town().clone());
        let mut shared_input = None;
        let mut input = || {
            let input = shared_input.get_or_insert_with(|| {
                Arc::new(AnalysisInput {
                    town: Arc::clone(&town),
                    observed: decided.observed().clone(),
                    memory: intended.memory().clone(),
                    plan: plan.clone(),
                    now: decided.now(),
                })
            });
            Arc::clone(input)
        };
        let mut jobs = Vec::new();
        for chore in due {
            let work = match &chore.kind {
                ChoreKind::Nudge { .. } => continue,
                ChoreKind::Upstream { repo } => ChoreWork::Upstream(repo.clone()),
                ChoreKind::Analysis { command, propose } => ChoreWork::Analysis {
                    command: command.clone(),
                    propose: *propose,
                    input: input(),
                },
                ChoreKind::Command { command } => ChoreWork::Command(command.clone()),
            };
            jobs.push(self.job(&town, chore, chore.name.clone(), work, decided.now()));
        }
        jobs
    }

    /// The runs of the remembered texts that this scope asks for and that nobody carries out yet.
    fn waiting_texts(&self, intended: &Intended<'_>, scope: &Scope) -> Vec<ChoreJob> {
        let town = intended.decided().town();
        let is_asked = |request: &&TextRequest| match scope {
            Scope::Town => true,
            Scope::Chore(name) => request.asker.chore() == Some(name),
            Scope::Sessions(_) | Scope::Expiries(_) => false,
        };
        let running = self
            .chores
            .as_ref()
            .map(Chores::running)
            .unwrap_or_default();
        let is_idle = |request: &&TextRequest| !request.begun && !running.contains(&request.job());
        let texts = intended.memory().texts.iter();
        let waiting: Vec<&TextRequest> = texts.filter(is_asked).filter(is_idle).collect();
        if waiting.is_empty() {
            return Vec::new();
        }
        let shared = Arc::new(town.clone());
        let run = |request: &TextRequest| {
            let chore = chore_of(&shared, request)?;
            let work = ChoreWork::Text(request.clone());
            Some(self.job(&shared, chore, request.job(), work, request.since))
        };
        waiting.into_iter().filter_map(run).collect()
    }

    /// The chores of the town that this process runs.
    pub(super) fn own_chores<'t>(&self, town: &'t Town) -> &'t [Chore] {
        if self.chores.is_some() {
            &town.chores
        } else {
            &[]
        }
    }

    fn job(
        &self,
        town: &Arc<Town>,
        chore: &Chore,
        name: String,
        work: ChoreWork,
        now: Moment,
    ) -> ChoreJob {
        let files = self.store.view().chore_files(&name);
        ChoreJob {
            name,
            chore: chore.clone(),
            work,
            town: Arc::clone(town),
            files,
            now,
        }
    }

    /// Writes the journal and the files of the older automonitor. None of them is worth failing for.
    fn tell_of(&self, reports: &[ChoreReport], notices: &mut Vec<String>) {
        for report in reports {
            if let Err(fault) = self.write_of(report) {
                notices.push(format!(
                    "what came of chore {} was not written: {}",
                    report.chore,
                    chain(&fault)
                ));
            }
        }
    }

    fn write_of(&self, report: &ChoreReport) -> Result<(), StoreFault> {
        self.store
            .journal(report.ended, &journal(&[event_of(report)]))?;
        if let Some(UpstreamNews {
            repo,
            release,
            commit,
            pending,
        }) = &report.outcome.upstream
        {
            self.store
                .note_upstream(report.ended, release.as_deref(), commit.as_deref())?;
            if let Some(text) = pending {
                let is_applied = self.store.write_pending(repo, text.as_deref())?;
                if is_applied {
                    self.store.note_upgrade(report.ended)?;
                }
            }
        }
        if report.kind == "analysis" {
            return self.store.count(
                report.ended,
                Counted {
                    analyses: 1,
                    ..Counted::default()
                },
            );
        }
        Ok(())
    }
}

/// The chore that a text comes from, where it is still declared.
fn chore_of<'t>(town: &'t Town, request: &TextRequest) -> Option<&'t Chore> {
    let name = request.asker.chore()?;
    town.chores.iter().find(|chore| chore.name == name)
}

fn arrivals_of(chores: &Chores, reports: &[ChoreReport]) -> ChoreArrivals {
    let ended = reports.iter().map(ended_chore).collect();
    ChoreArrivals {
        now: proc::clock::now(),
        ended,
        running: chores.running(),
    }
}

fn ended_chore(report: &ChoreReport) -> EndedChore {
    let ChoreReport {
        chore,
        outcome,
        ended,
        ..
    } = report;
    EndedChore {
        chore: chore.clone(),
        end: ChoreEnd {
            at: *ended,
            result: outcome.result,
            said: outcome.said.clone(),
        },
        not_before: outcome.not_before,
        proposals: outcome.proposals.clone(),
    }
}

fn event_of(report: &ChoreReport) -> TownEvent {
    let ChoreReport {
        chore,
        kind,
        begun,
        ended,
        outcome,
        log,
    } = report;
    let mut details: Evidence = [("took_ms", json!(ended.since(begun).millis()))].into();
    let log = log.as_ref();
    details.extend(log.map(|path| ("log", json!(path.to_string_lossy()))));
    if let Some(news) = &outcome.upstream {
        details.insert("release", json!(news.release));
        details.insert("commit", json!(news.commit));
    }
    let what = What::ChoreRun {
        kind,
        chore: chore.clone(),
        result: outcome.result,
        said: outcome.said.clone(),
        details,
    };
    TownEvent::of_town(*ended, what).by(Actor::Chore)
}
