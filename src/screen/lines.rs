//! Classifies the lines of a screen: which are the client's own words, and which only show text?
//!
//! A screen is a transcript with a composer and a footer below it. A dialog may take the place of
//! the composer.
//!
//! ```text
//!  ❯ fix the tests                      Prompt   what the user typed
//!  ● I run them first.                  Answer   the first line of the agent's answer
//!    ⎿  API Error: 401                  Quoted   the output of a tool
//!  ✻ Cogitating… (45s)                  Client   the client's own words
//!  ❯                                    Prompt   the composer
//! ```
//!
//! Only the client's own words tell its state. The same words in a typed text, in the output of a
//! tool or in an answer do not. The forms are those of terminal clients in general: prompts
//! (`❯ > ›`), answers (`● ⏺ • ✦`), output of tools (`⎿ └`), quotes (`│` on the left only) and
//! boxes.

/// How many lines from the end of a screen are read.
const MAX_LINES: usize = 200;
/// How many bytes of a line are read.
const MAX_LINE: usize = 400;

/// The kind of a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Only blanks, borders and rules.
    Blank,
    /// The client's own words: dialogs, errors, spinners, footers.
    Client,
    /// The first line of an agent's answer. Some clients print their own messages like this.
    Answer,
    /// A prompt, with or without typed text.
    Prompt,
    /// More text of an answer or a prompt, the output of a tool, or a quote. It never shows a
    /// state.
    Quoted,
}

/// One line of a screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'s> {
    /// The text without outer blanks and borders.
    pub(super) text: &'s str,
    /// The text without the marks before its words.
    pub(super) words: &'s str,
    /// The kind of the line.
    pub(super) kind: Kind,
    /// Whether the line is a rule or a border.
    pub(super) rule: bool,
    /// The bytes in the text, as [`super::pattern::letters`] gives them. 0 until the line belongs
    /// to the tail that is searched for phrases.
    pub(super) letters: u128,
}

/// What the lines above have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing.
    None,
    /// A prompt. It ends at a blank line.
    Prompt,
    /// The client's reply to a prompt. It has all lines from this column on.
    Reply(usize),
    /// An agent's answer. It has all lines from this column on.
    Answer(usize),
    /// A box of which only the upper border was seen.
    BoxHead,
    /// A box of the client: a dialog, a composer, a banner.
    Box,
    /// A box with the output of a tool.
    ToolBox,
}

/// The lines with their kinds, in order. A line that says one of the `ready` phrases is a prompt, as
/// is one with a usual mark.
pub(super) fn lines<'s>(ready: &[String], screen: &[&'s str]) -> Vec<Line<'s>> {
    let mut block = Block::None;
    let from = screen.len().saturating_sub(MAX_LINES);
    let mut lines: Vec<Line<'s>> = screen
        .iter()
        .skip(from)
        .map(|raw| classified(ready, clip(raw), &mut block))
        .collect();
    quote_between_dashes(screen.get(from..).unwrap_or_default(), &mut lines);
    mark_typed_lists(&mut lines);
    lines
}

/// Marks a numbered list that is alone between two rules as typed text. A dialog would also have a
/// question there.
fn mark_typed_lists(lines: &mut [Line<'_>]) {
    let rules: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.rule)
        .map(|(at, _)| at)
        .collect();
    for pair in rules.windows(2) {
        let [open, close] = pair else { continue };
        let inside = lines.get_mut(open + 1..*close).unwrap_or_default();
        let first_at = inside
            .iter()
            .position(|line| line.kind != Kind::Quoted)
            .unwrap_or_default();
        let from_first = inside.get_mut(first_at..).unwrap_or_default();
        let Some((first, others)) = from_first.split_first_mut() else {
            continue;
        };
        let is_list = first.kind == Kind::Client
            && first.text.starts_with(['❯', '›', '>'])
            && is_option(first.text);
        if is_list {
            first.kind = Kind::Prompt;
            others
                .iter_mut()
                .filter(|line| line.kind != Kind::Blank)
                .for_each(|line| line.kind = Kind::Quoted);
        }
    }
}

/// Marks the lines between two dashed rules as quoted. A dialog shows there the file or the command
/// that it asks about.
fn quote_between_dashes(screen: &[&str], lines: &mut [Line<'_>]) {
    let is_dashed = |raw: &&str| raw.trim_start().starts_with("╌╌╌");
    let rules: Vec<usize> = screen
        .iter()
        .enumerate()
        .filter(|(_, raw)| is_dashed(raw))
        .map(|(at, _)| at)
        .collect();
    // If the number is odd, the partner of the first rule has scrolled off the screen.
    let (_, paired_rules) = rules.split_at(rules.len() % 2);
    for pair in paired_rules.chunks_exact(2) {
        let [open, close] = pair else { continue };
        let between = lines.iter_mut().take(*close).skip(open + 1);
        between
            .filter(|line| line.kind != Kind::Blank)
            .for_each(|line| line.kind = Kind::Quoted);
    }
}

/// The start of a line, up to [`MAX_LINE`] bytes. It is cut between two characters.
pub(super) fn clip(raw: &str) -> &str {
    if raw.len() <= MAX_LINE {
        return raw;
    }
    let end = (0..=MAX_LINE)
        .rev()
        .find(|end| raw.is_char_boundary(*end))
        .unwrap_or(0);
    raw.get(..end).unwrap_or(raw)
}

/// The line with its kind. `block` is what the lines above have opened, and then what is open after
/// this line.
fn classified<'s>(ready: &[String], raw: &'s str, block: &mut Block) -> Line<'s> {
    let text = raw.trim();
    let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
    let line = |text: &'s str, kind| Line {
        text,
        words: words(text),
        kind,
        rule: false,
        letters: 0,
    };
    if text.is_empty() {
        if *block == Block::Prompt {
            *block = Block::None;
        }
        return line(text, Kind::Blank);
    }
    if continues(*block, text, indent) && !text.starts_with(|c| is_spinner(c) || c == '┃') {
        return line(text, Kind::Quoted);
    }
    if is_composer_head(text) {
        *block = Block::Prompt;
        return line(text, Kind::Prompt);
    }
    if is_rule(text) {
        *block = if text.starts_with(['╭', '┌', '┏', '╔']) {
            Block::BoxHead
        } else {
            Block::None
        };
        return Line {
            rule: true,
            ..line("", Kind::Blank)
        };
    }
    match Bordered::of(text) {
        Bordered::ThinLeft => line(text, Kind::Quoted),
        Bordered::Both(inner) => line(inner, kind_in_box(ready, inner, block)),
        Bordered::HeavyLeft(inner) => line(inner, kind_without_border(ready, inner, 0, block)),
        Bordered::Not => line(text, kind_without_border(ready, text, indent, block)),
    }
}

/// Whether a line with this indent belongs to the text that a line above has begun.
fn continues(block: Block, text: &str, indent: usize) -> bool {
    match block {
        Block::Answer(column) => indent >= column,
        Block::Prompt => indent >= 2 && !text.starts_with('⎿'),
        Block::None | Block::Reply(_) | Block::BoxHead | Block::Box | Block::ToolBox => false,
    }
}

/// The kind of a line in a box. `inner` is the line without the borders.
fn kind_in_box(ready: &[String], inner: &str, block: &mut Block) -> Kind {
    if inner.is_empty() {
        return Kind::Blank;
    }
    if *block == Block::BoxHead {
        *block = if inner.starts_with(['✓', '✔', '✗', '✘', '⊷', '⊶']) {
            Block::ToolBox
        } else {
            Block::Box
        };
    }
    if *block == Block::ToolBox || inner.contains('│') {
        return Kind::Quoted;
    }
    let is_answer_to_choose = is_option(inner);
    let is_banner = inner.starts_with(['✨', '💫']);
    if is_answer_to_choose || is_banner {
        return Kind::Client;
    }
    let mut block_inside = Block::None;
    kind_without_border(ready, inner, 0, &mut block_inside)
}

/// The kind of a line that has no border.
fn kind_without_border(ready: &[String], text: &str, indent: usize, block: &mut Block) -> Kind {
    if let Some(after_mark) = text.strip_prefix(['⎿', '└']) {
        let is_reply = matches!(*block, Block::Prompt | Block::Reply(_)) && text.starts_with('⎿');
        let column = indent + 2;
        *block = if is_reply {
            Block::Reply(column)
        } else {
            Block::Answer(column)
        };
        return if is_reply && !after_mark.is_empty() {
            Kind::Client
        } else {
            Kind::Quoted
        };
    }
    if matches!(*block, Block::Reply(column) if indent >= column) {
        return Kind::Client;
    }
    // A dot without a box begins an answer, whose first line may be numbered.
    if is_option(text) && !text.starts_with(['●', '•']) {
        *block = Block::None;
        return Kind::Client;
    }
    if text.starts_with('!') {
        // The lines below are the output of the user's own command, not words of the client.
        *block = Block::Answer(2);
        return Kind::Prompt;
    }
    let is_own_prompt = || ready.iter().any(|phrase| is_prompt(phrase, text));
    if text.starts_with(['✨', '💫']) && !is_own_prompt() {
        // Such a client indents its own words below as far as typed text, so they stay apart.
        *block = Block::None;
        return Kind::Prompt;
    }
    if text.starts_with(['❯', '›', '>']) || is_starred_prompt(text) || is_own_prompt() {
        *block = Block::Prompt;
        return Kind::Prompt;
    }
    if text.starts_with(['●', '⏺', '•', '✦', '◆']) {
        *block = Block::Answer(indent + 2);
        return Kind::Answer;
    }
    *block = Block::None;
    Kind::Client
}

/// Whether a line is a prompt whose mark is a star. Some clients show it while everything is
/// allowed. Three blanks follow the star. In a list only one does.
pub(super) fn is_starred_prompt(text: &str) -> bool {
    text.strip_prefix('*')
        .is_some_and(|after_star| after_star.starts_with("   "))
}

/// Whether a line is the rule above a composer, with the word `input` in it.
pub(super) fn is_composer_head(text: &str) -> bool {
    let title = text.trim_matches('─');
    text.starts_with("── ") && title.len() < text.len() && title.trim() == "input"
}

/// Whether a line is a prompt by the agent's phrase for it. A phrase that ends in a word belongs to
/// a footer, and makes no line a prompt.
pub(super) fn is_prompt(phrase: &str, text: &str) -> bool {
    let Some(symbol) = phrase
        .chars()
        .next_back()
        .filter(|last| !last.is_alphanumeric())
    else {
        return false;
    };
    (symbol == '*' || text.contains(symbol)) && super::pattern::says(phrase, text)
}

/// The border of a line, and the text without it.
enum Bordered<'s> {
    Not,
    /// A thin bar on the left only: a quote.
    ThinLeft,
    /// A heavy bar on the left only. Some clients print their own words so.
    HeavyLeft(&'s str),
    /// Bars on both sides: a box.
    Both(&'s str),
}

impl<'s> Bordered<'s> {
    fn of(text: &'s str) -> Self {
        let Some(after_bar) = text.strip_prefix(['│', '┃', '║', '▌', '▎', '|']) else {
            return Self::Not;
        };
        match after_bar.strip_suffix(['│', '┃', '║']) {
            Some(inner) => Self::Both(inner.trim()),
            None if text.starts_with(['┃', '║']) => Self::HeavyLeft(after_bar.trim()),
            None => Self::ThinLeft,
        }
    }
}

/// Whether a line is a border or a rule. It may have a title.
fn is_rule(text: &str) -> bool {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return false;
    };
    match first {
        '╭' | '╰' | '┌' | '┗' | '┏' | '╔' | '╚' => true,
        '└' => chars.next() == Some('─'),
        '─' | '━' | '═' | '▔' | '▁' | '▀' | '▄' | '╌' | '╹' => {
            chars.next().is_none_or(|next| !next.is_whitespace())
        }
        _ => {
            let is_line = |c: char| is_border(c) && !is_upright(c);
            text.chars().all(|c| is_border(c) || c.is_whitespace())
                && text.chars().any(is_line)
                && text.chars().count() > 2
        }
    }
}

/// Whether a character is an upright bar. A line with nothing else is an empty row of a box.
fn is_upright(c: char) -> bool {
    matches!(c, '│' | '┃' | '║' | '┆' | '┇' | '┊' | '┋' | '╎' | '╏')
}

/// Whether a character draws borders.
pub(super) fn is_border(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{257f}' | '▔' | '▁' | '▀' | '▄')
}

/// Whether spinners use this character. It may have other uses too.
pub(super) fn is_spinner(c: char) -> bool {
    matches!(c, '✻' | '✢' | '✳' | '✶' | '✽' | '✺' | '·' | '∙' | '⏺' | '\u{2800}'..='\u{28ff}' | '🌑'..='🌘')
}

/// The marks before the answers of a list, chosen or not.
const CARETS: [char; 10] = ['❯', '›', '>', '●', '→', '○', '•', '▶', '▸', '►'];

/// Whether a line is an answer to choose, with a mark before it.
///
/// Examples: `❯ 1. Yes`, `→ [1] Approve once`.
pub(super) fn is_option(text: &str) -> bool {
    let after_mark = text.trim_start_matches(CARETS).trim_start();
    let number = after_mark.trim_start_matches(['[', '(']);
    let after_number = number.trim_start_matches(|c: char| c.is_ascii_digit());
    let has_mark = after_mark.len() < text.len();
    let has_number = after_number.len() < number.len();
    has_mark && has_number && after_number.starts_with(['.', ')', ']'])
}

/// The line without the marks before its words.
fn words(text: &str) -> &str {
    text.trim_start_matches(|c: char| c.is_whitespace() || is_mark(c))
}

fn is_mark(c: char) -> bool {
    is_spinner(c)
        || is_border(c)
        || matches!(
            c,
            '●' | '•'
                | '✦'
                | '◆'
                | '■'
                | '▲'
                | '△'
                | '⚠'
                | '✗'
                | '✘'
                | '✖'
                | '✕'
                | '×'
                | '⛔'
                | '❌'
                | 'ℹ'
                | '⎿'
                | '→'
                | '\u{fe0f}'
                | '\u{2580}'..='\u{259f}' | '⊷' | '?'
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(screen: &[&str]) -> Vec<Kind> {
        lines(&[], screen).iter().map(|line| line.kind).collect()
    }

    #[test]
    fn a_tools_output_is_quoted_and_a_reply_to_a_prompt_is_not() {
        use Kind::{Answer, Blank, Client, Prompt, Quoted};
        let tool = [
            "● Bash(curl x)",
            "  ⎿  API Error: 401",
            "     Please run /login",
            "",
            "❯ ",
        ];
        assert_eq!(kinds(&tool), [Answer, Quoted, Quoted, Blank, Prompt]);
        let reply = [
            "❯ hello",
            "  ⎿  Invalid API key",
            "     second line",
            "",
            "❯ ",
        ];
        assert_eq!(kinds(&reply), [Prompt, Client, Client, Blank, Prompt]);
    }

    #[test]
    fn boxes_are_the_clients_unless_a_tool_fills_them() {
        use Kind::{Blank, Client, Prompt, Quoted};
        assert_eq!(
            kinds(&["╭──╮", "│ Do you? │", "│ ❯ 1. Yes │", "╰──╯"]),
            [Blank, Client, Client, Blank]
        );
        assert_eq!(
            kinds(&["╭──╮", "│ ✓  Shell cat x │", "│ Do you? │", "╰──╯"]),
            [Blank, Quoted, Quoted, Blank]
        );
        assert_eq!(
            kinds(&["╭──╮", "│ > typed │", "╰──╯"]),
            [Blank, Prompt, Blank]
        );
        assert_eq!(kinds(&["│ a quote"]), [Quoted]);
    }

    #[test]
    fn an_empty_row_of_a_box_closes_nothing() {
        use Kind::{Blank, Client, Quoted};
        let tool = [
            "╭──╮",
            "│ ✓  Shell cat x │",
            "│      │",
            "│ Do you? │",
            "╰──╯",
        ];
        assert_eq!(kinds(&tool), [Blank, Quoted, Blank, Quoted, Blank]);
        let dialog = ["╭──╮", "│ Do you? │", "│      │", "│ ● 1. Yes │", "╰──╯"];
        assert_eq!(kinds(&dialog), [Blank, Client, Blank, Client, Blank]);
        let rules: Vec<bool> = lines(&[], &dialog).iter().map(|line| line.rule).collect();
        assert_eq!(rules, [true, false, false, false, true]);
    }

    #[test]
    fn an_answer_goes_on_until_its_column_is_left() {
        use Kind::{Answer, Blank, Client, Quoted};
        let screen = [
            "● The docs say:",
            "",
            "  Do you want to proceed?",
            "✻ Cooked for 2s",
        ];
        assert_eq!(kinds(&screen), [Answer, Blank, Quoted, Client]);
    }

    #[test]
    fn options_are_no_prompts() {
        for text in ["❯ 1. Yes", "→ [2] Reject", "› 1) Go", "● 1. Allow once"] {
            assert!(is_option(text), "{text}");
        }
        for text in ["❯ fix 1.", "> ", "1. first", "❯", "● 12 files"] {
            assert!(!is_option(text), "{text}");
        }
    }
}
