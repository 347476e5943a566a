//! Several `env_file`s on real tmux: what an agent gets from them, and what holds its start.

use crate::harness::{Yard, session};

const TOWN: &str = "[defaults]\nready_after = \"0s\"\nstop_grace = \"1s\"\n";

/// A session that keeps three variables in a file, and lives on.
fn telling() -> String {
    session(
        "one",
        "echo \"$FIRST|$SECOND|$URL\" > told.new; mv told.new told; exec sleep 100000",
        "env = { HOST = \"db\" }\n\
         env_file = [\"first.env\", { path = \"none.env\", optional = true }, \"second.env\"]",
    )
}

#[test]
fn an_agent_gets_the_variables_of_all_files_and_a_later_one_wins() {
    let yard = Yard::new(&format!("{TOWN}{}", telling()));
    yard.write("first.env", "FIRST=1\nSECOND=early\nHOST=none\n");
    yard.write(
        "second.env",
        "export SECOND='${FIRST}'\nURL=\"http://${HOST}:${PORT:-80}/${FIRST}\"\n",
    );
    yard.gtctl(&["apply"]).exits(0);
    yard.until("the agent to tell its variables", || {
        yard.read("told") == "1|${FIRST}|http://db:80/1\n"
    });
}

#[test]
fn a_variable_that_is_not_set_holds_the_start_and_says_where() {
    let yard = Yard::new(&format!("{TOWN}{}", telling()));
    yard.write("first.env", "FIRST=1\n");
    // gtctl itself has a PATH, but a file does not get it.
    yard.write("second.env", "SECOND=2\nURL=hunter2${PATH}\n");
    let page = yard.gtctl(&["diff", "-o", "json"]).json();
    let hold = &page["held"][0]["hold"];
    assert_eq!(hold["code"], "cannot-start", "{page}");
    let text = hold.to_string();
    for part in ["second.env", "line 2", "${NAME:-text}"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert!(!text.contains("hunter2"), "{text}");
    assert!(yard.process("one").is_none());
    // With a default it starts.
    yard.write("second.env", "SECOND=2\nURL=${PATH:-none}\n");
    yard.gtctl(&["apply"]).exits(0);
    let pid = yard.fresh("one", None);
    // A running session is not ended because its file has become faulty.
    yard.write("second.env", "URL=${GONE}\n");
    let restart = yard.gtctl(&["restart", "one"]);
    let told = format!("{}{}", restart.out, restart.err);
    assert!(told.contains("second.env: line 1"), "{told}");
    assert_eq!(yard.pid("one"), pid);
}

#[test]
fn an_edited_env_file_wakes_a_controller() {
    let yard = Yard::new(&format!(
        "[controller]\nresync = \"1h\"\n{TOWN}{}",
        telling()
    ));
    yard.write("first.env", "FIRST=1\n");
    yard.write("second.env", "SECOND=2\nURL=${GONE}\n");
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.until("the start to be held", || {
        let page = yard.gtctl(&["status", "-o", "json"]).out;
        page.contains("cannot-start")
    });
    // The variable comes from the other file.
    yard.write("first.env", "FIRST=1\nGONE=back\n");
    yard.until("the start", || yard.process("one").is_some());
    yard.until("the agent to tell its variables", || {
        std::fs::read_to_string(yard.at("told")).is_ok_and(|told| told == "1|2|back\n")
    });
    watch.signal(gtctl::proc::signal::Signal::TERM);
    watch.end().exits(0);
}
