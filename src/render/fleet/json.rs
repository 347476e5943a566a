//! The answers of all hosts for programs.

use super::{HostAnswer, HostReply};
use crate::model::{Hosts, Town};
use crate::render::json::VERSION;
#[cfg(test)]
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Value, json};

/// A verb about a town on several hosts, with `-o json`.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct FleetPage {
    /// The version of the shape: 1.
    pub version: u32,
    /// `fleet`.
    pub kind: String,
    /// The verb, such as `status`.
    pub verb: String,
    /// The town's name.
    pub town: String,
    /// The host that this machine is; null if it is none of them.
    pub here: Option<String>,
    /// The hosts that were asked, by name.
    pub hosts: Vec<HostLine>,
    /// `status`: the sessions of all hosts, each as on the page of its host, with `host`. Those of
    /// a host that does not answer are `unknown`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(test, schemars(default))]
    pub sessions: Vec<Value>,
}

/// One host.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct HostLine {
    /// Its name.
    pub host: String,
    /// Whether it is the host that asks.
    pub here: bool,
    /// Whether its gtctl has answered.
    pub reached: bool,
    /// Why it has not; null if it has.
    pub trouble: Option<TroubleLine>,
    /// The exit code of its gtctl; null if it has not answered.
    pub exit: Option<u8>,
    /// How long the answer took.
    pub took_ms: Option<u64>,
    /// What its gtctl has said beside the result.
    pub notes: Vec<String>,
    /// What its gtctl has printed: the pages of the verb, each with its own schema. The sessions of
    /// `status` stand in `sessions` of the whole page.
    pub pages: Vec<Value>,
}

/// Why a host has not answered.
#[derive(Debug, Clone, Serialize)]
#[cfg_attr(test, derive(JsonSchema))]
pub struct TroubleLine {
    /// A stable word: `unreachable`, `slow`, `asks-password`, `unknown-key`, `no-gtctl`,
    /// `other-version`, `no-town`, `no-address`, `no-ssh`, `failed` or `bad-answer`.
    pub code: String,
    /// What is wrong, for people.
    pub message: String,
    /// What to type next, for people.
    pub help: String,
}

/// The answers of these hosts.
#[must_use]
pub fn page(verb: &str, town: &Town, answers: &[HostAnswer<'_>]) -> FleetPage {
    let is_status = verb == "status";
    let sessions = answers.iter().filter(|_| is_status);
    FleetPage {
        version: VERSION,
        kind: "fleet".to_owned(),
        verb: verb.to_owned(),
        town: town.name.to_string(),
        here: town.hosts.here.as_ref().map(ToString::to_string),
        hosts: answers
            .iter()
            .map(|answer| line(answer, is_status))
            .collect(),
        sessions: sessions
            .flat_map(|answer| sessions_of(answer, &town.hosts))
            .collect(),
    }
}

fn line(answer: &HostAnswer<'_>, is_status: bool) -> HostLine {
    let reply = answer.reply.as_ref();
    let trouble = reply.err().map(|why| TroubleLine {
        code: why.code().to_owned(),
        message: why.to_string(),
        help: why.help(answer.name, answer.host),
    });
    let reply = reply.ok();
    let without_sessions = |page: &Value| {
        let mut page = page.clone();
        if let Some(fields) = page.as_object_mut().filter(|_| is_status) {
            fields.remove("sessions");
        }
        page
    };
    let pages = |reply: &HostReply| reply.pages.iter().map(without_sessions).collect();
    HostLine {
        host: answer.name.to_string(),
        here: answer.is_here,
        reached: reply.is_some(),
        trouble,
        exit: reply.map(|reply| reply.code),
        took_ms: reply.map(|reply| reply.took.millis()),
        notes: reply.map(|reply| reply.notes.clone()).unwrap_or_default(),
        pages: reply.map(pages).unwrap_or_default(),
    }
}

/// The sessions of a host, each with its host.
pub(super) fn sessions_of(answer: &HostAnswer<'_>, hosts: &Hosts) -> Vec<Value> {
    let of_page = answer
        .page()
        .and_then(|page| page.get("sessions")?.as_array());
    let unknown = || {
        answer
            .declared(hosts)
            .map(|session| json!({ "session": session, "phase": "unknown" }))
            .collect()
    };
    let mut sessions: Vec<Value> = of_page.cloned().unwrap_or_else(unknown);
    for session in &mut sessions {
        if let Some(fields) = session.as_object_mut() {
            fields.insert("host".to_owned(), json!(answer.name.as_str()));
        }
    }
    sessions
}
