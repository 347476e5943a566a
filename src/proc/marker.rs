//! What got away: processes that carry our marker in their environment, wherever in the process table they went.
//!
//! Every agent is started with [`TOWN`], [`SESSION`] and [`GENERATION`] in its environment, and what it starts
//! inherits them: daemons that left the tree are found by them.

use super::process::{self, Presence};
use super::{file, own};
use crate::model::{Generation, ProcId, SessionName};
use memchr::memmem::Finder;
use std::collections::BTreeMap;

/// The town's name.
pub const TOWN: &str = "GTCTL_TOWN";
/// The session's name.
pub const SESSION: &str = "GTCTL_SESSION";
/// The session's life, in decimal.
pub const GENERATION: &str = "GTCTL_GENERATION";

/// The chore whose command it is, by its folder: two towns of one name may have chores of one name.
pub const CHORE: &str = "GTCTL_CHORE";

/// The most bytes of an environment that are read.
const MAX_ENVIRONMENT: u64 = 1 << 20;

/// More bytes than most environments have.
const USUAL: usize = 32 << 10;

/// The living processes of our user that carry this town's marker, by session: which life, and which process.
///
/// Never ourselves, nor an ancestor of ours, nor a tmux server, which may have been started from within a session.
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
    let own = own::line();
    let entry = format!("{TOWN}={town}");
    let (entry, mut bytes) = (Finder::new(&entry), Vec::with_capacity(USUAL));
    let mut found: BTreeMap<SessionName, Vec<(Generation, ProcId)>> = BTreeMap::new();
    for pid in file::pids().into_iter().filter(|pid| !own.contains(pid)) {
        // Nearly all processes are strangers or another session's, of whom nothing else is asked.
        let is_read = file::read_again(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT, &mut bytes).is_ok();
        let may_be = is_read && entry.find(&bytes).is_some();
        if !may_be || !parse(&bytes, town).is_some_and(|(session, _)| wanted(&session)) || !file::is_own(pid) {
            continue;
        }
        if let Some((session, generation, process)) = marked(pid, town) {
            found.entry(session).or_default().push((generation, process));
        }
    }
    found
}

/// The living processes that carry the marker of this session, up to and including this life of it. As
/// [`carrying_any`], which serves many sessions with one scan.
#[must_use]
pub fn carrying(town: &SessionName, session: &SessionName, up_to: Generation) -> Vec<ProcId> {
    let all = carrying_any(town).remove(session).unwrap_or_default();
    all.into_iter().filter(|(generation, _)| *generation <= up_to).map(|(_, process)| process).collect()
}

/// The living processes of our user that carry the marker of this chore, never ourselves nor an ancestor of ours.
#[must_use]
pub fn of_chore(chore: &str) -> Vec<ProcId> {
    let own = own::line();
    let of = |pid: u32| {
        let process = process::identify(pid)?;
        let bytes = file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT).ok()?;
        let is_its = value(&bytes, CHORE).as_deref() == Some(chore);
        (is_its && process::may_live(process)).then_some(process)
    };
    file::pids().into_iter().filter(|pid| !own.contains(pid) && file::is_own(*pid)).filter_map(of).collect()
}

/// Whether this process, of whatever kind, was given the marker of any session of the town.
#[must_use]
pub fn bears(pid: u32, town: &SessionName) -> bool {
    borne(pid, town).is_some()
}

/// The marker of the town that this process was given: of which session, and of which life.
#[must_use]
pub fn borne(pid: u32, town: &SessionName) -> Option<(SessionName, Generation)> {
    parse(&file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT).ok()?, town)
}

fn marked(pid: u32, town: &SessionName) -> Option<(SessionName, Generation, ProcId)> {
    let process = process::identify(pid)?;
    let bytes = file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT).ok()?;
    let (session, generation) = parse(&bytes, town)?;
    // Read after the environment: the pid may have changed hands in between.
    match process::look_at(process) {
        Presence::Alive(stat) if !stat.comm.starts_with("tmux: server") => Some((session, generation, process)),
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => None,
    }
}

fn parse(environment: &[u8], town: &SessionName) -> Option<(SessionName, Generation)> {
    if value(environment, TOWN)? != town.as_str() {
        return None;
    }
    let generation = value(environment, GENERATION)?.parse().ok()?;
    Some((SessionName::new(&value(environment, SESSION)?).ok()?, Generation(generation)))
}

fn value(environment: &[u8], name: &str) -> Option<String> {
    let of = |entry: &[u8]| Some(entry.strip_prefix(name.as_bytes())?.strip_prefix(b"=")?.to_vec());
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
        assert_eq!(parse(ok, &town), Some((SessionName::new("s").unwrap(), Generation(3))));
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
        let (town, session) = (SessionName::new(&name).unwrap(), SessionName::new("s").unwrap());
        let marker = [(TOWN, name.as_str()), (SESSION, "s"), (GENERATION, "5")];
        let mut child = Command::new("sleep").arg("600").envs(marker).spawn().unwrap();
        let process = process::identify(child.id()).unwrap();
        // A process that is just being executed shows no environment for an instant.
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while carrying(&town, &session, Generation(5)) != [process] && std::time::Instant::now() < deadline {
            std::thread::yield_now();
        }
        assert_eq!(carrying(&town, &session, Generation(5)), [process]);
        assert!(carrying(&town, &session, Generation(4)).is_empty());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(carrying(&town, &session, Generation(5)).is_empty());
    }
}
