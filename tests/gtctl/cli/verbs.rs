//! The command line as a user has it: the real binary, a clean environment, a home of its own, and
//! no tmux server.

use super::home::{Home, Ran, TOWN};
use crate::harness::{TestServer, until};
use gtctl::model::SortedSet;
use serde_json::Value;
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const VERBS: [&str; 38] = [
    "init",
    "doctor",
    "hosts",
    "apply",
    "diff",
    "reconcile",
    "status",
    "top",
    "verify",
    "wait",
    "validate",
    "config",
    "import",
    "schema",
    "start",
    "stop",
    "down",
    "restart",
    "reset",
    "expire",
    "explain",
    "forecast",
    "record",
    "replay",
    "events",
    "attach",
    "chore",
    "adopt",
    "nudge",
    "answer",
    "pause",
    "resume",
    "metrics",
    "serve",
    "report",
    "service",
    "completions",
    "man",
];

fn repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn session(fields: &str) -> String {
    format!("[town]\nname = \"acme\"\n\n[[session]]\n{fields}\n")
}

#[test]
fn help_and_version_are_no_faults() {
    let home = Home::new();
    let help = home.run(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (0, ""));
    assert!(
        VERBS
            .iter()
            .all(|verb| help.out.contains(&format!("\n  {verb} "))),
        "{}",
        help.out
    );
    assert!(
        help.out.contains("\nExamples:\n") && help.out.contains("\nExit codes:\n"),
        "{}",
        help.out
    );
    assert!(
        help.out.lines().all(|line| line.chars().count() <= 120),
        "{}",
        help.out
    );
    assert_eq!(
        home.run(&["--version"]).out,
        concat!("gtctl ", env!("CARGO_PKG_VERSION"), "\n")
    );
    for verb in VERBS {
        let help = home.run(&[verb, "--help"]);
        assert_eq!((help.code, help.err.as_str()), (0, ""), "{verb}");
        assert!(help.out.contains("Usage: gtctl "), "{}", help.out);
    }
}

#[test]
fn the_manifest_is_shown_as_it_is_in_force() {
    let group = TOWN.replace("session = \"a\"", "session = \"a\"\ncount = 2");
    let home = Home::with(format!("{group}env = {{ TOKEN = \"hush\" }}\n"));
    let ran = home.run(&["config", "show"]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""));
    for line in [
        "[town]\nname = \"acme\"  ",
        "[[session]]\nrole = \"custom\"  ",
        "session = \"a-2\"  ",
        "command = [\"sleep\", \"1000\"]  ",
        "# env = { TOKEN = … }  ",
        "  # town.toml:5\n",
        "  # built-in\n",
    ] {
        assert!(ran.out.contains(line), "{line:?} in {}", ran.out);
    }
    assert!(!ran.out.contains("hush"), "{}", ran.out);
    // What is shown is a manifest itself, of the same sessions.
    let again = Home::with(&ran.out).run(&["config", "show", "a-1", "-o", "toml"]);
    assert_eq!((again.code, again.err.as_str()), (0, ""));
    assert!(again.out.starts_with("[[session]]\n"), "{}", again.out);
    let page = home.run(&["config", "show", "a-1", "-o", "json"]).out;
    let page: Value = serde_json::from_str(&page).unwrap();
    assert_eq!(page["kind"], "config");
    assert_eq!(page["tables"][0]["header"], "[[session]]");
    let ran = home.run(&["config", "show", "a-11"]);
    assert!(
        ran.code == 1 && ran.err.contains("did you mean `a-1`?"),
        "{ran:?}"
    );
    let ran = home.run(&["status", "-o", "toml"]);
    assert!(
        ran.code == 64 && ran.err.contains("gtctl config show"),
        "{ran:?}"
    );
}

#[test]
fn wrong_usage_exits_64() {
    let home = Home::with(TOWN);
    for args in [
        &[][..],
        &["aply"],
        &["apply", "--fast"],
        &["diff", "-o", "yaml"],
        &["apply", "--timeout", "soon"],
        &["-v", "-q", "diff"],
        &["validate", "a", "b"],
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.out.as_str()), (64, ""), "{args:?} {ran:?}");
    }
    assert!(
        home.run(&["aply"]).err.contains("apply"),
        "the nearest is named"
    );
}

#[test]
fn a_manifest_in_order_is_said_to_be() {
    let home = Home::with(TOWN);
    let ran = home.run(&["validate"]);
    let said = "town.toml: town acme is valid: 1 session\n\
                max_age by default: off for 1 session (default for a command without an agent)\n";
    assert_eq!(
        (ran.code, ran.out.as_str(), ran.err.as_str()),
        (0, said, "")
    );
    assert_eq!(home.run(&["validate", "-q"]).out, "");
    let json: Value = serde_json::from_str(&home.run(&["validate", "-o", "json"]).out).unwrap();
    assert_eq!(
        (&json["version"], &json["kind"], &json["sessions"]),
        (&1.into(), &"validate".into(), &1.into())
    );
}

#[test]
fn twelve_faults_come_in_one_run_each_at_its_place() {
    let home = Home::with(include_str!("twelve-faults.toml"));
    let want = [
        "unknown-key 3:1 colour",
        "bad-duration 6:11 \"5M\"",
        "zero-limit 7:14 \"0s\"",
        "unknown-word 8:11 \"sometimes\"",
        "unknown-role 11:8 \"wittness\"",
        "empty-command 16:11 []",
        "unknown-agent 20:9 \"cluade\"",
        "wrong-type 24:18 1",
        "unknown-template 28:19 {rigg}",
        "unknown-session 29:10 \"dd\"",
        "bad-name 32:11 \"e:1\"",
        "duplicate-session 36:11 \"d\"",
    ];
    assert_eq!(home.faults(), want);
    let human = home.run(&["validate"]);
    assert_eq!((human.code, human.out.as_str()), (1, ""));
    for fault in want {
        let (code, place) = (
            fault.split(' ').next().unwrap(),
            fault.split(' ').nth(1).unwrap(),
        );
        assert!(human.err.contains(code), "{code} in {}", human.err);
        assert!(
            human.err.contains(&format!("town.toml:{place}]")),
            "{place} in {}",
            human.err
        );
    }
    assert!(human.err.ends_with("\n12 errors\n"), "{}", human.err);
    for verb in ["diff", "apply", "status", "verify", "reconcile"] {
        assert_eq!(home.run(&[verb]).err, human.err, "{verb} tells the same");
    }
}

#[test]
fn examples_are_valid_and_name_their_schema() {
    let home = Home::new();
    for example in fs::read_dir(repository("examples")).unwrap() {
        let path = example.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        assert!(
            fs::read_to_string(&path)
                .unwrap()
                .starts_with("#:schema ../schema/town.schema.json\n")
        );
        let ran = home.run(&["validate", "--trust", path.to_str().unwrap()]);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

#[test]
fn schemas_are_those_committed() {
    let home = Home::new();
    assert_eq!(home.run(&["schema"]).out, home.run(&["schema", "town"]).out);
    let refused = home.run(&["schema", "twon"]);
    refused.fails(1, "there is no schema `twon`");
    let (_, known) = refused.err.trim_end().split_once("known are ").unwrap();
    let known: SortedSet<&str> = known.split(", ").collect();
    for name in &known {
        let file = repository("schema").join(format!("{name}.schema.json"));
        assert_eq!(
            home.run(&["schema", name]).out,
            fs::read_to_string(file).unwrap()
        );
    }
    let committed = fs::read_dir(repository("schema")).unwrap();
    assert_eq!(committed.count(), known.len(), "a file of no schema");
}

#[test]
fn names_that_tmux_would_run_or_change_are_refused_at_their_place() {
    let long = "x".repeat(10_240);
    for name in [
        "#(touch x)",
        "a:b",
        "a.b",
        "$1",
        "a\\nb",
        "",
        "-x",
        "=a",
        "@1",
        "%1",
        "a\\u001b[2Jb",
        &long,
    ] {
        let home = Home::with(session(&format!(
            "session = \"{name}\"\ncommand = [\"sh\"]"
        )));
        let faults = home.faults();
        assert_eq!(faults.len(), 1, "{name}: {faults:?}");
        assert!(
            faults[0].starts_with("bad-name 5:11 \""),
            "{name}: {faults:?}"
        );
        assert!(home.run(&["validate"]).err.len() < 2000, "{name}");
    }
}

#[test]
fn durations_that_cannot_be_meant_are_refused_at_their_place() {
    for (text, code) in [
        ("0s", "zero-limit"),
        ("5M", "bad-duration"),
        ("1y", "bad-duration"),
        ("584542046090y", "bad-duration"),
        ("99999999999999999999s", "bad-duration"),
        ("-1s", "bad-duration"),
        ("soon", "bad-duration"),
        ("", "bad-duration"),
    ] {
        let home = Home::with(session(&format!(
            "session = \"a\"\ncommand = [\"sh\"]\nmax_age = \"{text}\""
        )));
        assert_eq!(home.faults(), [format!("{code} 7:11 \"{text}\"")]);
    }
}

#[test]
fn manifests_beyond_their_bounds_are_refused_at_once() {
    Home::with("#".repeat(10 << 20))
        .run(&["diff"])
        .fails(1, "has 10485760 bytes; the limit is 1048576");
    for text in [
        "[".repeat(100_000),
        vec!["a"; 100_000].join("."),
        "{a=".repeat(100_000),
    ] {
        let home = Home::with(format!("a = {text}"));
        assert_eq!(home.faults().len(), 1);
        home.run(&["diff"])
            .fails(1, "nested more than 32 levels deep");
    }
    let many: Vec<String> = (0..5000)
        .map(|n| format!("[[session]]\nsession = \"s{n}\"\n"))
        .collect();
    let many = TOWN.to_owned() + &many.concat();
    assert_eq!(Home::with(many).faults().len(), 1);
}

#[test]
fn what_is_no_manifest_is_said_to_be_none() {
    let home = Home::new();
    home.run(&["diff"]).fails(1, "there is no town.toml here");
    home.run(&["diff", "no/where.toml"])
        .fails(1, "help: name the manifest");
    home.run(&["diff", "."]).fails(1, ". is not a regular file");
    let fifo = home.work().join("fifo");
    assert!(
        Command::new("mkfifo")
            .arg(&fifo)
            .status()
            .unwrap()
            .success()
    );
    home.run(&["diff", "./fifo"])
        .fails(1, "fifo is not a regular file");
    home.run(&["diff", "/dev/zero"])
        .fails(1, "/dev/zero is not a regular file");
    Home::with(b"[town]\nname = \"\xff\"")
        .run(&["diff"])
        .fails(1, "town.toml is not UTF-8 text");
    Home::with("")
        .run(&["diff"])
        .fails(1, "the town has no name");
    Home::with("\0\0\0").run(&["diff"]).fails(1, "syntax");
}

#[test]
fn a_manifest_that_others_can_write_needs_trust() {
    let home = Home::with(TOWN);
    for mode in [0o664, 0o646] {
        fs::set_permissions(
            home.work().join("town.toml"),
            fs::Permissions::from_mode(mode),
        )
        .unwrap();
        home.run(&["validate"]).fails(1, "can be written by others");
        assert_eq!(home.run(&["validate", "--trust"]).code, 0);
    }
}

#[test]
fn flags_are_stronger_than_variables_and_those_than_the_file() {
    let home = Home::with(TOWN);
    home.write("other.toml", TOWN.replace("acme", "other"));
    let town = |ran: Ran| ran.out.split(' ').nth(2).unwrap_or_default().to_owned();
    let variable = [("GTCTL_FILE", "other.toml")];
    assert_eq!(town(home.run_with(&variable, &["validate"])), "other");
    assert_eq!(
        town(home.run_with(&variable, &["validate", "-f", "town.toml"])),
        "acme"
    );
    assert_eq!(
        town(home.run_with(&variable, &["validate", "-f", "other.toml", "town.toml"])),
        "acme"
    );
    assert_eq!(
        town(home.run_with(&[("GTCTL_TOWN_NAME", "mine")], &["validate"])),
        "mine"
    );
    let bad = [("GTCTL_SOCKET", "a b")];
    home.run_with(&bad, &["validate"]).fails(1, "GTCTL_SOCKET");
    assert_eq!(
        home.run_with(&bad, &["validate", "--socket", "fine"]).code,
        0
    );
    home.run_with(&bad, &["validate", "--socket", "c d"])
        .fails(1, "--socket");
}

#[test]
fn variables_that_mean_nothing_are_faults() {
    let home = Home::with(TOWN);
    home.run_with(&[("GTCTL_DEFALTS_WAVE", "2")], &["validate"])
        .fails(1, "GTCTL_DEFALTS_WAVE");
    home.run_with(&[("GTCTL_DEFAULTS_MAX_AGE", "5M")], &["validate"])
        .fails(1, "GTCTL_DEFAULTS_MAX_AGE");
    assert_eq!(
        home.run_with(&[("GTCTL_DEFAULTS_MAX_AGE", "5m")], &["validate"])
            .code,
        0
    );
}

#[test]
fn a_reader_that_goes_away_is_no_fault() {
    let home = Home::with(TOWN);
    let mut child = home
        .command(&["schema"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 1];
    child.stdout.take().unwrap().read_exact(&mut first).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(
        (output.status.code(), output.stderr.as_slice()),
        (Some(0), &b""[..])
    );
    let closed = home
        .command(&["diff", "nowhere"])
        .stderr(fs::File::open("/dev/null").unwrap())
        .status()
        .unwrap();
    assert_eq!(
        closed.code(),
        Some(1),
        "complaining to what cannot be written to is no panic"
    );
}

#[test]
fn what_follows_ends_when_its_reader_has_gone_also_where_nothing_comes() {
    let home = Home::with(TOWN);
    let mut child = home
        .command(&["events", "-F"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    until("the end of it", || child.try_wait().unwrap().is_some());
    assert_eq!(child.wait().unwrap().code(), Some(0));
}

#[test]
fn looking_writes_nothing_and_starts_nothing() {
    let home = Home::with(TOWN);
    for (args, code) in [
        (&["diff"][..], 2),
        (&["status"], 0),
        (&["verify"], 2),
        (&["diff", "-o", "json"], 2),
        (&["wait", "a", "--for", "gone"], 0),
    ] {
        let ran = home.run(args);
        assert_eq!((ran.code, ran.err.as_str()), (code, ""), "{args:?} {ran:?}");
    }
    assert_eq!(fs::read_dir(home.0.path().join("home")).unwrap().count(), 0);
    assert_eq!(fs::read_dir(home.work()).unwrap().count(), 1);
    assert!(!home.0.socket().exists());
    let want = "no tmux server runs\n\n  + start  a  not there\n              $ sleep 1000\n\n1 to start\n";
    assert_eq!(home.run(&["diff"]).out, want);
    assert_eq!(
        home.run(&["verify"]).out,
        "a  missing\n1 session: 1 missing\n"
    );
}

#[test]
fn a_session_that_is_not_declared_is_named() {
    let home = Home::with(TOWN);
    assert_eq!(home.run(&["status", "a"]).code, 0);
    home.run(&["status", "b"])
        .fails(1, "`b` is not declared in town acme");
    home.run(&["status", "#(x)"])
        .fails(1, "`#(x)` is not declared in town acme");
}

#[track_caller]
fn fits_its_schema(kind: &str, text: &str) {
    let page = line_fits_its_schema(kind, text);
    assert_eq!(page["kind"], kind);
    let is_of_a_look = ["apply", "diff", "status", "verify"].contains(&kind);
    assert!(!is_of_a_look || page["observed_at"].is_string());
}

fn line_fits_its_schema(kind: &str, text: &str) -> Value {
    let schema = fs::read_to_string(repository(&format!("schema/{kind}.schema.json"))).unwrap();
    let validator = jsonschema::validator_for(&serde_json::from_str(&schema).unwrap()).unwrap();
    let page: Value = serde_json::from_str(text).unwrap_or_else(|e| panic!("{kind}: {e}: {text}"));
    let faults: Vec<String> = validator
        .iter_errors(&page)
        .map(|e| format!("{}: {e}", e.instance_path))
        .collect();
    assert!(faults.is_empty(), "{kind}: {faults:?}");
    page
}

#[test]
fn json_of_every_verb_fits_its_schema() {
    let stage = TestServer::not_started();
    let home = Home::with(
        TOWN.replace("acme", stage.town.name.as_str())
            .replace("[[", "[defaults]\nready_after = \"0s\"\n\n[["),
    );
    let socket = stage.dir().join("s");
    let json = |verb: &str| home.run(&[verb, "-o", "json", "--socket", socket.to_str().unwrap()]);
    for verb in ["diff", "status", "verify"] {
        fits_its_schema(verb, &json(verb).out);
    }
    let applied = json("apply");
    assert_eq!((applied.code, applied.err.as_str()), (0, ""), "{applied:?}");
    fits_its_schema("apply", &applied.out);
    fits_its_schema("apply", &json("reconcile").out);
    for verb in ["diff", "status", "verify"] {
        let ran = json(verb);
        assert_eq!(ran.code, 0, "{ran:?}");
        fits_its_schema(verb, &ran.out);
    }
    for verb in ["doctor", "validate", "report", "forecast"] {
        fits_its_schema(verb, &json(verb).out);
    }
    let of_session = |verb: &str| {
        home.run(&[
            verb,
            "a",
            "-o",
            "json",
            "--socket",
            socket.to_str().unwrap(),
        ])
    };
    fits_its_schema("explain", &of_session("explain").out);
    for (kind, ran) in [("logs", of_session("logs")), ("events", json("events"))] {
        for line in ran.out.lines() {
            line_fits_its_schema(kind, line);
        }
    }
    assert!(!json("events").out.is_empty(), "no event is printed");
    let ready = ["wait", "a", "--for", "ready", "-o", "json"];
    let ran = home.run(&[&ready[..], &["--socket", socket.to_str().unwrap()]].concat());
    assert_eq!(ran.code, 0, "{ran:?}");
    fits_its_schema("wait", &ran.out);
    let again = home.run(&["apply", "--socket", socket.to_str().unwrap()]);
    assert!(
        again
            .out
            .starts_with("nothing to do: 1 session as declared · next check "),
        "{again:?}"
    );
}
