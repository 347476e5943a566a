//! What `init` finds on a newcomer's machine: agents on PATH, and a Gas Town.

use super::exit::Trouble;
use crate::doctor::AGENTS;
use crate::files::{self, Links};
use crate::model::SortedMap;
use crate::proc::program;
use serde_json::Value;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// Shells that people like to find in a session.
const SHELLS: [&str; 3] = ["bash", "zsh", "fish"];
/// What marks the root of a Gas Town.
const MARK: &str = "mayor/town.json";
/// The list of its rigs.
const RIGS: &str = "mayor/rigs.json";
/// The most that is read of a file, in bytes.
const READ_LIMIT: u64 = 1 << 20;
/// The most crew members that are taken from a rig's directory.
const MAX_CREW: usize = 100;

/// The agents on PATH.
pub(super) fn agents() -> Vec<&'static str> {
    AGENTS
        .iter()
        .filter(|(_, file)| is_on_path(file))
        .map(|(agent, _)| *agent)
        .collect()
}

/// The user's shell if its file name alone finds it, else `sh`.
pub(super) fn shell() -> &'static str {
    let own = std::env::var_os("SHELL").map(PathBuf::from);
    let own = own
        .as_deref()
        .and_then(Path::file_name)
        .and_then(|name| name.to_str());
    SHELLS
        .into_iter()
        .find(|shell| own == Some(shell) && is_on_path(shell))
        .unwrap_or("sh")
}

fn is_on_path(name: &str) -> bool {
    std::env::var_os("PATH").is_some_and(|path| program::find(name, &path).is_some())
}

/// What the files of a Gas Town tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct GasTown {
    pub(super) root: PathBuf,
    /// The rigs, with their prefixes if they have one.
    pub(super) rigs: SortedMap<String, Option<String>>,
}

impl GasTown {
    /// The town that contains `dir`, else that of `GT_ROOT`, else `~/gt`.
    pub(super) fn near(dir: &Path, home: Option<&Path>) -> Result<Option<Self>, Trouble> {
        let named = std::env::var_os("GT_ROOT")
            .map(PathBuf::from)
            .filter(|root| root.is_absolute());
        let usual = home.map(|home| home.join("gt"));
        let mut roots = dir
            .ancestors()
            .map(Path::to_path_buf)
            .chain(named)
            .chain(usual);
        roots.find(|root| is_root(root)).map(Self::at).transpose()
    }

    /// The town at this root.
    pub(super) fn at(root: PathBuf) -> Result<Self, Trouble> {
        if !is_root(&root) {
            return Err(Trouble::new(format!(
                "{} is not a Gas Town: it has no {MARK}",
                root.display()
            ))
            .help("`gt install` makes one; `--root none` means no Gas Town"));
        }
        let list = root.join(RIGS);
        let rigs = match files::read_text(&list, Links::Follow, READ_LIMIT) {
            Ok(text) => rigs(&text).map_err(|e| {
                Trouble::new(format!("{} is not JSON", list.display()))
                    .because(&e)
                    .help("`gt rig list` shows whether gt can read it")
            })?,
            Err(e) if e.kind() == ErrorKind::NotFound => SortedMap::new(),
            Err(e) => {
                return Err(Trouble::new(format!("cannot read {}", list.display())).because(&e));
            }
        };
        Ok(Self { root, rigs })
    }

    /// How its sessions are named: by prefix if each of these rigs has its own.
    pub(super) fn naming(&self, rigs: &[String]) -> &'static str {
        let mut prefixes: Vec<&str> = rigs
            .iter()
            .filter_map(|rig| self.rigs.get(rig)?.as_deref())
            .collect();
        let all = prefixes.len() == rigs.len() && !rigs.is_empty();
        prefixes.sort_unstable();
        prefixes.dedup();
        if all && prefixes.len() == rigs.len() {
            "prefix"
        } else {
            "rig"
        }
    }

    /// The crew of a rig: its directories.
    pub(super) fn crew(&self, rig: &str) -> Vec<String> {
        let entries = std::fs::read_dir(self.root.join(rig).join("crew"))
            .into_iter()
            .flatten()
            .flatten();
        let folders = entries.filter(|entry| entry.path().is_dir());
        let mut names: Vec<String> = folders
            .filter_map(|entry| entry.file_name().into_string().ok())
            .collect();
        names.retain(|name| is_crew_name(name));
        names.sort();
        names.truncate(MAX_CREW);
        names
    }

    /// Whether an agent in this directory has instructions.
    pub(super) fn instructs(&self, path: &str) -> bool {
        let dir = self.root.join(path);
        ["CLAUDE.md", "AGENTS.md", "GEMINI.md"]
            .iter()
            .any(|file| dir.join(file).exists())
    }

    /// Whether a role's directory is there.
    pub(super) fn has(&self, path: &str) -> bool {
        self.root.join(path).is_dir()
    }
}

fn is_root(dir: &Path) -> bool {
    dir.join(MARK).is_file()
}

/// Gas Town allows no dash, dot or space in the name of a crew member.
pub(super) fn is_crew_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= 32
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
}

fn rigs(text: &str) -> Result<SortedMap<String, Option<String>>, serde_json::Error> {
    let whole: Value = serde_json::from_str(text)?;
    let prefix = |rig: &Value| {
        let prefix = rig
            .pointer("/beads/prefix")
            .and_then(Value::as_str)?
            .trim_end_matches('-');
        (!prefix.is_empty()).then(|| prefix.to_owned())
    };
    let rigs = whole
        .get("rigs")
        .and_then(Value::as_object)
        .into_iter()
        .flatten();
    Ok(rigs
        .map(|(name, rig)| (name.clone(), prefix(rig)))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_name_sessions_where_each_rig_has_its_own() {
        let with = |text: &str| GasTown {
            root: PathBuf::new(),
            rigs: rigs(text).unwrap(),
        };
        let names = |rigs: &[&str]| rigs.iter().map(|rig| (*rig).to_owned()).collect::<Vec<_>>();
        let town =
            with(r#"{"rigs":{"a":{"beads":{"prefix":"x-"}},"b":{"beads":{"prefix":"x"}},"c":{}}}"#);
        assert_eq!(town.naming(&names(&["a"])), "prefix");
        for rigs in [&["a", "b"][..], &["a", "c"], &[]] {
            assert_eq!(town.naming(&names(rigs)), "rig", "{rigs:?}");
        }
    }
}
