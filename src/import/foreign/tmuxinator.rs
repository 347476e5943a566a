//! A project of tmuxinator.

use super::yaml::{commands, field, others, text};
use super::{Findings, ForeignProgram, argv, session_name};
use serde_json::Value;

const KNOWN: [&str; 9] = [
    "name",
    "project_name",
    "root",
    "project_root",
    "socket_name",
    "windows",
    "tabs",
    "pre_window",
    "pre_tab",
];

pub(super) fn read(document: &Value) -> Findings {
    let either = |one: &str, other: &str| field(document, one).or_else(|| field(document, other));
    let mut found = Findings {
        title: either("name", "project_name"),
        socket: field(document, "socket_name"),
        ..Findings::default()
    };
    for other in others(document, &KNOWN) {
        let why = if other.starts_with("on_project") || other == "pre" || other == "post" {
            "a hook of the project: a chore can run a command"
        } else {
            "gtctl keeps programs, not layouts or tmux options"
        };
        found.leave(other, why);
    }
    let root = either("root", "project_root");
    let mut before = commands(document.get("pre_window"));
    before.extend(commands(document.get("pre_tab")));
    let windows = document
        .get("windows")
        .or(document.get("tabs"))
        .and_then(Value::as_array);
    for window in windows.into_iter().flatten() {
        for (name, content) in window.as_object().into_iter().flatten() {
            let of_window = Window {
                name,
                root: root.as_deref(),
                before: &before,
            };
            of_window.read(&mut found, content);
        }
        if let Some(name) = window.as_str() {
            found.leave(name, "an empty shell: gtctl keeps programs");
        }
    }
    found
}

struct Window<'a> {
    name: &'a str,
    root: Option<&'a str>,
    /// What tmuxinator types first into every pane.
    before: &'a [String],
}

impl Window<'_> {
    fn read(&self, found: &mut Findings, content: &Value) {
        let Value::Object(table) = content else {
            return self.pane(found, self.name.to_owned(), content, (&[], self.root));
        };
        for other in others(content, &["panes", "root", "pre"]) {
            found.leave(
                format!("{}.{other}", self.name),
                "gtctl keeps programs, not layouts or tmux options",
            );
        }
        let root = field(content, "root");
        let pre = commands(table.get("pre"));
        let panes = table
            .get("panes")
            .and_then(Value::as_array)
            .map_or(&[][..], Vec::as_slice);
        let place = (&pre[..], root.as_deref().or(self.root));
        for (at, pane) in panes.iter().enumerate() {
            let numbered = if panes.len() == 1 {
                self.name.to_owned()
            } else {
                format!("{}-{}", self.name, at + 1)
            };
            // A pane can have a title: a table of one field.
            let titled = pane.as_object().and_then(|pane| pane.iter().next());
            match titled {
                Some((title, content)) => {
                    self.pane(found, format!("{}-{title}", self.name), content, place);
                }
                None => self.pane(found, numbered, pane, place),
            }
        }
        if panes.is_empty() {
            found.leave(self.name, "an empty shell: gtctl keeps programs");
        }
    }

    fn pane(
        &self,
        found: &mut Findings,
        session: String,
        content: &Value,
        (pre, root): (&[String], Option<&str>),
    ) {
        let typed: Vec<String> = match content {
            Value::Array(list) => list.iter().filter_map(text).collect(),
            other => text(other).into_iter().collect(),
        };
        let typed: Vec<String> = typed
            .into_iter()
            .filter(|line| !line.trim().is_empty())
            .collect();
        if typed.is_empty() {
            return found.leave(session, "an empty shell: gtctl keeps programs");
        }
        let lines = self.before.iter().chain(pre).chain(&typed).cloned();
        found.programs.push(ForeignProgram {
            session: session_name(&session),
            command: argv(&lines.collect::<Vec<_>>().join(" && ")),
            dir: root.map(str::to_owned),
            count: 1,
            ..ForeignProgram::default()
        });
    }
}
