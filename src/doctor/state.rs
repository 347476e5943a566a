//! Whether the state can be written: without it nothing running is touched.

use super::{Patient, shown};
use crate::model::{Checked, Fix};
use crate::proc::host;
use nix::unistd::{AccessFlags, access};
use rustix::process::geteuid;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

const CHECK: &str = "state";
/// Less free space than this and logs stop; in bytes.
const LITTLE: u64 = 200 << 20;
/// Less than this and the state itself may not be written.
const NONE: u64 = 10 << 20;

pub(super) fn check(patient: &Patient<'_>) -> Checked {
    let Some(dir) = patient.state else {
        let said = "no directory for it: neither XDG_STATE_HOME nor HOME is an absolute path";
        return Checked::failing(
            CHECK,
            said,
            Fix::line("export HOME=\"$(getent passwd \"$(id -u)\" | cut -d: -f6)\""),
        );
    };
    let at = shown(dir);
    let there = match fs::metadata(dir) {
        Ok(meta) if !meta.is_dir() => {
            let aside = format!("{at}.old");
            return Checked::failing(
                CHECK,
                format!("{at} is not a folder"),
                Fix::run(["mv", &at, &aside]),
            );
        }
        Ok(meta) if meta.uid() != geteuid().as_raw() => {
            let said = format!("{at} belongs to uid {}", meta.uid());
            return Checked::failing(
                CHECK,
                said,
                Fix::line(format!(
                    "sudo chown -R \"$(id -u)\" {}",
                    Fix::run([&at]).as_str()
                )),
            );
        }
        Ok(_) => {
            if let Err(fault) = write_and_remove(dir) {
                let said = format!("{at} cannot be written: {fault}");
                return Checked::failing(CHECK, said, remedy(dir, &fault));
            }
            true
        }
        Err(_) => false,
    };
    let Some(nearest) = dir.ancestors().find(|dir| dir.exists()) else {
        return Checked::failing(
            CHECK,
            format!("{at} cannot be created"),
            Fix::run(["mkdir", "-p", &at]),
        );
    };
    if !there && access(nearest, AccessFlags::W_OK | AccessFlags::X_OK).is_err() {
        let said = format!(
            "{at} cannot be created, because {} is not writable",
            shown(nearest)
        );
        return Checked::failing(
            CHECK,
            said,
            Fix::line("export GTCTL_STATE_DIR=\"$HOME/.gtctl-state\""),
        );
    }
    let (_, free) = host::disk(nearest);
    let room = Fix::run(["df", "-h", &shown(nearest)]);
    let what = if there { "" } else { ", created when needed" };
    match free {
        // A file system that tells no size is not a full one.
        Some(free) if free < NONE => Checked::failing(
            CHECK,
            format!("{at}: {} MiB are free on its disk", free >> 20),
            room,
        ),
        Some(free) if free < LITTLE => Checked::ailing(
            CHECK,
            format!("{at}: only {} MiB are free on its disk", free >> 20),
            room,
        ),
        Some(free) => Checked::well(CHECK, format!("{at}{what}; {} GiB free", gib(free))),
        None => Checked::well(CHECK, format!("{at}{what}")),
    }
}

fn gib(bytes: u64) -> String {
    let tenths = bytes / ((1 << 30) / 10);
    format!("{}.{}", tenths / 10, tenths % 10)
}

/// The only way to be sure: permissions say nothing of a disk that is full or read-only.
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

fn remedy(dir: &Path, fault: &std::io::Error) -> Fix {
    let at = shown(dir);
    match fault.kind() {
        std::io::ErrorKind::PermissionDenied => Fix::run(["chmod", "u+rwx", &at]),
        std::io::ErrorKind::StorageFull | std::io::ErrorKind::QuotaExceeded => {
            Fix::run(["df", "-h", &at])
        }
        _ => Fix::line("export GTCTL_STATE_DIR=\"$HOME/.gtctl-state\""),
    }
}
