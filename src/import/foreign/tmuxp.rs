//! A workspace of tmuxp.

use super::yaml::{commands, field, others, text, variables};
use super::{Findings, ForeignProgram, argv, session_name};
use crate::model::SortedMap;
use serde_json::Value;

const KNOWN: [&str; 6] = [
    "session_name",
    "windows",
    "start_directory",
    "environment",
    "shell_command_before",
    "socket_name",
];
const KNOWN_OF_WINDOW: [&str; 5] = [
    "window_name",
    "panes",
    "start_directory",
    "environment",
    "shell_command_before",
];

/// What panes inherit.
#[derive(Clone, Default)]
struct Inherited {
    dir: Option<String>,
    env: SortedMap<String, String>,
    before: Vec<String>,
}

impl Inherited {
    fn with(&self, table: &Value) -> Self {
        let mut env = self.env.clone();
        env.extend(variables(table.get("environment")));
        let mut before = self.before.clone();
        before.extend(commands(table.get("shell_command_before")));
        Self {
            dir: field(table, "start_directory").or_else(|| self.dir.clone()),
            env,
            before,
        }
    }
}

pub(super) fn read(document: &Value) -> Findings {
    let mut found = Findings {
        title: field(document, "session_name"),
        socket: field(document, "socket_name"),
        ..Findings::default()
    };
    for other in others(document, &KNOWN) {
        found.leave(other, "gtctl keeps programs, not layouts or tmux options");
    }
    let of_session = Inherited::default().with(document);
    let windows = document.get("windows").and_then(Value::as_array);
    for (at, window) in windows.into_iter().flatten().enumerate() {
        let name = field(window, "window_name").unwrap_or_else(|| format!("window-{}", at + 1));
        for other in others(window, &KNOWN_OF_WINDOW) {
            found.leave(
                format!("{name}.{other}"),
                "gtctl keeps programs, not layouts or tmux options",
            );
        }
        panes(&mut found, &name, window, &of_session.with(window));
    }
    found
}

fn panes(found: &mut Findings, window: &str, table: &Value, inherited: &Inherited) {
    let Some(panes) = table.get("panes").and_then(Value::as_array) else {
        found.leave(window, "it has no panes");
        return;
    };
    for (at, pane) in panes.iter().enumerate() {
        let session = if panes.len() == 1 {
            window.to_owned()
        } else {
            format!("{window}-{}", at + 1)
        };
        let own = if pane.is_object() {
            inherited.with(pane)
        } else {
            inherited.clone()
        };
        let typed = match pane {
            Value::Object(table) => commands(table.get("shell_command")),
            Value::Array(list) => list.iter().filter_map(text).collect(),
            other => commands(Some(other)),
        };
        let typed: Vec<String> = typed.into_iter().filter(|line| is_command(line)).collect();
        if typed.is_empty() {
            found.leave(session, "an empty shell: gtctl keeps programs");
            continue;
        }
        let lines: Vec<String> = own.before.into_iter().chain(typed).collect();
        found.programs.push(ForeignProgram {
            session: session_name(&session),
            command: argv(&lines.join(" && ")),
            dir: own.dir,
            env: own.env,
            count: 1,
            ..ForeignProgram::default()
        });
    }
}

/// `pane` and `blank` are tmuxp's own words for an empty shell.
fn is_command(line: &str) -> bool {
    !matches!(line.trim(), "" | "pane" | "blank")
}
