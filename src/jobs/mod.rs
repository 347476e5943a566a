//! Jobs beside the cycles: chores, and starts and stops by commands.
//!
//! Each job has a thread of its own. A job may take minutes, and one that hangs delays neither
//! another job nor the controller. Each thread has a runtime of its own, too. A job blocks: it reads
//! `/proc`, writes files and waits for locks, and the controller must hear of deaths meanwhile. And
//! the controller's runtime blocks while it waits for its turn on the town, and a job that types a
//! text may have that turn.
//!
//! **Architecture invariant:** nothing here knows what a job does, and nothing here changes the
//! memory: a job hands back a report.

use crate::model::SortedMap;
use std::fmt;
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::thread;
use std::time::Duration;
use tokio::runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// How long jobs may take to end when the controller does.
const FAREWELL: Duration = Duration::from_secs(3);

/// Becomes ready when the job must end early.
pub type Cancel = oneshot::Receiver<()>;

/// Work for a thread of its own.
pub trait Job: Send + Sync + 'static {
    /// Names the job. Of two jobs with one key, one is under way at a time.
    type Key: Ord + Clone + Send + 'static;
    /// What the job hands back.
    type Report: Send + 'static;

    /// The key of this job.
    fn key(&self) -> Self::Key;

    /// Does the work. May block. Limits its own time.
    fn carry_out(&self, cancel: Cancel) -> impl Future<Output = Self::Report>;

    /// The report where the work could not be done to its end.
    fn broken_off(&self, why: &BrokenOff) -> Self::Report;
}

/// Why a job has no report of its own.
#[derive(Debug, thiserror::Error)]
pub enum BrokenOff {
    /// No thread could be started for it.
    #[error("cannot start a thread: {0}")]
    NoThread(io::Error),
    /// No runtime could be started for it.
    #[error("cannot start a runtime: {0}")]
    NoRuntime(io::Error),
    /// It panicked.
    #[error("a defect of gtctl stopped it")]
    Defect,
}

/// The jobs of one kind that are under way.
pub struct Pool<J: Job> {
    running: SortedMap<J::Key, Running<J>>,
    ended: mpsc::UnboundedReceiver<(J::Key, J::Report)>,
    /// Each job has a copy. This one keeps the channel from closing.
    tell: mpsc::UnboundedSender<(J::Key, J::Report)>,
    /// Reports of ended jobs that nobody has taken yet.
    heard: Vec<J::Report>,
}

struct Running<J> {
    job: Arc<J>,
    /// Dropping it cancels the job.
    stay: oneshot::Sender<()>,
}

impl<J: Job> Default for Pool<J> {
    fn default() -> Self {
        let (tell, ended) = mpsc::unbounded_channel();
        Self {
            running: SortedMap::new(),
            ended,
            tell,
            heard: Vec::new(),
        }
    }
}

impl<J: Job> Pool<J> {
    /// The jobs under way, in the order of their keys.
    pub fn running(&self) -> impl Iterator<Item = &J> {
        self.running.values().map(|running| &*running.job)
    }

    /// Begins a job, unless one of its key is under way.
    pub fn begin(&mut self, job: J) {
        let key = job.key();
        if self.running.contains_key(&key) {
            return;
        }
        let job = Arc::new(job);
        let (stay, cancel) = oneshot::channel();
        let running = Running {
            job: Arc::clone(&job),
            stay,
        };
        self.running.insert(key.clone(), running);
        let (tell, own_key) = (self.tell.clone(), key.clone());
        let work = {
            let job = Arc::clone(&job);
            move || {
                let report =
                    on_its_thread(&*job, cancel).unwrap_or_else(|why| job.broken_off(&why));
                let _ = tell.send((own_key, report));
            }
        };
        let thread = thread::Builder::new().name("job".to_owned()).spawn(work);
        if let Err(fault) = thread {
            let report = job.broken_off(&BrokenOff::NoThread(fault));
            let _ = self.tell.send((key, report));
        }
    }

    /// The reports of the jobs that have ended since the last call.
    pub fn ended(&mut self) -> Vec<J::Report> {
        while let Ok(ended) = self.ended.try_recv() {
            self.hear(ended);
        }
        std::mem::take(&mut self.heard)
    }

    /// Waits until another job has ended, and without end while none is under way. [`Pool::ended`]
    /// hands out the report. May be dropped at any time.
    pub async fn wait(&mut self) {
        if let Some(ended) = self.ended.recv().await {
            self.hear(ended);
        }
    }

    /// Waits until no job is under way. Each ends within its own time.
    pub async fn settle(&mut self) {
        while !self.running.is_empty() {
            self.wait().await;
        }
    }

    /// Cancels every job under way, and waits at most three seconds for their ends.
    pub async fn close(&mut self) {
        for running in self.running.values_mut() {
            running.stay = oneshot::channel().0;
        }
        let _ = timeout(FAREWELL, self.settle()).await;
    }

    fn hear(&mut self, (key, report): (J::Key, J::Report)) {
        self.running.remove(&key);
        self.heard.push(report);
    }
}

/// Carries a job out. Blocks.
fn on_its_thread<J: Job>(job: &J, cancel: Cancel) -> Result<J::Report, BrokenOff> {
    let runtime = runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(BrokenOff::NoRuntime)?;
    let carried_out = AssertUnwindSafe(|| runtime.block_on(job.carry_out(cancel)));
    catch_unwind(carried_out).map_err(|_| BrokenOff::Defect)
}

impl<J: Job> fmt::Debug for Pool<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("running", &self.running.len())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    /// What a test's job does.
    #[derive(Clone, Copy, Debug, PartialEq)]
    enum Does {
        Nothing,
        /// Waits to be cancelled.
        Waits,
        /// Blocks its thread for two seconds.
        Blocks,
        Panics,
    }

    struct Named(&'static str, Does);

    impl Job for Named {
        type Key = &'static str;
        type Report = (&'static str, String);

        fn key(&self) -> &'static str {
            self.0
        }

        async fn carry_out(&self, cancel: Cancel) -> Self::Report {
            let said = match self.1 {
                Does::Nothing => "done",
                Does::Waits => {
                    let _ = cancel.await;
                    tokio::time::sleep(Duration::from_millis(10)).await;
                    "cancelled"
                }
                Does::Blocks => {
                    thread::sleep(Duration::from_secs(2));
                    "late"
                }
                Does::Panics => panic!("on purpose"),
            };
            (self.0, said.to_owned())
        }

        fn broken_off(&self, why: &BrokenOff) -> Self::Report {
            (self.0, why.to_string())
        }
    }

    fn report(name: &'static str, said: &str) -> (&'static str, String) {
        (name, said.to_owned())
    }

    #[tokio::test]
    async fn one_that_blocks_or_panics_delays_no_other() {
        let mut pool = Pool::default();
        pool.begin(Named("a", Does::Blocks));
        pool.begin(Named("b", Does::Panics));
        pool.begin(Named("c", Does::Nothing));
        let begun = Instant::now();
        while pool.running.len() > 1 {
            pool.wait().await;
        }
        let mut ended = pool.ended();
        ended.sort();
        assert_eq!(
            ended,
            [
                report("b", "a defect of gtctl stopped it"),
                report("c", "done"),
            ],
            "after {:?}",
            begun.elapsed()
        );
        pool.settle().await;
        assert_eq!(pool.ended(), [report("a", "late")]);
    }

    #[tokio::test]
    async fn of_one_key_one_is_under_way_until_it_is_cancelled() {
        let mut pool = Pool::default();
        pool.begin(Named("a", Does::Waits));
        pool.begin(Named("a", Does::Nothing));
        assert_eq!(pool.running().count(), 1);
        assert_eq!(pool.running().next().map(|job| job.1), Some(Does::Waits));
        pool.close().await;
        assert_eq!(pool.ended(), [report("a", "cancelled")]);
        assert_eq!(pool.running().count(), 0);
    }
}
