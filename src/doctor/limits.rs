//! Checks that the kernel allows enough terminals, processes and open files for the town.

use super::Patient;
use crate::model::{Checked, Fix};
use nix::unistd::Uid;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::Path;

/// The processes that one session may need: an agent and its tools.
const PROCESSES: u64 = 20;
/// The files that tmux and the controller have open for one session.
const FILES: u64 = 8;
/// The files that tmux and the controller have open without any session.
const FILES_AT_LEAST: u64 = 128;
/// The ends of the names of systemd units that are control groups.
const UNITS: [&str; 3] = ["slice", "scope", "service"];
/// The terminals that stay free for other programs.
const TERMINALS: u64 = 16;

pub(super) fn check(patient: &Patient<'_>) -> Vec<Checked> {
    vec![
        terminals(patient.sessions()),
        processes(patient.sessions()),
        files(patient.sessions()),
    ]
}

fn number(path: impl AsRef<Path>) -> Option<u64> {
    fs::read_to_string(path).ok()?.trim().parse().ok()
}

fn terminals(sessions: u64) -> Checked {
    let (Some(most), Some(used)) = (
        number("/proc/sys/kernel/pty/max"),
        number("/proc/sys/kernel/pty/nr"),
    ) else {
        return Checked::well("terminals", "the limit is not known");
    };
    let wanted = used + sessions + TERMINALS;
    if wanted <= most {
        return Checked::well("terminals", format!("{used} of {most} are in use"));
    }
    let message = format!("{used} of {most} are in use, and the town has {sessions} sessions");
    let setting = format!("kernel.pty.max={}", (2 * wanted).max(4096));
    let fix = Fix::run(["sudo", "sysctl", "-w", &setting]);
    if used + sessions > most {
        Checked::failing("terminals", message, fix)
    } else {
        Checked::ailing("terminals", message, fix)
    }
}

/// Checks the limits of the control groups in which gtctl runs, then that of the user.
fn processes(sessions: u64) -> Checked {
    let wanted = PROCESSES * sessions.max(1);
    for (group, most, used) in groups() {
        if used + wanted > most {
            let message = format!(
                "control group {group} has {used} of at most {most} processes; the town may need {wanted}"
            );
            let unit = unit_of(&group);
            let fix = [
                "sudo",
                "systemctl",
                "set-property",
                &unit,
                "TasksMax=infinity",
            ];
            return Checked::ailing("processes", message, Fix::run(fix));
        }
    }
    let limit = getrlimit(Resource::Nproc);
    let Some(most) = limit.current else {
        return Checked::well("processes", "no limit");
    };
    let used = of_user();
    if Uid::effective().is_root() || used + wanted <= most {
        return Checked::well("processes", format!("{used} of {most} are in use"));
    }
    let message = format!("{used} of {most} are in use, and the town may need {wanted}");
    let fix = raise("-u", used + 2 * wanted, limit.maximum);
    Checked::ailing("processes", message, fix)
}

/// The systemd unit of a control group, such as `user-1000.slice`.
fn unit_of(group: &str) -> String {
    let is_unit = |part: &&str| {
        part.rsplit('.')
            .next()
            .is_some_and(|kind| UNITS.contains(&kind))
    };
    let uid = rustix::process::getuid().as_raw();
    let unit = group.split('/').rfind(is_unit);
    unit.map_or_else(|| format!("user-{uid}.slice"), str::to_owned)
}

/// Name, limit and use of each control group around gtctl that limits processes. The innermost
/// first.
fn groups() -> Vec<(String, u64, u64)> {
    let text = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let Some(own) = text.lines().find_map(|line| line.strip_prefix("0::")) else {
        return Vec::new();
    };
    let limited = |group: &Path| {
        let dir = Path::new("/sys/fs/cgroup").join(group.strip_prefix("/").unwrap_or(group));
        Some((
            group.display().to_string(),
            number(dir.join("pids.max"))?,
            number(dir.join("pids.current"))?,
        ))
    };
    Path::new(own).ancestors().filter_map(limited).collect()
}

/// The number of threads of this user. The kernel's limit on processes counts threads.
fn of_user() -> u64 {
    use std::os::unix::fs::MetadataExt;
    let uid = rustix::process::getuid().as_raw();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let own = entries.filter(|entry| {
        entry
            .file_name()
            .as_encoded_bytes()
            .iter()
            .all(u8::is_ascii_digit)
            && entry.metadata().is_ok_and(|meta| meta.uid() == uid)
    });
    own.map(|entry| fs::read_dir(entry.path().join("task")).map_or(0, |tasks| tasks.count() as u64))
        .sum()
}

fn files(sessions: u64) -> Checked {
    let limit = getrlimit(Resource::Nofile);
    let wanted = FILES_AT_LEAST + FILES * sessions;
    match limit.current {
        None => Checked::well("files", "no limit"),
        Some(most) if most >= wanted => {
            Checked::well("files", format!("{most} can be open at once"))
        }
        Some(most) => {
            let message =
                format!("only {most} can be open at once, and the town may need {wanted}");
            let fix = raise("-n", wanted.max(1024), limit.maximum);
            Checked::ailing("files", message, fix)
        }
    }
}

/// The fix that raises a limit of the shell and of all that it starts. `which` is `-n` or `-u`.
fn raise(which: &str, to: u64, hard: Option<u64>) -> Fix {
    let to = to.to_string();
    if hard.is_none_or(|hard| hard >= to.parse().unwrap_or(u64::MAX)) {
        return Fix::run(["ulimit", "-S", which, &to]);
    }
    let name = if which == "-n" { "nofile" } else { "nproc" };
    Fix::line(format!("sudo prlimit --pid $$ --{name}={to}:{to}"))
}
