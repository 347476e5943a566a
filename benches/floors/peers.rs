//! What others take for the same, where they are installed; what is not there is left out, and said
//! to be.

use crate::Result;
use crate::measure::{quantile, timed};
use crate::stage::{Stage, session};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Kills of each supervisor's service. Some wait a second before they start one anew.
const ROUNDS: usize = 7;
/// A service that ends sooner than this is broken to some of them.
const SETTLED: Duration = Duration::from_millis(1300);
const PATIENCE: Duration = Duration::from_secs(15);

/// The name of a supervisor, the program that must be there, its configuration for one service, and
/// how to run it.
type Supervisor = (
    &'static str,
    &'static str,
    fn(&Service) -> Result<()>,
    fn(&Service) -> Command,
);

const SUPERVISORS: [Supervisor; 5] = [
    ("runit", "runsv", Service::no_settings, |service| {
        with("runsv", [service.dir.as_path()])
    }),
    ("PM2", "pm2-runtime", Service::no_settings, |service| {
        let mut command = with("pm2-runtime", [service.dir.join("run")]);
        command
            .args(["--interpreter", "none"])
            .env("PM2_HOME", service.dir.join("pm2"));
        command
    }),
    ("s6", "s6-supervise", Service::no_settings, |service| {
        with("s6-supervise", [service.dir.as_path()])
    }),
    (
        "supervisord",
        "supervisord",
        Service::for_supervisord,
        |service| {
            with(
                "supervisord",
                [Path::new("-n"), Path::new("-c"), &service.dir.join("conf")],
            )
        },
    ),
    ("mprocs", "mprocs", Service::for_mprocs, |service| {
        let line = format!(
            "stty cols 80 rows 24; exec mprocs -c {}",
            service.dir.join("conf.yaml").display()
        );
        with(
            "script",
            [Path::new("-qfc"), Path::new(&line), Path::new("/dev/null")],
        )
    }),
];

/// From the death of a service until the next runs, for each supervisor that is installed.
pub(crate) fn respawns() -> Result<Vec<(&'static str, Duration)>> {
    let mut found = Vec::new();
    for (name, program, settings, run) in SUPERVISORS {
        if !is_installed(program) {
            eprintln!("  {name} is not installed: left out");
            continue;
        }
        let service = Service::new(name)?;
        settings(&service)?;
        match service.supervised(run(&service)) {
            Ok(took) => found.push((name, took)),
            Err(fault) => eprintln!("  {name} could not be measured: {fault}"),
        }
    }
    Ok(found)
}

/// The time that those who make tmux sessions from a file take for so many.
pub(crate) fn towns(sessions: usize) -> Result<Vec<(&'static str, Duration)>> {
    let mut found = Vec::new();
    for (name, make) in [
        ("tmuxp", tmuxp as fn(&Stage, usize) -> Result<Duration>),
        ("tmuxinator", tmuxinator),
    ] {
        if !is_installed(name) {
            eprintln!("  {name} is not installed: left out");
            continue;
        }
        let stage = Stage::declared(sessions)?;
        match make(&stage, sessions) {
            Ok(took) if stage.sessions()? == sessions => found.push((name, took)),
            Ok(_) => eprintln!("  {name} made {} of {sessions} sessions", stage.sessions()?),
            Err(fault) => eprintln!("  {name} could not be measured: {fault}"),
        }
    }
    Ok(found)
}

fn tmuxp(stage: &Stage, sessions: usize) -> Result<Duration> {
    let file = |n: usize| stage.dir().join(format!("{n}.yaml"));
    for n in 0..sessions {
        let text = format!(
            "session_name: {}\nstart_directory: /\nwindows:\n- window_shell: sleep 100000\n  panes: [null]\n",
            session(n)
        );
        std::fs::write(file(n), text)?;
    }
    let mut command = with(
        "tmuxp",
        [
            Path::new("load"),
            Path::new("-d"),
            Path::new("-y"),
            Path::new("-S"),
        ],
    );
    command.arg(stage.socket()).args((0..sessions).map(file));
    done(stage, command)
}

fn tmuxinator(stage: &Stage, sessions: usize) -> Result<Duration> {
    let mut script = String::new();
    for n in 0..sessions {
        let (name, file) = (session(n), stage.dir().join(format!("{n}.yml")));
        let socket = stage.socket();
        let text = format!(
            "name: {name}\nroot: /\nsocket_path: {}\nattach: false\nwindows:\n- one: exec sleep 100000\n",
            socket.display()
        );
        std::fs::write(&file, text)?;
        writeln!(script, "tmuxinator start -p '{}' || exit 1", file.display())?;
    }
    done(stage, with("sh", [Path::new("-c"), Path::new(&script)]))
}

fn done(stage: &Stage, mut command: Command) -> Result<Duration> {
    command
        .env("HOME", stage.dir())
        .env("TERM", "xterm")
        .env("EDITOR", "true")
        .env_remove("TMUX");
    timed(|| {
        let output = command.output()?;
        if output.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&output.stderr).into_owned().into())
        }
    })
}

/// A service in a directory of its own, which leaves its pid there.
struct Service {
    dir: PathBuf,
}

impl Service {
    fn new(name: &str) -> Result<Self> {
        let dir = std::env::temp_dir().join(format!("gtctl-bench-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&dir)?;
        let (run, place) = (dir.join("run"), dir.display());
        std::fs::write(
            &run,
            format!(
                "#!/bin/sh\necho $$ >{place}/new && mv {place}/new {place}/pid\nexec sleep 100000\n"
            ),
        )?;
        std::fs::set_permissions(run, std::fs::Permissions::from_mode(0o755))?;
        Ok(Self { dir })
    }

    #[expect(clippy::unnecessary_wraps, reason = "one of several")]
    fn no_settings(&self) -> Result<()> {
        let _ = self;
        Ok(())
    }

    fn for_supervisord(&self) -> Result<()> {
        let text = format!(
            "[supervisord]\nnodaemon=true\nlogfile=/dev/null\nlogfile_maxbytes=0\npidfile={0}/its-pid\n\
             [program:one]\ncommand={0}/run\nautorestart=true\nstdout_logfile=/dev/null\nstderr_logfile=/dev/null\n",
            self.dir.display()
        );
        Ok(std::fs::write(self.dir.join("conf"), text)?)
    }

    fn for_mprocs(&self) -> Result<()> {
        let text = format!(
            "procs:\n  one:\n    cmd: [\"{}/run\"]\n    autorestart: true\n",
            self.dir.display()
        );
        Ok(std::fs::write(self.dir.join("conf.yaml"), text)?)
    }

    /// The median time from its death to its next life.
    fn supervised(&self, mut command: Command) -> Result<Duration> {
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let supervisor = Supervising {
            child: command.spawn()?,
            service: self,
        };
        let mut pid = supervisor.next(None)?;
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            std::thread::sleep(SETTLED);
            let process = process::identify(pid).ok_or("its service has ended")?;
            let begun = Instant::now();
            signal(process, Signal::KILL);
            pid = supervisor.next(Some(pid))?;
            times.push(begun.elapsed());
        }
        Ok(quantile(&times, 0.5))
    }

    fn pid(&self) -> Option<u32> {
        std::fs::read_to_string(self.dir.join("pid"))
            .ok()?
            .trim()
            .parse()
            .ok()
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// A supervisor that runs; ended, with its service, when dropped.
struct Supervising<'a> {
    child: Child,
    service: &'a Service,
}

impl Supervising<'_> {
    /// The service's pid, once it is another.
    fn next(&self, former: Option<u32>) -> Result<u32> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            match self.service.pid() {
                Some(pid) if former != Some(pid) => return Ok(pid),
                _ => std::thread::sleep(Duration::from_micros(50)),
            }
        }
        Err("its service does not come".into())
    }
}

impl Drop for Supervising<'_> {
    fn drop(&mut self) {
        if let Some(supervisor) = process::identify(self.child.id()) {
            signal(supervisor, Signal::TERM);
        }
        std::thread::sleep(Duration::from_millis(500));
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(service) = self.service.pid().and_then(process::identify) {
            signal(service, Signal::KILL);
        }
    }
}

fn with<P: AsRef<std::ffi::OsStr>>(program: &str, args: impl IntoIterator<Item = P>) -> Command {
    let mut command = Command::new(program);
    command.args(args);
    command
}

fn is_installed(program: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}
