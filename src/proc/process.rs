//! Reads one process: whether it lives, what it uses, and its names.

use super::clock;
use super::machine::{ProcessPath, machine};
use crate::model::{ProcId, plain_name};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

/// The state of a pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It runs.
    Alive(Stat),
    /// It has ended, but its parent has not waited for it. `kill(pid, 0)` still succeeds.
    Zombie(Stat),
    /// There is no such process.
    Gone,
    /// The state could not be determined, for this reason.
    Unreadable(String),
}

/// A process as `/proc/PID/stat` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// The name that the kernel shows: at most 15 bytes of any content.
    pub comm: String,
    /// The kernel's state letter, such as `S`.
    pub state: char,
    /// The pid of its parent.
    pub ppid: u32,
    /// The id of its process group.
    pub pgrp: u32,
    /// The start time in clock ticks since boot.
    pub start: u64,
    /// CPU time in ms, including that of children it has waited for.
    pub cpu_ms: u64,
    /// Resident memory in bytes.
    pub rss: u64,
}

/// The names a process is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The kernel's name, cut to 15 bytes.
    pub comm: String,
    /// The last part of argv0, or a title that the process has set.
    pub argv0: String,
    /// The last part of its executable's path.
    pub exe: String,
}

/// What the kernel adds to the path of a file that is no longer there.
const DELETED: &str = " (deleted)";
/// The length in bytes to which the kernel cuts a name.
const COMM_LEN: usize = 15;

/// The state of the process that has this pid now.
#[must_use]
pub fn look(pid: u32) -> Presence {
    machine().look(pid)
}

/// The state of exactly this process. If another process has its pid, it is gone.
#[must_use]
pub fn look_at(process: ProcId) -> Presence {
    match look(process.pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) if stat.start != process.start => {
            Presence::Gone
        }
        presence @ (Presence::Alive(_)
        | Presence::Zombie(_)
        | Presence::Gone
        | Presence::Unreadable(_)) => presence,
    }
}

/// Whether exactly this process is stopped by a signal, as by Ctrl-Z.
#[must_use]
pub fn is_stopped(process: ProcId) -> bool {
    matches!(look_at(process), Presence::Alive(stat) if stat.state == 'T')
}

/// The identity of the living process that has this pid now.
#[must_use]
pub fn identify(pid: u32) -> Option<ProcId> {
    match look(pid) {
        Presence::Alive(stat) => Some(ProcId {
            pid,
            start: stat.start,
        }),
        Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => None,
    }
}

/// The process with this pid, if it lives and is a child of `parent`.
///
/// A pid alone identifies nothing, because the kernel reuses it. tmux still shows the pid of a pane
/// after its process has ended. So a pid from tmux counts only for a child of that server.
#[must_use]
pub fn child_of(parent: ProcId, pid: u32) -> Option<ProcId> {
    let Presence::Alive(stat) = look(pid) else {
        return None;
    };
    let is_child = stat.ppid == parent.pid && stat.start >= parent.start && may_live(parent);
    is_child.then_some(ProcId {
        pid,
        start: stat.start,
    })
}

/// Whether exactly this process may still run. A process that cannot be read may.
#[must_use]
pub fn may_live(process: ProcId) -> bool {
    match look_at(process) {
        Presence::Alive(_) | Presence::Unreadable(_) => true,
        Presence::Zombie(_) | Presence::Gone => false,
    }
}

/// The names of a process with this `comm`. A name that cannot be read is empty.
#[must_use]
pub fn names(pid: u32, comm: &str) -> Names {
    let cmdline = machine().arguments(pid, 4096).unwrap_or_default();
    let argv0 = cmdline.split(|b| *b == 0).next().unwrap_or_default();
    let exe = machine()
        .path(pid, ProcessPath::Program)
        .unwrap_or_default();
    let exe = exe.to_string_lossy();
    let exe = exe.strip_suffix(DELETED).unwrap_or(&exe);
    Names {
        comm: comm.to_owned(),
        argv0: basename(&String::from_utf8_lossy(argv0)).to_owned(),
        exe: versioned(exe).unwrap_or_else(|| basename(exe)).to_owned(),
    }
}

/// The file that a process was started from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramFile {
    /// The process.
    pub pid: u32,
    /// Where the file is, or was.
    pub path: PathBuf,
    /// Whether nothing stands for it in its folder any more.
    is_deleted: bool,
}

/// The file that a process was started from. None if it cannot be read, or if the process sees
/// other file systems than gtctl does, as in a container.
#[must_use]
pub fn program_file(pid: u32) -> Option<ProgramFile> {
    if !machine().shares_our_files(pid) {
        return None;
    }
    let shown = machine().path(pid, ProcessPath::Program).ok()?;
    let text = shown.to_str()?;
    let former = text.strip_suffix(DELETED);
    Some(ProgramFile {
        pid,
        path: PathBuf::from(former.unwrap_or(text)),
        is_deleted: former.is_some(),
    })
}

impl ProgramFile {
    /// Whether another file stands in its place. One that was only removed was not replaced, unless
    /// its name is its version: then the next version has another name. May hang.
    #[must_use]
    pub fn is_replaced(&self) -> bool {
        if self.is_deleted {
            let is_version = self.path.to_str().and_then(versioned).is_some();
            return is_version || fs::metadata(&self.path).is_ok_and(|file| file.is_file());
        }
        let running = machine().program_identity(self.pid);
        let at_path = fs::metadata(&self.path).map(|file| (file.dev(), file.ino()));
        matches!((running, at_path), (Some(running), Ok(there)) if running != there)
    }
}

/// The program's name where the file is named by its version: `claude/versions/2.1.332`.
fn versioned(exe: &str) -> Option<&str> {
    let (folder, version) = exe.rsplit_once("/versions/")?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('/');
    is_version.then(|| basename(folder))
}

/// The arguments of a process, program first. `None` if there are none, or `limit` bytes or more.
///
/// A process may have replaced them by a title.
#[must_use]
pub fn argv(pid: u32, limit: u64) -> Option<Vec<String>> {
    let bytes = machine().arguments(pid, limit).ok()?;
    let text = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let whole = !text.is_empty() && (bytes.len() as u64) < limit;
    whole.then(|| {
        text.split(|byte| *byte == 0)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect()
    })
}

/// The most bytes read of one environment.
const MAX_ENVIRONMENT: usize = 256 << 10;

/// The variables that a process was started with. Empty where they cannot be read.
#[must_use]
pub fn environment(pid: u32) -> crate::model::SortedMap<String, Vec<u8>> {
    let mut buffer = vec![0; MAX_ENVIRONMENT];
    let bytes = machine().environment(pid, &mut buffer).unwrap_or_default();
    let variable = |entry: &[u8]| {
        let at = entry.iter().position(|byte| *byte == b'=')?;
        let (name, value) = entry.split_at_checked(at)?;
        Some((
            String::from_utf8_lossy(name).into_owned(),
            value.get(1..).unwrap_or_default().to_vec(),
        ))
    };
    bytes
        .split(|byte| *byte == 0)
        .filter_map(variable)
        .collect()
}

/// The working directory of a process, if it is readable and still exists.
#[must_use]
pub fn cwd(pid: u32) -> Option<std::path::PathBuf> {
    let folder = machine().path(pid, ProcessPath::Folder);
    folder.ok().filter(|path| path.is_dir())
}

impl Names {
    /// Whether one of the declared names is a name of this process.
    ///
    /// A declared name may be longer than the 15 bytes of the kernel's name. A title such as
    /// `claude 2.1.0` matches `claude`. So does a file with an ending, a version or a platform, such
    /// as `claude.exe`; `codex-x86_64-unknown-linux` matches `codex`.
    #[must_use]
    pub fn matches(&self, declared: &[String]) -> bool {
        declared
            .iter()
            .map(|name| basename(name))
            .filter(|name| !name.is_empty())
            .any(|name| {
                self.comm.as_bytes() == cut(name)
                    || self.argv0 == name
                    || self.exe == name
                    || titled(&self.argv0) == Some(name)
                    || titled(&self.comm) == Some(name)
                    || [&self.comm, &self.argv0, &self.exe]
                        .into_iter()
                        .any(|own| plain_name(own) == name)
            })
    }
}

/// The name in a title with a version: `claude` in `claude 2.1.0`.
#[must_use]
pub fn titled(title: &str) -> Option<&str> {
    let (name, version) = title.split_once(' ')?;
    version
        .trim_start_matches('v')
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(name)
}

fn cut(name: &str) -> &[u8] {
    name.as_bytes().get(..COMM_LEN).unwrap_or(name.as_bytes())
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Parses `/proc/PID/stat`. The name may contain spaces, parentheses and newlines, the fields after
/// its last parenthesis cannot.
pub(super) fn parse(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let comm = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let after_comm = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = after_comm.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Some kernels print the times of children as signed numbers.
    let ticks = |at: usize| Some(u64::try_from(fields.get(at)?.parse::<i64>().ok()?).unwrap_or(0));
    let cpu = ticks(11)?
        .saturating_add(ticks(12)?)
        .saturating_add(ticks(13)?)
        .saturating_add(ticks(14)?);
    Some(Stat {
        comm,
        state: fields.first()?.chars().next()?,
        ppid: fields.get(1)?.parse().ok()?,
        // The group is -1 or 0 for processes of other namespaces.
        pgrp: fields
            .get(2)?
            .parse::<i64>()
            .ok()
            .map(|n| u32::try_from(n).unwrap_or(0))?,
        start: number(19)?,
        cpu_ms: clock::ticks_to_millis(cpu),
        rss: number(21)?.saturating_mul(clock::page_size()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAIL: &str = "S 7 8 8 0 -1 4194368 1 2 0 2 10 20 -1 5 20 0 1 0 168544 5914624 944 1 1";

    #[test]
    fn any_comm_is_survived() {
        for comm in ["sh", "a) S 1 (b", ") Z 1 1", "x\ny z", "", "((("] {
            let stat = parse(format!("42 ({comm}) {TAIL}").as_bytes()).unwrap();
            assert_eq!(
                (stat.comm.as_str(), stat.ppid, stat.start),
                (comm, 7, 168_544)
            );
            assert_eq!(stat.cpu_ms, clock::ticks_to_millis(35));
            assert_eq!(stat.rss, 944 * clock::page_size());
        }
        assert_eq!(parse(b"42 (sh) S 7"), None);
        assert_eq!(parse(b""), None);
        assert!(
            parse(b"1 (\xff\xfe) S 7 8 8 0 -1 1 1 2 0 2 1 2 0 5 20 0 1 0 16 5 9 1 1").is_some()
        );
    }

    #[test]
    fn we_live_and_a_wrong_start_does_not() {
        let me = identify(std::process::id()).unwrap();
        assert!(matches!(look_at(me), Presence::Alive(_)));
        assert_eq!(
            look_at(ProcId {
                start: me.start + 1,
                ..me
            }),
            Presence::Gone
        );
        assert_eq!(look(u32::MAX), Presence::Gone);
    }

    #[test]
    fn a_pid_counts_only_as_a_child_of_the_parent_that_is_meant() {
        let us = identify(std::process::id()).unwrap();
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let process = identify(child.id());
        assert!(process.is_some());
        assert_eq!(child_of(us, child.id()), process);
        assert_eq!(
            child_of(ProcId { pid: 1, start: 0 }, child.id()),
            None,
            "another's child"
        );
        assert_eq!(
            child_of(
                ProcId {
                    start: us.start - 1,
                    ..us
                },
                child.id()
            ),
            None,
            "of a parent that is no more"
        );
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(child_of(us, child.id()), None);
    }

    #[test]
    fn an_ended_child_is_a_zombie_until_it_is_awaited() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let deadline = std::time::Instant::now() + std::time::Duration::from_secs(5);
        while !matches!(look(child.id()), Presence::Zombie(_)) {
            assert!(std::time::Instant::now() < deadline);
            std::thread::yield_now();
        }
        assert_eq!(identify(child.id()), None);
        child.wait().unwrap();
        assert_eq!(look(child.id()), Presence::Gone);
    }

    #[test]
    fn names_match_by_comm_argv0_exe_and_title() {
        let is = |names: &Names, name: &str| names.matches(&[name.to_owned()]);
        let named = Names {
            comm: "claude-agent-wi".into(),
            argv0: "claude 2.1.0".into(),
            exe: "node".into(),
        };
        assert!(is(&named, "claude-agent-with-a-long-name"));
        assert!(is(&named, "claude") && is(&named, "node") && is(&named, "/usr/bin/node"));
        assert!(!is(&named, "claude-agent") && !is(&named, "2.1.0") && !is(&named, ""));
        let kimi = Names {
            comm: "Kimi Code".into(),
            argv0: "Kimi Code".into(),
            exe: "python3.12".into(),
        };
        assert!(is(&kimi, "Kimi Code") && !is(&kimi, "Kimi"));
    }
}
