//! What the kernel allows: terminals, processes and open files for a town of this size.

use super::Patient;
use crate::model::{Checked, Fix};
use nix::unistd::Uid;
use rustix::process::{Resource, getrlimit};
use std::fs;
use std::path::Path;

/// Processes that a session may well have: an agent with its tools.
const PROCESSES: u64 = 20;
/// Files that tmux and the controller hold open for a session.
const FILES: u64 = 8;
/// The same that they hold open for themselves.
const FILES_AT_LEAST: u64 = 128;
/// The kinds of systemd's units that are control groups.
const UNITS: [&str; 3] = ["slice", "scope", "service"];
/// Terminals that others may want meanwhile.
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
    let said = format!("{used} of {most} are in use, and the town has {sessions} sessions");
    if used + sessions + TERMINALS <= most {
        return Checked::well("terminals", format!("{used} of {most} are in use"));
    }
    let fix = Fix::run([
        "sudo",
        "sysctl",
        "-w",
        &format!(
            "kernel.pty.max={}",
            (2 * (used + sessions + TERMINALS)).max(4096)
        ),
    ]);
    if used + sessions > most {
        Checked::failing("terminals", said, fix)
    } else {
        Checked::ailing("terminals", said, fix)
    }
}

/// The narrowest of the user's limit and of those of the control groups we are in.
fn processes(sessions: u64) -> Checked {
    let wanted = PROCESSES * sessions.max(1);
    for (group, most, used) in groups() {
        if used + wanted > most {
            let said = format!(
                "control group {group} has {used} of at most {most} processes; the town may need {wanted}"
            );
            let uid = rustix::process::getuid().as_raw();
            let is_unit = |part: &&str| {
                part.rsplit('.')
                    .next()
                    .is_some_and(|kind| UNITS.contains(&kind))
            };
            let unit = group.split('/').rfind(is_unit);
            let unit = unit.map_or_else(|| format!("user-{uid}.slice"), str::to_owned);
            return Checked::ailing(
                "processes",
                said,
                Fix::run([
                    "sudo",
                    "systemctl",
                    "set-property",
                    &unit,
                    "TasksMax=infinity",
                ]),
            );
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
    let said = format!("{used} of {most} are in use, and the town may need {wanted}");
    Checked::ailing(
        "processes",
        said,
        raise("-u", used + 2 * wanted, limit.maximum),
    )
}

/// The control groups around us that have a limit: name, limit, use.
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

/// The threads of our user, which is what the kernel counts.
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
            let said = format!("only {most} can be open at once, and the town may need {wanted}");
            Checked::ailing("files", said, raise("-n", wanted.max(1024), limit.maximum))
        }
    }
}

/// What raises a limit of the shell, and of what it starts.
fn raise(which: &str, to: u64, hard: Option<u64>) -> Fix {
    let to = to.to_string();
    if hard.is_none_or(|hard| hard >= to.parse().unwrap_or(u64::MAX)) {
        return Fix::run(["ulimit", "-S", which, &to]);
    }
    let name = if which == "-n" { "nofile" } else { "nproc" };
    Fix::line(format!("sudo prlimit --pid $$ --{name}={to}:{to}"))
}
