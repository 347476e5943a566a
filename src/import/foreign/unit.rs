//! A systemd unit of a service.

use super::{Findings, ForeignProgram, argv, session_name};

/// Settings of `[Service]` that have a place in a manifest, or mean nothing for a session.
const KNOWN: [&str; 13] = [
    "ExecStart",
    "WorkingDirectory",
    "Environment",
    "EnvironmentFile",
    "Restart",
    "TimeoutStopSec",
    "Type",
    "KillMode",
    "NotifyAccess",
    "StandardOutput",
    "StandardError",
    "StandardInput",
    "TTYPath",
];

/// The lines `NAME=VALUE` of a unit, each with its section.
fn settings(content: &str) -> Vec<(String, String, String)> {
    // A line that ends with a backslash goes on in the next one.
    let joined = content.replace("\\\n", " ");
    let mut section = String::new();
    let mut found = Vec::new();
    for line in joined.lines().map(str::trim) {
        if let Some(name) = line
            .strip_prefix('[')
            .and_then(|rest| rest.strip_suffix(']'))
        {
            name.clone_into(&mut section);
        } else if !line.starts_with(['#', ';'])
            && let Some((name, value)) = line.split_once('=')
        {
            found.push((
                section.clone(),
                name.trim().to_owned(),
                value.trim().to_owned(),
            ));
        }
    }
    found
}

pub(super) fn read(name: &str, content: &str) -> Findings {
    let mut found = Findings::default();
    let mut program = ForeignProgram {
        session: session_name(name),
        // systemd restarts nothing by itself.
        restart: Some("never"),
        count: 1,
        ..ForeignProgram::default()
    };
    for (section, setting, value) in settings(content) {
        match (section.as_str(), setting.as_str()) {
            ("Service", setting) => of_service(&mut program, &mut found, setting, &value),
            ("Unit", "After" | "Requires" | "Wants" | "BindsTo") => {
                let services = value.split_whitespace();
                let names = services.filter_map(|unit| unit.strip_suffix(".service"));
                for name in names.map(session_name) {
                    if !program.after.contains(&name) {
                        program.after.push(name);
                    }
                }
            }
            _ => {}
        }
    }
    if value_has_specifier(&program) {
        found.leave(
            "specifiers",
            "`%…` of systemd means nothing here: write what it stands for",
        );
    }
    if program.command.is_empty() {
        found.leave("ExecStart", "it has no command");
    } else {
        found.programs.push(program);
    }
    found
}

fn of_service(program: &mut ForeignProgram, found: &mut Findings, setting: &str, value: &str) {
    match setting {
        "ExecStart" if program.command.is_empty() => {
            program.command = argv(&home(value.trim_start_matches(['-', '@', ':', '+', '!'])));
        }
        "WorkingDirectory" => program.dir = Some(home(value.trim_start_matches('-'))),
        "Environment" => {
            let pairs = shlex::split(value).unwrap_or_default();
            let pairs = pairs.iter().filter_map(|pair| pair.split_once('='));
            program
                .env
                .extend(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())));
        }
        "EnvironmentFile" => program.env_files.push(home(value.trim_start_matches('-'))),
        "Restart" => {
            program.restart = Some(match value {
                "always" | "on-success" => "always",
                "on-failure" | "on-abnormal" | "on-abort" | "on-watchdog" => "on-failure",
                _ => "never",
            });
        }
        "TimeoutStopSec" => {
            let is_number = value.chars().all(|c| c.is_ascii_digit());
            program.stop_grace = Some(if is_number {
                format!("{value}s")
            } else {
                value.to_owned()
            });
        }
        "RestartSec" => {
            found.leave(
                setting,
                "`backoff` in the manifest sets the delays between restarts",
            );
        }
        "User" | "Group" | "DynamicUser" => {
            found.leave(setting, "all sessions run as the user of the tmux server");
        }
        "ExecStartPre" | "ExecStartPost" | "ExecStop" | "ExecStopPost" | "ExecReload" => {
            found.leave(setting, "gtctl runs one command for each session");
        }
        "ExecStart" => found.leave(setting, "gtctl runs one command for each session"),
        _ if KNOWN.contains(&setting) => {}
        _ => found.leave(setting, "gtctl has no such setting"),
    }
}

/// `%h` is the home.
fn home(text: &str) -> String {
    text.replace("%h", "~")
}

fn value_has_specifier(program: &ForeignProgram) -> bool {
    let texts = program
        .command
        .iter()
        .chain(&program.dir)
        .chain(program.env.values());
    texts.into_iter().any(|text| {
        let mut letters = text.split('%').skip(1);
        letters.any(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()))
    })
}
