//! What the end of an ssh means. Pure.

use super::{PROTOCOL_FLAG, RemoteReply};
use crate::model::{Period, Unreached};
use crate::proc::child::{Ending, Ran};
use std::time::Duration;

/// ssh's own exit code for a failed connection. gtctl never has it.
const SSH_FAILED: i32 = 255;
/// A shell's exit codes for a program that is not there or cannot be run.
const NOT_RUN: [i32; 2] = [126, 127];
/// gtctl's exit code for a command line that it does not understand.
const USAGE: i32 = 64;
/// The longest complaint that is handed on, in characters.
const LONG: usize = 300;

/// What ssh says where it would have to ask for a password.
const ASKS: [&str; 3] = [
    "permission denied",
    "too many authentication failures",
    "no more authentication methods",
];
/// What ssh says of a key of a host that it does not trust.
const DISTRUSTS: [&str; 2] = [
    "host key verification failed",
    "remote host identification has changed",
];

/// The answer, or why there is none.
pub(super) fn judge(ran: &Ran, limit: Duration) -> Result<RemoteReply, Unreached> {
    let err = ran.err.text();
    let said = || complaint(&err);
    match &ran.ending {
        Ending::Exited(status) => match status.code() {
            Some(SSH_FAILED) => Err(of_connection(&err)),
            Some(code) if NOT_RUN.contains(&code) => Err(Unreached::NoGtctl(said())),
            Some(USAGE) if err.contains(PROTOCOL_FLAG) => {
                Err(Unreached::OtherVersion(of_usage(&err)))
            }
            Some(code) => {
                let whole = ran.out.whole();
                let out = whole.ok_or_else(|| Unreached::BadAnswer("it is too long".to_owned()))?;
                Ok(RemoteReply {
                    code: u8::try_from(code).unwrap_or(u8::MAX),
                    out,
                    err,
                    took: Period::ZERO,
                })
            }
            None => Err(Unreached::NoConnection(
                "ssh was ended by a signal".to_owned(),
            )),
        },
        Ending::TimedOut => {
            let limit = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
            Err(Unreached::Slow(Period::from_millis(limit)))
        }
        Ending::Flooded => Err(Unreached::BadAnswer("it is too long".to_owned())),
        Ending::NotStarted(fault) | Ending::Lost(fault) => Err(Unreached::NoSsh(fault.to_string())),
        Ending::Cancelled => Err(Unreached::NoConnection("ssh was ended".to_owned())),
    }
}

fn of_connection(err: &str) -> Unreached {
    let words = err.to_lowercase();
    let has = |phrases: &[&str]| phrases.iter().any(|phrase| words.contains(phrase));
    let said = complaint(err);
    if has(&DISTRUSTS) {
        Unreached::UnknownKey(said)
    } else if has(&ASKS) {
        Unreached::AsksPassword(said)
    } else {
        Unreached::NoConnection(said)
    }
}

/// The first line of a complaint about the command line; the last ones are help.
fn of_usage(err: &str) -> String {
    let line = err.lines().map(str::trim).find(|line| !line.is_empty());
    let line = line.unwrap_or_default();
    line.chars().take(LONG).collect()
}

/// The last line that is no chatter of a shared connection.
fn complaint(err: &str) -> String {
    let is_said = |line: &&str| !line.is_empty() && !line.starts_with("mux_client");
    let last = err.lines().map(str::trim).rfind(is_said);
    let last = last.unwrap_or("ssh said nothing");
    last.chars().take(LONG).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_ssh_says_tells_what_is_wrong() {
        let cases = [
            (
                "me@b: Permission denied (publickey,password).\r\n",
                "asks-password",
            ),
            ("Host key verification failed.\n", "unknown-key"),
            (
                "ssh: connect to host b port 22: Connection refused\n",
                "unreachable",
            ),
            ("", "unreachable"),
        ];
        for (err, code) in cases {
            assert_eq!(of_connection(err).code(), code, "{err}");
        }
        assert_eq!(
            complaint("ssh: it is gone\nmux_client_hello_exchange\n\n"),
            "ssh: it is gone"
        );
    }
}
