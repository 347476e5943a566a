//! What agents' clients say of themselves: the reports of their hooks, and their registry.
//!
//! A report counts only for the incarnation that its hook's environment names, and only where the
//! pane's process is among those above the hook. So a report from another process, or from an
//! earlier incarnation, says nothing.
//!
//! Where nothing has changed since the last look, a session costs one or two `stat`.

use super::LookCache;
use super::screens::living;
use super::usage::{Transcripts, usage_of};
use crate::files::aside;
use crate::files::{self, Links};
use crate::model::{
    Activity, AgentReport, Desired, Generation, Label, LastReports, Life, Memory, Moment, Observed,
    ProcId, Reported, ReportingClient, Seen, SessionName, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::process::{self, Presence};
use crate::proc::zone;
use crate::reports::{self, RegistryEntry, ReportFold};
use crate::screen;
use crate::store::{ReportsStamp, View};
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// The largest entry of a registry that is read, in bytes. Real ones have some 400.
const MAX_ENTRY: u64 = 64 << 10;
/// So many entries of a registry are looked through for a client that is not its pane's process.
const MAX_ENTRIES: usize = 4096;
/// So many processes above a client are asked for, until one of them is a pane's.
const MAX_ABOVE: usize = 12;

/// What the last look has read of reports. With it, the next one reads only what is new.
#[derive(Debug, Default)]
pub(super) struct ReportCache {
    /// The hooks' reports, as far as they were of this incarnation and below this process.
    hooks: SortedMap<SessionName, HookReports>,
    /// The entries of registries, by their folders.
    registry: SortedMap<PathBuf, RegistryFiles>,
    /// The names under which sessions may report: those in the environment of their processes.
    sessions: SortedSet<SessionName>,
    /// Which file is a session's entry.
    files: SortedMap<SessionName, PathBuf>,
    /// The transcripts, as far as they were read.
    transcripts: Transcripts,
}

#[derive(Debug)]
struct HookReports {
    generation: Generation,
    process: ProcId,
    stamp: ReportsStamp,
    fold: ReportFold,
}

#[derive(Debug, Clone)]
struct RegistryFile {
    written: (u64, Option<SystemTime>),
    entry: Option<RegistryEntry>,
}

impl LookCache {
    /// The files in which the clients of the last look's sessions say what their agents do.
    #[must_use]
    pub fn report_files(&self, state: &View) -> SortedSet<PathBuf> {
        let hooks = self
            .reports
            .sessions
            .iter()
            .map(|name| state.reports_of(name));
        self.reports.files.values().cloned().chain(hooks).collect()
    }
}

/// A session that may report.
struct Reporting<'t> {
    desired: &'t Desired,
    label: Label,
    /// Its pane's process.
    process: ProcId,
    /// Whether that is the client itself, as far as its name tells.
    is_client: bool,
}

/// Adds to each living session what its client says of it.
pub fn add_reports(
    observed: &mut Observed,
    town: &Town,
    state: &View,
    cache: &mut LookCache,
    now: Moment,
) {
    let cache = &mut cache.reports;
    let Observed::Up(server) = observed else {
        return;
    };
    let reporting: SortedMap<String, Reporting<'_>> = server
        .sessions
        .iter()
        .filter_map(|(name, seen)| Some((name.clone(), reporting(town, seen)?)))
        .collect();
    let registry = registry_entries(reporting.values(), cache, now);
    for (name, session) in &reporting {
        let hook = latest_of_hooks(session, state, cache);
        let entry = registry
            .get(&session.label.session)
            .and_then(|entry| entry.reported(now));
        let Some(mut reported) = reports::together(hook, entry) else {
            continue;
        };
        if reported.activity == Activity::Limit {
            reported.resets = screen::limit_end(&reported.text, reported.at.wall, &zone::local());
        }
        if let Some(seen) = server.sessions.get_mut(name) {
            seen.reported = Some(reported);
        }
    }
    add_usage(&mut server.sessions, &reporting, &mut cache.transcripts);
    forget_others(cache, reporting.values());
}

/// What the clients of agents that do not live any more have reported last, with the incarnation
/// that each report is of.
///
/// Only which conversation they have held is taken from it. So the process that reported is not
/// asked after: it is gone.
#[must_use]
pub fn last_reports(
    observed: &Observed,
    town: &Town,
    memory: &Memory,
    state: &View,
) -> LastReports {
    let living: SortedSet<&SessionName> = match observed {
        Observed::Unknown(_) => return LastReports::new(),
        Observed::Down => SortedSet::new(),
        Observed::Up(server) => server
            .sessions
            .values()
            .filter_map(|seen| living(town, seen))
            .map(|(desired, _)| &desired.name)
            .collect(),
    };
    let mut last = LastReports::new();
    for (name, desired) in &town.sessions {
        let may_report = desired.agent.client.is_some() && desired.agent.listens();
        let run = memory
            .sessions
            .get(name)
            .and_then(|history| history.run.as_ref())
            .filter(|_| may_report && !living.contains(name));
        let Some(run) = run else { continue };
        let Ok(Some(read)) = state.read_reports(name, run.generation, None) else {
            continue;
        };
        if let Some(latest) = reports::latest(&read.reports) {
            last.insert(name.clone(), (run.generation, latest));
        }
    }
    last
}

/// Adds to each session's report what its conversation has used by its transcript.
fn add_usage(
    sessions: &mut SortedMap<String, Seen>,
    reporting: &SortedMap<String, Reporting<'_>>,
    cache: &mut Transcripts,
) {
    let mut wanted: SortedMap<PathBuf, ReportingClient> = SortedMap::new();
    for (name, session) in reporting {
        let client = session.desired.agent.client;
        let file = sessions.get(name).and_then(transcript_of);
        wanted.extend(file.zip(client));
    }
    let used = usage_of(wanted, cache);
    for name in reporting.keys() {
        let Some(seen) = sessions.get_mut(name) else {
            continue;
        };
        let usage = transcript_of(seen).and_then(|file| used.get(&file));
        if let Some(reported) = &mut seen.reported {
            reported.usage = usage.copied();
        }
    }
}

/// Where a session's client writes its conversation down.
fn transcript_of(seen: &Seen) -> Option<PathBuf> {
    let path = seen.reported.as_ref()?.transcript.as_ref()?;
    Some(PathBuf::from(path)).filter(|path| path.is_absolute())
}

fn reporting<'t>(town: &'t Town, seen: &Seen) -> Option<Reporting<'t>> {
    let (desired, label) = living(town, seen)?;
    desired.agent.client.filter(|_| desired.agent.listens())?;
    let Life::Alive { process, comm, .. } = &seen.life else {
        return None;
    };
    Some(Reporting {
        desired,
        label: label.clone(),
        process: *process,
        is_client: desired.agent.process_names.contains(comm),
    })
}

/// Forgets what was read of sessions that report no more.
fn forget_others<'r, 't: 'r>(
    cache: &mut ReportCache,
    reporting: impl Iterator<Item = &'r Reporting<'t>>,
) {
    let labels: Vec<&Label> = reporting.map(|session| &session.label).collect();
    let names: SortedSet<&SessionName> = labels.iter().map(|label| &label.session).collect();
    cache.hooks.retain(|name, _| names.contains(name));
    cache.files.retain(|name, _| names.contains(name));
    cache.sessions = labels.iter().map(|label| label.tag().clone()).collect();
}

/// The latest word of a session's hooks.
fn latest_of_hooks(
    session: &Reporting<'_>,
    state: &View,
    cache: &mut ReportCache,
) -> Option<Reported> {
    let name = &session.label.session;
    let generation = session.label.generation;
    let process = session.process;
    let known = cache
        .hooks
        .remove(name)
        .filter(|known| known.generation == generation && known.process == process);
    let stamp = known.as_ref().map(|known| known.stamp);
    let now = match state.read_reports(session.label.tag(), generation, stamp) {
        Ok(Some(read)) => {
            let before = known.filter(|_| read.follow);
            let mut fold = before.map(|before| before.fold).unwrap_or_default();
            let counts = |report: &&AgentReport| reports::is_of(report, generation, process);
            for report in read.reports.iter().filter(counts) {
                fold.take(report);
            }
            HookReports {
                generation,
                process,
                stamp: read.stamp,
                fold,
            }
        }
        Ok(None) => known?,
        Err(fault) => {
            tracing::debug!(%fault, session = %name, "its reports cannot be read");
            return None;
        }
    };
    let latest = now.fold.latest();
    cache.hooks.insert(name.clone(), now);
    latest
}

/// The entries of the registry that belong to these sessions.
fn registry_entries<'r, 't: 'r>(
    reporting: impl Iterator<Item = &'r Reporting<'t>>,
    cache: &mut ReportCache,
    now: Moment,
) -> SortedMap<SessionName, RegistryEntry> {
    let mut by_folder: SortedMap<PathBuf, Vec<Wanted>> = SortedMap::new();
    for session in reporting {
        if session.desired.agent.client != Some(ReportingClient::Claude) {
            continue;
        }
        let Some(folder) = registry_folder(session.desired) else {
            continue;
        };
        let name = session.label.session.clone();
        let wanted = Wanted {
            file: cache.files.get(&name).cloned(),
            name,
            process: session.process,
            is_client: session.is_client,
        };
        by_folder.entry(folder).or_default().push(wanted);
    }
    let mut entries = SortedMap::new();
    let mut known = std::mem::take(&mut cache.registry);
    for (folder, wanted) in by_folder {
        let known = known.remove(&folder).unwrap_or_default();
        let at = folder.clone();
        let read = aside::ask(&folder, move || read_registry(&at, wanted, &known));
        let Ok(read) = read else {
            tracing::debug!(folder = %folder.display(), ?now, "the registry does not answer");
            continue;
        };
        let mut known = RegistryFiles::new();
        for (name, file, read) in read {
            if let Some(entry) = &read.entry {
                entries.insert(name.clone(), entry.clone());
            }
            known.insert(file_name(&file).to_owned(), read);
            cache.files.insert(name, file);
        }
        cache.registry.insert(folder, known);
    }
    entries
}

/// Where Claude Code keeps its registry, by the environment that the session is given.
fn registry_folder(desired: &Desired) -> Option<PathBuf> {
    let value = |name: &str| {
        let declared = desired.env.get(name).cloned();
        declared
            .or_else(|| std::env::var(name).ok())
            .filter(|value| !value.is_empty())
    };
    let config = value("CLAUDE_CONFIG_DIR")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(value("HOME")?).join(".claude")))?;
    config.is_absolute().then(|| config.join("sessions"))
}

/// A session whose entry is looked for.
struct Wanted {
    name: SessionName,
    process: ProcId,
    is_client: bool,
    /// Where it was the last time.
    file: Option<PathBuf>,
}

/// The entries of one folder, by the names of their files: to compare whole paths takes long.
type RegistryFiles = SortedMap<OsString, RegistryFile>;

fn file_name(path: &Path) -> &OsStr {
    path.file_name().unwrap_or_default()
}

/// Reads the entries of these sessions. Each comes with its file, also where that is not there yet.
/// May hang.
fn read_registry(
    folder: &Path,
    wanted: Vec<Wanted>,
    known: &RegistryFiles,
) -> Vec<(SessionName, PathBuf, RegistryFile)> {
    let mut listed: Option<Vec<PathBuf>> = None;
    let mut read = Vec::new();
    for session in wanted {
        let own = folder.join(format!("{}.json", session.process.pid));
        let first = session.file.clone().unwrap_or_else(|| own.clone());
        let entry = read_entry(&first, known);
        if belongs(&entry, session.process) {
            read.push((session.name, first, entry));
            continue;
        }
        let below = (!session.is_client).then(|| {
            let files = listed.get_or_insert_with(|| list(folder));
            find_below(files, known, session.process)
        });
        let (file, entry) = below.flatten().unwrap_or_else(|| {
            let entry = read_entry(&own, known);
            (own, entry)
        });
        let entry = RegistryFile {
            entry: entry
                .entry
                .clone()
                .filter(|_| belongs(&entry, session.process)),
            ..entry
        };
        read.push((session.name, file, entry));
    }
    read
}

fn list(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .take(MAX_ENTRIES)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect()
}

/// The entry of a client that runs below a pane's process.
fn find_below(
    files: &[PathBuf],
    known: &RegistryFiles,
    process: ProcId,
) -> Option<(PathBuf, RegistryFile)> {
    files.iter().find_map(|file| {
        let read = read_entry(file, known);
        belongs(&read, process).then(|| (file.clone(), read))
    })
}

/// One entry, read anew only where its file has changed.
fn read_entry(file: &Path, known: &RegistryFiles) -> RegistryFile {
    let written = fs::symlink_metadata(file)
        .map(|metadata| (metadata.ino() ^ metadata.size(), metadata.modified().ok()))
        .unwrap_or_default();
    let known = known.get(file_name(file));
    if let Some(known) = known.filter(|known| known.written == written) {
        return known.clone();
    }
    let text = files::read(file, Links::Refuse, MAX_ENTRY).ok();
    RegistryFile {
        written,
        entry: text.and_then(|text| reports::registry_entry(&text)),
    }
}

/// Whether an entry is of a client that is this pane's process or runs below it.
fn belongs(file: &RegistryFile, pane: ProcId) -> bool {
    let Some(entry) = &file.entry else {
        return false;
    };
    if entry.process == pane {
        return true;
    }
    let mut pid = entry.process.pid;
    for step in 0..MAX_ABOVE {
        let Presence::Alive(stat) = process::look(pid) else {
            return false;
        };
        if step == 0 && stat.start != entry.process.start {
            return false;
        }
        if pid == pane.pid {
            return stat.start == pane.start;
        }
        pid = stat.ppid;
    }
    false
}
