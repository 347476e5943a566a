//! A town for the command line: its manifest, its tmux server and its state.

use super::args::{Global, OrderArgs, TownArg, is_path};
use super::elsewhere;
use super::exit::Trouble;
use super::last_good::{self, Kept};
use super::manifest::{Attempt, ManifestFile, Texts, print_faults};
use super::output::Terminal;
use super::own::{myself, program};
use super::shared;
use super::stamps::Stamps;
use super::states::{answers, keeper, state_of};
use super::town_server::server_of;
use crate::controller::{Controller, Eyes, Survey};
use crate::manifest::{Loaded, Origins};
use crate::memory::ask;
use crate::model::SortedMap;
use crate::model::{
    HostName, Layers, Mass, Memory, Moment, Orders, Orphans, Request, Scope, SessionName, Town,
};
use crate::observe::{Depth, LookCache};
use crate::proc::{self};
use crate::render::Books;
use crate::store::{Keeps, StateDir, View};
use crate::tmux::Client;
use std::io::IsTerminal;
use std::path::PathBuf;

/// Everything that a verb about a town needs.
pub(super) struct Place {
    pub(super) file: ManifestFile,
    /// The files it was read from.
    pub(super) stamps: Stamps,
    pub(super) texts: Texts,
    /// Whether it may be taken over from another definition.
    pub(super) take_over: bool,
    pub(super) town: Box<Town>,
    pub(super) origins: Origins,
    pub(super) client: Client,
    pub(super) state: PathBuf,
}

impl Place {
    /// Reads the manifest and finds the rest. Creates nothing.
    pub(super) fn find(
        global: &Global,
        argument: &TownArg,
        terminal: &Terminal,
    ) -> Result<Self, Trouble> {
        let file = ManifestFile::of(global, argument);
        file.say_where(terminal);
        let (loaded, stamps, texts) = file.load_stamped(terminal)?;
        let state = state_of(global, &loaded.town.name, loaded.town.root.as_deref())?;
        Self::of(global, file, loaded, (stamps, texts), state)
    }

    /// The same. Where the manifest has faults or is missing, it uses the last good one. For verbs
    /// that can work with it.
    pub(super) fn find_or_last_good(
        global: &Global,
        argument: &TownArg,
        terminal: &Terminal,
    ) -> Result<Self, Trouble> {
        let file = ManifestFile::of(global, argument);
        file.say_where(terminal);
        let Attempt {
            stamps,
            read,
            texts,
        } = file.attempt()?;
        let kept = match read {
            Ok(Ok(loaded)) => {
                let texts = texts.unwrap_or(Texts::alone(String::new()));
                let state = state_of(global, &loaded.town.name, loaded.town.root.as_deref())?;
                return Self::of(global, file, loaded, (stamps, texts), state);
            }
            Ok(Err(faults)) => {
                let Some(kept) = last_good::find(&file, texts.as_ref(), global) else {
                    print_faults(&faults, terminal);
                    return Err(Trouble::told());
                };
                last_good::warn(&kept, &faults, &file, terminal);
                kept
            }
            Err(trouble) => {
                let kept = if file.has_no_text() {
                    last_good::find(&file, None, global)
                } else {
                    None
                };
                let Some(kept) = kept else {
                    return Err(trouble);
                };
                last_good::warn_of_no_text(&kept, &file, terminal);
                kept
            }
        };
        let Kept {
            loaded,
            texts,
            state,
            ..
        } = kept;
        Self::of(global, file, loaded, (stamps, texts), state)
    }

    fn of(
        global: &Global,
        file: ManifestFile,
        loaded: Loaded,
        (stamps, texts): (Stamps, Texts),
        state: PathBuf,
    ) -> Result<Self, Trouble> {
        let Loaded { town, origins, .. } = loaded;
        answers(&state)?;
        let town = Box::new(shared::with_placed(town, global, &state));
        let client = Client::new(&server_of(&town, &View::of(&state))?);
        let take_over = global.take_over;
        Ok(Self {
            file,
            stamps,
            texts,
            take_over,
            town,
            origins,
            client,
            state,
        })
    }

    /// Where the definition comes from.
    pub(super) fn layers(&self) -> Result<Layers, Trouble> {
        self.file.layers(&self.town)
    }

    /// Whether the town may be taken over from a process with another definition.
    pub(super) fn may_take_over(&self) -> bool {
        self.take_over
    }

    /// One look and its plan. Writes nothing.
    pub(super) async fn survey(
        &self,
        orders: Orders,
        depth: Depth,
        terminal: &Terminal,
    ) -> Result<Survey<'_>, Trouble> {
        let memory = self.recall(terminal)?;
        Ok(self.survey_with(memory, orders, depth, terminal).await)
    }

    /// The same for `apply` and `diff`: what `down` has stopped is to be started again.
    pub(super) async fn survey_going_up(
        &self,
        scope: &Scope,
        orders: Orders,
        depth: Depth,
        terminal: &Terminal,
    ) -> Result<Survey<'_>, Trouble> {
        let memory = self.recall(terminal)?;
        let back = down_within(&memory, scope);
        let memory = back
            .iter()
            .fold(memory, |memory, name| ask(memory, name, Request::Start));
        Ok(self.survey_with(memory, orders, depth, terminal).await)
    }

    /// The sessions of a part of the town that `down` has stopped.
    pub(super) fn went_down(
        &self,
        scope: &Scope,
        terminal: &Terminal,
    ) -> Result<Vec<SessionName>, Trouble> {
        Ok(down_within(&self.recall(terminal)?, scope))
    }

    /// The same with what is remembered already.
    pub(super) async fn survey_with(
        &self,
        memory: Memory,
        orders: Orders,
        depth: Depth,
        terminal: &Terminal,
    ) -> Survey<'_> {
        let eyes = Eyes {
            client: &self.client,
            state: &View::of(&self.state),
            depth,
            looks: &mut LookCache::default(),
        };
        let survey = eyes.survey(&self.town, memory, orders).await;
        survey
            .notices
            .iter()
            .for_each(|notice| terminal.warn(notice));
        survey
    }

    pub(super) fn recall(&self, terminal: &Terminal) -> Result<Memory, Trouble> {
        let loaded = View::of(&self.state).load(proc::clock::now())?;
        for notice in &loaded.notices {
            terminal.warn(notice);
        }
        let (memory, other) = loaded.memory.of_town(&self.town.name);
        if let Some(other) = other {
            let (state, town) = (self.state.display(), &self.town.name);
            terminal.warn(&format!(
                "the state in {state} belongs to town `{other}`, not to `{town}`: gtctl does not use it"
            ));
        }
        Ok(memory)
    }

    /// Refuses on a machine that is none of the town's hosts.
    pub(super) fn refuse_onlooker(&self) -> Result<(), Trouble> {
        // Who a host of a town with a store is stands in a file of its own.
        if !self.town.hosts.is_onlooker() || self.town.hosts.fleet.is_some() {
            return Ok(());
        }
        let names: Vec<&str> = self.town.hosts.all.keys().map(HostName::as_str).collect();
        let machine = proc::own::hostname();
        Err(Trouble::new(format!(
            "this machine ({machine}) is none of the hosts of town {}, so it runs none of its sessions",
            self.town.name
        ))
        .help(format!(
            "say which one it is by `--this-host NAME` or GTCTL_HOST; the hosts are {}",
            names.join(", ")
        )))
    }

    /// What the state directory says, beside a look.
    pub(super) fn books(&self, memory: &Memory, now: Moment) -> Books {
        let view = View::of(&self.state);
        Books {
            idle_saved: view.idle_saved(),
            logs: logs_of(&view, memory),
            keeper: keeper(&view, now),
            cpu: SortedMap::new(),
        }
    }

    /// The session of this name, declared or covered by a policy. It may be looked at.
    pub(super) fn session(&self, text: &str) -> Result<SessionName, Trouble> {
        let covered = SessionName::new(text)
            .ok()
            .filter(|_| self.policy(text).is_some());
        covered.map_or_else(|| self.declared(text), Ok)
    }

    /// The same of several names.
    pub(super) fn sessions(&self, texts: &[impl AsRef<str>]) -> Result<Vec<SessionName>, Trouble> {
        texts
            .iter()
            .map(|text| self.session(text.as_ref()))
            .collect()
    }

    /// The declared sessions of these names. They can be started and stopped.
    pub(super) fn all_declared(
        &self,
        texts: &[impl AsRef<str>],
    ) -> Result<Vec<SessionName>, Trouble> {
        texts
            .iter()
            .map(|text| self.declared(text.as_ref()))
            .collect()
    }

    /// The pattern of the policy that covers sessions of this name.
    fn policy(&self, name: &str) -> Option<&str> {
        let policies = self
            .town
            .policies
            .iter()
            .filter(|_| !self.town.sessions.contains_key(name));
        policies
            .into_iter()
            .find(|policy| policy.matches(name))
            .map(|policy| policy.pattern.as_str())
    }

    fn declared(&self, text: &str) -> Result<SessionName, Trouble> {
        let known = SessionName::new(text)
            .ok()
            .filter(|name| self.town.sessions.contains_key(name));
        known.ok_or_else(|| {
            if let Some(pattern) = self.policy(text) {
                return Trouble::new(format!(
                    "others start `{text}`; gtctl only expires it (policy {pattern})"
                ))
                .help("declare it as a [[session]] if gtctl should start, stop and restart it");
            }
            if is_path(text) {
                return Trouble::new(format!("`{text}` is a path, not the name of a session"))
                    .help("`-f` names the manifest: gtctl -f town.toml …");
            }
            if let Some(host) = self.town.hosts.host_of(text) {
                return Trouble::new(format!("`{text}` runs on host {host}, and not here"))
                    .help(format!("run the same command on host {host}"));
            }
            let is_shared =
                SessionName::new(text).is_ok_and(|name| self.town.hosts.is_shared(&name));
            if is_shared {
                return Trouble::new(format!("no host is known to have `{text}`"))
                    .help("`gtctl status` shows where the sessions are");
            }
            let names = self.town.sessions.keys().map(SessionName::as_str);
            undeclared(text, &self.town.name, names)
        })
    }

    /// A controller on the town's state directory. Makes the directory where there is none.
    ///
    /// # Errors Also where a controller keeps the town with another state directory, and the town
    /// may not be taken over.
    pub(super) fn controller(&self) -> Result<Controller, Trouble> {
        if self.town.hosts.fleet.is_some() {
            return Err(Trouble::new(
                "the hosts of this town share a store, so only its controllers start and stop sessions",
            )
            .help("`gtctl start`, `stop` and `restart` ask the controller of the session's host"));
        }
        self.own_controller()
    }

    /// As [`Place::controller`], also in a town whose hosts share a store: for a process that takes
    /// part in the fleet.
    pub(super) fn own_controller(&self) -> Result<Controller, Trouble> {
        elsewhere::make_way(self)?;
        let store = StateDir::open(&self.state)?;
        let controller =
            Controller::new(self.client.clone(), store, myself()).of_town(&self.town.name);
        Ok(controller.keeping(self.keeps()?).logging(program()))
    }

    /// What a controller of this town writes into its lock file.
    pub(super) fn keeps(&self) -> Result<Keeps, Trouble> {
        let socket = self.client.socket_path();
        let whole = std::path::absolute(socket).unwrap_or_else(|_| socket.to_path_buf());
        // A folder can have several names.
        let real = whole.parent().zip(whole.file_name());
        let real =
            real.and_then(|(folder, name)| Some(std::fs::canonicalize(folder).ok()?.join(name)));
        Ok(Keeps {
            town: self.town.name.to_string(),
            socket: real.unwrap_or(whole),
            file: self.file.absolute()?,
        })
    }
}

/// The sessions of a part of the town that `down` has stopped.
fn down_within(memory: &Memory, scope: &Scope) -> Vec<SessionName> {
    let is_asked = |name: &SessionName| match scope {
        Scope::Sessions(names) => names.contains(name),
        Scope::Town => true,
        Scope::Expiries(_) | Scope::Chore(_) => false,
    };
    let down = memory
        .sessions
        .iter()
        .filter(|(name, history)| history.stopped && history.went_down && is_asked(name));
    down.map(|(name, _)| name.clone()).collect()
}

/// That no session of a town has this name, with the most similar one as help.
pub(super) fn undeclared<'n>(
    text: &str,
    town: &SessionName,
    names: impl Iterator<Item = &'n str>,
) -> Trouble {
    let near = names.max_by(|a, b| strsim::jaro(a, text).total_cmp(&strsim::jaro(b, text)));
    let trouble = Trouble::new(format!("`{text}` is not declared in town {town}"));
    match near.filter(|name| strsim::jaro(name, text) > 0.8) {
        Some(near) => trouble.help(format!("did you mean `{near}`?")),
        None => trouble.help("`gtctl status` shows all sessions"),
    }
}

/// The newest log of each session that has one.
pub(super) fn logs_of(view: &View, memory: &Memory) -> SortedMap<SessionName, String> {
    let names = memory.sessions.keys();
    names
        .filter_map(|name| Some((name.clone(), view.newest_log(name)?.display().to_string())))
        .collect()
}

/// What the flags allow. At a terminal the user is asked instead of `--allow-mass`. For a script a
/// second look decides.
pub(super) fn orders(args: &OrderArgs) -> Orders {
    let interactive = std::io::stdin().is_terminal() && std::io::stdout().is_terminal();
    Orders {
        orphans: if args.prune {
            Orphans::Prune
        } else {
            Orphans::Report
        },
        mass: match (args.allow_mass, interactive) {
            (true, _) => Mass::Allow,
            (false, true) => Mass::Hold,
            (false, false) => Mass::SecondLook,
        },
        ..Orders::default()
    }
}

/// The same without a question: a second look decides.
pub(super) fn unasked(orders: Orders) -> Orders {
    Orders {
        mass: if orders.mass == Mass::Hold {
            Mass::SecondLook
        } else {
            orders.mass
        },
        ..orders
    }
}
