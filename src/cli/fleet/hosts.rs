//! `gtctl hosts`: the hosts of the town, and what they say of themselves.

use super::manifest::{Edited, Sent};
use super::{Fleet, Form, Kind, LOOK, VerbWords, exit_of, setup};
use crate::cli::args::{Global, HostsVerb, Receive, TownArg};
use crate::cli::exit::{Exit, Trouble};
use crate::cli::manifest::{ManifestFile, print_faults, read_from_stdin};
use crate::cli::output::Terminal;
use crate::cli::place::Place;
use crate::cli::shared;
use crate::doctor;
use crate::model::{HostName, Life, Observed, Orders, Ownership};
use crate::observe::Depth;
use crate::remote::PROTOCOL;
use crate::render::fleet::{self, ManifestThere};
use crate::render::json::{self, HostFacts};
use crate::store::{Received, View, receive, revision};
use std::time::Duration;
use tokio::time::timeout;

/// How long the agents of a host may take to say whether they are signed in.
const AGENTS: Duration = Duration::from_secs(4);

/// Runs a verb of `hosts`.
pub(in super::super) async fn run(
    global: &Global,
    verb: Option<&HostsVerb>,
    terminal: &Terminal,
) -> Result<Exit, Trouble> {
    let town = TownArg { town: None };
    match verb {
        Some(HostsVerb::Receive(args)) => return take(global, args, terminal),
        Some(HostsVerb::Itself) => return itself(global, terminal).await,
        Some(_) | None => {}
    }
    let place = Place::find(global, &town, terminal)?;
    if place.town.hosts.fleet.is_some() {
        return Box::pin(shared::hosts(&place, global, verb, terminal)).await;
    }
    if let Some(
        HostsVerb::Drain(_) | HostsVerb::Uncordon(_) | HostsVerb::Lost(_) | HostsVerb::Rebalance,
    ) = verb
    {
        return Err(
            Trouble::new(format!("town {} has no [store]", place.town.name))
                .help("its sessions stay on the hosts that the manifest names"),
        );
    }
    if place.town.hosts.is_empty() {
        return Err(
            Trouble::new(format!("town {} has no [hosts]", place.town.name))
                .help("add [hosts.NAME] with ssh = \"me@host\" to the manifest"),
        );
    }
    let Some(fleet) = super::of(&place, global)? else {
        return itself(global, terminal).await;
    };
    match verb {
        Some(HostsVerb::Setup(args)) => setup::run(&place, &args.host, terminal),
        Some(HostsVerb::Push(args)) => fleet.push(&args.hosts, terminal).await,
        _ => fleet.list(terminal).await,
    }
}

impl Fleet<'_> {
    async fn list(&self, terminal: &Terminal) -> Result<Exit, Trouble> {
        let asked = self.everywhere(&VerbWords::of("hosts itself").done());
        let answers = self.ask(&asked, Form::Pages, "", LOOK).await;
        if terminal.is_json() {
            terminal.print_json(&fleet::page("hosts", &self.place.town, &answers));
        } else {
            let ours = revision(&self.place.texts.town);
            let last = View::of(&self.place.state).revisions();
            let manifests: Vec<ManifestThere> = answers
                .iter()
                .map(|answer| {
                    let last = last.get(answer.name.as_str());
                    ManifestThere::of(answer.revision(), &ours, last.map(String::as_str))
                })
                .collect();
            let paper = terminal.paper(crate::proc::clock::now());
            terminal.print(&fleet::hosts(&answers, &manifests, &paper));
            if self.place.town.hosts.is_onlooker() {
                let machine = crate::proc::own::hostname();
                terminal.note(&format!(
                    "this machine ({machine}) is none of the hosts: it runs no session of the town"
                ));
            }
        }
        Ok(exit_of(&answers, Kind::Looks))
    }

    async fn push(&self, hosts: &[String], terminal: &Terminal) -> Result<Exit, Trouble> {
        let mut names = Vec::new();
        for text in hosts {
            let name = HostName::new(text).ok();
            let known = name.filter(|name| self.place.town.hosts.all.contains_key(name));
            names.push(known.ok_or_else(|| super::unknown_host(self.place, text))?);
        }
        let mut exit = Exit::Done;
        for (name, sent) in self.send(&names, Edited::IsReplaced).await? {
            match &sent {
                Sent::There => terminal.print(&format!("{name}: the manifest is there\n")),
                Sent::Conflict => terminal.warn(&format!("{name}: edited there meanwhile")),
                Sent::Refused(why) => terminal.warn(&format!("{name} refuses it: {why}")),
                Sent::Unreached(why) => terminal.warn(&format!("{name}: {why}")),
            }
            if !matches!(sent, Sent::There) {
                exit = Exit::Failed;
            }
        }
        Ok(exit)
    }
}

/// Takes a manifest from another host. It must be free of faults here.
fn take(global: &Global, args: &Receive, terminal: &Terminal) -> Result<Exit, Trouble> {
    let file = ManifestFile::of(global, &TownArg { town: None });
    let text = read_from_stdin()?;
    if let Err(faults) = file.resolve(&text)? {
        print_faults(&faults, terminal);
        let first = faults.list.first();
        let first = first.map_or("it has faults", |fault| fault.message.as_str());
        return Err(Trouble::new(format!(
            "the manifest has faults on this host: {first}"
        )));
    }
    let path = file.absolute()?;
    let there = std::fs::read_to_string(&path)
        .ok()
        .map(|text| revision(&text));
    let last = if args.force {
        there
    } else {
        args.replaces.clone()
    };
    let received = receive(&path, &text, last.as_deref())?;
    let page = match received {
        Received::Written => json::received("written", &revision(&text)),
        Received::Same => json::received("same", &revision(&text)),
        Received::Conflict(there) => json::received("conflict", &there),
    };
    terminal.print_json(&page);
    Ok(Exit::Done)
}

/// What this host says of itself. It works without a manifest, too.
async fn itself(global: &Global, terminal: &Terminal) -> Result<Exit, Trouble> {
    let name = global
        .this_host
        .as_deref()
        .or(global.on.first().map(String::as_str));
    let file = ManifestFile::of(global, &TownArg { town: None });
    let asked = name.and_then(|name| HostName::new(name).ok());
    let is_there = file.path.exists();
    if let Some(name) = asked.as_ref().filter(|_| !is_there) {
        let facts = HostFacts {
            name,
            protocol: PROTOCOL,
            revision: None,
            running: None,
            declared: 0,
            agents: &[],
        };
        terminal.print_json(&json::host(&facts));
        return Ok(Exit::Done);
    }
    let place = Place::find_or_last_good(global, &TownArg { town: None }, terminal)?;
    let Some(name) = &place.town.hosts.here else {
        return Err(Trouble::new("this machine is none of the hosts"));
    };
    let survey = place
        .survey(Orders::default(), Depth::Plan, terminal)
        .await?;
    let running = match &survey.observed {
        Observed::Unknown(_) => None,
        Observed::Down => Some(0),
        Observed::Up(server) => {
            let lives = server.sessions.values().filter(|seen| {
                matches!(seen.ownership, Ownership::Ours(_))
                    && matches!(seen.life, Life::Alive { .. })
            });
            Some(lives.count())
        }
    };
    let agents = timeout(AGENTS, doctor::agents_of(&place.town)).await;
    let facts = HostFacts {
        name,
        protocol: PROTOCOL,
        revision: Some(revision(&place.texts.town)),
        running,
        declared: place.town.declared().count(),
        agents: &agents.unwrap_or_default(),
    };
    terminal.print_json(&json::host(&facts));
    Ok(Exit::Done)
}
