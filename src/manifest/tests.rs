//! What a manifest becomes: the examples, the layers and the built-in tables. The files beside this
//! one, `*_tests.rs`, have one idea each; they share [`Given`].

use super::*;
use crate::model::{Period, RestartPolicy, SessionName, Socket};
use std::path::PathBuf;

const RIGS: &str = r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}},"yard":{}}}"#;

/// What a manifest is read from, in a test.
pub(super) struct Given {
    /// The text of `town.toml`.
    pub(super) town: String,
    /// The text of the user's `config.toml`.
    pub(super) user: Option<String>,
    pub(super) variables: Vec<(String, String)>,
    pub(super) flags: Vec<Flag>,
    /// The text of `~/gt/mayor/rigs.json`.
    pub(super) rigs: Option<String>,
    /// Other files, by their absolute paths. `town.toml` is in `/towns`.
    pub(super) others: Vec<(String, String)>,
    /// The value of `GTCTL_HOST`.
    pub(super) asked: Option<&'static str>,
    pub(super) hostname: &'static str,
}

/// A `town.toml` alone, with the rigs `shop` and `yard` in `~/gt`.
pub(super) fn given(town: &str) -> Given {
    Given {
        town: town.to_owned(),
        user: None,
        variables: Vec::new(),
        flags: Vec::new(),
        rigs: Some(RIGS.to_owned()),
        others: Vec::new(),
        asked: None,
        hostname: "",
    }
}

impl Given {
    /// Loads it, and checks that all built-in tables give the same as the few that it needs.
    pub(super) fn load(&self) -> Result<Loaded, Faults> {
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
            machine: Machine {
                asked: self.asked.map(|host| ("GTCTL_HOST", host)),
                hostname: self.hostname,
                zone: None,
            },
            read: &|path| match path.to_str()? {
                "/home/me/gt/mayor/rigs.json" => self.rigs.clone(),
                "/towns/watcher.md" => Some("Watch the town.".to_owned()),
                _ => None,
            },
            include: &|pattern| Ok(self.included(pattern)),
        };
        let (loaded, with_all) = (load(&sources), load_with(&sources, Tables::All));
        match (&loaded, with_all) {
            (Ok(loaded), Ok(all)) => assert_eq!(
                (&loaded.town, &loaded.advice.list),
                (&all.town, &all.advice.list)
            ),
            (Err(faults), Err(all)) => assert_eq!(faults.list, all.list),
            (loaded, all) => panic!("the other tables make a difference: {loaded:?}, {all:?}"),
        }
        loaded
    }

    /// The files that a path of `include` names.
    fn included(&self, pattern: &Path) -> Vec<Included> {
        let pattern = pattern.to_str().expect("text");
        let others = self.others.iter();
        let named = others.filter(|(path, _)| crate::model::matches_pattern(pattern, path));
        named
            .map(|(path, text)| Included {
                path: path.into(),
                text: Ok(text.clone()),
            })
            .collect()
    }

    /// With another file beside `town.toml`.
    pub(super) fn file(mut self, name: &str, text: &str) -> Self {
        self.others
            .push((format!("/towns/{name}"), text.to_owned()));
        self
    }

    pub(super) fn variable(mut self, name: &str, value: &str) -> Self {
        self.variables.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Code, line, column and text of every error: `unknown-key 4:1 colour`.
    pub(super) fn faults(&self) -> Vec<String> {
        let faults = self.load().expect_err("should not load");
        let errors = faults.list.iter().filter(|f| f.severity == Severity::Error);
        errors
            .map(|f| format!("{} {}", f.code, place(&faults, &f.origin)))
            .collect()
    }
}

/// Line, column and text of a place in a file: `4:1 colour`; with the name of the file if that is not
/// `town.toml`. Else the name of the origin.
pub(super) fn place(faults: &Faults, origin: &ValueOrigin) -> String {
    match origin {
        ValueOrigin::File { file, span } => {
            let file = &faults.files[*file];
            let (line, column) = file.position(span.start);
            let name = match file.name.as_str() {
                "town.toml" | "config.toml" => String::new(),
                other => format!("{other}:"),
            };
            format!("{name}{line}:{column} {}", &file.text[span.start..span.end])
        }
        ValueOrigin::Variable(name) | ValueOrigin::Flag(name) | ValueOrigin::BuiltIn(name) => {
            name.clone()
        }
    }
}

/// The text of `examples/NAME.toml`.
pub(super) fn example(name: &str) -> String {
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
        "hundreds",
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
    assert_eq!(task.completion.markers.len(), 4);
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
        town.sessions
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
