//! Faults of a manifest for people and for programs.
//!
//! People get miette's drawing with one source line for each place. The line is sanitised and cut
//! around the place, so that no manifest can control or flood the terminal. Programs get JSON with
//! offsets, lines and columns.

use super::Colour;
use crate::manifest::{
    Fault, Faults, Offset, Related, Severity, SourceFile, Span, ValueOrigin, is_unsafe,
};
use miette::{
    Diagnostic, GraphicalReportHandler, GraphicalTheme, LabeledSpan, MietteError,
    MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use serde_json::{Value, json};
use std::fmt;

/// The most characters of a source line that are shown.
const LINE: usize = 160;
/// The most of these characters that stand before the place.
const BEFORE: usize = 40;

/// All findings as text for people, for a terminal of `width` columns. Empty without findings.
#[must_use]
pub fn human(faults: &Faults, colour: Colour, width: usize) -> String {
    let theme = match colour {
        Colour::On => GraphicalTheme::unicode(),
        Colour::Off => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme)
        .with_links(false)
        .with_urls(false)
        .with_wrap_lines(false)
        .with_width(width)
        .with_context_lines(1)
        .with_show_related_as_nested(true);
    let mut out = String::new();
    for (index, fault) in faults.list.iter().enumerate() {
        if index > 0 {
            out.push('\n');
        }
        // Writing to a String cannot fail. If a place cannot be read, the message stays.
        let _ = handler.render_report(&mut out, &Drawn::of_fault(fault, faults));
    }
    let (errors, advice) = counts(faults);
    if errors + advice > 1 {
        let line = match (errors, advice) {
            (0, n) => format!("{n} warnings"),
            (n, 0) => format!("{n} errors"),
            (n, a) => format!(
                "{}, {}",
                plural(n, "error", "errors"),
                plural(a, "warning", "warnings")
            ),
        };
        out.extend(["\n", &line, "\n"]);
    }
    out
}

fn plural(count: usize, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

/// The number of errors and the number of pieces of advice.
fn counts(faults: &Faults) -> (usize, usize) {
    let errors = faults
        .list
        .iter()
        .filter(|f| f.severity == Severity::Error)
        .count();
    (errors, faults.list.len().saturating_sub(errors))
}

/// All findings for programs: `{"errors": N, "advice": N, "faults": [...]}`.
///
/// Offsets count bytes from 0, lines and columns (characters) from 1; ends are exclusive.
#[must_use]
pub fn json(faults: &Faults) -> Value {
    let (errors, advice) = counts(faults);
    let list: Vec<Value> = faults
        .list
        .iter()
        .map(|fault| json_fault(fault, faults))
        .collect();
    json!({ "errors": errors, "advice": advice, "faults": list })
}

fn json_fault(fault: &Fault, faults: &Faults) -> Value {
    let Fault {
        severity,
        code,
        message,
        origin,
        label,
        help,
        related,
    } = fault;
    let related: Vec<Value> = related
        .iter()
        .map(|Related { origin, label }| json!({ "label": label, "origin": json_origin(origin, faults) }))
        .collect();
    let mut value = json!({
        "severity": match severity { Severity::Error => "error", Severity::Advice => "advice" },
        "code": code,
        "message": message,
        "origin": json_origin(origin, faults),
        "related": related,
    });
    if let Some(object) = value.as_object_mut() {
        let texts = [
            ("help", help.clone()),
            ("label", Some(label.clone()).filter(|l| !l.is_empty())),
        ];
        object.extend(
            texts
                .into_iter()
                .filter_map(|(key, text)| Some((key.to_owned(), Value::String(text?)))),
        );
    }
    value
}

fn json_origin(origin: &ValueOrigin, faults: &Faults) -> Value {
    match origin {
        ValueOrigin::Variable(name) => json!({ "variable": name }),
        ValueOrigin::Flag(name) => json!({ "flag": name }),
        ValueOrigin::BuiltIn(name) => json!({ "built_in": name }),
        ValueOrigin::File { file, span } => {
            let Some(file) = faults.files.get(*file) else {
                return json!({});
            };
            let ((line, column), (end_line, end_column)) =
                (file.position(span.start), file.position(span.end));
            json!({
                "file": file.name, "start": span.start, "end": span.end,
                "line": line, "column": column, "end_line": end_line, "end_column": end_column,
            })
        }
    }
}

/// A fault, or a further place of one, in miette's terms.
#[derive(Debug)]
struct Drawn {
    severity: Severity,
    code: Option<&'static str>,
    message: String,
    label: String,
    help: Option<String>,
    line: Option<Line>,
    related: Vec<Self>,
}

impl Drawn {
    fn of_fault(fault: &Fault, faults: &Faults) -> Self {
        let place = match &fault.origin {
            ValueOrigin::File { .. } => String::new(),
            ValueOrigin::Variable(name) => format!(" (from the variable {name})"),
            ValueOrigin::Flag(name) => format!(" (from the flag {name})"),
            ValueOrigin::BuiltIn(name) => format!(" (from {name})"),
        };
        Self {
            severity: fault.severity,
            code: Some(fault.code),
            message: format!("{}{place}", fault.message),
            label: if fault.label.is_empty() {
                "here".to_owned()
            } else {
                fault.label.clone()
            },
            help: fault.help.clone(),
            line: Line::of_origin(&fault.origin, faults),
            related: fault
                .related
                .iter()
                .map(|related| Self::of_related(related, fault.severity, faults))
                .collect(),
        }
    }

    fn of_related(related: &Related, severity: Severity, faults: &Faults) -> Self {
        Self {
            severity,
            code: None,
            message: related.label.clone(),
            label: "here".to_owned(),
            help: None,
            line: Line::of_origin(&related.origin, faults),
            related: Vec::new(),
        }
    }
}

impl fmt::Display for Drawn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Drawn {}

impl Diagnostic for Drawn {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.code
            .map(|code| Box::new(code) as Box<dyn fmt::Display>)
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Advice => miette::Severity::Advice,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.help
            .as_ref()
            .map(|help| Box::new(help) as Box<dyn fmt::Display>)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let line = self.line.as_ref()?;
        Some(Box::new(std::iter::once(LabeledSpan::new_with_span(
            Some(self.label.clone()),
            line.place,
        ))))
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.line.as_ref().map(|line| line as &dyn SourceCode)
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.related.is_empty() {
            return None;
        }
        Some(Box::new(
            self.related
                .iter()
                .map(|related| related as &dyn Diagnostic),
        ))
    }
}

/// One line of a file: sanitised, cut around a place, with its position in the file.
#[derive(Debug)]
struct Line {
    file: String,
    text: String,
    /// Within `text`.
    place: SourceSpan,
    /// Both from 0, in the file.
    row: usize,
    column: usize,
}

impl Line {
    fn of_origin(origin: &ValueOrigin, faults: &Faults) -> Option<Self> {
        match origin {
            ValueOrigin::File { file, span } => Self::of_span(faults.files.get(*file)?, *span),
            ValueOrigin::Variable(_) | ValueOrigin::Flag(_) | ValueOrigin::BuiltIn(_) => None,
        }
    }

    fn of_span(file: &SourceFile, span: Span) -> Option<Self> {
        let (line, column) = file.position(span.start);
        let from = file
            .text
            .get(..span.start)?
            .rfind('\n')
            .map_or(0, |at| at + 1);
        let whole = file
            .text
            .get(from..)?
            .split('\n')
            .next()?
            .trim_end_matches('\r');
        let (start, end) = (
            span.start - from,
            span.end.saturating_sub(from).min(whole.len()),
        );
        let (text, start, len) = cut(whole, start.min(whole.len()), end);
        let place = SourceSpan::new(start.into(), len);
        Some(Self {
            file: file.name.clone(),
            text,
            place,
            row: line.saturating_sub(1),
            column: column.saturating_sub(1),
        })
    }
}

/// The shown part of a line, and the place `start..end` within it as offset and length.
fn cut(line: &str, start: Offset, end: Offset) -> (String, Offset, usize) {
    let head: Vec<char> = line
        .get(..start)
        .unwrap_or_default()
        .chars()
        .map(fit)
        .collect();
    let mut text: String = match head.len().checked_sub(BEFORE) {
        Some(gone) if gone > 0 => std::iter::once('…')
            .chain(head.into_iter().skip(gone))
            .collect(),
        Some(_) | None => head.into_iter().collect(),
    };
    let offset = text.len();
    let room = LINE.saturating_sub(text.chars().count());
    let marked: String = line
        .get(start..end.max(start))
        .unwrap_or_default()
        .chars()
        .map(fit)
        .take(room)
        .collect();
    let rest = line.get(start..).unwrap_or_default();
    text.extend(rest.chars().map(fit).take(room));
    if rest.chars().nth(room).is_some() {
        text.push('…');
    }
    (text, offset, marked.len())
}

/// The character, or a visible sign for a control character.
fn fit(c: char) -> char {
    match c {
        '\t' => ' ',
        c if is_unsafe(c) => '\u{fffd}',
        c => c,
    }
}

impl SourceCode for Line {
    /// Always the whole line. miette asks without context only to learn the place's line and
    /// column.
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        before: usize,
        after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let column = if before + after == 0 { self.column } else { 0 };
        if span.offset() > self.text.len() {
            return Err(MietteError::OutOfBounds);
        }
        let whole = SourceSpan::new(0.into(), self.text.len());
        let contents = MietteSpanContents::new_named(
            self.file.clone(),
            self.text.as_bytes(),
            whole,
            self.row,
            column,
            1,
        );
        Ok(Box::new(contents))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::{Sources, load};
    use std::path::Path;

    fn faults(text: &str) -> Faults {
        let sources = Sources {
            town_path: Path::new("town.toml"),
            town_text: text,
            user: None,
            variables: &[("GTCTL_LIMITS_MASS".to_owned(), "2".to_owned())],
            flags: &[],
            home: None,
            base_dir: Path::new("/work"),
            include: &crate::manifest::no_files,
            machine: crate::manifest::Machine::default(),
            read: &|_| None,
        };
        load(&sources).expect_err("faulty")
    }

    #[test]
    fn people_see_the_line_the_place_and_what_to_type() {
        let text = "[town]\nname = \"a\"\n\n[defaults]\nmax_agee = \"1h\"\n";
        let drawn = human(&faults(text), Colour::Off, 100);
        let want = "unknown-key\n
  × unknown key `max_agee` in [defaults]
   ╭─[town.toml:5:1]
 5 │ max_agee = \"1h\"
   · ────┬───
   ·     ╰── not known here
   ╰────
  help: did you mean `max_age`?

bad-share

  × `mass`: a share must be between 0.0 and 1.0 (from the variable GTCTL_LIMITS_MASS)
  help: write 0.25, or \"25%\"

2 errors
";
        assert_eq!(drawn, want, "{drawn}");
    }

    #[test]
    fn no_bytes_of_a_manifest_reach_the_terminal_as_they_are() {
        let long = format!(
            "[town]\nname = \"a\"\nx = \"{}\"\n# \u{9b}\nkey\u{1b}[2J = 1\n",
            "y".repeat(10_000)
        );
        let drawn = human(&faults(&long), Colour::Off, 80);
        assert!(
            !drawn.contains('\u{1b}') && !drawn.contains('\u{9b}') && drawn.len() < 4000,
            "{drawn}"
        );
        assert!(human(&faults("[town]\nname = \"a\"\nx = 1\n"), Colour::On, 80).contains('\u{1b}'));
    }

    #[test]
    fn programs_get_offsets_and_positions() {
        let found = json(&faults("[town]\nname = \"a\"\nnope = 1\n"));
        assert_eq!(found["errors"], 2);
        assert_eq!(found["faults"][0]["code"], "unknown-key");
        let origin = &found["faults"][0]["origin"];
        assert_eq!(
            (&origin["start"], &origin["end"], &origin["line"]),
            (&json!(18), &json!(22), &json!(3))
        );
        assert_eq!(
            found["faults"][1]["origin"],
            json!({ "variable": "GTCTL_LIMITS_MASS" })
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_place() {
        let line = format!("{}HERE{}", "a".repeat(500), "b".repeat(500));
        let (text, start, len) = cut(&line, 500, 504);
        assert_eq!(
            (text.get(start..start + len), text.chars().count()),
            (Some("HERE"), LINE + 1)
        );
    }
}
