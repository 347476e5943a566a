//! Makes values that many tests need: names, towns, sessions, tables of a manifest.

use gtctl::model::SortedMap;
use gtctl::model::{
    Agent, Backoff, Completion, Desired, Gastown, Hosts, Idling, Launch, Limits, Logs, OnDrift,
    Period, ProcId, RestartPolicy, SessionName, Socket, StartBudget, Town, WhenAttached,
};
use gtctl::proc::process;
use serde_json::Value;
use std::sync::Arc;

/// Tables of a manifest with which things happen soon. Ends within `[defaults]`.
pub(crate) const QUICK: &str =
    "[controller]\nresync = \"1s\"\n[defaults]\nready_after = \"100ms\"\nstop_grace = \"1s\"\n";

pub(crate) fn name(text: &str) -> SessionName {
    SessionName::new(text).unwrap()
}

/// A town named `town` of these sessions, whose agents are known by these process names.
pub(crate) fn town(sessions: &[(&str, &[&str])]) -> Town {
    Town {
        name: name("town"),
        root: None,
        gastown: Gastown::default(),
        unstartable: SortedMap::new(),
        socket: Socket::Default,
        sessions: sessions
            .iter()
            .map(|(n, names)| (name(n), sleeping(n, names)))
            .collect(),
        policies: Vec::new(),
        chores: Vec::new(),
        limits: Limits {
            starts: StartBudget::Auto,
            ..Limits::default()
        },
        resync: Period::from_secs(30),
        metrics: None,
        web: None,
        record: None,
        notify: None,
        hosts: Hosts::default(),
    }
}

/// A session that runs `sleep` for long.
fn sleeping(session: &str, process_names: &[&str]) -> Desired {
    Desired {
        name: name(session),
        role: "custom".into(),
        rig: None,
        agent: Arc::new(Agent {
            name: "test".into(),
            process_names: process_names.iter().map(|n| (*n).to_owned()).collect(),
            ..Agent::default()
        }),
        launch: Launch::Tmux,
        command: vec!["sleep".into(), "1000".into()],
        dir: "/".into(),
        env: SortedMap::default(),
        identity_env: SortedMap::default(),
        env_files: Vec::new(),
        pass_env: gtctl::model::SortedSet::new(),
        moved: gtctl::model::SortedSet::new(),
        enabled: true,
        schedule: None,
        restart: RestartPolicy::Always,
        wave: 0,
        after: SortedMap::default(),
        ready_after: Period::from_secs(1),
        ready: None,
        max_age: None,
        handoff: None,
        handoff_gap: Period::from_hours(1),
        drain: Period::from_mins(5),
        idling: Idling::default(),
        max_memory: None,
        tokens: gtctl::model::TokenLimits::default(),
        on_drift: OnDrift::default(),
        on_upgrade: gtctl::model::OnUpgrade::default(),
        resume: gtctl::model::ResumePolicy::default(),
        when_attached: WhenAttached::default(),
        stop_grace: Period::from_secs(30),
        completion: Completion {
            markers: Vec::new(),
            grace: Period::ZERO,
            log: None,
            turn_ended: None,
        },
        backoff: Backoff::default(),
        logs: Logs::default(),
        instructions: None,
        prune: false,
        policy: None,
    }
}

/// A session that runs this, anywhere.
pub(crate) fn desired(session: &str, command: &[&str]) -> Desired {
    let command = command.iter().map(|&word| word.to_owned()).collect();
    Desired {
        command,
        dir: std::env::temp_dir(),
        ..sleeping(session, &[])
    }
}

/// The living process of this pid.
pub(crate) fn proc_of(pid: &str) -> ProcId {
    process::identify(pid.trim().parse().unwrap()).unwrap()
}

/// A session that runs this script, as a table of the manifest with further lines.
pub(crate) fn session(name: &str, script: &str, more: &str) -> String {
    let script = Value::from(script);
    format!("[[session]]\nsession = \"{name}\"\ncommand = [\"sh\", \"-c\", {script}]\n{more}\n")
}

/// A session that sleeps.
pub(crate) fn sleeper(name: &str, more: &str) -> String {
    format!("[[session]]\nsession = \"{name}\"\ncommand = [\"sleep\", \"100000\"]\n{more}\n")
}
