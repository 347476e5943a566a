//! What wakes a verb that only looks, and waits until a session is as asked.
//!
//! As with the watcher, an event only says that a look is worth it; the look says what is true.

use super::files::Files;
use super::wakeups::agents;
use crate::model::Observed;
use crate::observe::LookCache;
use crate::proc::deaths::{Deaths, Watched};
use crate::store::View;
use std::io;
use std::time::Duration;
use tokio::time::{Instant, sleep_until};

/// The least time between two looks: clients report many times a second.
const LEAST: Duration = Duration::from_millis(200);
/// The most time between two looks. No event tells that a screen has changed, and a change shall be
/// noticed within a second.
const MOST: Duration = Duration::from_millis(700);

/// How long a look is waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pace {
    /// The least time after the last look, whatever happens.
    pub least: Duration,
    /// The most time after the last look, if nothing happens.
    pub most: Duration,
}

/// Wakes at the end of an agent or of its server, at a report of a client, and when the state file
/// changes; otherwise 0.7 s after the last look. Writes nothing.
pub struct Lookout {
    deaths: Deaths,
    state: Files,
    reports: Files,
    /// When the last look was over.
    looked: Instant,
    /// Whether a process had ended before it could be watched.
    has_ended: bool,
}

impl Lookout {
    /// Watches the state file of the town.
    ///
    /// # Errors
    /// When the ends of processes cannot be listened to.
    pub fn new(state: &View) -> io::Result<Self> {
        let mut lookout = Self {
            deaths: Deaths::new()?,
            state: Files::new(),
            reports: Files::new(),
            looked: Instant::now(),
            has_ended: false,
        };
        lookout.state.watch([state.main_file()].into());
        Ok(lookout)
    }

    /// Watches what a look has seen: the processes of our sessions, their server, and the files in
    /// which clients report.
    pub fn attend(&mut self, observed: &Observed, looks: &LookCache, state: &View) {
        self.reports.watch(looks.report_files(state));
        let mut processes = agents(observed);
        if let Observed::Up(server) = observed {
            processes.insert(server.id.0);
        }
        self.has_ended = match self.deaths.watch(&processes) {
            Watched::Ended => true,
            Watched::All | Watched::InPart => false,
        };
        self.looked = Instant::now();
    }

    /// The look has failed: what was watched before goes on being watched.
    pub fn rest(&mut self) {
        self.looked = Instant::now();
    }

    /// Waits until another look is worth it: between 0.2 s and 0.7 s after the last one.
    pub async fn wait(&mut self) {
        let pace = Pace {
            least: LEAST,
            most: MOST,
        };
        self.wait_at(pace).await;
    }

    /// The same at another pace.
    pub async fn wait_at(&mut self, Pace { least, most }: Pace) {
        if !self.has_ended {
            tokio::select! {
                () = sleep_until(self.looked + most) => {}
                () = self.deaths.ended() => {}
                () = self.state.changed() => {}
                () = self.reports.changed() => {}
            }
            self.reports.rest();
        }
        sleep_until(self.looked + least).await;
    }
}
