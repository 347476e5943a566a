//! Every session of a server with the programs in it, for those who move in.

use super::ahead::Living;
use super::life::{self, Pane};
use super::reach::{self, Unreached};
use crate::model::{Inhabitant, ProcId, Program};
use crate::proc::tree::Member;
use crate::proc::{clock, process, tree};
use crate::tmux::Client;
use std::collections::BTreeMap;

/// The most processes that are told of one pane.
const MOST_PROGRAMS: usize = 64;

/// Looks at every session of a server, by name; nobody where there is provably no server. Changes nothing but what
/// [`look`](super::look) does.
///
/// # Errors
/// Why it could not be told.
pub async fn population(client: &Client) -> Result<Vec<Inhabitant>, String> {
    let found = match reach::reach(client, None, Living::default(), &[]).await {
        Ok(found) => found,
        Err(Unreached::Down) => return Ok(Vec::new()),
        Err(Unreached::Unknown(why)) => return Err(why),
    };
    let mut sessions: BTreeMap<&str, Inhabitant> = BTreeMap::new();
    for (row, pane) in found.panes() {
        let town = row.labels.town().map(str::to_owned);
        let session =
            sessions.entry(&row.name).or_insert_with(|| Inhabitant { name: row.name.clone(), town, panes: Vec::new() });
        session.panes.push(programs(pane));
    }
    Ok(sessions.into_values().collect())
}

/// What runs in a pane, its own process first; nothing where that has ended.
fn programs(pane: &Pane) -> Vec<Program> {
    let members = life::members(pane, |root: ProcId| tree::tree(root));
    members.iter().take(MOST_PROGRAMS).map(program).collect()
}

fn program(member: &Member) -> Program {
    let pid = member.id.pid;
    let known = process::names(pid, &member.stat.comm);
    let title = |text: &str| process::titled(text).map(str::to_owned);
    let titles = [title(&known.argv0), title(&known.comm)].into_iter().flatten();
    Program {
        names: titles.chain([known.argv0.clone(), known.exe.clone()]).filter(|name| !name.is_empty()).collect(),
        argv: process::argv(pid, Program::MAX_ARGV).unwrap_or_default(),
        cwd: process::cwd(pid),
        age: clock::age(member.id.start),
        comm: known.comm,
    }
}
