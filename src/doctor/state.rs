//! Checks that gtctl can write its state. Without it gtctl changes nothing that runs.

use super::{Patient, shown};
use crate::model::{Checked, Fix};
use crate::proc::host;
use nix::unistd::{AccessFlags, access};
use rustix::process::geteuid;
use std::fs::{self, Metadata, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const CHECK: &str = "state";
/// With less free space than this, in bytes, gtctl stops writing logs.
const LITTLE: u64 = 200 << 20;
/// With less free space than this, in bytes, gtctl may fail to write its state.
const NONE: u64 = 10 << 20;

pub(super) fn check(patient: &Patient<'_>) -> Checked {
    let Some(dir) = patient.state else {
        let message = "no directory for it: neither XDG_STATE_HOME nor HOME is an absolute path";
        let fix = "export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\"";
        return Checked::failing(CHECK, message, Fix::line(fix));
    };
    let (problem, when_created) = match fs::metadata(dir) {
        Ok(meta) => (existing(dir, &meta), ""),
        Err(_) => (absent(dir), ", created when needed"),
    };
    problem.unwrap_or_else(|| space(dir, when_created))
}

/// What is wrong with a state directory that exists.
fn existing(dir: &Path, meta: &Metadata) -> Option<Checked> {
    let at = shown(dir);
    if !meta.is_dir() {
        let fix = Fix::run(["mv", &at, &format!("{at}.old")]);
        return Some(Checked::failing(
            CHECK,
            format!("{at} is not a folder"),
            fix,
        ));
    }
    if meta.uid() != geteuid().as_raw() {
        let message = format!("{at} belongs to uid {}", meta.uid());
        let fix = format!("sudo chown -R \"$(id -u)\" {}", Fix::run([&at]).as_str());
        return Some(Checked::failing(CHECK, message, Fix::line(fix)));
    }
    let error = write_and_remove(dir).err()?;
    let message = format!("{at} cannot be written: {error}");
    Some(Checked::failing(CHECK, message, fix_for(dir, &error)))
}

/// Why a state directory that does not exist cannot be created.
fn absent(dir: &Path) -> Option<Checked> {
    let nearest = nearest_existing(dir)?;
    if access(nearest, AccessFlags::W_OK | AccessFlags::X_OK).is_ok() {
        return None;
    }
    let message = format!(
        "{} cannot be created, because {} is not writable",
        shown(dir),
        shown(nearest)
    );
    let fix = Fix::line("export GTCTL_STATE_DIR=\"$HOME/.gtctl-state\"");
    Some(Checked::failing(CHECK, message, fix))
}

fn nearest_existing(dir: &Path) -> Option<&Path> {
    dir.ancestors().find(|ancestor| ancestor.exists())
}

/// Checks the free space for the state. `when_created` goes into the message.
fn space(dir: &Path, when_created: &str) -> Checked {
    let at = shown(dir);
    let Some(nearest) = nearest_existing(dir) else {
        let fix = Fix::run(["mkdir", "-p", &at]);
        return Checked::failing(CHECK, format!("{at} cannot be created"), fix);
    };
    let (_, free) = host::disk(nearest);
    let show_space = Fix::run(["df", "-h", &shown(nearest)]);
    match free {
        Some(free) if free < NONE => Checked::failing(
            CHECK,
            format!("{at}: {} MiB are free on its disk", free >> 20),
            show_space,
        ),
        Some(free) if free < LITTLE => Checked::ailing(
            CHECK,
            format!("{at}: only {} MiB are free on its disk", free >> 20),
            show_space,
        ),
        Some(free) => {
            let message = format!("{at}{when_created}; {} GiB free", gib(free));
            Checked::well(CHECK, message)
        }
        // Some file systems do not tell their size. That does not mean that they are full.
        None => Checked::well(CHECK, format!("{at}{when_created}")),
    }
}

/// Bytes in GiB, with one digit after the point.
fn gib(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// Writes a file and removes it. Permissions alone do not show that a disk is full or read-only.
fn write_and_remove(dir: &Path) -> std::io::Result<()> {
    let file = dir.join(format!("doctor.{}", std::process::id()));
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&file)
        .and_then(|mut new| new.write_all(&[b'\n'; 4096]).and_then(|()| new.sync_data()));
    let removed = fs::remove_file(&file);
    written.and(removed)
}

fn fix_for(dir: &Path, error: &std::io::Error) -> Fix {
    let at = shown(dir);
    match error.kind() {
        std::io::ErrorKind::PermissionDenied => Fix::run(["chmod", "u+rwx", &at]),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Fix::run(["df", "-h", &at])
        }
        _ => Fix::line("export GTCTL_STATE_DIR=\"$HOME/.gtctl-state\""),
    }
}
