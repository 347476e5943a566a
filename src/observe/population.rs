//! Lists every session of a server with its programs, for the import of a running town.

use super::cache::Cached;
use super::life::{self, Pane};
use super::locate_server::{self, Unreached};
use super::prefetch::Living;
use crate::model::SortedMap;
use crate::model::{Inhabitant, ProcId, Program};
use crate::proc::tree::Member;
use crate::proc::{clock, process, tree};
use crate::tmux::Client;

/// Variables of a process, by name.
type Environment = SortedMap<String, Vec<u8>>;

/// Variables that shells, terminals, logins, gtctl or gt set anew in each session.
const SET_ANEW: [&str; 20] = [
    "_",
    "COLORTERM",
    "COLUMNS",
    "HOME",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "LANG",
    "LINES",
    "LOGNAME",
    "MAIL",
    "OLDPWD",
    "PATH",
    "PWD",
    "SHELL",
    "SHLVL",
    "TERM",
    "TMPDIR",
    "TMUX",
    "TMUX_PANE",
    "USER",
];
/// Prefixes of further such variables.
const SET_ANEW_FROM: [&str; 8] = [
    "GTCTL_",
    "GT_",
    "BD_",
    "BEADS_",
    "TERM_PROGRAM",
    "XDG_SESSION_",
    "LC_",
    "SSH_",
];

/// The names of variables that the process has, but the server does not have with the same value.
fn own_env(of_process: &Environment, of_server: &Environment) -> Vec<String> {
    let is_set_anew = |name: &str| {
        SET_ANEW.contains(&name) || SET_ANEW_FROM.iter().any(|from| name.starts_with(from))
    };
    let own = of_process
        .iter()
        .filter(|(name, value)| of_server.get(*name) != Some(value));
    own.map(|(name, _)| name)
        .filter(|name| !is_set_anew(name))
        .cloned()
        .collect()
}

/// The most processes listed of one pane.
const MOST_PROGRAMS: usize = 64;

/// Lists every session of a server, sorted by name. Empty if there is provably no server.
///
/// Changes no more than [`look`](super::look) does.
///
/// # Errors
/// The reason why it could not be determined.
pub async fn population(client: &Client) -> Result<Vec<Inhabitant>, String> {
    let found =
        match locate_server::reach(client, None, Living::default(), Cached::default(), &[]).await {
            Ok(found) => found,
            Err(Unreached::Down) => return Ok(Vec::new()),
            Err(Unreached::Unknown(why)) => return Err(why),
        };
    let of_server = process::environment(found.server.0.pid);
    let mut sessions: SortedMap<&str, Inhabitant> = SortedMap::new();
    for (row, pane) in found.panes() {
        let town = row.labels.town().map(str::to_owned);
        let session = sessions.entry(&row.name).or_insert_with(|| Inhabitant {
            name: row.name.clone(),
            town,
            panes: Vec::new(),
        });
        session.panes.push(programs(pane, &of_server));
    }
    Ok(sessions.into_values().collect())
}

/// The programs in a pane, its own process first. Empty if that process has ended.
fn programs(pane: &Pane, of_server: &Environment) -> Vec<Program> {
    let members = life::members(pane, |root: ProcId| tree::tree(root));
    members
        .iter()
        .take(MOST_PROGRAMS)
        .map(|member| program(member, of_server))
        .collect()
}

fn program(member: &Member, of_server: &Environment) -> Program {
    let pid = member.id.pid;
    let names = process::names(pid, &member.stat.comm);
    let title = |text: &str| process::titled(text).map(str::to_owned);
    let titles = [title(&names.argv0), title(&names.comm)]
        .into_iter()
        .flatten();
    Program {
        names: titles
            .chain([names.argv0.clone(), names.exe.clone()])
            .filter(|name| !name.is_empty())
            .collect(),
        argv: process::argv(pid, Program::MAX_ARGV).unwrap_or_default(),
        cwd: process::cwd(pid),
        own_env: own_env(&process::environment(pid), of_server),
        age: clock::age(member.id.start),
        comm: names.comm,
    }
}
