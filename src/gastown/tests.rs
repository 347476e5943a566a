use super::*;
use crate::model::{Gastown, Rest};
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

/// A root of a test's own, removed with it.
struct Root(PathBuf);

impl Root {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let dir =
            std::env::temp_dir().join(format!("gtctl-gastown-{}-{count}", std::process::id()));
        fs::create_dir_all(&dir).unwrap();
        Self(dir)
    }

    fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn now(&self) -> GastownState {
        standing(&self.0, ["shop", "yard", "../x"])
    }
}

impl Drop for Root {
    fn drop(&mut self) {
        drop(fs::remove_dir_all(&self.0));
    }
}

const RIGS_JSON: &str =
    r#"{"rigs":{"shop":{"beads":{"prefix":"sh"}},"shop-2":{"beads":{"prefix":"sh-2"}},"yard":{}}}"#;

#[test]
fn a_root_that_says_nothing_asks_nothing() {
    let root = Root::new();
    assert_eq!(root.now(), GastownState::default());
    assert_eq!(read(&root.0.join("nowhere")), Files::default());
}

#[test]
fn what_the_files_ask_is_read_as_gt_writes_it() {
    let root = Root::new();
    root.write("ESTOP", "manual\t2026-11-21T10:00:00Z\tdisk full\n");
    root.write("ESTOP.yard", "");
    root.write(
        ".beads-wisp/config/shop.json",
        r#"{"rig":"shop","values":{"status":"parked"},"blocked":[]}"#,
    );
    root.write(
        ".beads-wisp/config/yard.json",
        r#"{"rig":"yard","values":{},"blocked":["auto_restart"]}"#,
    );
    root.write(
        ".runtime/deacon/paused.json",
        r#"{"paused":true,"reason":"lunch","paused_by":"human"}"#,
    );
    let GastownState { gastown, notices } = root.now();
    assert_eq!(notices, Vec::<String>::new());
    let expected = Gastown {
        estop: Some("disk full".into()),
        stopped_rigs: [("yard".into(), String::new())].into(),
        resting: [
            ("shop".into(), Rest::Parked),
            ("yard".into(), Rest::NoRestart),
        ]
        .into(),
        deacon_paused: Some("lunch".into()),
        ..Gastown::default()
    };
    assert_eq!(gastown, expected);
    root.write(".beads-wisp/config/shop.json", r#"{"status":"docked"}"#);
    root.write(
        ".beads-wisp/config/yard.json",
        r#"{"values":{"auto_restart":false}}"#,
    );
    root.write(".runtime/deacon/paused.json", r#"{"paused":false}"#);
    let gastown = root.now().gastown;
    assert_eq!(
        gastown.resting,
        [
            ("shop".into(), Rest::Docked),
            ("yard".into(), Rest::NoRestart)
        ]
        .into()
    );
    assert_eq!(gastown.deacon_paused, None);
}

#[test]
fn locks_count_as_long_as_somebody_holds_them() {
    let root = Root::new();
    root.write("daemon/daemon.lock", "");
    root.write("daemon/shutdown.lock", "");
    let held = |standing: GastownState| {
        (
            standing.gastown.daemon,
            standing.gastown.shutting_down,
            standing.notices.len(),
        )
    };
    assert_eq!(held(root.now()), (false, false, 0));
    let daemon = fs::File::open(root.0.join("daemon/daemon.lock")).unwrap();
    daemon.lock().unwrap();
    assert_eq!(held(root.now()), (true, false, 0));
    let shutdown = fs::File::open(root.0.join("daemon/shutdown.lock")).unwrap();
    shutdown.lock().unwrap();
    assert_eq!(held(root.now()), (true, true, 0));
    drop((daemon, shutdown));
    assert_eq!(held(root.now()), (false, false, 0));
    let again = fs::File::open(root.0.join("daemon/daemon.lock")).unwrap();
    again.try_lock().expect("nothing of ours is kept");
}

#[test]
fn garbage_is_said_and_never_read_as_leave_to_end_anything() {
    let long = vec![b'x'; 2 << 20];
    for garbage in [&b"{"[..], b"\xff\xfe", b"[1]", b"\"x\"", &long] {
        let root = Root::new();
        for path in [
            "ESTOP",
            ".beads-wisp/config/shop.json",
            ".runtime/deacon/paused.json",
            "mayor/town.json",
            "mayor/rigs.json",
            "settings/config.json",
            "settings/agents.json",
        ] {
            root.write(path, garbage);
        }
        let files = read(&root.0);
        assert!(files.standing.gastown.estop.is_some());
        assert!(files.standing.gastown.deacon_paused.is_some());
        assert_eq!(root.now().gastown.resting.get("shop"), Some(&Rest::Untold));
        assert!(!root.now().notices.is_empty());
    }
    let root = Root::new();
    fs::create_dir_all(root.0.join(".beads-wisp/config/shop.json")).unwrap();
    nix::unistd::mkfifo(&root.0.join("ESTOP"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let standing = root.now();
    assert_eq!(
        standing.gastown.estop,
        Some(String::new()),
        "a pipe is not waited for"
    );
    assert_eq!(standing.gastown.resting.get("shop"), Some(&Rest::Untold));
}

#[test]
fn settings_name_the_agent_that_gt_would_take() {
    let root = Root::new();
    root.write(
        "mayor/town.json",
        r#"{"type":"town","version":2,"name":"acme"}"#,
    );
    root.write("mayor/rigs.json", RIGS_JSON);
    root.write(
        "settings/config.json",
        r#"{"default_agent":"kimi","agents":{"big":{"command":"claude","args":["--model","opus"]}},
            "role_agents":{"mayor":"big","crew":"codex"},"crew_agents":{"watcher":"gemini"}}"#,
    );
    root.write(
        "settings/agents.json",
        r#"{"version":1,"agents":{"kimi":{"command":"kimi","process_names":["kimi","Kimi Code"]}},
            "role_agents":{"witness":"kimi"}}"#,
    );
    let files = read(&root.0);
    assert_eq!(files.town.as_deref(), Some("acme"));
    assert_eq!(files.rigs.prefix("shop"), Some("sh"));
    let settings = files.settings;
    let agent = |role, name| settings.agent_of(role, name);
    assert_eq!(
        (agent("mayor", None), agent("witness", None)),
        (Some("big"), Some("kimi"))
    );
    assert_eq!(
        (agent("crew", Some("watcher")), agent("crew", Some("x"))),
        (Some("gemini"), Some("codex"))
    );
    assert_eq!(
        settings.agents["big"].command,
        ["claude", "--model", "opus"]
    );
    assert_eq!(settings.agents["kimi"].process_names, ["kimi", "Kimi Code"]);
    assert_eq!(settings.ignored_role_agents.len(), 1);
    assert!(
        files
            .notices
            .iter()
            .any(|notice| notice.contains("silently ignored")),
        "{:?}",
        files.notices
    );
}

#[test]
fn names_are_parsed_back_as_gt_and_the_guide_make_them() {
    let rigs = crate::manifest::Rigs::parse(RIGS_JSON).unwrap();
    let of = |session| match parse_name(session, &rigs) {
        None => "-".to_owned(),
        Some(Place::Town(role)) => role.to_owned(),
        Some(Place::Gts(what)) => format!("gt's {what}"),
        Some(Place::Rig {
            role,
            rig,
            name,
            naming,
        }) => {
            let name = name.map_or_else(String::new, |name| format!(" {name}"));
            format!("{role} of {rig}{name} ({naming:?})")
        }
    };
    for (session, expected) in [
        ("hq-mayor", "mayor"),
        ("hq-deacon", "deacon"),
        ("hq-boot", "gt's boot"),
        ("hq-dog-3", "gt's dog"),
        ("hq-x", "-"),
        ("gt-shop-witness", "witness of shop (Rig)"),
        ("gt-shop-2-refinery", "refinery of shop-2 (Rig)"),
        ("gt-shop-crew-watcher", "crew of shop watcher (Rig)"),
        ("gt-shop-fix-login", "polecat of shop fix-login (Rig)"),
        ("sh-witness", "witness of shop (Prefix)"),
        ("sh-2-witness", "witness of shop-2 (Prefix)"),
        ("sh-crew-max", "crew of shop max (Prefix)"),
        ("sh-fix", "polecat of shop fix (Prefix)"),
        ("gt-crew-max", "crew of yard max (Prefix)"),
        (
            "gt-new-rig-witness",
            "polecat of yard new-rig-witness (Prefix)",
        ),
        ("sh-crew-", "-"),
        ("sh-", "-"),
        ("gt-", "-"),
        ("editor", "-"),
    ] {
        assert_eq!(of(session), expected, "{session}");
    }
    let nobody = crate::manifest::Rigs::default();
    let of = |session| parse_name(session, &nobody);
    assert!(
        matches!(of("gt-new-rig-witness"), Some(Place::Rig { role: "witness", rig, .. }) if rig == "new-rig")
    );
    assert!(
        matches!(of("gt-shop-crew-max"), Some(Place::Rig { role: "crew", rig, .. }) if rig == "shop")
    );
    assert_eq!((of("gt-shop-fix"), of("gt-shop-crew-a-b")), (None, None));
}
