use super::*;
use crate::memory::learn;
use crate::model::SortedMap;
use crate::model::{
    Fingerprint, Generation, Incarnation, Label, Observed, Origin, Ownership, PaneId, ProcId, Rung,
    ServerId, SessionId, SessionName,
};
use crate::sim::{Random, random_town};

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 900_000_000,
    boot: 7,
};
const SERVER: ServerId = ServerId(ProcId { pid: 1, start: 1 });
const AGENT: ProcId = ProcId { pid: 9, start: 9 };

fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

fn town() -> Town {
    let mut town = random_town(name("town"), &mut Random::new(1));
    town.sessions.clear();
    town.policies.clear();
    town
}

/// A memory of one session that was asked to end for this reason, an hour after its start.
fn asked(reason: &str) -> Memory {
    let stopping = Stopping {
        generation: Generation(3),
        since: NOW,
        rung: Rung::Ask,
        rung_at: NOW,
        purpose: Purpose::Expire,
        reason: reason.into(),
        begun_for: None,
        tree: vec![AGENT],
    };
    let started = NOW.minus(Period::from_hours(1));
    let run = Incarnation::new(Generation(3), started, None);
    let mut memory = Memory {
        server: Some(SERVER),
        last_look: Some(NOW),
        ..Memory::default()
    };
    let history = History {
        generation: Generation(3),
        run: Some(run),
        stopping: Some(stopping),
        ..History::default()
    };
    memory.sessions.insert(name("a"), history);
    memory
}

fn seen(ownership: Ownership, process: ProcId) -> Seen {
    Seen {
        id: SessionId(1),
        attached: 0,
        created: 0,
        quiet: Period::ZERO,
        activity: 0,
        title: String::new(),
        screen: None,
        heard: None,
        ownership,
        pane: PaneId(1),
        life: Life::Alive {
            process,
            matches: true,
            comm: String::new(),
        },
        usage: None,
        footprint: None,
        commands: None,
        is_replaced: None,
        reported: None,
    }
}

fn up(id: ServerId, sessions: &[(&str, Seen)]) -> Observed {
    let sessions = sessions
        .iter()
        .map(|(name, seen)| ((*name).to_owned(), seen.clone()))
        .collect();
    Observed::Up(Server {
        id,
        version: "3.3a".into(),
        sessions,
        moved: SortedMap::new(),
        own: None,
        ended: SortedMap::new(),
        unpiped: crate::model::SortedSet::new(),
    })
}

fn ours() -> Ownership {
    Ownership::Ours(Label {
        session: name("a"),
        started_as: None,
        generation: Generation(3),
        started: NOW.minus(Period::from_hours(1)),
        pane: PaneId(1),
        fingerprint: None,
        handoff: None,
        origin: Origin::Policy,
        conversation: None,
    })
}

/// What is noted after these looks, a second apart.
fn noted(mut memory: Memory, looks: &[Observed]) -> Vec<Departure> {
    for (look, n) in looks.iter().zip(1..) {
        memory = learn(memory, &town(), look, NOW.plus(Period::from_secs(n)));
    }
    memory.departures
}

#[test]
fn an_end_that_was_asked_for_is_noted_once() {
    let other = || ("other", seen(Ownership::Unlabelled, AGENT));
    let gone = || up(SERVER, &[other()]);
    let there = || up(SERVER, &[("a", seen(ours(), AGENT)), other()]);
    let unknown = || Observed::Unknown("no answer".into());
    let noted = noted(
        asked("too-quiet"),
        &[there(), unknown(), gone(), gone(), Observed::Down],
    );
    assert_eq!(noted.len(), 1);
    assert_eq!(
        (
            noted[0].session.as_str(),
            noted[0].generation,
            noted[0].asked
        ),
        ("a", Generation(3), NOW)
    );
    assert_eq!(noted[0].gone, NOW.plus(Period::from_secs(3)));
    assert_eq!(
        idle_spared(&noted[0]),
        Period::from_hours(23).minus(Period::from_secs(3))
    );
}

#[test]
fn a_server_that_ends_with_its_last_session_was_not_lost() {
    let memory = learn(
        asked("too-old"),
        &town(),
        &Observed::Down,
        NOW.plus(Period::from_secs(1)),
    );
    assert_eq!(
        (memory.departures.len(), memory.server_losses.len()),
        (1, 0)
    );
    let mut restarting = asked("too-old");
    restarting.sessions.get_mut("a").unwrap().stopping = None;
    let memory = learn(
        restarting,
        &town(),
        &Observed::Down,
        NOW.plus(Period::from_secs(1)),
    );
    assert_eq!(
        (memory.departures.len(), memory.server_losses.len()),
        (0, 1)
    );
}

#[test]
fn a_session_without_its_labels_has_not_gone_and_another_of_its_name_is_another() {
    let stripped = up(SERVER, &[("a", seen(Ownership::Unlabelled, AGENT))]);
    assert_eq!(noted(asked("marked"), &[stripped]), []);
    let stranger = || seen(Ownership::Unlabelled, ProcId { pid: 10, start: 99 });
    assert_eq!(
        noted(asked("marked"), &[up(SERVER, &[("a", stranger())])]).len(),
        1
    );
    let elsewhere = ServerId(ProcId { pid: 2, start: 2 });
    let same_pid = up(elsewhere, &[("a", seen(Ownership::Unlabelled, AGENT))]);
    assert_eq!(
        noted(asked("marked"), &[same_pid]).len(),
        1,
        "nothing of a former server is there"
    );
}

#[test]
fn what_somebody_asked_for_spares_no_idling() {
    let noted = noted(asked("asked"), &[Observed::Down]);
    assert_eq!(idle_spared(&noted[0]), Period::ZERO);
}

#[test]
fn a_departure_is_well_only_if_the_work_was_said_to_be_done() {
    let fingerprint = Fingerprint {
        command: 1,
        dir: 2,
        env: 3,
    };
    let finished = |reason: &str| {
        let mut memory = asked(reason);
        let history = memory.sessions.get_mut("a").unwrap();
        history.handoff = Some(NOW);
        let run = history.run.as_mut().unwrap();
        run.fingerprint = Some(fingerprint);
        let memory = learn(memory, &town(), &Observed::Down, NOW);
        memory.sessions["a"].finished.unwrap()
    };
    for (reason, well) in [
        ("marked", true),
        ("turn-ended", true),
        ("completed", true),
        ("too-quiet", false),
        ("asked", false),
    ] {
        let finished = finished(reason);
        assert_eq!(
            (finished.well, finished.death, finished.fingerprint),
            (well, None, fingerprint),
            "{reason}"
        );
    }
}

#[test]
fn a_departure_dates_only_the_run_that_was_asked_to_end() {
    let mut memory = asked("too-quiet");
    let history = memory.sessions.get_mut("a").unwrap();
    history.run.as_mut().unwrap().generation = Generation(4);
    let memory = learn(memory, &town(), &Observed::Down, NOW);
    let departure = &memory.departures[0];
    assert_eq!(
        (departure.generation, departure.started),
        (Generation(3), None)
    );
}
