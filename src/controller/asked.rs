//! What was asked of sessions here and takes long: texts to type. Each is this program's own verb,
//! run as a child, as somebody on this host would run it.

use crate::model::environment::Inherit;
use crate::model::{AskAnswer, FleetAsk};
use crate::model::{SortedMap, SortedSet};
use crate::proc::child::{self, Bound, Ending, Leftovers, Ran, Spec, Stream};
use std::ffi::OsString;
use std::path::Path;
use std::time::Duration;
use tokio::sync::mpsc;

/// How long the child may take for looking and typing, beside the wait for a free prompt.
const WORK: Duration = Duration::from_secs(30);
/// Bytes kept of what it says.
const KEPT: usize = 2000;

/// The texts that are being typed.
#[derive(Debug)]
pub(super) struct Asked {
    /// This program, with the words that name the town.
    own: Vec<OsString>,
    running: SortedSet<String>,
    ends: mpsc::UnboundedSender<(String, AskAnswer)>,
    ended: mpsc::UnboundedReceiver<(String, AskAnswer)>,
}

impl Asked {
    pub(super) fn new(own: Vec<OsString>) -> Self {
        let (ends, ended) = mpsc::unbounded_channel();
        Self {
            own,
            running: SortedSet::new(),
            ends,
            ended,
        }
    }

    /// Begins to type, unless that goes on already.
    pub(super) fn nudge(&mut self, id: &str, ask: &FleetAsk) {
        if !self.running.insert(id.to_owned()) {
            return;
        }
        let own = self.own.clone();
        let (id, ends) = (id.to_owned(), self.ends.clone());
        let ask = ask.clone();
        tokio::spawn(async move {
            let answer = typed(own, &ask).await;
            let _ = ends.send((id, answer));
        });
    }

    /// What has ended since this was last asked.
    pub(super) fn answers(&mut self) -> Vec<(String, AskAnswer)> {
        let mut answers = Vec::new();
        while let Ok((id, answer)) = self.ended.try_recv() {
            self.running.remove(&id);
            answers.push((id, answer));
        }
        answers
    }

    /// Whether something goes on.
    pub(super) fn is_busy(&self) -> bool {
        !self.running.is_empty()
    }
}

async fn typed(own: Vec<OsString>, ask: &FleetAsk) -> AskAnswer {
    let mut argv = own;
    let patience = format!("{}ms", ask.patience);
    argv.extend(["nudge", "--timeout", &patience].map(OsString::from));
    argv.extend(ask.is_command.then(|| OsString::from("--command")));
    // What follows `--` is never a flag.
    let text = ask.text.as_deref().unwrap_or_default();
    argv.extend(["--", ask.session.as_str(), text].map(OsString::from));
    let spec = Spec {
        argv: child::words(&argv),
        dir: Path::new("/"),
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: "",
        out: Stream::Kept(Bound::tail(KEPT)),
        err: Stream::Kept(Bound::tail(KEPT)),
        limit: WORK + Duration::from_millis(ask.patience),
        leftovers: Leftovers::End,
    };
    let ran = child::run(&spec).await;
    let failed = |why: String| AskAnswer {
        exit: 1,
        message: why,
    };
    match &ran.ending {
        Ending::Exited(status) => AskAnswer {
            exit: status
                .code()
                .and_then(|code| u8::try_from(code).ok())
                .unwrap_or(1),
            message: said(&ran),
        },
        Ending::TimedOut => failed("it took too long".to_owned()),
        Ending::NotStarted(fault) | Ending::Lost(fault) => failed(fault.to_string()),
        Ending::Flooded | Ending::Cancelled => failed("it was broken off".to_owned()),
    }
}

fn said(ran: &Ran) -> String {
    let (out, err) = (ran.out.text(), ran.err.text());
    let said = if out.trim().is_empty() { err } else { out };
    said.trim().to_owned()
}
