//! What readers of the page ask for: the screen of an agent, or an action.
//!
//! An action is the verb itself, typed for the reader: another gtctl runs it, with the same checks,
//! locks and messages as at a terminal.

use super::args::Global;
use super::exit::Trouble;
use super::own::program;
use super::place::Place;
use crate::model::SortedMap;
use crate::model::environment::Inherit;
use crate::model::{Entry, Level, Observed, Ownership, PaneId, SessionName};
use crate::proc;
use crate::proc::child::{Bound, Leftovers, Ran, Spec, Stream, run, words};
use crate::render::sanitise;
use crate::store::StateDir;
use crate::tmux::tail::screens;
use crate::web::{Ask, WebAction, WebReply};
use serde_json::json;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How long a verb may take.
const VERB_WITHIN: Duration = Duration::from_secs(45);
/// The same as `--timeout` takes it, a little less: the verb ends by itself, and a nudge waits no
/// longer while the session is busy.
const TIMEOUT: &str = "30s";
/// The most bytes of a verb's words that are shown.
const SAID: usize = 4 << 10;
/// The longest line of a screen that is shown, in characters.
const LINE: usize = 400;

/// Answers readers.
pub(super) struct Answerer {
    /// The options of every verb that lead to the same town.
    options: Vec<OsString>,
    /// The pane of each agent, as of the last look.
    panes: SortedMap<SessionName, PaneId>,
    /// Screens that were read since the last look: however many readers, each is read once.
    read: SortedMap<SessionName, String>,
}

impl Answerer {
    pub(super) fn new(global: &Global, place: &Place) -> Self {
        let mut options: Vec<OsString> = Vec::new();
        let mut add = |flag: &str, value: OsString| options.extend([flag.into(), value]);
        if let Ok(file) = place.file.absolute() {
            add("--file", file.into());
        }
        if let Some(socket) = &global.socket {
            add("--socket", socket.into());
        }
        if let Some(state) = &global.state_dir {
            let whole = std::path::absolute(state).unwrap_or_else(|_| state.clone());
            add("--state-dir", whole.into());
        }
        if global.trust {
            options.push("--trust".into());
        }
        Self {
            options,
            panes: SortedMap::new(),
            read: SortedMap::new(),
        }
    }

    /// A look was taken.
    pub(super) fn heed(&mut self, observed: &Observed) {
        self.read.clear();
        self.panes = panes(observed);
    }

    /// Answers one reader. A verb runs beside.
    pub(super) async fn answer(&mut self, place: &Place, ask: Ask) {
        // A reader that has gone away hears nothing.
        match ask {
            Ask::Pane(session, reply) => {
                let screen = self.screen(place, &session).await;
                let _ = reply.send(screen);
            }
            Ask::Act(action, reply) => match self.argv(&action) {
                Err(why) => {
                    let _ = reply.send(WebReply::Failed(why));
                }
                Ok(argv) => {
                    note(place, &action);
                    tokio::spawn(async move {
                        let _ = reply.send(run_verb(argv).await);
                    });
                }
            },
        }
    }

    async fn screen(&mut self, place: &Place, session: &SessionName) -> WebReply {
        if let Some(text) = self.read.get(session) {
            return WebReply::Done(text.clone());
        }
        let Some(pane) = self.panes.get(session) else {
            return WebReply::Failed(format!("{session} has no screen"));
        };
        match screens(&place.client, &[*pane]).await {
            Ok(mut lines) => {
                let lines = lines.remove(pane).unwrap_or_default();
                let clean: Vec<String> = lines
                    .iter()
                    .map(|line| sanitise::line(line, LINE))
                    .collect();
                let text = clean.join("\n");
                self.read.insert(session.clone(), text.clone());
                WebReply::Done(text)
            }
            Err(fault) => WebReply::Failed(Trouble::chain(&fault)),
        }
    }

    /// The command line of an action.
    fn argv(&self, action: &WebAction) -> Result<Vec<OsString>, String> {
        let WebAction {
            verb,
            session,
            text,
            from: _,
        } = action;
        let program: PathBuf = program().ok_or("cannot find the program of gtctl")?;
        let mut argv: Vec<OsString> = vec![program.into(), verb.into()];
        argv.extend(self.options.iter().cloned());
        match verb.as_str() {
            "start" | "stop" | "restart" | "reset" | "nudge" => {
                argv.extend(["--timeout".into(), TIMEOUT.into()]);
            }
            _ => return Err("it can be: start, stop, restart, reset, nudge".to_owned()),
        }
        argv.extend(["--".into(), session.as_str().into()]);
        if verb == "nudge" {
            argv.extend(text.as_ref().map(OsString::from));
        }
        Ok(argv)
    }
}

/// The pane of each session of ours.
fn panes(observed: &Observed) -> SortedMap<SessionName, PaneId> {
    let Observed::Up(server) = observed else {
        return SortedMap::new();
    };
    let ours = server
        .sessions
        .values()
        .filter_map(|seen| match &seen.ownership {
            Ownership::Ours(label) => Some((label.session.clone(), seen.pane)),
            Ownership::Unlabelled | Ownership::Unproved(_) | Ownership::Foreign(_) => None,
        });
    ours.collect()
}

/// Writes down who asked. What comes of it is written by the verb.
fn note(place: &Place, action: &WebAction) {
    let WebAction {
        verb,
        session,
        text: _,
        from,
    } = action;
    let entry = Entry {
        level: Level::Info,
        component: "web",
        message: format!("{session}: {verb} asked on the web page, from {from}"),
        fields: [
            ("session", json!(session.as_str())),
            ("verb", json!(verb)),
            ("actor", json!("web")),
            ("from", json!(from)),
        ]
        .into(),
    };
    // The action goes on without a journal, as everything does.
    let _ =
        StateDir::open(&place.state).and_then(|state| state.journal(proc::clock::now(), &[entry]));
}

async fn run_verb(argv: Vec<OsString>) -> WebReply {
    let ran = run(&Spec {
        argv: words(&argv),
        dir: "/".as_ref(),
        inherit: Inherit::Most,
        variables: SortedMap::new(),
        input: "",
        out: Stream::Kept(Bound::head(SAID)),
        err: Stream::Kept(Bound::head(SAID)),
        limit: VERB_WITHIN,
        leftovers: Leftovers::Stay,
    })
    .await;
    let said = words_of(&ran);
    if ran.is_well() {
        WebReply::Done(said)
    } else {
        WebReply::Failed(said)
    }
}

/// What it printed, in one line.
fn words_of(ran: &Ran) -> String {
    let (out, err) = (ran.out.text(), ran.err.text());
    let lines = err.lines().chain(out.lines());
    let lines: Vec<String> = lines
        .map(|line| sanitise::line(line.trim(), LINE))
        .filter(|line| !line.is_empty())
        .collect();
    if lines.is_empty() {
        return "done".to_owned();
    }
    lines.join(" · ")
}
