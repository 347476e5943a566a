//! What was on the screens of runs that have ended: `logs/<session>/<generation>.log`, and a link `latest.log`.

use super::{StateDir, StoreFault, file};
use crate::model::{Generation, SessionName};
use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, symlink};
use std::path::{Path, PathBuf};

/// The most kept of one screen, in bytes; of a longer text the end.
const LIMIT: usize = 10 << 20;

impl StateDir {
    /// Keeps `text` as the log of one run, points `latest.log` at it, and removes all but the newest `keep` (at least
    /// one). Returns where it is.
    ///
    /// # Errors
    /// What the system says. `latest.log` never points at nothing.
    pub fn keep_log(
        &self,
        session: &SessionName,
        generation: Generation,
        text: &str,
        keep: u32,
    ) -> Result<PathBuf, StoreFault> {
        let dir = self.path().join("logs").join(session.as_str());
        DirBuilder::new().recursive(true).mode(0o700).create(&dir).map_err(StoreFault::io("create", &dir))?;
        let path = dir.join(format!("{generation}.log"));
        file::replace(&path, end_of(text).as_bytes())?;
        let link = dir.join("latest.log");
        point(&link, &path).map_err(StoreFault::io("link", &link))?;
        retire(&dir, generation, keep).map_err(StoreFault::io("clear", &dir))?;
        Ok(path)
    }
}

fn end_of(text: &str) -> &str {
    let mut from = text.len().saturating_sub(LIMIT);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    text.get(from..).unwrap_or_default()
}

fn point(link: &Path, log: &Path) -> io::Result<()> {
    let temporary = file::beside(link, "tmp");
    file::remove_if_there(&temporary)?;
    symlink(log.file_name().unwrap_or_default(), &temporary)?;
    fs::rename(&temporary, link)
}

/// Removes the oldest logs, never that of `latest`.
fn retire(dir: &Path, latest: Generation, keep: u32) -> io::Result<()> {
    let mut generations: Vec<u64> = Vec::new();
    for entry in fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|n| n.strip_suffix(".log")).and_then(|n| n.parse().ok());
        generations.extend(number.filter(|n: &u64| *n != latest.0));
    }
    generations.sort_unstable_by(|a, b| b.cmp(a));
    let others = usize::try_from(keep.saturating_sub(1)).unwrap_or(usize::MAX);
    for old in generations.into_iter().skip(others) {
        file::remove_if_there(&dir.join(format!("{old}.log")))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::state::tests::Scratch;
    use super::*;

    #[test]
    fn the_newest_stay_and_the_link_is_whole() {
        let scratch = Scratch::new("logs");
        let dir = StateDir::open(scratch.path()).unwrap();
        let session = SessionName::new("a").unwrap();
        for n in 8..13 {
            dir.keep_log(&session, Generation(n), &format!("run {n}"), 2).unwrap();
            let latest = scratch.path().join("logs/a/latest.log");
            assert_eq!(fs::read_to_string(latest).unwrap(), format!("run {n}"));
        }
        let mut names: Vec<_> =
            fs::read_dir(scratch.path().join("logs/a")).unwrap().map(|e| e.unwrap().file_name()).collect();
        names.sort();
        assert_eq!(names, ["11.log", "12.log", "latest.log"]);
    }

    #[test]
    fn of_a_long_screen_the_end_is_kept() {
        let long = format!("é{}", "x".repeat(LIMIT - 1));
        assert_eq!(end_of(&long).len(), LIMIT - 1);
        assert_eq!(end_of("short"), "short");
    }
}
