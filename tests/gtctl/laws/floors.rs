//! Checks the floors: a room imports only from lower floors, and a pure room names no file, process
//! or clock. The table in `src/lib.rs` says which room is on which floor.

use super::source::{Source, bare, rooms, sources, src};
use gtctl::model::SortedMap;
use std::fs;
use std::path::PathBuf;

/// Rooms that know values only, and what they may not name. `render` draws reports of the
/// manifest's faults.
const PURE: [&str; 17] = [
    "events",
    "model",
    "forecast",
    "import",
    "fence",
    "manifest",
    "place",
    "plan",
    "reconcile",
    "memory",
    "record",
    "reports",
    "screen",
    "sim",
    "timeline",
    "render",
    "words",
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

/// Tests of a room that use one which is no lower floor: the corpus of screens is read by the
/// phrases of the built-in agents. Add none.
const TESTS_ABOVE: [(&str, &str); 1] = [("screen", "manifest")];

/// Room by room, its floor.
type Floors = SortedMap<String, u32>;

/// The rows `| floor | room | its job |` of a table, whose rooms are written by `room_of`.
fn table(text: &str, room_of: impl Fn(&str) -> Option<&str>) -> Floors {
    let rows = text.lines().filter_map(|line| {
        let line = line.trim_start_matches("//!").trim();
        let mut cells = line.strip_prefix('|')?.split('|').map(str::trim);
        let floor = cells.next()?.parse().ok()?;
        Some((room_of(cells.next()?)?.to_owned(), floor))
    });
    rows.collect()
}

fn floors() -> Floors {
    let text = fs::read_to_string(src().join("lib.rs")).unwrap();
    table(&text, |cell| cell.strip_prefix("[`")?.strip_suffix("`]"))
}

/// The rooms named by `crate::room` and `crate::{room::…, room::…}`.
fn rooms_named_in(code: &str) -> Vec<String> {
    let is_name = |c: char| c.is_alphanumeric() || c == '_';
    let mut found = Vec::new();
    for rest in code.split("crate::").skip(1) {
        let Some(list) = rest.strip_prefix('{') else {
            found.push(rest.chars().take_while(|c| is_name(*c)).collect());
            continue;
        };
        let mut depth = 0;
        let mut starts = true;
        for (i, c) in list.char_indices() {
            match c {
                '}' if depth == 0 => break,
                '{' => depth += 1,
                '}' => depth -= 1,
                _ => {}
            }
            if depth == 0 && starts && is_name(c) {
                found.push(list[i..].chars().take_while(|c| is_name(*c)).collect());
            }
            starts = depth == 0 && (c == ',' || starts && c.is_whitespace());
        }
    }
    found
}

/// How many `super` the longest row of them has.
fn climbs(code: &str) -> usize {
    let mut most = 0;
    let mut rest = code;
    while let Some(at) = rest.find("super::") {
        let chain = rest[at..]
            .split("::")
            .take_while(|word| *word == "super")
            .count();
        most = most.max(chain);
        rest = &rest[at + "super::".len() * chain..];
    }
    most
}

/// What one file of a room does that it may not.
fn breaches(floors: &Floors, source: &Source) -> Vec<String> {
    let Source {
        room,
        code,
        tests,
        depth,
        path: _,
    } = source;
    let floor = floors[room];
    let is_above =
        |other: &String| other != room && floors.get(other).is_some_and(|at| *at >= floor);
    let named = |other: String| format!("names {other}, which is no lower floor");
    let in_code = rooms_named_in(code).into_iter().filter(is_above);
    let in_tests = rooms_named_in(tests).into_iter();
    let is_known = |other: &str| other == "sim" || TESTS_ABOVE.contains(&(room, other));
    let in_tests = in_tests.filter(|other| is_above(other) && !is_known(other));
    let mut found: Vec<String> = in_code.chain(in_tests).map(named).collect();
    if climbs(code) > *depth {
        found.push("leaves its room by `super`".to_owned());
    }
    if PURE.contains(&room.as_str()) {
        let used = WORLDLY.iter().filter(|word| code.contains(**word));
        found.extend(used.map(|word| format!("uses {word}")));
    }
    found
}

#[test]
fn rooms_import_only_from_lower_floors() {
    let floors = floors();
    let mut faults = Vec::new();
    for source in sources() {
        let found = breaches(&floors, &source);
        faults.extend(
            found
                .iter()
                .map(|what| format!("{}: {what}", source.path.display())),
        );
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

#[test]
fn every_folder_is_a_room_with_a_floor_and_documents_agree() {
    let floors = floors();
    assert_eq!(floors.keys().cloned().collect::<Vec<_>>(), rooms());
    for room in PURE {
        assert!(floors.contains_key(room), "{room} is no room");
    }
    let page = src().with_file_name("docs").join("architecture.md");
    let page = fs::read_to_string(page).unwrap();
    let told = table(&page, |cell| cell.strip_prefix("`src/")?.strip_suffix("/`"));
    assert_eq!(told, floors, "docs/architecture.md and src/lib.rs");
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
    let mut found: Vec<PathBuf> = sources()
        .into_iter()
        .filter(|source| starts_processes(&source.code))
        .map(|source| source.path.strip_prefix(src()).unwrap().to_path_buf())
        .collect();
    found.sort();
    let allowed = ["proc/child/lines.rs", "proc/child/mod.rs", "tmux/client.rs"].map(PathBuf::from);
    assert_eq!(found, allowed);
}

#[test]
fn a_start_of_a_process_would_be_seen() {
    for code in [
        "use std::process::{Child, Command};",
        "let c = tokio::process::Command::new(x);",
    ] {
        assert!(starts_processes(code), "{code}");
    }
    let others = "use std::process::ExitCode; clap::Command::new(x);";
    assert!(!starts_processes(others));
}

#[test]
fn a_breach_would_be_seen() {
    let floors = floors();
    let source = |room: &str, code: &str, tests: &str| Source {
        room: room.to_owned(),
        path: PathBuf::new(),
        code: bare(code),
        tests: bare(tests),
        depth: 1,
    };
    let in_code = |room, code| breaches(&floors, &source(room, code, "")).len();
    let in_tests = |room, tests| breaches(&floors, &source(room, "", tests)).len();
    assert_eq!(in_code("plan", "use crate::tmux::Client;"), 1);
    assert_eq!(
        in_code("plan", "use crate::memory::learn;"),
        1,
        "same floor"
    );
    assert_eq!(
        in_code(
            "plan",
            "use crate::{model::Plan, tmux::{Client, paths}, store};"
        ),
        2
    );
    assert_eq!(in_code("plan", "let t = Moment::now();"), 1);
    assert_eq!(in_code("plan", "use super::super::tmux::Client;"), 1);
    assert_eq!(
        in_code("plan", "use super::rules; use crate::model::Plan;"),
        0
    );
    assert_eq!(
        in_code("plan", "// use crate::tmux\nlet t = \"crate::tmux\";"),
        0
    );
    assert_eq!(in_code("act", "use crate::model::Plan; use std::fs;"), 0);
    assert_eq!(in_code("plan", "use crate::sim::Random;"), 1);
    assert_eq!(in_tests("plan", "use crate::sim::Random; use std::fs;"), 0);
    assert_eq!(in_tests("plan", "use crate::controller::run;"), 1);
}
