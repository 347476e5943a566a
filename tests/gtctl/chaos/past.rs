//! Time passes: all that was written down of a town is made to lie further back.

use crate::harness::Yard;
use gtctl::model::Moment;
use serde_json::Value;
use std::fs;

/// In milliseconds.
pub(super) const HOUR: i64 = 3_600_000;

/// Every moment in the town's state and on its sessions comes to lie this much earlier, by the wall
/// clock and by the awake clock, in milliseconds.
pub(super) fn step_back(yard: &Yard, sessions: &[&str], wall: i64, awake: i64) {
    let shifted = |text: &str| shift(text, wall, awake);
    for session in sessions {
        for option in ["@gtctl_label", "@gtctl_handoff"] {
            let before = yard.format(session, &format!("#{{{option}}}"));
            let words: Vec<String> = before
                .split(' ')
                .map(|word| in_word(word, &shifted))
                .collect();
            if !before.is_empty() {
                yard.tmux(&[
                    "set-option",
                    "-t",
                    &format!("={session}:"),
                    option,
                    &words.join(" "),
                ]);
            }
        }
    }
    rewrite_state(yard, &shifted);
}

/// Every moment in the town's state and in the reports of its agents comes to lie in an earlier boot
/// of the host.
pub(crate) fn reboot(yard: &Yard) {
    let elsewhere = |text: &str| {
        let moment: Moment = text.parse().ok()?;
        let boot = moment.boot ^ 0xb007;
        Some(Moment { boot, ..moment }.to_string())
    };
    rewrite_state(yard, &elsewhere);
    for file in fs::read_dir(yard.state().join("reports"))
        .unwrap()
        .flatten()
    {
        let text = fs::read_to_string(file.path()).unwrap_or_default();
        let lines = text.lines().map(|line| {
            let mut report: Value = serde_json::from_str(line).unwrap();
            each_text(&mut report, &elsewhere);
            format!("{report}\n")
        });
        let text: String = lines.collect();
        fs::write(file.path(), text).unwrap();
    }
}

/// Changes every text in the town's state.
fn rewrite_state(yard: &Yard, change: &impl Fn(&str) -> Option<String>) {
    drop(fs::remove_file(yard.state().join("handoffs.json")));
    drop(fs::remove_file(yard.state().join("gtctl.prev.json")));
    let file = yard.state().join("gtctl.json");
    let mut frame: Value = serde_json::from_slice(&fs::read(&file).unwrap()).unwrap();
    each_text(&mut frame["memory"], change);
    let payload = frame["memory"].to_string();
    let version = frame["version"].as_u64().unwrap();
    let sum = checksum(version, &payload);
    fs::write(
        file,
        format!("{{\"version\":{version},\"checksum\":\"{sum:016x}\",\"memory\":{payload}}}\n"),
    )
    .unwrap();
}

/// FNV-1a, as the state file has it.
pub(super) fn checksum(version: u64, payload: &str) -> u64 {
    format!("{version}:{payload}")
        .bytes()
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn each_text(value: &mut Value, change: &impl Fn(&str) -> Option<String>) {
    match value {
        Value::String(text) => *text = change(text).unwrap_or_else(|| text.clone()),
        Value::Array(list) => list.iter_mut().for_each(|item| each_text(item, change)),
        Value::Object(map) => map.values_mut().for_each(|item| each_text(item, change)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

/// `key=moment`, or a moment alone.
fn in_word(word: &str, change: &impl Fn(&str) -> Option<String>) -> String {
    let (head, moment) = word
        .split_once('=')
        .map_or((String::new(), word), |(key, rest)| {
            (format!("{key}="), rest)
        });
    change(moment).map_or_else(|| word.to_owned(), |moment| format!("{head}{moment}"))
}

/// `wall:awake:boot`; nothing for any other text.
fn shift(text: &str, wall: i64, awake: i64) -> Option<String> {
    let mut parts = text.split(':');
    let (then, up, boot) = (
        parts.next()?.parse::<i64>().ok()?,
        parts.next()?.parse::<i64>().ok()?,
        parts.next()?,
    );
    parts
        .next()
        .is_none()
        .then(|| format!("{}:{}:{boot}", then - wall, (up - awake).max(0)))
}
