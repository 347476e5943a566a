//! Chores within the cycle: what has ended is remembered, what is due is written down and begun.

use super::cycle::{Controller, CycleFault, TURN_PATIENCE, chain};
use super::survey::survey;
use crate::chores::{AnalysisInput, ChoreJob, ChoreReport, Chores, UpstreamNews};
use crate::memory::{Taking, ask_chore, chore_entries, chore_entry, take_proposals};
use crate::model::{
    Advice, Chore, ChoreEnd, ChoreKind, ChoreTime, Entry, Judged, Memory, Moment, NudgeText,
    Orders, Period, Plan, SessionName, Town,
};
use crate::proc;
use crate::reconcile::{Arrivals, ChoreArrivals, EndedChore, Intended, take_in};
use crate::store::{Counted, StoreFault};
use serde_json::json;
use std::sync::Arc;

/// How long a text that was proposed may take to be typed.
const NUDGE_PATIENCE: Period = Period::from_mins(2);

/// What becomes of the runs under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Farewell {
    /// They may end, each within its own time.
    Wait,
    /// They are ended, with all that they have started.
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

    /// What is remembered now, for a look outside any cycle.
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

    /// Lets the runs under way end, and remembers how they did.
    ///
    /// # Errors
    /// [`CycleFault`]; they have ended all the same.
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

    /// What goes on beside the cycles, for people, each with the most time that it may take:
    /// chores, and starts and stops by commands.
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

    /// Writes down that a chore is to be run now, whenever its time is.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub fn ask_chore(&mut self, chore: &str) -> Result<(), CycleFault> {
        let now = proc::clock::now();
        self.amend(|memory| ask_chore(memory, chore, now))
    }

    /// Looks, and writes down that what is proposed now is to be carried out, as far as the planner
    /// allows. The next cycles do so; texts to be typed are left to the caller.
    ///
    /// # Errors
    /// [`CycleFault`]; nothing was written then.
    pub async fn accept(&mut self, town: &Town, orders: Orders) -> Result<Vec<Judged>, CycleFault> {
        let memory = self.recall_in_turn()?;
        let looked = survey(&self.client, town, self.store.view(), memory, orders).await;
        let mut taken = Vec::new();
        self.amend(|memory| {
            let (memory, accepted) = take_proposals(memory, &looked.plan, Taking::Asked);
            taken = accepted;
            memory
        })?;
        Ok(taken)
    }

    /// The run that types a proposed text; none for other proposals.
    #[must_use]
    pub fn typing(&self, town: &Town, judged: &Judged, now: Moment) -> Option<ChoreJob> {
        let Advice::Nudge(text) = &judged.proposal.advice else {
            return None;
        };
        let session = SessionName::new(&judged.proposal.session).ok()?;
        let made = town
            .chores
            .iter()
            .find(|chore| chore.name == judged.chore)?;
        let name = format!("{}-nudge-{session}", judged.chore);
        let kind = ChoreKind::Nudge {
            session,
            text: NudgeText::new(text).ok()?,
        };
        let chore = Chore {
            name,
            kind,
            timeout: NUDGE_PATIENCE,
            ..made.clone()
        };
        Some(self.job(&Arc::new(town.clone()), &chore, None, now))
    }

    /// The runs that have ended since the last cycle, and those that go on. None in a controller
    /// that runs no chores.
    pub(super) fn chore_arrivals(&mut self, notices: &mut Vec<String>) -> Option<ChoreArrivals> {
        let chores = self.chores.as_mut()?;
        let reports = chores.ended();
        let arrivals = arrivals_of(chores, &reports);
        self.tell_of(&reports, notices);
        Some(arrivals)
    }

    /// Begins what is due and was written down, and the typing of what was accepted.
    pub(super) fn begin_chores(&mut self, intended: &Intended<'_>) {
        let (decided, memory, plan) = (intended.decided(), intended.memory(), intended.plan());
        let (town, taken, now) = (decided.town(), decided.accepted(), decided.now());
        let is_due = |chore: &&Chore| {
            plan.chores
                .iter()
                .any(|timed| timed.chore == chore.name && timed.when == ChoreTime::Now)
        };
        let due: Vec<&Chore> = town.chores.iter().filter(is_due).collect();
        if due.is_empty() && taken.is_empty() {
            return;
        }
        let shared = Arc::new(town.clone());
        let wants_look = due
            .iter()
            .any(|chore| matches!(chore.kind, ChoreKind::Analysis { .. }));
        let look = wants_look.then(|| {
            let (observed, memory, plan) =
                (decided.observed().clone(), memory.clone(), plan.clone());
            Arc::new(AnalysisInput {
                town: shared.clone(),
                observed,
                memory,
                plan,
                now,
            })
        });
        let jobs: Vec<ChoreJob> = due
            .into_iter()
            .map(|chore| self.job(&shared, chore, look.clone(), now))
            .collect();
        let texts: Vec<ChoreJob> = taken
            .iter()
            .filter_map(|judged| self.typing(town, judged, now))
            .collect();
        if let Some(chores) = &mut self.chores {
            jobs.into_iter()
                .chain(texts)
                .for_each(|job| chores.begin(job));
        }
    }

    /// What is written down of chores that were not begun, and of what is proposed.
    pub(super) fn news_of_chores(&self, town: &Town, plan: &Plan) -> Vec<Entry> {
        if self.chores.is_none() {
            return Vec::new();
        }
        let kind_of = |name: &str| {
            let chore = town.chores.iter().find(|chore| chore.name == name);
            chore.map_or("chore", |chore| chore.kind.word())
        };
        chore_entries(&self.last_plan, plan, kind_of)
    }

    fn job(
        &self,
        town: &Arc<Town>,
        chore: &Chore,
        look: Option<Arc<AnalysisInput>>,
        now: Moment,
    ) -> ChoreJob {
        let files = self.store.view().chore_files(&chore.name);
        ChoreJob {
            chore: chore.clone(),
            town: town.clone(),
            files,
            look,
            now,
        }
    }

    /// The journal, and the files of the older automonitor. None of them is worth failing for.
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
        self.store.journal(report.ended, &[entry(report)])?;
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

fn entry(report: &ChoreReport) -> Entry {
    let ChoreReport {
        chore,
        kind,
        begun,
        ended,
        outcome,
        log,
    } = report;
    let mut entry = chore_entry(kind, chore, outcome.result, &outcome.said);
    entry
        .fields
        .insert("took_ms", json!(ended.since(begun).millis()));
    entry.fields.extend(
        log.as_ref()
            .map(|path| ("log", json!(path.to_string_lossy()))),
    );
    if let Some(news) = &outcome.upstream {
        entry.fields.insert("release", json!(news.release));
        entry.fields.insert("commit", json!(news.commit));
    }
    entry
}
