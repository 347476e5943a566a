//! The doctor on machines that lack something: each line is right, and what it says to type mends
//! it.

use crate::harness::{PATIENCE, Said, Scratch, TMUX, Yard, sleeper};
use gtctl::proc::signal::Signal;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

const QUIET: &str = "[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\n";

/// One line of the doctor's.
#[derive(Debug, Clone)]
struct Line {
    check: String,
    verdict: String,
    text: String,
    fix: String,
}

/// What the doctor said.
struct Visit {
    code: i32,
    lines: Vec<Line>,
    took: Duration,
}

impl Visit {
    fn of(said: &Said) -> Self {
        let page = said.json();
        let text = |line: &serde_json::Value, field: &str| {
            line[field].as_str().unwrap_or_default().to_owned()
        };
        let line = |line: &serde_json::Value| Line {
            check: text(line, "check"),
            verdict: text(line, "verdict"),
            text: text(line, "text"),
            fix: text(line, "fix"),
        };
        let lines: Vec<Line> = page["checks"]
            .as_array()
            .unwrap()
            .iter()
            .map(line)
            .collect();
        let failing = lines.iter().any(|line| line.verdict == "fail");
        assert_eq!(
            (page["well"].as_bool(), said.code),
            (Some(!failing), Some(i32::from(failing))),
            "{lines:#?}"
        );
        assert!(
            lines
                .iter()
                .all(|line| (line.verdict == "ok") == line.fix.is_empty()),
            "{lines:#?}"
        );
        Self {
            code: said.code.unwrap(),
            lines,
            took: said.took,
        }
    }

    /// The line about this whose text has these words.
    #[track_caller]
    fn line(&self, check: &str, verdict: &str, words: &str) -> Line {
        let is_it = |line: &&Line| {
            line.check == check && line.verdict == verdict && line.text.contains(words)
        };
        self.lines
            .iter()
            .find(is_it)
            .unwrap_or_else(|| panic!("no {verdict} {check} {words}: {:#?}", self.lines))
            .clone()
    }

    fn has(&self, line: &Line) -> bool {
        self.lines
            .iter()
            .any(|other| other.check == line.check && other.text == line.text)
    }
}

/// A person at a shell, with the town's manifest or without one.
struct Patient<'y> {
    yard: &'y Yard,
    path: Option<PathBuf>,
    dir: PathBuf,
    args: String,
    /// Typed before all else.
    before: String,
    env: Vec<(String, String)>,
}

impl<'y> Patient<'y> {
    fn new(yard: &'y Yard) -> Self {
        let dir = yard.at("");
        Self {
            yard,
            path: None,
            dir,
            args: String::new(),
            before: String::new(),
            env: Vec::new(),
        }
    }

    /// With nothing on PATH.
    fn bare(self) -> Self {
        let path = self.yard.at("nothing");
        fs::create_dir_all(&path).unwrap();
        Self {
            path: Some(path),
            ..self
        }
    }

    /// Types a line, and then asks the doctor.
    fn after(&self, line: &str) -> Visit {
        let mut command = self.yard.command("/bin/sh");
        let script = format!(
            "gtctl() {{ '{}' \"$@\"; }}\n{}\n{{ {line}\n}} >&2\ngtctl doctor -o json {}",
            env!("CARGO_BIN_EXE_gtctl"),
            self.before,
            self.args
        );
        command
            .args(["-c", &script])
            .current_dir(&self.dir)
            .envs(self.env.iter().cloned());
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        Visit::of(&self.yard.running(command).end())
    }

    fn visit(&self) -> Visit {
        self.after(":")
    }

    /// Finds the line, does what it says, and finds it no more.
    #[track_caller]
    fn is_mended(&self, check: &str, verdict: &str, words: &str) -> Visit {
        let line = self.visit().line(check, verdict, words);
        let deadline = Instant::now() + PATIENCE;
        loop {
            let after = self.after(&line.fix);
            if !after.has(&line) {
                return after;
            }
            // What was told to end may take a moment.
            assert!(
                Instant::now() < deadline,
                "`{}` does not help: {:#?}",
                line.fix,
                after.lines
            );
        }
    }
}

fn mode(path: impl AsRef<Path>, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn a_machine_with_nothing_installed() {
    let yard = Yard::new("");
    let patient = Patient {
        dir: yard.at("home"),
        ..Patient::new(&yard).bare()
    };
    let visit = patient.visit();
    visit.line("manifest", "ok", "`gtctl init` writes one");
    visit.line("agent", "ok", "no agent that gtctl knows");
    visit.line("tmux", "fail", "not on PATH");
    assert!(
        !visit.lines.iter().any(|line| line.check == "server"),
        "nobody can ask for it"
    );
    patient
        .is_mended("tmux", "fail", "not on PATH")
        .line("tmux", "ok", "3.");
}

#[test]
fn a_tmux_that_is_broken() {
    for (script, why) in [
        (
            "echo 'tmux: unknown option -- V' >&2; exit 1",
            "failed: tmux: unknown option",
        ),
        ("head -c 100000 /dev/zero | tr '\\0' x", "printed `xxx"),
        (":", "printed nothing"),
        ("exec sleep 1000", "no answer from tmux within 4s"),
    ] {
        let yard = Yard::new(&format!("{QUIET}{}", sleeper("one", "")));
        yard.shim("tmux", &format!("#!/bin/sh\n{script}\n"));
        let patient = Patient::new(&yard);
        let visit = patient.visit();
        assert_eq!(visit.code, 1);
        assert!(visit.took < Duration::from_secs(20), "{:?}", visit.took);
        visit.line("tmux", "fail", why);
        patient
            .is_mended("tmux", "fail", why)
            .line("server", "ok", "no tmux server at");
    }
    let yard = Yard::new("");
    yard.shim("tmux", "#!/bin/sh\necho tmux 2.9a\n");
    let too_old = Patient::new(&yard).visit().line("tmux", "fail", "2.9a");
    assert!(too_old.text.contains("too old"), "{too_old:?}");
}

#[test]
fn an_agent_that_is_missing_or_signed_out() {
    let yard = Yard::new(
        "[[session]]\nsession = \"k\"\nagent = \"kimi\"\n[[session]]\nsession = \"c\"\nagent = \"claude\"\n\
         [[session]]\nsession = \"m\"\ncommand = [\"no-such-program\"]\n[[session]]\nsession = \"p\"\ncommand = [\"./run\"]\n",
    );
    let signed = yard.at("signed-in");
    let script = format!(
        "#!/bin/sh\ncase \"$*\" in\n*--print*) [ -e {0} ] || {{ echo 'LLM not set'; exit 1; }};;\nlogin) : >{0};;\nesac\n",
        signed.display()
    );
    yard.shim("kimi", &script);
    yard.shim(
        "claude",
        "#!/bin/sh\n[ \"$1 $2\" != 'auth status' ] || echo 'Not logged in'\n",
    );
    yard.write("run", "#!/bin/sh\n");
    let patient = Patient::new(&yard);
    let visit = patient.visit();
    visit.line("agent", "ok", "kimi is at");
    visit.line(
        "agent",
        "fail",
        "no-such-program is not on PATH, but m needs it",
    );
    let claude = visit.line("agent", "fail", "claude is not signed in");
    assert_eq!(claude.fix, "claude /login");
    patient
        .is_mended("agent", "fail", "kimi is not signed in")
        .line("agent", "ok", "kimi is signed in");
    patient.is_mended("agent", "fail", "run is not an executable file");
}

#[test]
fn what_chores_would_run_is_looked_for() {
    let yard = Yard::new(
        "[[chore]]\nkind = \"analysis\"\ncommand = [\"no-such-analyst\"]\n\
         [[chore]]\nkind = \"command\"\nname = \"b\"\nevery = \"1h\"\ncommand = [\"./backup\"]\n\
         [notify]\ncommand = [\"sh\"]\n",
    );
    yard.shim("unused", "#!/bin/sh\n");
    let visit = Patient::new(&yard).visit();
    visit.line(
        "chore",
        "warn",
        "no-such-analyst is not an executable program",
    );
    visit.line(
        "chore",
        "warn",
        "./backup is not an executable program, but chore b",
    );
    assert!(!visit.lines.iter().any(|line| line.check == "notify"));
}

#[test]
fn nothing_that_hangs_holds_it_up() {
    let yard = Yard::new("");
    yard.declare("root = \"town\"\n[[session]]\nsession = \"c\"\nagent = \"claude\"\n");
    yard.shim("tmux", "#!/bin/sh\nexec sleep 1000\n");
    for program in ["claude", "gt"] {
        yard.shim(program, "#!/bin/sh\nsleep 1000\n");
    }
    let visit = Patient::new(&yard).visit();
    assert!(visit.took < Duration::from_secs(45), "{:?}", visit.took);
    visit.line("tmux", "fail", "no answer from tmux within 4s");
    visit.line("agent", "warn", "does not answer within 20s");
    visit.line("gt", "warn", "does not answer within 5s");
    visit.line("gastown", "warn", "is not a Gas Town");
}

#[test]
fn a_town_in_which_all_is_well() {
    let yard = Yard::new(&format!("{QUIET}{}", sleeper("one", "")));
    let said = yard.gtctl(&["doctor"]).exits(0);
    assert!(
        said.out.contains("\nok    server") && said.out.contains("no tmux server at"),
        "{}",
        said.out
    );
    assert!(
        said.out.ends_with(" checks, all well\n") || said.out.contains("warning"),
        "{}",
        said.out
    );
    assert!(!yard.state().exists(), "it makes nothing");
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the controller", || {
        yard.gtctl(&["doctor"]).out.contains("ok    controller")
    });
    let visit = Patient::new(&yard).visit();
    visit.line("server", "ok", "1 session");
    visit.line(
        "controller",
        "ok",
        &format!("process {} runs", watch.id().pid),
    );
    assert!(
        fs::read_dir(yard.state())
            .unwrap()
            .flatten()
            .all(|file| !file.path().ends_with("doctor")),
        "nothing is left"
    );
    // The same manifest by another state directory: the two do not know of each other.
    let other = Patient {
        args: format!("--state-dir {}", yard.at("other").display()),
        ..Patient::new(&yard)
    };
    other.is_mended("masters", "fail", "another controller");
    drop(watch);
}

#[test]
fn what_is_wrong_with_files_is_mended() {
    let yard = Yard::new("");
    let scratch = Scratch::new();
    let socket = scratch.path().join("deep/er/s");
    let head = |socket: &str| format!("[town]\nname = \"{}\"\nsocket = \"{socket}\"\n", yard.town);
    let dir = yard.at("work/dir");
    yard.write_manifest(&format!(
        "{}{}",
        head(socket.to_str().unwrap()),
        sleeper("one", &format!("dir = '{}'", dir.display()))
    ));
    let patient = Patient::new(&yard);
    patient.is_mended("socket", "fail", "cannot be used");
    patient.is_mended("directory", "fail", "the directory of one does not exist");
    assert!(dir.is_dir());
    fs::write(&socket, "").unwrap();
    patient.is_mended("socket", "fail", "is a file, not a socket");

    // The folder of named sockets: tmux itself refuses it, and takes it once it is mended.
    yard.write_manifest(&head("mine"));
    let uid = Command::new("id").arg("-u").output().unwrap();
    let folder = yard.at(&format!(
        "tmux-{}",
        String::from_utf8_lossy(&uid.stdout).trim()
    ));
    fs::create_dir(&folder).unwrap();
    mode(&folder, 0o755);
    patient.is_mended("socket", "fail", "others may enter");

    fs::create_dir_all(yard.state().parent().unwrap()).unwrap();
    fs::write(yard.state(), "").unwrap();
    patient.is_mended("state", "fail", "is not a folder").line(
        "state",
        "ok",
        "created when needed",
    );
    mode(yard.at("town.toml"), 0o664);
    patient
        .is_mended("manifest", "fail", "can be written by others")
        .line("manifest", "ok", "0 sessions");
    yard.write_manifest("[town]\nnam = 1\n[[session]]\nsession = \"a:b\"\n");
    let faults = patient.visit().line("manifest", "fail", "has 3 faults");
    assert_eq!(faults.fix, "gtctl validate town.toml");
    let nowhere = Patient {
        args: "nowhere.toml".into(),
        ..Patient::new(&yard)
    };
    nowhere
        .visit()
        .line("manifest", "fail", "cannot read nowhere.toml");
}

#[test]
fn what_is_wrong_with_the_server_is_mended() {
    let yard = Yard::new(&format!("{QUIET}{}", sleeper("one", "")));
    yard.gtctl(&["apply"]).exits(0);
    let patient = Patient::new(&yard);
    let server = yard.server().unwrap();
    gtctl::proc::signal::signal(server, Signal::STOP);
    patient
        .is_mended("server", "fail", "it is suspended")
        .line("server", "ok", "1 session");
    yard.tmux(&["new-session", "-d", "-s", "gt-automonitor", "sleep", "1000"]);
    patient.is_mended("masters", "warn", "gt-automonitor runs too");
    assert_eq!(yard.sessions(), ["one"], "and nothing else went");
    // Whoever types in a session that gt would kill is told.
    yard.tmux(&["new-session", "-d", "-s", "gt-mine", "sleep", "1000"]);
    let pane = yard.format("gt-mine", "#{pane_id}");
    let place = format!("{},{},0", yard.socket().display(), server.pid);
    let env = vec![("TMUX".to_owned(), place), ("TMUX_PANE".to_owned(), pane)];
    Patient {
        env,
        ..Patient::new(&yard)
    }
    .is_mended("session", "warn", "gt may take it for a dead agent");
    assert_eq!(yard.sessions(), ["one", "town-mine"]);
}

#[test]
fn narrow_limits_are_widened() {
    let many: String = (0..40).map(|n| sleeper(&format!("s-{n}"), "")).collect();
    let yard = Yard::new(&many);
    let patient = Patient {
        before: "ulimit -S -n 100".into(),
        ..Patient::new(&yard)
    };
    patient
        .is_mended("files", "warn", "only 100 can be open at once")
        .line("files", "ok", "1024 can be open");
}

#[test]
fn a_gas_town_is_looked_at_too() {
    let yard = Yard::new("");
    let root = yard.at("gt");
    for dir in [
        "mayor",
        "daemon",
        "settings",
        "shop/crew/watcher",
        "shop/witness",
        "yard",
    ] {
        fs::create_dir_all(root.join(dir)).unwrap();
    }
    fs::write(root.join("mayor/town.json"), "{}").unwrap();
    fs::write(
        root.join("mayor/rigs.json"),
        r#"{"rigs":{"shop":{},"yard":{}}}"#,
    )
    .unwrap();
    fs::write(
        root.join("settings/agents.json"),
        r#"{"role_agents":{"mayor":"claude"}}"#,
    )
    .unwrap();
    let lock = File::create(root.join("daemon/daemon.lock")).unwrap();
    lock.lock().unwrap();
    yard.shim(
        "gt",
        "#!/bin/sh\n[ \"$1\" != --version ] || echo 'gt version 1.2.0 (abc)'\n",
    );
    yard.shim("watch-it", "#!/bin/sh\nexec sleep 1000\n");
    yard.declare(
        "root = \"gt\"\n[defaults]\ncommand = [\"watch-it\"]\n[[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"watcher\"\n",
    );
    let patient = Patient::new(&yard);
    let visit = patient.visit();
    visit.line("gt", "ok", "1.2.0 (abc) at ");
    let daemon = visit.line("masters", "warn", "gt's own daemon runs too");
    assert!(
        daemon
            .text
            .contains(&format!("process {}", std::process::id())),
        "{daemon:?}"
    );
    drop(lock);
    assert!(
        !patient.visit().has(&daemon),
        "it is the lock that counts, not its file"
    );
    patient.is_mended("instructions", "warn", "it does not know what to watch");
    assert!(
        yard.read("gt/shop/crew/watcher/AGENTS.md")
            .contains("gtctl nudge")
    );
    patient.is_mended("gastown", "warn", "rig yard of");
    yard.gtctl(&["validate"]).exits(0);
    if Command::new("jq").arg("--version").output().is_ok() {
        patient.is_mended("gastown", "warn", "role_agents");
        assert!(yard.read("gt/settings/config.json").contains("role_agents"));
    } else {
        eprintln!("SKIPPED, LOUDLY: no jq, so what moves role_agents is not tried");
        patient.visit().line("gastown", "warn", "role_agents");
    }
    fs::remove_file(yard.at("bin/gt")).unwrap();
    patient.visit().line("gt", "warn", "not on PATH");
}

#[test]
fn a_service_that_ends_at_logout_is_told() {
    let yard = Yard::new("");
    assert!(
        !Patient::new(&yard)
            .visit()
            .lines
            .iter()
            .any(|line| line.check == "service")
    );
    yard.gtctl(&["service", "install"]).exits(0);
    let visit = Patient::new(&yard).visit();
    let service = visit
        .lines
        .iter()
        .find(|line| line.check == "service")
        .unwrap();
    assert!(
        service.verdict == "ok" || service.fix == "loginctl enable-linger",
        "{service:?}"
    );
}

#[test]
fn the_real_tmux_is_where_it_says() {
    let yard = Yard::new("");
    Patient::new(&yard)
        .visit()
        .line("tmux", "ok", &format!("at {}", *TMUX));
}

#[test]
fn it_says_from_what_the_state_of_each_agent_is_known() {
    let session = |name: &str, agent: &str| {
        format!("[[session]]\nsession = \"{name}\"\nagent = \"{agent}\"\ndir = \"/\"\n")
    };
    let sessions = ["one", "two", "three", "four", "five"].map(|name| session(name, "claude"));
    let yard = Yard::new(&format!(
        "{QUIET}{}{}{}",
        sessions.concat(),
        session("moon", "kimi"),
        sleeper("plain", "")
    ));
    let patient = Patient::new(&yard);
    let visit = patient.visit();
    let five = "screen, hooks and registry of claude tell the state of five, four, one and 2 more";
    visit.line("reports", "ok", five);
    visit.line(
        "reports",
        "ok",
        "only the screen of kimi tells the state of moon",
    );
    patient
        .is_mended("reports", "warn", "kimi can tell gtctl what it does")
        .line(
            "reports",
            "ok",
            "screen and hooks of kimi tell the state of moon",
        );
    let config = yard.read("home/.kimi/config.toml");
    assert!(
        config.contains("[[hooks]]\nevent = \"Stop\"\ncommand = \"gtctl hook kimi\"\n"),
        "{config}"
    );
}

#[test]
fn it_says_why_a_hook_could_not_report() {
    let yard = Yard::new(&format!("{QUIET}{}", sleeper("one", "")));
    fs::create_dir_all(yard.state().join("reports")).unwrap();
    let mut hook = yard.gtctl_command(&["hook", "nonsense"]);
    hook.env("GTCTL_SESSION", "one")
        .env("GTCTL_GENERATION", "1")
        .env("GTCTL_REPORTS", yard.state().join("reports"));
    yard.running(hook).end().exits(0);
    let fault = "ago: its client is not known";
    Patient::new(&yard).is_mended("reports", "warn", fault);
}
