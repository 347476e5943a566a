//! The room as a whole: what loads, what does not, and where every fault is found.

use super::*;
use crate::model::{Commands, Milestone, Period, RestartPolicy, SessionName, Socket};
use std::path::PathBuf;

const RIGS: &str = r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}},"yard":{}}}"#;

struct Given {
    town: String,
    user: Option<String>,
    variables: Vec<(String, String)>,
    flags: Vec<Flag>,
    rigs: Option<String>,
}

fn given(town: &str) -> Given {
    Given {
        town: town.to_owned(),
        user: None,
        variables: Vec::new(),
        flags: Vec::new(),
        rigs: Some(RIGS.to_owned()),
    }
}

impl Given {
    fn load(&self) -> Result<Loaded, Faults> {
        let sources = Sources {
            town_path: Path::new("town.toml"),
            town_text: &self.town,
            user: self
                .user
                .as_deref()
                .map(|text| (Path::new("config.toml"), text)),
            variables: &self.variables,
            flags: &self.flags,
            home: Some(Path::new("/home/me")),
            base_dir: Path::new("/towns"),
            read: &|path| match path.to_str()? {
                "/home/me/gt/mayor/rigs.json" => self.rigs.clone(),
                "/towns/watcher.md" => Some("Watch the town.".to_owned()),
                _ => None,
            },
        };
        let (read, with_all) = (load(&sources), load_with(&sources, Known::All));
        match (&read, with_all) {
            (Ok(read), Ok(all)) => assert_eq!(
                (&read.town, &read.advice.list),
                (&all.town, &all.advice.list)
            ),
            (Err(read), Err(all)) => assert_eq!(read.list, all.list),
            (read, all) => panic!("what cannot be meant makes a difference: {read:?}, {all:?}"),
        }
        read
    }

    fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// `code at what is underlined`, for every error.
    fn faults(&self) -> Vec<String> {
        let faults = self.load().expect_err("should not load");
        let errors = faults.list.iter().filter(|f| f.severity == Severity::Error);
        errors
            .map(|f| format!("{} {}", f.code, place(&faults, &f.origin)))
            .collect()
    }
}

fn place(faults: &Faults, origin: &ValueOrigin) -> String {
    match origin {
        ValueOrigin::File { file, span } => {
            let file = &faults.files[*file];
            let (line, column) = file.position(span.start);
            format!("{line}:{column} {}", &file.text[span.start..span.end])
        }
        ValueOrigin::Variable(name) | ValueOrigin::Flag(name) | ValueOrigin::BuiltIn(name) => {
            name.clone()
        }
    }
}

fn example(name: &str) -> String {
    std::fs::read_to_string(format!(
        "{}/examples/{name}.toml",
        env!("CARGO_MANIFEST_DIR")
    ))
    .expect(name)
}

fn name(text: &str) -> SessionName {
    SessionName::new(text).expect(text)
}

#[test]
fn examples_load_and_fit_the_schema() {
    let validator = jsonschema::validator_for(&schema()).expect("a schema");
    for file in [
        "quickstart",
        "gastown",
        "polecats",
        "high-throughput",
        "low-budget",
    ] {
        let text = example(file);
        assert!(
            text.starts_with("#:schema ../schema/town.schema.json\n"),
            "{file}"
        );
        let value: serde_json::Value = toml::from_str(&text).expect(file);
        let errors: Vec<String> = validator
            .iter_errors(&value)
            .map(|e| format!("{}: {e}", e.instance_path))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:?}");
        let loaded = given(&text)
            .load()
            .unwrap_or_else(|faults| panic!("{file}: {faults:?}"));
        assert_eq!(loaded.town.name.as_str(), file);
    }
}

#[test]
fn quickstart_is_what_the_tutorial_says() {
    let loaded = given(&example("quickstart")).load().expect("loads");
    assert!(loaded.advice.list.is_empty(), "{:?}", loaded.advice.list);
    let town = loaded.town;
    assert_eq!(town.socket, Socket::Name("gtctl-quickstart".into()));
    let flaky = &town.sessions["flaky"];
    assert!(
        flaky.command[2].contains("${GTCTL_CRASHES:-0}")
            && flaky.command[2].contains("{ echo boom; exit 7; }")
    );
    assert_eq!(
        (flaky.backoff.first, flaky.backoff.max),
        (Period::from_secs(3), Period::from_mins(5))
    );
    assert_eq!(flaky.agent.process_names, ["sh"]);
    assert_eq!(flaky.dir, PathBuf::from("/towns"));
    let task = &town.sessions["task"];
    assert_eq!(
        (task.restart, task.completion.grace),
        (RestartPolicy::Never, Period::from_mins(10))
    );
    assert_eq!(task.completion.markers.len(), 3);
    assert_eq!(town.sessions["heartbeat"].ready_after, Period::from_secs(1));
}

#[test]
fn a_gas_town_gets_its_names_directories_and_identity() {
    let town = given(&example("gastown")).load().expect("loads").town;
    let names: Vec<&str> = town.sessions.keys().map(SessionName::as_str).collect();
    let all = [
        "gt-shop-crew-uitester",
        "gt-shop-crew-watcher",
        "gt-shop-refinery",
        "gt-shop-witness",
        "hq-deacon",
        "hq-mayor",
    ];
    assert_eq!(names, all);
    let watcher = &town.sessions["gt-shop-crew-watcher"];
    assert_eq!(watcher.dir, PathBuf::from("/home/me/gt/shop/crew/watcher"));
    assert_eq!(watcher.command, ["kimigas", "--yolo"]);
    assert_eq!(watcher.identity_env["GT_ROLE"], "shop/crew/watcher");
    assert_eq!(watcher.identity_env["GT_CREW"], "watcher");
    assert_eq!(watcher.wave, 3);
    let mayor = &town.sessions["hq-mayor"];
    assert_eq!((mayor.agent.name.as_str(), mayor.wave), ("claude", 2));
    assert_eq!(
        mayor.commands().expect("through gt").start,
        ["gt", "mayor", "start", "--agent=claude"]
    );
    assert!(mayor.max_age.expect("limited") >= Period::from_hours(4));
    assert!(mayor.max_age.expect("limited") <= Period::from_mins(245));
    let prefixed = example("gastown")
        .replace("naming = \"rig\"", "naming = \"prefix\"")
        .replace("gt-shop-", "sh-");
    let town = given(&prefixed).load().expect("loads").town;
    assert!(
        town.sessions.contains_key("sh-crew-watcher"),
        "{:?}",
        town.sessions.keys()
    );
}

#[test]
fn twelve_faults_are_told_at_once_each_at_its_place() {
    let text = "\
[town]
name = \"acme\"
root = \"~/gt\"
colour = 1

[defaults]
max_age = \"5M\"
idle_limit = \"0s\"
restart = \"sometimes\"

[[session]]
role = \"wittness\"
rig = \"shop\"

[[session]]
role = \"witness\"
rig = \"shopp\"

[[session]]
session = \"a\"
command = []

[[session]]
session = \"b\"
agent = \"cluade\"

[[session]]
session = \"c\"
command = [\"sh\", 1]

[[session]]
session = \"d\"
command = [\"sh\", \"{rigg}\"]
after = [\"dd\"]

[[session]]
session = \"e:1\"
command = [\"sh\"]

[[session]]
session = \"d\"
command = [\"sh\"]
";
    let want = [
        "unknown-key 4:1 colour",
        "bad-duration 7:11 \"5M\"",
        "zero-limit 8:14 \"0s\"",
        "unknown-word 9:11 \"sometimes\"",
        "unknown-role 12:8 \"wittness\"",
        "unknown-rig 17:7 \"shopp\"",
        "empty-command 21:11 []",
        "unknown-agent 25:9 \"cluade\"",
        "wrong-type 29:18 1",
        "unknown-template 33:19 {rigg}",
        "unknown-session 34:10 \"dd\"",
        "bad-name 37:11 \"e:1\"",
        "duplicate-session 41:11 \"d\"",
    ];
    let faults = given(text).faults();
    assert_eq!(faults, want, "{faults:#?}");
}

#[test]
fn helps_say_what_was_meant() {
    let text = "[town]\nname = \"a\"\nroot = \"~/gt\"\n[defaults]\nmax_agee = \"1h\"\n[[session]]\nrole = \"wittness\"\n[[session]]\nrole = \"crew\"\nrig = \"shp\"\nname = \"x\"";
    let faults = given(text).load().expect_err("faulty");
    let helps: Vec<_> = faults
        .list
        .iter()
        .filter_map(|f| f.help.as_deref())
        .collect();
    assert_eq!(
        helps,
        [
            "did you mean `max_age`?",
            "did you mean `witness`?",
            "did you mean `shop`?"
        ]
    );
}

#[test]
fn layers_override_each_other_in_order_and_say_so() {
    let town = "[town]\nname = \"a\"\nprofile = \"high-throughput\"\n[defaults]\ndrain = \"1m\"\n[roles.custom]\nwave = 7\n[[session]]\nsession = \"x\"\ncommand = [\"/bin/sh\"]\nmax_memory = \"2GiB\"\n";
    let mut given = given(town)
        .variable("GTCTL_DEFAULTS_STOP_GRACE", "7s")
        .variable("GTCTL_LIMITS_CONCURRENT_STARTS", "007");
    given.user = Some("[defaults]\ndrain = \"2m\"\nhandoff_gap = \"2h\"\n".into());
    given.flags = vec![Flag {
        flag: "--socket".into(),
        path: "town.socket".into(),
        value: "007".into(),
    }];
    let loaded = given.load().expect("loads");
    let town = &loaded.town;
    let x = &town.sessions["x"];
    assert_eq!(
        (x.drain, x.handoff_gap, x.stop_grace),
        (
            Period::from_mins(1),
            Period::from_hours(2),
            Period::from_secs(7)
        )
    );
    assert_eq!(
        (x.wave, x.max_memory, town.limits.concurrent_starts),
        (7, Some(2 << 30), 7)
    );
    assert_eq!(town.socket, Socket::Name("007".into()));
    let explained = loaded.origins.explain(x);
    let line = |field: &str| {
        let e = explained
            .iter()
            .find(|e| e.field == field)
            .unwrap_or_else(|| panic!("{field}: {explained:?}"));
        format!("{} {}", e.value, e.origin)
    };
    assert_eq!(line("drain"), "\"1m\" [defaults] town.toml:5");
    assert_eq!(line("handoff_gap"), "\"2h\" [defaults] config.toml:3");
    assert_eq!(line("stop_grace"), "\"7s\" GTCTL_DEFAULTS_STOP_GRACE");
    assert_eq!(
        line("max_age"),
        "\"off\" default for a command without an agent"
    );
    assert_eq!(line("idle_limit"), "\"30m\" built-in");
    assert_eq!(line("wave"), "7 [roles.custom] town.toml:7");
    assert_eq!(line("max_memory"), "\"2GiB\" town.toml:11");
    assert_eq!(line("command"), "[\"/bin/sh\"] town.toml:10");
    assert_eq!(line("backoff.burst"), "5 built-in");
}

#[test]
fn faults_of_variables_and_flags_name_them() {
    let mut given = given("[town]\nname = \"a\"\n")
        .variable("GTCTL_DEFAULTS_MAX_AGE", "5M")
        .variable("GTCTL_DEFAULTS_MAX_AGEE", "5m")
        .variable("GTCTL_DEFALTS_WAVE", "5")
        .variable("GTCTL_LIMITS_CONCURRENT_STARTS", "many")
        .variable("GTCTL_STATE_DIR", "/x")
        .variable("GTCTL_CRASHES", "2")
        .variable("GTCTL_BUILD_ID", "2")
        .variable("PATH", "/x");
    given.flags = vec![Flag {
        flag: "--set".into(),
        path: "town.nmae".into(),
        value: "b".into(),
    }];
    let want = [
        "unknown-variable GTCTL_DEFALTS_WAVE",
        "bad-duration GTCTL_DEFAULTS_MAX_AGE",
        "unknown-variable GTCTL_DEFAULTS_MAX_AGEE",
        "wrong-type GTCTL_LIMITS_CONCURRENT_STARTS",
        "unknown-key --set",
    ];
    assert_eq!(given.faults(), want);
}

#[test]
fn cycles_name_each_edge_and_waves_are_kept() {
    let session = |n: &str, rest: &str| {
        format!("[[session]]\nsession = \"{n}\"\ncommand = [\"sh\"]\n{rest}\n")
    };
    let text = [
        "[town]\nname = \"t\"\n".to_owned(),
        session("a", "after = [\"b\"]"),
        session("b", "after = [\"c\"]"),
        session("c", "after = [\"a\"]"),
        session("self", "after = [\"self\"]"),
        session("early", "after = [\"late\"]"),
        session("late", "wave = 9"),
    ]
    .concat();
    let faults = given(&text).load().expect_err("faulty");
    let codes: Vec<_> = faults
        .list
        .iter()
        .map(|f| (f.code, f.related.len()))
        .collect();
    assert_eq!(codes, [("cycle", 2), ("cycle", 0), ("later-wave", 0)]);
    assert_eq!(
        faults.list[0].message,
        "sessions wait for each other: a → b → c → a"
    );
    assert_eq!(faults.list[0].related[1].label, "`c` waits for `a`");
}

#[test]
fn what_can_never_be_waited_for_is_a_fault_at_its_place() {
    let text = "[town]
name = \"t\"
[defaults]
command = [\"sh\"]

[[session]]
session = \"db\"

[[session]]
session = \"app\"
after = [
  { session = \"dbb\" },
  { session = \"db\", when = \"completed\" },
]

[[session]]
session = \"other\"
after = [{ session = \"db\", within = \"0s\" }]

[[session]]
session = \"third\"
after = [{ session = \"db\", wihtin = \"2m\" }]

[[session]]
session = \"fourth\"
after = [{ when = \"ready\" }]

[[session]]
session = \"fifth\"
after = [\"db\", { session = \"db\", when = \"started\" }]

[[session]]
session = \"sixth\"
after = [{ session = \"db\", when = \"redy\" }]

[[session]]
session = \"seventh\"
after = [7]
";
    let faults = given(text).faults();
    let want = [
        "unknown-session 12:15 \"dbb\"",
        "never-completes 13:28 \"completed\"",
        "zero-limit 18:37 \"0s\"",
        "unknown-key 22:28 wihtin",
        "wrong-value 26:10 { when = \"ready\" }",
        "duplicate-session 30:28 \"db\"",
        "unknown-word 34:35 \"redy\"",
        "wrong-type 38:10 7",
    ];
    assert_eq!(faults, want, "{faults:#?}");
}

#[test]
fn a_plain_name_waits_for_a_service_to_be_ready_and_for_a_task_to_complete() {
    let text = "[town]
name = \"t\"
[defaults]
command = [\"sh\"]
[[session]]
session = \"db\"
[[session]]
session = \"migrate\"
restart = \"on-failure\"
[[session]]
session = \"app\"
after = [\"db\", \"migrate\"]
[[session]]
session = \"other\"
after = [{ session = \"db\", when = \"started\", within = \"2m\" }, { session = \"migrate\", when = \"ready\" }]
";
    let town = given(text).load().expect("loads").town;
    let awaited = |session: &str| -> Vec<(String, Milestone, Option<Period>)> {
        let after = town.sessions[session].after.iter();
        after
            .map(|(name, awaited)| (name.to_string(), awaited.milestone, awaited.within))
            .collect()
    };
    let (db, migrate) = ("db".to_owned(), "migrate".to_owned());
    let plain = [
        (db.clone(), Milestone::Ready, None),
        (migrate.clone(), Milestone::Completed, None),
    ];
    assert_eq!(awaited("app"), plain);
    let within = Some(Period::from_mins(2));
    assert_eq!(
        awaited("other"),
        [
            (db, Milestone::Started, within),
            (migrate, Milestone::Ready, None)
        ]
    );
}

/// The commands of a session, as one line each.
fn commands(town: &str, session: &str) -> Option<[String; 4]> {
    let town = given(town).load().expect("loads").town;
    let Commands {
        start,
        stop,
        restart,
        nudge,
        ..
    } = town.sessions[session].commands()?.clone();
    Some([start, stop, restart, nudge].map(|argv| argv.join(" ")))
}

#[test]
fn gt_is_told_an_agent_where_one_is_named_and_it_takes_one() {
    let head = "[town]\nname = \"a\"\nroot = \"/gt\"\n[defaults]\nlauncher = \"gt\"\n";
    let crew = "[[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"max\"\n";
    let plain = commands(&format!("{head}{crew}"), "gt-shop-crew-max").expect("by gt");
    let nudge = "gt nudge shop/crew/max --mode=queue --";
    assert_eq!(
        plain,
        [
            "gt crew start shop max",
            "gt crew stop shop/max",
            "gt crew restart shop/max",
            nudge
        ]
    );
    // A restart that cannot be determined the agent is none.
    let named = commands(
        &format!("{head}{crew}agent = \"kimi\"\n"),
        "gt-shop-crew-max",
    )
    .expect("by gt");
    assert_eq!(
        named,
        [
            "gt crew start shop max --agent=kimi",
            "gt crew stop shop/max",
            "",
            nudge
        ]
    );
    let mayor = commands(
        &format!("{head}[[session]]\nrole = \"mayor\"\nagent = \"kimi\"\n"),
        "hq-mayor",
    );
    assert_eq!(mayor.expect("by gt")[2], "gt mayor restart --agent=kimi");
    let polecat = commands(
        &format!(
            "{head}{}agent = \"kimi\"\n",
            crew.replace("crew", "polecat")
        ),
        "gt-shop-max",
    );
    assert_eq!(
        polecat.expect("by gt")[0],
        "gt session start shop/max",
        "which knows no --agent"
    );
    // Where nobody names one, gt chooses: any agent that is known will do.
    let town = given(&format!("{head}{crew}")).load().expect("loads").town;
    let known = &town.sessions["gt-shop-crew-max"].agent.process_names;
    assert!(
        ["claude", "kimi", "codex"]
            .iter()
            .all(|name| known.iter().any(|one| one == name)),
        "{known:?}"
    );
}

#[test]
fn a_role_is_launched_by_commands_of_its_own_unless_somebody_says_otherwise() {
    let head =
        "[town]\nname = \"a\"\n[roles.box]\nstart = [\"up\", \"{session}\"]\nagent = \"claude\"\n";
    let session = "[[session]]\nrole = \"box\"\nsession = \"b\"\n";
    let own = commands(&format!("{head}{session}"), "b").expect("by its own");
    assert_eq!(own, ["up b", "", "", ""]);
    assert_eq!(
        commands(&format!("{head}{session}launcher = \"tmux\"\n"), "b"),
        None
    );
    assert_eq!(
        commands(&format!("{head}{}", session.replace("box", "custom")), "b"),
        None
    );
    // What the defaults say is not meant for roles that gt does not know.
    let custom = format!(
        "{head}[defaults]\nlauncher = \"gt\"\n{}",
        session.replace("box", "custom")
    );
    assert_eq!(commands(&custom, "b"), None);
}

#[test]
fn what_gt_cannot_start_is_a_fault() {
    let town = "[town]\nname = \"a\"\n";
    let codes = |text: &str| {
        let faults = given(&format!("{town}{text}")).load().expect_err("faulty");
        faults
            .list
            .iter()
            .map(|fault| fault.code)
            .collect::<Vec<_>>()
    };
    let custom = "[[session]]\nsession = \"b\"\nlauncher = \"gt\"\n";
    assert_eq!(codes(custom), ["no-start"]);
    let two = "[defaults]\nlauncher = \"gt\"\n[[session]]\nrole = \"mayor\"\n[[session]]\nrole = \"deacon\"\n";
    assert_eq!(codes(two), ["no-root"], "once for all of them");
    let empty = "[roles.box]\nstart = []\n[[session]]\nrole = \"box\"\nsession = \"b\"\n";
    assert_eq!(codes(empty), ["empty-command"]);
    let advised =
        "root = \"/gt\"\n[[session]]\nrole = \"mayor\"\nlauncher = \"gt\"\nenv = { A = \"1\" }\n";
    let advice = given(&format!("{town}{advised}"))
        .load()
        .expect("loads")
        .advice;
    assert_eq!(
        advice
            .list
            .iter()
            .map(|fault| fault.code)
            .collect::<Vec<_>>(),
        ["unused"]
    );
}

/// `code at what is underlined`, for every advice about a limit.
fn limit_advice(text: &str) -> Vec<String> {
    let given = given(&format!("[town]\nname = \"a\"\n{text}"));
    let advice = given.load().expect("loads").advice;
    advice
        .list
        .iter()
        .map(|f| format!("{} {}", f.code, place(&advice, &f.origin)))
        .collect()
}

#[test]
fn limits_that_can_never_apply_are_advised_of_at_their_place() {
    let all = "[[session]]\nsession = \"x\"\nready_after = \"2h\"\nmax_age = \"1h\"\nbackoff = { first = \"10m\", max = \"5m\", burst = 50, window = \"1m\" }\n";
    let want = [
        "never-applies 5:15 \"2h\"",
        "never-applies 7:21 \"10m\"",
        "never-applies 7:48 50",
    ];
    assert_eq!(limit_advice(all), want);
    let shared = "[defaults]\nbackoff = { max = \"1s\" }\n[[session]]\nsession = \"x\"\n[[session]]\nsession = \"y\"\n";
    assert_eq!(
        limit_advice(shared),
        ["never-applies 4:19 \"1s\""],
        "once, though two sessions share it"
    );
    let window = "[[session]]\nsession = \"x\"\nbackoff.window = \"1m\"\n";
    assert_eq!(
        limit_advice(window),
        ["never-applies 5:18 \"1m\""],
        "against the usual burst"
    );
}

#[test]
fn limits_that_can_apply_are_not_advised_of() {
    let just = "backoff = { first = \"5m\", max = \"5m\", burst = 5, window = \"15m\" }\n";
    let session = "[[session]]\nsession = \"x\"\nready_after = \"1h\"\n";
    assert_eq!(
        limit_advice(&format!("{session}max_age = \"1h\"\n{just}")),
        Vec::<String>::new()
    );
    assert_eq!(
        limit_advice(&format!("{session}max_age = \"off\"\n")),
        Vec::<String>::new()
    );
    for name in ["quickstart", "low-budget", "high-throughput"] {
        let advice = given(&example(name)).load().expect(name).advice;
        assert!(
            advice
                .list
                .iter()
                .all(|fault| fault.code != "never-applies"),
            "{name}: {advice:?}"
        );
    }
}

#[test]
fn what_this_version_cannot_do_is_refused_and_what_it_ignores_is_told() {
    let text = "[town]\nname = \"a\"\nsocket = \"gastown\"\n[defaults]\non_idle = \"nudge\"\nlogs = { files = 2 }\n[roles.mine]\nlauncher = \"gt\"\nstart = [\"x\"]\n[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n[controller]\nmetrics = \"x\"\n";
    let faults = given(text).load().expect_err("faulty");
    let list: Vec<String> = faults
        .list
        .iter()
        .map(|f| format!("{} {}", f.code, place(&faults, &f.origin)))
        .collect();
    let want = ["no-root 3:10 \"gastown\"", "bad-metrics 14:11 \"x\""];
    assert_eq!(list, want);
}

#[test]
fn limits_can_be_switched_off_and_agents_changed() {
    let text = "[town]\nname = \"a\"\n[defaults]\nmax_age = \"off\"\nidle_limit = \"never\"\n[agents.claude]\ncommand = [\"/opt/claude\", \"-x\"]\n[agents.mine]\ncommand = [\"/opt/mine-1\"]\n[[session]]\nsession = \"x\"\n[[session]]\nsession = \"y\"\nagent = \"mine\"\n[[session]]\nsession = \"z\"\nagent = \"mine\"\ncommand = [\"wrap\", \"{agent}\"]\n";
    let town = given(text).load().expect("loads").town;
    let x = &town.sessions["x"];
    assert_eq!((x.max_age, x.idling.idle_limit), (None, None));
    assert_eq!(
        (x.command[0].as_str(), x.agent.process_names.as_slice()),
        (
            "/opt/claude",
            &["claude".to_owned(), "claude.exe".to_owned()][..]
        )
    );
    assert_eq!(town.sessions["y"].agent.process_names, ["mine-1"]);
    assert_eq!(town.sessions["z"].agent.process_names, ["wrap", "mine-1"]);
    assert_eq!(town.sessions["z"].command, ["wrap", "mine"]);
}

#[test]
fn polecats_are_tasks_and_policies_have_patterns() {
    let town = given(&example("polecats")).load().expect("loads").town;
    assert_eq!(
        town.sessions["gt-shop-fix-login"].restart,
        RestartPolicy::Never
    );
    assert_eq!(
        town.sessions["gt-shop-fix-search"].restart,
        RestartPolicy::OnFailure
    );
    assert_eq!(town.policies.len(), 2);
    let _ = name("gt-shop-fix-login");
}

#[test]
fn whatever_the_bytes_it_ends_and_shows_no_control_characters() {
    let nasty = format!(
        "[town]\nname = \"\\u001b[2J{}\"\n\"\\u001bkey\" = 1\n",
        "x".repeat(10_000)
    );
    let faults = given(&nasty).load().expect_err("faulty");
    assert_eq!(faults.list.len(), 2);
    for fault in &faults.list {
        assert!(
            !fault.message.contains('\u{1b}') && fault.message.len() < 400,
            "{}",
            fault.message
        );
    }
    for text in [
        "",
        "[",
        "[[session]]",
        "session = 1",
        "[session]\na = 1",
        "roles = 3",
        "[roles]\nx = 1",
        "town = []",
    ] {
        given(text).load().expect_err(text);
    }
    let huge = format!("#{}\n", "x".repeat(1 << 20));
    assert_eq!(
        given(&huge).load().expect_err("large").list[0].code,
        "too-large"
    );
}

#[test]
fn what_is_built_in_is_free_of_faults() {
    let mut built_in = layered_for_tests();
    let mut findings = Findings::default();
    for layer in &mut built_in {
        check(layer, &mut findings);
        assert!(!layer.values.is_empty());
    }
    assert!(findings.faults.is_empty(), "{:?}", findings.faults);
}

fn layered_for_tests() -> Vec<Layer> {
    let everything = super::built_in::everything();
    let texts = [
        everything.as_str(),
        include_str!("builtin/naming-rig.toml"),
        include_str!("builtin/naming-prefix.toml"),
        include_str!("builtin/profile-standard.toml"),
        include_str!("builtin/profile-high-throughput.toml"),
        include_str!("builtin/profile-low-budget.toml"),
    ];
    let parse = |text| text::parse(0, text).unwrap_or_else(|faults| panic!("{faults:?}"));
    texts
        .into_iter()
        .map(|text| Layer::of_text(Source::File(0), parse(text), text))
        .collect()
}

#[test]
fn a_half_written_manifest_never_ends_the_program() {
    for file in ["quickstart", "gastown", "polecats"] {
        let text = example(file);
        for end in (0..text.len()).step_by(11) {
            if let Some(half) = text.get(..end) {
                drop(given(half).load());
            }
        }
    }
}

#[test]
fn chores_follow_the_profile_and_take_only_their_own_fields() {
    let text = "[town]\nname = \"a\"\nprofile = \"low-budget\"\n[[session]]\nsession = \"x\"\n[[chore]]\nkind = \"upstream\"\nrepo = \"a/b\"\n[[chore]]\nkind = \"nudge\"\nsession = \"x\"\ntext = \"go\"\n[[chore]]\nkind = \"analysis\"\ncommand = [\"k\"]\nevery = \"off\"\n";
    let chores = given(text).load().expect("loads").town.chores;
    assert_eq!(
        chores
            .iter()
            .map(|c| (c.name.as_str(), c.every))
            .collect::<Vec<_>>(),
        [("upstream", Period::from_hours(1))]
    );
    let text = "[town]\nname = \"a\"\n[[session]]\nsession = \"x\"\n[[chore]]\nkind = \"nudge\"\nsession = \"y\"\ntext = \"go\"\n[[chore]]\nkind = \"command\"\ncommand = [\"k\"]\nevery = \"1h\"\nrepo = \"a/b\"\n[[chore]]\nevery = \"1h\"\n";
    let want = [
        "unknown-session 7:11 \"y\"",
        "idle-field 13:8 \"a/b\"",
        "missing-field 14:1 [[chore]]",
    ];
    assert_eq!(given(text).faults(), want);
    let text = "[town]\nname = \"a\"\n[[chore]]\nkind = \"analysis\"\nname = \"../x\"\ncommand = [\"k\"]\naccept = \"auto\"\n";
    assert_eq!(
        given(text).faults(),
        ["bad-name 5:8 \"../x\"", "idle-field 7:10 \"auto\""]
    );
}

/// Run with `cargo test --release manifest -- --ignored --nocapture`.
#[test]
#[ignore = "prints timings"]
fn timings() {
    let session = |i: usize, extra: &str| {
        format!("[[session]]\nrole = \"crew\"\nrig = \"shop\"\nname = \"n{i}\"\n{extra}\n")
    };
    let head = "[town]\nname = \"big\"\nroot = \"~/gt\"\n";
    let clean: String = (0..5000)
        .map(|i| session(i, "max_age = \"2h\"\nenv = { A = \"b\" }"))
        .collect();
    let faulty: String = (0..5000)
        .map(|i| {
            session(
                i,
                if i % 5 == 0 {
                    "max_agee = \"2h\""
                } else {
                    "wave = 3"
                },
            )
        })
        .collect();
    let wild = (0..40_000)
        .map(|i| format!("k{i} = 1"))
        .collect::<Vec<_>>()
        .join("\n");
    for (what, text) in [("clean", clean), ("faulty", faulty), ("wild", wild)] {
        let given = given(&format!("{head}{text}"));
        let start = std::time::Instant::now();
        let loaded = given.load();
        let took = start.elapsed();
        println!(
            "{what}: {took:?}, {}",
            loaded.map_or_else(|f| f.list.len(), |l| l.town.sessions.len())
        );
    }
}

#[test]
fn phrases_are_added_to_the_built_in_ones_and_taken_out_by_name() {
    let session = "[[session]]\nsession = \"s\"\nagent = \"claude\"\ndir = \"/towns\"\n";
    let plain = format!("[town]\nname = \"t\"\n{session}");
    let built_in = given(&plain).load().expect("a town").town.sessions["s"]
        .agent
        .clone();
    let mut changed = given(&format!(
        "{plain}[agents.claude]\nauth = [\"Session expired\", \"!Not logged in\"]\nquit = [\"C-d\"]\nfix = \"log in\"\n"
    ));
    changed.user =
        Some("[agents.claude]\nauth = [\"Who are you?\", \"Session expired\"]\n".to_owned());
    let agent = changed.load().expect("a town").town.sessions["s"]
        .agent
        .clone();
    let mut expected: Vec<String> = built_in
        .auth
        .iter()
        .filter(|phrase| *phrase != "Not logged in")
        .cloned()
        .collect();
    expected.extend(["Who are you?".to_owned(), "Session expired".to_owned()]);
    assert_eq!(agent.auth, expected);
    assert_eq!(
        (agent.limit, agent.quit),
        (built_in.limit, vec!["C-d".to_owned()])
    );
    assert_eq!(agent.fix.as_deref(), Some("log in"));
}

#[test]
fn a_phrase_without_text_is_a_fault() {
    let text = "[town]\nname = \"t\"\n[agents.mine]\ncommand = [\"mine\"]\nbusy = [\"* *\"]\n";
    let faults = given(text).load().expect_err("faults");
    assert!(
        faults.list.iter().any(|fault| fault.code == "empty-phrase"),
        "{faults:?}"
    );
}

#[test]
fn an_agent_takes_the_tables_of_the_one_it_is_like() {
    let text = "[town]\nname = \"a\"\n\
        [agents.claude]\nbusy = [\"own busy\"]\n\
        [agents.opus]\ncommand = [\"env\", \"A=b\", \"/opt/claude\", \"--model\", \"opus\"]\nbusy = [\"more\"]\n\
        ready = [\"!❯\"]\nsubmit = [\"C-d\"]\n\
        [agents.wrapped]\nlike = \"opus\"\ncommand = [\"wrap\"]\n\
        [agents.other]\ncommand = [\"other\"]\n\
        [[session]]\nsession = \"x\"\nagent = \"opus\"\n[[session]]\nsession = \"y\"\nagent = \"wrapped\"\n\
        [[session]]\nsession = \"z\"\nagent = \"claude\"\n[[session]]\nsession = \"w\"\nagent = \"other\"\n";
    let loaded = given(text).load().expect("loads");
    let town = &loaded.town;
    let agent = |name: &str| town.sessions[name].agent.clone();
    let (opus, wrapped, claude) = (agent("x"), agent("y"), agent("z"));
    assert_eq!(
        (opus.like.as_deref(), wrapped.like.as_deref(), claude.like),
        (Some("claude"), Some("opus"), None)
    );
    assert_eq!(opus.busy, [&claude.busy[..], &["more".to_owned()]].concat());
    assert!(claude.busy.contains(&"own busy".to_owned()) && claude.ready.contains(&"❯".to_owned()));
    assert!(
        !opus.ready.contains(&"❯".to_owned())
            && !opus.ready.iter().any(|phrase| phrase.starts_with('!'))
    );
    assert_eq!(
        (&opus.quit, &opus.probe, &opus.auth),
        (&claude.quit, &claude.probe, &claude.auth)
    );
    assert_eq!(
        (opus.submit, opus.process_names),
        (vec!["C-d".to_owned()], claude.process_names.clone())
    );
    assert_eq!(
        wrapped.process_names,
        [&claude.process_names[..], &["wrap".to_owned()]].concat()
    );
    assert_eq!((agent("w").like, agent("w").busy.len()), (None, 0));
    let explained = loaded.origins.explain(&town.sessions["x"]);
    let like = explained
        .iter()
        .find(|field| field.field == "agent.like")
        .expect("it is explained");
    assert_eq!(
        (like.value.as_str(), like.origin.as_str()),
        ("\"claude\"", "found from its command")
    );
}

#[test]
fn an_agent_like_an_unknown_one_or_like_itself_is_a_fault() {
    let text = "[town]\nname = \"a\"\n[agents.a]\nlike = \"cluade\"\n[agents.b]\nlike = \"c\"\n[agents.c]\nlike = \"b\"\n[[session]]\nsession = \"x\"\ncommand = [\"sh\"]\n";
    let faults = given(text).load().expect_err("faulty");
    let mut codes: Vec<&str> = faults.list.iter().map(|fault| fault.code).collect();
    codes.sort_unstable();
    assert_eq!(codes, ["agent-cycle", "agent-cycle", "unknown-agent"]);
    let unknown = faults
        .list
        .iter()
        .find(|fault| fault.code == "unknown-agent")
        .expect("one");
    assert!(
        format!("{unknown:?}").contains("did you mean `claude`"),
        "{unknown:?}"
    );
}
