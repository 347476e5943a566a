//! Whether a text may be typed into a session by hand, as far as the session itself tells; its
//! screen is asked later.

use super::Situation;
use super::subject::gather;
use crate::model::{Life, Observed, Obstacle, Ownership, SessionName, Target};

/// The session to type into.
///
/// # Errors
/// What keeps anything from being typed there.
pub fn nudgeable(situation: &Situation<'_>, name: &SessionName) -> Result<Target, Obstacle> {
    let server = match situation.observed {
        Observed::Unknown(why) => return Err(Obstacle::Untold(why.clone())),
        Observed::Down => return Err(Obstacle::Absent),
        Observed::Up(server) => server,
    };
    let subjects = gather(situation, Some(server));
    let subject = subjects
        .iter()
        .find(|subject| subject.name == name)
        .ok_or(Obstacle::Absent)?;
    let stopped = subject.is_stopped();
    let Some(seen) = subject.seen else {
        return Err(if stopped {
            Obstacle::Stopped
        } else {
            Obstacle::Absent
        });
    };
    let label = match &seen.ownership {
        Ownership::Unlabelled | Ownership::Unproved(_) => return Err(Obstacle::Unlabelled),
        Ownership::Foreign(town) => return Err(Obstacle::Foreign(town.clone())),
        Ownership::Ours(label) => label,
    };
    let stopping = subject
        .history
        .and_then(|history| history.stopping.as_ref());
    match &seen.life {
        Life::Unknown(why) => Err(Obstacle::Untold(why.clone())),
        Life::Dead { death, .. } => Err(Obstacle::Dead(*death)),
        Life::Alive { .. } if stopped => Err(Obstacle::Stopped),
        Life::Alive { .. } if stopping.is_some_and(|s| s.generation == label.generation) => {
            Err(Obstacle::Stopping)
        }
        Life::Alive { .. } => subject.target().ok_or(Obstacle::Absent),
    }
}
