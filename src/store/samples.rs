//! What sessions used: a sample a minute for a day, and one an hour for a month.
//!
//! | files | slot | a file has | kept | at most |
//! |---|---|---|---|---|
//! | `samples/minutes-N.bin` | a minute | two hours | 13, so at least a day | 800 KiB each |
//! | `samples/hours-N.bin` | an hour | three days | 11, so at least 30 days | 800 KiB each |
//!
//! A sample is written only where it differs from the one before: a quiet session costs nothing but
//! a few bytes in each new file. The hours are made from the minutes once an hour is over, so a
//! killed controller loses none. A file that is full takes no more; a thousand sessions that change
//! each minute do not fill it. Only the controller writes; its lock is what makes it the only one.
//! Where more than a thousand sessions change all the time, samples are taken less often.

use super::series::{Contents, SeriesWriter, Shape};
use super::{StateDir, StoreFault, View};
use crate::model::SortedMap;
use crate::model::{Grain, Moment, Reading, Sample, SessionName};
use std::path::{Path, PathBuf};

/// The directory of the samples in a state directory.
const FOLDER: &str = "samples";

pub(super) const MINUTES: Shape = Shape {
    name: "minutes",
    slots: 2 * 60,
    files: 13,
    size: 800 << 10,
};

pub(super) const HOURS: Shape = Shape {
    name: "hours",
    slots: 3 * 24,
    files: 11,
    size: 800 << 10,
};

/// Memory is kept in steps of so many bytes.
const MEMORY_STEP: u64 = 256 << 10;
/// Output is kept in steps of so many bytes.
const OUTPUT_STEP: u64 = 16;
/// So many sessions may have a sample each minute.
const EACH_MINUTE: usize = 1000;
/// Less memory than this, in steps, is no change.
const LITTLE_MEMORY: u64 = 4;

/// The values of a minute: percent of a core, steps of memory, steps of output.
type OfMinute = [u64; 3];
/// The values of an hour: percent of a core, how much more its peak was, steps of memory, how many
/// more its peak was, steps of output.
type OfHour = [u64; 5];

impl View {
    /// What a session has used since then, oldest first: by the hour, and for the last day by the
    /// minute. `since` is in wall-clock milliseconds since the epoch.
    ///
    /// A sample counts until the next one. The first one may begin before `since`: it is the one
    /// that counts then. Empty where nothing is known. At most some 2,200 samples.
    #[must_use]
    pub fn samples(&self, session: &SessionName, since: i64) -> Vec<Sample> {
        self.samples_of(since, |name| name == session)
            .remove(session)
            .unwrap_or_default()
    }

    /// The same of all sessions that used anything.
    #[must_use]
    pub fn all_samples(&self, since: i64) -> SortedMap<SessionName, Vec<Sample>> {
        self.samples_of(since, |_| true)
    }

    /// What all sessions have used by the hour, oldest first: for the hours that are over.
    ///
    /// It reads less than [`all_samples`](Self::all_samples), and is enough for a picture of a day.
    #[must_use]
    pub fn hourly_samples(&self, since: i64) -> SortedMap<SessionName, Vec<Sample>> {
        let mut found = Found::new(since, |_| true);
        found.add_hours(&self.path().join(FOLDER), i64::MAX);
        found.finish()
    }

    fn samples_of(
        &self,
        since: i64,
        is_wanted: impl Fn(&SessionName) -> bool,
    ) -> SortedMap<SessionName, Vec<Sample>> {
        let dir = self.path().join(FOLDER);
        let windows = MINUTES.windows(&dir);
        let first = windows.first().map_or(i64::MAX, |window| {
            let slot = window.saturating_mul(MINUTES.slots);
            slot.saturating_mul(Grain::Minute.millis())
        });
        let mut found = Found::new(since, is_wanted);
        found.add_hours(&dir, first);
        found.add_minutes(&dir, &windows);
        found.finish()
    }
}

/// The samples that a reader has found.
struct Found<W> {
    since: i64,
    is_wanted: W,
    samples: SortedMap<SessionName, Vec<Sample>>,
}

impl<W: Fn(&SessionName) -> bool> Found<W> {
    fn new(since: i64, is_wanted: W) -> Self {
        Self {
            since,
            is_wanted,
            samples: SortedMap::new(),
        }
    }

    /// Adds the hours that begin before `end`.
    fn add_hours(&mut self, dir: &Path, end: i64) {
        for window in HOURS.windows(dir) {
            let after = window.saturating_add(1).saturating_mul(HOURS.slots);
            if after.saturating_mul(Grain::Hour.millis()) <= self.since {
                continue;
            }
            let contents = HOURS.read(dir, window);
            self.add(&contents, |slot, values: &OfHour| {
                Some(sample_of_hour(slot, values)).filter(|sample| sample.at < end)
            });
        }
    }

    fn add_minutes(&mut self, dir: &Path, windows: &[i64]) {
        for window in windows {
            let after = window.saturating_add(1).saturating_mul(MINUTES.slots);
            if after.saturating_mul(Grain::Minute.millis()) <= self.since {
                continue;
            }
            let contents = MINUTES.read(dir, *window);
            self.add(&contents, |slot, values: &OfMinute| {
                Some(sample_of_minute(slot, values))
            });
        }
    }

    /// Adds what one file holds. It begins with all values that count then: what it does not begin
    /// with is zero.
    fn add<const N: usize>(
        &mut self,
        contents: &Contents<N>,
        sample: impl Fn(i64, &[u64; N]) -> Option<Sample>,
    ) {
        let Some((first, begins_with)) = contents.slots.first() else {
            return;
        };
        let is_there = |name: &SessionName| {
            let mut names = begins_with.iter().map(|(nth, _)| contents.names.get(*nth));
            names.any(|there| there == Some(name))
        };
        let gone = self.samples.keys().filter(|name| !is_there(name));
        let gone: Vec<SessionName> = gone.cloned().collect();
        for name in gone {
            if let Some(sample) = sample(*first, &[0; N]) {
                self.push(&name, sample);
            }
        }
        for (slot, values) in &contents.slots {
            for (nth, values) in values {
                let name = contents
                    .names
                    .get(*nth)
                    .filter(|name| (self.is_wanted)(name));
                if let Some((name, sample)) = name.zip(sample(*slot, values)) {
                    self.push(&name.clone(), sample);
                }
            }
        }
    }

    /// Adds a sample, unless it says the same as the one before.
    fn push(&mut self, name: &SessionName, sample: Sample) {
        let samples = self.samples.entry(name.clone()).or_default();
        if samples.last().is_some_and(|last| is_alike(last, &sample)) {
            return;
        }
        // Only the newest of those before the time asked for counts.
        if sample.at <= self.since {
            samples.clear();
        }
        samples.push(sample);
    }

    fn finish(mut self) -> SortedMap<SessionName, Vec<Sample>> {
        for samples in self.samples.values_mut() {
            // A wall clock that was set back.
            samples.sort_by_key(|sample| sample.at);
        }
        self.samples
    }
}

fn is_alike(one: &Sample, other: &Sample) -> bool {
    Sample {
        at: other.at,
        ..*one
    } == *other
}

fn sample_of_minute(slot: i64, values: &OfMinute) -> Sample {
    let [cpu, memory, output] = *values;
    let cpu = u32::try_from(cpu).unwrap_or(u32::MAX);
    let memory = memory.saturating_mul(MEMORY_STEP);
    Sample {
        at: slot.saturating_mul(Grain::Minute.millis()),
        grain: Grain::Minute,
        cpu_percent: cpu,
        cpu_peak: cpu,
        memory_bytes: memory,
        memory_peak: memory,
        output_bytes: output.saturating_mul(OUTPUT_STEP),
    }
}

fn sample_of_hour(slot: i64, values: &OfHour) -> Sample {
    let [cpu, more_cpu, memory, more_memory, output] = *values;
    let percent = |cpu| u32::try_from(cpu).unwrap_or(u32::MAX);
    Sample {
        at: slot.saturating_mul(Grain::Hour.millis()),
        grain: Grain::Hour,
        cpu_percent: percent(cpu),
        cpu_peak: percent(cpu.saturating_add(more_cpu)),
        memory_bytes: memory.saturating_mul(MEMORY_STEP),
        memory_peak: memory
            .saturating_add(more_memory)
            .saturating_mul(MEMORY_STEP),
        output_bytes: output.saturating_mul(OUTPUT_STEP),
    }
}

/// Writes the samples of a town.
#[derive(Debug)]
pub struct SampleWriter {
    dir: PathBuf,
    minutes: SeriesWriter<3>,
    hours: SeriesWriter<5>,
    /// The last minute of which there is a sample, or was the time for one.
    last: Option<i64>,
    /// The hour up to which the hours are written; none before the first time.
    hours_until: Option<i64>,
}

impl SampleWriter {
    /// A writer for this state directory. It touches nothing yet.
    #[must_use]
    pub fn new(state: &StateDir) -> Self {
        let dir = state.path().join(FOLDER);
        Self {
            minutes: SeriesWriter::new(dir.clone(), MINUTES),
            hours: SeriesWriter::new(dir.clone(), HOURS),
            dir,
            last: None,
            hours_until: None,
        }
    }

    /// Whether it is time for the next samples of so many sessions: once a minute, and less often
    /// where there are more than a thousand.
    #[must_use]
    pub fn is_due(&self, now: Moment, sessions: usize) -> bool {
        let minutes = sessions.div_ceil(EACH_MINUTE).max(1);
        let minutes = i64::try_from(minutes).unwrap_or(i64::MAX);
        let minute = now.wall.div_euclid(Grain::Minute.millis());
        self.last
            .is_none_or(|last| minute >= last.saturating_add(minutes) || minute < last)
    }

    /// Lets this minute pass without samples.
    pub fn pass(&mut self, now: Moment) {
        self.last = Some(now.wall.div_euclid(Grain::Minute.millis()));
    }

    /// Adds what was measured now of all living sessions.
    ///
    /// # Errors
    /// The system's error. These samples are lost, and nothing else is.
    pub fn add(
        &mut self,
        now: Moment,
        readings: &SortedMap<SessionName, Reading>,
    ) -> Result<(), StoreFault> {
        let minute = now.wall.div_euclid(Grain::Minute.millis());
        self.last = Some(minute);
        let values = readings
            .iter()
            .map(|(name, reading)| (name.clone(), of_minute(reading)));
        self.minutes
            .write(minute, &values.collect(), is_little_change)
            .map_err(StoreFault::io("write samples in", &self.dir))?;
        self.add_hours(now.wall.div_euclid(Grain::Hour.millis()))
            .map_err(StoreFault::io("write samples in", &self.dir))
    }

    /// Adds the hours that are over and were not added yet.
    fn add_hours(&mut self, present: i64) -> std::io::Result<()> {
        let per_window = MINUTES.slots / MINUTES_OF_HOUR;
        let windows = MINUTES.windows(&self.dir);
        let from = self.hours_until.unwrap_or_else(|| self.hours_written());
        for window in windows {
            let first = window.saturating_mul(per_window);
            let hours = first.max(from)..first.saturating_add(per_window).min(present);
            if hours.is_empty() {
                continue;
            }
            let contents: Contents<3> = MINUTES.read(&self.dir, window);
            for hour in hours {
                self.hours
                    .write(hour, &hour_of(&contents, hour), |one, other| one == other)?;
            }
        }
        self.hours_until = Some(present);
        Ok(())
    }

    /// The hour after the last one that the files hold.
    fn hours_written(&self) -> i64 {
        let newest = HOURS.windows(&self.dir).into_iter().next_back();
        let last = newest.and_then(|window| {
            let contents: Contents<5> = HOURS.read(&self.dir, window);
            contents.slots.iter().map(|(slot, _)| *slot).max()
        });
        last.map_or(i64::MIN, |hour| hour.saturating_add(1))
    }
}

const MINUTES_OF_HOUR: i64 = 60;

fn of_minute(reading: &Reading) -> OfMinute {
    let Reading {
        cpu_percent,
        memory_bytes,
        output_bytes,
    } = *reading;
    [
        u64::from(cpu_percent),
        memory_bytes.div_ceil(MEMORY_STEP),
        output_bytes.div_ceil(OUTPUT_STEP),
    ]
}

/// Whether a minute is as the one before: memory goes up and down a little all the time.
fn is_little_change(before: &OfMinute, now: &OfMinute) -> bool {
    let ([cpu, memory, output], [cpu_now, memory_now, output_now]) = (*before, *now);
    let little = LITTLE_MEMORY.max(memory / 32);
    let has_memory = |steps: u64| steps > 0;
    cpu == cpu_now
        && output == output_now
        && has_memory(memory) == has_memory(memory_now)
        && memory.abs_diff(memory_now) <= little
}

/// The values of one hour, from the minutes of the file that it lies in.
fn hour_of(contents: &Contents<3>, hour: i64) -> SortedMap<SessionName, OfHour> {
    let begin = hour.saturating_mul(MINUTES_OF_HOUR);
    let end = begin.saturating_add(MINUTES_OF_HOUR);
    let mut sums: SortedMap<usize, HourSum> = SortedMap::new();
    for (slot, values) in contents.slots.iter().filter(|(slot, _)| *slot < end) {
        for (nth, values) in values {
            let sum = sums.entry(*nth).or_insert(HourSum::new(begin));
            sum.count_until((*slot).max(begin));
            sum.values = *values;
        }
    }
    let of_hour = |(nth, mut sum): (usize, HourSum)| {
        sum.count_until(end);
        let name = contents.names.get(nth)?.clone();
        Some((name, sum.values_of_hour()))
    };
    let values: SortedMap<SessionName, OfHour> = sums.into_iter().filter_map(of_hour).collect();
    let is_zero = |values: &OfHour| values.iter().all(|value| *value == 0);
    values
        .into_iter()
        .filter(|(_, values)| !is_zero(values))
        .collect()
}

/// The values of a session, added up over the minutes of an hour.
#[derive(Debug, Clone, Copy)]
struct HourSum {
    /// Up to which minute they are added up.
    until: i64,
    /// What counts from then on.
    values: OfMinute,
    sums: OfMinute,
    cpu_peak: u64,
    memory_peak: u64,
}

impl HourSum {
    fn new(begin: i64) -> Self {
        Self {
            until: begin,
            values: [0; 3],
            sums: [0; 3],
            cpu_peak: 0,
            memory_peak: 0,
        }
    }

    /// Adds the values that count up to this minute.
    fn count_until(&mut self, minute: i64) {
        let minutes = u64::try_from(minute.saturating_sub(self.until)).unwrap_or(0);
        if minutes == 0 {
            return;
        }
        let [cpu, memory, _] = self.values;
        for (sum, value) in self.sums.iter_mut().zip(self.values) {
            *sum = sum.saturating_add(value.saturating_mul(minutes));
        }
        self.cpu_peak = self.cpu_peak.max(cpu);
        self.memory_peak = self.memory_peak.max(memory);
        self.until = minute;
    }

    fn values_of_hour(self) -> OfHour {
        let [cpu, memory, output] = self.sums;
        let minutes = MINUTES_OF_HOUR.unsigned_abs();
        let (cpu, memory) = (cpu.div_ceil(minutes), memory.div_ceil(minutes));
        [
            cpu,
            self.cpu_peak.saturating_sub(cpu),
            memory,
            self.memory_peak.saturating_sub(memory),
            output,
        ]
    }
}

#[cfg(test)]
#[path = "samples_tests.rs"]
mod tests;
