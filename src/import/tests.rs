use super::*;
use crate::gastown::{AgentSetting, Settings};
use crate::model::Program;
use std::path::PathBuf;

const RIGS: &str = r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}}}}"#;

fn program(comm: &str, argv: &[&str]) -> Program {
    let argv: Vec<String> = argv.iter().map(|&word| word.to_owned()).collect();
    let argv0 = argv
        .first()
        .map(|path| path.rsplit('/').next().unwrap().to_owned());
    Program {
        comm: comm.to_owned(),
        argv,
        names: argv0.into_iter().collect(),
        cwd: Some("/town/hq".into()),
        own_env: Vec::new(),
        age: Period::from_mins(200),
    }
}

fn lives(name: &str, programs: Vec<Program>) -> Inhabitant {
    Inhabitant {
        name: name.to_owned(),
        town: None,
        panes: vec![programs],
    }
}

fn settings() -> Settings {
    let big = AgentSetting {
        command: ["claude", "--model", "opus"].map(str::to_owned).to_vec(),
        process_names: vec![],
        env: [(
            "ANTHROPIC_BASE_URL".to_owned(),
            "https://proxy.example.com/{x}".to_owned(),
        )]
        .into(),
    };
    Settings {
        agents: [("big".to_owned(), big)].into(),
        ..Settings::default()
    }
}

fn drafted(population: &[Inhabitant], automonitor: Option<Automonitor>) -> Draft {
    let files = Files {
        town: Some("acme".to_owned()),
        rigs: Rigs::parse(RIGS).unwrap(),
        settings: settings(),
        ..Files::default()
    };
    let handoffs = [("hq-mayor".to_owned(), Period::from_mins(20))].into();
    let unfit = [("odd".to_owned(), "it is odd".to_owned())].into();
    draft(&Ground {
        town: "acme",
        root: Some(Path::new("/home/me/gt")),
        home: Some(Path::new("/home/me")),
        dir: Path::new("/home/me"),
        socket: &Socket::Default,
        files: &files,
        population,
        recipes: &recipes(&files.settings),
        handoffs: &handoffs,
        automonitor,
        unfit: &unfit,
    })
}

/// The town that a draft declares. Panics if the draft has a fault.
fn town(draft: &Draft) -> crate::model::Town {
    let loaded = crate::manifest::load(&crate::manifest::Sources {
        town_path: Path::new("town.toml"),
        town_text: &draft.text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/home/me"),
        include: &crate::manifest::no_files,
        machine: crate::manifest::Machine::default(),
        read: &|_| Some(RIGS.to_owned()),
    });
    loaded
        .unwrap_or_else(|faults| panic!("{:#?}\n{}", faults.list, draft.text))
        .town
}

fn why<'d>(draft: &'d Draft, session: &str) -> &'d str {
    draft
        .unmapped
        .iter()
        .find(|unmapped| unmapped.session == session)
        .map_or("declared", |unmapped| &unmapped.why)
}

#[test]
fn a_guides_town_becomes_a_manifest_that_has_its_names_agents_and_commands() {
    let claude = || {
        program(
            "claude",
            &[
                "/bin/sh",
                "/usr/bin/claude",
                "--dangerously-skip-permissions",
            ],
        )
    };
    let draft = drafted(
        &[
            lives(
                "gt-shop-crew-watcher",
                vec![
                    program("bash", &["-bash"]),
                    program("kimi", &["kimi", "--yolo"]),
                ],
            ),
            lives("gt-shop-witness", vec![claude()]),
            lives(
                "hq-mayor",
                vec![program("claude", &["claude", "--model", "opus"])],
            ),
            lives(
                "sh-fix-login",
                vec![program(
                    "claude",
                    &["claude", "-p", "fix {rig} \"now\"", "[GAS TOWN] polecat"],
                )],
            ),
            lives("hq-boot", vec![claude()]),
            lives(
                "server",
                vec![program("python3", &["python3", "-m", "http.server"])],
            ),
            lives("titled", vec![program("Kimi Code", &["Kimi Code"])]),
        ],
        None,
    );
    let town = town(&draft);
    let names: Vec<&str> = draft
        .mapped
        .iter()
        .map(|mapped| mapped.session.as_str())
        .collect();
    assert_eq!(
        names,
        [
            "hq-mayor",
            "gt-shop-witness",
            "gt-shop-crew-watcher",
            "sh-fix-login",
            "server",
            "titled"
        ]
    );
    let of = |name: &str| {
        town.sessions
            .get(name)
            .unwrap_or_else(|| panic!("no {name} in {:?}", town.sessions))
    };
    assert_eq!(
        (
            of("hq-mayor").agent.name.as_str(),
            of("hq-mayor").role.as_str()
        ),
        ("big", "mayor")
    );
    assert_eq!(of("hq-mayor").command, ["claude", "--model", "opus"]);
    assert_eq!(
        of("gt-shop-witness").command,
        ["claude", "--dangerously-skip-permissions"]
    );
    assert_eq!(of("gt-shop-crew-watcher").agent.name, "kimi");
    let polecat = of("sh-fix-login");
    assert_eq!(
        (polecat.role.as_str(), polecat.rig.as_deref()),
        ("polecat", Some("shop"))
    );
    assert_eq!(polecat.command, ["claude", "-p", "fix {rig} \"now\""]);
    assert_eq!((polecat.max_age, polecat.idling.idle_limit), (None, None));
    assert_eq!(of("server").command, ["python3", "-m", "http.server"]);
    assert_eq!(of("server").dir, PathBuf::from("/town/hq"));
    assert_eq!(of("titled").agent.name, "kimi");
    assert!(why(&draft, "hq-boot").contains("gt's own"));
    assert_eq!(
        of("gt-shop-witness").max_age,
        None,
        "nothing has restarted it so far"
    );
    assert!(of("hq-mayor").max_age.is_some(), "it is handed off");
    assert_eq!(draft.mapped[0].handoff, Some(Period::from_mins(20)));
}

#[test]
fn a_client_that_an_interpreter_runs_or_a_wrapper_started_is_an_agent() {
    let package = "/usr/lib/node_modules/@anthropic-ai/claude-code/bin/claude.exe";
    let draft = drafted(
        &[
            lives(
                "by-node",
                vec![program("node", &["node", "--no-warnings", package])],
            ),
            lives(
                "by-npx",
                vec![
                    program("sh", &["sh", "-c", "claude; true"]),
                    program("node", &["node", package]),
                ],
            ),
            lives("without", vec![program("claude", &["/usr/bin/claude"])]),
            lives(
                "wrapped",
                vec![program(
                    ".claude-wrapped",
                    &["/nix/store/x/bin/.claude-wrapped", "-c"],
                )],
            ),
            lives("other", vec![program("node", &["node", "/srv/server.js"])]),
        ],
        None,
    );
    let town = town(&draft);
    let client = |name: &str| {
        town.sessions[name]
            .agent
            .process_names
            .iter()
            .any(|known| known == "claude")
    };
    for name in ["by-node", "by-npx", "without", "wrapped"] {
        assert!(client(name), "{name}: {}", draft.text);
    }
    assert!(!client("other"), "{}", draft.text);
    assert_eq!(
        town.sessions["by-node"].command,
        ["node", "--no-warnings", package]
    );
    assert_eq!(
        town.sessions["without"].command,
        ["/usr/bin/claude"],
        "it was started without leave for everything"
    );
    assert!(!draft.text.contains("cannot be read"), "{}", draft.text);
}

#[test]
fn what_cannot_be_told_is_listed_and_not_declared() {
    let mut labelled = lives("labelled", vec![program("claude", &["claude"])]);
    labelled.town = Some("elsewhere".to_owned());
    let draft = drafted(
        &[
            labelled,
            lives("a b", vec![program("claude", &["claude"])]),
            lives("dead", vec![]),
            lives("odd", vec![program("claude", &["claude"])]),
            lives("shell", vec![program("bash", &["-bash"])]),
            lives("bare", vec![program("bash", &["bash", "--norc"])]),
            lives(
                "dev",
                vec![
                    program("bash", &["bash", "-l"]),
                    program("npm", &["npm", "run"]),
                ],
            ),
            lives("relative", vec![program("x", &["./x"])]),
            lives("title", vec![program("weird", &["weird: worker process"])]),
            lives("gt-automonitor", vec![program("bash", &["bash", "gt.sh"])]),
            lives(
                "loop",
                vec![program("bash", &["bash", "/x/automonitor.sh"])],
            ),
            lives("job-1", vec![program("make", &["make"])]),
            lives("job-2", vec![program("make", &["make"])]),
            lives(
                "long",
                vec![program(
                    "claude",
                    &["claude", "--dangerously-skip-permissions"],
                )],
            ),
            lives(
                "once",
                vec![program("sh", &["sh", "-c", "make; exec make"])],
            ),
        ],
        Some(Automonitor {
            checks_upstream: true,
            analyses: 3,
            cycles: 9,
        }),
    );
    let town = town(&draft);
    assert_eq!(
        town.sessions
            .keys()
            .map(crate::model::SessionName::as_str)
            .collect::<Vec<_>>(),
        ["long", "once"]
    );
    assert!(
        town.sessions["long"].max_age.is_some(),
        "the automonitor restarts what is old"
    );
    for (session, expected) in [
        ("labelled", "town elsewhere"),
        ("a b", "cannot be declared"),
        ("dead", "has ended"),
        ("odd", "it is odd"),
        ("shell", "an idle shell"),
        ("bare", "an idle shell"),
        ("dev", "runs npm"),
        ("relative", "relative"),
        ("title", "title"),
        ("gt-automonitor", "replaces"),
        ("loop", "replaces"),
        ("job-2", "[[policy]]"),
    ] {
        assert!(
            why(&draft, session).contains(expected),
            "{session}: {}",
            why(&draft, session)
        );
    }
    assert!(draft.text.contains("# match = \"job-*\""), "{}", draft.text);
    assert_eq!(town.chores.len(), 1, "{}", draft.text);
    assert_eq!(town.sessions["once"].max_age, None, "it is no agent");
}

#[test]
fn text_from_outside_stays_in_its_place() {
    let evil = "x\"\n[[session]]\nsession=\"y\"\u{1b}[31m\\";
    let mut runs = program("evil", &["/bin/evil", evil]);
    runs.comm = "evil\n[x]".to_owned();
    let draft = drafted(&[lives("s", vec![runs]), lives("n\n[x]", vec![])], None);
    assert_eq!(town(&draft).sessions["s"].command, ["/bin/evil", evil]);
}
