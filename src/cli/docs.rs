//! `gtctl completions` and `gtctl man`: the command line, told to shells and to readers.

use super::args::{Cli, Completions, Man};
use super::complete;
use super::exit::{Exit, Trouble};
use super::output::Terminal;
use clap::CommandFactory;

pub(super) fn completions(args: &Completions, terminal: &Terminal) -> Result<Exit, Trouble> {
    let script = complete::script(&args.shell.to_string())
        .map_err(|e| Trouble::new("the script cannot be written").because(&e))?;
    terminal.pass(&script);
    Ok(Exit::Done)
}

pub(super) fn man(args: &Man, terminal: &Terminal) -> Result<Exit, Trouble> {
    let mut root = Cli::command();
    root.build();
    let page = match &args.verb {
        None => root,
        Some(verb) => {
            let known = root
                .find_subcommand(verb)
                .filter(|verb| !verb.is_hide_set())
                .cloned();
            let known = known.ok_or_else(|| {
                Trouble::new(format!("there is no verb `{verb}`"))
                    .help("`gtctl help` shows all verbs")
            })?;
            // `man gtctl-apply`, as git's verbs are named.
            known.display_name(format!("gtctl-{verb}"))
        }
    };
    let mut text = Vec::new();
    let rendered = clap_mangen::Man::new(page).render(&mut text);
    rendered.map_err(|e| Trouble::new("the page cannot be written").because(&e))?;
    terminal.pass(&text);
    Ok(Exit::Done)
}
