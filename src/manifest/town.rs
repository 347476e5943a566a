//! From the merged tables to a [`Town`].

use super::desired::Scene;
use super::fault::shown;
use super::reading::{Reading, path};
use super::wire;
use super::{chores, policies};
use crate::model::{
    Gastown, Limits, Metrics, Notify, Period, SessionName, Socket, StartBudget, Topic, Town,
};
use core::net::SocketAddr;
use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::path::{Path as FsPath, PathBuf};

/// The most sessions a town may have.
pub(crate) const MAX_SESSIONS: usize = 5000;

impl Reading<'_> {
    /// The town; nothing of it is to be used when there are faults. The map tells each session's
    /// index and role.
    pub(crate) fn town(&mut self) -> (Option<Town>, BTreeMap<SessionName, (usize, String)>) {
        let manifest = self.manifest;
        let count = manifest.session.as_ref().map_or(0, Vec::len);
        if count > MAX_SESSIONS {
            let fault = self.at(
                &path(["session", &MAX_SESSIONS.to_string()]),
                "too-many-sessions",
                format!("{count} sessions; the limit is {MAX_SESSIONS}"),
            );
            self.faults
                .push(fault.help("split it into two towns, each with its own `town.name`"));
            return (None, BTreeMap::new());
        }
        let name = self.town_name();
        let root = self.root();
        let socket = self.socket();
        let rigs = self.rigs(root.as_deref());
        let town = manifest
            .town
            .as_ref()
            .and_then(|t| t.name.as_deref())
            .unwrap_or("town");
        let agents = self.agents();
        let scene = Scene { town, root, agents };
        let (named, nameless) = self.sessions(town, rigs.as_ref());
        let mut sessions = BTreeMap::new();
        for (name, who) in &named {
            sessions.extend(
                self.advised(&scene, who)
                    .map(|desired| (name.clone(), desired)),
            );
        }
        for who in &nameless {
            // Only for its faults: without a name of its own it is no session.
            let _ = self.advised(&scene, who);
            self.check_after(&named, who);
        }
        self.order(&named, &mut sessions);
        self.check_instructions(&named, &sessions);
        let policies = policies::resolve(self, town, &scene.agents);
        let dir = scene
            .root
            .clone()
            .unwrap_or_else(|| self.sources.base_dir.to_path_buf());
        let chores = chores::resolve(self, &named, &dir);
        let notify = self.notify();
        let metrics = self.metrics();
        let places = named
            .iter()
            .map(|(n, w)| (n.clone(), (w.tiers.index, w.tiers.role_name.to_owned())))
            .collect();
        let controller = manifest.controller.as_ref();
        let town = name.zip(socket).map(|(name, socket)| Town {
            name,
            root: scene.root,
            gastown: Gastown::default(),
            unstartable: BTreeMap::new(),
            socket,
            sessions,
            policies,
            chores,
            limits: limits(manifest.limits.as_ref()),
            resync: controller
                .and_then(|c| c.resync)
                .map_or(Period::from_secs(15), |period| period.0),
            metrics,
            notify,
        });
        (town, places)
    }

    fn town_name(&mut self) -> Option<SessionName> {
        let text = self.manifest.town.as_ref().and_then(|t| t.name.as_deref());
        let Some(text) = text else {
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
        let text = self
            .manifest
            .town
            .as_ref()
            .and_then(|t| t.socket.as_deref())
            .unwrap_or("default");
        let (code, message, help) = match text {
            "default" => return Some(Socket::Default),
            "gastown"
                if self
                    .manifest
                    .town
                    .as_ref()
                    .is_some_and(|t| t.root.is_some()) =>
            {
                return Some(Socket::Gastown);
            }
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

    /// A file for a collector, or a port that only this host reaches: what sessions are called is
    /// nobody else's business.
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

    fn notify(&mut self) -> Option<Notify> {
        let table = self.manifest.notify.as_ref()?;
        match table.command.as_deref() {
            Some(command) if command.first().is_some_and(|program| !program.is_empty()) => {
                let on = table
                    .on
                    .as_ref()
                    .map(|on| on.iter().map(|topic| topic.meaning()).collect());
                Some(Notify {
                    command: command.to_vec(),
                    on: on.unwrap_or_else(|| Topic::ALL.iter().copied().collect()),
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

fn limits(table: Option<&wire::LimitsTable>) -> Limits {
    let usual = Limits::default();
    let starts: Option<StartBudget> = table.and_then(|t| t.starts).map(|starts| starts.0);
    Limits {
        concurrent_starts: table
            .and_then(|t| t.concurrent_starts)
            .map_or(usual.concurrent_starts, NonZeroU32::get),
        starts: starts.unwrap_or(usual.starts),
        unavailable: table
            .and_then(|t| t.unavailable)
            .map_or(usual.unavailable, |unavailable| unavailable.0),
        mass: table
            .and_then(|t| t.mass)
            .map_or(usual.mass, |share| share.0),
        server_losses: table
            .and_then(|t| t.server_losses)
            .map_or(usual.server_losses, NonZeroU32::get),
    }
}
