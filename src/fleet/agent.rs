//! The thread of the fleet.

use super::access::FleetStore;
use super::guard::Link;
use super::handle::{Handle, Wish};
use super::host_file::HostFile;
use super::shared::Shared;
use crate::etcd::{EtcdClient, EtcdFault, LeaseId, Mirror, Moved, Pair};
use crate::fence;
use crate::model::fleet::PROTOCOL;
use crate::model::written::from_bytes;
use crate::model::{
    Fleet, FleetAsk, FleetKey, HostName, HostRecord, Keyspace, Period, Revision, SessionName,
    StoreSettings, Stored,
};
use std::cell::{Cell, RefCell};
use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, mpsc};
use tokio::time::sleep;

/// How long nothing is asked of a store that has just failed.
const REST: Duration = Duration::from_millis(200);
/// How often the members are asked for their version.
const VERSIONS_EVERY: Duration = Duration::from_secs(60);

/// All that a fleet's thread begins with.
#[derive(Debug)]
pub struct Start {
    /// The town's name.
    pub town: SessionName,
    /// What the manifest says of the fleet.
    pub fleet: Fleet,
    /// What the host's file says.
    pub host: HostFile,
    /// The state directory.
    pub state: PathBuf,
    /// The program and arguments that start the guard.
    pub guard: Vec<OsString>,
}

/// What the tasks of the thread share.
pub(super) struct Agent {
    pub(super) town: SessionName,
    pub(super) here: HostName,
    pub(super) store: FleetStore,
    pub(super) shared: Arc<Shared>,
    /// What this host says of itself.
    pub(super) record: RefCell<HostRecord>,
    pub(super) lease: Cell<Option<LeaseId>>,
    pub(super) link: Mutex<Link>,
    /// The way to the guard was opened once, so its deadline is known.
    pub(super) is_taken_over: Cell<bool>,
    pub(super) lock_delay: Cell<Option<Period>>,
    /// What was last written of each session's state, by the lease that it was written under.
    pub(super) published: RefCell<super::serve::Published>,
}

/// Starts the thread. It ends with the last handle.
///
/// # Errors
/// [`EtcdFault::Settings`], or the system does not let it.
pub fn begin(start: Start) -> io::Result<Handle> {
    let shared = Arc::new(Shared::new(start.host.name.clone(), start.fleet.clone()));
    let (wishes, heard) = mpsc::unbounded_channel();
    let handle = Handle {
        shared: Arc::clone(&shared),
        wishes,
    };
    std::thread::Builder::new()
        .name("fleet".to_owned())
        .spawn(move || run(start, &shared, heard))?;
    Ok(handle)
}

fn run(start: Start, shared: &Arc<Shared>, heard: mpsc::UnboundedReceiver<Wish>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(fault) => return shared.trouble(Some(fault.to_string())),
    };
    runtime.block_on(async {
        match Agent::new(start, Arc::clone(shared)) {
            Ok(agent) => agent.live(heard).await,
            Err(fault) => shared.trouble(Some(fault.to_string())),
        }
    });
}

impl Agent {
    fn new(start: Start, shared: Arc<Shared>) -> Result<Self, EtcdFault> {
        let Start {
            town,
            fleet: _,
            host,
            state,
            guard,
        } = start;
        let store = FleetStore {
            client: EtcdClient::new(&host.access)?,
            keys: Keyspace::new(&town),
        };
        let record = HostRecord {
            instance: crate::proc::own::unique_id(),
            boot: crate::proc::clock::now().boot,
            version: env!("CARGO_PKG_VERSION").to_owned(),
            protocol: PROTOCOL,
            slots: host.slots,
            labels: host.labels,
            ssh: host.ssh,
            signed_out: crate::model::SortedSet::new(),
            guard: true,
        };
        Ok(Self {
            town,
            here: host.name,
            store,
            shared,
            record: RefCell::new(record),
            lease: Cell::new(None),
            link: Mutex::new(Link::new(state, guard)),
            is_taken_over: Cell::new(false),
            lock_delay: Cell::new(None),
            published: RefCell::default(),
        })
    }

    /// All tasks, until the controller has ended.
    async fn live(self, heard: mpsc::UnboundedReceiver<Wish>) {
        tokio::select! {
            () = self.serve(heard) => {}
            () = self.beats() => {}
            () = self.follow() => {}
            () = self.lead() => {}
            () = self.end_in_time() => {}
            () = self.ask_versions() => {}
        }
    }

    pub(super) fn settings(&self) -> StoreSettings {
        self.shared.lock().fleet.settings
    }

    /// Keeps the copy of the store up to date.
    async fn follow(&self) {
        let mut mirror = Mirror::new(self.store.keys.prefix());
        loop {
            match mirror.step(&self.store.client).await {
                Ok(moved) => self.take_in(&mirror, &moved),
                Err(fault) => {
                    tracing::debug!(%fault, "the copy of the store");
                    sleep(REST).await;
                }
            }
        }
    }

    fn take_in(&self, mirror: &Mirror, moved: &Moved) {
        let keys = &self.store.keys;
        let mut inner = self.shared.lock();
        let mut matters = true;
        match moved {
            Moved::Changed(changed) if inner.look.view.is_some() => {
                matters = false;
                for key in changed {
                    let whole = format!("{}{key}", keys.prefix());
                    let Some(parsed) = keys.parse(&whole) else {
                        continue;
                    };
                    matters |= is_of_interest(&parsed) || is_waited_for(&parsed, &inner.fleet);
                    let pair = mirror.get(key);
                    if let FleetKey::Ask(id) = &parsed {
                        let ask = pair.and_then(ask_of);
                        match ask {
                            Some(ask) => drop(inner.look.asks.insert(id.clone(), ask)),
                            None => drop(inner.look.asks.remove(id)),
                        }
                    }
                    if parsed == FleetKey::Manifest {
                        inner.look.manifest = pair.map(manifest_in);
                    }
                    if let Some(view) = &mut inner.look.view {
                        let view = Arc::make_mut(view);
                        match pair {
                            Some(pair) => self.store.put(view, pair),
                            None => view.remove(&parsed),
                        }
                    }
                }
                if let Some(view) = &mut inner.look.view {
                    Arc::make_mut(view).revision = Revision(mirror.revision());
                }
            }
            Moved::Changed(_) | Moved::Listed => {
                inner.look.view = Some(Arc::new(self.store.view_of(mirror)));
                let asks = mirror.below("ask/");
                let asks = asks.filter_map(|(id, pair)| Some((id.to_owned(), ask_of(pair)?)));
                inner.look.asks = asks.collect();
                inner.look.manifest = mirror.get("manifest").map(manifest_in);
            }
        }
        drop(inner);
        self.shared.moved.notify_waiters();
        if matters {
            self.shared.changed.notify_one();
        }
        self.shared.to_place.notify_one();
    }

    /// Waits until the copy has this revision, but not for long.
    pub(super) async fn seen(&self, revision: i64) {
        let wait = async {
            loop {
                let moved = self.shared.moved.notified();
                if self.shared.lock().look.revision().0 >= revision {
                    return;
                }
                moved.await;
            }
        };
        let _ = tokio::time::timeout(Duration::from_millis(500), wait).await;
    }

    /// Asks the members for their versions: some end leases wrongly, and then the leader waits.
    async fn ask_versions(&self) {
        loop {
            let answers = self.store.client.status().await;
            let said = answers.iter().flatten();
            let oldest = said.clone().filter_map(|status| status.version).min();
            if let Some(oldest) = oldest {
                let settings = self.settings();
                self.lock_delay
                    .set(Some(fence::lock_delay(&settings, oldest)));
                self.shared.to_place.notify_one();
                sleep(VERSIONS_EVERY).await;
            } else {
                sleep(REST).await;
            }
        }
    }
}

fn manifest_in(pair: &Pair) -> Arc<str> {
    pair.text().into()
}

/// Whether a change of this key can change what the controller does.
fn is_of_interest(key: &FleetKey) -> bool {
    match key {
        FleetKey::Place(_) | FleetKey::Ask(_) | FleetKey::Manifest => true,
        FleetKey::Leader
        | FleetKey::Host(_)
        | FleetKey::Known(_)
        | FleetKey::Mark(_)
        | FleetKey::Hist(_)
        | FleetKey::Status(_)
        | FleetKey::Plan(_) => false,
    }
}

/// Whether it is the state of a session that another one waits for.
fn is_waited_for(key: &FleetKey, fleet: &Fleet) -> bool {
    let FleetKey::Status(name) = key else {
        return false;
    };
    let mut sessions = fleet.sessions.values();
    sessions.any(|session| session.desired.after.contains_key(name))
}

/// An ask that has no answer yet.
fn ask_of(pair: &Pair) -> Option<Stored<FleetAsk>> {
    let value: FleetAsk = from_bytes(&pair.value).ok()?;
    value.answer.is_none().then_some(Stored {
        value,
        created: Revision(pair.created),
        modified: Revision(pair.written),
    })
}
