//! What is written to the store, and under which conditions.

use super::{FleetKey, Revision};

/// Writes that the store does all together, if all conditions hold, or not at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Transaction {
    /// What must be true.
    pub compares: Vec<Compare>,
    /// What is then written.
    pub writes: Vec<Write>,
}

/// A condition of a [`Transaction`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Compare {
    /// There is no such key.
    Absent(FleetKey),
    /// The key was made in this revision, and has been there since.
    Created(FleetKey, Revision),
    /// The key was last written in this revision. Revision 0 means that there is no such key.
    Modified(FleetKey, Revision),
}

/// A write of a [`Transaction`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Write {
    /// Writes a value that stays.
    Put(FleetKey, String),
    /// Writes a value that ends with the lease of the host that writes it.
    PutLeased(FleetKey, String),
    /// Removes the key.
    Delete(FleetKey),
}
