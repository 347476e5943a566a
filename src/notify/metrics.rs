//! Metrics in a file that a collector reads.

use crate::model::{Moment, Period};
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file is written at most this often: collectors read it every 15 s or so.
const FILE_EVERY: Period = Period::from_secs(5);

/// The file that was written last.
#[derive(Debug, Default)]
pub struct MetricsFile {
    written: Option<(PathBuf, Moment)>,
}

impl MetricsFile {
    /// Writes a page there, in place of the last. A file that is wanted no more stays, for a
    /// collector to see its age.
    ///
    /// # Errors
    /// What keeps it from being written, with the place.
    pub fn publish(
        &mut self,
        path: &Path,
        page: impl FnOnce() -> String,
        now: Moment,
    ) -> Result<(), String> {
        let last = self.written.as_ref().filter(|(file, _)| file == path);
        if last.is_some_and(|(_, at)| now.since(at) < FILE_EVERY) {
            return Ok(());
        }
        self.written = Some((path.to_path_buf(), now));
        replace(path, &page())
            .map_err(|e| format!("metrics cannot be written to {}: {e}", path.display()))
    }
}

/// Replaces the file whole, so that a collector never reads half of it. It is for others to read,
/// who are other users often enough.
fn replace(path: &Path, page: &str) -> io::Result<()> {
    let mut temporary = path.as_os_str().to_owned();
    temporary.push(format!(".{}", std::process::id()));
    let temporary = PathBuf::from(temporary);
    let _ = fs::remove_file(&temporary);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o644)
        .open(&temporary)?;
    let written = file
        .write_all(page.as_bytes())
        .and_then(|()| fs::rename(&temporary, path));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    written
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(awake: u64) -> Moment {
        Moment {
            wall: 0,
            awake,
            boot: 1,
        }
    }

    #[test]
    fn the_file_is_replaced_but_not_at_every_cycle() {
        let dir = std::env::temp_dir().join(format!("gtctl-prom-{}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        let wanted = dir.join("town.prom");
        let mut offer = MetricsFile::default();
        let mut publish = |page: &str, now| {
            offer.publish(&wanted, || page.to_owned(), now).unwrap();
        };
        let read = || fs::read_to_string(dir.join("town.prom")).unwrap();
        publish("one", at(0));
        publish("two", at(FILE_EVERY.millis() - 1));
        assert_eq!(read(), "one");
        publish("three", at(FILE_EVERY.millis()));
        assert_eq!(read(), "three");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
        let nowhere = dir.join("nowhere/town.prom");
        let fault = offer.publish(&nowhere, String::new, at(0)).unwrap_err();
        assert!(fault.contains("nowhere/town.prom: "), "{fault}");
        fs::remove_dir_all(&dir).unwrap();
    }
}
