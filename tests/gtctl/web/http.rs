//! What is answered to whom.

use super::site::{Site, answer_of};
use crate::harness::{PATIENCE, QUICK, Yard, of, sleeper};
use gtctl::proc::signal::{Signal, signal};
use gtctl::proc::tree::tree;
use serde_json::{Value, json};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

/// An agent whose screen would run a script if it were HTML.
const HOSTILE: &str = "[[session]]\nsession = \"evil\"\ncommand = [\"sh\", \"-c\", \"echo '<script>alert(1)</script>'; exec sleep 1000\"]\n";

fn yard(sessions: &str) -> Yard {
    let yard = Yard::new(&format!("{QUICK}{sessions}"));
    yard.gtctl(&["apply"]).exits(0);
    yard
}

#[test]
fn only_those_who_may_read_are_answered() {
    let yard = yard(HOSTILE);
    let site = Site::of(&yard, &["--show-panes"]);
    let bearer = site.bearer();
    let status = |path: &str, lines: &[&str]| site.get(path, lines).status;
    let (here, api) = ("Host: localhost", "/api/v1/status");
    for (lines, want) in [
        (vec![here], 401),
        (
            vec![here, "Authorization: Bearer 0000000000000000000000"],
            401,
        ),
        (vec![here, &bearer], 200),
        (vec!["Host: evil.example", &bearer], 403),
        (vec![here, "Host: evil.example", &bearer], 403),
        (vec![here, "Origin: http://evil.example", &bearer], 403),
        (vec![here, "Origin: null", &bearer], 403),
        (vec![here, "Origin: http://localhost", &bearer], 200),
        (vec![here, "Sec-Fetch-Site: cross-site", &bearer], 403),
        (vec![here, "Cookie: gtctl=1; x=y"], 401),
    ] {
        assert_eq!(status(api, &lines), want, "{lines:?}");
    }
    assert_eq!(status("/metrics", &[here]), 401);
    assert_eq!(status("/metrics", &[here, &bearer]), 200);
    assert_eq!(status("/nowhere", &[here, &bearer]), 404);
    let long = format!("X: {}", "a".repeat(64 << 10));
    let refused = status(api, &[here, &bearer, &long]);
    assert!(refused == 431 || refused == 0, "{refused}");
    let post = site.send("POST /api/v1/status HTTP/1.1", &[here, &bearer], "{}");
    assert_eq!(post.status, 405);

    let page = site.get("/", &[here]);
    assert!(
        page.body.contains("Token") && !page.body.contains("evil"),
        "{}",
        page.body
    );
    assert!(page.head.contains("default-src 'none'"), "{}", page.head);
    assert!(
        page.head.contains("x-content-type-options: nosniff"),
        "{}",
        page.head
    );
    let exchanged = site.get("/api/v1/session", &[here, &bearer]);
    assert_eq!(exchanged.status, 204);
    let cookie = exchanged
        .head
        .lines()
        .find(|line| line.starts_with("set-cookie"));
    let cookie = cookie.unwrap();
    assert!(
        cookie.contains("httponly") && cookie.contains("samesite=strict"),
        "{cookie}"
    );
    assert!(!cookie.contains(&site.token), "{cookie}");
    let pair = cookie.trim_start_matches("set-cookie: ").split(';').next();
    let sent = format!("Cookie: {}", pair.unwrap());
    assert_eq!(status(api, &[here, &sent]), 200);
}

#[test]
fn a_hostile_screen_is_plain_text_and_is_shown_only_where_asked_for() {
    let yard = yard(HOSTILE);
    let site = Site::of(&yard, &["--show-panes"]);
    yard.until("the screen", || {
        site.get_with_token("/api/v1/panes/evil")
            .body
            .contains("<script>alert(1)")
    });
    let screen = site.get_with_token("/api/v1/panes/evil");
    assert!(
        screen.head.contains("content-type: text/plain"),
        "{}",
        screen.head
    );
    assert_eq!(site.get_with_token("/api/v1/panes/nobody").status, 204);
    let page = site.get_with_token("/").body;
    assert!(
        page.contains("s-evil") && !page.contains("<script>alert"),
        "{page}"
    );

    let silent = Site::of(&yard, &[]);
    assert_eq!(
        silent.token, "",
        "who only looks on this host needs no token"
    );
    let refused = silent.get("/api/v1/panes/evil", &["Host: localhost"]);
    assert_eq!(refused.status, 403);
    assert!(!silent.get("/", &[]).body.contains("class=\"pane\""));
    silent.running.signal(Signal::TERM);
    silent.running.end().exits(0);
}

#[test]
fn the_verbs_json_is_served() {
    let yard = yard(&sleeper("one", ""));
    let site = Site::of(&yard, &[]);
    let get = |path: &str| -> Value {
        let answer = site.get(path, &["Host: 127.0.0.1"]);
        serde_json::from_str(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.body))
    };
    let keys =
        |page: &Value| -> Vec<String> { page.as_object().unwrap().keys().cloned().collect() };
    for verb in ["status", "diff"] {
        let typed = yard.gtctl(&[verb, "-o", "json"]).json();
        let served = get(&format!("/api/v1/{verb}"));
        assert_eq!(keys(&served), keys(&typed), "{verb}");
        assert_eq!(served["kind"], typed["kind"]);
    }
    let status = get("/api/v1/status");
    assert!(of(&status, "sessions", "one").is_some(), "{status}");
    let events = site.get("/api/v1/events", &[]).body;
    assert_eq!(events, yard.gtctl(&["events", "-o", "json"]).out);
    let metrics = site.get("/metrics", &[]).body;
    assert!(metrics.contains("gtctl_tmux_up{"), "{metrics}");
}

#[test]
fn fifty_readers_cost_no_more_looks_than_one_and_a_killed_agent_shows() {
    let yard = yard(&sleeper("one", ""));
    let site = Site::of(&yard, &[]);
    let begun = Instant::now();
    let mut streams: Vec<_> = (0..50).map(|_| site.stream()).collect();
    let mut last = 0;
    for _ in 0..3 {
        for stream in &mut streams {
            last = last.max(stream.next().0);
        }
    }
    // Looks follow each other at 0.9 s at least, whoever reads. Each reader's own would be 150.
    let most = begun.elapsed().as_secs() * 10 / 9 + 5;
    assert!(last <= most, "{last} looks, at most {most}");

    let killed = Instant::now();
    yard.kill(yard.pid("one"));
    let stream = streams.last_mut().unwrap();
    while of(&stream.next().1, "sessions", "one").unwrap()["phase"] != "dead" {
        assert!(killed.elapsed() < PATIENCE, "the death does not show");
    }
    println!("shown {:?} after the kill", killed.elapsed());
}

#[test]
fn nothing_is_looked_at_or_started_while_nobody_reads() {
    let strace = "/usr/bin/strace";
    if !fs::exists(strace).unwrap() {
        eprintln!("SKIPPED, LOUDLY: there is no strace, so an idle `serve` was not watched");
        return;
    }
    let yard = yard(&sleeper("one", ""));
    let mut command = yard.command(strace);
    let calls = yard.at("calls");
    command
        .args(["-f", "-qq", "-e", "trace=process", "-o"])
        .arg(&calls);
    command.arg(env!("CARGO_BIN_EXE_gtctl"));
    let site = Site::by(&yard, {
        command.args(["serve", "--listen", "127.0.0.1:0"]);
        command
    });
    let begun = |text: &str| -> usize {
        let starts = ["clone", "fork", "execve"];
        text.lines()
            .filter(|line| starts.iter().any(|call| line.contains(call)))
            .count()
    };
    let read = || begun(&fs::read_to_string(&calls).unwrap());
    drop(site.stream().next());
    // The reader has gone; one more look may be under way.
    std::thread::sleep(Duration::from_secs(2));
    let before = read();
    // That nothing happens only time can show.
    std::thread::sleep(Duration::from_secs(4));
    let after = read();
    // KILL of strace alone would leave its child behind.
    for member in tree(site.running.id()) {
        signal(member.id, Signal::KILL);
    }
    assert_eq!(after, before);
}

#[test]
fn actions_are_the_verbs_and_need_their_flag_and_the_word_of_the_page() {
    let yard = yard(&sleeper("one", ""));
    let site = Site::of(&yard, &["--allow-actions"]);
    let (here, bearer) = ("Host: localhost", site.bearer());
    let act = |lines: &[&str], body: &Value| {
        site.send("POST /api/v1/actions HTTP/1.1", lines, &body.to_string())
    };
    let stop = json!({"verb": "stop", "session": "one"});
    let exchanged = site.get("/api/v1/session", &[here, &bearer]).head;
    let cookie = exchanged
        .lines()
        .find_map(|line| line.strip_prefix("set-cookie: "));
    let cookie = format!("Cookie: {}", cookie.unwrap().split(';').next().unwrap());
    assert_eq!(act(&[here], &stop).status, 401);
    assert_eq!(
        act(&[here, &cookie], &stop).status,
        403,
        "the word is missing"
    );
    assert_eq!(act(&[here, &cookie, "X-Gtctl-Csrf: 00"], &stop).status, 403);
    assert!(yard.process("one").is_some());

    let page = site.get("/", &[here, &cookie]).body;
    let word = page.split_once("name=\"csrf\" content=\"").unwrap().1;
    let csrf = format!("X-Gtctl-Csrf: {}", word.split('"').next().unwrap());
    let said: Value = serde_json::from_str(&act(&[here, &cookie, &csrf], &stop).body).unwrap();
    assert_eq!(said["done"], true, "{said}");
    assert!(yard.process("one").is_none());
    let events = yard.gtctl(&["events", "-o", "json"]).out;
    let asked = events
        .lines()
        .find(|line| line.contains("\"actor\":\"web\""));
    assert!(
        asked.is_some_and(|line| line.contains("127.0.0.1")),
        "{events}"
    );

    let unknown = json!({"verb": "move-server", "session": "one"});
    let said: Value = serde_json::from_str(&act(&[here, &bearer], &unknown).body).unwrap();
    assert_eq!(said["done"], false, "{said}");
    let other = json!({"verb": "start", "session": "--help"});
    assert_eq!(act(&[here, &bearer], &other).status, 400);

    let shows = Site::of(&yard, &[]);
    let refused = shows.send("POST /api/v1/actions HTTP/1.1", &[here], &stop.to_string());
    assert_eq!(refused.status, 403);
}

#[test]
fn a_unix_socket_is_for_its_owner_and_goes_with_its_server() {
    let yard = yard(&sleeper("one", ""));
    let path = yard.at("web.sock");
    let listen = format!("unix:{}", path.display());
    let server = yard.start(&["serve", "--listen", &listen]);
    yard.until("the socket", || path.exists());
    let mode = fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let ask = |line: &str| {
        let stream = UnixStream::connect(&path).unwrap();
        answer_of(stream, "GET /api/v1/status HTTP/1.1", &[line], "").status
    };
    assert_eq!(ask("Host: localhost:7433"), 200);
    assert_eq!(ask("Host: evil.example"), 403);
    yard.gtctl(&["serve", "--listen", &listen])
        .exits(1)
        .says("another process listens");
    server.signal(Signal::TERM);
    server.end().exits(0);
    assert!(!path.exists());
}

#[test]
fn other_hosts_need_a_token_that_nobody_else_can_read() {
    let yard = yard(&sleeper("one", ""));
    let open = ["serve", "--listen", "0.0.0.0:0"];
    yard.gtctl(&open).exits(64).says("--token-file");
    let file = yard.at("secret/token");
    let flags = ["--token-file", file.to_str().unwrap()];
    let site = Site::of(&yard, &flags);
    let token = fs::read_to_string(&file).unwrap();
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, token.trim().len()), (0o600, 64));
    let bearer = format!("Authorization: Bearer {}", token.trim());
    let status = |lines: &[&str]| site.get("/api/v1/status", lines).status;
    assert_eq!((status(&[]), status(&[&bearer])), (401, 200));
    drop(site);
    let refuses = |why: &str| {
        yard.gtctl(&[&["serve"], &flags[..]].concat())
            .exits(1)
            .says(why)
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    refuses("chmod 600");
    fs::write(&file, "short\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    refuses("16 characters");
}

#[test]
fn a_controller_serves_its_page_and_closes_it_when_it_is_wanted_no_more() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = free.local_addr().unwrap();
    drop(free);
    let town = |web: &str| {
        let quick = QUICK.replace("[controller]\n", &format!("[controller]\n{web}"));
        format!("{quick}{}", sleeper("one", ""))
    };
    let yard = Yard::new(&town(&format!("web = \"{address}\"\n")));
    let watch = yard.start(&["reconcile", "--watch"]);
    let ask = |path: &str| {
        let stream = std::net::TcpStream::connect(address).ok()?;
        let answer = answer_of(
            stream,
            &format!("GET {path} HTTP/1.1"),
            &["Host: localhost"],
            "",
        );
        (answer.status == 200).then_some(answer.body)
    };
    let phase = || -> Option<String> {
        let status: Value = serde_json::from_str(&ask("/api/v1/status")?).ok()?;
        Some(of(&status, "sessions", "one")?["phase"].to_string())
    };
    yard.until("the session", || {
        phase().is_some_and(|phase| phase != "\"absent\"")
    });
    assert!(ask("/metrics").unwrap().contains("gtctl_controller_up{"));
    assert!(ask("/").unwrap().contains("s-one"));
    assert!(
        ask("/api/v1/panes/one").is_none(),
        "the controller shows no screens"
    );
    yard.declare(&town(""));
    yard.until("the page to be closed", || ask("/").is_none());
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    for (web, why) in [
        ("0.0.0.0:7433", "other hosts can reach"),
        ("127.0.0.1:0", "needs a port"),
        ("town.sock", "neither an address nor"),
    ] {
        yard.declare(&town(&format!("web = \"{web}\"\n")));
        yard.gtctl(&["validate"]).exits(1).says(why);
    }
}
