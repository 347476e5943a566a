//! Reads `[store]`, and where the sessions of a town with a store may run.

use super::fault::shown;
use super::reading::{Reading, path};
use super::session::{Named, pick};
use super::wire::StoreTable;
use super::wire::groups::HostValue;
use crate::model::SortedMap;
use crate::model::{
    Desired, Fleet, FleetSession, HostChoice, HostName, Hosts, LossPolicy, SessionName,
    StoreSettings,
};

/// The word that stands for each host.
pub(crate) const ANY: &str = "any";

impl Reading<'_> {
    /// The part of the town that the store shares out: all its sessions.
    pub(crate) fn fleet(
        &mut self,
        hosts: &Hosts,
        table: &StoreTable,
        named: &SortedMap<SessionName, Named<'_>>,
        all: SortedMap<SessionName, Desired>,
    ) -> Fleet {
        let settings = self.store_settings(table);
        if hosts.has(ANY) {
            let message = format!("a host cannot be called `{ANY}` in a town with [store]");
            let fault = self.at(&path(["hosts", ANY]), "bad-name", message);
            self.faults
                .push(fault.help("give it another name: host = \"any\" means each host"));
        }
        let mut sessions = SortedMap::new();
        for (name, desired) in all {
            let Some(who) = named.get(&name) else {
                continue;
            };
            let session = self.fleet_session(hosts, who, desired);
            sessions.extend(session.map(|session| (name, session)));
        }
        Fleet { settings, sessions }
    }

    fn store_settings(&mut self, table: &StoreTable) -> StoreSettings {
        let default = StoreSettings::default();
        let settings = StoreSettings {
            lease: table.lease.map_or(default.lease, |lease| lease.0),
            fence: table.fence.map_or(default.fence, |fence| fence.0),
            beat: table.beat.map_or(default.beat, |beat| beat.0),
            lock_delay: table.lock_delay.map(|delay| delay.0),
        };
        let least = settings.least_fence();
        if settings.fence < least {
            let message = format!(
                "with a fence of {} one lost call can end every session that can move",
                settings.fence
            );
            let fault = self.at(&path(["store", "fence"]), "short-fence", message);
            self.faults.push(fault.help(format!(
                "write fence = \"{least}\" or more: beat + 2 calls of 1500ms + 1s for an election"
            )));
        }
        let least = settings.death();
        if settings.lease < least {
            let message = format!(
                "with a lease of {} sessions can start elsewhere before they are dead here",
                settings.lease
            );
            let fault = self.at(&path(["store", "lease"]), "short-lease", message);
            self.faults.push(fault.help(format!(
                "write lease = \"{least}\" or more: fence * 1.05 + 500ms"
            )));
        }
        settings
    }

    /// A session, with its hosts. Notes its faults, and returns `None` if it has one.
    fn fleet_session(
        &mut self,
        hosts: &Hosts,
        who: &Named<'_>,
        desired: Desired,
    ) -> Option<FleetSession> {
        let prepare = self.prepare(who, &desired.agent.name);
        let choice = self.host_choice(hosts, who)?;
        let prepare = prepare?;
        let is_fixed = matches!(choice, HostChoice::Name(_));
        let written = pick!(who.tiers, on_host_loss).map(|word| word.meaning());
        let on_host_loss = match written {
            Some(written) => written,
            None if prepare.is_empty() || is_fixed => LossPolicy::Stay,
            None => LossPolicy::Move,
        };
        if on_host_loss == LossPolicy::Move && is_fixed {
            let message = format!("`{}` cannot move: it has a fixed host", who.name);
            let at = who.tiers.path(self.layers, &["on_host_loss"]);
            let fault = self.at(&at, "cannot-move", message);
            self.faults.push(
                fault.help(
                    "give it host = \"any\" or { label = \"gpu\" }, or on_host_loss = \"stay\"",
                ),
            );
            return None;
        }
        Some(FleetSession {
            choice,
            on_host_loss,
            prepare,
            desired,
        })
    }

    fn host_choice(&mut self, hosts: &Hosts, who: &Named<'_>) -> Option<HostChoice> {
        let at = who.tiers.path(self.layers, &["host"]);
        match pick!(who.tiers, host) {
            None => Some(HostChoice::Any),
            Some(HostValue::Name(name)) if name == ANY => Some(HostChoice::Any),
            Some(HostValue::Name(name)) if !hosts.is_empty() => {
                self.known_host(hosts, name, &at).map(HostChoice::Name)
            }
            Some(HostValue::Name(name)) => {
                let host = HostName::new(name).ok();
                if host.is_none() {
                    self.bad_host_value(&at, "host name", name);
                }
                host.map(HostChoice::Name)
            }
            Some(HostValue::Label(label)) => {
                // A label has the alphabet of a name.
                let is_valid = HostName::new(label).is_ok();
                if !is_valid {
                    self.bad_host_value(&at, "label", label);
                }
                is_valid.then(|| HostChoice::Label(label.clone()))
            }
        }
    }

    fn bad_host_value(&mut self, at: &[String], what: &str, text: &str) {
        let message = format!("`{}` is not a valid {what}", shown(text));
        let fault = self.at(at, "bad-name", message);
        self.faults
            .push(fault.help("use letters, digits, `_` and `-`, beginning with a letter or digit"));
    }

    /// The command that makes a host ready. Empty for none; `None` if it has a fault.
    fn prepare(&mut self, who: &Named<'_>, agent: &str) -> Option<Vec<String>> {
        let Some(argv) = pick!(who.tiers, prepare) else {
            return Some(Vec::new());
        };
        let layers = self.layers;
        let at = || who.tiers.path(layers, &["prepare"]);
        if argv
            .first()
            .is_some_and(|program| program.trim().is_empty())
        {
            let fault = self.at(&at(), "empty-command", "the command is empty");
            self.faults
                .push(fault.help("write the program first, as in prepare = [\"./clone.sh\"]"));
            return None;
        }
        let town = self.manifest.town.as_ref();
        let town = town.and_then(|town| town.name.as_deref());
        let words = who.words(town.unwrap_or("town"), Some(agent));
        let element = |index: usize| {
            let mut element = at();
            element.push(index.to_string());
            element
        };
        argv.iter()
            .enumerate()
            .map(|(index, text)| self.fill(&words, text, || element(index)))
            .collect()
    }

    /// Notes a fault for each field of a session that only a town with a store can have.
    pub(crate) fn check_needs_no_store(&mut self, who: &Named<'_>) {
        let fields = [
            ("on_host_loss", pick!(who.tiers, on_host_loss).is_some()),
            ("prepare", pick!(who.tiers, prepare).is_some()),
        ];
        for (field, is_given) in fields {
            if is_given {
                let at = who.tiers.path(self.layers, &[field]);
                self.needs_store(&at, "sessions move from host to host");
            }
        }
    }

    /// Notes, once for each place, that a value needs a store.
    pub(crate) fn needs_store(&mut self, at: &[String], what: &str) {
        let message = format!("only in a town with a store {what}");
        let fault = self.at(at, "needs-store", message);
        self.add_once(fault.help(
            "add [store] to the manifest, with etcd on the hosts; or give the session one host",
        ));
    }
}
