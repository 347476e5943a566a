//! Serves what a look has shown over HTTP: a page for people, JSON for programs, metrics.
//!
//! ```text
//!  a request ──► admit (Host, Origin, token) ──► the last Snapshot, if it is fresh
//!                                            └─► Demand ──► whoever owns the site looks ──► show
//! ```
//!
//! However many readers there are, one look serves them all. Where nobody reads, nothing is asked
//! of anybody: no look, no process, no timer.
//!
//! **Architecture invariant:** nothing here looks at the town, decides or acts. What is served
//! comes in as text ([`Snapshot`]); what a reader asks for goes out as an [`Ask`].

mod admit;
mod answers;
mod demand;
mod door;
mod policy;
mod server;
mod snapshot;
mod stream;

pub use admit::{Guard, MIN_TOKEN, Secret};
pub use demand::Demand;
pub use door::{Door, DoorFault, bind};
pub use policy::content_policy;
pub use server::{Offer, Served, Site};
pub use snapshot::{Part, Snapshot};

use crate::model::SessionName;
use crate::model::SortedMap;
use tokio::sync::oneshot;

/// What a reader asks of the owner of a site.
#[derive(Debug)]
pub enum Ask {
    /// The text on the screen of a session.
    Pane(SessionName, oneshot::Sender<WebReply>),
    /// Something to be done.
    Act(WebAction, oneshot::Sender<WebReply>),
}

/// Something that a reader asks to be done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WebAction {
    /// The verb, such as `restart`. The owner says which it knows.
    pub verb: String,
    /// The session.
    pub session: SessionName,
    /// What to type, for `nudge`.
    pub text: Option<String>,
    /// Who asks: the address of the reader, for the journal.
    pub from: String,
}

/// What comes of an [`Ask`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum WebReply {
    /// It was done, or this is the text.
    Done(String),
    /// It was refused, or it failed.
    Failed(String),
}

/// The parts of a page that stand in each of its places, in order.
pub type PageParts = SortedMap<String, Vec<Part>>;
