//! Timed work beside the sessions: upstream checks, texts, analyses and the user's own commands.
//!
//! Each run is a [job](crate::jobs) with a deadline and with bounds on what is read and kept. One
//! that fails, hangs or floods delays neither another one nor the controller. All processes that it
//! has started end with it.
//!
//! **Architecture invariant:** nothing here decides when a chore runs or what becomes of a proposal;
//! `plan/` does. Nothing here changes the memory either: a run hands back a [`ChoreReport`]. Texts
//! are no exception: a [`Typist`] types them.

mod answer;
mod http;
mod run;
mod upstream;
mod version;
mod work;

#[cfg(test)]
pub(crate) use answer::made_schema;
pub use answer::{ActionLine, ActionWord, AnalysisAnswer, schema};

use crate::jobs::{self, BrokenOff, Cancel, Pool};
use crate::model::SortedSet;
use crate::model::{
    Accept, Chore, ChoreResult, Memory, Moment, Observed, Plan, Proposal, TextEnd, TextRequest,
    Town,
};
use crate::store::ChoreFiles;
use std::fmt;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::Arc;

/// Types texts into sessions.
pub trait Typist: Send + Sync {
    /// Types the text once the prompt is free, and settles the request: also in the memory, where
    /// it is remembered. Called from the thread of the run. Takes at most until
    /// [`TextRequest::until`] and the time to type one text. `cancel` breaks off the waiting, and no
    /// typing.
    ///
    /// # Errors
    /// The state of the town cannot be used; says why.
    fn deliver<'a>(
        &'a self,
        town: &'a Town,
        request: &'a TextRequest,
        cancel: &'a mut Cancel,
    ) -> Pin<Box<dyn Future<Output = Result<TextEnd, String>> + 'a>>;
}

/// The look, the memory and the plan that an analysis gets to read.
#[derive(Debug, Clone)]
pub struct AnalysisInput {
    /// What is declared.
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

/// Describes a look for people and agents. Called from the thread of the run.
pub type Describe = Arc<dyn Fn(&AnalysisInput) -> String + Send + Sync>;

/// One run to be begun.
#[derive(Clone)]
pub struct ChoreJob {
    /// The name of the run; usually that of its chore.
    pub name: String,
    /// The chore that it comes from.
    pub chore: Chore,
    /// What it does.
    pub work: ChoreWork,
    /// The town of the chore.
    pub town: Arc<Town>,
    /// The files of the run.
    pub files: ChoreFiles,
    /// When it was begun.
    pub now: Moment,
}

/// What a run does.
#[derive(Clone)]
pub enum ChoreWork {
    /// Compares the installed gt with the newest release of this repository.
    Upstream(String),
    /// Types a text.
    Text(TextRequest),
    /// Hands the town's state to a command.
    Analysis {
        /// Its argv.
        command: Vec<String>,
        /// Whether its answer may hold proposals.
        propose: Option<Accept>,
        /// The state.
        input: Arc<AnalysisInput>,
    },
    /// Runs a command with this argv.
    Command(Vec<String>),
}

impl ChoreWork {
    /// The word of its kind, for the journal.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Upstream(_) => "upstream",
            Self::Text(_) => "nudge",
            Self::Analysis { .. } => "analysis",
            Self::Command(_) => "command",
        }
    }
}

/// A run that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoreReport {
    /// The name of the run.
    pub chore: String,
    /// The word of its kind.
    pub kind: &'static str,
    /// When it was begun.
    pub begun: Moment,
    /// When it ended.
    pub ended: Moment,
    /// What came of it.
    pub outcome: ChoreOutcome,
    /// The file of its log.
    pub log: Option<PathBuf>,
}

/// What came of a run.
#[derive(Debug, Clone, PartialEq)]
pub struct ChoreOutcome {
    /// How it ended.
    pub result: ChoreResult,
    /// The same for people, unsanitised.
    pub said: String,
    /// The chore must not run again before this.
    pub not_before: Option<Moment>,
    /// What it proposes.
    pub proposals: Vec<Proposal>,
    /// What it saw upstream.
    pub upstream: Option<UpstreamNews>,
    /// The text of its log.
    pub log: Vec<u8>,
}

/// The newest state of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamNews {
    /// The repository.
    pub repo: String,
    /// The newest release.
    pub release: Option<String>,
    /// The newest commit.
    pub commit: Option<String>,
    /// A text about the upgrade that waits: `Some(None)` where none waits, none where that could not
    /// be determined.
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
    /// None where a text stays asked for: a later run goes on with it.
    type Report = Option<ChoreReport>;

    fn key(&self) -> String {
        self.job.name.clone()
    }

    async fn carry_out(&self, cancel: Cancel) -> Option<ChoreReport> {
        let outcome = work::run(&self.job, &self.describe, &*self.typist, cancel).await?;
        Some(work::report(&self.job, outcome))
    }

    fn broken_off(&self, why: &BrokenOff) -> Option<ChoreReport> {
        let outcome = ChoreOutcome::new(ChoreResult::Failed, why.to_string());
        Some(work::report(&self.job, outcome))
    }
}

impl Chores {
    /// No run is under way.
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
    pub fn running(&self) -> SortedSet<String> {
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
        self.pool.ended().into_iter().flatten().collect()
    }

    /// Waits until another run has ended, and without end while none is under way.
    /// [`Chores::ended`] hands out the report. May be dropped at any time.
    pub async fn wait(&mut self) {
        self.pool.wait().await;
    }

    /// Waits until none is under way.
    pub async fn settle(&mut self) {
        self.pool.settle().await;
    }

    /// Ends every run with all processes that it has started. Waits at most three seconds for that.
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
    /// An outcome without more than how it ended.
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
    /// The tag of all processes that its command starts.
    fn tag(&self) -> String {
        self.files.dir().to_string_lossy().into_owned()
    }
}
