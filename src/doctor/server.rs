//! Checks that the town's tmux server answers.

use super::socket::refused;
use super::{Patient, shown};
use crate::model::{Checked, Fix, ProcId, Socket};
use crate::proc::process::{self, Presence};
use crate::proc::sockets::{self, Listening};
use crate::tmux::CallFault;
use crate::tmux::list::{ListFault, Listing, PaneRow, list};

const CHECK: &str = "server";

/// The result of the check, and the server's panes. No panes if the server does not answer.
pub(super) async fn check(patient: &Patient<'_>) -> (Checked, Vec<PaneRow>) {
    match list(patient.client).await {
        Ok(listing) => up(patient, listing),
        Err(fault) => (down(patient, &fault), Vec::new()),
    }
}

/// The start of a tmux command line for the town's server: `tmux -L acme`.
pub(super) fn tmux_command(patient: &Patient<'_>) -> Vec<String> {
    let select = match patient.socket {
        Socket::Default | Socket::Gastown => vec![],
        Socket::Name(name) => vec!["-L".to_owned(), name.clone()],
        Socket::Path(path) => vec!["-S".to_owned(), shown(path)],
    };
    [vec!["tmux".to_owned()], select].concat()
}

fn up(patient: &Patient<'_>, listing: Listing) -> (Checked, Vec<PaneRow>) {
    let Listing {
        server,
        version,
        rows,
    } = listing;
    let mut names: Vec<&str> = rows.iter().map(|row| row.name.as_str()).collect();
    names.dedup();
    let sessions = match names.len() {
        1 => "1 session".to_owned(),
        n => format!("{n} sessions"),
    };
    let at = shown(patient.client.socket_path());
    (
        Checked::well(
            CHECK,
            format!("runs at {at}: tmux {version}, process {server}, {sessions}"),
        ),
        rows,
    )
}

fn down(patient: &Patient<'_>, fault: &ListFault) -> Checked {
    let path = patient.client.socket_path();
    let at = shown(path);
    let listening = sockets::listening_on(path);
    let owner = match &listening {
        Listening::Somebody(inodes) => sockets::tmux_owner(inodes),
        Listening::Nobody | Listening::Unreadable(_) => None,
    };
    match fault {
        ListFault::NoServer(_) => no_server(&at, &listening, owner),
        ListFault::Denied(message) => Checked::failing(
            CHECK,
            format!("gtctl may not use {at}: {message}"),
            Fix::run(["ls", "-la", &at]),
        ),
        ListFault::Broken(message) => Checked::failing(
            CHECK,
            format!(
                "tmux client and server at {at} do not match: {message}. The fix ends the server's sessions"
            ),
            Fix::run(
                tmux_command(patient)
                    .iter()
                    .map(String::as_str)
                    .chain(["kill-server"]),
            ),
        ),
        ListFault::Call(CallFault::Timeout(within)) => {
            frozen(&at, owner, &format!("no answer within {within:?}"))
        }
        ListFault::Call(CallFault::Refused(refusal)) => refused(CHECK, refusal),
        ListFault::Call(_) | ListFault::Garbled(_) | ListFault::TooMany => Checked::failing(
            CHECK,
            format!("the server at {at} cannot be used: {fault}"),
            list_sessions(patient),
        ),
    }
}

/// No server answers at the socket. One may run all the same, if somebody removed its socket.
fn no_server(at: &str, listening: &Listening, owner: Option<ProcId>) -> Checked {
    match (listening, owner) {
        (Listening::Nobody, _) => Checked::well(
            CHECK,
            format!("no tmux server at {at} yet: `gtctl apply` starts it"),
        ),
        (Listening::Somebody(_), Some(owner)) => Checked::ailing(
            CHECK,
            format!(
                "somebody removed {at}, but its server still runs (process {})",
                owner.pid
            ),
            // tmux creates its socket again on this signal.
            Fix::run(["kill", "-USR1", &owner.pid.to_string()]),
        ),
        (Listening::Somebody(_) | Listening::Unreadable(_), _) => Checked::ailing(
            CHECK,
            format!("cannot determine whether a server runs at {at}"),
            Fix::run(["ls", "-l", at]),
        ),
    }
}

/// A server that does not answer: it is suspended or hangs.
fn frozen(at: &str, owner: Option<ProcId>, why: &str) -> Checked {
    let Some(owner) = owner else {
        return Checked::failing(CHECK, format!("{at}: {why}"), Fix::run(["ls", "-la", at]));
    };
    let pid = owner.pid.to_string();
    match process::look_at(owner) {
        Presence::Alive(stat) if matches!(stat.state, 'T' | 't') => Checked::failing(
            CHECK,
            format!("{at}: {why}, because it is suspended (process {pid})"),
            Fix::run(["kill", "-CONT", &pid]),
        ),
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => {
            Checked::failing(
                CHECK,
                format!("{at}: {why} (process {pid})"),
                Fix::run(["ps", "-o", "pid,stat,wchan:20,etime,args", "-p", &pid]),
            )
        }
    }
}

fn list_sessions(patient: &Patient<'_>) -> Fix {
    Fix::run(
        tmux_command(patient)
            .iter()
            .map(String::as_str)
            .chain(["list-sessions"]),
    )
}
