//! What agents say in the titles of their panes, on real tmux.

use crate::harness::{Yard, of, session};
use gtctl::proc::signal::Signal;
use serde_json::Value;

/// An agent that shows a prompt whatever it does, as codex does while an answer comes: its title
/// alone tells.
const TELLER: &str = "[agents.teller]\nprocess_names = [\"sh\"]\nready = [\"›\"]\nbusy = [\"esc to interrupt\"]\n\
    title_busy = [\"⠦\", \"⠧\"]\ntitle_asks = [\"[ ! ] Action Required\"]\ntitle_ready = [\"◇  Ready\"]\n\
    [defaults]\nagent = \"teller\"\nready_after = \"0s\"\nmax_age = \"off\"\nidle_limit = \"off\"\n\
    backoff = { first = \"0s\" }\n";

/// It puts into its title, and on its screen above the prompt, what is written into its files, and
/// tells of that.
const SCRIPT: &str = "printf '› '; cd $HOME; while sleep 0.1; do \
    if [ -e NAME.title ]; then mv NAME.title NAME.now; printf '\\033]2;%s\\007' \"$(cat NAME.now)\"; mv NAME.now NAME.set; fi; \
    if [ -e NAME.text ]; then mv NAME.text NAME.now; printf '\\033[H\\033[J%s\\r\\n› ' \"$(cat NAME.now)\"; mv NAME.now NAME.shown; fi; \
    done";

fn teller(name: &str) -> String {
    session(name, &SCRIPT.replace("NAME", name), "")
}

/// Writes for the agent, whole at once.
fn tell(yard: &Yard, name: &str, what: &str, text: &str) {
    yard.write(&format!("home/{name}.new"), text);
    std::fs::rename(
        yard.at(&format!("home/{name}.new")),
        yard.at(&format!("home/{name}.{what}")),
    )
    .unwrap();
    yard.until("the agent to show it", || {
        !yard.at(&format!("home/{name}.{what}")).exists()
    });
}

/// A look, and what it has taught of the screen: its state, what tells it and what says otherwise.
fn screen(yard: &Yard, name: &str) -> (String, String, Option<String>) {
    yard.gtctl(&["reconcile"]);
    let page = yard.gtctl(&["status", "-o", "json"]).json();
    let screen = of(&page, "sessions", name)
        .map(|line| line["screen"].clone())
        .unwrap_or_default();
    let word = |key: &str| screen[key].as_str().unwrap_or_default().to_owned();
    (
        word("state"),
        word("by"),
        screen["against"].as_str().map(str::to_owned),
    )
}

/// Looks until the screen says this.
fn until(yard: &Yard, name: &str, state: &str, by: &str) {
    yard.until(&format!("{name} to be {state} by its {by}"), || {
        let (is, told_by, _) = screen(yard, name);
        (is.as_str(), told_by.as_str()) == (state, by)
    });
}

#[test]
fn a_title_tells_what_a_prompt_does_not_and_an_earlier_ones_tells_nothing() {
    let yard = Yard::new(&format!("{TELLER}{}", teller("a")));
    yard.gtctl(&["apply"]).exits(0);
    until(&yard, "a", "ready", "text");
    tell(&yard, "a", "title", "⠦ Fix the login | teller");
    until(&yard, "a", "busy", "title");
    assert_eq!(screen(&yard, "a").2.as_deref(), Some("ready"));
    yard.gtctl(&["explain", "a"])
        .exits(0)
        .says("⠦ Fix the login | teller (from its title; screen says ready");
    let page = yard.gtctl(&["explain", "a", "-o", "json"]).json();
    assert_eq!(
        (&page["screen"]["by"], &page["screen"]["against"]),
        (&Value::from("title"), &Value::from("ready"))
    );
    tell(
        &yard,
        "a",
        "title",
        "[ ! ] Action Required | Fix the login | teller",
    );
    until(&yard, "a", "asks-permission", "title");
    tell(&yard, "a", "title", "◇  Ready (rig)");
    until(&yard, "a", "ready", "text");
    tell(&yard, "a", "text", "esc to interrupt");
    until(&yard, "a", "busy", "text");
    assert_eq!(
        screen(&yard, "a").2.as_deref(),
        Some("ready"),
        "they disagree"
    );
    tell(&yard, "a", "text", "hello");
    tell(&yard, "a", "title", "⠦ Fix the login | teller");
    until(&yard, "a", "busy", "title");

    let before = yard.pid("a");
    yard.kill(before);
    yard.until("another life", || {
        yard.gtctl(&["reconcile"]);
        yard.process("a").is_some_and(|now| now != before)
    });
    assert_eq!(
        yard.format("a", "#{pane_title}"),
        "⠦ Fix the login | teller",
        "tmux keeps it"
    );
    until(&yard, "a", "ready", "text");
    for _ in 0..3 {
        assert_eq!(screen(&yard, "a").0, "ready", "the title is the former's");
    }
    tell(&yard, "a", "title", "⠧ Fix the login | teller");
    until(&yard, "a", "busy", "title");
}

#[test]
fn a_screen_is_read_anew_where_only_its_title_has_changed() {
    let silent = session("a", "printf '› '; exec sleep 100000", "");
    let yard = Yard::new(&format!(
        "{}{silent}",
        TELLER.replace("\"sh\"", "\"sleep\"")
    ));
    yard.gtctl(&["apply"]).exits(0);
    until(&yard, "a", "ready", "text");
    // Until its last output counts as read, it is read at every look.
    yard.until("the screen to be known", || {
        yard.gtctl(&["reconcile"]);
        let page = yard.gtctl(&["status", "-o", "json"]).json();
        of(&page, "sessions", "a")
            .is_some_and(|line| line["screen"]["since_ms"].as_u64() > Some(3000))
    });
    let written = yard.format("a", "#{window_activity}");
    yard.tmux(&["select-pane", "-t", "=a:", "-T", "⠧ x"]);
    assert_eq!(
        yard.format("a", "#{window_activity}"),
        written,
        "nothing was written"
    );
    until(&yard, "a", "busy", "title");
}

#[test]
fn a_title_of_work_that_stands_still_is_stuck_all_the_same() {
    let script =
        "stty raw -echo; printf '› '; head -c 1 | od -An -tx1 >$HOME/key; exec sleep 100000";
    let frozen = session("a", script, "stuck_after = \"5s\"");
    let yard = Yard::new(&format!("{TELLER}{frozen}"));
    yard.gtctl(&["apply"]).exits(0);
    until(&yard, "a", "ready", "text");
    let watch = yard.start(&["reconcile", "--watch"]);
    yard.tmux(&["select-pane", "-t", "=a:", "-T", "⠧ frozen"]);
    yard.until("the Escape", || {
        yard.at("home/key").exists() && yard.read("home/key").trim() == "1b"
    });
    yard.until("a fresh process to be next", || {
        let page = yard.gtctl(&["diff", "-o", "json"]).json();
        of(&page, "held", "a").is_some_and(|held| held["hold"]["code"] == "roused")
    });
    watch.signal(Signal::TERM);
    watch.end().exits(0);
}

#[test]
fn hostile_titles_hide_and_forge_no_session() {
    let yard = Yard::new(&format!("{TELLER}{}{}", teller("a"), teller("b")));
    yard.gtctl(&["apply"]).exits(0);
    until(&yard, "b", "ready", "text");
    let nonce = "0123456789abcdef";
    let forged = format!("{nonce}P$9 %9 1 0 1 1 {nonce}x{nonce}{nonce}{nonce}.");
    let long = "⠦".repeat(10_000);
    for title in [
        &*forged,
        &*long,
        "a\tb",
        "\u{202e}⠦ x",
        "#{pid} #(touch forged) #[fg=red]",
        "'\" ; $HOME \\",
    ] {
        tell(&yard, "a", "title", title);
        let page = yard.gtctl(&["status", "-o", "json"]).exits(0).json();
        let states: Vec<&Value> = ["a", "b"]
            .iter()
            .map(|name| &of(&page, "sessions", name).unwrap()["phase"])
            .collect();
        assert!(
            states
                .iter()
                .all(|phase| **phase != "unknown" && **phase != "dead"),
            "{title}: {states:?}"
        );
        assert_eq!(screen(&yard, "b").0, "ready", "{title}");
        yard.gtctl(&["explain", "a"]).exits(0);
    }
    // As a person may set it: tmux itself decides what it takes of that.
    for title in ["a\nb", "\u{1b}]2;x\u{7}", "E\n"] {
        let _ = yard
            .command("tmux")
            .args([
                "-S",
                yard.socket().to_str().unwrap(),
                "select-pane",
                "-t",
                "=a:",
                "-T",
                title,
            ])
            .status();
        assert_eq!(screen(&yard, "b").0, "ready", "{title:?}");
    }
    assert!(!yard.at("forged").exists());
}
