//! 4: the watching controller in a town where nothing happens: what it costs per second.

use crate::Result;
use crate::measure::Watching;
use crate::stage::Stage;
use crate::table::{Against, Row};
use std::time::Duration;

/// Sessions, and what is allowed: processor time in µs per second, and resident memory in KiB.
const SIZES: [(usize, u64, usize); 3] = [
    (10, 200, 12 << 10),
    (100, 500, 12 << 10),
    (1000, 3000, 32 << 10),
];
const SECONDS: u32 = 60;

pub(crate) fn run() -> Result<Vec<Row>> {
    let mut rows = Vec::new();
    for (sessions, most, most_memory) in SIZES {
        let stage = Stage::running(sessions)?;
        let watching = Watching::start(&stage)?;
        let (used, children) = (watching.used()?, watching.children()?);
        std::thread::sleep(Duration::from_secs(SECONDS.into()));
        let gtctl = watching.used()?.saturating_sub(used) / SECONDS;
        let (memory, others) = (
            watching.memory()?,
            watching.children()?.saturating_sub(children),
        );
        let row = |against| Row {
            what: "4 quiet watch, per second",
            sessions,
            gtctl,
            against,
        };
        rows.extend([
            row(Against::Limit(Duration::from_micros(most))),
            row(Against::Count(
                "processes of its own, ended ones too",
                others,
                0,
            )),
            row(Against::Count("KiB of memory", memory, most_memory)),
        ]);
    }
    Ok(rows)
}
