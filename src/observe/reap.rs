//! Waits until a server has noticed the end of its children. A server asked too early does not know
//! how they ended, and has to be asked again.
//!
//! Debian's tmux 3.3a can miss SIGCHLD: at the end of each pane it runs a helper (utempter) and
//! ignores the signal meanwhile. So the signal is sent again.

use crate::model::ServerId;
use crate::proc::process::{self, Presence};
use crate::proc::signal;
use std::time::{Duration, Instant};

/// The longest wait in all.
const MOMENT: Duration = Duration::from_millis(4);
/// The wait before the signal is sent again. The helper runs for one or two milliseconds.
const PATIENCE: Duration = Duration::from_micros(500);

/// Waits until the server has reaped all of its children among `pids`, at most 4 ms.
///
/// Calls `meanwhile` again and again while it waits.
pub(super) async fn reaped(
    server: ServerId,
    pids: impl IntoIterator<Item = u32>,
    mut meanwhile: impl FnMut(),
) {
    let begun = Instant::now();
    let mut nudges = 0;
    for pid in pids {
        while matches!(process::look(pid), Presence::Zombie(stat) if stat.ppid == server.0.pid) {
            let waited = begun.elapsed();
            if waited >= MOMENT {
                return;
            }
            if waited >= PATIENCE * (nudges + 1) {
                signal::nudge_children(server);
                nudges += 1;
            }
            meanwhile();
            tokio::task::yield_now().await;
        }
    }
}
