//! Checks who else starts and stops the town's sessions, and whether gt may kill gtctl itself.

use super::server::tmux_command;
use super::{Patient, shown};
use crate::model::{Checked, Fix, Keeper, Period, ProcId, SessionName, Socket};
use crate::proc::{clock, process, tree};
use crate::tmux::Client;
use crate::tmux::list::PaneRow;

const CHECK: &str = "masters";
/// The session of the automonitor, the script that gtctl replaces.
const AUTOMONITOR: &str = "gt-automonitor";
/// gt takes a session for its own if its name begins with one of these.
const GTS_PREFIXES: [&str; 2] = ["gt-", "hq-"];

/// Checks the controllers of the town.
pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    let resync = patient
        .town
        .map_or(Period::from_secs(15), |town| town.resync);
    let now = clock::now();
    let mut checked = Vec::new();
    if let Some(process) = process_of(patient.keeper) {
        checked.push(if patient.keeper.is_overdue(resync, now) {
            silent(process)
        } else {
            Checked::well("controller", format!("process {} runs", process.pid))
        });
    }
    for (state, other) in patient.others {
        let Some(process) = process_of(other) else {
            continue;
        };
        let message = format!(
            "another controller (process {}) controls this town, with state in {}",
            process.pid,
            shown(state)
        );
        let fix = Fix::run(["kill", &process.pid.to_string()]);
        checked.push(Checked::failing(CHECK, message, fix));
    }
    checked
}

/// A controller that gives no sign of life. A suspended one is resumed, any other ended.
fn silent(process: ProcId) -> Checked {
    let pid = process.pid.to_string();
    let is_suspended = matches!(
        process::look_at(process),
        process::Presence::Alive(stat) if stat.state == 'T'
    );
    let signal = if is_suspended { "-CONT" } else { "-TERM" };
    let message = format!("the controller (process {pid}) does not work: it is suspended or hangs");
    Checked::failing("controller", message, Fix::run(["kill", signal, &pid]))
}

fn process_of(keeper: &Keeper) -> Option<ProcId> {
    match keeper {
        Keeper::Nobody => None,
        Keeper::Silent { process, .. } => Some(*process),
        Keeper::Beating(beat) => Some(beat.controller),
    }
}

/// Checks the sessions on the server: for the automonitor, and for one with the controller in it.
pub(super) fn among(patient: &Patient<'_>, rows: &[PaneRow]) -> Vec<Checked> {
    let mut checked = Vec::new();
    let is_declared = |name: &str| {
        SessionName::new(name).is_ok_and(|name| {
            patient
                .town
                .is_some_and(|town| town.sessions.contains_key(&name))
        })
    };
    if rows.iter().any(|row| row.name == AUTOMONITOR && !row.dead) && !is_declared(AUTOMONITOR) {
        let message = format!("{AUTOMONITOR} runs too: it restarts sessions by its own rules");
        let fix = kill_session(patient, AUTOMONITOR);
        checked.push(Checked::ailing(CHECK, message, fix));
    }
    if let Some(controller) = process_of(patient.keeper) {
        let looks_like_gts = |row: &&PaneRow| looks_like_gts(&row.name) && !row.dead;
        let holds_controller = |row: &&PaneRow| {
            process::identify(row.pid).is_some_and(|pane| {
                tree::tree(pane)
                    .iter()
                    .any(|member| member.id == controller)
            })
        };
        let mut suspects = rows.iter().filter(looks_like_gts);
        if let Some(row) = suspects.find(holds_controller) {
            let tmux = tmux_command(patient);
            checked.push(taken_for_gts(&row.name, &tmux, "the controller runs"));
        }
    }
    checked
}

fn looks_like_gts(name: &str) -> bool {
    GTS_PREFIXES.iter().any(|prefix| name.starts_with(prefix))
}

fn kill_session(patient: &Patient<'_>, name: &str) -> Fix {
    let target = format!("={name}");
    Fix::run(tmux_command(patient).iter().map(String::as_str).chain([
        "kill-session",
        "-t",
        &target,
    ]))
}

/// A session with gtctl in it that gt may kill. The fix renames it.
fn taken_for_gts(name: &str, tmux: &[String], who: &str) -> Checked {
    let message = format!("{who} in session {name}: gt may take it for a dead agent and kill it");
    let bare = GTS_PREFIXES
        .iter()
        .find_map(|prefix| name.strip_prefix(prefix))
        .filter(|bare| !bare.is_empty())
        .unwrap_or("shell");
    let (target, new_name) = (format!("={name}"), format!("town-{bare}"));
    let rename =
        tmux.iter()
            .map(String::as_str)
            .chain(["rename-session", "-t", &target, &new_name]);
    Checked::ailing("session", message, Fix::run(rename))
}

/// Checks the session in which this process runs.
pub(super) async fn around_us(patient: &Patient<'_>) -> Option<Checked> {
    let tmux = std::env::var("TMUX").ok()?;
    let pane = std::env::var("TMUX_PANE").ok()?;
    // The variable is SOCKET,PID,ID; the socket's path may have commas.
    let socket = tmux
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
    let is_declared = patient.town.is_some_and(|town| {
        town.sessions
            .keys()
            .any(|declared| declared.as_str() == name)
    });
    if is_declared || !looks_like_gts(name) {
        return None;
    }
    let tmux = ["tmux", "-S", socket].map(str::to_owned);
    Some(taken_for_gts(name, &tmux, "you run gtctl"))
}
