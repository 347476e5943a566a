//! Finds programs on a search path.

use nix::unistd::{AccessFlags, access};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

/// The first executable file of this name in the folders of `path`. Skips relative folders, because
/// their meaning depends on the working directory.
#[must_use]
pub fn find(name: &str, path: &OsStr) -> Option<PathBuf> {
    let folders = std::env::split_paths(path).filter(|folder| folder.is_absolute());
    folders
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file))
}

/// Whether this is a regular file that we may execute.
#[must_use]
pub fn is_executable(path: &Path) -> bool {
    path.is_file() && access(path, AccessFlags::X_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_executable_of_the_name_is_found() {
        let dir = std::env::temp_dir().join(format!("gtctl-program-{}", std::process::id()));
        std::fs::create_dir_all(dir.join("sh")).unwrap();
        let path = format!("relative::{}:/usr/bin:/bin", dir.display());
        let found = find("sh", OsStr::new(&path)).unwrap();
        assert!(
            found.starts_with("/usr/bin") || found.starts_with("/bin"),
            "a folder is no program: {found:?}"
        );
        assert_eq!(find("sh", OsStr::new("")), None);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
