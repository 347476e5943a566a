//! What of gtctl's own environment goes to tmux, and so to agents.
//!
//! A server keeps the environment of its first client for ever and gives it to every session;
//! `show-environment -g` shows it. So a token that the controller needs for itself must not be in
//! it. What an agent needs is declared: `env`, `env_file` or `pass_env`.

use std::ffi::{OsStr, OsString};

/// Variables that are handed on by name: who and where the user is, and what programs need to talk
/// to a terminal.
const BY_NAME: [&str; 20] = [
    "HOME",
    "USER",
    "LOGNAME",
    "SHELL",
    "PATH",
    "LANG",
    "LANGUAGE",
    "TERM",
    "COLORTERM",
    "TZ",
    "TMPDIR",
    "TMUX_TMPDIR",
    // What tmux itself takes over from each client (`update-environment`), beside SSH_ASKPASS and
    // SSH_CONNECTION.
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "KRB5CCNAME",
    "WINDOWID",
    "DBUS_SESSION_BUS_ADDRESS",
];
/// And all whose names begin so: the locale, and the user's folders.
const BY_PREFIX: [&str; 2] = ["LC_", "XDG_"];

/// Whether a variable is handed on.
#[must_use]
pub fn is_passed(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    BY_NAME.contains(&name) || BY_PREFIX.iter().any(|prefix| name.starts_with(prefix))
}

/// Parts of the names of variables that hold secrets, such as `GITHUB_TOKEN` and `OPENAI_API_KEY`.
const OF_SECRETS: [&str; 7] = [
    "TOKEN",
    "SECRET",
    "PASSWORD",
    "PASSWD",
    "API_KEY",
    "ACCESS_KEY",
    "CREDENTIAL",
];

/// Whether a variable looks like a secret by its name. A launcher's commands need more of the
/// environment than an agent that gtctl starts itself, but no secret that is not declared for them:
/// they may start a server that keeps it.
///
/// ```
/// use gtctl::tmux::is_secret;
/// assert!(is_secret("GITHUB_TOKEN".as_ref()) && !is_secret("GOPATH".as_ref()));
/// ```
#[must_use]
pub fn is_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    OF_SECRETS.iter().any(|part| name.contains(part))
}

/// The variables of this process that are handed on.
pub(super) fn passed() -> impl Iterator<Item = (OsString, OsString)> {
    std::env::vars_os().filter(|(name, _)| is_passed(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_known_by_their_names() {
        let is_secret = |name: &str| is_secret(OsStr::new(name));
        assert!(
            [
                "GITHUB_TOKEN",
                "gh_token",
                "AWS_SECRET_ACCESS_KEY",
                "ANTHROPIC_API_KEY"
            ]
            .into_iter()
            .all(is_secret)
        );
        assert!(
            ![
                "PATH",
                "GT_ROOT",
                "KEYBOARD",
                "SSH_AUTH_SOCK",
                "GIT_AUTHOR_NAME"
            ]
            .into_iter()
            .any(is_secret)
        );
    }

    #[test]
    fn tokens_are_not_handed_on() {
        let is_passed = |name: &str| is_passed(OsStr::new(name));
        assert!(
            ["HOME", "PATH", "LC_ALL", "XDG_RUNTIME_DIR", "SSH_AUTH_SOCK"]
                .into_iter()
                .all(is_passed)
        );
        let kept = [
            "GITHUB_TOKEN",
            "ANTHROPIC_API_KEY",
            "TMUX",
            "GTCTL_TOWN",
            "NOTIFY_SOCKET",
            "LD_PRELOAD",
            "HOMER",
        ];
        assert!(!kept.into_iter().any(is_passed));
    }
}
