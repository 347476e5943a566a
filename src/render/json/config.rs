//! The manifest as it is in force, for programs.

use super::{VERSION, clean};
use crate::manifest::{Explained, ResolvedTable};
use crate::model::SessionName;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// `gtctl config show -o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ConfigPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `config`.
    pub kind: String,
    /// The town's name.
    pub town: String,
    /// The tables, or that of the one session that was asked for.
    pub tables: Vec<ConfigTable>,
}

/// One table of the manifest.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ConfigTable {
    /// Its header in TOML, such as `[[session]]`.
    pub header: String,
    /// Its fields, in the order of the reference.
    pub fields: Vec<ConfigField>,
}

/// One field that has a value.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ConfigField {
    /// Its name, such as `max_age` or `backoff.first`.
    pub field: String,
    /// Its value in TOML. Of `env` only the names of the variables are shown.
    pub value: String,
    /// Where the value comes from, such as `town.toml:19` or `built-in`.
    pub origin: String,
    /// Whether it is compiled into gtctl, by itself or as part of a profile.
    pub default: bool,
}

/// The page of these tables.
#[must_use]
pub fn config(town: &SessionName, tables: &[ResolvedTable]) -> ConfigPage {
    let field = |explained: &Explained| ConfigField {
        field: clean(&explained.field),
        value: explained.value.clone(),
        origin: clean(&explained.origin),
        default: explained.is_default,
    };
    let table = |table: &ResolvedTable| ConfigTable {
        header: clean(&table.header),
        fields: table.fields.iter().map(field).collect(),
    };
    ConfigPage {
        version: VERSION,
        kind: "config".to_owned(),
        town: town.to_string(),
        tables: tables.iter().map(table).collect(),
    }
}
