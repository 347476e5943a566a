//! Lists every pane of a server in one round trip. The request and the parser stand side by side.
//!
//! Session names and labels may contain anything, even text that looks like another record. So each
//! text ends with a nonce made for this call. Only the server learns it, over the client's input.
//! An answer counts only if it is complete, from its head to its end mark.
//!
//! **Architecture invariant:** this module cleans nothing. Texts come out as tmux has them.

mod partial_look;

pub use partial_look::list_few;

use super::labels::Labels;
use super::nonce::nonce;
use super::tail::{Captured, Wanted};
use super::{CallAnswer, CallFault, Client};
use crate::model::{PaneId, SessionId};
use crate::model::{SortedMap, SortedSet};

/// All panes of a server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    /// The pid that the server reports.
    pub server: u32,
    /// The server's version, such as `3.3a`.
    pub version: String,
    /// A row for each pane of each session, in tmux's order. A pane of a linked window has a row in
    /// each of its sessions.
    pub rows: Vec<PaneRow>,
}

/// One pane in one session.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PaneRow {
    /// The id of the session.
    pub session: SessionId,
    /// The id of the pane.
    pub pane: PaneId,
    /// The pid of the pane's process. Out of date once `dead` is set.
    pub pid: u32,
    /// Whether the output of the pane is piped to a process.
    pub piped: bool,
    /// Whether tmux has seen the process end.
    pub dead: bool,
    /// The exit status, if the process exited and tmux knows it.
    pub status: Option<i32>,
    /// The signal that ended the process, if tmux knows it.
    pub signal: Option<i32>,
    /// When the process ended, in whole seconds since 1970.
    pub dead_at: Option<i64>,
    /// The number of clients attached to the session or to another session of its group, which
    /// shows the same windows.
    pub attached: u32,
    /// When the session was created, in whole seconds since 1970.
    pub created: i64,
    /// When the pane's window last had output, in whole seconds since 1970.
    pub activity: i64,
    /// The name of the session: any text, at most [`MAX_TEXT`] bytes.
    pub name: String,
    /// The labels of the session: any text.
    pub labels: Labels,
    /// The title that a program has given the pane, or the host's name: any text. At most
    /// [`MAX_TEXT`] bytes and [`MAX_TITLE`] columns.
    pub title: String,
    /// For a dead pane, the value of [`ops::VARIABLES`](super::ops::VARIABLES): any text.
    pub variables: String,
}

/// Why there is no listing.
#[derive(Debug, thiserror::Error)]
pub enum ListFault {
    /// The call has no answer.
    #[error("tmux gave no answer")]
    Call(#[from] CallFault),
    /// The client found no server. This is no proof that there is none. Contains the client's
    /// message.
    #[error("{0}")]
    NoServer(String),
    /// We may not use the socket. Contains the client's message.
    #[error("gtctl may not use the tmux socket: {0}")]
    Denied(String),
    /// Client and server do not understand each other, or the connection broke. Contains the
    /// client's message.
    #[error("tmux client and server do not match (different versions?): {0}")]
    Broken(String),
    /// The answer is malformed, for this reason.
    #[error("gtctl cannot read tmux's answer: {0}")]
    Garbled(String),
    /// More panes than [`MAX_ROWS`].
    #[error("the tmux server has more than {MAX_ROWS} panes")]
    TooMany,
}

/// The most panes read of one server.
pub const MAX_ROWS: usize = 20_000;
/// The most bytes kept of one text.
pub const MAX_TEXT: usize = 1024;
/// The most columns requested of a title.
pub const MAX_TITLE: usize = 200;

/// A format, and the function that stores its value. It returns `None` for a malformed value.
type Field = (&'static str, fn(&mut PaneRow, &str) -> Option<()>);

/// Fields that contain a number, an id or nothing. Each ends with a space.
const NUMBERS: [Field; 6] = [
    ("#{session_id}", |row, text| {
        text.parse().ok().map(|id| row.session = id)
    }),
    ("#{pane_id}", |row, text| {
        text.parse().ok().map(|id| row.pane = id)
    }),
    // tmux 3.8 prints nothing for a dead pane.
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

/// Fields that contain any text. Each ends with the nonce. The options in `@` are named in
/// [`labels`](super::labels) and [`ops`](super::ops).
const TEXTS: [Field; 5] = [
    ("#{session_name}", |row, text| keep(&mut row.name, text)),
    ("#{@gtctl_label}", |row, text| {
        keep(&mut row.labels.label, text)
    }),
    ("#{@gtctl_handoff}", |row, text| {
        keep(&mut row.labels.handoff, text)
    }),
    // A title may be very long. Most of it need not be sent.
    ("#{=200:pane_title}", |row, text| keep(&mut row.title, text)),
    // How a pane ended costs tmux as much as all else, so a living pane is not asked.
    (
        "#{?pane_dead,#{pane_dead_status}/#{pane_dead_signal}/#{pane_dead_time}/#{@gtctl_env},}",
        end,
    ),
];

/// The fields of a client: its session, the clients attached to that, and its group.
const CLIENTS: &str = "#{session_id} #{session_attached} #{session_group}";
/// The clients attached to the group of a session. Requested only if somebody is attached to a
/// session in a group.
const GROUP_ATTACHED: &str = "#{session_group_attached}";

/// Lists every pane of the server. Starts no server.
///
/// Each field of each pane costs the server a search among all options. So rare values are
/// requested only where they occur: attached clients with the list of clients, how a pane ended for
/// dead panes.
///
/// # Errors
/// [`ListFault`]. A server without sessions is no error: its listing has no rows.
pub async fn list(client: &Client) -> Result<Listing, ListFault> {
    list_with(client, Wanted::default())
        .await
        .map(|(listing, _)| listing)
}

/// As [`list`]. The same call also reads the `wanted` screens.
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

/// Whether each pane is asked for the clients of its session's group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Groups {
    Apart,
    Asked,
}

/// The content of an answer.
#[derive(Debug)]
enum Read {
    Whole(Whole),
    /// Somebody is attached to a session in a group, but the groups were not requested.
    Grouped,
}

/// A complete answer.
#[derive(Debug)]
struct Whole {
    listing: Listing,
    attached: Attached,
    captured: Captured,
}

/// The number of clients attached to each session that has any.
type Attached = SortedMap<SessionId, u32>;

async fn list_as(client: &Client, groups: Groups, wanted: Wanted<'_>) -> Result<Read, ListFault> {
    let nonce = nonce();
    let script = script(&nonce, groups) + &wanted.script(&nonce);
    let mut answer = client.read_at_once(&script).await?;
    if !answer.success
        && answer.out.contains(&nonce)
        && !answer.out.ends_with(&format!("{nonce}E\n"))
    {
        // A server without sessions fails this command and all after it. So does a missing pane.
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

/// Head, clients, rows and end mark are separate commands, so that an empty server fails only the
/// middle ones.
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
        unread: Some(&answer.out),
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
    let mut seen = SortedSet::new();
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
    // Without rows the listing may have failed. Only these errors mean that there are no sessions.
    let message = answer.err.trim();
    if listing.rows.is_empty()
        && !(message.is_empty()
            || message.contains("no current")
            || message.contains("no sessions"))
    {
        return Err(ListFault::Garbled(first_line(message)));
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

/// The parts of an answer, in order. The meaning of a part depends on those before it, because a
/// text may begin like a mark.
struct Parts<'a> {
    nonce: &'a str,
    unread: Option<&'a str>,
}

impl<'a> Iterator for Parts<'a> {
    type Item = &'a str;

    fn next(&mut self) -> Option<&'a str> {
        let unread = self.unread.take()?;
        let (part, unread) = unread
            .split_once(self.nonce)
            .map_or((unread, None), |(part, unread)| (part, Some(unread)));
        self.unread = unread;
        Some(part)
    }
}

impl Parts<'_> {
    /// The screens, which follow the end of the listing.
    fn captured(&self) -> Captured {
        self.unread
            .map(|unread| Captured::read(unread, self.nonce))
            .unwrap_or_default()
    }
}

/// Reads the line of a client: its session, the clients attached to that, and its group.
fn read_client(line: &str) -> Option<(SessionId, u32, &str)> {
    let mut parts = line.strip_suffix('\n')?.splitn(3, ' ');
    Some((
        parts.next()?.parse().ok()?,
        or_default(parts.next()?)?,
        parts.next()?,
    ))
}

/// Reads the row of a pane. `None` if it is malformed.
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

/// Turns the message of a failed client into a fault.
fn refusal(answer: &CallAnswer) -> ListFault {
    let message = if answer.err.trim().is_empty() {
        first_line(&answer.out)
    } else {
        first_line(&answer.err)
    };
    let holds = |text: &str| message.contains(text);
    let refused = holds("No such file or directory") || holds("Connection refused");
    if holds("no server running") || (holds("error connecting") && refused) {
        ListFault::NoServer(message)
    } else if holds("Permission denied")
        || holds("access not allowed")
        || holds("unsafe permissions")
    {
        ListFault::Denied(message)
    } else if holds("server exited") || holds("lost server") || holds("protocol version mismatch") {
        ListFault::Broken(message)
    } else {
        ListFault::Garbled(message)
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

/// Reads status, signal and time of a pane's end, each empty if unknown, and its variables. The
/// text is empty while the process lives.
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

/// The number of a signal. tmux 3.3a prints numbers, later versions may print names. An unknown
/// name becomes 0: it is still a death by signal.
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
        .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
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
