//! The service manager's socket, as `sd_notify(3)` describes it: one datagram of `NAME=value` lines
//! per message.
//!
//! The messages are our own: the crate for them waits for a manager that does not read
//! (docs/adr/0013). Without the socket nothing is sent.

use crate::model::{Moment, Period};
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;

/// A service manager that wants to hear how this process does, if there is one.
#[derive(Debug)]
pub struct Manager {
    socket: Option<(UnixDatagram, SocketAddr)>,
    watchdog: Option<Period>,
}

impl Manager {
    /// The manager that started process `me` with these variables: `NOTIFY_SOCKET`, and
    /// `WATCHDOG_USEC` with `WATCHDOG_PID`. What is malformed, or meant for another process, counts
    /// as not set.
    #[must_use]
    pub fn from_variables(variable: impl Fn(&str) -> Option<OsString>, me: u32) -> Self {
        let socket = variable("NOTIFY_SOCKET").and_then(|name| connect(&name));
        let number = |name| variable(name)?.to_str()?.parse::<u64>().ok();
        let is_mine = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(me));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| is_mine && *usec > 0);
        Self {
            watchdog: socket
                .as_ref()
                .and(watchdog)
                .map(|usec| Period::from_millis(usec / 1000)),
            socket,
        }
    }

    /// The longest sleep between two cycles under which the watchdog stays quiet: a third of its
    /// time, so that a cycle that waits for its turn and for tmux still ends in time.
    #[must_use]
    pub fn most_sleep(&self, resync: Period) -> Period {
        let third = |watchdog: Period| Period::from_millis((watchdog.millis() / 3).max(1));
        self.watchdog
            .map_or(resync, |watchdog| resync.min(third(watchdog)))
    }

    /// A cycle has ended, and the controller lives: `status` is one line for people.
    pub fn alive(&self, status: impl FnOnce() -> String) {
        if self.socket.is_some() {
            self.send(&format!(
                "READY=1\nWATCHDOG=1\nSTATUS={}\n",
                one_line(&status())
            ));
        }
    }

    /// A cycle could not run, but the controller lives and tries again: restarting it would not
    /// help.
    pub fn troubled(&self, status: &str) {
        self.send(&format!("WATCHDOG=1\nSTATUS={}\n", one_line(status)));
    }

    /// The manifest is about to be read anew; [`Manager::alive`] or [`Manager::reloaded`] ends
    /// that.
    pub fn reloading(&self, now: Moment) {
        self.send(&format!(
            "RELOADING=1\nMONOTONIC_USEC={}\n",
            now.awake.saturating_mul(1000)
        ));
    }

    /// The manifest was read anew, whatever came of it.
    pub fn reloaded(&self) {
        self.send("READY=1\n");
    }

    /// The controller is about to end.
    pub fn stopping(&self, status: &str) {
        self.send(&format!("STOPPING=1\nSTATUS={}\n", one_line(status)));
    }

    /// A manager that does not listen is no reason to fail or to wait.
    fn send(&self, message: &str) {
        let Some((socket, address)) = &self.socket else {
            return;
        };
        let sent = socket.send_to_addr(message.as_bytes(), address);
        tracing::debug!(?message, ?sent, "service manager");
    }
}

fn one_line(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .take(200)
        .collect()
}

fn connect(name: &OsString) -> Option<(UnixDatagram, SocketAddr)> {
    let address = match name.as_bytes().split_first()? {
        (b'@', name) => abstract_address(name)?,
        (b'/', _) => SocketAddr::from_pathname(Path::new(name)).ok()?,
        _ => return None,
    };
    let socket = UnixDatagram::unbound().ok()?;
    socket.set_nonblocking(true).ok()?;
    Some((socket, address))
}

#[cfg(target_os = "linux")]
fn abstract_address(name: &[u8]) -> Option<SocketAddr> {
    use std::os::linux::net::SocketAddrExt;
    SocketAddr::from_abstract_name(name).ok()
}

#[cfg(not(target_os = "linux"))]
fn abstract_address(_: &[u8]) -> Option<SocketAddr> {
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Moment = Moment {
        wall: 0,
        awake: 7,
        boot: 1,
    };

    fn manager(variables: &[(&str, &str)]) -> Manager {
        let get = |name: &str| {
            variables
                .iter()
                .find(|(n, _)| *n == name)
                .map(|(_, value)| OsString::from(value))
        };
        Manager::from_variables(get, 42)
    }

    /// What arrives when everything is sent once.
    fn messages(at: &str, heard: &UnixDatagram) -> Vec<String> {
        let manager = manager(&[("NOTIFY_SOCKET", at)]);
        manager.alive(|| "2 sessions\nREADY=0".to_owned());
        manager.reloading(NOW);
        manager.reloaded();
        manager.stopping("told to end");
        let mut bytes = [0; 512];
        let mut next = || {
            let n = heard.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..n].to_vec()).unwrap()
        };
        (0..4).map(|_| next()).collect()
    }

    const WANT: [&str; 4] = [
        "READY=1\nWATCHDOG=1\nSTATUS=2 sessions READY=0\n",
        "RELOADING=1\nMONOTONIC_USEC=7000\n",
        "READY=1\n",
        "STOPPING=1\nSTATUS=told to end\n",
    ];

    #[test]
    fn both_kinds_of_socket_are_spoken_to() {
        use std::os::linux::net::SocketAddrExt;
        let path = std::env::temp_dir().join(format!("gtctl-notify-{}", std::process::id()));
        let heard = UnixDatagram::bind(&path).unwrap();
        assert_eq!(messages(path.to_str().unwrap(), &heard), WANT);
        std::fs::remove_file(&path).unwrap();
        let name = format!("gtctl-notify-{}", std::process::id());
        let heard =
            UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap();
        assert_eq!(messages(&format!("@{name}"), &heard), WANT);
    }

    #[test]
    fn nobody_listening_is_no_fault() {
        for at in ["", "relative", "@", "/nowhere/at/all", "vsock:1:2"] {
            manager(&[("NOTIFY_SOCKET", at)]).alive(String::new);
        }
        manager(&[]).alive(String::new);
    }

    #[test]
    fn the_watchdog_bounds_the_sleep_of_its_own_process_only() {
        let resync = Period::from_secs(15);
        let with = |usec: &str, pid: &str| {
            manager(&[
                ("NOTIFY_SOCKET", "/x"),
                ("WATCHDOG_USEC", usec),
                ("WATCHDOG_PID", pid),
            ])
            .most_sleep(resync)
        };
        assert_eq!(with("3000000", "42"), Period::from_secs(1));
        for (usec, pid) in [
            ("3000000", "43"),
            ("0", "42"),
            ("many", "42"),
            ("60000000", "42"),
        ] {
            assert_eq!(with(usec, pid), resync, "{usec} {pid}");
        }
        assert_eq!(
            manager(&[("WATCHDOG_USEC", "3000000")]).most_sleep(resync),
            resync
        );
    }
}
