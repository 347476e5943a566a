//! `gtctl report`: the numbers are those of the files, and the picture stays small.

use crate::harness::{QUICK, Yard, sleeper};
use gtctl::model::SortedMap;
use serde_json::{Value, json};
use std::fmt::Write;
use std::fs;
use std::time::{SystemTime, UNIX_EPOCH};

const MINUTE: i64 = 60_000;
const DAY: i64 = 24 * 60 * MINUTE;
const SESSIONS: u64 = 50;
/// A picture of a week of 50 sessions is smaller, in bytes.
const SMALL: usize = 1_000_000;

/// Numbers that are the same in each run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    since.as_millis().try_into().unwrap()
}

fn rfc3339(ms: i64) -> String {
    jiff::Timestamp::from_millisecond(ms).unwrap().to_string()
}

fn millis(text: &Value) -> i64 {
    let at: jiff::Timestamp = text.as_str().unwrap().parse().unwrap();
    at.as_millisecond()
}

/// A week of a session, as a controller writes it: working and idle by turns, at times waiting,
/// blocked or dead, and at last expired.
fn week(session: &str, dice: &mut Dice, from: i64, to: i64, out: &mut [String; 2]) {
    let [phases, journal] = out;
    let mut at = from - 3 * MINUTE;
    let mut generation = 1;
    let mut note = |phase: &str, at: i64, generation: u64, more: &Value| {
        let mut line = json!({"ts": rfc3339(at), "component": "phase", "session": session,
                              "phase": phase, "since_ms": at, "generation": generation});
        let fields = more.as_object().cloned().unwrap_or_default();
        line.as_object_mut().unwrap().extend(fields);
        writeln!(phases, "{line}").unwrap();
    };
    while at < to - DAY / 2 {
        note("working", at, generation, &json!({}));
        at += MINUTE * i64::try_from(10 + dice.roll(60)).unwrap();
        match dice.roll(12) {
            0 => {
                note(
                    "dead",
                    at,
                    generation,
                    &json!({"cause": "died", "death": {"signal": 9}}),
                );
                at += 1000 * i64::try_from(2 + dice.roll(40)).unwrap();
                generation += 1;
                let line = json!({"ts": rfc3339(at), "component": "act", "session": session,
                    "verb": "restart", "outcome": "done", "reason": "died", "actor": "controller",
                    "pid": 7, "message": format!("{session} restarted: <killed> by signal 9")});
                writeln!(journal, "{line}").unwrap();
                // What is no start is no restart.
                let asked = json!({"ts": rfc3339(at), "session": session, "verb": "restart",
                    "outcome": "done", "message": "stop requested"});
                writeln!(journal, "{asked}").unwrap();
                note("starting", at, generation, &json!({"cause": "died"}));
                at += 5000;
            }
            1 => {
                note("waiting", at, generation, &json!({"cause": "permission"}));
                at += MINUTE * i64::try_from(1 + dice.roll(90)).unwrap();
            }
            2 => {
                note("blocked", at, generation, &json!({"cause": "limit"}));
                at += MINUTE * i64::try_from(30 + dice.roll(120)).unwrap();
            }
            _ => {
                note("idle", at, generation, &json!({}));
                at += MINUTE * i64::try_from(5 + dice.roll(40)).unwrap();
            }
        }
    }
    note("completed", at, generation, &json!({"death": {"exit": 0}}));
    let line = json!({"ts": rfc3339(at), "component": "act", "session": session, "verb": "expire",
        "outcome": "done", "reason": "completed", "actor": "controller", "generation": generation});
    writeln!(journal, "{line}").unwrap();
}

/// The same numbers, from the lines alone.
#[derive(Default)]
struct Again {
    spent: SortedMap<&'static str, i64>,
    recoveries: Vec<i64>,
    restarts: u64,
    saved: i64,
}

fn kind(phase: &str) -> &'static str {
    match phase {
        "working" | "starting" => "working",
        "idle" => "idle",
        "waiting" => "waiting",
        "blocked" => "blocked",
        "dead" => "dead",
        "completed" => "off",
        other => panic!("{other}"),
    }
}

fn again(phases: &str, journal: &str, from: i64, to: i64) -> Again {
    let mut again = Again::default();
    let parse = |text: &str| -> Vec<Value> {
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (phases, journal) = (parse(phases), parse(journal));
    let mut of: SortedMap<&str, Vec<(i64, &'static str, u64)>> = SortedMap::new();
    for line in &phases {
        of.entry(line["session"].as_str().unwrap())
            .or_default()
            .push((
                line["since_ms"].as_i64().unwrap(),
                kind(line["phase"].as_str().unwrap()),
                line["generation"].as_u64().unwrap(),
            ));
    }
    for changes in of.values() {
        let ends = changes.iter().skip(1).map(|next| next.0).chain([to]);
        for ((begun, kind, _), ended) in changes.iter().zip(ends) {
            let length = ended.clamp(from, to) - (*begun).clamp(from, to);
            *again.spent.entry(kind).or_default() += length;
        }
        for pair in changes.windows(2) {
            let is_recovery = pair[0].1 == "dead" && pair[1].1 == "working";
            if is_recovery && pair[1].0 > from {
                again.recoveries.push(pair[1].0 - pair[0].0.max(from));
            }
        }
    }
    for line in &journal {
        let at = millis(&line["ts"]);
        if at < from || at >= to {
            continue;
        }
        again.restarts += u64::from(line["verb"] == "restart" && line.get("pid").is_some());
        if line["verb"] == "expire" {
            let changes = &of[line["session"].as_str().unwrap()];
            // The report knows of a run what its phases since the beginning of the period say.
            let before = changes.iter().rev().find(|change| change.0 <= from);
            let since = before.map_or(i64::MIN, |change| change.0);
            let run = line["generation"].as_u64().unwrap();
            let begun = changes
                .iter()
                .find(|change| change.0 >= since && change.2 == run);
            again.saved += (DAY - (at - begun.unwrap().0)).max(0);
        }
    }
    again.recoveries.sort_unstable();
    again
}

#[test]
fn a_week_of_fifty_sessions_is_told_truly_and_in_a_small_picture() {
    let mut manifest =
        "[agents.mine]\ncommand = [\"sleep\", \"1000\"]\ncost_per_hour = 0.5\n".to_owned();
    let names: Vec<String> = (0..SESSIONS).map(|n| format!("agent-{n:02}")).collect();
    for name in &names {
        let _ = write!(
            manifest,
            "[[session]]\nsession = \"{name}\"\nagent = \"mine\"\n"
        );
    }
    let yard = Yard::new(&manifest);
    let to = now();
    let mut dice = Dice(88_172_645_463_325_252);
    let mut out = [String::new(), String::new()];
    for name in &names {
        week(name, &mut dice, to - 7 * DAY, to, &mut out);
    }
    let [phases, journal] = out;
    fs::create_dir_all(yard.state()).unwrap();
    fs::write(yard.state().join("phases.jsonl"), &phases).unwrap();
    fs::write(yard.state().join("monitor.jsonl"), &journal).unwrap();

    let page = yard.gtctl(&["report", "-o", "json"]).exits(0).json();
    let (from, to) = (millis(&page["from"]), millis(&page["to"]));
    assert_eq!(to - from, 7 * DAY);
    let again = again(&phases, &journal, from, to);
    for (kind, spent) in &again.spent {
        assert_eq!(page["spent_ms"][kind], *spent, "{kind}");
    }
    let spent = |kind| again.spent[kind];
    let alive = spent("working") + spent("idle") + spent("waiting") + spent("blocked");
    let share = alive * 1_000_000 / (alive + spent("dead"));
    let said = page["availability"].as_f64().unwrap();
    assert_eq!(format!("{said:.6}"), format!("0.{share:06}"));
    // Half a unit an hour, in hundredths; each session is rounded down.
    let cost = alive * 50 / (60 * MINUTE);
    let said = format!("{:.0}", page["cost"].as_f64().unwrap() * 100.0);
    let said: i64 = said.parse().unwrap();
    assert!((said - cost).abs() <= 1, "{said} {cost}");
    assert_eq!(page["restarts"], json!({ "died": again.restarts }));
    let times = &again.recoveries;
    assert!(times.len() > 100, "{}", times.len());
    assert_eq!(page["recoveries"], times.len());
    let rank = |percent: usize| times[(times.len() * percent).div_ceil(100) - 1];
    assert_eq!(page["recovery_p50_ms"], rank(50));
    assert_eq!(page["recovery_p99_ms"], rank(99));
    assert_eq!(page["saved_by_expiry_ms"], again.saved);

    let html = yard.gtctl(&["report", "-o", "html"]).exits(0).out;
    assert!(html.len() < SMALL, "{} bytes", html.len());
    assert!(html.starts_with("<!DOCTYPE html>") && !html.contains("<script"));
    assert!(html.contains("&lt;killed&gt;") && html.contains("signal 9"));
    assert!(names.iter().all(|name| html.contains(name.as_str())));
    let svg = yard
        .gtctl(&["report", "-o", "svg", "--since", "24h"])
        .exits(0)
        .out;
    assert!(svg.starts_with("<svg") && svg.len() < SMALL);
    yard.gtctl(&["report"])
        .exits(0)
        .says("availability")
        .says("saved by expiry");
    yard.gtctl(&["status", "-o", "html"])
        .exits(64)
        .says("report");
    println!("{} bytes of HTML, {} recoveries", html.len(), times.len());
}

#[test]
fn planned_ends_that_a_controller_has_recorded_are_counted_by_their_causes() {
    let aged = "max_age = \"2s\"\nmax_age_jitter = \"0s\"\nhandoff_gap = \"0s\"";
    let service = sleeper("service", aged);
    let task = sleeper("task", &format!("restart = \"never\"\n{aged}"));
    let yard = Yard::new(&format!("{QUICK}{service}{task}"));
    let _watch = yard.start(&["reconcile", "--watch"]);
    yard.until("a planned restart and an expiry", || {
        let events = yard.gtctl(&["events"]).out;
        events.contains("service restarted: ") && events.contains("task expired: ")
    });
    let page = yard.gtctl(&["report", "-o", "json"]).exits(0).json();
    let restarts = &page["restarts"];
    assert!(
        restarts["too-old"].is_u64() && restarts["stop-begun"].is_null(),
        "{page}"
    );
    // The task would else have idled until it was a day old.
    let saved = page["saved_by_expiry_ms"].as_u64();
    assert!(saved > Some(23 * 60 * 60 * 1000), "{page}");
}

#[test]
fn a_town_without_a_past_says_so() {
    let yard = Yard::new("");
    yard.gtctl(&["report"]).exits(1).says("reconcile --watch");
}
