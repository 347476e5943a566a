//! The mass guard: how much of a town gtctl may take down at once.

use super::Situation;
use super::rules::LOOK_AGAIN;
use super::subject::Subject;
use super::verdict::Verdict;
use crate::model::{Hold, Mass};

/// Whether gtctl itself has ended it, or is about to, and it is not ready again.
fn is_down_by_us(subject: &Subject<'_>) -> bool {
    let stopping = subject
        .history
        .is_some_and(|history| history.stopping.is_some())
        && subject.label().is_some();
    stopping
        || subject
            .replacing()
            .is_some_and(|replacing| !replacing.failed)
}

/// Holds all kills when too much of the town would be down at once, those begun before included.
/// Gives the digest of the kills for the second look.
pub(super) fn hold_for_mass(
    situation: &Situation<'_>,
    subjects: &[Subject<'_>],
    verdicts: &mut [Verdict],
) -> Option<u64> {
    let kills = |verdict: &Verdict| matches!(verdict, Verdict::Want(want) if want.kind.kills());
    let doomed: Vec<&Subject<'_>> = subjects
        .iter()
        .zip(verdicts.iter())
        .filter(|(_, v)| kills(v))
        .map(|(s, _)| s)
        .collect();
    if doomed.is_empty() {
        return None;
    }
    let under_way = subjects
        .iter()
        .zip(verdicts.iter())
        .filter(|(subject, v)| !kills(v) && is_down_by_us(subject));
    let count = u32::try_from(doomed.len().saturating_add(under_way.count())).unwrap_or(u32::MAX);
    let town = u32::try_from(subjects.len()).unwrap_or(u32::MAX);
    let share = f64::from(town) * situation.town.limits.mass.clamp(0.0, 1.0);
    let too_many = count > 1 && (f64::from(count) > share.max(1.0) || count == town);
    if !too_many {
        return None;
    }
    let digest = digest_of(&doomed);
    let agreed = situation.memory.mass_seen == Some(digest);
    let (go, until) = match situation.orders.mass {
        Mass::Allow => (true, None),
        Mass::SecondLook => (agreed, Some(situation.now.plus(LOOK_AGAIN))),
        Mass::Hold => (false, None),
    };
    if !go {
        for verdict in verdicts.iter_mut().filter(|verdict| kills(verdict)) {
            if let Verdict::Want(want) = verdict {
                *verdict =
                    Verdict::Hold(want.clone(), Hold::MassGuard { kills: count, town }, until);
            }
        }
    }
    Some(digest)
}

fn digest_of(doomed: &[&Subject<'_>]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for subject in doomed {
        let generation = subject.label().map_or(0, |label| label.generation.0);
        for byte in subject
            .name
            .as_str()
            .bytes()
            .chain(generation.to_le_bytes())
        {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
    hash
}
