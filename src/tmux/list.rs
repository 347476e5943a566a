//! Every pane of a server in one round trip: what is asked for and how the answer is read, side by
//! side.
//!
//! Session names and labels may hold anything: line breaks, escapes, what looks like another
//! record. So each text is closed by a nonce made for this one call, which the server hears over
//! the client's input and nobody else sees. An answer that is not whole, from its head to its end
//! mark, is no answer.
//!
//! **Architecture invariant:** nothing is cleaned here; texts come out as tmux has them.

mod partial_look;

pub use partial_look::list_few;

use super::labels::Labels;
use super::nonce::nonce;
use super::tail::{Captured, Wanted};
use super::{CallAnswer, CallFault, Client};
use crate::model::{PaneId, SessionId};
use std::collections::{BTreeMap, BTreeSet};

/// All panes of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The server's pid, as it says itself.
    pub server: u32,
    /// Its version, such as `3.3a`.
    pub version: String,
    /// A row for each pane of each session, in tmux's order; a pane of a linked window is in every
    /// session it is linked to, once.
    pub rows: Vec<PaneRow>,
}

/// One pane within one session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaneRow {
    /// The session.
    pub session: SessionId,
    /// The pane.
    pub pane: PaneId,
    /// The pid of the pane's process; stale once it is dead.
    pub pid: u32,
    /// Whether what the pane prints is given to a process.
    pub piped: bool,
    /// Whether tmux has seen it end.
    pub dead: bool,
    /// Its exit status, if it exited and tmux knows.
    pub status: Option<i32>,
    /// The signal that ended it, if one did and tmux knows.
    pub signal: Option<i32>,
    /// When it ended, in whole seconds since the epoch.
    pub dead_at: Option<i64>,
    /// Clients attached to the session, or to any that is grouped with it and so shows the same
    /// windows.
    pub attached: u32,
    /// When the session was created, in whole seconds since the epoch.
    pub created: i64,
    /// The last output in the pane's window, in whole seconds since the epoch.
    pub activity: i64,
    /// The session's name: any text. At most [`MAX_TEXT`] bytes.
    pub name: String,
    /// The session's labels: any text.
    pub labels: Labels,
    /// The title that a program in the pane, this one or a former, has given it; before that the
    /// host's name: any text. At most [`MAX_TEXT`] bytes, of which tmux gives [`MAX_TITLE`]
    /// columns.
    pub title: String,
    /// What [`ops::VARIABLES`](super::ops::VARIABLES) says, of a dead pane: any text.
    pub variables: String,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum ListFault {
    /// The call told nothing.
    #[error("tmux gave no answer")]
    Call(#[from] CallFault),
    /// The client found no server; whether there really is none is for others to prove. Carries its
    /// words.
    #[error("{0}")]
    NoServer(String),
    /// The socket may not be used by us. Carries the client's words.
    #[error("gtctl may not use the tmux socket: {0}")]
    Denied(String),
    /// Client and server do not understand each other, or the connection broke. Carries the
    /// client's words.
    #[error("tmux client and server do not match (different versions?): {0}")]
    Broken(String),
    /// The answer is not one; says what is wrong with it.
    #[error("gtctl cannot read tmux's answer: {0}")]
    Garbled(String),
    /// More panes than [`MAX_ROWS`].
    #[error("the tmux server has more than {MAX_ROWS} panes")]
    TooMany,
}

/// The most panes taken of one server.
pub const MAX_ROWS: usize = 20_000;
/// The most bytes kept of one text.
pub const MAX_TEXT: usize = 1024;
/// The most columns asked of a pane's title.
pub const MAX_TITLE: usize = 200;

/// A field's format, and where its text goes. `None` when the text cannot be what it should.
type Field = (&'static str, fn(&mut PaneRow, &str) -> Option<()>);

/// Fields that hold a number, an id or nothing: closed by a space.
const NUMBERS: [Field; 6] = [
    ("#{session_id}", |row, text| {
        text.parse().ok().map(|id| row.session = id)
    }),
    ("#{pane_id}", |row, text| {
        text.parse().ok().map(|id| row.pane = id)
    }),
    // Empty for a dead pane, on 3.8.
    ("#{pane_pid}", |row, text| {
        or_default(text).map(|pid| row.pid = pid)
    }),
    ("#{pane_pipe}", |row, text| {
        or_default(text).map(|piped: u32| row.piped = piped > 0)
    }),
    ("#{session_created}", |row, text| {
        text.parse().ok().map(|n| row.created = n)
    }),
    ("#{window_activity}", |row, text| {
        or_default(text).map(|n| row.activity = n)
    }),
];

/// Fields that hold any text: closed by the nonce. Those in `@` are named in [`labels`] and
/// [`ops`](super::ops).
const TEXTS: [Field; 5] = [
    ("#{session_name}", |row, text| keep(&mut row.name, text)),
    ("#{@gtctl_label}", |row, text| {
        keep(&mut row.labels.label, text)
    }),
    ("#{@gtctl_handoff}", |row, text| {
        keep(&mut row.labels.handoff, text)
    }),
    // Programs may make it as long as they like: most of it need not be sent.
    ("#{=200:pane_title}", |row, text| keep(&mut row.title, text)),
    // How a pane ended costs tmux as much as all else; of a living one it is not asked.
    (
        "#{?pane_dead,#{pane_dead_status}/#{pane_dead_signal}/#{pane_dead_time}/#{@gtctl_env},}",
        end,
    ),
];

/// The session of each client, and the group it is in.
const CLIENTS: &str = "#{session_id} #{session_attached} #{session_group}";
/// Of each pane, asked for only where somebody is attached to a session of a group. Empty for one
/// without.
const GROUP_ATTACHED: &str = "#{session_group_attached}";

/// Lists every pane of the server. Starts no server.
///
/// Each field of a pane costs the server as much as it takes to look its name up among all options,
/// so what few sessions have is asked of those alone: who is attached stands with the clients, how
/// a pane ended with the dead.
///
/// # Errors
/// [`ListFault`]. A server without sessions is not one: its listing has no rows.
pub async fn list(client: &Client) -> Result<Listing, ListFault> {
    list_with(client, Wanted::default())
        .await
        .map(|(listing, _)| listing)
}

/// As [`list`], and in the same call what else is wanted.
///
/// # Errors
/// As [`list`].
pub async fn list_with(
    client: &Client,
    wanted: Wanted<'_>,
) -> Result<(Listing, Captured), ListFault> {
    let mut read = list_as(client, Groups::Apart, wanted).await;
    if matches!(&read, Ok(Read::Grouped)) {
        read = list_as(client, Groups::Asked, wanted).await;
    }
    let read = read.and_then(|read| match read {
        Read::Whole(whole) => Ok((whole.listing, whole.captured)),
        Read::Grouped => Err(ListFault::Garbled(
            "groups that nobody asked for".to_owned(),
        )),
    });
    tracing::debug!(
        rows = read.as_ref().map_or(0, |(l, _)| l.rows.len()),
        ok = read.is_ok(),
        "list-panes"
    );
    read
}

/// Whether each pane is asked who is attached to its session's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    Apart,
    Asked,
}

/// What an answer holds.
#[derive(Debug)]
enum Read {
    Whole(Whole),
    /// Somebody is attached to a session of a group, and the groups were not asked for.
    Grouped,
}

/// A whole answer.
#[derive(Debug)]
struct Whole {
    listing: Listing,
    attached: Attached,
    captured: Captured,
}

/// How many clients are attached to a session; those without any are left out.
type Attached = BTreeMap<SessionId, u32>;

async fn list_as(client: &Client, groups: Groups, wanted: Wanted<'_>) -> Result<Read, ListFault> {
    let nonce = nonce();
    let script = script(&nonce, groups) + &wanted.script(&nonce);
    let mut answer = client.read_at_once(&script).await?;
    if !answer.success
        && answer.out.contains(&nonce)
        && !answer.out.ends_with(&format!("{nonce}E\n"))
    {
        // A server without sessions refuses to list them, and what comes after; a pane that is gone
        // has no lines.
        answer = client.read(&script).await?;
    }
    read(&answer, &nonce, groups)
}

fn script(nonce: &str, groups: Groups) -> String {
    script_of(
        nonce,
        &format!("list-panes -a -F '{}'\n", row_format(nonce, groups)),
    )
}

/// Head, clients, rows and end mark are commands of their own: an empty server fails the middle
/// ones only.
fn script_of(nonce: &str, rows: &str) -> String {
    format!(
        "display-message -p '{nonce}H#{{pid}} #{{version}}'\n\
         list-clients -F '{nonce}C{CLIENTS}'\n\
         {rows}display-message -p '{nonce}E'\n"
    )
}

fn row_format(nonce: &str, groups: Groups) -> String {
    let asked = [GROUP_ATTACHED]
        .into_iter()
        .filter(|_| groups == Groups::Asked);
    let numbers: String = NUMBERS
        .iter()
        .map(|(format, _)| *format)
        .chain(asked)
        .flat_map(|f| [f, " "])
        .collect();
    let texts: String = TEXTS
        .iter()
        .flat_map(|(format, _)| [nonce, format])
        .collect();
    format!("{nonce}P{numbers}{texts}{nonce}.")
}

fn read(answer: &CallAnswer, nonce: &str, groups: Groups) -> Result<Read, ListFault> {
    let garbled = |what: &str| ListFault::Garbled(what.to_owned());
    let mut parts = Parts {
        nonce,
        left: Some(&answer.out),
    };
    if parts.next() != Some("") {
        return Err(refusal(answer));
    }
    let Some(head) = parts.next().and_then(|part| part.strip_prefix('H')) else {
        return Err(refusal(answer));
    };
    let (pid, version) = head.split_once(' ').ok_or_else(|| garbled("its head"))?;
    let mut listing = Listing {
        server: pid.parse().map_err(|_| garbled("the server's pid"))?,
        version: version.trim_end().to_owned(),
        rows: Vec::new(),
    };
    let mut seen = BTreeSet::new();
    let mut attached = Attached::new();
    let mut is_grouped = false;
    loop {
        let part = parts.next().ok_or_else(|| garbled("it breaks off"))?;
        if let Some(client) = part.strip_prefix('C') {
            let (session, count, group) = read_client(client).ok_or_else(|| garbled("a client"))?;
            attached.insert(session, count);
            is_grouped |= !group.is_empty();
        } else if let Some(numbers) = part.strip_prefix('P') {
            let mut row = read_row(numbers, &mut parts, groups).ok_or_else(|| garbled("a pane"))?;
            row.attached = row
                .attached
                .max(attached.get(&row.session).copied().unwrap_or(0));
            if listing.rows.len() >= MAX_ROWS {
                return Err(ListFault::TooMany);
            }
            if seen.insert((row.session, row.pane)) {
                listing.rows.push(row);
            }
        } else if part == "E\n" {
            break;
        } else {
            return Err(garbled("something between the panes"));
        }
    }
    // No rows may also mean that listing failed; of the failures only this one means that there are
    // none.
    let said = answer.err.trim();
    if listing.rows.is_empty()
        && !(said.is_empty() || said.contains("no current") || said.contains("no sessions"))
    {
        return Err(ListFault::Garbled(first_line(said)));
    }
    if is_grouped && groups == Groups::Apart {
        return Ok(Read::Grouped);
    }
    Ok(Read::Whole(Whole {
        listing,
        attached,
        captured: parts.captured(),
    }))
}

/// An answer, part by part: what one means depends on those before it, for a text may begin as any
/// mark does.
struct Parts<'a> {
    nonce: &'a str,
    left: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let left = self.left.take()?;
        let (part, left) = left
            .split_once(self.nonce)
            .map_or((left, None), |(part, left)| (part, Some(left)));
        self.left = left;
        Some(part)
    }
}

impl Parts<'_> {
    /// The lines of panes, which come after the end of the listing.
    fn captured(&self) -> Captured {
        self.left
            .map(|left| Captured::read(left, self.nonce))
            .unwrap_or_default()
    }
}

/// A client's session, how many are attached to that, and its group; `None` when the line is
/// malformed.
fn read_client(line: &str) -> Option<(SessionId, u32, &str)> {
    let mut parts = line.strip_suffix('\n')?.splitn(3, ' ');
    Some((
        parts.next()?.parse().ok()?,
        or_default(parts.next()?)?,
        parts.next()?,
    ))
}

/// `None` when the row is malformed.
fn read_row<'a>(
    numbers: &str,
    parts: &mut impl Iterator<Item = &'a str>,
    groups: Groups,
) -> Option<PaneRow> {
    let mut row = PaneRow::default();
    let mut numbers = numbers.split(' ');
    for (_, put) in NUMBERS {
        put(&mut row, numbers.next()?)?;
    }
    if groups == Groups::Asked {
        row.attached = or_default(numbers.next()?)?;
    }
    if numbers.next() != Some("") || numbers.next().is_some() {
        return None;
    }
    for (_, put) in TEXTS {
        put(&mut row, parts.next()?)?;
    }
    (parts.next()? == ".\n").then_some(row)
}

/// What a client that got nowhere says.
fn refusal(answer: &CallAnswer) -> ListFault {
    let said = if answer.err.trim().is_empty() {
        first_line(&answer.out)
    } else {
        first_line(&answer.err)
    };
    let holds = |text: &str| said.contains(text);
    let refused = holds("No such file or directory") || holds("Connection refused");
    if holds("no server running") || (holds("error connecting") && refused) {
        ListFault::NoServer(said)
    } else if holds("Permission denied")
        || holds("access not allowed")
        || holds("unsafe permissions")
    {
        ListFault::Denied(said)
    } else if holds("server exited") || holds("lost server") || holds("protocol version mismatch") {
        ListFault::Broken(said)
    } else {
        ListFault::Garbled(said)
    }
}

fn first_line(text: &str) -> String {
    let line: String = text
        .lines()
        .next()
        .unwrap_or_default()
        .chars()
        .take(200)
        .collect();
    if line.is_empty() {
        "it said nothing".to_owned()
    } else {
        line
    }
}

/// Status, signal and time of a pane's end, each empty where tmux does not know it, and then any
/// text; nothing at all while it lives.
fn end(row: &mut PaneRow, text: &str) -> Option<()> {
    if text.is_empty() {
        return Some(());
    }
    let mut parts = text.splitn(4, '/');
    row.dead = true;
    if_any(&mut row.status, parts.next()?, |t| t.parse().ok())?;
    if_any(&mut row.signal, parts.next()?, signal_number)?;
    if_any(&mut row.dead_at, parts.next()?, |t| t.parse().ok())?;
    keep(&mut row.variables, parts.next()?)
}

fn or_default<T: std::str::FromStr + Default>(text: &str) -> Option<T> {
    if text.is_empty() {
        Some(T::default())
    } else {
        text.parse().ok()
    }
}

fn if_any<T>(field: &mut Option<T>, text: &str, read: impl Fn(&str) -> Option<T>) -> Option<()> {
    if !text.is_empty() {
        *field = Some(read(text)?);
    }
    Some(())
}

/// 3.3a prints numbers, later versions may print names; one that is not known is a death by signal
/// all the same.
fn signal_number(text: &str) -> Option<i32> {
    const NAMES: [(&str, i32); 12] = [
        ("HUP", 1),
        ("INT", 2),
        ("QUIT", 3),
        ("ILL", 4),
        ("TRAP", 5),
        ("ABRT", 6),
        ("BUS", 7),
        ("FPE", 8),
        ("KILL", 9),
        ("SEGV", 11),
        ("PIPE", 13),
        ("TERM", 15),
    ];
    let name = text.strip_prefix("SIG").unwrap_or(text);
    let named = NAMES
        .iter()
        .find(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, n)| *n);
    text.parse().ok().or(named).or(Some(0))
}

#[expect(clippy::unnecessary_wraps, reason = "the other fields can fail")]
fn keep(field: &mut String, text: &str) -> Option<()> {
    let end = (0..=text.len().min(MAX_TEXT))
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0);
    text.get(..end).unwrap_or_default().clone_into(field);
    Some(())
}

#[cfg(test)]
mod tests;
