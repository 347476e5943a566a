//! What hands do that other tools have trained: aliases, words for other verbs, a manifest in a
//! folder above, completion, and errors for programs.

use super::home::{Home, Ran, TOWN};
use serde_json::Value;
use std::fs;

/// The one line of JSON on standard error that says why a verb failed.
fn trouble(ran: &Ran) -> Value {
    let pages = ran
        .err
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let found: Vec<Value> = pages
        .filter(|page: &Value| page["kind"] == "trouble")
        .collect();
    assert_eq!(found.len(), 1, "{ran:?}");
    assert_eq!(found[0]["exit"], ran.code, "{ran:?}");
    found[0].clone()
}

#[test]
fn aliases_are_the_verbs_themselves() {
    let home = Home::with(TOWN);
    for (alias, verb) in [("ls", "status"), ("ps", "status"), ("up", "apply")] {
        let (alias, verb) = (home.run(&[alias, "--help"]), home.run(&[verb, "--help"]));
        let own = |ran: &Ran| ran.out.lines().next().unwrap().to_owned();
        assert_eq!(own(&alias), own(&verb));
    }
    let short = home.run(&["logs", "a", "-n", "5"]);
    short.fails(1, "a has no log yet");
    home.run(&["logs", "a", "--tail", "5"])
        .fails(1, "a has no log yet");
}

#[test]
fn a_word_of_another_tool_names_the_call_that_does_the_same() {
    let home = Home::with(TOWN);
    for (line, call) in [
        (&["list"][..], "`gtctl status`"),
        (&["describe", "a"], "`gtctl explain SESSION`"),
        (&["logs", "-f", "a"], "`gtctl logs -F SESSION`"),
        (&["rm", "a"], "`gtctl apply --prune`"),
        (&["apply", "--dry-run"], "`gtctl diff`"),
    ] {
        let ran = home.run(line);
        ran.fails(64, call);
        assert!(
            ran.err.starts_with("error: ") && ran.err.contains("\n  help: "),
            "{ran:?}"
        );
    }
    home.run(&["stop", "town.toml"])
        .fails(1, "is a path, not the name of a session");
    home.run(&["pause", "a"])
        .fails(1, "this verb is about the whole town");
    home.run(&["diff", "a", "--out", "plan"])
        .fails(64, "a plan of the whole town");
}

#[test]
fn errors_and_notes_are_json_where_results_are() {
    let home = Home::with(TOWN);
    let ran = home.run(&["explain", "b", "-o", "json"]);
    assert_eq!(trouble(&ran)["message"], "`b` is not declared in town acme");
    let ran = home.run(&["-o", "json", "frobnicate"]);
    assert!(
        trouble(&ran)["message"]
            .as_str()
            .unwrap()
            .contains("frobnicate")
    );
    let ran = home.run(&["list", "--output=json"]);
    assert_eq!(trouble(&ran)["help"], "`gtctl status` does that here");
    let plain = home.run(&["explain", "b", "-o", "json", "--message-format", "human"]);
    assert!(plain.err.starts_with("error: "), "{plain:?}");
}

#[test]
fn a_manifest_above_is_found_up_to_the_home_or_the_repository_and_named() {
    let home = Home::with(TOWN);
    let deep = home.work().join("src/deep");
    fs::create_dir_all(&deep).unwrap();
    let from = |folder: &str, args: &[&str]| {
        let mut command = home.command(args);
        command.current_dir(home.work().join(folder));
        Ran::of(command)
    };
    // Neither a home nor a repository: only this folder counts.
    from("src", &["validate"]).fails(1, "`gtctl init` writes a first one");
    fs::create_dir(home.work().join(".git")).unwrap();
    let ran = from("src/deep", &["validate"]);
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(
        ran.out.starts_with("../../town.toml: town acme is valid"),
        "{ran:?}"
    );
    assert_eq!(ran.err, "note: the manifest is ../../town.toml\n");
    // The paths in it begin where it is.
    let explained = from("src/deep", &["explain", "a", "--all"]);
    let dir = home.work().canonicalize().unwrap();
    assert!(
        explained.out.contains(&format!("\"{}\"", dir.display())),
        "{explained:?}"
    );
    // What is written is written here.
    assert_eq!(
        from("src/deep", &["init", "--yes", "--agent", "shell"]).code,
        0
    );
    assert!(deep.join("town.toml").exists());
}

#[test]
fn a_shell_completes_sessions_roles_and_verbs() {
    let town = "[town]\nname = \"acme\"\n\n[[session]]\nrole = \"crew\"\nrig = \"shop\"\n\
                name = \"max\"\nsession = \"shop-max\"\ncommand = [\"sleep\", \"9\"]\n";
    let home = Home::with(town);
    home.write("other.toml", TOWN.replace("\"a\"", "\"other\""));
    for shell in ["bash", "zsh", "fish"] {
        let script = home.run(&["completions", shell]);
        assert_eq!(script.code, 0, "{script:?}");
        assert!(script.out.contains("GTCTL_COMPLETE"), "{}", script.out);
    }
    let asked = |words: &[&str]| {
        let line = [&["--", "gtctl"][..], words].concat();
        let last = words.len().to_string();
        home.run_with(
            &[("GTCTL_COMPLETE", "bash"), ("_CLAP_COMPLETE_INDEX", &last)],
            &line,
        )
    };
    for (words, wanted) in [
        (&["restart", ""][..], "shop-max"),
        (&["status", "--role", ""], "crew"),
        (&["status", "--rig", ""], "shop"),
        (&["-f", "other.toml", "stop", ""], "other"),
        (&["rest"], "restart"),
    ] {
        let ran = asked(words);
        assert_eq!(ran.code, 0, "{ran:?}");
        let found: Vec<&str> = ran.out.split_whitespace().collect();
        assert!(found.contains(&wanted), "{words:?}: {ran:?}");
    }
    home.write("town.toml", "[town");
    assert_eq!(
        asked(&["restart", ""]).code,
        0,
        "a broken manifest completes nothing"
    );
}
