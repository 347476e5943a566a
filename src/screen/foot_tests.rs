use super::super::lines::lines;
use super::*;

/// What is asked at the foot of a screen: `trust`, `permission`, or nothing.
fn asked(screen: &[&str]) -> Option<&'static str> {
    let ready = ["❯".to_owned(), ">".to_owned(), "›".to_owned()];
    dialog(&lines(&ready, screen)).map(|dialog| if dialog.trust { "trust" } else { "permission" })
}

fn spins(screen: &[&str]) -> bool {
    spinner(&lines(&["❯".to_owned()], screen)).is_some()
}

#[test]
fn a_numbered_list_with_a_caret_at_the_foot_is_a_question() {
    for caret in ["❯", "›", ">", "▶"] {
        let chosen = format!(" {caret} 2. Deny");
        assert_eq!(
            asked(&[
                "Claude wants to open a page",
                "   1. Allow",
                &chosen,
                "   3. Deny (esc)"
            ]),
            Some("permission")
        );
    }
    assert_eq!(
        asked(&["│ Apply it? │", "│ ● 1. Yes │", "│   2. No  │", "╰───╯"]),
        Some("permission")
    );
    assert_eq!(
        asked(&[
            "→ [1] Approve once",
            "  [2] Reject",
            "  ▲/▼ select",
            "────",
            "agent (k2)  ~/w"
        ]),
        Some("permission")
    );
    let described = [
        "❯ 1. Red",
        "     a red one",
        "  2. Blue",
        "     a blue one",
        "────",
        "  3. Chat about this",
        "",
        "Enter to select",
    ];
    assert_eq!(asked(&described), Some("permission"));
}

#[test]
fn a_list_without_numbers_below_a_question_is_one() {
    let import = [
        "────",
        " Allow external imports?",
        "",
        " ❯ Yes, allow them",
        "   No, disable them",
    ];
    assert_eq!(asked(&import), Some("permission"));
    let heading = [
        "────",
        " Resume this session",
        "",
        "   Go on",
        " ❯ Begin anew",
        "   Do not ask again",
        "",
        " Esc",
    ];
    assert_eq!(asked(&heading), Some("permission"));
    for typed in [
        &[
            "● Done?",
            "────",
            "❯ Yes, allow",
            "  No, disable",
            "────",
            "  ? for shortcuts",
        ][..],
        &["────", "● Allow it?", "", "❯ Yes, allow", "  No, disable"],
        &["────", "❯ Yes, allow", "  No, disable"],
        &["● Allow it?", "", "❯ Yes, allow", "  No, disable"],
        &["────", " Allow it?", "", " ❯ Yes", "", "● It is done."],
        &["────", " Allow it?", "", " ❯ Yes"],
    ] {
        assert_eq!(asked(typed), None, "{typed:?}");
    }
}

#[test]
fn letters_for_yes_and_no_on_the_last_line_are_a_question() {
    for text in [
        "Continue? [y/N]",
        "Overwrite x (Y/n):",
        "Press any key to continue...",
        "Go on? (yes/no) ",
    ] {
        assert_eq!(asked(&["● Done.", "", text]), Some("permission"), "{text}");
        assert_eq!(asked(&["● Done.", "", text, "", "❯ "]), None, "{text}");
    }
}

#[test]
fn an_empty_row_in_a_box_makes_no_composer_of_a_list() {
    let box_of = [
        "╭───╮",
        "│ Go on?   │",
        "│          │",
        "│ ● 1. Yes │",
        "│   2. No  │",
        "╰───╯",
    ];
    assert_eq!(asked(&box_of), Some("permission"));
}

#[test]
fn keys_that_take_an_answer_are_a_dialog() {
    for keys in [
        "Enter to confirm · Esc to cancel",
        "↑↓ select  enter confirm  esc dismiss",
        "Press enter to confirm or esc to go back",
        "enter confirm · esc skip",
        "↑↓ navigate · Enter select · Esc exit",
    ] {
        assert_eq!(
            asked(&["────", " Which theme?", "", " ❯ Dark", "   Light", "", keys]),
            Some("permission"),
            "{keys}"
        );
    }
    let trust = [
        "────",
        " May it work here?",
        "",
        "   No, exit",
        " ❯ Yes, I trust this folder",
        "",
        " Enter to confirm",
    ];
    assert_eq!(asked(&trust), Some("trust"));
}

#[test]
fn what_stands_above_a_composer_is_no_question() {
    let composer = ["────", "❯ ", "────", "  ? for shortcuts"];
    let list = [
        "● Two ways:",
        "",
        "  1. Ask",
        "  ❯ 2. Do",
        "  3. Wait",
        "",
        "✻ Cooked for 4s",
    ];
    assert_eq!(asked(&[&list[..], &composer[..]].concat()), None);
    let keys = ["● It prints:", "  Enter to confirm · Esc to cancel"];
    assert_eq!(asked(&[&keys[..], &composer[..]].concat()), None);
    assert_eq!(
        asked(&[
            "────",
            "❯ 1. do this",
            "  2. then that",
            "────",
            "  ? for shortcuts"
        ]),
        None,
        "somebody types"
    );
    assert_eq!(
        asked(&[
            "────",
            "❯ ",
            "────",
            "  Continuing shortly · Enter to continue · Esc to cancel"
        ]),
        None
    );
    assert_eq!(
        asked(&[
            "› 1. do this",
            "  2. then that",
            "",
            "• Done.",
            "",
            "› Ask Codex",
            "  gpt"
        ]),
        None
    );
    assert_eq!(
        asked(&["1. first", "2. second", "3. third"]),
        None,
        "no caret"
    );
    assert_eq!(asked(&["❯ 1. only one", "text"]), None);
}

#[test]
fn a_spinner_is_the_last_thing_above_the_composer() {
    let composer = ["", "────", "❯ ", "────", "  main · 41%"];
    let with = |lines: &[&str]| spins(&[&["● Reading.", ""][..], lines, &composer[..]].concat());
    for mark in ["✻", "✢", "·", "*", "∗", "●"] {
        assert!(
            with(&[&format!("{mark} Herding… (1m 2s · ↓ 900 tokens)")]),
            "{mark}"
        );
        assert!(
            with(&[
                &format!("{mark} Herding… (esc to interrupt)"),
                "  ⎿  Tip: ask for a plan"
            ]),
            "{mark}"
        );
        assert!(
            with(&[&format!("{mark} Herding…")]),
            "{mark} in a narrow terminal"
        );
    }
    assert!(
        !with(&["● Waiting for CI… (45s)", "", "✻ Cooked for 4s"]),
        "the turn is over"
    );
    assert!(!with(&["● Waiting for the build… it takes long"]));
    assert!(!with(&["● The log says… (see above)"]));
    assert!(!with(&["* a bullet… (and more)"]));
    assert!(!spins(&[
        "✻ Herding… (1m 2s)",
        "",
        "● Done.",
        "",
        "────",
        "❯ ",
        "────"
    ]));
}
