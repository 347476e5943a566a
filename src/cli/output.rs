//! Where results and complaints go.

use super::args::{ColorChoice, Global, MessageFormat, Output};
use super::exit::Trouble;
use crate::model::Moment;
use crate::model::invisible::visible_json;
use crate::proc;
use crate::render::events::EventLines;
use crate::render::json;
use crate::render::{Clock, Colour, Detail, Paper, Role, sanitise};
use rustix::event::{PollFd, PollFlags, Timespec};
use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::io::{self, IsTerminal, Write};

/// The most of an untrusted message that is printed, in characters.
const MESSAGE_LIMIT: usize = 2000;

/// So many lines that were said under a screen are kept.
const KEPT: usize = 20;

/// Standard output and standard error, and what was asked about them.
#[derive(Debug)]
pub(super) struct Terminal {
    pub(super) output: Output,
    pub(super) message_format: MessageFormat,
    pub(super) quiet: bool,
    /// Whether pages may be drawn over each other: standard output is a terminal that knows how to
    /// move its cursor.
    pub(super) moves_cursor: bool,
    pub(super) colour_out: Colour,
    pub(super) colour_err: Colour,
    /// What was said beside the result, where the terminal shows a screen that it would spoil.
    kept: Option<RefCell<VecDeque<String>>>,
}

/// Whether nobody reads standard output any more. What follows something without an end asks this,
/// for it may have nothing to print for hours: where a reader on another host has gone, it would stay.
pub(super) fn has_no_reader() -> bool {
    let out = io::stdout();
    let mut polled = [PollFd::new(&out, PollFlags::empty())];
    let at_once = Timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    rustix::event::poll(&mut polled, Some(&at_once)).is_ok()
        && polled
            .iter()
            .any(|fd| fd.revents().intersects(PollFlags::ERR | PollFlags::HUP))
}

impl Terminal {
    pub(super) fn new(global: &Global) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|v| v == "dumb");
        let colour = |is_terminal: bool| {
            let plain = is_dumb || std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
            match global.color {
                ColorChoice::Always => Colour::On,
                ColorChoice::Auto if is_terminal && !plain => Colour::On,
                ColorChoice::Auto | ColorChoice::Never => Colour::Off,
            }
        };
        Self {
            output: global.output,
            message_format: global.message_format.unwrap_or(match global.output {
                Output::Json => MessageFormat::Json,
                Output::Text | Output::Wide | Output::Toml | Output::Html | Output::Svg => {
                    MessageFormat::Human
                }
            }),
            quiet: global.quiet,
            moves_cursor: io::stdout().is_terminal()
                && !is_dumb
                && global.output != Output::Json
                && global.output != Output::Svg,
            colour_out: colour(io::stdout().is_terminal()),
            colour_err: colour(io::stderr().is_terminal()),
            kept: None,
        }
    }

    /// The same terminal while a screen is shown: what is said beside the result is kept.
    pub(super) fn under_screen(&self) -> Self {
        Self {
            kept: Some(RefCell::default()),
            ..*self
        }
    }

    /// What was kept since the last call, the oldest first, at most [`KEPT`] lines.
    pub(super) fn take_kept(&self) -> Vec<String> {
        let kept = self.kept.as_ref().map(RefCell::take);
        kept.unwrap_or_default().into()
    }

    pub(super) fn is_json(&self) -> bool {
        self.output == Output::Json
    }

    /// How pages are drawn on standard output.
    pub(super) fn paper(&self, now: Moment) -> Paper {
        let detail = match self.output {
            Output::Wide => Detail::Wide,
            Output::Text | Output::Json | Output::Toml | Output::Html | Output::Svg => {
                Detail::Short
            }
        };
        let width = io::stdout().is_terminal().then(width_of_terminal).flatten();
        Paper {
            clock: Clock {
                now,
                offset_seconds: offset_at(now),
            },
            width,
            colour: self.colour_out,
            detail,
        }
    }

    /// How events are printed on standard output, in the local time zone.
    pub(super) fn event_lines(&self, now: Moment) -> EventLines {
        EventLines::new(proc::zone::local(), self.colour_out, now)
    }

    /// Prints a result, unless told to be quiet. A reader that has gone away is no fault; that it
    /// cannot be written is one, and ends the process.
    pub(super) fn print(&self, text: &str) {
        let text = &self.visible(text);
        self.write(&[text.as_bytes(), line_end(text)])
            .unwrap_or_else(|fault| self.end(&fault));
    }

    /// Passes bytes on as they are, unless told to be quiet; likewise.
    pub(super) fn pass(&self, bytes: &[u8]) {
        self.write(&[bytes])
            .unwrap_or_else(|fault| self.end(&fault));
    }

    /// Prints what a controller does, which goes on whether anybody reads it or not.
    pub(super) fn mention(&self, text: &str) {
        let text = &self.visible(text);
        let _ = self.write(&[text.as_bytes(), line_end(text)]);
    }

    /// Text for people is clean already; JSON is told to write out what cannot be seen.
    fn visible<'t>(&self, text: &'t str) -> Cow<'t, str> {
        if self.is_json() {
            Cow::Owned(visible_json(text.to_owned()))
        } else {
            Cow::Borrowed(text)
        }
    }

    fn write(&self, parts: &[&[u8]]) -> io::Result<()> {
        if self.quiet {
            return Ok(());
        }
        let mut out = io::stdout().lock();
        parts
            .iter()
            .try_for_each(|part| out.write_all(part))
            .and_then(|()| out.flush())
    }

    /// Ends the process for want of a place to write to.
    fn end(&self, fault: &io::Error) -> ! {
        if fault.kind() == io::ErrorKind::BrokenPipe {
            std::process::exit(0);
        }
        self.complain(
            &Trouble::new("the result cannot be written to standard output").because(fault),
        );
        std::process::exit(1)
    }

    /// Prints a result as JSON.
    pub(super) fn print_json(&self, value: &impl serde::Serialize) {
        match serde_json::to_string_pretty(value) {
            Ok(text) => self.print(&text),
            Err(fault) => self.note(&format!("the result cannot be written as JSON: {fault}")),
        }
    }

    /// Prints one of many results as JSON, on a line of its own.
    pub(super) fn print_json_line(&self, value: &impl serde::Serialize) {
        match serde_json::to_string(value) {
            Ok(text) => self.print(&text),
            Err(fault) => self.note(&format!("a result cannot be written as JSON: {fault}")),
        }
    }

    /// Says something beside the result, on standard error.
    pub(super) fn note(&self, text: &str) {
        if !self.quiet {
            self.say("note", text);
        }
    }

    /// Says something on standard error, as it is.
    pub(super) fn say_plainly(&self, text: &str) {
        if !self.quiet {
            let _ = writeln!(
                io::stderr().lock(),
                "{}",
                sanitise::line(text, MESSAGE_LIMIT)
            );
        }
    }

    /// Says something that went wrong without ending the verb.
    pub(super) fn warn(&self, text: &str) {
        self.say("warning", text);
    }

    fn say(&self, word: &str, text: &str) {
        if let Some(kept) = &self.kept {
            let mut kept = kept.borrow_mut();
            kept.push_back(sanitise::line(text, MESSAGE_LIMIT));
            if kept.len() > KEPT {
                kept.pop_front();
            }
            return;
        }
        if self.message_format == MessageFormat::Json {
            let page = json::remark(word, sanitise::line(text, MESSAGE_LIMIT));
            let text = serde_json::to_string(&page).unwrap_or_default();
            let _ = writeln!(io::stderr().lock(), "{text}");
            return;
        }
        let word = self.colour_err.paint(Role::Change, &format!("{word}:"));
        let _ = writeln!(
            io::stderr().lock(),
            "{word} {}",
            sanitise::line(text, MESSAGE_LIMIT)
        );
    }

    /// Says why the verb failed.
    pub(super) fn complain(&self, trouble: &Trouble) {
        if trouble.silent {
            return;
        }
        if self.message_format == MessageFormat::Json {
            return complain_as_json(trouble);
        }
        complain_in(self.colour_err, trouble);
    }
}

/// Says why a command line could not be read, before anything is known of the terminal.
pub(super) fn complain_plainly(trouble: &Trouble) {
    complain_in(Colour::Off, trouble);
}

fn complain_in(colour: Colour, trouble: &Trouble) {
    let (message, help) = clean(trouble);
    let help = help.map_or_else(String::new, |help| format!("\n  help: {help}"));
    let word = colour.paint(Role::Bad, "error:");
    let _ = writeln!(io::stderr().lock(), "{word} {message}{help}");
}

/// Why a verb failed and what helps, clean and bounded.
fn clean(trouble: &Trouble) -> (String, Option<String>) {
    let line = |text: &str| sanitise::line(text, MESSAGE_LIMIT);
    (line(&trouble.message), trouble.help.as_deref().map(line))
}

/// Says why the verb failed, as one line of JSON.
pub(super) fn complain_as_json(trouble: &Trouble) {
    let (message, help) = clean(trouble);
    let page = json::trouble(message, help, trouble.exit().code());
    let text = serde_json::to_string(&page).unwrap_or_default();
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Whether a command line that could not be read asks for JSON.
pub(super) fn is_json_asked(words: &[OsString]) -> bool {
    let words: Vec<&str> = words.iter().filter_map(|word| word.to_str()).collect();
    let joined = [
        "-ojson",
        "-o=json",
        "--output=json",
        "--message-format=json",
    ];
    let flags = ["-o", "--output", "--message-format"];
    let is_pair = |pair: &[&str]| matches!(pair, [flag, "json"] if flags.contains(flag));
    words.iter().any(|word| joined.contains(word)) || words.windows(2).any(is_pair)
}

/// What a text still needs to end its last line.
fn line_end(text: &str) -> &'static [u8] {
    if text.ends_with('\n') || text.is_empty() {
        b""
    } else {
        b"\n"
    }
}

/// Columns of the terminal on standard output.
fn width_of_terminal() -> Option<usize> {
    let columns = std::env::var("COLUMNS")
        .ok()
        .and_then(|text| text.parse().ok());
    columns
        .or_else(|| terminal_size::terminal_size().map(|(width, _)| usize::from(width.0)))
        .filter(|n| *n >= 40)
}

/// Seconds east of UTC here at that moment.
fn offset_at(now: Moment) -> i32 {
    jiff::Timestamp::from_millisecond(now.wall)
        .map_or(0, |at| proc::zone::local().to_offset(at).seconds())
}

/// Sends what the library traces to standard error: `-v` its doings, `-vv` every call.
pub(super) fn start_log(verbose: u8) {
    let level = match verbose {
        0 => return,
        1 => tracing::Level::INFO,
        _ => tracing::Level::DEBUG,
    };
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_max_level(level)
        .without_time()
        .with_target(false)
        .init();
}
