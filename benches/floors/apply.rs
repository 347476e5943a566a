//! 3: a town from nothing.

use crate::Result;
use crate::measure::{in_turns, timed};
use crate::peers;
use crate::stage::{Stage, session};
use crate::table::{Against, Row};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

/// Sessions and rounds.
const SIZES: [(usize, usize); 3] = [(10, 11), (100, 5), (1000, 3)];

/// Larger towns are not asked of those who take a process, or a second, for each session.
const MOST_BY_PEERS: usize = 100;

/// Processes of our own that a whole `apply` may need, whatever its size.
const MOST_CALLS: usize = 20;

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (sessions, rounds) in SIZES {
        let [ours, bare, kept] = in_turns(
            rounds,
            [
                Box::new(|| applied(sessions)),
                Box::new(|| pipelined(sessions, false)),
                Box::new(|| pipelined(sessions, true)),
            ],
        )?;
        let [each] = in_turns(1, [Box::new(|| one_by_one(sessions))])?;
        let (calls, looks) = counted(sessions)?;
        let row = |against| Row {
            what: "3 apply from nothing",
            sessions,
            gtctl: ours,
            against,
        };
        rows.extend([
            row(Against::Floor(
                "bare new-session lines, one client",
                bare,
                Some(1.25),
            )),
            row(Against::Floor(
                "the same, dead panes and output kept",
                kept,
                None,
            )),
            row(Against::Peer("one tmux new-session each", each, None)),
            row(Against::Count("processes of our own", calls, MOST_CALLS)),
            row(Against::Count("observations", looks, 1)),
        ]);
        if sessions <= MOST_BY_PEERS {
            rows.extend(
                peers::towns(sessions)?
                    .into_iter()
                    .map(|(name, took)| row(Against::Peer(name, took, None))),
            );
        }
    }
    Ok(rows)
}

fn applied(sessions: usize) -> Result<Duration> {
    let stage = Stage::declared(sessions)?;
    let took = timed(|| Ok(stage.gtctl(&["apply", "--no-wait"]).output()?))?;
    whole(&stage, sessions, took)
}

/// Bare lines in one client; where it is `kept`, each pane's output goes to a file by way of `cat`,
/// and its end is waited for in the pane, as it has to be for a session that is to be restarted.
fn pipelined(sessions: usize, kept: bool) -> Result<Duration> {
    let stage = Stage::declared(sessions)?;
    let mut lines = String::new();
    for n in 0..sessions {
        let name = session(n);
        // Writing to a String cannot fail.
        let _ = write!(
            lines,
            "new-session -d -s {name} -x 200 -y 50 -c / -- sleep 100000"
        );
        if kept {
            let log = stage.dir().join(format!("{n}.log"));
            let _ = write!(
                lines,
                " ; set-option -w -t ={name}: remain-on-exit on ; pipe-pane -t ={name}: \"exec cat >'{}'\"",
                log.display()
            );
        }
        lines.push('\n');
    }
    let took = timed(|| stage.source(&lines))?;
    whole(&stage, sessions, took)
}

fn one_by_one(sessions: usize) -> Result<Duration> {
    let stage = Stage::declared(sessions)?;
    let took = timed(|| {
        for n in 0..sessions {
            let name = session(n);
            stage.tmux(&[
                "new-session",
                "-d",
                "-s",
                &name,
                "-x",
                "200",
                "-y",
                "50",
                "-c",
                "/",
                "sleep",
                "100000",
            ])?;
        }
        Ok(())
    })?;
    whole(&stage, sessions, took)
}

fn whole(stage: &Stage, sessions: usize, took: Duration) -> Result<Duration> {
    let found = stage.sessions()?;
    if found == sessions {
        Ok(took)
    } else {
        Err(format!("{found} of {sessions} sessions").into())
    }
}

/// Runs of tmux, and looks, in one apply: tmux is another one that counts.
fn counted(sessions: usize) -> Result<(usize, usize)> {
    let stage = Stage::declared(sessions)?;
    let (folder, log) = (stage.dir().join("bin"), stage.dir().join("calls"));
    std::fs::create_dir(&folder)?;
    let path = std::env::var("PATH")?;
    let script = format!(
        "#!/bin/sh\necho call >>'{}'\nPATH='{path}' exec tmux \"$@\"\n",
        log.display()
    );
    std::fs::write(folder.join("tmux"), script)?;
    std::fs::set_permissions(folder.join("tmux"), std::fs::Permissions::from_mode(0o755))?;
    let mut command = stage.gtctl(&["-vv", "apply", "--no-wait"]);
    let output = command
        .env("PATH", format!("{}:{path}", folder.display()))
        .output()?;
    let looks = String::from_utf8_lossy(&output.stderr)
        .lines()
        .filter(|line| line.contains("list-panes"))
        .count();
    Ok((std::fs::read_to_string(log)?.lines().count(), looks))
}
