//! The files and variables that define a town. Two processes that manage one town must agree on
//! them.

use crate::model::SortedMap;
use std::path::PathBuf;

/// Where a town's definition comes from.
///
/// Two processes with different layers would undo each other's work.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub struct Layers {
    /// The manifest file, absolute.
    pub file: PathBuf,
    /// The path of the user's own file, whether or not it exists.
    #[serde(default)]
    pub user: Option<PathBuf>,
    /// The `GTCTL_*` variables that are settings. Only a digest of each value is kept, because
    /// values may be secrets.
    #[serde(default)]
    pub variables: SortedMap<String, u64>,
    /// A digest of the definition that the layers give.
    #[serde(default)]
    pub outcome: u64,
}

impl Layers {
    /// Whether both use the same files and variables. The content may differ.
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
