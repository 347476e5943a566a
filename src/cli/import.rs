//! `gtctl import`: a manifest for what already runs. Touches no session, and no file but the one
//! that it writes.

use super::args::{Global, Import};
use super::exit::{Exit, Trouble};
use super::import_files;
use super::manifest::{ManifestFile, print_faults};
use super::output::Terminal;
use super::states::state_of;
use super::town_server::find_server;
use crate::controller::{Survey, survey};
use crate::gastown::{self, Files, parse_name};
use crate::import::{self, Draft, Ground, draft, recipes};
use crate::manifest::Loaded;
use crate::model::SortedMap;
use crate::model::{Action, Gastown, Inhabitant, Orders, Period, Plan, SessionName, Socket, Verb};
use crate::observe::population;
use crate::proc::clock;
use crate::render::{import as page, json, words};
use crate::store::{Automonitor, View};
use crate::tmux::Client;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// How often what would not be adopted is taken out and the rest looked at again.
const ROUNDS: usize = 3;
/// What a root is known by.
const MARKER: &str = "mayor/town.json";

pub(super) async fn run(
    global: &Global,
    args: &Import,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let file = ManifestFile::to_write(global);
    let to_stdout = file.path.as_os_str() == "-";
    if !to_stdout && !args.force && file.path.symlink_metadata().is_ok() {
        return Err(Trouble::new(format!(
            "{} already exists; gtctl does not overwrite it",
            file.path.display()
        ))
        .help("`--force` replaces it; `--file` names another file; `-f -` only prints"));
    }
    if !args.files.is_empty() {
        return import_files::run(&file, to_stdout, args, terminal);
    }
    let site = Site::find(global, args, &file).await?;
    site.files
        .notices
        .iter()
        .for_each(|notice| terminal.warn(notice));
    let draft = site.draft(&file, terminal).await?;
    if to_stdout && !terminal.is_json() {
        terminal.print(&draft.text);
        return Ok(Exit::Done);
    }
    if !to_stdout {
        write(&file.path, &draft.text)?;
        site.tell_of_old_loop(terminal);
    }
    let next = next(&file.path);
    if terminal.is_json() {
        let written = (!to_stdout).then(|| file.path.display().to_string());
        terminal.print_json(&json::import(&draft, written, next));
        return Ok(Exit::Done);
    }
    terminal.print(&page::page(&draft, &terminal.paper(clock::now())));
    terminal.print(&format!("wrote {}; next: {next}\n", file.path.display()));
    Ok(Exit::Done)
}

/// The command that shows what the manifest would do.
pub(super) fn next(file: &Path) -> String {
    if file == Path::new("town.toml") || file == Path::new("-") {
        return "gtctl diff".to_owned();
    }
    let file = words::shell(&[file.to_string_lossy().into_owned()]);
    format!("gtctl -f {file} diff")
}

/// What there is to move into.
struct Site {
    town: SessionName,
    root: Option<PathBuf>,
    home: Option<PathBuf>,
    dir: PathBuf,
    socket: Socket,
    client: Client,
    files: Files,
    population: Vec<Inhabitant>,
    state: View,
}

impl Site {
    async fn find(global: &Global, args: &Import, file: &ManifestFile) -> Result<Self, Trouble> {
        let home = std::env::var_os("HOME")
            .map(PathBuf::from)
            .filter(|home| home.is_absolute());
        let root = root(args.root.as_deref(), home.as_deref())?;
        let files = root.as_deref().map(gastown::read).unwrap_or_default();
        let town = town_name(args.name.as_deref(), &files, root.as_deref())?;
        let socket = server(global, root.as_deref(), &files)?;
        let client = Client::new(&socket);
        let found = population(&client).await;
        let population =
            found.map_err(|why| Trouble::new(format!("tmux could not be asked: {why}")))?;
        if population.is_empty() {
            return Err(Trouble::new(format!(
                "no session runs on the tmux server `{}`",
                words::tmux(&socket)
            ))
            .help("name the server with `--socket`, or run `gtctl init` for a new town"));
        }
        let dir = file
            .absolute()?
            .parent()
            .unwrap_or(Path::new("/"))
            .to_path_buf();
        let state = View::of(state_of(global, &town, root.as_deref())?);
        Ok(Self {
            town,
            root,
            home,
            dir,
            socket,
            client,
            files,
            population,
            state,
        })
    }

    /// The manifest by which adopting is all there is to do.
    async fn draft(&self, file: &ManifestFile, terminal: &Terminal) -> Result<Draft, Trouble> {
        let now = clock::now();
        let loaded = self.state.load(now)?;
        loaded
            .notices
            .iter()
            .for_each(|notice| terminal.warn(notice));
        let handed = loaded.memory.sessions.iter();
        let handoffs: SortedMap<String, Period> = handed
            .filter_map(|(name, history)| Some((name.to_string(), now.since(&history.handoff?))))
            .collect();
        let recipes = recipes(&self.files.settings);
        let automonitor = self
            .state
            .automonitor()
            .or_else(|| self.old_loop().map(|_| Automonitor::default()));
        let mut unfit = SortedMap::new();
        let mut rounds = 0;
        loop {
            rounds += 1;
            let draft = draft(&Ground {
                town: self.town.as_str(),
                root: self.root.as_deref(),
                home: self.home.as_deref(),
                dir: &self.dir,
                socket: &self.socket,
                files: &self.files,
                population: &self.population,
                recipes: &recipes,
                handoffs: &handoffs,
                automonitor,
                unfit: &unfit,
            });
            let misfits = self.misfits(file, &draft, terminal).await?;
            if misfits.is_empty() || rounds > ROUNDS {
                return Ok(draft);
            }
            unfit.extend(misfits);
        }
    }

    /// The sessions to which more than a label would come by the draft, and what.
    async fn misfits(
        &self,
        file: &ManifestFile,
        draft: &Draft,
        terminal: &Terminal,
    ) -> Result<SortedMap<String, String>, Trouble> {
        let Loaded { town, .. } = file.resolve(&draft.text)?.map_err(|faults| {
            print_faults(&faults, terminal);
            Trouble::new("the manifest that was written has errors")
                .help("please report this, with the errors above")
        })?;
        let memory = self.state.load(clock::now())?.memory;
        let looked = survey(&self.client, &town, &self.state, memory, Orders::default()).await;
        let Survey { plan, .. } = looked;
        Ok(beyond_adoption(&plan))
    }

    /// The session in which the loop runs that gtctl replaces.
    fn old_loop(&self) -> Option<&Inhabitant> {
        self.population
            .iter()
            .find(|inhabitant| import::is_automonitor(inhabitant))
    }

    /// How to stop the loop that gtctl replaces, where it still runs, and what else would be a
    /// second master.
    fn tell_of_old_loop(&self, terminal: &Terminal) {
        if let Some(inhabitant) = self.old_loop() {
            let target = words::shell(&[format!("={}:", inhabitant.name)]);
            let tmux = words::tmux(&self.socket);
            terminal.warn(&format!(
                "the automonitor still runs in session {}: when `gtctl diff` shows what you want, stop it with `{tmux} \
                 kill-session -t {target}`, then run `gtctl apply`",
                inhabitant.name
            ));
        }
        if self.files.standing.gastown.daemon {
            let roles = Gastown::SUPERVISED.join(", ");
            terminal.note(&format!(
                "gt's daemon runs and controls {roles} too; `gt daemon stop` leaves them to gtctl"
            ));
        }
    }
}

/// What a plan has for sessions beside adopting them.
fn beyond_adoption(plan: &Plan) -> SortedMap<String, String> {
    let is_more = |action: &Action| action.verb() != Verb::Adopt;
    let steps = plan.steps.iter().filter(|step| is_more(&step.action));
    let steps = steps.map(|step| (step.session.to_string(), words::reason(&step.reason)));
    let held = plan
        .held
        .iter()
        .map(|held| (held.session.to_string(), words::obstacle(&held.hold)));
    steps.chain(held).collect()
}

/// The root: the one that was named, else the first that is one of the present directory, those
/// above it, and `~/gt`.
fn root(named: Option<&Path>, home: Option<&Path>) -> Result<Option<PathBuf>, Trouble> {
    if let Some(named) = named {
        let root = std::path::absolute(named)
            .map_err(|e| Trouble::new("cannot determine the current directory").because(&e))?;
        return if root.join(MARKER).is_file() {
            Ok(Some(root))
        } else {
            Err(Trouble::new(format!(
                "{} is not a Gas Town root: it has no {MARKER}",
                root.display()
            ))
            .help("name the directory that `gt install` made, or leave --root out"))
        };
    }
    let here = std::env::current_dir().unwrap_or_default();
    let usual = home.map(|home| home.join("gt"));
    let candidates = here.ancestors().map(Path::to_path_buf).chain(usual);
    Ok(candidates
        .into_iter()
        .find(|root| root.join(MARKER).is_file()))
}

/// The town's name: as given, as Gas Town has it, or that of its directory.
fn town_name(
    given: Option<&str>,
    files: &Files,
    root: Option<&Path>,
) -> Result<SessionName, Trouble> {
    if let Some(given) = given {
        return SessionName::new(given).map_err(|fault| {
            Trouble::new(format!("the town name `{given}` is not valid: {fault}"))
                .help("use letters, digits, `_` and `-`, beginning with a letter or a digit")
        });
    }
    let of_dir = root
        .and_then(Path::file_name)
        .map(|name| name.to_string_lossy().into_owned());
    let own = files
        .town
        .clone()
        .filter(|name| !name.is_empty())
        .or(of_dir);
    let clean = |text: String| {
        let known = text.chars().map(|c| {
            if c.is_ascii_alphanumeric() || c == '_' {
                c
            } else {
                '-'
            }
        });
        known
            .collect::<String>()
            .trim_matches(|c| c == '-' || c == '_')
            .chars()
            .take(64)
            .collect::<String>()
    };
    let found = own
        .map(clean)
        .and_then(|name| SessionName::new(&name).ok())
        .or_else(|| SessionName::new("town").ok());
    found.ok_or_else(|| Trouble::new("the town has no name").help("give it one with --name"))
}

/// The server to look at: as told, the one on which gt has the town, or the user's own.
fn server(global: &Global, root: Option<&Path>, files: &Files) -> Result<Socket, Trouble> {
    let told = global
        .socket
        .clone()
        .or_else(|| std::env::var("GTCTL_SOCKET").ok());
    match (told.as_deref(), root) {
        (Some("gastown") | None, Some(root)) => find_server(root, None, |row| {
            parse_name(&row.name, &files.rigs).is_some()
        }),
        (Some("gastown"), None) => Err(Trouble::new(
            "gtctl needs the root to find Gas Town's tmux server",
        )
        .help("name the root with --root, or the server with --socket")),
        (Some("default") | None, _) => Ok(Socket::Default),
        (Some(path), _) if Path::new(path).is_absolute() => Ok(Socket::Path(path.into())),
        (Some(name), _) if SessionName::new(name).is_ok() => Ok(Socket::Name(name.to_owned())),
        (Some(other), _) => Err(Trouble::new(format!(
            "`{other}` is neither a name nor an absolute path"
        ))
        .help("write \"default\", a name such as \"acme\", or a path that begins with `/`")),
    }
}

/// Writes the manifest in one go; only its owner may change it, or it would not be believed.
pub(super) fn write(path: &Path, text: &str) -> Result<(), Trouble> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let temporary = PathBuf::from(name);
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        .open(&temporary)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&temporary, path));
    written.map_err(|e| {
        let _ = std::fs::remove_file(&temporary);
        Trouble::new(format!("cannot write {}", path.display()))
            .because(&e)
            .help("write elsewhere with --file")
    })
}
