//! The words of an ssh command line, and of the command that runs on the other host.

use crate::model::{HostAddress, HostName, shell_word};
use std::ffi::OsString;
use std::time::Duration;

/// The version of what gtctl on one host asks of gtctl on another. Both must have the same.
pub const PROTOCOL: u32 = 1;
/// The flag that carries it. A gtctl that does not know the flag is older than all protocols.
pub const PROTOCOL_FLAG: &str = "--host-protocol";

/// Runs a program that is also searched where users install it: a shell that ssh starts has a short
/// PATH. It works in whatever shell the user has there.
const RUNNER: &str =
    r#"PATH="$PATH:$HOME/.local/bin:$HOME/.cargo/bin"; export PATH; exec "$0" "$@""#;

/// The longest time that a connection may take, in seconds.
const CONNECT: u64 = 5;

/// ssh with the options that every call has. Without a limit it is for a terminal, and may ask.
pub(super) fn options(ssh: &[String], limit: Option<Duration>) -> Vec<OsString> {
    let mut argv: Vec<OsString> = ssh.iter().map(OsString::from).collect();
    let mut option = |text: String| argv.extend(["-o".into(), text.into()]);
    if let Some(limit) = limit {
        option("BatchMode=yes".to_owned());
        option(format!(
            "ConnectTimeout={}",
            limit.as_secs().clamp(1, CONNECT)
        ));
    }
    // A host that is gone is noticed while a call waits for its answer.
    option("ServerAliveInterval=5".to_owned());
    option("ServerAliveCountMax=2".to_owned());
    argv
}

/// The command for the shell of the other host.
///
/// Every word is quoted, so that a shell there takes it as it is.
pub(super) fn remote_command(name: &HostName, host: &HostAddress, words: &[String]) -> String {
    let protocol = PROTOCOL.to_string();
    let begin = [
        "sh",
        "-c",
        RUNNER,
        &host.gtctl,
        PROTOCOL_FLAG,
        &protocol,
        "--this-host",
        name.as_str(),
        "--on",
        name.as_str(),
        "--file",
        &host.town,
    ];
    let all = begin.into_iter().chain(words.iter().map(String::as_str));
    let quoted: Vec<String> = all.map(shell_word).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reaches_the_program_as_it_is() {
        let name = HostName::new("b").unwrap();
        let host = HostAddress {
            ssh: Some("me@b".to_owned()),
            gtctl: "printf".to_owned(),
            town: "gtctl/acme/town.toml".to_owned(),
        };
        let words = ["nudge", "x", "it's $HOME `id` \\ \"q\"\n!"].map(str::to_owned);
        let command = remote_command(&name, &host, &words);
        let printed = std::process::Command::new("sh")
            .args(["-c", &command.replacen("printf", "echo", 1)])
            .env("HOME", "/home/me")
            .output()
            .unwrap();
        let printed = String::from_utf8(printed.stdout).unwrap();
        assert!(
            printed.starts_with(
                "--host-protocol 1 --this-host b --on b --file gtctl/acme/town.toml nudge x"
            ),
            "{printed}"
        );
        assert!(printed.contains("it's $HOME `id`"), "{printed}");
    }
}
