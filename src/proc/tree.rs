//! Process trees: a pane's process and what it started.

use super::clock;
use super::file;
use super::process::{self, Presence, Stat};
use super::script::AgentSignature;
use crate::model::{Period, ProcId, Stopping, Usage};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;

/// Generations below the root that are followed.
pub const MAX_DEPTH: usize = 10;
/// Ancestors that are looked at.
const MAX_ANCESTORS: usize = 64;

/// What a client starts so soon after itself is part of it: a launcher's child, its servers of
/// tools.
const HELPERS_WITHIN: Period = Period::from_secs(30);
/// What was started later and has run for so long is a command that it waits for, and no part of
/// its drawing.
const COMMAND_AFTER: Period = Period::from_secs(10);

/// What a client starts so soon after itself is no command of its agent's, however soon it counts
/// as up.
const UP_AT_LEAST: Period = Period::from_secs(2);
/// Shells that clients run commands in.
const SHELLS: [&str; 7] = ["sh", "bash", "zsh", "dash", "ash", "ksh", "fish"];
/// Command lines are read so far, in bytes: a command's text may be long.
const MAX_ARGV: u64 = 1 << 20;

/// A process of a tree.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Which.
    pub id: ProcId,
    /// What it was like when it was looked at.
    pub stat: Stat,
}

/// The living processes of the tree under `root`, itself first, then by distance; at most
/// [`Stopping::MAX_TREE`].
///
/// Empty when `root` has ended: its children belong to nobody then. Reads only what it needs; for
/// many trees use a [`Forest`].
#[must_use]
pub fn tree(root: ProcId) -> Vec<Member> {
    let Some(first) = children(root.pid) else {
        return Forest::scan().tree(root);
    };
    let first = Cell::new(Some(first));
    walk(root, living, |pid| {
        first.take().or_else(|| children(pid)).unwrap_or_default()
    })
}

/// All processes there were at one time, for reading many trees.
#[derive(Debug, Clone, Default)]
pub struct Forest {
    stats: BTreeMap<u32, Stat>,
    children: BTreeMap<u32, Vec<u32>>,
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

    /// As [`tree`], from what was read.
    #[must_use]
    pub fn tree(&self, root: ProcId) -> Vec<Member> {
        let stat = |pid| self.stats.get(&pid).cloned();
        walk(root, stat, |pid| {
            self.children.get(&pid).cloned().unwrap_or_default()
        })
    }
}

/// What a process hangs below.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Above {
    /// No tmux server.
    Nobody,
    /// This one, the nearest: the process runs in one of its panes.
    Server(u32),
    /// It could not be determined.
    Untold,
}

/// The nearest tmux server among a process's ancestors.
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
            // An ancestor ended between two looks, and the process hangs elsewhere now.
            Presence::Gone | Presence::Unreadable(_) => return Above::Untold,
        }
    }
    Above::Untold
}

/// The process that this tmux server started, and in whose tree the given one is: itself, or an
/// ancestor. The server starts one for each pane, and stays its parent when the pane is closed.
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

/// What a tree uses.
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

/// Whether a client runs a command in the background: one that it has started after it was up, and
/// that still runs.
///
/// A command is a shell with `-c`, or what such a shell has made of itself: it reads from nowhere.
/// What was started with the client is its helper and no command, however long it runs: a server of
/// tools, a launcher's child. `names` are those by which the client is known, where it is not the
/// first of the tree.
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
        let input = std::fs::read_link(format!("/proc/{}/fd/0", member.id.pid));
        input.is_ok_and(|input| input == Path::new("/dev/null"))
    };
    runs_a_text(member) || reads_nothing()
}

/// Whether it is a shell that runs a text: `bash -c …`, `zsh -lc …`.
fn runs_a_text(member: &Member) -> bool {
    if !SHELLS.contains(&member.stat.comm.as_str()) {
        return false;
    }
    let argv = process::argv(member.id.pid, MAX_ARGV).unwrap_or_default();
    let mut flags = argv.iter().skip(1).take_while(|word| word.starts_with('-'));
    flags.any(|flag| !flag.starts_with("--") && flag.ends_with('c'))
}

/// The memory of a tree in bytes: exact where it is above `limit`, else perhaps more than it is.
///
/// Resident memory counts a page once for each process that shares it, and costs nothing here. A
/// tree that is within its limit even so needs no better measure. Else the kernel is asked for each
/// process's fair share, for which it walks all its pages.
#[must_use]
pub fn footprint(tree: &[Member], limit: u64) -> u64 {
    let resident = tree
        .iter()
        .fold(0, |sum: u64, m| sum.saturating_add(m.stat.rss));
    if resident <= limit {
        return resident;
    }
    tree.iter().fold(0, |sum: u64, m| {
        sum.saturating_add(share(m.id.pid).unwrap_or(m.stat.rss))
    })
}

/// The fair share of a process in the pages that it has, in bytes; none where the kernel does not
/// say.
fn share(pid: u32) -> Option<u64> {
    let bytes = file::read(format!("/proc/{pid}/smaps_rollup"), 4096).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
    line.split_ascii_whitespace()
        .next()?
        .parse::<u64>()
        .ok()?
        .checked_mul(1024)
}

/// The living processes of the group that this process leads or led.
///
/// None where another process has its pid by now: the kernel keeps a pid back while its group has
/// members, so then the group is over, and whatever bears its number is somebody else's.
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

/// The first process of the tree that goes by one of these names.
///
/// Only for what is known to be ours by a proof of another kind: the name of an interpreter tells
/// nothing.
#[must_use]
pub fn find_named<'a>(tree: &'a [Member], declared: &[String]) -> Option<&'a Member> {
    tree.iter()
        .find(|m| process::names(m.id.pid, &m.stat.comm).matches(declared))
}

/// The first process of the tree that is the agent, though nobody has marked it: see [`AgentSignature`].
#[must_use]
pub fn find_known<'a>(tree: &'a [Member], known: &AgentSignature<'_>) -> Option<&'a Member> {
    tree.iter().find(|m| known.is(m.id.pid, &m.stat.comm))
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
                // A pid that was given to somebody else meanwhile has another parent.
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
    let mut pids = Vec::new();
    let mut listed = false;
    for task in std::fs::read_dir(format!("/proc/{pid}/task"))
        .ok()?
        .flatten()
    {
        let Ok(bytes) = file::read(task.path().join("children"), 1 << 20) else {
            continue;
        };
        listed = true;
        pids.extend(
            String::from_utf8_lossy(&bytes)
                .split_ascii_whitespace()
                .filter_map(|n| n.parse::<u32>().ok()),
        );
    }
    listed.then_some(pids)
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
