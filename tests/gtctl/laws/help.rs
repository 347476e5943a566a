//! The help that the real binary prints.

use std::process::Command;

/// The help of a verb, or of gtctl as a whole, as on a terminal of 100 columns.
pub(super) fn of(verb: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_gtctl"));
    command.arg("help").args(verb).env_clear();
    command.env("COLUMNS", "100");
    let output = command.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    lines.join("\n") + "\n"
}

/// The first words of the list below `Commands:`.
fn listed(help: &str) -> Vec<String> {
    let list = help.split("\nCommands:\n").nth(1).unwrap_or_default();
    let list = list.split("\n\n").next().unwrap_or_default();
    let is_entry = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = list.lines().filter(is_entry);
    let names = names.filter_map(|line| line.split_whitespace().next());
    names
        .filter(|name| *name != "help")
        .map(str::to_owned)
        .collect()
}

/// Every verb that the help shows.
pub(super) fn verbs() -> Vec<String> {
    listed(&of(&[]))
}

/// The verbs below a verb, such as `install` of `service`.
pub(super) fn parts(verb: &str) -> Vec<String> {
    listed(&of(&[verb]))
}

#[test]
fn verbs_and_their_parts_are_listed() {
    let verbs = verbs();
    assert!(verbs.iter().any(|verb| verb == "move-server"), "{verbs:?}");
    assert_eq!(parts("chore"), ["run"]);
    assert!(parts("apply").is_empty());
}
