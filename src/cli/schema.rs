//! `gtctl schema`: the shapes of what goes in and what comes out.

use super::args::Schema;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use crate::chores;
use crate::manifest;
use crate::render::json;

pub(super) fn run(args: &Schema, terminal: &Terminal) -> Result<Exit, Trouble> {
    if args.name == "town" {
        terminal.print(&manifest::schema_text());
        return Ok(Exit::Done);
    }
    if args.name == "proposals" {
        terminal.print(&chores::schema());
        return Ok(Exit::Done);
    }
    let schemas = json::schemas();
    let Some((_, text)) = schemas.iter().find(|(name, _)| *name == args.name) else {
        let known: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
        return Err(Trouble::new(format!("there is no schema `{}`", args.name))
            .help(format!("known are town, proposals, {}", known.join(", "))));
    };
    terminal.print(text);
    Ok(Exit::Done)
}
