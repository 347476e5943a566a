//! What stands after which output.

use super::*;
use crate::model::Marker;
use serde_json::json;

const DONE: &str = "Agent completed successfully";
const RESULT: &str =
    r#"{"type":"result","subtype":"success","is_error":false,"result":"ok { \" }","n":1}"#;
const ERROR: &str =
    r#"{"type":"result","subtype":"success","is_error":true,"result":"Invalid API key","n":1}"#;

fn at(seconds: u64) -> Moment {
    Moment {
        wall: 0,
        awake: seconds * 1000,
        boot: 1,
    }
}

fn markers() -> Vec<Marker> {
    let mut markers: Vec<Marker> = ["Claude exit code: 0", DONE, "\"subtype\":\"success\""]
        .map(|t| Marker::Text(t.into()))
        .into();
    markers.push(Marker::Json(
        [
            ("type".into(), json!("result")),
            ("is_error".into(), json!(false)),
        ]
        .into(),
    ));
    markers
}

fn watch(typed: &[&str]) -> Watch {
    let typed: Vec<String> = typed.iter().map(|t| (*t).to_owned()).collect();
    Watch::new(Matcher::new(&markers(), &typed), 80, 0)
}

/// The verdict that stands after this, read at once.
fn verdict(output: &str) -> Option<Verdict> {
    let mut watch = watch(&[]);
    watch.feed(output.as_bytes(), at(0));
    watch.standing().map(|s| s.sighting.verdict)
}

/// The text broken at 80 columns.
fn broken(text: &str) -> String {
    let chars: Vec<char> = text.chars().collect();
    chars
        .chunks(80)
        .map(|row| row.iter().collect::<String>() + "\r\n")
        .collect()
}

#[test]
fn each_kind_of_output_is_judged_rightly() {
    use Verdict::{Completed, Failed};
    let cases = [
        (format!("{DONE}\n"), Some(Completed)),
        (format!("{RESULT}\n"), Some(Completed)),
        (format!("{ERROR}\n"), Some(Failed)),
        (format!("[agent] {ERROR}\n"), Some(Failed)),
        (
            "\x1b[1mAgent \x1b[32mcompl\x1b[0meted\x1b[C\x1b[Ksuccessfully\x1b[0m\r\n".into(),
            Some(Completed),
        ),
        ("Claude exit code: 0\r\n".into(), Some(Completed)),
        ("Claude exit code: 1\r\n".into(), None),
        (format!("❯ say {DONE}\n"), None),
        (format!("When done, print {DONE}\n"), None),
        (format!("    12\t{DONE}\n"), None),
        (
            broken(&format!("{} {DONE} in the end", "word ".repeat(13))),
            Some(Completed),
        ),
        (broken(RESULT), Some(Completed)),
        (broken(ERROR), Some(Failed)),
        (
            broken(&ERROR.replace("Invalid", &"x".repeat(300))),
            Some(Failed),
        ),
        (broken(&format!("> {} {DONE}", "word ".repeat(15))), None),
        (broken(&format!("> {}{DONE}", "x".repeat(78))), None),
        (
            format!("{} Agent completed\n  successfully\n", "word ".repeat(12)),
            Some(Completed),
        ),
        ("Agent completed\nsuccessfully\n".into(), None),
        (
            format!("{{\"type\":\"user\",\"message\":{{\"content\":\"{DONE}\"}}}}\n"),
            None,
        ),
        (
            format!("{{\"level\":\"info\",\"msg\":\"{DONE}\"}}\n"),
            Some(Completed),
        ),
        (
            "{\"type\":\"result\",\"subtype\":\"error_during_execution\",\"is_error\":true}\n"
                .into(),
            Some(Failed),
        ),
        (
            "{\"type\":\"user\",\"content\":[{\"is_error\":true}]}\n".into(),
            None,
        ),
        (
            format!("{}{}\n", &RESULT[..70], "x".repeat(70_000)),
            Some(Completed),
        ),
        (
            format!("{}{}\n", &ERROR[..70], "x".repeat(70_000)),
            Some(Failed),
        ),
        (format!("{{{}\n{DONE}\n", "x".repeat(79)), Some(Completed)),
    ];
    for (output, wanted) in &cases {
        assert_eq!(verdict(output), *wanted, "{output}");
        let mut single = watch(&[]);
        output.bytes().for_each(|byte| single.feed(&[byte], at(0)));
        assert_eq!(
            single.standing().map(|s| s.sighting.verdict),
            *wanted,
            "by bytes: {output}"
        );
    }
}

#[test]
fn split_over_two_reads_at_every_byte() {
    let outputs = [
        "before\r\n\x1b[31mAgent\x1b[0m completed \x1b]0;t\x07successfully ✓\r\nafter it\r\n"
            .to_owned(),
        format!("é {RESULT}\r\nlast\r\n"),
        format!("some\r\n{}", broken(ERROR)),
        broken(&format!("{} {DONE} in the end", "word ".repeat(13))),
        format!("> quoted {DONE}\r\n{DONE}\r\n"),
    ];
    for output in outputs {
        let bytes = output.as_bytes();
        let mut whole = watch(&[]);
        whole.feed(bytes, at(0));
        assert!(whole.standing().is_some(), "{output}");
        for cut in 0..=bytes.len() {
            let mut parts = watch(&[]);
            parts.feed(&bytes[..cut], at(0));
            parts.feed(&bytes[cut..], at(0));
            assert_eq!(parts.standing(), whole.standing(), "{output} at {cut}");
        }
    }
}

#[test]
fn what_was_typed_is_no_word_of_the_agents() {
    let nudge = format!("Finish the task, then close with {DONE} as the last line");
    let mut watch = watch(&[&nudge, DONE]);
    watch.feed(format!("{nudge}\r\n{DONE}\r\n").as_bytes(), at(0));
    assert_eq!(watch.standing(), None);
    watch.set_given(&[nudge]);
    watch.feed(format!("{DONE}\r\n").as_bytes(), at(0));
    assert!(watch.standing().is_some(), "what was asked for");
}

#[test]
fn going_on_cancels_and_repainting_does_not() {
    let mut watch = watch(&[]);
    watch.feed(
        format!("Ran 12 tests\r\nall is well\r\n{DONE}\r\n").as_bytes(),
        at(0),
    );
    watch.feed(b"Log saved to /tmp/x\r\n", at(1));
    assert_eq!(
        watch.standing().unwrap().quiet_since,
        at(1),
        "a wrapper's last words"
    );
    let repaint = format!(
        "\x1b[H\x1b[2JRan 13 tests\r\nall is well\r\n{DONE}\r\n\r\n⠋ 12s\r\n│ box │\r\n❯ \r\nuser@box:~$ "
    );
    watch.feed(repaint.as_bytes(), at(60));
    let standing = watch.standing().unwrap();
    assert_eq!((standing.seen, standing.quiet_since), (at(0), at(1)));
    watch.feed(b"\r\nNow the next task\r\n", at(61));
    assert_eq!(watch.standing(), None);
    watch.feed(format!("{DONE}\r\n").as_bytes(), at(90));
    assert_eq!(watch.standing().unwrap().seen, at(90));
}

#[test]
fn a_flood_after_a_marker_is_no_trailer() {
    let mut watch = watch(&[]);
    let steps: Vec<String> = (0..11)
        .map(|n| format!("step {} of many\r\n", "ab".repeat(n + 1)))
        .collect();
    let more = steps.concat();
    watch.feed(format!("{DONE}\r\n{more}").as_bytes(), at(0));
    assert_eq!(watch.standing(), None);
}

#[test]
fn a_wrapper_cannot_praise_a_failure_away() {
    let mut watch = watch(&[]);
    watch.feed(format!("{ERROR}\n{DONE}\n").as_bytes(), at(0));
    assert_eq!(watch.standing().unwrap().sighting.verdict, Verdict::Failed);
    watch.feed(format!("Trying again\n{DONE}\n").as_bytes(), at(10));
    assert_eq!(
        watch.standing().unwrap().sighting.verdict,
        Verdict::Completed
    );
}

#[test]
fn a_row_without_end_is_judged_when_all_is_quiet() {
    let mut watch = watch(&[]);
    watch.feed(format!("x\n{DONE}").as_bytes(), at(0));
    assert_eq!(watch.standing(), None);
    watch.settle(at(5));
    watch.settle(at(6));
    let standing = watch.standing().unwrap();
    assert_eq!(
        (standing.seen, standing.sighting.at_byte),
        (at(5), 2 + DONE.len() as u64)
    );
    watch.feed(b"\n", at(7));
    assert_eq!(watch.standing().unwrap().seen, at(5));
    let mut json = super::tests::watch(&[]);
    json.feed(ERROR.as_bytes(), at(0));
    json.settle(at(5));
    assert_eq!(json.standing().unwrap().sighting.verdict, Verdict::Failed);
}

#[test]
fn where_it_was_is_told() {
    let mut watch = Watch::new(Matcher::new(&markers(), &[]), 80, 1000);
    let output = format!("first\r\n\x1b[1m{DONE}\x1b[0m\r\n");
    watch.feed(output.as_bytes(), at(0));
    let sighting = &watch.standing().unwrap().sighting;
    assert_eq!(
        (sighting.at_byte, sighting.marker.as_str()),
        (1000 + output.len() as u64, DONE)
    );
    assert_eq!(sighting.line, DONE);
}

#[test]
fn without_markers_nothing_is_seen_and_a_gap_joins_nothing() {
    let mut none = Watch::new(Matcher::new(&[], &[]), 80, 0);
    none.feed(format!("{DONE}\n{ERROR}\n").as_bytes(), at(0));
    assert_eq!(none.standing(), None);
    let mut watch = watch(&[]);
    watch.feed(b"Agent completed ", at(0));
    watch.skip_to(500);
    watch.feed(b"successfully\n", at(0));
    assert_eq!(watch.standing(), None);
}

/// What an agent can print without a line end, or as rows that each might belong to the one before.
fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let quoted = format!("{{\"a\":\"{}", "}".repeat(74));
    [
        ("letters", b"a".to_vec()),
        ("characters", "é".as_bytes().to_vec()),
        ("nothing", b"\0".to_vec()),
        (
            "rows a little too long",
            [vec![b'a'; (64 << 10) + 9], b"\n".to_vec()].concat(),
        ),
        ("returns", b"hello\r".to_vec()),
        ("colours", b"\x1b[31m".to_vec()),
        ("half a colour", b"\x1b[3".to_vec()),
        ("inserted columns", b"a\x1b[1G\x1b[999@".to_vec()),
        ("full rows", [vec![b'a'; 80], b"\n".to_vec()].concat()),
        (
            "full rows that begin a marker",
            [vec![b'e'; 79], b"x\n".to_vec()].concat(),
        ),
        (
            "an object that never ends",
            [
                quoted.as_bytes(),
                b"\n",
                &[&[b'}'; 80][..], b"\n"].concat().repeat(800),
            ]
            .concat(),
        ),
    ]
    .into()
}

/// Seconds for which this thread has had a processor: whatever else runs on the machine takes none
/// of them.
fn busy_seconds() -> i64 {
    nix::time::clock_gettime(nix::time::ClockId::CLOCK_THREAD_CPUTIME_ID)
        .unwrap()
        .tv_sec()
}

#[test]
fn no_output_costs_more_than_a_little_to_read() {
    for (what, unit) in hostile() {
        let output = unit.repeat((1 << 20) / unit.len());
        let mut watch = watch(&[]);
        let begun = busy_seconds();
        watch.feed(&output, at(0));
        let taken = busy_seconds() - begun;
        assert!(taken < 5, "{what}: {taken} s for a mebibyte");
    }
}
