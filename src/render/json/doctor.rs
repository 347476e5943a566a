//! The page of checks for programs.

use super::{VERSION, clean, time};
use crate::model::{Checked, Health, Moment, Town};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// `gtctl doctor -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct DoctorPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `doctor`.
    pub kind: String,
    /// The town's name; null without a manifest that can be read: then only the machine was looked
    /// at.
    pub town: Option<String>,
    /// When the look was taken, RFC 3339.
    pub observed_at: String,
    /// Whether nothing fails. What is only warned of is no failure.
    pub well: bool,
    /// Everything that was looked at, in a fixed order.
    pub checks: Vec<CheckLine>,
}

/// One check.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct CheckLine {
    /// What, in one stable word; several lines may have the same.
    pub check: String,
    /// `ok`, `warn` or `fail`.
    pub verdict: String,
    /// What was found, for people; may change.
    pub text: String,
    /// A line for the shell that mends it; null where nothing has to be done.
    pub fix: Option<String>,
}

/// What was found of a machine and its town.
#[must_use]
pub fn doctor(town: Option<&Town>, found: &[Checked], now: Moment) -> DoctorPage {
    DoctorPage {
        version: VERSION,
        kind: "doctor".to_owned(),
        town: town.map(|town| town.name.to_string()),
        observed_at: time(now, now),
        well: found
            .iter()
            .all(|checked| checked.verdict < Health::Failing),
        checks: found.iter().map(line).collect(),
    }
}

pub(super) fn line(checked: &Checked) -> CheckLine {
    let Checked {
        check,
        verdict,
        said,
        fix,
    } = checked;
    CheckLine {
        check: (*check).to_owned(),
        verdict: verdict.code().to_owned(),
        text: clean(said),
        fix: fix.as_ref().map(|fix| clean(fix.as_str())),
    }
}
