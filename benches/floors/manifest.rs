//! 8: a large manifest, good and bad.

use crate::Result;
use crate::measure::{in_turns, worked};
use crate::stage::sources;
use crate::table::{Against, Row};
use gtctl::manifest::load;
use std::fmt::Write as _;
use std::time::Duration;

const SESSIONS: usize = 5_000;
const FAULTS: usize = 1_000;
const ROUNDS: usize = 21;

pub(crate) fn run() -> Result<Vec<Row>> {
    let (good, bad) = (text(0), text(FAULTS));
    let [good, bad] = in_turns(
        ROUNDS,
        [
            Box::new(|| {
                worked(|| {
                    load(&sources(&good)).map_err(|f| format!("{} faults", f.list.len()).into())
                })
            }),
            Box::new(|| {
                worked(|| match load(&sources(&bad)) {
                    Err(faults) if faults.list.len() >= FAULTS => Ok(faults),
                    Err(faults) => Err(format!("only {} faults", faults.list.len()).into()),
                    Ok(_) => Err("no faults".into()),
                })
            }),
        ],
    )?;
    let row = |what, gtctl, most| Row {
        what,
        sessions: SESSIONS,
        gtctl,
        against: Against::Limit(Duration::from_millis(most)),
    };
    Ok(vec![
        row("8 manifest to Town", good, 60),
        row("8 manifest, 1,000 faults", bad, 150),
    ])
}

/// A manifest, of whose sessions so many have a field misspelt.
fn text(faults: usize) -> String {
    let mut text = "[town]\nname = \"bench\"\n[defaults]\nmax_age = \"1h\"\n".to_owned();
    for n in 0..SESSIONS {
        let age = if n < faults { "max_aeg" } else { "max_age" };
        // Writing to a String cannot fail.
        let _ = write!(
            text,
            "[[session]]\nrole = \"crew\"\nrig = \"rig-{}\"\nname = \"worker-{n}\"\n{age} = \"4h\"\n\
             env = {{ NUMBER = \"{n}\" }}\n",
            n % 50
        );
    }
    text
}
