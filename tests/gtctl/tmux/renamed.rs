//! A session that the manifest names anew keeps its process. Real tmux.

use crate::harness::{QUICK, Yard, of, session, sleeper};
use gtctl::proc::signal::Signal;

/// A town with one session of this name.
fn town(name: &str, more: &str) -> String {
    format!("{QUICK}{}", sleeper(name, more))
}

/// A session that prints its lines, and that takes its name from its environment.
fn talker(name: &str, more: &str) -> String {
    let script = "while sleep 0.1; do test -e say && cat say && rm say; done";
    format!("{QUICK}{}", session(name, script, more))
}

#[test]
fn a_renamed_session_keeps_its_process_its_history_and_its_log() {
    let yard = Yard::new(&talker("old", ""));
    yard.gtctl(&["apply"]).exits(0);
    let pid = yard.pid("old");
    yard.write("say", "before\n");
    yard.until("its line to be kept", || {
        yard.gtctl(&["logs", "old"]).out.contains("before")
    });
    let client = yard.attach("old");
    yard.declare(&talker("new", "moved = [\"old\"]"));
    yard.gtctl(&["validate"]).exits(0);
    let diff = yard.gtctl(&["diff", "-o", "json"]).exits(2);
    let page = diff.json();
    let step = of(&page, "steps", "new").unwrap();
    assert_eq!(step["action"], "rename");
    assert_eq!(step["reason"]["evidence"]["from"], "old");
    yard.gtctl(&["diff"])
        .exits(2)
        .says("= rename  new  its name was old; its process goes on");
    yard.gtctl(&["apply"]).exits(0).says("renamed");
    assert_eq!(yard.sessions(), ["new"]);
    assert_eq!(yard.pid("new"), pid);
    yard.gtctl(&["diff"]).exits(0);
    yard.gtctl(&["events"]).says("renamed");
    yard.write("say", "after\n");
    let both = |text: &str| text.contains("before") && text.contains("after");
    yard.until("its log to go on", || {
        both(&yard.gtctl(&["logs", "new"]).out)
    });
    assert!(!yard.state().join("logs/old").exists());
    drop(client);
    // A planned restart ends the whole tree that still has the former name in its environment.
    let former = yard.marked("old");
    assert!(!former.is_empty());
    yard.gtctl(&["restart", "new"]).exits(0);
    let fresh = yard.pid("new");
    assert_ne!(fresh, pid);
    yard.until("the former tree to end", || yard.marked("old").is_empty());
    assert!(yard.marked("new").contains(&fresh));
    yard.gtctl(&["status"]).exits(0).says("new");
}

#[test]
fn a_controller_renames_and_the_former_name_is_free_again() {
    let yard = Yard::new(&town("first", ""));
    yard.gtctl(&["apply"]).exits(0);
    let pid = yard.pid("first");
    let watch = yard.start(&["reconcile", "--watch"]);
    for (name, moved) in [
        ("second", "[\"first\"]"),
        ("third", "[\"second\", \"first\"]"),
    ] {
        yard.declare(&town(name, &format!("moved = {moved}")));
        yard.until("the new name", || yard.sessions() == [name]);
        assert_eq!(yard.pid(name), pid, "{name}");
    }
    // Another session takes the name that the processes of the renamed one still have.
    let more = sleeper("first", "");
    yard.declare(&format!("{}{more}", town("third", "")));
    yard.until("the other session", || {
        yard.process("first").is_some() && yard.gtctl(&["diff"]).code == Some(0)
    });
    assert_eq!(yard.pid("third"), pid);
    let other = yard.pid("first");
    yard.gtctl(&["restart", "first"]).exits(0);
    yard.fresh("first", Some(other));
    assert_eq!(yard.pid("third"), pid);
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn where_both_names_exist_nothing_is_touched() {
    let yard = Yard::new(&format!("{}{}", town("old", ""), sleeper("new", "")));
    yard.gtctl(&["apply"]).exits(0);
    let [old, new] = ["old", "new"].map(|name| yard.pid(name));
    yard.declare(&town("new", "moved = [\"old\"]\nenv = { A = \"1\" }"));
    for args in [&["apply"][..], &["apply", "--prune", "--allow-mass"]] {
        yard.gtctl(args).exits(3).says("old still exists beside it");
        assert_eq!([yard.pid("old"), yard.pid("new")], [old, new]);
    }
    yard.gtctl(&["status"]).says("remove old from `moved`");
    // A person decides.
    yard.tmux(&["kill-session", "-t", "=old:"]);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["new"]);
}

#[test]
fn a_session_of_the_former_name_that_is_not_ours_holds_the_start() {
    let yard = Yard::new(&town("new", "moved = [\"old\"]"));
    yard.tmux(&["new-session", "-d", "-s", "old", "sleep", "100000"]);
    let other = yard.pid("old");
    yard.gtctl(&["apply"])
        .exits(3)
        .says("old exists and is not gtctl's");
    assert_eq!(yard.sessions(), ["old"]);
    assert_eq!(yard.pid("old"), other);
    yard.tmux(&["rename-session", "-t", "=old:", "mine"]);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), ["mine", "new"]);
}

#[test]
fn a_stopped_session_stays_stopped_under_its_new_name() {
    let yard = Yard::new(&town("old", ""));
    yard.gtctl(&["apply"]).exits(0);
    yard.gtctl(&["stop", "old"]).exits(0);
    yard.declare(&town("new", "moved = [\"old\"]"));
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(yard.sessions(), Vec::<String>::new());
    yard.gtctl(&["start", "new"]).exits(0);
    assert_eq!(yard.sessions(), ["new"]);
}
