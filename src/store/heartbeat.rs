//! `controller.json`: the heartbeat of the controller. It is replaced atomically but not synced,
//! because it is only of use while the controller lives.

use super::file;
use super::lock::{CONTROLLER_LOCK, Keeps};
use super::{StateDir, StoreFault, View};
use crate::files::{self, Links};
use crate::model::invisible::visible_json;
use crate::model::written::from_bytes;
use crate::model::{Heartbeat, ProcId};
use std::fs;
use std::io::Write;
use std::path::Path;

const FILE: &str = "controller.json";
/// The most bytes read.
const LIMIT: u64 = 1 << 20;

impl View {
    /// The last heartbeat of any controller. `None` if there is none or it cannot be read.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Heartbeat> {
        let (bytes, _) = file::read(&self.path.join(FILE), LIMIT).ok()?;
        let beat: Heartbeat = from_bytes(&bytes).ok()?;
        Some(beat.bounded())
    }

    /// The process that last wrote its id into the controller's lock file. It may have ended. Waits
    /// for no lock and takes none.
    #[must_use]
    pub fn last_controller(&self) -> Option<ProcId> {
        self.signed().map(|(process, _)| process)
    }

    fn signed(&self) -> Option<(ProcId, Option<Keeps>)> {
        let (bytes, _) = file::read(&self.path.join(CONTROLLER_LOCK), LIMIT).ok()?;
        signature(bytes)
    }
}

/// What the last owner of this controller lock keeps, if it said so.
#[must_use]
pub fn kept_in(lock: &Path) -> Option<(ProcId, Keeps)> {
    let bytes = files::read(lock, Links::Follow, LIMIT).ok()?;
    signature(bytes).and_then(|(process, keeps)| Some((process, keeps?)))
}

fn signature(bytes: Vec<u8>) -> Option<(ProcId, Option<Keeps>)> {
    let text = String::from_utf8(bytes).ok()?;
    let mut lines = text.lines();
    let mut words = lines.next()?.split_whitespace();
    let process = ProcId {
        pid: words.next()?.parse().ok()?,
        start: words.next()?.parse().ok()?,
    };
    Some((
        process,
        lines
            .next()
            .and_then(|line| serde_json::from_str(line).ok()),
    ))
}

impl StateDir {
    /// Writes the heartbeat.
    ///
    /// # Errors
    /// The system's error. The former heartbeat is then still there.
    pub fn beat(&self, heartbeat: &Heartbeat) -> Result<(), StoreFault> {
        let path = self.path().join(FILE);
        let temporary = file::beside(&path, "tmp");
        let text = serde_json::to_string(&heartbeat.clone().bounded())
            .map(visible_json)
            .unwrap_or_default();
        file::remove_if_there(&temporary)
            .and_then(|()| {
                file::options_without_surprises()
                    .write(true)
                    .create_new(true)
                    .open(&temporary)
            })
            .and_then(|mut new| new.write_all(text.as_bytes()))
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(StoreFault::io("write", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::{NOW, Scratch};
    use super::*;
    use crate::model::{Counts, InForce, Period, Topic};
    use serde_json::json;
    use std::os::unix::fs::MetadataExt;

    fn beat() -> Heartbeat {
        Heartbeat {
            controller: ProcId {
                pid: 4242,
                start: 99,
            },
            file: "/town/town.toml".into(),
            began: NOW,
            cycled: NOW,
            took: Period::from_millis(4),
            resync: Period::from_secs(15),
            trouble: Some("é".repeat(2 * Heartbeat::MAX_COMPLAINT)),
            manifest: InForce::LastGood {
                since: NOW,
                why: "it has faults".into(),
            },
            counts: Counts {
                cycles: 1,
                starts: 2,
                crashes: 3,
                expired: 4,
                failures: 5,
            },
            announced: [(Topic::CrashLoop, "a".to_owned())].into(),
        }
    }

    #[test]
    fn what_was_written_is_read_and_only_by_its_owner() {
        let scratch = Scratch::new("beat");
        let dir = StateDir::open(scratch.path()).unwrap();
        assert_eq!(dir.view().heartbeat(), None);
        fs::write(scratch.path().join("controller.json.tmp"), "half").unwrap();
        dir.beat(&beat()).unwrap();
        let read = dir.view().heartbeat().unwrap();
        assert_eq!(
            read,
            Heartbeat {
                trouble: Some("é".repeat(Heartbeat::MAX_COMPLAINT)),
                ..beat()
            }
        );
        let mode = fs::metadata(scratch.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!scratch.path().join("controller.json.tmp").exists());
    }

    #[test]
    fn what_former_and_later_versions_have_written_is_read() {
        let scratch = Scratch::new("otherbeat");
        let dir = StateDir::open(scratch.path()).unwrap();
        let least = json!({
            "controller": { "pid": 4242, "start": 99 }, "file": "/town/town.toml", "began": NOW, "cycled": NOW,
            "took_ms": 4, "resync_ms": 15000, "counts": {},
        });
        let with = |name: &str, value| {
            let mut text = least.clone();
            text[name] = value;
            text.to_string()
        };
        let read = |text: &str| {
            fs::write(scratch.path().join(FILE), text).unwrap();
            dir.view().heartbeat().unwrap()
        };
        let plain = Heartbeat {
            trouble: None,
            manifest: InForce::OnDisk,
            counts: Counts::default(),
            announced: [].into(),
            ..beat()
        };
        assert_eq!(read(&least.to_string()), plain);
        let broken = read(&with("manifest_broken", json!([NOW, "it has faults"])));
        assert_eq!(broken.manifest, beat().manifest);
        let announced = json!([["crash-loop", "a"], ["of-tomorrow", "b"]]);
        assert_eq!(
            read(&with("announced", announced)).announced,
            beat().announced
        );
        let counts = json!({ "starts": 2, "of-tomorrow": 1 });
        assert_eq!(read(&with("counts", counts)).counts.starts, 2);
    }

    #[test]
    fn any_bytes_are_no_heartbeat() {
        let scratch = Scratch::new("nobeat");
        let dir = StateDir::open(scratch.path()).unwrap();
        let large = vec![b'{'; 2 << 20];
        for bytes in [&b""[..], b"{}", b"\xff\xfe", b"[1,2]", &large] {
            fs::write(scratch.path().join(FILE), bytes).unwrap();
            fs::write(scratch.path().join(CONTROLLER_LOCK), bytes).unwrap();
            assert_eq!(
                (dir.view().heartbeat(), dir.view().last_controller()),
                (None, None)
            );
        }
    }

    #[test]
    fn the_lock_tells_who_signed_it_last() {
        let scratch = Scratch::new("signed");
        let dir = StateDir::open(scratch.path()).unwrap();
        let me = ProcId {
            pid: 4711,
            start: 99,
        };
        assert_eq!(dir.view().last_controller(), None);
        drop(dir.lock_controller(me, None).unwrap());
        assert_eq!(
            (
                dir.view().last_controller(),
                kept_in(&scratch.path().join(CONTROLLER_LOCK))
            ),
            (Some(me), None)
        );
        let keeps = Keeps {
            town: "t".into(),
            socket: "/s\n".into(),
            file: "/f".into(),
        };
        drop(dir.lock_controller(me, Some(&keeps)).unwrap());
        assert_eq!(
            (
                dir.view().last_controller(),
                kept_in(&scratch.path().join(CONTROLLER_LOCK))
            ),
            (Some(me), Some((me, keeps)))
        );
    }
}
