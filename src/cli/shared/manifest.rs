//! The manifest in the store: each change is made against the one that its author has seen.

use super::asks::{EVERY, Patience};
use super::hosts::status;
use super::{host_file, store, unreachable};
use crate::cli::args::{Apply, Global, Select, Status};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::etcd::Freshness;
use crate::fleet::{FleetStore, Handle};
use crate::model::SortedSet;
use crate::model::fleet::Compare;
use crate::model::{FleetKey, HostName, Period, Revision, SessionName, Transaction, Write};
use crate::store::{Received, StateDir, View, receive, revision};
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long a host may take to act by a new manifest.
const TAKEN: Duration = Duration::from_secs(10);
/// The name under which the last manifest that was seen in the store is noted.
pub(super) const STORE: &str = "@store";

/// Writes the manifest into the store. Its hosts take it from there. Waits until they have made the
/// town so.
pub(in crate::cli) async fn apply(
    place: &Place,
    global: &Global,
    args: &Apply,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let store = store(&place.town, &host_file(global)?)?;
    let said = put(place, &store).await?;
    let all = Status {
        words: args.words.clone(),
        select: Select::default(),
        watch: false,
    };
    if args.waiting.no_wait {
        if !terminal.is_json() {
            terminal.print(&format!("{said}; `gtctl status` shows what comes of it\n"));
        }
        return status(place, global, &all, terminal)
            .await
            .map(|_| Exit::Done);
    }
    terminal.note(&said);
    let exit = follow(place, &store, args.waiting.timeout, terminal).await?;
    status(place, global, &all, terminal).await?;
    Ok(exit)
}

/// Waits until each session is as the manifest says, or is held, on a host that acts by it. A host
/// that does not take the manifest is told of, and not waited for.
async fn follow(
    place: &Place,
    store: &FleetStore,
    timeout: Option<Period>,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let Some(fleet) = &place.town.hosts.fleet else {
        return Ok(Exit::Done);
    };
    let mut patience = Patience::of(timeout);
    let begun = Instant::now();
    let manifest = revision(&place.texts.town);
    loop {
        let view = store.view().await.map_err(unreachable)?;
        let is_late = begun.elapsed() > TAKEN;
        let mut unlike: SortedSet<&HostName> = SortedSet::new();
        let (mut is_settled, mut is_whole) = (true, true);
        for name in fleet.sessions.keys() {
            let status = view.statuses.get(name).map(|status| &status.value);
            let place = view.places.get(name);
            let stays =
                |epoch| place.is_some_and(|it| it.epoch() == epoch && it.value.leave.is_none());
            match status.filter(|status| stays(status.epoch)) {
                None => is_settled = false,
                Some(status) if status.manifest != manifest => {
                    unlike.insert(&status.host);
                    is_settled &= is_late;
                }
                Some(status) => {
                    is_settled &= status.next.is_none() || status.held.is_some();
                    is_whole &= status.next.is_none();
                }
            }
        }
        let is_left = |name: &SessionName| !fleet.sessions.contains_key(name);
        if is_settled && !view.places.keys().any(is_left) {
            for host in &unlike {
                terminal.warn(&format!(
                    "host {host} acts by another manifest: its file was edited there, or cannot be \
                     read by its gtctl"
                ));
            }
            let is_whole = is_whole && unlike.is_empty();
            return Ok(if is_whole { Exit::Done } else { Exit::Partial });
        }
        let seen = view.statuses.values().map(|status| status.modified.0);
        if !patience.goes_on(seen.max().unwrap_or_default()) {
            return Ok(Exit::Pending);
        }
        sleep(EVERY).await;
    }
}

/// Writes the manifest into the store, if it is not there. Returns what to say.
async fn put(place: &Place, store: &FleetStore) -> Result<String, Trouble> {
    if !place.texts.included.is_empty() {
        return Err(Trouble::new(
            "a manifest that includes other files cannot be put into the store",
        )
        .help("put everything into one file"));
    }
    let text = &place.texts.town;
    let key = store.keys.text(&FleetKey::Manifest);
    let there = store.client.get(&key, Freshness::Quorum).await;
    let there = there.map_err(unreachable)?;
    let last = View::of(&place.state).revisions().get(STORE).cloned();
    if let Some(there) = &there {
        let theirs = there.text();
        if theirs == *text {
            note(place, text)?;
            return Ok("the store has this manifest already".to_owned());
        }
        if last.as_deref() != Some(revision(&theirs).as_str()) {
            return Err(conflict(&theirs, text));
        }
    }
    let written = there.as_ref().map_or(0, |pair| pair.written);
    let transaction = Transaction {
        compares: vec![Compare::Modified(FleetKey::Manifest, Revision(written))],
        writes: vec![Write::Put(FleetKey::Manifest, text.clone())],
    };
    let result = store
        .commit(&transaction, None)
        .await
        .map_err(unreachable)?;
    if !result.held {
        return Err(
            Trouble::new("somebody else has applied a manifest at the same moment")
                .help("apply again: you will see what differs"),
        );
    }
    note(place, text)?;
    Ok(format!(
        "the store has this manifest now (revision {})",
        result.revision
    ))
}

fn note(place: &Place, text: &str) -> Result<(), Trouble> {
    StateDir::open(&place.state)?.keep_revision(STORE, &revision(text))?;
    Ok(())
}

/// What differs between the store's manifest and ours, line by line. At most 40 lines.
pub(super) fn differences(theirs: &str, ours: &str) -> Vec<String> {
    let mut lines = Vec::new();
    let (old, new): (Vec<&str>, Vec<&str>) = (theirs.lines().collect(), ours.lines().collect());
    let only = |these: &[&str], those: &[&str], sign: &str| -> Vec<String> {
        let missing = these.iter().filter(|line| !those.contains(line));
        missing.map(|line| format!("{sign} {line}")).collect()
    };
    lines.extend(only(&old, &new, "store:"));
    lines.extend(only(&new, &old, "here: "));
    lines.truncate(40);
    lines
}

fn conflict(theirs: &str, ours: &str) -> Trouble {
    Trouble::new(format!(
        "the store has a manifest that you have not seen:\n{}",
        differences(theirs, ours).join("\n")
    ))
    .help("take these changes over into your file, and apply again")
}

/// A controller's way to the manifest in the store. Nothing in a town without a store.
pub(in crate::cli) struct Joined {
    pub(super) handle: Option<Handle>,
    /// The manifest of this host.
    pub(super) file: PathBuf,
    /// The state directory.
    pub(super) state: PathBuf,
    /// What people were told last.
    pub(super) told: Option<String>,
}

impl Joined {
    /// Takes the manifest of the store into this host's file, if it is another one than was last
    /// taken. A file that somebody has edited since stays, and people are told.
    pub(in crate::cli) fn take(&mut self, terminal: &Terminal) {
        let trouble = self.taken();
        if trouble == self.told {
            return;
        }
        if let Some(why) = &trouble {
            terminal.warn(why);
        }
        self.told = trouble;
    }

    /// Notes by which manifest the controller acts from now on.
    pub(in crate::cli) fn acts_by(&self, revision: &str) {
        if let Some(handle) = &self.handle {
            handle.acts_by(revision);
        }
    }

    /// Takes it. Returns what people should know.
    fn taken(&self) -> Option<String> {
        let text = self.handle.as_ref()?.look().manifest?;
        let last = View::of(&self.state).revisions().get(STORE).cloned();
        let now = revision(&text);
        if last.as_deref() == Some(now.as_str()) {
            return None;
        }
        // Before the first one, the file is what the host was set up with.
        let of_file = || {
            let text = std::fs::read_to_string(&self.file).ok();
            text.map(|text| revision(&text))
        };
        let replaces = last.or_else(of_file);
        match receive(&self.file, &text, replaces.as_deref()) {
            Ok(Received::Written | Received::Same) => {
                let state = StateDir::open(&self.state);
                let noted = state.and_then(|state| state.keep_revision(STORE, &now));
                noted.err().map(|fault| fault.to_string())
            }
            Ok(Received::Conflict(_)) => Some(format!(
                "{} was edited here, so the manifest of the store is not taken: `gtctl apply` it, \
                 or put the store's in its place",
                self.file.display()
            )),
            Err(fault) => Some(fault.to_string()),
        }
    }
}
