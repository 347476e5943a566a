//! The screen of `gtctl top`: golden pages at several sizes, and what each key does.

use crate::harness::{name, pages_are};
use gtctl::model::SortedMap;
use gtctl::model::{Period, PhaseChange, PhaseKind, SessionName};
use gtctl::render::top::{
    Controllers, DayPart, Glyphs, LowerPane, LowerTab, Measured, Need, Proposed, Series, TextLine,
    Theme, TopHead, TopInput, TopIntent, TopKey, TopRow, TopState, update, view,
};
use gtctl::render::{Colour, Role};
use ratatui_core::backend::TestBackend;
use ratatui_core::buffer::Buffer;
use ratatui_core::terminal::Terminal;
use std::fmt::Write;
use std::path::{Path, PathBuf};

const COLOURED: Theme = Theme {
    colour: Colour::On,
    glyphs: Glyphs::Unicode,
};
const PLAIN: Theme = Theme {
    colour: Colour::Off,
    glyphs: Glyphs::Unicode,
};
const ASCII: Theme = Theme {
    colour: Colour::Off,
    glyphs: Glyphs::Ascii,
};

fn row(session: &str, need: Need, phase: &'static str, next: &str) -> TopRow {
    let role = match need {
        Need::Dead | Need::Blocked => Role::Bad,
        Need::Person | Need::Unknown | Need::Held | Need::Stuck => Role::Change,
        Need::Working => Role::Good,
        Need::Idle | Need::Rest => Role::Plain,
    };
    TopRow {
        session: name(session),
        rig: session.starts_with("gt-").then(|| "shop".to_owned()),
        need,
        needs_somebody: matches!(need, Need::Person | Need::Blocked),
        phase,
        role,
        since: Some(Period::from_secs(
            9 * 7 * u64::try_from(session.len()).unwrap(),
        )),
        tokens: (session == "fix-1").then(|| "820K/2M 45%/80%".to_owned()),
        next: next.to_owned(),
        next_role: Role::Quiet,
    }
}

/// A town in which everything happens.
fn town() -> Vec<TopRow> {
    let mut rows = vec![
        row(
            "gt-shop-witness",
            Need::Person,
            "waiting",
            "asks: run `rm -r build`? (y/n)",
        ),
        row(
            "sign-in",
            Need::Blocked,
            "blocked",
            "claude is signed out: run `claude`, then /login",
        ),
        row(
            "fix-1",
            Need::Dead,
            "dead",
            "restart at 14:05:18: back-off after crash 2",
        ),
        row(
            "held-one",
            Need::Held,
            "working",
            "restart waiting: somebody is attached",
        ),
        row(
            "stuck-one",
            Need::Stuck,
            "working",
            "looks busy, but nothing has moved for 31m, limit 30m",
        ),
        row(
            "crew-ann",
            Need::Idle,
            "idle",
            "restart at 16:31:02, if still idle",
        ),
        row(
            "hq-mayor",
            Need::Working,
            "working",
            "restart at 16:31:02, at max age",
        ),
        row("nightly", Need::Rest, "completed", ""),
    ];
    rows.extend((0..30).map(|nth| {
        let session = format!("gt-shop-polecat-with-a-long-name-{nth:02}");
        row(
            &session,
            Need::Working,
            "working",
            "restart at 16:31:02, at max age",
        )
    }));
    rows
}

fn head() -> TopHead {
    TopHead {
        town: "acme".to_owned(),
        controller: Controllers::Runs(Some(Period::from_secs(12))),
        paused: false,
        server: String::new(),
    }
}

fn looked(rows: Vec<TopRow>) -> TopInput {
    TopInput::Looked { head: head(), rows }
}

/// Takes in inputs one after the other. Returns what the last one asks for.
fn fed(
    mut state: TopState,
    inputs: impl IntoIterator<Item = TopInput>,
) -> (TopState, Vec<TopIntent>) {
    let mut last = Vec::new();
    for input in inputs {
        (state, last) = update(state, input);
    }
    (state, last)
}

/// Types keys: letters as they are, and names in `<>`.
fn typed(state: TopState, keys: &str) -> (TopState, Vec<TopIntent>) {
    let mut inputs = Vec::new();
    let mut rest = keys;
    while let Some(first) = rest.chars().next() {
        let key = rest.strip_prefix('<').and_then(|rest| rest.split_once('>'));
        let (key, after) = match key {
            Some((key, after)) => (named(key), after),
            None => (TopKey::Char(first), &rest[first.len_utf8()..]),
        };
        inputs.push(TopInput::Key(key));
        rest = after;
    }
    fed(state, inputs)
}

fn named(key: &str) -> TopKey {
    match key {
        "enter" => TopKey::Enter,
        "esc" => TopKey::Esc,
        "tab" => TopKey::Tab,
        "backtab" => TopKey::BackTab,
        "back" => TopKey::Backspace,
        "up" => TopKey::Up,
        "down" => TopKey::Down,
        "pageup" => TopKey::PageUp,
        "pagedown" => TopKey::PageDown,
        "home" => TopKey::Home,
        "end" => TopKey::End,
        other => TopKey::Ctrl(other.strip_prefix("ctrl-").unwrap().chars().next().unwrap()),
    }
}

fn screen(theme: Theme, size: (u16, u16)) -> TopState {
    let lines = (1..40).map(|nth| TextLine {
        text: format!("line {nth} of what the agent prints — ✻ Thinking… 漢字"),
        role: Role::Plain,
    });
    let lower = LowerPane {
        session: Some(name("gt-shop-witness")),
        tab: LowerTab::Pane,
        lines: lines.collect(),
    };
    let measured = Measured {
        cpu_percent: Some(31),
        rss: 420 << 20,
    };
    let first = Measured {
        cpu_percent: None,
        rss: 12 << 20,
    };
    let measured = SortedMap::from([(name("hq-mayor"), measured), (name("crew-ann"), first)]);
    let mut day = [DayPart::Ran(100); Series::PARTS];
    day[0] = DayPart::Unknown;
    day[1] = DayPart::Absent;
    day[2] = DayPart::Ran(10);
    day[3] = DayPart::Ran(50);
    day[11] = DayPart::Died;
    let past = SortedMap::from([(name("fix-1"), Series(day))]);
    let state = TopState::new(theme, size, &[]);
    let inputs = [
        looked(town()),
        TopInput::Measured(measured),
        TopInput::Past(past),
        TopInput::Lower(lower),
    ];
    fed(state, inputs).0
}

fn drawn(state: &TopState, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| view(state, frame)).unwrap();
    terminal.backend().buffer().clone()
}

/// The characters, line by line.
fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut line = String::new();
        let mut hidden = 0;
        for x in 0..buffer.area.width {
            let symbol = buffer[(x, y)].symbol();
            if hidden == 0 {
                line.push_str(symbol);
            }
            let wide = gtctl::render::sanitise::width(symbol).saturating_sub(1);
            hidden = if hidden == 0 { wide } else { hidden - 1 };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

/// Which cells have which colour and weight, line by line.
fn styles(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let mut runs: Vec<(String, u16, u16)> = Vec::new();
        for x in 0..buffer.area.width {
            let cell = &buffer[(x, y)];
            let style = format!("{:?} {:?}", cell.fg, cell.modifier);
            match runs.last_mut() {
                Some((last, _, end)) if *last == style => *end = x,
                _ => runs.push((style, x, x)),
            }
        }
        runs.retain(|(style, ..)| !style.starts_with("Reset NONE"));
        for (style, from, to) in runs {
            writeln!(text, "{y:>2} {from:>3}-{to:<3} {style}").unwrap();
        }
    }
    text
}

fn golden(page: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/top");
    folder.join(format!("{page}.txt"))
}

#[test]
fn pages_of_the_screen() {
    let page = |theme, size| text(&drawn(&screen(theme, size), size));
    let after = |size, keys: &str| text(&drawn(&typed(screen(PLAIN, size), keys).0, size));
    let proposed = |sessions: usize| Proposed {
        words: vec!["restart".to_owned()],
        sessions,
        lines: (1..=sessions)
            .map(|nth| format!("~ restart  polecat-{nth:02}  asked for by hand"))
            .collect(),
    };
    let asked = |size, sessions| {
        let (state, _) = update(screen(PLAIN, size), TopInput::Proposed(proposed(sessions)));
        text(&drawn(&state, size))
    };
    let coloured = drawn(&screen(COLOURED, (120, 40)), (120, 40));
    let pages = [
        ("80x24", page(PLAIN, (80, 24))),
        ("120x40", page(PLAIN, (120, 40))),
        ("200x60", page(PLAIN, (200, 60))),
        ("120x40-colours", text(&coloured) + &styles(&coloured)),
        ("80x24-ascii", page(ASCII, (80, 24))),
        ("120x40-ascii", page(ASCII, (120, 40))),
        ("80x18-one-pane", page(PLAIN, (80, 18))),
        ("80x18-one-pane-lower", after((80, 18), "1")),
        ("40x10", page(PLAIN, (40, 10))),
        ("80x24-help", after((80, 24), "?")),
        (
            "80x24-filter",
            after((80, 24), "/polecat-with-a-long-name-1"),
        ),
        ("80x24-marked", after((80, 24), "  j ")),
        ("80x24-needing", after((80, 24), "z")),
        ("80x24-nudge", after((80, 24), "nwhat about the tests?")),
        ("80x24-asks", asked((80, 24), 1)),
        ("80x24-asks-for-the-count", asked((80, 24), 25)),
    ];
    pages_are(pages.map(|(name, page)| (golden(name), page)));
}

#[test]
fn a_terminal_without_utf_8_gets_ascii_only_and_any_size_is_drawn() {
    for size in [
        (80, 24),
        (200, 60),
        (1, 1),
        (5, 2),
        (20, 3),
        (39, 19),
        (300, 100),
    ] {
        for keys in ["", "?", ":é", "1", "/é"] {
            let (state, _) = typed(screen(ASCII, size), keys);
            let page = text(&drawn(&state, size));
            assert!(page.is_ascii(), "{size:?} {keys:?}\n{page}");
        }
        // The news of another size comes after the first drawing with it.
        let _ = drawn(&screen(PLAIN, (80, 24)), size);
    }
}

#[test]
fn what_comes_next_is_never_dropped() {
    for width in [40, 60, 80, 99, 100, 200] {
        let page = text(&drawn(&screen(PLAIN, (width, 24)), (width, 24)));
        let heading = page.lines().nth(1).unwrap();
        assert!(heading.contains("NEXT"), "{page}");
        assert_eq!(heading.contains("RSS"), width >= 100, "{page}");
        assert!(page.contains("asks: run"), "{page}");
    }
}

#[test]
fn the_cursor_stays_on_its_session_when_rows_move_or_go() {
    let (state, _) = typed(screen(PLAIN, (80, 24)), "jj");
    assert_eq!(state.selected(), Some(&name("fix-1")));
    let mut rows = town();
    let gone = rows.remove(2);
    rows.insert(20, gone);
    let (state, _) = update(state, looked(rows.clone()));
    assert_eq!(state.selected(), Some(&name("fix-1")));
    assert!(state.visible().any(|session| *session == name("fix-1")));
    rows.remove(20);
    let next = rows[20].session.clone();
    let (state, _) = update(state, looked(rows));
    assert_eq!(
        state.selected(),
        Some(&next),
        "the line stays where its session goes"
    );
    let (state, _) = update(state, looked(Vec::new()));
    assert_eq!(state.selected(), None);
    let (state, intents) = typed(state, "jGr<enter>ynyes<esc>");
    assert_eq!((state.selected(), intents), (None, Vec::new()));
}

fn shown(state: &TopState) -> usize {
    let (state, _) = update(
        state.clone(),
        TopInput::Resized {
            width: 80,
            height: 200,
        },
    );
    state.visible().count()
}

#[test]
fn filters_choose_what_is_shown() {
    let all = town().len();
    for (keys, expected) in [
        ("", all),
        ("/polecat", 30),
        ("/POLECAT<enter>", 30),
        ("/polecat<esc>", all),
        ("/polecat<enter><esc>", all),
        ("/polecat-with-a-long-name-0<enter>", 10),
        ("/polecatx<back><enter>", 30),
        ("/shop", 31),
        ("/max age<enter>", 31),
        ("z", 2),
        ("zz", all),
        ("z<esc>", all),
        ("f", 1),
        ("ff", 1),
        ("ffff", 33),
        ("ffffff", 1),
        ("fffffff", all),
        ("/nothing has this", 0),
    ] {
        let (state, _) = typed(screen(PLAIN, (80, 24)), keys);
        assert_eq!(shown(&state), expected, "{keys:?}");
    }
    let only = [name("fix-1"), name("nightly")];
    let state = TopState::new(PLAIN, (80, 24), &only);
    assert_eq!(shown(&fed(state, [looked(town())]).0), 2);
}

#[test]
fn keys_move_the_cursor() {
    let at = |nth: usize| town()[nth].session.clone();
    for (keys, expected) in [
        ("", 0),
        ("j", 1),
        ("<down><down>k", 1),
        ("k", 0),
        ("G", town().len() - 1),
        ("<end>g", 0),
        ("Gj", town().len() - 1),
        ("<pagedown>", 9),
        ("<pagedown><pagedown><pageup>", 9),
        (
            "<pagedown><pagedown><pagedown><pagedown><pagedown>",
            town().len() - 1,
        ),
    ] {
        let (state, _) = typed(screen(PLAIN, (80, 24)), keys);
        assert_eq!(state.selected(), Some(&at(expected)), "{keys:?}");
        let visible: Vec<&SessionName> = state.visible().collect();
        assert!(visible.contains(&&at(expected)), "{keys:?} {visible:?}");
    }
}

fn words(text: &str) -> Vec<String> {
    text.split(' ').map(str::to_owned).collect()
}

#[test]
fn keys_and_lines_ask_for_the_verbs() {
    let witness = name("gt-shop-witness");
    let run = |text: &str| vec![TopIntent::Run(words(text))];
    let propose = |text: &str| vec![TopIntent::Propose(words(text))];
    let print = |text: &str| vec![TopIntent::Print(words(text))];
    for (keys, expected) in [
        ("q", vec![TopIntent::Quit]),
        ("<ctrl-c>", vec![TopIntent::Quit]),
        (":<ctrl-c>", vec![TopIntent::Quit]),
        (":quit<enter>", vec![TopIntent::Quit]),
        ("<ctrl-z>", vec![TopIntent::Suspend]),
        ("<ctrl-l>", vec![TopIntent::Redraw]),
        ("<enter>", vec![TopIntent::Attach(witness.clone())]),
        ("y", vec![TopIntent::Copy(witness.to_string())]),
        ("e", vec![TopIntent::Edit(witness.clone())]),
        ("p", run("pause")),
        ("r", propose("restart gt-shop-witness")),
        ("js", propose("stop sign-in")),
        ("  r", propose("restart gt-shop-witness sign-in")),
        ("  <esc>r", propose("restart fix-1")),
        (":restart<enter>", propose("restart gt-shop-witness")),
        (":restart fix-1<enter>", propose("restart fix-1")),
        (
            ":restart --fresh<enter>",
            propose("restart --fresh gt-shop-witness"),
        ),
        (
            "/name-0<enter>:stop<back><back>op<enter>",
            propose(&format!("stop {}", polecats())),
        ),
        (":expire<enter>", propose("expire")),
        (":start<enter>", run("start gt-shop-witness")),
        (":reset fix-1<enter>", run("reset fix-1")),
        (":resume<enter>", run("resume")),
        (":answer yes<enter>", run("answer gt-shop-witness yes")),
        (":answer fix-1 2<enter>", run("answer fix-1 2")),
        (":nudge fix-1 go on<enter>", run("nudge fix-1 go on")),
        (":explain<enter>", print("explain gt-shop-witness")),
        (
            ":attach fix-1<enter>",
            vec![TopIntent::Attach(name("fix-1"))],
        ),
        (":attach nobody<enter>", vec![]),
        (":reconcile<enter>", vec![]),
        (":logs -F<enter>", vec![]),
        (":nudge fix-1<enter>", vec![]),
        (":<enter>", vec![]),
        (":restart<esc>", vec![]),
        ("n<enter>", vec![]),
        ("ngo on<esc>", vec![]),
        ("?q", vec![]),
    ] {
        let (_, intents) = typed(screen(PLAIN, (80, 24)), keys);
        assert_eq!(intents, expected, "{keys:?}");
    }
    let (_, intents) = typed(screen(PLAIN, (80, 24)), "n-x is no flag <enter>");
    let nudge = ["nudge", "gt-shop-witness", "--", "-x is no flag"];
    assert_eq!(intents, [TopIntent::Run(nudge.map(str::to_owned).into())]);
    let paused = TopHead {
        paused: true,
        ..head()
    };
    let rows = town();
    let (state, _) = update(
        screen(PLAIN, (80, 24)),
        TopInput::Looked { head: paused, rows },
    );
    assert_eq!(typed(state, "p").1, run("resume"));
}

fn polecats() -> String {
    let names = (0..10).map(|nth| format!("gt-shop-polecat-with-a-long-name-{nth:02}"));
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn nothing_ends_without_a_yes_and_of_many_without_their_number() {
    let run = || vec![TopIntent::Run(words("stop a b"))];
    for (sessions, keys, expected) in [
        (1, "y", run()),
        (1, "Y", run()),
        (1, "n", vec![]),
        (1, "<enter>", vec![]),
        (1, "<esc>", vec![]),
        (1, "x", vec![]),
        (1, "1", vec![]),
        (12, "y", vec![]),
        (12, "<enter>", vec![]),
        (12, "1<enter>", vec![]),
        (12, "12<enter>", run()),
        (12, "13<back>2<enter>", run()),
        (12, "12<esc>", vec![]),
        (12, "12y", vec![]),
        (0, "y", vec![TopIntent::Copy("gt-shop-witness".to_owned())]),
    ] {
        let proposed = Proposed {
            words: words("stop a b"),
            sessions,
            lines: Vec::new(),
        };
        let (state, _) = update(screen(PLAIN, (80, 24)), TopInput::Proposed(proposed));
        let (_, intents) = typed(state, keys);
        assert_eq!(intents, expected, "{sessions} {keys:?}");
    }
}

#[test]
fn the_lower_pane_follows_its_end_until_it_is_scrolled() {
    let size = (80, 24);
    let state = screen(PLAIN, size);
    let last_line = |state: &TopState| {
        let page = text(&drawn(state, size));
        page.lines().nth(22).unwrap().to_owned()
    };
    assert!(last_line(&state).starts_with("line 39 "));
    let (state, _) = typed(state, "KK");
    assert!(last_line(&state).starts_with("line 37 "));
    let (state, _) = typed(state, "JF");
    assert!(last_line(&state).starts_with("line 39 "));
    let wanted = |keys: &str| {
        let (state, _) = typed(screen(PLAIN, size), keys);
        state.wanted().map(|(tab, session)| (tab, session.cloned()))
    };
    let witness = Some(name("gt-shop-witness"));
    assert_eq!(wanted(""), Some((LowerTab::Pane, witness.clone())));
    assert_eq!(wanted("<tab>"), Some((LowerTab::Log, witness.clone())));
    assert_eq!(wanted("3"), Some((LowerTab::Why, witness.clone())));
    assert_eq!(
        wanted("4j"),
        Some((LowerTab::Events, Some(name("sign-in"))))
    );
    assert_eq!(wanted("<backtab>"), Some((LowerTab::Chores, None)));
    let small = typed(screen(PLAIN, (80, 18)), "").0;
    assert_eq!(small.wanted(), None, "there is room for the table only");
    let small = typed(small, "2").0;
    assert_eq!(small.wanted().map(|(tab, _)| tab), Some(LowerTab::Log));
    assert_eq!(typed(small, "<esc>").0.wanted(), None);
}

#[test]
fn the_last_day_is_told_by_phases() {
    const HOUR: i64 = 3_600_000;
    let now = 100 * HOUR;
    let change = |phase: PhaseKind, hours_ago: i64| PhaseChange {
        session: name("a"),
        phase,
        since: now - hours_ago * HOUR,
        cause: None,
        generation: None,
        pid: None,
        death: None,
        source: None,
    };
    let changes = [
        change(PhaseKind::Working, 20),
        change(PhaseKind::Idle, 17),
        change(PhaseKind::Waiting, 14),
        change(PhaseKind::Working, 9),
        change(PhaseKind::Dead, 8),
        change(PhaseKind::Starting, 8),
        change(PhaseKind::Stopped, 6),
        change(PhaseKind::Working, 2),
    ];
    let Series(parts) = Series::of(&changes, now);
    let idle = DayPart::Ran(0);
    let expected = [
        DayPart::Unknown,
        DayPart::Unknown,
        DayPart::Ran(100),
        DayPart::Ran(50),
        idle,
        idle,
        idle,
        DayPart::Ran(50),
        DayPart::Died,
        DayPart::Absent,
        DayPart::Absent,
        DayPart::Ran(100),
    ];
    assert_eq!(parts, expected);
    assert_eq!(Series::of(&[], now), Series::default());
}

#[test]
fn what_a_command_prints_is_scrolled_and_closed() {
    let printed = TopInput::Printed {
        title: "explain a".to_owned(),
        lines: (0..100).map(|nth| format!("row {nth}.")).collect(),
    };
    let size = (80, 24);
    let (state, _) = update(screen(PLAIN, size), printed);
    for (keys, first, closed) in [
        ("", "row 0.", false),
        ("jj", "row 2.", false),
        ("jjk", "row 1.", false),
        ("<pagedown>", "row 22.", false),
        ("G", "row 78.", false),
        ("Gg", "row 0.", false),
        ("q", "", true),
        ("<esc>", "", true),
    ] {
        let (state, intents) = typed(state.clone(), keys);
        let page = text(&drawn(&state, size));
        let line = page.lines().nth(1).unwrap();
        assert!(closed || line.contains(first), "{keys:?}\n{page}");
        assert_eq!(!page.contains("row "), closed, "{keys:?}\n{page}");
        assert_eq!(intents, []);
    }
}
