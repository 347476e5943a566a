//! Does work that may hang on threads of its own, and waits for it up to a deadline.
//!
//! A file system that does not answer (a lost network disk) blocks the thread that reads from it.
//! Nothing can interrupt such a read. So a thread does it that can be left behind. At most
//! [`MOST_LEFT`] threads are left behind at a time. Then new work is refused at once, until some of
//! the reads end.
//!
//! ```text
//!  soon   one piece of work
//!  many   one piece of work for each task, on up to 8 threads
//!  ask    one piece of work about a place that is asked about again and again
//! ```
//!
//! [`ask`] is for reads that a controller repeats at every look. If the place does not answer, only
//! the first caller waits. Until the answer comes, all later callers get [`Late::Waiting`] at once.

use crate::model::SortedMap;
use std::cell::RefCell;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc as channel;

/// How long [`ask`] waits for a file.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How long before the deadline the work of [`many`] should give up. Its answer needs time to
/// arrive.
const MARGIN: Duration = Duration::from_millis(300);
/// How many threads may be left behind at a time.
pub const MOST_LEFT: usize = 128;
/// How many threads one call of [`many`] uses at most.
const MOST_AT_ONCE: usize = 8;
/// The stack of a thread, in bytes. The parsers of the files need less. Linux gives a page of it
/// only when it is used.
const STACK: usize = 2 << 20;

/// How many threads are left behind now.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Late {
    /// There was no answer within this time.
    #[error("there was no answer within {} ms: its file system may not respond", .0.as_millis())]
    Deadline(Duration),
    /// An earlier read of this path has waited for so long and still has no answer.
    #[error("reading {} for {}: its file system does not answer", .0.display(), roughly(*.1))]
    Waiting(PathBuf, Duration),
    /// So many threads are left behind that no new one may start.
    #[error("{0} earlier reads still have no answer: a file system does not respond")]
    Crowded(usize),
    /// No thread could be started.
    #[error("no thread could be started for it")]
    NoThread,
}

impl Late {
    /// Turns [`Late::Deadline`] into [`Late::Waiting`] if a read about `place` is still under way.
    ///
    /// From now on everybody who asks about the place gets [`Late::Waiting`] at once. Other errors
    /// stay as they are.
    #[must_use]
    pub fn about(self, place: &Path) -> Self {
        if !matches!(self, Self::Deadline(_)) {
            return self;
        }
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(questions) = asked.get_mut(place) {
            questions.in_vain = true;
        }
        waiting(&asked, place).unwrap_or(self)
    }
}

impl From<Late> for std::io::Error {
    fn from(late: Late) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, late)
    }
}

/// How many threads are left behind now, waiting for a file system.
#[must_use]
pub fn left_behind() -> usize {
    LEFT.load(Ordering::Relaxed)
}

/// Does `work` on a thread of its own, and waits at most `patience` for its result.
///
/// # Errors
/// Returns [`Late`]. After [`Late::Deadline`] the work may still go on.
pub fn soon<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Late> {
    let (send, receive) = mpsc::sync_channel(1);
    let thread = Thread::start(move || {
        let result = work();
        Box::new(move || {
            let _ = send.send(result);
        })
    })?;
    receive.recv_timeout(patience).map_err(|_| {
        thread.leave();
        Late::Deadline(patience)
    })
}

/// Does the same work for each of `tasks`, several at once, and waits at most `patience` for all of
/// them together. The runtime can do other things meanwhile.
///
/// It returns one answer for each task, in the order of the tasks. `work` gets the moment at which
/// it should give up: 300 ms before the deadline.
pub async fn many<I, T>(
    patience: Duration,
    tasks: Vec<I>,
    work: impl Fn(&I, Instant) -> T + Send + Sync + 'static,
) -> Vec<Result<T, Late>>
where
    I: Send + 'static,
    T: Send + 'static,
{
    let deadline = Instant::now() + patience;
    let mut answers: Vec<Result<T, Late>> = tasks
        .iter()
        .map(|_| Err(Late::Deadline(patience)))
        .collect();
    let (threads, mut results) = match start_workers(tasks, deadline, patience, work) {
        Ok(started) => started,
        Err(late) => return answers.iter().map(|_| Err(late.clone())).collect(),
    };
    let collect = async {
        while let Some((index, answer)) = results.recv().await {
            if let Some(slot) = answers.get_mut(index) {
                *slot = Ok(answer);
            }
        }
    };
    let in_time = tokio::time::timeout_at(deadline.into(), collect).await;
    if in_time.is_err() {
        threads.into_iter().for_each(Thread::leave);
    }
    answers
}

/// The threads of one call of [`many`], and the results that they send: the index of a task with
/// its answer.
type Workers<T> = (Vec<Thread>, channel::UnboundedReceiver<(usize, T)>);

/// Starts the threads for one call of [`many`]. They share a queue of the tasks.
fn start_workers<I, T>(
    tasks: Vec<I>,
    deadline: Instant,
    patience: Duration,
    work: impl Fn(&I, Instant) -> T + Send + Sync + 'static,
) -> Result<Workers<T>, Late>
where
    I: Send + 'static,
    T: Send + 'static,
{
    let give_up = deadline
        .checked_sub(MARGIN.min(patience / 2))
        .unwrap_or(deadline);
    let wanted = tasks.len().min(MOST_AT_ONCE);
    let queue = Arc::new(Mutex::new(tasks.into_iter().enumerate()));
    let work = Arc::new(work);
    let (send, results) = channel::unbounded_channel();
    let mut threads = Vec::new();
    for _ in 0..wanted {
        let (queue, work, send) = (Arc::clone(&queue), Arc::clone(&work), send.clone());
        let started = Thread::start(move || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((index, task)) = next else { break };
                let answer = work(&task, give_up);
                if send.send((index, answer)).is_err() {
                    break;
                }
            }
            // The last of them ends the results.
            Box::new(move || drop(send))
        });
        match started {
            Ok(thread) => threads.push(thread),
            Err(late) if threads.is_empty() => return Err(late),
            // The threads that have started do all the work.
            Err(_) => break,
        }
    }
    Ok((threads, results))
}

/// The waiting time in few steps: `over 2 s`, `over 1 min`, `over 10 min`, `over 3 h`.
///
/// A message with it changes rarely, so a reader that reports only new messages repeats it rarely.
fn roughly(waited: Duration) -> String {
    match waited.as_secs() {
        ..60 => format!("over {} s", PATIENCE.as_secs()),
        60..600 => "over 1 min".to_owned(),
        600..3600 => "over 10 min".to_owned(),
        seconds => format!("over {} h", seconds / 3600),
    }
}

/// The questions that have no answer yet, by place.
static ASKED: Mutex<SortedMap<PathBuf, Questions>> = Mutex::new(SortedMap::new());

/// The questions about one place that have no answer yet.
struct Questions {
    /// When the first of them was asked.
    since: Instant,
    /// How many there are.
    count: usize,
    /// The path that is being read.
    reads: CurrentPath,
    /// Whether a caller has waited until its deadline without an answer.
    in_vain: bool,
}

/// A path that a thread changes while others read it.
type CurrentPath = Arc<Mutex<PathBuf>>;

thread_local! {
    /// Where this thread notes the path that it reads. None if nobody wants to know.
    static READS: RefCell<Option<CurrentPath>> = const { RefCell::new(None) };
}

/// Notes that this thread reads this path now. [`Late::Waiting`] shows it to those who wait.
pub(crate) fn reads(path: &Path) {
    READS.with_borrow(|reads| {
        if let Some(reads) = reads {
            path.clone_into(&mut reads.lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

/// One question about a place. It lives on the thread that does the work, until the work ends.
#[derive(Debug)]
pub struct Asking(PathBuf);

impl Asking {
    /// Begins a question.
    ///
    /// It is refused if an earlier question about the place has had no answer for longer than
    /// [`PATIENCE`]. Otherwise each question would leave another thread behind.
    ///
    /// # Errors
    /// Returns [`Late::Waiting`] with the path that is being read, and for how long.
    pub fn about(place: &Path) -> Result<Self, Late> {
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_hopeless = asked
            .get(place)
            .is_some_and(|earlier| earlier.in_vain || earlier.since.elapsed() > PATIENCE);
        if let Some(late) = waiting(&asked, place).filter(|_| is_hopeless) {
            return Err(late);
        }
        let questions = asked
            .entry(place.to_owned())
            .or_insert_with(|| Questions::none_yet(place));
        questions.count += 1;
        READS.set(Some(Arc::clone(&questions.reads)));
        Ok(Self(place.to_owned()))
    }
}

impl Questions {
    fn none_yet(place: &Path) -> Self {
        Self {
            since: Instant::now(),
            count: 0,
            reads: Arc::new(Mutex::new(place.to_owned())),
            in_vain: false,
        }
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        READS.set(None);
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(questions) = asked.get_mut(&self.0) else {
            return;
        };
        questions.count = questions.count.saturating_sub(1);
        if questions.count == 0 {
            asked.remove(&self.0);
        }
    }
}

/// The error for questions about a place that has no answer yet. None if nothing is asked about it.
fn waiting(asked: &SortedMap<PathBuf, Questions>, place: &Path) -> Option<Late> {
    let questions = asked.get(place)?;
    let path = questions
        .reads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let absolute_path = std::path::absolute(&path).unwrap_or(path);
    Some(Late::Waiting(absolute_path, questions.since.elapsed()))
}

/// Does `work` about one place on a thread of its own, and waits at most [`PATIENCE`] for its
/// result.
///
/// If an earlier question about the place has had no answer for longer, it does nothing and returns
/// [`Late::Waiting`] at once. The path in that error is the file that `work` opened last with this
/// room, or `place` if it has opened none.
///
/// # Errors
/// Returns [`Late`]. The work may still go on.
pub fn ask<T: Send + 'static>(
    place: &Path,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Late> {
    let about = place.to_owned();
    let answer = soon(PATIENCE, move || {
        let _asking = Asking::about(&about)?;
        Ok(work())
    });
    match answer {
        Ok(answer) => answer,
        Err(late) => Err(late.about(place)),
    }
}

// The states of a thread's work.
const RUNNING: u8 = 0;
const LEFT_BEHIND: u8 = 1;
const ENDED: u8 = 2;

/// A thread's work, which can be left behind. The number is its state.
struct Thread(Arc<AtomicU8>);

impl Thread {
    fn start(work: impl FnOnce() -> Delivery + Send + 'static) -> Result<Self, Late> {
        let left = left_behind();
        if left >= MOST_LEFT {
            return Err(Late::Crowded(left));
        }
        let state = Arc::new(AtomicU8::new(RUNNING));
        let ending = Ending(Arc::clone(&state));
        hand_over(Box::new(move || {
            let _ending = ending;
            work()
        }))?;
        Ok(Self(state))
    }

    /// Counts the thread as left behind until its work ends.
    fn leave(self) {
        // The count goes up before the mark is set. The end of the thread, which sees the mark,
        // then never counts down too early.
        LEFT.fetch_add(1, Ordering::Relaxed);
        let marked =
            self.0
                .compare_exchange(RUNNING, LEFT_BEHIND, Ordering::AcqRel, Ordering::Acquire);
        if marked.is_err() {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Work for a thread. It returns what is to be done with its result.
type Work = Box<dyn FnOnce() -> Delivery + Send>;
type Delivery = Box<dyn FnOnce()>;

/// The thread that has nothing to do, by its queue. To start one takes longer than most reads.
static IDLE: Mutex<Option<mpsc::Sender<Work>>> = Mutex::new(None);

/// Has the idle thread do this, or a new one.
fn hand_over(work: Work) -> Result<(), Late> {
    let idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner).take();
    let work = match idle {
        // It waits for ever, so it takes what it is sent.
        Some(idle) => match idle.send(work) {
            Ok(()) => return Ok(()),
            Err(mpsc::SendError(work)) => work,
        },
        None => work,
    };
    let builder = thread::Builder::new()
        .name("gtctl-file".to_owned())
        .stack_size(STACK);
    let started = builder.spawn(move || work_on(work));
    started.map(|_| ()).map_err(|_| Late::NoThread)
}

/// Does this work, and more as the idle thread. Returns if another one is idle.
fn work_on(first: Work) {
    let (send, receive) = mpsc::channel();
    let mut work = first;
    loop {
        let deliver = work();
        // Who gets the result may ask at once for more.
        let is_idle = become_idle(&send);
        deliver();
        if !is_idle {
            return;
        }
        let Ok(next) = receive.recv() else { return };
        work = next;
    }
}

fn become_idle(queue: &mpsc::Sender<Work>) -> bool {
    let mut idle = IDLE.lock().unwrap_or_else(PoisonError::into_inner);
    let is_free = idle.is_none();
    if is_free {
        *idle = Some(queue.clone());
    }
    is_free
}

/// Marks its work as ended when dropped. That happens also if the work panics.
struct Ending(Arc<AtomicU8>);

impl Drop for Ending {
    fn drop(&mut self) {
        if self.0.swap(ENDED, Ordering::AcqRel) == LEFT_BEHIND {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Those that leave threads behind share the count of them.
    static TURN: Mutex<()> = Mutex::new(());
    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    #[test]
    fn a_time_of_waiting_is_told_in_few_steps() {
        let told = [2, 59, 60, 700, 7300].map(|seconds| roughly(Duration::from_secs(seconds)));
        let steps = [
            "over 2 s",
            "over 2 s",
            "over 1 min",
            "over 10 min",
            "over 2 h",
        ];
        assert_eq!(told, steps);
    }

    #[test]
    fn one_question_after_another_needs_one_thread() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let here = Path::new("/nowhere/again");
        let ids: Vec<_> = (0..100)
            .map(|_| ask(here, || thread::current().id()).unwrap())
            .collect();
        // Other tests ask, too, and may have taken the idle thread meanwhile.
        let changes = ids.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert!(changes < 50, "{changes} of 99 used another thread");
    }

    #[test]
    fn work_that_panics_takes_its_thread_along_and_nothing_else() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let panics = soon(LONG, || -> () {
            std::panic::resume_unwind(Box::new("on purpose"))
        });
        assert_eq!(panics, Err(Late::Deadline(LONG)));
        assert_eq!(soon(LONG, || 7), Ok(7));
    }

    #[test]
    fn a_place_without_an_answer_holds_up_only_the_first_who_asks() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let place = Path::new("/nowhere/asked");
        assert_eq!(ask(place, || 7), Ok(7));
        let (open, gate) = mpsc::channel::<()>();
        let hang = move || {
            reads(Path::new("/nowhere/read"));
            let _ = gate.recv();
        };
        let is_told = |told: Result<(), Late>| matches!(told, Err(Late::Waiting(path, _)) if path == Path::new("/nowhere/read"));
        assert!(is_told(ask(place, hang)));
        let begun = Instant::now();
        assert!(is_told(ask(place, || ())));
        assert!(begun.elapsed() < PATIENCE);
        assert_eq!(ask(Path::new("/nowhere/else"), || 7), Ok(7));
        drop(open);
        let until = Instant::now() + LONG;
        while ask(place, || ()).is_err() {
            assert!(Instant::now() < until);
            thread::yield_now();
        }
    }

    #[test]
    fn what_hangs_is_left_behind_counted_and_bounded() {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        assert_eq!(soon(LONG, || 7), Ok(7));
        let (open, gate) = mpsc::channel::<()>();
        let gate = Arc::new(Mutex::new(gate));
        let hang = move |_: &usize, _: Instant| {
            let _ = gate.lock().unwrap_or_else(PoisonError::into_inner).recv();
        };
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        let answers = runtime.block_on(many(SHORT, (0..40).collect(), hang));
        assert!(
            answers
                .iter()
                .all(|answer| *answer == Err(Late::Deadline(SHORT))),
            "{answers:?}"
        );
        assert_eq!(left_behind(), MOST_AT_ONCE);
        let (second, closed) = mpsc::channel::<()>();
        let closed = Arc::new(Mutex::new(closed));
        for _ in MOST_AT_ONCE..MOST_LEFT {
            let closed = Arc::clone(&closed);
            let work = move || {
                let _ = closed.lock().unwrap_or_else(PoisonError::into_inner).recv();
            };
            assert_eq!(soon(SHORT, work), Err(Late::Deadline(SHORT)));
        }
        assert_eq!(soon(LONG, || 7), Err(Late::Crowded(MOST_LEFT)));
        drop((open, second));
        let until = Instant::now() + LONG;
        while left_behind() > 0 && Instant::now() < until {
            thread::yield_now();
        }
        assert_eq!(left_behind(), 0, "they are counted off when they come back");
        let doubled = runtime.block_on(many(LONG, (0..40).collect(), |n: &usize, _| n * 2));
        assert_eq!(doubled, (0..40).map(|n| Ok(n * 2)).collect::<Vec<_>>());
    }
}
