//! Agents go on where they were: after a crash or a lost server with the same conversation, after a
//! planned restart with a new one.

use crate::harness::Yard;
use std::fs;

/// A stand-in for claude. It notes its arguments, and reports one turn through its hooks, unless
/// `silent` is there. Where `other` is there, the conversation that it holds is the one in it. Where `refuse` is there, it knows no former conversation.
const CLAUDE: &str = r#"#!/bin/bash
echo "$*" >>"$HOME/args"
id=
while [ $# -gt 0 ]; do
    case $1 in
    --session-id) id=$2 ;;
    --resume)
        id=$2
        if [ -e "$HOME/refuse" ]; then
            echo "No conversation found with session ID: $id"
            exit 1
        fi
        ;;
    esac
    shift
done
[ ! -e "$HOME/other" ] || id=$(<"$HOME/other")
report() { echo "{\"hook_event_name\":\"$1\",\"session_id\":\"$id\",\"source\":\"startup\"}" | GTCTL hook claude; }
report SessionStart
if [ ! -e "$HOME/silent" ]; then report UserPromptSubmit; report Stop; fi
printf '❯ '
echo ready >>"$HOME/up"
while :; do sleep 3; done
"#;

fn town() -> Yard {
    let yard = Yard::new("");
    yard.shim(
        "claude",
        &CLAUDE.replace("GTCTL", env!("CARGO_BIN_EXE_gtctl")),
    );
    yard.declare(
        "[controller]\nresync = \"300ms\"\n[defaults]\nready_after = \"1s\"\nmax_age = \"off\"\nhandoff_gap = \"0s\"\ndrain = \"0s\"\n\
         stop_grace = \"1s\"\nbackoff = { first = \"0s\" }\n\
         [[session]]\nsession = \"a\"\nagent = \"claude\"\n",
    );
    yard.gtctl(&["apply"]).exits(0);
    yard
}

/// The arguments of each start.
fn starts(yard: &Yard) -> Vec<String> {
    let text = fs::read_to_string(yard.at("home/args")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

/// The word after a flag.
fn after<'t>(arguments: &'t str, flag: &str) -> Option<&'t str> {
    let mut words = arguments.split(' ');
    words.find(|word| *word == flag)?;
    words.next()
}

/// Waits until so many starts have come up.
fn until_up(yard: &Yard, count: usize) {
    yard.until("the agent to be up", || {
        let up = fs::read_to_string(yard.at("home/up")).unwrap_or_default();
        up.lines().count() >= count
    });
}

fn kill(yard: &Yard) {
    let process = yard.pid("a");
    gtctl::proc::signal::signal(process, gtctl::proc::signal::Signal::KILL);
    yard.until("the agent to be dead", || {
        gtctl::proc::process::identify(process.pid) != Some(process)
    });
}

#[test]
fn a_conversation_goes_on_after_a_crash_and_a_lost_server_and_is_new_after_a_restart() {
    let yard = town();
    until_up(&yard, 1);
    let first = starts(&yard);
    let id = after(&first[0], "--session-id").expect("an id of our own");
    assert_eq!(after(&first[0], "--resume"), None);

    kill(&yard);
    yard.gtctl(&["diff"]).says("(resumes ");
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 2);
    assert_eq!(after(&starts(&yard)[1], "--resume"), Some(id));
    assert_eq!(after(&starts(&yard)[1], "--session-id"), None);
    yard.gtctl(&["events"]).says("resumes ");

    yard.tmux(&["kill-server"]);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 3);
    assert_eq!(after(&starts(&yard)[2], "--resume"), Some(id));

    yard.gtctl(&["restart", "a"]).exits(0);
    until_up(&yard, 4);
    let fresh = starts(&yard)[3].clone();
    assert_eq!(after(&fresh, "--resume"), None);
    let second = after(&fresh, "--session-id").expect("another id");
    assert_ne!(second, id);

    yard.gtctl(&["restart", "--resume", "a"]).exits(0);
    until_up(&yard, 5);
    assert_eq!(after(&starts(&yard)[4], "--resume"), Some(second));
}

#[test]
fn a_conversation_that_its_client_does_not_know_is_followed_by_a_new_one_at_once() {
    let yard = town();
    until_up(&yard, 1);
    yard.write("home/refuse", "");
    kill(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 2);
    let starts = starts(&yard);
    assert_eq!(starts.len(), 3, "{starts:?}");
    assert!(after(&starts[1], "--resume").is_some());
    assert!(after(&starts[2], "--session-id").is_some());
}

#[test]
fn a_conversation_without_a_turn_is_not_resumed() {
    let yard = town();
    until_up(&yard, 1);
    yard.write("home/silent", "");
    yard.gtctl(&["restart", "a"]).exits(0);
    until_up(&yard, 2);
    kill(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 3);
    assert_eq!(after(&starts(&yard)[2], "--resume"), None);
}

#[test]
fn a_conversation_that_crashes_its_client_is_resumed_once() {
    let yard = town();
    until_up(&yard, 1);
    for (crash, resumes) in [(1, true), (2, false), (3, true)] {
        kill(&yard);
        yard.gtctl(&["apply"]).exits(0);
        until_up(&yard, crash + 1);
        let arguments = starts(&yard)[crash].clone();
        let is_resumed = after(&arguments, "--resume").is_some();
        assert_eq!(is_resumed, resumes, "{crash}: {arguments}");
    }
}

#[test]
fn without_hooks_nothing_is_added_but_the_conversation() {
    let yard = town();
    until_up(&yard, 1);
    assert!(after(&starts(&yard)[0], "--plugin-dir").is_some());
    yard.declare(
        "[agents.claude]\nhooks = \"off\"\nbegin = []\n[defaults]\nready_after = \"0s\"\nmax_age = \"off\"\n\
         handoff_gap = \"0s\"\ndrain = \"0s\"\nstop_grace = \"1s\"\n\
         [[session]]\nsession = \"a\"\nagent = \"claude\"\n",
    );
    yard.gtctl(&["restart", "a"]).exits(0);
    until_up(&yard, 2);
    assert_eq!(starts(&yard)[1], "--dangerously-skip-permissions");
}

#[test]
fn a_client_that_knows_none_of_the_added_arguments_is_started_without_them() {
    let yard = Yard::new("");
    yard.shim(
        "claude",
        "#!/bin/bash\necho \"$*\" >>\"$HOME/args\"\n\
         case $* in *--plugin-dir*) echo \"error: unknown option '--plugin-dir'\"; exit 1 ;; esac\n\
         printf '❯ '; echo ready >>\"$HOME/up\"; while :; do sleep 3; done\n",
    );
    yard.declare(
        "[defaults]\nready_after = \"1s\"\nmax_age = \"off\"\n\
         backoff = { first = \"0s\" }\n[[session]]\nsession = \"a\"\nagent = \"claude\"\n",
    );
    yard.gtctl(&["apply"]);
    let _controller = yard.start(&["reconcile", "--watch"]);
    until_up(&yard, 1);
    let last = starts(&yard).pop().unwrap();
    assert_eq!(last, "--dangerously-skip-permissions");
}

/// What the label names as the conversation.
fn labelled(yard: &Yard) -> Option<String> {
    let label = yard.format("a", "#{@gtctl_label}");
    let word = label.split(' ').find_map(|word| word.strip_prefix("conv="));
    word.map(str::to_owned)
}

/// Loses all files that the town keeps, while its agent is dead.
fn forget(yard: &Yard) {
    kill(yard);
    fs::remove_dir_all(yard.state()).unwrap();
}

#[test]
fn where_the_files_are_lost_the_session_still_knows_the_conversation() {
    let yard = town();
    until_up(&yard, 1);
    let id = after(&starts(&yard)[0], "--session-id").unwrap().to_owned();
    assert_eq!(labelled(&yard), Some(id.clone()));

    forget(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 2);
    assert_eq!(after(&starts(&yard)[1], "--resume"), Some(id.as_str()));
    assert_eq!(labelled(&yard), Some(id.clone()));

    // Somebody begins another conversation: gtctl hears of it, and writes it on the session.
    yard.write("home/other", "another-one");
    kill(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 3);
    yard.gtctl(&["apply"]).exits(0);
    assert_eq!(labelled(&yard), Some("another-one".to_owned()));
    let whole = yard.format("a", "#{@gtctl_label}");
    assert_eq!(whole.matches("conv=").count(), 1, "{whole}");
    yard.gtctl(&["status"]).exits(0);

    forget(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 4);
    assert_eq!(after(&starts(&yard)[3], "--resume"), Some("another-one"));
}

#[test]
fn a_conversation_that_somebody_has_written_on_the_session_reaches_no_client() {
    let yard = town();
    until_up(&yard, 1);
    let long = "a".repeat(129);
    for (count, bad) in ["--dangerous", "a/../b", "a;touch${IFS}x", &long]
        .into_iter()
        .enumerate()
    {
        let label = yard.format("a", "#{@gtctl_label}");
        let id = labelled(&yard).unwrap();
        forget(&yard);
        let forged = label.replace(&format!("conv={id}"), &format!("conv={bad}"));
        assert_ne!(forged, label);
        yard.tmux(&["set-option", "-t", "=a:", "@gtctl_label", &forged]);
        yard.gtctl(&["apply"]).exits(0);
        until_up(&yard, count + 2);
        let arguments = starts(&yard)[count + 1].clone();
        assert_eq!(after(&arguments, "--resume"), None, "{arguments}");
        assert!(after(&arguments, "--session-id").is_some(), "{arguments}");
    }
}

#[test]
fn the_end_of_a_conversation_is_on_the_session_too() {
    let yard = town();
    until_up(&yard, 1);
    // A planned restart has begun, then everything is lost.
    let at = gtctl::proc::clock::now().to_string();
    yard.tmux(&["set-option", "-t", "=a:", "@gtctl_handoff", &at]);
    forget(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 2);
    assert_eq!(after(&starts(&yard)[1], "--resume"), None);
}

#[test]
fn a_conversation_on_the_session_is_written_once() {
    let yard = town();
    yard.write("home/other", "another-one");
    kill(&yard);
    yard.gtctl(&["apply"]).exits(0);
    until_up(&yard, 2);
    let _controller = yard.start(&["reconcile", "--watch"]);
    yard.until("the conversation on the session", || {
        labelled(&yard) == Some("another-one".to_owned())
    });
    // Every write of an option runs this hook.
    let log = "run-shell \"echo written >>#{hook_log}\"";
    let log = log.replace("#{hook_log}", yard.at("writes").to_str().unwrap());
    yard.tmux(&["set-hook", "-g", "after-set-option", &log]);
    let cycles = || {
        let text = fs::read_to_string(yard.state().join("controller.json")).unwrap_or_default();
        let beat: serde_json::Value = serde_json::from_str(&text).unwrap_or_default();
        beat["counts"]["cycles"].as_u64().unwrap_or_default()
    };
    let before = cycles();
    yard.until("looks", || cycles() > before + 5);
    assert_eq!(yard.read("writes"), "");
}
