use super::super::tests::{agents, corpus};
use super::*;
use std::fmt::Write as _;

/// What is read of a dialog, on one line: the question, then each answer with its meaning. `>`
/// stands before the selected one.
fn summary(dialog: &Dialog) -> String {
    let mut line = dialog.question.clone();
    for (at, option) in dialog.options.iter().enumerate() {
        let mark = if at == dialog.selected { '>' } else { ' ' };
        let DialogOption {
            number,
            text,
            detail,
            meaning,
        } = option;
        let code = meaning.code();
        write!(line, " |{mark}{number} {text} ({detail}) {code}").unwrap();
    }
    line
}

fn read(agent: &str, file: &str) -> ShownDialog {
    let root = env!("CARGO_MANIFEST_DIR");
    let path = format!("{root}/tests/screens/{agent}/{file}.txt");
    let text = std::fs::read_to_string(path).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    dialog(&agents()[agent], &lines).unwrap_or_else(|| panic!("{agent}/{file} is not read"))
}

#[test]
fn recorded_dialogs_are_read_with_what_each_answer_means() {
    let dialogs = [
        (
            "claude",
            "asks-permission-7-asks-permission-bash",
            "Do you want to proceed? |>1 Yes () affirms \
             | 2 Yes, and always allow access to /tmp from this project () affirms-always \
             | 3 Yes, and switch to auto mode · auto mode handles these prompts for you () \
             affirms-always | 4 No () refuses",
        ),
        (
            "claude",
            "asks-permission-8-asks-question",
            "Which colour do you want? |>1 Red (a red one) other | 2 Blue (a blue one) other \
             | 3 Type something. () takes-text | 4 Chat about this () takes-text",
        ),
        (
            "claude",
            "asks-permission-14-mcp",
            "New MCP server found in .mcp.json: foo \
             |>1 Use this and all future MCP servers in this project () affirms-always \
             | 2 Use this MCP server () affirms \
             | 3 Continue without using this MCP server () refuses",
        ),
        (
            "claude",
            "asks-permission-15-narrow",
            "edit to main.rs? |>1 Yes () affirms \
             | 2 Yes, allow all edits (during this session) affirms-always | 3 No () refuses",
        ),
        (
            "claude",
            "asks-trust-6-after-trust",
            "WARNING: Claude Code running in Bypass Permissions mode |>1 No, exit () refuses \
             | 2 Yes, I accept () affirms",
        ),
        (
            "claude",
            "limit-5-menu",
            "What do you want to do? |>1 Stop and wait for limit to reset () other \
             | 2 Switch to extra usage () other | 3 Upgrade your plan () other",
        ),
        (
            "codex",
            "asks-permission-1",
            "Would you like to run the following command? |>1 Yes, proceed (y) () affirms \
             | 2 Yes, and don't ask again for this command (a) () affirms-always \
             | 3 No, and tell Codex what to do differently (esc) () refuses",
        ),
        (
            "codex",
            "asks-permission-4-ask",
            "Which store? |>1 SQLite (Recommended) (Simple.) other | 2 Files (Simple too.) other \
             | 3 None of the above (Optionally, add details in notes (tab).) other",
        ),
        (
            "gemini",
            "asks-permission-3-v0.61.0",
            "Allow execution of [Shell]? |>1 Allow once () affirms \
             | 2 Allow for this session () affirms-always | 3 No, suggest changes (esc) () refuses",
        ),
        (
            "kimi",
            "asks-permission-3-asks-permission",
            "Shell is requesting approval to run command: |>1 Approve once () affirms \
             | 2 Approve for this session () affirms-always | 3 Reject () refuses \
             | 4 Reject, tell the model what to do instead () takes-text",
        ),
        (
            "kimi-code",
            "asks-trust-2-asks-trust",
            "Trust this folder? |>1 Trust this folder (Enable project MCP servers. Remembered \
             for this folder.) affirms | 2 Don't trust (Exit Kimi Code. Asked again next launch.) \
             refuses",
        ),
    ];
    for (agent, file, expected) in dialogs {
        let shown = read(agent, file);
        assert_eq!(summary(&shown.dialog), expected, "{agent}/{file}");
    }
}

#[test]
fn a_dialog_shows_what_it_asks_about() {
    let shown = read("claude", "asks-permission-6-asks-permission-bash-late");
    assert!(
        shown.rows.contains(&"touch /tmp/x3".to_owned()),
        "{shown:?}"
    );
    assert!(shown.rows.contains(&"❯ 1. Yes".to_owned()), "{shown:?}");
    let other = read("claude", "asks-permission-7-asks-permission-bash");
    assert!(!shown.dialog.is_same(&other.dialog), "another command");
}

#[test]
fn another_selection_is_the_same_dialog() {
    let screen = "────────\n rm x\n Do you want to proceed?\n ❯ 1. Yes\n   2. No\n";
    let moved = screen.replace("❯ 1. Yes\n   2. No", "  1. Yes\n ❯ 2. No");
    let read = |screen: &str| {
        let lines: Vec<&str> = screen.lines().collect();
        dialog(&agents()["claude"], &lines).unwrap().dialog
    };
    let (first, second) = (read(screen), read(&moved));
    assert_eq!((first.selected, second.selected), (0, 1));
    assert!(first.is_same(&second));
}

/// Dialogs of the corpus that are no list with one answer on each line.
const FOR_A_PERSON: [&str; 7] = [
    "aider/asks-permission-1",
    "aider/asks-permission-3-v0.86.2",
    "claude/asks-permission-12-yes-or-no",
    "opencode/asks-permission-1",
    "opencode/asks-permission-2-v1.18.33",
    "opencode/asks-permission-3-asks-permission",
    "opencode/asks-permission-4-question",
];

#[test]
fn every_other_question_of_the_corpus_is_read() {
    for sample in corpus() {
        if !sample.state.starts_with("asks") {
            continue;
        }
        let lines: Vec<&str> = sample.text.lines().collect();
        let is_read = dialog(&sample.agent, &lines).is_some();
        let is_expected = !FOR_A_PERSON.contains(&sample.name.as_str());
        assert_eq!(is_read, is_expected, "{}", sample.name);
    }
}

#[test]
fn a_sign_in_and_boxes_are_told_apart() {
    let takes = |agent, file| read(agent, file).dialog.takes;
    assert_eq!(takes("codex", "auth-1"), Takes::SignIn);
    assert_eq!(takes("gemini", "auth-1"), Takes::SignIn);
    let boxes = "────────\nWhich?\n❯ 1. [ ] a\n  2. [✔] b\n\nEnter to select · Esc to cancel\n";
    let lines: Vec<&str> = boxes.lines().collect();
    let boxes = dialog(&agents()["claude"], &lines).unwrap().dialog;
    assert_eq!(boxes.takes, Takes::Several);
}
