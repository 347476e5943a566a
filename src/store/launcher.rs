//! `errands/<session>`: the process of a launcher's command while it runs. If a controller is
//! killed, the next one ends that process before it starts another.

use super::{StateDir, StoreFault, View, file};
use crate::model::{ProcId, SessionName};
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::PathBuf;

/// The most bytes read. The file contains two numbers.
const LIMIT: u64 = 64;

impl View {
    fn launcher_job_file(&self, session: &SessionName) -> PathBuf {
        self.path().join("errands").join(session.as_str())
    }

    /// The noted process of this session. It may have ended long ago.
    #[must_use]
    pub fn launcher_job(&self, session: &SessionName) -> Option<ProcId> {
        let (bytes, _) = file::read(&self.launcher_job_file(session), LIMIT).ok()?;
        let text = String::from_utf8(bytes).ok()?;
        let (pid, start) = text.trim().split_once(' ')?;
        Some(ProcId {
            pid: pid.parse().ok()?,
            start: start.parse().ok()?,
        })
    }
}

impl StateDir {
    /// Notes the process of a command that starts or stops this session.
    ///
    /// # Errors
    /// The system's error. An older note may then still be there.
    pub fn note_launcher_job(
        &self,
        session: &SessionName,
        process: ProcId,
    ) -> Result<(), StoreFault> {
        let path = self.view.launcher_job_file(session);
        let folder = path.parent().unwrap_or(&path);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(StoreFault::io("create", folder))?;
        file::replace(
            &path,
            format!("{} {}\n", process.pid, process.start).as_bytes(),
        )
    }

    /// Removes the note.
    ///
    /// # Errors
    /// The system's error.
    pub fn forget_launcher_job(&self, session: &SessionName) -> Result<(), StoreFault> {
        let path = self.view.launcher_job_file(session);
        file::remove_if_there(&path).map_err(StoreFault::io("remove", &path))
    }
}

#[cfg(test)]
mod tests {
    use super::super::scratch::Scratch;
    use super::*;

    #[test]
    fn a_note_is_read_back_until_it_is_forgotten_and_garbage_is_none() {
        let scratch = Scratch::new("errand");
        let store = StateDir::open(scratch.path()).unwrap();
        let session = SessionName::new("a").unwrap();
        let process = ProcId { pid: 7, start: 9 };
        assert_eq!(store.view().launcher_job(&session), None);
        store.note_launcher_job(&session, process).unwrap();
        assert_eq!(store.view().launcher_job(&session), Some(process));
        std::fs::write(scratch.path().join("errands/a"), "7 x").unwrap();
        assert_eq!(store.view().launcher_job(&session), None);
        store.forget_launcher_job(&session).unwrap();
        store.forget_launcher_job(&session).unwrap();
    }
}
