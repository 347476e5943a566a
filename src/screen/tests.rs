//! The corpus of `tests/screens`, and what must hold of every screen.

use super::{digest, read};
use crate::manifest::{Sources, load};
use crate::model::{Agent, Moment, Screen, ScreenState};
use crate::model::{SortedMap, SortedSet};
use jiff::tz::TimeZone;
use std::fmt::Write;
use std::path::Path;

/// Friday 2025-11-21, noon in UTC.
const NOW: Moment = Moment {
    wall: 1_763_726_400_000,
    awake: 1,
    boot: 1,
};
const STATES: [ScreenState; 9] = [
    ScreenState::Ready,
    ScreenState::Busy,
    ScreenState::Retrying,
    ScreenState::AsksPermission,
    ScreenState::AsksTrust,
    ScreenState::Auth,
    ScreenState::Limit { resets: None },
    ScreenState::Context,
    ScreenState::Unclear,
];
const AGENTS: [&str; 8] = [
    "claude",
    "kimigas",
    "kimi",
    "kimi-code",
    "codex",
    "gemini",
    "opencode",
    "aider",
];

pub(super) fn agents() -> SortedMap<String, Agent> {
    let mut text = String::from("[town]\nname = \"corpus\"\n");
    for name in AGENTS {
        write!(
            text,
            "[[session]]\nsession = \"{name}\"\nagent = \"{name}\"\ndir = \"/work\"\n"
        )
        .unwrap();
    }
    let sources = Sources {
        town_path: Path::new("town.toml"),
        town_text: &text,
        user: None,
        variables: &[],
        flags: &[],
        home: Some(Path::new("/home/me")),
        base_dir: Path::new("/work"),
        include: &crate::manifest::no_files,
        machine: crate::manifest::Machine::default(),
        read: &|_| None,
    };
    let town = load(&sources)
        .unwrap_or_else(|faults| panic!("{faults:?}"))
        .town;
    town.sessions
        .into_values()
        .map(|desired| (desired.agent.name.clone(), Agent::clone(&desired.agent)))
        .collect()
}

pub(super) fn read_text(agent: &Agent, text: &str) -> Screen {
    let lines: Vec<&str> = text.lines().collect();
    read(agent, &lines, NOW, &TimeZone::UTC)
}

/// One screen of the corpus.
pub(super) struct Sample {
    pub(super) name: String,
    pub(super) agent: Agent,
    pub(super) state: &'static str,
    pub(super) text: String,
}

pub(super) fn corpus() -> Vec<Sample> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens");
    let agents = agents();
    let mut found = Vec::new();
    for folder in std::fs::read_dir(root).unwrap().flatten() {
        let agent = &agents[folder.file_name().to_str().unwrap()];
        for file in std::fs::read_dir(folder.path()).unwrap().flatten() {
            let stem = file
                .path()
                .file_stem()
                .unwrap()
                .to_str()
                .unwrap()
                .to_owned();
            let state = STATES.iter().map(ScreenState::code).find(|code| {
                let rest = stem
                    .strip_prefix(code)
                    .and_then(|rest| rest.strip_prefix('-'));
                rest.is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
            });
            found.push(Sample {
                name: format!("{}/{stem}", agent.name),
                agent: agent.clone(),
                state: state.unwrap_or_else(|| panic!("{stem} names no state")),
                text: std::fs::read_to_string(file.path()).unwrap(),
            });
        }
    }
    found.sort_by(|a, b| a.name.cmp(&b.name));
    found
}

#[test]
fn every_screen_of_the_corpus_is_read_rightly() {
    let mut wrong = Vec::new();
    for Sample {
        name,
        agent,
        state,
        text,
    } in corpus()
    {
        let screen = read_text(&agent, &text);
        if screen.state.code() != state {
            wrong.push(format!(
                "{name}: {} by {:?}",
                screen.state.code(),
                screen.evidence
            ));
        }
        assert_eq!(
            screen.evidence.is_empty(),
            screen.state == ScreenState::Unclear,
            "{name}"
        );
        assert!(screen.evidence.chars().count() <= 200, "{name}");
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// Screens of real clients whose true state the text alone does not tell: what it reads as, and
/// why.
const NOT_IN_THE_TEXT: [(&str, &str, &str); 10] = [
    (
        "codex/ready-6-busy-stream",
        "ready",
        "it streams: only the pane's title says so, its composer is free",
    ),
    (
        "codex/ready-5-busy-stream-paused",
        "ready",
        "likewise, between two pieces of an answer",
    ),
    (
        "claude/ready-17-context-low",
        "ready",
        "it only announces that it will compact by itself, and has a free prompt",
    ),
    (
        "claude/ready-16-context-low-2",
        "ready",
        "a plain prompt: nothing is said any more",
    ),
    (
        "gemini/ready-7-limit-final",
        "ready",
        "no word of a limit: it ends in an answer",
    ),
    (
        "claude/unclear-2-dialog-help",
        "unclear",
        "a panel of help without a composer and without a question",
    ),
    (
        "claude/unclear-4-nudge-slash",
        "unclear",
        "the same panel, opened by a typed slash",
    ),
    (
        "claude/unclear-3-exit-offline",
        "unclear",
        "the client has ended: its pane is dead",
    ),
    (
        "codex/ready-8-error-529",
        "ready",
        "it has given up and waits for another turn",
    ),
    (
        "codex/ready-7-daemon-reconnecting",
        "ready",
        "the turn was broken off: of its daemon nothing is said",
    ),
];

#[test]
fn what_the_text_alone_does_not_tell_is_listed() {
    let corpus = corpus();
    for (name, reads_as, why) in NOT_IN_THE_TEXT {
        let sample = corpus.iter().find(|sample| sample.name == name);
        let sample = sample.unwrap_or_else(|| panic!("no screen {name}: {why}"));
        assert_eq!(
            read_text(&sample.agent, &sample.text).state.code(),
            reads_as,
            "{name}: {why}"
        );
    }
}

#[test]
fn one_screen_of_the_corpus_tells_of_work_behind_its_prompt() {
    let told = corpus()
        .into_iter()
        .filter(|sample| read_text(&sample.agent, &sample.text).background);
    let names: Vec<String> = told.map(|sample| sample.name).collect();
    assert_eq!(names, ["claude/ready-15-bg-task"]);
}

#[test]
fn the_corpus_has_every_state_an_agent_has_phrases_for() {
    let have: SortedSet<(String, &str)> = corpus()
        .into_iter()
        .map(|sample| (sample.agent.name, sample.state))
        .collect();
    let mut lacking = Vec::new();
    for (name, agent) in agents() {
        let tables = [
            ("ready", &agent.ready),
            ("busy", &agent.busy),
            ("asks-permission", &agent.asks_permission),
            ("asks-trust", &agent.asks_trust),
            ("auth", &agent.auth),
            ("limit", &agent.limit),
            ("context", &agent.context),
            ("retrying", &agent.retrying),
        ];
        let known = tables
            .into_iter()
            .filter(|(_, phrases)| !phrases.is_empty())
            .map(|(code, _)| code);
        lacking.extend(
            known
                .filter(|code| !have.contains(&(name.clone(), *code)))
                .map(|code| format!("{name}/{code}")),
        );
    }
    assert!(lacking.is_empty(), "{lacking:?}");
}

#[test]
fn limits_of_the_corpus_name_their_end() {
    let ends: SortedMap<String, Option<i64>> = corpus()
        .into_iter()
        .filter_map(
            |sample| match read_text(&sample.agent, &sample.text).state {
                ScreenState::Limit { resets } => {
                    Some((sample.name, resets.map(|at| (at - NOW.wall) / 60_000)))
                }
                _ => None,
            },
        )
        .collect();
    assert_eq!(ends["claude/limit-1"], Some(7 * 60), "resets 7pm (UTC)");
    assert_eq!(
        ends["claude/limit-2"],
        Some(6 * 60),
        "resets 7pm (Europe/Berlin)"
    );
    assert_eq!(
        ends["claude/limit-3"],
        Some(2 * 24 * 60 + 2 * 60),
        "resets Nov 23 at 9am (America/New_York)"
    );
    assert_eq!(
        ends["codex/limit-1"],
        Some((3 * 24 + 2) * 60 + 5),
        "try again in 3 days 2 hours 5 minutes"
    );
    assert_eq!(
        ends["gemini/limit-1"],
        Some(19 * 60 + 59),
        "Access resets at 11:59 PM PST"
    );
    assert_eq!(ends["kimi/limit-1"], None);
    let of = |name: &str| {
        ends.iter()
            .find(|(full, _)| full.starts_with("claude/") && full.ends_with(name))
    };
    let of = |name: &str| *of(name).unwrap().1;
    assert_eq!(
        of("-narrow-24"),
        Some(3 * 60),
        "resets 3pm, on the next line"
    );
    assert_eq!(
        of("-second"),
        Some((12 * 24 + 6) * 60),
        "of two limits the last: resets Dec 3, 6pm (UTC)"
    );
    assert_eq!(of("-free"), Some(12 * 60), "resets at midnight");
    assert_eq!(
        of("-no-break-space"),
        Some(2 * 60),
        "resets 3pm (Europe/Berlin)"
    );
}

/// Lines that quote `phrase` without being the client's word.
fn quotes(phrase: &str) -> [String; 3] {
    let phrase = phrase.replace('*', "x");
    [
        format!("  │ {phrase}"),
        format!("    \u{258e} {phrase}"),
        format!("| {phrase}"),
    ]
}

fn phrases_of(agent: &Agent) -> Vec<&String> {
    let Agent {
        limit,
        auth,
        asks_trust,
        asks_permission,
        context,
        retrying,
        ..
    } = agent;
    [limit, auth, asks_trust, asks_permission, context, retrying]
        .into_iter()
        .flatten()
        .collect()
}

#[test]
fn a_quoted_line_anywhere_changes_no_state() {
    for sample in corpus() {
        let lines: Vec<&str> = sample.text.lines().collect();
        let solid = lines.iter().filter(|line| !line.trim().is_empty()).count();
        for (turn, phrase) in phrases_of(&sample.agent).into_iter().enumerate() {
            for quote in quotes(phrase) {
                let mut more = lines.clone();
                more.insert((turn * 7) % (lines.len() + 1), &quote);
                let screen = read(&sample.agent, &more, NOW, &TimeZone::UTC);
                assert!(
                    screen.state.code() == sample.state || solid >= super::TAIL,
                    "{}: {quote:?} made it {}",
                    sample.name,
                    screen.state.code()
                );
            }
        }
    }
}

#[test]
fn a_tool_that_puts_out_every_phrase_changes_no_state() {
    for sample in corpus() {
        let mut text = String::from("● Bash(cat CLAUDE.md)\n  ⎿  # Instructions\n");
        for phrase in phrases_of(&sample.agent) {
            writeln!(text, "     {}", phrase.replace('*', "x")).unwrap();
        }
        text.push('\n');
        text.push_str(&sample.text);
        assert_eq!(
            read_text(&sample.agent, &text).state.code(),
            sample.state,
            "{}",
            sample.name
        );
    }
}

#[test]
fn spinners_and_timers_keep_the_digest_of_every_screen() {
    let later = |text: &str| {
        let mut text = text.to_owned();
        for (from, to) in [
            ("✻", "✶"),
            ("⠋", "⠹"),
            ("🌑", "🌕"),
            ("(12s", "(1m 05s"),
            ("· 45s", "· 46s"),
            ("1.2k", "9.9k"),
        ] {
            text = text.replace(from, to);
        }
        text
    };
    let mut moved = 0;
    for sample in corpus() {
        let then = later(&sample.text);
        moved += usize::from(then != sample.text);
        assert_eq!(
            read_text(&sample.agent, &then).digest,
            read_text(&sample.agent, &sample.text).digest,
            "{}",
            sample.name
        );
    }
    assert!(moved > 10, "only {moved} screens have a spinner or a timer");
}

#[test]
fn new_output_moves_the_digest_of_every_screen() {
    for sample in corpus() {
        let more = format!("{}\n", sample.text.trim_end());
        let grown = format!("● One more thing was found\n{more}");
        let long = more.lines().filter(|line| !line.trim().is_empty()).count() >= 20;
        assert!(
            long || read_text(&sample.agent, &grown).digest
                != read_text(&sample.agent, &more).digest,
            "{}",
            sample.name
        );
    }
}

/// Numbers that look random and are the same each time.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % sides
    }
}

#[test]
fn no_bytes_make_it_panic() {
    let samples = corpus();
    let mut dice = Dice(7);
    for round in 0..1500 {
        let sample = &samples[round % samples.len()];
        let mut bytes = sample.text.clone().into_bytes();
        for _ in 0..=dice.roll(40) {
            let at = dice.roll(bytes.len().max(1)).min(bytes.len());
            match dice.roll(3) {
                0 => bytes.insert(at, u8::try_from(dice.roll(256)).unwrap()),
                1 if at < bytes.len() => drop(bytes.remove(at)),
                _ => bytes.truncate(at.max(1)),
            }
        }
        let text = String::from_utf8_lossy(&bytes);
        let screen = read_text(&sample.agent, &text);
        assert!(screen.evidence.chars().count() <= 200);
    }
}

#[test]
fn empty_screens_are_unclear() {
    for agent in agents().values() {
        for lines in [&[][..], &[""], &["", "   ", "────"], &["\u{0}", "\u{feff}"]] {
            assert_eq!(
                read(agent, lines, NOW, &TimeZone::UTC).state,
                ScreenState::Unclear
            );
        }
    }
    assert_eq!(digest(&[]), digest(&["", "  "]));
}

#[test]
#[ignore = "a measurement: cargo test --release --lib screen -- --ignored --nocapture"]
fn one_screen_is_read_within_50_microseconds() {
    let wide = "● a line of prose that fills the whole width, with numbers such as 12 and 45s in it (x) - ".repeat(3);
    let full: Vec<&str> = std::iter::repeat_n(super::lines::clip(&wide), 50).collect();
    let samples = corpus();
    let fastest = |agent: &Agent, lines: &[&str]| {
        let once = |_| {
            let start = std::time::Instant::now();
            std::hint::black_box(read(agent, lines, NOW, &TimeZone::UTC));
            start.elapsed()
        };
        (0..500).map(once).min().unwrap()
    };
    for sample in &samples {
        let took = fastest(&sample.agent, &sample.text.lines().collect::<Vec<_>>());
        println!("{}: {took:?}", sample.name);
        assert!(took.as_micros() < 50, "{}", sample.name);
    }
    for agent in agents().values() {
        println!("{}, a full screen: {:?}", agent.name, fastest(agent, &full));
    }
}
