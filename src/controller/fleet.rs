//! What a controller does in a town whose hosts share a store: it runs what is placed here, asks for
//! leave before each start, and tells how its sessions are.

use super::asked::Asked;
use super::cycle::CycleFault;
use super::preparing::Preparing;
use super::setup::Controller;
use crate::fence::comes_by_move;
use crate::fleet::guard::is_of;
use crate::fleet::{FleetLook, Handle, Placed, SessionReport, StartAsk, placed, placed_here};
use crate::memory::ask;
use crate::model::{
    Action, AskAnswer, AskVerb, Block, Epoch, FleetView, HostName, Memory, Observed, Phase,
    Placement, Plan, Request, SessionName, SessionStatus, Stored, Town,
};
use crate::model::{SortedMap, SortedSet};
use crate::proc::env_tag;
use crate::reconcile::{Decided, Learned, Settled};
use std::borrow::Cow;
use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

/// How soon a start that was refused is tried again.
const RETRY: Duration = Duration::from_millis(300);

/// The part that this controller has in a fleet. Nothing in a town without a store.
#[derive(Debug, Default)]
pub(super) struct FleetPart(Option<Part>);

#[derive(Debug)]
struct Part {
    handle: Handle,
    /// The state directory, as the sessions see it.
    state: PathBuf,
    look: FleetLook,
    placed: Placed,
    /// The host was signed in and rid of what is stale, at least once.
    has_joined: bool,
    /// The sessions whose history was taken over from another host, each in its epoch.
    adopted: SortedMap<SessionName, Epoch>,
    /// What was asked of sessions here, and is taken in by this cycle.
    taken: Vec<(String, String)>,
    refused: SortedMap<SessionName, String>,
    preparing: Preparing,
    /// The texts that are typed for people on other hosts.
    asked: Asked,
    /// What people should know, with the next cycle.
    notices: Vec<String>,
}

impl FleetPart {
    /// Waits until a cycle is worth it. Without end in a town without a store.
    pub(super) async fn wait(&self) {
        let Some(part) = &self.0 else {
            return std::future::pending().await;
        };
        let is_busy = part.preparing.is_busy() || part.asked.is_busy();
        if part.refused.is_empty() && !is_busy {
            return part.handle.changed().await;
        }
        tokio::select! {
            () = part.handle.changed() => {}
            () = tokio::time::sleep(RETRY) => {}
        }
    }
}

impl Controller {
    /// Takes part in a fleet from now on. `own` is this program, with the words that name the town.
    pub fn join_fleet(&mut self, handle: Handle, own: Vec<OsString>) {
        let state = self.store.view().path();
        let state = std::path::absolute(state).unwrap_or_else(|_| state.to_path_buf());
        self.fleet = FleetPart(Some(Part {
            handle,
            state,
            look: FleetLook::default(),
            placed: Placed::default(),
            has_joined: false,
            adopted: SortedMap::new(),
            taken: Vec::new(),
            refused: SortedMap::new(),
            preparing: Preparing::default(),
            asked: Asked::new(own),
            notices: Vec::new(),
        }));
    }

    /// Takes in what the manifest says of the fleet now.
    pub(super) fn declare_fleet(&self, town: &Town) {
        if let (Some(part), Some(fleet)) = (&self.fleet.0, &town.hosts.fleet) {
            part.handle.declare(fleet);
        }
    }

    /// The town with what is placed here. The town itself where there is no store.
    ///
    /// # Errors
    /// [`CycleFault::Fleet`] before the store was read: then nobody knows what is placed here, so
    /// nothing is started and nothing is ended.
    pub(super) fn placed<'t>(&mut self, town: &'t Town) -> Result<Cow<'t, Town>, CycleFault> {
        let Some(part) = &mut self.fleet.0 else {
            return Ok(Cow::Borrowed(town));
        };
        part.look = part.handle.look();
        part.has_joined |= part.look.fence.takes_part();
        let why = || part.look.trouble.clone();
        let Some(view) = part.look.view.as_ref().filter(|_| part.has_joined) else {
            let why = why().unwrap_or_else(|| "this host signs in".to_owned());
            return Err(CycleFault::Fleet(why));
        };
        let now = placed(view);
        if now != part.placed {
            if let Err(fault) = self
                .store
                .write_placed(&serde_json::to_string(&now).unwrap_or_default())
            {
                tracing::warn!(%fault, "where the sessions are was not written");
            }
            part.placed = now;
        }
        let mut here = placed_here(town, part.handle.here(), &part.placed, &part.state);
        here.hosts.statuses = statuses_elsewhere(view, part.handle.here());
        here.hosts.arrivals = arrivals(view, part.handle.here());
        let declared = town.hosts.fleet.iter().flat_map(|fleet| &fleet.sessions);
        for (name, session) in declared {
            let is_prepared =
                session.prepare.is_empty() || is_prepared(view, part.handle.here(), name);
            if !is_prepared
                && !here.hosts.leaving.contains_key(name)
                && here.sessions.contains_key(name)
                && !part.preparing.is_ready(name, session, &mut part.notices)
            {
                here.sessions.remove(name);
            }
        }
        Ok(Cow::Owned(here))
    }

    /// Gives the memory what other hosts remember of the sessions that have come here, and what was
    /// asked of sessions here.
    pub(super) fn with_fleet_news(&mut self, town: &Town, mut memory: Memory) -> Memory {
        let Some(part) = &mut self.fleet.0 else {
            return memory;
        };
        let Some(view) = &part.look.view else {
            return memory;
        };
        let here = part.handle.here();
        for name in town.sessions.keys() {
            let (Some(hist), Some(place)) = (view.hists.get(name), view.places.get(name)) else {
                continue;
            };
            let history = memory.sessions.entry(name.clone()).or_default();
            history.generation = history.generation.max(hist.value.generation);
            let epoch = place.epoch();
            let is_of_another = hist.value.host.as_ref() != Some(here);
            if is_of_another && part.adopted.get(name) != Some(&epoch) {
                hist.value.give_to(history);
            }
            part.adopted.insert(name.clone(), epoch);
        }
        part.taken.clear();
        for (id, asked) in &part.look.asks {
            let name = &asked.value.session;
            if !town.sessions.contains_key(name) {
                continue;
            }
            let Some(request) = request(asked.value.verb) else {
                part.asked.nudge(id, &asked.value);
                continue;
            };
            memory = ask(memory, name, request);
            let said = format!("{name}: asked for on host {here}");
            part.taken.push((id.clone(), said));
        }
        memory
    }

    /// What was seen, where what was ended because the store was lost is no crash.
    pub(super) fn forgiven<'t>(&self, town: &Town, learned: Learned<'t>) -> Learned<'t> {
        let Some(part) = &self.fleet.0 else {
            return learned;
        };
        // The end of what this look has seen may be newer than the look at the store.
        match (&town.hosts.fleet, part.handle.ended()) {
            (Some(fleet), Some(ended)) => learned.knowing(|memory| ended.forgive(fleet, memory)),
            _ => learned,
        }
    }

    /// The decision without the starts that the store does not permit.
    pub(super) async fn permitted<'t>(
        &mut self,
        decided: Decided<'t>,
        notices: &mut Vec<String>,
    ) -> Decided<'t> {
        let Some(part) = &mut self.fleet.0 else {
            return decided;
        };
        notices.append(&mut part.notices);
        let asks: Vec<StartAsk> = decided
            .plan()
            .steps
            .iter()
            .filter_map(|step| {
                let generation = match &step.action {
                    Action::Start { generation, .. } | Action::Restart { generation, .. } => {
                        *generation
                    }
                    _ => return None,
                };
                let history = decided.memory().sessions.get(&step.session);
                Some(StartAsk {
                    session: step.session.clone(),
                    generation,
                    history: history.cloned().unwrap_or_default(),
                })
            })
            .collect();
        if asks.is_empty() {
            part.refused.clear();
            return decided;
        }
        let refused = part.handle.refused(asks).await;
        for (name, why) in &refused {
            if part.refused.get(name) != Some(why) {
                notices.push(format!("{name} is not started: {why}"));
            }
        }
        let names: SortedSet<SessionName> = refused.keys().cloned().collect();
        part.refused = refused;
        decided.without_steps(names)
    }

    /// Tells the fleet how the sessions of this host are, and answers what was asked.
    pub(super) fn report_to_fleet(&mut self, settled: &Settled<'_>) {
        let Some(part) = &mut self.fleet.0 else {
            return;
        };
        for (id, said) in part.taken.drain(..) {
            let answer = AskAnswer {
                exit: 0,
                message: said,
            };
            part.handle.answer(&id, answer);
        }
        for (id, answer) in part.asked.answers() {
            part.handle.answer(&id, answer);
        }
        let Some(view) = &part.look.view else {
            return;
        };
        let (decided, memory) = (settled.decided(), settled.memory());
        let here = part.handle.here();
        let ours = view.places.iter();
        let ours = ours.filter(|(_, place)| place.value.host == *here);
        let phases = phases(decided.plan());
        let next = next_steps(decided.plan());
        let observed = decided.observed();
        let leaving = leaving(view, decided.town(), here, observed);
        let left = if leaving.is_empty() {
            SortedMap::new()
        } else {
            let town = &decided.town().name;
            let mut left = env_tag::carrying_those(town, |name| leaving.contains(name));
            left.retain(|_, all| all.iter().any(|(_, process)| is_of(*process, here)));
            left
        };
        let reports = ours.map(|(name, place)| {
            let history = memory.sessions.get(name).cloned().unwrap_or_default();
            let run = history.run.as_ref();
            let (next, held) = next.get(name).cloned().unwrap_or_default();
            // A start that was refused is no part of the decision any more.
            let waits = || {
                let is_absent = part.refused.contains_key(name) && !is_seen(observed, name);
                is_absent.then(|| Phase::Absent.word())
            };
            let phase = phases.get(name).copied().or_else(waits);
            let status = phase.map(|phase| SessionStatus {
                host: here.clone(),
                epoch: place.epoch(),
                generation: run.map(|run| run.generation).unwrap_or_default(),
                phase: phase.to_owned(),
                ready: run.is_some_and(|run| run.ready.is_some()),
                completed: history.finished.is_some_and(|finished| finished.well),
                next,
                held,
                manifest: part.handle.manifest(),
            });
            let report = SessionReport {
                history,
                status,
                is_prepared: part.preparing.is_done(name),
                is_gone: leaving.contains(name) && !left.contains_key(name),
            };
            (name.clone(), report)
        });
        part.handle.report(reports.collect());
        part.handle
            .tell_signed_out(signed_out(decided.town(), decided.plan()));
    }
}

/// Whether the store knows that this host is ready for a session: its command has succeeded here, or
/// it has run here since it came.
fn is_prepared(view: &FleetView, here: &HostName, name: &SessionName) -> bool {
    let Some(hist) = view.hists.get(name) else {
        return false;
    };
    let epoch = view.places.get(name).map(Stored::epoch);
    let has_run = hist.value.host.as_ref() == Some(here) && Some(hist.value.epoch) == epoch;
    has_run || hist.value.prepared.contains(here)
}

/// The sessions of this host that tmux has no more, and that shall leave it. Empty where the
/// look has not seen everything.
fn leaving(
    view: &FleetView,
    town: &Town,
    here: &HostName,
    observed: &Observed,
) -> SortedSet<SessionName> {
    let ours = view.places.iter();
    ours.filter(|(name, place)| {
        let stays = town.sessions.contains_key(*name) && !town.hosts.leaving.contains_key(*name);
        place.value.host == *here && !stays && !is_seen(observed, name)
    })
    .map(|(name, _)| name.clone())
    .collect()
}

/// Whether tmux has this session, or may have it.
fn is_seen(observed: &Observed, name: &SessionName) -> bool {
    match observed {
        Observed::Up(server) => {
            server.sessions.contains_key(name.as_str()) || server.moved.contains_key(name)
        }
        Observed::Down => false,
        Observed::Unknown(_) => true,
    }
}

/// What is asked for by hand. None for a text, which is typed beside the cycles.
fn request(verb: AskVerb) -> Option<Request> {
    match verb {
        AskVerb::Start => Some(Request::Start),
        AskVerb::Stop => Some(Request::Stop),
        AskVerb::Down => Some(Request::Down),
        AskVerb::Restart => Some(Request::Restart),
        AskVerb::RestartResuming => Some(Request::RestartResuming),
        AskVerb::RestartFresh => Some(Request::RestartFresh),
        AskVerb::Reset => Some(Request::Reset),
        AskVerb::Nudge => None,
    }
}

/// The agents of which a session shows here that it is signed out.
fn signed_out(town: &Town, plan: &Plan) -> SortedSet<String> {
    let unchanged = plan
        .unchanged
        .iter()
        .map(|same| (&same.session, same.phase));
    let held = plan.held.iter().map(|held| (&held.session, held.phase));
    let out = unchanged
        .chain(held)
        .filter(|(_, phase)| *phase == Phase::Blocked(Block::Auth));
    let agents = out.filter_map(|(name, _)| town.sessions.get(name));
    agents.map(|desired| desired.agent.name.clone()).collect()
}

/// How the sessions of other hosts are. What a host has said before the session left it does not
/// count.
fn statuses_elsewhere(view: &FleetView, here: &HostName) -> SortedMap<SessionName, SessionStatus> {
    let all = view.statuses.iter();
    let current = all.filter(|(name, status)| {
        let place = view.places.get(*name);
        place.is_some_and(|place| place.value.host != *here && place.epoch() == status.value.epoch)
    });
    current
        .map(|(name, status)| (name.clone(), status.value.clone()))
        .collect()
}

/// The sessions that have run on another host and were not permitted to start here since they came.
fn arrivals(view: &FleetView, here: &HostName) -> SortedSet<SessionName> {
    let ours = view.places.iter();
    let ours = ours.filter(|(_, place)| place.value.host == *here);
    let has_come = |name: &SessionName, place: &Stored<Placement>| {
        let hist = view.hists.get(name);
        hist.is_some_and(|hist| {
            comes_by_move(&hist.value, here) && hist.value.epoch < place.epoch()
        })
    };
    ours.filter(|(name, place)| has_come(name, place))
        .map(|(name, _)| name.clone())
        .collect()
}

/// What happens next to each session, and what holds it: codes only, which do not change by
/// themselves.
fn next_steps(plan: &Plan) -> SortedMap<SessionName, (Option<String>, Option<String>)> {
    let steps = plan.steps.iter().map(|step| {
        let next = format!("{}: {}", step.action.verb().word(), step.reason.code());
        (step.session.clone(), (Some(next), None))
    });
    let held = plan.held.iter().map(|held| {
        let next = format!("{}: {}", held.verb.word(), held.reason.code());
        let hold = held.hold.code().to_owned();
        (held.session.clone(), (Some(next), Some(hold)))
    });
    steps.chain(held).collect()
}

/// The word for the phase of each session in a plan.
fn phases(plan: &Plan) -> SortedMap<SessionName, &'static str> {
    let unchanged = plan.unchanged.iter();
    let unchanged = unchanged.map(|same| (same.session.clone(), same.phase.word()));
    let held = plan.held.iter();
    let held = held.map(|held| (held.session.clone(), held.phase.word()));
    let steps = plan.steps.iter().map(|step| {
        let phase = match &step.action {
            Action::Expire { .. } => Phase::Stopping,
            _ => Phase::Starting,
        };
        (step.session.clone(), phase.word())
    });
    unchanged.chain(held).chain(steps).collect()
}
