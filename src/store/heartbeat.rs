//! `controller.json`: the controller's sign of life. Replaced whole, but not made durable: it only
//! means something while its controller lives.

use super::file;
use super::lock::{CONTROLLER_LOCK, Keeps};
use super::{StateDir, StoreFault, View};
use crate::files::{self, Links};
use crate::model::invisible::visible_json;
use crate::model::{Counts, Heartbeat, InForce, Moment, Period, ProcId, Topic};
use serde::{Deserialize, Serialize};
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

const FILE: &str = "controller.json";
/// The most that is read of it, in bytes.
const LIMIT: u64 = 1 << 20;
/// The longest complaint that is kept in it, in characters.
const COMPLAINT: usize = 500;

impl View {
    /// The last sign of life that any controller left; none when there is none, or none that is
    /// understood.
    #[must_use]
    pub fn heartbeat(&self) -> Option<Heartbeat> {
        let (bytes, _) = file::read(&self.path.join(FILE), LIMIT).ok()?;
        serde_json::from_slice::<Wire>(&bytes)
            .ok()
            .map(Heartbeat::from)
    }

    /// The process that signed the controller's lock last, whether it lives or not. Waits for no
    /// lock, and takes none.
    #[must_use]
    pub fn last_controller(&self) -> Option<ProcId> {
        self.signed().map(|(process, _)| process)
    }

    fn signed(&self) -> Option<(ProcId, Option<Keeps>)> {
        let (bytes, _) = file::read(&self.path.join(CONTROLLER_LOCK), LIMIT).ok()?;
        signature(bytes)
    }
}

/// What the process that signed this controller's lock last keeps, if it said so.
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
    /// Writes the sign of life.
    ///
    /// # Errors
    /// What the system says; the former one is then still there.
    pub fn beat(&self, heartbeat: &Heartbeat) -> Result<(), StoreFault> {
        let path = self.path().join(FILE);
        let temporary = file::beside(&path, "tmp");
        let wire = serde_json::to_string(&Wire::from(heartbeat))
            .map(visible_json)
            .unwrap_or_default();
        file::remove_if_there(&temporary)
            .and_then(|()| {
                file::options_without_surprises()
                    .write(true)
                    .create_new(true)
                    .open(&temporary)
            })
            .and_then(|mut new| new.write_all(wire.as_bytes()))
            .and_then(|()| fs::rename(&temporary, &path))
            .map_err(StoreFault::io("write", &path))
    }
}

#[derive(Serialize, Deserialize)]
struct Wire {
    controller: ProcId,
    file: PathBuf,
    began: Moment,
    cycled: Moment,
    took_ms: u64,
    resync_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    trouble: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    manifest_broken: Option<(Moment, String)>,
    counts: WireCounts,
    #[serde(default)]
    announced: Vec<(String, String)>,
}

#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct WireCounts {
    cycles: u64,
    starts: u64,
    crashes: u64,
    expired: u64,
    failures: u64,
}

impl From<&Heartbeat> for Wire {
    fn from(beat: &Heartbeat) -> Self {
        let clip = |text: &str| text.chars().take(COMPLAINT).collect::<String>();
        let Counts {
            cycles,
            starts,
            crashes,
            expired,
            failures,
        } = beat.counts;
        Self {
            controller: beat.controller,
            file: beat.file.clone(),
            began: beat.began,
            cycled: beat.cycled,
            took_ms: beat.took.millis(),
            resync_ms: beat.resync.millis(),
            trouble: beat.trouble.as_deref().map(clip),
            manifest_broken: match &beat.manifest {
                InForce::OnDisk => None,
                InForce::LastGood { since, why } => Some((*since, clip(why))),
            },
            counts: WireCounts {
                cycles,
                starts,
                crashes,
                expired,
                failures,
            },
            announced: beat
                .announced
                .iter()
                .map(|(topic, who)| (topic.word().to_owned(), who.clone()))
                .collect(),
        }
    }
}

impl From<Wire> for Heartbeat {
    fn from(wire: Wire) -> Self {
        let WireCounts {
            cycles,
            starts,
            crashes,
            expired,
            failures,
        } = wire.counts;
        let announced = wire
            .announced
            .into_iter()
            .filter_map(|(word, who)| Topic::of(&word).map(|topic| (topic, who)));
        Self {
            controller: wire.controller,
            file: wire.file,
            began: wire.began,
            cycled: wire.cycled,
            took: Period::from_millis(wire.took_ms),
            resync: Period::from_millis(wire.resync_ms),
            trouble: wire.trouble,
            manifest: match wire.manifest_broken {
                None => InForce::OnDisk,
                Some((since, why)) => InForce::LastGood { since, why },
            },
            counts: Counts {
                cycles,
                starts,
                crashes,
                expired,
                failures,
            },
            announced: announced.collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::{NOW, Scratch};
    use super::*;
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
            trouble: Some("é".repeat(2 * COMPLAINT)),
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
                trouble: Some("é".repeat(COMPLAINT)),
                ..beat()
            }
        );
        let mode = fs::metadata(scratch.path().join(FILE)).unwrap().mode();
        assert_eq!(mode & 0o777, 0o600);
        assert!(!scratch.path().join("controller.json.tmp").exists());
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
