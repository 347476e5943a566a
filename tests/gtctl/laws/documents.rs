//! Checks that the documents for contributors name only files, folders, tests and links that exist.

use std::fs;
use std::path::{Path, PathBuf};

/// How a path of this repository begins.
const FOLDERS: [&str; 7] = [
    "src/",
    "tests/",
    "docs/",
    "schema/",
    "examples/",
    "benches/",
    ".ci/",
];
/// Words in a path that stand for something else.
const PLACEHOLDERS: [&str; 3] = ["NAME", "AGENT", "STATE"];

pub(super) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn records() -> Vec<PathBuf> {
    let folder = fs::read_dir(root().join("docs/adr")).unwrap();
    folder.map(|entry| entry.unwrap().path()).collect()
}

/// The pages of the book below a folder.
fn pages(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let below = |path: PathBuf| {
        if path.is_dir() {
            pages(&path)
        } else {
            vec![path]
        }
    };
    let files = paths.flat_map(below);
    let mut pages: Vec<PathBuf> = files
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.sort();
    pages
}

pub(super) fn documents() -> Vec<PathBuf> {
    let named = ["README.md", "CONTRIBUTING.md"].map(|name| root().join(name));
    named
        .into_iter()
        .chain(pages(&root().join("docs")))
        .collect()
}

/// The lines of a document that are no part of a code block.
fn prose(text: &str) -> impl Iterator<Item = &str> {
    let mut is_code = false;
    text.lines().filter(move |line| {
        let is_fence = line.starts_with("```");
        is_code ^= is_fence;
        !is_code && !is_fence
    })
}

/// What stands between backquotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('`').skip(1).step_by(2)
}

/// Where the links of a line lead to within this repository.
fn links(line: &str) -> impl Iterator<Item = &str> {
    let targets = line.split("](").skip(1);
    let targets = targets.filter_map(|rest| rest.split(')').next());
    let targets = targets.filter(|target| !target.starts_with("http"));
    let files = targets.filter_map(|target| target.split('#').next());
    files.filter(|file| !file.is_empty())
}

fn is_missing_path(word: &str) -> bool {
    let is_path = FOLDERS.iter().any(|folder| word.starts_with(folder));
    let is_pattern = PLACEHOLDERS.iter().any(|part| word.contains(part));
    is_path && !is_pattern && !root().join(word).exists()
}

/// All sources below a folder, or that one file.
fn sources(path: &Path) -> String {
    let Ok(entries) = fs::read_dir(path) else {
        return fs::read_to_string(path).unwrap_or_default();
    };
    let paths = entries.map(|entry| entry.unwrap().path());
    paths.map(|path| sources(&path)).collect()
}

/// Whether a word of the form `folder::module::function` names neither a test nor a function of a
/// room.
fn is_missing_function(word: &str) -> bool {
    let Some((module, function)) = word.rsplit_once("::") else {
        return false;
    };
    let is_name = |text: &str| {
        text.chars()
            .all(|c| c.is_ascii_lowercase() || "_:".contains(c))
    };
    if function.is_empty() || !is_name(module) {
        return false;
    }
    let place = module.replace("::", "/");
    let places = ["tests/gtctl", "src"].map(|root| format!("{root}/{place}"));
    let definition = format!("fn {function}(");
    !places.iter().any(|place| {
        let [file, folder] = [format!("{place}.rs"), place.clone()];
        [file, folder]
            .iter()
            .any(|path| sources(&root().join(path)).contains(&definition))
    })
}

/// What a document names that is not there.
fn missing(document: &Path) -> Vec<String> {
    let text = fs::read_to_string(document).unwrap();
    let folder = document.parent().unwrap();
    let mut missing = Vec::new();
    for line in prose(&text) {
        let words = quoted(line).filter(|word| is_missing_path(word) || is_missing_function(word));
        missing.extend(words.map(str::to_owned));
        let broken = links(line).filter(|link| !folder.join(link).exists());
        missing.extend(broken.map(str::to_owned));
    }
    missing
}

#[test]
fn documents_name_only_what_is_there() {
    let wrong: Vec<String> = documents()
        .iter()
        .flat_map(|document| {
            let missing = missing(document);
            let line = |what| format!("{}: {what} is not there", document.display());
            missing.into_iter().map(line).collect::<Vec<_>>()
        })
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_summary_of_the_book_names_every_page() {
    let summary = fs::read_to_string(root().join("docs/SUMMARY.md")).unwrap();
    for page in pages(&root().join("docs")) {
        let name = page.strip_prefix(root().join("docs")).unwrap();
        let name = name.to_str().unwrap();
        let is_named = name == "SUMMARY.md" || summary.contains(&format!("({name})"));
        assert!(is_named, "{name} is not in docs/SUMMARY.md");
    }
}

#[test]
fn what_is_missing_would_be_seen() {
    assert!(is_missing_path("src/nowhere/"));
    assert!(!is_missing_path("src/plan/rules.rs"));
    assert!(!is_missing_path("tests/screens/NAME/"));
    assert!(is_missing_function("laws::plan::nothing_is_true"));
    assert!(is_missing_function("act::nothing_is_true"));
    assert!(is_missing_function("nowhere::nothing_is_true"));
    assert!(!is_missing_function("observe::look"));
    assert!(!is_missing_function(
        "laws::plan::nothing_changes_before_the_wake"
    ));
    assert!(!is_missing_function("Place::find"));
    assert_eq!(
        links("[a](b.md#c) and [d](#e), [f](https://g)").collect::<Vec<_>>(),
        ["b.md"]
    );
}

#[test]
fn every_decision_record_is_listed() {
    let list = fs::read_to_string(root().join("docs/adr/README.md")).unwrap();
    for record in records() {
        let name = record.file_name().unwrap().to_str().unwrap();
        let is_listed = name == "README.md" || list.contains(&format!("]({name})"));
        assert!(is_listed, "{name} is not in docs/adr/README.md");
    }
}
