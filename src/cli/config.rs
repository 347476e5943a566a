//! `gtctl config show`: the manifest as it is in force, with the origin of each value.

use super::args::{ConfigShow, Global, TownArg};
use super::exit::{Exit, Trouble};
use super::manifest::ManifestFile;
use super::output::Terminal;
use super::place::undeclared;
use crate::manifest::Loaded;
use crate::model::SessionName;
use crate::render::{config as page, json};

pub(super) fn show(
    global: &Global,
    args: &ConfigShow,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, &TownArg { town: None });
    let Loaded { town, origins, .. } = file.load(terminal)?;
    let tables = match &args.session {
        None => origins.tables(&town),
        Some(session) => {
            let declared = town.sessions.get(session.as_str());
            let names = town.sessions.keys().map(SessionName::as_str);
            let declared = declared.ok_or_else(|| undeclared(session, &town.name, names))?;
            vec![origins.session_table(declared)]
        }
    };
    if terminal.is_json() {
        terminal.print_json(&json::config(&town.name, &tables));
    } else {
        terminal.print(&page::toml(&tables));
    }
    Ok(Exit::Done)
}
