//! One page about all hosts of a town, from what the gtctl of each has answered.
//!
//! An answer is a page of JSON, or text for people. A host that does not answer is shown as such,
//! and its sessions as unknown: nobody knows whether they live.

mod hosts;
mod json;
mod status;
pub mod store;
mod store_page;
mod text;

pub use hosts::{ManifestThere, hosts};
pub use json::{FleetPage, HostLine, TroubleLine, page};
pub use status::status;
pub use store_page::{StoreHost, StoreManifest, StorePage, StoreSession};
pub use text::sections;

use crate::model::{HostAddress, HostName, Hosts, Period, Unreached};
use serde_json::Value;

/// The most pages of one answer: events come one by one.
const MOST_PAGES: usize = 20_000;
/// The longest text of another host, in characters.
const LONG: usize = 4096;

/// What the gtctl of a host has answered.
#[derive(Debug, Clone, PartialEq)]
pub struct HostReply {
    /// Its exit code.
    pub code: u8,
    /// What it has printed, where that is JSON.
    pub pages: Vec<Value>,
    /// What it has printed, where that is text.
    pub text: String,
    /// What it has said beside the result.
    pub notes: Vec<String>,
    /// How long it took, with the connection.
    pub took: Period,
}

/// A host of the town with its answer.
#[derive(Debug, Clone)]
pub struct HostAnswer<'a> {
    /// Its name.
    pub name: &'a HostName,
    /// How it is reached.
    pub host: &'a HostAddress,
    /// Whether it is the host that asks.
    pub is_here: bool,
    /// Its answer.
    pub reply: Result<HostReply, Unreached>,
}

impl HostAnswer<'_> {
    /// The heading of its part of a page: `host b`, or `host a (this one)`.
    fn title(&self) -> String {
        if self.is_here {
            format!("host {} (this one)", self.name)
        } else {
            format!("host {}", self.name)
        }
    }

    /// The first page of its answer.
    fn page(&self) -> Option<&Value> {
        self.reply.as_ref().ok()?.pages.first()
    }

    /// The revision of its manifest, on the page of `gtctl hosts`.
    #[must_use]
    pub fn revision(&self) -> Option<&str> {
        text_of(self.page()?, "revision")
    }

    /// The names of the sessions that are declared for it. Those of this host are in its answer.
    fn declared<'h>(&'h self, hosts: &'h Hosts) -> impl Iterator<Item = &'h str> {
        hosts
            .sessions_of(self.name)
            .map(|(session, _)| session.as_str())
    }
}

/// Reads an answer: all pages of JSON in it.
///
/// # Errors
/// [`Unreached::BadAnswer`] where it is something else.
pub fn pages(out: &str) -> Result<Vec<Value>, Unreached> {
    let all = serde_json::Deserializer::from_str(out).into_iter::<Value>();
    let clean = |page: Value| super::sanitise::json(page, LONG);
    all.take(MOST_PAGES)
        .map(|page| page.map(clean))
        .collect::<Result<_, _>>()
        .map_err(|fault| Unreached::BadAnswer(fault.to_string()))
}

/// A text of a page.
fn text_of<'v>(page: &'v Value, name: &str) -> Option<&'v str> {
    page.get(name)?.as_str()
}
