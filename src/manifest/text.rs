//! Parses TOML text: checks its bounds, then its syntax, and makes figment's values of it.

use super::fault::{Fault, Span, ValueOrigin, shown};
use figment::value::{Dict, Num, Tag, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest manifest, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// How deep tables, lists and dotted keys may nest. The parser needs stack for each level.
const MAX_DEPTH: u32 = 32;
/// The most syntax errors that are reported.
const MAX_SYNTAX: usize = 50;

/// The keys and values of a text with their spans. Values that are no tables or lists are dummies.
pub(crate) type Places = DeTable<'static>;

/// Parses the text of one file. `file` is its index in [`Faults::files`](super::Faults::files).
///
/// # Errors
/// All syntax errors; or one fault if the text is too long or nests too deep.
pub(crate) fn parse(file: usize, text: &str) -> Result<Dict, Vec<Fault>> {
    if let Some(fault) = beyond_bounds(file, text) {
        return Err(vec![fault]);
    }
    let (parsed, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        let reported = errors.iter().take(MAX_SYNTAX);
        return Err(reported.map(|error| syntax(error, file, text)).collect());
    }
    let mut faults = Vec::new();
    let values = table(parsed.get_ref(), &mut |span, message: &str| {
        faults.push(
            Fault::new("wrong-type", in_file(file, span), message)
                .help("no field accepts such a value"),
        );
    });
    if faults.is_empty() {
        Ok(values)
    } else {
        Err(faults)
    }
}

fn in_file(file: usize, span: std::ops::Range<usize>) -> ValueOrigin {
    ValueOrigin::File {
        file,
        span: span.into(),
    }
}

/// The fault of a text that is too long or nests too deep.
fn beyond_bounds(file: usize, text: &str) -> Option<Fault> {
    let length = text.len();
    if length > MAX_BYTES {
        let message = format!("the manifest has {length} bytes; the limit is {MAX_BYTES}");
        let fault = Fault::new("too-large", in_file(file, 0..0), message);
        return Some(fault.help("split it into two towns, each with its own `town.name`"));
    }
    let deep = too_deep(text)?;
    let message = format!("nested more than {MAX_DEPTH} levels deep");
    let fault = Fault::new("too-deep", in_file(file, deep..deep + 1), message)
        .label("too deep here")
        .help("no field needs more than four levels");
    Some(fault)
}

fn syntax(error: &toml::de::Error, file: usize, text: &str) -> Fault {
    let span = error.span().unwrap_or(text.len()..text.len());
    let clean: String = error
        .message()
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let help = if clean.contains("duplicate key") {
        "remove one of the two"
    } else if clean.contains("unquoted") || clean.contains("string") {
        "put text in double quotes, as in name = \"shop\""
    } else {
        "compare with the files in examples/; `#` begins a comment"
    };
    Fault::new("syntax", in_file(file, span), clean)
        .label("not TOML here")
        .help(help)
}

/// The offset of the first bracket or dot that nests too deep.
///
/// It counts brackets and dots outside strings and comments. So it needs no stack, whatever the
/// text, and can run before the parser.
fn too_deep(text: &str) -> Option<usize> {
    let (mut depth, mut dots) = (0_u32, 0_u32);
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'#' => while bytes.next_if(|(_, b)| *b != b'\n').is_some() {},
            b'"' | b'\'' => {
                let end = string_end(text.as_bytes(), at, byte);
                while bytes.next_if(|(i, _)| *i < end).is_some() {}
            }
            b'[' | b'{' => (depth, dots) = (depth.saturating_add(1), 0),
            b']' | b'}' => (depth, dots) = (depth.saturating_sub(1), 0),
            b'.' => dots = dots.saturating_add(1),
            b'\n' | b'=' | b',' => dots = 0,
            _ => {}
        }
        if depth.saturating_add(dots) > MAX_DEPTH {
            return Some(at);
        }
    }
    None
}

/// The offset after the string that begins at `start` with `quote`. An unclosed one ends with its
/// line; an unclosed one in triple quotes ends with the text.
fn string_end(text: &[u8], start: usize, quote: u8) -> usize {
    let string = text.get(start..).unwrap_or_default();
    let triple = [quote; 3];
    let is_triple = string.starts_with(&triple);
    let mut at = if is_triple { 3 } else { 1 };
    while let Some(&byte) = string.get(at) {
        let closes_triple = || {
            string
                .get(at..)
                .is_some_and(|tail| tail.starts_with(&triple))
        };
        if byte == b'\\' && quote == b'"' {
            at += 2;
        } else if is_triple && closes_triple() {
            return start + at + 3;
        } else if !is_triple && (byte == quote || byte == b'\n') {
            return start + at + 1;
        } else {
            at += 1;
        }
    }
    start + string.len()
}

/// Called with the span and the message of each value that no field accepts.
type Report<'r> = dyn FnMut(std::ops::Range<usize>, &str) + 'r;

fn table(table: &DeTable<'_>, report: &mut Report<'_>) -> Dict {
    table
        .iter()
        .filter_map(|(key, item)| Some((key.get_ref().to_string(), value(item, report)?)))
        .collect()
}

/// The same value as figment has it. A value that figment cannot hold is reported, and `None`.
fn value(item: &Spanned<DeValue<'_>>, report: &mut Report<'_>) -> Option<Value> {
    match item.get_ref() {
        DeValue::String(text) => Some(Value::String(Tag::Default, text.to_string())),
        DeValue::Boolean(flag) => Some(Value::Bool(Tag::Default, *flag)),
        DeValue::Integer(number) => {
            let parsed = i64::from_str_radix(number.as_str(), number.radix()).ok();
            if parsed.is_none() {
                report(item.span(), "a number beyond 64 bits");
            }
            parsed.map(|number| Value::Num(Tag::Default, Num::I64(number)))
        }
        DeValue::Float(number) => {
            let parsed = number.as_str().parse::<f64>().ok();
            if parsed.is_none() {
                report(item.span(), "not a number");
            }
            parsed.map(|number| Value::Num(Tag::Default, Num::F64(number)))
        }
        DeValue::Datetime(date) => {
            report(
                item.span(),
                &format!(
                    "a date or time ({}) is not allowed here",
                    shown(&date.to_string())
                ),
            );
            None
        }
        DeValue::Array(items) => Some(Value::Array(
            Tag::Default,
            items
                .iter()
                .filter_map(|item| value(item, report))
                .collect(),
        )),
        DeValue::Table(inner) => Some(Value::Dict(Tag::Default, table(inner, report))),
    }
}

/// The span of a whole item.
pub(crate) fn span_of<T>(item: &Spanned<T>) -> Span {
    item.span().into()
}

/// The places in a text that was parsed before.
///
/// They are found apart from the values, because a manifest without faults does not need them.
pub(crate) fn places(text: &str) -> Places {
    own_table(DeTable::parse_recoverable(text).0.into_inner())
}

fn own_table(table: DeTable<'_>) -> DeTable<'static> {
    table
        .into_iter()
        .map(|(key, item)| {
            let key_span = key.span();
            (
                Spanned::new(key_span, key.into_inner().into_owned().into()),
                own_value(item),
            )
        })
        .collect()
}

/// The value with its span. Only the shape is needed, so `false` stands for every scalar.
fn own_value(item: Spanned<DeValue<'_>>) -> Spanned<DeValue<'static>> {
    let span = item.span();
    let value = match item.into_inner() {
        DeValue::Table(inner) => DeValue::Table(own_table(inner)),
        DeValue::Array(items) => DeValue::Array(items.into_iter().map(own_value).collect()),
        DeValue::String(_)
        | DeValue::Integer(_)
        | DeValue::Float(_)
        | DeValue::Boolean(_)
        | DeValue::Datetime(_) => DeValue::Boolean(false),
    };
    Spanned::new(span, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn depth_is_bounded_before_parsing() {
        for text in [
            format!("a = {}", "[".repeat(100_000)),
            format!("{} = 1", vec!["a"; 100_000].join(".")),
            format!("a = {}", "{b=".repeat(100_000)),
            format!("[{}]", vec!["a"; 100_000].join(".")),
        ] {
            let faults = parse(0, &text).expect_err("too deep");
            assert_eq!(
                faults.iter().map(|f| f.code).collect::<Vec<_>>(),
                ["too-deep"]
            );
        }
        let quoted = format!("a = \"{}\" # {}", "[".repeat(100), "[".repeat(100));
        assert!(parse(0, &quoted).is_ok());
    }

    #[test]
    fn all_syntax_faults_come_at_once() {
        let faults = parse(0, "a = \nb = 1\nc = [1,\n[x\n").expect_err("faults");
        assert!(faults.len() >= 2, "{faults:?}");
        assert!(faults.iter().all(|f| f.code == "syntax"));
    }
}
