//! `gtctl logs`: what a session has printed.

use super::args::{Global, Logs, TownArg};
use super::exit::{Exit, Trouble};
use super::fleet::{self, VerbWords};
use super::output::{Terminal, has_no_reader};
use super::place::Place;
use super::since;
use crate::model::{Generation, SessionName};
use crate::proc::{clock, zone};
use crate::remote::TerminalUse;
use crate::render::{json, sanitise};
use crate::screen::output::Stripper;
use crate::store::{FollowFault, Follower, Since, View};
use std::collections::VecDeque;
use std::io::IsTerminal;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;
use std::time::Duration;

/// How often a followed log is read again.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// Bytes read at once.
const CHUNK: usize = 1 << 20;
/// How much of the end of a log is read at first for its last lines, in bytes.
const LEAST_READ: u64 = 1 << 20;
/// The most that is read, in bytes: more than the default size of the logs of one incarnation.
const MOST_READ: u64 = 64 << 20;
/// The longest line that is printed, in characters.
const MAX_LINE: usize = 4096;

pub(super) async fn run(
    global: &Global,
    args: &Logs,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    if args.raw && std::io::stdout().is_terminal() {
        let trouble =
            Trouble::new("raw output can harm a terminal, so gtctl does not print it here");
        return Err(trouble.help("leave out `--raw`, or redirect to a file"));
    }
    let since = args.since.as_deref();
    let since = since
        .map(|text| since::parse(text, clock::now(), &zone::local()))
        .transpose()?;
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    if let Some(fleet) = fleet::of(&place, global)?
        && let Some(host) = fleet.other_host_of(&args.session)?
    {
        let words = VerbWords::of("logs")
            .flag("-F", args.follow)
            .flag("--previous", args.previous)
            .flag("--raw", args.raw)
            .value("--last", args.last)
            .value("--since", args.since.as_deref())
            .arguments(&[&args.session]);
        return fleet
            .hand_over(&host, TerminalUse::Lines, words, terminal)
            .await;
    }
    let session = place.session(&args.session)?;
    let view = View::of(&place.state);
    let mut life = life(&view, &session, args)?;
    let mut page = Page::new(args, terminal.is_json().then(|| (session.clone(), life)));
    let files = view.log_files(&session, life);
    let mut follower = match (since, args.last) {
        (Some(since), _) => {
            let begins = view.log_since(&session, life, since);
            read_since(&mut page, &files, begins, terminal)?
        }
        (None, Some(count)) => read_last(&mut page, &files, count, terminal)?,
        (None, None) => read_all(&mut page, &files, terminal)?,
    };
    loop {
        page.read(&mut follower, terminal)?;
        page.keep = None;
        page.print(terminal);
        if !args.follow {
            page.end(terminal);
            return Ok(Exit::Done);
        }
        if let Some(newer) = view
            .logged(&session)
            .last()
            .copied()
            .filter(|newest| *newest > life)
        {
            // The output between the look and the restart.
            page.read(&mut follower, terminal)?;
            page.end(terminal);
            terminal.note(&format!("{session} was started again"));
            life = newer;
            page.json = page.json.take().map(|(session, _)| (session, newer));
            follower = Follower::of_log(view.log_of(&session, life));
            continue;
        }
        if has_no_reader() {
            return Ok(Exit::Done);
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
        }
    }
}

/// Reads all of these files, oldest first, then follows the newest.
fn read_all(page: &mut Page, files: &[PathBuf], terminal: &Terminal) -> Result<Follower, Trouble> {
    let followers = files.iter().map(Follower::of_log).collect();
    read_in_order(page, followers, terminal)
}

/// Reads these files from where the output since a time begins.
fn read_since(
    page: &mut Page,
    files: &[PathBuf],
    begins: Option<Since>,
    terminal: &Terminal,
) -> Result<Follower, Trouble> {
    let (inode, offset) = match begins {
        Some(Since::At { inode, offset }) => (inode, offset),
        Some(Since::Start) => return read_all(page, files, terminal),
        None => {
            terminal.note("this log has no times, so all of it is printed");
            return read_all(page, files, terminal);
        }
        Some(Since::Nothing) => {
            let newest = files.last().map(Follower::of_log);
            let mut newest = newest.ok_or_else(|| Trouble::new("there is no log"))?;
            newest.skip_to_last(0).map_err(|e| unreadable(&e))?;
            return Ok(newest);
        }
    };
    let is_it = |path: &PathBuf| std::fs::symlink_metadata(path).is_ok_and(|m| m.ino() == inode);
    // A file that was removed since then was older than all that are left.
    let Some(first) = files.iter().position(is_it) else {
        return read_all(page, files, terminal);
    };
    let mut followers: Vec<Follower> = files.iter().skip(first).map(Follower::of_log).collect();
    if let Some(begun) = followers.first_mut() {
        begun.skip_to(offset).map_err(|e| unreadable(&e))?;
    }
    read_in_order(page, followers, terminal)
}

/// Reads the last `count` lines of these files, at most [`MOST_READ`] bytes.
fn read_last(
    page: &mut Page,
    files: &[PathBuf],
    count: usize,
    terminal: &Terminal,
) -> Result<Follower, Trouble> {
    let mut bytes = LEAST_READ;
    loop {
        let (followers, is_all) = last_of(files, bytes)?;
        page.begin(!is_all);
        let follower = read_in_order(page, followers, terminal)?;
        if page.lines.len() >= count || is_all {
            return Ok(follower);
        }
        if bytes >= MOST_READ {
            terminal.note(&format!(
                "only the last {} MiB of the log were read",
                MOST_READ >> 20
            ));
            return Ok(follower);
        }
        bytes = bytes.saturating_mul(8).min(MOST_READ);
    }
}

/// The files with the last bytes, oldest first, each with the offset at which to begin. Also tells
/// whether these are all bytes.
fn last_of(files: &[PathBuf], bytes: u64) -> Result<(Vec<Follower>, bool), Trouble> {
    let mut left = bytes;
    let mut newest_first = Vec::new();
    for path in files.iter().rev() {
        let mut follower = Follower::of_log(path);
        let size = follower.skip_to_last(left).map_err(|e| unreadable(&e))?;
        newest_first.push(follower);
        if size > left {
            break;
        }
        left -= size;
    }
    let is_all = newest_first.len() == files.len() && left > 0;
    newest_first.reverse();
    Ok((newest_first, is_all))
}

/// Reads these files to their ends, then follows the last one.
fn read_in_order(
    page: &mut Page,
    followers: Vec<Follower>,
    terminal: &Terminal,
) -> Result<Follower, Trouble> {
    let mut newest = None;
    for mut follower in followers {
        page.read(&mut follower, terminal)?;
        newest = Some(follower);
    }
    newest.ok_or_else(|| Trouble::new("there is no log"))
}

fn unreadable(fault: &FollowFault) -> Trouble {
    Trouble::new("the log cannot be read").because(fault)
}

/// Splits what was read into lines, and keeps what is not printed yet.
struct Page {
    /// Whether the next bytes belong to a line that is skipped.
    is_within_line: bool,
    stripper: Option<Stripper>,
    lines: VecDeque<Vec<u8>>,
    /// Print only so many of the last lines.
    keep: Option<usize>,
    /// The session and generation of each line, where lines are printed as JSON.
    json: Option<(SessionName, Generation)>,
}

impl Page {
    fn new(args: &Logs, json: Option<(SessionName, Generation)>) -> Self {
        let stripped = !args.raw || json.is_some();
        Self {
            is_within_line: false,
            stripper: stripped.then(Stripper::default),
            lines: VecDeque::new(),
            keep: args.last,
            json,
        }
    }

    /// Begins a new file, at the start or in the middle of a line.
    fn begin(&mut self, is_within_line: bool) {
        self.is_within_line = is_within_line;
        self.lines.clear();
        if let Some(stripper) = &mut self.stripper {
            *stripper = Stripper::default();
        }
    }

    /// The bytes without the rest of a skipped line.
    fn wanted<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        if !self.is_within_line {
            return bytes;
        }
        let mut parts = bytes.splitn(2, |byte| *byte == b'\n').skip(1);
        let Some(rest) = parts.next() else {
            return &[];
        };
        self.is_within_line = false;
        rest
    }

    /// Reads to the end.
    fn read(&mut self, follower: &mut Follower, terminal: &Terminal) -> Result<(), Trouble> {
        loop {
            let new = follower.read_new(CHUNK).map_err(|e| unreadable(&e))?;
            if new.bytes.is_empty() {
                return Ok(());
            }
            let bytes = self.wanted(&new.bytes);
            match &mut self.stripper {
                Some(stripper) => {
                    stripper.feed(bytes);
                    let rows = stripper.rows().to_vec();
                    stripper.take();
                    self.add(&rows);
                }
                None => self.add(bytes),
            }
            if self.keep.is_none() {
                self.print(terminal);
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        for piece in bytes.split_inclusive(|byte| *byte == b'\n') {
            match self.lines.back_mut().filter(|line| !line.ends_with(b"\n")) {
                Some(line) => line.extend_from_slice(piece),
                None => self.lines.push_back(piece.to_vec()),
            }
            if self.keep.is_some_and(|keep| self.lines.len() > keep) {
                self.lines.pop_front();
            }
        }
    }

    fn print(&mut self, terminal: &Terminal) {
        let mut out = Vec::new();
        for line in self.lines.drain(..) {
            if let Some((session, life)) = &self.json {
                let text = sanitise::line(&String::from_utf8_lossy(&line), MAX_LINE);
                let page = json::log(session, *life, text);
                out.extend(serde_json::to_vec(&page).unwrap_or_default());
                out.push(b'\n');
            } else if self.stripper.is_none() {
                out.extend(line);
            } else {
                out.extend(sanitise::line(&String::from_utf8_lossy(&line), MAX_LINE).into_bytes());
                out.push(b'\n');
            }
        }
        terminal.pass(&out);
    }

    /// Prints the last line too, although it has no line end.
    fn end(&mut self, terminal: &Terminal) {
        if let Some(stripper) = &mut self.stripper {
            let open = stripper.open().to_vec();
            *stripper = Stripper::default();
            if !open.trim_ascii().is_empty() {
                self.lines.push_back(open);
            }
        }
        self.print(terminal);
    }
}

/// The generation that is asked for.
fn life(view: &View, session: &SessionName, args: &Logs) -> Result<Generation, Trouble> {
    let lives = view.logged(session);
    let back = usize::from(args.previous);
    lives.iter().rev().nth(back).copied().ok_or_else(|| {
        if lives.is_empty() {
            let trouble = Trouble::new(format!("{session} has no log yet"));
            trouble.help(
                "gtctl logs the sessions it starts; an adopted session from its next start on",
            )
        } else {
            Trouble::new(format!("{session} has only one run with a log"))
                .help("leave out `--previous`")
        }
    })
}
