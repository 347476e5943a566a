use super::super::journal::{JOURNAL, Kept};
use super::super::phases::PHASES;
use super::super::scratch::{NOW, Scratch};
use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;

const MINUTE: i64 = Grain::Minute.millis();
const HOUR: i64 = Grain::Hour.millis();
const MIB: u64 = 1 << 20;

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

/// The begin of a window of minutes and of hours.
fn begin() -> i64 {
    let window = HOURS.slots * HOUR;
    NOW.wall.div_euclid(window) * window
}

fn at(wall: i64) -> Moment {
    Moment { wall, ..NOW }
}

fn reading(cpu_percent: u32, mib: u64, output_bytes: u64) -> Reading {
    Reading {
        cpu_percent,
        memory_bytes: mib * MIB,
        output_bytes,
    }
}

fn readings(all: &[(&str, Reading)]) -> SortedMap<SessionName, Reading> {
    all.iter()
        .map(|(text, reading)| (name(text), *reading))
        .collect()
}

fn view(scratch: &Scratch) -> View {
    View::of(scratch.path())
}

/// All bytes of the samples.
fn size(scratch: &Scratch) -> u64 {
    let entries = fs::read_dir(scratch.path().join(FOLDER)).unwrap();
    entries
        .map(|entry| entry.unwrap().metadata().unwrap().len())
        .sum()
}

fn of(samples: &[Sample]) -> Vec<(i64, u32, u64, u64)> {
    let row = |s: &Sample| {
        (
            (s.at - begin()) / MINUTE,
            s.cpu_percent,
            s.memory_bytes / MIB,
            s.output_bytes,
        )
    };
    samples.iter().map(row).collect()
}

#[test]
fn only_what_changes_is_written_and_the_rest_counts_on() {
    let scratch = Scratch::new("samples");
    let state = StateDir::open(scratch.path()).unwrap();
    let mut writer = SampleWriter::new(&state);
    let quiet = ("quiet", reading(0, 200, 0));
    let mut add = |minute, all: &[(&str, Reading)]| {
        writer
            .add(at(begin() + minute * MINUTE), &readings(all))
            .unwrap();
        size(&scratch)
    };
    add(0, &[quiet, ("busy", reading(31, 420, 1600))]);
    let before = add(1, &[quiet, ("busy", reading(90, 421, 160))]);
    assert_eq!(add(2, &[quiet, ("busy", reading(90, 421, 160))]), before);
    assert_eq!(
        add(
            3,
            &[
                ("quiet", reading(0, 201, 0)),
                ("busy", reading(90, 421, 160))
            ]
        ),
        before
    );
    add(4, &[quiet]);
    let samples = |session| of(&view(&scratch).samples(&name(session), 0));
    assert_eq!(samples("quiet"), [(0, 0, 200, 0)]);
    assert_eq!(
        samples("busy"),
        [(0, 31, 420, 1600), (1, 90, 421, 160), (4, 0, 0, 0)]
    );
    assert!(samples("nobody").is_empty());
    let since = begin() + 2 * MINUTE;
    let later = view(&scratch).samples(&name("busy"), since);
    assert_eq!(
        of(&later),
        [(1, 90, 421, 160), (4, 0, 0, 0)],
        "what counts then comes first"
    );
    let folder = fs::metadata(scratch.path().join(FOLDER)).unwrap();
    assert_eq!(folder.permissions().mode() & 0o777, 0o700);
}

#[test]
fn another_process_goes_on_and_cuts_off_what_is_torn() {
    let scratch = Scratch::new("samples-torn");
    let state = StateDir::open(scratch.path()).unwrap();
    let add = |writer: &mut SampleWriter, minute, all: &[(&str, Reading)]| {
        writer
            .add(at(begin() + minute * MINUTE), &readings(all))
            .unwrap();
    };
    let (a, b) = (("a", reading(5, 100, 0)), ("b", reading(7, 100, 0)));
    add(&mut SampleWriter::new(&state), 0, &[a, b]);
    let path = MINUTES.windows(&scratch.path().join(FOLDER));
    let path = scratch
        .path()
        .join(FOLDER)
        .join(format!("minutes-{}.bin", path[0]));
    let mut bytes = fs::read(&path).unwrap();
    bytes.extend_from_slice(b"vtorn");
    fs::write(&path, bytes).unwrap();
    let mut second = SampleWriter::new(&state);
    add(&mut second, 9, &[b, ("c", reading(1, 1, 0))]);
    let all = view(&scratch).all_samples(0);
    assert_eq!(of(&all[&name("a")]), [(0, 5, 100, 0), (9, 0, 0, 0)]);
    assert_eq!(of(&all[&name("b")]), [(0, 7, 100, 0)]);
    assert_eq!(of(&all[&name("c")]), [(9, 1, 1, 0)]);
    fs::write(&path, "nonsense").unwrap();
    assert!(view(&scratch).all_samples(0).is_empty());
    add(&mut SampleWriter::new(&state), 10, &[a]);
    assert_eq!(view(&scratch).all_samples(0).len(), 1);
}

#[test]
fn hours_are_means_and_peaks_and_no_restart_loses_one() {
    let scratch = Scratch::new("samples-hours");
    let state = StateDir::open(scratch.path()).unwrap();
    let mut writer = SampleWriter::new(&state);
    let mut add = |minute, cpu, mib| {
        let all = readings(&[("a", reading(cpu, mib, 160))]);
        writer.add(at(begin() + minute * MINUTE), &all).unwrap();
    };
    add(0, 10, 100);
    add(30, 50, 300);
    add(59, 50, 300);
    assert!(
        view(&scratch).hourly_samples(0).is_empty(),
        "it is not over"
    );
    // Another process, two hours later.
    let mut writer = SampleWriter::new(&state);
    let all = readings(&[("a", reading(50, 300, 160))]);
    writer.add(at(begin() + 125 * MINUTE), &all).unwrap();
    let hours = view(&scratch).hourly_samples(0).remove(&name("a")).unwrap();
    let row = |s: &Sample| {
        (
            s.at - begin(),
            s.cpu_percent,
            s.cpu_peak,
            s.memory_bytes / MIB,
            s.memory_peak / MIB,
        )
    };
    let rows: Vec<_> = hours.iter().map(row).collect();
    assert_eq!(rows, [(0, 30, 50, 200, 300), (HOUR, 50, 50, 300, 300)]);
    assert_eq!(hours[0].output_bytes, 60 * 160);
    assert_eq!(hours[0].grain, Grain::Hour);
    let minutes = view(&scratch).samples(&name("a"), 0);
    assert!(minutes.iter().all(|sample| sample.grain == Grain::Minute));
}

#[test]
fn more_sessions_have_fewer_samples() {
    let scratch = Scratch::new("samples-due");
    let state = StateDir::open(scratch.path()).unwrap();
    let mut writer = SampleWriter::new(&state);
    assert!(writer.is_due(at(begin()), 5));
    writer.add(at(begin()), &readings(&[])).unwrap();
    let due = |minutes, sessions| writer.is_due(at(begin() + minutes * MINUTE), sessions);
    assert_eq!((due(0, 5), due(1, 5), due(1, 1000)), (false, true, true));
    assert_eq!(
        (due(1, 1001), due(2, 1001), due(4, 5000), due(5, 5000)),
        (false, true, false, true)
    );
    assert!(due(-100, 5), "the wall clock was set back");
}

/// The busiest month that there can be: each minute, each of a thousand sessions has another value.
#[test]
fn a_month_of_a_thousand_busy_sessions_keeps_its_bound() {
    let scratch = Scratch::new("samples-month");
    let state = StateDir::open(scratch.path()).unwrap();
    let mut writer = SampleWriter::new(&state);
    let names: Vec<SessionName> = (0..1000)
        .map(|n| name(&format!("gt-shop-polecat-{n}")))
        .collect();
    let mut most = 0;
    let days = 35;
    for minute in 0..days * 24 * 60 {
        // One minute stands for thirty, else the test takes too long; the last days have all.
        let is_sparse = minute < (days - 2) * 24 * 60;
        if is_sparse && minute % 30 != 0 {
            continue;
        }
        let n = u64::try_from(minute).unwrap();
        let reading = |i: u64| {
            reading(
                u32::try_from((n * 7 + i) % 190).unwrap(),
                200 + (n * 13 + i * 5) % 900,
                (n + i) % 9000,
            )
        };
        let all = names
            .iter()
            .zip(0..)
            .map(|(name, i)| (name.clone(), reading(i)))
            .collect();
        writer.add(at(begin() + minute * MINUTE), &all).unwrap();
        if minute % 120 == 119 {
            most = most.max(size(&scratch));
        }
    }
    let of_shape = |shape: Shape| shape.files as u64 * shape.size;
    assert!(most <= of_shape(MINUTES) + of_shape(HOURS), "{most} bytes");
    let end = begin() + days * 24 * HOUR;
    let samples = view(&scratch).samples(&names[999], 0);
    let minutes = samples
        .iter()
        .filter(|sample| sample.grain == Grain::Minute);
    assert!(minutes.clone().count() >= 24 * 60, "a day by the minute");
    let oldest = samples[0].at;
    assert!(end - oldest >= 30 * 24 * HOUR, "a month by the hour");
    let hours = samples.iter().filter(|sample| sample.grain == Grain::Hour);
    assert!(hours.count() > 28 * 24, "no hour is left out");
}

/// The promise of the README: 50 MiB for a thousand sessions and a month. The state of a thousand
/// sessions takes some 3 MiB, with its copies.
#[test]
fn all_that_is_kept_of_the_past_keeps_the_promise() {
    let of_shape = |shape: Shape| shape.files as u64 * shape.size;
    let of_lines = |kept: Kept| u64::from(kept.files) * kept.size;
    let all = of_lines(JOURNAL) + of_lines(PHASES) + of_shape(MINUTES) + of_shape(HOURS);
    assert!(all + 5 * MIB <= 50 * MIB, "{all} bytes");
}
