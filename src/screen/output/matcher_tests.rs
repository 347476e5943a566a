//! Markers in single lines.

use super::*;
use serde_json::json;

fn matcher(markers: &[Marker]) -> Matcher {
    Matcher::new(markers, &[])
}

fn condition(value: Value) -> Marker {
    match value {
        Value::Object(fields) => Marker::Json(fields.into_iter().collect()),
        other => panic!("{other}"),
    }
}

fn verdict(marker: Marker, line: &str) -> Option<Verdict> {
    let matcher = matcher(&[marker]);
    let judged = matcher.judge(line).map(|(_, verdict)| verdict);
    assert!(
        judged.is_none() || matcher.next(line.as_bytes(), 0).is_some(),
        "the search would miss {line}"
    );
    judged
}

#[test]
fn conditions_are_nested_and_all_of_them_count() {
    use Verdict::{Completed, Failed};
    let result = || condition(json!({"type": "result", "is_error": false}));
    let cases = [
        (
            result(),
            r#"{"type":"result","is_error":false,"x":1}"#,
            Some(Completed),
        ),
        (
            result(),
            r#"{"type":"result","is_error":true}"#,
            Some(Failed),
        ),
        (result(), r#"{"type":"result"}"#, None),
        (result(), r#"{"type":"assistant","is_error":false}"#, None),
        (
            result(),
            r#"{"x":{"type":"result","is_error":false}}"#,
            None,
        ),
        (
            condition(json!({"type": "result"})),
            r#"{"type":"result","is_error":true}"#,
            Some(Failed),
        ),
        (
            condition(json!({"is_error": true})),
            r#"{"type":"x","is_error":true}"#,
            Some(Completed),
        ),
        (
            condition(json!({"a": {"b": {"c": 1}}})),
            r#"{"a":{"b":{"c":1.0,"d":2},"e":3}}"#,
            Some(Completed),
        ),
        (
            condition(json!({"a": {"b": {"c": 1}}})),
            r#"{"a":{"b":{"c":2}}}"#,
            None,
        ),
        (
            condition(json!({"a": [1, 2]})),
            r#"{"a":[1,2]}"#,
            Some(Completed),
        ),
        (condition(json!({"a": null})), r#"{"b":1}"#, None),
        (
            condition(json!({"a b": "é"})),
            r#"{"a b":"é"}"#,
            Some(Completed),
        ),
    ];
    for (marker, line, wanted) in cases {
        assert_eq!(
            verdict(marker.clone(), line),
            wanted,
            "{marker:?} in {line}"
        );
    }
}

#[test]
fn a_text_that_is_a_piece_of_json_is_a_condition() {
    use Verdict::{Completed, Failed};
    let success = || Marker::Text("\"subtype\":\"success\"".into());
    let cases = [
        (r#"{"subtype":"success","is_error":false}"#, Some(Completed)),
        (r#"{"subtype": "success"}"#, Some(Completed)),
        (r#"{"subtype":"success","is_error":true}"#, Some(Failed)),
        (
            r#"{"subtype":"success", "is_error": true, "cut"#,
            Some(Failed),
        ),
        (r#"{"subtype":"success","cut"#, None),
        (
            r#"{"subtype":"success","is_error":false,"cut"#,
            Some(Completed),
        ),
        (r#"{"m":{"subtype":"success"}}"#, None),
        (r#"{"text":"\"subtype\":\"success\""}"#, None),
        (r#"the line with "subtype":"success" means it"#, None),
        (r#"> {"subtype":"success","is_error":false}"#, None),
    ];
    for (line, wanted) in cases {
        assert_eq!(verdict(success(), line), wanted, "{line}");
    }
}

#[test]
fn seams_are_within_markers() {
    let matcher = matcher(&[Marker::Text("exit code: 0".into())]);
    for (before, after) in [("x", "i"), ("t", "c"), (":", "0")] {
        assert!(matcher.may_break(before.as_bytes()[0], after.as_bytes()[0]));
    }
    assert!(!matcher.may_break(b'0', b'e'));
}

#[test]
fn codex_says_how_its_turn_has_ended() {
    let completed = || Marker::Text("\"type\":\"turn.completed\"".to_owned());
    let cases = [
        (
            r#"{"type":"turn.completed","usage":{"input_tokens":1,"output_tokens":2}}"#,
            Some(Verdict::Completed),
        ),
        (
            r#"{"type":"turn.failed","error":{"message":"no"}}"#,
            Some(Verdict::Failed),
        ),
        (r#"{"type":"turn.started"}"#, None),
        (
            r#"{"type":"item.completed","item":{"type":"agent_message","text":"turn.failed"}}"#,
            None,
        ),
    ];
    for (line, said) in cases {
        assert_eq!(verdict(completed(), line), said, "{line}");
    }
    let other = Marker::Text("DONE".to_owned());
    assert_eq!(verdict(other, r#"{"type":"turn.failed"}"#), None);
}
