//! Says how to get a missing program. Often it is installed, and only not on PATH.

use super::path;
use crate::model::Fix;
use crate::proc::program::{find, is_executable};
use std::path::{Path, PathBuf};

/// Folders where programs are on many machines.
const USUAL: [&str; 8] = [
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "/opt/homebrew/bin",
    "/home/linuxbrew/.linuxbrew/bin",
    "/snap/bin",
    "/usr/local/go/bin",
    "/opt/bin",
];
/// Folders where programs are below a home directory.
const AT_HOME: [&str; 7] = [
    ".local/bin",
    "bin",
    "go/bin",
    ".cargo/bin",
    ".npm-global/bin",
    ".bun/bin",
    ".local/share/pnpm",
];

/// Package managers, and the command by which each installs tmux.
const SYSTEMS: [(&str, &[&str]); 6] = [
    ("apt-get", &["apt-get", "install", "-y", "tmux"]),
    ("dnf", &["dnf", "install", "-y", "tmux"]),
    ("pacman", &["pacman", "-S", "--noconfirm", "tmux"]),
    ("zypper", &["zypper", "install", "-y", "tmux"]),
    ("apk", &["apk", "add", "tmux"]),
    ("brew", &["brew", "install", "tmux"]),
];

/// Programs that come from elsewhere, and how to install each.
const OTHERS: [(&str, &str); 9] = [
    ("claude", "npm install -g @anthropic-ai/claude-code"),
    ("codex", "npm install -g @openai/codex"),
    ("gemini", "npm install -g @google/gemini-cli"),
    ("opencode", "npm install -g opencode-ai"),
    ("kimi", "uv tool install --python 3.13 kimi-cli==1.51.0"),
    ("kimi-code", "npm install -g @moonshot-ai/kimi-code"),
    ("aider", "uv tool install --python 3.12 aider-chat"),
    ("gt", "npm install -g @gastown/gt"),
    ("bd", "npm install -g @beads/bd"),
];

/// A program of this name on PATH or in a usual folder. `but` is the file that it must not be.
pub(super) fn elsewhere(name: &str, but: Option<&Path>) -> Option<PathBuf> {
    let on_path: Vec<PathBuf> = std::env::split_paths(&path())
        .filter(|folder| folder.is_absolute())
        .collect();
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    let at_home = home
        .iter()
        .flat_map(|home| AT_HOME.iter().map(move |folder| home.join(folder)));
    let folders = on_path
        .into_iter()
        .chain(USUAL.iter().map(PathBuf::from))
        .chain(at_home);
    let real_path = |file: &Path| file.canonicalize().ok();
    let excluded = but.and_then(real_path);
    let is_excluded =
        |file: &Path| but.is_some_and(|but| file == but || real_path(file) == excluded);
    folders
        .map(|folder| folder.join(name))
        .find(|file| is_executable(file) && !is_excluded(file))
}

/// The fix that puts a file's folder first on PATH.
pub(super) fn prefer(file: &Path) -> Fix {
    Fix::path_first(&file.parent().unwrap_or(Path::new("/")).to_string_lossy())
}

/// The fix for a program that is not on PATH.
pub(super) fn get(name: &str) -> Fix {
    if let Some(file) = elsewhere(name, None) {
        return prefer(&file);
    }
    match OTHERS.iter().find(|(other, _)| *other == name) {
        Some((_, line)) => Fix::line(*line),
        None if name == "tmux" => tmux_of_system(),
        None => Fix::path_first(&format!("/folder/of/{name}")),
    }
}

/// The fix that installs the system's newest tmux.
pub(super) fn tmux_of_system() -> Fix {
    let installed = SYSTEMS
        .iter()
        .find(|(manager, _)| elsewhere(manager, None).is_some());
    let argv = installed.map_or(&["apt-get", "install", "-y", "tmux"][..], |(_, argv)| argv);
    let is_root = rustix::process::geteuid().is_root();
    // brew refuses to run as root.
    let sudo = (!is_root && argv.first() != Some(&"brew")).then_some("sudo");
    Fix::run(sudo.into_iter().chain(argv.iter().copied()))
}

/// The file of a program that is on PATH.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    find(name, &path())
}
