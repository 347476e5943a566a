//! Work that may hang, done on threads of its own and waited for only so long.
//!
//! A file system that does not answer (a lost network disk) holds whoever asks it, and no signal
//! but KILL ends that. So the one who asks is a thread that can be left behind. At most
//! [`MOST_LEFT`] are left behind at a time: after that, work is refused at once until some of them
//! come back.

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
pub const MOST_LEFT: usize = 16;
/// The most threads that one call of [`many`] uses.
const MOST_AT_ONCE: usize = 8;
/// Enough for a read and its parser; a thousandth of the usual is never touched.
const STACK: usize = 512 << 10;

/// How many threads are left behind now.
static LEFT: AtomicUsize = AtomicUsize::new(0);

/// Why there is no answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Late {
    /// The deadline passed.
    #[error("there was no answer within {} ms: its file system may not respond", .0.as_millis())]
    Deadline(Duration),
    /// Too many others have no answer either.
    #[error("{0} earlier reads still have no answer: a file system does not respond")]
    Crowded(usize),
    /// No thread could be started.
    #[error("no thread could be started for it")]
    NoThread,
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

    const LONG: Duration = Duration::from_secs(20);
    const SHORT: Duration = Duration::from_millis(20);

    /// One test: they share the count.
    #[test]
    fn what_hangs_is_left_behind_counted_and_bounded() {
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
