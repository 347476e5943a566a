//! Whose a file, a folder or a socket is, and who else may change it.
//!
//! gtctl runs what a manifest says, and sends a tmux server what an agent needs. So it takes both
//! only from its own user or from root: a second user on the host must not be able to put a file or
//! a socket of theirs in the place.
//!
//! The rules are those of OpenSSH's `StrictModes`, with two things added. A folder that everybody
//! may write to is fine where it is sticky (`/tmp`), for there nobody can replace what is not
//! theirs. A group that holds nobody but its owner may write to folders, as Debian and Ubuntu set
//! it up.

mod people;
mod rule;

pub use people::name_of;
pub use rule::{Distrust, Kind, check_folders_above, check_meta, check_open_file, is_shared};

/// The user that we are, by number.
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
