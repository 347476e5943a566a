//! Verbs that act on all hosts. A host that is not reached is left alone.

use super::look::{asked, form_of};
use super::manifest::{Edited, Sent};
use super::routes::Routes;
use super::{Asked, Fleet, Kind, VerbWords, exit_of};
use crate::cli::args::{Apply, Down, Sessions};
use crate::cli::ask;
use crate::cli::exit::{Exit, Trouble};
use crate::cli::output::Terminal;
use crate::model::{HostName, Period, Request};
use std::time::Duration;

/// How long a host may take for what it does, where nobody says how long: its own verb ends when
/// there is no progress.
const WORK: Duration = Duration::from_secs(60 * 60);
/// What a host may take longer than it was told, with the connection.
const BESIDE: Duration = Duration::from_secs(15);

impl Fleet<'_> {
    /// Sends the manifest, and makes the town as declared on all hosts.
    pub(in super::super) async fn apply(
        &self,
        args: &Apply,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        if args.plan.is_some() {
            return Err(Trouble::new("a saved plan is a plan of one host")
                .help("add `--on NAME` with the host that this machine is")
                .exits(Exit::Usage));
        }
        let chosen = self.chosen();
        if !self.may_restart(&chosen, args).await? {
            terminal.say_plainly("Cancelled. Nothing was done.");
            return Ok(Exit::Failed);
        }
        let sent = self.send(&chosen, Edited::Stays).await?;
        self.refuse_conflicts(&sent)?;
        let lost = |name: &HostName| {
            let not_there =
                |(at, sent): &&(HostName, Sent)| at == name && !matches!(sent, Sent::There);
            sent.iter().find(not_there)
        };
        for name in &chosen {
            if let Some((_, Sent::Unreached(why))) = lost(name) {
                self.warn_of(name, why, terminal);
            }
        }
        let words = VerbWords::of("apply")
            .orders(&args.orders)
            .flag("--yes", args.yes)
            .flag("--accept", args.accept)
            .waiting(&args.waiting);
        let asked = self.asked_of(&args.words, words)?;
        let all = asked.len();
        let reached: Vec<Asked> = asked
            .into_iter()
            .filter(|asked| lost(&asked.name).is_none())
            .collect();
        let exit = self
            .act("apply", &reached, args.waiting.timeout, terminal)
            .await;
        let is_whole = reached.len() == all;
        Ok(match exit {
            _ if reached.is_empty() => Exit::Failed,
            Exit::Done if !is_whole => Exit::Partial,
            exit => exit,
        })
    }

    /// Refuses before anything is done where a host has a manifest that must not be replaced.
    fn refuse_conflicts(&self, sent: &[(HostName, Sent)]) -> Result<(), Trouble> {
        for (name, sent) in sent {
            match sent {
                Sent::There | Sent::Unreached(_) => {}
                Sent::Conflict => return Err(self.conflict(name)),
                Sent::Refused(why) => {
                    return Err(Trouble::new(format!(
                        "host {name} refuses the manifest, so nothing was done: {why}"
                    ))
                    .help(format!("`gtctl diff --on {name}` shows its faults there")));
                }
            }
        }
        Ok(())
    }

    fn conflict(&self, name: &HostName) -> Trouble {
        let host = self.place.town.hosts.all.get(name);
        let to = host.and_then(|host| host.ssh.as_deref()).unwrap_or("HOST");
        let path = host.map_or("", |host| host.town.as_str());
        Trouble::new(format!(
            "the manifest on host {name} was edited there, so nothing was done on any host"
        ))
        .help(format!(
            "`ssh {to} cat {path}` shows it; take over what is right into this one, then `gtctl hosts push {name}` \
             replaces it"
        ))
    }

    fn warn_of(&self, name: &HostName, why: &crate::model::Unreached, terminal: &Terminal) {
        let host = self.place.town.hosts.all.get(name);
        let help = host.map(|host| why.help(name, host)).unwrap_or_default();
        terminal.warn(&format!("host {name}: {why}; {help}"));
    }

    /// A verb by hand, about the sessions of each host.
    pub(in super::super) async fn by_hand(
        &self,
        request: Request,
        args: &Sessions,
        routes: Routes,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let ends = !matches!(request, Request::Start | Request::Reset);
        if ask::is_somebody_there() && ends && !args.yes && !args.select.is_empty() {
            let hosts: Vec<&str> = routes.keys().map(HostName::as_str).collect();
            let hosts = hosts.join(", ");
            if !ask::consents(&format!("End the chosen sessions on {hosts}?"))? {
                terminal.say_plainly("Cancelled. Nothing was done.");
                return Ok(Exit::Failed);
            }
        }
        let words = VerbWords::by_hand(request, args);
        self.act_at(words, routes, args.waiting.timeout, terminal)
            .await
    }

    /// A verb that acts on sessions, on the host of each.
    pub(in super::super) async fn act_at(
        &self,
        words: VerbWords,
        routes: Routes,
        timeout: Option<Period>,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let verb = words.clone().done().first().cloned().unwrap_or_default();
        let asked = asked(routes, |sessions| words.clone().arguments(sessions));
        Ok(self.act(&verb, &asked, timeout, terminal).await)
    }

    /// A verb that acts or waits, by these calls.
    pub(in super::super) async fn act_on(
        &self,
        verb: &str,
        asked: Vec<Asked>,
        timeout: Option<Period>,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        Ok(self.act(verb, &asked, timeout, terminal).await)
    }

    /// Stops sessions of all hosts, or those that are chosen.
    pub(in super::super) async fn down(
        &self,
        args: &Down,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = VerbWords::of("down --yes")
            .waiting(&args.waiting)
            .select(&args.select);
        let named = args.words.sessions();
        let asked = if named.is_empty() && !args.select.is_empty() {
            let routes = self.all_routes_of_flags(&args.select)?;
            asked(routes, |sessions| words.clone().arguments(sessions))
        } else {
            self.asked_of(&args.words, words)?
        };
        let hosts: Vec<&str> = asked.iter().map(|asked| asked.name.as_str()).collect();
        let hosts = hosts.join(", ");
        let question = format!(
            "Stop the sessions of town {} on {hosts}?",
            self.place.town.name
        );
        if !args.yes && ask::is_somebody_there() && !ask::consents(&question)? {
            terminal.say_plainly("Cancelled. Nothing was done.");
            return Ok(Exit::Failed);
        }
        self.act_on("down", asked, args.waiting.timeout, terminal)
            .await
    }

    /// A verb that acts on the whole town, on each host.
    pub(in super::super) async fn act_everywhere(
        &self,
        words: VerbWords,
        terminal: &Terminal,
    ) -> Result<Exit, Trouble> {
        let words = words.done();
        let verb = words.first().cloned().unwrap_or_default();
        Ok(self
            .act(&verb, &self.everywhere(&words), None, terminal)
            .await)
    }

    async fn act(
        &self,
        verb: &str,
        asked: &[Asked],
        timeout: Option<Period>,
        terminal: &Terminal,
    ) -> Exit {
        let limit = timeout.map_or(WORK, |timeout| timeout.to_std() + BESIDE);
        let names: Vec<&str> = asked.iter().map(|asked| asked.name.as_str()).collect();
        let form = form_of(terminal);
        let work = self.ask(asked, form, "", limit);
        let answers = tokio::select! {
            answers = work => answers,
            _ = tokio::signal::ctrl_c() => {
                terminal.warn(&format!(
                    "interrupted: {} may go on with `{verb}`; `gtctl status` shows what was done",
                    names.join(", ")
                ));
                return Exit::Partial;
            }
        };
        self.show(verb, &answers, terminal);
        exit_of(&answers, Kind::Acts)
    }
}
