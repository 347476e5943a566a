//! What `count`, `names` and `rigs` make of one `[[session]]`, and where their faults point.

use super::Loaded;
use super::tests::{example, given};

/// The names of the sessions that these lines make. The rigs are `shop` and `yard`.
fn names(lines: &str) -> Vec<String> {
    let text = format!("[town]\nname = \"t\"\nroot = \"~/gt\"\n[[session]]\n{lines}\n");
    let loaded = given(&text).load().expect("valid");
    loaded
        .town
        .sessions
        .keys()
        .map(ToString::to_string)
        .collect()
}

/// Code, line, column and text of each fault that these lines have, from line 1.
fn faults(lines: &str) -> Vec<String> {
    let text = format!("{lines}\n[town]\nname = \"t\"\nroot = \"~/gt\"\n");
    given(&text).faults()
}

#[test]
fn each_list_makes_one_session_for_each_item() {
    let cat = "command = [\"cat\"]\n";
    assert_eq!(
        names(&format!("{cat}session = \"w\"\ncount = 3")),
        ["w-1", "w-2", "w-3"]
    );
    assert_eq!(
        names(&format!("{cat}session = \"w-{{n}}-x\"\ncount = 2")),
        ["w-1-x", "w-2-x"]
    );
    assert_eq!(
        names(&format!("{cat}session = \"w\"\nnames = [\"a\", \"b\"]")),
        ["w-a", "w-b"]
    );
    assert_eq!(
        names("role = \"witness\"\nrigs = \"all\""),
        ["gt-shop-witness", "gt-yard-witness"]
    );
    assert_eq!(
        names("role = \"crew\"\nrig = \"shop\"\nname = \"cat\"\ncount = 2"),
        ["gt-shop-crew-cat-1", "gt-shop-crew-cat-2"]
    );
    assert_eq!(
        names("role = \"polecat\"\nrig = \"yard\"\ncount = 2"),
        ["gt-yard-1", "gt-yard-2"]
    );
}

#[test]
fn lists_make_every_combination() {
    let lines = "role = \"crew\"\nrigs = [\"yard\", \"shop\"]\nnames = [\"a\", \"b\"]\ncount = 2";
    assert_eq!(
        names(lines),
        [
            "gt-shop-crew-a-1",
            "gt-shop-crew-a-2",
            "gt-shop-crew-b-1",
            "gt-shop-crew-b-2",
            "gt-yard-crew-a-1",
            "gt-yard-crew-a-2",
            "gt-yard-crew-b-1",
            "gt-yard-crew-b-2",
        ]
    );
    let lines = "session = \"x\"\ncommand = [\"cat\"]\nrigs = \"all\"\nnames = [\"a\"]\ncount = 1";
    assert_eq!(names(lines), ["x-shop-a-1", "x-yard-a-1"]);
}

#[test]
fn templates_have_the_words_of_each_session() {
    let text = "[town]
name = \"t\"
root = \"~/gt\"
[[session]]
session = \"w\"
rigs = [\"shop\"]
name = \"cat\"
count = 2
command = [\"run\", \"{rig}\", \"{name}\", \"{n}\"]
dir = \"work/{n}\"
env = { PORT = \"80{n}\" }
";
    let town = given(text).load().expect("valid").town;
    let second = &town.sessions["w-shop-2"];
    assert_eq!(second.command, ["run", "shop", "cat-2", "2"]);
    assert_eq!(second.dir.to_str(), Some("/towns/work/2"));
    assert_eq!(second.env["PORT"], "802");
    let without = "[[session]]\nsession = \"w\"\ncommand = [\"run\", \"{n}\"]";
    assert_eq!(faults(without), ["unset-template 3:20 {n}"]);
}

#[test]
fn explain_names_the_item_that_a_session_is_made_of() {
    let text = "[town]
name = \"t\"
root = \"~/gt\"
[[session]]
role = \"crew\"
rigs = [
  \"shop\",
  \"yard\",
]
name = \"cat\"
count = 2
";
    let Loaded { town, origins, .. } = given(text).load().expect("valid");
    let explained = origins.explain(&town.sessions["gt-yard-crew-cat-2"]);
    let of = |field: &str| {
        let line = explained.iter().find(|line| line.field == field);
        line.map(|line| format!("{} {}", line.value, line.origin))
    };
    assert_eq!(of("rig").as_deref(), Some("\"yard\" town.toml:8"));
    assert_eq!(of("name").as_deref(), Some("\"cat-2\" town.toml:11"));
    assert_eq!((of("count"), of("rigs")), (None, None));
}

#[test]
fn a_template_in_a_plain_name_gets_help_of_its_own() {
    let text = "[town]\nname = \"t\"\n[[session]]\nrole = \"crew\"\nrig = \"r\"\nname = \"cat{n}\"\ncount = 2\n";
    let found = given(text).load().expect_err("a fault").list;

    let help: Vec<_> = found.iter().map(|fault| fault.help.as_deref()).collect();
    assert!(
        matches!(help[..], [Some(help)] if help.contains("`session = \"cat-{n}\"`")),
        "{found:?}"
    );
}

#[test]
fn each_fault_of_a_group_stands_once_at_its_place() {
    let session = "[[session]]\nsession = \"w\"\ncommand = [\"cat\"]\n";
    for (lines, expected) in [
        ("count = 0", "zero-limit 4:9 0"),
        ("count = 5001", "too-many-sessions 4:9 5001"),
        ("count = 4294967295", "too-many-sessions 4:9 4294967295"),
        ("name = \"a\"\nnames = [\"b\"]", "one-or-many 5:9 [\"b\"]"),
        ("rig = \"shop\"\nrigs = \"all\"", "one-or-many 5:8 \"all\""),
        ("rigs = \"every\"", "wrong-value 4:8 \"every\""),
        ("rigs = [\"shop\", \"sho\"]", "unknown-rig 4:17 \"sho\""),
        ("names = [\"a\", \"a\"]", "duplicate-session 4:15 \"a\""),
        ("names = [\"a\", \"b:c\"]", "bad-name 4:15 \"b:c\""),
        ("names = [\"a\", \"../x\"]\nsession = \"y-{name}\"", ""),
        ("count = 900\nafter = [\"x\"]", "unknown-session 5:10 \"x\""),
    ] {
        let text = if lines.contains("session =") {
            format!("[[session]]\ncommand = [\"cat\"]\n{lines}")
        } else {
            format!("{session}{lines}")
        };
        let found = faults(&text);
        if expected.is_empty() {
            assert_eq!(found.len(), 1, "{found:?}");
        } else {
            assert_eq!(found, [expected], "{lines}");
        }
    }
    let one_name = "[[session]]\nrole = \"mayor\"\ncount = 2";
    assert_eq!(faults(one_name), ["same-name 3:9 2"]);
    let mut without_rigs = given(&format!("{session}rigs = \"all\"\n[town]\nname = \"t\"\n"));
    without_rigs.rigs = None;
    assert_eq!(without_rigs.faults(), ["no-rigs 4:8 \"all\""]);
}

#[test]
fn sessions_wait_for_roles_and_patterns() {
    let text = "[town]
name = \"t\"
[roles.db]
session = \"{name}\"
[roles.app]
session = \"app-{name}\"
after = [\"role:db\", { session = \"cache-?\", when = \"started\" }]
wave = 2
[defaults]
command = [\"cat\"]
[[session]]
role = \"db\"
names = [\"db-a\", \"db-b\"]
[[session]]
session = \"cache\"
count = 2
after = [\"db-*\"]
[[session]]
role = \"app\"
names = [\"x\"]
";
    let town = given(text).load().expect("valid").town;
    let after = |name: &str| -> Vec<String> {
        let after = &town.sessions[name].after;
        let waits = after.iter();
        waits
            .map(|(other, wait)| format!("{other} {:?}", wait.milestone))
            .collect()
    };
    assert_eq!(
        after("app-x"),
        [
            "cache-1 Started",
            "cache-2 Started",
            "db-a Ready",
            "db-b Ready"
        ]
    );
    assert_eq!(after("cache-2"), ["db-a Ready", "db-b Ready"]);
    let itself = text.replace("[\"db-*\"]", "[\"cache-1\", \"cach*\"]");
    let faults = given(&itself).load().expect_err("a cycle");
    let codes: Vec<&str> = faults.list.iter().map(|fault| fault.code).collect();
    assert_eq!(codes, ["cycle"]);
    let unknown = text.replace("role:db", "role:bd").replace("db-*", "dv-*");
    let faults = given(&unknown).load().expect_err("unknown");
    let told: Vec<String> = faults
        .list
        .iter()
        .map(|fault| {
            format!(
                "{}: {}",
                fault.message,
                fault.help.as_deref().unwrap_or_default()
            )
        })
        .collect();
    assert_eq!(
        told,
        [
            "`app-x` waits for `role:bd`, but no session has that role: did you mean `db`?",
            "`cache-1` waits for `dv-*`, but no session matches that pattern: did you mean `db-a`?",
        ]
    );
}

#[test]
fn waits_have_a_bound() {
    let text = "[town]\nname = \"t\"\n[defaults]\ncommand = [\"cat\"]\n\
                [[session]]\nsession = \"a\"\ncount = 500\n\
                [[session]]\nsession = \"b\"\ncount = 500\nafter = [\"a-*\"]\n";
    assert_eq!(given(text).faults(), ["too-many-waits 11:10 \"a-*\""]);
}

#[test]
fn a_command_that_is_a_text_shows_the_list_to_write() {
    let help = |line: &str| {
        let text = format!("[town]\nname = \"t\"\n[[session]]\nsession = \"a\"\n{line}\n");
        let faults = given(&text).load().expect_err("a text");
        faults.list[0].help.clone().unwrap_or_default()
    };
    assert_eq!(
        help("command = \"sleep 100\""),
        "write command = [\"sleep\", \"100\"]"
    );
    assert_eq!(
        help("command = 'sh -c \"echo \\\"hi\\\"\"'"),
        "write command = [\"sh\", \"-c\", \"echo \\\"hi\\\"\"]"
    );
    assert_eq!(help("after = \"db one\""), "write after = [\"db one\"]");
    assert_eq!(help("command = \"it's\""), "write command = [\"it's\"]");
}

#[test]
fn five_hundred_sessions_fit_in_forty_lines() {
    let text = example("hundreds");
    assert!(text.lines().count() <= 40, "{}", text.lines().count());
    let town = given(&text).load().expect("valid").town;
    assert_eq!(town.sessions.len(), 500);
}
