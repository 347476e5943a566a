//! One process: whether it lives, what `/proc/PID/stat` says of it, and by what names it is known.

use super::{clock, file};
use crate::model::{ProcId, plain_name};
use std::io::ErrorKind;

/// What is known of a pid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Presence {
    /// It runs.
    Alive(Stat),
    /// It has ended and its parent has not asked how. Dead, whatever `kill(pid, 0)` says.
    Zombie(Stat),
    /// There is no such process.
    Gone,
    /// It could not be determined; says why.
    Unreadable(String),
}

/// A process as `/proc/PID/stat` describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stat {
    /// Its name: at most 15 bytes, and any text at all.
    pub comm: String,
    /// The kernel's state letter, such as `S`.
    pub state: char,
    /// Its parent.
    pub ppid: u32,
    /// Its process group.
    pub pgrp: u32,
    /// When it started, in clock ticks since boot.
    pub start: u64,
    /// Processor time in ms, its own and that of its ended and awaited children.
    pub cpu_ms: u64,
    /// Resident memory in bytes.
    pub rss: u64,
}

/// The names a process is known by.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Names {
    /// The kernel's name for it, cut at 15 bytes.
    pub comm: String,
    /// The basename of argv0; or a title the process gave itself.
    pub argv0: String,
    /// The basename of the file it executes.
    pub exe: String,
}

/// The bytes of a name that the kernel keeps.
const COMM_LEN: usize = 15;

/// Looks at whatever process has this pid now.
#[must_use]
pub fn look(pid: u32) -> Presence {
    let mut buffer = [0; 4096];
    let bytes = match file::read_at_once(format!("/proc/{pid}/stat"), &mut buffer) {
        Ok(bytes) => bytes,
        Err(e) if e.kind() == ErrorKind::NotFound || e.raw_os_error() == Some(nix::libc::ESRCH) => {
            return Presence::Gone;
        }
        Err(e) => return Presence::Unreadable(format!("process {pid} cannot be read: {e}")),
    };
    match parse(bytes) {
        Some(stat) if matches!(stat.state, 'Z' | 'X' | 'x') => Presence::Zombie(stat),
        Some(stat) => Presence::Alive(stat),
        None if bytes.is_empty() => Presence::Gone,
        None => Presence::Unreadable(format!("/proc/{pid}/stat has an unknown form")),
    }
}

/// Looks at exactly this process: another one of the same pid counts as gone.
#[must_use]
pub fn look_at(process: ProcId) -> Presence {
    match look(process.pid) {
        Presence::Alive(stat) | Presence::Zombie(stat) if stat.start != process.start => {
            Presence::Gone
        }
        found @ (Presence::Alive(_)
        | Presence::Zombie(_)
        | Presence::Gone
        | Presence::Unreadable(_)) => found,
    }
}

/// The identity of the process that has this pid now; none when it has ended.
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

/// The living child of `parent` that has this pid now; none when nobody has it, or it is somebody
/// else's child.
///
/// A pid alone names nobody: the kernel gives it out again. tmux goes on showing the pid of a pane
/// whose process has ended, so a pid from tmux counts only while it is the child of that very
/// server.
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

/// Whether exactly this process may still run: it was seen to, or could not be read.
#[must_use]
pub fn may_live(process: ProcId) -> bool {
    match look_at(process) {
        Presence::Alive(_) | Presence::Unreadable(_) => true,
        Presence::Zombie(_) | Presence::Gone => false,
    }
}

/// The names of a process whose comm is already known; what cannot be read is empty.
#[must_use]
pub fn names(pid: u32, comm: &str) -> Names {
    let cmdline = file::read(format!("/proc/{pid}/cmdline"), 4096).unwrap_or_default();
    let argv0 = cmdline.split(|b| *b == 0).next().unwrap_or_default();
    let exe = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    let exe = exe.to_string_lossy();
    let exe = exe.strip_suffix(" (deleted)").unwrap_or(&exe);
    Names {
        comm: comm.to_owned(),
        argv0: basename(&String::from_utf8_lossy(argv0)).to_owned(),
        exe: versioned(exe).unwrap_or_else(|| basename(exe)).to_owned(),
    }
}

/// The name of a program whose file is called by its version, as in `claude/versions/2.1.332`.
fn versioned(exe: &str) -> Option<&str> {
    let (folder, version) = exe.rsplit_once("/versions/")?;
    let is_version = version.starts_with(|c: char| c.is_ascii_digit()) && !version.contains('/');
    is_version.then(|| basename(folder))
}

/// The arguments of a process, the program first; none where there are none to be read, or they
/// have more bytes.
///
/// A process may have put a title in their place.
#[must_use]
pub fn argv(pid: u32, limit: u64) -> Option<Vec<String>> {
    let bytes = file::read(format!("/proc/{pid}/cmdline"), limit).ok()?;
    let text = bytes.strip_suffix(b"\0").unwrap_or(&bytes);
    let whole = !text.is_empty() && (bytes.len() as u64) < limit;
    whole.then(|| {
        text.split(|byte| *byte == 0)
            .map(|part| String::from_utf8_lossy(part).into_owned())
            .collect()
    })
}

/// The most bytes of an environment that are read.
const MAX_ENVIRONMENT: u64 = 256 << 10;

/// The variables that a process was started with; none where they cannot be read.
#[must_use]
pub fn environment(pid: u32) -> std::collections::BTreeMap<String, Vec<u8>> {
    let bytes = file::read(format!("/proc/{pid}/environ"), MAX_ENVIRONMENT).unwrap_or_default();
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

/// The working directory of a process, where it may be seen and is still there.
#[must_use]
pub fn cwd(pid: u32) -> Option<std::path::PathBuf> {
    std::fs::read_link(format!("/proc/{pid}/cwd"))
        .ok()
        .filter(|path| path.is_dir())
}

impl Names {
    /// Whether one of the declared names is one of these.
    ///
    /// The kernel's name is compared cut as the kernel cuts it. A title such as `claude 2.1.0`
    /// counts as `claude`, and so does a program's name with an ending, a version or a machine,
    /// such as `claude.exe` and `codex-x86_64-unknown-linux`.
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

/// The first word of a title that goes on with a version.
#[must_use]
pub fn titled(title: &str) -> Option<&str> {
    let (name, rest) = title.split_once(' ')?;
    rest.trim_start_matches('v')
        .starts_with(|c: char| c.is_ascii_digit())
        .then_some(name)
}

fn cut(name: &str) -> &[u8] {
    name.as_bytes().get(..COMM_LEN).unwrap_or(name.as_bytes())
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The comm may hold spaces, parentheses and newlines; what follows its last parenthesis cannot.
fn parse(bytes: &[u8]) -> Option<Stat> {
    let open = bytes.iter().position(|b| *b == b'(')?;
    let close = bytes.iter().rposition(|b| *b == b')')?;
    let comm = String::from_utf8_lossy(bytes.get(open + 1..close)?).into_owned();
    let rest = std::str::from_utf8(bytes.get(close + 1..)?).ok()?;
    let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
    let number = |at: usize| fields.get(at)?.parse::<u64>().ok();
    // Children's times are signed in some kernels.
    let ticks = |at: usize| Some(u64::try_from(fields.get(at)?.parse::<i64>().ok()?).unwrap_or(0));
    let cpu = ticks(11)?
        .saturating_add(ticks(12)?)
        .saturating_add(ticks(13)?)
        .saturating_add(ticks(14)?);
    Some(Stat {
        comm,
        state: fields.first()?.chars().next()?,
        ppid: fields.get(1)?.parse().ok()?,
        // -1 and 0 occur for processes of other namespaces.
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
