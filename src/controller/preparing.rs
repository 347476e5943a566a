//! The commands that make a host ready for a session, before its first start there.

use crate::model::environment::Inherit;
use crate::model::{FleetSession, SessionName};
use crate::model::{SortedMap, SortedSet};
use crate::proc::child::{self, Bound, Ending, Leftovers, Spec, Stream};
use std::ffi::OsString;
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long such a command may take.
const LIMIT: Duration = Duration::from_secs(600);
/// When one that has failed is tried again.
const AGAIN: Duration = Duration::from_secs(30);
/// Bytes kept of what it says last.
const KEPT: usize = 400;

/// What goes on for one session.
#[derive(Debug)]
enum Job {
    Runs(oneshot::Receiver<Result<(), String>>),
    Failed(Instant),
}

/// The commands of this host.
#[derive(Debug, Default)]
pub(super) struct Preparing {
    jobs: SortedMap<SessionName, Job>,
    done: SortedSet<SessionName>,
}

impl Preparing {
    /// Whether this host is ready for a session. Where it is not, its command is begun. Where the
    /// command has failed, people are told once for each try.
    pub(super) fn is_ready(
        &mut self,
        name: &SessionName,
        session: &FleetSession,
        notices: &mut Vec<String>,
    ) -> bool {
        if self.done.contains(name) {
            return true;
        }
        match self.jobs.get_mut(name) {
            Some(Job::Failed(at)) if at.elapsed() < AGAIN => {}
            None | Some(Job::Failed(_)) => self.begin(name, session),
            Some(Job::Runs(end)) => match end.try_recv() {
                Ok(Ok(())) => {
                    self.jobs.remove(name);
                    self.done.insert(name.clone());
                    return true;
                }
                Ok(Err(why)) => {
                    notices.push(format!("`prepare` of {name} has failed: {why}"));
                    self.jobs.insert(name.clone(), Job::Failed(Instant::now()));
                }
                Err(oneshot::error::TryRecvError::Empty) => {}
                Err(oneshot::error::TryRecvError::Closed) => {
                    self.jobs.insert(name.clone(), Job::Failed(Instant::now()));
                }
            },
        }
        false
    }

    /// Whether the command of a session has succeeded here, as far as this process knows.
    pub(super) fn is_done(&self, name: &SessionName) -> bool {
        self.done.contains(name)
    }

    /// Whether something goes on.
    pub(super) fn is_busy(&self) -> bool {
        !self.jobs.is_empty()
    }

    fn begin(&mut self, name: &SessionName, session: &FleetSession) {
        let (end, ended) = oneshot::channel();
        self.jobs.insert(name.clone(), Job::Runs(ended));
        let (argv, desired) = (session.prepare.clone(), session.desired.clone());
        tokio::spawn(async move {
            // The directory may be what the command makes.
            let there = desired.dir.ancestors().find(|folder| folder.is_dir());
            let own = desired.env.iter();
            let variables = own.map(|(key, value)| (key.clone(), OsString::from(value)));
            let spec = Spec {
                argv: child::words(&argv),
                dir: there.unwrap_or(Path::new("/")),
                inherit: Inherit::NotGtctl,
                variables: variables.collect(),
                input: "",
                out: Stream::Null,
                err: Stream::Kept(Bound::tail(KEPT)),
                limit: LIMIT,
                leftovers: Leftovers::End,
            };
            let ran = child::run(&spec).await;
            let result = match &ran.ending {
                Ending::Exited(status) if status.success() => Ok(()),
                Ending::Exited(status) => Err(format!("{status}: {}", ran.err.text().trim())),
                Ending::TimedOut => Err("it took longer than ten minutes".to_owned()),
                Ending::NotStarted(fault) | Ending::Lost(fault) => Err(fault.to_string()),
                Ending::Flooded | Ending::Cancelled => Err("it was broken off".to_owned()),
            };
            let _ = end.send(result);
        });
    }
}
