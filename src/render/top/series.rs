//! What a session did in the last 24 hours, in one small line.

/// What a session did in one part of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Activity {
    /// Nothing is known.
    #[default]
    Unknown,
    /// It did not run.
    Absent,
    /// It ran for so many percent of the time.
    Ran(u8),
    /// It ended in it without being asked to.
    Died,
}

/// The last 24 hours of one session, oldest part first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Series(pub [Activity; Series::PARTS]);

impl Series {
    /// How many parts a day has: two hours each.
    pub const PARTS: usize = 12;

    /// One character for each part.
    pub(super) fn line(&self) -> String {
        self.0.iter().map(|part| part.glyph()).collect()
    }
}

impl Activity {
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
