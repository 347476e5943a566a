//! A town from nothing: what `init` writes is valid whatever the machine has, and comes up without
//! an edit.

use crate::harness::{Said, TMUX, Yard, write_program};
use std::fs;
use std::io::Write;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;
use std::process::Stdio;

/// A yard whose PATH has nothing but a shell and these programs, which do nothing.
fn machine(programs: &[&str]) -> (Yard, PathBuf) {
    let yard = Yard::new("");
    let bin = yard.at("only");
    fs::create_dir(&bin).unwrap();
    symlink("/bin/sh", bin.join("sh")).unwrap();
    for program in programs {
        write_program(bin.join(program), "#!/bin/sh\nexit 0\n");
    }
    (yard, bin)
}

fn run(yard: &Yard, bin: &PathBuf, args: &[&str]) -> Said {
    let mut command = yard.gtctl_command(args);
    command.env("PATH", bin).env("GTCTL_SOCKET", yard.socket());
    yard.running(command).end()
}

/// A Gas Town with two rigs, of which one is not set up whole.
fn gas_town(yard: &Yard, at: &str) {
    for dir in [
        "mayor",
        "deacon",
        "shop/witness",
        "shop/refinery/rig",
        "shop/crew/watcher",
        "shop/crew/a.b",
        "yard",
    ] {
        fs::create_dir_all(yard.at(at).join(dir)).unwrap();
    }
    yard.write(&format!("{at}/mayor/town.json"), "{}");
    let rigs = r#"{"rigs":{"shop":{"beads":{"prefix":"sh-"}},"yard":{"beads":{"prefix":"ya"}}}}"#;
    yard.write(&format!("{at}/mayor/rigs.json"), rigs);
}

#[test]
fn a_machine_with_only_tmux_gets_a_town_that_comes_up_without_an_edit() {
    let (yard, bin) = machine(&[]);
    symlink(&*TMUX, bin.join("tmux")).unwrap();
    let said = run(
        &yard,
        &bin,
        &["init", "fresh", "--name", &yard.town, "--crew", "2"],
    )
    .exits(0);
    assert!(said.out.starts_with(&format!(
        "wrote fresh/town.toml: town {} with 2 sessions, running sh\n",
        yard.town
    )));
    let next = said
        .out
        .lines()
        .map(str::trim)
        .find(|line| line.starts_with("gtctl") && line.contains(" apply "))
        .unwrap();
    let next: Vec<&str> = next
        .split(" #")
        .next()
        .unwrap()
        .split_whitespace()
        .skip(1)
        .collect();
    run(&yard, &bin, &next).exits(0).says("2 started");
    assert_eq!(
        yard.sessions(),
        [format!("{}-1", yard.town), format!("{}-2", yard.town)]
    );
    run(&yard, &bin, &["-f", "fresh/town.toml", "verify"])
        .exits(0)
        .says("none dead");
    run(&yard, &bin, &["-f", "fresh/town.toml", "diff"])
        .exits(0)
        .says("nothing to do");
}

#[test]
fn whatever_is_asked_for_is_valid() {
    let (yard, bin) = machine(&[]);
    gas_town(&yard, "gt");
    let agents = [
        "claude",
        "kimigas",
        "kimi",
        "kimi-code",
        "codex",
        "gemini",
        "opencode",
        "aider",
        "shell",
    ];
    let shapes: [&[&str]; 6] = [
        &["--root", "none"],
        &["--root", "none", "--crew", "12", "--crew", "eve"],
        &[
            "--root", "none", "--rig", "shop", "--rig", "yard", "--crew", "2",
        ],
        &["--root", "gt"],
        &["--root", "gt", "--rig", "yard"],
        &["--root", "gt", "--rig", "shop", "--crew", "watcher"],
    ];
    for agent in agents {
        for shape in shapes {
            let args = [&["init", "new.toml", "--force", "--agent", agent], shape].concat();
            run(&yard, &bin, &args).exits(0);
            let said = run(&yard, &bin, &["validate", "new.toml"]).exits(0);
            assert_eq!(said.err, "", "{args:?}: nothing is to be remarked");
            assert!(
                yard.read("new.toml")
                    .starts_with("#:schema ./town.schema.json\n")
            );
        }
    }
    assert_eq!(
        yard.read("town.schema.json"),
        run(&yard, &bin, &["schema"]).out
    );
}

#[test]
fn nothing_is_overwritten_unless_told() {
    let (yard, bin) = machine(&["codex"]);
    yard.write("mine.toml", "mine");
    let said = run(&yard, &bin, &["init", "mine.toml"]).exits(1);
    assert!(
        said.err.contains("mine.toml already exists") && said.err.contains("--force"),
        "{}",
        said.err
    );
    assert_eq!(yard.read("mine.toml"), "mine");
    symlink(yard.at("nowhere"), yard.at("link.toml")).unwrap();
    run(&yard, &bin, &["init", "link.toml"])
        .exits(1)
        .says("already exists");
    run(
        &yard,
        &bin,
        &["init", "mine.toml", "--force", "--name", "acme"],
    )
    .exits(0)
    .says("running codex");
    assert!(yard.read("mine.toml").contains("agent = \"codex\""));
}

#[test]
fn a_lax_umask_makes_no_manifest_that_is_refused() {
    let (yard, bin) = machine(&[]);
    let mut command = yard.command("sh");
    command.args([
        "-c",
        "umask 000; exec \"$0\" init -y",
        env!("CARGO_BIN_EXE_gtctl"),
    ]);
    command.env("PATH", &bin).current_dir(yard.at("home"));
    yard.running(command).end().exits(0);
    let mode = fs::metadata(yard.at("home/town.toml"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o644);
}

#[test]
fn a_gas_town_is_found_with_its_rigs_names_and_crew() {
    let (yard, bin) = machine(&["claude", "kimi"]);
    symlink(&*TMUX, bin.join("tmux")).unwrap();
    gas_town(&yard, "home/gt");
    let said = run(&yard, &bin, &["init", "any"]).exits(0).says("left out");
    assert!(
        said.err.contains("witness of yard, refinery of yard"),
        "{}",
        said.err
    );
    let text = yard.read("any/town.toml");
    for line in [
        "root = \"~/gt\"",
        "naming = \"prefix\"",
        "name = \"gt\"",
        "name = \"watcher\"",
        "agent = \"claude\"",
    ] {
        assert!(text.contains(line), "{line} in {text}");
    }
    assert!(
        text.contains("instructions = \"watcher.md\"")
            && yard.read("any/watcher.md").contains("You are the watcher")
    );
    let diff = run(&yard, &bin, &["-f", "any/town.toml", "diff", "-o", "json"])
        .exits(2)
        .json();
    let starts: Vec<&str> = diff["steps"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["session"].as_str())
        .collect();
    let held: Vec<&str> = diff["held"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|s| s["session"].as_str())
        .collect();
    let mut all = [starts, held].concat();
    all.sort_unstable();
    assert_eq!(
        all,
        [
            "hq-deacon",
            "hq-mayor",
            "sh-crew-watcher",
            "sh-refinery",
            "sh-witness"
        ]
    );
    run(&yard, &bin, &["init", "other", "--rig", "shed"])
        .exits(1)
        .says("has no rig `shed`");
    yard.write("home/gt/mayor/rigs.json", "{");
    run(&yard, &bin, &["init", "broken"])
        .exits(1)
        .says("rigs.json is not JSON");
    run(&yard, &bin, &["init", "broken", "--root", "none"]).exits(0);
}

#[test]
fn what_would_not_do_is_refused_before_anything_is_written() {
    let (yard, bin) = machine(&[]);
    for (args, why) in [
        (&["--name", "a:b"][..], "is not a valid town name"),
        (
            &["--agent", "cluade"],
            "there is no built-in agent `cluade`",
        ),
        (&["--crew", "0"], "the number must be from 1 to 100"),
        (&["--crew", "a b"], "is not a valid session name"),
        (
            &["--rig", "shop", "--crew", "a-b"],
            "is not a valid name for a crew member",
        ),
        (&["--root", "/"], "is not a Gas Town"),
    ] {
        let said = run(&yard, &bin, &[&["init", "none"], args].concat())
            .exits(1)
            .says(why);
        assert!(said.err.contains("help: "), "{}", said.err);
        assert!(!yard.at("none").exists());
    }
    for town in ["gt", "gt-x", "hq"] {
        run(
            &yard,
            &bin,
            &["init", "gtish.toml", "--force", "--name", town],
        )
        .exits(0);
        assert!(
            yard.read("gtish.toml").contains("session = \"town-1\""),
            "gt may kill what it does not know"
        );
    }
}

#[test]
fn at_a_terminal_it_asks_and_enter_will_do() {
    let (yard, bin) = machine(&["kimi"]);
    let ask = |file: &str, answers: &str| {
        let mut command = yard.command("script");
        let init = format!("{} init {file}", env!("CARGO_BIN_EXE_gtctl"));
        command
            .args(["-qec", &init, "/dev/null"])
            .env("SHELL", "/bin/sh");
        command
            .env("PATH", format!("{}:/usr/bin:/bin", bin.display()))
            .stdin(Stdio::piped());
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        child
            .stdin
            .take()
            .unwrap()
            .write_all(answers.as_bytes())
            .unwrap();
        String::from_utf8_lossy(&child.wait_with_output().unwrap().stdout).into_owned()
    };
    let said = ask("a.toml", "acme\nnobody\ncodex\n3\n");
    for part in [
        "Town name [",
        "Agent (on PATH: kimi) [kimi]: ",
        "there is no built-in agent `nobody`",
        "How many sessions [1]: ",
    ] {
        assert!(said.contains(part), "{part} in {said}");
    }
    let text = yard.read("a.toml");
    assert!(
        text.contains("name = \"acme\"")
            && text.contains("agent = \"codex\"")
            && text.contains("\"acme-3\""),
        "{said}"
    );
    ask("b.toml", "\n\n\n");
    assert!(yard.read("b.toml").contains("agent = \"kimi\""));
    assert!(ask("c.toml", "acme\n\u{4}").contains("nothing was written"));
    assert!(!yard.at("c.toml").exists());
}
