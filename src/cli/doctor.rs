//! `gtctl doctor`: what is wrong, and what to type to mend it.

use super::args::{Doctor, Global, TownArg};
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::Place;
use super::service::is_installed;
use super::states::{keeper, others_by, state_or_folder};
use super::town_server::server_of;
use crate::doctor::{Patient, examine};
use crate::manifest::{Loaded, Severity};
use crate::model::{Checked, Fix, Health, Keeper, Socket, Town};
use crate::proc;
use crate::render::words::count;
use crate::render::{doctor as page, json};
use crate::store::View;
use crate::tmux::Client;
use std::path::Path;

const MANIFEST: &str = "manifest";

pub(super) async fn run(
    global: &Global,
    args: &Doctor,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, &args.town);
    let (town, manifest) = read(global, &args.town, &file);
    if town.as_ref().is_some_and(|town| !town.hosts.is_empty()) {
        let place = Place::find(global, &args.town, terminal)?;
        if let Some(fleet) = fleet::of(&place, global)? {
            return fleet
                .look_everywhere(VerbWords::of("doctor"), terminal)
                .await;
        }
    }
    let town = town.as_ref();
    let state = state_or_folder(global, town);
    let (socket, doubt) = server(global, town, state.as_deref());
    let client = Client::new(&socket);
    let now = proc::clock::now();
    let kept = state.as_ref().filter(|_| town.is_some());
    let keeper = kept.map_or(Keeper::Nobody, |state| keeper(&View::of(state), now));
    let others = kept
        .map(|state| others_by(&file, global, state))
        .unwrap_or_default();
    let patient = Patient {
        town,
        file: &file.path,
        socket: &socket,
        client: &client,
        state: state.as_deref(),
        keeper: &keeper,
        others: &others,
        service: town.is_some_and(|town| is_installed(town.name.as_str())),
    };
    let mut found = vec![manifest];
    found.extend(doubt);
    found.extend(examine(&patient).await);
    if terminal.is_json() {
        terminal.print_json(&json::doctor(town, &found, now));
    } else {
        terminal.print(&page::page(&found, &terminal.paper(now)));
    }
    let fails = found
        .iter()
        .any(|checked| checked.verdict == Health::Failing);
    Ok(if fails { Exit::Failed } else { Exit::Done })
}

/// The town's server; where it cannot be determined, the usual one, and what there is to say of that.
fn server(global: &Global, town: Option<&Town>, state: Option<&Path>) -> (Socket, Option<Checked>) {
    let found = match (town, state) {
        (Some(town), Some(state)) => server_of(town, &View::of(state)),
        (Some(town), None) => Ok(town.socket.clone()),
        (None, _) => Ok(named(global)),
    };
    match found {
        Ok(socket) => (socket, None),
        Err(trouble) => {
            let asks = Fix::run(["gt", "status", "--json"]);
            (
                Socket::Default,
                Some(Checked::failing("server", trouble.message, asks)),
            )
        }
    }
}

/// The server of a machine without a town.
fn named(global: &Global) -> Socket {
    let variable = std::env::var("GTCTL_SOCKET").ok();
    match global.socket.as_deref().or(variable.as_deref()) {
        None | Some("default" | "gastown") => Socket::Default,
        Some(path) if path.starts_with('/') => Socket::Path(path.into()),
        Some(name) => Socket::Name(name.to_owned()),
    }
}

/// The town, where its manifest can be read, and what there is to say of that.
fn read(global: &Global, argument: &TownArg, file: &ManifestFile) -> (Option<Town>, Checked) {
    let shown = file.path.display().to_string();
    let is_named = argument.town.is_some() || global.file.is_some();
    if !is_named && !Path::new(&file.path).exists() {
        let said = format!(
            "there is no {shown} here, so gtctl checks only the machine; `gtctl init` writes one"
        );
        return (None, Checked::well(MANIFEST, said));
    }
    let validate = || Fix::run(["gtctl", "validate", &shown]);
    match file.try_load() {
        Err(trouble) => {
            // Help that is one command by itself is a fix; the rest is for people.
            let fix = trouble
                .help
                .as_deref()
                .and_then(|help| help.split(", or add `--trust`").next());
            let fix = fix
                .filter(|help| help.starts_with("chmod "))
                .map_or_else(validate, Fix::line);
            (None, Checked::failing(MANIFEST, trouble.message, fix))
        }
        Ok(Err(faults)) => {
            let errors = faults
                .list
                .iter()
                .filter(|fault| fault.severity == Severity::Error)
                .count();
            (
                None,
                Checked::failing(
                    MANIFEST,
                    format!("{shown} has {}", count(errors, "fault")),
                    validate(),
                ),
            )
        }
        Ok(Ok(Loaded { town, advice, .. })) => {
            let checked = match advice.list.len() {
                0 => Checked::well(
                    MANIFEST,
                    format!(
                        "{shown}: town {}, {}",
                        town.name,
                        count(town.sessions.len(), "session")
                    ),
                ),
                n => Checked::ailing(
                    MANIFEST,
                    format!("{shown} is valid, with {}", count(n, "remark")),
                    validate(),
                ),
            };
            (Some(town), checked)
        }
    }
}
