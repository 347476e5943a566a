//! From TOML text to values with places: bounds first, then syntax, then figment's value tree.

use super::fault::{Fault, Span, ValueOrigin, shown};
use figment::value::{Dict, Num, Tag, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// The longest manifest taken, in bytes.
pub(crate) const MAX_BYTES: usize = 1 << 20;
/// How deep tables, arrays and dotted keys may nest.
const MAX_DEPTH: u32 = 32;
/// At most this many syntax faults are told.
const MAX_SYNTAX: usize = 50;

/// Keys and values of a text with their spans.
pub(crate) type Places = DeTable<'static>;

/// The values of one file's text; `file` is its index among the files.
///
/// # Errors
/// Every syntax fault, or the one bound that was passed.
pub(crate) fn parse(file: usize, text: &str) -> Result<Dict, Vec<Fault>> {
    let at = |span: std::ops::Range<usize>| ValueOrigin::File {
        file,
        span: span.into(),
    };
    if text.len() > MAX_BYTES {
        let fault = Fault::new(
            "too-large",
            at(0..0),
            format!(
                "the manifest has {} bytes; the limit is {MAX_BYTES}",
                text.len()
            ),
        );
        return Err(vec![
            fault.help("split it into two towns, each with its own `town.name`"),
        ]);
    }
    if let Some(deep) = too_deep(text) {
        let fault = Fault::new(
            "too-deep",
            at(deep..deep + 1),
            format!("nested more than {MAX_DEPTH} levels deep"),
        );
        return Err(vec![
            fault
                .label("too deep here")
                .help("no field needs more than four levels"),
        ]);
    }
    let (places, errors) = DeTable::parse_recoverable(text);
    if !errors.is_empty() {
        return Err(errors
            .iter()
            .take(MAX_SYNTAX)
            .map(|e| syntax(e, text, &at))
            .collect());
    }
    let mut faults = Vec::new();
    let values = table(places.get_ref(), &mut |span, message: &str| {
        faults.push(
            Fault::new("wrong-type", at(span), message).help("no field accepts such a value"),
        );
    });
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(values)
}

fn syntax(
    error: &toml::de::Error,
    text: &str,
    at: &impl Fn(std::ops::Range<usize>) -> ValueOrigin,
) -> Fault {
    let span = error.span().unwrap_or(text.len()..text.len());
    let message = error.message().to_owned();
    let clean: String = message
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
    Fault::new("syntax", at(span), clean)
        .label("not TOML here")
        .help(help)
}

/// The place of the first bracket or dotted key that nests too deep; looks at characters only,
/// outside of strings and comments, and so costs no stack.
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

/// The offset after the string that begins at `start` with `quote`.
fn string_end(text: &[u8], start: usize, quote: u8) -> usize {
    let rest = text.get(start..).unwrap_or_default();
    let triple = [quote; 3];
    let long = rest.starts_with(&triple);
    let mut at = if long { 3 } else { 1 };
    while let Some(&byte) = rest.get(at) {
        if byte == b'\\' && quote == b'"' {
            at += 2;
        } else if long && rest.get(at..).is_some_and(|r| r.starts_with(&triple)) {
            return start + at + 3;
        } else if !long && (byte == quote || byte == b'\n') {
            return start + at + 1;
        } else {
            at += 1;
        }
    }
    start + rest.len()
}

type Report<'r> = dyn FnMut(std::ops::Range<usize>, &str) + 'r;

fn table(table: &DeTable<'_>, report: &mut Report<'_>) -> Dict {
    table
        .iter()
        .filter_map(|(key, item)| Some((key.get_ref().to_string(), value(item, report)?)))
        .collect()
}

/// A value in figment's terms; what figment has no word for is reported.
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

/// The places in a text that has been read before. Kept apart from the values: who has no faults
/// never needs them.
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

/// Only the shape and the spans are needed: scalars become empty.
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
