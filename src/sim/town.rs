//! Makes small random towns, and edits them as their owners would.

use super::Random;
use crate::model::{
    Agent, Awaited, Backoff, Completion, ContextLimit, Desired, Gastown, Hosts, Idling, Launch,
    Limits, Logs, Marker, Milestone, NudgeText, OnDrift, OnIdle, OnLimitEnd, OnUpgrade, Period,
    Policy, ReadyProbe, ReadyQuestion, RestartPolicy, Schedule, SessionName, Socket, StartBudget,
    TokenLimits, Town, WhenAttached, Zone,
};
use crate::model::{SortedMap, SortedSet};
use std::path::PathBuf;
use std::sync::Arc;

/// A service with every default and no limits.
#[must_use]
pub fn session(name: SessionName) -> Desired {
    Desired {
        role: "custom".to_owned(),
        rig: None,
        agent: Arc::new(Agent {
            name: "claude".to_owned(),
            process_names: vec!["claude".to_owned()],
            ..Agent::default()
        }),
        launch: Launch::Tmux,
        command: vec!["claude".to_owned()],
        dir: PathBuf::from("/town"),
        env: SortedMap::new(),
        identity_env: SortedMap::new(),
        env_files: Vec::new(),
        pass_env: SortedSet::new(),
        moved: SortedSet::new(),
        enabled: true,
        schedule: None,
        restart: RestartPolicy::Always,
        wave: 0,
        after: SortedMap::new(),
        ready_after: Period::from_secs(5),
        ready: None,
        max_age: None,
        handoff: None,
        handoff_gap: Period::from_hours(1),
        drain: Period::from_mins(5),
        idling: Idling::default(),
        max_memory: None,
        tokens: TokenLimits::default(),
        on_drift: OnDrift::RestartWhenIdle,
        on_upgrade: OnUpgrade::Report,
        resume: crate::model::ResumePolicy::default(),
        when_attached: WhenAttached::Hold,
        stop_grace: Period::from_secs(30),
        completion: Completion {
            markers: vec![],
            grace: Period::from_mins(5),
            log: None,
            turn_ended: None,
        },
        backoff: Backoff::default(),
        logs: Logs::default(),
        instructions: None,
        prune: false,
        policy: None,
        name,
    }
}

/// A town of one to twelve sessions, `gt-x-1` to `gt-x-12`.
///
/// One name can be the start of another, as `gt-x-1` is of `gt-x-10`: tmux could confuse the two.
#[must_use]
pub fn random_town(name: SessionName, random: &mut Random) -> Town {
    let size = random.between(1, 12);
    let mut sessions = SortedMap::new();
    for index in 0..size {
        if let Some(desired) = random_session(random, index) {
            sessions.insert(desired.name.clone(), desired);
        }
    }
    allow_order(&mut sessions);
    Town {
        name,
        root: None,
        gastown: Gastown::default(),
        unstartable: SortedMap::new(),
        socket: Socket::Default,
        sessions,
        policies: random_policies(random),
        chores: vec![],
        limits: Limits {
            concurrent_starts: u32::try_from(random.between(1, 3)).unwrap_or(1),
            starts: if random.chance(200) {
                StartBudget::Fixed(8)
            } else {
                StartBudget::Auto
            },
            ..Limits::default()
        },
        resync: Period::from_secs(random.pick(&[30, 60, 300, 3600, 14_400]).unwrap_or(30)),
        metrics: None,
        web: None,
        record: None,
        notify: None,
        hosts: Hosts::default(),
    }
}

/// Policies for sessions that others start. The last pattern also matches names of declared ones.
fn random_policies(random: &mut Random) -> Vec<Policy> {
    let mut policies = vec![];
    for pattern in ["task-1*", "task-*", "gt-x-1?"] {
        if random.chance(250) {
            policies.push(random_policy(pattern, random));
        }
    }
    policies
}

fn random_policy(pattern: &str, random: &mut Random) -> Policy {
    let grace = random
        .pick(&[0, 5, 300])
        .map_or(Period::ZERO, Period::from_secs);
    let completion = Completion {
        markers: vec![Marker::Text("DONE".to_owned())],
        grace,
        log: None,
        turn_ended: None,
    };
    Policy {
        pattern: pattern.to_owned(),
        max_age: random_age(random),
        idle_limit: random_idling(random).idle_limit,
        busy: vec![],
        completion: random.chance(500).then_some(completion),
        max_memory: None,
        when_attached: if random.chance(150) {
            WhenAttached::Proceed
        } else {
            WhenAttached::Hold
        },
        stop_grace: Period::from_secs(random.between(1, 40)),
    }
}

fn nth_name(nth: u64) -> Option<SessionName> {
    SessionName::new(&format!("gt-x-{nth}")).ok()
}

fn random_session(random: &mut Random, index: u64) -> Option<Desired> {
    let mut desired = session(nth_name(index.saturating_add(1))?);
    desired.wave = u32::try_from(random.below(3)).unwrap_or(0);
    desired.restart = random
        .pick(&[
            RestartPolicy::Always,
            RestartPolicy::Always,
            RestartPolicy::OnFailure,
            RestartPolicy::Never,
        ])
        .unwrap_or_default();
    desired.max_age = random_age(random);
    desired.idling = random_idling(random);
    desired.max_memory = random.pick(&[None, None, Some(300 << 20)]).flatten();
    // A clone draws, so that earlier seeds keep their towns.
    let mut aside = random.clone();
    desired.tokens = TokenLimits {
        max_tokens: aside.pick(&[None, None, Some(500_000)]).flatten(),
        max_context: aside
            .pick(&[
                None,
                None,
                Some(ContextLimit::Tokens(150_000)),
                Some(ContextLimit::Percent(80)),
            ])
            .flatten(),
    };
    let agent = Arc::make_mut(&mut desired.agent);
    agent.probe = vec!["claude".to_owned(), "auth".to_owned()];
    if random.chance(200) {
        "kimi".clone_into(&mut agent.name);
    }
    desired.on_drift = random
        .pick(&[
            OnDrift::RestartWhenIdle,
            OnDrift::RestartWhenIdle,
            OnDrift::Restart,
            OnDrift::Report,
        ])
        .unwrap_or_default();
    if random.chance(150) {
        desired.when_attached = WhenAttached::Proceed;
    }
    if random.chance(300) {
        Arc::make_mut(&mut desired.agent).quit = vec!["C-d".to_owned()];
    }
    desired.prune = random.chance(300);
    if random.chance(300) {
        desired.handoff = NudgeText::new("You are about to be restarted: write your handoff.").ok();
    }
    if random.chance(300) {
        desired.completion.markers = vec![Marker::Text("DONE".to_owned())];
        desired.completion.grace = random
            .pick(&[5, 60, 300])
            .map_or(Period::ZERO, Period::from_secs);
    }
    // Draws from a clone change no later draw of the seed.
    let mut aside = random.clone();
    if aside.chance(500) {
        desired.on_upgrade = OnUpgrade::RestartWhenIdle;
    }
    if aside.chance(150) {
        desired.ready = aside.pick(&[1, 5, 60]).map(|seconds| ReadyProbe {
            question: ReadyQuestion::Port(8080),
            every: Period::from_secs(seconds),
        });
    }
    if aside.chance(100) {
        desired.enabled = false;
    }
    if aside.chance(200) {
        desired.schedule = random_schedule(&mut aside);
    }
    if aside.chance(300) {
        desired.completion.turn_ended = aside.pick(&[5, 60, 300]).map(Period::from_secs);
    }
    if index > 0 && random.chance(200) {
        let first = random.between(1, index);
        // These draws come from a clone, so that they change no later draw of the seed.
        let mut aside = random.clone();
        let second = aside.chance(400).then(|| aside.between(1, index));
        for nth in [first].into_iter().chain(second) {
            let wait = nth_name(nth).map(|name| (name, random_wait(&mut aside)));
            desired.after.extend(wait);
        }
    }
    Some(desired)
}

/// Hours of the day, or of some days of the week.
fn random_schedule(random: &mut Random) -> Option<Schedule> {
    let texts = [
        "08:00-18:00",
        "22:00-06:00",
        "Mon-Fri 08:00-12:00, 13:00-18:00",
        "00:00-00:30, 01:00-01:30, 02:00-12:00, 12:10-24:00",
    ];
    let hours = random.pick(&texts)?.parse().ok()?;
    let zone = Zone::default();
    Some(Schedule { hours, zone })
}

fn random_wait(random: &mut Random) -> Awaited {
    let milestones = [
        Milestone::Started,
        Milestone::Ready,
        Milestone::Ready,
        Milestone::Completed,
    ];
    let milestone = random.pick(&milestones).unwrap_or(Milestone::Ready);
    let within = random
        .pick(&[None, None, Some(3), Some(120), Some(3600)])
        .flatten()
        .map(Period::from_secs);
    Awaited { milestone, within }
}

/// Changes every `after` to what a manifest allows: no unknown session, no later wave, and no
/// service that must complete.
fn allow_order(sessions: &mut SortedMap<SessionName, Desired>) {
    let waves_and_tasks: SortedMap<SessionName, (u32, bool)> = sessions
        .iter()
        .map(|(name, desired)| (name.clone(), (desired.wave, desired.is_task())))
        .collect();
    for desired in sessions.values_mut() {
        let wave = desired.wave;
        desired.after.retain(|name, awaited| {
            let Some((other_wave, is_task)) = waves_and_tasks.get(name) else {
                return false;
            };
            if !is_task && awaited.milestone == Milestone::Completed {
                awaited.milestone = Milestone::Ready;
            }
            *other_wave <= wave
        });
    }
}

fn random_age(random: &mut Random) -> Option<Period> {
    random
        .pick(&[None, Some(10), Some(40), Some(90), Some(600)])
        .flatten()
        .map(Period::from_mins)
}

fn random_idling(random: &mut Random) -> Idling {
    let idle_limit = random
        .pick(&[None, None, Some(5), Some(30), Some(200)])
        .flatten()
        .map(Period::from_mins);
    let on_idle = random
        .pick(&[OnIdle::Report, OnIdle::Restart, OnIdle::Nudge])
        .unwrap_or_default();
    let stuck_after = random
        .pick(&[None, None, Some(10), Some(60)])
        .flatten()
        .map(Period::from_mins);
    let on_limit_end = if stuck_after.is_some() {
        OnLimitEnd::Nudge
    } else {
        OnLimitEnd::Nothing
    };
    let limit_nudge = NudgeText::after_limit();
    Idling {
        idle_limit,
        nudge: NudgeText::default(),
        on_idle,
        on_limit_end,
        limit_nudge,
        stuck_after,
    }
}

/// Edits the manifest once: a session comes or goes, a name, a command, a limit or the policies
/// change, or all sessions go.
pub fn edit_town(town: &mut Town, random: &mut Random) {
    // These draws come from a clone, so that they change no later draw of the seed.
    let mut aside = random.clone();
    if aside.chance(150) {
        rename_session(town, &mut aside);
    }
    if aside.chance(150) {
        let names: Vec<&SessionName> = town.sessions.keys().collect();
        let chosen = aside.pick(&names).cloned();
        if let Some(desired) = chosen.and_then(|name| town.sessions.get_mut(&name)) {
            desired.enabled = !desired.enabled;
        }
    }
    edit_session(town, random);
    allow_order(&mut town.sessions);
    allow_former_names(&mut town.sessions);
}

/// Gives a session another name. The names up to `gt-x-16` may be taken.
pub fn rename_session(town: &mut Town, random: &mut Random) {
    let names: Vec<SessionName> = town.sessions.keys().cloned().collect();
    let Some(name) = random.pick(&names.iter().collect::<Vec<_>>()) else {
        return;
    };
    let free = nth_name(random.between(1, 16)).filter(|new| !town.sessions.contains_key(new));
    let Some((new, mut desired)) = free.zip(town.sessions.remove(name)) else {
        return;
    };
    desired.name = new.clone();
    desired.moved.insert(name.clone());
    for other in town.sessions.values_mut() {
        let awaited = other.after.remove(name);
        other
            .after
            .extend(awaited.map(|awaited| (new.clone(), awaited)));
    }
    town.sessions.insert(new, desired);
}

/// Changes every `moved` to what a manifest allows: no declared name, and no name twice.
fn allow_former_names(sessions: &mut SortedMap<SessionName, Desired>) {
    let mut taken: SortedSet<SessionName> = sessions.keys().cloned().collect();
    for desired in sessions.values_mut() {
        desired.moved.retain(|former| taken.insert(former.clone()));
    }
}

fn edit_session(town: &mut Town, random: &mut Random) {
    let names: Vec<SessionName> = town.sessions.keys().cloned().collect();
    let count = u64::try_from(names.len()).unwrap_or(0);
    let index = usize::try_from(random.below(count)).unwrap_or(0);
    let chosen = names.get(index);
    match random.below(22) {
        0 => town.sessions.clear(),
        20 | 21 => town.policies = random_policies(random),
        1..=5 => {
            let nth = random.below(12);
            town.sessions
                .extend(random_session(random, nth).map(|desired| (desired.name.clone(), desired)));
        }
        6..=8 => {
            chosen.and_then(|name| town.sessions.remove(name));
        }
        9..=15 => {
            if let Some(desired) = chosen.and_then(|name| town.sessions.get_mut(name)) {
                desired.command = vec!["claude".to_owned(), random.below(3).to_string()];
            }
        }
        _ => {
            if let Some(desired) = chosen.and_then(|name| town.sessions.get_mut(name)) {
                desired.max_age = random_age(random);
            }
        }
    }
}
