//! Titles of clients, and titles that only look like one.

use super::super::tests::{agents, corpus, read_text};
use super::*;
use crate::screen::digest::raw;

const HOST: &str = "build-host";

/// The screen of this text, with a title that was another one before.
fn read(agent: &Agent, text: &str, title: &str) -> Screen {
    with_title(
        agent,
        read_text(agent, text),
        title,
        Title::Unread.then(raw(HOST)),
    )
}

/// Titles as codex 0.171 and gemini 0.40 set them.
const TITLES: [(&str, &str, Option<TitleState>); 13] = [
    ("codex", "⠦ Fix the login | codex", Some(TitleState::Busy)),
    ("codex", "⠙ codex", Some(TitleState::Busy)),
    (
        "codex",
        "[ ! ] Action Required | codex",
        Some(TitleState::Asks),
    ),
    (
        "codex",
        "[ . ] Action Required | Fix the login | codex",
        Some(TitleState::Asks),
    ),
    ("codex", "Fix the login | codex", None),
    ("codex", "About ⠦ and [ ! ] Action Required", None),
    (
        "gemini",
        "✦  Working… (rig)                    ",
        Some(TitleState::Busy),
    ),
    (
        "gemini",
        "✦  Looking for the login (rig)       ",
        Some(TitleState::Busy),
    ),
    (
        "gemini",
        "⏲  Working… (rig)                    ",
        Some(TitleState::Busy),
    ),
    (
        "gemini",
        "✋  Action Required (rig)            ",
        Some(TitleState::Asks),
    ),
    (
        "gemini",
        "◇  Ready (rig)                       ",
        Some(TitleState::Ready),
    ),
    ("gemini", "Gemini CLI (rig)                     ", None),
    ("claude", "✳ Fix the login", None),
];

#[test]
fn the_titles_of_clients_are_known() {
    let agents = agents();
    for (agent, title, expected) in TITLES {
        assert_eq!(
            title_state(&agents[agent], title),
            expected,
            "{agent}: {title}"
        );
    }
}

#[test]
fn a_screen_that_does_not_tell_is_told_by_its_title() {
    let corpus = corpus();
    let text = |name: &str| {
        &corpus
            .iter()
            .find(|sample| sample.name == name)
            .unwrap()
            .text
    };
    let agents = agents();
    let told = |agent: &str, name: &str, title: &str| {
        let screen = read(&agents[agent], text(name), title);
        (screen.state, screen.told.by, screen.told.against)
    };
    let ready = Some(ScreenState::Ready);
    for streams in [
        "codex/ready-6-busy-stream",
        "codex/ready-5-busy-stream-paused",
    ] {
        let found = told("codex", streams, "⠦ long story | codex");
        assert_eq!(
            found,
            (ScreenState::Busy, Source::Title, ready),
            "{streams}"
        );
        let found = told("codex", streams, "[ ! ] Action Required | codex");
        assert_eq!(
            found,
            (ScreenState::AsksPermission, Source::Title, ready),
            "{streams}"
        );
        assert_eq!(
            told("codex", streams, "long story | codex"),
            (ScreenState::Ready, Source::Text, None)
        );
    }
}

#[test]
fn what_title_and_screen_say_together() {
    let agents = agents();
    let gemini = &agents["gemini"];
    let (busy, asks, ready) = (
        "✦  Working… (rig)",
        "✋  Action Required (rig)",
        "◇  Ready (rig)",
    );
    let prompt = " >   Type your message or @path/to/file";
    let works = &format!("⠏ Thinking (esc to cancel, 4s)\n\n{prompt}");
    let trust = "Do you trust this folder?\n● 1. Trust folder (rig)\n  2. Don't trust\n";
    let limit = &format!("Usage limit reached for gemini-pro.\n\n{prompt}");
    let table = [
        (prompt, busy, ScreenState::Busy),
        (prompt, asks, ScreenState::AsksPermission),
        (prompt, ready, ScreenState::Ready),
        (works, busy, ScreenState::Busy),
        (works, asks, ScreenState::AsksPermission),
        (works, ready, ScreenState::Busy),
        (trust, busy, ScreenState::AsksTrust),
        (trust, asks, ScreenState::AsksTrust),
        (trust, ready, ScreenState::AsksTrust),
        (limit, busy, ScreenState::Busy),
        (limit, asks, ScreenState::Limit { resets: None }),
        (limit, ready, ScreenState::Limit { resets: None }),
        ("a panel", busy, ScreenState::Busy),
        ("a panel", asks, ScreenState::AsksPermission),
        ("a panel", ready, ScreenState::Ready),
        ("a panel", "", ScreenState::Unclear),
    ];
    for (text, title, expected) in table {
        let alone = read_text(gemini, text);
        let screen = read(gemini, text, title);
        assert_eq!(screen.state, expected, "{title} over {text}");
        assert_eq!(
            (screen.digest, screen.turn, screen.progress),
            (alone.digest, alone.turn, alone.progress)
        );
        let by_title = screen.state != alone.state;
        assert_eq!(
            screen.told.by == Source::Title,
            by_title,
            "{title} over {text}"
        );
        assert_eq!(
            !title.is_empty() && screen.evidence == title,
            by_title,
            "{title} over {text}"
        );
    }
    let spins = read(gemini, works, ready);
    assert_eq!(
        spins.told.against,
        Some(ScreenState::Ready),
        "they disagree"
    );
}

#[test]
fn a_title_of_an_earlier_program_tells_nothing() {
    let codex = &agents()["codex"];
    let look =
        |title: &str, before: Title| with_title(codex, read_text(codex, "› "), title, before);
    let first = look("⠦ x | codex", Title::Unread);
    assert_eq!(
        (first.state, first.told.by),
        (ScreenState::Ready, Source::Text)
    );
    let second = look("⠦ x | codex", first.title);
    assert_eq!(second.state, ScreenState::Ready, "it has not changed");
    let third = look("⠧ x | codex", second.title);
    assert_eq!(third.state, ScreenState::Busy, "only what lives changes it");
    assert_eq!(
        look("⠧ x | codex", third.title).state,
        ScreenState::Busy,
        "it is its own from then on"
    );
    assert_eq!(look("⠦ x | codex", third.title).state, ScreenState::Busy);
}

#[test]
fn a_title_is_new_only_where_it_can_matter() {
    let agents = agents();
    let known = Title::Found(raw("a"));
    assert!(
        is_new_title(&agents["codex"], "b", known)
            && is_new_title(&agents["codex"], "a", Title::Unread)
    );
    assert!(
        !is_new_title(&agents["codex"], "a", known) && !is_new_title(&agents["claude"], "b", known)
    );
}

#[test]
fn hostile_titles_are_only_titles() {
    let agents = agents();
    let long = "⠦".repeat(10_000);
    for title in [
        "",
        "\t\n\u{1b}]2;x\u{7}",
        "\u{202e}⠦ x",
        "#{pid} #[fg=red]",
        "⠦ \u{202e}\u{1b}[31m\nx",
        &long,
    ] {
        for agent in agents.values() {
            let screen = read(agent, "› \n❯ \n> ", title);
            assert!(screen.evidence.chars().count() <= MAX_EVIDENCE, "{title}");
            assert!(
                matches!(
                    screen.state,
                    ScreenState::Ready | ScreenState::Busy | ScreenState::Unclear
                ),
                "{title}"
            );
        }
    }
}
