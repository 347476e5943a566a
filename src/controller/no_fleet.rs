//! A controller that was built without the client of a store takes part in no fleet.

use super::cycle::CycleFault;
use super::setup::Controller;
use crate::model::{Memory, Town};
use crate::reconcile::{Decided, Learned, Settled};
use std::borrow::Cow;

/// Nothing.
#[derive(Debug, Default)]
pub(super) struct FleetPart(());

impl FleetPart {
    /// Waits without end.
    pub(super) async fn wait(&self) {
        std::future::pending::<()>().await;
    }
}

#[expect(
    clippy::unused_self,
    clippy::needless_pass_by_ref_mut,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    reason = "they stand in for those of a build with the client of a store"
)]
impl Controller {
    pub(super) fn declare_fleet(&self, _town: &Town) {}

    pub(super) fn placed<'t>(&mut self, town: &'t Town) -> Result<Cow<'t, Town>, CycleFault> {
        Ok(Cow::Borrowed(town))
    }

    pub(super) fn with_fleet_news(&mut self, _town: &Town, memory: Memory) -> Memory {
        memory
    }

    pub(super) fn forgiven<'t>(&self, _town: &Town, learned: Learned<'t>) -> Learned<'t> {
        learned
    }

    pub(super) async fn permitted<'t>(
        &mut self,
        decided: Decided<'t>,
        _notices: &mut Vec<String>,
    ) -> Decided<'t> {
        decided
    }

    pub(super) fn report_to_fleet(&mut self, _settled: &Settled<'_>) {}
}
