//! Words that other tools have taught people's hands, and what to type here instead.

use super::exit::{Exit, Trouble};
use clap::error::{ContextKind, ContextValue, ErrorKind};
use std::ffi::OsString;

/// Verbs of other tools, and the call that does the same here.
const VERBS: [(&[&str], &str); 20] = [
    (
        &["list", "get", "sessions", "list-sessions", "overview"],
        "gtctl status",
    ),
    (
        &["describe", "inspect", "show", "why"],
        "gtctl explain SESSION",
    ),
    (&["plan", "preview", "dry-run", "changes"], "gtctl diff"),
    (
        &["log", "tail", "output", "capture-pane"],
        "gtctl logs SESSION",
    ),
    (
        &[
            "exec",
            "enter",
            "connect",
            "shell",
            "a",
            "switch",
            "attach-session",
        ],
        "gtctl attach SESSION",
    ),
    (
        &[
            "send",
            "send-keys",
            "tell",
            "prompt",
            "message",
            "ask",
            "say",
        ],
        "gtctl nudge SESSION TEXT",
    ),
    (
        &["kill", "kill-session", "terminate", "halt"],
        "gtctl stop SESSION",
    ),
    (
        &["destroy", "teardown", "kill-server", "shutdown", "stop-all"],
        "gtctl down",
    ),
    (
        &["sync", "deploy", "converge", "start-all", "load"],
        "gtctl apply",
    ),
    (
        &["watch", "controller", "daemon", "run"],
        "gtctl reconcile --watch",
    ),
    (&["monitor", "dashboard", "ui", "tui", "htop"], "gtctl top"),
    (&["web", "server", "http"], "gtctl serve"),
    (
        &["check", "lint", "verify-config", "test"],
        "gtctl validate",
    ),
    (&["history", "journal", "audit"], "gtctl events"),
    (
        &["rollout", "bounce", "recreate", "refresh"],
        "gtctl restart SESSION",
    ),
    (&["prune", "gc", "cleanup"], "gtctl apply --prune"),
    (&["new", "generate", "setup"], "gtctl init"),
    (&["health", "diagnose", "info"], "gtctl doctor"),
    (&["completion"], "gtctl completions SHELL"),
    (&["version"], "gtctl --version"),
];

/// Verbs that have no call of their own here, since the manifest says it.
const IN_THE_MANIFEST: [(&[&str], &str); 4] = [
    (
        &["create", "add"],
        "declare the session in town.toml as a [[session]], then `gtctl apply`",
    ),
    (
        &["delete", "rm", "remove"],
        "take the session out of town.toml, then `gtctl apply --prune`; `gtctl stop SESSION` only stops it",
    ),
    (
        &["edit", "set"],
        "change town.toml, then `gtctl apply`; a running controller reads it by itself",
    ),
    (
        &["scale", "enable", "disable"],
        "say it in town.toml (`count`, `enabled`), then `gtctl apply`",
    ),
];

/// What to type instead of a command line that clap has refused. None where clap's own words do.
pub(super) fn hint(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let text = |kind: ContextKind| match error.get(kind) {
        Some(ContextValue::String(text)) => Some(text.as_str()),
        Some(_) | None => None,
    };
    match error.kind() {
        ErrorKind::InvalidSubcommand => of_verb(text(ContextKind::InvalidSubcommand)?),
        ErrorKind::MissingRequiredArgument | ErrorKind::InvalidValue => of_follow(words),
        ErrorKind::UnknownArgument => of_flag(text(ContextKind::InvalidArg)?),
        _ => None,
    }
}

fn of_verb(verb: &str) -> Option<String> {
    let verb = verb.to_lowercase();
    let is_it = |names: &[&str]| names.contains(&verb.as_str());
    let call = VERBS.iter().find(|(names, _)| is_it(names));
    let call = call.map(|(_, call)| format!("`{call}` does that here"));
    let declared = || IN_THE_MANIFEST.iter().find(|(names, _)| is_it(names));
    call.or_else(|| declared().map(|(_, way)| (*way).to_owned()))
}

/// `-f` follows in other tools, and names the manifest here.
fn of_follow(words: &[OsString]) -> Option<String> {
    let mut words = words.iter().skip(1).filter_map(|word| word.to_str());
    let verb = words
        .clone()
        .find(|word| matches!(*word, "logs" | "events"))?;
    let session = match (verb, words.any(|word| word == "-f")) {
        (_, false) => return None,
        ("logs", true) => " SESSION",
        (_, true) => "",
    };
    Some(format!(
        "`-f` names the manifest; `gtctl {verb} -F{session}` follows"
    ))
}

fn of_flag(flag: &str) -> Option<String> {
    let way = match flag.split('=').next()? {
        "--all" | "-a" | "-A" => {
            "`gtctl up` and `gtctl down` are for the whole town; --role, --rig and --phase choose some"
        }
        "--dry-run" | "--check" => "`gtctl diff` shows what would happen, and does nothing",
        "--json" => "`-o json` prints JSON",
        "-t" | "--target" => "the session stands without a flag: `gtctl attach SESSION`",
        "-l" | "--selector" => "--role, --rig and --phase choose sessions",
        "-d" | "--detach" => "`gtctl service install` runs the controller in the background",
        "-c" | "--config" | "--manifest" => "`-f` names the manifest",
        "--force" => "`gtctl VERB --help` shows what each verb may be allowed",
        "-L" | "-S" => "`--socket` names the tmux server",
        _ => return None,
    };
    Some(way.to_owned())
}

/// The refusal as a trouble, for programs.
pub(super) fn trouble(error: &clap::Error, hint: Option<String>) -> Trouble {
    let text = error.render().to_string();
    let first = text.lines().next().unwrap_or_default();
    let message = first.strip_prefix("error: ").unwrap_or(first);
    Trouble::new(message)
        .help(hint.unwrap_or_else(|| "`gtctl help` shows all verbs".to_owned()))
        .exits(Exit::Usage)
}

#[cfg(test)]
mod tests {
    use super::super::args::Cli;
    use super::hint;
    use crate::model::SortedSet;
    use clap::{CommandFactory, Parser};
    use std::ffi::OsString;

    fn hint_for(line: &str) -> Option<String> {
        let words: Vec<OsString> = line.split(' ').map(Into::into).collect();
        let error = Cli::try_parse_from(&words).err()?;
        hint(&error, &words)
    }

    #[test]
    fn a_word_of_another_tool_names_the_right_call() {
        let cases = [
            ("gtctl list", "gtctl status"),
            ("gtctl describe web", "gtctl explain"),
            ("gtctl kill-session web", "gtctl stop"),
            ("gtctl rm web", "--prune"),
            ("gtctl scale web", "count"),
            ("gtctl logs -f web", "-F SESSION"),
            ("gtctl events -f", "gtctl events -F"),
            ("gtctl stop --all", "gtctl down"),
            ("gtctl apply --dry-run", "gtctl diff"),
            ("gtctl status --json", "-o json"),
            ("gtctl attach -t web", "without a flag"),
        ];
        for (line, wanted) in cases {
            let hint = hint_for(line).unwrap_or_else(|| panic!("no hint for `{line}`"));
            assert!(hint.contains(wanted), "`{line}`: {hint}");
        }
        assert_eq!(hint_for("gtctl frobnicate"), None);
    }

    #[test]
    fn every_hint_names_a_verb_that_there_is_and_no_verb_is_a_habit() {
        let cli = Cli::command();
        let own: SortedSet<&str> = cli
            .get_subcommands()
            .flat_map(|verb| std::iter::once(verb.get_name()).chain(verb.get_all_aliases()))
            .collect();
        for (names, call) in super::VERBS {
            let verb = call.split(' ').nth(1).unwrap();
            assert!(verb.starts_with('-') || own.contains(verb), "{call}");
            assert!(names.iter().all(|name| !own.contains(name)), "{names:?}");
        }
    }
}
