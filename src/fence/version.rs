//! What is known of the versions of etcd.

use std::fmt;
use std::str::FromStr;

/// A version of etcd: major, minor, patch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StoreVersion(pub u32, pub u32, pub u32);

/// What is wrong with a version of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum StoreAlarm {
    /// It can end leases of hosts that live (etcd issues 15247 and 16822), and a leader that is
    /// stuck goes on answering keepalives.
    #[error(
        "etcd {version} may end the leases of healthy hosts after its own leader was cut off: use \
         {fixed} or later"
    )]
    RevokesWrongly {
        /// The version.
        version: StoreVersion,
        /// The oldest version of that line without the fault.
        fixed: StoreVersion,
    },
}

/// The oldest versions without the fault, one for each line that has it.
const FIXED: [StoreVersion; 2] = [StoreVersion(3, 4, 31), StoreVersion(3, 5, 13)];

impl StoreVersion {
    /// Whether this version can end leases of hosts that live.
    #[must_use]
    pub fn revokes_wrongly(self) -> bool {
        self.alarm().is_some()
    }

    /// What is wrong with this version.
    #[must_use]
    pub fn alarm(self) -> Option<StoreAlarm> {
        let line = |version: StoreVersion| (version.0, version.1);
        let [oldest, newest] = FIXED;
        let fixed = FIXED.into_iter().find(|fixed| line(*fixed) == line(self));
        let fixed = fixed.unwrap_or(if self < oldest { oldest } else { newest });
        let is_fixed = self >= fixed;
        (!is_fixed).then_some(StoreAlarm::RevokesWrongly {
            version: self,
            fixed,
        })
    }
}

impl fmt::Display for StoreVersion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// A text that is no version of etcd.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a version such as 3.5.16")]
pub struct StoreVersionFault;

impl FromStr for StoreVersion {
    type Err = StoreVersionFault;

    /// Reads `3.5.16`. What follows a `-` or a `+` does not count.
    fn from_str(text: &str) -> Result<Self, StoreVersionFault> {
        let plain = text.split(['-', '+']).next().unwrap_or_default();
        let parts: Result<Vec<u32>, _> = plain.split('.').map(str::parse).collect();
        match parts.as_deref() {
            Ok([major, minor, patch]) => Ok(Self(*major, *minor, *patch)),
            Ok(_) | Err(_) => Err(StoreVersionFault),
        }
    }
}
