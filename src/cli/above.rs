//! The manifest of a town, found from a folder inside it.

use crate::files::aside;
use std::fs;
use std::path::{Path, PathBuf};

/// The name of the manifest where nobody names one.
pub(super) const NAME: &str = "town.toml";

/// The nearest `town.toml`, in this folder or above it, as a path from here.
///
/// The search ends at the user's home, or at the root of a repository. Outside both it looks only
/// here: what lies in a folder such as `/tmp` is nobody's town.
pub(super) fn town_file() -> Option<PathBuf> {
    let here = std::env::current_dir().ok()?;
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let place = here.clone();
    let found = aside::ask(&place, move || find(&here, home.as_deref(), &is_listed));
    found.ok().flatten()
}

/// Whether a folder lists this file. A list answers even where the file itself does not.
fn is_listed(path: &Path) -> bool {
    let names = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    let mut names = names.into_iter().flatten().flatten();
    names.any(|entry| Some(entry.file_name().as_os_str()) == path.file_name())
}

fn find(here: &Path, home: Option<&Path>, exists: &dyn Fn(&Path) -> bool) -> Option<PathBuf> {
    let is_last = |folder: &Path| Some(folder) == home || exists(&folder.join(".git"));
    let last = here.ancestors().position(is_last).unwrap_or(0);
    let mut searched = here.ancestors().take(last + 1).enumerate();
    let (up, _) = searched.find(|(_, folder)| exists(&folder.join(NAME)))?;
    let climbed: PathBuf = std::iter::repeat_n("..", up).collect();
    Some(climbed.join(NAME))
}

#[cfg(test)]
mod tests {
    use super::find;
    use std::path::{Path, PathBuf};

    fn found(here: &str, files: &[&str]) -> Option<PathBuf> {
        let exists = |path: &Path| files.iter().any(|file| Path::new(file) == path);
        find(Path::new(here), Some(Path::new("/home/me")), &exists)
    }

    #[test]
    fn the_nearest_manifest_up_to_the_home_or_the_repository_counts() {
        let cases = [
            (
                "/home/me/gt",
                &["/home/me/gt/town.toml"][..],
                Some("town.toml"),
            ),
            (
                "/home/me/gt/a/b",
                &["/home/me/gt/town.toml"],
                Some("../../town.toml"),
            ),
            ("/home/me/a", &["/home/me/town.toml"], Some("../town.toml")),
            ("/home/me/a", &["/home/town.toml"], None),
            (
                "/srv/repo/a",
                &["/srv/repo/.git", "/srv/repo/town.toml"],
                Some("../town.toml"),
            ),
            ("/srv/repo/a", &["/srv/repo/.git", "/srv/town.toml"], None),
            ("/tmp/work", &["/tmp/town.toml"], None),
            ("/tmp", &["/tmp/town.toml"], Some("town.toml")),
        ];
        for (here, files, wanted) in cases {
            assert_eq!(
                found(here, files),
                wanted.map(PathBuf::from),
                "{here} {files:?}"
            );
        }
    }
}
