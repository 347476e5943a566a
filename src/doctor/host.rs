//! Checks that the town's service goes on when its user logs out.

use super::Patient;
use crate::model::{Checked, Fix};
use nix::unistd::{Uid, User};
use std::path::Path;

/// systemd has a file here for each user whose services run without a login.
const LINGER: &str = "/var/lib/systemd/linger";

/// `None` if no service is installed.
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
        let message =
            format!("installed, but it stops when {user} logs out, and does not start at boot");
        Checked::ailing("service", message, Fix::run(["loginctl", "enable-linger"]))
    })
}
