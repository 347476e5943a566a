//! What every Unix can tell of its processes, by sysinfo.
//!
//! Not known are: who shares our files, which file a process was started from once another stands in
//! its place, and the share of memory. A boot is known by its time: a step of the wall clock may look
//! like another boot. A start time is known to a second only. There are no handles, so the end of a process is polled
//! for, and a signal goes to a pid whose start time was checked just before. A pid that is reused
//! within that instant, by a process that starts within the same second, would be hit.

use super::super::clock;
use super::super::file::MAX_PROCESSES;
use super::super::process::{Presence, Stat};
use super::super::sockets::Listening;
use super::{Machine, ProcessPath};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use std::ffi::OsStr;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use sysinfo::{
    MemoryRefreshKind, Process, ProcessRefreshKind, ProcessStatus, ProcessesToUpdate, System,
    UpdateKind,
};

/// The length in bytes to which Linux cuts a name, so that both machines give the same.
const COMM_LEN: usize = 15;

/// What every Unix can tell.
#[derive(Debug)]
pub(super) struct Portable;

/// Reads one process, as far as `parts` says, and has `take` take what it wants of it.
fn read<T>(pid: u32, parts: ProcessRefreshKind, take: impl FnOnce(&Process) -> T) -> io::Result<T> {
    let pid = sysinfo::Pid::from_u32(pid);
    let mut system = System::new();
    let wanted = ProcessesToUpdate::Some(&[pid]);
    system.refresh_processes_specifics(wanted, true, parts.without_tasks());
    let gone = || io::Error::from(io::ErrorKind::NotFound);
    system.process(pid).map(take).ok_or_else(gone)
}

/// Texts with a zero byte after each.
fn ended_by_zero<'t>(texts: impl IntoIterator<Item = &'t OsStr>) -> Vec<u8> {
    let mut bytes = Vec::new();
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        bytes.push(0);
    }
    bytes
}

fn known(pid: u32) -> rustix::io::Result<Pid> {
    let raw = i32::try_from(pid).ok().and_then(Pid::from_raw);
    raw.ok_or(rustix::io::Errno::SRCH)
}

fn stat(pid: u32, process: &Process) -> Stat {
    let name = process.name().as_bytes();
    let name = name.get(..COMM_LEN).unwrap_or(name);
    // The group is 0 for processes of other namespaces.
    let group = known(pid).ok().and_then(|pid| {
        let pid = nix::unistd::Pid::from_raw(pid.as_raw_nonzero().get());
        nix::unistd::getpgid(Some(pid)).ok()
    });
    let started = process.start_time().saturating_sub(System::boot_time());
    Stat {
        comm: String::from_utf8_lossy(name).into_owned(),
        state: match process.status() {
            ProcessStatus::Zombie | ProcessStatus::Dead => 'Z',
            ProcessStatus::Stop => 'T',
            ProcessStatus::Run => 'R',
            _ => 'S',
        },
        ppid: process.parent().map_or(0, sysinfo::Pid::as_u32),
        pgrp: group.map_or(0, |group| group.as_raw().unsigned_abs()),
        start: clock::millis_to_ticks(started.saturating_mul(1000)),
        cpu_ms: process.accumulated_cpu_time(),
        rss: process.memory(),
    }
}

impl Machine for Portable {
    fn pids(&self) -> Vec<u32> {
        let mut system = System::new();
        let parts = ProcessRefreshKind::nothing().without_tasks();
        system.refresh_processes_specifics(ProcessesToUpdate::All, true, parts);
        let pids = system.processes().keys().map(|pid| pid.as_u32());
        let mut pids: Vec<u32> = pids.take(MAX_PROCESSES).collect();
        pids.sort_unstable();
        pids
    }

    fn look(&self, pid: u32) -> Presence {
        let parts = ProcessRefreshKind::nothing().with_cpu().with_memory();
        match read(pid, parts, |process| stat(pid, process)) {
            Ok(stat) if stat.state == 'Z' => Presence::Zombie(stat),
            Ok(stat) => Presence::Alive(stat),
            // What it does not list may only be unreadable.
            Err(_) => match known(pid).and_then(test_kill_process) {
                Err(rustix::io::Errno::SRCH) => Presence::Gone,
                Ok(()) | Err(_) => Presence::Unreadable(format!("process {pid} cannot be read")),
            },
        }
    }

    fn owner(&self, pid: u32) -> Option<u32> {
        let parts = ProcessRefreshKind::nothing().with_user(UpdateKind::Always);
        let owner = |process: &Process| process.effective_user_id().map(|user| **user);
        read(pid, parts, owner).ok()?
    }

    fn children(&self, _pid: u32) -> Option<Vec<u32>> {
        None
    }

    fn arguments(&self, pid: u32, limit: u64) -> io::Result<Vec<u8>> {
        let parts = ProcessRefreshKind::nothing().with_cmd(UpdateKind::Always);
        let mut bytes = read(pid, parts, |process| {
            ended_by_zero(process.cmd().iter().map(AsRef::as_ref))
        })?;
        bytes.truncate(usize::try_from(limit).unwrap_or(usize::MAX));
        Ok(bytes)
    }

    fn environment<'b>(&self, pid: u32, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let parts = ProcessRefreshKind::nothing().with_environ(UpdateKind::Always);
        let bytes = read(pid, parts, |process| {
            ended_by_zero(process.environ().iter().map(AsRef::as_ref))
        })?;
        let length = bytes.len().min(buffer.len());
        let (begin, whole) = (bytes.get(..length), buffer.get_mut(..length));
        if let (Some(begin), Some(whole)) = (begin, whole) {
            whole.copy_from_slice(begin);
        }
        Ok(buffer.get(..length).unwrap_or_default())
    }

    fn path(&self, pid: u32, which: ProcessPath) -> io::Result<PathBuf> {
        let parts = ProcessRefreshKind::nothing()
            .with_exe(UpdateKind::Always)
            .with_cwd(UpdateKind::Always);
        let found = read(pid, parts, |process| match which {
            ProcessPath::Program => process.exe().map(Path::to_path_buf),
            ProcessPath::Folder => process.cwd().map(Path::to_path_buf),
            ProcessPath::Input => None,
        })?;
        found.ok_or_else(|| io::ErrorKind::Unsupported.into())
    }

    fn shares_our_files(&self, _pid: u32) -> bool {
        false
    }

    fn program_identity(&self, _pid: u32) -> Option<(u64, u64)> {
        None
    }

    fn share_of_memory(&self, _pid: u32) -> Option<u64> {
        None
    }

    fn handle(&self, pid: u32) -> rustix::io::Result<Option<OwnedFd>> {
        match test_kill_process(known(pid)?) {
            Err(rustix::io::Errno::SRCH) => Err(rustix::io::Errno::SRCH),
            Ok(()) | Err(_) => Ok(None),
        }
    }

    fn send(&self, pid: u32, _handle: Option<&OwnedFd>, signal: Signal) -> rustix::io::Result<()> {
        kill_process(known(pid)?, signal)
    }

    fn listening_on(&self, path: &Path) -> Listening {
        match UnixStream::connect(path) {
            Ok(_) => Listening::Somebody(Vec::new()),
            Err(fault) => match fault.kind() {
                io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => Listening::Nobody,
                _ => Listening::Unreadable(format!("{}: {fault}", path.display())),
            },
        }
    }

    fn boot(&self) -> u64 {
        System::boot_time()
    }

    fn memory(&self) -> (u64, u64) {
        let mut system = System::new();
        system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
        (system.total_memory(), system.available_memory())
    }

    fn load(&self) -> String {
        let load = System::load_average();
        format!("{:.2} {:.2} {:.2}", load.one, load.five, load.fifteen)
    }
}
