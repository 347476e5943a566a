//! Finds processes by the tag in their environment, wherever they are in the process tree.
//!
//! Every agent is started with [`TOWN`], [`SESSION`] and [`GENERATION`] in its environment. Its
//! children inherit them. So a daemon that has left the tree of its pane can still be found.

use super::machine::machine;
use super::process::{self, Presence};
use super::{file, own, tree};
use crate::model::{Generation, ProcId, Renames, ServerId, SessionName};
use crate::model::{SortedMap, SortedSet};
use memchr::memmem::Finder;
use std::io::ErrorKind;

/// The town's name.
pub const TOWN: &str = "GTCTL_TOWN";
/// The session's name.
pub const SESSION: &str = "GTCTL_SESSION";
/// The generation of the session, in decimal.
pub const GENERATION: &str = "GTCTL_GENERATION";

/// The folder of a chore. Unlike its name, the folder is unique among towns.
pub const CHORE: &str = "GTCTL_CHORE";

/// The most bytes read of one environment.
const MAX_ENVIRONMENT: usize = 1 << 20;

/// How many passes search for leftovers of panes before all processes are read.
const MOST_PASSES: u32 = 8;

/// Processes that had the tag of a town when `/proc` was read. They may have ended since.
#[derive(Debug, Clone)]
pub struct Sighted {
    town: SessionName,
    tagged: Vec<(SessionName, Generation, u32)>,
    renames: Renames,
}

/// A search for a town's tag in the environment of processes, except ourselves and our ancestors.
///
/// It runs in steps, because a whole search takes longer than a look.
#[derive(Debug)]
pub struct Scan {
    /// Limits the search to what panes have left behind.
    behind: Option<Behind>,
    entry: Finder<'static>,
    buffer: Vec<u8>,
    /// Pids still to read.
    left: Vec<u32>,
    /// Pids that were read or must not be read, such as our own.
    seen: SortedSet<u32>,
    /// How many passes had pids to read.
    passes: u32,
    /// No pass follows.
    over: bool,
    sighted: Sighted,
}

/// Where the descendants of ended panes are.
///
/// The kernel gives an orphan to the nearest ancestor that is a subreaper, or to process 1. So it is
/// enough to read the children of the server's ancestors, and the panes to which it may have moved.
#[derive(Debug, Clone)]
pub struct Behind {
    /// The server of the panes.
    pub server: ServerId,
    /// The processes of its panes, except those known to belong to a session.
    pub panes: Vec<u32>,
}

impl Behind {
    /// The pids to read. `None` where the kernel does not list the children of an ancestor.
    fn pids(&self) -> Option<Vec<u32>> {
        let ServerId(server) = self.server;
        let mut pids = self.panes.clone();
        for ancestor in own::line_of(server.pid).into_iter().skip(1).chain([1]) {
            pids.extend(tree::children(ancestor)?);
        }
        Some(pids)
    }
}

impl Scan {
    /// A search of all processes. It starts with the first step.
    #[must_use]
    pub fn new(town: &SessionName) -> Self {
        let entry = Finder::new(&format!("{TOWN}={town}")).into_owned();
        let sighted = Sighted {
            town: town.clone(),
            tagged: Vec::new(),
            renames: Renames::default(),
        };
        let (buffer, left, seen) = (Vec::new(), Vec::new(), SortedSet::new());
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

    /// A search limited to what ended panes have left behind and what moved out of its session.
    /// Where the kernel does not list children, it searches all processes.
    #[must_use]
    pub fn behind(town: &SessionName, behind: Behind) -> Self {
        Self {
            behind: Some(behind),
            ..Self::new(town)
        }
    }

    /// Reads at most `count` processes. Returns whether more are left.
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

    /// Starts the next pass. Returns whether it has anything to read.
    ///
    /// A process that ends meanwhile hands its children on. So passes go on until one is empty, and
    /// after [`MOST_PASSES`] all processes are read.
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
        let bytes = match machine().environment(pid, &mut self.buffer) {
            Err(fault) if fault.kind() == ErrorKind::PermissionDenied => return,
            read => read.unwrap_or_default(),
        };
        if bytes.is_empty() && !self.over {
            // It is ending and may still have its children.
            let children = tree::children(pid).unwrap_or_default();
            self.left.extend(
                children
                    .into_iter()
                    .filter(|child| self.seen.insert(*child)),
            );
        }
        // Most processes have no tag: this search is faster than parsing.
        let tagged = self
            .entry
            .find(bytes)
            .and_then(|_| parse(bytes, &self.sighted.town));
        self.sighted
            .tagged
            .extend(tagged.map(|(session, generation)| (session, generation, pid)));
    }

    /// Reads all that is left and returns the result.
    #[must_use]
    pub fn finish(mut self) -> Sighted {
        self.step(usize::MAX);
        self.sighted
    }
}

impl Sighted {
    /// Whether no process had the tag of a wanted session, not even one that has ended since.
    ///
    /// Then nothing of these sessions is left that could start more: an agent has the tag itself.
    #[must_use]
    pub fn is_clear_of(&self, wanted: impl Fn(&SessionName) -> bool) -> bool {
        let owner = |(tag, generation, _): &(SessionName, Generation, u32)| {
            wanted(self.renames.owner(tag, *generation))
        };
        !self.tagged.iter().any(owner)
    }

    /// The same, where each process belongs to the session that has the present name.
    #[must_use]
    pub fn renamed(self, renames: &Renames) -> Self {
        Self {
            renames: renames.clone(),
            ..self
        }
    }

    /// The session of each process, by pid.
    #[must_use]
    pub fn tags(&self) -> SortedMap<u32, SessionName> {
        self.tagged
            .iter()
            .map(|(tag, generation, pid)| (*pid, self.renames.owner(tag, *generation).clone()))
            .collect()
    }

    /// The processes of wanted sessions that live now and belong to our user.
    ///
    /// tmux servers are left out: a session may have started one, and it serves others.
    #[must_use]
    pub fn living(
        &self,
        wanted: impl Fn(&SessionName) -> bool,
    ) -> SortedMap<SessionName, Vec<(Generation, ProcId)>> {
        let mut living: SortedMap<SessionName, Vec<(Generation, ProcId)>> = SortedMap::new();
        let owner = |tag: &SessionName, generation| self.renames.owner(tag, generation).clone();
        for (_, _, pid) in self
            .tagged
            .iter()
            .filter(|(tag, run, pid)| wanted(&owner(tag, *run)) && file::is_own(*pid))
        {
            let Some((tag, generation, process)) = marked(*pid, &self.town) else {
                continue;
            };
            let session = owner(&tag, generation);
            if wanted(&session) {
                living
                    .entry(session)
                    .or_default()
                    .push((generation, process));
            }
        }
        living
    }
}

/// The living processes of our user with this town's tag, by session.
///
/// Leaves out ourselves, our ancestors, and tmux servers.
#[must_use]
pub fn carrying_any(town: &SessionName) -> SortedMap<SessionName, Vec<(Generation, ProcId)>> {
    carrying_those(town, |_| true)
}

/// The same, of wanted sessions only.
#[must_use]
pub fn carrying_those(
    town: &SessionName,
    wanted: impl Fn(&SessionName) -> bool,
) -> SortedMap<SessionName, Vec<(Generation, ProcId)>> {
    Scan::new(town).finish().living(wanted)
}

/// The living processes of one session, up to and including generation `up_to`.
///
/// For many sessions, call [`carrying_any`] once.
#[must_use]
pub fn carrying(town: &SessionName, session: &SessionName, up_to: Generation) -> Vec<ProcId> {
    let all = carrying_any(town).remove(session).unwrap_or_default();
    all.into_iter()
        .filter(|(generation, _)| *generation <= up_to)
        .map(|(_, process)| process)
        .collect()
}

/// The living processes of our user with the tag of this chore, except ourselves and our ancestors.
#[must_use]
pub fn of_chore(chore: &str) -> Vec<ProcId> {
    let own = own::line();
    let of = |pid: u32| {
        let process = process::identify(pid)?;
        let is_its = variable(pid, CHORE).as_deref() == Some(chore);
        (is_its && process::may_live(process)).then_some(process)
    };
    file::pids()
        .into_iter()
        .filter(|pid| !own.contains(pid) && file::is_own(*pid))
        .filter_map(of)
        .collect()
}

/// Whether this process has the tag of any session of the town.
#[must_use]
pub fn bears(pid: u32, town: &SessionName) -> bool {
    borne(pid, town).is_some()
}

/// The session and generation in the tag of this process, if it has this town's tag.
#[must_use]
pub fn borne(pid: u32, town: &SessionName) -> Option<(SessionName, Generation)> {
    parse(&environment(pid)?, town)
}

/// The value of a variable in the environment of this process.
#[must_use]
pub fn variable(pid: u32, name: &str) -> Option<String> {
    value(&environment(pid)?, name)
}

fn environment(pid: u32) -> Option<Vec<u8>> {
    let mut buffer = vec![0; MAX_ENVIRONMENT];
    let length = machine().environment(pid, &mut buffer).ok()?.len();
    buffer.truncate(length);
    Some(buffer)
}

fn marked(pid: u32, town: &SessionName) -> Option<(SessionName, Generation, ProcId)> {
    let process = process::identify(pid)?;
    let (session, generation) = parse(&environment(pid)?, town)?;
    // This check comes after the read, because the pid may have been reused in between.
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
