//! 5: a cold start of the binary on a town that is as it should be.

use crate::Result;
use crate::measure::{in_turns, timed};
use crate::stage::Stage;
use crate::table::{Against, Row};

const SESSIONS: usize = 10;
const ROUNDS: usize = 201;
const MOST: f64 = 1.5;

pub(crate) fn run() -> Result<Vec<Row>> {
    let stage = Stage::running(SESSIONS)?;
    let verb = |verb: &'static str| {
        let stage = &stage;
        Box::new(move || timed(|| Ok(stage.gtctl(&[verb]).output()?)))
    };
    let [bare, diff, status, help] = in_turns(
        ROUNDS,
        [
            Box::new(|| timed(|| stage.tmux(&["list-panes", "-a"]))),
            verb("diff"),
            verb("status"),
            verb("--version"),
        ],
    )?;
    let row = |what, gtctl| {
        let against = Against::Floor("bare tmux list-panes -a", bare, Some(MOST));
        Row {
            what,
            sessions: SESSIONS,
            gtctl,
            against,
        }
    };
    let nothing = Against::Floor("bare tmux list-panes -a", bare, None);
    let version = Row {
        what: "5 cold gtctl --version",
        sessions: SESSIONS,
        gtctl: help,
        against: nothing,
    };
    Ok(vec![
        row("5 cold gtctl diff", diff),
        row("5 cold gtctl status", status),
        version,
    ])
}
