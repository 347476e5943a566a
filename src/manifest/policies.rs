//! Turns the tables `[[policy]]` into [`Policy`] values.

use super::agents::AgentEntry;
use super::desired::task_markers;
use super::fault::shown;
use super::reading::{Reading, path};
use super::template::Words;
use super::wire::{self, values::Limit, values::Wait, words::WhenAttached};
use crate::model::{Completion, Period, Policy};
use crate::model::{SortedMap, SortedSet};

/// The policies without a fault, in the order of the manifest.
///
/// A policy does not know which agent runs in a session, so it knows the busy phrases of all.
pub(crate) fn resolve(
    reading: &mut Reading<'_>,
    town: &str,
    agents: &SortedMap<String, AgentEntry>,
) -> Vec<Policy> {
    let manifest = reading.manifest;
    let busy_phrases: SortedSet<&String> = agents
        .values()
        .flat_map(|entry| &entry.agent.busy)
        .collect();
    let busy: Vec<String> = busy_phrases.into_iter().cloned().collect();
    let tables = manifest.policy.iter().flatten().enumerate();
    tables
        .filter_map(|(index, table)| policy(reading, index, table, town, &busy))
        .collect()
}

fn policy(
    reading: &mut Reading<'_>,
    index: usize,
    table: &wire::PolicyTable,
    town: &str,
    busy: &[String],
) -> Option<Policy> {
    let pattern = pattern(reading, index, table);
    let completion = match &table.completion {
        Some(table) => Some(completion(reading, index, table, town, pattern)?),
        None => None,
    };
    Some(Policy {
        pattern: pattern?.to_owned(),
        max_age: table.max_age.and_then(Limit::period),
        idle_limit: table.idle_limit.and_then(Limit::period),
        busy: busy.to_vec(),
        completion,
        max_memory: table.max_memory.and_then(|memory| memory.0),
        when_attached: table
            .when_attached
            .map(WhenAttached::meaning)
            .unwrap_or_default(),
        stop_grace: table
            .stop_grace
            .map_or(Period::from_secs(30), |wait| wait.0),
    })
}

fn pattern<'t>(
    reading: &mut Reading<'_>,
    index: usize,
    table: &'t wire::PolicyTable,
) -> Option<&'t str> {
    let Some(pattern) = table.r#match.as_deref() else {
        let fault = reading.lacks(
            &path(["policy", &index.to_string()]),
            "match",
            "a policy needs a `match`",
        );
        reading
            .faults
            .extend(fault.map(|f| f.help("add match = \"task-agent-*\"")));
        return None;
    };
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '-' | '*' | '?');
    if pattern.is_empty() || !pattern.chars().all(is_allowed) {
        let at = path(["policy", &index.to_string(), "match"]);
        let fault = reading.at(
            &at,
            "bad-pattern",
            format!("no session can match `{}`", shown(pattern)),
        );
        reading
            .faults
            .push(fault.help("use letters, digits, `_` and `-`; `*` and `?` match anything"));
        return None;
    }
    Some(pattern)
}

fn completion(
    reading: &mut Reading<'_>,
    index: usize,
    table: &wire::CoveredCompletionTable,
    town: &str,
    pattern: Option<&str>,
) -> Option<Completion> {
    let log = match &table.log {
        Some(template) => Some(log(reading, index, template, town, pattern)?),
        None => None,
    };
    let markers = table
        .markers
        .as_ref()
        .map(|markers| markers.iter().map(|marker| marker.0.clone()).collect());
    let grace = table
        .grace
        .map_or(Period::from_mins(5), |Wait(period)| period);
    Some(Completion {
        markers: markers.unwrap_or_else(task_markers),
        grace,
        log,
        // Its client is not known, so it reports nothing.
        turn_ended: None,
    })
}

/// The absolute path of a policy's log, with `{session}` still in it.
fn log(
    reading: &mut Reading<'_>,
    index: usize,
    template: &str,
    town: &str,
    pattern: Option<&str>,
) -> Option<String> {
    let at = || path(["policy", &index.to_string(), "completion", "log"]);
    let words = Words {
        town,
        role: "custom",
        // The session's name is known only when a session matches.
        session: Some("{session}"),
        ..Words::default()
    };
    let filled = reading.fill(&words, template, at)?;
    let log = reading.absolute(&filled, at)?;
    let log = log.to_string_lossy().into_owned();
    let matches_many = pattern.is_some_and(|pattern| pattern.contains(['*', '?']));
    if matches_many && !log.contains("{session}") {
        let fault = reading.at(
            &at(),
            "shared-log",
            "all sessions of this policy share one log, so one marker in it would end them all",
        );
        reading
            .faults
            .push(fault.help("put {session} into the path, as in \"logs/{session}.log\""));
        return None;
    }
    Some(log)
}
