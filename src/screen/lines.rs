//! What each line of a screen is: the client's own word, or what it merely shows.
//!
//! A screen is a transcript with a composer and a footer below it, or with a dialog in the
//! composer's place. Only what the client says of itself tells its state; what users typed, what
//! tools put out and what the agent writes about do not, however much it reads alike. The forms
//! told apart are those of terminal clients at large, not of one agent: prompts (`❯ > ›`), answers
//! (`● ⏺ • ✦`), tool results (`⎿ └`), quotes (`│` without a closing one) and boxes.

/// How many lines of a screen are looked at, from its end.
const MAX_LINES: usize = 200;
/// How many bytes of a line are looked at.
const MAX_LINE: usize = 400;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Nothing but blanks, borders and rules.
    Blank,
    /// Of the client itself: dialogs, errors, spinners, footers.
    Client,
    /// The first line of an answer, or of a client's message set like one.
    Said,
    /// A prompt with what is typed there, or was.
    Prompt,
    /// Further text of an answer or a prompt, a tool's output, or a quote: never a state.
    Quoted,
}

/// One line of a screen.
#[derive(Debug, Clone, Copy)]
pub(super) struct Line<'s> {
    /// Its text without outer blanks and borders.
    pub(super) text: &'s str,
    /// The same without the marks before its words.
    pub(super) words: &'s str,
    /// What it is.
    pub(super) kind: Kind,
    /// Whether it is a rule or a border, and not empty.
    pub(super) rule: bool,
    /// The characters in it, by [`super::pattern::letters`], once it is known to be looked at.
    pub(super) letters: u128,
}

/// What the lines before have opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Block {
    /// Nothing.
    None,
    /// A prompt, until a blank.
    Prompt,
    /// A client's answer to a prompt, for lines from this column on.
    Reply(usize),
    /// An agent's answer, for lines from this column on.
    Answer(usize),
    /// A box whose first line is not yet seen.
    BoxHead,
    /// A box of the client: a dialog, a composer, a banner.
    Box,
    /// A box with a tool's output.
    ToolBox,
}

/// Every line with its kind, in order. `ready` are the phrases that make a line a prompt beside the
/// usual marks.
pub(super) fn lines<'s>(ready: &[String], screen: &[&'s str]) -> Vec<Line<'s>> {
    let mut block = Block::None;
    let from = screen.len().saturating_sub(MAX_LINES);
    let mut lines: Vec<Line<'s>> = screen
        .iter()
        .skip(from)
        .map(|raw| line(ready, clip(raw), &mut block))
        .collect();
    quote_between_dashes(screen.get(from..).unwrap_or_default(), &mut lines);
    take_typed_lists(&mut lines);
    lines
}

/// A numbered list that stands alone between two rules is being typed: no dialog is without a
/// question.
fn take_typed_lists(lines: &mut [Line<'_>]) {
    let rules: Vec<usize> = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.rule)
        .map(|(at, _)| at)
        .collect();
    for pair in rules.windows(2) {
        let [open, close] = pair else { continue };
        let inside = lines.get_mut(open + 1..*close).unwrap_or_default();
        let first = inside
            .iter()
            .position(|line| line.kind != Kind::Quoted)
            .unwrap_or_default();
        let Some((first, more)) = inside
            .get_mut(first..)
            .and_then(<[Line<'_>]>::split_first_mut)
        else {
            continue;
        };
        if first.kind == Kind::Client
            && first.text.starts_with(['❯', '›', '>'])
            && is_option(first.text)
        {
            first.kind = Kind::Prompt;
            more.iter_mut()
                .filter(|line| line.kind != Kind::Blank)
                .for_each(|line| line.kind = Kind::Quoted);
        }
    }
}

/// A dialog shows the file or the command that it asks about between two dashed rules: no words of
/// the client's.
fn quote_between_dashes(screen: &[&str], lines: &mut [Line<'_>]) {
    let is_dashed = |raw: &&str| raw.trim_start().starts_with("╌╌╌");
    let rules: Vec<usize> = screen
        .iter()
        .enumerate()
        .filter(|(_, raw)| is_dashed(raw))
        .map(|(at, _)| at)
        .collect();
    // Of an odd number the first one closes what has left the screen.
    let (_, pairs) = rules.split_at(rules.len() % 2);
    for pair in pairs.chunks_exact(2) {
        let [open, close] = pair else { continue };
        let shown = lines.iter_mut().take(*close).skip(open + 1);
        shown
            .filter(|line| line.kind != Kind::Blank)
            .for_each(|line| line.kind = Kind::Quoted);
    }
}

/// The start of a line, cut between two characters.
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

fn line<'s>(ready: &[String], raw: &'s str, block: &mut Block) -> Line<'s> {
    let text = raw.trim();
    let indent = raw.chars().take_while(|c| c.is_whitespace()).count();
    let of = |text: &'s str, kind| Line {
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
        return of(text, Kind::Blank);
    }
    if within(*block, text, indent) && !text.starts_with(|c| is_spinner(c) || c == '┃') {
        return of(text, Kind::Quoted);
    }
    if is_composer_head(text) {
        *block = Block::Prompt;
        return of(text, Kind::Prompt);
    }
    if is_rule(text) {
        *block = if text.starts_with(['╭', '┌', '┏', '╔']) {
            Block::BoxHead
        } else {
            Block::None
        };
        return Line {
            rule: true,
            ..of("", Kind::Blank)
        };
    }
    match Bordered::of(text) {
        Bordered::Open => return of(text, Kind::Quoted),
        Bordered::Closed(inner) => return of(inner, boxed(ready, inner, block)),
        Bordered::Left(inner) => return of(inner, plain(ready, inner, 0, block)),
        Bordered::Not => {}
    }
    of(text, plain(ready, text, indent, block))
}

/// Whether a line so far in belongs to the text that an earlier line has begun.
fn within(block: Block, text: &str, indent: usize) -> bool {
    match block {
        Block::Answer(column) => indent >= column,
        Block::Prompt => indent >= 2 && !text.starts_with('⎿'),
        Block::None | Block::Reply(_) | Block::BoxHead | Block::Box | Block::ToolBox => false,
    }
}

/// The kind of a line of a box, by the box and the line.
fn boxed(ready: &[String], inner: &str, block: &mut Block) -> Kind {
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
    // A list of answers, or a line of a banner.
    if is_option(inner) || inner.starts_with(['✨', '💫']) {
        return Kind::Client;
    }
    let mut inside = Block::None;
    plain(ready, inner, 0, &mut inside)
}

/// The kind of a line without border.
fn plain(ready: &[String], text: &str, indent: usize, block: &mut Block) -> Kind {
    if let Some(rest) = text.strip_prefix(['⎿', '└']) {
        let replies = matches!(*block, Block::Prompt | Block::Reply(_)) && text.starts_with('⎿');
        let column = indent + 2;
        *block = if replies {
            Block::Reply(column)
        } else {
            Block::Answer(column)
        };
        return if replies && !rest.is_empty() {
            Kind::Client
        } else {
            Kind::Quoted
        };
    }
    if matches!(*block, Block::Reply(column) if indent >= column) {
        return Kind::Client;
    }
    // An answer may begin with a numbered list, and a radio button stands in a box.
    if is_option(text) && !text.starts_with(['●', '•']) {
        *block = Block::None;
        return Kind::Client;
    }
    if text.starts_with('!') {
        // What a command of the user's own puts out below is no word of the client's.
        *block = Block::Answer(2);
        return Kind::Prompt;
    }
    if text.starts_with(['✨', '💫']) && !ready.iter().any(|phrase| is_prompt(phrase, text)) {
        // Below it such a client sets its own words as far in as the rest of what was typed.
        *block = Block::None;
        return Kind::Prompt;
    }
    if text.starts_with(['❯', '›', '>'])
        || is_starred_prompt(text)
        || ready.iter().any(|phrase| is_prompt(phrase, text))
    {
        *block = Block::Prompt;
        return Kind::Prompt;
    }
    if text.starts_with(['●', '⏺', '•', '✦', '◆']) {
        *block = Block::Answer(indent + 2);
        return Kind::Said;
    }
    *block = Block::None;
    Kind::Client
}

/// Whether a line is a prompt whose mark is a star, as while everything is allowed; a list has one
/// blank after its star.
pub(super) fn is_starred_prompt(text: &str) -> bool {
    text.strip_prefix('*')
        .is_some_and(|rest| rest.starts_with("   "))
}

/// Whether a line is the head of a composer: a rule that says so, with what is typed below it.
pub(super) fn is_composer_head(text: &str) -> bool {
    let title = text.trim_matches('─');
    text.starts_with("── ") && title.len() < text.len() && title.trim() == "input"
}

/// Whether a line is a prompt by the agent's own phrase for it; one that ends in a word is of a
/// footer.
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

/// How a line begins and ends.
enum Bordered<'s> {
    Not,
    /// With a thin bar on its left alone: a quote.
    Open,
    /// With a heavy bar on its left alone, as some clients set their own words.
    Left(&'s str),
    /// With bars on both sides: in a box.
    Closed(&'s str),
}

impl<'s> Bordered<'s> {
    fn of(text: &'s str) -> Self {
        let Some(rest) = text.strip_prefix(['│', '┃', '║', '▌', '▎', '|']) else {
            return Self::Not;
        };
        match rest.strip_suffix(['│', '┃', '║']) {
            Some(inner) => Self::Closed(inner.trim()),
            None if text.starts_with(['┃', '║']) => Self::Left(rest.trim()),
            None => Self::Open,
        }
    }
}

/// Whether a line is a border or a rule, with a title in it or not.
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
            let draws = |c: char| is_border(c) && !is_upright(c);
            text.chars().all(|c| is_border(c) || c.is_whitespace())
                && text.chars().any(draws)
                && text.chars().count() > 2
        }
    }
}

/// Whether a character is an upright bar: a line of nothing else is an empty row of a box.
fn is_upright(c: char) -> bool {
    matches!(c, '│' | '┃' | '║' | '┆' | '┇' | '┊' | '┋' | '╎' | '╏')
}

/// Whether a character only draws a border.
pub(super) fn is_border(c: char) -> bool {
    matches!(c, '\u{2500}'..='\u{257f}' | '▔' | '▁' | '▀' | '▄')
}

/// Whether a character is one that spinners are made of, whatever else it may be.
pub(super) fn is_spinner(c: char) -> bool {
    matches!(c, '✻' | '✢' | '✳' | '✶' | '✽' | '✺' | '·' | '∙' | '⏺' | '\u{2800}'..='\u{28ff}' | '🌑'..='🌘')
}

/// The marks of the answer that is chosen in a list, and of those that are not.
const CARETS: [char; 10] = ['❯', '›', '>', '●', '→', '○', '•', '▶', '▸', '►'];

/// Whether a line is an answer to choose: `❯ 1. Yes`, `→ [1] Approve once`.
pub(super) fn is_option(text: &str) -> bool {
    let rest = text.trim_start_matches(CARETS).trim_start();
    let numbered = rest
        .trim_start_matches(['[', '('])
        .trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < text.len()
        && rest
            .trim_start_matches(['[', '('])
            .starts_with(|c: char| c.is_ascii_digit())
        && numbered.starts_with(['.', ')', ']'])
}

/// A line without the marks that stand before its words.
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
        use Kind::{Blank, Client, Prompt, Quoted, Said};
        let tool = [
            "● Bash(curl x)",
            "  ⎿  API Error: 401",
            "     Please run /login",
            "",
            "❯ ",
        ];
        assert_eq!(kinds(&tool), [Said, Quoted, Quoted, Blank, Prompt]);
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
        use Kind::{Blank, Client, Quoted, Said};
        let screen = [
            "● The docs say:",
            "",
            "  Do you want to proceed?",
            "✻ Cooked for 2s",
        ];
        assert_eq!(kinds(&screen), [Said, Blank, Quoted, Client]);
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
