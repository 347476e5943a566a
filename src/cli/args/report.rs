//! What can be typed for `report`.

use super::TownArg;
use crate::model::Period;
use clap::Args;

/// Flags of `report`.
#[derive(Debug, Args)]
pub(in super::super) struct Report {
    #[command(flatten)]
    pub(in super::super) town: TownArg,
    /// How long the period is, until now
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(in super::super) since: Period,
}
