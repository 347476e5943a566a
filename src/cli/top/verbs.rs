//! Verbs that are carried out under the screen. Each is this very program, run as a child, so that
//! it does what it does in a shell, with the same checks.

use crate::cli::args::Global;
use crate::cli::own;
use crate::cli::place::Place;
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::proc::child::{Bound, Ending, Leftovers, Ran, Spec, Stream, run, words};
use crate::render::Role;
use crate::render::sanitise;
use crate::render::top::{CommandWords, TopInput};
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// The longest time that a verb may take. Most have a bound of their own.
const LIMIT: Duration = Duration::from_secs(20 * 60);
/// Bytes kept of what a verb prints.
const KEPT: usize = 256 << 10;
/// The longest line of it that is shown, in characters.
const LINE: usize = 400;

/// What becomes of what a verb prints.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Show {
    /// Its last line says how it went.
    LastLine,
    /// All of it is shown.
    All,
}

/// A verb that is to be run.
#[derive(Debug)]
pub(super) struct Verb {
    words: CommandWords,
    show: Show,
    argv: Vec<OsString>,
    dir: PathBuf,
}

impl Verb {
    /// A verb about the town that is shown.
    pub(super) fn new(words: CommandWords, show: Show, place: &Place, global: &Global) -> Self {
        let mut argv = own::command(place, global);
        argv.extend(["--color", "never", "--output", "text"].map(OsString::from));
        argv.extend(words.iter().map(OsString::from));
        Self {
            words,
            show,
            argv,
            dir: std::env::current_dir().unwrap_or_else(|_| "/".into()),
        }
    }

    /// Its name and its arguments.
    pub(super) fn title(&self) -> String {
        sanitise::line(&self.words.join(" "), LINE)
    }

    /// Runs it, and says how it went.
    pub(super) async fn run(self) -> TopInput {
        let ran = run(&Spec {
            argv: words(&self.argv),
            dir: &self.dir,
            inherit: Inherit::Most,
            variables: SortedMap::new(),
            input: "",
            out: Stream::Kept(Bound::tail(KEPT)),
            err: Stream::Kept(Bound::tail(KEPT)),
            limit: LIMIT,
            leftovers: Leftovers::Stay,
        })
        .await;
        self.told(&ran)
    }

    fn told(&self, ran: &Ran) -> TopInput {
        let (out, err) = (ran.out.text(), ran.err.text());
        let lines = |text: &str| -> Vec<String> {
            let lines = text.lines().map(|line| sanitise::line(line, LINE));
            lines.collect()
        };
        let (out, err) = (lines(&out), lines(&err));
        let is_well = ran.is_well();
        let failure = match &ran.ending {
            Ending::NotStarted(fault) => Some(format!("gtctl cannot be run: {fault}")),
            Ending::TimedOut => Some("was ended: it took too long".to_owned()),
            Ending::Exited(_) | Ending::Flooded | Ending::Cancelled | Ending::Lost(_) => None,
        };
        if self.show == Show::All && failure.is_none() {
            let title = self.title();
            let lines = [err, out].concat();
            return TopInput::Printed { title, lines };
        }
        let is_said = |line: &&String| !line.trim().is_empty();
        // The line about the session, where the verb was about one.
        let session = self.words.get(1).filter(|_| self.words.len() == 2);
        let is_about = |line: &&String| {
            let mut words = line.split_whitespace();
            session.is_some_and(|session| words.any(|word| word == session))
        };
        let last = |lines: &[String]| {
            let line = lines.iter().rfind(is_about);
            let line = line.or_else(|| lines.iter().rfind(is_said))?;
            Some(line.split_whitespace().collect::<Vec<_>>().join(" "))
        };
        // Of several lines of a fault the first says what, the others what to type.
        let fault = || err.iter().find(is_said).map(|line| line.trim().to_owned());
        let (told, role) = if is_well {
            (last(&out).or_else(fault), Role::Good)
        } else {
            (failure.or_else(fault).or_else(|| last(&out)), Role::Bad)
        };
        let verb = self.words.first().map_or("", String::as_str);
        let told = told.unwrap_or_else(|| "done".to_owned());
        TopInput::Say(format!("{verb}: {told}"), role)
    }
}
