//! Starts, stops and restarts by the commands of a launcher, such as `gt`, beside the cycles.
//!
//! Each errand has a thread of its own with a runtime of its own: one takes minutes, and a command
//! that hangs delays neither another nor the controller. What a command says of itself is only kept
//! for people: whether it did what it should is seen in tmux, and what it left undone is done here,
//! fenced as every other operation.
//!
//! **Architecture invariant:** nothing is chosen here; see [`act`](super). An errand is begun once
//! its intent is written down, and while it goes on the planner wants nothing else of its session.

mod carry;
mod run;
mod tracked;

use super::launch::{LaunchFault, check_program};
use super::{Known, Logs, Scene};
use crate::model::{
    Action, Commands, Done, Effect, LauncherJob, Memory, Moment, NudgeText, Outcome, ServerId,
    SessionName, Step, Town,
};
use crate::proc::clock;
use crate::store::StateDir;
use crate::tmux::Client;
use run::{Order, run};
use std::collections::BTreeMap;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};

/// How long errands may take to end when the controller does.
const FAREWELL: Duration = Duration::from_secs(3);

/// One errand to be begun: a step whose action has commands.
#[derive(Debug, Clone)]
pub struct Job {
    /// What is to be done, to which session.
    pub step: Step,
    /// Of which town.
    pub town: Arc<Town>,
    /// What is remembered, its intent included.
    pub memory: Arc<Memory>,
    /// The server of the look that the plan was made from.
    pub server: Option<ServerId>,
    /// The way to it.
    pub client: Client,
    /// The town's state directory.
    pub state: PathBuf,
    /// The program that takes what panes print.
    pub sink: Option<PathBuf>,
    /// When it was decided.
    pub now: Moment,
}

/// An errand that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// What was to be done. Where a restart has ended the former life and then failed, what is left
    /// of it is a start.
    pub step: Step,
    /// What came of it.
    pub outcome: Outcome,
    /// When it had ended.
    pub at: Moment,
}

impl Report {
    /// As the outcome of a step.
    #[must_use]
    pub fn done(&self) -> Done {
        Done {
            session: self.step.session.clone(),
            verb: self.step.action.verb(),
            outcome: self.outcome.clone(),
        }
    }
}

/// The errands under way, at most one for each session.
pub struct LauncherJobs {
    /// To drop the second of one ends it.
    running: BTreeMap<SessionName, (LauncherJob, oneshot::Sender<()>)>,
    ended: mpsc::UnboundedReceiver<Report>,
    tell: mpsc::UnboundedSender<Report>,
    /// Ended, and not yet handed out.
    heard: Vec<Report>,
}

impl Default for LauncherJobs {
    fn default() -> Self {
        let (tell, ended) = mpsc::unbounded_channel();
        Self {
            running: BTreeMap::new(),
            ended,
            tell,
            heard: Vec::new(),
        }
    }
}

impl LauncherJobs {
    /// Those under way, as they are remembered.
    #[must_use]
    pub fn running(&self) -> BTreeMap<SessionName, LauncherJob> {
        self.running
            .iter()
            .map(|(session, (launcher_job, _))| (session.clone(), *launcher_job))
            .collect()
    }

    /// Begins one, unless one for the same session is under way. `errand` is what was written down
    /// of it.
    pub fn begin(&mut self, job: Job, launcher_job: LauncherJob) {
        let session = job.step.session.clone();
        if self.running.contains_key(&session) {
            return;
        }
        let (stay, cancel) = oneshot::channel();
        self.running.insert(session, (launcher_job, stay));
        let (tell, step) = (self.tell.clone(), job.step.clone());
        let begun = std::thread::Builder::new()
            .name("errand".to_owned())
            .spawn(move || {
                let told = catch_unwind(AssertUnwindSafe(|| carry_out(&job, cancel)));
                let defect = || {
                    (
                        job.step.clone(),
                        Outcome::Unknown("a defect of gtctl stopped it".to_owned()),
                    )
                };
                let (step, outcome) = told.unwrap_or_else(|_| defect());
                let _ = tell.send(Report {
                    step,
                    outcome,
                    at: clock::now(),
                });
            });
        if let Err(fault) = begun {
            let outcome = Outcome::Failed(format!("cannot start a thread: {fault}"));
            let _ = self.tell.send(Report {
                step,
                outcome,
                at: clock::now(),
            });
        }
    }

    /// Those that have ended since the last call.
    pub fn ended(&mut self) -> Vec<Report> {
        while let Ok(report) = self.ended.try_recv() {
            self.hear(report);
        }
        std::mem::take(&mut self.heard)
    }

    /// Waits until another has ended; for ever while none is under way. What has ended is handed
    /// out by [`LauncherJobs::ended`]. May be dropped at any time.
    pub async fn wait(&mut self) {
        // There is a sender here as well: the channel never closes.
        if let Some(report) = self.ended.recv().await {
            self.hear(report);
        }
    }

    /// Waits until none is under way: each ends within its own time.
    pub async fn settle(&mut self) {
        while !self.running.is_empty() {
            let Some(report) = self.ended.recv().await else {
                return;
            };
            self.hear(report);
        }
    }

    /// Ends every command under way, with all that it has started, and waits for that, but not for
    /// long.
    pub async fn close(&mut self) {
        self.running
            .values_mut()
            .for_each(|(_, stay)| *stay = oneshot::channel().0);
        let _ = tokio::time::timeout(FAREWELL, self.settle()).await;
    }

    fn hear(&mut self, report: Report) {
        self.running.remove(&report.step.session);
        self.heard.push(report);
    }
}

impl fmt::Debug for LauncherJobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LauncherJobs")
            .field("running", &self.running.keys())
            .finish_non_exhaustive()
    }
}

/// Does it. Blocks: this is a thread of its own.
fn carry_out(job: &Job, cancel: oneshot::Receiver<()>) -> (Step, Outcome) {
    let failed = |why: String| (job.step.clone(), Outcome::Failed(why));
    let store = match StateDir::open(&job.state) {
        Ok(store) => store,
        Err(fault) => return failed(format!("the state directory cannot be used: {fault}")),
    };
    let keep = job
        .town
        .sessions
        .get(&job.step.session)
        .map_or(20, |desired| desired.logs.keep);
    let screen = |session: &_, generation, text: &str| {
        store
            .keep_log(session, generation, text, keep)
            .map(|_| ())
            .map_err(std::io::Error::other)
    };
    let sink = job.sink.as_deref().map(|program| (program, store.view()));
    let Job {
        step,
        town,
        memory,
        server,
        client,
        now,
        ..
    } = job;
    let logs = Logs {
        screen: &screen,
        sink,
    };
    let known = Known::from(*server);
    let scene = Scene {
        town,
        memory,
        known: &known,
        now: *now,
        client,
        logs,
    };
    let runtime = match tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(fault) => return failed(format!("cannot start a runtime: {fault}")),
    };
    runtime.block_on(async {
        let cancelled = || {
            (
                step.clone(),
                Outcome::Unknown("stopped with its controller".to_owned()),
            )
        };
        tokio::select! {
            ended = carry::carry(scene, &store, step) => ended,
            _ = cancel => cancelled(),
        }
    })
}

/// Checks, before anything is touched, what can be checked of the commands of a step.
pub(super) fn preflight(action: &Action, commands: &Commands) -> Outcome {
    let checked = action
        .launcher_jobs()
        .into_iter()
        .try_for_each(|argv| check_program(argv, &commands.dir));
    match checked {
        Ok(()) => {
            let argvs = action
                .launcher_jobs()
                .into_iter()
                .map(<[String]>::to_vec)
                .collect();
            Outcome::Done(Effect::Begun { argvs })
        }
        Err(LaunchFault::NoDir(dir)) => Outcome::Failed(format!(
            "its commands are run in {}, which does not exist: create it, or correct `root` in [town]",
            dir.display()
        )),
        Err(LaunchFault::NoProgram { program, searched }) => Outcome::Failed(format!(
            "`{program}` not found in {searched}: install it, or write its full path in the role's `start` and `stop`"
        )),
        Err(fault) => Outcome::Failed(fault.to_string()),
    }
}

/// Hands a text over to the launcher of a session, which delivers it in its own time. Takes at most
/// [`Commands::NUDGE_TIMEOUT`].
///
/// # Errors
/// What the launcher said.
pub async fn hand_over(
    client: &Client,
    town: &Town,
    commands: &Commands,
    text: &NudgeText,
) -> Result<(), String> {
    let argv: Vec<String> = commands
        .nudge
        .iter()
        .cloned()
        .chain([text.as_str().to_owned()])
        .collect();
    let order = Order {
        argv: &argv,
        dir: &commands.dir,
        town,
        client,
        limit: Commands::NUDGE_TIMEOUT,
    };
    let ran = run(&order, |_| ()).await;
    if ran.is_well() {
        Ok(())
    } else {
        Err(ran.told(&commands.nudge))
    }
}
