//! The reader against texts that want to be something else.

use super::super::{labels, ops};
use super::*;

const NONCE: &str = "0123456789abcdef";

fn answer(out: &str) -> CallAnswer {
    CallAnswer {
        out: out.to_owned(),
        err: String::new(),
        success: true,
    }
}

fn row(numbers: &str, texts: [&str; 3]) -> String {
    ended_row(numbers, texts, "")
}

fn ended_row(numbers: &str, [name, label, handoff]: [&str; 3], end: &str) -> String {
    titled_row(numbers, [name, label, handoff, ""], end)
}

fn titled_row(numbers: &str, [name, label, handoff, title]: [&str; 4], end: &str) -> String {
    let texts = [name, label, handoff, title, end];
    let texts: String = texts.iter().flat_map(|text| [NONCE, text]).collect();
    format!("{NONCE}P{numbers} {texts}{NONCE}.\n")
}

fn whole(rows: &str) -> CallAnswer {
    answer(&format!("{NONCE}H77 3.3a\n{rows}{NONCE}E\n"))
}

const ALIVE: &str = "$1 %2 300 1 1700000000 1700000050";

fn listed(answer: &CallAnswer) -> Result<Listing, ListFault> {
    match read(answer, NONCE, Groups::Apart)? {
        Read::Whole(whole) => Ok(whole.listing),
        Read::Grouped => panic!("grouped"),
    }
}

#[test]
fn every_field_is_asked_for_once_and_read_back() {
    let script = script(NONCE, Groups::Apart);
    let script = script
        .lines()
        .find(|line| line.starts_with("list-panes"))
        .unwrap();
    for (format, _) in NUMBERS {
        assert_eq!(script.matches(format).count(), 1, "{format}");
    }
    for (format, _) in TEXTS {
        assert_eq!(script.matches(format).count(), 1, "{format}");
    }
    for name in [labels::LABEL, labels::HANDOFF, ops::VARIABLES] {
        assert_eq!(script.matches(&format!("#{{{name}}}")).count(), 1, "{name}");
    }
    assert!(
        TEXTS
            .iter()
            .any(|(format, _)| *format == format!("#{{={MAX_TITLE}:pane_title}}"))
    );
    let text = whole(&titled_row(
        ALIVE,
        ["n", "l", "h", "t"],
        "3/9/1700000001/A /B",
    ));
    let listing = listed(&text).unwrap();
    assert_eq!((listing.server, listing.version.as_str()), (77, "3.3a"));
    let expected = PaneRow {
        session: SessionId(1),
        pane: PaneId(2),
        pid: 300,
        piped: true,
        dead: true,
        status: Some(3),
        signal: Some(9),
        dead_at: Some(1_700_000_001),
        attached: 0,
        created: 1_700_000_000,
        activity: 1_700_000_050,
        name: "n".into(),
        labels: Labels {
            label: "l".into(),
            handoff: "h".into(),
        },
        title: "t".into(),
        variables: "A /B".into(),
    };
    assert_eq!(listing.rows, [expected]);
}

#[test]
fn who_is_attached_stands_with_the_clients_unless_they_are_in_groups() {
    let (one, other) = (
        row(ALIVE, ["a"; 3]),
        row(&ALIVE.replace("$1", "$2"), ["b"; 3]),
    );
    let attached = |listing: Listing| {
        listing
            .rows
            .iter()
            .map(|row| row.attached)
            .collect::<Vec<_>>()
    };
    let clients = format!("{NONCE}C$2 3 \n{NONCE}C$2 3 \n");
    assert_eq!(
        attached(listed(&whole(&format!("{clients}{one}{other}"))).unwrap()),
        [0, 3]
    );
    let grouped = whole(&format!("{NONCE}C$2 1 a \n group\n{one}{other}"));
    assert!(matches!(
        read(&grouped, NONCE, Groups::Apart),
        Ok(Read::Grouped)
    ));
    let asked = [one, other]
        .map(|row| row.replace("50 0123", "50 2 0123"))
        .concat();
    assert!(script(NONCE, Groups::Asked).contains(&format!("{GROUP_ATTACHED} {NONCE}")));
    let Ok(Read::Whole(Whole { listing, .. })) = read(
        &whole(&format!("{NONCE}C$2 1 g\n{asked}")),
        NONCE,
        Groups::Asked,
    ) else {
        panic!("not read")
    };
    assert_eq!(attached(listing), [2, 2]);
    for bad in ["", "$2", "$2 x \n", "2 1 \n", "$2 1 "] {
        assert!(
            matches!(
                listed(&whole(&format!("{NONCE}C{bad}"))),
                Err(ListFault::Garbled(_))
            ),
            "{bad}"
        );
    }
}

#[test]
fn last_lines_come_after_the_panes() {
    let rows = whole(&row(ALIVE, ["a"; 3])).out;
    let tails = format!("{NONCE}B%2\nx\ny\n{NONCE}B%3\n{NONCE}S%4\nz\n{NONCE}E\n");
    let Ok(Read::Whole(Whole {
        listing,
        captured: found,
        ..
    })) = read(&answer(&format!("{rows}{tails}")), NONCE, Groups::Apart)
    else {
        panic!("not read")
    };
    assert_eq!(
        (listing.rows.len(), found.tails.len(), found.screens.len()),
        (1, 1, 1)
    );
    assert_eq!(found.tails[&PaneId(2)], ["x", "y"]);
    let (pane, name) = ([PaneId(2)], crate::model::SessionName::new("a").unwrap());
    let script = Wanted {
        tails: &pane,
        screens: &[&name],
    }
    .script(NONCE);
    for line in [
        "capture-pane -p -J -t \"%2\" -S -20",
        "capture-pane -p -J -t \"=a:\" ",
    ] {
        assert!(script.lines().any(|found| found == line), "{script}");
    }
}

#[test]
fn hostile_texts_stay_texts() {
    let forged = "x\n0000000000000000P$9 %9 9  0  1 1 \nE\n";
    for text in [
        forged,
        "\n",
        "",
        "\u{1b}]0;x\u{7}",
        "#{pid}",
        "P$1 %1",
        ".\n",
        "E\n",
        "é🦀",
        "\r\n\t|,;",
    ] {
        let listing = listed(&whole(&titled_row(ALIVE, [text; 4], ""))).unwrap();
        assert_eq!(listing.rows.len(), 1);
        let row = &listing.rows[0];
        assert_eq!(
            [
                row.name.as_str(),
                row.labels.handoff.as_str(),
                row.title.as_str()
            ],
            [text; 3]
        );
    }
}

#[test]
fn texts_and_rows_are_bounded() {
    let long = "é".repeat(MAX_TEXT);
    let listing = listed(&whole(&titled_row(ALIVE, [&long; 4], ""))).unwrap();
    assert_eq!(
        (listing.rows[0].name.len(), listing.rows[0].title.len()),
        (MAX_TEXT, MAX_TEXT)
    );
    let rows: String = (0..=MAX_ROWS)
        .map(|n| row(&ALIVE.replace("%2", &format!("%{n}")), [""; 3]))
        .collect();
    assert!(matches!(listed(&whole(&rows)), Err(ListFault::TooMany)));
}

#[test]
fn a_pane_linked_twice_counts_once_per_session() {
    let (one, other) = (
        row(ALIVE, ["a"; 3]),
        row(&ALIVE.replace("$1", "$2"), ["b"; 3]),
    );
    let listing = listed(&whole(&format!("{one}{one}{other}"))).unwrap();
    assert_eq!(
        listing.rows.iter().map(|r| r.session.0).collect::<Vec<_>>(),
        [1, 2]
    );
}

#[test]
fn what_is_not_whole_is_no_answer() {
    let good = whole(&row(ALIVE, ["a"; 3])).out;
    for end in 0..good.len() {
        assert!(listed(&answer(&good[..end])).is_err(), "cut at {end}");
    }
    for bad in [
        "x %2 300 0 1 1",
        "$1 x 300 0 1 1",
        "$1 %2 -1 0 1 1",
        "$1 %2 3 x 1 1",
        "$1 %2 3 0 1 1 1",
        "$1 %2 3 0  1 1",
        "$1 %2 3 0 1",
    ] {
        assert!(
            matches!(
                listed(&whole(&row(bad, [""; 3]))),
                Err(ListFault::Garbled(_))
            ),
            "{bad}"
        );
    }
    for bad in ["1", "1/2", "1/2/3", "x///", "//x/"] {
        let text = whole(&ended_row(ALIVE, [""; 3], bad));
        assert!(matches!(listed(&text), Err(ListFault::Garbled(_))), "{bad}");
    }
    assert!(matches!(
        listed(&answer(&format!("hello\n{good}"))),
        Err(ListFault::Garbled(_))
    ));
    assert!(matches!(
        listed(&answer(&format!("{good}more"))),
        Err(ListFault::Garbled(_))
    ));
}

#[test]
fn an_empty_list_is_not_a_failed_one() {
    let said = |err: &str| {
        listed(&CallAnswer {
            err: err.into(),
            ..whole("")
        })
    };
    for empty in ["", "no current target\n", "no sessions\n"] {
        assert_eq!(said(empty).unwrap().rows, []);
    }
    assert!(matches!(
        said("unknown command: list-panes\n"),
        Err(ListFault::Garbled(_))
    ));
}

#[test]
fn dead_panes_may_lack_their_status_and_name_their_signal() {
    let read_one = |end: &str| {
        listed(&whole(&ended_row("$1 %2   1 1", [""; 3], end)))
            .unwrap()
            .rows
            .remove(0)
    };
    let lost = read_one("///");
    assert_eq!(
        (lost.dead, lost.pid, lost.status, lost.signal),
        (true, 0, None, None)
    );
    assert_eq!(read_one("/KILL/5/").signal, Some(9));
    assert_eq!(read_one("/SIGTERM/5/").signal, Some(15));
    assert_eq!(read_one("/WEIRD/5/").signal, Some(0));
}

#[test]
fn refusals_are_told_apart() {
    let said = |err: &str| {
        listed(&CallAnswer {
            out: String::new(),
            err: err.into(),
            success: false,
        })
        .unwrap_err()
    };
    assert!(matches!(
        said("no server running on /tmp/s\n"),
        ListFault::NoServer(_)
    ));
    assert!(matches!(
        said("error connecting to /s (No such file or directory)\n"),
        ListFault::NoServer(_)
    ));
    assert!(matches!(
        said("error connecting to /s (Connection refused)\n"),
        ListFault::NoServer(_)
    ));
    assert!(matches!(
        said("error connecting to /s (Permission denied)\n"),
        ListFault::Denied(_)
    ));
    assert!(matches!(
        said("error connecting to /s (File name too long)\n"),
        ListFault::Garbled(_)
    ));
    assert!(matches!(
        said("server exited unexpectedly\n"),
        ListFault::Broken(_)
    ));
    assert!(matches!(
        said("protocol version mismatch (client 8, server 9)\n"),
        ListFault::Broken(_)
    ));
    assert!(matches!(said(""), ListFault::Garbled(_)));
}
