//! Who owns a file, a folder or a socket, and who else may change it.
//!
//! gtctl runs the commands of a manifest, and it sends secrets to a tmux server. So it trusts a
//! manifest or a socket only if its own user or root owns it. Otherwise a second user of the host
//! could put a file or a socket of their own in its place.
//!
//! The rules are those of OpenSSH's `StrictModes`, with two additions:
//!
//! - A folder that everybody may write to is fine if it is sticky, like `/tmp`. In such a folder
//!   nobody can replace the files of others.
//! - A group may write to a folder if its only member is the owner. Debian and Ubuntu give each
//!   user such a private group.

mod people;
mod rule;

pub use people::name_of;
pub use rule::{Distrust, Kind, check_folders_above, check_meta, check_open_file, is_shared};

/// The number of the user that gtctl runs as (the effective uid).
#[must_use]
pub fn own_uid() -> u32 {
    rustix::process::geteuid().as_raw()
}
