//! The reader against texts that want to be something else.

use super::*;

const NONCE: &str = "0123456789abcdef";

fn answer(out: &str) -> Answer {
    Answer { out: out.to_owned(), err: String::new(), success: true }
}

fn row(numbers: &str, texts: [&str; 3]) -> String {
    let texts: String = texts.iter().flat_map(|text| [NONCE, text]).collect();
    format!("{NONCE}P{numbers} {texts}{NONCE}.\n")
}

fn whole(rows: &str) -> Answer {
    answer(&format!("{NONCE}H77 3.3a\n{rows}{NONCE}E\n"))
}

const ALIVE: &str = "$1 %2 300  1  1700000000 1700000050";

#[test]
fn every_field_is_asked_for_once_and_read_back() {
    let script = script(NONCE);
    for (format, _) in NUMBERS {
        assert_eq!(script.matches(format).count(), 1, "{format}");
    }
    for (name, _) in TEXTS {
        assert_eq!(script.matches(&format!("#{{{name}}}")).count(), 1, "{name}");
    }
    let text = whole(&row("$1 %2 300 3/9/1700000001 1 2 1700000000 1700000050", ["n", "l", "h"]));
    let listing = read(&text, NONCE).unwrap();
    assert_eq!((listing.server, listing.version.as_str()), (77, "3.3a"));
    let expected = Row {
        session: SessionId(1),
        pane: PaneId(2),
        pid: 300,
        dead: true,
        status: Some(3),
        signal: Some(9),
        dead_at: Some(1_700_000_001),
        attached: 2,
        created: 1_700_000_000,
        activity: 1_700_000_050,
        name: "n".into(),
        labels: Labels { label: "l".into(), handoff: "h".into() },
    };
    assert_eq!(listing.rows, [expected]);
}

#[test]
fn hostile_texts_stay_texts() {
    let forged = "x\n0000000000000000P$9 %9 9  0  1 1 \nE\n";
    for text in [forged, "\n", "", "\u{1b}]0;x\u{7}", "#{pid}", "P$1 %1", ".\n", "E\n", "é🦀", "\r\n\t|,;"] {
        let listing = read(&whole(&row(ALIVE, [text; 3])), NONCE).unwrap();
        assert_eq!(listing.rows.len(), 1);
        assert_eq!((listing.rows[0].name.as_str(), listing.rows[0].labels.handoff.as_str()), (text, text));
    }
}

#[test]
fn texts_and_rows_are_bounded() {
    let long = "é".repeat(MAX_TEXT);
    let listing = read(&whole(&row(ALIVE, [&long; 3])), NONCE).unwrap();
    assert_eq!(listing.rows[0].name.len(), MAX_TEXT);
    let rows: String = (0..=MAX_ROWS).map(|n| row(&ALIVE.replace("%2", &format!("%{n}")), [""; 3])).collect();
    assert!(matches!(read(&whole(&rows), NONCE), Err(ListFault::TooMany)));
}

#[test]
fn a_pane_linked_twice_counts_once_per_session() {
    let (one, other) = (row(ALIVE, ["a"; 3]), row(&ALIVE.replace("$1", "$2"), ["b"; 3]));
    let listing = read(&whole(&format!("{one}{one}{other}")), NONCE).unwrap();
    assert_eq!(listing.rows.iter().map(|r| r.session.0).collect::<Vec<_>>(), [1, 2]);
}

#[test]
fn what_is_not_whole_is_no_answer() {
    let good = whole(&row(ALIVE, ["a"; 3])).out;
    for end in 0..good.len() {
        assert!(read(&answer(&good[..end]), NONCE).is_err(), "cut at {end}");
    }
    for bad in [
        "x %2 300  1  1 1",
        "$1 x 300  1  1 1",
        "$1 %2 -1  1  1 1",
        "$1 %2 3 1  1 1",
        "$1 %2 3  1  1 1 0",
        "$1 %2 3 1/2 1  1 1",
        "$1 %2 3 1/2/3/4 1  1 1",
    ] {
        assert!(matches!(read(&whole(&row(bad, [""; 3])), NONCE), Err(ListFault::Garbled(_))), "{bad}");
    }
    assert!(matches!(read(&answer(&format!("hello\n{good}")), NONCE), Err(ListFault::Garbled(_))));
    assert!(matches!(read(&answer(&format!("{good}more")), NONCE), Err(ListFault::Garbled(_))));
}

#[test]
fn an_empty_list_is_not_a_failed_one() {
    let said = |err: &str| read(&Answer { err: err.into(), ..whole("") }, NONCE);
    for empty in ["", "no current target\n", "no sessions\n"] {
        assert_eq!(said(empty).unwrap().rows, []);
    }
    assert!(matches!(said("unknown command: list-panes\n"), Err(ListFault::Garbled(_))));
}

#[test]
fn dead_panes_may_lack_their_status_and_name_their_signal() {
    let read_one = |numbers: &str| read(&whole(&row(numbers, [""; 3])), NONCE).unwrap().rows.remove(0);
    let lost = read_one("$1 %2  // 0  1 1");
    assert_eq!((lost.dead, lost.pid, lost.status, lost.signal), (true, 0, None, None));
    assert_eq!(read_one("$1 %2 3 /KILL/5 0  1 1").signal, Some(9));
    assert_eq!(read_one("$1 %2 3 /SIGTERM/5 0  1 1").signal, Some(15));
    assert_eq!(read_one("$1 %2 3 /WEIRD/5 0  1 1").signal, Some(0));
}

#[test]
fn refusals_are_told_apart() {
    let said = |err: &str| read(&Answer { out: String::new(), err: err.into(), success: false }, NONCE).unwrap_err();
    assert!(matches!(said("no server running on /tmp/s\n"), ListFault::NoServer(_)));
    assert!(matches!(said("error connecting to /s (No such file or directory)\n"), ListFault::NoServer(_)));
    assert!(matches!(said("error connecting to /s (Connection refused)\n"), ListFault::NoServer(_)));
    assert!(matches!(said("error connecting to /s (Permission denied)\n"), ListFault::Denied(_)));
    assert!(matches!(said("error connecting to /s (File name too long)\n"), ListFault::Garbled(_)));
    assert!(matches!(said("server exited unexpectedly\n"), ListFault::Broken(_)));
    assert!(matches!(said("protocol version mismatch (client 8, server 9)\n"), ListFault::Broken(_)));
    assert!(matches!(said(""), ListFault::Garbled(_)));
}
