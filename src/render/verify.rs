//! The guide's check that no session is dead: one line per declared session, and a verdict.

use super::columns::{Line, cell, lay_out};
use super::style::{Paper, Role};
use super::view::Scene;
use super::words::{count, obstacle};
use crate::model::{Death, Hold, Life, Observed, Phase, SessionName};

/// The state of one declared session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// Its agent lives.
    Alive,
    /// A task that has completed, or a session that the user stopped. That is as it should be.
    Rests(Phase),
    /// Its agent has ended.
    Dead(Death),
    /// It does not exist.
    Missing,
    /// gtctl could not determine its state.
    Unknown,
}

impl Finding {
    /// Whether it is as it should be.
    #[must_use]
    pub fn is_well(self) -> bool {
        match self {
            Self::Alive | Self::Rests(_) => true,
            Self::Dead(_) | Self::Missing | Self::Unknown => false,
        }
    }
}

/// The state of every declared session, by name.
#[must_use]
pub fn findings<'a>(scene: &Scene<'a>) -> Vec<(&'a SessionName, Finding)> {
    let rows = scene.rows();
    let rests = |name: &SessionName| {
        let row = rows
            .binary_search_by(|r| r.session.cmp(name))
            .ok()
            .and_then(|n| rows.get(n));
        row.map(|r| r.phase)
            .filter(|p| matches!(p, Phase::Completed(_) | Phase::Stopped))
    };
    let seen = scene.seen();
    let life = |name: &SessionName| seen.get(name.as_str()).map(|s| &s.life);
    scene
        .town
        .sessions
        .keys()
        .map(|name| (name, finding(scene, life(name), rests(name))))
        .collect()
}

fn finding(scene: &Scene<'_>, life: Option<&Life>, rests: Option<Phase>) -> Finding {
    if let Observed::Unknown(_) = scene.observed {
        return Finding::Unknown;
    }
    match (life, rests) {
        (_, Some(phase)) => Finding::Rests(phase),
        (Some(Life::Alive { matches: true, .. }), None) => Finding::Alive,
        (Some(Life::Alive { matches: false, .. }), None) => Finding::Dead(Death::NoAgent),
        (Some(Life::Dead { death, .. }), None) => Finding::Dead(*death),
        (Some(Life::Unknown(_)), None) => Finding::Unknown,
        (None, None) => Finding::Missing,
    }
}

/// A line per session and the verdict.
#[must_use]
pub fn page(scene: &Scene<'_>, findings: &[(&SessionName, Finding)], paper: &Paper) -> String {
    let lacking = |name: &SessionName| {
        let held = scene.plan.held.iter().find(|held| held.session == *name)?;
        matches!(held.hold, Hold::CannotStart { .. }).then(|| obstacle(&held.hold))
    };
    let line = |(name, finding): &(&SessionName, Finding)| {
        let (dead, text, role) = words(*finding);
        let why = lacking(name).filter(|_| !finding.is_well());
        let text = [text, why.unwrap_or_default()]
            .into_iter()
            .filter(|part| !part.is_empty());
        let text = text.collect::<Vec<_>>().join(", ");
        Line::Row(vec![cell(name.as_str()), cell(dead).role(role), cell(text)])
    };
    let lines: Vec<Line> = findings.iter().map(line).collect();
    format!("{}{}\n", lay_out(&lines, "", paper), verdict(findings))
}

fn words(finding: Finding) -> (&'static str, String, Role) {
    match finding {
        Finding::Alive => ("dead=0", "alive".to_owned(), Role::Good),
        Finding::Rests(phase) => ("dead=0", phase.word().to_owned(), Role::Quiet),
        Finding::Dead(death) => ("dead=1", death.to_string(), Role::Bad),
        Finding::Missing => ("missing", String::new(), Role::Bad),
        Finding::Unknown => ("unknown", String::new(), Role::Change),
    }
}

fn verdict(findings: &[(&SessionName, Finding)]) -> String {
    let tally = |wanted: fn(&Finding) -> bool| findings.iter().filter(|(_, f)| wanted(f)).count();
    let parts = [
        (tally(|f| matches!(f, Finding::Dead(_))), "dead"),
        (tally(|f| matches!(f, Finding::Missing)), "missing"),
        (tally(|f| matches!(f, Finding::Unknown)), "unknown"),
    ];
    let trouble: Vec<String> = parts
        .iter()
        .filter(|(n, _)| *n > 0)
        .map(|(n, w)| format!("{n} {w}"))
        .collect();
    let all = count(findings.len(), "session");
    if trouble.is_empty() {
        format!("{all}, none dead")
    } else {
        format!("{all}: {}", trouble.join(", "))
    }
}
