//! Work that may hang, done on threads of its own and waited for only so long.
//!
//! A file system that does not answer (a lost network disk) holds whoever asks it, and no signal
//! but KILL ends that. So the one who asks is a thread that can be left behind. At most
//! [`MOST_LEFT`] are left behind at a time: after that, work is refused at once until some of them
//! come back.
//!
//! [`ask`] is for one place that is asked about again and again, as a controller does at every
//! look. Where it does not answer, only the first who asks waits: until the answer comes, all
//! others are told at once for how long it is waited for.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::thread;
use std::time::{Duration, Instant};
use tokio::sync::mpsc as channel;

/// How long a file is waited for.
pub const PATIENCE: Duration = Duration::from_secs(2);
/// How much earlier work is told to give up than it is given up itself: what it has to say has to
/// arrive.
const MARGIN: Duration = Duration::from_millis(300);
/// The most threads that are left behind at a time.
pub const MOST_LEFT: usize = 128;
/// The most threads that one call of [`many`] uses.
const MOST_AT_ONCE: usize = 8;
/// Enough for a read and its parser; a thousandth of the usual is never touched.
const STACK: usize = 2 << 20;

/// How many threads are left behind now.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Late {
    /// The deadline passed.
    #[error("there was no answer within {} ms: its file system may not respond", .0.as_millis())]
    Deadline(Duration),
    /// This place has no answer yet, for so long.
    #[error("reading {} for {}: its file system does not answer", .0.display(), roughly(*.1))]
    Waiting(PathBuf, Duration),
    /// Too many others have no answer either.
    #[error("{0} earlier reads still have no answer: a file system does not respond")]
    Crowded(usize),
    /// No thread could be started.
    #[error("no thread could be started for it")]
    NoThread,
}

impl Late {
    /// The same of an answer about this place: with what is read and for how long, where that is
    /// known. Whoever asks about the place from now on is told so at once.
    #[must_use]
    pub fn about(self, place: &Path) -> Self {
        if !matches!(self, Self::Deadline(_)) {
            return self;
        }
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(about) = asked.get_mut(place) {
            about.in_vain = true;
        }
        waiting(&asked, place).unwrap_or(self)
    }
}

impl From<Late> for std::io::Error {
    fn from(late: Late) -> Self {
        Self::new(std::io::ErrorKind::TimedOut, late)
    }
}

/// How many threads wait for a file system that does not answer.
#[must_use]
pub fn left_behind() -> usize {
    LEFT.load(Ordering::Relaxed)
}

/// Does `work` on a thread of its own, and waits at most `patience` for what it gives.
///
/// # Errors
/// [`Late`]; the work may then still go on.
pub fn soon<T: Send + 'static>(
    patience: Duration,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Late> {
    let (send, receive) = mpsc::sync_channel(1);
    let thread = Thread::start(move || {
        let _ = send.send(work());
    })?;
    receive.recv_timeout(patience).map_err(|_| {
        thread.leave();
        Late::Deadline(patience)
    })
}

/// Does the same work for each of `tasks`, several at once, and waits at most `patience` for all of
/// them. Lets the runtime do other things meanwhile.
///
/// Gives one answer for each task, in their order. `work` gets the moment at which it should give
/// up by itself, which is a little before it is waited for no longer.
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
    let wanted = tasks.len();
    let give_up = deadline
        .checked_sub(MARGIN.min(patience / 2))
        .unwrap_or(deadline);
    let queue = Arc::new(Mutex::new(tasks.into_iter().enumerate()));
    let work = Arc::new(work);
    let (send, mut receive) = channel::unbounded_channel();
    let mut threads = Vec::new();
    for _ in 0..wanted.min(MOST_AT_ONCE) {
        let (queue, work, send) = (Arc::clone(&queue), Arc::clone(&work), send.clone());
        let started = Thread::start(move || {
            loop {
                let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                let Some((place, task)) = next else { return };
                if send.send((place, work(&task, give_up))).is_err() {
                    return;
                }
            }
        });
        match started {
            Ok(thread) => threads.push(thread),
            Err(late) if threads.is_empty() => {
                return answers.iter().map(|_| Err(late.clone())).collect();
            }
            // Those that were started do it all.
            Err(_) => break,
        }
    }
    drop(send);
    let collect = async {
        while let Some((place, answer)) = receive.recv().await {
            if let Some(slot) = answers.get_mut(place) {
                *slot = Ok(answer);
            }
        }
    };
    if tokio::time::timeout_at(deadline.into(), collect)
        .await
        .is_err()
    {
        threads.into_iter().for_each(Thread::leave);
    }
    answers
}

/// A time of waiting in few steps, so that whoever tells what is new tells it once, and again when
/// it has become much longer.
fn roughly(waited: Duration) -> String {
    match waited.as_secs() {
        ..60 => format!("over {} s", PATIENCE.as_secs()),
        60..600 => "over 1 min".to_owned(),
        600..3600 => "over 10 min".to_owned(),
        seconds => format!("over {} h", seconds / 3600),
    }
}

/// What is asked about now, by its place.
static ASKED: Mutex<BTreeMap<PathBuf, Asked>> = Mutex::new(BTreeMap::new());

/// The questions about one place that have no answer yet.
struct Asked {
    /// When the first of them was asked.
    since: Instant,
    /// How many they are.
    count: usize,
    /// What the first of them reads now.
    reads: Reads,
    /// Whether somebody has waited for an answer in vain.
    in_vain: bool,
}

type Reads = Arc<Mutex<PathBuf>>;

thread_local! {
    /// What this thread reads, where others want to know.
    static READS: RefCell<Option<Reads>> = const { RefCell::new(None) };
}

/// Notes that this thread reads this path now, for those who wait for it.
pub(crate) fn reads(path: &Path) {
    READS.with_borrow(|reads| {
        if let Some(reads) = reads {
            path.clone_into(&mut reads.lock().unwrap_or_else(PoisonError::into_inner));
        }
    });
}

/// One question about a place, from its beginning to its end, on the thread that does the work.
/// Where an earlier question has been without an answer for longer than [`PATIENCE`], there is
/// none: each would leave another thread behind.
#[derive(Debug)]
pub struct Asking(PathBuf);

impl Asking {
    /// Begins one.
    ///
    /// # Errors
    /// [`Late::Waiting`], with what is read and for how long.
    pub fn about(place: &Path) -> Result<Self, Late> {
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let is_hopeless = asked
            .get(place)
            .is_some_and(|about| about.in_vain || about.since.elapsed() > PATIENCE);
        if let Some(late) = waiting(&asked, place).filter(|_| is_hopeless) {
            return Err(late);
        }
        let reads = Arc::new(Mutex::new(place.to_owned()));
        let first = Asked {
            since: Instant::now(),
            count: 0,
            reads: Arc::clone(&reads),
            in_vain: false,
        };
        let about = asked.entry(place.to_owned()).or_insert(first);
        about.count += 1;
        READS.set(Some(Arc::clone(&about.reads)));
        Ok(Self(place.to_owned()))
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        READS.set(None);
        let mut asked = ASKED.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(about) = asked.get_mut(&self.0) else {
            return;
        };
        about.count = about.count.saturating_sub(1);
        if about.count == 0 {
            asked.remove(&self.0);
        }
    }
}

fn waiting(asked: &BTreeMap<PathBuf, Asked>, place: &Path) -> Option<Late> {
    let about = asked.get(place)?;
    let reads = about
        .reads
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    let whole = std::path::absolute(&reads).unwrap_or(reads);
    Some(Late::Waiting(whole, about.since.elapsed()))
}

/// Asks about one place: does `work` on a thread of its own, and waits at most [`PATIENCE`] for
/// what it gives. Where an earlier question about the place has been without an answer for longer,
/// there is none at once, and nothing is done.
///
/// What is told to be read is the file that was last opened with this room, or else the place.
///
/// # Errors
/// [`Late`]; the work may then still go on.
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

const RUNNING: u8 = 0;
const LEFT_BEHIND: u8 = 1;
const ENDED: u8 = 2;

/// A thread that can be left behind.
struct Thread(Arc<AtomicU8>);

impl Thread {
    fn start(work: impl FnOnce() + Send + 'static) -> Result<Self, Late> {
        let left = left_behind();
        if left >= MOST_LEFT {
            return Err(Late::Crowded(left));
        }
        let state = Arc::new(AtomicU8::new(RUNNING));
        let ending = Ending(Arc::clone(&state));
        let named = thread::Builder::new()
            .name("gtctl-file".to_owned())
            .stack_size(STACK);
        let started = named.spawn(move || {
            let _ending = ending;
            work();
        });
        started.map(|_| Self(state)).map_err(|_| Late::NoThread)
    }

    /// Counts it as left behind, until it ends.
    fn leave(self) {
        // Counted before it is marked, so that its end never takes away what was not added.
        LEFT.fetch_add(1, Ordering::Relaxed);
        let marked =
            self.0
                .compare_exchange(RUNNING, LEFT_BEHIND, Ordering::AcqRel, Ordering::Acquire);
        if marked.is_err() {
            LEFT.fetch_sub(1, Ordering::Relaxed);
        }
    }
}

/// Says that a thread has ended, also where its work has panicked.
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
