//! Colours, few and quiet. Every page is as readable without them.

use super::Clock;

/// Facts about the output: the clock, the terminal, and how much to say.
#[derive(Debug, Clone, Copy)]
pub struct Paper {
    /// The time now, and the time zone.
    pub clock: Clock,
    /// The terminal's width in columns. None when the output is no terminal: then nothing is
    /// clipped.
    pub width: Option<usize>,
    /// Whether colours are written.
    pub colour: Colour,
    /// How much is shown.
    pub detail: Detail,
}

/// Whether colours are written. The caller judges `NO_COLOR`, `--color` and the kind of output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Colour {
    /// No colours.
    #[default]
    Off,
    /// The terminal's own sixteen.
    On,
}

/// How much is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Detail {
    /// The important columns.
    #[default]
    Short,
    /// Everything: `-o wide`.
    Wide,
}

/// The role of a piece of text. It decides the colour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Role {
    /// Plain text.
    #[default]
    Plain,
    /// Something starts or is well.
    Good,
    /// Something changes or waits.
    Change,
    /// Something ends or is wrong.
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
