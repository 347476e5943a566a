//! What got away: processes that carry our marker in their environment, wherever in the process
//! table they went.
//!
//! Every agent is started with [`TOWN`], [`SESSION`] and [`GENERATION`] in its environment, and
//! what it starts inherits them: daemons that left the tree are found by them.

use super::process::{self, Presence};
use super::{file, own, tree};
use crate::model::{Generation, ProcId, ServerId, SessionName};
use memchr::memmem::Finder;
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;

/// The town's name.
pub const TOWN: &str = "GTCTL_TOWN";
/// The session's name.
pub const SESSION: &str = "GTCTL_SESSION";
/// The session's life, in decimal.
pub const GENERATION: &str = "GTCTL_GENERATION";

/// The chore whose command it is, by its folder: two towns of one name may have chores of one name.
pub const CHORE: &str = "GTCTL_CHORE";

/// The most bytes of an environment that are read.
const MAX_ENVIRONMENT: usize = 1 << 20;

/// So often it is asked again what panes have left behind.
const MOST_PASSES: u32 = 8;

/// Processes that carried a town's marker when `/proc` was read, nothing else of which is known
/// yet.
#[derive(Debug, Clone)]
pub struct Sighted {
    town: SessionName,
    found: Vec<(SessionName, u32)>,
}

/// A scan for this town's marker in the environment of every process but ourselves and those above
/// us, done in steps: all of it takes longer than a look, and can be done while others work.
#[derive(Debug)]
pub struct Scan {
    /// Only what panes have left behind is wanted.
    behind: Option<Behind>,
    entry: Finder<'static>,
    buffer: Vec<u8>,
    /// What is still to be read.
    left: Vec<u32>,
    /// What need not be read any more, ourselves included.
    seen: BTreeSet<u32>,
    /// How often something was found to be read.
    passes: u32,
    /// Nothing more is looked for.
    over: bool,
    sighted: Sighted,
}

/// Where the children of an ended process of a pane are. They were given to the nearest of the
/// server's ancestors that takes such in, or to process 1: so only the children of all of these are
/// read, and the panes that it may have become.
#[derive(Debug, Clone)]
pub struct Behind {
    /// Whose panes they were.
    pub server: ServerId,
    /// The processes of its panes that are not known to be others'.
    pub panes: Vec<u32>,
}

impl Behind {
    /// None where an ancestor's children are not told.
    fn pids(&self) -> Option<Vec<u32>> {
        let ServerId(server) = self.server;
        let mut found = self.panes.clone();
        for ancestor in own::line_of(server.pid).into_iter().skip(1).chain([1]) {
            found.extend(tree::children(ancestor)?);
        }
        Some(found)
    }
}

impl Scan {
    /// One of which nothing is done yet: it finds processes that are there when its first step
    /// begins.
    #[must_use]
    pub fn new(town: &SessionName) -> Self {
        let entry = Finder::new(&format!("{TOWN}={town}")).into_owned();
        let sighted = Sighted {
            town: town.clone(),
            found: Vec::new(),
        };
        let (buffer, left, seen) = (Vec::new(), Vec::new(), BTreeSet::new());
        Self {
            behind: None,
            entry,
            buffer,
            left,
            seen,
            passes: 0,
            over: false,
            sighted,
        }
    }

    /// One that finds what panes have left behind whose own process has ended, or what was moved
    /// out of their session. Where the kernel does not tell of children, it is a scan of all.
    #[must_use]
    pub fn behind(town: &SessionName, behind: Behind) -> Self {
        Self {
            behind: Some(behind),
            ..Self::new(town)
        }
    }

    /// Reads so many processes at most; whether any are left.
    pub fn step(&mut self, count: usize) -> bool {
        let mut count = count;
        while count > 0 {
            if self.left.is_empty() && !self.finds_more() {
                return false;
            }
            let now = self.left.split_off(self.left.len().saturating_sub(count));
            count -= now.len();
            for pid in now {
                self.read(pid);
            }
        }
        true
    }

    /// Looks for what is to be read. What ends while others are read hands its own children on: so
    /// it is asked again until there are no more, and where that has no end, all are read.
    fn finds_more(&mut self) -> bool {
        if self.over {
            return false;
        }
        if self.buffer.is_empty() {
            self.buffer = vec![0; MAX_ENVIRONMENT];
            self.seen.extend(own::line());
        }
        let behind = self
            .behind
            .as_ref()
            .filter(|_| self.passes < MOST_PASSES)
            .and_then(Behind::pids);
        self.over = behind.is_none();
        let pids = behind.unwrap_or_else(file::pids);
        self.left = pids
            .into_iter()
            .rev()
            .filter(|pid| self.seen.insert(*pid))
            .collect();
        self.passes += u32::from(!self.left.is_empty());
        !self.left.is_empty()
    }

    fn read(&mut self, pid: u32) {
        let bytes = match file::read_at_once(format!("/proc/{pid}/environ"), &mut self.buffer) {
            Err(fault) if fault.kind() == ErrorKind::PermissionDenied => return,
            read => read.unwrap_or_default(),
        };
        if bytes.is_empty() && !self.over {
            // It is ending, and may not have handed its children on yet.
            let children = tree::children(pid).unwrap_or_default();
            self.left.extend(
                children
                    .into_iter()
                    .filter(|child| self.seen.insert(*child)),
            );
        }
        // Nearly all processes are strangers.
        let found = self
            .entry
            .find(bytes)
            .and_then(|_| parse(bytes, &self.sighted.town));
        self.sighted
            .found
            .extend(found.map(|(session, _)| (session, pid)));
    }

    /// Reads all that is left.
    #[must_use]
    pub fn finish(mut self) -> Sighted {
        self.step(usize::MAX);
        self.sighted
    }
}

impl Sighted {
    /// Whether no process of the sessions that are wanted carried it, be it alive now or not. Then
    /// nothing of theirs is left that could have started more since: an agent carries the marker
    /// itself.
    #[must_use]
    pub fn is_clear_of(&self, wanted: impl Fn(&SessionName) -> bool) -> bool {
        !self.found.iter().any(|(session, _)| wanted(session))
    }

    /// Which session's marker each of them carried.
    #[must_use]
    pub fn tags(&self) -> BTreeMap<u32, SessionName> {
        self.found
            .iter()
            .map(|(session, pid)| (*pid, session.clone()))
            .collect()
    }

    /// Those of them that live now and are our user's, of the sessions that are wanted: which life,
    /// and which process. Never a tmux server, which may have been started from within a session.
    #[must_use]
    pub fn living(
        &self,
        wanted: impl Fn(&SessionName) -> bool,
    ) -> BTreeMap<SessionName, Vec<(Generation, ProcId)>> {
        let mut living: BTreeMap<SessionName, Vec<(Generation, ProcId)>> = BTreeMap::new();
        for (_, pid) in self
            .found
            .iter()
            .filter(|(session, pid)| wanted(session) && file::is_own(*pid))
        {
            if let Some((session, generation, process)) =
                marked(*pid, &self.town).filter(|(session, ..)| wanted(session))
            {
                living
                    .entry(session)
                    .or_default()
                    .push((generation, process));
            }
        }
        living
    }
}

/// The living processes of our user that carry this town's marker, by session: which life, and
/// which process.
///
/// Never ourselves, nor an ancestor of ours, nor a tmux server, which may have been started from
/// within a session.
#[must_use]
pub fn carrying_any(town: &SessionName) -> BTreeMap<SessionName, Vec<(Generation, ProcId)>> {
    carrying_those(town, |_| true)
}

/// As [`carrying_any`], of those sessions alone that are wanted.
#[must_use]
pub fn carrying_those(
    town: &SessionName,
    wanted: impl Fn(&SessionName) -> bool,
) -> BTreeMap<SessionName, Vec<(Generation, ProcId)>> {
    Scan::new(town).finish().living(wanted)
}

/// The living processes that carry the marker of this session, up to and including this life of it.
/// As [`carrying_any`], which serves many sessions with one scan.
#[must_use]
pub fn carrying(town: &SessionName, session: &SessionName, up_to: Generation) -> Vec<ProcId> {
    let all = carrying_any(town).remove(session).unwrap_or_default();
    all.into_iter()
        .filter(|(generation, _)| *generation <= up_to)
        .map(|(_, process)| process)
        .collect()
}

/// The living processes of our user that carry the marker of this chore, never ourselves nor an
/// ancestor of ours.
#[must_use]
pub fn of_chore(chore: &str) -> Vec<ProcId> {
    let own = own::line();
    let of = |pid: u32| {
        let process = process::identify(pid)?;
        let bytes = file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT as u64).ok()?;
        let is_its = value(&bytes, CHORE).as_deref() == Some(chore);
        (is_its && process::may_live(process)).then_some(process)
    };
    file::pids()
        .into_iter()
        .filter(|pid| !own.contains(pid) && file::is_own(*pid))
        .filter_map(of)
        .collect()
}

/// Whether this process, of whatever kind, was given the marker of any session of the town.
#[must_use]
pub fn bears(pid: u32, town: &SessionName) -> bool {
    borne(pid, town).is_some()
}

/// The marker of the town that this process was given: of which session, and of which life.
#[must_use]
pub fn borne(pid: u32, town: &SessionName) -> Option<(SessionName, Generation)> {
    parse(
        &file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT as u64).ok()?,
        town,
    )
}

fn marked(pid: u32, town: &SessionName) -> Option<(SessionName, Generation, ProcId)> {
    let process = process::identify(pid)?;
    let bytes = file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT as u64).ok()?;
    let (session, generation) = parse(&bytes, town)?;
    // Read after the environment: the pid may have changed hands in between.
    match process::look_at(process) {
        Presence::Alive(stat) if !stat.comm.starts_with("tmux: server") => {
            Some((session, generation, process))
        }
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => None,
    }
}

fn parse(environment: &[u8], town: &SessionName) -> Option<(SessionName, Generation)> {
    if value(environment, TOWN)? != town.as_str() {
        return None;
    }
    let generation = value(environment, GENERATION)?.parse().ok()?;
    Some((
        SessionName::new(&value(environment, SESSION)?).ok()?,
        Generation(generation),
    ))
}

fn value(environment: &[u8], name: &str) -> Option<String> {
    let of = |entry: &[u8]| {
        Some(
            entry
                .strip_prefix(name.as_bytes())?
                .strip_prefix(b"=")?
                .to_vec(),
        )
    };
    String::from_utf8(environment.split(|b| *b == 0).find_map(of)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn only_a_whole_marker_of_this_town_counts() {
        let town = SessionName::new("t").unwrap();
        let ok = b"A=1\0GTCTL_TOWN=t\0GTCTL_SESSION=s\0GTCTL_GENERATION=3\0";
        assert_eq!(
            parse(ok, &town),
            Some((SessionName::new("s").unwrap(), Generation(3)))
        );
        for other in [
            &b"GTCTL_TOWN=tt\0GTCTL_SESSION=s\0GTCTL_GENERATION=3\0"[..],
            b"GTCTL_TOWN=t\0GTCTL_SESSION=$1\0GTCTL_GENERATION=3\0",
            b"GTCTL_TOWN=t\0GTCTL_SESSION=s\0GTCTL_GENERATION=x\0",
            b"GTCTL_TOWN=t\0GTCTL_SESSION=s\0",
            b"XGTCTL_TOWN=t\0GTCTL_TOWN_=t\0",
            b"",
        ] {
            assert_eq!(parse(other, &town), None);
        }
    }

    #[test]
    fn a_marked_process_is_found_up_to_its_life() {
        let name = format!("unit-{}", std::process::id());
        let (town, session) = (
            SessionName::new(&name).unwrap(),
            SessionName::new("s").unwrap(),
        );
        let marker = [(TOWN, name.as_str()), (SESSION, "s"), (GENERATION, "5")];
        let mut child = Command::new("sleep")
            .arg("600")
            .envs(marker)
            .spawn()
            .unwrap();
        let process = process::identify(child.id()).unwrap();
        // A process that is just being executed shows no environment for an instant.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while carrying(&town, &session, Generation(5)) != [process]
            && std::time::Instant::now() < deadline
        {
            std::thread::yield_now();
        }
        assert_eq!(carrying(&town, &session, Generation(5)), [process]);
        assert!(carrying(&town, &session, Generation(4)).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(carrying(&town, &session, Generation(5)).is_empty());
    }

    #[test]
    fn what_a_pane_leaves_behind_is_among_the_children_of_the_servers_ancestors() {
        let name = format!("behind-{}", std::process::id());
        let (town, session) = (
            SessionName::new(&name).unwrap(),
            SessionName::new("s").unwrap(),
        );
        let marker = [(TOWN, name.as_str()), (SESSION, "s"), (GENERATION, "5")];
        let script = "sleep 600 & echo $!; kill -9 $$";
        let us = ServerId(process::identify(std::process::id()).unwrap());
        let mut pane = Command::new("sh");
        let mut pane = pane
            .args(["-c", script])
            .envs(marker)
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let mut text = String::new();
        std::io::BufRead::read_line(
            &mut std::io::BufReader::new(pane.stdout.take().unwrap()),
            &mut text,
        )
        .unwrap();
        pane.wait().unwrap();
        let left = process::identify(text.trim().parse().unwrap()).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let found = || {
            Scan::behind(
                &town,
                Behind {
                    server: us,
                    panes: vec![],
                },
            )
            .finish()
        };
        while found().is_clear_of(|_| true) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(
            found().living(|_| true),
            [(session, vec![(Generation(5), left)])].into()
        );
        let all = Scan::new(&town).finish();
        assert!(!all.is_clear_of(|_| true));
        super::super::signal::signal(left, super::super::signal::Signal::KILL);
    }

    #[test]
    fn what_was_moved_elsewhere_is_found_in_its_pane() {
        let name = format!("moved-{}", std::process::id());
        let town = SessionName::new(&name).unwrap();
        let marker = [(TOWN, name.as_str()), (SESSION, "s"), (GENERATION, "5")];
        let mut pane = Command::new("sleep")
            .arg("600")
            .envs(marker)
            .spawn()
            .unwrap();
        let us = ServerId(process::identify(std::process::id()).unwrap());
        let is_clear = |panes| {
            Scan::behind(&town, Behind { server: us, panes })
                .finish()
                .is_clear_of(|_| true)
        };
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while is_clear(vec![pane.id()]) && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert!(!is_clear(vec![pane.id()]));
        assert!(
            is_clear(vec![]),
            "a pane of the server is no child of those above it"
        );
        pane.kill().unwrap();
        pane.wait().unwrap();
    }
}
