use super::*;

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 90_000_000,
    boot: 7,
};

fn agent(ready: &[&str]) -> Agent {
    Agent {
        ready: ready.iter().map(|phrase| (*phrase).to_owned()).collect(),
        busy: vec!["*esc to interrupt".to_owned()],
        asks_trust: vec!["Do you trust*".to_owned()],
        ..Agent::default()
    }
}

fn at(ready: &[&str], styled: &str) -> Prompt {
    prompt(&agent(ready), styled, NOW, &TimeZone::UTC)
}

fn composer_of(ready: &[&str], styled: &str) -> Composer {
    at(ready, styled).composer
}

fn holds(text: &str) -> Composer {
    Composer::Holds(text.to_owned())
}

const CLAUDE: [&str; 2] = ["❯", ">"];
const KIMI: [&str; 3] = ["✨", "💫", "*@*✨"];
const GEMINI: [&str; 2] = ["*Type your message or @path/to/file", ">"];
const OPENCODE: [&str; 2] = ["*ctrl+p commands", "*Ask anything...*"];

#[test]
fn a_composer_is_empty_or_holds_what_was_written() {
    assert_eq!(
        composer_of(&CLAUDE, "● Done.\n────\n❯ \n────\n  ? for shortcuts"),
        Composer::Empty
    );
    let typed = "────\n❯ what does\n  this mean?\n────\n  ? for shortcuts";
    assert_eq!(composer_of(&CLAUDE, typed), holds("what does this mean?"));
    assert_eq!(
        composer_of(&CLAUDE, "╭──╮\n│ >    │\n╰──╯\n  ? for"),
        Composer::Empty
    );
    assert_eq!(
        composer_of(&CLAUDE, "╭──╮\n│ > a  │\n│   b │\n╰──╯\n  ? for"),
        holds("a b")
    );
    assert_eq!(
        composer_of(&KIMI, "me@api✨\n10:32  agent"),
        Composer::Empty
    );
    assert_eq!(
        composer_of(&KIMI, "me@api✨ go on\n10:32  agent"),
        holds("go on")
    );
    assert_eq!(composer_of(&["ask>"], "files\nask> why?"), holds("why?"));
    assert_eq!(composer_of(&CLAUDE, "hello"), Composer::Missing);
}

#[test]
fn a_placeholder_is_no_text() {
    assert_eq!(
        composer_of(&CLAUDE, "❯ \u{1b}[2mTry \"refactor it\"\u{1b}[0m\n────"),
        Composer::Empty
    );
    assert_eq!(
        composer_of(&CLAUDE, "❯ \u{1b}[7mT\u{1b}[0;2mry \"refactor\"\u{1b}[0m"),
        Composer::Empty
    );
    assert_eq!(
        composer_of(&CLAUDE, "❯ yes\u{1b}[7m \u{1b}[0m"),
        holds("yes")
    );
    assert_eq!(
        composer_of(&CLAUDE, "❯ y\u{1b}[2m or no\u{1b}[0m"),
        holds("y"),
        "a completion"
    );
    assert_eq!(
        composer_of(&CLAUDE, "❯ \u{1b}[38;5;2mgreen\u{1b}[39m"),
        holds("green"),
        "a colour is not dim"
    );
    assert_eq!(
        composer_of(&GEMINI, "│ >  Type your message or @path/to/file   │"),
        Composer::Empty
    );
    assert_eq!(composer_of(&GEMINI, "│ > go   │"), holds("go"));
}

#[test]
fn heavy_bars_hold_a_composer_above_the_clients_own_line() {
    let screen = |text: &str| {
        format!(
            "  ┃ old words\n\n  ┃\n  ┃  {text}\n  ┃\n  ┃  Build  GPT\n  ╹▀▀▀▀\n   ctrl+p commands"
        )
    };
    assert_eq!(composer_of(&OPENCODE, &screen("")), Composer::Empty);
    assert_eq!(
        composer_of(&OPENCODE, &screen("Ask anything... \"Fix it\"")),
        Composer::Empty
    );
    assert_eq!(composer_of(&OPENCODE, &screen("go on")), holds("go on"));
}

#[test]
fn only_an_empty_prompt_is_free() {
    assert_eq!(at(&CLAUDE, "❯ ").obstacle(), None);
    assert_eq!(
        at(&CLAUDE, "❯ half a").obstacle(),
        Some(Obstacle::Composing)
    );
    assert_eq!(
        at(&CLAUDE, "✻ Thinking… (4s · esc to interrupt)\n❯ ").obstacle(),
        Some(Obstacle::Works)
    );
    assert_eq!(at(&CLAUDE, "words").obstacle(), Some(Obstacle::NoPrompt));
    let trust = "Do you trust the files?\n❯ 1. Yes";
    assert_eq!(at(&CLAUDE, trust).obstacle().unwrap().code(), "asks-trust");
}

#[test]
fn our_text_is_known_wrapped_cut_and_pasted() {
    let prompt = |text: &str| Prompt {
        composer: holds(text),
        ..at(&CLAUDE, "❯ ")
    };
    assert!(prompt("run your cycle").holds("run your\ncycle; now"));
    assert!(prompt("[Pasted text #1 +9 lines]").holds("a\nb"));
    assert!(!prompt("r").holds("run your cycle"), "somebody else's");
    assert!(!prompt("hrun your cycle").holds("run your cycle"));
    assert!(!at(&CLAUDE, "❯ ").holds("a"));
}

#[test]
fn lines_below_the_composer_are_counted() {
    assert_eq!(at(&CLAUDE, "❯ a\n────\n  footer").below, 1);
    assert_eq!(at(&CLAUDE, "❯ a\n● answer\n\n  more").below, 2);
}
