//! Whether what is installed for the town lives on when its user logs out.

use super::Patient;
use crate::model::{Checked, Fix};
use nix::unistd::{Uid, User};
use std::path::Path;

/// Where systemd notes whose services run without a login.
const LINGER: &str = "/var/lib/systemd/linger";

/// Nothing where no service is installed.
pub(super) fn check(patient: &Patient<'_>) -> Option<Checked> {
    if !patient.service {
        return None;
    }
    let user = User::from_uid(Uid::effective()).ok().flatten()?.name;
    Some(if Path::new(LINGER).join(&user).exists() {
        Checked::well(
            "service",
            format!("installed; it runs without a login of {user}"),
        )
    } else {
        let said =
            format!("installed, but it stops when {user} logs out, and does not start at boot");
        Checked::ailing("service", said, Fix::run(["loginctl", "enable-linger"]))
    })
}
