//! A question to a program, with a deadline: nothing of it is left running.

use crate::proc::signal::{Signal, signal};
use crate::proc::{process, tree};
use crate::tmux::SCRUBBED;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Command;
use tokio::time::timeout;

/// The most that is read of an answer, in bytes.
const MAX_ANSWER: u64 = 64 << 10;

/// What it printed; as an error why there is no answer.
pub(super) async fn ask(
    program: &Path,
    arguments: &[&str],
    dir: &Path,
    deadline: Duration,
) -> Result<String, String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .current_dir(dir)
        .process_group(0)
        .kill_on_drop(true);
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    for name in SCRUBBED {
        command.env_remove(name);
    }
    let mut child = command
        .spawn()
        .map_err(|fault| format!("cannot be run: {fault}"))?;
    let root = child.id().and_then(process::identify);
    let out = child.stdout.take();
    let answered = timeout(deadline, async { tokio::join!(child.wait(), head(out)) }).await;
    // Whether it has ended or not: what it started may go on.
    for member in root.into_iter().flat_map(tree::tree) {
        signal(member.id, Signal::KILL);
    }
    match answered {
        Err(_) => Err(format!("does not answer within {deadline:?}")),
        Ok((Err(fault), _)) => Err(format!("was not seen to end: {fault}")),
        Ok((Ok(status), _)) if !status.success() => Err(format!("failed ({status})")),
        Ok((Ok(_), text)) => Ok(text),
    }
}

async fn head<R: AsyncRead + Unpin>(pipe: Option<R>) -> String {
    let mut bytes = Vec::new();
    if let Some(pipe) = pipe {
        // A pipe that breaks has said all that it will.
        let _ = pipe.take(MAX_ANSWER).read_to_end(&mut bytes).await;
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
