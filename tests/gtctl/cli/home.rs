//! A command line as a user has it: the real binary, a clean environment, a home of its own, and
//! no tmux server.

use crate::harness::{AT_ONCE, Scratch};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};
use std::time::Instant;

/// A small town that is in order.
pub(super) const TOWN: &str =
    "[town]\nname = \"acme\"\n\n[[session]]\nsession = \"a\"\ncommand = [\"sleep\", \"1000\"]\n";

/// An empty home, a folder to work in, and a socket on which nothing listens.
pub(super) struct Home(pub(super) Scratch);

/// What a run of gtctl came to.
#[derive(Debug)]
pub(super) struct Ran {
    pub(super) code: i32,
    pub(super) out: String,
    pub(super) err: String,
}

impl Home {
    pub(super) fn new() -> Self {
        let scratch = Scratch::new();
        for folder in ["home", "work"] {
            fs::create_dir(scratch.path().join(folder)).unwrap();
        }
        Self(scratch)
    }

    /// With this town.toml.
    pub(super) fn with(town: impl AsRef<[u8]>) -> Self {
        let home = Self::new();
        home.write("town.toml", town);
        home
    }

    pub(super) fn work(&self) -> PathBuf {
        self.0.path().join("work")
    }

    pub(super) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.work().join(name);
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o644)).unwrap();
    }

    pub(super) fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gtctl"));
        let home = self.0.path().join("home");
        command
            .args(args)
            .current_dir(self.work())
            .env_clear()
            .stdin(Stdio::null());
        command
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("COLUMNS", "100")
            .env("TZ", "UTC");
        command
            .env("HOME", &home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"));
        command.env("GTCTL_SOCKET", self.0.socket());
        command
    }

    pub(super) fn run(&self, args: &[&str]) -> Ran {
        Ran::of(self.command(args))
    }

    pub(super) fn run_with(&self, variables: &[(&str, &str)], args: &[&str]) -> Ran {
        let mut command = self.command(args);
        command.envs(variables.iter().copied());
        Ran::of(command)
    }

    /// Every fault of town.toml as `code line:column text`, from the JSON.
    pub(super) fn faults(&self) -> Vec<String> {
        let ran = self.run(&["validate", "--message-format", "json"]);
        assert_eq!((ran.code, ran.out.as_str()), (1, ""), "{}", ran.err);
        let text = fs::read_to_string(self.work().join("town.toml")).unwrap();
        let document: Value = serde_json::from_str(&ran.err).unwrap();
        let place = |origin: &Value| {
            let offset = |key: &str| usize::try_from(origin[key].as_u64().unwrap()).unwrap();
            let underlined: String = text[offset("start")..offset("end")]
                .chars()
                .take(24)
                .collect();
            format!("{}:{} {underlined}", origin["line"], origin["column"])
        };
        let faults = document["faults"].as_array().unwrap().iter();
        faults
            .map(|fault| {
                format!(
                    "{} {}",
                    fault["code"].as_str().unwrap(),
                    place(&fault["origin"])
                )
            })
            .collect()
    }
}

impl Ran {
    pub(super) fn of(mut command: Command) -> Self {
        let begun = Instant::now();
        let Output {
            status,
            stdout,
            stderr,
        } = command.output().unwrap();
        assert!(
            begun.elapsed() < AT_ONCE,
            "{command:?} took {:?}",
            begun.elapsed()
        );
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ran = Self {
            code: status.code().expect("no signal"),
            out: text(stdout),
            err: text(stderr),
        };
        assert!(
            !ran.out.contains('\x1b') && !ran.err.contains('\x1b'),
            "an escape: {ran:?}"
        );
        assert!(!ran.err.contains("panicked"), "{ran:?}");
        ran
    }

    /// The end, and the first line of what was said on standard error.
    #[track_caller]
    pub(super) fn fails(&self, code: i32, err: &str) {
        assert_eq!((self.code, self.out.as_str()), (code, ""), "{self:?}");
        assert!(self.err.contains(err), "no `{err}` in {}", self.err);
    }
}
