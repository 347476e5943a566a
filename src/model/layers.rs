//! The layers of a definition, as far as two processes must agree on them.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where a town's definition came from. Two that keep one town must have the same, or they undo
/// each other's work.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Layers {
    /// The manifest file, from the root on.
    pub file: PathBuf,
    /// Where the user's own file is, or would be.
    #[serde(default)]
    pub user: Option<PathBuf>,
    /// The `GTCTL_*` variables that are settings, each with a digest of its value: values may be
    /// secrets.
    #[serde(default)]
    pub variables: BTreeMap<String, u64>,
    /// A digest of what all layers came to.
    #[serde(default)]
    pub outcome: u64,
}

impl Layers {
    /// Whether both read the same files and variables, whatever these said at the time.
    #[must_use]
    pub fn are_those_of(&self, other: &Self) -> bool {
        let Self {
            file,
            user,
            variables,
            outcome: _,
        } = self;
        *file == other.file && *user == other.user && *variables == other.variables
    }
}
