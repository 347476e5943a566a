//! Process trees: the process of a pane and its descendants.

use super::clock;
use super::file;
use super::machine::{ProcessPath, machine};
use super::process::{self, Presence, Stat};
use super::script::AgentSignature;
use crate::model::SortedMap;
use crate::model::{Period, ProcId, Stopping, Usage};
use std::cell::Cell;
use std::path::Path;

/// How many levels below the root are read.
pub const MAX_DEPTH: usize = 10;
/// The most ancestors read.
const MAX_ANCESTORS: usize = 64;

/// A process that starts this soon after its client belongs to the client: a launcher's child, or a
/// tool server.
const HELPERS_WITHIN: Period = Period::from_secs(30);
/// A later process that has run this long is a command. The client waits for it, so its CPU time does
/// not show that the client draws.
const COMMAND_AFTER: Period = Period::from_secs(10);

/// A process that starts this soon after its client is no command, even if the client counts as up
/// sooner.
const UP_AT_LEAST: Period = Period::from_secs(2);
/// Shells in which clients run commands.
const SHELLS: [&str; 7] = ["sh", "bash", "zsh", "dash", "ash", "ksh", "fish"];
/// The most bytes read of one command line. The text of a command may be long.
const MAX_ARGV: u64 = 1 << 20;

/// A process of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The identity of the process.
    pub id: ProcId,
    /// Its state when it was read.
    pub stat: Stat,
}

/// The living processes below `root`: itself, then by distance, at most [`Stopping::MAX_TREE`].
///
/// Empty when `root` has ended, because its children then have another parent. It reads only this
/// tree; for many trees use a [`Forest`].
#[must_use]
pub fn tree(root: ProcId) -> Vec<Member> {
    let Some(root_children) = children(root.pid) else {
        return Forest::scan().tree(root);
    };
    let root_children = Cell::new(Some(root_children));
    walk(root, living, |pid| {
        root_children
            .take()
            .or_else(|| children(pid))
            .unwrap_or_default()
    })
}

/// All processes at one moment. Use it to read many trees.
#[derive(Debug, Clone, Default)]
pub struct Forest {
    stats: SortedMap<u32, Stat>,
    children: SortedMap<u32, Vec<u32>>,
}

impl Forest {
    /// Reads every process in `/proc`.
    #[must_use]
    pub fn scan() -> Self {
        let mut forest = Self::default();
        for pid in file::pids() {
            let Some(stat) = living(pid) else { continue };
            forest.children.entry(stat.ppid).or_default().push(pid);
            forest.stats.insert(pid, stat);
        }
        forest
    }

    /// The processes with the most resident memory, the largest first.
    #[must_use]
    pub fn largest(&self, count: usize) -> Vec<Member> {
        let member = |(pid, stat): (&u32, &Stat)| Member {
            id: ProcId {
                pid: *pid,
                start: stat.start,
            },
            stat: stat.clone(),
        };
        let mut members: Vec<Member> = self.stats.iter().map(member).collect();
        members.sort_by_key(|member| std::cmp::Reverse(member.stat.rss));
        members.truncate(count);
        members
    }

    /// As [`tree`], from the processes of this forest.
    #[must_use]
    pub fn tree(&self, root: ProcId) -> Vec<Member> {
        let stat = |pid| self.stats.get(&pid).cloned();
        walk(root, stat, |pid| {
            self.children.get(&pid).cloned().unwrap_or_default()
        })
    }
}

/// Whether a process runs below a tmux server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// It is below no tmux server.
    Nobody,
    /// It runs in a pane of the server with this pid, the nearest one.
    Server(u32),
    /// It could not be determined.
    Unknown,
}

/// Searches the ancestors of a process for the nearest tmux server.
#[must_use]
pub fn tmux_above(process: ProcId) -> Above {
    let mut at = process.pid;
    for _ in 0..MAX_ANCESTORS {
        match process::look(at) {
            Presence::Alive(stat) if stat.comm.starts_with("tmux: server") => {
                return Above::Server(at);
            }
            Presence::Alive(stat) | Presence::Zombie(stat) if stat.ppid > 1 => at = stat.ppid,
            Presence::Alive(_) | Presence::Zombie(_) => return Above::Nobody,
            // An ancestor has ended between two reads, so the process has another parent now.
            Presence::Gone | Presence::Unreadable(_) => return Above::Unknown,
        }
    }
    Above::Unknown
}

/// The pane process of this server in whose tree `process` is: itself or an ancestor.
///
/// The server stays the parent of a pane's process even when the pane is closed.
#[must_use]
pub fn child_of_server(process: ProcId, server: u32) -> Option<u32> {
    let mut at = process.pid;
    for _ in 0..MAX_ANCESTORS {
        match process::look(at) {
            Presence::Alive(stat) | Presence::Zombie(stat) if stat.ppid == server => {
                return Some(at);
            }
            Presence::Alive(stat) | Presence::Zombie(stat) if stat.ppid > 1 => at = stat.ppid,
            Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => {
                return None;
            }
        }
    }
    None
}

/// Sums up what the processes of a tree use.
#[must_use]
pub fn usage(tree: &[Member]) -> Usage {
    let root_age = tree
        .first()
        .map_or(Period::ZERO, |root| clock::age(root.id.start));
    let is_client = |member: &Member| root_age.minus(clock::age(member.id.start)) < HELPERS_WITHIN;
    let has_run = |member: &Member| clock::age(member.id.start) >= COMMAND_AFTER;
    let (client, later): (Vec<&Member>, Vec<&Member>) =
        tree.iter().partition(|member| is_client(member));
    let commands = later.iter().filter(|member| has_run(member)).count();
    Usage {
        client_ms: client
            .iter()
            .fold(0, |sum, m| sum.saturating_add(m.stat.cpu_ms)),
        commands: u32::try_from(commands).unwrap_or(u32::MAX),
        cpu_ms: tree
            .iter()
            .fold(0, |sum, m| sum.saturating_add(m.stat.cpu_ms)),
        rss: tree.iter().fold(0, |sum, m| sum.saturating_add(m.stat.rss)),
        processes: u32::try_from(tree.len()).unwrap_or(u32::MAX),
    }
}

/// Whether a client runs a command in the background, one that it started once it was up.
///
/// A command is a shell with `-c`, or a process that reads from `/dev/null`. A process that started
/// together with the client is a helper, such as a tool server, however long it runs. `names` are
/// the client's process names, for a client that is not the root of the tree.
#[must_use]
pub fn has_command(tree: &[Member], names: &[String], up_after: Period) -> bool {
    let Some(root) = tree.first() else {
        return false;
    };
    let is_client = |member: &Member| {
        member.id == root.id || process::names(member.id.pid, &member.stat.comm).matches(names)
    };
    let started_by = |member: &Member| tree.iter().find(|parent| parent.id.pid == member.stat.ppid);
    tree.iter().skip(1).any(|member| {
        let Some(parent) = started_by(member) else {
            return false;
        };
        let later = clock::age(parent.id.start).minus(clock::age(member.id.start));
        later > up_after.max(UP_AT_LEAST)
            && is_command(member)
            && is_client(parent)
            && !is_client(member)
    })
}

fn is_command(member: &Member) -> bool {
    let reads_nothing = || {
        let stdin = machine().path(member.id.pid, ProcessPath::Input);
        stdin.is_ok_and(|stdin| stdin == Path::new("/dev/null"))
    };
    runs_a_text(member) || reads_nothing()
}

/// Whether it is a shell that runs an inline script: `bash -c …`, `zsh -lc …`.
fn runs_a_text(member: &Member) -> bool {
    if !SHELLS.contains(&member.stat.comm.as_str()) {
        return false;
    }
    let argv = process::argv(member.id.pid, MAX_ARGV).unwrap_or_default();
    let mut flags = argv.iter().skip(1).take_while(|word| word.starts_with('-'));
    flags.any(|flag| !flag.starts_with("--") && flag.ends_with('c'))
}

/// The memory of a tree in bytes. Exact above `limit`; below it, the true value may be smaller.
///
/// Resident memory is already read, but it counts a shared page once per process. If even this sum
/// is within the limit, it is good enough. Otherwise the kernel computes each process's share, for
/// which it must walk all its pages.
#[must_use]
pub fn footprint(tree: &[Member], limit: u64) -> u64 {
    let resident = tree
        .iter()
        .fold(0, |sum: u64, m| sum.saturating_add(m.stat.rss));
    if resident <= limit {
        return resident;
    }
    tree.iter().fold(0, |sum: u64, m| {
        sum.saturating_add(machine().share_of_memory(m.id.pid).unwrap_or(m.stat.rss))
    })
}

/// The living processes of the process group that `leader` leads or led.
///
/// The kernel does not reuse a pid while its group has members. So if another process has the
/// leader's pid, the group has ended.
#[must_use]
pub fn group(leader: ProcId) -> Vec<ProcId> {
    let is_another = |stat: &Stat| stat.start != leader.start;
    if living(leader.pid).as_ref().is_some_and(is_another) {
        return Vec::new();
    }
    let all = file::pids()
        .into_iter()
        .filter_map(|pid| Some((pid, living(pid)?)));
    let same = all.filter(|(_, stat)| stat.pgrp == leader.pid && stat.start >= leader.start);
    same.map(|(pid, stat)| ProcId {
        pid,
        start: stat.start,
    })
    .collect()
}

/// The first process of the tree with one of these names.
///
/// Only for trees that are proved to be ours. The name of an interpreter proves nothing.
#[must_use]
pub fn find_named<'a>(tree: &'a [Member], declared: &[String]) -> Option<&'a Member> {
    tree.iter()
        .find(|m| process::names(m.id.pid, &m.stat.comm).matches(declared))
}

/// The first process of the tree that is the agent ([`AgentSignature`]).
#[must_use]
pub fn find_known<'a>(tree: &'a [Member], signature: &AgentSignature<'_>) -> Option<&'a Member> {
    tree.iter().find(|m| signature.is(m.id.pid, &m.stat.comm))
}

fn walk(
    root: ProcId,
    stat_of: impl Fn(u32) -> Option<Stat>,
    children_of: impl Fn(u32) -> Vec<u32>,
) -> Vec<Member> {
    let Some(stat) = stat_of(root.pid).filter(|stat| stat.start == root.start) else {
        return Vec::new();
    };
    let mut members = vec![Member { id: root, stat }];
    let mut level = vec![root.pid];
    for _ in 0..MAX_DEPTH {
        let mut next = Vec::new();
        for parent in level {
            for pid in children_of(parent) {
                // A reused pid has another parent.
                let Some(stat) = stat_of(pid).filter(|stat| stat.ppid == parent) else {
                    continue;
                };
                if members.len() >= Stopping::MAX_TREE {
                    return members;
                }
                members.push(Member {
                    id: ProcId {
                        pid,
                        start: stat.start,
                    },
                    stat,
                });
                next.push(pid);
            }
        }
        level = next;
    }
    members
}

fn living(pid: u32) -> Option<Stat> {
    match process::look(pid) {
        Presence::Alive(stat) => Some(stat),
        Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// The children of every thread of a process; none where the kernel does not list them.
#[must_use]
pub fn children(pid: u32) -> Option<Vec<u32>> {
    machine().children(pid)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::{Command, Stdio};

    #[test]
    fn both_ways_find_a_grandchild_and_its_name() {
        let script = "sh -c 'sleep 600; :' & echo up; wait";
        let mut child = Command::new("sh")
            .args(["-c", script])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let root = process::identify(child.id()).unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        let found = loop {
            let members = tree(root);
            if let Some(found) = find_named(&members, &["sleep".into()]) {
                assert_eq!(members.len(), 3);
                assert_eq!(usage(&members).processes, 3);
                assert!(usage(&members).rss > 0);
                break found.id;
            }
            assert!(std::time::Instant::now() < deadline, "{members:?}");
        };
        let members = Forest::scan().tree(root);
        assert!(members.iter().any(|m| m.id == found));
        assert!(
            tree(ProcId {
                start: root.start + 1,
                ..root
            })
            .is_empty()
        );
        for member in members.iter().rev().filter(|m| m.id != root) {
            super::super::signal::signal(member.id, super::super::signal::Signal::KILL);
        }
        child.wait().unwrap();
    }

    #[test]
    fn depth_and_size_are_bounded() {
        let stat = |pid: u32| {
            let stat = Stat {
                comm: String::new(),
                state: 'S',
                ppid: pid / 2,
                pgrp: 0,
                start: 1,
                cpu_ms: 0,
                rss: 0,
            };
            Some(stat)
        };
        let all = walk(ProcId { pid: 1, start: 1 }, stat, |pid| {
            vec![pid * 2, pid * 2 + 1]
        });
        assert_eq!(all.len(), Stopping::MAX_TREE);
        let chain = walk(ProcId { pid: 1, start: 1 }, stat, |pid| vec![pid * 2]);
        assert_eq!(chain.len(), MAX_DEPTH + 1);
    }
}
