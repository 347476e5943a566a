//! Files of `KEY=VALUE` lines, read at each start. Their values are secret: no message ever repeats
//! one.
//!
//! The format is the one that Docker documents for the `.env` files of Compose, with differences. Only
//! `${NAME}` and `${NAME:-text}` are replaced, and only by what the user has declared: a `$` alone,
//! as in a password, stays. A line without a value is an error, not a variable of gtctl's own
//! environment.

mod references;

pub(super) use references::Variables;

use crate::files;
use crate::tmux::ops::is_variable;
use crate::trust::{Distrust, check_open_file};
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
    #[error(
        "line {0}: its `${{…}}` names a variable that is not set. Set it on an earlier line, in an earlier env_file or in `env`, or write `${{NAME:-text}}`; for a `${{` as text put the value in single quotes"
    )]
    NotSet(usize),
    #[error(
        "line {0}: after `${{` comes a name and `}}`, as in `${{NAME}}` or `${{NAME:-text}}`; for a `${{` as text put the value in single quotes, or write `\\${{`"
    )]
    BadReference(usize),
    #[error(
        "line {0}: its `${{…}}` makes the variables longer than 1 MiB in total: write fewer of them"
    )]
    TooMuch(usize),
}

impl EnvFileFault {
    /// Whether there is no such file.
    pub(super) fn is_missing(&self) -> bool {
        matches!(self, Self::Read(error) if error.kind() == std::io::ErrorKind::NotFound)
    }

    /// Whether it could be read, and what it says is wrong.
    pub(super) fn is_in_text(&self) -> bool {
        !matches!(self, Self::Read(_) | Self::Distrusted(_))
    }
}

/// Reads the file and adds its variables. The last line of a name wins. The file may be a named
/// pipe that somebody writes to before `deadline`.
pub(super) fn read(
    path: &Path,
    deadline: Instant,
    variables: &mut Variables<'_>,
) -> Result<(), EnvFileFault> {
    let opened = files::open_or_pipe(path).map_err(EnvFileFault::Read)?;
    check_open_file(&opened.file, path).map_err(EnvFileFault::Distrusted)?;
    let bytes = files::read_or_wait(opened, MAX_BYTES, deadline).map_err(EnvFileFault::Read)?;
    match std::str::from_utf8(&bytes) {
        Ok(text) => parse(text, variables),
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
/// single quotes before `'`, without quotes before `${`; before anything else it is kept. `${NAME}`
/// is replaced, except in single quotes.
fn parse(text: &str, variables: &mut Variables<'_>) -> Result<(), EnvFileFault> {
    // Editors on Windows begin a file with an invisible mark, and end lines with two characters.
    let text = text
        .strip_prefix('\u{feff}')
        .unwrap_or(text)
        .replace("\r\n", "\n");
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
        let name = name_in(line.split_at(delimiter).0);
        if !is_variable(name) {
            return Err(EnvFileFault::BadName(number));
        }
        let from_value = rest.get(delimiter + 1..).unwrap_or_default();
        let Value { value, after } = value(from_value, number, variables)?;
        variables.set(name, value);
        number += lines_between(rest, after);
        rest = after;
    }
    Ok(())
}

/// The name of a variable, without an `export` before it.
fn name_in(written: &str) -> &str {
    let name = written.trim();
    match name.strip_prefix("export") {
        Some(rest) if rest.starts_with(char::is_whitespace) => rest.trim(),
        _ => name,
    }
}

/// How many lines end in `text` before `rest`, which is its end.
fn lines_between(text: &str, rest: &str) -> usize {
    let before = text.get(..text.len() - rest.len()).unwrap_or_default();
    before.matches('\n').count()
}

/// A value, and the text after its last line.
struct Value<'t> {
    value: String,
    after: &'t str,
}

/// Takes the value at the beginning of `text`, on line `number`.
fn value<'t>(
    text: &'t str,
    number: usize,
    variables: &mut Variables<'_>,
) -> Result<Value<'t>, EnvFileFault> {
    let (line, after) = text.split_once('\n').unwrap_or((text, ""));
    let begun = text.trim_start_matches([' ', '\t']);
    if let Some(inside) = begun.strip_prefix('\'') {
        let taken = single_quoted(inside).ok_or(EnvFileFault::OpenQuote(number))?;
        let last = number + lines_between(inside, taken.1);
        return closed(taken, last);
    }
    if let Some(inside) = begun.strip_prefix('"') {
        let taken = double_quoted(inside, number, variables)?;
        let last = number + lines_between(inside, taken.1);
        return closed(taken, last);
    }
    let value = unquoted(without_comment(line).trim(), number, variables)?;
    Ok(Value { value, after })
}

/// The value without quotes.
fn unquoted(
    text: &str,
    number: usize,
    variables: &mut Variables<'_>,
) -> Result<String, EnvFileFault> {
    let mut value = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        if let Some(before) = before.strip_suffix('\\') {
            value.extend([before, "${"]);
            rest = after;
            continue;
        }
        let (meant, following) = variables.take(after, number)?;
        value.extend([before, &meant]);
        rest = following;
    }
    value.push_str(rest);
    Ok(value)
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

/// The value whose closing quote stands on line `last`, where nothing may follow it.
fn closed((value, rest): (String, &str), last: usize) -> Result<Value<'_>, EnvFileFault> {
    let (line, after) = rest.split_once('\n').unwrap_or((rest, ""));
    if is_nothing(line) {
        Ok(Value { value, after })
    } else {
        Err(EnvFileFault::AfterQuote(last))
    }
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

/// The value in double quotes that begins on line `number`, and the text after its closing quote.
fn double_quoted<'t>(
    text: &'t str,
    number: usize,
    variables: &mut Variables<'_>,
) -> Result<(String, &'t str), EnvFileFault> {
    let mut value = String::new();
    let mut rest = text;
    loop {
        if let Some(inside) = rest.strip_prefix("${") {
            let (meant, following) = variables.take(inside, number + lines_between(text, rest))?;
            value.push_str(&meant);
            rest = following;
            continue;
        }
        let mut chars = rest.chars();
        let mut next = || chars.next().ok_or(EnvFileFault::OpenQuote(number));
        match next()? {
            '"' => return Ok((value, chars.as_str())),
            '\\' => match next()? {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                literal @ ('"' | '\\' | '$') => value.push(literal),
                other => value.extend(['\\', other]),
            },
            other => value.push(other),
        }
        rest = chars.as_str();
    }
}

fn is_nothing(after: &str) -> bool {
    let after = after.trim();
    after.is_empty() || after.starts_with('#')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::SortedMap;

    /// The variables of these files, in a session whose `env` has `TOWN=acme` and an empty `NONE`.
    fn of_files(files: &[&str]) -> Result<SortedMap<String, String>, EnvFileFault> {
        let declared =
            [("TOWN", "acme"), ("NONE", "")].map(|(name, value)| (name.into(), value.into()));
        let declared = SortedMap::from(declared);
        let mut variables = Variables::new(&declared);
        for text in files {
            parse(text, &mut variables)?;
        }
        Ok(variables.into_found())
    }

    fn pairs(text: &str) -> Vec<(String, String)> {
        of_files(&[text]).unwrap().into_iter().collect()
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
        is("A=$HOME $5 $", "$HOME $5 $");
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
            ("A=1\nB=x${secret}", 2),
            ("A=\"1\n${A}\"", 2),
            ("B=${PATH}\nPATH=1", 1),
            ("A=${secret", 1),
            ("A=${}", 1),
            ("A=${secret-1}", 1),
            ("A=${TOWN:-${secret}}", 1),
            ("\nA=\"${secret\"", 2),
        ];
        for (text, line) in cases {
            let fault = of_files(&[text]).unwrap_err().to_string();
            assert!(fault.contains(&format!("line {line}")), "{text:?}: {fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }

    #[test]
    fn references_are_to_earlier_lines_earlier_files_and_env() {
        let cases = [
            ("A=${FIRST}", "1"),
            ("export A = <${FIRST}${TOWN}> # ${GONE}", "<1acme>"),
            ("A=\"${FIRST}\n ${TOWN}\n\"", "1\n acme\n"),
            ("A=\"${FIRST}\n\n${TOWN}\"", "1\n\nacme"),
            ("A=${GONE:-x:-y}", "x:-y"),
            ("A=${GONE:-}", ""),
            ("A=${NONE}", ""),
            ("A=${NONE:-x}", "x"),
            ("A=${FIRST:-x}", "1"),
            ("A=0\nA=${A}2", "02"),
            ("TOWN=other\nA=${TOWN}", "acme"),
            ("A='${FIRST}'", "${FIRST}"),
            ("A=\\${FIRST} \\$x", "${FIRST} \\$x"),
            ("A=\"\\${FIRST}$\"", "${FIRST}$"),
            ("A=${REFERS}", "${FIRST}"),
            ("FIRST=2\nA=${FIRST}", "2"),
        ];
        for (text, value) in cases {
            let found = of_files(&["FIRST=1\nREFERS='${FIRST}'", text]).unwrap();
            assert_eq!(found.get("A").map(String::as_str), Some(value), "{text:?}");
        }
    }

    #[test]
    fn a_later_file_wins_and_references_cannot_fill_the_memory() {
        let found = of_files(&["A=1\nB=1", "B=2\nC=${A}${B}"]).unwrap();
        let want = [("A", "1"), ("B", "2"), ("C", "12")].map(|(k, v)| (k.into(), v.into()));
        assert_eq!(found, SortedMap::from(want));
        let doubled = "A=${A}${A}\n".repeat(40);
        let fault = of_files(&["A=0123456789", &doubled]).unwrap_err();
        assert!(matches!(fault, EnvFileFault::TooMuch(_)), "{fault}");
    }
}
