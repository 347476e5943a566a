//! A host that signs in first ends the runs that are not its own any more.

use super::agent::Agent;
use super::guard::{EPOCH_VARIABLE, is_of};
use crate::fence::{FleetRun, stale};
use crate::model::{Epoch, Generation, HostName, ProcId, SessionName};
use crate::proc::signal::{Signal, signal};
use crate::proc::{env_tag, process, tree};
use std::time::{Duration, Instant};

/// How long the processes of a stale run may take to be dead.
const PATIENCE: Duration = Duration::from_secs(2);

/// A process of a run on this host.
#[derive(Debug, Clone)]
struct Living {
    run: FleetRun,
    process: ProcId,
}

impl Agent {
    /// Ends the stale runs, by a look at the store that is newer than the sign-in.
    pub(super) async fn clear(&self) -> Result<(), String> {
        let Some(signed_in) = self.state().sign_in() else {
            return Err("this host is not signed in".to_owned());
        };
        let view = self.store.view().await.map_err(|fault| fault.to_string())?;
        let (town, here) = (self.town.clone(), self.here.clone());
        let work = move || {
            let until = Instant::now() + PATIENCE;
            loop {
                let living = living(&town, &here);
                let runs: Vec<FleetRun> = living.iter().map(|it| it.run.clone()).collect();
                let stale = stale(&view, &here, &runs);
                let doomed: Vec<ProcId> = living
                    .iter()
                    .filter(|it| stale.contains(&&it.run))
                    .map(|it| it.process)
                    .collect();
                if doomed.is_empty() {
                    return true;
                }
                for root in doomed {
                    tracing::warn!(pid = root.pid, "a stale run is ended");
                    for member in tree::tree(root) {
                        if !member.stat.comm.starts_with("tmux: server") {
                            signal(member.id, Signal::KILL);
                        }
                    }
                    signal(root, Signal::KILL);
                }
                if Instant::now() >= until {
                    return false;
                }
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        let is_clear = tokio::task::spawn_blocking(work).await.unwrap_or(false);
        if !is_clear {
            return Err("a stale run survives KILL, so this host takes no part".to_owned());
        }
        let mut inner = self.shared.lock();
        inner.look.fence = inner.look.fence.cleared(signed_in);
        drop(inner);
        // The controller may have waited for this. Where the host was placed something before, no
        // change of the store would wake it.
        self.shared.changed.notify_one();
        Ok(())
    }
}

/// The processes of this host that have the tag of this town.
fn living(town: &SessionName, here: &HostName) -> Vec<Living> {
    let all = env_tag::carrying_any(town);
    let mut living = Vec::new();
    for (session, processes) in all {
        for (generation, process) in processes {
            if is_of(process, here) && process::may_live(process) {
                living.push(Living {
                    run: run_of(&session, generation, process),
                    process,
                });
            }
        }
    }
    living
}

fn run_of(session: &SessionName, generation: Generation, process: ProcId) -> FleetRun {
    let epoch = env_tag::variable(process.pid, EPOCH_VARIABLE);
    FleetRun {
        session: session.clone(),
        epoch: Epoch(epoch.and_then(|text| text.parse().ok()).unwrap_or(0)),
        generation,
    }
}
