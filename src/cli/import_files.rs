//! `gtctl import FILE…`: a manifest from files of other tools.

use super::args::Import;
use super::exit::{Exit, Trouble};
use super::import::{next, write};
use super::manifest::ManifestFile;
use super::output::Terminal;
use crate::files::{self, Links};
use crate::import::{Conversion, convert};
use crate::proc::clock;
use crate::render::{import as page, json};
use std::path::{Path, PathBuf};

/// The most of one file that is read, in bytes.
const READ_LIMIT: u64 = 1 << 20;

pub(super) fn run(
    file: &ManifestFile,
    to_stdout: bool,
    args: &Import,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let texts: Vec<(&PathBuf, String)> = args.files.iter().map(read).collect::<Result<_, _>>()?;
    let texts: Vec<(&Path, &str)> = texts
        .iter()
        .map(|(path, text)| (path.as_path(), text.as_str()))
        .collect();
    let conversion: Conversion = convert(args.name.as_deref(), &texts).map_err(|why| {
        Trouble::new(why).help("`gtctl import` without a file drafts from what runs in tmux")
    })?;
    if to_stdout && !terminal.is_json() {
        terminal.print(&conversion.text);
        return Ok(Exit::Done);
    }
    if !to_stdout {
        write(&file.path, &conversion.text)?;
    }
    let next = next(&file.path);
    if terminal.is_json() {
        let written = (!to_stdout).then(|| file.path.display().to_string());
        terminal.print_json(&json::import_of_files(&conversion, written, next));
        return Ok(Exit::Done);
    }
    terminal.print(&page::page_of_files(
        &conversion,
        &terminal.paper(clock::now()),
    ));
    terminal.print(&format!("wrote {}; next: {next}\n", file.path.display()));
    Ok(Exit::Done)
}

fn read(path: &PathBuf) -> Result<(&PathBuf, String), Trouble> {
    let text = files::read_text(path, Links::Follow, READ_LIMIT)
        .map_err(|e| Trouble::new(format!("cannot read {}", path.display())).because(&e))?;
    Ok((path, text))
}
