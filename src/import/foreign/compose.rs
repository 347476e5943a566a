//! A file of process-compose.

use super::yaml::{commands, field, others, variables};
use super::{Findings, ForeignProgram, argv, session_name};
use serde_json::Value;

/// The fields of a process that have a place in a manifest.
const KNOWN: [&str; 10] = [
    "command",
    "entrypoint",
    "working_dir",
    "environment",
    "depends_on",
    "availability",
    "shutdown",
    "disabled",
    "replicas",
    "description",
];
/// The fields of the file that have one.
const KNOWN_ABOVE: [&str; 4] = ["version", "processes", "environment", "env_file"];

pub(super) fn read(document: &Value) -> Findings {
    let mut found = Findings::default();
    let shared = variables(document.get("environment"));
    let env_files = commands(document.get("env_file"));
    for name in others(document, &KNOWN_ABOVE) {
        found.leave(name, "gtctl has no such setting");
    }
    let processes = document.get("processes").and_then(Value::as_object);
    for (name, process) in processes.into_iter().flatten() {
        let mut env = shared.clone();
        env.extend(variables(process.get("environment")));
        let Some(command) = command(process) else {
            found.leave(name, "it has no command");
            continue;
        };
        leave_rest(&mut found, name, process);
        let replicas = process.get("replicas").and_then(Value::as_u64);
        let grace = process
            .get("shutdown")
            .and_then(|stop| stop.get("timeout_seconds"));
        found.programs.push(ForeignProgram {
            session: session_name(name),
            command,
            dir: field(process, "working_dir"),
            env,
            env_files: env_files.clone(),
            after: awaited(process),
            restart: Some(restart(process)),
            stop_grace: grace.and_then(Value::as_u64).map(|secs| format!("{secs}s")),
            count: replicas
                .and_then(|n| u32::try_from(n).ok())
                .unwrap_or(1)
                .max(1),
            is_disabled: process
                .get("disabled")
                .and_then(Value::as_bool)
                .unwrap_or(false),
        });
    }
    found
}

fn command(process: &Value) -> Option<Vec<String>> {
    let whole = field(process, "command").map(|line| argv(&line));
    whole.or_else(|| {
        let words = commands(process.get("entrypoint"));
        (!words.is_empty()).then_some(words)
    })
}

fn awaited(process: &Value) -> Vec<String> {
    let table = process.get("depends_on").and_then(Value::as_object);
    table
        .into_iter()
        .flat_map(|table| table.keys())
        .map(|name| session_name(name))
        .collect()
}

/// Without a word of it process-compose does not restart; gtctl would.
fn restart(process: &Value) -> &'static str {
    let word = process
        .get("availability")
        .and_then(|how| field(how, "restart"));
    match word.as_deref() {
        Some("always") => "always",
        Some("on_failure") => "on-failure",
        Some(_) | None => "never",
    }
}

fn leave_rest(found: &mut Findings, name: &str, process: &Value) {
    for other in others(process, &KNOWN) {
        let why = match other {
            "readiness_probe" | "liveness_probe" => {
                "a probe: `ready` in the manifest says when a session is ready"
            }
            "is_daemon" => "gtctl keeps programs that stay in the foreground",
            "namespace" => "`role` and `rig` group sessions here",
            "log_location" => "gtctl keeps the log of every session: `gtctl logs`",
            _ => "gtctl has no such setting",
        };
        found.leave(format!("{name}.{other}"), why);
    }
    let conditions = process.get("depends_on").and_then(Value::as_object);
    for (awaited, how) in conditions.into_iter().flatten() {
        let condition = field(how, "condition").unwrap_or_default();
        if condition == "process_log_ready" || condition == "process_completed" {
            found.leave(
                format!("{name}.depends_on.{awaited}"),
                format!("`{condition}`: `after` waits until it is ready, or has ended well"),
            );
        }
    }
    let availability = process.get("availability");
    for other in availability
        .map(|how| others(how, &["restart"]))
        .unwrap_or_default()
    {
        found.leave(
            format!("{name}.availability.{other}"),
            "`backoff` in the manifest sets the delays between restarts",
        );
    }
}
