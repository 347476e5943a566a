//! Verbs that look at all hosts. They end within ten seconds, whatever the hosts do.

use super::routes::Routes;
use super::{Asked, Fleet, Form, Kind, LOOK, VerbWords, exit_of};
use crate::cli::args::{Diff, Events, Select, Status, Words};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::proc;
use crate::remote::TerminalUse;
use crate::render::fleet;
use std::time::Duration;

/// How often `status --watch` looks.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// How long the doctor of a host may take: it asks agents, which ask their providers.
const DOCTOR: Duration = Duration::from_secs(45);
/// Clears the terminal.
const CLEAR: &[u8] = b"\x1b[H\x1b[2J";

impl Fleet<'_> {
    /// The sessions of all hosts.
    pub(in super::super) async fn status(
        &self,
        args: &Status,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = VerbWords::of("status").select(&args.select);
        let asked = self.asked_of(&args.words, words)?;
        loop {
            let answers = self.ask(&asked, Form::Pages, "", LOOK).await;
            if args.watch && terminal.moves_cursor {
                terminal.pass(CLEAR);
            }
            if terminal.is_json() {
                let page = fleet::page("status", &self.place.town, &answers);
                if args.watch {
                    terminal.print_json_line(&page);
                } else {
                    terminal.print_json(&page);
                }
            } else {
                let paper = terminal.paper(proc::clock::now());
                terminal.print(&fleet::status(&self.place.town, &answers, &paper));
            }
            if !args.watch {
                return Ok(exit_of(&answers, Kind::Looks));
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK_EVERY) => {}
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            }
        }
    }

    /// The sessions of all hosts, again and again. Of one other host it is that host's own screen,
    /// with its keys.
    pub(in super::super) async fn live(
        &self,
        named: &Words,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        if let [only] = self.chosen().as_slice() {
            let words = VerbWords::of("top").arguments(&named.sessions());
            return self
                .hand_over(only, TerminalUse::Whole, words, terminal)
                .await;
        }
        let args = Status {
            words: named.clone(),
            select: Select::default(),
            watch: true,
        };
        self.status(&args, terminal).await
    }

    /// Calls about the named sessions, or about the whole town where none is named.
    pub(in super::super) fn asked_of(
        &self,
        named: &Words,
        words: VerbWords,
    ) -> Result<Vec<Asked>, Trouble> {
        let named = named.sessions();
        if named.is_empty() {
            return Ok(self.everywhere(&words.done()));
        }
        let routes = self.all_routes(&named)?;
        Ok(asked(routes, |sessions| words.clone().arguments(sessions)))
    }

    /// What `apply` would do on all hosts, by the manifest of this host.
    pub(in super::super) async fn diff(
        &self,
        args: &Diff,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        if args.out.is_some() {
            return Err(Trouble::new("a saved plan is a plan of one host")
                .help("add `--on NAME` with the host that this machine is")
                .exits(Exit::Usage));
        }
        let words = VerbWords::of("diff --manifest-from-stdin").orders(&args.orders);
        let asked = self.asked_of(&args.words, words)?;
        let answers = self
            .ask(&asked, form_of(terminal), self.text()?, LOOK)
            .await;
        self.show("diff", &answers, terminal);
        Ok(exit_of(&answers, Kind::Looks))
    }

    /// A verb that looks at sessions or at the whole town of each host.
    pub(in super::super) async fn look(
        &self,
        verb: &str,
        asked: Vec<Asked>,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let limit = if verb == "doctor" { DOCTOR } else { LOOK };
        let answers = self.ask(&asked, form_of(terminal), "", limit).await;
        self.show(verb, &answers, terminal);
        Ok(exit_of(&answers, Kind::Looks))
    }

    /// A verb about the whole town, on each host.
    pub(in super::super) async fn look_everywhere(
        &self,
        words: VerbWords,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = words.done();
        let verb = words.first().cloned().unwrap_or_default();
        self.look(&verb, self.everywhere(&words), terminal).await
    }

    /// A verb about one session of another host.
    pub(in super::super) async fn look_at(
        &self,
        words: VerbWords,
        routes: Routes,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let verb = words.clone().done().first().cloned().unwrap_or_default();
        let asked = asked(routes, |sessions| words.clone().arguments(sessions));
        self.look(&verb, asked, terminal).await
    }

    /// Events of all hosts, or of those that have the named sessions.
    pub(in super::super) async fn events(
        &self,
        args: &Events,
        named: &[String],
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = VerbWords::of("events")
            .value("--since", args.since.as_deref())
            .value("--last", args.last);
        if named.is_empty() {
            return self.look_everywhere(words, terminal).await;
        }
        let routes = self.routes(named)?.unwrap_or_default();
        self.look_at(words, routes, terminal).await
    }
}

/// Calls with the sessions of each host.
pub(super) fn asked(routes: Routes, words: impl Fn(&[String]) -> Vec<String>) -> Vec<Asked> {
    let calls = routes.into_iter();
    calls
        .map(|(name, sessions)| Asked {
            words: words(&sessions),
            name,
        })
        .collect()
}

pub(super) fn form_of(terminal: &Terminal) -> Form {
    if terminal.is_json() {
        Form::Pages
    } else {
        Form::Text
    }
}
