//! How much may happen at once in a town.

/// Limits on what may happen at once in a town.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limits {
    /// How many sessions may start at once. It grows by one for each that has become ready.
    pub concurrent_starts: u32,
    /// How many sessions may start in ten minutes.
    pub starts: StartBudget,
    /// The share of the town that gtctl may take down at once without a second look, from 0.0 to
    /// 1.0.
    pub mass: f64,
    /// How many sessions may be down at once for planned restarts.
    pub unavailable: Unavailable,
    /// After so many losses of the tmux server in ten minutes gtctl starts nothing more.
    pub server_losses: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            concurrent_starts: 2,
            starts: StartBudget::Auto,
            mass: 0.3,
            unavailable: Unavailable::default(),
            server_losses: 3,
        }
    }
}

/// How many sessions may be down at once for planned restarts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unavailable {
    /// Exactly so many.
    Count(u32),
    /// So many per cent of the declared sessions, rounded down.
    Percent(u32),
}

impl Unavailable {
    /// The number for so many declared sessions. It is at least 1.
    #[must_use]
    pub fn among(self, sessions: usize) -> u32 {
        let most = match self {
            Self::Count(count) => count,
            Self::Percent(share) => {
                let sessions = u64::try_from(sessions).unwrap_or(u64::MAX);
                u32::try_from(sessions.saturating_mul(u64::from(share)) / 100).unwrap_or(u32::MAX)
            }
        };
        most.max(1)
    }
}

impl Default for Unavailable {
    fn default() -> Self {
        Self::Percent(10)
    }
}

/// How many sessions of a town may start in ten minutes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StartBudget {
    /// The number of sessions, once more for each tmux server that was lost meanwhile, plus ten.
    Auto,
    /// Exactly so many.
    Fixed(u32),
}
