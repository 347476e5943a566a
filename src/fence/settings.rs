//! Which times keep what a town's store promises.

use super::StoreVersion;
use crate::model::{Period, StoreSettings};

/// Why the times of a store do not keep the promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SettingsFault {
    /// One lost beat would end all sessions that can move.
    FenceTooShort {
        /// The least fence.
        least: Period,
    },
    /// Sessions could start elsewhere while they still live here.
    LeaseTooShort {
        /// The least lease.
        least: Period,
    },
    /// Sessions could start elsewhere while they still live here, because this version of the store
    /// ends leases too early.
    LockDelayTooShort {
        /// The least lock delay.
        least: Period,
    },
}

/// Checks the times. `version` is the oldest of the store's members, where that is known.
#[must_use]
pub fn check(settings: &StoreSettings, version: Option<StoreVersion>) -> Vec<SettingsFault> {
    let mut faults = Vec::new();
    let least = settings.least_fence();
    if settings.fence < least {
        faults.push(SettingsFault::FenceTooShort { least });
    }
    let least = settings.death();
    if settings.lease < least {
        faults.push(SettingsFault::LeaseTooShort { least });
    }
    let is_needed = version.is_some_and(StoreVersion::revokes_wrongly);
    let given = settings.lock_delay;
    if is_needed && given.is_some_and(|given| given < least) {
        faults.push(SettingsFault::LockDelayTooShort { least });
    }
    faults
}

/// How long the leader waits after it has seen that a host is gone: what is set, else nothing, or
/// the whole death of a host where the store ends leases too early.
#[must_use]
pub fn lock_delay(settings: &StoreSettings, version: StoreVersion) -> Period {
    let needed = if version.revokes_wrongly() {
        settings.death()
    } else {
        Period::ZERO
    };
    settings.lock_delay.unwrap_or(needed)
}
