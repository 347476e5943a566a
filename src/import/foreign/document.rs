//! A YAML or JSON text as a plain value.
//!
//! The parser of a library gives events; this builds the value. Aliases are copied, so a small text
//! could stand for a huge value: the number of values is bounded, and so is the depth.

use saphyr_parser::{Event, Parser, ScalarStyle, Span, StrInput};
use serde_json::{Map, Value};

use crate::model::SortedMap;

/// The most values of a document, with all copies. A file of 10,000 processes has half as many.
const MOST_VALUES: usize = 200_000;
/// The deepest nesting.
const DEEPEST: usize = 64;

/// The value of a text that has one document. No document is null.
///
/// # Errors
/// In which line it is wrong, and why.
pub(super) fn parse(text: &str) -> Result<Value, String> {
    let mut reader = Reader {
        events: Parser::new_from_str(text),
        anchors: SortedMap::new(),
        left: MOST_VALUES,
    };
    let mut document = None;
    loop {
        let (event, at) = reader.next()?;
        match event {
            Event::StreamEnd => return Ok(document.unwrap_or(Value::Null)),
            Event::StreamStart | Event::DocumentStart(_) | Event::DocumentEnd | Event::Nothing => {}
            _ if document.is_some() => return Err(wrong(at, "a second document begins")),
            event => document = Some(reader.value(event, at, 0)?),
        }
    }
}

struct Reader<'t> {
    events: Parser<'t, StrInput<'t>>,
    /// What has a name, and of how many values it is.
    anchors: SortedMap<usize, (Value, usize)>,
    /// How many more values may come.
    left: usize,
}

fn wrong(at: Span, what: &str) -> String {
    format!("line {}: {what}", at.start.line())
}

impl<'t> Reader<'t> {
    fn next(&mut self) -> Result<(Event<'t>, Span), String> {
        match self.events.next_event() {
            Some(Ok(event)) => Ok(event),
            Some(Err(fault)) => {
                let line = fault.marker().line();
                Err(format!("line {line}: {}", fault.info()))
            }
            None => Err("it ends too soon".to_owned()),
        }
    }

    /// Counts values.
    fn spend(&mut self, count: usize, at: Span) -> Result<(), String> {
        let left = self.left.checked_sub(count);
        self.left = left.ok_or_else(|| {
            wrong(
                at,
                &format!("there are more than {MOST_VALUES} values, with all copies"),
            )
        })?;
        Ok(())
    }

    /// The value that begins with this event.
    fn value(&mut self, event: Event<'t>, at: Span, depth: usize) -> Result<Value, String> {
        let before = self.left;
        self.spend(1, at)?;
        if depth > DEEPEST {
            return Err(wrong(at, &format!("it is nested more than {DEEPEST} deep")));
        }
        let (value, anchor) = match event {
            Event::Alias(anchor) => return self.copy(anchor, at),
            Event::Scalar(text, style, anchor, tag) => {
                let is_text =
                    tag.is_some_and(|tag| tag.is_yaml_core_schema() && tag.suffix == "str");
                let value = match style {
                    ScalarStyle::Plain if !is_text => plain(&text),
                    _ => Value::String(text.into_owned()),
                };
                (value, anchor)
            }
            Event::SequenceStart(anchor, _) => (self.sequence(depth)?, anchor),
            Event::MappingStart(anchor, _) => (self.mapping(depth)?, anchor),
            _ => return Err(wrong(at, "a value is missing")),
        };
        // 0 stands for no anchor.
        if anchor > 0 {
            self.anchors
                .insert(anchor, (value.clone(), before - self.left));
        }
        Ok(value)
    }

    /// The value that an alias names.
    fn copy(&mut self, anchor: usize, at: Span) -> Result<Value, String> {
        let Some((value, count)) = self.anchors.get(&anchor).cloned() else {
            return Err(wrong(at, "an alias stands for what is not complete yet"));
        };
        self.spend(count, at)?;
        Ok(value)
    }

    fn sequence(&mut self, depth: usize) -> Result<Value, String> {
        let mut items = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::SequenceEnd {
                return Ok(Value::Array(items));
            }
            items.push(self.value(event, at, depth + 1)?);
        }
    }

    fn mapping(&mut self, depth: usize) -> Result<Value, String> {
        let mut fields = Map::new();
        let mut merged = Vec::new();
        loop {
            let (event, at) = self.next()?;
            if event == Event::MappingEnd {
                break;
            }
            let is_merge = is_merge(&event);
            let key = self.value(event, at, depth + 1)?;
            let (event, value_at) = self.next()?;
            let value = self.value(event, value_at, depth + 1)?;
            if is_merge {
                merged.push(value);
                continue;
            }
            let key = name(key).ok_or_else(|| wrong(at, "a key is no word"))?;
            if fields.contains_key(&key) {
                return Err(wrong(at, &format!("the key `{key}` comes twice")));
            }
            fields.insert(key, value);
        }
        for value in merged {
            merge(&mut fields, value);
        }
        Ok(Value::Object(fields))
    }
}

/// Whether a key is `<<`, which takes in the fields of another mapping.
fn is_merge(key: &Event<'_>) -> bool {
    matches!(key, Event::Scalar(text, ScalarStyle::Plain, _, _) if text == "<<")
}

/// Adds the fields of a mapping, or of some, that are not there yet.
fn merge(fields: &mut Map<String, Value>, value: Value) {
    match value {
        Value::Object(others) => {
            for (key, value) in others {
                fields.entry(key).or_insert(value);
            }
        }
        Value::Array(values) => values.into_iter().for_each(|value| merge(fields, value)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

/// A key as a text.
fn name(key: Value) -> Option<String> {
    match key {
        Value::String(text) => Some(text),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::Null => Some("null".to_owned()),
        Value::Array(_) | Value::Object(_) => None,
    }
}

/// A word without quotes: YAML's core schema, <https://yaml.org/spec/1.2.2/#103-core-schema>.
fn plain(text: &str) -> Value {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Value::Null,
        "true" | "True" | "TRUE" => return Value::Bool(true),
        "false" | "False" | "FALSE" => return Value::Bool(false),
        _ => {}
    }
    let number = integer(text).or_else(|| float(text));
    number.unwrap_or_else(|| Value::String(text.to_owned()))
}

fn integer(text: &str) -> Option<Value> {
    let of_base = |digits: &str, base| u64::from_str_radix(digits, base).ok().map(Value::from);
    if let Some(digits) = text.strip_prefix("0x") {
        return of_base(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return of_base(digits, 8);
    }
    let unsigned = text.parse::<u64>().map(Value::from);
    unsigned
        .or_else(|_| text.parse::<i64>().map(Value::from))
        .ok()
}

fn float(text: &str) -> Option<Value> {
    // Rust also reads `inf` and `nan`, which are words here.
    let is_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '+' | '-' | 'e' | 'E');
    let number = text
        .chars()
        .all(is_number)
        .then(|| text.parse::<f64>().ok());
    number
        .flatten()
        .and_then(serde_json::Number::from_f64)
        .map(Value::Number)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_numbers_and_texts_are_told_apart() {
        let text = "[a, 'b', \"c\\n\", 1, -2, +3, 0x1f, 0o17, 1.5, 1e3, .5, 1.2.3, ~, '', null, true, \
                    \"true\", yes, inf, 0755, !!str 12, 18446744073709551615]";

        assert_eq!(
            parse(text).unwrap(),
            json!([
                "a",
                "b",
                "c\n",
                1,
                -2,
                3,
                31,
                15,
                1.5,
                1000.0,
                0.5,
                "1.2.3",
                null,
                "",
                null,
                true,
                "true",
                "yes",
                "inf",
                755,
                "12",
                18_446_744_073_709_551_615_u64
            ])
        );
    }

    #[test]
    fn blocks_keep_their_lines_and_json_is_yaml() {
        assert_eq!(
            parse("run: |\n  cd /tmp\n  ls\nfold: >-\n  one\n  two\n").unwrap(),
            json!({"run": "cd /tmp\nls\n", "fold": "one two"})
        );
        assert_eq!(
            parse(r#"{"a": [1, {"b": null}]}"#).unwrap(),
            json!({"a": [1, {"b": null}]})
        );
        assert_eq!(parse("").unwrap(), Value::Null);
        assert_eq!(parse("# only a comment\n---\n").unwrap(), Value::Null);
    }

    #[test]
    fn aliases_are_copied_and_merged() {
        let text = "
base: &base {dir: /srv, restart: 1}
one: {<<: *base, restart: 2}
two:
  <<: [*base, {env: x}]
same: *base
";

        assert_eq!(
            parse(text).unwrap(),
            json!({
                "base": {"dir": "/srv", "restart": 1},
                "one": {"dir": "/srv", "restart": 2},
                "two": {"dir": "/srv", "restart": 1, "env": "x"},
                "same": {"dir": "/srv", "restart": 1},
            })
        );
    }

    #[test]
    fn faults_name_their_line() {
        let deep = "[".repeat(100);
        for (text, why) in [
            ("a: 1\na: 2", "line 2: the key `a` comes twice"),
            ("a: 1\n---\nb: 2", "line 3: a second document begins"),
            ("a: 1\nb: *c", "line 2: "),
            ("? [a]\n: 1", "line 1: a key is no word"),
            (
                "a: &x [*x]",
                "line 1: an alias stands for what is not complete yet",
            ),
            ("a:\n  - 'b", "line "),
            (&deep, "line 1: it is nested more than 64 deep"),
        ] {
            let fault = parse(text).unwrap_err();
            assert!(fault.starts_with(why), "{text}: {fault}");
        }
    }

    #[test]
    fn copies_of_copies_end() {
        let mut text = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for n in 1..12 {
            let before = format!("*a{}, ", n - 1).repeat(10);
            text = format!("{text}a{n}: &a{n} [{before}]\n");
        }

        assert!(
            parse(&text)
                .unwrap_err()
                .contains("more than 200000 values")
        );
    }
}
