//! What `import` found, for people.

use super::columns::{Line, cell, lay_out};
use super::sanitise;
use super::style::{Paper, Role};
use super::words::{brief, count, shell};
use crate::import::{Conversion, Draft, Mapped, Unmapped};

/// The longest line from outside, in characters.
const LONG: usize = 200;

/// What files of other tools become: the programs, then what has no place in a manifest.
#[must_use]
pub fn page_of_files(conversion: &Conversion, paper: &Paper) -> String {
    let programs = conversion.programs.iter().map(|program| {
        Line::Row(vec![
            cell("+").role(Role::Good),
            cell(sanitise::line(&program.session, LONG)).role(Role::Strong),
            cell(sanitise::line(&shell(&program.command), LONG)).role(Role::Quiet),
        ])
    });
    let left = conversion.left.iter().map(|left| {
        Line::Row(vec![
            cell("·").role(Role::Quiet),
            cell(sanitise::line(&left.what, LONG)),
            cell(sanitise::line(&left.why, LONG)).role(Role::Quiet),
        ])
    });
    let mut text = lay_out(&programs.collect::<Vec<_>>(), "  ", paper);
    if !conversion.left.is_empty() {
        text.push_str("\nnot declared:\n");
        text.push_str(&lay_out(&left.collect::<Vec<_>>(), "  ", paper));
    }
    format!(
        "{text}\n{} declared\n",
        count(conversion.programs.len(), "session")
    )
}

/// A line for each session, declared ones first.
#[must_use]
pub fn page(draft: &Draft, paper: &Paper) -> String {
    let mapped = draft.mapped.iter().map(of_mapped);
    let unmapped = draft.unmapped.iter().map(of_unmapped);
    let lost = draft
        .mapped
        .iter()
        .filter(|mapped| !mapped.lost.is_empty())
        .map(of_lost);
    let lines: Vec<Line> = mapped.chain(unmapped).chain(lost).collect();
    let mut text = lay_out(&lines, "  ", paper);
    text.push_str(if lines.is_empty() { "" } else { "\n" });
    let mut parts = vec![format!("{} declared", count(draft.mapped.len(), "session"))];
    let left = draft.unmapped.len();
    parts.extend((left > 0).then(|| format!("{left} left alone")));
    let handed = draft
        .mapped
        .iter()
        .filter(|mapped| mapped.handoff.is_some())
        .count();
    parts.extend((handed > 0).then(|| format!("the last handoffs of {handed} count")));
    text + &parts.join(", ") + "\n"
}

fn of_mapped(mapped: &Mapped) -> Line {
    let Mapped {
        session,
        role,
        agent,
        age,
        handoff,
        lost: _,
    } = mapped;
    let handoff = handoff.map_or_else(String::new, |ago| {
        format!(", handed off {} ago", brief(ago))
    });
    Line::Row(vec![
        cell("=").role(Role::Good),
        cell(sanitise::line(session, LONG)).role(Role::Strong),
        cell(role.as_str()),
        cell(sanitise::line(agent, LONG)),
        cell(format!("{} old{handoff}", brief(*age))).role(Role::Quiet),
    ])
}

/// Variables of a living agent's environment that no setting declares. Only names: a value may be a
/// secret.
fn of_lost(mapped: &Mapped) -> Line {
    let names = sanitise::line(&mapped.lost.join(", "), LONG);
    Line::Row(vec![
        cell("!").role(Role::Change),
        cell(sanitise::line(&mapped.session, LONG)),
        cell("-").role(Role::Quiet),
        cell("-").role(Role::Quiet),
        cell(format!(
            "could not map from its environment: {names}; declare it in `env` or `env_file`"
        )),
    ])
}

fn of_unmapped(unmapped: &Unmapped) -> Line {
    let Unmapped { session, why } = unmapped;
    Line::Row(vec![
        cell("·").role(Role::Quiet),
        cell(sanitise::line(session, LONG)),
        cell("-").role(Role::Quiet),
        cell("-").role(Role::Quiet),
        cell(sanitise::line(why, LONG)).role(Role::Quiet),
    ])
}
