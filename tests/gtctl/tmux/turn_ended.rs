//! A task has completed when its client says that its turn is over, and its screen agrees.

use crate::harness::Yard;
use std::time::{Duration, Instant};

/// Fires the hooks of one case, and shows a prompt or work.
const CLAUDE: &str = r#"#!/bin/bash
hook() { printf '{"hook_event_name":"%s","session_id":"a-1","background_tasks":[]}' "$1" | GTCTL hook claude; }
prompt() { printf '\033[2J\033[H● Done.\n\n────────\n❯ \n────────\n  ⏸ manual mode on · ? for shortcuts'; }
work() { printf '\033[2J\033[H● Bash(make)\n\n✻ Thinking… (12s · esc to interrupt)\n\n────────\n❯ \n────────\n'; }
hook SessionStart
prompt
case $GTCTL_SESSION in
done) hook UserPromptSubmit; hook Stop ;;
works) work; hook UserPromptSubmit; hook Stop ;;
other-run) GTCTL_GENERATION=1 hook UserPromptSubmit; GTCTL_GENERATION=1 hook Stop ;;
outside) (setsid bash -c "$(declare -f hook); sleep 0.3; hook UserPromptSubmit; hook Stop" &) ;;
no-turn) ;;
esac
while :; do sleep 3; done
"#;

#[test]
fn only_the_end_of_a_turn_that_the_screen_confirms_completes_a_task() {
    let names = ["done", "works", "other-run", "outside", "no-turn"];
    let session = |name: &str| {
        format!(
            "[[session]]\nsession = \"{name}\"\nagent = \"claude\"\nrestart = \"never\"\n\
             completion = {{ turn_ended = \"2s\" }}\n"
        )
    };
    let yard = Yard::new("");
    yard.shim(
        "claude",
        &CLAUDE.replace(
            "GTCTL hook",
            &format!("{} hook", env!("CARGO_BIN_EXE_gtctl")),
        ),
    );
    let sessions: String = names.iter().map(|name| session(name)).collect();
    yard.declare(&format!(
        "[limits]\nconcurrent_starts = 10\n\
         [defaults]\nready_after = \"0s\"\nmax_age = \"off\"\nstop_grace = \"1s\"\n{sessions}"
    ));
    yard.gtctl(&["apply"]).exits(0);
    yard.until("the end of the one that is done", || {
        yard.gtctl(&["reconcile"]);
        !yard.sessions().contains(&"done".to_owned())
    });
    yard.gtctl(&["events"]).says("its turn");
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(8) {
        yard.gtctl(&["reconcile"]);
        std::thread::sleep(Duration::from_millis(500));
    }
    let mut left = yard.sessions();
    left.sort();
    assert_eq!(left, ["no-turn", "other-run", "outside", "works"]);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let of_done = crate::harness::of(&page, "sessions", "done").unwrap();
    assert_eq!(of_done["phase"], "completed");
}
