//! The town in numbers, in the text format of Prometheus.

use super::view::{Books, Row, Scene};
use crate::model::SortedMap;
use crate::model::{Counts, InForce, Keeper, Moment, Observed, Period};
use std::fmt::{Display, Write};

/// Every phase, so that a count that falls to nothing is seen to.
const PHASES: [&str; 12] = [
    "absent",
    "blocked",
    "completed",
    "dead",
    "foreign",
    "idle",
    "starting",
    "stopped",
    "stopping",
    "unknown",
    "waiting",
    "working",
];

/// All there is to measure: the town as last seen, and the controller by what it told last.
#[must_use]
pub fn page(scene: &Scene<'_>, books: &Books) -> String {
    let mut page = Page {
        text: String::new(),
        town: scene.town.name.as_str(),
    };
    let rows = scene.rows();
    town(&mut page, scene);
    sessions(&mut page, scene, &rows);
    let saved = seconds(books.idle_saved.millis());
    page.one(
        "gtctl_idle_saved_seconds_total",
        "counter",
        "Idle time saved by expiring sessions early.",
        saved,
    );
    controller(&mut page, &books.keeper, scene.town.resync, scene.now);
    page.text
}

fn town(page: &mut Page<'_>, scene: &Scene<'_>) {
    let up = matches!(scene.observed, Observed::Up(_));
    let unknown = matches!(scene.observed, Observed::Unknown(_));
    page.one(
        "gtctl_tmux_up",
        "gauge",
        "1 if the tmux server answered.",
        u8::from(up),
    );
    page.one(
        "gtctl_town_unknown",
        "gauge",
        "1 if the state of the town is unknown.",
        u8::from(unknown),
    );
    page.one(
        "gtctl_paused",
        "gauge",
        "1 if the town is paused.",
        u8::from(scene.memory.paused),
    );
    let mut holds: SortedMap<&str, u32> = SortedMap::new();
    for held in &scene.plan.held {
        *holds.entry(held.hold.code()).or_default() += 1;
    }
    let holds = holds.iter().map(|(code, n)| (vec![("code", *code)], *n));
    page.family(
        "gtctl_holds",
        "gauge",
        "Steps that are waiting, by reason code.",
        holds,
    );
}

fn sessions(page: &mut Page<'_>, scene: &Scene<'_>, rows: &[Row<'_>]) {
    let of_phase = |phase: &str| rows.iter().filter(|row| row.phase.word() == phase).count();
    let phases = PHASES
        .iter()
        .map(|phase| (vec![("phase", *phase)], of_phase(phase)));
    page.family("gtctl_sessions", "gauge", "Sessions by phase.", phases);
    let each = rows.iter().map(|row| {
        (
            vec![
                ("session", row.session.as_str()),
                ("phase", row.phase.word()),
            ],
            1,
        )
    });
    page.family(
        "gtctl_session_phase",
        "gauge",
        "1 for the phase of each session.",
        each,
    );
    let restarts = rows
        .iter()
        .map(|row| (vec![("session", row.session.as_str())], row.restarts));
    page.family(
        "gtctl_session_restarts_total",
        "counter",
        "Starts after the first.",
        restarts,
    );
    let crashes = rows.iter().map(|row| {
        let history = scene.memory.sessions.get(row.session);
        (
            vec![("session", row.session.as_str())],
            history.map_or(0, |history| history.crashes.len()),
        )
    });
    page.family(
        "gtctl_session_crashes",
        "gauge",
        "Crashes in a row.",
        crashes,
    );
    tokens(page, rows);
}

/// The tokens of each conversation. A new conversation begins at nothing, as a counter may.
fn tokens(page: &mut Page<'_>, rows: &[Row<'_>]) {
    let told = rows
        .iter()
        .filter_map(|row| Some((row.session.as_str(), row.tokens()?)));
    let counts = told.flat_map(|(session, usage)| {
        let kinds = [
            ("input", usage.input),
            ("output", usage.output),
            ("cache-read", usage.cache_read),
            ("cache-write", usage.cache_write),
        ];
        kinds.map(|(kind, count)| (vec![("session", session), ("kind", kind)], count))
    });
    page.family(
        "gtctl_tokens_total",
        "counter",
        "Tokens of the conversation, where the client tells.",
        counts,
    );
}

fn controller(page: &mut Page<'_>, keeper: &Keeper, resync: Period, now: Moment) {
    let overdue = keeper.is_overdue(resync, now);
    let up = !matches!(keeper, Keeper::Nobody) && !overdue;
    page.one(
        "gtctl_controller_up",
        "gauge",
        "1 if a controller runs and works.",
        u8::from(up),
    );
    let Keeper::Beating(beat) = keeper else {
        return;
    };
    let broken = matches!(beat.manifest, InForce::LastGood { .. });
    page.one(
        "gtctl_manifest_broken",
        "gauge",
        "1 if the manifest on disk has errors, so that the last good one is used.",
        u8::from(broken),
    );
    let at = seconds(u64::try_from(beat.cycled.wall).unwrap_or(0));
    page.one(
        "gtctl_last_cycle_timestamp_seconds",
        "gauge",
        "When the last cycle ended.",
        at,
    );
    page.one(
        "gtctl_last_cycle_duration_seconds",
        "gauge",
        "How long the last cycle took.",
        seconds(beat.took.millis()),
    );
    let Counts {
        cycles,
        starts,
        crashes,
        expired,
        failures,
    } = beat.counts;
    for (name, help, count) in [
        (
            "gtctl_cycles_total",
            "Cycles since the controller started.",
            cycles,
        ),
        (
            "gtctl_starts_total",
            "Processes started since the controller started.",
            starts,
        ),
        (
            "gtctl_crashes_total",
            "Restarts after a crash since the controller started.",
            crashes,
        ),
        (
            "gtctl_expired_total",
            "Sessions expired since the controller started.",
            expired,
        ),
        (
            "gtctl_failures_total",
            "Steps that failed since the controller started.",
            failures,
        ),
    ] {
        page.one(name, "counter", help, count);
    }
}

/// Milliseconds as seconds, without a detour by floating point.
fn seconds(ms: u64) -> String {
    format!("{}.{:03}", ms / 1000, ms % 1000)
}

struct Page<'a> {
    text: String,
    town: &'a str,
}

impl Page<'_> {
    fn one(&mut self, name: &str, kind: &str, help: &str, value: impl Display) {
        self.family(name, kind, help, [(vec![], value)]);
    }

    fn family<'l, V: Display>(
        &mut self,
        name: &str,
        kind: &str,
        help: &str,
        rows: impl IntoIterator<Item = (Vec<(&'l str, &'l str)>, V)>,
    ) {
        // Writing to a text cannot fail.
        let _ = write!(self.text, "# HELP {name} {help}\n# TYPE {name} {kind}\n");
        for (labels, value) in rows {
            let _ = write!(self.text, "{name}{{town=\"{}\"", escaped(self.town));
            for (label, text) in labels {
                let _ = write!(self.text, ",{label}=\"{}\"", escaped(text));
            }
            let _ = writeln!(self.text, "}} {value}");
        }
    }
}

/// A label's value: what would end it is escaped.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::super::controller::tests::beat;
    use super::super::diff::tests::{observed, plan, with_scene};
    use super::*;

    fn text(keeper: Keeper) -> String {
        let books = Books {
            idle_saved: Period::from_hours(3),
            keeper,
            ..Books::default()
        };
        with_scene(&plan(), &observed(), |scene| page(scene, &books))
    }

    #[test]
    fn every_family_is_described_once_and_every_line_is_well_formed() {
        let text = text(Keeper::Beating(Box::new(beat())));
        let mut described: Vec<&str> = text
            .lines()
            .filter_map(|line| line.strip_prefix("# TYPE "))
            .collect();
        assert_eq!(
            described.len(),
            text.lines()
                .filter(|line| line.starts_with("# HELP "))
                .count()
        );
        described.sort_unstable();
        let count = described.len();
        described.dedup();
        assert_eq!(described.len(), count);
        assert!(text.ends_with('\n'));
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let (series, value) = line.rsplit_once(' ').unwrap();
            let name = series.split('{').next().unwrap();
            assert!(value.parse::<f64>().is_ok(), "{line}");
            assert!(
                series.contains("{town=\"") && series.ends_with('}'),
                "{line}"
            );
            assert!(
                described
                    .iter()
                    .any(|known| known.split(' ').next() == Some(name)),
                "{line}"
            );
        }
    }

    #[test]
    fn the_numbers_are_those_of_the_scene_and_the_heartbeat() {
        let with = text(Keeper::Beating(Box::new(beat())));
        for (name, value) in [
            ("gtctl_tmux_up", "1"),
            ("gtctl_controller_up", "1"),
            ("gtctl_manifest_broken", "0"),
            ("gtctl_last_cycle_duration_seconds", "0.004"),
            ("gtctl_last_cycle_timestamp_seconds", "1763730299.000"),
            ("gtctl_cycles_total", "40"),
            ("gtctl_crashes_total", "2"),
            ("gtctl_idle_saved_seconds_total", "10800.000"),
        ] {
            let line = with
                .lines()
                .find(|line| line.starts_with(&format!("{name}{{")))
                .unwrap_or_default();
            assert!(line.ends_with(&format!(" {value}")), "{name}: {line}");
        }
        let without = text(Keeper::Nobody);
        assert!(
            without.contains("gtctl_controller_up{") && !without.contains("gtctl_cycles_total")
        );
    }

    #[test]
    fn no_label_can_be_ended_from_within() {
        assert_eq!(escaped("a\"} 1\n\\"), "a\\\"} 1\\n\\\\");
    }
}
