//! A manifest in several files: what counts, where faults point, what is refused.

use super::tests::{given, place};
use super::{Faults, Loaded, Severity};
use crate::model::SessionName;

const TOWN: &str = "include = [\"rigs/*.toml\"]
[town]
name = \"t\"
[defaults]
command = [\"cat\"]
[roles.a]
wave = 1
[[session]]
session = \"main\"
";
const API: &str = "[roles.a]
wave = 2
stop_grace = \"7s\"
session = \"a-{name}\"
[[session]]
session = \"api\"
dir = \"work\"
";
const SHOP: &str = "# shop
[roles.a]
stop_grace = \"9s\"
[[session]]
session = \"shop\"
command = [\"x\"]
[[session]]
role = \"a\"
name = \"b\"
env_file = \"secret\"
";

/// Code, place and message of each error.
fn told(faults: &Faults) -> Vec<String> {
    let errors = faults.list.iter().filter(|f| f.severity == Severity::Error);
    errors
        .map(|fault| {
            format!(
                "{} {}: {}",
                fault.code,
                place(faults, &fault.origin),
                fault.message
            )
        })
        .collect()
}

#[test]
fn included_tables_stand_in_the_including_file() {
    let given = given(TOWN)
        .file("rigs/shop.toml", SHOP)
        .file("rigs/api.toml", API);
    let Loaded { town, origins, .. } = given.load().expect("valid");
    let names: Vec<&str> = town.sessions.keys().map(SessionName::as_str).collect();
    assert_eq!(names, ["a-b", "api", "main", "shop"]);
    let of = |session: &str, field: &str| {
        let lines = origins.explain(&town.sessions[session]);
        let line = lines.into_iter().find(|line| line.field == field);
        line.map(|line| format!("{} {}", line.value, line.origin))
            .unwrap_or_default()
    };
    // The including file wins, then the later file.
    assert_eq!(of("a-b", "wave"), "1 [roles.a] town.toml:7");
    assert_eq!(of("a-b", "stop_grace"), "\"9s\" [roles.a] rigs/shop.toml:3");
    assert_eq!(of("a-b", "session"), "\"a-b\" [roles.a] rigs/api.toml:4");
    assert_eq!(of("a-b", "name"), "\"b\" rigs/shop.toml:9");
    assert_eq!(of("api", "session"), "\"api\" rigs/api.toml:6");
    assert_eq!(of("main", "session"), "\"main\" town.toml:9");
    assert_eq!(of("shop", "command"), "[\"x\"] rigs/shop.toml:6");
    // Relative paths start at the file that has them.
    assert_eq!(of("api", "dir"), "\"/towns/rigs/work\" rigs/api.toml:7");
    assert_eq!(
        of("a-b", "env_file"),
        "\"/towns/rigs/secret\" rigs/shop.toml:10"
    );
    let line = origins.line_of(&town.sessions["shop"].name);
    assert_eq!(line, Some(("rigs/shop.toml", 5)));
}

#[test]
fn included_sessions_take_the_place_of_those_of_the_users_file() {
    let mut given = given("include = [\"a.toml\"]\n[town]\nname = \"t\"\n").file(
        "a.toml",
        "[[session]]\nsession = \"a\"\n[[session]]\nsession = \"b\"\n",
    );
    given.user = Some("[[session]]\nsession = \"mine\"\n".to_owned());
    let names: Vec<String> = given
        .load()
        .expect("valid")
        .town
        .sessions
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["a", "b"]);
}

#[test]
fn each_fault_points_into_its_own_file() {
    let given = given(TOWN)
        .file(
            "rigs/shop.toml",
            &SHOP.replace("command = [\"x\"]", "comand = []\nwave = \"x\""),
        )
        .file(
            "rigs/api.toml",
            &API.replace("session = \"api\"", "session = \"main\"\nafter = [\"no\"]"),
        );
    let faults = given.load().expect_err("faulty");
    assert_eq!(
        told(&faults),
        [
            "duplicate-session rigs/api.toml:6:11 \"main\": two sessions are called `main`",
            "unknown-session rigs/api.toml:7:10 \"no\": `main` waits for `no`, but no such session \
             is declared",
            "unknown-key rigs/shop.toml:6:1 comand: unknown key `comand` in [[session]]",
            "wrong-type rigs/shop.toml:7:8 \"x\": `wave` is a whole number, not the text \"x\"",
        ]
    );
    let broken = super::tests::given(TOWN)
        .file("rigs/a.toml", "a = \n")
        .file("rigs/b.toml", "[x\n");
    let faults = broken.load().expect_err("no TOML");
    assert!(faults.list.iter().all(|fault| fault.code == "syntax"));
    assert!(faults.list.len() >= 2, "{:?}", faults.list);
}

#[test]
fn files_include_others_once_and_never_themselves() {
    let town = "include = [\"*.toml\", \"a.toml\", \"deep/c.toml\"]\n[town]\nname = \"t\"\n";
    let session = |name: &str| format!("[[session]]\nsession = \"{name}\"\n");
    let given = given(town)
        .file("town.toml", "")
        .file("a.toml", &session("a"))
        .file("b.toml", &session("b"))
        .file(
            "deep/c.toml",
            &format!("include = [\"../a.toml\", \"d.toml\"]\n{}", session("c")),
        )
        .file("deep/d.toml", &session("d"));
    let names: Vec<String> = given
        .load()
        .expect("valid")
        .town
        .sessions
        .keys()
        .map(ToString::to_string)
        .collect();
    assert_eq!(names, ["a", "b", "c", "d"]);
    let circle = super::tests::given("include = [\"a.toml\"]\n[town]\nname = \"t\"\n")
        .file("town.toml", "")
        .file("a.toml", "include = [\"b.toml\"]\n")
        .file("b.toml", "include = [\"./a.toml\", \"town.toml\"]\n");
    assert_eq!(
        told(&circle.load().expect_err("a cycle")),
        [
            "include-cycle b.toml:1:12 \"./a.toml\": files include each other: a.toml → b.toml → \
             a.toml",
            "include-cycle b.toml:1:24 \"town.toml\": files include each other: town.toml → \
             a.toml → b.toml → town.toml",
        ]
    );
}

#[test]
fn what_cannot_be_included_is_told_where_it_is_written() {
    let town = |include: &str| {
        let text = format!("include = {include}\n[town]\nname = \"t\"\n");
        let given = given(&text).file("full.toml", "[town]\nname = \"other\"\n");
        told(&given.load().expect_err("faulty"))
    };
    assert_eq!(
        town("[\"rigs/no.toml\"]"),
        ["no-include 1:12 \"rigs/no.toml\": there is no file `rigs/no.toml`"]
    );
    assert_eq!(
        town("[\"rigs/*/a.toml\"]"),
        ["bad-include 1:12 \"rigs/*/a.toml\": `*` and `?` can stand only in the name of the file"]
    );
    assert_eq!(
        town("\"a.toml\""),
        ["wrong-type 1:11 \"a.toml\": `include` is a list, not the text \"a.toml\""]
    );
    assert_eq!(
        town("[\"full.toml\"]"),
        ["not-here full.toml:1:2 town: an included file cannot have `[town]`"]
    );
    // A pattern may match nothing: the folder may be filled later.
    let none = given("include = [\"rigs/*.toml\"]\n[town]\nname = \"t\"\n");
    assert!(none.load().is_ok());
    let mut user = given("[town]\nname = \"t\"\n");
    user.user = Some("include = [\"a.toml\"]\n".to_owned());
    assert_eq!(user.faults(), ["not-here 1:1 include"]);
    let many = (0..300).fold(
        given("include = [\"*.toml\"]\n[town]\nname = \"t\"\n"),
        |given, n| given.file(&format!("{n}.toml"), ""),
    );
    assert_eq!(many.faults(), ["too-many-includes 1:12 \"*.toml\""]);
}
