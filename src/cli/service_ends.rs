//! `gtctl service uninstall`: stops the service and removes its file. Sessions keep running.

use super::args::{Global, Uninstall};
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use super::place::Place;
use super::service::{MOST_OF_A_UNIT, Manager, file};
use crate::files::{self, Links};
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::proc::child::{Bound, Leftovers, Spec, Stream, run as run_child, words};
use crate::render::json::{ServicePage, VERSION};
use crate::render::service as page;
use std::fs;
use std::io::ErrorKind;
use std::path::Path;
use std::time::Duration;

/// How long the service manager may take: a controller has a minute to finish its steps.
const PATIENCE: Duration = Duration::from_secs(75);
/// The most bytes of the manager's own words that are shown.
const SAID: usize = 1 << 10;

pub(super) async fn run(
    global: &Global,
    args: &Uninstall,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let place = Place::find_or_last_good(global, &args.town, terminal)?;
    let manager = Manager::here(args.launchd);
    let town = place.town.name.as_str();
    let file = file(manager, town)?;
    let is_there = may_remove(&file, args.force)?;
    if is_there {
        for call in calls_before(manager, town) {
            ask_manager(&call, terminal).await;
        }
        fs::remove_file(&file)
            .map_err(|e| Trouble::new(format!("cannot remove {}", file.display())).because(&e))?;
        for call in calls_after(manager) {
            ask_manager(&call, terminal).await;
        }
    }
    let next = ["gtctl down    # stops the sessions, too".to_owned()];
    if terminal.is_json() {
        terminal.print_json(&ServicePage {
            version: VERSION,
            kind: "service".to_owned(),
            town: town.to_owned(),
            file: file.display().to_string(),
            wrote: is_there,
            next: next.into(),
        });
    } else if is_there {
        let [down] = next;
        terminal.print(&format!(
            "removed {}; the sessions keep running\nnext:\n  {down}\n",
            file.display()
        ));
    } else {
        terminal.print(&format!("nothing to do, there is no {}\n", file.display()));
    }
    Ok(Exit::Done)
}

/// Whether there is a file to remove.
///
/// # Errors
/// A file that somebody has edited, where nobody forces it.
fn may_remove(file: &Path, force: bool) -> Result<bool, Trouble> {
    let shown = file.display();
    match files::read_text(file, Links::Follow, MOST_OF_A_UNIT) {
        Ok(text) if page::is_as_written(&text) || force => Ok(true),
        Ok(_) => Err(
            Trouble::new(format!("{shown} was edited, so gtctl does not remove it"))
                .help("remove it with `--force`"),
        ),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
        Err(e) => Err(Trouble::new(format!("cannot read {shown}")).because(&e)),
    }
}

/// What stops the service. The manager knows it as long as its file is there.
fn calls_before(manager: Manager, town: &str) -> Vec<Vec<String>> {
    let call = match manager {
        Manager::Systemd => vec![
            "systemctl".to_owned(),
            "--user".to_owned(),
            "disable".to_owned(),
            "--now".to_owned(),
            page::unit_name(town),
        ],
        Manager::Launchd => {
            let domain = format!(
                "gui/{}/{}",
                rustix::process::getuid().as_raw(),
                page::job_label(town)
            );
            vec!["launchctl".to_owned(), "bootout".to_owned(), domain]
        }
    };
    vec![call]
}

fn calls_after(manager: Manager) -> Vec<Vec<String>> {
    match manager {
        Manager::Systemd => vec![
            ["systemctl", "--user", "daemon-reload"]
                .map(str::to_owned)
                .into(),
        ],
        Manager::Launchd => Vec::new(),
    }
}

/// Runs a command of the service manager. Without a manager the file is removed all the same.
async fn ask_manager(call: &[String], terminal: &Terminal) {
    let ran = run_child(&Spec {
        argv: words(call),
        dir: "/".as_ref(),
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: "",
        out: Stream::Null,
        err: Stream::Kept(Bound::head(SAID)),
        limit: PATIENCE,
        leftovers: Leftovers::Stay,
    })
    .await;
    if !ran.is_well() {
        let said = ran.err.text();
        let why = said.lines().next().unwrap_or("it cannot be run");
        terminal.warn(&format!("`{}`: {why}", call.join(" ")));
    }
}
