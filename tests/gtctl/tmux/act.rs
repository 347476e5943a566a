//! Plans carried out on a real tmux: what is started is exactly what was asked for, and nothing
//! else is ever touched.

use crate::harness::{AT_ONCE, TestServer, desired, name, proc_of, until};
use gtctl::act::{KeepLog, LogKeeping, carry_out};
use gtctl::model::{
    Action, Desired, Effect, EnvFile, Fingerprint, Generation, History, Launch, Memory, Moment,
    Origin, Outcome, Phase, Plan, ProcId, Purpose, Reason, Rung, ServerId, Step, Stopping, Target,
    WhenAttached, Whose,
};
use gtctl::proc::{self, clock, process};
use std::cell::RefCell;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The generation in a session's label.
const LIFE: &str = "#{s/.* gen=([0-9]+) .*/\\1/:@gtctl_label}";

const HOSTILE: &str = "set -g destroy-unattached on\nset -g base-index 1\nset -g pane-base-index 1\n\
     set -g remain-on-exit off\nset -g default-command 'echo hostile; exec sleep 600'\n";

fn screens(screen: KeepLog<'_>) -> LogKeeping<'_> {
    LogKeeping { screen, sink: None }
}

async fn act(
    tmux: &TestServer,
    memory: &Memory,
    server: Option<ServerId>,
    actions: Vec<Action>,
) -> Vec<Outcome> {
    let reason = Reason::Orphaned;
    let step = |action: Action| {
        let session = match &action {
            Action::Start { desired, .. } | Action::Restart { desired, .. } => desired.name.clone(),
            Action::Expire { .. }
            | Action::Adopt { .. }
            | Action::Rename { .. }
            | Action::Nudge { .. }
            | Action::SendEscape { .. }
            | Action::Answer(_) => name("one"),
        };
        Step {
            session,
            action,
            reason: reason.clone(),
            phase: Phase::Unknown,
        }
    };
    let plan = Plan {
        steps: actions.into_iter().map(step).collect(),
        ..Plan::default()
    };
    let done = carry_out(
        &plan,
        &tmux.town,
        memory,
        &server.into(),
        clock::now(),
        &tmux.client,
        screens(&|_, _, _| Ok(())),
    )
    .await;
    assert_eq!(done.len(), plan.steps.len());
    done.into_iter().map(|done| done.outcome).collect()
}

fn start(desired: &Desired, generation: u64) -> Action {
    let generation = Generation(generation);
    Action::Start {
        desired: Box::new(desired.clone()),
        generation,
        handoff: None,
        crashes: 0,
        conversation: gtctl::model::Conversation::Unnamed,
    }
}

/// Starts one session and says whom later operations are meant for.
async fn started(tmux: &TestServer, desired: &Desired, generation: u64) -> Target {
    let outcome = act(
        tmux,
        &Memory::default(),
        tmux.server(),
        vec![start(desired, generation)],
    )
    .await
    .remove(0);
    let Outcome::Done(Effect::Started { process, .. }) = outcome else {
        panic!("{outcome:?}")
    };
    target(tmux, desired.name.as_str(), Some(generation), process)
}

fn target(
    tmux: &TestServer,
    session: &str,
    generation: Option<u64>,
    process: Option<ProcId>,
) -> Target {
    let at = format!("={session}:");
    Target {
        server: tmux.server().unwrap(),
        session: tmux.format(&at, "#{session_id}").parse().unwrap(),
        pane: tmux.format(&at, "#{pane_id}").parse().unwrap(),
        generation: generation.map(Generation),
        whose: generation.map(|_| Whose {
            town: tmux.town.name.clone(),
            session: name(session),
        }),
        process,
        attached: WhenAttached::Hold,
    }
}

fn restart(desired: &Desired, target: Target, rung: Rung, generation: u64) -> Action {
    let (desired, generation) = (Box::new(desired.clone()), Generation(generation));
    Action::Restart {
        desired,
        target,
        rung,
        generation,
        handoff: Some(clock::now()),
        crashes: 3,
        conversation: gtctl::model::Conversation::Unnamed,
    }
}

fn expire(target: Target, rung: Rung) -> Action {
    Action::Expire {
        target,
        rung,
        agent: Arc::default(),
        launch: Launch::Tmux,
    }
}

fn remember(session: &str, generation: u64, tree: Vec<ProcId>) -> Memory {
    let now = clock::now();
    let stopping = Stopping {
        generation: Generation(generation),
        since: now,
        rung: Rung::Ask,
        rung_at: now,
        purpose: Purpose::Restart,
        reason: "too-old".into(),
        begun_for: None,
        tree,
    };
    let history = History {
        stopping: Some(stopping),
        ..History::default()
    };
    Memory {
        sessions: [(name(session), history)].into(),
        ..Memory::default()
    }
}

fn is_started(outcome: &Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Done(Effect::Started {
            process: Some(_),
            ..
        })
    )
}

/// Texts that something between us and the child might take for syntax.
const NASTY: [&str; 27] = [
    "plain",
    "two words",
    "'",
    "\"",
    "#(touch pwned)",
    "$HOME",
    ";",
    "end;",
    "a\nb",
    "\t",
    "é🦀",
    "{",
    "}",
    "~",
    "\\",
    "",
    "%1",
    "-x",
    "#{pid}",
    "##",
    "%H",
    "a\\;",
    "*",
    "`id`",
    "&&",
    "\u{1b}[31m",
    "$1 @1",
];

#[tokio::test]
async fn argv_directory_and_environment_arrive_as_they_are() {
    let tmux = TestServer::with_config(HOSTILE);
    let dir = tmux.dir().join("d #(touch pwned) #{pid} $HOME;%H~ é'\"");
    std::fs::create_dir(&dir).unwrap();
    let script = "printf '%s\\0' \"$@\" >../argv.new; cat /proc/$$/environ >../env; pwd >../pwd; \
                  mv ../argv.new ../argv; exec sleep 600";
    let mut one = desired("one", &["sh", "-c", script, "z"]);
    one.command.extend(NASTY.map(str::to_owned));
    one.dir.clone_from(&dir);
    one.env = NASTY
        .iter()
        .zip(0..)
        .map(|(text, n)| (format!("N{n}"), (*text).to_owned()))
        .collect();
    one.identity_env.insert("GT_ROLE".into(), "crew".into());
    std::fs::write(
        tmux.dir().join("secrets"),
        "N0=overridden\nexport FROM_FILE='a b'\n",
    )
    .unwrap();
    one.env_files = vec![EnvFile {
        path: tmux.dir().join("secrets"),
        optional: false,
    }];
    let first = started(&tmux, &one, 7).await;
    let check = |generation: &str, crashes: &str| {
        until("the child to print", || tmux.dir().join("argv").exists());
        let wanted = NASTY.join("\0") + "\0";
        assert_eq!(
            std::fs::read_to_string(tmux.dir().join("argv")).unwrap(),
            wanted
        );
        assert_eq!(
            std::fs::read_to_string(tmux.dir().join("pwd"))
                .unwrap()
                .trim_end(),
            dir.to_str().unwrap()
        );
        let env = std::fs::read_to_string(tmux.dir().join("env")).unwrap();
        let has = |entry: String| {
            assert!(
                env.split('\0').any(|e| e == entry),
                "{entry:?} not in {env:?}"
            );
        };
        NASTY
            .iter()
            .zip(0..)
            .for_each(|(text, n)| has(format!("N{n}={text}")));
        for entry in ["FROM_FILE=a b", "GT_ROLE=crew", "GTCTL_SESSION=one"] {
            has(entry.to_owned());
        }
        has(format!("GTCTL_TOWN={}", tmux.town.name));
        has(format!("GTCTL_GENERATION={generation}"));
        has(format!("GTCTL_CRASHES={crashes}"));
        std::fs::remove_file(tmux.dir().join("argv")).unwrap();
    };
    check("7", "0");
    assert!(is_started(
        &act(
            &tmux,
            &Memory::default(),
            None,
            vec![restart(&one, first, Rung::Finish, 8)]
        )
        .await[0]
    ));
    check("8", "3");
    assert!(!tmux.dir().join("pwned").exists() && !dir.join("pwned").exists());
    assert!(
        !tmux
            .run(&["show-environment", "-t", "=one"])
            .contains("\nGTCTL_"),
        "a user's own panes bear no marker"
    );
}

#[tokio::test]
async fn a_session_survives_a_hostile_configuration_and_keeps_its_labels() {
    let tmux = TestServer::with_config(HOSTILE);
    let mut one = desired("one", &["true"]);
    one.dir = tmux.dir().to_owned();
    let outcome = act(
        &tmux,
        &Memory::default(),
        tmux.server(),
        vec![start(&one, 4)],
    )
    .await
    .remove(0);
    assert!(
        matches!(outcome, Outcome::Done(Effect::Started { .. })),
        "{outcome:?}"
    );
    until("its end", || tmux.format("=one:", "#{pane_dead}") == "1");
    let pane = tmux.format("=one:", "#{pane_id}");
    let started = tmux.format("=one:", "#{s/.* started=([^ ]+) .*/\\1/:@gtctl_label}");
    assert!(started.parse::<Moment>().is_ok(), "{started}");
    let (town, spec) = (&tmux.town.name, one.fingerprint());
    let place = tmux.format("=one:", "pane=#{pane_id} pid=#{pane_pid} at=#{session_id}");
    assert!(place.starts_with(&format!("pane={pane} ")), "{place}");
    let wanted = format!(
        "town={town} session=one gen=4 started={started} {place} spec={spec} origin=started"
    );
    assert_eq!(tmux.format("=one:", "#{@gtctl_label}"), wanted);
    assert_eq!(tmux.format("=one:", "#{@gtctl_handoff}"), "");
}

#[tokio::test]
async fn the_first_start_starts_the_server_and_a_second_of_the_name_is_stale() {
    let tmux = TestServer::not_started();
    let one = desired("one", &["sleep", "600"]);
    let outcomes = act(
        &tmux,
        &Memory::default(),
        None,
        vec![start(&one, 1), start(&one, 2)],
    )
    .await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    assert!(
        matches!(&outcomes[1], Outcome::Stale(why) if why.contains("already")),
        "{outcomes:?}"
    );
    assert_eq!(tmux.format("=one:", LIFE), "1");
}

#[tokio::test]
async fn no_server_is_started_where_one_was_seen() {
    let tmux = TestServer::not_started();
    let ours = ServerId(process::identify(std::process::id()).unwrap());
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(ours),
        vec![start(&desired("one", &["sleep", "9"]), 1)],
    )
    .await;
    assert!(matches!(&outcomes[0], Outcome::Stale(_)), "{outcomes:?}");
    assert!(tmux.server().is_none());
    let other = TestServer::with_config("");
    let outcomes = act(
        &other,
        &Memory::default(),
        Some(ours),
        vec![start(&desired("one", &["sleep", "9"]), 1)],
    )
    .await;
    assert!(
        matches!(&outcomes[0], Outcome::Stale(why) if why.contains("another tmux server")),
        "{outcomes:?}"
    );
    assert_eq!(other.sessions(), 0);
}

#[tokio::test]
async fn what_cannot_be_started_says_why_and_stops_nobody_else() {
    let tmux = TestServer::with_config("");
    let good = desired("good", &["sleep", "600"]);
    let mut no_dir = desired("no-dir", &["sleep", "600"]);
    no_dir.dir = "/nonexistent/dir".into();
    let no_program = desired("no-program", &["no-such-program"]);
    let plain_file = desired("plain-file", &["/etc/passwd"]);
    let long = "x".repeat(200_000);
    let too_long = desired("too-long", &["sleep", &long]);
    let all = [&no_dir, &no_program, &plain_file, &too_long, &good];
    let outcomes = act(
        &tmux,
        &Memory::default(),
        tmux.server(),
        all.map(|d| start(d, 1)).into(),
    )
    .await;
    let hints = ["create it", "install it", "chmod +x", "pass it in a file"];
    for (outcome, hint) in outcomes.iter().zip(hints) {
        assert!(
            matches!(outcome, Outcome::Failed(why) if why.contains(hint)),
            "{outcome:?}"
        );
    }
    assert!(is_started(&outcomes[4]));
    assert_eq!(tmux.sessions(), 1);
}

#[tokio::test]
async fn fences_refuse_what_is_not_exactly_meant() {
    let tmux = TestServer::with_config("");
    let one = desired("one", &["sleep", "600"]);
    let meant = started(&tmux, &one, 4).await;
    let process = meant.process.unwrap();
    let ours = ServerId(process::identify(std::process::id()).unwrap());
    let wrong = [
        (
            Target {
                generation: Some(Generation(3)),
                ..meant.clone()
            },
            "another run",
        ),
        (
            Target {
                server: ours,
                ..meant.clone()
            },
            "another tmux server",
        ),
        (
            Target {
                session: "$77".parse().unwrap(),
                ..meant.clone()
            },
            "gone",
        ),
        (
            Target {
                process: Some(ours.0),
                ..meant.clone()
            },
            "another process",
        ),
        (
            Target {
                process: None,
                ..meant.clone()
            },
            "living process",
        ),
    ];
    for (target, hint) in wrong {
        let tries = [Rung::Ask, Rung::Kill, Rung::Finish].map(|rung| expire(target.clone(), rung));
        let tries = if target.process.is_none() {
            vec![expire(target.clone(), Rung::Finish)]
        } else {
            tries.into()
        };
        for outcome in act(&tmux, &Memory::default(), Some(meant.server), tries).await {
            assert!(
                matches!(&outcome, Outcome::Stale(why) if why.contains(hint)),
                "{hint}: {outcome:?}"
            );
        }
    }
    assert!(process::may_live(process));
    assert_eq!(tmux.sessions(), 1);
}

#[tokio::test]
async fn fences_refuse_a_label_of_the_same_life_that_names_another_town_or_session() {
    let tmux = TestServer::with_config("");
    let one = desired("one", &["sleep", "600"]);
    let meant = started(&tmux, &one, 4).await;
    let process = meant.process.unwrap();
    let label = tmux.format("=one:", "#{@gtctl_label}");
    let own = format!("town={} session=one ", tmux.town.name);
    assert!(label.starts_with(&own), "{label}");
    let longer = format!("town={}x session=one ", tmux.town.name);
    let another = format!("town={} session=two ", tmux.town.name);
    for others in [
        "town=elsewhere session=one ",
        &longer,
        &another,
        "session=one ",
        "town= session=one ",
    ] {
        tmux.run(&[
            "set-option",
            "-t",
            "=one:",
            "@gtctl_label",
            &label.replace(&own, others),
        ]);
        let mut tries: Vec<Action> = [Rung::Ask, Rung::Kill, Rung::Finish]
            .map(|rung| expire(meant.clone(), rung))
            .into();
        tries.push(restart(&one, meant.clone(), Rung::Finish, 5));
        for outcome in act(&tmux, &Memory::default(), Some(meant.server), tries).await {
            assert!(
                matches!(&outcome, Outcome::Stale(why) if why.contains("does not name")),
                "{others}: {outcome:?}"
            );
        }
        assert!(process::may_live(process), "{others}");
    }
    // The words count, not their order.
    let turned = format!("{} {own}", label.replace(&own, ""));
    tmux.run(&[
        "set-option",
        "-t",
        "=one:",
        "@gtctl_label",
        turned.trim_end(),
    ]);
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![expire(meant.clone(), Rung::Kill)],
    )
    .await;
    assert!(
        matches!(outcomes[0], Outcome::Done(Effect::Signalled { .. })),
        "{outcomes:?}"
    );
}

#[tokio::test]
async fn an_attached_session_is_spared_until_it_is_dead() {
    let tmux = TestServer::with_config("");
    let one = desired("one", &["sleep", "600"]);
    let meant = started(&tmux, &one, 4).await;
    let mut viewer = Command::new("tmux")
        .args([
            "-S",
            tmux.dir().join("s").to_str().unwrap(),
            "-C",
            "attach",
            "-t",
            "=one",
        ])
        .env_remove("TMUX")
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    until("the viewer", || {
        tmux.format("=one:", "#{session_attached}") == "1"
    });
    for rung in [Rung::Ask, Rung::Term, Rung::Kill, Rung::Finish] {
        let outcomes = act(
            &tmux,
            &Memory::default(),
            Some(meant.server),
            vec![restart(&one, meant.clone(), rung, 5)],
        )
        .await;
        assert!(
            matches!(&outcomes[0], Outcome::Stale(why) if why.contains("attached")),
            "{outcomes:?}"
        );
    }
    assert!(process::may_live(meant.process.unwrap()));
    gtctl::proc::signal::signal(meant.process.unwrap(), gtctl::proc::signal::Signal::KILL);
    until("its end", || tmux.format("=one:", "#{pane_dead}") == "1");
    let dead = Target {
        process: None,
        ..meant.clone()
    };
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![restart(&one, dead.clone(), Rung::Finish, 5)],
    )
    .await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    assert_eq!(
        tmux.format("=one:", &format!("#{{session_attached}} {LIFE}")),
        "1 5"
    );
    let Outcome::Done(Effect::Started {
        process: Some(fresh),
        ..
    }) = &outcomes[0]
    else {
        panic!("{outcomes:?}")
    };
    gtctl::proc::signal::signal(*fresh, gtctl::proc::signal::Signal::KILL);
    until("its end", || tmux.format("=one:", "#{pane_dead}") == "1");
    tmux.run(&["split-window", "-d", "-t", "=one:", "sleep", "600"]);
    let removed = Target {
        generation: Some(Generation(5)),
        ..dead.clone()
    };
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![expire(removed.clone(), Rung::Finish)],
    )
    .await;
    assert!(
        matches!(&outcomes[0], Outcome::Stale(why) if why.contains("attached")),
        "a user's pane: {outcomes:?}"
    );
    tmux.run(&["kill-pane", "-a", "-t", &meant.pane.to_string()]);
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![expire(removed.clone(), Rung::Finish)],
    )
    .await;
    assert_eq!(outcomes[0], Outcome::Done(Effect::Removed));
    viewer.kill().unwrap();
    viewer.wait().unwrap();
}

#[tokio::test]
async fn a_restart_keeps_the_session_and_its_replay_does_nothing() {
    let tmux = TestServer::with_config("");
    let mut one = desired("one", &["sh", "-c", "echo first; exec sleep 600"]);
    one.env.insert("DROPPED".into(), "1".into());
    let meant = started(&tmux, &one, 4).await;
    until("its output", || tmux.screen("=one:").contains("first"));
    one.env.clear();
    let again = || restart(&one, meant.clone(), Rung::Finish, 5);
    let outcomes = act(&tmux, &Memory::default(), Some(meant.server), vec![again()]).await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    assert!(!process::may_live(meant.process.unwrap()));
    let fresh = target(&tmux, "one", Some(5), None);
    assert_eq!((fresh.session, fresh.pane), (meant.session, meant.pane));
    assert_eq!(tmux.format("=one:", LIFE), "5");
    assert!(
        !tmux
            .run(&["show-environment", "-t", "=one"])
            .contains("DROPPED=1")
    );
    let pid = tmux.format("=one:", "#{pane_pid}");
    let outcomes = act(&tmux, &Memory::default(), Some(meant.server), vec![again()]).await;
    assert!(matches!(outcomes[0], Outcome::Stale(_)), "{outcomes:?}");
    assert_eq!(tmux.format("=one:", "#{pane_pid}"), pid);
}

#[tokio::test]
async fn a_session_without_its_pane_gets_one_beside_what_others_opened() {
    let tmux = TestServer::with_config("");
    let one = desired("one", &["sleep", "600"]);
    let meant = started(&tmux, &one, 4).await;
    tmux.run(&["split-window", "-t", "=one:", "sleep", "601"]);
    tmux.run(&["kill-pane", "-t", &meant.pane.to_string()]);
    let gone = Target {
        process: None,
        ..meant.clone()
    };
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![restart(&one, gone.clone(), Rung::Finish, 5)],
    )
    .await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    assert_eq!(
        tmux.format(
            "=one:",
            &format!("{LIFE} #{{session_windows}} #{{window_panes}}")
        ),
        "5 2 1"
    );
    assert_eq!(
        tmux.format("=one:", "#{session_id}"),
        meant.session.to_string()
    );
    assert!(
        tmux.run(&[
            "list-panes",
            "-s",
            "-t",
            "=one:",
            "-F",
            "#{pane_start_command}"
        ])
        .contains("sleep 601")
    );
}

#[tokio::test]
async fn a_tree_that_ignores_everything_and_hides_is_killed_to_the_last() {
    let tmux = TestServer::with_config("");
    let hiding = "trap '' TERM HUP; (setsid sh -c 'trap \"\" TERM HUP; (sleep 6001; :) & sleep 6002; :' &) ; \
                  sh -c 'trap \"\" TERM HUP; sleep 6003; :' & while :; do sleep 1; done";
    let one = desired("one", &["sh", "-c", hiding]);
    let meant = started(&tmux, &one, 4).await;
    let none = Memory::default();
    let mut tree = vec![];
    // A shell that is asked to end before it has set its trap ends. Each has set it once its sleep
    // is there.
    let living = || gtctl::proc::env_tag::carrying(&tmux.town.name, &name("one"), Generation(4));
    let is_there = |sleep: &str| {
        let argv = |process: &ProcId| process::argv(process.pid, 4096).unwrap_or_default();
        living()
            .iter()
            .any(|process| argv(process) == ["sleep", sleep])
    };
    until("its processes", || {
        ["1", "6001", "6002", "6003"]
            .iter()
            .all(|sleep| is_there(sleep))
    });
    // sh, setsid's sh with its subshell and two sleeps, sh with a sleep, and the loop's sleep.
    let deadline = Instant::now() + Duration::from_secs(60);
    while tree.len() < 7 {
        assert!(Instant::now() < deadline, "{tree:?}");
        let outcomes = act(
            &tmux,
            &none,
            Some(meant.server),
            vec![restart(&one, meant.clone(), Rung::Ask, 5)],
        )
        .await;
        let Outcome::Done(Effect::Signalled { tree: found }) = &outcomes[0] else {
            panic!("{outcomes:?}")
        };
        tree.clone_from(found);
    }
    assert!(
        tmux.format("=one:", "#{@gtctl_handoff}")
            .parse::<Moment>()
            .is_ok()
    );
    assert!(
        process::may_live(meant.process.unwrap()),
        "TERM was ignored"
    );
    let memory = remember("one", 4, tree.clone());
    let outcomes = act(
        &tmux,
        &memory,
        Some(meant.server),
        vec![restart(&one, meant.clone(), Rung::Kill, 5)],
    )
    .await;
    assert!(
        matches!(outcomes[0], Outcome::Done(Effect::Signalled { .. })),
        "{outcomes:?}"
    );
    until("the tree's end", || {
        !tree.iter().any(|&p| process::may_live(p))
    });
    let outcomes = act(
        &tmux,
        &memory,
        Some(meant.server),
        vec![restart(&one, meant.clone(), Rung::Finish, 5)],
    )
    .await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    let left = gtctl::proc::env_tag::carrying(&tmux.town.name, &name("one"), Generation(4));
    assert!(left.is_empty(), "{left:?}");
}

/// What `carry_out` traces, for a test to read.
#[derive(Clone, Default)]
struct Traced(Arc<Mutex<Vec<u8>>>);

impl Traced {
    /// The values of this field, in order.
    fn values(&self, field: &str) -> Vec<u64> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        let words = text
            .split_whitespace()
            .filter_map(|word| word.split_once('='));
        words
            .filter(|(name, _)| *name == field)
            .map(|(_, value)| value.parse().unwrap())
            .collect()
    }
}

impl std::io::Write for Traced {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Prints how long it takes from the question to tmux whether a stop may go on to the last signal:
/// the bound that `act::stop` states. Run it alone, with `--ignored --nocapture`.
#[tokio::test]
#[ignore = "a measurement"]
async fn how_long_a_stop_takes_between_its_fence_and_its_last_signal() {
    const STOPS: usize = 300;
    for size in [1, 10, 100] {
        let tmux = TestServer::with_config("");
        // What a shell ignores its children ignore too.
        let children = "sleep 9999 & ".repeat(size - 1);
        let script = format!("trap '' TERM; {children} while :; do read line; done");
        let one = desired("one", &["sh", "-c", &script]);
        let meant = started(&tmux, &one, 4).await;
        let traced = Traced::default();
        let writer = traced.clone();
        let level = tracing::Level::DEBUG;
        let subscriber = tracing_subscriber::fmt()
            .with_ansi(false)
            .with_max_level(level);
        let guard = tracing::subscriber::set_default(
            subscriber.with_writer(move || writer.clone()).finish(),
        );
        until("its processes", || {
            proc::tree::tree(meant.process.unwrap()).len() >= size
        });
        for _ in 0..STOPS {
            act(
                &tmux,
                &Memory::default(),
                Some(meant.server),
                vec![restart(&one, meant.clone(), Rung::Term, 5)],
            )
            .await;
        }
        drop(guard);
        let mut micros = traced.values("micros");
        assert_eq!(micros.len(), STOPS);
        assert!(
            traced
                .values("processes")
                .iter()
                .all(|found| *found >= size as u64)
        );
        micros.sort_unstable();
        let median = micros[STOPS / 2];
        println!(
            "{size} processes: median {median} µs, most {} µs, of {STOPS} stops",
            micros[STOPS - 1]
        );
    }
}

#[tokio::test]
async fn quit_keys_are_sent_at_the_prompt_only() {
    let tmux = TestServer::with_config("");
    let mut one = desired(
        "one",
        &[
            "sh",
            "-c",
            "printf 'ready> '; read line; echo \"got $line\"; exec sleep 600",
        ],
    );
    let agent = Arc::make_mut(&mut one.agent);
    agent.quit = vec!["/exit $HOME;".into(), "Enter".into()];
    agent.ready = vec!["ready>".into()];
    let meant = started(&tmux, &one, 4).await;
    until("its prompt", || tmux.screen("=one:").contains("ready>"));
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![restart(&one, meant.clone(), Rung::Ask, 5)],
    )
    .await;
    assert!(
        matches!(outcomes[0], Outcome::Done(Effect::Signalled { .. })),
        "{outcomes:?}"
    );
    until("the keys", || {
        tmux.screen("=one:").contains("got /exit $HOME;")
    });
    assert!(process::may_live(meant.process.unwrap()));
    Arc::make_mut(&mut one.agent).busy = vec!["got".into()];
    act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![restart(&one, meant.clone(), Rung::Ask, 5)],
    )
    .await;
    until("TERM", || !process::may_live(meant.process.unwrap()));
}

#[tokio::test]
async fn an_expired_session_leaves_its_screen_and_nothing_else() {
    let tmux = TestServer::with_config("");
    let one = desired("one", &["sh", "-c", "seq 1 500; exec sleep 600"]);
    let meant = started(&tmux, &one, 4).await;
    until("its output", || tmux.screen("=one:").contains("500"));
    let step = Step {
        session: name("one"),
        action: expire(meant.clone(), Rung::Finish),
        reason: Reason::Orphaned,
        phase: Phase::Unknown,
    };
    let plan = Plan {
        steps: vec![step],
        ..Plan::default()
    };
    let kept = RefCell::new(None);
    let (none, now) = (Memory::default(), clock::now());
    let full = |_: &_, _, _: &str| Err(std::io::Error::other("disk full"));
    let done = carry_out(
        &plan,
        &tmux.town,
        &none,
        &Some(meant.server).into(),
        now,
        &tmux.client,
        screens(&full),
    )
    .await;
    assert!(
        matches!(&done[0].outcome, Outcome::Failed(why) if why.contains("disk full")),
        "{done:?}"
    );
    assert_eq!(tmux.sessions(), 1);
    let keep = |session: &gtctl::model::SessionName, generation, text: &str| {
        *kept.borrow_mut() = Some((session.clone(), generation, text.to_owned()));
        Ok(())
    };
    let done = carry_out(
        &plan,
        &tmux.town,
        &none,
        &Some(meant.server).into(),
        now,
        &tmux.client,
        screens(&keep),
    )
    .await;
    assert_eq!(done[0].outcome, Outcome::Done(Effect::Removed));
    let (session, generation, text) = kept.take().unwrap();
    assert_eq!((session, generation), (name("one"), Generation(4)));
    assert!(
        text.starts_with("1\n2\n3\n") && text.contains("\n500\n"),
        "{text}"
    );
    assert_eq!(tmux.sessions(), 0);
    let done = carry_out(
        &plan,
        &tmux.town,
        &none,
        &Some(meant.server).into(),
        now,
        &tmux.client,
        screens(&keep),
    )
    .await;
    assert!(matches!(done[0].outcome, Outcome::Stale(_)), "{done:?}");
}

#[tokio::test]
async fn the_last_session_of_a_server_can_be_replaced_and_removed() {
    let tmux = TestServer::not_started();
    let one = desired("one", &["sleep", "600"]);
    assert!(is_started(
        &act(&tmux, &Memory::default(), None, vec![start(&one, 4)]).await[0]
    ));
    let process = proc_of(&tmux.format("=one:", "#{pane_pid}"));
    let meant = target(&tmux, "one", Some(4), Some(process));
    tmux.run(&["split-window", "-t", "=one:", "sleep", "601"]);
    tmux.run(&["kill-pane", "-t", &meant.pane.to_string()]);
    let gone = Target {
        process: None,
        ..meant.clone()
    };
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![restart(&one, gone.clone(), Rung::Finish, 5)],
    )
    .await;
    assert!(is_started(&outcomes[0]), "{outcomes:?}");
    // What somebody opened beside it would stay.
    tmux.run(&["kill-window", "-t", "=one:^"]);
    let process = proc_of(&tmux.format("=one:", "#{pane_pid}"));
    let meant = target(&tmux, "one", Some(5), Some(process));
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![expire(meant.clone(), Rung::Finish)],
    )
    .await;
    assert_eq!(outcomes[0], Outcome::Done(Effect::Removed));
    until("the server's end", || !process::may_live(meant.server.0));
}

#[tokio::test]
async fn adoption_only_labels_and_only_once() {
    let tmux = TestServer::with_config("");
    tmux.run(&["new-session", "-d", "-s", "one", "sleep", "600"]);
    let process = proc_of(&tmux.format("=one:", "#{pane_pid}"));
    let meant = target(&tmux, "one", None, Some(process));
    let (started, fingerprint) = (
        clock::now(),
        Fingerprint {
            command: 1,
            dir: 2,
            env: 3,
        },
    );
    let adopt = |generation| {
        let generation = Generation(generation);
        Action::Adopt {
            target: meant.clone(),
            fingerprint,
            generation,
            started,
            handoff: Some(started),
            origin: Origin::Adopted,
            log: None,
            over: None,
        }
    };
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(meant.server),
        vec![adopt(1), adopt(2)],
    )
    .await;
    assert_eq!(
        outcomes[0],
        Outcome::Done(Effect::Adopted {
            generation: Generation(1)
        })
    );
    assert!(
        matches!(&outcomes[1], Outcome::Stale(why) if why.contains("labelled")),
        "{outcomes:?}"
    );
    assert!(
        tmux.format("=one:", "#{@gtctl_label}")
            .ends_with(" origin=adopted")
    );
    assert_eq!(tmux.format("=one:", LIFE), "1");
    assert!(process::may_live(process));
}

#[tokio::test]
async fn a_create_that_timed_out_is_unknown_and_never_happens() {
    use gtctl::proc::signal::{Signal, signal};
    let tmux = TestServer::with_config("");
    let server = tmux.server().unwrap();
    signal(server.0, Signal::STOP);
    let before = Instant::now();
    let outcomes = act(
        &tmux,
        &Memory::default(),
        Some(server),
        vec![start(&desired("one", &["sleep", "9"]), 1)],
    )
    .await;
    assert!(matches!(outcomes[0], Outcome::Unknown(_)), "{outcomes:?}");
    assert!(before.elapsed() < AT_ONCE);
    signal(server.0, Signal::CONT);
    std::thread::sleep(Duration::from_millis(500));
    assert_eq!(tmux.sessions(), 0);
}

#[tokio::test]
async fn secrets_are_on_no_command_line() {
    let tmux = TestServer::not_started();
    let secret = format!("hunter2-{}", std::process::id());
    std::fs::write(tmux.dir().join("secrets"), format!("TOKEN={secret}\n")).unwrap();
    let mut all = vec![];
    for n in 0..20 {
        let mut one = desired(&format!("s{n}"), &["sleep", "600"]);
        one.env_files = vec![EnvFile {
            path: tmux.dir().join("secrets"),
            optional: false,
        }];
        all.push(start(&one, 1));
    }
    let watching = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(true));
    let (on, needle) = (watching.clone(), secret.clone());
    let watch = std::thread::spawn(move || {
        let mut rounds = 0;
        while on.load(std::sync::atomic::Ordering::Relaxed) || rounds == 0 {
            for entry in std::fs::read_dir("/proc").unwrap().flatten() {
                let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
                assert!(
                    !String::from_utf8_lossy(&line).contains(&needle),
                    "{}",
                    entry.path().display()
                );
            }
            rounds += 1;
        }
    });
    assert!(
        act(&tmux, &Memory::default(), None, all)
            .await
            .iter()
            .all(is_started)
    );
    assert_eq!(tmux.client.calls(), 1, "starts go in one call");
    watching.store(false, std::sync::atomic::Ordering::Relaxed);
    watch.join().unwrap();
}

/// Run it with `-- --ignored --nocapture thousand`: it prints what a thousand starts cost, and what
/// tmux alone needs.
#[tokio::test]
#[ignore = "measures"]
async fn a_thousand_starts() {
    let all: Vec<Desired> = (0..1000)
        .map(|n| desired(&format!("s{n}"), &["sleep", "600"]))
        .collect();
    let tmux = TestServer::with_config("");
    let before = Instant::now();
    let outcomes = act(
        &tmux,
        &Memory::default(),
        tmux.server(),
        all.iter().map(|d| start(d, 1)).collect(),
    )
    .await;
    let ours = before.elapsed();
    assert!(
        outcomes.iter().all(is_started),
        "{:?}",
        outcomes.iter().find(|o| !is_started(o))
    );
    assert_eq!(tmux.sessions(), 1000);
    let targets: Vec<Target> = all
        .iter()
        .map(|d| target(&tmux, d.name.as_str(), Some(1), None))
        .collect();
    let restarts = || {
        all.iter()
            .zip(&targets)
            .map(|(d, t)| restart(d, t.clone(), Rung::Ask, 2))
            .collect()
    };
    let before = Instant::now();
    let asked = act(&tmux, &Memory::default(), tmux.server(), restarts()).await;
    let asking = before.elapsed();
    assert!(
        asked
            .iter()
            .all(|o| matches!(o, Outcome::Done(Effect::Signalled { .. })))
    );
    std::thread::sleep(Duration::from_secs(3));
    let finishes = all
        .iter()
        .zip(&targets)
        .map(|(d, t)| restart(d, t.clone(), Rung::Finish, 2))
        .collect();
    let before = Instant::now();
    let again = act(&tmux, &Memory::default(), tmux.server(), finishes).await;
    let finishing = before.elapsed();
    assert!(
        again.iter().all(is_started),
        "{:?}",
        again.iter().find(|o| !is_started(o))
    );
    let bare = TestServer::with_config("");
    let lines: Vec<String> = (0..1000)
        .map(|n| format!("new-session -d -s s{n} -x 200 -y 50 -- sleep 600"))
        .collect();
    let before = Instant::now();
    for chunk in lines.chunks(64) {
        bare.client
            .call(&["source-file", "-"], &(chunk.join("\n") + "\n"))
            .await
            .unwrap();
    }
    println!(
        "1,000 starts {ours:?}, bare {:?}; ask {asking:?}, finish {finishing:?}",
        before.elapsed()
    );
}
