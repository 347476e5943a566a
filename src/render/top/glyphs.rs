//! The characters and colours of the screen, for any terminal.

use crate::render::{Colour, Role};
use ratatui_core::buffer::Buffer;
use ratatui_core::style::{Color, Modifier, Style};

/// Which characters a terminal can show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Glyphs {
    /// Any character.
    #[default]
    Unicode,
    /// ASCII only: the locale is not UTF-8.
    Ascii,
}

/// How the screen looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Theme {
    /// Whether there are colours.
    pub colour: Colour,
    /// Which characters there are.
    pub glyphs: Glyphs,
}

impl Theme {
    /// The style of a role. Without colours only the weight differs.
    pub(super) fn style(self, role: Role) -> Style {
        let style = Style::new();
        let colour = match role {
            Role::Plain => return style,
            Role::Strong => return style.add_modifier(Modifier::BOLD),
            Role::Quiet => return style.add_modifier(Modifier::DIM),
            Role::Good => Color::Green,
            Role::Change => Color::Yellow,
            Role::Bad => Color::Red,
        };
        match (self.colour, role) {
            (Colour::On, _) => style.fg(colour),
            (Colour::Off, Role::Bad) => style.add_modifier(Modifier::BOLD),
            (Colour::Off, Role::Plain | Role::Good | Role::Change | Role::Quiet | Role::Strong) => {
                style
            }
        }
    }
}

/// What stands for a character that the terminal cannot show.
const UNKNOWN: &str = "?";

/// The plain characters for those that the screen draws itself.
const PLAIN: [(&str, &str); 24] = [
    ("\u{25cf}", "*"), // ●
    ("\u{25cb}", "o"), // ○
    ("\u{2716}", "x"), // ✖
    ("\u{25b8}", ">"), // ▸
    ("\u{2026}", "~"), // …
    ("\u{b7}", "."),   // ·
    ("\u{2500}", "-"), // ─
    ("\u{2502}", "|"), // │
    ("\u{250c}", "+"), // ┌
    ("\u{2510}", "+"), // ┐
    ("\u{2514}", "+"), // └
    ("\u{2518}", "+"), // ┘
    ("\u{2581}", "_"), // ▁
    ("\u{2582}", "."), // ▂
    ("\u{2583}", ":"), // ▃
    ("\u{2584}", "-"), // ▄
    ("\u{2585}", "="), // ▅
    ("\u{2586}", "+"), // ▆
    ("\u{2587}", "*"), // ▇
    ("\u{2588}", "#"), // █
    ("\u{2013}", "-"), // –
    ("\u{2014}", "-"), // —
    ("\u{2018}", "'"), // ‘
    ("\u{2019}", "'"), // ’
];

/// Replaces every cell that is not ASCII.
pub(super) fn to_ascii(buffer: &mut Buffer) {
    for cell in &mut buffer.content {
        if cell.symbol().is_ascii() {
            continue;
        }
        let symbol = cell.symbol();
        let plain = PLAIN.iter().find(|(from, _)| *from == symbol);
        cell.set_symbol(plain.map_or(UNKNOWN, |(_, to)| to));
    }
}
