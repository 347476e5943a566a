//! What a session did in the last 24 hours, in one small line.

use crate::model::{PhaseChange, PhaseKind};

/// How long a part of the day is, in milliseconds.
const PART: i64 = 2 * 3_600_000;

/// What a session did in one part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DayPart {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It did not live.
    Absent,
    /// It lived, and worked for so many percent of the time.
    Ran(u8),
    /// It ended in it without being asked to.
    Died,
}

/// The last 24 hours of one session, oldest part first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Series(pub [DayPart; Series::PARTS]);

impl Series {
    /// How many parts a day has: two hours each.
    pub const PARTS: usize = 12;

    /// The last day by the changes of a session's phase, oldest first. `now` is in wall-clock
    /// milliseconds since the epoch. A phase lasts until the next one.
    #[must_use]
    pub fn of(changes: &[PhaseChange], now: i64) -> Self {
        let parts = i64::try_from(Self::PARTS).unwrap_or_default();
        let begin = now.saturating_sub(parts.saturating_mul(PART));
        let ends = changes.iter().skip(1).map(|change| change.since);
        let spans: Vec<(PhaseKind, i64, i64)> = changes
            .iter()
            .zip(ends.chain([now]))
            .map(|(change, end)| (change.phase, change.since, end.min(now)))
            .collect();
        let mut series = Self::default();
        for (nth, part) in (0..).zip(&mut series.0) {
            let from = begin.saturating_add(PART.saturating_mul(nth));
            *part = DayPart::of(&spans, from, from.saturating_add(PART));
        }
        series
    }

    /// One character for each part.
    pub(super) fn line(&self) -> String {
        self.0.iter().map(|part| part.glyph()).collect()
    }
}

impl DayPart {
    /// What these phases come to between two moments.
    fn of(spans: &[(PhaseKind, i64, i64)], from: i64, to: i64) -> Self {
        let mut lived: i64 = 0;
        let mut worked: i64 = 0;
        let mut is_known = false;
        for (phase, begin, end) in spans {
            let time = (*end).min(to).saturating_sub((*begin).max(from));
            let has_begun_here = (from..to).contains(begin);
            if *phase == PhaseKind::Dead && has_begun_here {
                return Self::Died;
            }
            if time <= 0 {
                continue;
            }
            match phase {
                PhaseKind::Working | PhaseKind::Background | PhaseKind::Starting => {
                    worked = worked.saturating_add(time);
                    lived = lived.saturating_add(time);
                }
                PhaseKind::Idle | PhaseKind::Waiting | PhaseKind::Blocked | PhaseKind::Stopping => {
                    lived = lived.saturating_add(time);
                }
                PhaseKind::Absent | PhaseKind::Dead | PhaseKind::Completed | PhaseKind::Stopped => {
                }
                PhaseKind::Unknown | PhaseKind::Foreign => continue,
            }
            is_known = true;
        }
        let percent = worked.saturating_mul(100).checked_div(lived);
        match percent {
            Some(percent) => Self::Ran(u8::try_from(percent.min(100)).unwrap_or(100)),
            None if is_known => Self::Absent,
            None => Self::Unknown,
        }
    }

    fn glyph(self) -> char {
        match self {
            Self::Unknown => ' ',
            Self::Absent => '·',
            Self::Died => '✖',
            Self::Ran(0..=13) => '▁',
            Self::Ran(14..=27) => '▂',
            Self::Ran(28..=41) => '▃',
            Self::Ran(42..=55) => '▄',
            Self::Ran(56..=69) => '▅',
            Self::Ran(70..=83) => '▆',
            Self::Ran(84..) => '▇',
        }
    }
}
