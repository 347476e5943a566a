//! Asks a session that comes up whether it is ready: its output, a command, or a port.
//!
//! Nothing here touches the session.

use super::probe::{Shown, run_beside};
use crate::files::{self, Links};
use crate::model::{ReadyCheck, ReadyQuestion};
use crate::screen::output::Stripper;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// The longest time for a command.
const COMMAND_DEADLINE: Duration = Duration::from_secs(5);
/// The longest time for a connection.
const PORT_DEADLINE: Duration = Duration::from_millis(500);
/// How much of the newest output of a log file is searched, in bytes.
const SEARCHED: u64 = 4 << 20;
/// How many of the newest log files are searched: one may just have begun.
const SEARCHED_FILES: usize = 2;

/// Asks once. Returns why the probe did not pass; none if it has passed.
///
/// `logs` are the files with the output of the run, in their order. Takes at most five seconds and
/// the time to read them. Dropping it ends a command.
pub async fn check_ready(check: &ReadyCheck, logs: &[PathBuf]) -> Option<String> {
    let question = &check.question;
    let fault = match question {
        ReadyQuestion::Log(text) => search(text, logs).err(),
        ReadyQuestion::Command(argv) => command(check, argv).await.err(),
        ReadyQuestion::Port(port) => connect(*port).await.err(),
    };
    fault.map(|fault| format!("{question} {fault}"))
}

async fn command(check: &ReadyCheck, argv: &[String]) -> Result<(), String> {
    match run_beside(&check.desired, argv, COMMAND_DEADLINE).await {
        Shown::Exited(status, _) if status.success() => Ok(()),
        Shown::Exited(status, _) => Err(format!("fails ({status})")),
        Shown::Failed(why) | Shown::NotRun(why) => Err(format!("fails: {why}")),
    }
}

async fn connect(port: u16) -> Result<(), String> {
    match timeout(
        PORT_DEADLINE,
        TcpStream::connect((Ipv4Addr::LOCALHOST, port)),
    )
    .await
    {
        Ok(Ok(_)) => Ok(()),
        Ok(Err(fault)) if fault.kind() == ErrorKind::ConnectionRefused => Err("refuses".to_owned()),
        Ok(Err(fault)) => Err(format!("fails: {fault}")),
        Err(_) => Err(format!("does not answer within {PORT_DEADLINE:?}")),
    }
}

fn search(text: &str, logs: &[PathBuf]) -> Result<(), String> {
    let mut fault = "has not appeared".to_owned();
    for log in logs.iter().rev().take(SEARCHED_FILES) {
        match has_text(log, text) {
            Ok(true) => return Ok(()),
            Ok(false) => {}
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => fault = format!("cannot be searched: {error}"),
        }
    }
    Err(fault)
}

/// Whether the end of the file has this text, without what only moves the cursor or sets colours.
fn has_text(log: &Path, text: &str) -> io::Result<bool> {
    let mut file = files::open(log, Links::Refuse)?.file;
    let from = file.metadata()?.len().saturating_sub(SEARCHED);
    file.seek(SeekFrom::Start(from))?;
    let mut bytes = Vec::new();
    file.take(SEARCHED).read_to_end(&mut bytes)?;
    let mut stripper = Stripper::new(from);
    stripper.feed(&bytes);
    let has = |shown: &[u8]| String::from_utf8_lossy(shown).contains(text);
    Ok(has(stripper.rows()) || has(stripper.open()))
}
