//! The record of what a lasting controller sees and decides, where the manifest asks for one.

use super::setup::Controller;
use crate::model::{Memory, Period, Town};
use crate::reconcile::{Decided, Observation};
use crate::record::{Circumstances, Recorder};
use crate::store::RecordFiles;
use crate::words::chain;

/// The record of this process.
#[derive(Debug)]
pub(super) struct Recording {
    files: RecordFiles,
    recorder: Recorder,
    /// Whether people were told that it cannot be written.
    has_complained: bool,
}

impl Controller {
    /// What was remembered before a look, where that is recorded.
    pub(super) fn before_look(&self, town: &Town, memory: &Memory) -> Option<Memory> {
        // A process that ends after its cycles keeps no record: it acts by turns with one that
        // does.
        let is_lasting = self.prober.is_some();
        (is_lasting && town.record.is_some()).then(|| memory.clone())
    }

    /// Records a decision. A record that cannot be written stops nothing.
    pub(super) fn record(
        &mut self,
        before: Option<Memory>,
        decided: &Decided<'_>,
        notices: &mut Vec<String>,
    ) {
        let (Some(memory), Some(keep)) = (before, decided.town().record) else {
            self.recording = None;
            return;
        };
        let kept = self
            .recording
            .take()
            .filter(|recording| recording.files.keep() == keep);
        let mut recording =
            kept.unwrap_or_else(|| Recording::new(self.store().view().path(), keep));
        if let Err(why) = recording.write(memory, decided)
            && !std::mem::replace(&mut recording.has_complained, true)
        {
            notices.push(format!("the record is not written: {why}"));
        }
        self.recording = Some(recording);
    }
}

impl Recording {
    fn new(state: &std::path::Path, keep: Period) -> Self {
        Self {
            files: RecordFiles::new(state, keep),
            recorder: Recorder::default(),
            has_complained: false,
        }
    }

    fn write(&mut self, memory: Memory, decided: &Decided<'_>) -> Result<(), String> {
        let Observation {
            now,
            town,
            observed,
            last_reports,
            scope,
        } = decided.observation();
        if self.files.begins(*now) {
            self.recorder.begin_anew();
        }
        let circumstances = Circumstances {
            now: *now,
            memory,
            observed: observed.clone(),
            last_reports: last_reports.clone(),
            scope: scope.clone(),
            orders: decided.orders(),
            gastown: town.gastown.clone(),
            unstartable: town.unstartable.clone(),
        };
        let line = self
            .recorder
            .line(&town.name, circumstances, decided.plan());
        let written = line.map_err(|fault| chain(&fault)).and_then(|line| {
            self.files
                .append(&line, *now)
                .map_err(|fault| chain(&fault))
        });
        if written.is_err() {
            // The next line must not depend on one that is not there.
            self.recorder.begin_anew();
        }
        written
    }
}
