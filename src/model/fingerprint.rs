//! A short form of what a session was started with.

use super::Desired;
use super::written::written_as_text;
use std::fmt;

/// A short form of what a session was started with, for its label: `command:dir:env`, each with
/// eight hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint {
    /// The digest of the argv.
    pub command: u32,
    /// The digest of the working directory.
    pub dir: u32,
    /// The digest of `env`, the paths of `env_file` and the names in `pass_env`.
    pub env: u32,
}

impl Fingerprint {
    /// The fingerprint of the fields whose change needs a restart: command, directory and
    /// environment as declared.
    ///
    /// Limits are not in it: they change without a restart. What gtctl adds is not in it either, so
    /// that a new version of gtctl restarts no town. For a session with a launcher only the agent
    /// is in it, because the launcher chooses the rest.
    pub(super) fn of(desired: &Desired) -> Self {
        if let Some(commands) = desired.commands() {
            let agent = commands.agent.as_deref().unwrap_or_default();
            return Self {
                command: digest(["by commands", agent]),
                dir: 0,
                env: 0,
            };
        }
        let variables = desired
            .env
            .iter()
            .fold(Digest::EMPTY, |digest, (name, value)| {
                digest.text(name).text("=").part(value)
            });
        let env_files = desired.env_files.iter().fold(variables, |digest, file| {
            digest.part(&file.path.to_string_lossy())
        });
        // Only the names are digested: a changed value restarts nothing.
        let env = desired
            .pass_env
            .iter()
            .fold(env_files, |digest, name| digest.part(name));
        Self {
            command: digest(&desired.command),
            dir: digest([desired.dir.to_string_lossy()]),
            env: env.folded(),
        }
    }

    /// The names of the fields in which two differ, in a fixed order.
    #[must_use]
    pub fn differences(&self, other: &Self) -> Vec<&'static str> {
        if self == other {
            return Vec::new();
        }
        [
            ("command", self.command != other.command),
            ("dir", self.dir != other.dir),
            ("env", self.env != other.env),
        ]
        .into_iter()
        .filter_map(|(field, differs)| differs.then_some(field))
        .collect()
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}:{:08x}:{:08x}", self.command, self.dir, self.env)
    }
}

/// A text that is not a [`Fingerprint`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a fingerprint (command:dir:env)")]
pub struct FingerprintFault;

impl std::str::FromStr for Fingerprint {
    type Err = FingerprintFault;
    fn from_str(text: &str) -> Result<Self, FingerprintFault> {
        let mut parts = text
            .split(':')
            .map(|p| u32::from_str_radix(p, 16).map_err(|_| FingerprintFault));
        let mut next = || parts.next().unwrap_or(Err(FingerprintFault));
        let fingerprint = Self {
            command: next()?,
            dir: next()?,
            env: next()?,
        };
        if parts.next().is_some() {
            Err(FingerprintFault)
        } else {
            Ok(fingerprint)
        }
    }
}

written_as_text!(
    Fingerprint,
    "a fingerprint such as \"0000002a:0000002b:0000002c\""
);

/// The digest of these parts.
fn digest<T: AsRef<str>>(parts: impl IntoIterator<Item = T>) -> u32 {
    let digest = |digest: Digest, part: T| digest.part(part.as_ref());
    parts.into_iter().fold(Digest::EMPTY, digest).folded()
}

/// FNV-1a over parts, each with a NUL after it, folded to 32 bits. It is written into labels, so
/// every version must give the same digest.
///
/// Nothing is copied for it: each look takes the digest of every session.
#[derive(Clone, Copy)]
struct Digest(u64);

impl Digest {
    const EMPTY: Self = Self(0xcbf2_9ce4_8422_2325);

    /// With a piece of a part.
    fn text(self, text: &str) -> Self {
        let add = |hash: u64, byte: u8| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        Self(text.bytes().fold(self.0, add))
    }

    /// With a part, or the rest of one.
    fn part(self, text: &str) -> Self {
        self.text(text).text("\0")
    }

    fn folded(self) -> u32 {
        #[expect(
            clippy::cast_possible_truncation,
            reason = "folding to 32 bits is the point"
        )]
        let folded = (self.0 ^ (self.0 >> 32)) as u32;
        folded
    }
}

#[cfg(test)]
mod tests {
    use crate::model::{EnvFile, SessionName};
    use crate::sim::session;

    #[test]
    fn every_version_gives_the_same_fingerprint() {
        let mut desired = session(SessionName::new("a").unwrap());
        desired.command = vec!["sleep".to_owned(), "1".to_owned()];
        desired.dir = "/srv".into();
        let variables = [("A", "1"), ("B", "x=y")];
        desired.env = variables
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .into();
        desired.env_files = vec![EnvFile {
            path: "/e/one".into(),
            optional: false,
        }];
        desired.pass_env = ["HOME".to_owned()].into();
        let written = desired.fingerprint().to_string();
        assert_eq!(written, "c70a4d9b:cadbd660:54fcc889");
    }
}
