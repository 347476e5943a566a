//! Starts, stops and restarts by the commands of a launcher, such as `gt`, beside the cycles.
//!
//! Each is a [job](crate::jobs) of its own: a command that hangs delays neither another nor the
//! controller. What a command prints is only kept for people. Whether it did what it should is seen
//! in tmux. Where it did not end a run the job reports that, and the plan chooses what follows.
//!
//! **Architecture invariant:** nothing is chosen here; see [`act`](super). A job is begun once
//! its intent is written down, and while it goes on the planner wants nothing else of its session.

mod carry;
mod run;
mod tracked;

use super::launch::{LaunchFault, check_programs};
use super::{Known, LogKeeping, Scene};
use crate::jobs::{self, BrokenOff, Cancel, Pool};
use crate::model::{
    Action, Commands, Done, Effect, LauncherJob, Memory, Moment, NudgeText, Outcome, ServerId,
    SessionName, Step, Town,
};
use crate::proc::clock;
use crate::store::StateDir;
use crate::tmux::Client;
use run::{Order, run};
use std::path::PathBuf;
use std::sync::Arc;

/// A job to begin: a step whose action has commands.
#[derive(Debug, Clone)]
pub struct LauncherOrder {
    /// The step: what to do, to which session.
    pub step: Step,
    /// The intent that was written down.
    pub written: LauncherJob,
    /// The town.
    pub town: Arc<Town>,
    /// The memory, with the intent.
    pub memory: Arc<Memory>,
    /// The server of the look that the plan was made from.
    pub server: Option<ServerId>,
    /// The client of that server.
    pub client: Client,
    /// The town's state directory.
    pub state: PathBuf,
    /// The sink's program.
    pub sink: Option<PathBuf>,
    /// The time of the decision.
    pub now: Moment,
}

/// A job that has ended.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    /// The step. If a restart has ended the old run and then failed, the rest of it is a start.
    pub step: Step,
    /// The outcome.
    pub outcome: Outcome,
    /// The time of its end.
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

/// The running jobs, at most one for each session.
pub type LauncherJobs = Pool<LauncherOrder>;

impl jobs::Job for LauncherOrder {
    type Key = SessionName;
    type Report = Report;

    fn key(&self) -> SessionName {
        self.step.session.clone()
    }

    async fn carry_out(&self, cancel: Cancel) -> Report {
        let carried_out = carry_out(self);
        let (step, outcome) = tokio::select! {
            biased;
            _ = cancel => {
                let outcome = Outcome::Unknown("stopped with its controller".to_owned());
                (self.step.clone(), outcome)
            }
            ended = carried_out => ended,
        };
        Report {
            step,
            outcome,
            at: clock::now(),
        }
    }

    fn broken_off(&self, why: &BrokenOff) -> Report {
        let outcome = match why {
            BrokenOff::NoThread(_) | BrokenOff::NoRuntime(_) => Outcome::Failed(why.to_string()),
            BrokenOff::Defect => Outcome::Unknown(why.to_string()),
        };
        Report {
            step: self.step.clone(),
            outcome,
            at: clock::now(),
        }
    }
}

/// Does the job. May block: the job has its own thread.
async fn carry_out(job: &LauncherOrder) -> (Step, Outcome) {
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
    let LauncherOrder {
        step,
        town,
        memory,
        server,
        client,
        now,
        ..
    } = job;
    let logs = LogKeeping {
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
    carry::carry(scene, &store, step).await
}

/// Checks the commands of a step as far as possible before anything is touched.
pub(super) fn preflight(action: &Action, commands: &Commands) -> Outcome {
    let argvs: Vec<Vec<String>> = action
        .launcher_jobs()
        .into_iter()
        .map(<[String]>::to_vec)
        .collect();
    match check_programs(argvs.clone(), &commands.dir) {
        Ok(()) => Outcome::Done(Effect::Begun { argvs }),
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

/// Gives a text to the launcher of a session, which delivers it later. Takes at most
/// [`Commands::NUDGE_TIMEOUT`].
///
/// # Errors The launcher's output.
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
