//! The part of a town that is placed on a host.

use super::guard::{EPOCH_VARIABLE, HOST_VARIABLE, SOCKET_VARIABLE};
use crate::model::SortedMap;
use crate::model::{
    Desired, Epoch, FleetView, HostName, HostRecord, Leave, LossPolicy, Placement, SessionName,
    Stored, Town,
};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// Where the sessions of a town are.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Placed {
    /// Each session with its host and the epoch in which it came there. What has left its host is
    /// left out.
    pub sessions: SortedMap<SessionName, (HostName, Epoch)>,
    /// Those that shall leave their host, and why.
    #[serde(default)]
    pub leaving: SortedMap<SessionName, Leave>,
    /// How each host that says it is reached by ssh.
    #[serde(default)]
    pub ssh: SortedMap<HostName, String>,
}

/// Where the sessions are, and which of them shall leave.
#[must_use]
pub fn placed(view: &FleetView) -> Placed {
    let there = view.places.iter().filter(|(name, place)| {
        let hist = view.hists.get(*name);
        hist.is_none_or(|hist| hist.value.released != Some(place.epoch()))
    });
    let at = |(name, place): (&SessionName, &Stored<Placement>)| {
        (name.clone(), (place.value.host.clone(), place.epoch()))
    };
    let reached = |(name, host): (&HostName, &Stored<HostRecord>)| {
        Some((name.clone(), host.value.ssh.clone()?))
    };
    let leaves = |(name, place): (&SessionName, &Stored<Placement>)| {
        Some((name.clone(), place.value.leave?))
    };
    Placed {
        sessions: there.clone().map(at).collect(),
        leaving: there.filter_map(leaves).collect(),
        ssh: view.hosts.iter().filter_map(reached).collect(),
    }
}

/// The town with the sessions that are placed on this host. Those of other hosts are noted as such.
/// `state` is the folder of the guard's socket.
#[must_use]
pub fn placed_here(town: &Town, here: &HostName, placed: &Placed, state: &Path) -> Town {
    let Some(fleet) = &town.hosts.fleet else {
        return town.clone();
    };
    let mut town = town.clone();
    // What an earlier look has put in.
    town.sessions
        .retain(|name, _| !fleet.sessions.contains_key(name));
    town.hosts.elsewhere.clear();
    town.hosts.leaving.clear();
    for (name, session) in &fleet.sessions {
        match placed.sessions.get(name) {
            Some((host, epoch)) if host == here => {
                let movable = session.on_host_loss == LossPolicy::Move;
                let mut desired = marked(&session.desired, *epoch, movable.then_some(state));
                let variables = &mut desired.identity_env;
                variables.insert(HOST_VARIABLE.to_owned(), here.to_string());
                town.sessions.insert(name.clone(), desired);
                let leaving = placed.leaving.get(name);
                let leaving = leaving.map(|why| (name.clone(), *why));
                town.hosts.leaving.extend(leaving);
            }
            Some((host, _)) => {
                let elsewhere = (host.clone(), session.desired.clone());
                town.hosts.elsewhere.insert(name.clone(), elsewhere);
            }
            None => {}
        }
    }
    town.hosts.here = Some(here.clone());
    town
}

/// A session with the variables that say in which epoch it runs, and which guard it asks.
fn marked(desired: &Desired, epoch: Epoch, guard: Option<&Path>) -> Desired {
    let mut desired = desired.clone();
    // Once it is placed elsewhere, what is left of it here is removed.
    desired.prune = true;
    let variables = &mut desired.identity_env;
    variables.insert(EPOCH_VARIABLE.to_owned(), epoch.to_string());
    if let Some(state) = guard {
        let state = state.display().to_string();
        variables.insert(SOCKET_VARIABLE.to_owned(), state);
    }
    desired
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{FleetKey, Revision};

    #[test]
    fn a_host_says_how_it_is_reached_and_what_leaves_it_says_why() {
        let mut view = FleetView::default();
        let (host, at) = (HostName::new("a").unwrap(), Revision(3));
        let record = HostRecord {
            ssh: Some("me@a".to_owned()),
            ..HostRecord::default()
        };
        let text = serde_json::to_string(&record).unwrap();
        view.put(&FleetKey::Host(host.clone()), &text, at, at);
        let leaves = Placement {
            leave: Some(Leave::Drained),
            ..Placement::new(host.clone())
        };
        for (name, place) in [("x", Placement::new(host.clone())), ("y", leaves)] {
            let key = FleetKey::Place(SessionName::new(name).unwrap());
            view.put(&key, &serde_json::to_string(&place).unwrap(), at, at);
        }
        let placed = placed(&view);
        let names: Vec<&str> = placed.sessions.keys().map(SessionName::as_str).collect();
        assert_eq!(names, ["x", "y"]);
        let leaving = SessionName::new("y").unwrap();
        assert_eq!(placed.leaving, [(leaving, Leave::Drained)].into());
        assert_eq!(placed.ssh, [(host, "me@a".to_owned())].into());
    }
}
