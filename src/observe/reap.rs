//! Waiting until a server has heard of its children that ended: asked before, it does not know how,
//! and has to be asked again.
//!
//! Debian's 3.3a loses such news: at the end of each pane it runs a helper (utempter) and is deaf
//! meanwhile, so it is told again.

use crate::model::ServerId;
use crate::proc::process::{self, Presence};
use crate::proc::signal;
use std::time::{Duration, Instant};

/// So long it is given in all.
const MOMENT: Duration = Duration::from_millis(4);
/// So long each time before it is told again; that helper takes a millisecond or two.
const PATIENCE: Duration = Duration::from_micros(500);

/// Returns once the server has reaped those of these that were its children, at the latest after 4
/// ms. Meanwhile does the other work, bit by bit.
pub(super) async fn reaped(
    server: ServerId,
    pids: impl IntoIterator<Item = u32>,
    mut meanwhile: impl FnMut(),
) {
    let begun = Instant::now();
    let mut told = 0;
    for pid in pids {
        while matches!(process::look(pid), Presence::Zombie(stat) if stat.ppid == server.0.pid) {
            let waited = begun.elapsed();
            if waited >= MOMENT {
                return;
            }
            if waited >= PATIENCE * (told + 1) {
                signal::nudge_children(server);
                told += 1;
            }
            meanwhile();
            tokio::task::yield_now().await;
        }
    }
}
