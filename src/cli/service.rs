//! `gtctl service`: the controller as a service of the user's own.

use super::args::{Global, Install, Service as Verb};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::own::program;
use super::place::Place;
use super::service_ends;
use crate::files::{self, Links};
use crate::model::Period;
use crate::render::json::{ServicePage, VERSION};
use crate::render::service::{self as page, Service};
use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Variables that decide what gtctl finds, and that a service manager does not hand on.
const KEPT: [&str; 4] = ["PATH", "TMUX_TMPDIR", "XDG_CONFIG_HOME", "XDG_STATE_HOME"];
/// Those of gtctl's own that mean a session, not a setting.
const MARKERS: [&str; 5] = [
    "GTCTL_TOWN",
    "GTCTL_SESSION",
    "GTCTL_GENERATION",
    "GTCTL_CRASHES",
    "GTCTL_FILE",
];
/// A controller that hangs is noticed after this long, or after some sleeps of its own where they
/// are long.
const WATCHDOG: Period = Period::from_mins(1);

/// The most of a unit file that is read, in bytes.
pub(super) const MOST_OF_A_UNIT: u64 = 1 << 20;

/// Which service manager.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Manager {
    Systemd,
    Launchd,
}

impl Manager {
    /// The service manager of this system, or launchd where somebody asks for it.
    pub(super) fn here(is_launchd_asked: bool) -> Self {
        if is_launchd_asked || cfg!(target_os = "macos") {
            Self::Launchd
        } else {
            Self::Systemd
        }
    }
}

pub(super) async fn run(
    global: &Global,
    verb: &Verb,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    match verb {
        Verb::Install(args) => install(global, args, terminal),
        Verb::Uninstall(args) => service_ends::run(global, args, terminal).await,
    }
}

fn install(global: &Global, args: &Install, terminal: &Terminal) -> Result<Exit, Trouble> {
    let place = Place::find(global, &args.town, terminal)?;
    let manager = Manager::here(args.launchd);
    let town = place.town.name.as_str();
    let file = file(manager, town)?;
    let text = text(global, &place, manager)?;
    if args.print {
        terminal.print(&text);
        return Ok(Exit::Done);
    }
    let wrote = write(&file, &text, args)?;
    let next = next(manager, town, &file);
    if terminal.is_json() {
        terminal.print_json(&ServicePage {
            version: VERSION,
            kind: "service".to_owned(),
            town: town.to_owned(),
            file: file.display().to_string(),
            wrote,
            next,
        });
    } else {
        let done = if wrote {
            "wrote"
        } else {
            "nothing to do, the file is up to date:"
        };
        terminal.print(&format!(
            "{done} {}\nnext:\n  {}\n",
            file.display(),
            next.join("\n  ")
        ));
    }
    Ok(Exit::Done)
}

/// What the service manager reads.
fn text(global: &Global, place: &Place, manager: Manager) -> Result<String, Trouble> {
    place.refuse_onlooker()?;
    let program =
        program().ok_or_else(|| Trouble::new("cannot determine the path of this program"))?;
    let mut argv = vec![
        utf8(&program)?,
        "reconcile".to_owned(),
        "--watch".to_owned(),
    ];
    argv.extend(["--file".to_owned(), utf8(&place.file.absolute()?)?]);
    if let Some(socket) = &global.socket {
        argv.extend(["--socket".to_owned(), socket.clone()]);
    }
    if global.state_dir.is_some() {
        let state = std::path::absolute(&place.state)
            .map_err(|e| Trouble::new("cannot determine the current directory").because(&e))?;
        argv.extend(["--state-dir".to_owned(), utf8(&state)?]);
    }
    if let Some(here) = &place.town.hosts.here {
        // The host name of the machine may change.
        argv.extend(["--this-host".to_owned(), here.to_string()]);
    }
    argv.extend(global.trust.then(|| "--trust".to_owned()));
    let log = home()?.join(format!("Library/Logs/gtctl-{}.log", place.town.name));
    let service = Service {
        town: place.town.name.as_str(),
        argv: &argv,
        env: &environment(),
        watchdog_seconds: place
            .town
            .resync
            .millis()
            .div_ceil(250)
            .max(WATCHDOG.millis() / 1000),
        log: &utf8(&log)?,
    };
    Ok(match manager {
        Manager::Systemd => page::unit(&service),
        Manager::Launchd => page::plist(&service),
    })
}

fn environment() -> Vec<(String, String)> {
    let is_kept =
        |name: &str| KEPT.contains(&name) || name.starts_with("GTCTL_") && !MARKERS.contains(&name);
    let all = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)));
    let mut kept: Vec<(String, String)> = all.filter(|(name, _)| is_kept(name)).collect();
    kept.sort();
    kept
}

fn utf8(path: &Path) -> Result<String, Trouble> {
    let text = path.to_str().map(str::to_owned);
    text.ok_or_else(|| {
        Trouble::new(format!(
            "{} is not UTF-8 text; the paths of a service must be",
            path.display()
        ))
    })
}

fn home() -> Result<PathBuf, Trouble> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .filter(|home| home.is_absolute());
    home.ok_or_else(|| Trouble::new("there is no home directory").help("set HOME"))
}

/// Where a user's own service lies.
pub(super) fn file(manager: Manager, town: &str) -> Result<PathBuf, Trouble> {
    Ok(match manager {
        Manager::Systemd => {
            let config = std::env::var_os("XDG_CONFIG_HOME")
                .map(PathBuf::from)
                .filter(|path| path.is_absolute());
            let config = config.map_or_else(|| home().map(|home| home.join(".config")), Ok)?;
            config.join("systemd/user").join(page::unit_name(town))
        }
        Manager::Launchd => home()?
            .join("Library/LaunchAgents")
            .join(format!("{}.plist", page::job_label(town))),
    })
}

/// Whether systemd has a service for this town.
pub(super) fn is_installed(town: &str) -> bool {
    file(Manager::Systemd, town).is_ok_and(|file| file.exists())
}

/// Writes it, unless it is there already, or is somebody's own; whether it was written.
fn write(file: &Path, text: &str, args: &Install) -> Result<bool, Trouble> {
    let shown = file.display();
    let fault = |e: std::io::Error| Trouble::new(format!("cannot write {shown}")).because(&e);
    match files::read_text(file, Links::Follow, MOST_OF_A_UNIT) {
        Ok(present) if present == text => return Ok(false),
        Ok(present) if !page::is_as_written(&present) && !args.force => {
            return Err(Trouble::new(format!(
                "{shown} was edited, so gtctl does not overwrite it"
            ))
            .help(
                "compare it with `gtctl service install --print`, or overwrite it with `--force`",
            ));
        }
        Ok(_) => {}
        Err(e) if e.kind() == ErrorKind::NotFound => {}
        Err(e) => return Err(Trouble::new(format!("cannot read {shown}")).because(&e)),
    }
    if let Some(folder) = file.parent() {
        fs::create_dir_all(folder).map_err(fault)?;
    }
    let temporary = file.with_extension(format!("{}.tmp", std::process::id()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true).mode(0o644);
    let written = options
        .open(&temporary)
        .and_then(|mut new| new.write_all(text.as_bytes()));
    written
        .and_then(|()| fs::rename(&temporary, file))
        .map_err(fault)?;
    Ok(true)
}

/// What to type next.
fn next(manager: Manager, town: &str, file: &Path) -> Vec<String> {
    match manager {
        Manager::Systemd => {
            let unit = page::unit_name(town);
            vec![
                "systemctl --user daemon-reload".to_owned(),
                format!("systemctl --user enable --now {unit}    # use restart if it already runs"),
                "loginctl enable-linger    # it then starts at boot, without a login".to_owned(),
                format!("journalctl --user -u {unit} -f"),
                format!(
                    "systemctl --user disable --now {unit}    # stops it; the sessions keep running"
                ),
            ]
        }
        Manager::Launchd => vec![
            format!("launchctl bootstrap gui/$(id -u) '{}'", file.display()),
            format!(
                "launchctl bootout gui/$(id -u)/{}    # stops it; the sessions keep running",
                page::job_label(town)
            ),
        ],
    }
}
