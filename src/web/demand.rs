//! Whether somebody waits for a look.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

/// While somebody reads a stream, looks follow each other at this distance: a killed agent shows
/// within two seconds.
const EVERY: Duration = Duration::from_millis(900);
/// The least time between two looks, however many readers ask.
const LEAST: Duration = Duration::from_millis(200);
/// A look that takes long may take this part of the time: one in so many.
const SHARE: u32 = 3;

/// Counts who waits for a look. Clones share the count, so that it outlives the sites that it
/// serves.
#[derive(Debug, Clone, Default)]
pub struct Demand(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Requests that wait for a fresh look.
    waiting: AtomicUsize,
    /// Open streams.
    readers: AtomicUsize,
    changed: Notify,
    asked: Mutex<Asked>,
}

/// When a look was last asked for, and how long looks take.
#[derive(Debug, Default, Clone, Copy)]
struct Asked {
    at: Option<Instant>,
    took: Duration,
}

impl Demand {
    /// Waits until somebody wants a look. Ends at most five times a second, and not at all while
    /// nobody reads.
    pub async fn wanted(&self) {
        loop {
            let changed = self.0.changed.notified();
            match self.due() {
                None => changed.await,
                Some(due) if due <= Instant::now() => break,
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = changed => {}
                },
            }
        }
        self.asked().at = Some(Instant::now());
    }

    /// Whether anybody waits or reads.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.waiting() > 0 || self.readers() > 0
    }

    /// The look that was asked for last is shown now.
    pub(super) fn shown(&self) {
        let mut asked = self.asked();
        asked.took = asked.at.map(|at| at.elapsed()).unwrap_or_default();
    }

    /// Counts one more request that waits, until the guard is dropped.
    pub(super) fn wait(&self) -> Counted {
        Counted::new(&self.0, |state| &state.waiting)
    }

    /// Counts one more open stream, until the guard is dropped; none where `most` are open.
    pub(super) fn read(&self, most: usize) -> Option<Counted> {
        let counted = Counted::new(&self.0, |state| &state.readers);
        (self.readers() <= most).then_some(counted)
    }

    fn waiting(&self) -> usize {
        self.0.waiting.load(Ordering::Relaxed)
    }

    fn readers(&self) -> usize {
        self.0.readers.load(Ordering::Relaxed)
    }

    /// When the next look is due; none while nobody reads.
    fn due(&self) -> Option<Instant> {
        let pause = match (self.waiting(), self.readers()) {
            (0, 0) => return None,
            (0, _) => EVERY,
            (_, _) => LEAST,
        };
        let Asked { at, took } = *self.asked();
        let pause = pause.max(took * SHARE);
        Some(at.map_or_else(Instant::now, |at| at + pause))
    }

    fn asked(&self) -> std::sync::MutexGuard<'_, Asked> {
        self.0.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One of a count, until it is dropped.
#[derive(Debug)]
pub(super) struct Counted {
    state: Arc<State>,
    count: fn(&State) -> &AtomicUsize,
}

impl Counted {
    fn new(state: &Arc<State>, count: fn(&State) -> &AtomicUsize) -> Self {
        count(state).fetch_add(1, Ordering::Relaxed);
        state.changed.notify_waiters();
        // Where nobody waits yet, the next one to wait sees the count.
        Self {
            state: Arc::clone(state),
            count,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        (self.count)(&self.state).fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::time::timeout;

    /// That nothing comes only time can show.
    const QUIET: Duration = Duration::from_millis(1500);
    const PATIENCE: Duration = Duration::from_secs(20);

    #[tokio::test]
    async fn nobody_wants_a_look_while_nobody_reads() {
        let demand = Demand::default();
        assert!(timeout(QUIET, demand.wanted()).await.is_err());
        let one = demand.wait();
        timeout(PATIENCE, demand.wanted()).await.unwrap();
        assert!(demand.is_there());
        drop(one);
        assert!(!demand.is_there());
        assert!(timeout(QUIET, demand.wanted()).await.is_err());
    }

    #[tokio::test]
    async fn a_reader_wants_looks_again_and_again_and_many_want_no_more() {
        let demand = Demand::default();
        let readers: Vec<_> = (0..50).map(|_| demand.read(50).unwrap()).collect();
        assert!(demand.read(50).is_none());
        let begun = Instant::now();
        for _ in 0..3 {
            timeout(PATIENCE, demand.wanted()).await.unwrap();
            demand.shown();
        }
        assert!(begun.elapsed() >= EVERY * 2);
        drop(readers);
        assert!(!demand.is_there());
    }
}
