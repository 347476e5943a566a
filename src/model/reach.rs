//! Why another host of the town did not answer, and what to do about it.

use super::{HostAddress, HostName, Period};

/// Why a host did not answer, or its answer is of no use. It never means that a session is dead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unreached {
    /// The manifest does not say how to reach it.
    #[error("the manifest has no `ssh` for it")]
    NoAddress,
    /// There is no ssh on this machine.
    #[error("ssh cannot be run: {0}")]
    NoSsh(String),
    /// ssh could not connect.
    #[error("unreachable: {0}")]
    NoConnection(String),
    /// ssh would have to ask for a password, or for the passphrase of a key.
    #[error("ssh would have to ask for a password: {0}")]
    AsksPassword(String),
    /// The host's key is not known, or has changed.
    #[error("ssh does not trust the key of this host: {0}")]
    UnknownKey(String),
    /// It did not answer in time.
    #[error("no answer within {0}")]
    Slow(Period),
    /// There is no gtctl on it.
    #[error("gtctl cannot be run there: {0}")]
    NoGtctl(String),
    /// Its gtctl speaks another protocol.
    #[error("gtctl there is of another version: {0}")]
    OtherVersion(String),
    /// There is no manifest on it.
    #[error("there is no manifest there yet: {0}")]
    NoTown(String),
    /// Its gtctl has failed.
    #[error("gtctl there failed: {0}")]
    Failed(String),
    /// Its answer is too long, or cannot be read.
    #[error("its answer cannot be read: {0}")]
    BadAnswer(String),
}

impl Unreached {
    /// What to type next, for people.
    #[must_use]
    pub fn help(&self, name: &HostName, host: &HostAddress) -> String {
        let to = host.ssh.as_deref().unwrap_or(name.as_str());
        match self {
            Self::NoAddress => format!("add ssh = \"me@{name}\" to [hosts.{name}]"),
            Self::NoSsh(_) => "install it: apt-get install openssh-client".to_owned(),
            Self::NoConnection(_) => format!("`ssh {to} true` shows it, too"),
            Self::AsksPassword(_) => format!(
                "`ssh-copy-id {to}` installs your key there; `ssh-add` unlocks a key with a passphrase"
            ),
            Self::UnknownKey(_) => {
                format!("`ssh {to} true` in a terminal shows the key and asks whether to trust it")
            }
            Self::Slow(_) => {
                format!("`time ssh {to} true` shows whether the network or the host is slow")
            }
            Self::NoGtctl(_) | Self::OtherVersion(_) => format!(
                "install gtctl {} there, or name its path: [hosts.{name}] gtctl = \"/path/gtctl\"",
                env!("CARGO_PKG_VERSION")
            ),
            Self::NoTown(_) => "`gtctl apply` writes it there".to_owned(),
            Self::Failed(_) | Self::BadAnswer(_) => {
                format!("`gtctl hosts setup {name}` says what must be there")
            }
        }
    }

    /// A stable word, for JSON.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::NoAddress => "no-address",
            Self::NoSsh(_) => "no-ssh",
            Self::NoConnection(_) => "unreachable",
            Self::AsksPassword(_) => "asks-password",
            Self::UnknownKey(_) => "unknown-key",
            Self::Slow(_) => "slow",
            Self::NoGtctl(_) => "no-gtctl",
            Self::OtherVersion(_) => "other-version",
            Self::NoTown(_) => "no-town",
            Self::Failed(_) => "failed",
            Self::BadAnswer(_) => "bad-answer",
        }
    }
}
