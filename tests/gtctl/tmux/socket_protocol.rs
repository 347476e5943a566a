//! The client that speaks to a server over its socket, against a real one and against what is none.

use crate::harness::{AT_ONCE, Scratch, TestServer, wait_for};
use gtctl::proc::process;
use gtctl::proc::signal::{Signal, signal};
use gtctl::tmux::list;
use gtctl::tmux::script::NoServer;
use gtctl::tmux::{Access, CallFault, Client};
use std::fmt::Write as _;
use std::io::{Read, Write as _};
use std::os::unix::net::UnixListener;
use std::time::{Duration, Instant};

/// What `tmux source-file -` prints for a script.
async fn by_process(client: &Client, script: &str) -> gtctl::tmux::CallAnswer {
    client.call(&["source-file", "-"], script).await.unwrap()
}

#[tokio::test]
async fn it_hears_what_a_process_hears() {
    let server = TestServer::start();
    let client = server.scratch.client();
    let lasting = client.lasting(Access::Act);
    server.session("plain", &["sleep", "1000"]);
    server.label("plain", &[("@gtctl_label", "two\nlines \u{1b}[2Jé ✳")]);
    let mut long = String::new();
    for n in 0..4_000 {
        writeln!(
            long,
            "display-message -p \"line {n} é ✳ of a script that no single frame holds\""
        )
        .unwrap();
    }
    for script in [
        "display-message -p \"#{@gtctl_label} é\"\n",
        "kill-session -t =none\ndisplay-message -p ok\n",
        "display-message -p a ; kill-session -t =none\n",
        "set-option -g @half yes\nbogus\n",
        "list-panes -a -F '#{session_name} #{pane_dead}'\n",
        "show-environment -g PATH\n",
        "",
        &long,
    ] {
        let (ours, theirs) = (
            client.act(script, NoServer::Stale).await.unwrap(),
            by_process(&client, script).await,
        );
        assert_eq!(ours, theirs, "{}", script.lines().next().unwrap_or(""));
        for _ in 0..3 {
            assert_eq!(lasting.act(script, NoServer::Stale).await.unwrap(), theirs);
            assert_eq!(lasting.read(script).await.unwrap(), theirs);
        }
        if theirs.success {
            assert_eq!(client.read_at_once(script).await.unwrap(), theirs);
        }
    }
    assert_eq!(
        server.run(&["show-options", "-gqv", "@half"]),
        "",
        "all of a script or nothing"
    );
    assert_eq!(list::list(&client).await.unwrap().rows.len(), 1);
}

#[tokio::test]
async fn a_session_started_by_it_has_the_same_environment() {
    let server = TestServer::start();
    server.run(&["set-option", "-g", "update-environment", "PATH GTCTL_TOWN"]);
    let client = server.scratch.client();
    let new = |name: &str| format!("new-session -d -s {name} -- sleep 1000\n");
    client.act(&new("ours"), NoServer::Stale).await.unwrap();
    by_process(&client, &new("theirs")).await;
    let shown = |name: &str| server.run(&["show-environment", "-t", &format!("={name}:")]);
    assert_eq!(shown("ours"), shown("theirs"));
    assert!(shown("ours").contains("PATH="));
    assert_eq!(
        server.field("ours", "#{session_path}"),
        server.field("theirs", "#{session_path}")
    );
}

#[tokio::test]
async fn it_leaves_no_process_and_no_client_behind() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let client = server.scratch.client();
    let files = || {
        std::fs::read_dir(format!("/proc/{}/fd", server.id().0.pid))
            .unwrap()
            .count()
    };
    list::list(&client).await.unwrap();
    wait_for("the server to be done with it", async || {
        (server.run(&["list-clients"]).is_empty()).then_some(())
    })
    .await;
    let before = files();
    for _ in 0..200 {
        list::list(&client).await.unwrap();
    }
    wait_for("all to be closed", async || {
        (files() <= before + 1).then_some(())
    })
    .await;
    assert_eq!(client.calls(), 201);
}

/// How many sockets the server has open: its own, and one for each client.
fn connections(server: &TestServer) -> usize {
    let opened = std::fs::read_dir(format!("/proc/{}/fd", server.id().0.pid)).unwrap();
    let sockets = opened.filter_map(|file| std::fs::read_link(file.unwrap().path()).ok());
    sockets
        .filter(|link| link.to_string_lossy().starts_with("socket:"))
        .count()
}

#[tokio::test]
async fn a_kept_connection_carries_many_scripts_and_goes_in_time() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let client = server.scratch.client().lasting(Access::Act);
    // What began it has gone then.
    let before = 1;
    wait_for("only its own socket", async || {
        (connections(&server) == before).then_some(())
    })
    .await;
    for n in 0..205 {
        let script = format!("display-message -p {n}\n");
        assert_eq!(
            client.act(&script, NoServer::Stale).await.unwrap().out,
            format!("{n}\n")
        );
        assert_eq!(list::list(&client).await.unwrap().rows.len(), 1);
    }
    assert_eq!(client.calls(), 410);
    // The server takes its time to close one that was given back.
    wait_for("one connection to be left", async || {
        (connections(&server) == before + 1).then_some(())
    })
    .await;
    wait_for("it to be let go", async || {
        (connections(&server) == before).then_some(())
    })
    .await;
    list::list(&client).await.unwrap();
    wait_for("one connection again", async || {
        (connections(&server) == before + 1).then_some(())
    })
    .await;
    drop(client);
    wait_for("it to go with its client", async || {
        (connections(&server) == before).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_kept_connection_keeps_no_server_from_ending() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let client = server.scratch.client().lasting(Access::Act);
    list::list(&client).await.unwrap();
    server.run(&["kill-server"]);
    wait_for("the server to end", async || {
        (!process::may_live(server.id().0)).then_some(())
    })
    .await;
    assert!(matches!(
        list::list(&client).await,
        Err(list::ListFault::NoServer(_))
    ));
}

#[tokio::test]
async fn who_waits_for_an_answer_keeps_no_server_from_ending_either() {
    for kept in [false, true] {
        let server = TestServer::start();
        server.session("one", &["sleep", "1000"]);
        let client = server.scratch.client();
        let client = if kept {
            client.lasting(Access::Act)
        } else {
            client
        };
        // It ends the server, and would wait for something that never comes.
        let script = "kill-server\nwait-for never\n";
        // Whether it hangs up on us or lets go of who waits, which then counts as done, is a matter
        // of which comes first.
        let _ = client.act(script, NoServer::Stale).await;
        wait_for("the server to end", async || {
            (!process::may_live(server.id().0)).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_given_up_before_its_turn_is_never_done() {
    for client in [Client::clone, |client: &Client| client.lasting(Access::Act)] {
        given_up_before_its_turn(client).await;
    }
}

async fn given_up_before_its_turn(client: fn(&Client) -> Client) {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let client = client(&server.scratch.client());
    list::list(&client).await.unwrap();
    // Longer than a server's asking counts.
    tokio::time::sleep(Duration::from_millis(200)).await;
    signal(server.id().0, Signal::STOP);
    let begun = Instant::now();
    let act = client
        .act("set-option -g @late yes\n", NoServer::Stale)
        .await;
    assert!(matches!(act, Err(CallFault::Timeout(_))), "{act:?}");
    assert!(begun.elapsed() < AT_ONCE);
    signal(server.id().0, Signal::CONT);
    assert_eq!(
        client
            .act("display-message -p on\n", NoServer::Stale)
            .await
            .unwrap()
            .out,
        "on\n"
    );
    assert_eq!(server.run(&["show-options", "-gqv", "@late"]), "");
}

#[tokio::test]
async fn a_server_outlives_clients_that_hang_up_anywhere() {
    let server = TestServer::start();
    for n in 0..20 {
        server.session(&format!("s{n}"), &["sleep", "1000"]);
    }
    let client = server.scratch.client();
    let script = "list-panes -a -F '#{session_name} #{pane_id}'\n".repeat(50);
    for micros in 0..2_000 {
        // Dropped where it is, as at the end of a process that is killed.
        let _ = tokio::time::timeout(Duration::from_micros(micros), client.read(&script)).await;
    }
    assert!(process::may_live(server.id().0));
    assert_eq!(list::list(&client).await.unwrap().rows.len(), 20);
}

#[tokio::test]
async fn what_is_no_server_is_left_to_tmux_to_name() {
    let scratch = Scratch::new();
    let nobody = scratch.client();
    let list = list::list(&nobody).await;
    assert!(
        matches!(list, Err(list::ListFault::NoServer(_))),
        "{list:?}"
    );
    let listener = UnixListener::bind(scratch.socket()).unwrap();
    let talker = std::thread::spawn(move || {
        // The socket's own client first, then tmux's.
        for stream in listener.incoming().take(3) {
            let mut stream = stream.unwrap();
            let mut head = [0; 16];
            if stream.read_exact(&mut head).is_err() {
                // Who listens was looked at, before tmux's own client.
                continue;
            }
            stream
                .write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
                .unwrap();
        }
    });
    let answer = nobody.act("kill-server\n", NoServer::Stale).await;
    assert!(
        !matches!(&answer, Ok(answer) if answer.success),
        "{answer:?}"
    );
    talker.join().unwrap();
}
