//! Moving in: a town that somebody started by hand, with the older automonitor beside it, becomes
//! gtctl's without a single restart.

use crate::harness::{Said, Yard, of};
use gtctl::model::ProcId;
use gtctl::model::SortedMap;
use gtctl::proc::process::{self, Presence};
use serde_json::{Value, json};
use std::fs;

/// An agent that waits at its prompt for ever. Its process goes by the name of its file.
const AGENT: &str = "#!/bin/sh\nprintf '> '\nwhile read -r line; do :; done\n";
const LOOP: &str = "#!/bin/bash\nwhile :; do sleep 1; done\n";

/// The guide's sessions, with what runs in each.
const SESSIONS: [(&str, &[&str]); 8] = [
    ("hq-mayor", &["claude", "--dangerously-skip-permissions"]),
    ("hq-deacon", &["kimi", "--yolo"]),
    ("gt-shop-witness", &["kimi", "--yolo"]),
    ("gt-shop-refinery", &["kimi", "--yolo"]),
    ("gt-shop-crew-watcher", &["kimi", "--yolo", "--thinking"]),
    (
        "gt-shop-crew-uitester",
        &["claude", "--dangerously-skip-permissions"],
    ),
    ("gt-shop-fix-login", &["claude", "-p", "fix {issue} \"12\""]),
    ("notes", &["sleep", "100000"]),
];

fn now() -> i64 {
    gtctl::proc::clock::now().wall / 1000
}

/// A live town, started by hand.
fn live() -> Yard {
    let yard = Yard::new("");
    for agent in ["claude", "kimi"] {
        yard.shim(agent, AGENT);
    }
    yard.shim("automonitor.sh", LOOP);
    for dir in ["gt/mayor", "gt/shop", "gt/settings/automonitor"] {
        fs::create_dir_all(yard.at(dir)).unwrap();
    }
    yard.write(
        "gt/mayor/town.json",
        r#"{"type":"town","version":2,"name":"acme"}"#,
    );
    yard.write(
        "gt/mayor/rigs.json",
        r#"{"version":1,"rigs":{"shop":{"beads":{"prefix":"sh"}}}}"#,
    );
    yard.write(
        "gt/settings/agents.json",
        r#"{"version":1,"agents":{},"role_agents":{"mayor":"claude"}}"#,
    );
    let state = json!({"last_known_release": "v0.9.0", "cycles_run": 41, "ai_analyses_run": 2, "of_ours": {"kept": [1, 2]}});
    yard.write("gt/settings/automonitor/state.json", &state.to_string());
    yard.write(
        "gt/settings/automonitor/handoffs.json",
        &json!({"hq-deacon": now() - 20 * 60, "gone": 5}).to_string(),
    );
    for (name, argv) in SESSIONS {
        let bin = yard.at("bin").join(argv[0]);
        let program = if bin.exists() {
            bin.to_str().unwrap().to_owned()
        } else {
            argv[0].to_owned()
        };
        let dir = yard.at("gt/shop");
        let args = [
            "new-session",
            "-d",
            "-s",
            name,
            "-c",
            dir.to_str().unwrap(),
            &program,
        ];
        yard.tmux(&[&args[..], &argv[1..]].concat());
    }
    let script = yard.at("bin/automonitor.sh");
    yard.tmux(&[
        "new-session",
        "-d",
        "-s",
        "gt-automonitor",
        "bash",
        script.to_str().unwrap(),
    ]);
    // What a session runs is known once it runs: a shell on the way there is none of it.
    let is_up = |name, program: &str| match process::look(yard.pid(name).pid) {
        Presence::Alive(stat) => stat.comm == program,
        Presence::Zombie(_) | Presence::Gone | Presence::Unreadable(_) => false,
    };
    yard.until("the agents", || {
        SESSIONS.iter().all(|(name, argv)| is_up(*name, argv[0]))
    });
    yard
}

fn import(yard: &Yard, file: &str, more: &[&str]) -> Said {
    let socket = yard.socket();
    let args = [
        "import",
        "--root",
        "gt",
        "--name",
        &yard.town,
        "--socket",
        socket.to_str().unwrap(),
        "-f",
        file,
    ];
    yard.gtctl(&[&args[..], more].concat())
}

fn pids(yard: &Yard) -> SortedMap<&'static str, ProcId> {
    SESSIONS
        .iter()
        .map(|(name, _)| (*name, yard.pid(name)))
        .collect()
}

fn keys(yard: &Yard) -> Value {
    serde_json::from_str(&yard.read("gt/settings/automonitor/state.json")).unwrap()
}

#[test]
fn a_live_town_is_adopted_without_a_restart_and_keeps_its_history() {
    let yard = live();
    let before = pids(&yard);
    let said = import(&yard, "moved.toml", &[])
        .exits(0)
        .says("8 sessions declared, 1 left alone, the last handoffs of 1 count");
    assert!(
        said.err
            .contains("role_agents in settings/agents.json is silently ignored"),
        "{}",
        said.err
    );
    assert!(
        said.err.contains("kill-session -t '=gt-automonitor:'"),
        "{}",
        said.err
    );
    assert!(
        said.out.contains("next: gtctl -f moved.toml diff"),
        "{}",
        said.out
    );
    import(&yard, "moved.toml", &[])
        .exits(1)
        .says("does not overwrite it");
    let manifest = yard.read("moved.toml");
    import(&yard, "moved.toml", &["--force"]).exits(0);
    assert_eq!(
        yard.read("moved.toml").lines().count(),
        manifest.lines().count()
    );
    yard.gtctl(&["-f", "moved.toml", "validate"]).exits(0);

    let page = yard
        .gtctl(&["-f", "moved.toml", "diff", "-o", "json"])
        .exits(2)
        .json();
    assert_eq!(page["held"], json!([]), "{page:#}");
    for (name, _) in SESSIONS {
        assert_eq!(
            of(&page, "steps", name).unwrap_or_else(|| panic!("no {name}"))["action"],
            "adopt"
        );
    }
    assert_eq!(page["steps"].as_array().unwrap().len(), SESSIONS.len());
    assert_eq!(page["remarks"][0]["code"], "two-masters");
    assert_eq!(pids(&yard), before, "diff touches nothing");
    assert_eq!(keys(&yard)["cycles_run"], 41);

    yard.gtctl(&["-f", "moved.toml", "apply"]).exits(0);
    assert_eq!(pids(&yard), before);
    yard.gtctl(&["-f", "moved.toml", "diff"])
        .exits(0)
        .says("two controllers");
    yard.gtctl(&["-f", "moved.toml", "verify"])
        .exits(0)
        .says("8 sessions, none dead");
    let counted = keys(&yard);
    assert_eq!(
        (&counted["of_ours"], &counted["last_known_release"]),
        (&json!({"kept": [1, 2]}), &json!("v0.9.0"))
    );
    assert!(counted["cycles_run"].as_u64().unwrap() > 41, "{counted}");
    let handoffs: Value =
        serde_json::from_str(&yard.read("gt/settings/automonitor/handoffs.json")).unwrap();
    assert_eq!(handoffs["gone"], 5);

    // Everything is too old at once: what was handed off twenty minutes ago waits for forty more,
    // the rest for an hour.
    yard.write(
        "moved.toml",
        &format!("{manifest}\n[defaults]\nmax_age = \"1s\"\nmax_age_jitter = \"0s\"\n"),
    );
    yard.until("all to be too old", || {
        let page = yard
            .gtctl(&["-f", "moved.toml", "diff", "-o", "json"])
            .json();
        page["held"].as_array().is_some_and(|held| held.len() == 6)
    });
    // A label counts no more than this boot. So on a machine that has just booted it is less.
    let least = (gtctl::proc::clock::now().awake / 60_000).min(20);
    let page = yard
        .gtctl(&["-f", "moved.toml", "diff", "-o", "json"])
        .json();
    let since = |name: &str| {
        let hold = &of(&page, "held", name)
            .unwrap_or_else(|| panic!("{name} is not held: {page:#}"))["hold"];
        assert_eq!(hold["code"], "handoff-gap", "{page:#}");
        hold["since_ms"].as_u64().unwrap() / 60_000
    };
    assert!(
        (least..=24).contains(&since("hq-deacon")),
        "{}",
        since("hq-deacon")
    );
    assert!(
        since("hq-mayor") < 5,
        "its history is unknown, so it waits for a full gap"
    );
    yard.gtctl(&["-f", "moved.toml", "apply", "--timeout", "1s"])
        .exits(3);
    assert_eq!(pids(&yard), before);

    // The old loop is ended as import said.
    yard.tmux(&["kill-session", "-t", "=gt-automonitor:"]);
    let said = yard.gtctl(&["-f", "moved.toml", "diff"]);
    assert!(!said.out.contains("two controllers"), "{}", said.out);
}

#[test]
fn what_is_written_says_what_runs_and_where_it_comes_from() {
    let yard = live();
    yard.tmux(&["new-session", "-d", "-s", "scratch", "sh"]);
    yard.tmux(&["new-session", "-d", "-s", "a b", "sleep", "100000"]);
    let before = yard.sessions();
    let text = import(&yard, "-", &[]).exits(0).out;
    for line in [
        "name = ",
        "naming = \"rig\"",
        "agent = \"kimi\"",
        "role = \"witness\"",
        "name = \"uitester\"",
        "session = \"notes\"",
        "command = [\"sleep\", \"100000\"]",
        "\"fix {{issue}} \\\"12\\\"\"",
        "handed off 20m ago (handoffs.json)",
        "kind = \"upstream\"",
        "session = \"gt-shop-crew-watcher\"",
        "#   scratch: an idle shell",
        "#   a b: its name cannot be declared",
        "#   gt-automonitor: the automonitor, which gtctl replaces",
    ] {
        assert!(text.contains(line), "no {line} in\n{text}");
    }
    assert_eq!(yard.sessions(), before);
    assert!(!yard.at("moved.toml").exists());
    yard.gtctl(&["import", "--root", "home", "-f", "x.toml"])
        .exits(1)
        .says("is not a Gas Town root");
    let nowhere = yard.at("nowhere");
    let said = yard.gtctl(&[
        "import",
        "--socket",
        nowhere.to_str().unwrap(),
        "-f",
        "x.toml",
    ]);
    said.exits(1).says("no session runs").says("gtctl init");
    assert!(!yard.at("x.toml").exists());
}
