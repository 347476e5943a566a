//! On which server a Gas Town lives, where the manifest leaves that to gt: `socket = "gastown"`.
//!
//! gt's idea of its server has changed from version to version, so sessions may stand where an
//! older one put them. The server that holds the town's sessions is the one, whatever gt would
//! choose today; where none does, gt is asked.

use crate::gastown::{candidates, named, version_in};
use crate::model::environment::Inherit;
use crate::model::{ServerId, Socket};
use crate::proc::child::{self, Bound, Leftovers, Spec, Stream, words};
use crate::proc::process;
use crate::tmux::Client;
use crate::tmux::list::{self, PaneRow};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

/// gt looks at every agent before it answers.
const ASKING: Duration = Duration::from_secs(5);
/// The longest answer of gt that is taken, in bytes.
const LONGEST: usize = 4 << 20;

/// Why no server is taken as the town's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LodgingFault {
    /// More than one holds sessions of the town: each with their names, unsanitised.
    Doubled(Vec<(Socket, Vec<String>)>),
    /// The server last seen still runs, and is none of those that gt could mean.
    Elsewhere(ServerId),
}

/// Finds the server of the town at `root`. `wanted` is `$GT_TMUX_SOCKET`, `known` the server last
/// seen, and `is_ours` tells a session of the town. Starts no server, and takes at most 10 s beside
/// the calls to tmux.
///
/// # Errors
/// [`LodgingFault`]: whichever server were taken, a second population might be begun on it.
pub async fn lodging(
    root: &Path,
    wanted: Option<&str>,
    known: Option<ServerId>,
    is_ours: impl Fn(&PaneRow) -> bool,
) -> Result<Socket, LodgingFault> {
    let mut search = Search {
        known: known.filter(|known| process::may_live(known.0)),
        holding: Vec::new(),
    };
    for socket in candidates(root, wanted, None) {
        search.look(&socket, &is_ours).await;
    }
    let chosen = match search.holding.as_slice() {
        [] => {
            let chosen = choose(root, wanted).await;
            search.look(&chosen, &is_ours).await;
            chosen
        }
        [(socket, _)] => socket.clone(),
        _ => return Err(LodgingFault::Doubled(search.holding)),
    };
    search
        .known
        .map_or(Ok(chosen), |known| Err(LodgingFault::Elsewhere(known)))
}

/// What was seen of the servers that it may be.
struct Search {
    /// The server last seen, until it is met.
    known: Option<ServerId>,
    holding: Vec<(Socket, Vec<String>)>,
}

impl Search {
    async fn look(&mut self, socket: &Socket, is_ours: impl Fn(&PaneRow) -> bool) {
        // What cannot be asked holds nothing that is known of.
        let Ok(listing) = list::list(&Client::new(socket)).await else {
            return;
        };
        self.known = self.known.filter(|known| known.0.pid != listing.server);
        let mut names: Vec<String> = listing
            .rows
            .into_iter()
            .filter(is_ours)
            .map(|row| row.name)
            .collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            self.holding.push((socket.clone(), names));
        }
    }
}

/// The server on which gt would have a town that is nowhere yet.
async fn choose(root: &Path, wanted: Option<&str>) -> Socket {
    if let Some(socket) = ask(root).await {
        return socket;
    }
    let version = gt(root, &["--version"])
        .await
        .as_deref()
        .and_then(version_in);
    candidates(root, wanted, version)
        .into_iter()
        .next()
        .unwrap_or(Socket::Default)
}

/// What gt itself says: `{"tmux": {"socket": "gt-a1b2c3"}}`.
async fn ask(root: &Path) -> Option<Socket> {
    let answer = gt(root, &["status", "--json"]).await?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    let name = answer
        .pointer("/tmux/socket")?
        .as_str()
        .filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(named(name))
}

/// What gt prints; nothing where it fails, is not there, or takes too long. What it starts beside
/// itself, such as a daemon of its own, stays.
async fn gt(root: &Path, args: &[&str]) -> Option<String> {
    let ran = child::run(&Spec {
        argv: words(&[&["gt"], args].concat()),
        dir: root,
        inherit: Inherit::Most,
        variables: BTreeMap::new(),
        input: "",
        out: Stream::Kept(Bound::head(LONGEST)),
        err: Stream::Null,
        limit: ASKING,
        leftovers: Leftovers::Stay,
    })
    .await;
    let answer = ran.is_well().then(|| ran.out.whole());
    answer.flatten()
}
