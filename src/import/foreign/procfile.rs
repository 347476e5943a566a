//! A Procfile, as foreman and heroku read it: `name: command`.

use super::{Findings, ForeignProgram, argv, session_name};

pub(super) fn read(content: &str) -> Findings {
    let mut found = Findings::default();
    for (at, line) in content.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let Some((name, command)) = line.split_once(':') else {
            found.leave(format!("line {}", at + 1), "it is not `name: command`");
            continue;
        };
        if name.trim() == "release" {
            found.leave("release", "it runs once for a deployment, not in a session");
            continue;
        }
        found.programs.push(ForeignProgram {
            session: session_name(name.trim()),
            command: argv(command.trim()),
            count: 1,
            ..ForeignProgram::default()
        });
    }
    if found
        .programs
        .iter()
        .any(|program| program.command.concat().contains("$PORT"))
    {
        found.leave("PORT", "foreman gives each process a port; say it in `env`");
    }
    found
}
