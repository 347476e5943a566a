//! The client that is held open, against a real server.

use crate::support::{TestServer, name, wait_for};
use gtctl::proc::signal::{Signal, signal};
use gtctl::tmux::list;
use gtctl::tmux::script::NoServer;
use gtctl::tmux::{CallFault, Client};

/// A client with another one to the same server held open.
async fn held(server: &TestServer) -> Client {
    let client = server.scratch.client().holding(&name("town"));
    client.connect().await;
    assert!(sessions(server).iter().any(|session| session.starts_with("_gtctl-town-")));
    client
}

fn sessions(server: &TestServer) -> Vec<String> {
    server.run(&["list-sessions", "-F", "#{session_name}"]).lines().map(str::to_owned).collect()
}

#[tokio::test]
async fn it_hears_what_a_fresh_one_hears() {
    let server = TestServer::start();
    server.session("plain", &["sleep", "1000"]);
    server.session("dead", &["sh", "-c", "printf '%%end 1 2 1\\n%%exit\\n'; exit 3"]);
    server.label("plain", &[("@gtctl_label", "two\nlines %end 1 2 1\n%exit\n\u{1b}[2Jé")]);
    let (fresh, held) = (server.scratch.client(), held(&server).await);
    let dead = wait_for("the death", async || {
        let listing = list::list(&fresh).await.unwrap();
        let dead = listing.rows.iter().find(|row| row.dead && row.status == Some(3)).map(|row| row.pane)?;
        // tmux may see an end before the last output.
        let tails = gtctl::tmux::tail::tails(&fresh, &[dead]).await.ok()?;
        tails.get(&dead).is_some_and(|lines| lines.len() == 2).then_some(dead)
    })
    .await;
    let (one, other) = (list::list(&fresh).await.unwrap(), list::list(&held).await.unwrap());
    assert_eq!(one, other);
    assert_eq!(one.rows.len(), 2, "its own session is not listed");
    let tails = gtctl::tmux::tail::tails(&held, &[dead]).await.unwrap();
    assert_eq!(tails[&dead], ["%end 1 2 1", "%exit"]);
    assert_eq!(gtctl::tmux::tail::tails(&fresh, &[dead]).await.unwrap(), tails);
    for script in ["kill-session -t =none\ndisplay-message -p ok\n", "display-message -p a ; kill-session -t =none\n"] {
        let asked = [fresh.act(script, NoServer::Stale).await, held.act(script, NoServer::Stale).await];
        let [fresh, held] = asked.map(Result::unwrap);
        assert_eq!((&fresh.out, &fresh.err), (&held.out, &held.err), "{script}");
    }
    let bad = held.act("set-option -g @half yes\nbogus\n", NoServer::Stale).await.unwrap();
    assert!(bad.err.contains("unknown command") && !bad.success, "{bad:?}");
    assert_eq!(server.run(&["show-options", "-gqv", "@half"]), "", "all of it or nothing");
}

#[tokio::test]
async fn what_was_given_up_is_not_done_late() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let held = held(&server).await;
    held.act("set-option -g @soon yes\n", NoServer::Stale).await.unwrap();
    assert_eq!(server.run(&["show-options", "-gv", "@soon"]).trim(), "yes");
    signal(server.id.0, Signal::STOP);
    let act = held.act("set-option -g @late yes\n", NoServer::Stale).await;
    assert!(matches!(act, Err(CallFault::Timeout(_))), "{act:?}");
    signal(server.id.0, Signal::CONT);
    for _ in 0..20 {
        assert_eq!(server.run(&["show-options", "-gqv", "@late"]), "");
    }
    assert_eq!(list::list(&held).await.unwrap().rows.len(), 1, "it goes on without");
}

#[tokio::test]
#[ignore = "a tmux 3.3a server may end with a control client that is killed, whoever kills it"]
async fn what_is_dropped_halfway_is_not_done_late() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let held = held(&server).await;
    signal(server.id.0, Signal::STOP);
    let act = held.act("set-option -g @late yes\n", NoServer::Stale);
    let dropped = tokio::time::timeout(std::time::Duration::from_millis(100), act).await;
    assert!(dropped.is_err());
    signal(server.id.0, Signal::CONT);
    for _ in 0..20 {
        assert_eq!(server.run(&["show-options", "-gqv", "@late"]), "");
    }
}

#[tokio::test]
async fn its_session_goes_with_it() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let first = held(&server).await;
    first.release().await;
    wait_for("its end", async || (sessions(&server) == ["one"]).then_some(())).await;
    let second = held(&server).await;
    drop(second);
    wait_for("its end", async || (sessions(&server) == ["one"]).then_some(())).await;
}

#[tokio::test]
async fn it_is_never_attached_to_a_session_of_others() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    server.run(&["set-option", "-g", "detach-on-destroy", "off"]);
    let attached = || server.field("one", "#{session_attached}");
    let held = held(&server).await;
    assert_eq!(attached(), "0");
    server.run(&["kill-session", "-a", "-t", "=one"]);
    assert_eq!((attached().as_str(), sessions(&server)), ("0", vec!["one".to_owned()]));
    assert_eq!(list::list(&held).await.unwrap().rows.len(), 1);
    let again = self::held(&server).await;
    let client = server.run(&["list-clients", "-F", "#{client_name}"]);
    server.run(&["switch-client", "-c", client.trim(), "-t", "=one"]);
    list::list(&again).await.unwrap();
    wait_for("it to let go", async || {
        list::list(&again).await.unwrap();
        (attached() == "0").then_some(())
    })
    .await;
}

#[tokio::test]
async fn it_tells_of_sessions_and_of_its_own_end() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let held = held(&server).await;
    let news = async || tokio::time::timeout(crate::support::PATIENCE, held.news()).await.unwrap();
    news().await;
    server.session("two", &["sleep", "1000"]);
    news().await;
    list::list(&held).await.unwrap();
    signal(server.id.0, Signal::KILL);
    news().await;
    assert!(matches!(list::list(&held).await, Err(list::ListFault::NoServer(_))));
}

#[tokio::test]
async fn another_server_at_its_place_is_not_mistaken_for_it() {
    let server = TestServer::start();
    server.session("one", &["sleep", "1000"]);
    let held = held(&server).await;
    std::fs::remove_file(server.scratch.socket()).unwrap();
    assert!(matches!(list::list(&held).await, Err(list::ListFault::NoServer(_))), "as any other client would say");
}
