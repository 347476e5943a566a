//! The examples below the help of each verb.

/// Calls of each verb, with what they do.
const EXAMPLES: [(&str, &[(&str, &str)]); 34] = [
    (
        "apply",
        &[
            ("gtctl apply", "make the town as declared"),
            (
                "gtctl apply builder",
                "only this session, and what it waits for",
            ),
            (
                "gtctl apply --prune",
                "also expire what is no longer declared",
            ),
            (
                "gtctl apply --plan plan.json",
                "exactly the plan that `diff --out` saved",
            ),
        ],
    ),
    (
        "diff",
        &[
            ("gtctl diff", "what would happen, and why"),
            (
                "gtctl diff builder",
                "of this session, and what it waits for",
            ),
            (
                "gtctl diff -o json",
                "for programs; exits 2 if something is to be done",
            ),
        ],
    ),
    (
        "reconcile",
        &[
            ("gtctl reconcile", "one check, and what it does"),
            (
                "gtctl reconcile --watch",
                "keep the town as declared, until stopped",
            ),
        ],
    ),
    (
        "status",
        &[
            ("gtctl status", "every session, and what comes next"),
            (
                "gtctl status -o wide",
                "with processor time, memory and tokens",
            ),
            ("gtctl status --role crew --phase waiting", "only some"),
            ("gtctl status -w", "live"),
        ],
    ),
    (
        "top",
        &[
            ("gtctl top", "the whole town, live"),
            ("gtctl top builder tester", "two sessions"),
        ],
    ),
    (
        "forecast",
        &[
            ("gtctl forecast", "the next 24 hours"),
            (
                "gtctl forecast --for 7d --idle-after 10m",
                "a week of agents that fall idle",
            ),
            ("gtctl forecast -o svg > day.svg", "as a picture"),
        ],
    ),
    (
        "record",
        &[
            ("gtctl record", "what is recorded"),
            (
                "gtctl record --since 2h --export /tmp/night.rec",
                "two hours of it, in one file",
            ),
        ],
    ),
    (
        "replay",
        &[
            (
                "gtctl replay /tmp/night.rec",
                "does this manifest decide the same?",
            ),
            (
                "gtctl replay /tmp/night.rec new.toml",
                "would that one have?",
            ),
        ],
    ),
    (
        "explain",
        &[
            ("gtctl explain builder", "why it is so, and what comes next"),
            (
                "gtctl explain builder --all",
                "every rule and every setting",
            ),
        ],
    ),
    (
        "expire",
        &[
            ("gtctl expire", "remove what is done, too old or too quiet"),
            ("gtctl expire nightly", "only this one, if the plan says so"),
        ],
    ),
    (
        "start",
        &[
            ("gtctl start builder", "end a stop, or run a task again"),
            ("gtctl start --phase stopped", "all that are stopped"),
        ],
    ),
    (
        "stop",
        &[
            ("gtctl stop builder", "until `gtctl start builder`"),
            (
                "gtctl stop --rig shop --yes",
                "all of a rig, without a question",
            ),
        ],
    ),
    (
        "down",
        &[
            (
                "gtctl down",
                "stop the whole town; `gtctl up` starts it again",
            ),
            ("gtctl down --role crew", "only the crew"),
        ],
    ),
    (
        "restart",
        &[
            ("gtctl restart builder", "a fresh process now"),
            (
                "gtctl restart builder --resume",
                "that goes on with its conversation",
            ),
            (
                "gtctl restart --role crew --yes",
                "the whole crew, a few at a time",
            ),
        ],
    ),
    (
        "reset",
        &[(
            "gtctl reset builder",
            "forget its crashes: it starts at once",
        )],
    ),
    (
        "move-server",
        &[("gtctl move-server", "after `town.socket` was changed")],
    ),
    (
        "pause",
        &[(
            "gtctl pause",
            "the controller only looks, until `gtctl resume`",
        )],
    ),
    ("resume", &[("gtctl resume", "the controller acts again")]),
    (
        "adopt",
        &[
            (
                "gtctl adopt builder",
                "manage the session that already runs",
            ),
            (
                "gtctl adopt builder --replace",
                "in place of the idle shell of that name",
            ),
        ],
    ),
    (
        "nudge",
        &[
            (
                "gtctl nudge builder \"run the tests\"",
                "type it at the prompt, and submit it",
            ),
            (
                "gtctl nudge --role crew \"commit your work\"",
                "to every session of the crew",
            ),
            (
                "gtctl nudge builder --command /compact",
                "a command of the agent's client",
            ),
        ],
    ),
    (
        "answer",
        &[
            ("gtctl answer builder", "show its question and the answers"),
            ("gtctl answer builder yes", "choose the plain yes"),
            ("gtctl answer builder 2", "choose the second answer"),
        ],
    ),
    (
        "attach",
        &[("gtctl attach builder", "C-b d leaves it again")],
    ),
    (
        "events",
        &[
            ("gtctl events", "the last 50"),
            (
                "gtctl events builder --since 2h",
                "of one session, since two hours ago",
            ),
            ("gtctl events -F", "and those that come"),
        ],
    ),
    (
        "logs",
        &[
            ("gtctl logs builder -n 50", "the last 50 lines"),
            (
                "gtctl logs builder -F",
                "and those that come, over restarts too",
            ),
            ("gtctl logs builder --since 10m", "of the last ten minutes"),
            ("gtctl logs builder --previous", "of the run before"),
        ],
    ),
    (
        "verify",
        &[
            ("gtctl verify", "exits 2 if any session is dead or missing"),
            ("gtctl verify builder", "only this one"),
        ],
    ),
    (
        "wait",
        &[
            ("gtctl wait builder --for ready", "its agent is up"),
            (
                "gtctl wait builder tester --for idle",
                "both have ended their turns",
            ),
            (
                "gtctl wait nightly --for completed --timeout 2h && ./publish.sh",
                "in a script",
            ),
            (
                "gtctl wait --for converged -o json",
                "nothing is left to do in the town",
            ),
        ],
    ),
    (
        "init",
        &[
            ("gtctl init", "ask a few questions, and write town.toml"),
            ("gtctl init --yes --agent claude --crew 3", "ask nothing"),
        ],
    ),
    (
        "doctor",
        &[("gtctl doctor", "what is wrong here, and what fixes it")],
    ),
    (
        "hosts",
        &[
            ("gtctl hosts", "can all be reached, and what is on them?"),
            ("gtctl hosts setup big", "what to do on a new host"),
            ("gtctl hosts push big", "write the manifest there"),
        ],
    ),
    (
        "import",
        &[
            ("gtctl import", "a manifest for what runs in tmux"),
            (
                "gtctl import -f - Procfile",
                "print one for the programs of a Procfile",
            ),
            (
                "gtctl import ~/.config/tmuxinator/shop.yml",
                "for a project of tmuxinator",
            ),
        ],
    ),
    (
        "validate",
        &[
            ("gtctl validate", "check town.toml, every error at once"),
            (
                "gtctl validate examples/quickstart.toml",
                "check another file",
            ),
        ],
    ),
    (
        "serve",
        &[
            ("gtctl serve", "http://127.0.0.1:7433/"),
            (
                "gtctl serve --listen unix:/run/user/1000/town.sock",
                "on a socket",
            ),
            (
                "gtctl serve --listen 0.0.0.0:7433 --token-file token",
                "for readers with the token",
            ),
            ("gtctl serve --allow-actions", "with buttons that act"),
        ],
    ),
    (
        "report",
        &[
            ("gtctl report", "the numbers of the last week"),
            (
                "gtctl report -o html > report.html",
                "with a timeline of every session",
            ),
            (
                "gtctl report --since 24h -o svg > day.svg",
                "the timeline alone",
            ),
        ],
    ),
    (
        "completions",
        &[
            (
                "gtctl completions bash > ~/.local/share/bash-completion/completions/gtctl",
                "for bash",
            ),
            (
                "gtctl completions fish > ~/.config/fish/completions/gtctl.fish",
                "for fish",
            ),
        ],
    ),
];

/// The examples of a verb, as they stand below its help. None where it has none.
pub(super) fn of(verb: &str) -> Option<String> {
    let (_, calls) = EXAMPLES.iter().find(|(name, _)| *name == verb)?;
    let wide = calls
        .iter()
        .map(|(call, _)| call.chars().count())
        .max()
        .unwrap_or(0);
    let line = |(call, what): &(&str, &str)| {
        if wide > WIDEST {
            format!("  {call}\n      {what}\n")
        } else {
            format!("  {call:<wide$}  {what}\n")
        }
    };
    let lines: String = calls.iter().map(line).collect();
    Some(format!("Examples:\n{}", lines.trim_end()))
}

/// Where a call is longer than this, what it does stands on a line of its own.
const WIDEST: usize = 52;

#[cfg(test)]
mod tests {
    use super::{EXAMPLES, of};
    use crate::cli::args::Cli;
    use clap::{CommandFactory, Parser};

    #[test]
    fn every_verb_has_examples_that_can_be_typed() {
        let cli = Cli::command();
        let lone = [
            "schema", "metrics", "man", "chore", "service", "help", "config",
        ];
        for verb in cli.get_subcommands().filter(|verb| !verb.is_hide_set()) {
            let name = verb.get_name();
            assert!(
                lone.contains(&name) || of(name).is_some(),
                "{name} has no example"
            );
        }
        for (verb, calls) in EXAMPLES {
            for (call, _) in calls {
                // A shell takes the rest.
                let own = call.split(" && ").next().unwrap_or(call);
                let own = own.split(" > ").next().unwrap_or(own);
                let words = shlex::split(own).unwrap();
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{call}: {}", parsed.err().unwrap());
                assert!(
                    words.contains(&verb.to_owned()),
                    "{call} is no call of {verb}"
                );
            }
        }
    }
}
