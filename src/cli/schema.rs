//! `gtctl schema`: the shapes of what goes in and what comes out.

use super::args::Schema;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use crate::chores;
use crate::manifest;
use crate::render::json;

pub(super) fn run(args: &Schema, terminal: &Terminal) -> Result<Exit, Trouble> {
    if args.name == "town" {
        terminal.print(manifest::schema_text());
        return Ok(Exit::Done);
    }
    if args.name == "proposals" {
        terminal.print(chores::schema());
        return Ok(Exit::Done);
    }
    let schemas = json::SCHEMAS;
    let Some((_, text)) = schemas.iter().find(|(name, _)| *name == args.name) else {
        let known: Vec<&str> = schemas.iter().map(|(name, _)| *name).collect();
        return Err(Trouble::new(format!("there is no schema `{}`", args.name))
            .help(format!("known are town, proposals, {}", known.join(", "))));
    };
    terminal.print(text);
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// The schemas that ship, and as the types have them.
    fn schemas() -> Vec<(&'static str, &'static str, String)> {
        let town = format!("{:#}\n", manifest::made::schema());
        let mut schemas = vec![
            ("town", manifest::schema_text(), town),
            ("proposals", chores::schema(), chores::made_schema()),
        ];
        let pages = json::SCHEMAS.into_iter().zip(json::made_schemas());
        schemas.extend(pages.map(|((name, shipped), made)| (name, shipped, made)));
        schemas
    }

    #[test]
    fn schemas_are_made_from_the_types() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schema");
        for (name, shipped, made) in schemas() {
            if std::env::var_os("GTCTL_BLESS").is_some() {
                std::fs::write(folder.join(format!("{name}.schema.json")), &made).unwrap();
            } else {
                assert_eq!(shipped, made, "{name}: GTCTL_BLESS=1 writes it");
            }
        }
    }
}
