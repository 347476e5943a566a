//! How long to wait after crashes, and when they are a loop.

use crate::model::{Backoff, Moment, Period, SessionName};

/// How long a crash loop holds before one more try.
pub(super) const LOOP_HOLD: Period = Period::from_mins(30);

/// The delay after the latest of `crashes` in a row: none after the first crash, then `first`, then
/// doubled each time up to `max`. The session's own share of the jitter is added.
pub(super) fn delay(backoff: &Backoff, name: &SessionName, crashes: &[Moment]) -> Period {
    let Some(doublings) = crashes.len().checked_sub(2) else {
        return Period::ZERO;
    };
    let factor = 1_u64
        .checked_shl(u32::try_from(doublings).unwrap_or(u32::MAX))
        .unwrap_or(u64::MAX);
    let plain = Period::from_millis(backoff.first.millis().saturating_mul(factor)).min(backoff.max);
    let share = u64::from(share_of(name.as_str(), crashes.len()));
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "jitter is validated as 0.0 to 1.0"
    )]
    let per_mille = (backoff.jitter.clamp(0.0, 1.0) * 1000.0) as u64;
    // share is 0..=1000, per_mille 0..=1000: at most the plain delay is added.
    plain.plus(Period::from_millis(
        plain
            .millis()
            .saturating_mul(share)
            .saturating_mul(per_mille)
            / 1_000_000,
    ))
}

/// The least delay before a step that failed is tried again.
const LEAST_RETRY: Period = Period::from_secs(10);

/// The delay before a failed step is tried again: `first`, doubled after each failure up to `max`,
/// and never less than ten seconds.
pub(super) fn retry(backoff: &Backoff, times: u32) -> Period {
    let factor = 1_u64
        .checked_shl(times.saturating_sub(1))
        .unwrap_or(u64::MAX);
    let doubled = backoff
        .first
        .max(LEAST_RETRY)
        .millis()
        .saturating_mul(factor);
    Period::from_millis(doubled).min(backoff.max.max(LEAST_RETRY))
}

/// Whether any `window` contains at least `burst` of these `crashes`.
pub(super) fn is_loop(backoff: &Backoff, crashes: &[Moment]) -> bool {
    let burst = usize::try_from(backoff.burst).unwrap_or(usize::MAX).max(1);
    crashes
        .windows(burst)
        .any(|run| match (run.first(), run.last()) {
            (Some(first), Some(last)) => last.since(first) <= backoff.window,
            (None, _) | (_, None) => false,
        })
}

/// A number from 0 to 1000 that depends on the name and the count. It spreads sessions, so that
/// they do not all act at the same moment.
pub(super) fn share_of(name: &str, nth: usize) -> u16 {
    let mut hash: u32 = 0x811c_9dc5;
    for byte in name.bytes().chain(nth.to_le_bytes()) {
        hash = (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193);
    }
    u16::try_from((hash >> 8) % 1001).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn crashes(seconds: &[u64]) -> Vec<Moment> {
        seconds
            .iter()
            .map(|s| Moment {
                wall: 0,
                awake: s * 1000,
                boot: 1,
            })
            .collect()
    }

    #[test]
    fn first_at_once_then_ten_seconds_doubling() {
        let name = SessionName::new("a").expect("valid");
        let backoff = Backoff {
            jitter: 0.0,
            ..Backoff::default()
        };
        let delays: Vec<_> = (0..10)
            .map(|n| delay(&backoff, &name, &crashes(&vec![0; n])).millis() / 1000)
            .collect();
        assert_eq!(delays, [0, 0, 10, 20, 40, 80, 160, 300, 300, 300]);
        let jittered = delay(&Backoff::default(), &name, &crashes(&[0, 0]));
        assert!((10_000..=12_500).contains(&jittered.millis()), "{jittered}");
        assert_eq!(
            delay(&Backoff::default(), &name, &crashes(&vec![0; 500])).millis() / 1000 / 300,
            1
        );
    }

    #[test]
    fn five_in_a_quarter_of_an_hour_are_a_loop() {
        let backoff = Backoff::default();
        assert!(!is_loop(&backoff, &crashes(&[0, 1, 2, 3])));
        assert!(is_loop(&backoff, &crashes(&[0, 1, 2, 3, 900])));
        assert!(!is_loop(&backoff, &crashes(&[0, 1, 2, 3, 901])));
        assert!(
            is_loop(&backoff, &crashes(&[0, 1, 2, 3, 4, 5000])),
            "a loop stays one until a healthy run"
        );
    }
}
