//! Asks a program a question, with a deadline. No process of it stays behind.

use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::proc::child::{self, Bound, Ending, Leftovers, Spec, Stream};
use std::ffi::OsStr;
use std::path::Path;
use std::time::Duration;

/// The most bytes of an answer that are kept.
const MAX_ANSWER: usize = 64 << 10;

/// What the program prints on its standard output.
///
/// # Errors
/// Why there is no answer, as the end of a sentence: "does not answer within 5s".
pub(super) async fn ask(
    program: &Path,
    arguments: &[&str],
    dir: &Path,
    deadline: Duration,
) -> Result<String, String> {
    let arguments = arguments.iter().map(OsStr::new);
    let ran = child::run(&Spec {
        argv: std::iter::once(program.as_os_str())
            .chain(arguments)
            .collect(),
        dir,
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: "",
        out: Stream::Kept(Bound::head(MAX_ANSWER)),
        err: Stream::Null,
        limit: deadline,
        leftovers: Leftovers::End,
    })
    .await;
    match ran.ending {
        Ending::Exited(status) if status.success() => Ok(ran.out.text()),
        Ending::Exited(status) => Err(format!("failed ({status})")),
        Ending::TimedOut => Err(format!("does not answer within {deadline:?}")),
        Ending::Flooded | Ending::Cancelled => Err("was stopped".to_owned()),
        Ending::NotStarted(fault) => Err(format!("cannot be run: {fault}")),
        Ending::Lost(fault) => Err(format!("its exit was not seen: {fault}")),
    }
}
