//! On which server a Gas Town lives, where the manifest leaves that to gt: `socket = "gastown"`.
//!
//! gt's idea of its server has changed from version to version, so sessions may stand where an older one put them. The
//! server that holds the town's sessions is the one, whatever gt would choose today; where none does, gt is asked.

use crate::gastown::{candidates, named, version_in};
use crate::model::Socket;
use crate::tmux::list::{self, Row};
use crate::tmux::{Client, SCRUBBED};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::process::Command;

/// gt looks at every agent before it answers.
const ASKING: Duration = Duration::from_secs(5);

/// A town on more than one server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Doubled {
    /// Each server with the names of the town's sessions on it, unsanitised.
    pub servers: Vec<(Socket, Vec<String>)>,
}

/// Finds the server of the town at `root`. `wanted` is `$GT_TMUX_SOCKET`, and `is_ours` tells a session of the town.
/// Starts no server, and takes at most 5 s beside the calls to tmux.
///
/// # Errors
/// When more than one of the servers that it may be holds sessions of the town.
pub async fn lodging(root: &Path, wanted: Option<&str>, is_ours: impl Fn(&Row) -> bool) -> Result<Socket, Doubled> {
    let likely = candidates(root, wanted, None);
    let mut holding = Vec::new();
    for socket in &likely {
        let names = holds(socket, &is_ours).await;
        if !names.is_empty() {
            holding.push((socket.clone(), names));
        }
    }
    match holding.as_slice() {
        [(socket, _)] => return Ok(socket.clone()),
        [] => {}
        _ => return Err(Doubled { servers: holding }),
    }
    if let Some(socket) = ask(root).await {
        return Ok(socket);
    }
    let version = gt(root, &["--version"]).await.as_deref().and_then(version_in);
    Ok(candidates(root, wanted, version).into_iter().next().unwrap_or(Socket::Default))
}

/// The names of the town's sessions on a server; none where it cannot be asked.
async fn holds(socket: &Socket, is_ours: impl Fn(&Row) -> bool) -> Vec<String> {
    let listing = list::list(&Client::new(socket)).await;
    let rows = listing.map(|listing| listing.rows).unwrap_or_default();
    let mut names: Vec<String> = rows.into_iter().filter(is_ours).map(|row| row.name).collect();
    names.sort();
    names.dedup();
    names
}

/// What gt itself says: `{"tmux": {"socket": "gt-a1b2c3"}}`.
async fn ask(root: &Path) -> Option<Socket> {
    let answer = gt(root, &["status", "--json"]).await?;
    let answer: serde_json::Value = serde_json::from_str(&answer).ok()?;
    let name = answer.pointer("/tmux/socket")?.as_str().filter(|name| !name.is_empty() && !name.contains('/'))?;
    Some(named(name))
}

/// What gt prints; nothing where it fails, is not there, or takes too long.
async fn gt(root: &Path, args: &[&str]) -> Option<String> {
    let mut command = Command::new("gt");
    command.args(args).current_dir(root).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    for name in SCRUBBED {
        command.env_remove(name);
    }
    let output = tokio::time::timeout(ASKING, command.output()).await.ok()?.ok()?;
    output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
}
