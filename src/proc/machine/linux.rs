//! What Linux tells of its processes, by `/proc` and handles.

use super::super::file::{self, MAX_PROCESSES};
use super::super::process::{Presence, parse};
use super::super::sockets::{self, Listening};
use super::{Machine, ProcessPath};
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::fs;
use std::io::{self, ErrorKind};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// The most bytes read of the children of a thread.
const MAX_CHILDREN: u64 = 1 << 20;
/// The most bytes read of a file that describes the whole machine.
const MAX_TEXT: u64 = 64 << 10;

/// The machine in use.
#[derive(Debug)]
pub(super) struct Linux;

fn text(path: &str) -> String {
    String::from_utf8_lossy(&file::read(path, MAX_TEXT).unwrap_or_default()).into_owned()
}

/// The bytes in a line of `/proc/meminfo` or a file of its form. They are written in KiB.
fn kib(text: &str, name: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    kib.checked_mul(1024)
}

impl Machine for Linux {
    fn pids(&self) -> Vec<u32> {
        let Ok(entries) = fs::read_dir("/proc") else {
            return Vec::new();
        };
        let number = |entry: fs::DirEntry| {
            entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
        };
        let pids = entries.flatten().filter_map(number);
        let mut pids: Vec<u32> = pids.take(MAX_PROCESSES).collect();
        pids.sort_unstable();
        pids
    }

    fn look(&self, pid: u32) -> Presence {
        let mut buffer = [0; 4096];
        let bytes = match file::read_at_once(format!("/proc/{pid}/stat"), &mut buffer) {
            Ok(bytes) => bytes,
            Err(e)
                if e.kind() == ErrorKind::NotFound
                    || e.raw_os_error() == Some(nix::libc::ESRCH) =>
            {
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

    fn owner(&self, pid: u32) -> Option<u32> {
        fs::metadata(format!("/proc/{pid}"))
            .ok()
            .map(|file| file.uid())
    }

    fn children(&self, pid: u32) -> Option<Vec<u32>> {
        let mut pids = Vec::new();
        let mut listed = false;
        for task in fs::read_dir(format!("/proc/{pid}/task")).ok()?.flatten() {
            let Ok(bytes) = file::read(task.path().join("children"), MAX_CHILDREN) else {
                continue;
            };
            listed = true;
            let text = String::from_utf8_lossy(&bytes);
            pids.extend(
                text.split_ascii_whitespace()
                    .filter_map(|n| n.parse::<u32>().ok()),
            );
        }
        listed.then_some(pids)
    }

    fn arguments(&self, pid: u32, limit: u64) -> io::Result<Vec<u8>> {
        file::read(format!("/proc/{pid}/cmdline"), limit)
    }

    fn environment<'b>(&self, pid: u32, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        file::read_at_once(format!("/proc/{pid}/environ"), buffer)
    }

    fn path(&self, pid: u32, which: ProcessPath) -> io::Result<PathBuf> {
        let link = match which {
            ProcessPath::Program => "exe",
            ProcessPath::Folder => "cwd",
            ProcessPath::Input => "fd/0",
        };
        fs::read_link(format!("/proc/{pid}/{link}"))
    }

    fn shares_our_files(&self, pid: u32) -> bool {
        let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
        let its = namespace(&pid.to_string());
        its.is_some() && its == namespace("self")
    }

    fn program_identity(&self, pid: u32) -> Option<(u64, u64)> {
        let file = fs::metadata(format!("/proc/{pid}/exe")).ok()?;
        Some((file.dev(), file.ino()))
    }

    fn share_of_memory(&self, pid: u32) -> Option<u64> {
        kib(&text(&format!("/proc/{pid}/smaps_rollup")), "Pss:")
    }

    fn handle(&self, pid: u32) -> rustix::io::Result<Option<OwnedFd>> {
        let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
        let pid = pid.ok_or(rustix::io::Errno::SRCH)?;
        pidfd_open(pid, PidfdFlags::empty()).map(Some)
    }

    fn send(&self, _pid: u32, handle: Option<&OwnedFd>, signal: Signal) -> rustix::io::Result<()> {
        let handle = handle.ok_or(rustix::io::Errno::BADF)?;
        pidfd_send_signal(handle, signal)
    }

    fn listening_on(&self, path: &Path) -> Listening {
        sockets::listening_in_table(path)
    }

    fn boot(&self) -> u64 {
        // The first 64 bits of the boot's id.
        let text = text("/proc/sys/kernel/random/boot_id");
        let digits: String = text
            .chars()
            .filter(char::is_ascii_hexdigit)
            .take(16)
            .collect();
        u64::from_str_radix(&digits, 16).unwrap_or(0)
    }

    fn memory(&self) -> (u64, u64) {
        let text = text("/proc/meminfo");
        let of = |name| kib(&text, name).unwrap_or(0);
        (of("MemTotal:"), of("MemAvailable:"))
    }

    fn load(&self) -> String {
        let text = text("/proc/loadavg");
        text.split(' ').take(3).collect::<Vec<_>>().join(" ")
    }
}
