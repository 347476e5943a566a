//! The floors of the house: a room imports only from lower floors, and the pure rooms touch nothing
//! of the world.

use std::fs;
use std::path::{Path, PathBuf};

/// Each room and its floor. Rooms of one floor do not know each other.
const FLOORS: [(&str, u32); 22] = [
    ("model", 0),
    ("files", 1),
    ("manifest", 1),
    ("plan", 1),
    ("memory", 1),
    ("screen", 1),
    ("trust", 1),
    ("gastown", 2),
    ("proc", 2),
    ("reconcile", 2),
    ("tmux", 2),
    ("store", 2),
    ("observe", 3),
    ("act", 3),
    ("chores", 3),
    ("import", 3),
    ("notify", 3),
    ("controller", 4),
    ("doctor", 4),
    ("sim", 4),
    ("render", 5),
    ("cli", 6),
];

/// Rooms that know values only, and what they may not name. `render` draws reports of the
/// manifest's faults.
const PURE: [&str; 9] = [
    "model",
    "import",
    "manifest",
    "plan",
    "reconcile",
    "memory",
    "screen",
    "sim",
    "render",
];
const WORLDLY: [&str; 9] = [
    "std::fs",
    "std::process",
    "std::env",
    "std::net",
    "std::thread",
    "tokio",
    "SystemTime",
    "Instant",
    "::now()",
];

fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn files_in(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).expect("a readable folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            files_in(&path, found);
        } else if path.extension().is_some_and(|e| e == "rs")
            && !path.to_string_lossy().ends_with("tests.rs")
        {
            found.push(path);
        }
    }
}

/// The text of a file without its comments and without the tests at its end.
fn code_of(path: &Path) -> String {
    let text = fs::read_to_string(path).expect("a readable file");
    let code = text.split("#[cfg(test)]").next().unwrap_or_default();
    code.lines()
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

fn floor_of(room: &str) -> u32 {
    FLOORS
        .iter()
        .find(|(name, _)| *name == room)
        .unwrap_or_else(|| panic!("room {room} has no floor"))
        .1
}

fn rooms_named_in(code: &str) -> impl Iterator<Item = &str> {
    code.split("crate::").skip(1).map(|rest| {
        let end = rest
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(rest.len());
        &rest[..end]
    })
}

fn breaches(room: &str, code: &str) -> Vec<String> {
    let mut found = Vec::new();
    for other in rooms_named_in(code) {
        if other != room
            && FLOORS.iter().any(|(name, _)| *name == other)
            && floor_of(other) >= floor_of(room)
        {
            found.push(format!("names {other}, which is no lower floor"));
        }
    }
    if PURE.contains(&room) {
        found.extend(
            WORLDLY
                .iter()
                .filter(|word| code.contains(**word))
                .map(|word| format!("uses {word}")),
        );
    }
    found
}

#[test]
fn rooms_import_only_from_lower_floors() {
    let mut faults = Vec::new();
    for (room, _) in FLOORS {
        let mut files = Vec::new();
        files_in(&src().join(room), &mut files);
        assert!(!files.is_empty(), "room {room} is empty");
        for file in files {
            let found = breaches(room, &code_of(&file));
            faults.extend(
                found
                    .into_iter()
                    .map(|what| format!("{}: {what}", file.display())),
            );
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_folder_is_a_room_with_a_floor() {
    for entry in fs::read_dir(src())
        .expect("src")
        .flatten()
        .filter(|e| e.path().is_dir())
    {
        floor_of(&entry.file_name().to_string_lossy());
    }
}

/// Whether the code names the type that starts processes, of the standard library or of tokio.
fn starts_processes(code: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    code.split(';').any(|statement| {
        let mut words = statement.split(|c| !is_word(c));
        statement.contains("process::") && words.any(|word| word == "Command")
    })
}

#[test]
fn only_the_runner_of_children_and_tmux_start_processes() {
    let mut files = Vec::new();
    files_in(&src(), &mut files);
    let mut found: Vec<String> = files
        .iter()
        .filter(|file| starts_processes(&code_of(file)))
        .map(|file| file.strip_prefix(src()).expect("below src"))
        .map(|file| file.display().to_string())
        .collect();
    found.sort();
    assert_eq!(found, ["proc/child/mod.rs", "tmux/client.rs"]);
}

#[test]
fn a_breach_would_be_seen() {
    for code in [
        "use std::process::{Child, Command};",
        "let c = tokio::process::Command::new(\"gt\");",
    ] {
        assert!(starts_processes(code), "{code}");
    }
    assert!(!starts_processes(
        "use std::process::ExitCode; clap::Command::new(\"gtctl\");"
    ));
    assert_eq!(breaches("plan", "use crate::tmux::Client;").len(), 1);
    assert_eq!(
        breaches("plan", "use crate::memory::learn;").len(),
        1,
        "same floor"
    );
    assert_eq!(breaches("plan", "let t = Moment::now();").len(), 1);
    assert_eq!(breaches("plan", "use crate::model::Plan;").len(), 0);
    assert_eq!(
        breaches("act", "use crate::model::Plan; use std::fs;").len(),
        0
    );
}
