//! Which variables of gtctl's environment other programs get. All lists of names are here.
//!
//! tmux gets only the variables that [`is_passed`] allows. A server keeps the environment of its
//! first client until it ends, and gives it to every session. So a token that only the controller
//! needs must not be in it. An agent gets more variables by `env`, `env_file` or `pass_env`.
//!
//! Every other program gets what its [`Inherit`] allows.

use crate::model::SortedSet;
use std::ffi::OsStr;

/// Variables that no program gets. They describe the place that gtctl runs in. With those of the
/// service manager a program could speak in the controller's name.
const SCRUBBED: [&str; 17] = [
    "TMUX",
    "TMUX_PANE",
    "NOTIFY_SOCKET",
    "WATCHDOG_USEC",
    "WATCHDOG_PID",
    "INVOCATION_ID",
    "JOURNAL_STREAM",
    "SYSTEMD_EXEC_PID",
    "CLAUDECODE",
    "CLAUDE_CODE_ENTRYPOINT",
    "GTCTL_TOWN",
    "GTCTL_SESSION",
    "GTCTL_GENERATION",
    "GTCTL_CRASHES",
    "GTCTL_EPOCH",
    "GTCTL_GUARD",
    "GTCTL_FLEET_HOST",
];

/// Variables that tmux gets: who and where the user is, and what programs need to talk to a
/// terminal.
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
    // tmux takes these from each client (`update-environment`), and SSH_ASKPASS and SSH_CONNECTION.
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "SSH_AUTH_SOCK",
    "SSH_AGENT_PID",
    "KRB5CCNAME",
    "WINDOWID",
    "DBUS_SESSION_BUS_ADDRESS",
];
/// tmux also gets variables whose names begin like this: the locale, and the user's folders.
const BY_PREFIX: [&str; 2] = ["LC_", "XDG_"];

/// Whether tmux gets the variable.
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

/// Whether a variable looks like a secret by its name.
///
/// ```
/// use gtctl::model::environment::is_secret;
/// assert!(is_secret("GITHUB_TOKEN".as_ref()) && !is_secret("GOPATH".as_ref()));
/// ```
#[must_use]
pub fn is_secret(name: &OsStr) -> bool {
    let name = name.to_string_lossy().to_ascii_uppercase();
    OF_SECRETS.iter().any(|part| name.contains(part))
}

/// What a program inherits of gtctl's environment. No program inherits variables that describe the
/// place gtctl runs in, such as `TMUX` and `NOTIFY_SOCKET`.
#[derive(Debug, Clone, Copy)]
pub enum Inherit<'a> {
    /// All other variables. For the commands of `[notify]` and of chores, and for questions to
    /// `gt`.
    Most,
    /// All other variables but `GTCTL_*`. For an agent's own program.
    NotGtctl,
    /// All other variables but `GTCTL_*`, those that say to `gt` who calls it, and those that look
    /// like secrets. For a launcher's commands: they may start a tmux server, which keeps their
    /// environment.
    NoSecret {
        /// The secrets that a session of the town declares in its `pass_env`.
        declared: &'a SortedSet<&'a str>,
    },
}

impl Inherit<'_> {
    /// Whether the program inherits a variable of this name.
    #[must_use]
    pub fn allows(self, name: &OsStr) -> bool {
        let is_scrubbed = SCRUBBED.iter().any(|scrubbed| name == *scrubbed);
        if is_scrubbed {
            return false;
        }
        match self {
            Self::Most => true,
            Self::NotGtctl => !is_gtctls(name),
            Self::NoSecret { declared } => {
                let is_declared = name.to_str().is_some_and(|name| declared.contains(name));
                let is_shared = !is_secret(name) || is_declared;
                is_shared && !is_gtctls(name) && !is_caller_of_gt(name)
            }
        }
    }
}

fn is_gtctls(name: &OsStr) -> bool {
    name.as_encoded_bytes().starts_with(b"GTCTL_")
}

/// Whether the variable says to `gt` who calls it. All variables of `gt` do, except the one that
/// names its tmux server.
fn is_caller_of_gt(name: &OsStr) -> bool {
    let is_gts = name.as_encoded_bytes().starts_with(b"GT_") && name != "GT_TMUX_SOCKET";
    is_gts || name == "BD_ACTOR"
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

    #[test]
    fn no_program_gets_what_tells_of_the_place_of_gtctl() {
        let declared = SortedSet::from(["TMUX", "NOTIFY_SOCKET"]);
        let all = [
            Inherit::Most,
            Inherit::NotGtctl,
            Inherit::NoSecret {
                declared: &declared,
            },
        ];
        for inherit in all {
            for name in SCRUBBED {
                assert!(!inherit.allows(OsStr::new(name)), "{inherit:?}: {name}");
            }
            for name in ["PATH", "HOME", "GT_TMUX_SOCKET", "LD_PRELOAD"] {
                assert!(inherit.allows(OsStr::new(name)), "{inherit:?}: {name}");
            }
        }
    }

    #[test]
    fn each_kind_of_program_gets_its_own_part() {
        let declared = SortedSet::from(["ANTHROPIC_API_KEY", "GT_ROLE"]);
        let no_secret = Inherit::NoSecret {
            declared: &declared,
        };
        // Each name with whether Most, NotGtctl and NoSecret allow it.
        let rows = [
            ("GTCTL_SOCKET", [true, false, false]),
            ("GTCTL_CHORE", [true, false, false]),
            ("GT_ROOT", [true, true, false]),
            ("GT_ROLE", [true, true, false]),
            ("BD_ACTOR", [true, true, false]),
            ("GITHUB_TOKEN", [true, true, false]),
            ("ANTHROPIC_API_KEY", [true, true, true]),
            ("GOPATH", [true, true, true]),
        ];
        for (name, wanted) in rows {
            let found = [Inherit::Most, Inherit::NotGtctl, no_secret]
                .map(|inherit| inherit.allows(OsStr::new(name)));
            assert_eq!(found, wanted, "{name}");
        }
    }
}
