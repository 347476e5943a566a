//! Reads `[hosts.x]`, finds out which of them this machine is, and gives every session its host.

use super::check::Path;
use super::fault::{Fault, ValueOrigin, shown};
use super::fleet::ANY;
use super::reading::{Reading, path};
use super::session::{Named, pick};
use super::wire::groups::HostValue;
use super::wire::{ChoreTable, HostTable};
use crate::model::SortedMap;
use crate::model::{
    Chore, ChoreKind, Desired, HostAddress, HostName, Hosts, SessionName, Zone, is_ssh_destination,
};

/// What says which host of a town this machine is.
#[derive(Debug, Clone, Copy, Default)]
pub struct Machine<'a> {
    /// The flag or the variable that names the host, and the name.
    pub asked: Option<(&'a str, &'a str)>,
    /// The host name of the machine, such as `build-1` or `build-1.example.org`. It counts only if
    /// nobody names the host. Empty if it is not known.
    pub hostname: &'a str,
    /// The machine's time zone. None for UTC.
    pub zone: Option<&'a Zone>,
}

impl Reading<'_> {
    /// The hosts of the town, and which of them this machine is. No session has its place yet.
    pub(crate) fn hosts(&mut self, town: &str) -> Hosts {
        let mut all = SortedMap::new();
        let tables = self.manifest.hosts.as_ref();
        for (text, table) in tables.into_iter().flatten() {
            match HostName::new(text) {
                Ok(name) => {
                    let host = self.host(&name, table, town);
                    all.insert(name, host);
                }
                Err(_) => self.bad_host_name(text),
            }
        }
        let here = self.here(&all);
        Hosts {
            here,
            all,
            ..Hosts::default()
        }
    }

    fn bad_host_name(&mut self, text: &str) {
        let message = format!("`{}` is not a valid host name", shown(text));
        let fault = self.at(&path(["hosts", text]), "bad-name", message);
        self.faults.push(
            fault.help(
                "use letters, digits, `_` and `-`; the address of the host belongs into `ssh`",
            ),
        );
    }

    fn host(&mut self, name: &HostName, table: &HostTable, town: &str) -> HostAddress {
        let at = |field: &str| path(["hosts", name.as_str(), field]);
        let ssh = table.ssh.as_deref();
        let gtctl = table.gtctl.as_deref().unwrap_or("gtctl");
        let place = table.town.as_deref();
        if ssh.is_some_and(|ssh| !is_ssh_destination(ssh)) {
            let message = format!("`{}` is no destination for ssh", shown(ssh.unwrap_or("")));
            let fault = self.at(&at("ssh"), "bad-destination", message);
            self.faults.push(fault.help(
                "write \"user@host\", or a name of ~/.ssh/config, which can give port and key, too",
            ));
        }
        if !is_program(gtctl) {
            let message = format!("`{}` is no path of a program", shown(gtctl));
            let fault = self.at(&at("gtctl"), "bad-path", message);
            self.faults
                .push(fault.help("write a path that begins with `/` or `~/`, or a name"));
        }
        if place.is_some_and(|place| !is_path(place)) {
            let message = format!("`{}` is no path of a file", shown(place.unwrap_or("")));
            let fault = self.at(&at("town"), "bad-path", message);
            self.faults
                .push(fault.help("write a path that begins with `/` or `~/`"));
        }
        HostAddress {
            ssh: ssh.map(str::to_owned),
            gtctl: below_home(gtctl),
            town: place.map_or_else(|| format!("gtctl/{town}/town.toml"), below_home),
        }
    }

    /// The host that this machine is: the one that is asked for, else the one with the machine's
    /// whole host name, else the one with its first part. Capital letters make no difference.
    fn here(&mut self, all: &SortedMap<HostName, HostAddress>) -> Option<HostName> {
        if all.is_empty() {
            return None;
        }
        if let Some((by, asked)) = self.sources.machine.asked {
            return self.host_asked_for(all, by, asked);
        }
        let whole = self.sources.machine.hostname;
        let first = whole.split('.').next().unwrap_or_default();
        let named = |text: &str| -> Vec<&HostName> {
            let names = all.keys();
            names
                .filter(|name| name.as_str().eq_ignore_ascii_case(text))
                .collect()
        };
        let fitting = [named(whole), named(first)];
        let fitting = fitting.into_iter().find(|names| !names.is_empty())?;
        match fitting.as_slice() {
            [only] => Some((*only).clone()),
            several => {
                let exact = several.iter().find(|name| name.as_str() == first);
                if exact.is_none() {
                    self.ambiguous(several, whole);
                }
                exact.map(|name| (*name).clone())
            }
        }
    }

    fn ambiguous(&mut self, several: &[&HostName], hostname: &str) {
        let names: Vec<String> = several.iter().map(|name| format!("`{name}`")).collect();
        let last = several.last().map_or("", |name| name.as_str());
        let message = format!(
            "this machine is called {}, which fits the hosts {}",
            shown(hostname),
            names.join(" and ")
        );
        let fault = self.at(&path(["hosts", last]), "ambiguous-host", message);
        self.faults.push(
            fault.help("rename one of them, or say which one this machine is by `--this-host`"),
        );
    }

    fn host_asked_for(
        &mut self,
        all: &SortedMap<HostName, HostAddress>,
        by: &str,
        asked: &str,
    ) -> Option<HostName> {
        let found = HostName::new(asked)
            .ok()
            .filter(|name| all.contains_key(name));
        if found.is_none() {
            let origin = if by.starts_with('-') {
                ValueOrigin::Flag(by.to_owned())
            } else {
                ValueOrigin::Variable(by.to_owned())
            };
            let message = format!("there is no host `{}` in the manifest", shown(asked));
            let fault = Fault::new("unknown-host", origin, message);
            self.faults.push(
                fault.did_you_mean(asked, all.keys().map(HostName::as_str), || {
                    format!("the hosts are {}", list(all))
                }),
            );
        }
        found
    }

    /// Takes the sessions of other hosts out of `sessions`, and notes them in `hosts`. Notes a fault
    /// for each session without a host, with an unknown one, or that waits for another host.
    pub(crate) fn place(
        &mut self,
        hosts: &mut Hosts,
        named: &SortedMap<SessionName, Named<'_>>,
        sessions: &mut SortedMap<SessionName, Desired>,
    ) {
        if let Some(table) = self.manifest.store.as_ref() {
            let all = std::mem::take(sessions);
            hosts.fleet = Some(self.fleet(hosts, table, named, all));
            return;
        }
        let mut homes: SortedMap<&SessionName, HostName> = SortedMap::new();
        for (name, who) in named {
            homes.extend(self.home(hosts, who).map(|host| (name, host)));
        }
        if hosts.is_empty() {
            return;
        }
        for (name, desired) in sessions.iter() {
            self.check_waits(&homes, named, name, desired);
        }
        let all = std::mem::take(sessions);
        for (name, desired) in all {
            match homes.get(&name) {
                Some(host) if Some(host) != hosts.here.as_ref() => {
                    hosts.elsewhere.insert(name, (host.clone(), desired));
                }
                Some(_) | None => {
                    sessions.insert(name, desired);
                }
            }
        }
    }

    /// The host of a session. `None` in a town without hosts, and where there is a fault.
    fn home(&mut self, hosts: &Hosts, who: &Named<'_>) -> Option<HostName> {
        self.check_needs_no_store(who);
        let written = pick!(who.tiers, host);
        if written.is_none() && hosts.is_empty() {
            return None;
        }
        let at = who.tiers.path(self.layers, &["host"]);
        match written {
            Some(HostValue::Name(text)) if text != ANY || hosts.has(ANY) => {
                self.known_host(hosts, text, &at)
            }
            Some(HostValue::Name(_) | HostValue::Label(_)) => {
                self.needs_store(&at, "several hosts can run it");
                None
            }
            None => {
                let message = format!("`{}` has no host", who.name);
                self.lacks_host(&at, message);
                None
            }
        }
    }

    fn lacks_host(&mut self, table: &[String], message: String) {
        let fault = self.lacks(table, "host", message);
        self.faults.extend(fault.map(|fault| {
            fault.help("add host = \"NAME\" here, or to [defaults], with a host of [hosts.NAME]")
        }));
    }

    pub(crate) fn known_host(
        &mut self,
        hosts: &Hosts,
        text: &str,
        at: &[String],
    ) -> Option<HostName> {
        let found = HostName::new(text)
            .ok()
            .filter(|name| hosts.all.contains_key(name));
        if found.is_none() {
            let message = format!("there is no host `{}`", shown(text));
            let fault = self
                .at(at, "unknown-host", message)
                .label("not known")
                .did_you_mean(text, hosts.all.keys().map(HostName::as_str), || {
                    format!("declare it: [hosts.{0}] and ssh = \"me@{0}\"", shown(text))
                });
            self.faults.push(fault);
        }
        found
    }

    /// A host cannot see whether a session of another host is ready.
    fn check_waits(
        &mut self,
        homes: &SortedMap<&SessionName, HostName>,
        named: &SortedMap<SessionName, Named<'_>>,
        name: &SessionName,
        desired: &Desired,
    ) {
        let home = homes.get(name);
        let Some(who) = named.get(name) else { return };
        for other in desired.after.keys() {
            let its_home = homes.get(other);
            if home.is_none() || its_home.is_none() || home == its_home {
                continue;
            }
            let message = format!("`{name}` waits for `{other}`, which runs on another host");
            let fault = self.at(
                &who.tiers.path(self.layers, &["after"]),
                "after-elsewhere",
                message,
            );
            self.faults
                .push(fault.help("give both the same `host`, or remove it from `after`"));
        }
    }

    /// Whether this host runs a chore. Notes a fault if no host is named for it.
    pub(crate) fn runs_chore(
        &mut self,
        hosts: &Hosts,
        index: usize,
        table: &ChoreTable,
        chore: &Chore,
    ) -> bool {
        let place: Path = path(["chore", &index.to_string()]);
        let at = path(["chore", &index.to_string(), "host"]);
        let defaults = self.manifest.defaults.as_ref();
        let default = defaults.and_then(|defaults| match defaults.host.as_ref()? {
            HostValue::Name(name) => Some(name.as_str()),
            HostValue::Label(_) => None,
        });
        let home = match (&chore.kind, table.host.as_deref()) {
            (ChoreKind::Nudge { session, .. }, _) => {
                return !hosts.elsewhere.contains_key(session);
            }
            (_, Some(text)) => self.known_host(hosts, text, &at),
            (_, None) if hosts.is_empty() && hosts.fleet.is_none() => return true,
            (_, None) => default.and_then(|text| HostName::new(text).ok()),
        };
        if home.is_none() && table.host.is_none() {
            self.lacks_host(
                &place,
                format!("chore `{}` has no host", shown(&chore.name)),
            );
        }
        home.is_some() && home == hosts.here
    }
}

fn list(all: &SortedMap<HostName, HostAddress>) -> String {
    let names: Vec<&str> = all.keys().map(HostName::as_str).collect();
    names.join(", ")
}

fn is_path(text: &str) -> bool {
    let begins = text.starts_with('/') || text.starts_with("~/");
    begins && !text.ends_with('/') && !text.chars().any(char::is_control)
}

fn is_program(text: &str) -> bool {
    let is_name = !text.is_empty() && !text.starts_with('-') && !text.contains('/');
    (is_name || is_path(text)) && !text.chars().any(char::is_control)
}

/// A path that begins with `~/`, without it: ssh begins in the home directory.
fn below_home(text: &str) -> String {
    text.strip_prefix("~/")
        .map_or_else(|| text.to_owned(), |rest| format!("./{rest}"))
}
