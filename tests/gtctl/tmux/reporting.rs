//! Life beside people and other programs: the sign of life, the service manager, the command of
//! [notify], metrics.

use crate::harness::{QUICK, Running, Yard, session, sleeper};
use gtctl::proc::process::{self, Presence};
use gtctl::proc::signal::Signal;
use serde_json::Value;
use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

/// A town of one, and its controller after a first cycle.
fn watched(yard: &Yard) -> Running {
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the first cycle", || {
        yard.gtctl(&["status"]).out.contains("last cycle")
    });
    watch
}

#[test]
fn status_tells_how_the_controller_does() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    yard.gtctl(&["status"])
        .exits(0)
        .says("\nno controller runs\n");
    assert!(yard.gtctl(&["status", "-o", "json"]).json()["controller"].is_null());
    let watch = watched(&yard);
    let pid = watch.id().pid;
    yard.gtctl(&["status"])
        .exits(0)
        .says(&format!("\ncontroller {pid} · last cycle "));
    let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
    assert_eq!(
        (&page["controller"]["pid"], &page["controller"]["overdue"]),
        (&pid.into(), &false.into())
    );

    watch.signal(Signal::STOP);
    yard.until(
        "the stop",
        || matches!(process::look(pid), Presence::Alive(stat) if stat.state == 'T'),
    );
    age_the_last_cycle(&yard);
    yard.gtctl(&["status"])
        .exits(1)
        .says(&format!("controller {pid} · last cycle "))
        .says("it is stopped or hangs");
    let page = yard.gtctl(&["status", "-o", "json"]).exits(1).json();
    assert_eq!(page["controller"]["overdue"], true);
    let down = format!("gtctl_controller_up{{town=\"{}\"}} 0\n", yard.town);
    yard.gtctl(&["metrics"]).exits(0).says(&down);
    watch.signal(Signal::CONT);
    yard.until("the next cycle", || yard.gtctl(&["status"]).code == Some(0));

    watch.kill();
    yard.gtctl(&["status"])
        .exits(0)
        .says("\nno controller runs\n");
}

/// Moves the moment of the last cycle back by 40 s of awake time.
fn age_the_last_cycle(yard: &Yard) {
    let file = yard.state().join("controller.json");
    let mut beat: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    let cycled: gtctl::model::Moment = beat["cycled"].as_str().unwrap().parse().unwrap();
    let earlier = cycled.minus(gtctl::model::Period::from_secs(40));
    beat["cycled"] = earlier.to_string().into();
    fs::write(&file, beat.to_string()).unwrap();
}

#[test]
fn a_broken_manifest_shows_in_status_while_the_last_good_one_is_in_force() {
    let yard = Yard::new(&format!("{QUICK}{}", sleeper("one", "")));
    let watch = watched(&yard);
    let good = yard.read("town.toml");
    yard.write_manifest(&format!("{good}\nnonsense = 1\n"));
    yard.until("the broken manifest", || {
        yard.gtctl(&["status"])
            .out
            .contains("the manifest has errors since ")
    });
    let said = yard.gtctl(&["status"]).exits(0);
    assert!(
        said.err.contains("unknown key") && said.err.contains("gtctl uses the last good one"),
        "{}",
        said.err
    );
    // With a manifest that only the controller cannot follow, the table is shown too.
    yard.write_manifest(&good.replace("[controller]", "root = \"/\"\n[controller]"));
    yard.until("the other root", || {
        let said = yard.gtctl(&["status"]);
        said.code == Some(0) && said.out.contains("stop this controller and start it again")
    });
    yard.write_manifest(&good);
    yard.until("the good manifest", || {
        !yard
            .gtctl(&["status"])
            .out
            .contains("the manifest has errors")
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

/// A service manager's socket, and a controller that talks to it.
fn managed(yard: &Yard, usec: &str) -> (UnixDatagram, Running) {
    let path = yard.at("notify");
    let heard = UnixDatagram::bind(&path).unwrap();
    heard
        .set_read_timeout(Some(Duration::from_secs(20)))
        .unwrap();
    let mut command = yard.gtctl_command(&["reconcile", "--watch"]);
    command
        .env("NOTIFY_SOCKET", &path)
        .env("WATCHDOG_USEC", usec);
    (heard, yard.running(command))
}

fn message(heard: &UnixDatagram) -> String {
    let mut bytes = [0; 1024];
    let n = heard.recv(&mut bytes).expect("a message");
    String::from_utf8(bytes[..n].to_vec()).unwrap()
}

/// Every message up to one that holds this.
fn until(heard: &UnixDatagram, text: &str) -> Vec<String> {
    let mut messages = vec![];
    while !messages
        .last()
        .is_some_and(|last: &String| last.contains(text))
    {
        messages.push(message(heard));
        assert!(messages.len() < 500, "{messages:?}");
    }
    messages
}

#[test]
fn the_service_manager_hears_of_readiness_life_reloading_and_the_end() {
    let quick = QUICK.replace("1s\"\n[defaults]", "10m\"\n[defaults]");
    let yard = Yard::new(&format!("{quick}{}", sleeper("one", "")));
    let (heard, watch) = managed(&yard, "900000");
    let first = message(&heard);
    assert!(
        first.starts_with("READY=1\nWATCHDOG=1\nSTATUS=1 session"),
        "{first}"
    );
    // A resync of ten minutes, and a watchdog of 0.9 s.
    for _ in 0..10 {
        assert!(message(&heard).contains("WATCHDOG=1\n"));
    }
    watch.signal(Signal::HUP);
    until(&heard, "RELOADING=1\nMONOTONIC_USEC=");
    assert!(message(&heard).starts_with("READY=1\n"));
    yard.fresh("one", None);
    for process in yard.marked("one").into_iter().chain(yard.server()) {
        let variables = fs::read(format!("/proc/{}/environ", process.pid)).unwrap();
        let variables = String::from_utf8_lossy(&variables).into_owned();
        assert!(
            !variables.contains("NOTIFY_SOCKET") && !variables.contains("WATCHDOG_USEC"),
            "{variables}"
        );
    }
    assert!(
        !yard
            .tmux(&["show-environment", "-g"])
            .contains("NOTIFY_SOCKET")
    );
    watch.signal(Signal::TERM);
    until(&heard, "STOPPING=1\n");
    watch.end().exits(0);
    assert!(yard.process("one").is_some());
}

/// What was told, as `event subject`.
fn told(yard: &Yard) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let lines = yard.read("told");
    let news = lines
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap_or_else(|e| panic!("{e}: {line}")));
    news.map(|news| format!("{} {}", text(&news["event"]), text(&news["subject"])))
        .collect()
}

#[test]
fn news_are_told_once_by_the_command() {
    let notify = "[notify]\ncommand = [\"sh\", \"-c\", \"cat >>told; exit 3\"]\n";
    let broken = session(
        "breaks",
        "echo last words; exit 7",
        "backoff = { burst = 1 }\nready_after = \"1h\"",
    );
    let task = session(
        "task",
        "exit 0",
        "restart = \"never\"\ncompletion = { grace = \"1s\" }",
    );
    let yard = Yard::new(&format!("{QUICK}{notify}{broken}{task}"));
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the news", || {
        let told = told(&yard);
        ["crash-loop breaks", "completed task", "expired task"]
            .iter()
            .all(|news| told.iter().any(|t| t == news))
    });
    let good = yard.read("town.toml");
    yard.write_manifest(&format!("{good}\nnonsense = 1\n"));
    yard.until("the fault", || {
        told(&yard).contains(&"manifest-broken manifest".to_owned())
    });
    yard.write_manifest(&good);
    yard.until("its repair", || {
        !yard.gtctl(&["status"]).out.contains("has errors")
    });
    watch.signal(Signal::TERM);
    let said = watch.end().exits(0);
    let want = [
        "controller controller",
        "crash-loop breaks",
        "completed task",
        "expired task",
        "manifest-broken manifest",
        "controller controller",
    ];
    let (mut first, mut sorted) = (told(&yard), want.map(str::to_owned).to_vec());
    first.sort();
    sorted.sort();
    assert_eq!(first, sorted);
    assert_eq!(
        said.err.matches("failed with exit status: 3").count(),
        1,
        "{}",
        said.err
    );
    assert!(yard.read("told").contains("last words"));

    fs::remove_file(yard.at("told")).unwrap();
    let watch = watched(&yard);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
    assert_eq!(
        told(&yard),
        ["controller controller"; 2],
        "what goes on is not told anew"
    );
}

#[test]
fn a_command_that_hangs_delays_nothing() {
    let notify = "[notify]\ncommand = [\"sleep\", \"1000\"]\non = [\"controller\"]\n";
    let yard = Yard::new(&format!("{QUICK}{notify}{}", sleeper("one", "")));
    let watch = watched(&yard);
    let one = yard.pid("one");
    yard.kill(one);
    let begun = Instant::now();
    yard.fresh("one", Some(one));
    assert!(
        begun.elapsed() < Duration::from_secs(9),
        "{:?}",
        begun.elapsed()
    );
    watch.signal(Signal::TERM);
    watch
        .end()
        .exits(0)
        .says("took longer than 2 s at the end and was killed");
}

fn free_port() -> SocketAddr {
    TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn page_at(address: SocketAddr) -> Option<String> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream
        .write_all(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        .ok()?;
    let mut text = String::new();
    stream.read_to_string(&mut text).ok()?;
    text.starts_with("HTTP/1.1 200 OK\r\n").then_some(text)
}

#[test]
fn metrics_are_offered_at_a_port_in_a_file_and_by_a_verb() {
    let address = free_port();
    let town = |metrics: &str| {
        let quick = QUICK.replace(
            "[controller]\n",
            &format!("[controller]\nmetrics = \"{metrics}\"\n"),
        );
        format!("{quick}{}", sleeper("one", ""))
    };
    let yard = Yard::new(&town(&address.to_string()));
    let watch = yard.start(&["reconcile", "--watch"]);
    let says = |page: &str, line: &str| {
        page.lines()
            .any(|l| l.replace(&format!("town=\"{}\"", yard.town), "") == line)
    };
    yard.until("the page", || {
        page_at(address).is_some_and(|page| says(&page, "gtctl_starts_total{} 1"))
    });
    let page = page_at(address).unwrap();
    assert!(
        says(&page, "gtctl_controller_up{} 1") && says(&page, "gtctl_manifest_broken{} 0"),
        "{page}"
    );
    let verb = yard.gtctl(&["metrics"]).exits(0).out;
    let families = |text: &str| {
        text.lines()
            .filter(|l| l.starts_with("# TYPE"))
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(families(&verb), families(&page));
    assert!(
        says(&verb, "gtctl_session_restarts_total{,session=\"one\"} 0"),
        "{verb}"
    );

    yard.declare(&town(&format!("{}/town.prom", yard.dir())));
    yard.until("the file", || {
        says(&yard.read("town.prom"), "gtctl_tmux_up{} 1")
    });
    assert!(page_at(address).is_none(), "the port is closed");
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn metrics_are_for_this_host_only_and_unknown_events_are_faults() {
    for (table, code, help) in [
        (
            "[controller]\nmetrics = \"0.0.0.0:9464\"",
            "other hosts can reach",
            "127.0.0.1:9464",
        ),
        (
            "[controller]\nmetrics = \"127.0.0.1:0\"",
            "need a port",
            "127.0.0.1:9464",
        ),
        (
            "[controller]\nmetrics = \"town.txt\"",
            "neither an address nor",
            "town.prom",
        ),
        (
            "[notify]\ncommand = [\"x\"]\non = [\"crashloop\"]",
            "cannot be \"crashloop\"",
            "did you mean `crash-loop`?",
        ),
        (
            "[controller]\ndrain_on_exit = true",
            "unknown key `drain_on_exit`",
            "resync",
        ),
    ] {
        let yard = Yard::new(&format!("{table}\n{}", sleeper("one", "")));
        yard.gtctl(&["validate"]).exits(1).says(code).says(help);
    }
}

#[test]
fn a_service_is_installed_and_an_edited_one_is_kept() {
    let yard = Yard::new("");
    let folder = yard.at("a b%c");
    fs::create_dir(&folder).unwrap();
    fs::rename(yard.at("town.toml"), folder.join("town.toml")).unwrap();
    let manifest = folder.join("town.toml");
    let manifest = manifest.to_str().unwrap();
    let install = |flags: &[&str]| yard.gtctl(&[&["service", "install", manifest], flags].concat());
    let unit = yard
        .at("home/.config/systemd/user")
        .join(format!("gtctl-{}.service", yard.town));
    let printed = install(&["--print"]).exits(0).out;
    assert!(!unit.exists());
    install(&[])
        .exits(0)
        .says("systemctl --user daemon-reload")
        .says("loginctl enable-linger");
    let text = fs::read_to_string(&unit).unwrap();
    assert_eq!(text, printed);
    assert!(
        text.contains(&format!("\"--file\" \"{}\"\n", manifest.replace('%', "%%"))),
        "{text}"
    );
    assert!(
        text.contains("\nType=notify\n") && text.contains("\nKillMode=process\n"),
        "{text}"
    );
    verify(&yard, &unit);
    install(&[]).exits(0).says("nothing to do");
    install(&["--trust"]).exits(0).says("wrote");
    fs::write(&unit, text.replace("Restart=always", "Restart=no")).unwrap();
    install(&[]).exits(1).says("was edited").says("--force");
    install(&["--force"]).exits(0).says("wrote");
    assert_eq!(fs::read_to_string(&unit).unwrap(), text);
    install(&["--launchd"]).exits(0).says("launchctl bootstrap");
    let list = yard.read(&format!(
        "home/Library/LaunchAgents/gtctl.{}.plist",
        yard.town
    ));
    assert!(
        list.contains(&format!("<string>{manifest}</string>")),
        "{list}"
    );
}

/// What systemd itself says of a unit: it complains, and ignores what it does not understand.
fn verify(yard: &Yard, unit: &Path) {
    fs::create_dir(yard.at("run")).unwrap();
    let mut command = Command::new("systemd-analyze");
    command
        .args(["--user", "verify"])
        .arg(unit)
        .env("XDG_RUNTIME_DIR", yard.at("run"))
        .env("HOME", yard.at("home"));
    let Ok(said) = command.output() else {
        eprintln!(
            "SKIPPED, LOUDLY: systemd-analyze is not installed, so the unit was not verified"
        );
        return;
    };
    let words = String::from_utf8_lossy(&said.stderr).into_owned();
    let name = unit.file_name().unwrap().to_str().unwrap();
    assert!(!words.contains(name), "{words}");
    if !said.status.success() {
        eprintln!("SKIPPED, LOUDLY: systemd-analyze could not verify the unit: {words}");
    }
}

#[test]
fn shells_and_readers_are_told_of_every_verb() {
    let yard = Yard::new("");
    for shell in ["bash", "zsh", "fish"] {
        yard.gtctl(&["completions", shell])
            .exits(0)
            .says("GTCTL_COMPLETE")
            .says("gtctl");
    }
    yard.gtctl(&["completions", "cobol"]).exits(64);
    yard.gtctl(&["man"])
        .exits(0)
        .says(".TH gtctl 1")
        .says("reconcile");
    yard.gtctl(&["man", "apply"])
        .exits(0)
        .says(".TH gtctl-apply 1")
        .says("no\\-wait");
    yard.gtctl(&["man", "appply"]).exits(1).says("gtctl help");
}

#[test]
fn a_link_in_the_place_of_a_log_is_not_shown() {
    let yard = Yard::new(&session("one", "echo its word; exec sleep 100000", ""));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("its word", || {
        yard.gtctl(&["logs", "one"]).out.contains("its word")
    });
    let logs = yard.state().join("logs/one");
    let latest = fs::read_link(logs.join("latest.log")).unwrap();
    fs::remove_file(logs.join(&latest)).unwrap();
    std::os::unix::fs::symlink(yard.at("town.toml"), logs.join(&latest)).unwrap();
    let said = yard.gtctl(&["logs", "one"]).exits(1);
    assert!(
        said.out.is_empty() && said.err.contains("is a link, not a regular file"),
        "{} {}",
        said.out,
        said.err
    );
}
