//! What can be typed for `report`.

use super::TownArg;
use crate::model::Period;
use clap::Args;

/// Printed below the help.
const EXAMPLES: &str = "\
Examples:
  gtctl report                               the numbers of the last week
  gtctl report -o html > report.html         with a timeline of every session
  gtctl report --since 24h -o svg > day.svg  the timeline alone";

/// Flags of `report`.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(in super::super) struct Report {
    #[command(flatten)]
    pub(in super::super) town: TownArg,
    /// How long the period is, until now
    #[arg(long, value_name = "DURATION", default_value = "7d")]
    pub(in super::super) since: Period,
}
