//! `gtctl config show`: the manifest as it is in force, as TOML and for programs.

use super::sanitise;
use crate::manifest::{Explained, ResolvedTable};
use std::fmt::Write as _;

/// The column at which origins begin, unless a value is longer.
const ORIGINS: usize = 48;

/// The tables as TOML, with the origin of each value as a comment.
#[must_use]
pub fn toml(tables: &[ResolvedTable]) -> String {
    let mut text = String::new();
    for (index, table) in tables.iter().enumerate() {
        let gap = if index == 0 { "" } else { "\n" };
        // Writing to a String cannot fail.
        let _ = writeln!(text, "{gap}{}", table.header);
        for field in &table.fields {
            text.push_str(&line(field));
        }
    }
    text
}

fn line(field: &Explained) -> String {
    let Explained {
        field: name,
        value,
        origin,
        is_default: _,
    } = field;
    // Values of variables are not shown, so the line would not be TOML.
    let hidden = if is_hidden(name) { "# " } else { "" };
    let entry = format!("{hidden}{name} = {value}");
    let pad = ORIGINS.saturating_sub(sanitise::width(&entry));
    format!("{entry}{:pad$}  # {origin}\n", "")
}

/// Whether the value has only the names of variables.
fn is_hidden(field: &str) -> bool {
    field == "env"
}
