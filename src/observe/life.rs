//! Whether the process of a pane lives, by tmux and by the kernel.

use super::prefetch::Ahead;
use crate::model::{Death, Life, ProcId, ServerId};
use crate::proc::process::Presence;
use crate::proc::tree::{self, Member};
use crate::tmux::list::PaneRow;

/// The state of a pane.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Pane {
    /// Its process runs.
    Running(ProcId, String),
    /// Its process has ended, and tmux knows how.
    Ended(Death),
    /// Its process has ended, but tmux does not know how, or has not noticed yet.
    Lost,
    /// The state could not be determined, for this reason.
    Unknown(String),
}

/// Judges one pane of this server.
///
/// A pane's process has ended if its pid is free, a zombie, or a child of another process, even if
/// tmux shows it as running. Debian's tmux 3.3a can miss the end of a process.
pub(super) fn judge(row: &PaneRow, server: ServerId, ahead: &Ahead) -> Pane {
    if row.dead {
        return match (row.status, row.signal) {
            (_, Some(signal)) => Pane::Ended(Death::Signal(signal)),
            (Some(status), None) => Pane::Ended(Death::Exit(status)),
            (None, None) => Pane::Lost,
        };
    }
    if let Some((process, comm)) = ahead.pane(row.pid, server) {
        return Pane::Running(process, comm);
    }
    match ahead.look(row.pid) {
        Presence::Alive(stat) if stat.ppid == server.0.pid => Pane::Running(
            ProcId {
                pid: row.pid,
                start: stat.start,
            },
            stat.comm,
        ),
        Presence::Alive(_) | Presence::Zombie(_) | Presence::Gone => Pane::Lost,
        Presence::Unreadable(why) => Pane::Unknown(why),
    }
}

/// The liveness of a pane once tmux was asked again: what is lost now stays lost.
pub(super) fn of(pane: &Pane, row: &PaneRow, matches: bool) -> Life {
    match pane {
        Pane::Running(process, comm) => Life::Alive {
            process: *process,
            matches,
            comm: comm.clone(),
        },
        Pane::Ended(death) => dead(*death, None, row.dead_at),
        Pane::Lost => dead(Death::StatusLost, None, row.dead_at),
        Pane::Unknown(why) => Life::Unknown(why.clone()),
    }
}

/// A dead agent whose screen is not read yet. `at` is in seconds since the epoch.
pub(super) fn dead(death: Death, process: Option<ProcId>, at: Option<i64>) -> Life {
    Life::Dead {
        death,
        process,
        at: at.map(|seconds| seconds.saturating_mul(1000)),
        tail: Vec::new(),
    }
}

/// The process tree of a pane. Empty if its process does not run.
pub(super) fn members(pane: &Pane, tree_of: impl Fn(ProcId) -> Vec<Member>) -> Vec<Member> {
    match pane {
        Pane::Running(process, _) => tree_of(*process),
        Pane::Ended(_) | Pane::Lost | Pane::Unknown(_) => Vec::new(),
    }
}

/// Whether the tree has a process with one of these names.
pub(super) fn runs(members: &[Member], names: &[String]) -> bool {
    tree::find_named(members, names).is_some()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::proc::process;

    #[test]
    fn what_tmux_does_not_know_is_lost_and_never_a_clean_exit() {
        let us = ServerId(process::identify(std::process::id()).unwrap());
        let ended = |status, signal| {
            judge(
                &PaneRow {
                    dead: true,
                    status,
                    signal,
                    ..PaneRow::default()
                },
                us,
                &Ahead::default(),
            )
        };
        assert_eq!(ended(Some(0), None), Pane::Ended(Death::Exit(0)));
        assert_eq!(ended(None, Some(9)), Pane::Ended(Death::Signal(9)));
        assert_eq!(ended(None, None), Pane::Lost);
        let Life::Dead { death, at, .. } = of(
            &Pane::Lost,
            &PaneRow {
                dead_at: Some(5),
                ..PaneRow::default()
            },
            true,
        ) else {
            panic!("not dead")
        };
        assert_eq!((death, at), (Death::StatusLost, Some(5000)));
    }

    #[test]
    fn a_process_counts_only_as_the_servers_child() {
        let us = ServerId(process::identify(std::process::id()).unwrap());
        let mut child = std::process::Command::new("sleep")
            .arg("600")
            .spawn()
            .unwrap();
        let row = PaneRow {
            pid: child.id(),
            ..PaneRow::default()
        };
        assert!(matches!(
            judge(&row, us, &Ahead::default()),
            Pane::Running(..)
        ));
        let other = ServerId(ProcId { pid: 1, start: 0 });
        assert_eq!(judge(&row, other, &Ahead::default()), Pane::Lost);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_eq!(judge(&row, us, &Ahead::default()), Pane::Lost);
    }
}
