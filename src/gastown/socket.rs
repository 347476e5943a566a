//! Which tmux server gt uses for a town. The rules are copied from gt.

use crate::model::Socket;
use sha2::{Digest, Sha256};
use std::fmt::Write;
use std::path::Path;

/// A version of gt: major and minor number.
pub type Version = (u32, u32);

/// Every server that some version of gt may use for the town, the most likely one first.
///
/// `wanted` is the value of `$GT_TMUX_SOCKET`. `version` is that of the installed gt.
///
/// Example: for the root `/home/me/gt` and gt 0.13 these are `gt-<hash>`, `gt` and the user's
/// default server.
#[must_use]
pub fn candidates(root: &Path, wanted: Option<&str>, version: Option<Version>) -> Vec<Socket> {
    let wanted = wanted
        .filter(|name| !matches!(*name, "" | "default" | "auto"))
        .map(named);
    let with_hash = Socket::Name(format!("{}-{}", basename(root), hash(root)));
    let without_hash = named(&basename(root));
    let by_version = version.map(|version| match version {
        (0, 11) => without_hash.clone(),
        (0, ..=10 | 12) => Socket::Default,
        _ => with_hash.clone(),
    });
    let by_likelihood =
        wanted
            .into_iter()
            .chain(by_version)
            .chain([with_hash, without_hash, Socket::Default]);
    let mut candidates: Vec<Socket> = Vec::new();
    for socket in by_likelihood {
        if !candidates.contains(&socket) {
            candidates.push(socket);
        }
    }
    candidates
}

/// The version in the output of `gt --version`: (0, 13) for `gt version 0.13.1 (…)`.
#[must_use]
pub fn version_in(text: &str) -> Option<Version> {
    let numbers = |word: &str| {
        let mut parts = word.trim_start_matches('v').split('.');
        Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
    };
    text.split_whitespace().find_map(numbers)
}

/// The server of this name. The name `default` means the user's default server.
#[must_use]
pub fn named(name: &str) -> Socket {
    if name == "default" {
        Socket::Default
    } else {
        Socket::Name(name.to_owned())
    }
}

/// The name of the root folder as gt writes it: small letters, digits and hyphens.
///
/// Example: `My Town!` becomes `my-town`. A name without letters and digits becomes `default`.
fn basename(root: &Path) -> String {
    /// Stands for a run of other characters. It differs from `-`, which stays as it is written.
    const GAP: char = '\u{1}';
    let name = root
        .file_name()
        .map(|name| name.to_string_lossy().to_lowercase())
        .unwrap_or_default();
    let mut with_gaps = String::new();
    for c in name.chars() {
        match c {
            'a'..='z' | '0'..='9' | '-' => with_gaps.push(c),
            _ if with_gaps.ends_with(GAP) => {}
            _ => with_gaps.push(GAP),
        }
    }
    let with_hyphens = with_gaps.replace(GAP, "-");
    let clean_name = with_hyphens.trim_matches('-');
    if clean_name.is_empty() {
        "default".to_owned()
    } else {
        clean_name.to_owned()
    }
}

/// The first six hex digits of the SHA-256 of the root's path without links.
fn hash(root: &Path) -> String {
    use std::os::unix::ffi::OsStrExt;
    let real = root.canonicalize().unwrap_or_else(|_| root.to_path_buf());
    let digest = Sha256::digest(real.as_os_str().as_bytes());
    digest.iter().take(3).fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_made_as_gt_makes_them() {
        assert_eq!(basename(Path::new("/home/me/My Town!")), "my-town");
        assert_eq!(basename(Path::new("/x/a__b")), "a-b");
        assert_eq!(basename(Path::new("/x/a_-_b")), "a---b");
        assert_eq!(
            (basename(Path::new("/x/___")), basename(Path::new("/"))),
            ("default".into(), "default".into())
        );
        // printf /no/such/gt | sha256sum
        assert_eq!(hash(Path::new("/no/such/gt")), "e76a61");
    }

    #[test]
    fn the_likeliest_comes_first() {
        let root = Path::new("/no/such/gt");
        let own = Socket::Name(format!("gt-{}", hash(root)));
        let plain = Socket::Name("gt".to_owned());
        assert_eq!(
            candidates(root, None, None),
            [own.clone(), plain.clone(), Socket::Default]
        );
        assert_eq!(candidates(root, Some("auto"), Some((0, 11)))[0], plain);
        assert_eq!(candidates(root, None, Some((0, 12)))[0], Socket::Default);
        assert_eq!(candidates(root, None, Some((0, 9)))[0], Socket::Default);
        assert_eq!(candidates(root, None, Some((1, 2)))[0], own);
        assert_eq!(
            candidates(root, Some("mine"), Some((1, 2)))[0],
            Socket::Name("mine".to_owned())
        );
        assert_eq!(candidates(root, Some("mine"), None).len(), 4);
    }

    #[test]
    fn versions_are_read_from_what_gt_prints() {
        assert_eq!(
            version_in("gt version 0.13.1 (dev: main@abc)"),
            Some((0, 13))
        );
        assert_eq!(version_in("gt v1.2.0"), Some((1, 2)));
        assert_eq!(version_in("no version"), None);
    }
}
