//! Instructions on real tmux: there before the agent starts, and never over what somebody wrote.

use crate::harness::{Yard, sleeper};
use std::fs;
use std::os::unix::fs::symlink;

const QUICK: &str = "[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\nhandoff_gap = \"0s\"\n\
     backoff = { first = \"0s\", jitter = 0 }\n";

/// A claude that keeps what it read at its start.
const CLAUDE: &str = "#!/bin/sh\ncp CLAUDE.md seen 2>/dev/null\nwhile :; do sleep 1; done\n";

fn yard() -> Yard {
    let yard = Yard::new(&format!(
        "{QUICK}[[session]]\nsession = \"one\"\nagent = \"claude\"\ndir = \"crew\"\ninstructions = \"watcher.md\"\n"
    ));
    fs::create_dir(yard.at("crew")).unwrap();
    yard.shim("claude", CLAUDE);
    yard.write("watcher.md", "Watch the town.");
    yard
}

#[test]
fn they_are_there_before_the_agent_starts() {
    let yard = yard();
    let wants = format!(
        "writes {}/crew/CLAUDE.md from watcher.md, unless it was edited",
        yard.dir()
    );
    yard.gtctl(&["diff"]).exits(2).says(&wants);
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    assert_eq!(
        page["steps"][0]["writes"]["file"],
        format!("{}/crew/CLAUDE.md", yard.dir())
    );
    assert!(!yard.at("crew/CLAUDE.md").exists(), "diff writes nothing");
    yard.gtctl(&["apply"]).exits(0);
    let text = yard.read("crew/CLAUDE.md");
    assert!(
        text.starts_with("Watch the town.\n\n<!-- Written by gtctl from watcher.md. "),
        "{text}"
    );
    yard.until("the agent to have read it", || {
        yard.read("crew/seen") == text
    });
    yard.gtctl(&["diff"]).exits(0);
}

#[test]
fn a_change_restarts_nothing_and_is_written_at_the_next_start() {
    let yard = yard();
    yard.gtctl(&["apply"]).exits(0);
    let one = yard.pid("one");
    yard.write("watcher.md", "Watch it well.\n");
    yard.gtctl(&["apply"]).exits(0).says("nothing to do");
    assert_eq!(yard.pid("one"), one);
    let said = yard.gtctl(&["restart", "one"]).exits(0);
    assert!(!said.err.contains("edited"), "{}", said.err);
    yard.fresh("one", Some(one));
    assert!(
        yard.read("crew/CLAUDE.md")
            .starts_with("Watch it well.\n\n<!-- ")
    );
    assert_eq!(
        fs::read_dir(yard.at("crew"))
            .unwrap()
            .flatten()
            .filter(|f| f.path().to_string_lossy().contains("CLAUDE"))
            .count(),
        1
    );
}

#[test]
fn what_somebody_wrote_stays_and_they_come_beside_it() {
    let yard = yard();
    yard.gtctl(&["apply"]).exits(0);
    let edited = yard.read("crew/CLAUDE.md").replace("the town", "my town");
    yard.write("crew/CLAUDE.md", &edited);
    yard.write("watcher.md", "Watch it well.\n");
    let said = yard.gtctl(&["restart", "one"]).exits(0);
    assert!(
        said.err
            .contains("CLAUDE.md was edited, or is not from gtctl, and stays as it is"),
        "{}",
        said.err
    );
    assert_eq!(yard.read("crew/CLAUDE.md"), edited);
    assert!(
        yard.read("crew/CLAUDE.md.gtctl-new")
            .starts_with("Watch it well.\n")
    );
    let again = yard.gtctl(&["restart", "one"]).exits(0);
    assert!(
        !again.err.contains("edited"),
        "it is said once: {}",
        again.err
    );
    yard.gtctl(&["doctor"])
        .says("CLAUDE.md was edited")
        .says("CLAUDE.md.mine && mv ");
    // Taken over as it is, it is gtctl's own again.
    fs::rename(
        yard.at("crew/CLAUDE.md.gtctl-new"),
        yard.at("crew/CLAUDE.md"),
    )
    .unwrap();
    yard.write("watcher.md", "Watch it best.\n");
    yard.gtctl(&["restart", "one"]).exits(0);
    assert!(yard.read("crew/CLAUDE.md").starts_with("Watch it best.\n"));
    assert!(!yard.at("crew/CLAUDE.md.gtctl-new").exists());
}

#[test]
fn links_and_strangers_are_left_alone() {
    let yard = yard();
    yard.write("secret", "mine");
    symlink(yard.at("secret"), yard.at("crew/CLAUDE.md")).unwrap();
    yard.gtctl(&["apply"]).exits(0).says("stays as it is");
    assert_eq!(yard.read("secret"), "mine");
    assert!(
        fs::symlink_metadata(yard.at("crew/CLAUDE.md"))
            .unwrap()
            .is_symlink()
    );
    // Who runs already is adopted with what it reads.
    let other = Yard::new("");
    other.write("AGENTS.md", "theirs");
    other.write("more.md", "ours");
    other.tmux(&["new-session", "-d", "-s", "two", "sleep", "100000"]);
    other.declare(&format!(
        "{QUICK}{}",
        sleeper("two", "instructions = \"more.md\"")
    ));
    other.gtctl(&["apply"]).exits(0).says("adopted");
    assert_eq!(other.read("AGENTS.md"), "theirs");
    assert!(!other.at("AGENTS.md.gtctl-new").exists());
}

#[test]
fn a_session_is_restarted_although_they_cannot_be_read() {
    let yard = yard();
    yard.gtctl(&["apply"]).exits(0);
    let watch = yard.start(&["reconcile", "--watch"]);
    let one = yard.pid("one");
    // It has read the manifest by then, which would be wrong without the file.
    yard.until("the controller", || {
        yard.state().join("controller.json").exists()
    });
    fs::remove_file(yard.at("watcher.md")).unwrap();
    yard.kill(one);
    yard.fresh("one", Some(one));
    yard.until("the notice", || {
        watch
            .said()
            .contains("the instructions of one cannot be read")
    });
    assert!(yard.read("crew/CLAUDE.md").starts_with("Watch the town."));
}

#[test]
fn what_cannot_be_instructions_is_a_fault_at_its_place() {
    let yard = yard();
    let faulty = |code: &str| {
        let said = yard.gtctl(&["validate"]).exits(1);
        assert!(
            said.err.contains(code) && said.err.contains("town.toml:13:16"),
            "{}",
            said.err
        );
    };
    yard.write("watcher.md", &"x".repeat(300 << 10));
    faulty("large-instructions");
    fs::write(yard.at("watcher.md"), b"\xff\xfe").unwrap();
    faulty("no-instructions");
    fs::remove_file(yard.at("watcher.md")).unwrap();
    faulty("no-instructions");
    yard.write("a.md", "a");
    yard.write("b.md", "b");
    yard.declare(&format!(
        "{}{}",
        sleeper("a", "instructions = \"a.md\""),
        sleeper("b", "instructions = \"b.md\"")
    ));
    yard.gtctl(&["validate"])
        .exits(1)
        .says("`a` and `b` have different instructions for the same file");
    yard.declare(&format!(
        "{}{}",
        sleeper("a", "instructions = \"a.md\""),
        sleeper("b", "instructions = \"a.md\"")
    ));
    yard.gtctl(&["validate"]).exits(0);
}
