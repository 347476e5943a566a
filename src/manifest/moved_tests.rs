//! The former names that `moved` gives a session, and where their faults point.

use super::tests::given;

/// The former names of all sessions that these lines make, as `new<old`.
fn former(lines: &str) -> Vec<String> {
    let loaded = given(&format!("[town]\nname = \"t\"\n{lines}\n"))
        .load()
        .expect("valid");
    let names = loaded.town.former_names();
    names
        .iter()
        .map(|(former, name)| format!("{name}<{former}"))
        .collect()
}

/// Code, line, column and text of each fault of these lines, from line 1.
fn faults(lines: &str) -> Vec<String> {
    given(&format!("{lines}\n[town]\nname = \"t\"\n")).faults()
}

#[test]
fn former_names_are_names_or_templates() {
    let lines = "[[session]]\nsession = \"a\"\ncommand = [\"cat\"]\nmoved = [\"old\", \"older\"]";
    assert_eq!(former(lines), ["a<old", "a<older"]);
    let group =
        "[[session]]\nsession = \"w\"\ncount = 2\ncommand = [\"cat\"]\nmoved = [\"old-{n}\"]";
    assert_eq!(former(group), ["w-1<old-1", "w-2<old-2"]);
}

#[test]
fn a_former_name_is_declared_nowhere_and_is_that_of_one_session() {
    let cat = "command = [\"cat\"]\n";
    let a = |moved: &str| format!("[[session]]\nsession = \"a\"\n{cat}moved = {moved}\n");
    let b = |moved: &str| format!("[[session]]\nsession = \"b\"\n{cat}moved = {moved}\n");
    let cases = [
        (
            format!("{}{}", a("[\"b\"]"), b("[]")),
            vec!["still-declared 4:10 \"b\""],
        ),
        (a("[\"a\"]"), vec!["still-declared 4:10 \"a\""]),
        (
            format!("{}{}", a("[\"x\"]"), b("[\"y\", \"x\"]")),
            vec!["duplicate-session 8:15 \"x\""],
        ),
        (
            format!("[[session]]\nsession = \"w\"\ncount = 3\n{cat}moved = [\"old\"]\n"),
            vec!["duplicate-session 5:10 \"old\""],
        ),
        (a("[\"x\", \"x\"]"), vec![]),
    ];
    for (lines, expected) in cases {
        if expected.is_empty() {
            assert_eq!(former(&lines), ["a<x"]);
        } else {
            assert_eq!(faults(&lines), expected, "{lines}");
        }
    }
    let [bad] = &faults(&a("[\"a.b\"]"))[..] else {
        panic!("one fault is expected")
    };
    assert!(bad.starts_with("bad-name 4:10 "), "{bad}");
}

#[test]
fn what_a_launcher_starts_keeps_its_name() {
    let lines =
        "[roles.r]\nstart = [\"x\"]\n[[session]]\nrole = \"r\"\nsession = \"a\"\nmoved = [\"b\"]\n";
    assert_eq!(faults(lines), ["launcher 6:9 [\"b\"]"]);
}
