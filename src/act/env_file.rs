//! Files of `KEY=VALUE` lines, read at each start. Their values are secret: no message ever repeats
//! one.
//!
//! The format is the one that Docker documents for the `.env` files of Compose, with two
//! differences. Variables in values are not replaced: a `$` in a password stays. A line without a
//! value is an error, not a variable of gtctl's own environment.

use crate::files;
use crate::tmux::ops::is_variable;
use crate::trust::{Distrust, check_open_file};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::Instant;

/// The most bytes of a file that are read.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvFileFault {
    #[error("it cannot be read ({0})")]
    Read(#[source] std::io::Error),
    #[error("{}: others could set the agent's environment. Type: {}", .0, .0.fix())]
    Distrusted(Distrust),
    #[error("line {0} is not UTF-8")]
    NotText(usize),
    #[error("line {0} is not KEY=VALUE")]
    NoPair(usize),
    #[error("line {0}: the name may only have letters, digits and `_`, and no digit first")]
    BadName(usize),
    #[error("line {0}: its quote is not closed")]
    OpenQuote(usize),
    #[error("line {0}: something follows the closing quote")]
    AfterQuote(usize),
}

/// Reads the file. The last line of a name wins. The file may be a named pipe that somebody writes
/// to before `deadline`.
pub(super) fn read(
    path: &Path,
    deadline: Instant,
) -> Result<BTreeMap<String, String>, EnvFileFault> {
    let opened = files::open_or_pipe(path).map_err(EnvFileFault::Read)?;
    check_open_file(&opened.file, path).map_err(EnvFileFault::Distrusted)?;
    let bytes = files::read_or_wait(opened, MAX_BYTES, deadline).map_err(EnvFileFault::Read)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text),
        Err(fault) => {
            let before = bytes.get(..fault.valid_up_to()).unwrap_or_default();
            Err(EnvFileFault::NotText(
                1 + memchr::memchr_iter(b'\n', before).count(),
            ))
        }
    }
}

/// Parses `KEY=VALUE` or `KEY: VALUE` lines.
///
/// `export ` before a name and blanks around are dropped; empty lines and comments are skipped. A
/// comment begins with a `#` at the beginning of a line or after a blank. A value in quotes may
/// have several lines. In double quotes a `\` stands before `n`, `r`, `t`, `"`, `$` and itself, in
/// single quotes before `'`; before anything else it is kept.
fn parse(text: &str) -> Result<BTreeMap<String, String>, EnvFileFault> {
    // Editors on Windows begin a file with an invisible mark, and end lines with two characters.
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
    let mut found = BTreeMap::new();
    let mut rest = text.as_str();
    let mut number = 1;
    while !rest.is_empty() {
        let (line, following) = rest.split_once('\n').unwrap_or((rest, ""));
        let written = line.trim();
        if written.is_empty() || written.starts_with('#') {
            (rest, number) = (following, number + 1);
            continue;
        }
        let delimiter = line.find(['=', ':']).ok_or(EnvFileFault::NoPair(number))?;
        let (name, _) = line.split_at(delimiter);
        let name = name.trim();
        let name = name
            .strip_prefix("export")
            .filter(|rest| rest.starts_with(char::is_whitespace))
            .unwrap_or(name)
            .trim();
        if !is_variable(name) {
            return Err(EnvFileFault::BadName(number));
        }
        let from_value = rest.get(delimiter + 1..).unwrap_or_default();
        let Value { value, after } = value(from_value, number)?;
        found.insert(name.to_owned(), value);
        let taken = rest.len() - after.len();
        number += rest.get(..taken).unwrap_or_default().matches('\n').count();
        rest = after;
    }
    Ok(found)
}

/// A value, and the text after its last line.
struct Value<'t> {
    value: String,
    after: &'t str,
}

/// Takes the value at the beginning of `text`, on line `number`.
fn value(text: &str, number: usize) -> Result<Value<'_>, EnvFileFault> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let begun = text.trim_start_matches([' ', '\t']);
    if let Some(inside) = begun.strip_prefix('\'') {
        return quoted(inside, number, single_quoted);
    }
    if let Some(inside) = begun.strip_prefix('"') {
        return quoted(inside, number, double_quoted);
    }
    Ok(Value {
        value: without_comment(line).trim().to_owned(),
        after,
    })
}

fn without_comment(line: &str) -> &str {
    let is_comment = |at: usize| {
        line.get(..at)
            .is_some_and(|before| before.ends_with(char::is_whitespace))
    };
    let comment = line
        .match_indices('#')
        .map(|(at, _)| at)
        .find(|at| is_comment(*at));
    line.get(..comment.unwrap_or(line.len())).unwrap_or(line)
}

/// The text of `inside` up to its closing quote, and the text after that line.
fn quoted<'t>(
    inside: &'t str,
    number: usize,
    take: impl Fn(&'t str) -> Option<(String, &'t str)>,
) -> Result<Value<'t>, EnvFileFault> {
    let (value, rest) = take(inside).ok_or(EnvFileFault::OpenQuote(number))?;
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    if !is_nothing(line) {
        let lines = inside
            .get(..inside.len() - rest.len())
            .unwrap_or_default()
            .matches('\n')
            .count();
        return Err(EnvFileFault::AfterQuote(number + lines));
    }
    Ok(Value { value, after })
}

fn single_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        let (before, after) = rest.split_once('\'')?;
        let line = after.split('\n').next().unwrap_or_default();
        // A backslash at the end of a value, as in a Windows path, escapes nothing.
        let escaped = before
            .strip_suffix('\\')
            .filter(|_| !line.trim().is_empty());
        let Some(escaped) = escaped else {
            value.push_str(before);
            return Some((value, after));
        };
        value.push_str(escaped);
        value.push('\'');
        rest = after;
    }
}

fn double_quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.chars();
    loop {
        match chars.next()? {
            '"' => return Some((value, chars.as_str())),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                literal @ ('"' | '\\' | '$') => value.push(literal),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
    }
}

fn is_nothing(after: &str) -> bool {
    let after = after.trim();
    after.is_empty() || after.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(String, String)> {
        parse(text).unwrap().into_iter().collect()
    }

    fn is(text: &str, value: &str) {
        assert_eq!(
            pairs(text),
            [("A".to_owned(), value.to_owned())],
            "{text:?}"
        );
    }

    #[test]
    fn reads_what_people_write() {
        let text = "# c\n\nA=1\nexport B = two words # why\nC='a # $b \\'\nD=\"x\\\"y\\n\\\\z\" # c\nE=\nF=a=b#c\nA=2\n";
        let found = pairs(text);
        let pairs: Vec<(&str, &str)> = found
            .iter()
            .map(|(k, v)| (k.as_str(), v.as_str()))
            .collect();
        let want = [
            ("A", "2"),
            ("B", "two words"),
            ("C", "a # $b \\"),
            ("D", "x\"y\n\\z"),
            ("E", ""),
            ("F", "a=b#c"),
        ];
        assert_eq!(pairs, want);
    }

    #[test]
    fn comments_begin_after_a_blank_of_any_kind_also_where_no_value_is() {
        for text in [
            "A=  # empty",
            "A=\t# empty",
            "A= #",
            "A=",
            "A=   ",
            "  A\t=\t#x\n",
        ] {
            is(text, "");
        }
        for text in [
            "A=x # c",
            "A=x\t# c",
            "A= x \t # c # d",
            "A: x",
            "A=x\r\n",
            "\u{feff}A=x",
            "export\tA=x",
        ] {
            is(text, "x");
        }
        is("A=x#y # c", "x#y");
        is("A=#x", "#x");
        is("A=$HOME ${B}", "$HOME ${B}");
        is("A=http://x:1", "http://x:1");
    }

    #[test]
    fn quotes_go_over_lines_and_keep_what_is_in_them() {
        is("A=\"first\nsecond\" # c\n", "first\nsecond");
        is(
            "A='first # no comment\n  second'",
            "first # no comment\n  second",
        );
        is("A='first\r\nsecond'", "first\nsecond");
        is("A='Let\\'s go!'", "Let's go!");
        is("A=\"{\\\"a\\\": 1}\"", "{\"a\": 1}");
        is("A='a\\tb'", "a\\tb");
        is("A=\"a\\tb\"\t# c", "a\tb");
        is("A=\"C:\\dir\\\\new \\$B \\d+\"", "C:\\dir\\new $B \\d+");
        assert_eq!(pairs("A='1\n2'\nB=3").len(), 2);
    }

    #[test]
    fn faults_name_the_line_and_not_what_it_holds() {
        let cases = [
            ("A=1\nsecret", 2),
            ("1A=secret", 1),
            ("\nA='secret", 2),
            ("\nA='secret\n\n", 2),
            ("A=\"secret\"x", 1),
            ("A='1\n2'\n\nB=\"secret\n\"x", 5),
            ("A='1\n2'\nsecret", 3),
            ("A\u{200b}=secret", 1),
        ];
        for (text, line) in cases {
            let fault = parse(text).unwrap_err().to_string();
            assert!(fault.contains(&format!("line {line}")), "{text:?}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
