//! Pages of a town whose hosts share a store: what the store has, as text and as JSON.

use super::{StoreHost, StoreManifest, StorePage, StoreSession};
use crate::model::SortedMap;
use crate::model::{FleetView, HostName, SessionName, SessionStatus};
use crate::place::PlaceVerdict;
use crate::words::place_reason;

/// How one session is.
struct Row<'a> {
    session: &'a SessionName,
    host: Option<&'a HostName>,
    phase: String,
    is_up: bool,
    note: String,
}

fn rows<'a>(view: &'a FleetView, names: &'a [SessionName]) -> Vec<Row<'a>> {
    names.iter().map(|name| row(view, name)).collect()
}

fn row<'a>(view: &'a FleetView, session: &'a SessionName) -> Row<'a> {
    let row = |host, phase: &str, is_up, note: &str| Row {
        session,
        host,
        phase: phase.to_owned(),
        is_up,
        note: note.to_owned(),
    };
    let Some(place) = view.places.get(session) else {
        return row(None, "no host", false, "no host can take it yet");
    };
    let host = &place.value.host;
    if !view.is_present(host) {
        return row(Some(host), "lost", false, "its host shows no sign of life");
    }
    let status = view.statuses.get(session);
    let status = status.filter(|status| status.value.epoch == place.epoch());
    let leaves = place.value.leave.is_some();
    let Some(status) = status.map(|status| &status.value) else {
        let note = if leaves { "leaves its host" } else { "" };
        return row(Some(host), "starting", false, note);
    };
    let note = match (&status.next, &status.held) {
        _ if leaves => "leaves its host".to_owned(),
        (Some(next), Some(held)) => format!("{next}, held: {held}"),
        (Some(next), None) => next.clone(),
        (None, _) => String::new(),
    };
    row(Some(host), &status.phase, status.is_as_declared(), &note)
}

/// Whether all of these sessions are as declared.
#[must_use]
pub fn all_up(view: &FleetView, names: &[SessionName]) -> bool {
    rows(view, names).iter().all(|row| row.is_up)
}

/// Where all sessions are, and how.
#[must_use]
pub fn status(town: &SessionName, view: &FleetView, names: &[SessionName]) -> String {
    let rows = rows(view, names);
    let wide = |of: &dyn Fn(&Row<'_>) -> usize| rows.iter().map(of).max().unwrap_or(0);
    let name_width = wide(&|row| row.session.as_str().len()).max(7);
    let host_width = wide(&|row| row.host.map_or(1, |host| host.as_str().len())).max(4);
    let mut text = format!("{:name_width$}  {:host_width$}  PHASE\n", "SESSION", "HOST");
    for row in &rows {
        let host = row.host.map_or("-", HostName::as_str);
        let line = format!(
            "{:name_width$}  {:host_width$}  {:10}  {}",
            row.session.as_str(),
            host,
            row.phase,
            row.note
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let up = rows.iter().filter(|row| row.is_up).count();
    let lost = lost(view);
    let sum = format!(
        "\ntown {town}: {up} of {} sessions as declared, on {} hosts\n",
        rows.len(),
        view.hosts.len()
    );
    text.push_str(&sum);
    if !lost.is_empty() {
        let names: Vec<&str> = lost.iter().map(|host| host.as_str()).collect();
        let lost = format!("lost: {}\n", names.join(", "));
        text.push_str(&lost);
    }
    text
}

/// The hosts that have signed in once and show no sign of life now.
fn lost(view: &FleetView) -> Vec<&HostName> {
    let known = view.known.keys();
    known.filter(|host| !view.is_present(host)).collect()
}

/// The same for programs, with the hosts.
#[must_use]
pub fn status_page(town: &SessionName, view: &FleetView, names: &[SessionName]) -> StorePage {
    let sessions = rows(view, names).into_iter().map(|row| {
        let status = view.statuses.get(row.session).map(|status| &status.value);
        StoreSession {
            session: row.session.to_string(),
            host: row.host.map(HostName::to_string),
            phase: Some(row.phase),
            as_declared: Some(row.is_up),
            generation: status.map(|status| status.generation.0),
            next: status.and_then(|status| status.next.clone()),
            held: status.and_then(|status| status.held.clone()),
            ..StoreSession::default()
        }
    });
    StorePage {
        sessions: sessions.collect(),
        verb: "status".to_owned(),
        ..hosts_page(town, view)
    }
}

/// What is known of one host.
struct Host<'a> {
    name: &'a HostName,
    state: &'static str,
    leads: bool,
    sessions: usize,
    slots: Option<u32>,
    version: &'a str,
    labels: Vec<&'a str>,
}

fn all_hosts(view: &FleetView) -> Vec<Host<'_>> {
    let known = view.known.iter();
    let of = |(name, known)| {
        let record: &crate::model::Stored<crate::model::HostRecord> =
            view.hosts.get(name).unwrap_or(known);
        let mark = view.marks.get(name).map(|mark| &mark.value);
        let is_drained = mark.is_some_and(|mark| mark.drained);
        let is_lost_for_good =
            mark.is_some_and(|mark| mark.lost == Some(known.modified)) && !view.is_present(name);
        let state = match (view.is_present(name), is_drained) {
            (true, true) => "drained",
            (true, false) => "up",
            (false, _) if is_lost_for_good => "lost for good",
            (false, _) => "lost",
        };
        let leader = view.leader.as_ref();
        let places = view.places.values();
        Host {
            name,
            state,
            leads: leader.is_some_and(|leader| leader.value.host == *name),
            sessions: places.filter(|place| place.value.host == *name).count(),
            slots: record.value.slots,
            version: &record.value.version,
            labels: record.value.labels.iter().map(String::as_str).collect(),
        }
    };
    known.map(of).collect()
}

/// The hosts, and how each is.
#[must_use]
pub fn hosts(view: &FleetView) -> String {
    let all = all_hosts(view);
    let width = all.iter().map(|host| host.name.as_str().len()).max();
    let width = width.unwrap_or(0).max(4);
    let mut text = format!(
        "{:width$}  STATE          SESSIONS  GTCTL   LABELS\n",
        "HOST"
    );
    for host in all {
        let slots = host
            .slots
            .map_or(String::new(), |slots| format!("/{slots}"));
        let sessions = format!("{}{slots}", host.sessions);
        let state = if host.leads {
            format!("{}, leads", host.state)
        } else {
            host.state.to_owned()
        };
        let line = format!(
            "{:width$}  {state:13}  {sessions:8}  {:6}  {}",
            host.name.as_str(),
            host.version,
            host.labels.join(", ")
        );
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// The same for programs.
#[must_use]
pub fn hosts_page(town: &SessionName, view: &FleetView) -> StorePage {
    let hosts = all_hosts(view).into_iter().map(|host| StoreHost {
        host: host.name.to_string(),
        state: host.state.to_owned(),
        leads: host.leads,
        sessions: u64::try_from(host.sessions).unwrap_or_default(),
        slots: host.slots,
        version: host.version.to_owned(),
        labels: host.labels.into_iter().map(str::to_owned).collect(),
    });
    StorePage {
        revision: Some(view.revision.0),
        hosts: hosts.collect(),
        ..StorePage::new("hosts", town)
    }
}

/// How the manifest here differs from the one in the store.
#[derive(Debug)]
pub enum ManifestDiff {
    /// The store has none.
    Missing,
    /// It is the same.
    Same,
    /// It is another one.
    Other {
        /// The revision of the store's.
        revision: i64,
        /// The lines that only one of them has.
        lines: Vec<String>,
    },
}

/// What would happen, and what is about to happen.
#[derive(Debug)]
pub struct StoreChanges<'a> {
    /// The town.
    pub town: &'a SessionName,
    /// What the store has.
    pub view: &'a FleetView,
    /// How the manifests differ.
    pub manifest: ManifestDiff,
    /// Where the sessions of this manifest are to be, and why.
    pub verdicts: &'a SortedMap<SessionName, PlaceVerdict>,
}

/// One session that does not stay as it is.
struct Change<'a> {
    session: &'a SessionName,
    host: Option<&'a HostName>,
    place: Option<String>,
    status: Option<&'a SessionStatus>,
}

impl StoreChanges<'_> {
    fn sessions(&self) -> Vec<Change<'_>> {
        let change = |(session, verdict)| {
            let verdict: &PlaceVerdict = verdict;
            let host = verdict.host.as_ref();
            let status = self.view.statuses.get(session);
            let status = status.map(|status| &status.value);
            let moves = verdict.change.is_some() || host.is_none();
            let place = moves.then(|| place_reason(&verdict.reason, host));
            let acts = status.filter(|status| status.next.is_some());
            (place.is_some() || acts.is_some()).then_some(Change {
                session,
                host,
                place,
                status: acts,
            })
        };
        self.verdicts.iter().filter_map(change).collect()
    }

    /// Whether nothing would happen.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        matches!(self.manifest, ManifestDiff::Same) && self.sessions().is_empty()
    }

    /// As text.
    #[must_use]
    pub fn text(&self) -> String {
        let mut text = match &self.manifest {
            ManifestDiff::Missing => {
                "the store has no manifest yet: `gtctl apply` puts this one there\n\n".to_owned()
            }
            ManifestDiff::Same => String::new(),
            ManifestDiff::Other { revision, lines } => format!(
                "the store has another manifest (revision {revision}):\n  {}\n\n",
                lines.join("\n  ")
            ),
        };
        let sessions = self.sessions();
        let width = sessions
            .iter()
            .map(|change| change.session.as_str().len())
            .max();
        let width = width.unwrap_or(0);
        for change in &sessions {
            let mut parts: Vec<String> = change.place.clone().into_iter().collect();
            if let Some(status) = change.status {
                parts.push(next_of(status));
            }
            let line = format!("{:width$}  {}\n", change.session.as_str(), parts.join("; "));
            text.push_str(&line);
        }
        let sum = match (&self.manifest, sessions.len()) {
            (ManifestDiff::Same, 0) => format!("town {}: all is as declared\n", self.town),
            (_, 0) => format!("town {}: no session moves\n", self.town),
            (_, 1) => format!("\ntown {}: 1 session changes\n", self.town),
            (_, many) => format!("\ntown {}: {many} sessions change\n", self.town),
        };
        text.push_str(&sum);
        text
    }

    /// For programs.
    #[must_use]
    pub fn page(&self) -> StorePage {
        let (same, revision, lines) = match &self.manifest {
            ManifestDiff::Missing => (false, None, Vec::new()),
            ManifestDiff::Same => (true, None, Vec::new()),
            ManifestDiff::Other { revision, lines } => (false, Some(*revision), lines.clone()),
        };
        let sessions = self.sessions();
        let sessions = sessions.into_iter().map(|change| StoreSession {
            session: change.session.to_string(),
            host: change.host.map(HostName::to_string),
            place: change.place,
            next: change.status.and_then(|status| status.next.clone()),
            held: change.status.and_then(|status| status.held.clone()),
            ..StoreSession::default()
        });
        StorePage {
            revision: Some(self.view.revision.0),
            manifest: Some(StoreManifest {
                same,
                revision,
                lines,
            }),
            sessions: sessions.collect(),
            ..StorePage::new("diff", self.town)
        }
    }
}

/// What a host is about to do to a session.
fn next_of(status: &SessionStatus) -> String {
    let next = status.next.as_deref().unwrap_or_default();
    match &status.held {
        Some(held) => format!("{next} (on {}, held: {held})", status.host),
        None => format!("{next} (on {})", status.host),
    }
}
