//! Whether anybody else rules the town, or somebody may take gtctl for one of theirs.

use super::server::tmux_command;
use super::{Patient, shown};
use crate::model::{Checked, Fix, Keeper, Period, ProcId, SessionName, Socket};
use crate::proc::{clock, process, tree};
use crate::tmux::Client;
use crate::tmux::list::PaneRow;

const CHECK: &str = "masters";
/// The session of the script that gtctl replaces.
const AUTOMONITOR: &str = "gt-automonitor";
/// What Gas Town takes for its own.
const OWN: [&str; 2] = ["gt-", "hq-"];

/// The controllers of the town.
pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let resync = patient
        .town
        .map_or(Period::from_secs(15), |town| town.resync);
    let now = clock::now();
    let mut found = Vec::new();
    if let Some(process) = process_of(patient.keeper) {
        let pid = process.pid.to_string();
        found.push(if patient.keeper.is_overdue(resync, now) {
            let stopped = matches!(process::look_at(process), process::Presence::Alive(stat) if stat.state == 'T');
            let how = if stopped { "-CONT" } else { "-TERM" };
            let said = format!("the controller (process {pid}) does not work: it is suspended or hangs");
            Checked::failing("controller", said, Fix::run(["kill", how, &pid]))
        } else {
            Checked::well("controller", format!("process {pid} runs"))
        });
    }
    for (state, other) in patient.others {
        let Some(process) = process_of(other) else {
            continue;
        };
        let said = format!(
            "another controller (process {}) controls this town, with state in {}",
            process.pid,
            shown(state)
        );
        found.push(Checked::failing(
            CHECK,
            said,
            Fix::run(["kill", &process.pid.to_string()]),
        ));
    }
    found
}

fn process_of(keeper: &Keeper) -> Option<ProcId> {
    match keeper {
        Keeper::Nobody => None,
        Keeper::Silent { process, .. } => Some(*process),
        Keeper::Beating(beat) => Some(beat.controller),
    }
}

/// What the sessions on the server tell.
pub(super) fn among(patient: &Patient<'_>, rows: &[PaneRow]) -> Vec<Checked> {
    let mut found = Vec::new();
    let is_declared = |name: &str| {
        SessionName::new(name).is_ok_and(|name| {
            patient
                .town
                .is_some_and(|town| town.sessions.contains_key(&name))
        })
    };
    if rows.iter().any(|row| row.name == AUTOMONITOR && !row.dead) && !is_declared(AUTOMONITOR) {
        let said = format!("{AUTOMONITOR} runs too: it restarts sessions by its own rules");
        found.push(Checked::ailing(
            CHECK,
            said,
            kill_session(patient, AUTOMONITOR),
        ));
    }
    if let Some(controller) = process_of(patient.keeper) {
        let is_own = |row: &&PaneRow| OWN.iter().any(|own| row.name.starts_with(own)) && !row.dead;
        let holds = |row: &&PaneRow| {
            process::identify(row.pid).is_some_and(|pane| {
                tree::tree(pane)
                    .iter()
                    .any(|member| member.id == controller)
            })
        };
        if let Some(row) = rows.iter().filter(is_own).find(holds) {
            found.push(taken_for_gts(
                &row.name,
                &tmux_command(patient),
                "the controller runs",
            ));
        }
    }
    found
}

fn kill_session(patient: &Patient<'_>, name: &str) -> Fix {
    let target = format!("={name}");
    Fix::run(tmux_command(patient).iter().map(String::as_str).chain([
        "kill-session",
        "-t",
        &target,
    ]))
}

fn taken_for_gts(name: &str, tmux: &[String], who: &str) -> Checked {
    let said = format!("{who} in session {name}: gt may take it for a dead agent and kill it");
    let bare = OWN
        .iter()
        .find_map(|own| name.strip_prefix(own))
        .filter(|bare| !bare.is_empty())
        .unwrap_or("shell");
    let (target, fresh) = (format!("={name}"), format!("town-{bare}"));
    let rename = tmux
        .iter()
        .map(String::as_str)
        .chain(["rename-session", "-t", &target, &fresh]);
    Checked::ailing("session", said, Fix::run(rename))
}

/// The session that this very process runs in.
pub(super) async fn around_us(patient: &Patient<'_>) -> Option<Checked> {
    let (place, pane) = (
        std::env::var("TMUX").ok()?,
        std::env::var("TMUX_PANE").ok()?,
    );
    let socket = place
        .rsplitn(3, ',')
        .nth(2)
        .filter(|socket| socket.starts_with('/'))?;
    let client = Client::new(&Socket::Path(socket.into()));
    let answer = client
        .call(
            &["display-message", "-p", "-t", &pane, "#{session_name}"],
            "",
        )
        .await
        .ok()?;
    let name = answer.out.trim_end();
    let is_theirs = OWN.iter().any(|own| name.starts_with(own));
    let is_ours = patient.town.is_some_and(|town| {
        town.sessions
            .keys()
            .any(|declared| declared.as_str() == name)
    });
    let tmux = ["tmux", "-S", socket].map(str::to_owned);
    (is_theirs && !is_ours).then(|| taken_for_gts(name, &tmux, "you run gtctl"))
}
