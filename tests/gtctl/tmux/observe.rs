//! What one look sees of real tmux servers, well and unwell.

use crate::harness::{AT_ONCE, Scratch, TestServer, name, town, wait_for};
use gtctl::memory::learn;
use gtctl::model::{
    Death, Flaw, Life, Memory, Moment, Observed, Origin, Ownership, PaneId, Period, Scope, Seen,
    Server, ServerId, Town,
};
use gtctl::observe::{self, Depth, Living, Look, LookCache, LookRequest};
use gtctl::proc::signal::{Sent, Signal, signal};
use gtctl::proc::{clock, process};
use gtctl::tmux::Client;
use std::io::Write;
use std::os::unix::net::UnixListener;
use std::time::Instant;

const STARTED: &str = "1700000000000:5000:ab";

/// Labels a session as `town` would, with its active pane as the agent's.
fn label(server: &TestServer, session: &str, origin: &str) {
    let pane = server.field(session, "#{pane_id}");
    let place = server.field(session, "pid=#{pane_pid} at=#{session_id}");
    let label = format!(
        "town=town session={session} gen=7 started={STARTED} pane={pane} {place} origin={origin}"
    );
    server.label(session, &[("@gtctl_label", &label)]);
}

async fn look(
    client: &Client,
    town: &Town,
    memory: &Memory,
    now: Moment,
    depth: Depth,
) -> Observed {
    let request = LookRequest {
        client,
        town,
        memory,
        now,
        depth,
        living: Living::default(),
    };
    observe::look(request, &mut LookCache::default())
        .await
        .observed
}

async fn look_at(server: &TestServer, town: &Town, depth: Depth) -> Server {
    up(look(
        &server.scratch.client(),
        town,
        &knowing(Some(server.id())),
        clock::now(),
        depth,
    )
    .await)
}

fn knowing(server: Option<ServerId>) -> Memory {
    Memory {
        server,
        ..Memory::default()
    }
}

fn up(observed: Observed) -> Server {
    match observed {
        Observed::Up(server) => server,
        Observed::Down | Observed::Unknown(_) => panic!("not up: {observed:?}"),
    }
}

fn why(observed: Observed) -> String {
    match observed {
        Observed::Unknown(why) => why,
        Observed::Up(_) | Observed::Down => panic!("not unknown: {observed:?}"),
    }
}

fn death(seen: &Seen) -> Option<Death> {
    match &seen.life {
        Life::Dead { death, .. } => Some(*death),
        Life::Alive { .. } | Life::Unknown(_) => None,
    }
}

fn matches(seen: &Seen) -> bool {
    matches!(seen.life, Life::Alive { matches: true, .. })
}

#[tokio::test]
async fn a_well_town_costs_one_round_trip() {
    let server = TestServer::start();
    let sessions: Vec<String> = (0..20).map(|n| format!("crew-{n}")).collect();
    let declared: Vec<(&str, &[&str])> = sessions
        .iter()
        .map(|s| (s.as_str(), &["sleep"][..]))
        .collect();
    for session in &sessions {
        server.session(session, &["sleep", "1000"]);
        label(&server, session, "started");
    }
    let (client, town) = (server.scratch.client(), town(&declared));
    let (mut memory, mut calls) = (knowing(Some(server.id())), client.calls());
    let seen = wait_for("screens that are known", async || {
        let now = clock::now();
        let observed = look(&client, &town, &memory, now, Depth::Plan).await;
        memory = learn(std::mem::take(&mut memory), &town, &observed, now);
        let made = client.calls() - std::mem::replace(&mut calls, client.calls());
        (made == 1).then(|| up(observed))
    })
    .await;
    assert!(memory.sessions.values().all(|history| {
        history
            .content()
            .is_some_and(gtctl::model::Content::is_agreed)
    }));
    assert_eq!(
        (seen.id, seen.sessions.len(), seen.own),
        (server.id(), 20, None)
    );
    assert!(!seen.version.is_empty());
    let one = &seen.sessions["crew-7"];
    let Ownership::Ours(label) = &one.ownership else {
        panic!("{one:?}")
    };
    assert_eq!(
        (label.session.as_str(), label.generation.0, label.origin),
        ("crew-7", 7, Origin::Started)
    );
    assert_eq!(
        (label.fingerprint, label.handoff, label.pane),
        (None, None, one.pane)
    );
    let Life::Alive {
        process,
        matches: true,
        comm,
    } = &one.life
    else {
        panic!("{one:?}")
    };
    assert_eq!(
        (*process, comm.as_str(), one.usage),
        (server.process("crew-7"), "sleep", None)
    );
    assert!(one.quiet < Period::from_mins(5) && one.attached == 0);

    let full = up(look(&client, &town, &memory, clock::now(), Depth::Full).await);
    assert_eq!(client.calls(), calls + 1);
    assert!(
        full.sessions
            .values()
            .all(|s| s.usage.is_some_and(|u| u.processes == 1 && u.rss > 0))
    );
}

#[tokio::test]
async fn deaths_are_told_apart_and_never_read_as_success() {
    let server = TestServer::start();
    server.session("killed", &["sleep", "1000"]);
    // It ends only when its words have been seen: what is printed just before an end can be lost on
    // every version of tmux.
    let mute = server.scratch.path().join("mute");
    let waits = format!(
        "echo last words; until [ -e {} ]; do sleep 0.05; done; exit 3",
        mute.display()
    );
    server.session("exits", &["sh", "-c", &waits]);
    wait_for("the last words", async || {
        server
            .run(&["capture-pane", "-p", "-t", "=exits:"])
            .contains("last words")
            .then_some(())
    })
    .await;
    std::fs::write(&mute, "").unwrap();
    let town = town(&[("killed", &["sleep"]), ("exits", &["sh"])]);
    for session in ["killed", "exits"] {
        label(&server, session, "started");
    }
    assert_eq!(
        signal(server.process("killed"), Signal::KILL),
        Sent::Delivered
    );
    let seen = wait_for("both to be dead", async || {
        let seen = look_at(&server, &town, Depth::Plan).await;
        (death(&seen.sessions["exits"]).is_some() && death(&seen.sessions["killed"]).is_some())
            .then_some(seen)
    })
    .await;
    assert!(
        matches!(
            death(&seen.sessions["killed"]),
            Some(Death::Signal(9) | Death::StatusLost)
        ),
        "{seen:?}"
    );
    assert!(
        matches!(
            death(&seen.sessions["exits"]),
            Some(Death::Exit(3) | Death::StatusLost)
        ),
        "{seen:?}"
    );
    let Life::Dead { tail, at, .. } = &seen.sessions["exits"].life else {
        panic!("{seen:?}")
    };
    assert_eq!(tail.as_slice(), ["last words"]);
    assert!(at.is_none_or(|at| (clock::now().wall - at).abs() < 60_000));
}

#[tokio::test]
async fn a_death_that_tmux_never_hears_of_is_seen_all_the_same() {
    let server = TestServer::start_deaf();
    server.session("killed", &["sleep", "1000"]);
    server.session("exits", &["sh", "-c", "exit 0"]);
    server.session("lives", &["sleep", "1000"]);
    for session in ["killed", "exits", "lives"] {
        label(&server, session, "started");
    }
    signal(server.process("killed"), Signal::KILL);
    let client = server.scratch.client();
    let seen = wait_for("both deaths to be seen", async || {
        let seen = up(look(
            &client,
            &town(&[]),
            &knowing(Some(server.id())),
            clock::now(),
            Depth::Plan,
        )
        .await);
        (death(&seen.sessions["killed"]).is_some() && death(&seen.sessions["exits"]).is_some())
            .then_some(seen)
    })
    .await;
    assert_eq!(death(&seen.sessions["killed"]), Some(Death::StatusLost));
    assert_eq!(
        death(&seen.sessions["exits"]),
        Some(Death::StatusLost),
        "an empty status is no 0"
    );
    assert!(matches(&seen.sessions["lives"]));
    let before = client.calls();
    up(look(
        &client,
        &town(&[]),
        &knowing(Some(server.id())),
        clock::now(),
        Depth::Plan,
    )
    .await);
    assert_eq!(
        client.calls() - before,
        4,
        "the list, and three more after nudges, with the screens of the dead"
    );
}

#[tokio::test]
async fn many_deaths_at_once_all_become_known() {
    let server = TestServer::start();
    let sessions: Vec<String> = (0..30).map(|n| format!("s{n}")).collect();
    for session in &sessions {
        server.session(session, &["sleep", "1000"]);
        label(&server, session, "started");
    }
    let processes: Vec<_> = sessions.iter().map(|s| server.process(s)).collect();
    for process in &processes {
        signal(*process, Signal::KILL);
    }
    wait_for("the ends", async || {
        (!processes.iter().any(|process| process::may_live(*process))).then_some(())
    })
    .await;
    let seen = look_at(&server, &town(&[]), Depth::Plan).await;
    for session in seen.sessions.values() {
        assert!(
            matches!(death(session), Some(Death::Signal(9) | Death::StatusLost)),
            "{session:?}"
        );
    }
}

/// A server with ten labelled sessions, and what the looks at it have left.
struct Watched {
    server: TestServer,
    client: Client,
    town: Town,
    seen: Observed,
    living: Living,
    looks: LookCache,
}

impl Watched {
    async fn new(server: TestServer) -> Self {
        for n in 0..10 {
            server.session(&format!("s{n}"), &["sleep", "1000"]);
            label(&server, &format!("s{n}"), "started");
        }
        let (client, town) = (server.scratch.client(), town(&[]));
        let mut watched = Self {
            server,
            client,
            town,
            seen: Observed::Down,
            living: Living::default(),
            looks: LookCache::default(),
        };
        watched.look().await;
        watched
    }

    /// Kills the agents of these, and hears of that.
    async fn kill(&mut self, sessions: &[&str]) {
        let processes: Vec<_> = sessions
            .iter()
            .map(|session| self.server.process(session))
            .collect();
        for process in &processes {
            signal(*process, Signal::KILL);
        }
        wait_for("the ends", async || {
            (!processes.iter().any(|one| process::may_live(*one))).then_some(())
        })
        .await;
        self.living.retain(|process| !processes.contains(&process));
    }

    /// A look of somebody who has heard of all ends, and how many calls it took.
    async fn look(&mut self) -> (Server, Scope, u64) {
        let before = self.client.calls();
        let request = LookRequest {
            client: &self.client,
            town: &self.town,
            memory: &knowing(Some(self.server.id())),
            now: clock::now(),
            depth: Depth::Plan,
            living: self.living.clone(),
        };
        let Look { observed, scope } = observe::look(request, &mut self.looks).await;
        self.seen = observed;
        self.living = Living::of(&self.seen, process::may_live);
        (up(self.seen.clone()), scope, self.client.calls() - before)
    }
}

fn of(sessions: &[&str]) -> Scope {
    Scope::Sessions(sessions.iter().map(|session| name(session)).collect())
}

#[tokio::test]
async fn of_a_town_in_which_only_a_few_have_ended_only_they_are_asked_after() {
    let mut watched = Watched::new(TestServer::start()).await;
    let before = up(watched.seen.clone());
    watched.kill(&["s3", "s5"]).await;
    // What nobody is told of is seen by the look after it.
    watched
        .server
        .run(&["new-session", "-d", "-s", "late", "sleep", "1000"]);
    let (seen, scope, _) = watched.look().await;
    assert_eq!(scope, of(&["s3", "s5"]));
    for (session, was) in &before.sessions {
        let is = &seen.sessions[session];
        if ["s3", "s5"].contains(&session.as_str()) {
            assert!(
                matches!(death(is), Some(Death::Signal(9) | Death::StatusLost)),
                "{is:?}"
            );
            assert_eq!(
                (is.id, is.pane, &is.ownership),
                (was.id, was.pane, &was.ownership)
            );
        } else {
            assert_eq!(
                &Seen {
                    quiet: was.quiet,
                    ..is.clone()
                },
                was
            );
        }
    }
    assert!(!seen.sessions.contains_key("late"));
    watched.kill(&["s7"]).await;
    let (seen, scope, _) = watched.look().await;
    assert_eq!(scope, Scope::Town, "the one after it is of all");
    assert!(seen.sessions.contains_key("late") && death(&seen.sessions["s7"]).is_some());
    watched.kill(&["s8"]).await;
    let (seen, scope, _) = watched.look().await;
    assert_eq!(scope, of(&["s8"]));
    assert!(death(&seen.sessions["s3"]).is_some() && death(&seen.sessions["s8"]).is_some());
    assert_eq!(watched.look().await.1, Scope::Town);
    assert_eq!(watched.look().await.1, Scope::Town, "nobody has ended");
}

#[tokio::test]
async fn where_those_who_ended_are_not_where_they_were_all_are_asked_after() {
    let link: &[&str] = &["link-window", "-d", "-s", "=s3:", "-t", "=s4:"];
    let mut watched = Watched::new(TestServer::start()).await;
    watched.server.run(link);
    assert_eq!(watched.look().await.1, Scope::Town);
    watched.kill(&["s3"]).await;
    assert_eq!(watched.look().await.1, Scope::Town, "in two sessions");
    let moves: &[&str] = &["move-pane", "-d", "-s", "=s3:", "-t", "=s4:"];
    for change in [&["kill-session", "-t", "=s3"][..], moves] {
        let mut watched = Watched::new(TestServer::start()).await;
        watched.kill(&["s3"]).await;
        watched.server.run(change);
        let (seen, scope, _) = watched.look().await;
        assert_eq!(scope, Scope::Town, "{change:?}");
        assert!(!seen.sessions.contains_key("s3"), "{change:?}");
    }
}

#[tokio::test]
async fn of_a_server_that_never_hears_of_the_end_only_they_are_asked_after_again() {
    let mut watched = Watched::new(TestServer::start_deaf()).await;
    watched.kill(&["s3"]).await;
    let (seen, scope, calls) = watched.look().await;
    assert_eq!(
        (death(&seen.sessions["s3"]), scope, calls),
        (Some(Death::StatusLost), of(&["s3"]), 4)
    );
}

#[tokio::test]
async fn a_frozen_server_is_unknown_and_holds_nobody_up() {
    let server = TestServer::start();
    server.session("a", &["sleep", "1000"]);
    signal(server.id().0, Signal::STOP);
    let begun = Instant::now();
    let observed = look(
        &server.scratch.client(),
        &town(&[]),
        &knowing(Some(server.id())),
        clock::now(),
        Depth::Plan,
    )
    .await;
    assert!(begun.elapsed() < AT_ONCE);
    assert!(why(observed).contains("no answer"));
    signal(server.id().0, Signal::CONT);
    assert_eq!(
        look_at(&server, &town(&[]), Depth::Plan)
            .await
            .sessions
            .len(),
        1
    );
}

#[tokio::test]
async fn a_removed_socket_file_comes_back_from_the_same_server() {
    let server = TestServer::start();
    server.session("a", &["sleep", "1000"]);
    for known in [Some(server.id()), None] {
        std::fs::remove_file(server.scratch.socket()).unwrap();
        let observed = look(
            &server.scratch.client(),
            &town(&[]),
            &knowing(known),
            clock::now(),
            Depth::Plan,
        )
        .await;
        let seen = up(observed);
        assert_eq!((seen.id, seen.sessions.len()), (server.id(), 1));
        assert!(server.scratch.socket().exists());
    }
}

#[tokio::test]
async fn down_is_said_only_when_it_is_proved() {
    let (scratch, town, now) = (Scratch::new(), town(&[]), clock::now());
    assert_eq!(
        look(&scratch.client(), &town, &knowing(None), now, Depth::Plan).await,
        Observed::Down
    );
    assert!(!scratch.socket().exists(), "a look starts no server");
    // A server that was seen before and still runs, though nothing listens.
    let alive = gtctl::model::ServerId(process::identify(std::process::id()).unwrap());
    assert!(
        why(look(
            &scratch.client(),
            &town,
            &knowing(Some(alive)),
            now,
            Depth::Plan
        )
        .await)
        .contains("still runs")
    );

    let server = TestServer::start();
    server.run(&["kill-server"]);
    let observed = wait_for("the server to end", async || {
        let observed = look(
            &server.scratch.client(),
            &town,
            &knowing(Some(server.id())),
            now,
            Depth::Plan,
        )
        .await;
        matches!(observed, Observed::Down).then_some(observed)
    });
    assert_eq!(observed.await, Observed::Down);
}

#[tokio::test]
async fn what_is_no_tmux_server_is_unknown() {
    for words in [
        &b""[..],
        b"garbage\n\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
    ] {
        let scratch = Scratch::new();
        let listener = UnixListener::bind(scratch.socket()).unwrap();
        std::thread::spawn(move || {
            while let Ok((mut stream, _)) = listener.accept() {
                drop(stream.write_all(words));
            }
        });
        let observed = look(
            &scratch.client(),
            &town(&[]),
            &knowing(None),
            clock::now(),
            Depth::Plan,
        )
        .await;
        assert!(!why(observed).is_empty());
    }
}

#[tokio::test]
async fn an_empty_server_is_up() {
    let server = TestServer::start();
    let seen = look_at(&server, &town(&[("a", &["sleep"])]), Depth::Plan).await;
    assert_eq!((seen.id, seen.sessions.len()), (server.id(), 0));
}

fn is_garbled(owner: &Ownership) -> bool {
    matches!(owner, Ownership::Unproved(unproved) if unproved.flaw == Flaw::Garbled)
}

#[tokio::test]
async fn hostile_text_forges_nothing() {
    let server = TestServer::start();
    let evil = "x\n$9 %9 1 0\n\u{1b}]0;t\u{7}#{pid} 'q' \"p\" \\ $(id) é🦀 town";
    let dir = server.scratch.path().join("di\nr #(touch forged) $1");
    std::fs::create_dir(&dir).unwrap();
    let shell = "printf '\\033]2;ti\\ntle $9 %%9\\007'; exec sleep 1000";
    // tmux runs what it finds in a directory's name; here it is to stand in the path, not to run.
    let spelled = dir.to_string_lossy().replace('#', "##");
    server.run(&[
        "new-session",
        "-d",
        "-s",
        "we ird %1 $2 é",
        "-c",
        &spelled,
        "sh",
        "-c",
        shell,
    ]);
    server.session("plain", &["sleep", "1000"]);
    label(&server, "plain", "started");
    server.label(
        "we ird %1 $2 é",
        &[("@gtctl_label", evil), ("@gtctl_handoff", evil)],
    );
    let seen = look_at(&server, &town(&[("plain", &["sleep"])]), Depth::Full).await;
    assert_eq!(seen.sessions.len(), 2);
    let stranger = seen
        .sessions
        .iter()
        .find(|(n, _)| n.as_str() != "plain")
        .unwrap();
    assert_eq!(stranger.0.as_str(), "we ird %1 $2 é");
    assert!(is_garbled(&stranger.1.ownership));
    assert!(matches(&seen.sessions["plain"]));
    // Labels of ours that were damaged protect nothing; another town's are respected whatever else
    // they say.
    server.label(
        "plain",
        &[(
            "@gtctl_label",
            &format!("town=town session=plain gen={evil}"),
        )],
    );
    server.label(
        "we ird %1 $2 é",
        &[("@gtctl_label", "town=elsewhere gen=?")],
    );
    let seen = look_at(&server, &town(&[("plain", &["sleep"])]), Depth::Plan).await;
    assert!(is_garbled(&seen.sessions["plain"].ownership));
    assert_eq!(
        seen.sessions["we ird %1 $2 é"].ownership,
        Ownership::Foreign("elsewhere".into())
    );
}

#[tokio::test]
async fn names_that_begin_alike_stay_apart() {
    let server = TestServer::start();
    server.session("gt-rig-crew-10", &["sleep", "1000"]);
    let town = town(&[
        ("gt-rig-crew-1", &["sleep"]),
        ("gt-rig-crew-10", &["sleep"]),
    ]);
    label(&server, "gt-rig-crew-10", "started");
    let seen = look_at(&server, &town, Depth::Plan).await;
    assert_eq!(seen.sessions.keys().collect::<Vec<_>>(), ["gt-rig-crew-10"]);
}

#[tokio::test]
async fn linked_and_grouped_windows_belong_to_each_session_once() {
    let server = TestServer::start();
    server.session("a", &["sleep", "1000"]);
    server.session("b", &["sleep", "1000"]);
    label(&server, "a", "started");
    server.run(&["link-window", "-s", "=a:0", "-t", "=b:5"]);
    server.run(&["link-window", "-s", "=a:0", "-t", "=a:5"]);
    server.run(&["new-session", "-d", "-t", "=a", "-s", "group"]);
    let seen = look_at(&server, &town(&[("a", &["sleep"])]), Depth::Full).await;
    assert_eq!(seen.sessions.len(), 3);
    let (a, b) = (&seen.sessions["a"], &seen.sessions["b"]);
    assert!(matches(a) && matches!(a.ownership, Ownership::Ours(_)));
    assert_eq!(a.usage.unwrap().processes, 1);
    assert_eq!((&b.ownership, b.pane), (&Ownership::Unlabelled, a.pane));
    assert_eq!(seen.sessions["group"].ownership, Ownership::Unlabelled);
}

#[tokio::test]
async fn an_unlabelled_session_is_known_by_the_agent_in_its_tree() {
    let server = TestServer::start();
    server.session("agent", &["sh", "-c", "echo; read x"]);
    server.run(&[
        "new-window",
        "-d",
        "-t",
        "=agent:",
        "sh",
        "-c",
        "sleep 1000; :",
    ]);
    server.session("stranger", &["sh", "-c", "read x"]);
    let town = town(&[("agent", &["sleep"]), ("stranger", &["sleep"])]);
    let seen = wait_for("the agent to be recognised", async || {
        let seen = look_at(&server, &town, Depth::Plan).await;
        // Newer versions answer before what they forked runs its program.
        let forked = matches!(&seen.sessions["stranger"].life, Life::Alive { comm, .. } if comm.starts_with("tmux"));
        (matches(&seen.sessions["agent"]) && !forked).then_some(seen)
    })
    .await;
    let second = server.run(&["list-panes", "-s", "-t", "=agent:", "-F", "#{pane_id}"]);
    assert_eq!(
        seen.sessions["agent"].pane,
        second.lines().last().unwrap().parse::<PaneId>().unwrap()
    );
    let Life::Alive {
        matches: false,
        comm,
        ..
    } = &seen.sessions["stranger"].life
    else {
        panic!("{seen:?}")
    };
    assert_eq!(comm, "sh");
}

#[tokio::test]
async fn an_adopted_session_needs_its_agent_and_a_labelled_one_its_pane() {
    let server = TestServer::start();
    server.session("here", &["sh", "-c", "sleep 1000; :"]);
    server.session("gone", &["sh", "-c", "read x"]);
    server.session("moved", &["sleep", "1000"]);
    label(&server, "here", "adopted");
    label(&server, "gone", "adopted");
    label(&server, "moved", "started");
    let pane = server.field("moved", "#{pane_id}");
    server.run(&["new-window", "-d", "-t", "=moved:", "sleep", "1000"]);
    server.run(&["kill-pane", "-t", &pane]);
    let town = town(&[
        ("here", &["sleep"]),
        ("gone", &["sleep"]),
        ("moved", &["sleep"]),
    ]);
    let seen = wait_for("the adopted agent to be found", async || {
        let seen = look_at(&server, &town, Depth::Plan).await;
        matches(&seen.sessions["here"]).then_some(seen)
    })
    .await;
    assert_eq!(death(&seen.sessions["gone"]), Some(Death::NoAgent));
    assert_eq!(death(&seen.sessions["moved"]), Some(Death::Vanished));
    assert_eq!(seen.sessions["moved"].pane.to_string(), pane);
}

/// The other half of the next test: a look from within a pane.
#[tokio::test]
#[ignore = "is run inside a pane by the test beside it"]
async fn look_from_within() {
    let (Ok(socket), Ok(answer)) = (std::env::var("LOOK_SOCKET"), std::env::var("LOOK_ANSWER"))
    else {
        return;
    };
    let client = gtctl::tmux::Client::new(&gtctl::model::Socket::Path(socket.into()));
    let seen = up(look(
        &client,
        &town(&[]),
        &knowing(None),
        clock::now(),
        Depth::Plan,
    )
    .await);
    let own = seen.own.map_or("none".to_owned(), |id| id.to_string());
    std::fs::write(format!("{answer}.new"), own).unwrap();
    std::fs::rename(format!("{answer}.new"), answer).unwrap();
}

#[tokio::test]
async fn the_session_we_run_in_is_recognised() {
    let server = TestServer::start();
    let (socket, answer) = (
        server.scratch.socket(),
        server.scratch.path().join("answer"),
    );
    server.session("other", &["sleep", "1000"]);
    let program = std::env::current_exe().unwrap();
    let script = format!(
        "LOOK_SOCKET='{}' LOOK_ANSWER='{}' '{}' --ignored --exact '{}::look_from_within'; exec sleep 1000",
        socket.display(),
        answer.display(),
        program.display(),
        module_path!().trim_start_matches("gtctl::"),
    );
    server.session("own", &["sh", "-c", &script]);
    let own = wait_for("the answer", async || std::fs::read_to_string(&answer).ok()).await;
    assert_eq!(own, server.field("own", "#{session_id}"));
    assert_eq!(name("own").as_str(), server.field("own", "#{session_name}"));
}
