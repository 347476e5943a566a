//! Timed work beside the sessions: the upstream check, nudges, analyses and commands of one's own.
//!
//! Each run is a [job](crate::jobs) with a deadline, and bounds on what is read and kept: one that
//! fails, hangs or floods delays neither another nor the controller. What it starts is ended with
//! it.
//!
//! **Architecture invariant:** nothing here decides when a chore is run or what becomes of a
//! proposal (`plan/` does), and nothing here changes what is remembered: a run hands back a
//! [`ChoreReport`].

mod answer;
mod http;
mod run;
mod upstream;
mod version;
mod work;

pub use answer::{ActionLine, ActionWord, AnalysisAnswer, schema};

use crate::jobs::{self, BrokenOff, Cancel, Pool};
use crate::model::{
    Chore, ChoreResult, Memory, Moment, NudgeText, Observed, Plan, Proposal, SessionName, Town,
};
use crate::store::ChoreFiles;
use std::collections::BTreeSet;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// Types texts into sessions.
pub trait Typist: Send + Sync {
    /// Types `text` into the session of the town and submits it, if its prompt is free now. Called
    /// from a thread of the chore's own. Bounded, and not broken off once it is begun.
    fn type_into<'a>(
        &'a self,
        town: &'a Town,
        session: &'a SessionName,
        text: &'a NudgeText,
    ) -> Pin<Box<dyn Future<Output = Typing> + 'a>>;
}

/// What came of typing a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Typing {
    /// It was typed and submitted.
    Typed,
    /// Nothing was typed, for a reason that may pass by itself; says which.
    NotYet(String),
    /// Nothing was typed, for a reason that stays; says which.
    Refused(String),
    /// It was not, or not surely; says why.
    Failed(String),
}

/// What there was when a run was begun, for an analysis to be told.
#[derive(Debug, Clone)]
pub struct AnalysisInput {
    /// What is wanted.
    pub town: Arc<Town>,
    /// What was seen.
    pub observed: Observed,
    /// What is remembered.
    pub memory: Memory,
    /// What was decided.
    pub plan: Plan,
    /// When.
    pub now: Moment,
}

/// Writes a look down for people and agents to read. Called from the thread of the chore.
pub type Describe = Arc<dyn Fn(&AnalysisInput) -> String + Send + Sync>;

/// One run to be begun.
#[derive(Clone)]
pub struct ChoreJob {
    /// Which chore.
    pub chore: Chore,
    /// Of which town.
    pub town: Arc<Town>,
    /// Its files.
    pub files: ChoreFiles,
    /// What there is; only looked at by analyses.
    pub look: Option<Arc<AnalysisInput>>,
    /// When it is begun.
    pub now: Moment,
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoreReport {
    /// Which chore.
    pub chore: String,
    /// The word of its kind.
    pub kind: &'static str,
    /// When it was begun.
    pub begun: Moment,
    /// When it had ended.
    pub ended: Moment,
    /// What came of it.
    pub outcome: ChoreOutcome,
    /// Where its log is.
    pub log: Option<PathBuf>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoreOutcome {
    /// How it ended.
    pub result: ChoreResult,
    /// The same for people, unsanitised.
    pub said: String,
    /// It is not to be run before this.
    pub not_before: Option<Moment>,
    /// What it proposes.
    pub proposals: Vec<Proposal>,
    /// What it found upstream.
    pub upstream: Option<UpstreamNews>,
    /// What goes into its log.
    pub log: Vec<u8>,
}

/// What was found upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamNews {
    /// Of which repository.
    pub repo: String,
    /// The newest release.
    pub release: Option<String>,
    /// The newest commit.
    pub commit: Option<String>,
    /// The words about an upgrade that waits: `Some(None)` when none does, none when it cannot be
    /// told.
    pub pending: Option<Option<String>>,
}

/// The runs under way.
pub struct Chores {
    describe: Describe,
    typist: Arc<dyn Typist>,
    pool: Pool<Run>,
}

/// One run, with what it needs.
struct Run {
    job: ChoreJob,
    describe: Describe,
    typist: Arc<dyn Typist>,
}

impl jobs::Job for Run {
    type Key = String;
    type Report = ChoreReport;

    fn key(&self) -> String {
        self.job.chore.name.clone()
    }

    async fn carry_out(&self, cancel: Cancel) -> ChoreReport {
        let outcome = work::run(&self.job, &self.describe, &*self.typist, cancel).await;
        work::report(&self.job, outcome)
    }

    fn broken_off(&self, why: &BrokenOff) -> ChoreReport {
        let outcome = ChoreOutcome::new(ChoreResult::Failed, why.to_string());
        work::report(&self.job, outcome)
    }
}

impl Chores {
    /// None under way.
    #[must_use]
    pub fn new(describe: Describe, typist: Arc<dyn Typist>) -> Self {
        Self {
            describe,
            typist,
            pool: Pool::default(),
        }
    }

    /// The names of those under way.
    #[must_use]
    pub fn running(&self) -> BTreeSet<String> {
        self.pool.running().map(jobs::Job::key).collect()
    }

    /// Begins a run, unless one of the same name is under way.
    pub fn begin(&mut self, job: ChoreJob) {
        self.pool.begin(Run {
            job,
            describe: Arc::clone(&self.describe),
            typist: Arc::clone(&self.typist),
        });
    }

    /// The runs that have ended since the last call.
    pub fn ended(&mut self) -> Vec<ChoreReport> {
        self.pool.ended()
    }

    /// Waits until another run has ended; for ever while none is under way. What has ended is
    /// handed out by [`Chores::ended`]. May be dropped at any time.
    pub async fn wait(&mut self) {
        self.pool.wait().await;
    }

    /// Waits until none is under way.
    pub async fn settle(&mut self) {
        self.pool.settle().await;
    }

    /// Ends every run under way, with all that they have started, and waits for that, but not for
    /// long.
    pub async fn close(&mut self) {
        self.pool.close().await;
    }
}

impl fmt::Debug for Chores {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Chores")
            .field("running", &self.running())
            .finish_non_exhaustive()
    }
}

impl ChoreOutcome {
    /// Nothing but how it ended.
    #[must_use]
    pub fn new(result: ChoreResult, said: impl Into<String>) -> Self {
        Self {
            result,
            said: said.into(),
            not_before: None,
            proposals: Vec::new(),
            upstream: None,
            log: Vec::new(),
        }
    }
}

impl ChoreJob {
    /// What tags all that its command starts.
    fn tag(&self) -> String {
        self.files.dir().to_string_lossy().into_owned()
    }
}
