//! Writes the manifest for the programs of other tools.

use super::{ForeignProgram, LeftOut};
use crate::manifest::literal;
use crate::model::client_of;
use std::fmt::Write;

/// The manifest, with what is left out as comments at its end.
pub(super) fn write(
    town: &str,
    socket: Option<&str>,
    programs: &[ForeignProgram],
    left: &[LeftOut],
) -> String {
    let mut text = String::from(
        "# Written by `gtctl import` from files of another tool: read it, then check it with `gtctl diff`.\n\
         # `gtctl apply` starts all of this; stop the other tool's own sessions first.\n\n[town]\n",
    );
    let _ = writeln!(text, "name = {}", string(town));
    if let Some(socket) = socket {
        let _ = writeln!(text, "socket = {}", string(socket));
    }
    for program in programs {
        text.push_str(&session(program));
    }
    if !left.is_empty() {
        text.push_str("\n# Not in this manifest:\n");
    }
    for LeftOut { what, why } in left {
        let _ = writeln!(text, "#   {}: {}", comment(what), comment(why));
    }
    text
}

fn session(program: &ForeignProgram) -> String {
    let ForeignProgram {
        session,
        command,
        dir,
        env,
        env_files,
        after,
        restart,
        stop_grace,
        count,
        is_disabled,
    } = program;
    let mut text = String::from("\n[[session]]\n");
    let mut say = |key: &str, value: String| {
        let _ = writeln!(text, "{key} = {value}");
    };
    if *count > 1 {
        say("name", string(session));
        say("session", string("{name}"));
        say("count", count.to_string());
    } else {
        say("session", string(session));
    }
    if let Some(agent) = client_of(command) {
        say("agent", string(agent));
    }
    say("command", list(command));
    if let Some(dir) = dir {
        say("dir", string(&literal(dir)));
    }
    if !env.is_empty() {
        let pairs: Vec<String> = env
            .iter()
            .map(|(name, value)| format!("{} = {}", string(name), string(&literal(value))))
            .collect();
        say("env", format!("{{ {} }}", pairs.join(", ")));
    }
    match env_files.as_slice() {
        [] => {}
        [file] => say("env_file", string(&literal(file))),
        files => say("env_file", list(files)),
    }
    if !after.is_empty() {
        say("after", list(after));
    }
    if let Some(restart) = restart.filter(|word| *word != "always") {
        say("restart", string(restart));
    }
    if let Some(grace) = stop_grace {
        say("stop_grace", string(grace));
    }
    if *is_disabled {
        say("enabled", "false".to_owned());
    }
    text
}

fn string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

fn list(words: &[String]) -> String {
    let words: Vec<String> = words.iter().map(|word| string(&literal(word))).collect();
    format!("[{}]", words.join(", "))
}

/// A comment stays on its line.
fn comment(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect()
}
