//! Files of `KEY=VALUE` lines, read at each start. What they hold is secret: no message ever repeats it.

use crate::tmux::ops::is_variable;
use crate::trust::{Distrust, check_open_file};
use std::collections::BTreeMap;
use std::io::Read as _;
use std::path::Path;

/// The most bytes of a file that are read.
pub(super) const MAX_BYTES: u64 = 1 << 20;

/// Why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum EnvFileFault {
    #[error("it cannot be read ({0})")]
    Read(#[source] std::io::Error),
    #[error("{}: others could set the agent's environment. Type: {}", .0, .0.fix())]
    Distrusted(Distrust),
    #[error("it has more than {} KiB", MAX_BYTES >> 10)]
    TooLong,
    #[error("it is not UTF-8")]
    NotText,
    #[error("line {0} is not KEY=VALUE")]
    NoPair(usize),
    #[error("line {0}: the name may only have letters, digits and `_`, and no digit first")]
    BadName(usize),
    #[error("line {0}: a quote is not closed, or something follows it")]
    BadQuote(usize),
}

/// Reads the file. A later line of the same name wins.
pub(super) fn read(path: &Path) -> Result<BTreeMap<String, String>, EnvFileFault> {
    let file = std::fs::File::open(path).map_err(EnvFileFault::Read)?;
    check_open_file(&file, path).map_err(EnvFileFault::Distrusted)?;
    let mut bytes = vec![];
    file.take(MAX_BYTES + 1).read_to_end(&mut bytes).map_err(EnvFileFault::Read)?;
    if bytes.len() as u64 > MAX_BYTES {
        return Err(EnvFileFault::TooLong);
    }
    parse(&String::from_utf8(bytes).map_err(|_| EnvFileFault::NotText)?)
}

/// Parses `KEY=VALUE` lines: `export ` before and blanks around are dropped, empty lines and `#` comments skipped, and a
/// value may be in single quotes (as it is) or double ones (with `\n`, `\t` and `\` before anything else).
fn parse(text: &str) -> Result<BTreeMap<String, String>, EnvFileFault> {
    let mut found = BTreeMap::new();
    for (line, number) in text.lines().zip(1..) {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let (name, written) = line.split_once('=').ok_or(EnvFileFault::NoPair(number))?;
        let name = name.trim();
        if !is_variable(name) {
            return Err(EnvFileFault::BadName(number));
        }
        let value = value(written.trim()).ok_or(EnvFileFault::BadQuote(number))?;
        found.insert(name.to_owned(), value);
    }
    Ok(found)
}

fn value(written: &str) -> Option<String> {
    if let Some(rest) = written.strip_prefix('\'') {
        let (inside, after) = rest.split_once('\'')?;
        return is_nothing(after).then(|| inside.to_owned());
    }
    if let Some(rest) = written.strip_prefix('"') {
        return double_quoted(rest);
    }
    let end = written.find(" #").unwrap_or(written.len());
    Some(written.split_at(end).0.trim_end().to_owned())
}

fn double_quoted(rest: &str) -> Option<String> {
    let mut inside = String::new();
    let mut chars = rest.chars();
    loop {
        match chars.next()? {
            '"' => return is_nothing(chars.as_str()).then_some(inside),
            '\\' => inside.push(match chars.next()? {
                'n' => '\n',
                't' => '\t',
                other => other,
            }),
            other => inside.push(other),
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

    #[test]
    fn reads_what_people_write() {
        let text =
            "# c\n\nA=1\nexport B = two words # why\nC='a # $b \\'\nD=\"x\\\"y\\n\\\\z\" # c\nE=\nF=a=b#c\nA=2\n";
        let found = parse(text).unwrap();
        let pairs: Vec<(&str, &str)> = found.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        let want = [("A", "2"), ("B", "two words"), ("C", "a # $b \\"), ("D", "x\"y\n\\z"), ("E", ""), ("F", "a=b#c")];
        assert_eq!(pairs, want);
    }

    #[test]
    fn faults_name_the_line_and_not_what_it_holds() {
        for (text, line) in [("A=1\nsecret", 2), ("1A=secret", 1), ("\nA='secret", 2), ("A=\"secret\"x", 1)] {
            let fault = parse(text).unwrap_err().to_string();
            assert!(fault.contains(&format!("line {line}")), "{fault}");
            assert!(!fault.contains("secret"), "{fault}");
        }
    }
}
