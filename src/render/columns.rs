//! Aligned columns. The content gives the widths; the terminal clips the last column.

use super::sanitise::{clip, width};
use super::style::{Paper, Role};

/// At least so many columns of a text are shown, however narrow the terminal is.
const NARROWEST: usize = 12;
/// A text that flows fills at most so many lines.
const MOST_LINES: usize = 4;

/// One cell: clean text and its role.
#[derive(Debug, Clone, Default)]
pub(super) struct Cell {
    pub(super) text: String,
    pub(super) role: Role,
    pub(super) align: Align,
    pub(super) overflow: Overflow,
}

/// What happens to a text in the last column where the terminal ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Overflow {
    /// It is cut.
    #[default]
    Clip,
    /// It goes on below itself.
    Flow,
}

/// On which side a cell's text stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Align {
    #[default]
    Left,
    Right,
}

/// A cell of plain text.
pub(super) fn cell(text: impl Into<String>) -> Cell {
    Cell {
        text: text.into(),
        ..Cell::default()
    }
}

impl Cell {
    pub(super) fn role(self, role: Role) -> Self {
        Self { role, ..self }
    }

    pub(super) fn flowing(self) -> Self {
        Self {
            overflow: Overflow::Flow,
            ..self
        }
    }

    pub(super) fn right(self) -> Self {
        Self {
            align: Align::Right,
            ..self
        }
    }
}

/// One line: a row of cells, or one text that begins below a column.
pub(super) enum Line {
    Row(Vec<Cell>),
    Below {
        column: usize,
        cell: Cell,
    },
    /// A heading that belongs to no column.
    Heading(Cell),
}

/// The lines, each ended by a line end, columns two spaces apart after the margin.
pub(super) fn lay_out(lines: &[Line], margin: &str, paper: &Paper) -> String {
    let widths = widths(lines);
    let mut text = String::new();
    for line in lines {
        let laid = match line {
            Line::Row(cells) => row(cells, &widths, margin, paper),
            Line::Below { column, cell } => {
                let indent =
                    width(margin) + widths.iter().take(*column).map(|w| w + 2).sum::<usize>();
                below(cell, indent, paper)
            }
            Line::Heading(cell) => paper.colour.paint(cell.role, &cell.text),
        };
        text.push_str(laid.trim_end());
        text.push('\n');
    }
    text
}

/// How many columns the rows take, with the gap before a further cell.
pub(super) fn extent(lines: &[Line]) -> usize {
    widths(lines).iter().map(|wide| wide + 2).sum()
}

fn widths(lines: &[Line]) -> Vec<usize> {
    let mut widths: Vec<usize> = Vec::new();
    for line in lines {
        let Line::Row(cells) = line else { continue };
        widths.resize(widths.len().max(cells.len()), 0);
        for (known, cell) in widths.iter_mut().zip(cells) {
            *known = (*known).max(width(&cell.text));
        }
    }
    widths
}

fn row(cells: &[Cell], widths: &[usize], margin: &str, paper: &Paper) -> String {
    let mut text = margin.to_owned();
    let mut used = width(margin);
    for (n, (cell, wide)) in cells.iter().zip(widths).enumerate() {
        if n + 1 == cells.len() && cell.align == Align::Left {
            text.push_str(&last(cell, used, paper));
            break;
        }
        let space = " ".repeat(wide.saturating_sub(width(&cell.text)));
        let painted = paper.colour.paint(cell.role, &cell.text);
        match cell.align {
            Align::Left => text.extend([painted, space]),
            Align::Right => text.extend([space, painted]),
        }
        text.push_str("  ");
        used += wide + 2;
    }
    text
}

/// One text, wrapped between words at the terminal's width.
fn below(cell: &Cell, indent: usize, paper: &Paper) -> String {
    let room = paper
        .width
        .map_or(usize::MAX, |w| w.saturating_sub(indent).max(NARROWEST));
    let mut lines: Vec<String> = Vec::new();
    for word in cell.text.split(' ') {
        match lines.last_mut() {
            Some(line) if width(line) + 1 + width(word) <= room => line.extend([" ", word]),
            Some(_) | None => lines.push(word.to_owned()),
        }
    }
    let margin = " ".repeat(indent);
    let painted: Vec<String> = lines
        .iter()
        .map(|l| format!("{margin}{}", paper.colour.paint(cell.role, &clip(l, room))))
        .collect();
    painted.join("\n")
}

/// A clean text in lines of at most `room` columns. It breaks between words, and within a word that
/// is longer than a line.
pub(super) fn wrap(text: &str, room: usize) -> Vec<String> {
    let room = room.max(NARROWEST);
    let mut lines = vec![String::new()];
    let mut used = 0;
    for (nth, word) in text.split(' ').enumerate() {
        let gap = usize::from(nth > 0);
        let wide = width(word);
        if used > 0 && used + gap + wide > room {
            lines.push(String::new());
            used = 0;
        } else if gap > 0 && used > 0 {
            lines
                .iter_mut()
                .next_back()
                .into_iter()
                .for_each(|line| line.push(' '));
            used += 1;
        }
        for c in word.chars() {
            let wide = width(c.encode_utf8(&mut [0; 4]));
            if used + wide > room {
                lines.push(String::new());
                used = 0;
            }
            lines
                .iter_mut()
                .next_back()
                .into_iter()
                .for_each(|line| line.push(c));
            used += wide;
        }
    }
    lines
}

fn last(cell: &Cell, used: usize, paper: &Paper) -> String {
    if cell.overflow == Overflow::Flow {
        return flow(cell, used, paper);
    }
    let clipped = paper
        .width
        .map(|w| clip(&cell.text, w.saturating_sub(used).max(NARROWEST)));
    paper
        .colour
        .paint(cell.role, clipped.as_deref().unwrap_or(&cell.text))
}

/// A text that goes on below itself, in a column that begins after `used` columns.
fn flow(cell: &Cell, used: usize, paper: &Paper) -> String {
    let Some(width) = paper.width else {
        return paper.colour.paint(cell.role, &cell.text);
    };
    let room = width.saturating_sub(used).max(NARROWEST);
    let lines = wrap(&clip(&cell.text, room * MOST_LINES), room);
    let painted: Vec<String> = lines
        .iter()
        .map(|line| paper.colour.paint(cell.role, line))
        .collect();
    painted.join(&format!("\n{:used$}", ""))
}
