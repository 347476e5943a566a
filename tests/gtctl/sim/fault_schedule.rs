//! Makes things go wrong around the controller: people, clocks, disks, and its own memory.

use super::driver::Driver;
use gtctl::memory::ask;
use gtctl::model::{Ownership, Request, SessionName};
use gtctl::sim::Interference;
use gtctl::sim::edit_town;

impl Driver<'_> {
    /// What goes wrong between two cycles.
    pub(super) fn trouble(&mut self) {
        let weather = self.weather;
        if self.random.chance(weather.people) {
            let what = self.random.pick(&Interference::ALL).filter(|what| {
                // With a stale look or a late creation, a renamed session is doubled: only its name
                // guards a creation.
                let certain = weather.stale == 0 && weather.mishap == 0 && weather.stops == 0;
                certain || *what != Interference::Rename
            });
            let declared: Vec<SessionName> = self.town.sessions.keys().cloned().collect();
            if let Some(what) = what {
                self.world.interfere(what, &declared, &mut self.random);
                self.forgive();
            }
        }
        if self.random.chance(weather.edits) {
            edit_town(&mut self.town, &mut self.random);
            self.world.former_names = self.town.former_names();
        }
        if self.random.chance(weather.missing) {
            self.upset_programs();
        }
        if self.random.chance(weather.clocks) {
            self.upset_clocks();
        }
        if self.random.chance(if self.disk_is_full {
            weather.disk.saturating_mul(4)
        } else {
            weather.disk
        }) {
            self.disk_is_full = !self.disk_is_full;
        }
        if self.random.chance(weather.orders / 4) {
            self.memory.paused = !self.memory.paused;
        }
        self.ask_by_hand();
        if self.random.chance(weather.amnesia) {
            let old = self
                .random
                .chance(500)
                .then(|| self.copies.pop_front())
                .flatten();
            self.disk = old.unwrap_or_default();
            self.copies.clear();
            self.memory = self.disk.clone();
            self.answers.clear();
            self.ready.clear();
            self.forgive();
            self.ledger.forgive(&self.disk, self.world.now);
            self.ledger.forget_deaths();
        }
    }

    /// Somebody stops or starts a session, or the whole town.
    fn ask_by_hand(&mut self) {
        // These draws come from a clone, so that they change no later draw of the seed.
        let mut aside = self.random.clone();
        if !aside.chance(self.weather.orders / 4) {
            return;
        }
        let names: Vec<SessionName> = self.town.sessions.keys().cloned().collect();
        let one = aside.pick(&names.iter().collect::<Vec<_>>()).cloned();
        let asked = aside.pick(&[Request::Down, Request::Stop, Request::Start, Request::Start]);
        let sessions = match asked {
            // The whole town goes down.
            Some(Request::Down) => names,
            Some(_) | None => one.into_iter().collect(),
        };
        for name in sessions {
            if let Some(request) = asked {
                self.memory = ask(std::mem::take(&mut self.memory), &name, request);
            }
        }
        self.save();
    }

    /// A program is removed, or one that was is there again.
    fn upset_programs(&mut self) {
        let declared: Vec<SessionName> = self.town.sessions.keys().cloned().collect();
        let at = self
            .random
            .below(u64::try_from(declared.len()).unwrap_or(0));
        let Some(name) = usize::try_from(at).ok().and_then(|at| declared.get(at)) else {
            return;
        };
        if !self.missing.remove(name) {
            self.missing.insert(name.clone());
        }
    }

    pub(super) fn upset_clocks(&mut self) {
        const TEN_YEARS: i64 = 10 * 365 * 86_400_000;
        match self.random.below(4) {
            0 => self.world.now.wall = self.world.now.wall.saturating_add(8 * 3_600_000),
            1 => self.world.now.wall = self.world.now.wall.saturating_add(TEN_YEARS),
            2 => self.world.now.wall = self.world.now.wall.saturating_sub(TEN_YEARS),
            _ => self.reboot(),
        }
    }

    pub(super) fn reboot(&mut self) {
        self.world.reboot();
        self.looks.clear();
        self.late.clear();
        self.wake_up_again();
    }

    /// The controller starts with what is on disk.
    pub(super) fn wake_up_again(&mut self) {
        self.memory = self.disk.clone();
        self.answers.clear();
        self.ready.clear();
        self.forgive();
        self.ledger.forget_deaths();
        if self.disk_is_full {
            self.ledger.forgive(&self.disk, self.world.now);
        }
    }

    /// What is neither in the state file nor on a session any more cannot be known.
    pub(super) fn forgive(&mut self) {
        let sessions = self
            .world
            .server
            .iter()
            .flat_map(|server| server.sessions.values());
        let labelled = sessions.filter_map(|session| match &session.ownership {
            Ownership::Ours(label) => Some(label.session.clone()),
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
        });
        self.ledger.forgive_gaps(&self.disk, &labelled.collect());
    }
}
