//! A town whose hosts share a store: how this host reaches it, the controller's part in it, and the
//! verbs that ask the store.

mod asks;
mod changes;
mod hosts;
mod manifest;

pub(super) use asks::{by_hand, down, nudge};
pub(super) use changes::diff;
pub(super) use hosts::{hosts, status};
pub(super) use manifest::{Joined, apply};

use super::args::Global;
use super::exit::{Exit, Trouble};
use super::own::program;
use super::place::Place;
use crate::controller::Controller;
use crate::etcd::EtcdFault;
use crate::fleet::{self, FleetStore, HostFile, HostFileFault, Placed, Start};
use crate::model::{HostAddress, Keyspace, Town, is_ssh_destination};
use crate::store::View;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long the store may take to say where the sessions are.
const ANSWER: Duration = Duration::from_secs(3);

/// The host's file.
///
/// # Errors
/// It is missing or cannot be used.
pub(super) fn host_file(global: &Global) -> Result<HostFile, Trouble> {
    let config = std::env::var_os("XDG_CONFIG_HOME").map(PathBuf::from);
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let usual = || HostFile::usual_place(config.as_deref(), home.as_deref());
    let path = global.host_file.clone().or_else(usual);
    let path = path.ok_or_else(|| Trouble::new("cannot find host.toml: HOME is not set"))?;
    let path = std::path::absolute(&path).unwrap_or(path);
    let variable = std::env::var("GTCTL_HOST").ok();
    let name = global.this_host.as_deref().or(variable.as_deref());
    HostFile::read(&path, name).map_err(|fault| trouble(&path, &fault))
}

fn trouble(path: &Path, fault: &HostFileFault) -> Trouble {
    let trouble = Trouble::new(fault.to_string()).exits(Exit::Usage);
    let missing = format!(
        "the town has a [store]: write how this host reaches it into {}, as in \
         name = \"{}\" and endpoints = [\"https://etcd:2379\"]",
        path.display(),
        crate::proc::own::hostname()
    );
    match fault {
        HostFileFault::Unreadable(_, source) => trouble.because(source).help(missing),
        fault => match fault.fix() {
            Some(fix) => trouble.help(fix),
            None => trouble,
        },
    }
}

/// The town's part of the store.
///
/// # Errors
/// The host's file cannot be used.
pub(super) fn store(town: &Town, file: &HostFile) -> Result<FleetStore, Trouble> {
    let client = crate::etcd::EtcdClient::new(&file.access)
        .map_err(|fault| Trouble::new(fault.to_string()).exits(Exit::Usage))?;
    Ok(FleetStore {
        client,
        keys: Keyspace::new(&town.name),
    })
}

/// Why the store did not do what was asked.
#[expect(clippy::needless_pass_by_value, reason = "errors are mapped by it")]
fn unreachable(fault: EtcdFault) -> Trouble {
    Trouble::new(fault.to_string()).help("is etcd up, and does host.toml name its members?")
}

/// Has the controller take part in the fleet. Nothing happens in a town without a store.
///
/// # Errors
/// The host's file cannot be used, or the system does not let it.
pub(super) fn join(
    place: &Place,
    global: &Global,
    controller: &mut Controller,
) -> Result<Joined, Trouble> {
    let state = std::path::absolute(&place.state).unwrap_or_else(|_| place.state.clone());
    let mut joined = Joined {
        handle: None,
        file: place.file.absolute()?,
        state: state.clone(),
        told: None,
    };
    let Some(of_town) = &place.town.hosts.fleet else {
        return Ok(joined);
    };
    let host = host_file(global)?;
    // A wrong setting is told here, and not by the thread.
    drop(store(&place.town, &host)?);
    let own = own_program()?;
    let words = ["guard", "keep", place.town.name.as_str(), "--state-dir"];
    let mut guard: Vec<OsString> = vec![own.into()];
    guard.extend(words.map(OsString::from));
    guard.push(state.clone().into());
    let start = Start {
        town: place.town.name.clone(),
        fleet: of_town.clone(),
        host,
        state,
        guard,
    };
    let handle = fleet::begin(start)
        .map_err(|fault| Trouble::new("cannot take part in the fleet").because(&fault))?;
    controller.join_fleet(handle.clone(), own_words(place, global)?);
    joined.handle = Some(handle);
    Ok(joined)
}

fn own_program() -> Result<PathBuf, Trouble> {
    program().ok_or_else(|| Trouble::new("cannot find gtctl's own program"))
}

/// This program, with the words that name this town on this host.
fn own_words(place: &Place, global: &Global) -> Result<Vec<OsString>, Trouble> {
    let mut words: Vec<OsString> = vec![own_program()?.into()];
    let mut named = |flag: &str, value: OsString| words.extend([flag.into(), value]);
    named("--file", place.file.absolute()?.into());
    let state = std::path::absolute(&place.state).unwrap_or_else(|_| place.state.clone());
    named("--state-dir", state.into());
    if let Some(file) = &global.host_file {
        let file = std::path::absolute(file).unwrap_or_else(|_| file.clone());
        named("--host-file", file.into());
    }
    if let Some(name) = &global.this_host {
        named("--this-host", name.into());
    }
    if let Some(socket) = &global.socket {
        named("--socket", socket.into());
    }
    Ok(words)
}

/// The town with what is placed on this host, for verbs that look: as its controller knew last, or
/// as the store says where no controller has run here.
///
/// A host of which the manifest says nothing is reached as its own file says. The town stays as it is
/// on a machine that has no file for this.
pub(super) fn with_placed(town: Town, global: &Global, state: &Path) -> Town {
    if town.hosts.fleet.is_none() {
        return town;
    }
    let Ok(host) = host_file(global) else {
        return town;
    };
    let noted = View::of(state).placed();
    let noted = noted.and_then(|text| serde_json::from_str::<Placed>(&text).ok());
    let placed = noted.or_else(|| of_store(&town, &host)).unwrap_or_default();
    let mut here = fleet::placed_here(&town, &host.name, &placed, state);
    let placed_on = placed.sessions.into_values().map(|(host, _)| host);
    for name in placed_on.chain([host.name]) {
        let address = HostAddress {
            ssh: placed
                .ssh
                .get(&name)
                .filter(|ssh| is_ssh_destination(ssh))
                .cloned(),
            gtctl: "gtctl".to_owned(),
            town: format!("gtctl/{}/town.toml", town.name),
        };
        here.hosts.all.entry(name).or_insert(address);
    }
    here
}

/// Where the store says that the sessions are. None if it does not answer in time.
fn of_store(town: &Town, file: &HostFile) -> Option<Placed> {
    let store = store(town, file).ok()?;
    // The verb's own runtime is at work on this thread.
    let asking = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .ok()?;
        let view = runtime.block_on(async { tokio::time::timeout(ANSWER, store.view()).await });
        Some(fleet::placed(&view.ok()?.ok()?))
    });
    asking.join().ok().flatten()
}
