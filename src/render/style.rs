//! Colours, few and quiet: everything reads as well without them.

use super::Clock;

/// What the caller found out about where it writes.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// What time it is, and where.
    pub clock: Clock,
    /// Columns of the terminal; none when it is none, and then nothing is clipped.
    pub width: Option<usize>,
    /// Whether there are colours.
    pub colour: Colour,
    /// How much is said.
    pub detail: Detail,
}

/// Whether colours are written. `NO_COLOR`, `--color` and the kind of output are the caller's to
/// judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// None.
    #[default]
    Off,
    /// The terminal's own sixteen.
    On,
}

/// How much is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// What matters.
    #[default]
    Short,
    /// Everything: `-o wide`.
    Wide,
}

/// What a piece of text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Text.
    #[default]
    Plain,
    /// Something comes or is well.
    Good,
    /// Something changes or waits.
    Change,
    /// Something goes or is wrong.
    Bad,
    /// Less important.
    Quiet,
    /// A heading.
    Strong,
}

impl Colour {
    /// The text in the colour of its role.
    #[must_use]
    pub fn paint(self, role: Role, text: &str) -> String {
        let code = match role {
            Role::Plain => return text.to_owned(),
            Role::Good => "32",
            Role::Change => "33",
            Role::Bad => "31",
            Role::Quiet => "2",
            Role::Strong => "1",
        };
        match self {
            Self::On if !text.is_empty() => format!("\u{1b}[{code}m{text}\u{1b}[0m"),
            Self::On | Self::Off => text.to_owned(),
        }
    }
}
