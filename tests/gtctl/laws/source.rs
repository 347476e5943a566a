//! Reads the source code of the library as text, and tells what ships from the tests beside it.

use std::fs;
use std::path::{Path, PathBuf};

/// One file of a room.
#[derive(Debug)]
pub(super) struct Source {
    /// The folder below `src`.
    pub(super) room: String,
    pub(super) path: PathBuf,
    /// What ships, without comments and without the text of strings.
    pub(super) code: String,
    /// The tests in it, likewise.
    pub(super) tests: String,
    /// Folders and file names below the room: 0 for `mod.rs`.
    pub(super) depth: usize,
}

pub(super) fn src() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

/// The folders of `src`, sorted.
pub(super) fn rooms() -> Vec<String> {
    let entries = fs::read_dir(src()).unwrap().map(|entry| entry.unwrap());
    let folders = entries.filter(|entry| entry.path().is_dir());
    let mut rooms: Vec<String> = folders
        .map(|entry| entry.file_name().into_string().unwrap())
        .collect();
    rooms.sort();
    rooms
}

/// Every file of every room.
pub(super) fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    for room in rooms() {
        read_folder(&room, &src().join(&room), 0, &mut found);
    }
    found
}

fn read_folder(room: &str, folder: &Path, depth: usize, found: &mut Vec<Source>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap();
        if path.is_dir() {
            read_folder(room, &path, depth + 1, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = bare(&fs::read_to_string(&path).unwrap());
            let is_test = name == "tests.rs" || name.ends_with("_tests.rs");
            let (code, tests) = if is_test {
                (String::new(), text)
            } else {
                parted(&text)
            };
            let depth = if name == "mod.rs" { depth } else { depth + 1 };
            found.push(Source {
                room: room.to_owned(),
                path,
                code,
                tests,
                depth,
            });
        }
    }
}

/// A Rust text with a blank for each character of a comment, and for each within a string or a
/// character literal.
pub(super) fn bare(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    let at = |i: usize| chars.get(i).copied().unwrap_or('\0');
    let mut out: Vec<char> = chars.clone();
    let mut i = 0;
    while i < chars.len() {
        let from = i;
        let hashes = chars[i..].iter().skip(1).take_while(|c| **c == '#').count();
        let is_raw = at(i) == 'r'
            && at(i + 1 + hashes) == '"'
            && !(i > 0
                && (chars[i - 1].is_alphanumeric() && chars[i - 1] != 'b' || chars[i - 1] == '_'));
        if at(i) == '/' && at(i + 1) == '/' {
            i += chars[i..].iter().take_while(|c| **c != '\n').count();
        } else if at(i) == '/' && at(i + 1) == '*' {
            let mut depth = 0;
            loop {
                match (at(i), at(i + 1)) {
                    ('/', '*') => (depth, i) = (depth + 1, i + 2),
                    ('*', '/') => (depth, i) = (depth - 1, i + 2),
                    _ => i += 1,
                }
                if depth == 0 || i >= chars.len() {
                    break;
                }
            }
        } else if is_raw {
            i += 2 + hashes;
            let closing = |i: usize| at(i) == '"' && (1..=hashes).all(|n| at(i + n) == '#');
            while i < chars.len() && !closing(i) {
                i += 1;
            }
            i += 1 + hashes;
        } else if at(i) == '"' {
            i = after_literal(&chars, i, '"');
        } else if at(i) == '\'' && (at(i + 1) == '\\' || at(i + 2) == '\'') {
            i = after_literal(&chars, i, '\'');
        } else {
            i += 1;
            continue;
        }
        let is_comment = at(from) == '/';
        let kept = if is_comment {
            from..from
        } else {
            from..from + 1
        };
        let end = i.min(chars.len());
        for (at, letter) in out.iter_mut().enumerate().take(end).skip(from) {
            if *letter != '\n' && !kept.contains(&at) {
                *letter = ' ';
            }
        }
        if !is_comment {
            out[i.min(chars.len()) - 1] = chars[i.min(chars.len()) - 1];
        }
    }
    out.into_iter().collect()
}

/// The place after the literal that begins at `i`.
fn after_literal(chars: &[char], mut i: usize, quote: char) -> usize {
    i += 1;
    while i < chars.len() && chars[i] != quote {
        i += if chars[i] == '\\' { 2 } else { 1 };
    }
    i + 1
}

/// What ships of a bare text, and its items below `#[cfg(test)]`.
pub(super) fn parted(text: &str) -> (String, String) {
    const MARK: &str = "#[cfg(test)]";
    let (mut code, mut tests) = (String::new(), String::new());
    let mut rest = text;
    while let Some((before, item)) = rest.split_once(MARK) {
        code.push_str(before);
        let end = end_of_item(item);
        tests.push_str(&item[..end]);
        rest = &item[end..];
    }
    code.push_str(rest);
    (code, tests)
}

/// Where the item ends that a text begins with: at its `;`, or at the brace that closes its body.
fn end_of_item(text: &str) -> usize {
    let mut depth = 0;
    for (i, c) in text.char_indices() {
        match c {
            '{' | '(' | '[' => depth += 1,
            '}' | ')' | ']' => depth -= 1,
            _ => {}
        }
        if depth == 0 && (c == '}' || c == ';') {
            return i + 1;
        }
    }
    text.len()
}

#[test]
fn tests_are_parted_from_what_ships_wherever_they_stand() {
    let text = "fn a() { '{' }\n#[cfg(test)]\nmod tests { fn b() { \"}\" } }\n// fn c()\nfn d() {}\n\
         #[cfg(test)]\n#[path = \"x.rs\"]\nmod more;\nfn e() { r#\"fn f\"# }";
    let (code, tests) = parted(&bare(text));
    let has = |text: &str, words: &[&str]| words.iter().all(|word| text.contains(word));
    assert!(has(&code, &["fn a", "fn d", "fn e"]), "{code}");
    assert!(has(&tests, &["fn b", "mod more"]), "{tests}");
    let all = code + &tests;
    assert!(!has(&all, &["fn c"]) && !has(&all, &["fn f"]), "{all}");
}
