//! What a host says of itself to the other hosts of its town.

use super::doctor::{CheckLine, line as check_line};
use super::{VERSION, clean};
use crate::model::{Checked, HostName};
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;

/// `gtctl hosts` with `-o json`: the page of each host.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HostPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `host`.
    pub kind: String,
    /// The host's name.
    pub host: String,
    /// The version of its gtctl.
    pub gtctl: String,
    /// The protocol that its gtctl speaks.
    pub protocol: u32,
    /// The digest of its manifest: SHA-256 as hexadecimal digits; null where there is none.
    pub revision: Option<String>,
    /// How many of its sessions live; null where tmux does not say.
    pub running: Option<usize>,
    /// How many sessions are declared for it.
    pub declared: usize,
    /// Its agents: whether each is installed and signed in.
    pub agents: Vec<CheckLine>,
}

/// Facts about a host.
#[derive(Debug, Clone)]
pub struct HostFacts<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// The protocol of its gtctl.
    pub protocol: u32,
    /// The digest of its manifest.
    pub revision: Option<String>,
    /// How many of its sessions live.
    pub running: Option<usize>,
    /// How many sessions are declared for it.
    pub declared: usize,
    /// What the doctor says of its agents.
    pub agents: &'a [Checked],
}

/// The page of a host.
#[must_use]
pub fn host(facts: &HostFacts<'_>) -> HostPage {
    HostPage {
        version: VERSION,
        kind: "host".to_owned(),
        host: facts.name.to_string(),
        gtctl: env!("CARGO_PKG_VERSION").to_owned(),
        protocol: facts.protocol,
        revision: facts.revision.as_deref().map(clean),
        running: facts.running,
        declared: facts.declared,
        agents: facts.agents.iter().map(check_line).collect(),
    }
}

/// What became of a manifest that another host has sent.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct ReceivedPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `received`.
    pub kind: String,
    /// `written`, `same`, or `conflict`: it was edited there, and nothing was written.
    pub result: String,
    /// The digest of the manifest that is there now.
    pub revision: String,
}

/// The page about a manifest that was sent.
#[must_use]
pub fn received(result: &str, revision: &str) -> ReceivedPage {
    ReceivedPage {
        version: VERSION,
        kind: "received".to_owned(),
        result: result.to_owned(),
        revision: revision.to_owned(),
    }
}
