use super::*;
use crate::model::{PaneId, ProcId, ServerId, SessionId, SessionName, WhenAttached};
use crate::sim::session;

const NOW: Moment = Moment {
    wall: 1_790_000_000_000,
    awake: 900_000_000,
    boot: 7,
};
const SERVER: ServerId = ServerId(ProcId { pid: 1, start: 1 });

#[test]
fn a_restart_under_a_lowered_label_is_owed_a_start_until_a_later_run_begins() {
    let name = SessionName::new("a").unwrap();
    let run = Incarnation::new(Generation(9), NOW, None);
    let mut memory = Memory::default();
    memory.sessions.insert(
        name.clone(),
        History {
            generation: Generation(9),
            run: Some(run.clone()),
            ..History::default()
        },
    );
    let target = Target {
        server: SERVER,
        session: SessionId(1),
        pane: PaneId(1),
        generation: Some(Generation(4)),
        whose: None,
        process: None,
        attached: WhenAttached::Hold,
    };
    let action = Action::Restart {
        desired: Box::new(session(name.clone())),
        target,
        rung: Rung::Ask,
        generation: Generation(10),
        handoff: None,
        crashes: 0,
        conversation: crate::model::Conversation::Unnamed,
    };
    let step = Step {
        session: name.clone(),
        action,
        reason: Reason::Asked,
        phase: Phase::Absent,
    };
    let mut memory = intend(
        memory,
        &Plan {
            steps: vec![step],
            ..Plan::default()
        },
        NOW,
    );
    let history = memory.sessions.get_mut(&name).unwrap();
    assert!(
        history.is_owed_a_start(),
        "the remembered run is not the fresh one"
    );
    history.run = Some(Incarnation {
        generation: Generation(10),
        ..run
    });
    assert!(!history.is_owed_a_start());
}
