//! Finds the tmux server of a Gas Town where the manifest leaves it to gt: `socket = "gastown"`.
//!
//! Versions of gt choose different servers, so an older gt may have started the sessions elsewhere.
//! The server that has the town's sessions is taken, whichever gt would choose today. If none has
//! any, gt is asked.

use crate::gastown::{candidates, named, version_in};
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::model::{ServerId, Socket};
use crate::proc::child::{self, Bound, Leftovers, Spec, Stream, words};
use crate::proc::process;
use crate::tmux::Client;
use crate::tmux::list::{self, PaneRow};
use std::path::Path;
use std::time::Duration;

/// The longest wait for gt, which looks at every agent before it answers.
const ASKING: Duration = Duration::from_secs(5);
/// The most bytes read of gt's answer.
const LONGEST: usize = 4 << 20;

/// Why no server can be taken as the town's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LodgingFault {
    /// Several servers have sessions of the town. Names them, unsanitised.
    Doubled(Vec<(Socket, Vec<String>)>),
    /// The server last seen still runs, but gt would not use it.
    Elsewhere(ServerId),
}

/// Finds the server of the town at `root`. Starts none.
///
/// `wanted` is `$GT_TMUX_SOCKET`, `known` the server last seen; `is_ours` recognises a session of
/// the town. Takes at most 10 s plus the calls to tmux.
///
/// # Errors
/// [`LodgingFault`]: on any choice, the town's sessions might be started a second time.
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

/// What a search has learnt about the candidates.
struct Search {
    /// The server last seen, until the search meets it.
    known: Option<ServerId>,
    holding: Vec<(Socket, Vec<String>)>,
}

impl Search {
    async fn look(&mut self, socket: &Socket, is_ours: impl Fn(&PaneRow) -> bool) {
        // A server that does not answer has no sessions that we know of.
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

/// The server that gt would choose for a town that has no session yet.
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

/// Asks gt. Its answer contains `{"tmux": {"socket": "gt-a1b2c3"}}`.
async fn ask(root: &Path) -> Option<Socket> {
    let answer = gt(root, &["status", "--json"]).await?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    let name = answer
        .pointer("/tmux/socket")?
        .as_str()
        .filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(named(name))
}

/// The output of gt. `None` if gt is missing, fails or takes too long.
///
/// Processes that gt starts, such as its daemon, stay.
async fn gt(root: &Path, args: &[&str]) -> Option<String> {
    let ran = child::run(&Spec {
        argv: words(&[&["gt"], args].concat()),
        dir: root,
        inherit: Inherit::Most,
        variables: SortedMap::new(),
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
