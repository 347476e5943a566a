//! Turns the merged tables into a [`Town`].

use super::desired::Scene;
use super::fault::shown;
use super::origins::Place;
use super::reading::{Reading, path};
use super::session::{Named, SPLIT};
use super::wire;
use super::{chores, policies};
use crate::model::SortedMap;
use crate::model::{
    Desired, Gastown, Hosts, Limits, Metrics, Notify, Period, SessionName, Socket, Topic, Town,
    WebAddress,
};
use core::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::{Path as FsPath, PathBuf};

/// The most sessions that a town may have.
pub(crate) const MAX_SESSIONS: usize = 5000;

impl Reading<'_> {
    /// The town, and the place of each session. The town may be used only if there is no error.
    pub(crate) fn town(&mut self) -> (Option<Town>, SortedMap<SessionName, Place>) {
        if self.has_too_many_sessions() {
            return (None, SortedMap::new());
        }
        let manifest = self.manifest;
        let name = self.town_name();
        let root = self.root();
        let socket = self.socket();
        let rigs = self.rigs(root.as_deref());
        let town = town_name_text(manifest).unwrap_or("town");
        let agents = self.agents();
        let scene = Scene { town, root, agents };
        let (named, nameless) = self.sessions(town, rigs.as_ref());
        let mut hosts = self.hosts(town);
        let sessions = self.resolved_sessions(&scene, &named, &nameless, &mut hosts);
        let mut policies = policies::resolve(self, town, &scene.agents);
        if hosts.is_onlooker() {
            // The sessions of a machine that only looks are none of the town's business.
            policies.clear();
        }
        let dir = scene
            .root
            .clone()
            .unwrap_or_else(|| self.sources.base_dir.to_path_buf());
        let chores = chores::resolve(self, &named, &dir, &hosts);
        let notify = self.notify();
        let metrics = self.metrics();
        let web = self.web();
        let town = name.zip(socket).map(|(name, socket)| Town {
            name,
            root: scene.root,
            gastown: Gastown::default(),
            unstartable: SortedMap::new(),
            socket,
            sessions,
            policies,
            chores,
            limits: limits(manifest.limits.as_ref()),
            resync: self.resync(),
            metrics,
            web,
            record: self.record(),
            notify,
            hosts,
        });
        (town, places(&named))
    }

    fn has_too_many_sessions(&mut self) -> bool {
        let count = self.manifest.session.as_ref().map_or(0, Vec::len);
        if count <= MAX_SESSIONS {
            return false;
        }
        let first_beyond = path(["session", &MAX_SESSIONS.to_string()]);
        let message = format!("{count} sessions; the limit is {MAX_SESSIONS}");
        let fault = self.at(&first_beyond, "too-many-sessions", message);
        self.faults.push(fault.help(SPLIT));
        true
    }

    /// The sessions of the town, with their order.
    fn resolved_sessions(
        &mut self,
        scene: &Scene<'_>,
        named: &SortedMap<SessionName, Named<'_>>,
        nameless: &[Named<'_>],
        hosts: &mut Hosts,
    ) -> SortedMap<SessionName, Desired> {
        let mut sessions = SortedMap::new();
        for (name, who) in named {
            let desired = self.advised(scene, who);
            sessions.extend(desired.map(|desired| (name.clone(), desired)));
        }
        for who in nameless {
            // Only its faults count: it is no part of the town.
            let _ = self.advised(scene, who);
            self.check_after(scene.town, named, who);
        }
        self.order(scene.town, named, &mut sessions);
        self.moved(scene.town, named, &mut sessions);
        self.place(hosts, named, &mut sessions);
        self.check_instructions(named, &sessions);
        sessions
    }

    /// The profiles give `resync` a value; 15 s is only for a manifest that has an error.
    fn resync(&self) -> Period {
        let controller = self.manifest.controller.as_ref();
        controller
            .and_then(|table| table.resync)
            .map_or(Period::from_secs(15), |period| period.0)
    }

    fn record(&self) -> Option<Period> {
        let controller = self.manifest.controller.as_ref();
        controller
            .and_then(|table| table.record)
            .map(|period| period.0)
    }

    fn town_name(&mut self) -> Option<SessionName> {
        let Some(text) = town_name_text(self.manifest) else {
            let fault = self.lacks(&path(["town"]), "name", "the town has no name");
            self.faults.extend(fault.map(|mut fault| {
                fault.origin = self.layers.in_file(&["town"]);
                fault
                    .label("add `name` here")
                    .help("write [town] and name = \"acme\" at the top")
            }));
            return None;
        };
        match SessionName::new(text) {
            Ok(name) => Some(name),
            Err(error) => {
                let message = format!("the town name `{}` is not valid: {error}", shown(text));
                let fault = self.at(&path(["town", "name"]), "bad-name", message);
                self.faults.push(
                    fault.help(
                        "use letters, digits, `_` and `-`, beginning with a letter or a digit",
                    ),
                );
                None
            }
        }
    }

    fn root(&mut self) -> Option<PathBuf> {
        let text = self
            .manifest
            .town
            .as_ref()
            .and_then(|t| t.root.as_deref())?;
        self.absolute(text, || path(["town", "root"]))
    }

    fn socket(&mut self) -> Option<Socket> {
        let at = || path(["town", "socket"]);
        let table = self.manifest.town.as_ref();
        let text = table
            .and_then(|table| table.socket.as_deref())
            .unwrap_or("default");
        let has_root = table.is_some_and(|table| table.root.is_some());
        let (code, message, help) = match text {
            "default" => return Some(Socket::Default),
            "gastown" if has_root => return Some(Socket::Gastown),
            "gastown" => (
                "no-root",
                "gtctl needs the root to find Gas Town's tmux server, which is not named"
                    .to_owned(),
                "add root = \"~/gt\", or name the socket: `gt status --json` shows it as .tmux.socket",
            ),
            text if text.starts_with('~') => return self.absolute(text, at).map(Socket::Path),
            text if FsPath::new(text).is_absolute() && !text.contains('\0') => {
                return Some(Socket::Path(text.into()));
            }
            text if SessionName::new(text).is_ok() => return Some(Socket::Name(text.to_owned())),
            text => (
                "bad-socket",
                format!("`{}` is neither a name nor an absolute path", shown(text)),
                "write \"default\", a name such as \"acme\", or a path that begins with `/`",
            ),
        };
        let fault = self.at(&at(), code, message).help(help);
        self.faults.push(fault);
        None
    }

    /// Where metrics go: a file for a collector, or a port that only this host can reach.
    ///
    /// Other hosts may not read it, because metrics have the names of sessions.
    fn metrics(&mut self) -> Option<Metrics> {
        let at = || path(["controller", "metrics"]);
        let text = self
            .manifest
            .controller
            .as_ref()
            .and_then(|c| c.metrics.as_deref())?;
        let (code, message, help) = match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() && address.port() != 0 => {
                return Some(Metrics::Listen(address));
            }
            Ok(address) if address.port() == 0 => (
                "bad-address",
                "metrics need a port number".to_owned(),
                "write \"127.0.0.1:9464\"",
            ),
            Ok(_) => (
                "bad-address",
                format!("other hosts can reach `{}`", shown(text)),
                "write \"127.0.0.1:9464\"; use a proxy if other hosts should read it",
            ),
            Err(_) if FsPath::new(text).extension().is_some_and(|e| e == "prom") => {
                return self.absolute(text, at).map(Metrics::File);
            }
            Err(_) => (
                "bad-metrics",
                format!(
                    "`{}` is neither an address nor a file that ends in .prom",
                    shown(text)
                ),
                "write \"127.0.0.1:9464\", or a path such as \"/var/lib/node-exporter/town.prom\"",
            ),
        };
        let fault = self.at(&at(), code, message).help(help);
        self.faults.push(fault);
        None
    }

    /// Where the controller serves its page. Other hosts may not read it: that takes a token, which
    /// `gtctl serve` has.
    fn web(&mut self) -> Option<WebAddress> {
        let at = path(["controller", "web"]);
        let text = self.manifest.controller.as_ref()?.web.as_deref()?;
        let (message, help) = match WebAddress::parse(text) {
            Some(WebAddress::Tcp(address)) if address.port() == 0 => (
                "the page needs a port number".to_owned(),
                "write \"127.0.0.1:7433\"",
            ),
            Some(address) if address.is_open_to_others() => (
                format!("other hosts can reach `{}`", shown(text)),
                "write \"127.0.0.1:7433\"; `gtctl serve --token-file FILE` serves other hosts",
            ),
            Some(address) => return Some(address),
            None => (
                format!(
                    "`{}` is neither an address nor the path of a socket",
                    shown(text)
                ),
                "write \"127.0.0.1:7433\", or \"unix:/run/user/1000/town.sock\"",
            ),
        };
        let fault = self.at(&at, "bad-address", message).help(help);
        self.faults.push(fault);
        None
    }

    fn notify(&mut self) -> Option<Notify> {
        let table = self.manifest.notify.as_ref()?;
        match table.command.as_deref() {
            Some(command) if command.first().is_some_and(|program| !program.is_empty()) => {
                let topics = table
                    .on
                    .as_ref()
                    .map(|topics| topics.iter().map(|topic| topic.meaning()).collect());
                Some(Notify {
                    command: command.to_vec(),
                    on: topics.unwrap_or_else(|| Topic::ALL.iter().copied().collect()),
                })
            }
            Some(_) => {
                let fault = self.at(
                    &path(["notify", "command"]),
                    "empty-command",
                    "the command is empty",
                );
                self.faults
                    .push(fault.help("write the program first, as in [\"notify-send\"]"));
                None
            }
            None => {
                let fault = self.lacks(&path(["notify"]), "command", "[notify] needs a `command`");
                self.faults
                    .extend(fault.map(|f| f.help("add command = [\"notify-send\"]")));
                None
            }
        }
    }
}

fn town_name_text(manifest: &wire::Manifest) -> Option<&str> {
    let table = manifest.town.as_ref()?;
    table.name.as_deref()
}

fn places(named: &SortedMap<SessionName, Named<'_>>) -> SortedMap<SessionName, Place> {
    let place = |who: &Named<'_>| Place {
        index: who.tiers.index,
        role: who.tiers.role_name.to_owned(),
        name: who.own_name().map(str::to_owned),
        rig_at: who.member.rig_at,
        name_at: who.member.name_at,
    };
    named
        .iter()
        .map(|(name, who)| (name.clone(), place(who)))
        .collect()
}

fn limits(table: Option<&wire::LimitsTable>) -> Limits {
    let default = Limits::default();
    let Some(table) = table else { return default };
    Limits {
        concurrent_starts: table
            .concurrent_starts
            .map_or(default.concurrent_starts, NonZeroU32::get),
        starts: table.starts.map_or(default.starts, |starts| starts.0),
        unavailable: table
            .unavailable
            .map_or(default.unavailable, |unavailable| unavailable.0),
        mass: table.mass.map_or(default.mass, |share| share.0),
        server_losses: table
            .server_losses
            .map_or(default.server_losses, NonZeroU32::get),
    }
}
